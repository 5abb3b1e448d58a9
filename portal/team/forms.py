from django import forms

from portal.forms import WordsField


class EndForm(forms.Form):
    """Why somebody's access ends; he reads it."""

    justification = WordsField(label="Why?", help_text="It is kept with the request.")
