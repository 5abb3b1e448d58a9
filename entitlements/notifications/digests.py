"""When somebody reads together what does not ask him to act."""

from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from entitlements.directory.preferences import MailPreference
from entitlements.notifications.messages import message_for
from entitlements.notifications.models import Notification
from entitlements.notifications.rendering import zone_of

MORNING: Final = 7
MONDAY: Final = 0


def digest_at(notification: Notification) -> datetime | None:
    """Return when a notification is mailed together with others (UTC); None for at once.

    It is seven in the morning on its reader's clock: the next one, or Monday's.
    """
    preference = notification.recipient.mail_preference
    if preference == MailPreference.IMMEDIATELY or message_for(notification).asks_to_act:
        return None
    local = timezone.localtime(notification.created_at, zone_of(notification.recipient))
    morning = local.replace(hour=MORNING, minute=0, second=0, microsecond=0)
    if preference == MailPreference.WEEKLY:
        morning += timedelta(days=(MONDAY - morning.weekday()) % 7)
    if morning <= local:
        morning += timedelta(days=7 if preference == MailPreference.WEEKLY else 1)
    return morning
