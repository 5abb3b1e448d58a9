"""Each promise is broken on purpose, behind the operations' backs, and found."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F

from entitlements import clock, invariants, models, sweep
from entitlements.audit import sealing, trail
from entitlements.connectors import registry
from entitlements.connectors.base import ConnectorUnavailable
from entitlements.connectors.directory import DirectoryConnector
from entitlements.directory.models import Account, Membership
from entitlements.policies import clashes
from entitlements.requests import deciding, operations
from entitlements.requests.models import StepState
from entitlements.requests.states import RequestState
from tests.factories import (
    AccessPackageFactory,
    AccessRequestFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    NotificationFactory,
    ResourceRoleFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def policy(bo):
    """A policy with one stage, under which access ends after 90 days."""
    policy = AssignmentPolicyFactory(package__catalog=CatalogFactory())
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    return policy


@pytest.fixture
def access_request(policy, ada, bo, run_queue):
    """A request that was approved and set up, while a worker was at work."""
    access_request = deciding.approve(operations.submit(policy, by=ada), by=bo)
    run_queue()
    sweep.run()
    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERED
    return access_request


@pytest.fixture
def assignment(access_request):
    return access_request.assignment


@pytest.fixture
def grant(access_request):
    return models.Grant.objects.get()


@contextmanager
def without(model, name):
    """Take a constraint out of the database, and put it back when the rows are gone."""
    every = model._meta.constraints
    constraint = next(one for one in every if one.name == name)
    model._meta.constraints = [one for one in every if one is not constraint]
    with connection.schema_editor() as editor:
        editor.remove_constraint(model, constraint)
    try:
        yield
    finally:
        model.objects.all().delete()
        model._meta.constraints = every
        with connection.schema_editor() as editor:
            editor.add_constraint(model, constraint)


def violated():
    """Return the sentences of what does not hold, by invariant."""
    results = invariants.check()
    return {result.invariant.code: result.sentences for result in results if not result.holds}


def pending():
    return [reason for result in invariants.check() for reason in result.reasons]


def test_everything_holds_after_a_whole_life(access_request):
    assert violated() == {}
    assert pending() == []


def test_everything_holds_on_an_empty_database(db):
    assert violated() == {}


@pytest.mark.django_db(transaction=True)
def test_i1_finds_a_package_that_is_held_twice(policy, ada):
    with without(models.Assignment, "one_live_assignment_per_package_and_target"):
        AssignmentFactory.create_batch(2, policy=policy, target=ada)

        assert violated()["I1"] == [f"Ada Lovelace holds {policy.package} 2 times."]


@pytest.mark.django_db(transaction=True)
def test_i2_finds_a_role_that_is_granted_twice(ada):
    role = ResourceRoleFactory()
    with without(models.Grant, "one_grant_per_user_and_role"):
        for _ in range(2):
            models.Grant.objects.create(user=ada, role=role, is_wanted=False)

        assert violated() == {"I2": ["Ada Lovelace has 2 grants of Member."]}


def test_i3_finds_a_grant_that_nothing_asks_for(ada):
    role = ResourceRoleFactory()
    models.Grant.objects.create(user=ada, role=role)

    assert violated()["I3"] == [
        f"{role} for Ada Lovelace is wanted, and no live assignment asks for it."
    ]


def test_i3_finds_a_role_that_is_asked_for_and_not_wanted(assignment, grant):
    models.Grant.objects.update(is_wanted=False, is_given=False)

    assert violated()["I3"] == [f"{assignment} asks for {grant.role}, which is not wanted."]


def test_i3_waits_for_a_recount(assignment):
    models.PackageRole.objects.create(package=assignment.package, role=ResourceRoleFactory())
    assert list(violated()) == ["I3"]

    models.AccessPackage.objects.update(recount_at=clock.now())

    assert violated() == {}
    models.PackageRole.objects.all().delete()
    assert violated() == {}


@pytest.mark.parametrize(("seconds", "wrong"), [(30, set()), (90, {"I3", "I5"})])
def test_i3_and_i5_give_a_worker_that_runs_a_minute_to_carry_out_an_end(
    assignment, grant, seconds, wrong
):
    with clock.at(assignment.ends_at + timedelta(seconds=seconds)):
        models.Heartbeat.objects.update(beat_at=clock.now())

        assert set(violated()) == wrong


def test_an_end_that_nobody_carried_out_is_no_violation_while_no_worker_runs(assignment):
    with clock.at(assignment.ends_at + timedelta(hours=2)):
        assert violated() == {}
        assert pending() == ["No worker runs, so ends are not carried out."]


@pytest.mark.django_db(transaction=True)
def test_i4_finds_a_stage_that_exists_twice(policy, ada):
    access_request = operations.submit(policy, by=ada)
    with without(models.ApprovalStep, "one_step_per_position"):
        models.ApprovalStep.objects.create(
            access_request=access_request, position=1, decision_days=14
        )

        assert violated() == {"I4": [f"Request {access_request.pk} has stage 1 twice."]}


def test_i4_finds_a_stage_that_was_decided_twice(access_request):
    trail.record("request.denied", access_request, by=None, step=1)

    assert violated() == {"I4": [f"Stage 1 of {access_request} was decided 2 times."]}


def test_i4_finds_a_request_whose_stages_do_not_fit_its_state(policy, ada, access_request, gita):
    waiting = operations.submit(policy, by=gita)
    models.ApprovalStep.objects.update(state=StepState.CLOSED, decided_at=None, decided_by=None)
    models.ApprovalStep.objects.filter(access_request=access_request).update(
        state=StepState.WAITING
    )

    assert sorted(violated()["I4"]) == sorted(
        [
            f"{waiting} is pending_approval, and that does not fit its stages.",
            f"{access_request} is delivered, and that does not fit its stages.",
        ]
    )


def test_i5_finds_access_past_its_end(assignment):
    long_ago = clock.now() - timedelta(minutes=5)
    models.Assignment.objects.update(ends_at=long_ago, starts_at=long_ago - timedelta(days=1))

    assert violated()["I5"] == [f"{assignment} was to end at {long_ago:%Y-%m-%d %H:%M:%S} UTC."]


@pytest.mark.parametrize("due", [None, timedelta(minutes=5)])
def test_i5_finds_a_role_that_nobody_takes_away(assignment, grant, ada, run_queue, due):
    operations.give_back(assignment, by=ada)
    assert violated() == {}

    models.Grant.objects.update(next_attempt_at=due and clock.now() - due)

    assert violated() == {"I5": [f"{grant} is to be taken away, and nobody does it."]}
    models.Grant.objects.update(lease_until=clock.now() + timedelta(minutes=2))
    assert violated() == {}


def test_i5_names_the_reason_of_a_target_that_refuses(assignment, grant, ada, run_queue):
    group = models.Group.objects.get(pk=grant.role.resource.external_id)
    models.Group.objects.update(is_dynamic=True)
    operations.give_back(assignment, by=ada)
    run_queue()

    assert violated() == {}
    assert pending() == [
        f"{grant} cannot be taken away yet: The members of {group} are managed elsewhere."
    ]


def test_i6_finds_a_request_that_is_not_what_its_last_event_says(access_request):
    models.AccessRequest.objects.update(state=RequestState.PARTIALLY_DELIVERED)

    assert violated() == {
        "I6": [f"{access_request} is partially_delivered; its last event says delivered."]
    }


def test_i6_finds_a_request_without_any_event(policy):
    access_request = AccessRequestFactory(policy=policy)

    assert violated() == {
        "I6": [f"{access_request} has not exactly one event that tells how it began."]
    }


def test_i6_finds_an_event_that_is_told_twice(access_request):
    event = trail.record(
        "request.delivered", access_request, by=None, source="delivering", state="delivered"
    )

    assert violated() == {
        "I6": [
            f"Event {event.pk} of {access_request} starts from delivering; "
            "the event before it led to delivered."
        ]
    }


def test_i6_finds_a_grant_whose_events_differ(grant, assignment, ada, run_queue):
    models.Grant.objects.update(is_given=False)
    assert violated()["I6"] == [f"{grant} is not given; its events differ."]

    models.Grant.objects.update(is_given=True)
    operations.give_back(assignment, by=ada)
    run_queue()
    assert violated() == {}

    models.Grant.objects.update(is_given=True)
    assert violated()["I6"] == [f"{grant} is given; its events differ."]


def test_i6_finds_assignments_whose_events_are_missing_or_too_many(assignment):
    other = AssignmentFactory()
    trail.record("assignment.ended", assignment, by=None)

    assert sorted(violated()["I6"]) == sorted(
        [
            f"{assignment} has not ended, with 1 events of its beginning and 1 of its end.",
            f"{other} has not ended, with 0 events of its beginning and 0 of its end.",
        ]
    )


def test_i6_finds_an_end_without_its_event(assignment):
    moment = clock.now()
    models.Assignment.objects.update(state="expired", ended_at=moment, end_reason="time")

    assert violated()["I6"] == [
        f"{assignment} has ended, with 1 events of its beginning and 0 of its end."
    ]


def test_i6_finds_a_chain_that_does_not_hold(access_request):
    event = trail.record("user.signed_in", access_request.target, by=None)
    last = models.AuditSeal.objects.order_by("position").last()
    models.AuditSeal.objects.create(position=last.position + 1, event=event, digest="0" * 64)

    assert violated() == {
        "I6": [f"Seal {last.position + 1}: Event {event.pk} is not what was sealed."]
    }
    assert list(sealing.verify())


def test_i7_finds_work_that_is_claimed_for_too_long(grant, ada):
    far = clock.now() + timedelta(hours=1)
    models.Grant.objects.update(lease_until=far)
    notification = NotificationFactory(recipient=ada, lease_until=far)

    assert violated() == {
        "I7": [
            f"{thing} is claimed until {far:%Y-%m-%d %H:%M:%S} UTC."
            for thing in (grant, notification)
        ]
    }


@pytest.fixture
def apart(ada, gita, appoint):
    """Two packages that clash both ways since long ago, and how Ada comes to hold them."""
    moment = clock.now() - timedelta(days=9)
    first, second = (AssignmentPolicyFactory(package__name=name) for name in ("Enter", "Release"))
    for policy in (first, second):
        appoint(gita, policy.package.catalog)
    with clock.at(moment):
        clashes.add_clash(first.package, second.package, by=gita, is_symmetric=True)

    def hold(days, policy=None):
        """Let access begin so many days after the clash, behind the operations' backs."""
        return AssignmentFactory(
            policy=policy or (first, second)[models.Assignment.objects.count()],
            target=ada,
            starts_at=moment + timedelta(days=days),
        )

    return hold


