"""Managers of assignments let somebody keep access for longer."""

from datetime import date, timedelta

import pytest

from entitlements import clock
from entitlements.catalog.models import PackageState
from entitlements.decisions import Denied
from entitlements.models import AccessPackage, AuditEvent
from entitlements.policies.models import Expiration, Scope
from entitlements.requests import deciding, operations
from entitlements.requests.states import RequestKind, RequestState
from tests.factories import ApprovalStageFactory, AssignmentFactory, AssignmentPolicyFactory
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def held(ada, gita, appoint):
    policy = AssignmentPolicyFactory(requires_justification=True)
    appoint(gita, policy.package.catalog, "assignment_manager")
    return AssignmentFactory(policy=policy, target=ada)


def test_a_manager_of_assignments_moves_the_end(ada, gita, held, actions, told):
    end = held.ends_at

    access_request = operations.prolong(held, by=gita, ends_at=end + DAY, justification="Project")

    assert access_request.kind == RequestKind.ADMIN_UPDATE
    assert access_request.state == RequestState.DELIVERED
    assert (access_request.requestor, access_request.target) == (gita, ada)
    held.refresh_from_db()
    assert held.ends_at == end + DAY
    assert actions() == [
        "request.extension_given",
        "request.approved_automatically",
        "assignment.extended",
        "request.extended",
    ]
    event = AuditEvent.objects.get(action="request.extension_given")
    assert (event.actor_id, event.details["justification"]) == (gita.pk, "Project")
    assert told("access.extended") == ["Ada Lovelace"]


def test_without_a_date_the_policy_says_until_when(gita, held):
    end = held.ends_at

    operations.prolong(held, by=gita)

    held.refresh_from_db()
    assert held.ends_at == end + 90 * DAY


def test_a_manager_may_where_holders_may_not_and_asks_the_approvers(bo, gita, held):
    held.policy.allows_extension = False
    held.policy.save()
    ApprovalStageFactory(policy=held.policy, position=1, approvers=[bo])
    end = held.ends_at

    access_request = operations.prolong(held, by=gita)

    assert access_request.state == RequestState.PENDING_APPROVAL
    held.refresh_from_db()
    assert held.ends_at == end
    deciding.approve(access_request, by=bo)
    held.refresh_from_db()
    assert held.ends_at == end + 90 * DAY


@pytest.mark.parametrize(
    ("terms", "days", "codes"),
    [
        ({"is_enabled": False}, 10, {"extension_not_allowed"}),
        ({"scope": Scope.SPECIFIC}, 10, {"not_in_scope"}),
        ({}, 91, {"ends_after_limit"}),
        ({}, 0, {"not_later"}),
        ({"is_enabled": False, "scope": Scope.SPECIFIC}, 91, {
            "extension_not_allowed", "not_in_scope", "ends_after_limit",
        }),
    ],
)  # fmt: skip
def test_the_limits_of_the_policy_hold(gita, held, actions, terms, days, codes):
    for name, value in terms.items():
        setattr(held.policy, name, value)
    held.policy.save()

    with pytest.raises(Denied) as denied:
        operations.prolong(held, by=gita, ends_at=held.ends_at + days * DAY)

    assert denied.value.codes == codes
    assert actions() == []


def test_only_managers_of_assignments_do_it_and_not_for_themselves(ada, bo, gita, held, appoint):
    appoint(bo, held.package.catalog, "reader")
    for somebody, code in ((bo, "not_permitted"), (ada, "own_access")):
        with pytest.raises(Denied) as denied:
            operations.prolong(held, by=somebody)
        assert denied.value.codes == {code}


def test_ended_access_is_not_prolonged(gita, held):
    with clock.at(held.ends_at), pytest.raises(Denied) as denied:
        operations.prolong(held, by=gita)

    assert denied.value.codes == {"access_ended"}


@pytest.mark.parametrize("by", ["ada", "gita"])
def test_access_to_a_retired_package_is_not_kept_for_longer(request, held, by, actions):
    AccessPackage.objects.update(state=PackageState.RETIRED)
    act = operations.extend if by == "ada" else operations.prolong

    with pytest.raises(Denied) as denied:
        act(held, by=request.getfixturevalue(by), justification="Project")

    assert denied.value.codes == {"package_retired"}
    assert "publish it again" in str(denied.value)
    assert actions() == []


def test_a_person_who_is_no_longer_in_scope_keeps_the_access_until_its_end_and_no_longer(ada, held):
    held.policy.scope = Scope.SPECIFIC
    held.policy.save()

    with pytest.raises(Denied) as denied:
        operations.extend(held, by=ada, justification="Project")

    assert denied.value.codes == {"not_in_scope"}
    assert held.is_live


def test_the_last_day_is_counted_in_the_organizations_zone(ada, settings):
    settings.ORGANIZATION_TIME_ZONE = "Pacific/Auckland"
    last = clock.day_ends(date(2027, 6, 30))
    policy = AssignmentPolicyFactory(expiration=Expiration.ON_DATE, duration=None, ends_on=last)
    assignment = AssignmentFactory(policy=policy, target=ada, ends_at=last - 30 * DAY)

    with pytest.raises(Denied) as denied:
        operations.extend(assignment, by=ada, ends_at=last + timedelta(seconds=1))
    assert denied.value.codes == {"ends_after_limit"}

    operations.extend(assignment, by=ada, ends_at=last)
    assignment.refresh_from_db()
    assert assignment.ends_at == last
    assert assignment.ends_at.astimezone(clock.zone()).date() == date(2027, 6, 30)


@pytest.mark.django_db(transaction=True)
def test_holder_and_manager_at_once_move_the_end_once(ada, gita, held):
    held.policy.requires_justification = False
    held.policy.save()
    ends_at = held.ends_at + 90 * DAY

    outcomes = at_once(
        lambda: operations.extend(held, by=ada, ends_at=ends_at),
        lambda: operations.prolong(held, by=gita, ends_at=ends_at),
    )

    assert refusals(outcomes) == [{"not_later"}]
    held.refresh_from_db()
    assert held.ends_at == ends_at
