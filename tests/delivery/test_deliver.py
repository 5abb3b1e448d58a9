"""From what should be to what is: give, take, retry, and say what came of it."""

from datetime import timedelta

import pytest

from entitlements import clock, sweep
from entitlements.assignments.models import AssignmentState
from entitlements.connectors.base import ConnectorRefused, ConnectorUnavailable
from entitlements.delivery import tasks
from entitlements.delivery.claims import (
    GIVE_PAUSES,
    LONGEST_PAUSE,
    TAKE_PAUSES,
    claim,
    postpone,
)
from entitlements.models import AccessPackage, Account, AuditEvent, Grant
from entitlements.requests import operations
from entitlements.requests.states import RequestState
from tests.factories import (
    AccessPackageFactory,
    AssignmentPolicyFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
REFUSED = ConnectorRefused("no_space", "The group is full.")
AWAY = ConnectorUnavailable("timeout", "The server does not answer.")


def events(role):
    found = AuditEvent.objects.filter(subject_id=role.pk).order_by("pk")
    return [event.action for event in found]


def test_every_role_is_given_and_everybody_sees_it(
    ada, submitted, here, there, target, run_queue, holds, actions
):
    before = len(actions())

    run_queue()

    assert holds(ada, here)
    assert target.members(there) == {"Ada Lovelace"}
    submitted.refresh_from_db()
    assert submitted.state == RequestState.DELIVERED
    assert submitted.completed_at is not None
    assert submitted.assignment.state == AssignmentState.DELIVERED
    assert sorted(actions()[before:]) == ["grant.given", "grant.given", "request.delivered"]
    event = AuditEvent.objects.get(subject_id=there.pk)
    assert (event.actor_id, event.target_id) == (None, ada.pk)
    assert event.details == {"system": "Fake target"}
    assert ada.notifications.get().event == "access.given"
    grant = Grant.objects.get(role=there)
    assert (grant.shown_state, grant.attempts, grant.lease_until) == ("done", 0, None)
    assert grant.held_before is False


def test_a_repeated_task_finds_nothing_to_do(ada, delivered, target, actions):
    before, calls = actions(), len(target.calls)

    tasks.deliver(assignment_id=str(delivered.assignment_id))
    tasks.deliver_due(system_id=str(target.system.pk))

    assert actions() == before
    assert len(target.calls) == calls


def test_a_system_that_is_switched_off_gets_nothing_until_it_is_on_again(
    ada, submitted, here, there, target, run_queue, holds, grant_of
):
    target.system.is_enabled = False
    target.system.save()

    run_queue()
    sweep.run()
    run_queue()

    submitted.refresh_from_db()
    waiting = grant_of(there)
    assert holds(ada, here)
    assert target.calls == []
    assert submitted.state == RequestState.DELIVERING
    assert (waiting.attempts, waiting.error_code) == (0, "switched_off")
    assert waiting.last_error == "Fake target is switched off."

    target.system.is_enabled = True
    target.system.save()
    sweep.run()
    run_queue()

    submitted.refresh_from_db()
    assert target.members(there) == {"Ada Lovelace"}
    assert submitted.state == RequestState.DELIVERED
    assert (grant_of(there).error_code, grant_of(there).last_error) == ("", "")


def test_what_must_go_from_a_system_that_is_switched_off_goes_once_it_is_on_again(
    ada, delivered, there, target, run_queue, grant_of
):
    target.system.is_enabled = False
    target.system.save()
    operations.give_back(delivered.assignment, by=ada)
    run_queue()
    sweep.run()
    run_queue()
    assert target.members(there) == {"Ada Lovelace"}
    assert grant_of(there).shown_state == "removing"

    target.system.is_enabled = True
    target.system.save()
    sweep.run()
    run_queue()

    assert target.members(there) == set()


def test_a_task_for_a_system_that_was_switched_off_meanwhile_does_nothing(
    submitted, target, queued, actions
):
    target.system.is_enabled = False
    target.system.save()
    before, waiting = actions(), queued()

    tasks.deliver_due(system_id=str(target.system.pk))
    tasks.take_due(system_id=str(target.system.pk))

    assert (actions(), queued()) == (before, waiting)
    assert target.calls == []


def test_a_task_about_nothing_does_nothing(ada, actions):
    tasks.deliver(assignment_id=str(ada.pk))

    assert actions() == []


def test_what_is_given_back_is_taken_from_every_system(
    ada, delivered, here, there, target, run_queue, holds, actions
):
    before = len(actions())
    removal = operations.give_back(delivered.assignment, by=ada)

    run_queue()

    assert not holds(ada, here)
    assert target.members(there) == set()
    removal.refresh_from_db()
    assert removal.state == RequestState.DELIVERED
    assert sorted(actions()[before:]) == [
        "assignment.ended",
        "grant.taken",
        "grant.taken",
        "request.delivered",
        "request.removal_asked",
    ]
    assert {grant.shown_state for grant in Grant.objects.all()} == {"removed"}
    assert {grant.held_before for grant in Grant.objects.all()} == {None}


def test_a_refused_role_leaves_the_rest_and_says_why(
    ada, submitted, here, there, target, run_queue, holds, grant_of
):
    target.error = REFUSED

    run_queue()

    assert holds(ada, here)
    submitted.refresh_from_db()
    assert submitted.state == RequestState.PARTIALLY_DELIVERED
    assert submitted.outcome_reason == f"{there}: The group is full."
    assert submitted.assignment.state == AssignmentState.PARTIALLY_DELIVERED
    assert submitted.assignment.is_live
    grant = grant_of(there)
    assert (grant.shown_state, grant.error_code) == ("failed", "no_space")
    assert grant.next_attempt_at is None
    assert events(there) == ["grant.failed"]
    assert not ada.notifications.exists()


def test_when_every_role_is_refused_the_request_has_failed(ada, there, target, run_queue):
    target.error = REFUSED
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[there]))
    access_request = operations.submit(policy, by=ada)

    run_queue()

    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERY_FAILED
    assert access_request.assignment.state == AssignmentState.DELIVERY_FAILED


