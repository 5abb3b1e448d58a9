"""Managers ask for who reports to them, and sponsors for their guests."""

from datetime import timedelta

import pytest

from entitlements import clock
from entitlements.decisions import Denied
from entitlements.directory.models import UserType
from entitlements.models import AccessRequest, Assignment, AuditEvent, Notification
from entitlements.policies.models import Scope
from entitlements.requests import deciding, operations
from entitlements.requests.states import RequestKind, RequestState
from tests.factories import (
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def dev(ada):
    """Ada's manager."""
    dev = UserFactory(display_name="Dev Patel")
    ada.manager = dev
    ada.save()
    return dev


@pytest.fixture
def guest(dev):
    """Somebody from outside, whom Dev sponsors."""
    guest = UserFactory(display_name="Eli Weiss", user_type=UserType.GUEST)
    guest.sponsors.add(dev, UserFactory())
    return guest


@pytest.fixture
def policy():
    return AssignmentPolicyFactory(allows_on_behalf=True, allows_custom_dates=True)


@pytest.fixture
def held(ada, policy, run_queue):
    assignment = operations.submit(policy, by=ada).assignment
    run_queue()
    return assignment


def test_a_manager_asks_in_the_name_of_a_report(ada, dev, policy, actions, queued, told):
    ends_at = clock.now() + 3 * DAY

    access_request = operations.submit(
        policy, by=dev, target=ada, justification="New in the team", ends_at=ends_at
    )

    assert access_request.kind == RequestKind.ON_BEHALF_ADD
    assert access_request.state == RequestState.DELIVERING
    assert (access_request.requestor, access_request.target) == (dev, ada)
    assert access_request.assignment.target == ada
    assert access_request.assignment.ends_at == ends_at
    assert not access_request.assignment.is_direct
    assert actions() == [
        "request.submitted",
        "request.approved_automatically",
        "assignment.begun",
        "request.delivery_started",
    ]
    assert "delivery.tasks.deliver" in queued()
    event = AuditEvent.objects.get(action="request.submitted")
    assert (event.actor_id, event.target_id) == (dev.pk, ada.pk)
    assert event.details["justification"] == "New in the team"
    assert told("request.asked_for_you") == ["Ada Lovelace"]


def test_a_sponsor_asks_for_his_guest(dev, guest, policy):
    policy.scope = Scope.ALL_USERS
    policy.save()

    access_request = operations.submit(policy, by=dev, target=guest)

    assert access_request.kind == RequestKind.ON_BEHALF_ADD
    assert access_request.assignment.target == guest


def test_the_policy_must_fit_whoever_gets_it_and_not_whoever_asks(ada, dev, policy):
    policy.scope = Scope.SPECIFIC
    policy.save()
    policy.allowed_users.add(ada)

    with pytest.raises(Denied) as denied:
        operations.submit(policy, by=dev)
    assert denied.value.codes == {"not_in_scope"}

    assert operations.submit(policy, by=dev, target=ada).assignment.target == ada


def test_asking_for_oneself_by_name_is_asking_for_oneself(ada):
    access_request = operations.submit(AssignmentPolicyFactory(), by=ada, target=ada)

    assert access_request.kind == RequestKind.USER_ADD


def test_both_are_told_when_it_is_set_up(ada, dev, policy, run_queue, told):
    operations.submit(policy, by=dev, target=ada)

    run_queue()

    assert told("access.given") == ["Ada Lovelace"]
    assert told("access.given_to_other") == ["Dev Patel"]


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"allows_on_behalf": False}, {"on_behalf_not_allowed"}),
        ({"scope": Scope.SPECIFIC}, {"not_in_scope"}),
        ({"is_enabled": False}, {"policy_off"}),
        (
            {"allows_on_behalf": False, "scope": Scope.SPECIFIC, "requires_justification": True},
            {"on_behalf_not_allowed", "not_in_scope", "justification_missing"},
        ),
    ],
)
def test_what_speaks_against_it_is_said_all_at_once(ada, dev, policy, actions, change, codes):
    for name, value in change.items():
        setattr(policy, name, value)
    policy.save()

    with pytest.raises(Denied) as denied:
        operations.submit(policy, by=dev, target=ada)

    assert denied.value.codes == codes
    assert not AccessRequest.objects.exists()
    assert actions() == []


