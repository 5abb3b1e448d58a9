import pytest

from entitlements import clock
from entitlements.connectors.base import ConnectorRefused
from entitlements.decisions import Denied
from entitlements.delivery.expiry import end_overdue
from entitlements.models import AccessRequest, Grant
from entitlements.requests import deciding, operations
from entitlements.requests.models import StepState
from entitlements.requests.states import RequestState
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    ResourceRoleFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db


def test_the_requestor_calls_a_waiting_request_off(ada, bo, pending, actions, queued):
    before = len(queued())

    access_request = operations.cancel(pending, by=ada, justification="Not needed")

    assert access_request.state == RequestState.CANCELED
    assert access_request.outcome_reason == "Not needed"
    assert access_request.completed_at is not None
    assert access_request.steps.get().state == StepState.CLOSED
    assert actions()[-1] == "request.canceled"
    assert len(queued()) == before
    assert not AccessRequest.objects.waiting_for(bo).exists()


def test_scheduled_access_is_called_off(ada, scheduled, actions):
    assert operations.cancel(scheduled, by=ada).state == RequestState.CANCELED
    assert "assignment.begun" not in actions()


def test_after_cancelling_one_may_ask_again(ada, pending):
    operations.cancel(pending, by=ada)

    assert operations.submit(pending.policy, by=ada).state == RequestState.PENDING_APPROVAL


def test_a_manager_of_assignments_calls_off(gita, pending, appoint):
    appoint(gita, pending.package.catalog, "assignment_manager")

    assert operations.cancel(pending, by=gita).state == RequestState.CANCELED


def test_whoever_was_to_get_access_directly_calls_it_off(ada, gita, approved_by_bo, appoint):
    appoint(gita, approved_by_bo.package.catalog)
    access_request = operations.assign(approved_by_bo, ada, by=gita)

    assert operations.cancel(access_request, by=ada).state == RequestState.CANCELED


def test_strangers_and_approvers_call_nothing_off(bo, pending, actions):
    for somebody in (bo, UserFactory()):
        with pytest.raises(Denied) as denied:
            operations.cancel(pending, by=somebody)
        assert denied.value.codes == {"not_permitted"}
    assert "request.canceled" not in actions()


def test_a_disabled_requestor_calls_nothing_off(ada, pending):
    ada.is_active = False
    ada.save()

    with pytest.raises(Denied) as denied:
        operations.cancel(pending, by=ada)

    assert denied.value.codes == {"not_permitted"}


def test_an_unreadable_reason_is_refused(ada, pending):
    with pytest.raises(Denied) as denied:
        operations.cancel(pending, by=ada, justification="\x00")

    assert denied.value.codes == {"justification_unreadable"}


def test_what_is_decided_cannot_be_called_off(ada, bo, pending):
    deciding.deny_request(pending, by=bo)

    with pytest.raises(Denied) as denied:
        operations.cancel(pending, by=ada)

    assert denied.value.codes == {"too_late_to_cancel"}
    assert "Bo Chen denied it" in str(denied.value)


def test_what_is_being_set_up_cannot_be_called_off(ada, policy):
    access_request = operations.submit(policy, by=ada)

    with pytest.raises(Denied) as denied:
        operations.cancel(access_request, by=ada)

    assert denied.value.codes == {"too_late_to_cancel"}


@pytest.fixture
def partial(ada, target, run_queue):
    """Ada's request of which one of two roles was refused."""
    target.know(ada)
    target.error = ConnectorRefused("no_space", "The group is full.")
    package = AccessPackageFactory(roles=[ResourceRoleFactory(), target.role()])
    access_request = operations.submit(AssignmentPolicyFactory(package=package), by=ada)
    run_queue()
    access_request.refresh_from_db()
    assert access_request.state == RequestState.PARTIALLY_DELIVERED
    return access_request


def test_what_failed_is_rolled_back_by_a_manager(
    ada, gita, partial, appoint, run_queue, holds, actions, target
):
    appoint(gita, partial.package.catalog)
    given = Grant.objects.get(is_given=True)

    access_request = operations.cancel(partial, by=gita)

    assert access_request.state == RequestState.CANCELED
    assert access_request.assignment.end_reason == "canceled"
    assert actions()[-2:] == ["assignment.ended", "request.canceled"]
    target.error = None
    run_queue()
    assert not holds(ada, given.role)
    assert [grant.shown_state for grant in Grant.objects.all()] == ["removed", "removed"]


def test_the_requestor_alone_cannot_roll_back(ada, partial):
    with pytest.raises(Denied) as denied:
        operations.cancel(partial, by=ada)

    assert denied.value.codes == {"not_permitted"}


def test_what_failed_can_be_called_off_after_its_end_too(gita, partial, appoint, actions):
    appoint(gita, partial.package.catalog)
    with clock.at(partial.assignment.ends_at):
        end_overdue()

        assert operations.cancel(partial, by=gita).state == RequestState.CANCELED

    assert actions().count("assignment.ended") == 1


def test_an_extension_is_called_off_and_the_access_stays(ada, bo, held):
    held.policy.extension_requires_approval = True
    held.policy.save()
    ApprovalStageFactory(policy=held.policy, position=1, approvers=[bo])
    extension = operations.extend(held, by=ada)

    assert operations.cancel(extension, by=ada).state == RequestState.CANCELED

    held.refresh_from_db()
    assert held.is_live


def test_an_extension_of_what_has_ended_is_called_off_once(ada, bo, held, actions):
    held.policy.extension_requires_approval = True
    held.policy.save()
    ApprovalStageFactory(policy=held.policy, position=1, approvers=[bo])
    extension = operations.extend(held, by=ada)
    with clock.at(held.ends_at):
        end_overdue()
        assert AccessRequest.objects.obsolete().get() == extension

        operations.cancel_obsolete(extension)
        again = operations.cancel_obsolete(extension)

    assert again.state == RequestState.CANCELED
    assert actions().count("request.canceled") == 1
    assert not AccessRequest.objects.obsolete().exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("repetition", range(3))
def test_of_cancel_and_approve_one_wins(ada, bo, approved_by_bo, actions, repetition):
    access_request = operations.submit(approved_by_bo, by=ada)

    outcomes = at_once(
        *[lambda: operations.cancel(access_request, by=ada)] * 2,
        *[lambda: deciding.approve(access_request, by=bo)] * 2,
    )

    refused = refusals(outcomes)
    assert len(refused) == 3
    assert set.union(*refused) <= {"too_late_to_cancel", "not_waiting"}
    access_request.refresh_from_db()
    won = {"canceled": "request.canceled", "delivering": "request.approved"}
    events = [name for name in actions() if name in won.values()]
    assert events == [won[access_request.state]]
