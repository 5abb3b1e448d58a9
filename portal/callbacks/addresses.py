from uuid import UUID

from django.conf import settings
from django.urls import reverse


def resume_link(callout_id: UUID) -> str:
    """Return the full address at which the answer to a call is taken."""
    return f"{settings.PORTAL_URL}{reverse('callbacks:resume', args=[callout_id])}"
