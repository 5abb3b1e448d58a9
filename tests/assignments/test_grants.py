from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from entitlements import clock
from entitlements.assignments import grants, operations
from entitlements.assignments.grants import Grant, also_given, roles_of
from entitlements.assignments.models import Assignment, EndReason
from entitlements.models import AccessPackage, AuditEvent, PackageRole
from entitlements.policies.rules import Span
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    ResourceRoleFactory,
    UserFactory,
)
from tests.threads import at_once

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def package_with(*roles):
    return AccessPackageFactory(roles=list(roles))


def begin(package, target, ends_at=None):
    policy = AssignmentPolicyFactory(package=package)
    span = Span(clock.now(), ends_at)
    with transaction.atomic():
        return operations.begin(policy, target, span, by=target, is_direct=False)


def given(**facts):
    """Say of every grant that the target system is so."""
    Grant.objects.update(is_given=True, next_attempt_at=None, **facts)


@pytest.fixture
def role():
    return ResourceRoleFactory()


@pytest.fixture
def other_role():
    return ResourceRoleFactory()


def test_an_assignment_wants_every_role_of_its_package(ada, role, other_role, queued, actions):
    assignment = begin(package_with(role, other_role), ada)

    wanted = Grant.objects.of_assignment(assignment)
    assert {grant.role for grant in wanted} == {role, other_role}
    assert Grant.objects.due().count() == 2
    assert {grant.shown_state for grant in wanted} == {"waiting"}
    assert actions() == ["assignment.begun"]
    assert queued() == ["delivery.tasks.deliver"]


def test_a_role_given_by_two_packages_goes_with_the_last_of_them(ada, role, other_role):
    first = begin(package_with(role, other_role), ada)
    second = begin(package_with(role), ada)
    given()
    assert Grant.objects.count() == 2

    operations.end(first, EndReason.GIVEN_BACK, by=ada)
    assert Grant.objects.get(role=role).is_wanted
    assert Grant.objects.get(role=role).next_attempt_at is None
    assert not Grant.objects.get(role=other_role).is_wanted

    operations.end(second, EndReason.GIVEN_BACK, by=ada)
    assert not Grant.objects.filter(is_wanted=True).exists()
    assert {grant.shown_state for grant in Grant.objects.all()} == {"removing"}


def test_somebody_elses_package_does_not_keep_the_role(ada, bo, role):
    package = package_with(role)
    mine = begin(package, ada)
    begin(package, bo)

    operations.end(mine, EndReason.GIVEN_BACK, by=ada)

    assert [grant.user for grant in Grant.objects.filter(is_wanted=True)] == [bo]


def test_a_package_past_its_end_does_not_keep_the_role(ada, role):
    moment = clock.now()
    first = begin(package_with(role), ada, moment + 2 * DAY)
    begin(package_with(role), ada, moment + DAY)

    with clock.at(moment + DAY):
        assert grants.unwant([first.pk]) == 0
        operations.end(first, EndReason.GIVEN_BACK, by=ada)

    assert not Grant.objects.get().is_wanted


def test_a_role_that_is_wanted_again_is_not_taken(ada, role):
    package = package_with(role)
    first = begin(package, ada)
    given()
    operations.end(first, EndReason.GIVEN_BACK, by=ada)

    begin(package, ada)

    grant = Grant.objects.get()
    assert grant.is_wanted
    assert grant.next_attempt_at is not None


def test_what_is_given_already_is_not_due_again(ada, role, other_role):
    begin(package_with(role), ada)
    given()

    begin(package_with(role, other_role), ada)

    assert [grant.role for grant in Grant.objects.due()] == [other_role]


def test_a_failed_role_is_tried_again_for_the_next_package(ada, role):
    begin(package_with(role), ada)
    Grant.objects.update(next_attempt_at=None, attempts=9, last_error="Full.", error_code="full")
    assert Grant.objects.failed().get().shown_state == "failed"

    begin(package_with(role), ada)

    grant = Grant.objects.get()
    assert (grant.attempts, grant.last_error, grant.error_code) == (0, "", "")
    assert grant.shown_state == "waiting"
    assert not Grant.objects.failed().exists()


