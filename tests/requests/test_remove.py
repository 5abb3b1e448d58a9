"""Give access back, and take it from somebody."""

from datetime import timedelta

import pytest

from entitlements import clock
from entitlements.assignments.models import AssignmentState
from entitlements.decisions import Denied
from entitlements.models import AccessRequest, AuditEvent, Grant
from entitlements.policies.rules import LONGEST_TEXT
from entitlements.requests import deciding, operations
from entitlements.requests.states import RequestKind, RequestState
from tests.factories import ApprovalStageFactory, AssignmentFactory, UserFactory
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(gita, appoint, policy):
    return appoint(gita, policy.package.catalog, "assignment_manager")


@pytest.fixture
def extension(ada, bo, held):
    """Ada's request to keep her access for longer, for which Bo is asked."""
    held.policy.extension_requires_approval = True
    held.policy.save()
    ApprovalStageFactory(policy=held.policy, position=1, approvers=[bo])
    return operations.extend(held, by=ada)


def test_access_that_is_given_back_ends_now(ada, held, actions, queued, run_queue, holds, told):
    role = held.package.roles.get()
    before = len(actions())
    assert holds(ada, role)

    access_request = operations.give_back(held, by=ada, justification=" Done ")

    assert access_request.kind == RequestKind.USER_REMOVE
    assert access_request.state == RequestState.DELIVERING
    assert access_request.justification == "Done"
    held.refresh_from_db()
    assert not held.is_live
    assert (held.state, held.end_reason, held.ended_by) == (
        AssignmentState.EXPIRED,
        "given_back",
        ada,
    )
    assert actions()[before:] == ["request.removal_asked", "assignment.ended"]
    assert queued() == ["delivery.tasks.deliver"]
    run_queue()
    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERED
    assert not holds(ada, role)
    assert told("access.ended") == []


def test_a_manager_ends_access(ada, held, manager, actions, run_queue, holds, told):
    before = len(actions())

    access_request = operations.remove(held, by=manager, justification="Left the project")

    assert access_request.kind == RequestKind.ADMIN_REMOVE
    assert (access_request.requestor, access_request.target) == (manager, ada)
    held.refresh_from_db()
    assert (held.end_reason, held.ended_by) == ("removed", manager)
    assert actions()[before:] == ["request.removal_asked", "assignment.ended"]
    event = AuditEvent.objects.get(action="assignment.ended")
    assert (event.actor_id, event.target_id) == (manager.pk, ada.pk)
    assert event.details == {"reason": "removed"}
    assert told("access.ended") == ["Ada Lovelace"]
    run_queue()
    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERED
    assert not holds(ada, held.package.roles.get())


def test_a_quiet_policy_tells_nobody_of_the_end(held, manager, told):
    held.policy.sends_notifications = False
    held.policy.save()

    operations.remove(held, by=manager)

    assert told("access.ended") == []


@pytest.mark.parametrize("act", ["give_back", "remove"])
def test_a_request_to_extend_ends_with_the_access(ada, bo, manager, held, extension, act):
    if act == "give_back":
        operations.give_back(held, by=ada)
    else:
        operations.remove(held, by=manager)

    extension.refresh_from_db()
    assert extension.state == RequestState.CANCELED
    assert "ended" in extension.outcome_reason
    assert AuditEvent.objects.about(extension).last().action == "request.canceled"
    with pytest.raises(Denied) as denied:
        deciding.approve(extension, by=bo)
    assert denied.value.codes == {"not_waiting"}


@pytest.mark.parametrize("act", [operations.give_back, operations.remove])
def test_what_has_ended_does_not_end_again(ada, held, manager, act):
    person = ada if act is operations.give_back else manager
    operations.give_back(held, by=ada)

    with pytest.raises(Denied) as denied:
        act(held, by=person)

    assert denied.value.codes == {"access_ended"}
    assert AccessRequest.objects.filter(kind__endswith="remove").count() == 1


@pytest.mark.parametrize("act", [operations.give_back, operations.remove])
def test_what_is_past_its_end_does_not_end_by_hand(ada, held, manager, act):
    person = ada if act is operations.give_back else manager

    with clock.at(held.ends_at), pytest.raises(Denied) as denied:
        act(held, by=person)

    assert denied.value.codes == {"access_ended"}


def test_only_the_holder_gives_back(held, manager):
    with pytest.raises(Denied) as denied:
        operations.give_back(held, by=manager)

    assert denied.value.codes == {"not_holder"}


@pytest.mark.parametrize("role", [None, "reader"])
def test_only_managers_of_assignments_end_access(held, bo, appoint, role):
    if role:
        appoint(bo, held.package.catalog, role)

    with pytest.raises(Denied) as denied:
        operations.remove(held, by=bo)

    assert denied.value.codes == {"not_permitted"}
    held.refresh_from_db()
    assert held.is_live


def test_a_disabled_manager_ends_nothing(held, appoint):
    disabled = UserFactory(is_active=False)
    appoint(disabled, held.package.catalog)

    with pytest.raises(Denied) as denied:
        operations.remove(held, by=disabled)

    assert denied.value.codes == {"not_permitted"}


@pytest.mark.parametrize(
    ("text", "code"),
    [("x" * (LONGEST_TEXT + 1), "justification_too_long"), ("\x00", "justification_unreadable")],
)
@pytest.mark.parametrize("act", [operations.give_back, operations.remove])
def test_an_unreadable_reason_is_refused(ada, held, manager, act, text, code):
    person = ada if act is operations.give_back else manager

    with pytest.raises(Denied) as denied:
        act(held, by=person, justification=text)

    assert denied.value.codes == {code}
    held.refresh_from_db()
    assert held.is_live


def test_after_early_removal_nothing_prevents_a_new_request(ada, held, manager):
    operations.remove(held, by=manager)

    access_request = operations.submit(held.policy, by=ada)

    assert access_request.assignment != held
    assert Grant.objects.get().is_wanted


@pytest.mark.django_db(transaction=True)
def test_given_back_and_removed_at_once_ends_once(ada, gita, appoint, policy, actions):
    assignment = AssignmentFactory(policy=policy, target=ada)
    appoint(gita, policy.package.catalog)

    outcomes = at_once(
        *[lambda: operations.give_back(assignment, by=ada)] * 3,
        *[lambda: operations.remove(assignment, by=gita)] * 3,
    )

    assert refusals(outcomes) == [{"access_ended"}] * 5
    assert actions() == ["request.removal_asked", "assignment.ended"]
    assert AccessRequest.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("repetition", range(3))
def test_given_back_while_an_extension_is_approved(ada, bo, policy, actions, repetition):
    policy.extension_requires_approval = True
    policy.save()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    assignment = AssignmentFactory(policy=policy, target=ada, ends_at=clock.now() + timedelta(7))
    extension = operations.extend(assignment, by=ada)

    given_back, approved = at_once(
        lambda: operations.give_back(assignment, by=ada),
        lambda: deciding.approve(extension, by=bo),
    )

    assert given_back.state == RequestState.DELIVERING
    extension.refresh_from_db()
    if isinstance(approved, Denied):
        assert approved.codes == {"not_waiting"}
        assert extension.state == RequestState.CANCELED
    else:
        assert extension.state == RequestState.DELIVERED
    assert actions().count("assignment.ended") == 1
