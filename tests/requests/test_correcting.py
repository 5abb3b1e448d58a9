"""Answers of access that somebody has are corrected: by its holder, or by a manager."""

from datetime import timedelta

import pytest

from entitlements import clock, invariants, sweep
from entitlements.catalog.attributes import ResourceAttribute, attributes_of
from entitlements.decisions import Denied
from entitlements.models import AccessRequest, AuditEvent, Callout, User, WrittenAttribute
from entitlements.policies.question_terms import ChoiceTerms, QuestionTerms
from entitlements.policies.questions import terms_of_questions, tidied, write_questions
from entitlements.requests import answers, context, correcting, deciding, operations, reapplying
from entitlements.requests.callbacks import resume
from entitlements.requests.correcting import answers_of, correct_for, correct_own, may_correct
from entitlements.requests.states import RequestKind, RequestState
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CustomExtensionFactory,
    ResourceFactory,
    ResourceRoleFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
PROJECT = QuestionTerms("short_text", "Which project?", pattern="[A-Z]+", is_editable=True)
REGION = QuestionTerms("choice", "Which region?", choices=(ChoiceTerms("North"),))
SEATS = QuestionTerms("number", "How many?", is_required=False, is_editable=True)


@pytest.fixture
def policy():
    """A policy with questions, whose one resource needs a cost center and an office."""
    role = ResourceRoleFactory(resource=ResourceFactory())
    for name, is_editable in (("cost_center", True), ("office", False)):
        ResourceAttribute.objects.create(
            resource=role.resource, name=name, question=f"{name}?", is_editable=is_editable
        )
    package = AccessPackageFactory(name="Reports", roles=[role])
    made = AssignmentPolicyFactory(package=package, allows_correction=True)
    write_questions(made, tidied((PROJECT, REGION, SEATS)))
    return made


@pytest.fixture
def keys(policy):
    asked = {question.text: str(question.key) for question in terms_of_questions(policy)}
    return asked | {one.name: str(one.pk) for one in attributes_of(policy.package_id)}


@pytest.fixture
def give(ada, policy, keys, run_queue):
    """Let somebody hold the package, with answers."""

    def give(person=ada, **more):
        given = {"Which project?": "APOLLO", "Which region?": "North", "office": "B1"}
        given |= {"cost_center": "4711", **more}
        person = User.objects.get(pk=person.pk)
        asked = operations.submit(
            policy, by=person, answers={keys[name]: value for name, value in given.items()}
        )
        run_queue()
        asked.refresh_from_db()
        return asked.assignment

    return give


@pytest.fixture
def held(give):
    return give()


@pytest.fixture
def manager(gita, policy, appoint):
    return appoint(gita, policy.package.catalog, "assignment_manager")


def codes(act):
    with pytest.raises(Denied) as denied:
        act()
    return denied.value.codes


def value(person, name="cost_center"):
    return getattr(User.objects.get(pk=person.pk), name)


def read(assignment):
    return {one["text"]: one["shown"] for one in answers_of(assignment)}


def fresh(access_request):
    return AccessRequest.objects.get(pk=access_request.pk)


def test_a_holder_corrects_an_answer_at_once(ada, held, keys, actions, told):
    before = len(actions())

    made = correct_own(held, {keys["Which project?"]: " GEMINI "}, by=ada, justification="Moved.")

    assert made.kind == RequestKind.USER_UPDATE
    assert (made.state, made.assignment) == (RequestState.DELIVERED, held)
    assert read(held) == {
        "Which project?": "GEMINI",
        "Which region?": "North",
        "cost_center?": "4711",
        "office?": "B1",
    }
    assert actions()[before:] == [
        "request.correction_asked",
        "request.approved_automatically",
        "request.corrected",
    ]
    event = AuditEvent.objects.get(action="request.correction_asked")
    assert event.details["changes"] == [
        {"key": keys["Which project?"], "question": "Which project?", "old": "APOLLO",
         "new": "GEMINI"}
    ]  # fmt: skip
    assert event.details["justification"] == "Moved."
    assert told("access.corrected") == []
    assert [result.sentences for result in invariants.check() if not result.holds] == []


