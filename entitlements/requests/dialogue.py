"""Words between approvers and whoever asked, before the decision; they stay as they were said."""

from typing import Any, Self
from uuid import uuid4

from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import JSONObject

from entitlements import clock
from entitlements.decisions import Decision, Reason, collect, deny
from entitlements.directory.models import User
from entitlements.requests import flow, permissions
from entitlements.requests.models import AccessRequest, ApprovalStep, StepState
from entitlements.requests.states import RequestState

LONGEST_WORDS = 4_000
"""How many characters a question or an answer may have."""


class InquiryQuerySet(models.QuerySet["Inquiry"]):
    def unanswered(self) -> Self:
        return self.filter(answered_at=None)

    def open_to(self, user: User) -> Self:
        """Questions that a person can answer now."""
        return self.unanswered().filter(
            access_request__requestor=user,
            access_request__state=RequestState.PENDING_APPROVAL,
        )

    def as_exchange(self) -> models.QuerySet["Inquiry", Any]:
        """The last one as a value: who asked what, and the answer."""
        exchange = JSONObject(asker="asker__display_name", question="question", answer="answer")
        return self.order_by("-asked_at").values(exchange=exchange)[:1]


class Inquiry(models.Model):
    """What an approver wants to know before he decides, and the answer once it is given."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    access_request = models.ForeignKey(
        AccessRequest, models.CASCADE, related_name="inquiries", editable=False
    )
    step = models.ForeignKey(ApprovalStep, models.CASCADE, related_name="inquiries", editable=False)
    asker = models.ForeignKey(User, models.PROTECT, related_name="+", editable=False)
    question = models.TextField(editable=False)
    asked_at = models.DateTimeField(editable=False)
    answer = models.TextField(blank=True)
    answered_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    answered_at = models.DateTimeField(null=True, blank=True)

    objects = InquiryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "inquiries"
        constraints = [
            models.UniqueConstraint(
                fields=["access_request", "asker"],
                condition=Q(answered_at=None),
                name="one_unanswered_inquiry_per_asker",
            ),
            models.CheckConstraint(
                condition=Q(answered_at=None, answered_by=None, answer="")
                | Q(answered_at__isnull=False, answered_by__isnull=False) & ~Q(answer=""),
                name="answered_inquiry_says_who_and_what",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asker} about {self.access_request}"


@transaction.atomic(durable=True)
def ask(access_request: AccessRequest, question: str, *, by: User) -> Inquiry:
    """Ask whoever made the request something before deciding; the deadline does not stop.

    Raises Denied when `by` is not asked to decide, or waits for an answer already.
    """
    access_request = flow.locked(access_request)
    step = access_request.steps.filter(state=StepState.WAITING).first()
    permissions.can_decide(by, access_request, step).require()
    assert step is not None  # noqa: S101  # can_decide refuses without one
    if step.due_at and step.due_at <= clock.now():
        deny(
            "lapsed", "The deadline has passed; the request lapses.", "It can be asked for again."
        ).require()
    collect(
        (
            _words_fit(question, "question"),
            Reason(
                "asked_already",
                f"{access_request.requestor} has not answered your last question yet.",
                "Wait for the answer.",
            )
            if access_request.inquiries.unanswered().filter(asker=by).exists()
            else None,
        )
    ).require()
    inquiry = Inquiry.objects.create(
        access_request=access_request,
        step=step,
        asker=by,
        question=question.strip(),
        asked_at=clock.now(),
    )
    flow.record(
        access_request, "request.question_asked", by=by, step=step.position, words=inquiry.question
    )
    flow.tell(
        access_request,
        "request.question_asked",
        [access_request.requestor],
        by=str(by) if access_request.terms.get("shows_approvers", True) else "An approver",
        words=inquiry.question,
        due_at=step.due_at,
    )
    return inquiry


@transaction.atomic(durable=True)
def answer(inquiry: Inquiry, words: str, *, by: User) -> Inquiry:
    """Answer what an approver asked; once, and only while the request waits for approval."""
    access_request = flow.locked(inquiry.access_request)
    inquiry = access_request.inquiries.select_related("asker").get(pk=inquiry.pk)
    can_answer(by, access_request, inquiry).require()
    collect((_words_fit(words, "answer"),)).require()
    inquiry.answer = words.strip()
    inquiry.answered_by = by
    inquiry.answered_at = clock.now()
    inquiry.save(update_fields=["answer", "answered_by", "answered_at"])
    flow.record(
        access_request,
        "request.question_answered",
        by=by,
        question=inquiry.question,
        words=inquiry.answer,
    )
    flow.tell(
        access_request,
        "request.question_answered",
        [inquiry.asker],
        by=str(by),
        question=inquiry.question,
        words=inquiry.answer,
    )
    return inquiry


def can_answer(user: User, access_request: AccessRequest, inquiry: Inquiry) -> Decision:
    """Only whoever made the request, once, and while it waits for approval."""
    return collect(
        (
            None
            if user.is_active and user.pk == access_request.requestor_id
            else Reason(
                "not_requestor", "Only whoever asked for the access can answer.", "Ask that person."
            ),
            Reason(
                "answered_already", "This question is answered already.", "Nothing is to be done."
            )
            if inquiry.answered_at
            else None,
            None
            if access_request.state == RequestState.PENDING_APPROVAL
            else Reason(
                "not_waiting",
                "The request does not wait for a decision any more.",
                "Nothing is left to decide.",
            ),
        )
    )


def _words_fit(words: str, name: str) -> Reason | None:
    if len(words) > LONGEST_WORDS:
        return Reason(
            f"{name}_too_long",
            f"The {name} has {len(words):,} characters; at most {LONGEST_WORDS:,} are kept.",
            "Shorten it.",
        )
    if "\x00" in words:
        return Reason(f"{name}_unreadable", f"The {name} contains a null character.", "Remove it.")
    if not words.strip():
        return Reason(f"{name}_missing", f"The {name} is empty.", "Write it.")
    return None