def test_nobody_asks_for_people_of_others(ada, bo, dev, guest, policy):
    boss = UserFactory(display_name="Boss of Dev")
    dev.manager = boss
    dev.save()
    member = UserFactory()
    member.sponsors.add(bo)

    for by, target in ((bo, ada), (boss, ada), (ada, dev), (dev, bo), (bo, member)):
        with pytest.raises(Denied) as denied:
            operations.submit(policy, by=by, target=target)
        assert denied.value.codes == {"not_your_people"}


def test_a_disabled_manager_asks_for_nobody_and_nobody_for_the_disabled(ada, dev, policy):
    ada.is_active = False
    ada.save()
    with pytest.raises(Denied) as denied:
        operations.submit(policy, by=dev, target=ada)
    assert denied.value.codes == {"account_disabled"}

    ada.is_active, dev.is_active = True, False
    ada.save()
    dev.save()
    with pytest.raises(Denied) as denied:
        operations.submit(policy, by=dev, target=ada)
    assert denied.value.codes == {"account_disabled"}


def test_what_is_held_already_is_not_asked_for(ada, dev, policy, held):
    with pytest.raises(Denied) as denied:
        operations.submit(policy, by=dev, target=ada)

    assert denied.value.codes == {"already_held"}


def test_the_manager_who_asks_never_decides(ada, bo, dev, policy, told):
    ApprovalStageFactory(policy=policy, position=1, manager=True, fallbacks=[dev, bo])

    access_request = operations.submit(policy, by=dev, target=ada)

    assert told("approval.asked") == ["Bo Chen"]
    for somebody in (dev, ada):
        assert access_request not in AccessRequest.objects.waiting_for(somebody)
        with pytest.raises(Denied) as denied:
            deciding.approve(access_request, by=somebody)
        assert "own_request" in denied.value.codes
    assert deciding.approve(access_request, by=bo).assignment.target == ada


def test_a_stage_that_only_the_asking_manager_could_decide_waits_for_nobody(ada, dev, policy, told):
    ApprovalStageFactory(policy=policy, position=1, manager=True, fallbacks=[dev])

    access_request = operations.submit(policy, by=dev, target=ada)

    assert access_request.state == RequestState.PENDING_APPROVAL
    assert told("approval.asked") == []


@pytest.mark.parametrize("who", ["dev", "ada"])
def test_both_can_call_it_off_and_read_it(request, ada, bo, dev, policy, who):
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    access_request = operations.submit(policy, by=dev, target=ada)
    somebody = request.getfixturevalue(who)

    assert access_request in AccessRequest.objects.visible_to(somebody)
    assert operations.cancel(access_request, by=somebody).state == RequestState.CANCELED


def test_both_are_told_of_a_denial_and_of_silence(ada, bo, dev, policy, told):
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    deciding.deny_request(operations.submit(policy, by=dev, target=ada), by=bo)
    assert told("request.denied") == ["Ada Lovelace", "Dev Patel"]

    access_request = operations.submit(policy, by=dev, target=ada)
    with clock.at(clock.now() + 15 * DAY):
        deciding.lapse(access_request.steps.get())
    assert told("request.lapsed") == ["Ada Lovelace", "Dev Patel"]


def test_a_denied_request_is_sent_again_for_the_same_person(ada, bo, dev, policy):
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    access_request = operations.submit(policy, by=dev, target=ada, justification="Year-end close")
    denied = deciding.deny_request(access_request, by=bo)

    fresh = operations.resubmit(denied, by=dev)

    assert (fresh.requestor, fresh.target) == (dev, ada)
    assert fresh.kind == RequestKind.ON_BEHALF_ADD
    assert fresh.justification == "Year-end close"
    operations.cancel(fresh, by=ada)
    with pytest.raises(Denied) as refused:
        operations.resubmit(denied, by=ada)
    assert refused.value.codes == {"not_requestor"}