def test_old_and_new_answers_are_read_of_the_request(ada, held, keys):
    made = correct_own(held, {keys["Which project?"]: "GEMINI", keys["How many?"]: "7"}, by=ada)

    told = {one["text"]: (one["was"], one["shown"]) for one in fresh(made).told_answers}
    assert told["Which project?"] == ("APOLLO", "GEMINI")
    assert told["How many?"] == ("", "7")
    assert told["Which region?"] == (None, "North")
    again = correct_own(held, {keys["How many?"]: ""}, by=ada)
    told = {one["text"]: (one["was"], one["shown"]) for one in again.told_answers}
    assert told["How many?"] == ("7", "")


def test_access_itself_stays_as_it_is(ada, held, keys):
    before = (held.starts_at, held.ends_at, held.state)

    correct_own(held, {keys["Which project?"]: "GEMINI"}, by=ada)

    held.refresh_from_db()
    assert (held.starts_at, held.ends_at, held.state) == before


def test_attributes_are_written_anew_and_taken_back_at_the_end(ada, held, keys, actions):
    assert (value(ada), value(ada, "office")) == ("4711", "B1")

    correct_own(held, {keys["cost_center"]: "4712"}, by=ada)

    assert (value(ada), value(ada, "office")) == ("4712", "B1")
    event = AuditEvent.objects.filter(action="user.attribute_written").last()
    assert (event.details["old"], event.details["new"]) == ("4711", "4712")
    assert WrittenAttribute.objects.filter(assignment=held).count() == 2
    operations.give_back(held, by=ada)
    assert (value(ada), value(ada, "office")) == ("", "")


def test_an_attribute_that_is_fixed_stays_whatever_is_sent(ada, held, keys):
    assert codes(lambda: correct_own(held, {keys["office"]: "C3"}, by=ada)) == {"nothing_corrected"}
    assert value(ada, "office") == "B1"


def test_what_somebody_has_changed_since_is_kept_and_comes_back(ada, held, keys):
    User.objects.filter(pk=ada.pk).update(cost_center="9000")

    correct_own(held, {keys["Which project?"]: "GEMINI"}, by=ada)
    assert value(ada) == "9000"
    correct_own(held, {keys["cost_center"]: "4712"}, by=ada)
    assert value(ada) == "4712"
    operations.give_back(held, by=ada)

    assert value(ada) == "9000"


@pytest.fixture
def other(ada, policy, keys, run_queue):
    """Ada holds another package that needs her cost center, and was given it later."""
    role = ResourceRoleFactory(resource=ResourceFactory())
    attribute = ResourceAttribute.objects.create(
        resource=role.resource, name="cost_center", question="Other?", is_editable=True
    )
    second = AssignmentPolicyFactory(
        package=AccessPackageFactory(roles=[role]), allows_correction=True
    )

    def other():
        person = User.objects.get(pk=ada.pk)
        asked = operations.submit(second, by=person, answers={str(attribute.pk): "5000"})
        return asked.assignment

    return other


@pytest.mark.parametrize("first_to_end", [0, 1])
def test_a_corrected_value_joins_the_chain_at_its_end(ada, held, other, keys, first_to_end):
    both = [held, other()]
    assert value(ada) == "5000"

    correct_own(held, {keys["cost_center"]: "4712"}, by=ada)

    assert value(ada) == "4712"
    operations.give_back(both[first_to_end], by=ada)
    assert value(ada) == ["5000", "4712"][first_to_end]
    operations.give_back(both[1 - first_to_end], by=ada)
    assert value(ada) == ""


def test_a_manager_corrects_where_holders_may_not(ada, held, manager, keys, told, actions):
    held.policy.allows_correction = False
    held.policy.save()
    assert codes(lambda: correct_own(held, {keys["Which project?"]: "GEMINI"}, by=ada)) == {
        "correction_not_allowed"
    }

    made = correct_for(held, {keys["Which project?"]: "GEMINI"}, by=manager, justification="Typo")

    assert made.kind == RequestKind.ADMIN_UPDATE
    assert (made.requestor, made.target) == (manager, ada)
    assert made.corrects
    assert not made.extends
    assert read(held)["Which project?"] == "GEMINI"
    assert "request.correction_given" in actions()
    assert told("access.corrected") == ["Ada Lovelace"]