def test_a_worker_that_holds_a_grant_keeps_its_count(ada, role):
    assignment = begin(package_with(role), ada)
    Grant.objects.update(lease_until=clock.now() + DAY, attempts=3)

    operations.end(assignment, EndReason.GIVEN_BACK, by=ada)

    assert Grant.objects.get().attempts == 3


def test_a_role_that_the_package_lost_before_it_ended_goes_too(ada, role, other_role):
    package = package_with(role, other_role)
    assignment = begin(package, ada)
    given()
    PackageRole.objects.filter(role=role).delete()
    AccessPackage.objects.update(recount_at=clock.now())

    operations.end(assignment, EndReason.GIVEN_BACK, by=ada)

    assert not Grant.objects.filter(is_wanted=True).exists()
    assert Grant.objects.due().count() == 2


def test_a_new_role_is_wanted_for_all_holders_and_no_others(ada, bo, gita, role, other_role):
    package = package_with(role)
    begin(package, ada)
    begin(package, bo)
    operations.end(begin(package, gita), EndReason.GIVEN_BACK, by=gita)
    given()
    PackageRole.objects.create(package=package, role=other_role)

    assert grants.recount(package.pk) == 2

    assert {grant.user for grant in Grant.objects.filter(role=other_role)} == {ada, bo}
    assert Grant.objects.due().count() == 2


def test_a_lost_role_is_taken_unless_another_package_gives_it(ada, bo, role, other_role):
    package = package_with(role, other_role)
    begin(package, ada)
    begin(package, bo)
    begin(package_with(role), bo)
    given()
    PackageRole.objects.filter(package=package, role=role).delete()

    grants.recount(package.pk)

    due = Grant.objects.due().get()
    assert (due.user, due.role, due.is_wanted) == (ada, role, False)


def test_a_lost_role_is_taken_too_from_those_whose_end_has_come(ada, role, other_role):
    package = package_with(role, other_role)
    moment = clock.now()
    assignment = begin(package, ada, moment + DAY)
    given()
    PackageRole.objects.filter(role=role).delete()

    with clock.at(moment + DAY):
        assert grants.recount(package.pk) == 0
        operations.end(assignment, EndReason.TIME, by=None)

    assert not Grant.objects.filter(is_wanted=True).exists()
    assert Grant.objects.due().count() == 0
    with clock.at(moment + 2 * DAY):
        assert Grant.objects.due().count() == 2


def test_a_recount_of_many_holders_goes_in_batches(monkeypatch, role, other_role):
    monkeypatch.setattr(grants, "BATCH", 2)
    package = package_with(role)
    policy = AssignmentPolicyFactory(package=package)
    for _ in range(5):
        AssignmentFactory(policy=policy)

    assert grants.recount(package.pk) == 5
    assert Grant.objects.filter(role=role, is_wanted=True).count() == 5


def test_a_package_without_roles_wants_nothing(ada):
    begin(AccessPackageFactory(roles=[]), ada)

    assert not Grant.objects.exists()


def test_grants_are_covered_while_an_assignment_is_live(ada, role):
    moment = clock.now()
    begin(package_with(role), ada, moment + DAY)

    assert Grant.objects.covered().exists()
    with clock.at(moment + DAY):
        assert not Grant.objects.covered().exists()


def test_grants_are_visible_to_those_who_look_after_a_catalog_that_gives_them(
    ada, bo, gita, role, appoint
):
    moment = clock.now()
    assignment = begin(package_with(role), ada, moment + DAY)
    begin(package_with(role), bo)
    appoint(gita, assignment.package.catalog, "reader")

    assert Grant.objects.visible_to(gita).get().user == ada
    assert not Grant.objects.visible_to(bo).exists()
    with clock.at(moment + DAY):
        assert not Grant.objects.visible_to(gita).exists()


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ({"is_wanted": True, "is_given": True}, "done"),
        ({"is_wanted": True, "is_given": True, "due": True}, "done"),
        ({"is_wanted": True, "is_given": False, "due": True}, "waiting"),
        ({"is_wanted": True, "is_given": False}, "failed"),
        ({"is_wanted": True, "is_given": True, "error_code": "gone"}, "failed"),
        ({"is_wanted": True, "is_given": True, "error_code": "gone", "due": True}, "done"),
        ({"is_wanted": False, "is_given": True, "due": True}, "removing"),
        ({"is_wanted": False, "is_given": False, "due": True}, "removing"),
        ({"is_wanted": False, "is_given": False}, "removed"),
    ],
)
def test_people_read_one_word_of_a_grant(ada, role, facts, shown):
    facts = dict(facts)
    due = clock.now() if facts.pop("due", False) else None

    grant = Grant.objects.create(user=ada, role=role, next_attempt_at=due, **facts)

    assert grant.shown_state == shown
    assert Grant.objects.failed().exists() is (shown == "failed")


