"""Questions of a policy: kept, changed and frozen with it."""

from dataclasses import replace

import pytest
from django.db import IntegrityError

from entitlements.audit.models import AuditEvent
from entitlements.decisions import Denied
from entitlements.models import AssignmentPolicy, Question
from entitlements.policies.freezing import frozen_terms
from entitlements.policies.operations import change_policy, create_policy, terms_of
from entitlements.policies.question_terms import ChoiceTerms, QuestionTerms, from_frozen
from entitlements.policies.terms import PolicyTerms
from tests.factories import AccessPackageFactory

pytestmark = pytest.mark.django_db

WHY = QuestionTerms("short_text", " Which project? ", localizations={"de": "Welches Projekt?"})
REGION = QuestionTerms("choice", "Which region?", choices=(ChoiceTerms("North", {"de": "Nord"}),))


@pytest.fixture
def package(db):
    return AccessPackageFactory()


@pytest.fixture
def olga(gita, package, appoint):
    return appoint(gita, package.catalog)


@pytest.fixture
def policy(package, olga):
    terms = PolicyTerms("Employees", scope="all_members", questions=(WHY, REGION))
    return create_policy(package, terms, by=olga)


def fresh(policy):
    return AssignmentPolicy.objects.get(pk=policy.pk)


def test_questions_are_kept_in_their_order_each_with_a_key(policy):
    first, second = terms_of(policy).questions

    assert (first.text, first.localizations) == ("Which project?", {"de": "Welches Projekt?"})
    assert second == replace(REGION, key=second.key)
    assert first.key
    assert first.key != second.key
    assert str(policy.questions.first()) == "Which project?"


def test_a_question_keeps_its_key_when_words_and_order_change(policy, olga):
    terms = terms_of(policy)
    first, second = terms.questions
    reworded = replace(first, text="Which programme?", is_editable=True)

    change_policy(policy, replace(terms, questions=(second, reworded)), by=olga)

    assert [(one.text, one.key) for one in terms_of(fresh(policy)).questions] == [
        ("Which region?", second.key),
        ("Which programme?", first.key),
    ]
    [event] = AuditEvent.objects.filter(action="policy.changed")
    assert list(event.details["changes"]) == ["questions"]


def test_saving_the_same_questions_changes_nothing(policy, olga, actions):
    rows = list(Question.objects.values_list("pk", flat=True))

    change_policy(policy, terms_of(policy), by=olga)

    assert actions() == ["policy.created"]
    assert list(Question.objects.values_list("pk", flat=True)) == rows


def test_a_bad_question_is_refused_by_code_and_nothing_is_saved(policy, olga):
    bad = (QuestionTerms("short_text", "Which?", pattern="("), QuestionTerms("choice", ""))

    with pytest.raises(Denied) as denied:
        change_policy(policy, replace(terms_of(policy), questions=bad), by=olga)

    assert denied.value.codes == {"pattern_unusable", "question_missing", "choices_missing"}
    assert len(terms_of(fresh(policy)).questions) == 2


def test_a_frozen_policy_keeps_the_questions_as_they_read(policy, olga):
    frozen = frozen_terms(policy)

    change_policy(policy, replace(terms_of(policy), questions=()), by=olga)

    assert [question.text for question in from_frozen(frozen["questions"])] == [
        "Which project?",
        "Which region?",
    ]
    assert frozen_terms(fresh(policy))["questions"] == []


def test_one_question_per_position(policy):
    with pytest.raises(IntegrityError, match="position"):
        Question.objects.create(policy=policy, position=1, kind="yes_no", text="Again?")


def test_one_question_per_key(policy):
    key = policy.questions.first().key

    with pytest.raises(IntegrityError, match="key"):
        Question.objects.create(policy=policy, position=9, key=key, kind="yes_no", text="Again?")
