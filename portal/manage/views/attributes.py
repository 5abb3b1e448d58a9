from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from entitlements.catalog.attributes import ask_for_attribute, stop_asking
from entitlements.catalog.permissions import can_ask_for_attributes
from entitlements.decisions import Denied
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.attribute_forms import AttributeForm
from portal.manage.doors import form_page, resource_for, to_resource

FORM = ["GET", "HEAD", "POST"]
PLACES = {
    "name_missing": "question",
    "name_too_long": "question",
    "name_unreadable": "question",
    "unknown_attribute": "name",
}


@require_http_methods(FORM)
def add(request: PortalRequest, resource_id: UUID) -> HttpResponse:
    """Let a resource need one more attribute of its people."""
    resource = resource_for(request, resource_id)
    can_ask_for_attributes(request.user, resource).require()
    form = AttributeForm(request.POST or None)
    if form.is_valid():
        try:
            attribute = ask_for_attribute(resource, by=request.user, **form.cleaned_data)
        except Denied as denied:
            refuse(form, denied, PLACES)
        else:
            messages.success(request, f"{attribute.get_name_display()} is asked for from now on.")
            return redirect("manage:resource", resource.pk)
    return form_page(
        request,
        form,
        title=f"Ask for an attribute with {resource}",
        button="Ask for it",
        crumbs=to_resource(resource),
        lead="The answer is written to the person when access begins, and taken back with it.",
    )


@require_http_methods(FORM)
def remove(request: PortalRequest, resource_id: UUID, attribute_id: UUID) -> HttpResponse:
    """Ask, and need an attribute no more."""
    resource = resource_for(request, resource_id)
    can_ask_for_attributes(request.user, resource).require()
    attribute = get_object_or_404(resource.attributes, pk=attribute_id)
    if request.method == "POST":
        stop_asking(attribute, by=request.user)
        messages.success(request, f"{attribute.get_name_display()} is not asked for any more.")
        return redirect("manage:resource", resource.pk)
    context = {
        "heading": f"Stop asking for {attribute.get_name_display()}?",
        "effect": "What was written to people stays until the access ends that wrote it.",
        "button": "Stop asking",
        "keep": "Keep asking",
        "back": reverse("manage:resource", args=[resource.pk]),
    }
    return render(request, "manage/confirm.html", context)
