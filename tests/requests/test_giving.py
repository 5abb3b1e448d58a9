"""Giving a package to many: judged first, then row by row, by whoever is there to do it."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.test.utils import CaptureQueriesContext

from entitlements import clock, sweep, work
from entitlements.catalog.models import PackageState
from entitlements.decisions import Denied
from entitlements.directory.models import UserType
from entitlements.models import (
    AccessRequest,
    Assignment,
    AuditEvent,
    BulkAssignment,
    BulkRow,
    User,
)
from entitlements.policies.models import Scope
from entitlements.requests import giving, operations, row_by_row
from entitlements.requests.bulk import RowState
from entitlements.requests.judging import Entry, judge
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory, UserFactory
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def policy(gita, appoint):
    """A policy in a catalog whose assignments Gita manages."""
    policy = AssignmentPolicyFactory(requires_justification=True)
    appoint(gita, policy.package.catalog, "assignment_manager")
    return policy


def entries(*people):
    return [Entry(str(person.pk)) for person in people]


def planned(policy, *people, by):
    return giving.plan(policy, entries(*people), by=by, source=f"{len(people)} people")


def states(bulk):
    return list(bulk.rows.values_list("state", flat=True))


def codes(bulk):
    return [{reason["code"] for reason in row.reasons} for row in bulk.rows.all()]


# The dry run


def test_a_list_is_judged_and_nothing_is_given(ada, bo, gita, policy, actions, queued):
    bulk = planned(policy, ada, bo, by=gita)

    assert states(bulk) == [RowState.READY, RowState.READY]
    assert [row.name for row in bulk.rows.all()] == ["Ada Lovelace", "Bo Chen"]
    assert bulk.counts() == {"ready": 2, "refused": 0, "given": 0}
    assert not AccessRequest.objects.exists()
    assert actions() == ["bulk.checked"]
    assert queued() == []


def test_each_row_learns_every_reason(ada, bo, gita, policy):
    disabled = UserFactory(is_active=False)
    guest = UserFactory(user_type=UserType.GUEST)
    holder, asking = UserFactory(), UserFactory()
    operations.submit(policy, by=holder, justification="Mine")
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    operations.submit(policy, by=asking, justification="Mine")
    late = clock.now() + 100 * DAY

    bulk = giving.plan(
        policy,
        [
            *entries(ada, disabled, guest, holder, asking),
            Entry("ADA@kestrel.example", place="list.csv line 7"),
            Entry("nobody@kestrel.example"),
            Entry(""),
            Entry(bo.email, ends_at=late),
            Entry(str(UserFactory().pk), starts_at=clock.now() - 3 * DAY, justification="a\x00b"),
        ],
        by=gita,
        source="list.csv",
    )

    assert codes(bulk) == [
        set(),
        {"account_disabled"},
        {"not_in_scope"},
        {"already_held"},
        {"already_requested"},
        {"named_twice"},
        {"person_unknown"},
        {"person_missing"},
        {"ends_after_limit"},
        {"starts_in_the_past", "justification_unreadable"},
    ]
    assert states(bulk) == [RowState.READY, *[RowState.REFUSED] * 9]


@pytest.mark.django_db(transaction=True)
def test_a_dry_run_agrees_with_what_would_happen(ada, bo, gita, policy):
    policy.scope = Scope.SPECIFIC
    policy.save()
    policy.allowed_users.add(ada)
    for package_state in (PackageState.PUBLISHED, PackageState.RETIRED):
        policy.package.state = package_state
        policy.package.save()
        for person in (ada, bo, UserFactory(is_active=False)):
            (judged,) = judge(policy, entries(person))
            outcome = at_once(lambda person=person: operations.assign(policy, person, by=gita))
            expected = [{reason.code for reason in judged.reasons}] if judged.reasons else []
            assert refusals(outcome) == expected
            AccessRequest.objects.all().delete()
            Assignment.objects.all().delete()


def test_people_are_found_by_address_employee_id_or_id(gita, ada, policy):
    bo = UserFactory(employee_id="E-17")
    UserFactory(employee_id="E-18")
    UserFactory(employee_id="E-18")

    found = list(
        judge(policy, [Entry(key) for key in ("Ada@KESTREL.example", "e-17", gita.pk.hex, "E-18")])
    )

    assert [one.target for one in found] == [ada, bo, gita, None]
    assert [reason.code for reason in found[3].reasons] == ["person_ambiguous"]


def test_a_direct_only_policy_admits_everybody(ada, gita, policy):
    policy.scope = Scope.NOBODY
    policy.save()

    assert states(planned(policy, ada, by=gita)) == [RowState.READY]


def test_everyone_includes_guests(gita, policy):
    policy.scope = Scope.ALL_USERS
    policy.save()

    bulk = planned(policy, UserFactory(user_type=UserType.GUEST), by=gita)

    assert states(bulk) == [RowState.READY]


@pytest.mark.parametrize("role", [None, "reader"])
def test_only_managers_of_assignments_make_and_start_lists(ada, bo, gita, policy, appoint, role):
    if role:
        appoint(bo, policy.package.catalog, role)
    with pytest.raises(Denied) as denied:
        planned(policy, ada, by=bo)
    assert denied.value.codes == {"not_permitted"}
    bulk = planned(policy, ada, by=gita)
    with pytest.raises(Denied) as denied:
        giving.start(bulk, by=bo)
    assert denied.value.codes == {"not_permitted"}


def test_empty_and_endless_lists_are_refused(gita, policy, monkeypatch):
    with pytest.raises(Denied) as denied:
        planned(policy, by=gita)
    assert denied.value.codes == {"list_empty"}

    monkeypatch.setattr(giving, "MOST_ROWS", 1)
    with pytest.raises(Denied) as denied:
        giving.plan(policy, [Entry("a"), Entry("b")], by=gita, source="list.csv")
    assert denied.value.codes == {"list_too_long"}
    assert not BulkAssignment.objects.exists()


def test_five_thousand_rows_cost_as_many_queries_per_batch_as_few(gita, policy):
    def cost(count):
        start = User.objects.count()
        people = User.objects.bulk_create(
            User(email=f"p{n}@kestrel.example", display_name=f"P {n}", password="!")
            for n in range(start, start + count)
        )
        with CaptureQueriesContext(connection) as captured:
            giving.plan(policy, entries(*people), by=gita, source="many")
        return sum(query["sql"].startswith("SELECT") for query in captured)

    few, batch, many = cost(5), cost(500), cost(5000)

    assert batch == few
    assert (many - few) / 9 <= 4
    assert BulkRow.objects.filter(state=RowState.READY).count() == 5505


# Giving


def test_what_can_be_given_is_given_and_each_row_says_so(ada, bo, gita, policy, actions, run_queue):
    guest = UserFactory(user_type=UserType.GUEST)
    bulk = planned(policy, ada, guest, bo, by=gita)

    giving.give_all(bulk, by=gita)

    bulk.refresh_from_db()
    assert bulk.finished_at is not None
    assert not bulk.is_running
    assert bulk.next_attempt_at is None
    assert states(bulk) == [RowState.GIVEN, RowState.REFUSED, RowState.GIVEN]
    assert {one.target for one in Assignment.objects.live()} == {ada, bo}
    first = bulk.rows.first()
    assert first.access_request.kind == "admin_add"
    assert (first.access_request.requestor, first.access_request.target) == (gita, ada)
    assert actions()[:2] == ["bulk.checked", "bulk.started"]
    assert actions()[-1] == "bulk.finished"
    assert actions().count("request.given_directly") == 2
    event = AuditEvent.objects.get(action="bulk.finished")
    assert (event.details["given"], event.details["refused"]) == (2, 1)


def test_dates_words_and_answers_of_a_row_are_its_own(ada, bo, gita, policy):
    ends_at = clock.day_ends((clock.now() + 9 * DAY).date())
    bulk = giving.plan(
        policy,
        [Entry(ada.email, ends_at=ends_at, justification="Project"), Entry(bo.email)],
        by=gita,
        source="list.csv",
    )

    giving.give_all(bulk, by=gita)

    for_ada = AccessRequest.objects.get(target=ada)
    assert for_ada.justification == "Project"
    assert for_ada.assignment.ends_at == ends_at
    for_bo = AccessRequest.objects.get(target=bo)
    assert for_bo.assignment.ends_at - for_bo.assignment.starts_at == 90 * DAY


def test_under_a_policy_with_approval_every_row_waits(ada, bo, gita, policy, told):
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    bulk = planned(policy, ada, by=gita)

    giving.give_all(bulk, by=gita)

    assert bulk.rows.get().access_request.state == "pending_approval"
    assert told("approval.asked") == ["Bo Chen"]
    assert not Assignment.objects.exists()


def test_what_changed_since_the_check_is_refused_row_by_row(ada, bo, gita, policy):
    bulk = planned(policy, ada, bo, by=gita)
    operations.submit(policy, by=ada, justification="Mine")

    giving.give_all(bulk, by=gita)

    assert states(bulk) == [RowState.REFUSED, RowState.GIVEN]
    assert codes(bulk)[0] == {"already_held"}


def test_whoever_loses_the_right_meanwhile_gives_nothing(ada, gita, policy):
    bulk = planned(policy, ada, by=gita)
    giving.start(bulk, by=gita)
    gita.is_active = False
    gita.save()

    giving.carry_on(bulk_id=bulk.pk)

    assert codes(bulk) == [{"not_permitted"}]


def test_a_list_is_given_once_and_by_whoever_made_it(ada, bo, gita, policy, appoint):
    appoint(bo, policy.package.catalog)
    bulk = planned(policy, ada, by=gita)
    with pytest.raises(Denied) as denied:
        giving.start(bulk, by=bo)
    assert denied.value.codes == {"not_your_list"}
    giving.give_all(bulk, by=gita)
    with pytest.raises(Denied) as denied:
        giving.give_all(bulk, by=gita)
    assert denied.value.codes == {"started_already"}


def test_a_list_without_a_good_row_is_not_started(gita, policy):
    bulk = giving.plan(policy, [Entry("nobody")], by=gita, source="list.csv")

    with pytest.raises(Denied) as denied:
        giving.start(bulk, by=gita)

    assert denied.value.codes == {"nothing_to_give"}


def test_a_long_list_is_left_to_the_workers(gita, policy, queued, run_queue, monkeypatch):
    monkeypatch.setattr(giving, "MOST_AT_ONCE", 2)
    bulk = planned(policy, *UserFactory.create_batch(5), by=gita)

    giving.give_all(bulk, by=gita)

    assert queued() == ["requests.giving.carry_on"]
    assert states(bulk) == [RowState.READY] * 5
    bulk.refresh_from_db()
    assert bulk.is_running
    run_queue()
    assert states(bulk) == [RowState.GIVEN] * 5


def test_when_the_time_is_up_the_next_worker_goes_on(gita, policy, queued, run_queue, monkeypatch):
    bulk = planned(policy, *UserFactory.create_batch(3), by=gita)
    giving.start(bulk, by=gita)
    monkeypatch.setattr(row_by_row, "LONGEST_RUN", -1.0)

    assert giving.carry_on(bulk_id=bulk.pk) is False

    assert states(bulk) == [RowState.GIVEN, RowState.READY, RowState.READY]
    assert "requests.giving.carry_on" in queued()
    run_queue()
    assert states(bulk) == [RowState.GIVEN] * 3
    bulk.refresh_from_db()
    assert bulk.finished_at is not None


def test_a_list_whose_worker_died_is_found_by_the_sweep(gita, policy, queued, monkeypatch):
    bulk = planned(policy, *UserFactory.create_batch(2), by=gita)
    giving.start(bulk, by=gita)
    real = operations.give
    calls = []

    def die(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:
            raise OperationalError("the connection was lost")
        return real(*arguments, **options)

    monkeypatch.setattr(operations, "give", die)
    with pytest.raises(OperationalError):
        giving.carry_on(bulk_id=bulk.pk)
    assert states(bulk) == [RowState.GIVEN, RowState.READY]
    assert giving.carry_on(bulk_id=bulk.pk) is False, "it is still leased"

    with clock.at(clock.now() + work.LEASE + timedelta(seconds=1)):
        before = queued().count("requests.giving.carry_on")
        assert sweep.sweep_bulk() == 1
        assert queued().count("requests.giving.carry_on") == before + 1
        assert giving.carry_on(bulk_id=bulk.pk) is True
    assert states(bulk) == [RowState.GIVEN] * 2
    assert AccessRequest.objects.count() == 2
    assert sweep.sweep_bulk() == 0


def test_a_row_that_fails_in_an_unknown_way_stops_no_other(gita, policy, monkeypatch):
    first, second = UserFactory.create_batch(2)
    bulk = planned(policy, first, second, by=gita)
    real = operations.give

    def stumble(policy, target, *arguments, **options):
        if target == first:
            raise ValueError("a fault")
        return real(policy, target, *arguments, **options)

    monkeypatch.setattr(operations, "give", stumble)
    giving.give_all(bulk, by=gita)

    assert states(bulk) == [RowState.REFUSED, RowState.GIVEN]
    assert codes(bulk)[0] == {"failed"}


def test_lists_that_nobody_started_are_forgotten(ada, bo, gita, policy):
    old = planned(policy, ada, by=gita)
    given = planned(policy, bo, by=gita)
    giving.give_all(given, by=gita)

    with clock.at(clock.now() + row_by_row.KEPT + DAY):
        fresh = planned(policy, UserFactory(), by=gita)
        sweep.sweep_bulk()

    assert set(BulkAssignment.objects.all()) == {given, fresh}
    assert not BulkRow.objects.filter(bulk=old.pk).exists()


def test_a_list_of_ones_own_is_dropped_before_it_is_given(ada, bo, gita, policy):
    bulk = planned(policy, ada, by=gita)
    with pytest.raises(Denied) as denied:
        giving.discard(bulk, by=bo)
    assert denied.value.codes == {"list_stays"}
    giving.discard(bulk, by=gita)
    assert not BulkAssignment.objects.exists()

    bulk = planned(policy, ada, by=gita)
    giving.give_all(bulk, by=gita)
    with pytest.raises(Denied):
        giving.discard(bulk, by=gita)


@pytest.mark.django_db(transaction=True)
def test_of_a_list_and_a_wish_at_once_one_wins(ada, gita, policy):
    bulk = planned(policy, ada, *UserFactory.create_batch(4), by=gita)

    outcomes = at_once(
        lambda: giving.give_all(bulk, by=gita),
        lambda: operations.submit(policy, by=ada, justification="Mine"),
    )

    assert AccessRequest.objects.filter(target=ada).count() == 1
    assert AccessRequest.objects.count() == 5
    lost = refusals(outcomes)
    assert len(lost) + codes(bulk).count({"already_held"}) == 1


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_give_every_row_once(gita, policy):
    bulk = planned(policy, *UserFactory.create_batch(12), by=gita)
    giving.start(bulk, by=gita)

    outcomes = at_once(*[lambda: giving.carry_on(bulk_id=bulk.pk)] * 4)

    assert sorted(outcomes) == [False, False, False, True]
    assert states(bulk) == [RowState.GIVEN] * 12
    assert AccessRequest.objects.count() == 12
    assert AuditEvent.objects.filter(action="bulk.finished").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_list_is_started_once_however_often_it_is_pressed(ada, gita, policy):
    bulk = planned(policy, ada, by=gita)

    outcomes = at_once(*[lambda: giving.start(bulk, by=gita)] * 4)

    assert refusals(outcomes) == [{"started_already"}] * 3


# Without approval


@pytest.fixture
def approved(bo, policy):
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    return policy


def test_owners_skip_approval_where_the_organization_allows_it(
    ada, gita, approved, appoint, settings, told
):
    settings.DIRECT_ASSIGNMENT_SKIPS_APPROVAL = True
    appoint(gita, approved.package.catalog, "owner")

    access_request = operations.assign(approved, ada, by=gita, skips_approval=True)

    assert access_request.state == "delivering"
    assert told("approval.asked") == []
    event = AuditEvent.objects.get(action="request.given_directly")
    assert event.details["approval_skipped"] is True


def test_approval_is_skipped_only_where_it_was_ticked(ada, gita, approved, appoint, settings):
    settings.DIRECT_ASSIGNMENT_SKIPS_APPROVAL = True
    appoint(gita, approved.package.catalog, "owner")

    access_request = operations.assign(approved, ada, by=gita)

    assert access_request.state == "pending_approval"
    event = AuditEvent.objects.get(action="request.given_directly")
    assert "approval_skipped" not in event.details


@pytest.mark.parametrize("role", ["assignment_manager", "package_manager"])
def test_assignment_managers_never_skip_approval(
    ada, bo, approved, appoint, settings, role, actions
):
    settings.DIRECT_ASSIGNMENT_SKIPS_APPROVAL = True
    manager = appoint(UserFactory(), approved.package.catalog, role)

    for act in (
        lambda: operations.assign(approved, ada, by=manager, skips_approval=True),
        lambda: giving.plan(approved, entries(ada), by=manager, source="x", skips_approval=True),
    ):
        with pytest.raises(Denied) as denied:
            act()
        assert denied.value.codes == {"approval_is_for_owners_to_skip"}
    assert actions() == []


@pytest.mark.parametrize("role", ["assignment_manager", "owner"])
def test_by_default_nobody_skips_approval(ada, gita, approved, appoint, role):
    manager = appoint(UserFactory(), approved.package.catalog, role)

    with pytest.raises(Denied) as denied:
        operations.assign(approved, ada, by=manager, skips_approval=True)

    assert "approval_is_never_skipped" in denied.value.codes


def test_a_whole_list_is_given_without_approval(ada, gita, approved, appoint, settings):
    settings.DIRECT_ASSIGNMENT_SKIPS_APPROVAL = True
    appoint(gita, approved.package.catalog, "owner")
    bulk = giving.plan(approved, entries(ada), by=gita, source="1 person", skips_approval=True)
    giving.give_all(bulk, by=gita)
    assert AccessRequest.objects.get().state == "delivering"

    settings.DIRECT_ASSIGNMENT_SKIPS_APPROVAL = False
    late = giving.plan(approved, entries(UserFactory()), by=gita, source="1 person")
    BulkAssignment.objects.filter(pk=late.pk).update(skips_approval=True)
    giving.give_all(late, by=gita)
    assert codes(late) == [{"approval_is_never_skipped"}]


def test_a_worker_that_comes_late_repeats_nothing(ada, gita, policy, actions):
    bulk = planned(policy, ada, by=gita)
    giving.give_all(bulk, by=gita)
    before = actions()

    row_by_row.try_row(giving.GIVING, bulk, bulk.rows.get().pk)
    row_by_row.finish(giving.GIVING, bulk)

    assert states(bulk) == [RowState.GIVEN]
    assert AccessRequest.objects.count() == 1
    assert actions() == before


# What the database itself keeps


def test_one_bulk_row_per_position(ada, gita, policy):
    bulk = planned(policy, ada, by=gita)

    with pytest.raises(IntegrityError, match=r"one_bulk_row_per_position|UNIQUE"):
        BulkRow.objects.create(bulk=bulk, position=1, name="Twice", state=RowState.REFUSED)


def test_bulk_row_that_is_ready_names_somebody(ada, gita, policy):
    bulk = planned(policy, ada, by=gita)

    with pytest.raises(IntegrityError, match="bulk_row_that_is_ready_names_somebody"):
        BulkRow.objects.create(bulk=bulk, position=2, name="Nobody", state=RowState.READY)
