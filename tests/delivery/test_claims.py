"""One grant is in the hands of one worker; what a worker left behind is done again."""

from datetime import timedelta

import pytest

from entitlements import clock, work
from entitlements.connectors.base import ConnectorRefused, ConnectorUnavailable
from entitlements.connectors.registry import connector_for
from entitlements.delivery import operations, tasks
from entitlements.delivery.claims import Done, claim, complete, postpone, refuse, release
from entitlements.models import AuditEvent, Grant
from entitlements.requests import operations as requests
from tests.threads import at_once

pytestmark = pytest.mark.django_db
LATER = timedelta(seconds=1)
AWAY = ConnectorUnavailable("timeout", "The server does not answer.")


@pytest.fixture
def grant(submitted, there):
    return Grant.objects.get(role=there)


def read(grant):
    return Grant.objects.get(pk=grant.pk)


def given(grant):
    found = AuditEvent.objects.filter(subject_id=grant.role_id, action="grant.given")
    return found.count()


def after_the_lease():
    return clock.at(clock.now() + work.LEASE + LATER)


def test_a_claim_leases_and_counts(grant):
    (claimed,) = claim([grant.pk])

    fresh = read(grant)
    assert (claimed.attempt, claimed.is_wanted) == (1, True)
    assert (fresh.attempts, fresh.lease_until) == (1, claimed.lease_until)
    assert claimed.place.role == "member"
    assert claim([grant.pk]) == []


def test_what_is_not_due_is_not_claimed(grant):
    Grant.objects.update(next_attempt_at=clock.now() + LATER)
    assert claim([grant.pk]) == []

    Grant.objects.update(next_attempt_at=None)
    assert claim([grant.pk]) == []
    assert claim([]) == []


def test_a_claim_that_was_not_tried_is_let_go_uncounted(grant):
    claims = claim([grant.pk])

    release(claims)

    fresh = read(grant)
    assert (fresh.attempts, fresh.lease_until) == (0, None)
    assert len(claim([grant.pk])) == 1


def test_a_worker_that_dies_before_the_call_loses_nothing(grant, target, there):
    claim([grant.pk])
    tasks.deliver_due(system_id=str(target.system.pk))
    assert target.calls == []

    with after_the_lease():
        tasks.deliver_due(system_id=str(target.system.pk))

    assert target.members(there) == {"Ada Lovelace"}
    assert given(grant) == 1


def test_a_worker_that_dies_between_call_and_outcome_leaves_one_grant_and_one_event(
    grant, target, there, monkeypatch
):
    class Killed(BaseException):
        pass

    def die(done):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(operations, "complete", die)
        with pytest.raises(Killed):
            tasks.deliver_due(system_id=str(target.system.pk))
    assert target.members(there) == {"Ada Lovelace"}
    assert not read(grant).is_given
    assert given(grant) == 0

    with after_the_lease():
        tasks.deliver_due(system_id=str(target.system.pk))

    assert target.members(there) == {"Ada Lovelace"}
    assert read(grant).is_given
    assert read(grant).held_before is False
    assert given(grant) == 1
    assert Grant.objects.filter(role=there).count() == 1


def test_a_worker_whose_lease_was_taken_over_writes_nothing_down(grant, target):
    (late,) = claim([grant.pk])
    with after_the_lease():
        (other,) = claim([grant.pk])

        complete([Done(late)])

        assert given(grant) == 0
        assert not read(grant).is_given
        complete([Done(other)])
    assert given(grant) == 0
    assert read(grant).next_attempt_at is not None


def test_what_a_late_worker_may_have_undone_is_done_once_more(grant, ada, target, there):
    """The late worker gives what was taken away while he stood still."""
    (late,) = claim([grant.pk])
    connector = connector_for(target.system)
    with after_the_lease():
        tasks.deliver(assignment_id=str(ada.assignments.get().pk))
        requests.give_back(ada.assignments.get(), by=ada)
        tasks.deliver(assignment_id=str(ada.assignments.get().pk))
        assert target.members(there) == set()

        operations.carry_out([late], connector)
        assert target.members(there) == {"Ada Lovelace"}
        tasks.deliver_due(system_id=str(target.system.pk))

        assert target.members(there) == set()
        assert read(grant).shown_state == "removed"


@pytest.mark.parametrize("fail", [postpone, refuse])
def test_a_late_failure_writes_nothing_down_either(grant, fail):
    (late,) = claim([grant.pk])
    with after_the_lease():
        claim([grant.pk])

        fail(late, ConnectorRefused("no", "No."))

    assert (read(grant).error_code, read(grant).last_error) == ("", "")
    assert read(grant).next_attempt_at is not None
    assert not AuditEvent.objects.filter(action="grant.failed").exists()


def test_the_same_count_in_another_lease_is_another_claim(grant):
    """After success the count starts anew; only the lease tells the two apart."""
    (late,) = claim([grant.pk])
    Grant.objects.update(lease_until=None, attempts=0)
    (other,) = claim([grant.pk])
    assert late.attempt == other.attempt

    complete([Done(late)])

    assert given(grant) == 0


def test_an_unavailable_system_lets_the_rest_of_the_handful_go(submitted, here, there, target):
    target.error = AWAY
    claims = claim([grant.pk for grant in Grant.objects.all()])
    ours = sorted(claims, key=lambda claimed: claimed.grant.role_id != there.pk)

    with pytest.raises(ConnectorUnavailable):
        operations.carry_out(ours, connector_for(target.system))

    failed, untried = (Grant.objects.get(role=role) for role in (there, here))
    assert (failed.attempts, failed.error_code) == (1, "timeout")
    assert (untried.attempts, untried.lease_until) == (0, None)


def test_what_was_done_before_the_failure_is_written_down(submitted, here, there, target, ada):
    target.errors = [None, None, AWAY]
    second = target.role("second")
    Grant.objects.create(user=ada, role=second, next_attempt_at=clock.now())
    submitted.package.package_roles.create(role=second)
    claims = claim([Grant.objects.get(role=role).pk for role in (there, second)])

    with pytest.raises(ConnectorUnavailable):
        operations.carry_out(claims, connector_for(target.system))

    assert Grant.objects.get(role=there).is_given
    assert Grant.objects.get(role=second).error_code == "timeout"


def test_a_long_error_is_cut_to_what_fits(grant):
    (claimed,) = claim([grant.pk])

    refuse(claimed, ConnectorRefused("c" * 100, "x" * 5000))

    assert len(read(grant).last_error) == 2000
    assert len(read(grant).error_code) == 40


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_gets_a_grant(grant):
    outcomes = at_once(*[lambda: claim([grant.pk])] * 8)

    assert sorted(len(claims) for claims in outcomes) == [0] * 7 + [1]
    assert read(grant).attempts == 1


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_call_each_target_once(submitted, grant, target, there):
    outcomes = at_once(
        *[lambda: tasks.deliver(assignment_id=str(submitted.assignment_id))] * 4,
        *[lambda: tasks.deliver_due(system_id=str(target.system.pk))] * 4,
    )

    assert outcomes == [None] * 8
    assert target.changes() == ["ensure_member"]
    assert given(grant) == 1
    submitted.refresh_from_db()
    assert submitted.state == "delivered"
