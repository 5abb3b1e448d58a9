"""The same done to many: fixed as it was chosen, and done row by row by whoever is there."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.test.utils import CaptureQueriesContext

from entitlements import clock, sweep, work
from entitlements.assignments.models import EndReason
from entitlements.decisions import Denied
from entitlements.delivery import acting
from entitlements.delivery.acting import Wanted
from entitlements.delivery.acts import ActKind, ActState
from entitlements.models import AccessRequest, Assignment, AuditEvent, BulkAct, BulkActRow
from entitlements.requests import operations, records, row_by_row
from entitlements.requests.states import RequestKind, RequestState
from tests.factories import (
    AccessPackageFactory,
    AccessRequestFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
WHY = Wanted("The project is over")


@pytest.fixture
def catalog():
    return CatalogFactory(name="Sales")


@pytest.fixture
def policy(catalog):
    package = AccessPackageFactory(catalog=catalog, name="Analyst", roles=[])
    return AssignmentPolicyFactory(package=package)


@pytest.fixture
def gita(gita, catalog, appoint):
    """Gita, who manages the assignments of Sales."""
    return appoint(gita, catalog, "assignment_manager")


@pytest.fixture
def held(policy):
    """Access of three people."""
    return AssignmentFactory.create_batch(3, policy=policy)


def planned(things, *, by, kind=ActKind.END):
    return acting.plan(kind, [thing.pk for thing in things], by=by, source="3 chosen in the list")


def started(things, *, by, kind=ActKind.END, wanted=WHY):
    return acting.start(planned(things, by=by, kind=kind), wanted, by=by)


def done(things, *, by, **options):
    act = started(things, by=by, **options)
    assert acting.carry_on(act_id=act.pk) is True
    act.refresh_from_db()
    return act


def states(act):
    return list(act.rows.values_list("state", flat=True))


def codes(act):
    return [{reason["code"] for reason in row.reasons} for row in act.rows.all()]


# What was chosen


def test_what_was_chosen_is_fixed_and_nothing_is_done(held, gita, actions, queued):
    third, first, second = held

    act = planned([first, second, third, first], by=gita)

    assert [row.assignment for row in act.rows.all()] == [first, second, third]
    assert [row.target for row in act.rows.all()] == [first.target, second.target, third.target]
    assert states(act) == [ActState.WAITING] * 3
    assert act.progress == "planned"
    assert str(act) == "End access: 3 chosen in the list"
    assert str(act.rows.first()) == f"{first.target} in {act.pk}"
    assert (actions(), queued()) == ([], [])
    assert Assignment.objects.live().count() == 3


def test_what_one_does_not_see_is_not_chosen(held, gita):
    foreign = AssignmentFactory()

    act = planned([held[0], foreign], by=gita)

    assert [row.assignment for row in act.rows.all()] == [held[0]]


def test_nothing_and_too_much_are_refused(held, gita, monkeypatch):
    for chosen in ([], [uuid4()], [AssignmentFactory().pk]):
        with pytest.raises(Denied) as denied:
            acting.plan(ActKind.END, chosen, by=gita, source="x")
        assert denied.value.codes == {"nothing_chosen"}
    monkeypatch.setattr(acting, "MOST_ROWS", 2)
    with pytest.raises(Denied) as denied:
        planned(held, by=gita)
    assert denied.value.codes == {"too_many_chosen"}
    assert not BulkAct.objects.exists()


def test_ten_thousand_rows_cost_as_many_queries_per_batch_as_few(policy, gita):
    def cost(count):
        people = UserFactory.build_batch(count)
        type(people[0]).objects.bulk_create(people)
        held = Assignment.objects.bulk_create(
            AssignmentFactory.build(policy=policy, package=policy.package, target=person)
            for person in people
        )
        with CaptureQueriesContext(connection) as captured:
            planned(held, by=gita)
        return sum(query["sql"].startswith("SELECT") for query in captured)

    few, batch, many = cost(5), cost(acting.IN_A_BATCH), cost(4 * acting.IN_A_BATCH)

    assert batch == few
    assert many == few + 3


# What is done


def test_access_of_all_is_ended_and_each_row_says_so(held, gita, actions, queued):
    act = started(held, by=gita)

    assert act.is_running
    assert act.progress == "running"
    assert queued() == ["delivery.acting.carry_on"]
    assert actions() == ["bulk_act.started"]
    assert acting.carry_on(act_id=act.pk) is True

    act.refresh_from_db()
    assert (act.progress, act.next_attempt_at, act.justification) == ("finished", None, "")
    assert states(act) == [ActState.DONE] * 3
    assert not Assignment.objects.live().exists()
    assert set(Assignment.objects.values_list("end_reason", flat=True)) == {EndReason.REMOVED}
    made = [row.access_request for row in act.rows.all()]
    assert {(one.kind, one.requestor) for one in made} == {(RequestKind.ADMIN_REMOVE, gita)}
    assert {one.justification for one in made} == {WHY.justification}
    assert actions().count("assignment.ended") == 3
    assert actions()[-1] == "bulk_act.finished"
    first, last = AuditEvent.objects.filter(action__startswith="bulk_act").order_by("pk")
    assert (first.actor_name, first.details) == ("Gita Rao", {"rows": 3})
    assert (last.actor_name, last.details) == ("Gita Rao", {"done": 3})
    assert last.subject_name == "End access: 3 chosen in the list"


def test_access_is_extended_to_the_last_day_within_each_limit(policy, gita):
    end = clock.day_ends((clock.now() + 10 * DAY).date())
    short = AssignmentPolicyFactory(package=policy.package, expiration="after_days", duration=3)
    held = [AssignmentFactory(policy=one, ends_at=end) for one in (policy, short)]
    day = (end + 7 * DAY).astimezone(clock.zone()).date()

    act = done(held, by=gita, kind=ActKind.EXTEND, wanted=Wanted("The fair", day))

    assert codes(act) == [set(), {"ends_after_limit"}]
    for assignment in held:
        assignment.refresh_from_db()
    assert [one.ends_at for one in held] == [end + 7 * DAY, end]
    request = act.rows.first().access_request
    assert (request.kind, request.justification) == (RequestKind.ADMIN_UPDATE, "The fair")
    event = AuditEvent.objects.get(action="bulk_act.started")
    assert event.details == {"rows": 2, "ends_on": day.isoformat()}


def test_without_a_day_access_is_extended_as_long_as_the_policy_allows(held, gita):
    end = held[0].ends_at

    done(held[:1], by=gita, kind=ActKind.EXTEND)

    held[0].refresh_from_db()
    assert held[0].ends_at == end + 90 * DAY


def test_what_waits_for_approvers_is_not_called_done(held, policy, bo, gita):
    policy.extension_requires_approval = True
    policy.save()
    ApprovalStageFactory(policy=policy, approvers=[bo])

    act = done(held, by=gita, kind=ActKind.EXTEND)

    assert states(act) == [ActState.ASKED] * 3
    assert AccessRequest.objects.filter(state=RequestState.PENDING_APPROVAL).count() == 3
    assert AuditEvent.objects.get(action="bulk_act.finished").details == {"asked": 3}


def test_access_of_all_is_set_up_again(held, gita, actions, queued):
    act = done(held, by=gita, kind=ActKind.SET_UP_AGAIN)

    assert states(act) == [ActState.DONE] * 3
    assert [row.access_request for row in act.rows.all()] == [None] * 3
    assert actions().count("assignment.reprocessed") == 3
    assert queued().count("delivery.tasks.deliver") == 3


def test_requests_are_canceled(policy, bo, gita):
    ApprovalStageFactory(policy=policy, approvers=[bo])
    asked = [operations.submit(policy, by=UserFactory(), justification="x") for _ in range(2)]
    over = operations.cancel(operations.submit(policy, by=bo, justification="x"), by=bo)

    act = done([*asked, over], by=gita, kind=ActKind.CANCEL)

    assert states(act) == [ActState.DONE, ActState.DONE, ActState.REFUSED]
    assert codes(act)[2] == {"too_late_to_cancel"}
    assert set(AccessRequest.objects.values_list("state", flat=True)) == {RequestState.CANCELED}
    assert [row.thing for row in act.rows.all()] == [*asked, over]


def test_requests_that_failed_are_tried_again(held, gita, policy):
    failed = AccessRequestFactory(policy=policy, assignment=held[0], state="delivery_failed")

    act = done([failed], by=gita, kind=ActKind.TRY_AGAIN)

    failed.refresh_from_db()
    assert failed.state == RequestState.DELIVERING
    assert states(act) == [ActState.DONE]


def test_records_are_deleted_by_administrators_alone(policy, gita):
    ivo = UserFactory(is_superuser=True)
    over = AccessRequestFactory(policy=policy, state="denied", completed_at=clock.now())
    waiting = AccessRequestFactory(policy=policy)
    with pytest.raises(Denied) as denied:
        planned([over], by=gita, kind=ActKind.DELETE)
    assert denied.value.codes == {"administrators_only"}
    act = planned([over, waiting], by=ivo, kind=ActKind.DELETE)
    with pytest.raises(Denied) as denied:
        acting.start(act, Wanted(" "), by=ivo)
    assert denied.value.codes == {"justification_missing"}

    acting.start(act, WHY, by=ivo)
    acting.carry_on(act_id=act.pk)

    assert list(AccessRequest.objects.all()) == [waiting]
    assert states(act) == [ActState.DONE, ActState.REFUSED]
    assert act.rows.first().thing is None


def test_a_request_whose_record_went_meanwhile_is_told_so(policy, gita):
    ivo = UserFactory(is_superuser=True)
    over = AccessRequestFactory(policy=policy, state="denied", completed_at=clock.now())
    act = started([over], by=gita, kind=ActKind.CANCEL)
    records.delete_record(over, by=ivo, justification="Asked by law")

    acting.carry_on(act_id=act.pk)

    assert codes(act) == [{"record_deleted"}]


def test_one_row_at_once_is_done_or_waits(held, policy, bo, gita):
    assert acting.perform(ActKind.END, held[0], WHY, by=gita) == ActState.DONE
    policy.extension_requires_approval = True
    policy.save()
    ApprovalStageFactory(policy=policy, approvers=[bo])
    assert acting.perform(ActKind.EXTEND, held[1], Wanted(), by=gita) == ActState.ASKED
    with pytest.raises(Denied) as denied:
        acting.perform(ActKind.END, held[2], WHY, by=bo)
    assert denied.value.codes == {"not_permitted"}


# Who may


def test_each_row_asks_again_what_its_starter_may(held, gita, appoint):
    finance = AssignmentFactory(policy=AssignmentPolicyFactory())
    appoint(gita, finance.package.catalog, "reader")
    act = started([*held, finance], by=gita)
    Assignment.objects.filter(pk=held[1].pk).update(ends_at=clock.now() - timedelta(hours=1))

    acting.carry_on(act_id=act.pk)

    assert states(act) == ["done", "refused", "done", "refused"]
    assert codes(act) == [set(), {"access_ended"}, set(), {"not_permitted"}]
    assert AuditEvent.objects.get(action="bulk_act.finished").details == {"done": 2, "refused": 2}
    finance.refresh_from_db()
    assert finance.is_live


def test_whoever_loses_the_right_meanwhile_changes_nothing_more(held, gita, monkeypatch):
    act = started(held, by=gita)
    real = operations.take

    def leave_after_the_first(*arguments, **options):
        made = real(*arguments, **options)
        type(gita).objects.filter(pk=gita.pk).update(is_active=False)
        return made

    monkeypatch.setattr(operations, "take", leave_after_the_first)
    acting.carry_on(act_id=act.pk)

    assert codes(act) == [set(), {"not_permitted"}, {"not_permitted"}]
    assert Assignment.objects.live().count() == 2


def test_only_whoever_chose_the_rows_starts_stops_and_drops(held, bo, gita, catalog, appoint):
    appoint(bo, catalog, "owner")
    act = planned(held, by=gita)
    for attempt, code in (
        (lambda: acting.start(act, WHY, by=bo), "not_your_list"),
        (lambda: acting.discard(act, by=bo), "list_stays"),
        (lambda: acting.stop(act, by=bo), "not_your_list"),
        (lambda: acting.stop(act, by=gita), "not_going_on"),
        (lambda: acting.start(act, Wanted("x" * 10_001), by=gita), "justification_too_long"),
    ):
        with pytest.raises(Denied) as denied:
            attempt()
        assert denied.value.codes == {code}
    acting.start(act, WHY, by=gita)
    for attempt, code in (
        (lambda: acting.start(act, WHY, by=gita), "started_already"),
        (lambda: acting.discard(act, by=gita), "list_stays"),
    ):
        with pytest.raises(Denied) as denied:
            attempt()
        assert denied.value.codes == {code}


def test_what_was_planned_is_dropped_or_forgotten_after_a_week(held, gita):
    acting.discard(planned(held, by=gita), by=gita)
    assert not BulkAct.objects.exists()
    old, going = planned(held, by=gita), started(held, by=gita)

    with clock.at(clock.now() + row_by_row.KEPT + DAY):
        fresh = planned(held, by=gita)
        sweep.sweep_acts()

    assert set(BulkAct.objects.all()) == {going, fresh}
    assert not BulkActRow.objects.filter(act=old.pk).exists()


def test_owners_see_what_was_done_in_their_catalogs_and_others_nothing(held, bo, ada, gita):
    act = planned(held, by=gita)

    assert set(BulkAct.objects.visible_to(gita)) == {act}
    assert not BulkAct.objects.visible_to(ada).exists()
    assert set(BulkActRow.objects.visible_to(gita)) == set(act.rows.all())
    assert not BulkActRow.objects.visible_to(bo).exists()


# Halfway


def test_what_is_stopped_leaves_the_rest_as_it_is(held, gita, monkeypatch, actions):
    act = started(held, by=gita)
    monkeypatch.setattr(row_by_row, "LONGEST_RUN", -1.0)
    assert acting.carry_on(act_id=act.pk) is False

    act = acting.stop(act, by=gita)

    assert act.progress == "stopped"
    assert (act.is_running, act.next_attempt_at, act.justification) == (False, None, "")
    assert states(act) == [ActState.DONE, ActState.LEFT, ActState.LEFT]
    assert acting.carry_on(act_id=act.pk) is False
    assert Assignment.objects.live().count() == 2
    assert actions()[-1] == "bulk_act.stopped"
    event = AuditEvent.objects.get(action="bulk_act.stopped")
    assert (event.actor_name, event.details) == ("Gita Rao", {"done": 1, "left": 2})
    with pytest.raises(Denied) as denied:
        acting.stop(act, by=gita)
    assert denied.value.codes == {"not_going_on"}


def test_a_worker_that_is_overtaken_by_a_stop_does_nothing_more(held, gita, monkeypatch, queued):
    act = started(held, by=gita)
    real = row_by_row.try_row

    def stopped_after_the_first(*arguments):
        real(*arguments)
        acting.stop(act, by=gita)

    with monkeypatch.context() as patched:
        patched.setattr(row_by_row, "try_row", stopped_after_the_first)
        patched.setattr(row_by_row, "LONGEST_RUN", -1.0)
        assert acting.carry_on(act_id=act.pk) is False

    act.refresh_from_db()
    assert act.next_attempt_at is None
    assert queued().count("delivery.acting.carry_on") == 1
    row_by_row.try_row(acting.ACTING, act, act.rows.last().pk)
    assert states(act) == [ActState.DONE, ActState.LEFT, ActState.LEFT]


def test_when_the_time_is_up_the_next_worker_goes_on(held, gita, monkeypatch, run_queue):
    act = started(held, by=gita)
    monkeypatch.setattr(row_by_row, "LONGEST_RUN", -1.0)

    run_queue()

    assert states(act) == [ActState.DONE] * 3
    act.refresh_from_db()
    assert act.progress == "finished"


def test_whoever_dies_between_the_act_and_its_row_has_done_nothing(held, gita, monkeypatch, queued):
    act = started(held, by=gita)
    real, calls = acting._state_of, []

    def die(made):
        calls.append(made)
        if len(calls) == 2:
            raise OperationalError("the connection was lost")
        return real(made)

    monkeypatch.setattr(acting, "_state_of", die)
    with pytest.raises(OperationalError):
        acting.carry_on(act_id=act.pk)
    assert states(act) == [ActState.DONE, ActState.WAITING, ActState.WAITING]
    assert Assignment.objects.live().count() == 2
    assert acting.carry_on(act_id=act.pk) is False, "it is still leased"

    with clock.at(clock.now() + work.LEASE + timedelta(seconds=1)):
        before = queued().count("delivery.acting.carry_on")
        assert sweep.sweep_acts() == 1
        assert queued().count("delivery.acting.carry_on") == before + 1
        assert acting.carry_on(act_id=act.pk) is True
    assert states(act) == [ActState.DONE] * 3
    assert AccessRequest.objects.count() == 3
    assert sweep.sweep_acts() == 0


def test_a_row_that_fails_in_an_unknown_way_stops_no_other(held, gita, monkeypatch):
    real = operations.take

    def stumble(assignment, **options):
        if assignment == held[0]:
            raise ValueError("a fault")
        return real(assignment, **options)

    monkeypatch.setattr(operations, "take", stumble)
    act = done(held, by=gita)

    assert states(act) == [ActState.REFUSED, ActState.DONE, ActState.DONE]
    assert codes(act)[0] == {"failed"}


def test_a_batch_costs_the_same_for_each_row_however_long_the_list(policy, gita):
    def cost(count):
        act = started(AssignmentFactory.create_batch(count, policy=policy), by=gita)
        with CaptureQueriesContext(connection) as captured:
            acting.carry_on(act_id=act.pk)
        return len(captured)

    cost(1)
    few, more, many = cost(2), cost(4), cost(8)

    assert many - more == 2 * (more - few)


# At once


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_do_every_row_once(policy, gita):
    act = started(AssignmentFactory.create_batch(12, policy=policy), by=gita)

    outcomes = at_once(*[lambda: acting.carry_on(act_id=act.pk)] * 4)

    assert sorted(outcomes) == [False, False, False, True]
    assert states(act) == [ActState.DONE] * 12
    assert AccessRequest.objects.count() == 12
    assert AuditEvent.objects.filter(action="bulk_act.finished").count() == 1


@pytest.mark.django_db(transaction=True)
def test_workers_who_both_believe_that_it_is_theirs_do_every_row_once(policy, gita):
    """A worker that was thought dead goes on beside the one who took over."""
    act = started(AssignmentFactory.create_batch(12, policy=policy), by=gita)
    keys = list(act.rows.values_list("pk", flat=True))

    def work_off():
        for key in keys:
            row_by_row.try_row(acting.ACTING, act, key)
        row_by_row.finish(acting.ACTING, act)

    outcomes = at_once(*[work_off] * 3)

    assert outcomes == [None] * 3
    assert states(act) == [ActState.DONE] * 12
    assert AccessRequest.objects.count() == 12
    assert AuditEvent.objects.filter(action="bulk_act.finished").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_a_stop_and_a_worker_at_once_each_row_is_done_or_left(policy, gita):
    act = started(AssignmentFactory.create_batch(12, policy=policy), by=gita)

    outcomes = at_once(lambda: acting.carry_on(act_id=act.pk), lambda: acting.stop(act, by=gita))

    assert len(refusals(outcomes)) <= 1
    counts = act.counts()
    assert counts["done"] + counts["left"] == 12
    assert Assignment.objects.live().count() == counts["left"]
    ends = AuditEvent.objects.filter(action__in=["bulk_act.finished", "bulk_act.stopped"])
    assert ends.count() == 1


@pytest.mark.django_db(transaction=True)
def test_it_is_started_once_however_often_it_is_pressed(held, gita):
    act = planned(held, by=gita)

    outcomes = at_once(*[lambda: acting.start(act, WHY, by=gita)] * 4)

    assert refusals(outcomes) == [{"started_already"}] * 3


# What the database itself keeps


def test_bulk_act_that_was_stopped_is_finished(held, gita):
    act = started(held, by=gita)

    with pytest.raises(IntegrityError, match="bulk_act_that_was_stopped_is_finished"):
        BulkAct.objects.filter(pk=act.pk).update(stopped_at=clock.now())


def again(act, **about):
    row = act.rows.first()
    facts = {"target": row.target, "package": row.package, "position": 9}
    return BulkActRow.objects.create(act=act, **facts, **about)


def test_one_bulk_act_row_per_assignment(held, gita):
    act = planned(held, by=gita)

    with pytest.raises(IntegrityError, match=r"one_bulk_act_row_per_assignment|UNIQUE"):
        again(act, assignment=held[0])


def test_one_bulk_act_row_per_request(policy, gita):
    access_request = AccessRequestFactory(policy=policy)
    act = planned([access_request], by=gita, kind=ActKind.CANCEL)

    with pytest.raises(IntegrityError, match=r"one_bulk_act_row_per_request|UNIQUE"):
        again(act, access_request=access_request)
