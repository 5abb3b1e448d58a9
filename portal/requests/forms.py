from django import forms

from portal.forms import WordsField


class CancelForm(forms.Form):
    """Why somebody calls a request off, if he likes to say so."""

    justification = WordsField(label="Why? (optional)", required=False)


class AnswerForm(forms.Form):
    """What whoever made a request tells an approver."""

    answer = WordsField(label="Your answer", required=False)
