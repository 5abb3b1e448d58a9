"""From the rows chosen in a list to the page that asks about them."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from entitlements.decisions import Denied
from entitlements.delivery import acting
from entitlements.delivery.acts import ActKind
from portal.admin.listing import in_words
from portal.http import PortalRequest
from portal.manage.acts import WORDS


def to_confirm(
    model_admin: ModelAdmin[Any], request: HttpRequest, kind: ActKind, chosen: QuerySet[Any]
) -> HttpResponse:
    """Go on to the page that says what will happen.

    The ids of a few rows stand in its address; those of many are fixed in a plan.
    """
    keys = list(chosen.values_list("pk", flat=True)[: acting.MOST_ROWS + 1])
    if len(keys) <= acting.AT_ONCE:
        named = urlencode([("id", str(key)) for key in keys])
        return redirect(f"{reverse(WORDS[kind].route)}?{named}")
    is_all = request.POST.get("select_across") == "1"
    source = _filters(model_admin, request) if is_all else f"{len(keys)} chosen in the list"
    try:
        viewer = cast(PortalRequest, request).user
        act = acting.plan(kind, keys, by=viewer, source=source)
    except Denied as denied:
        messages.error(request, str(denied))
        return redirect(request.get_full_path())
    return redirect("manage:act", act.pk)


def _filters(model_admin: ModelAdmin[Any], request: HttpRequest) -> str:
    """Say by which filters and which search all rows were chosen."""
    words = in_words(model_admin.get_changelist_instance(request))
    return "all in the list" if words == "none" else f"all that fit {words}"
