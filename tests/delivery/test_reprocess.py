from datetime import timedelta

import pytest

from entitlements import clock, sweep
from entitlements.assignments.models import AssignmentState
from entitlements.connectors.base import ConnectorRefused
from entitlements.decisions import Denied
from entitlements.delivery import operations
from entitlements.models import AuditEvent, Grant
from entitlements.requests import operations as requests
from entitlements.requests.states import RequestState
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(submitted, target, run_queue):
    """Ada's request of which one of two roles was refused."""
    target.error = ConnectorRefused("no_space", "The group is full.")
    run_queue()
    submitted.refresh_from_db()
    assert submitted.state == RequestState.PARTIALLY_DELIVERED
    target.error = None
    return submitted


@pytest.fixture
def manager(gita, package, appoint):
    return appoint(gita, package.catalog, "assignment_manager")


def test_what_failed_is_tried_again(
    failed, manager, there, target, run_queue, actions, queued, ada
):
    before = len(actions())

    access_request = operations.reprocess(failed, by=manager)

    assert access_request.state == RequestState.DELIVERING
    assert access_request.completed_at is None
    assert actions()[before:] == ["request.reprocessed"]
    assert queued() == ["delivery.tasks.deliver"]
    run_queue()
    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERED
    assert access_request.outcome_reason == ""
    assert target.members(there) == {"Ada Lovelace"}
    assert ada.notifications.get().event == "access.given"


def test_what_fails_again_can_be_tried_again(failed, manager, target, run_queue):
    for _ in range(2):
        target.error = ConnectorRefused("no_space", "The group is full.")
        operations.reprocess(failed, by=manager)
        run_queue()
        failed.refresh_from_db()
        assert failed.state == RequestState.PARTIALLY_DELIVERED


def test_what_has_not_failed_is_not_tried_again(delivered, manager):
    with pytest.raises(Denied) as denied:
        operations.reprocess(delivered, by=manager)

    assert denied.value.codes == {"nothing_to_reprocess"}


def test_a_request_without_access_is_not_tried_again(ada, bo, manager, package):
    policy = AssignmentPolicyFactory(package=package)
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    pending = requests.submit(policy, by=ada)

    with pytest.raises(Denied) as denied:
        operations.reprocess(pending, by=manager)

    assert denied.value.codes == {"nothing_to_reprocess"}


def test_ended_access_is_not_tried_again(ada, failed, manager, actions):
    requests.give_back(failed.assignment, by=ada)
    before = actions()

    with pytest.raises(Denied) as denied:
        operations.reprocess(failed, by=manager)

    assert denied.value.codes == {"access_ended"}
    assert actions() == before


@pytest.mark.parametrize("role", [None, "reader"])
def test_only_managers_of_assignments_try_again(ada, bo, failed, appoint, role):
    if role:
        appoint(bo, failed.package.catalog, role)
    for somebody in (ada, bo):
        with pytest.raises(Denied) as denied:
            operations.reprocess(failed, by=somebody)
        assert denied.value.codes == {"not_permitted"}


def test_access_that_was_changed_by_hand_is_made_so_again(
    ada, delivered, manager, there, here, target, run_queue, holds, actions
):
    target.members(there).clear()
    ada.memberships.all().delete()

    operations.reprocess_assignment(delivered.assignment, by=manager)
    run_queue()

    assert target.members(there) == {"Ada Lovelace"}
    assert holds(ada, here)
    assert "assignment.reprocessed" in actions()
    delivered.assignment.refresh_from_db()
    assert delivered.assignment.state == AssignmentState.DELIVERED
    event = AuditEvent.objects.get(action="assignment.reprocessed")
    assert (event.actor_id, event.target_id) == (manager.pk, ada.pk)


def test_a_request_that_failed_succeeds_when_its_access_is_made_so_again(
    failed, manager, there, target, run_queue, actions
):
    before = len(actions())

    operations.reprocess_assignment(failed.assignment, by=manager)

    failed.refresh_from_db()
    assert failed.state == RequestState.DELIVERING
    assert actions()[before:] == ["request.reprocessed", "assignment.reprocessed"]
    run_queue()
    failed.refresh_from_db()
    assert failed.state == RequestState.DELIVERED
    assert target.members(there) == {"Ada Lovelace"}


def test_reprocessing_shows_the_true_state(delivered, manager, there, target, run_queue):
    target.error = ConnectorRefused("group_missing", "The group is gone.")

    operations.reprocess_assignment(delivered.assignment, by=manager)
    run_queue()

    delivered.assignment.refresh_from_db()
    assert delivered.assignment.state == AssignmentState.PARTIALLY_DELIVERED
    assert Grant.objects.get(role=there).last_error == "The group is gone."


def test_ended_access_is_not_made_so_again(ada, delivered, manager):
    requests.give_back(delivered.assignment, by=ada)
    delivered.assignment.refresh_from_db()

    with pytest.raises(Denied) as denied:
        operations.reprocess_assignment(delivered.assignment, by=manager)

    assert denied.value.codes == {"access_ended"}


def test_strangers_make_nothing_so_again(ada, delivered):
    with pytest.raises(Denied) as denied:
        operations.reprocess_assignment(delivered.assignment, by=ada)

    assert denied.value.codes == {"not_permitted"}


def test_what_a_worker_holds_is_left_to_him(delivered, manager, there):
    held = clock.now() + timedelta(minutes=1)
    Grant.objects.filter(role=there).update(lease_until=held, attempts=2)

    operations.reprocess_assignment(delivered.assignment, by=manager)

    assert Grant.objects.get(role=there).attempts == 2
    assert Grant.objects.due().count() == 1


def test_a_package_that_lost_and_gained_roles_is_recounted_once(
    ada, delivered, here, there, target, run_queue, holds, actions
):
    gained = target.role("gained")
    package = delivered.package
    package.package_roles.filter(role=here).delete()
    package.package_roles.create(role=gained)
    assert operations.recount(package) == 0
    package.recount_at = clock.now()
    package.save()

    sweep.run()
    run_queue()
    sweep.run()

    assert not holds(ada, here)
    assert target.members(gained) == {"Ada Lovelace"}
    assert target.members(there) == {"Ada Lovelace"}
    package.refresh_from_db()
    assert package.recount_at is None
    assert actions().count("package.recounted") == 1
    assert AuditEvent.objects.get(action="package.recounted").details == {"holders": 1}
