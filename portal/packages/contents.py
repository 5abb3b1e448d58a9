"""Who reads what is in a package before he has it, as the organization decides."""

from django.conf import settings

from entitlements.directory.models import User


def shows_contents(viewer: User) -> bool:
    """Say whether a person reads the resources and roles of packages that he could ask for."""
    shown_to = settings.RESOURCES_SHOWN_TO
    return shown_to == "everyone" or (shown_to == "members" and not viewer.is_guest)
