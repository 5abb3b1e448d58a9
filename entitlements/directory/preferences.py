"""How somebody likes to be shown things, and how often to be mailed."""

from typing import Any, Final
from zoneinfo import available_timezones

from django.db import models, transaction

from entitlements.audit import trail
from entitlements.decisions import Reason, collect, deny
from entitlements.directory.models import User


class Theme(models.TextChoices):
    SYSTEM = "system", "Like my device"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class MailPreference(models.TextChoices):
    IMMEDIATELY = "immediately", "At once"
    DAILY = "daily", "Once a day"
    WEEKLY = "weekly", "Once a week"


PREFERENCES: Final = frozenset({"theme", "time_zone", "language", "mail_preference"})


@transaction.atomic(durable=True)
def choose(person: User, *, by: User, **choices: str) -> User:
    """Change some of one's own preferences; raise Denied for anybody else's or unknown values."""
    person = User.objects.select_for_update().get(pk=person.pk)
    if by.pk != person.pk:
        deny(
            "not_yours", "Only the person concerned can change these settings.", "Ask that person."
        ).require()
    collect(_known(name, value) for name, value in choices.items()).require()
    changed: dict[str, Any] = {
        name: value for name, value in choices.items() if getattr(person, name) != value
    }
    if changed:
        for name, value in changed.items():
            setattr(person, name, value)
        person.save(update_fields=list(changed))
        trail.record("user.preferences_changed", person, by=by, changes=changed)
    return person


def _known(name: str, value: str) -> Reason | None:
    values = {
        "theme": set(Theme.values),
        "mail_preference": set(MailPreference.values),
        "language": {"en"},
        "time_zone": available_timezones() | {""},
    }
    if value in values.get(name, set()):
        return None
    return Reason(
        "unknown_choice", f"There is no such choice: {value[:100]}.", "Choose one of those listed."
    )