def test_the_policy_says_so_in_the_terms_that_a_request_keeps(ada, dev, policy):
    assert operations.submit(policy, by=dev, target=ada).terms["allows_on_behalf"] is True


@pytest.mark.django_db(transaction=True)
def test_two_who_answer_for_one_guest_ask_at_once_and_make_one_request(dev, guest, policy):
    policy.scope = Scope.ALL_USERS
    policy.save()
    gita = UserFactory(display_name="Gita Rao")
    guest.sponsors.add(gita)

    outcomes = at_once(
        *[lambda: operations.submit(policy, by=dev, target=guest)] * 3,
        *[lambda: operations.submit(policy, by=gita, target=guest)] * 3,
        lambda: operations.submit(policy, by=guest),
    )

    assert len(refusals(outcomes)) == 6
    assert AccessRequest.objects.count() == 1
    assert Assignment.objects.count() == 1


def test_a_manager_ends_access_and_says_why(ada, dev, held, actions, told, run_queue):
    before = len(actions())

    access_request = operations.remove_on_behalf(held, by=dev, justification="Changed teams")

    held.refresh_from_db()
    assert access_request.kind == RequestKind.ON_BEHALF_REMOVE
    assert (access_request.requestor, access_request.target) == (dev, ada)
    assert held.ended_at is not None
    assert (held.end_reason, held.ended_by) == ("removed_on_behalf", dev)
    assert actions()[before:] == ["request.removal_asked", "assignment.ended"]
    assert told("access.ended") == ["Ada Lovelace"]
    fact = Notification.objects.get(event="access.ended").facts["reason"]
    assert fact == "ended by a manager or sponsor of the person"
    run_queue()
    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERED


def test_an_extension_under_way_is_called_off_when_a_manager_ends_it(ada, bo, dev, held):
    ApprovalStageFactory(policy=held.policy, position=1, approvers=[bo])
    held.policy.extension_requires_approval = True
    held.policy.save()
    extension = operations.extend(held, by=ada)

    operations.remove_on_behalf(held, by=dev, justification="Changed teams")

    extension.refresh_from_db()
    assert extension.state == RequestState.CANCELED


def test_who_may_not_end_access_learns_every_reason(ada, bo, dev, held, actions):
    before = actions()
    with pytest.raises(Denied) as denied:
        operations.remove_on_behalf(held, by=dev, justification=" ")
    assert denied.value.codes == {"justification_missing"}

    held.policy.allows_on_behalf = False
    held.policy.save()
    with pytest.raises(Denied) as denied:
        operations.remove_on_behalf(held, by=bo, justification="")
    assert denied.value.codes == {
        "not_your_people",
        "on_behalf_not_allowed",
        "justification_missing",
    }
    assert actions() == before


def test_ended_access_is_not_ended_again(ada, dev, policy):
    assignment = AssignmentFactory(policy=policy, target=ada, ends_at=clock.now() - DAY / 2)

    with pytest.raises(Denied) as denied:
        operations.remove_on_behalf(assignment, by=dev, justification="Changed teams")

    assert denied.value.codes == {"access_ended"}


@pytest.mark.django_db(transaction=True)
def test_a_manager_and_the_holder_end_it_at_once(ada, dev, policy):
    assignment = AssignmentFactory(policy=policy, target=ada)

    outcomes = at_once(
        lambda: operations.remove_on_behalf(assignment, by=dev, justification="Changed teams"),
        lambda: operations.give_back(assignment, by=ada),
    )

    assert refusals(outcomes) == [{"access_ended"}]
    assert AccessRequest.objects.count() == 1
