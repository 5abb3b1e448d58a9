"""What the pages beneath `/manage/` share."""

from typing import Any, Final

from django import template
from django.template.context import RequestContext
from django.urls import reverse

register = template.Library()

SECTIONS: Final = (
    ("Overview", "manage:index"),
    ("Catalogs", "manage:entitlements_catalog_changelist"),
    ("Packages", "manage:entitlements_accesspackage_changelist"),
    ("Policies", "manage:entitlements_assignmentpolicy_changelist"),
    ("Resources", "manage:entitlements_resource_changelist"),
    ("Assignments", "manage:entitlements_assignment_changelist"),
    ("Requests", "manage:entitlements_accessrequest_changelist"),
)


@register.inclusion_tag("components/_tabs.html", takes_context=True)
def manage_sections(context: RequestContext) -> dict[str, Any]:
    """Show the ways into the lists; the one in whose part of the addresses we are is current."""
    here = context["request"].path
    home = reverse(SECTIONS[0][1])
    tabs = []
    for label, name in SECTIONS:
        url = reverse(name)
        is_current = here == home if url == home else here.startswith(url)
        tabs.append({"label": label, "url": url, "is_current": is_current})
    return {"tabs": tabs, "label": "Manage"}
