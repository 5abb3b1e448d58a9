from django import forms

from portal.forms import WordsField


class CancelForm(forms.Form):
    """Why somebody calls a request off, if he likes to say so."""

    justification = WordsField(label="Why? (optional)", required=False)
