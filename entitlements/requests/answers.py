"""Correct an answer before a request is decided."""

from typing import Any

from django.db import transaction

from entitlements import clock
from entitlements.decisions import Denied, collect, deny
from entitlements.directory.models import User
from entitlements.policies.answers import given_again, kept, speaks_against
from entitlements.policies.question_terms import QuestionTerms, from_frozen
from entitlements.requests import flow, permissions
from entitlements.requests.models import AccessRequest, StepState


@transaction.atomic(durable=True)
def correct(
    access_request: AccessRequest, question_key: str, value: Any, *, by: User
) -> AccessRequest:
    """Put another answer in the place of one that the policy lets approvers correct.

    Only whoever can decide the waiting stage may; whoever asked reads it in the request's story.
    """
    access_request = flow.locked(access_request)
    step = access_request.steps.filter(state=StepState.WAITING).first()
    permissions.can_decide(by, access_request, step).require()
    if step and step.due_at and step.due_at <= clock.now():
        deny(
            "lapsed", "The deadline has passed; the request lapses.", "It can be asked for again."
        ).require()
    question = _question(access_request, question_key)
    collect(speaks_against([question], {question_key: value})).require()
    before = _shown(access_request, question_key)
    _replace(access_request, question_key, value)
    after = _shown(access_request, question_key)
    if after != before:
        access_request.save(update_fields=["answers"])
        flow.record(
            access_request,
            "request.answer_corrected",
            by=by,
            question=question.text,
            old=before,
            new=after,
        )
    return access_request


def _question(access_request: AccessRequest, key: str) -> QuestionTerms:
    """Return a question that was asked and may be corrected, or raise Denied."""
    asked = from_frozen(access_request.terms.get("questions", []))
    found = next((question for question in asked if str(question.key) == key), None)
    if found is None:
        raise Denied(
            deny(
                "question_unknown",
                "This question was not asked.",
                "Answer the questions that were asked.",
            )
        )
    if not found.is_editable:
        deny(
            "answer_not_editable",
            f"The answer to “{found.text}” stays as it was given.",
            "The request can be denied, and made again with another answer.",
        ).require()
    return found


def _shown(access_request: AccessRequest, key: str) -> str:
    found = (answer["shown"] for answer in access_request.answers if answer["question"] == key)
    return next(found, "")


def _replace(access_request: AccessRequest, key: str, value: Any) -> None:
    """Set the answers anew, all in the order of their questions."""
    asked = from_frozen(access_request.terms["questions"])
    given = {**given_again(access_request.answers, asked), key: value}
    access_request.answers = kept(asked, given)