def test_only_managers_of_assignments_correct_for_others(ada, bo, held, manager, keys, appoint):
    def act(by):
        return lambda: correct_for(held, {keys["Which project?"]: "GEMINI"}, by=by)

    assert codes(act(bo)) == {"not_permitted"}
    assert codes(act(appoint(bo, held.package.catalog, "reader"))) == {"not_permitted"}
    assert codes(act(appoint(ada, held.package.catalog))) == {"own_access"}
    assert codes(lambda: correct_own(held, {}, by=manager)) == {"not_holder"}


@pytest.mark.parametrize("act", [correct_own, correct_for])
def test_access_that_has_ended_is_not_corrected(ada, held, manager, keys, act):
    operations.give_back(held, by=ada)
    by = ada if act is correct_own else manager

    assert codes(lambda: act(held, {keys["Which project?"]: "GEMINI"}, by=by)) == {"access_ended"}


REFUSALS = [
    ({}, {"nothing_corrected"}),
    ({"Which project?": "APOLLO"}, {"nothing_corrected"}),
    ({"Which project?": "gemini"}, {"answer_unmatched"}),
    ({"Which project?": ""}, {"answer_missing"}),
    ({"Which region?": "South"}, {"answer_not_offered", "answer_not_editable"}),
    ({"Which region?": ""}, {"answer_missing", "answer_not_editable"}),
    ({"cost_center": "x" * 101}, {"answer_unmatched"}),
    ({"unknown": "x"}, {"question_unknown"}),
]


@pytest.mark.parametrize(("given", "expected"), REFUSALS)
def test_what_cannot_be_corrected_is_refused_with_every_reason(
    ada, held, keys, given, expected, actions
):
    before = actions()
    given = {keys.get(name, name): text for name, text in given.items()}

    assert codes(lambda: correct_own(held, given, by=ada)) == expected
    assert actions() == before


def test_words_must_be_readable(ada, held, keys):
    assert codes(
        lambda: correct_own(held, {keys["Which project?"]: "X"}, by=ada, justification="\x00")
    ) == {"justification_unreadable"}


@pytest.mark.parametrize("terms", [{"is_enabled": False}, {"allows_correction": False}])
def test_the_policy_as_it_is_now_must_allow_it(ada, held, keys, terms):
    for name, setting in terms.items():
        setattr(held.policy, name, setting)
    held.policy.save()

    assert codes(lambda: correct_own(held, {keys["Which project?"]: "GEMINI"}, by=ada)) == {
        "correction_not_allowed"
    }
    assert may_correct(held).codes == {"correction_not_allowed"}


def test_where_nothing_is_asked_there_is_nothing_to_correct(ada, run_queue):
    policy = AssignmentPolicyFactory(allows_correction=True)
    asked = operations.submit(policy, by=ada)

    assert codes(lambda: correct_own(asked.assignment, {}, by=ada)) == {"nothing_to_correct"}
    assert answers_of(asked.assignment) == []


def test_where_no_attribute_is_needed_only_answers_change(ada, run_queue):
    policy = AssignmentPolicyFactory(allows_correction=True)
    write_questions(policy, tidied((PROJECT,)))
    key = str(policy.questions.get().key)
    asked = operations.submit(policy, by=ada, answers={key: "APOLLO"})

    correct_own(asked.assignment, {key: "GEMINI"}, by=ada)

    assert read(asked.assignment) == {"Which project?": "GEMINI"}
    assert not WrittenAttribute.objects.exists()


def test_one_request_about_access_at_a_time(ada, held, keys, bo):
    held.policy.extension_requires_approval = True
    held.policy.save()
    ApprovalStageFactory(policy=held.policy, position=1, approvers=[bo])
    correct_own(held, {keys["Which project?"]: "GEMINI"}, by=ada)

    assert codes(lambda: correct_own(held, {keys["Which project?"]: "MERCURY"}, by=ada)) == {
        "already_requested"
    }
    assert may_correct(held).codes == {"already_requested"}
    assert codes(lambda: operations.extend(held, by=ada)) == {"already_requested"}