def of_i8():
    (result,) = [one for one in invariants.check() if one.invariant.code == "I8"]
    return result.sentences, result.reasons


def test_i8_finds_access_that_began_beside_what_it_clashes_with(apart):
    apart(1)
    apart(2)

    assert of_i8() == (["Release for Ada Lovelace clashes with Enter, which was held first."], [])


@pytest.mark.parametrize(("one_way", "wrong"), [(True, 0), (False, 1)])
def test_i8_knows_which_way_a_clash_goes(apart, one_way, wrong):
    """One way, "Enter" cannot be got beside "Release", and "Release" can beside "Enter"."""
    models.Incompatibility.objects.update(is_symmetric=not one_way)
    apart(1)
    apart(2)

    assert len(of_i8()[0]) == wrong


def test_i8_names_who_held_both_before_they_clashed_as_known(apart):
    apart(-2)
    apart(-1)

    reason = "Release for Ada Lovelace clashes with Enter, which was held first, before it clashed."
    assert of_i8() == ([], [reason])


def test_i8_lets_roles_clash_that_were_held_before(apart, gita):
    models.Incompatibility.objects.all().delete()
    first, second = apart(11), apart(12)
    roles = [one.package.roles.get() for one in (first, second)]
    with clock.at(second.starts_at + timedelta(days=1)):
        clashes.add_role_clash(first.package.catalog, *roles, by=gita)

        sentences, reasons = of_i8()

    assert (sentences, len(reasons)) == ([], 1)


