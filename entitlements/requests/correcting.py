"""Correct the answers of access that somebody has, as its holder or as a manager of assignments."""

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Q

from entitlements.assignments.models import Assignment
from entitlements.decisions import Decision
from entitlements.directory.models import User
from entitlements.locks import take_turns
from entitlements.policies import corrections
from entitlements.policies.answers import Given, given_again, kept
from entitlements.policies.corrections import Correction
from entitlements.requests import flow, making, permissions
from entitlements.requests.attributes import asking_of, questions_about, with_profile
from entitlements.requests.models import AccessRequest
from entitlements.requests.states import ADDS, RequestKind, RequestState


@transaction.atomic(durable=True)
def correct_own(
    assignment: Assignment, answers: Given, *, by: User, justification: str = ""
) -> AccessRequest:
    """Ask to correct answers of access that one holds, by the keys of the questions.

    What is not given stays. Where the policy says that extensions are approved, so is this; else
    it takes effect at once. Raises Denied with every reason that speaks against it.
    """
    take_turns(assignment.target_id, assignment.package_id)
    assignment = _locked(assignment)
    permissions.can_change_own(by, assignment).require()
    return _correct(assignment, answers, by, justification, RequestKind.USER_UPDATE)


@transaction.atomic(durable=True)
def correct_for(
    assignment: Assignment, answers: Given, *, by: User, justification: str = ""
) -> AccessRequest:
    """Correct answers of somebody's access, as a manager of assignments in its catalog.

    He does it also where holders cannot; the policy's approvers are asked as for an extension.
    """
    take_turns(assignment.target_id, assignment.package_id)
    assignment = _locked(assignment)
    permissions.can_correct_for(by, assignment).require()
    return _correct(assignment, answers, by, justification, RequestKind.ADMIN_UPDATE)


def correction(
    assignment: Assignment,
    answers: Given,
    *,
    is_by_manager: bool = False,
    justification: str = "",
) -> Correction:
    """Return the facts about a correction, for `corrections.can_correct`.

    The questions are those of the policy now. Answers about attributes are what the profile says,
    and where it may not be changed it speaks in any case.
    """
    policy, target = assignment.policy, assignment.target
    asking = asking_of(policy)
    about_person = (
        replace(question, is_editable=True) for question in questions_about(asking.needed, target)
    )
    questions = (*asking.questions, *about_person)
    earlier = given_again(answers_of(assignment), asking.questions)
    before = with_profile(asking.needed, target, earlier)
    mine = AccessRequest.objects.open().filter(target=target, package=assignment.package_id)
    return Correction(
        package=str(assignment.package),
        allows_correction=policy.allows_correction,
        is_by_manager=is_by_manager,
        is_policy_enabled=policy.is_enabled,
        has_open_request=mine.exists(),
        justification=justification,
        questions=questions,
        before=kept(questions, before),
        given=with_profile(asking.needed, target, {**earlier, **answers}),
    )


def may_correct(assignment: Assignment, *, is_by_manager: bool = False) -> Decision:
    """Say whether answers may be corrected, whatever somebody is still to write."""
    decision = corrections.can_correct(correction(assignment, {}, is_by_manager=is_by_manager))
    rules = ("correction_not_allowed", "nothing_to_correct", "already_requested")
    return Decision(tuple(reason for reason in decision.reasons if reason.code in rules))


def answers_of(assignment: Assignment) -> list[dict[str, Any]]:
    """Return the answers that count for access now: those given with it, or corrected last."""
    corrected = Q(terms__corrects=True, state=RequestState.DELIVERED)
    told = assignment.requests.filter(corrected | Q(kind__in=ADDS))
    last = told.order_by("-created_at", "-pk").first()
    return list(last.answers) if last else []


def _correct(
    assignment: Assignment, answers: Given, by: User, justification: str, kind: RequestKind
) -> AccessRequest:
    is_by_manager = kind == RequestKind.ADMIN_UPDATE
    facts = correction(
        assignment, answers, is_by_manager=is_by_manager, justification=justification
    )
    corrections.can_correct(facts).require()
    before = list(facts.before)
    access_request = making.create(
        kind,
        assignment.policy,
        by,
        assignment.target,
        justification=justification,
        answers=facts.given,
        assignment=assignment,
        answered_before=[dict(answer) for answer in before],
    )
    flow.record(
        access_request,
        "request.correction_given" if is_by_manager else "request.correction_asked",
        by=by,
        justification=justification,
        changes=corrections.changes_between(before, access_request.answers),
    )
    flow.take_in(access_request, by=by)
    return access_request


def _locked(assignment: Assignment) -> Assignment:
    return (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("package__catalog", "policy", "target")
        .get(pk=assignment.pk)
    )
