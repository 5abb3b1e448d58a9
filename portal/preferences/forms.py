from zoneinfo import available_timezones

from django import forms
from django.conf import settings

from entitlements.directory.preferences import MailPreference, Theme


def zones() -> list[tuple[str, str]]:
    """Return the organization's zone first, then all others by name."""
    ours = settings.ORGANIZATION_TIME_ZONE
    names = sorted(name for name in available_timezones() if "/" in name and name[:1].isupper())
    places = [name for name in names if not name.startswith(("Etc/", "SystemV/", "US/"))]
    return [
        ("", f"Like the organization ({ours})"),
        ("UTC", "UTC"),
        *zip(places, places, strict=True),
    ]


class AppearanceForm(forms.Form):
    """Light, dark, or as the device says."""

    theme = forms.ChoiceField(choices=Theme.choices, widget=forms.RadioSelect, label="Colors")


class TimeForm(forms.Form):
    """Where the reader's clock is, and which language the pages speak."""

    time_zone = forms.ChoiceField(choices=zones, required=False, label="Time zone")
    language = forms.ChoiceField(choices=[("en", "English")], label="Language")


class MailForm(forms.Form):
    """How often mail comes that asks for nothing."""

    mail_preference = forms.ChoiceField(
        choices=MailPreference.choices,
        widget=forms.RadioSelect,
        label="How often",
        help_text="Mail that asks you to act always comes at once.",
    )


FORMS: dict[str, type[forms.Form]] = {
    "appearance": AppearanceForm,
    "time": TimeForm,
    "mail": MailForm,
}