@pytest.mark.parametrize(
    ("state", "days", "wrong"),
    [("approved", 1, 0), ("approved", 3, 1), ("proposed", 1, 1), ("refused", 1, 1)],
)
def test_i8_asks_for_an_exception_that_counted_when_the_second_began(
    apart, bo, gita, state, days, wrong
):
    first, second = apart(1), apart(2)
    begins = first.starts_at + timedelta(days=days - 0.5 - 1)
    models.ClashException.objects.create(
        person=first.target,
        package=second.package,
        other_package=first.package,
        reason="For the close.",
        state=state,
        starts_at=begins,
        ends_at=begins + timedelta(days=2),
        proposed_by=gita,
        proposed_at=begins,
        decided_by=None if state == "proposed" else bo,
    )

    assert len(of_i8()[0]) == wrong


def test_i8_does_not_mind_what_has_ended(apart, ada):
    first = apart(1)
    apart(2)
    operations.give_back(first, by=ada)

    assert of_i8() == ([], [])


def test_i9_finds_a_member_who_is_missing_in_the_target(grant):
    Membership.objects.all().delete()

    assert violated() == {"I9": [f"{grant} was given, and is missing in Built-in directory."]}


def test_i9_finds_a_member_who_is_still_in_the_target(grant, assignment, ada, run_queue):
    operations.give_back(assignment, by=ada)
    run_queue()
    assert violated() == {}

    Membership.objects.create(user=ada, group_id=grant.role.resource.external_id)

    assert violated() == {
        "I9": [f"{grant} was taken away, and is still there in Built-in directory."]
    }


