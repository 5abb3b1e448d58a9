"""Tags for lists and pages of requests."""

from django import template

from entitlements.directory.models import User
from entitlements.requests.models import AccessRequest
from portal import wording

register = template.Library()


@register.filter
def heading(access_request: AccessRequest, viewer: User) -> str:
    """Return what a request is about, and for whom if not for its viewer."""
    return wording.heading(access_request, viewer)
