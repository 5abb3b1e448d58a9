"""Where whoever made a request answers what approvers ask."""

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from entitlements.decisions import Denied
from entitlements.requests import dialogue
from entitlements.requests.dialogue import Inquiry
from entitlements.requests.models import AccessRequest
from portal import errors
from portal.forms import refuse
from portal.http import PortalRequest
from portal.requests.forms import AnswerForm
from portal.requests.story import Story

PLACES: Final = {
    "answer_missing": "answer",
    "answer_too_long": "answer",
    "answer_unreadable": "answer",
}

RELATED: Final = (
    "access_request__package__catalog",
    "access_request__policy",
    "access_request__requestor",
    "access_request__target",
    "access_request__assignment__package",
)


@require_POST
def answer(request: PortalRequest, inquiry_id: UUID) -> HttpResponse:
    """Give the answer to one question; whoever asked is told."""
    seen = AccessRequest.objects.visible_to(request.user)
    found = Inquiry.objects.filter(access_request__in=seen)
    inquiry = get_object_or_404(found.select_related(*RELATED), pk=inquiry_id)
    address = reverse("requests:detail", args=[inquiry.access_request_id])
    form = AnswerForm(request.POST)
    if form.is_valid():
        try:
            dialogue.answer(inquiry, form.cleaned_data["answer"], by=request.user)
        except Denied as denied:
            if not denied.codes <= set(PLACES):
                return errors.conflict(request, now=str(denied), address=address)
            refuse(form, denied, PLACES)
        else:
            messages.success(request, "Your answer was sent.")
            return redirect(address)
    story = Story(inquiry.access_request, request.user)
    context = {"story": story, "form": form, "answered": inquiry.pk}
    return render(request, "requests/detail.html", context, status=422)