def test_what_is_asked_newly_is_answered_with_the_correction(ada, held, keys, policy):
    """Only what was answered stays as it was given; a new question has no answer yet."""
    fixed = QuestionTerms("short_text", "Which team?")
    write_questions(policy, tidied((*terms_of_questions(policy), fixed)))
    new = str(terms_of_questions(policy)[-1].key)
    project = {keys["Which project?"]: "GEMINI"}

    assert codes(lambda: correct_own(held, project, by=ada)) == {"answer_missing"}
    correct_own(held, {**project, new: "Blue"}, by=ada)

    assert read(held)["Which team?"] == "Blue"
    assert codes(lambda: correct_own(held, {new: "Red"}, by=ada)) == {"answer_not_editable"}


# With approval


@pytest.fixture
def approved(held, bo):
    """Ada's access under a policy that lets Bo approve what is changed about it."""
    held.policy.extension_requires_approval = True
    held.policy.save()
    ApprovalStageFactory(policy=held.policy, position=1, approvers=[bo])
    return held


def test_where_extensions_are_approved_corrections_are_too(ada, bo, approved, keys, told):
    made = correct_own(approved, {keys["Which project?"]: "GEMINI"}, by=ada)
    assert made.state == RequestState.PENDING_APPROVAL
    assert read(approved)["Which project?"] == "APOLLO"
    (facts,) = context.facts_about(AccessRequest.objects.filter(pk=made.pk))
    assert (facts.is_correction, facts.is_extension, facts.shorter_days) == (True, False, None)
    assert facts.period == context.Period(None, None, None)

    deciding.approve(made, by=bo)

    assert fresh(made).state == RequestState.DELIVERED
    assert read(approved)["Which project?"] == "GEMINI"
    assert told("access.corrected") == ["Ada Lovelace"]


def test_the_switch_about_extensions_alone_says_whether_it_is_approved(ada, approved, keys):
    approved.policy.extension_requires_approval = False
    approved.policy.allows_extension = False
    approved.policy.save()

    made = correct_own(approved, {keys["Which project?"]: "GEMINI"}, by=ada)

    assert made.state == RequestState.DELIVERED


def test_what_is_denied_changes_nothing(ada, bo, approved, keys):
    made = correct_own(approved, {keys["cost_center"]: "4712"}, by=ada)

    deciding.deny_request(made, by=bo)

    assert (value(ada), read(approved)["cost_center?"]) == ("4711", "4711")


def test_an_approver_corrects_the_correction(ada, bo, approved, keys):
    made = correct_own(approved, {keys["Which project?"]: "GEMINI"}, by=ada)

    answers.correct(made, keys["Which project?"], "MERCURY", by=bo)
    deciding.approve(made, by=bo)

    assert read(approved)["Which project?"] == "MERCURY"
    assert fresh(made).corrected_answers[0]["old"] == "APOLLO"


def test_there_is_no_end_to_shorten(ada, bo, approved, keys):
    made = correct_own(approved, {keys["Which project?"]: "GEMINI"}, by=ada)

    assert codes(lambda: deciding.approve(made, by=bo, ends_at=clock.now() + DAY)) == {
        "no_end_to_shorten"
    }


def test_the_manager_waits_for_the_approvers_too(bo, approved, manager, keys):
    made = correct_for(approved, {keys["Which project?"]: "GEMINI"}, by=manager)

    assert made.state == RequestState.PENDING_APPROVAL
    deciding.approve(made, by=bo)
    assert read(approved)["Which project?"] == "GEMINI"


def test_access_that_ends_meanwhile_calls_the_correction_off(ada, approved, keys):
    made = correct_own(approved, {keys["Which project?"]: "GEMINI"}, by=ada)

    operations.give_back(approved, by=ada)

    assert fresh(made).state == RequestState.CANCELED
    assert "request.corrected" not in AuditEvent.objects.values_list("action", flat=True)


def test_access_whose_time_is_over_is_not_corrected_by_an_approval(ada, bo, approved, keys):
    made = correct_own(approved, {keys["Which project?"]: "GEMINI"}, by=ada)
    type(approved).objects.filter(pk=approved.pk).update(ends_at=clock.now())

    assert codes(lambda: deciding.approve(made, by=bo)) == {"access_ended"}
    sweep.run()
    assert fresh(made).state == RequestState.CANCELED


