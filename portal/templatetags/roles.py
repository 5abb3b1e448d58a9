"""What the pages about roles share."""

from typing import Any

from django import template
from django.template.context import RequestContext
from django.urls import reverse

from portal.roles.pages import SECTIONS

register = template.Library()


@register.inclusion_tag("components/_tabs.html", takes_context=True)
def role_sections(context: RequestContext) -> dict[str, Any]:
    """Show the ways between the pages about roles; the one where we are is current."""
    here = context["request"].path
    addresses = [reverse(name) for _, name in SECTIONS]
    current = max((one for one in addresses if here.startswith(one)), key=len)
    tabs = [
        {"label": label, "url": url, "is_current": url == current}
        for (label, _), url in zip(SECTIONS, addresses, strict=True)
    ]
    return {"tabs": tabs, "label": "Roles"}