def test_a_person_without_an_account_is_refused_until_he_has_one(bo, there, run_queue, target):
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[there]))
    access_request = operations.submit(policy, by=bo)
    run_queue()
    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERY_FAILED
    assert "has no account" in access_request.outcome_reason
    assert target.calls == []


def test_a_system_that_is_away_is_tried_with_growing_pauses_for_hours(
    submitted, there, target, run_queue, grant_of
):
    target.error = AWAY
    run_queue()
    submitted.refresh_from_db()
    assert submitted.state == RequestState.DELIVERING

    waited = timedelta(0)
    for attempt, pause in enumerate(GIVE_PAUSES, start=1):
        grant = grant_of(there)
        assert (grant.attempts, grant.error_code) == (attempt, "timeout")
        assert grant.shown_state == "waiting"
        waited += pause
        with clock.at(grant.next_attempt_at):
            tasks.deliver_due(system_id=str(target.system.pk))
    assert waited > timedelta(hours=3)

    grant = grant_of(there)
    assert (grant.next_attempt_at, grant.shown_state) == (None, "failed")
    submitted.refresh_from_db()
    assert submitted.state == RequestState.PARTIALLY_DELIVERED
    assert events(there) == ["grant.failed", "grant.failed"]


def test_a_system_that_comes_back_is_served(ada, submitted, there, target, run_queue, grant_of):
    target.error = AWAY
    run_queue()
    target.error = None

    with clock.at(grant_of(there).next_attempt_at):
        sweep.run()
        run_queue()

    submitted.refresh_from_db()
    assert submitted.state == RequestState.DELIVERED
    assert events(there) == ["grant.failed", "grant.given"]
    assert grant_of(there).attempts == 0


@pytest.mark.parametrize("error", [AWAY, REFUSED], ids=["away", "refused"])
def test_what_must_go_is_tried_for_ever(ada, delivered, there, target, run_queue, grant_of, error):
    removal = operations.give_back(delivered.assignment, by=ada)
    target.error = error
    run_queue()

    for _ in range(len(TAKE_PAUSES) + 3):
        grant = grant_of(there)
        assert grant.shown_state == "removing"
        with clock.at(grant.next_attempt_at):
            tasks.deliver_due(system_id=str(target.system.pk))
            assert grant_of(there).next_attempt_at <= clock.now() + LONGEST_PAUSE
    removal.refresh_from_db()
    assert removal.state == RequestState.DELIVERING

    target.error = None
    with clock.at(grant_of(there).next_attempt_at):
        tasks.deliver_due(system_id=str(target.system.pk))
    removal.refresh_from_db()
    assert removal.state == RequestState.DELIVERED
    assert target.members(there) == set()


def test_a_fault_in_a_connector_is_tried_again_and_stops_nothing_else(
    submitted, here, there, target, run_queue, grant_of
):
    target.errors = [ZeroDivisionError("oh")]

    run_queue()

    assert grant_of(here).is_given
    grant = grant_of(there)
    assert (grant.error_code, grant.attempts) == ("connector_failed", 1)
    assert "ZeroDivisionError" in grant.last_error
    with clock.at(grant.next_attempt_at):
        tasks.deliver_due(system_id=str(target.system.pk))
    assert grant_of(there).is_given