def test_a_policy_of_now_keeps_what_is_to_be_corrected(ada, bo, gita, approved, keys, appoint):
    appoint(gita, approved.package.catalog)
    made = correct_own(approved, {keys["cost_center"]: "4712"}, by=ada)
    stage = approved.policy.stages.get()
    stage.decision_days = 3
    stage.save()

    reapplying.apply_policy(fresh(made), by=gita)
    deciding.approve(fresh(made), by=bo)

    assert value(ada) == "4712"
    assert fresh(made).corrected_answers[0]["old"] == "4711"


def test_a_policy_of_now_keeps_what_is_collected_about_a_person(
    ada, bo, gita, policy, keys, appoint
):
    """What is applied to a request for access must not forget which answer is an attribute."""
    appoint(gita, policy.package.catalog)
    stage = ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    given = {"Which project?": "APOLLO", "Which region?": "North", "office": "B1"}
    given |= {"cost_center": "4711"}
    made = operations.submit(policy, by=ada, answers={keys[one]: given[one] for one in given})
    stage.decision_days = 3
    stage.save()

    reapplying.apply_policy(fresh(made), by=gita)
    deciding.approve(fresh(made), by=bo)

    assert (value(ada), value(ada, "office")) == ("4711", "B1")


def test_an_extension_that_is_waited_for_holds_it_up(ada, held, keys, told):
    CustomExtensionFactory(policy=held.policy, stages=["approved"], waits_for=DAY)

    made = correct_own(held, {keys["Which project?"]: "GEMINI"}, by=ada)
    assert made.state == RequestState.WAITING_FOR_CALLBACK
    assert Callout.objects.get().payload["kind"] == "user_update"
    resume(Callout.objects.get(), answer_id="m")

    assert fresh(made).state == RequestState.DELIVERED
    assert read(held)["Which project?"] == "GEMINI"
    assert told("access.corrected") == ["Ada Lovelace"]


def test_a_clash_does_not_keep_anybody_from_correcting(ada, held, keys, monkeypatch):
    """Nothing is given by it, so what must not be held together does not matter."""
    monkeypatch.setattr("entitlements.requests.flow.separation_of", None)

    assert correct_own(held, {keys["Which project?"]: "GEMINI"}, by=ada).state == "delivered"


# Which answers count


def test_the_last_correction_counts_and_one_under_way_does_not(ada, bo, held, keys):
    correct_own(held, {keys["Which project?"]: "GEMINI"}, by=ada)
    correct_own(held, {keys["How many?"]: "3"}, by=ada)
    held.policy.extension_requires_approval = True
    held.policy.save()
    ApprovalStageFactory(policy=held.policy, position=1, approvers=[bo])
    correct_own(held, {keys["Which project?"]: "MERCURY"}, by=ada)

    assert read(held)["Which project?"] == "GEMINI"
    assert read(held)["How many?"] == "3"


def test_an_extension_in_between_does_not_hide_the_answers(ada, held, keys):
    operations.extend(held, by=ada, ends_at=held.ends_at + DAY)

    correct_own(held, {keys["Which project?"]: "GEMINI"}, by=ada)

    assert read(held)["Which region?"] == "North"


@pytest.mark.django_db(transaction=True)
def test_two_corrections_at_once_come_one_after_the_other(ada, held, manager, keys):
    outcomes = at_once(
        lambda: correct_own(held, {keys["Which project?"]: "GEMINI"}, by=ada),
        lambda: correct_for(held, {keys["How many?"]: "3"}, by=manager),
    )

    assert refusals(outcomes) == []
    assert (read(held)["Which project?"], read(held)["How many?"]) == ("GEMINI", "3")


@pytest.mark.django_db(transaction=True)
def test_a_correction_and_the_end_of_the_access_at_once_leave_one_order(ada, held, keys):
    outcomes = at_once(
        lambda: correct_own(held, {keys["cost_center"]: "4712"}, by=ada),
        lambda: operations.give_back(held, by=ada),
    )

    assert refusals(outcomes) in ([], [{"access_ended"}])
    assert value(ada) == ""


def test_a_way_to_say_nothing_is_no_correction(held):
    facts = correcting.correction(held, {})

    assert facts.after == list(facts.before)
