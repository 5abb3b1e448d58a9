"""The record of a completed request goes; access, the audit trail and the news of it stay."""

from datetime import timedelta

import pytest

from entitlements import clock, invariants
from entitlements.assignments.models import AssignmentState
from entitlements.audit import sealing
from entitlements.decisions import Denied
from entitlements.delivery import operations as delivery
from entitlements.models import (
    AccessRequest,
    ApprovalStep,
    Assignment,
    AuditEvent,
    BulkRow,
    Callout,
    Grant,
    Inquiry,
    Notification,
    StepApprover,
)
from entitlements.policies.rules import LONGEST_TEXT
from entitlements.requests import deciding, dialogue, giving, operations, records
from entitlements.requests.judging import Entry
from entitlements.requests.states import RequestKind, RequestState
from tests.factories import (
    AccessRequestFactory,
    AssignmentFactory,
    CustomExtensionFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db

WHY = "Ada asked for it by law."


@pytest.fixture
def ivo(db):
    return UserFactory(display_name="Ivo Okoro", is_superuser=True)


@pytest.fixture
def asked(ada, bo, approved_by_bo, run_queue):
    """Ada's request, about which Bo asked something before he approved it; it is set up."""
    access_request = operations.submit(approved_by_bo, by=ada, justification="My surgery in May")
    inquiry = dialogue.ask(access_request, "Why you?", by=bo)
    dialogue.answer(inquiry, "I am back in June.", by=ada)
    deciding.approve(access_request, by=bo, justification="Get well soon")
    run_queue()
    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERED
    return access_request


def refused(access_request, *, by, justification=WHY):
    with pytest.raises(Denied) as denied:
        records.delete_record(access_request, by=by, justification=justification)
    return denied.value.codes


def test_the_record_goes_and_the_access_stays_as_it_is(asked, ivo, holds, queued):
    before = [*Assignment.objects.values(), *Grant.objects.values(), *queued()]

    records.delete_record(asked, by=ivo, justification=WHY)

    for model in (AccessRequest, ApprovalStep, StepApprover, Inquiry):
        assert not model.objects.exists()
    assert [*Assignment.objects.values(), *Grant.objects.values(), *queued()] == before
    assert Assignment.objects.live().get().state == AssignmentState.DELIVERED
    assert holds(asked.target, Grant.objects.get().role)


def test_access_is_ended_and_extended_without_the_record(asked, ada, ivo, gita, appoint, run_queue):
    appoint(gita, asked.package.catalog, "assignment_manager")
    records.delete_record(asked, by=ivo, justification=WHY)
    assignment = Assignment.objects.get()

    operations.prolong(assignment, by=gita)
    delivery.reprocess_assignment(assignment, by=gita)
    run_queue()
    operations.give_back(assignment, by=ada)
    run_queue()

    assert not Grant.objects.get().is_given
    assert all(result.holds for result in invariants.check())


def test_the_trail_keeps_every_event_and_tells_of_the_deletion(asked, ivo, ada, bo):
    earlier = list(AuditEvent.objects.values_list("pk", flat=True).order_by("pk"))
    sealing.seal_new()

    records.delete_record(asked, by=ivo, justification=f" {WHY} ")

    *kept, event = AuditEvent.objects.order_by("pk")
    assert [one.pk for one in kept] == earlier
    assert (event.action, event.actor_name) == ("request.record_deleted", "Ivo Okoro")
    assert (event.subject_id, event.target_id) == (asked.pk, ada.pk)
    assert event.details["justification"] == WHY
    assert event.details["reference"] == asked.reference
    assert event.details["last_state"] == "delivered"
    assert event.details["assignment"] == str(asked.assignment_id)
    assert set(event.details["readers"]) == {str(ada.pk), str(bo.pk)}
    submitted = AuditEvent.objects.get(action="request.submitted")
    assert submitted.details["justification"] == "My surgery in May"
    assert list(sealing.verify()) == []
    assert all(result.holds for result in invariants.check())


def test_what_people_wrote_goes_from_their_news_too(asked, ivo):
    before = Notification.objects.filter(about_id=asked.pk).count()
    records.delete_record(asked, by=ivo, justification=WHY)

    told = list(Notification.objects.filter(about_id=asked.pk))
    assert len(told) == before > 2
    for notification in told:
        assert notification.fact("package") == str(asked.package)
        assert not set(records.WRITTEN) & set(notification.facts)
    assert "surgery" not in str([one.facts for one in Notification.objects.all()])
    assert "Get well" not in str([one.facts for one in Notification.objects.all()])


def test_calls_stay_without_the_words_that_they_carried(ada, policy, ivo, gita, run_queue):
    extension = CustomExtensionFactory(policy=policy, stages=["created"])
    access_request = operations.submit(policy, by=ada, justification="My surgery")
    run_queue_without_calls(run_queue)
    callout = Callout.objects.get()
    assert refused(access_request, by=ivo) == {"calls_to_come"}
    Callout.objects.update(state="given_up", next_attempt_at=None, detail="Sick since May")

    records.delete_record(access_request, by=ivo, justification=WHY)

    callout = Callout.objects.get()
    assert callout.extension == extension
    assert callout.payload["reference"] == access_request.reference
    assert not set(records.WRITTEN) & set(callout.payload)
    assert callout.detail == ""


def run_queue_without_calls(run_queue):
    """Set access up while no system can be called."""
    due = Callout.objects.due()
    due.update(next_attempt_at=clock.now() + timedelta(days=1))
    run_queue()


def test_the_row_of_a_list_stays_without_its_words(ada, policy, ivo, gita, appoint, run_queue):
    appoint(gita, policy.package.catalog, "assignment_manager")
    entry = Entry(str(ada.pk), justification="Her surgery")
    bulk = giving.plan(policy, [entry], by=gita, source="1 person")
    giving.give_all(bulk, by=gita)
    run_queue()
    access_request = AccessRequest.objects.get()

    records.delete_record(access_request, by=ivo, justification=WHY)

    row = BulkRow.objects.get()
    assert (row.state, row.access_request, row.target) == ("given", None, ada)
    assert (row.justification, row.answers) == ("", {})


@pytest.mark.parametrize(
    "state",
    [RequestState.DENIED, RequestState.EXPIRED, RequestState.CANCELED, RequestState.DELIVERED],
)
def test_whatever_is_completed_can_go(ivo, state):
    access_request = AccessRequestFactory(state=state)

    records.delete_record(access_request, by=ivo, justification=WHY)

    assert not AccessRequest.objects.exists()


@pytest.mark.parametrize(
    "state",
    [
        RequestState.SUBMITTED,
        RequestState.WAITING_FOR_CALLBACK,
        RequestState.PENDING_APPROVAL,
        RequestState.APPROVED,
        RequestState.SCHEDULED,
        RequestState.DELIVERING,
    ],
)
def test_what_still_waits_or_is_being_set_up_stays(ivo, state):
    access_request = AccessRequestFactory(state=state)

    assert refused(access_request, by=ivo) == {"not_completed"}
    assert AccessRequest.objects.exists()


@pytest.mark.parametrize("state", [RequestState.PARTIALLY_DELIVERED, RequestState.DELIVERY_FAILED])
def test_what_failed_stays_while_it_can_be_tried_again(ivo, state):
    assignment = AssignmentFactory()
    access_request = AccessRequestFactory(
        policy=assignment.policy, requestor=assignment.target, state=state, assignment=assignment
    )

    assert refused(access_request, by=ivo) == {"can_be_tried_again"}
    with clock.at(assignment.ends_at):
        records.delete_record(access_request, by=ivo, justification=WHY)
    assert not AccessRequest.objects.exists()


def test_what_failed_before_there_was_access_can_go(ivo):
    access_request = AccessRequestFactory(state=RequestState.DELIVERY_FAILED)

    records.delete_record(access_request, by=ivo, justification=WHY)

    assert not AccessRequest.objects.exists()


@pytest.mark.parametrize("role", ["owner", "package_manager", "assignment_manager", "reader"])
def test_nobody_else_deletes_a_record(asked, appoint, role):
    somebody = appoint(UserFactory(), asked.package.catalog, role)

    assert refused(asked, by=somebody) == {"administrators_only"}
    assert refused(asked, by=UserFactory(is_superuser=True, is_active=False)) == {
        "administrators_only"
    }


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("", "justification_missing"),
        ("  ", "justification_missing"),
        ("\x00", "justification_unreadable"),
        ("x" * (LONGEST_TEXT + 1), "justification_too_long"),
    ],
)
def test_it_needs_a_reason(asked, ivo, words, code, actions):
    assert refused(asked, by=ivo, justification=words) == {code}
    assert "request.record_deleted" not in actions()