def test_an_unavailable_system_delays_only_its_own_grants(ada, bo, target, make_target, run_queue):
    other = make_target("other", "Other target")
    for system in (target, other):
        system.know(ada, bo)
    away, works = target.role(), other.role()
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[away, works]))
    target.error = AWAY
    for person in (ada, bo):
        operations.submit(policy, by=person)

    run_queue()

    assert other.members(works) == {"Ada Lovelace", "Bo Chen"}
    assert not Grant.objects.due().exists()
    waiting = Grant.objects.filter(role=away)
    assert {grant.shown_state for grant in waiting} == {"waiting"}


def test_one_probe_stands_for_all_that_wait_for_a_system(target):
    people = [UserFactory() for _ in range(25)]
    target.know(*people)
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[target.role()]))
    for person in people:
        operations.submit(policy, by=person)
    target.error = AWAY

    tasks.deliver_due(system_id=str(target.system.pk))

    assert len(target.calls) == 1
    assert target.closed == 1
    assert sorted(grant.attempts for grant in Grant.objects.all()) == [0] * 24 + [1]
    assert {grant.lease_until for grant in Grant.objects.all()} == {None}
    soon = clock.now() + tasks.PROBE_AGAIN + timedelta(seconds=1)
    assert Grant.objects.filter(next_attempt_at__lte=soon).count() == 25
    assert not Grant.objects.due().exists()


def test_what_must_go_goes_first(ada, delivered, there, target):
    people = [UserFactory() for _ in range(3)]
    target.know(*people)
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[there]))
    for person in people:
        operations.submit(policy, by=person)
    operations.give_back(delivered.assignment, by=ada)
    target.calls.clear()

    tasks.deliver_due(system_id=str(target.system.pk))

    assert target.changes() == ["ensure_absent"] + ["ensure_member"] * 3


def test_a_full_batch_is_followed_by_another(target, queued, monkeypatch):
    monkeypatch.setattr(tasks, "BATCH", 2)
    people = [UserFactory() for _ in range(3)]
    target.know(*people)
    role = target.role()
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[role]))
    for person in people:
        operations.submit(policy, by=person)
    before = len(queued())

    tasks.deliver_due(system_id=str(target.system.pk))
    assert len(target.members(role)) == 2
    assert queued()[before:].count("delivery.tasks.deliver_due") == 1

    tasks.deliver_due(system_id=str(target.system.pk))
    assert len(target.members(role)) == 3
    assert queued()[before:].count("delivery.tasks.deliver_due") == 1


def test_revocations_are_carried_out_beside_all_else(
    ada, delivered, there, target, settings, queued, monkeypatch
):
    settings.REVOCATION_QUEUE = "revocations"
    monkeypatch.setattr(tasks, "BATCH", 1)
    bo = UserFactory()
    target.know(bo)
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[there]))
    operations.submit(policy, by=bo)
    operations.give_back(delivered.assignment, by=ada)
    before = len(queued())

    sweep.deliver()
    assert queued()[before:] == ["delivery.tasks.take_due"] * 2

    tasks.take_due(system_id=str(target.system.pk))
    assert target.members(there) == set()
    assert queued()[before + 2 :] == ["delivery.tasks.take_due"]


def test_access_that_ends_while_it_is_set_up_is_taken_again(
    ada, submitted, there, target, run_queue, actions, grant_of
):
    """The end comes between the call and its outcome."""
    target.meanwhile = lambda: operations.give_back(submitted.assignment, by=ada)
    run_queue()
    sweep.run()
    run_queue()

    assert target.members(there) == set()
    assert grant_of(there).shown_state == "removed"
    assert events(there) == ["grant.given", "grant.taken"]
    states = {row.kind: row.state for row in ada.requests_made.all()}
    assert states == {
        "user_add": RequestState.DELIVERY_FAILED,
        "user_remove": RequestState.DELIVERED,
    }
    assert actions().count("assignment.ended") == 1


def test_access_that_is_asked_for_again_while_it_is_taken_is_given_again(
    ada, delivered, there, target, run_queue, grant_of
):
    policy = delivered.policy
    operations.give_back(delivered.assignment, by=ada)
    target.meanwhile = lambda: operations.submit(policy, by=ada)
    run_queue()
    sweep.run()
    run_queue()

    assert target.members(there) == {"Ada Lovelace"}
    assert grant_of(there).shown_state == "done"
    assert events(there) == ["grant.given", "grant.taken", "grant.given"]


def test_a_failure_while_minds_change_starts_to_count_anew(ada, submitted, there, grant_of):
    Grant.objects.filter(role=there).update(attempts=len(GIVE_PAUSES))
    (claimed,) = claim([grant_of(there).pk])
    operations.give_back(submitted.assignment, by=ada)

    postpone(claimed, AWAY)

    grant = grant_of(there)
    assert (grant.is_wanted, grant.attempts, grant.lease_until) == (False, 0, None)
    assert grant.next_attempt_at <= clock.now()


