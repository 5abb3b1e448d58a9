from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from entitlements import clock
from entitlements.assignments.models import Assignment, AssignmentState
from entitlements.catalog.models import PackageState
from entitlements.decisions import Denied
from entitlements.directory.models import UserType
from entitlements.models import AccessRequest, AuditEvent, Grant
from entitlements.policies.models import AssignmentPolicy, Expiration, Scope
from entitlements.policies.rules import LONGEST_TEXT
from entitlements.requests import operations
from entitlements.requests.models import StepState
from entitlements.requests.states import RequestState
from tests.factories import (
    AccessRequestFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    GroupFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_without_approval_access_is_set_up_at_once(ada, policy, queued, actions):
    access_request = operations.submit(policy, by=ada, justification="  Year-end close ")

    assert access_request.state == RequestState.DELIVERING
    assert access_request.justification == "Year-end close"
    assert actions() == [
        "request.submitted",
        "request.approved_automatically",
        "assignment.begun",
        "request.delivery_started",
    ]
    assert queued() == ["delivery.tasks.deliver"]
    assignment = access_request.assignment
    assert assignment.state == AssignmentState.DELIVERING
    assert assignment.is_live
    assert not assignment.is_direct
    assert assignment.ends_at - assignment.starts_at == 90 * DAY
    assert Grant.objects.get().is_wanted


def test_events_say_who_did_what_for_whom(ada, policy):
    operations.submit(policy, by=ada, justification="Year-end close")

    submitted, approved, begun, _ = AuditEvent.objects.order_by("pk")
    assert (submitted.actor_name, submitted.target_id) == ("Ada Lovelace", ada.pk)
    assert submitted.details == {
        "package": str(policy.package),
        "justification": "Year-end close",
    }
    assert (approved.actor_id, approved.actor_name) == (None, "The system")
    assert approved.details["source"] == "submitted"
    assert approved.details["state"] == "approved"
    assert begun.actor_id == ada.pk


def test_with_approval_the_first_stage_is_asked(ada, approved_twice, queued, actions, told):
    access_request = operations.submit(approved_twice, by=ada)

    assert access_request.state == RequestState.PENDING_APPROVAL
    assert access_request.assignment is None
    assert actions() == ["request.submitted", "request.approval_asked"]
    assert queued() == ["notifications.tasks.send_due"]
    assert told("approval.asked") == ["Bo Chen"]
    first, second = access_request.steps.all()
    assert (first.state, second.state) == (StepState.WAITING, StepState.COMING)
    assert first.due_at - first.opened_at < 14 * DAY + timedelta(seconds=1)
    assert (second.opened_at, second.due_at) == (None, None)
    assert AuditEvent.objects.get(action="request.approval_asked").details["asked"] == ["Bo Chen"]


def test_a_chosen_start_schedules_the_access(scheduled, actions, queued):
    assert scheduled.state == RequestState.SCHEDULED
    assert not Assignment.objects.exists()
    assert actions() == [
        "request.submitted",
        "request.approved_automatically",
        "request.scheduled",
    ]
    assert queued() == []


def test_chosen_dates_are_kept(ada):
    policy = AssignmentPolicyFactory(allows_custom_dates=True)
    ends_at = clock.now() + 10 * DAY

    access_request = operations.submit(policy, by=ada, starts_at=clock.now(), ends_at=ends_at)

    assert access_request.assignment.ends_at == ends_at


def test_today_is_early_enough_for_a_start(ada):
    policy = AssignmentPolicyFactory(allows_custom_dates=True)

    access_request = operations.submit(policy, by=ada, starts_at=clock.today_begins())

    assert access_request.state == RequestState.DELIVERING
    assert clock.now() - access_request.assignment.starts_at < timedelta(seconds=10)


@pytest.mark.parametrize(
    ("lifecycle", "days"),
    [
        ({"expiration": Expiration.NEVER, "duration": None}, None),
        ({"expiration": Expiration.AFTER_HOURS, "duration": 48}, 2),
        ({"expiration": Expiration.AFTER_DAYS, "duration": 3660}, 3660),
    ],
)
def test_the_policy_says_when_access_ends(ada, lifecycle, days):
    assignment = operations.submit(AssignmentPolicyFactory(**lifecycle), by=ada).assignment

    if days is None:
        assert assignment.ends_at is None
    else:
        assert assignment.ends_at == assignment.starts_at + days * DAY


def test_a_policy_may_end_all_access_on_one_date(ada):
    ends_on = clock.now() + 5 * DAY
    policy = AssignmentPolicyFactory(expiration=Expiration.ON_DATE, duration=None, ends_on=ends_on)

    assert operations.submit(policy, by=ada).assignment.ends_at == ends_on


def test_the_policy_is_frozen_into_the_request(ada, approved_by_bo, gita):
    access_request = operations.submit(approved_by_bo, by=ada)
    approved_by_bo.stages.all().delete()
    approved_by_bo.duration = 1
    approved_by_bo.save()

    access_request.refresh_from_db()
    assert access_request.terms["duration"] == 90
    assert access_request.terms["stages"][0]["approvers"][0]["name"] == "Bo Chen"
    assert access_request.steps.get().state == StepState.WAITING


def test_access_past_its_end_does_not_stand_in_the_way(ada, policy, told):
    old = AssignmentFactory(
        policy=policy, target=ada, starts_at=clock.now() - DAY, ends_at=clock.now()
    )

    access_request = operations.submit(policy, by=ada)

    old.refresh_from_db()
    assert (old.state, old.end_reason) == (AssignmentState.EXPIRED, "time")
    assert access_request.assignment.is_live
    assert told("access.ended") == ["Ada Lovelace"]


REFUSED = [
    ({"is_enabled": False}, {}, {"policy_off"}),
    ({"accepts_requests": False}, {}, {"policy_off"}),
    ({"scope": Scope.NOBODY}, {}, {"not_in_scope"}),
    ({"scope": Scope.SPECIFIC}, {}, {"not_in_scope"}),
    ({"requires_justification": True}, {"justification": " \n"}, {"justification_missing"}),
    ({}, {"justification": "x" * (LONGEST_TEXT + 1)}, {"justification_too_long"}),
    ({}, {"justification": "a\x00b"}, {"justification_unreadable"}),
    ({}, {"ends_at": timedelta(days=2)}, {"dates_not_allowed"}),
    ({}, {"starts_at": timedelta(days=2)}, {"dates_not_allowed"}),
    ({"allows_custom_dates": True}, {"starts_at": -2 * DAY}, {"starts_in_the_past"}),
    ({"allows_custom_dates": True}, {"ends_at": -2 * DAY}, {"ends_in_the_past"}),
    (
        {"allows_custom_dates": True},
        {"starts_at": 4 * DAY, "ends_at": 3 * DAY},
        {"ends_before_start"},
    ),
    ({"allows_custom_dates": True}, {"ends_at": 91 * DAY}, {"ends_after_limit"}),
    ({"allows_custom_dates": True}, {"starts_at": 2_900_000 * DAY}, {"too_far_ahead"}),
    (
        {"allows_custom_dates": True, "expiration": Expiration.NEVER, "duration": None},
        {"ends_at": 2_900_000 * DAY},
        {"too_far_ahead"},
    ),
    (
        {"is_enabled": False, "scope": Scope.NOBODY, "requires_justification": True},
        {},
        {"policy_off", "not_in_scope", "justification_missing"},
    ),
]


@pytest.mark.parametrize(("terms", "wish", "codes"), REFUSED)
def test_what_does_not_fit_is_refused_with_every_reason(ada, queued, actions, terms, wish, codes):
    policy = AssignmentPolicyFactory(**terms)
    moment = clock.now()
    wish = {
        name: moment + value if isinstance(value, timedelta) else value
        for name, value in wish.items()
    }

    with pytest.raises(Denied) as denied:
        operations.submit(policy, by=ada, **wish)

    assert denied.value.codes == codes
    assert not AccessRequest.objects.exists()
    assert (queued(), actions()) == ([], [])


@pytest.mark.parametrize("state", [PackageState.DRAFT, PackageState.RETIRED])
def test_only_published_packages_can_be_asked_for(ada, state):
    policy = AssignmentPolicyFactory(package__state=state)

    with pytest.raises(Denied) as denied:
        operations.submit(policy, by=ada)

    assert denied.value.codes == {"package_closed"}


def test_packages_of_a_disabled_catalog_cannot_be_asked_for(ada):
    policy = AssignmentPolicyFactory(package__catalog__is_enabled=False)

    with pytest.raises(Denied) as denied:
        operations.submit(policy, by=ada)

    assert denied.value.codes == {"package_closed"}


def test_a_disabled_account_cannot_ask(policy):
    with pytest.raises(Denied) as denied:
        operations.submit(policy, by=UserFactory(is_active=False))

    assert denied.value.codes == {"account_disabled"}


def test_a_policy_whose_date_has_passed_gives_nothing(ada):
    policy = AssignmentPolicyFactory(
        expiration=Expiration.ON_DATE, duration=None, ends_on=clock.now() - DAY
    )

    with pytest.raises(Denied) as denied:
        operations.submit(policy, by=ada)

    assert denied.value.codes == {"policy_ended"}


def test_guests_get_nothing_from_a_catalog_for_members_only(ada, bo, appoint):
    guest = UserFactory(user_type=UserType.GUEST)
    everyone = AssignmentPolicyFactory(
        scope=Scope.ALL_USERS, package__catalog=CatalogFactory(is_external=False)
    )
    appoint(bo, everyone.package.catalog, "assignment_manager")

    for give in (
        lambda: operations.submit(everyone, by=guest),
        lambda: operations.assign(everyone, guest, by=bo),
    ):
        with pytest.raises(Denied) as denied:
            give()
        assert denied.value.codes == {"members_only"}
    assert not AssignmentPolicy.objects.open_to(guest).exists()
    assert AssignmentPolicy.objects.open_to(ada).get() == everyone
    assert operations.submit(everyone, by=ada).state == RequestState.DELIVERING


def test_guests_ask_only_under_policies_for_everyone(ada):
    guest = UserFactory(user_type=UserType.GUEST)

    with pytest.raises(Denied) as denied:
        operations.submit(AssignmentPolicyFactory(scope=Scope.ALL_MEMBERS), by=guest)
    assert denied.value.codes == {"not_in_scope"}

    everyone = AssignmentPolicyFactory(scope=Scope.ALL_USERS)
    assert operations.submit(everyone, by=guest).state == RequestState.DELIVERING


def test_members_of_a_named_group_may_ask(ada):
    policy = AssignmentPolicyFactory(scope=Scope.SPECIFIC)
    policy.allowed_groups.add(GroupFactory(members=[ada]))

    assert operations.submit(policy, by=ada).state == RequestState.DELIVERING


def test_nobody_has_two_requests_for_one_package(ada, pending):
    other = AssignmentPolicyFactory(package=pending.package)

    with pytest.raises(Denied) as denied:
        operations.submit(other, by=ada)

    assert denied.value.codes == {"already_requested"}


def test_nobody_asks_for_what_he_holds(ada, held):
    with pytest.raises(Denied) as denied:
        operations.submit(held.policy, by=ada)

    assert denied.value.codes == {"already_held"}


def test_one_open_request_per_package_and_target(ada, pending):
    with pytest.raises(IntegrityError), transaction.atomic():
        AccessRequestFactory(policy=pending.policy, requestor=ada)

    AccessRequestFactory(policy=pending.policy, requestor=ada, state=RequestState.DENIED)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stages", [0, 1])
def test_twenty_identical_requests_at_once_make_one(ada, bo, actions, stages):
    policy = AssignmentPolicyFactory()
    if stages:
        ApprovalStageFactory(policy=policy, position=1, approvers=[bo])

    outcomes = at_once(*[lambda: operations.submit(policy, by=ada)] * 20)

    refused = refusals(outcomes)
    assert len(refused) == 19
    assert set.union(*refused) <= {"already_requested", "already_held"}
    assert AccessRequest.objects.count() == 1
    assert actions().count("request.submitted") == 1


@pytest.mark.django_db(transaction=True)
def test_under_two_policies_at_once_one_request_is_made(ada, bo):
    at_once_given = AssignmentPolicyFactory()
    approved = AssignmentPolicyFactory(package=at_once_given.package)
    ApprovalStageFactory(policy=approved, position=1, approvers=[bo])

    outcomes = at_once(
        *[lambda: operations.submit(at_once_given, by=ada)] * 4,
        *[lambda: operations.submit(approved, by=ada)] * 4,
    )

    assert len(refusals(outcomes)) == 7
    assert AccessRequest.objects.count() == 1