def test_everything_that_speaks_against_it_is_said_at_once(pending, ivo):
    assert refused(pending, by=ivo, justification="") == {"not_completed", "justification_missing"}


def test_who_could_read_the_request_learns_how_it_went_and_nobody_else(
    asked, ada, bo, gita, ivo, appoint
):
    assert records.deletion_of(asked.pk, viewer=ada) is None
    records.delete_record(asked, by=ivo, justification=WHY)
    reader = appoint(gita, asked.package.catalog, "reader")

    for viewer in (ada, bo, ivo, reader):
        deletion = records.deletion_of(asked.pk, viewer=viewer)
        assert (deletion.by, deletion.reference) == ("Ivo Okoro", asked.reference)
        assert deletion.kind == "Asked for"
        assert deletion.about == str(asked)
        assert deletion.assignment_id == asked.assignment_id
        assert deletion.at <= clock.now()
    assert records.deletion_of(asked.pk, viewer=UserFactory()) is None


def test_access_tells_which_records_about_it_were_deleted(asked, ada, ivo, policy):
    other = AccessRequestFactory(requestor=ada, state=RequestState.DENIED)
    for access_request in (asked, other):
        records.delete_record(access_request, by=ivo, justification=WHY)

    [deletion] = records.deletions_about(Assignment.objects.get())
    assert deletion.reference == asked.reference
    assert records.deletion_of(other.pk, viewer=ada).assignment_id is None
    assert records.deletions_about(AssignmentFactory()) == []