def test_an_assignment_shows_its_roles_and_what_else_gives_them(ada, role, other_role):
    package = package_with(role, other_role)
    assignment = begin(package, ada)
    second = begin(package_with(role), ada)
    Grant.objects.filter(role=other_role).delete()

    held = roles_of(assignment)

    assert [(item.role, item.shown_state) for item in held] == [
        (role, "waiting"),
        (other_role, "waiting"),
    ]
    assert held[1].grant is None
    assert also_given(assignment) == {role.pk: [str(second.package)]}


def test_one_grant_per_user_and_role(ada, role):
    grant = Grant.objects.create(user=ada, role=role)
    assert str(grant) == f"{role} for Ada Lovelace"

    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.create(user=ada, role=role)


def test_the_end_of_what_time_ended_is_told_as_the_page_shows_it(ada, role):
    moment = clock.now()
    assignment = begin(package_with(role), ada, moment + DAY)

    with clock.at(moment + 2 * DAY):
        operations.end(assignment, EndReason.TIME, by=None)

    event = AuditEvent.objects.get(action="assignment.ended")
    assert (event.actor_id, event.details) == (None, {"reason": "time"})
    assert ada.notifications.get().fact("ended_at") == (moment + DAY).isoformat()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("repetition", range(3))
def test_two_packages_that_end_at_once_leave_no_role_behind(ada, role, repetition):
    """The second to come must see that the first has ended."""
    pair = [begin(package_with(role), ada) for _ in range(2)]
    given()

    def end(assignment):
        with transaction.atomic():
            operations.end(assignment, EndReason.GIVEN_BACK, by=ada)

    assert at_once(*[lambda each=each: end(each) for each in pair]) == [None, None]

    grant = Grant.objects.get()
    assert not grant.is_wanted
    assert grant.next_attempt_at is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("repetition", range(5))
def test_a_package_that_begins_as_another_ends_keeps_the_role(ada, role, repetition):
    old = begin(package_with(role), ada)
    given()
    policies = [AssignmentPolicyFactory(package=package_with(role)) for _ in range(2)]

    def end():
        with transaction.atomic():
            operations.end(old, EndReason.GIVEN_BACK, by=ada)

    def start(policy):
        with transaction.atomic():
            span = Span(clock.now(), None)
            operations.begin(policy, ada, span, by=ada, is_direct=False)

    outcomes = at_once(end, *[lambda each=each: start(each) for each in policies])

    assert outcomes == [None, None, None]
    assert Assignment.objects.live().count() == 2
    assert Grant.objects.get().is_wanted


@pytest.mark.django_db(transaction=True)
def test_many_people_get_and_lose_the_same_roles_at_once_without_a_deadlock():
    roles = [ResourceRoleFactory() for _ in range(3)]
    forth, back = package_with(*roles), package_with(*reversed(roles))
    people = [UserFactory() for _ in range(3)]

    def live(package, person):
        policy = AssignmentPolicyFactory(package=package)
        with transaction.atomic():
            span = Span(clock.now(), None)
            assignment = operations.begin(policy, person, span, by=None, is_direct=False)
        with transaction.atomic():
            operations.end(assignment, EndReason.REMOVED, by=None)

    outcomes = at_once(
        *[
            lambda package=package, person=person: live(package, person)
            for package in (forth, back)
            for person in people
        ]
    )

    assert outcomes == [None] * 6
    assert Grant.objects.count() == 9
    assert not Grant.objects.filter(is_wanted=True).exists()
