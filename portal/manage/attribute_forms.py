from django import forms

from entitlements.catalog.attributes import LONGEST_QUESTION, WRITABLE


class AttributeForm(forms.Form):
    """Which attribute of people a resource needs, and how they are asked for it."""

    name = forms.ChoiceField(label="Attribute", choices=list(WRITABLE.items()))
    question = forms.CharField(
        max_length=LONGEST_QUESTION,
        help_text="Whoever asks for a package with this resource must answer it.",
    )
    is_editable = forms.BooleanField(
        label="What the profile says may be changed",
        required=False,
        help_text="Off: only people without a value give one; what is there is shown and stays.",
    )