def test_who_got_a_turn_from_somebody_else_is_a_reader_too(pending, bo, gita, ivo):
    step = pending.steps.get()
    step.asked.update(handed_over_by=gita)
    AccessRequest.objects.update(state=RequestState.CANCELED)

    records.delete_record(pending, by=ivo, justification=WHY)

    assert records.deletion_of(pending.pk, viewer=gita)


def test_the_deletion_of_what_was_deleted_already_is_refused(asked, ivo, ada):
    records.delete_record(asked, by=ivo, justification=WHY)

    assert refused(asked, by=ivo) == {"record_deleted"}
    with pytest.raises(Denied) as denied:
        operations.cancel(asked, by=ada)
    assert denied.value.codes == {"record_deleted"}


@pytest.mark.django_db(transaction=True)
def test_of_two_who_delete_at_once_one_does(ivo):
    access_request = AccessRequestFactory(state=RequestState.DENIED)

    outcomes = at_once(
        *[lambda: records.delete_record(access_request, by=ivo, justification=WHY)] * 2
    )

    assert refusals(outcomes) == [{"record_deleted"}]
    assert AuditEvent.objects.filter(action="request.record_deleted").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_record_goes_before_or_after_another_act_and_never_during_it(ivo):
    failed = AccessRequestFactory(state=RequestState.DELIVERY_FAILED)

    outcomes = at_once(
        lambda: operations.cancel(failed, by=ivo),
        lambda: records.delete_record(failed, by=ivo, justification=WHY),
    )

    assert refusals(outcomes) in ([], [{"record_deleted"}])
    assert not AccessRequest.objects.exists()
    told = AuditEvent.objects.filter(action="request.canceled").count()
    assert told == 1 - len(refusals(outcomes))


def test_a_removal_that_is_carried_out_can_go_and_the_end_is_still_told(
    held, ada, ivo, gita, appoint, run_queue
):
    removal = operations.give_back(held, by=ada, justification="I move to Rome")
    assert refused(removal, by=ivo) == {"not_completed"}
    run_queue()
    removal.refresh_from_db()

    records.delete_record(removal, by=ivo, justification=WHY)

    held.refresh_from_db()
    assert held.shown_end_reason == "given back"
    [deletion] = records.deletions_about(held)
    assert deletion.kind == RequestKind.USER_REMOVE.label
