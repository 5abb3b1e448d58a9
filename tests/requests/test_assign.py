from datetime import timedelta

import pytest

from entitlements import clock
from entitlements.decisions import Denied
from entitlements.directory.models import UserType
from entitlements.models import AccessRequest, AuditEvent
from entitlements.policies.models import Scope
from entitlements.requests import deciding, operations
from entitlements.requests.states import RequestKind, RequestState
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory, UserFactory
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def direct(gita, appoint):
    """A policy for direct assignment only, in a catalog whose assignments Gita manages."""
    policy = AssignmentPolicyFactory(scope=Scope.NOBODY, requires_justification=True)
    appoint(gita, policy.package.catalog, "assignment_manager")
    return policy


def test_access_is_given_directly(ada, gita, direct, actions, queued):
    access_request = operations.assign(direct, ada, by=gita, justification="New in the team")

    assert access_request.kind == RequestKind.ADMIN_ADD
    assert access_request.state == RequestState.DELIVERING
    assert (access_request.requestor, access_request.target) == (gita, ada)
    assert access_request.assignment.is_direct
    assert access_request.assignment.target == ada
    assert actions() == [
        "request.given_directly",
        "request.approved_automatically",
        "assignment.begun",
        "request.delivery_started",
    ]
    assert queued() == ["delivery.tasks.deliver"]
    event = AuditEvent.objects.order_by("pk").first()
    assert (event.actor_id, event.target_id) == (gita.pk, ada.pk)
    assert event.details["justification"] == "New in the team"


def test_a_reason_is_not_needed_and_the_policy_says_when_it_ends(ada, gita, direct):
    assignment = operations.assign(direct, ada, by=gita).assignment

    assert assignment.ends_at - assignment.starts_at == 90 * DAY


def test_dates_may_be_chosen_within_the_limit(ada, gita, direct):
    ends_at = clock.now() + 3 * DAY

    assert operations.assign(direct, ada, by=gita, ends_at=ends_at).assignment.ends_at == ends_at

    with pytest.raises(Denied) as denied:
        operations.assign(direct, UserFactory(), by=gita, ends_at=clock.now() + 91 * DAY)
    assert denied.value.codes == {"ends_after_limit"}


def test_under_a_policy_with_approval_it_waits_for_the_approvers(ada, bo, gita, direct, told):
    ApprovalStageFactory(policy=direct, position=1, approvers=[bo])

    access_request = operations.assign(direct, ada, by=gita)

    assert access_request.state == RequestState.PENDING_APPROVAL
    assert told("approval.asked") == ["Bo Chen"]
    assert deciding.approve(access_request, by=bo).assignment.is_direct


def test_a_policy_that_takes_no_requests_still_serves_for_direct_access(ada, gita, direct):
    direct.accepts_requests = False
    direct.save()

    assert operations.assign(direct, ada, by=gita).state == RequestState.DELIVERING


@pytest.mark.parametrize("role", [None, "reader"])
def test_only_managers_of_assignments_give_access(ada, bo, direct, appoint, role, actions):
    if role:
        appoint(bo, direct.package.catalog, role)

    with pytest.raises(Denied) as denied:
        operations.assign(direct, ada, by=bo)

    assert denied.value.codes == {"not_permitted"}
    assert not AccessRequest.objects.exists()
    assert actions() == []


def test_a_manager_of_another_catalog_gives_nothing(ada, bo, direct, appoint):
    appoint(bo, AssignmentPolicyFactory().package.catalog)

    with pytest.raises(Denied) as denied:
        operations.assign(direct, ada, by=bo)

    assert denied.value.codes == {"not_permitted"}


def test_whoever_gets_access_must_fit_the_policy(gita, direct):
    direct.scope = Scope.ALL_MEMBERS
    direct.save()

    with pytest.raises(Denied) as denied:
        operations.assign(direct, UserFactory(user_type=UserType.GUEST), by=gita)

    assert denied.value.codes == {"not_in_scope"}


@pytest.mark.parametrize(
    ("changes", "codes"),
    [({"is_enabled": False}, {"policy_off"}), ({"package__state": "retired"}, {"package_closed"})],
)
def test_what_is_switched_off_cannot_be_given(ada, gita, appoint, changes, codes):
    policy = AssignmentPolicyFactory(**changes)
    appoint(gita, policy.package.catalog)

    with pytest.raises(Denied) as denied:
        operations.assign(policy, ada, by=gita)

    assert denied.value.codes == codes


def test_the_disabled_are_given_nothing(gita, direct):
    with pytest.raises(Denied) as denied:
        operations.assign(direct, UserFactory(is_active=False), by=gita)

    assert denied.value.codes == {"account_disabled"}


def test_nobody_is_given_what_he_holds(ada, gita, direct):
    operations.assign(direct, ada, by=gita)

    with pytest.raises(Denied) as denied:
        operations.assign(direct, ada, by=gita)

    assert denied.value.codes == {"already_held"}


@pytest.mark.django_db(transaction=True)
def test_given_and_asked_for_at_once_makes_one_request(ada, gita, appoint):
    policy = AssignmentPolicyFactory()
    appoint(gita, policy.package.catalog)

    outcomes = at_once(
        *[lambda: operations.assign(policy, ada, by=gita)] * 3,
        *[lambda: operations.submit(policy, by=ada)] * 3,
    )

    assert len(refusals(outcomes)) == 5
    assert AccessRequest.objects.count() == 1