def test_access_past_its_end_is_never_given(ada, submitted, there, target, run_queue, grant_of):
    with clock.at(submitted.assignment.ends_at):
        run_queue()

    assert "ensure_member" not in target.changes()
    assert not grant_of(there).is_wanted
    assert target.members(there) == set()


def test_a_grant_that_says_otherwise_is_corrected_by_its_assignments(
    ada, submitted, there, target, run_queue, grant_of
):
    Grant.objects.filter(role=there).update(is_wanted=False)

    run_queue()

    assert target.members(there) == {"Ada Lovelace"}
    assert grant_of(there).is_wanted


# Access that somebody had before the package


def test_a_role_held_before_is_kept_at_the_end(ada, submitted, there, target, run_queue, grant_of):
    target.members(there).add("Ada Lovelace")
    run_queue()
    assert grant_of(there).held_before is True

    operations.give_back(submitted.assignment, by=ada)
    run_queue()

    assert target.members(there) == {"Ada Lovelace"}
    assert grant_of(there).shown_state == "removed"
    assert grant_of(there).held_before is None
    taken = AuditEvent.objects.get(subject_id=there.pk, action="grant.taken")
    assert taken.details["kept"] is True


def test_a_role_held_before_goes_where_the_catalog_says_so(
    ada, submitted, there, target, run_queue
):
    target.members(there).add("Ada Lovelace")
    catalog = submitted.package.catalog
    catalog.keeps_access_held_before = False
    catalog.save()
    run_queue()

    operations.give_back(submitted.assignment, by=ada)
    run_queue()

    assert target.members(there) == set()


def test_access_that_ends_before_anybody_looked_leaves_what_was_there(
    ada, submitted, there, target, run_queue
):
    """Nothing was given, so nothing of it is to be taken."""
    target.members(there).add("Ada Lovelace")
    operations.give_back(submitted.assignment, by=ada)

    run_queue()

    assert target.members(there) == {"Ada Lovelace"}
    assert "ensure_member" not in target.changes()


def test_the_catalog_through_which_a_role_was_held_last_decides(
    ada, delivered, there, target, run_queue
):
    """The first package ends while the second holds the role; the second catalog keeps nothing."""
    target.places.clear()
    Grant.objects.filter(role=there).update(held_before=True)
    second = AccessPackageFactory(roles=[there], catalog__keeps_access_held_before=False)
    last = operations.submit(AssignmentPolicyFactory(package=second), by=ada)
    run_queue()
    target.members(there).add("Ada Lovelace")
    operations.give_back(delivered.assignment, by=ada)
    run_queue()
    assert target.members(there) == {"Ada Lovelace"}

    with clock.at(last.assignment.ends_at):
        run_queue()
        tasks.deliver(assignment_id=str(last.assignment_id))
        Grant.objects.filter(role=there).update(next_attempt_at=clock.now())
        tasks.deliver_due(system_id=str(target.system.pk))

    assert target.members(there) == set()


@pytest.mark.parametrize("keeps", [True, False])
def test_for_a_role_that_left_its_packages_the_catalogs_of_the_resource_decide(
    ada, submitted, there, target, run_queue, keeps
):
    target.members(there).add("Ada Lovelace")
    catalog = submitted.package.catalog
    catalog.keeps_access_held_before = keeps
    catalog.save()
    run_queue()
    submitted.package.package_roles.filter(role=there).delete()
    AccessPackage.objects.update(recount_at=clock.now())

    operations.give_back(submitted.assignment, by=ada)
    tasks.deliver_due(system_id=str(target.system.pk))

    assert target.members(there) == ({"Ada Lovelace"} if keeps else set())


def test_held_before_is_asked_once(ada, submitted, there, target, run_queue, grant_of):
    """A call that failed half-way must not make our own gift look like something older."""
    target.errors = [None, AWAY]
    run_queue()
    target.members(there).add("Ada Lovelace")

    with clock.at(grant_of(there).next_attempt_at):
        tasks.deliver_due(system_id=str(target.system.pk))

    assert grant_of(there).held_before is False
    assert [method for method, _, _ in target.calls] == [
        "is_member",
        "ensure_member",
        "ensure_member",
    ]


def test_an_account_that_appears_later_is_used(bo, there, target, run_queue):
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[there]))
    operations.submit(policy, by=bo)
    Account.objects.create(user=bo, system=target.system, external_id="uid=bo")

    run_queue()

    assert target.members(there) == {"uid=bo"}


def test_a_package_of_many_roles_is_carried_out_by_the_handful(ada, run_queue):
    roles = [ResourceRoleFactory() for _ in range(tasks.HANDFUL + 2)]
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=roles))
    access_request = operations.submit(policy, by=ada)

    run_queue()

    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERED
    assert Grant.objects.filter(is_given=True).count() == len(roles)
