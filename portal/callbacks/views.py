"""Answers of other systems: signed messages instead of a session."""

import json
from typing import Any, Final
from uuid import UUID

from allauth.core import ratelimit
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from entitlements import clock
from entitlements.callouts.models import Callout
from entitlements.callouts.signing import ID, is_genuine
from entitlements.decisions import Decision, Denied, deny
from entitlements.requests.callbacks import resume as take_answer

LONGEST_BODY: Final = 16 * 1024
CONFLICTS: Final = {"answered_already", "message_used", "not_waited_for"}


@csrf_exempt
@login_not_required
@require_POST
def resume(request: HttpRequest, callout_id: UUID) -> HttpResponse:
    """Take the signed answer to a call.

    It is JSON with `callout`, and perhaps `state`, `detail`, and `approvalStage`, which says who
    approves.
    """
    if not ratelimit.consume(request, action="resume_callout"):
        return _refusal(deny("too_many", "Too many messages; wait a minute."), 429)
    callout = Callout.objects.select_related("extension").filter(pk=callout_id).first()
    if callout is None:
        return _refusal(deny("unknown_call", "There is no such call."), 404)
    try:
        body = request.body
    except RequestDataTooBig:
        body = b" " * (LONGEST_BODY + 1)
    if len(body) > LONGEST_BODY:
        return _refusal(deny("too_long", f"At most {LONGEST_BODY:,} bytes are read."), 413)
    keys = callout.extension.secrets()
    genuine = is_genuine(request.headers, body, keys, moment=clock.now())
    if not genuine:
        return _refusal(genuine, 401)
    answer = _read(body, callout)
    if isinstance(answer, Decision):
        return _refusal(answer, 400)
    try:
        taken = take_answer(callout, answer_id=request.headers[ID], **answer)
    except Denied as denied:
        return _refusal(denied.decision, 409 if denied.codes & CONFLICTS else 400)
    return JsonResponse({"callout": str(taken.pk), "state": taken.state})


def _read(body: bytes, callout: Callout) -> dict[str, Any] | Decision:
    """Return what an answer says, or why it cannot be read."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        return deny("not_json", "The message must be a JSON object.")
    if message.get("callout") != str(callout.pk):
        return deny("wrong_call", "The message must name, as “callout”, the call it answers.")
    detail, state = message.get("detail") or "", message.get("state")
    if not isinstance(detail, str):
        return deny("detail_unreadable", "The detail must be text.")
    if state not in (None, "", "done", "denied"):
        return deny("unknown_state", "The state can be “done” or “denied”.")
    stage = message.get("approvalStage")
    return {"detail": detail, "denies": state == "denied", "approval_stage": stage}


def _refusal(decision: Decision, status: int) -> JsonResponse:
    errors = [{"code": reason.code, "text": str(reason)} for reason in decision.reasons]
    return JsonResponse({"errors": errors}, status=status)