def test_i9_lets_people_keep_what_they_held_before(policy, ada, bo, run_queue):
    role = policy.package.roles.get()
    Membership.objects.create(user=ada, group_id=role.resource.external_id)
    access_request = deciding.approve(operations.submit(policy, by=ada), by=bo)
    run_queue()

    operations.give_back(models.Assignment.objects.get(), by=ada)
    run_queue()

    assert access_request.state == RequestState.DELIVERING
    assert Membership.objects.filter(user=ada).exists()
    assert violated() == {}


def test_i9_finds_a_target_that_is_gone(grant):
    models.Group.objects.all().delete()

    assert violated() == {
        "I9": [f"{grant.role} cannot be compared: The group does not exist any more."]
    }


def test_i9_looks_again_before_it_complains(grant, monkeypatch):
    class Hasty(DirectoryConnector):
        """Lets a worker take the role away between the two looks."""

        def members(self, place):
            models.Grant.objects.update(changed_at=clock.now())
            return iter(())

    monkeypatch.setitem(registry.CONNECTORS, "directory", Hasty)

    assert violated() == {}


@pytest.fixture
def remote(monkeypatch, ada, run_queue):
    """A role in another system, whose answers a test decides."""

    class Remote(DirectoryConnector):
        people = {"CN=Ada, O=Kestrel"}

        def is_member(self, place, account):
            return False

        def ensure_member(self, place, account):
            assert account == "cn=ada,o=kestrel"

        def members(self, place):
            if self.people is None:
                raise ConnectorUnavailable("down", "It does not answer.")
            return iter(self.people)

    system = models.ConnectedSystem.objects.create(name="Warehouse", kind="ldap")
    monkeypatch.setitem(registry.CONNECTORS, "ldap", Remote)
    role = ResourceRoleFactory(resource__system=system)
    Account.objects.create(user=ada, system=system, external_id="cn=ada,o=kestrel")
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[role]))
    operations.submit(policy, by=ada)
    run_queue()
    return Remote


@pytest.mark.parametrize(("people", "code"), [({"CN=Ada, O=Kestrel"}, 0), (set(), 1), (None, 0)])
def test_other_systems_are_compared_when_asked_for(remote, people, code, capsys):
    remote.people = people
    assert violated() == {}

    if code:
        with pytest.raises(SystemExit, match="1"):
            call_command("check_invariants", "--targets")
        assert "is missing in Warehouse" in capsys.readouterr().out
    else:
        call_command("check_invariants", "--targets")
        assert ("It does not answer." in capsys.readouterr().out) is (people is None)


def test_i10_finds_a_step_that_the_table_does_not_have(access_request):
    trail.record("request.canceled", access_request, by=None, source="delivered", state="canceled")
    models.AccessRequest.objects.update(state=RequestState.CANCELED)

    assert violated() == {"I10": ["1 steps lead from delivered to canceled."]}


def test_the_command_prints_every_invariant_and_ends_well(access_request, capsys):
    call_command("check_invariants")

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == [
        "I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10"
    ]  # fmt: skip
    assert all(line.endswith("OK") for line in lines[:-1])
    assert lines[-1] == "All of them hold."


def test_the_command_names_the_first_twenty_and_ends_with_1(assignment, capsys):
    AssignmentFactory.create_batch(24, policy=assignment.policy)

    with pytest.raises(SystemExit) as ended:
        call_command("check_invariants")

    output = capsys.readouterr()
    assert ended.value.code == 1
    assert "24 violations" in output.out
    assert output.out.count("wrong ") == 40
    assert output.out.count("       and 4 more") == 2
    assert output.err == "2 of the invariants do not hold.\n"


def test_checking_changes_nothing(access_request, django_assert_num_queries):
    before = models.AuditEvent.objects.count()
    models.Grant.objects.update(attempts=F("attempts"))

    list(invariants.check(with_targets=True))

    assert models.AuditEvent.objects.count() == before
