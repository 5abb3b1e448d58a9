"""The page on which an approver corrects one answer."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from entitlements.decisions import Denied
from entitlements.policies.question_terms import QuestionTerms, from_frozen
from entitlements.requests import answers
from entitlements.requests.models import AccessRequest, StepState
from entitlements.requests.permissions import can_decide
from portal import errors
from portal.deletions import request_for
from portal.forms import refuse
from portal.http import PortalRequest
from portal.languages import wanted_languages
from portal.questions import AnswerField


class CorrectForm(forms.Form):
    """Another answer to one question."""

    def __init__(self, sent: Any, *, question: QuestionTerms, languages: Sequence[str], now: Any):
        super().__init__(sent, initial={"answer": now})
        self.fields["answer"] = AnswerField(question, languages)


@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: PortalRequest, request_id: UUID, key: UUID) -> HttpResponse:
    """Show one answer that may be corrected, and put another in its place."""
    asked = AccessRequest.objects.asked_of(request.user).select_related("package", "target")
    access_request = request_for(request.user, asked, request_id)
    form = _form(request, access_request, key)
    back = reverse("approvals:detail", args=[access_request.pk])
    if not form.is_bound and not _is_open(request, access_request):
        return redirect(back)
    if form.is_valid():
        try:
            value = form.cleaned_data["answer"]
            answers.correct(access_request, str(key), value, by=request.user)
        except Denied as denied:
            if not all(reason.about for reason in denied.decision.reasons):
                return errors.conflict(request, now=str(denied), address=back)
            refuse(form, denied, {str(key): "answer"})
        else:
            messages.success(request, "The answer is corrected.")
            return redirect(back)
    context = {"form": form, "access_request": access_request, "back": back}
    status = 422 if form.errors else 200
    return render(request, "approvals/correct.html", context, status=status)


def _form(request: PortalRequest, access_request: AccessRequest, key: UUID) -> CorrectForm:
    questions = from_frozen(access_request.terms.get("questions", []))
    found = [one for one in questions if one.key == key and one.is_editable]
    if not found:
        raise Http404
    given = [one["value"] for one in access_request.answers if one["question"] == str(key)]
    return CorrectForm(
        request.POST if request.method == "POST" else None,
        question=found[0],
        languages=wanted_languages(request),
        now=given[0] if given else None,
    )


def _is_open(request: PortalRequest, access_request: AccessRequest) -> bool:
    step = access_request.steps.filter(state=StepState.WAITING).first()
    return bool(can_decide(request.user, access_request, step))
