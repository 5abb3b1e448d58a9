"""Attributes of people as questions of a request: asked, prefilled, or fixed."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from entitlements.assignments import attributes
from entitlements.assignments.models import Assignment
from entitlements.catalog.attributes import ResourceAttribute, attributes_of
from entitlements.directory.models import User
from entitlements.policies.answers import LONGEST_LINE, Given
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.question_terms import LONG_TEXT, SHORT_TEXT, QuestionTerms
from entitlements.policies.questions import terms_of_questions
from entitlements.requests.models import AccessRequest


class Asking(NamedTuple):
    """What is asked of everybody under a policy: its questions, and what its resources need."""

    questions: tuple[QuestionTerms, ...]
    needed: Sequence[ResourceAttribute]


def asking_of(policy: AssignmentPolicy) -> Asking:
    """Return what is asked under a policy, by two queries."""
    return Asking(terms_of_questions(policy), attributes_of(policy.package_id))


def questions_about(
    needed: Sequence[ResourceAttribute], target: User | None
) -> tuple[QuestionTerms, ...]:
    """Return what is asked about somebody's attributes; an answer is always needed."""
    return tuple(_question(attribute, target) for attribute in needed)


def with_profile(needed: Sequence[ResourceAttribute], target: User, given: Given | None) -> Given:
    """Return the answers with what the profile says, where nothing else was, or may be, said."""
    answers = dict(given or {})
    for attribute in needed:
        key, present = str(attribute.pk), getattr(target, attribute.name)
        if present and (not attribute.is_editable or answers.get(key) is None):
            answers[key] = present
    return answers


def is_fixed(attribute: ResourceAttribute, target: User | None) -> bool:
    """Say whether what the profile says stays as it is."""
    return bool(target and getattr(target, attribute.name)) and not attribute.is_editable


def names_by_key(needed: Sequence[ResourceAttribute]) -> dict[str, str]:
    """Return what a request keeps: which answer belongs to which attribute."""
    return {str(attribute.pk): attribute.name for attribute in needed}


def write_attributes(access_request: AccessRequest, assignment: Assignment) -> None:
    """Within the caller's transaction: write what a request collected to the holder."""
    attributes.write(assignment, _collected(access_request))


def rewrite_attributes(access_request: AccessRequest, assignment: Assignment) -> None:
    """Within the caller's transaction: write what a request corrected to the holder."""
    attributes.rewrite(assignment, _collected(access_request))


def _collected(access_request: AccessRequest) -> dict[str, str]:
    names: Mapping[str, str] = access_request.terms.get("attributes", {})
    answers: list[dict[str, Any]] = access_request.answers
    return {names[one["question"]]: one["value"] for one in answers if one["question"] in names}


def _question(attribute: ResourceAttribute, target: User | None) -> QuestionTerms:
    longest = getattr(User._meta.get_field(attribute.name), "max_length", LONGEST_LINE)
    present = getattr(target, attribute.name) if target else ""
    return QuestionTerms(
        LONG_TEXT if len(present) > LONGEST_LINE else SHORT_TEXT,
        attribute.question,
        key=attribute.pk,
        is_required=True,
        pattern=f".{{0,{longest}}}" if longest < LONGEST_LINE else "",
    )
