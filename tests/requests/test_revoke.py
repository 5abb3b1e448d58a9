"""An approver ends later what he approved, and says why."""

import pytest

from entitlements.assignments.models import EndReason
from entitlements.decisions import Denied
from entitlements.models import Assignment, AuditEvent, Notification
from entitlements.requests import deciding, operations
from entitlements.requests.states import RequestKind, RequestState
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db


@pytest.fixture
def given(bo, pending, run_queue):
    """Ada's access, which Bo approved, set up."""
    assignment = deciding.approve(pending, by=bo).assignment
    run_queue()
    return assignment


def refused(*arguments, **named):
    with pytest.raises(Denied) as denied:
        operations.revoke(*arguments, **named)
    return denied.value.codes


def test_an_approver_ends_what_he_approved(ada, bo, given, actions, told, queued, run_queue, holds):
    role = given.package.package_roles.get().role
    assert holds(ada, role)
    before = len(actions())

    access_request = operations.revoke(given, by=bo, justification="He changed teams.")

    assert access_request.kind == RequestKind.APPROVER_REMOVE
    assert (access_request.requestor, access_request.target) == (bo, ada)
    given.refresh_from_db()
    assert (given.end_reason, given.ended_by) == (EndReason.REVOKED, bo)
    assert actions()[before:] == ["request.removal_asked", "assignment.ended"]
    event = AuditEvent.objects.filter(action="request.removal_asked").get()
    assert event.details["justification"] == "He changed teams."
    assert told("access.ended") == ["Ada Lovelace"]
    facts = Notification.objects.get(event="access.ended").facts
    assert facts["reason"] == "ended by an approver"
    assert (facts["by"], facts["decision"]) == ("Bo Chen", "He changed teams.")
    assert "delivery.tasks.deliver" in queued()
    run_queue()
    assert not holds(ada, role)
    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERED


def test_whoever_approved_any_stage_may_end_it(ada, bo, gita, approved_twice):
    access_request = operations.submit(approved_twice, by=ada)
    deciding.approve(access_request, by=bo)
    assignment = deciding.approve(access_request, by=gita).assignment

    operations.revoke(assignment, by=bo, justification="Not needed.")

    assert not Assignment.objects.live().exists()


def test_it_needs_a_reason(bo, given):
    assert refused(given, by=bo, justification=" ") == {"justification_missing"}


def test_who_did_not_approve_does_not_end_it(ada, gita, given):
    assert refused(given, by=gita, justification="x") == {"not_approver"}
    assert refused(given, by=ada, justification="") == {"not_approver", "justification_missing"}


def test_the_disabled_end_nothing(bo, given):
    bo.is_active = False
    bo.save()

    assert refused(given, by=bo, justification="x") == {"account_disabled"}


def test_the_policy_may_keep_it_from_approvers(bo, given):
    given.policy.approver_can_remove = False
    given.policy.save()

    assert refused(given, by=bo, justification="x") == {"approvers_cannot_end"}


def test_what_has_ended_is_not_ended_again(bo, given):
    operations.revoke(given, by=bo, justification="x")

    assert refused(given, by=bo, justification="x") == {"access_ended"}


def test_who_approved_only_an_extension_that_was_denied_ends_nothing(
    ada, bo, gita, approved_twice, run_queue
):
    first = operations.submit(approved_twice, by=ada)
    for approver in (bo, gita):
        first = deciding.approve(first, by=approver)
    run_queue()
    approved_twice.extension_requires_approval = True
    approved_twice.save()
    stage = approved_twice.stages.get(position=1)
    hugo = type(bo).objects.create(display_name="Hugo Weiss", email="hugo@kestrel.example")
    stage.approvers.update(user=hugo)
    extension = operations.extend(first.assignment, by=ada)
    deciding.approve(extension, by=hugo)
    deciding.deny_request(extension, by=gita)

    assert refused(first.assignment, by=hugo, justification="x") == {"not_approver"}


def test_a_request_to_extend_it_is_called_off(ada, bo, approved_by_bo, given):
    approved_by_bo.extension_requires_approval = True
    approved_by_bo.save()
    extension = operations.extend(given, by=ada)

    operations.revoke(given, by=bo, justification="x")

    extension.refresh_from_db()
    assert extension.state == RequestState.CANCELED


@pytest.mark.django_db(transaction=True)
def test_of_two_ends_at_once_one_counts(ada, bo, given, actions):
    outcomes = at_once(
        lambda: operations.revoke(given, by=bo, justification="x"),
        lambda: operations.give_back(given, by=ada),
    )

    assert refusals(outcomes) == [{"access_ended"}]
    assert actions().count("assignment.ended") == 1
