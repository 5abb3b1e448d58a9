"""Random people do random things in random order, and what must hold always holds."""

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.db.models import Max
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from entitlements import clock, heartbeat, invariants, sweep
from entitlements.assignments.grants import Grant
from entitlements.callouts import sending
from entitlements.catalog.attributes import ResourceAttribute, attributes_of
from entitlements.connectors.base import ConnectorRefused, ConnectorUnavailable
from entitlements.decisions import Denied
from entitlements.delivery import operations as delivery
from entitlements.directory.models import UserType
from entitlements.models import (
    AccessPackage,
    AccessRequest,
    ApprovalStep,
    Assignment,
    AssignmentPolicy,
    AuditEvent,
    BulkAssignment,
    Membership,
    PackageRole,
    User,
)
from entitlements.policies.models import Expiration, Scope
from entitlements.policies.question_terms import QuestionTerms
from entitlements.policies.questions import tidied, write_questions
from entitlements.requests import deciding, giving, operations
from entitlements.requests.judging import Entry
from entitlements.requests.models import StepState
from entitlements.requests.states import OPEN, TRANSITIONS, RequestState
from tests import trails
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ResourceRoleFactory,
    StageApproverFactory,
    UserFactory,
)
from tests.lives import ACTS_FOR_OTHERS, ForOthers
from tests.lives_of_systems import ACTS_OF_SYSTEMS, Web, WithSystems
from tests.lives_of_the_past import WithPast

LIVES = int(os.environ.get("RANDOM_LIVES", "6"))
ACTS = int(os.environ.get("RANDOM_ACTS", "50"))
START = datetime(2026, 3, 27, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STEPS = {
    (kind.value, row.source.value, row.target.value) for row in TRANSITIONS for kind in row.kinds
}
SPANS = [timedelta(seconds=30), timedelta(minutes=20), 5 * HOUR, DAY, DAY, 15 * DAY]
WORDS = [*["Because."] * 8, "", "x" * 10_001]
DAYS = [*[None] * 6, -1, 0, 1, 3, 10, 40]
ERRORS = [
    None,
    None,
    None,
    ConnectorUnavailable("timeout", "The server does not answer."),
    ConnectorRefused("no_space", "The group is full."),
    RuntimeError("A fault."),
]
ACTS_BY_WEIGHT = {
    "ask": 8,
    "ask_with_dates": 3,
    "assign": 3,
    "approve": 8,
    "deny": 2,
    "cancel": 3,
    "insist": 1,
    "extend": 4,
    "give_back": 2,
    "remove": 1,
    "give_a_list": 1,
    "reprocess": 2,
    "leave_or_return": 1,
    "change_manager": 1,
    "change_roles": 1,
    "break_or_mend": 2,
    "stumble": 2,
    "wait": 3,
    "work": 5,
    "work_it_all_off": 2,
    "lose_the_queue": 1,
    "sweep_up": 3,
    **ACTS_FOR_OTHERS,
    **ACTS_OF_SYSTEMS,
}


class Watch:
    """A clock that goes on a little with every look, as it does in life."""

    def __init__(self):
        self.moment = START

    def now(self):
        self.moment += timedelta(milliseconds=1)
        return self.moment


class Company(ForOthers, WithSystems, WithPast):
    """Five people, three packages that share roles, and a target system that stumbles.

    Each act is attempted with three random numbers, whether it is allowed or not.
    """

    def __init__(self, watch, target, web):
        self.watch, self.target, self.web = watch, target, web
        self.web.reply = 200
        self.seen, self.is_swept, self.remembered = 0, False, []
        self.allowed = 0
        self.boss = UserFactory(display_name="Boss", is_superuser=True)
        self.deputy = UserFactory(display_name="Deputy", is_superuser=True)
        self.people = [UserFactory(display_name=name, manager=self.boss) for name in "ABCD"]
        self.people.append(UserFactory(display_name="Guest", user_type=UserType.GUEST))
        self.target.know(self.boss, *self.people)
        self._offer()

    def _offer(self):
        keeps = CatalogFactory()
        takes = CatalogFactory(keeps_access_held_before=False)
        here, there, shared = ResourceRoleFactory(), self.target.role("one"), ResourceRoleFactory()
        packages = [
            AccessPackageFactory(catalog=keeps, roles=[here, there]),
            AccessPackageFactory(catalog=keeps, roles=[there, shared]),
            AccessPackageFactory(catalog=takes, roles=[shared, self.target.role("two")]),
        ]
        self.coming_and_going = here
        self.by_hand = (there, self.people[0])
        self.target.members(there).add(str(self.people[0]))
        short = AssignmentPolicyFactory(
            package=packages[1],
            expiration=Expiration.AFTER_HOURS,
            duration=8,
            extension_requires_approval=True,
            allows_on_behalf=True,
            approver_can_remove=True,
        )
        strict = AssignmentPolicyFactory(
            package=packages[2], requires_justification=True, allows_custom_dates=True
        )
        ApprovalStageFactory(policy=short, position=1, approvers=self.people[:2])
        ApprovalStageFactory(policy=strict, position=1, manager=True, decision_days=2)
        StageApproverFactory(stage=strict.stages.get(), user=self.people[3], is_fallback=True)
        ApprovalStageFactory(policy=strict, position=2, approvers=self.people[1:3])
        both = AssignmentPolicyFactory(
            package=packages[0], scope=Scope.SPECIFIC, duration=5, allows_on_behalf=True
        )
        both.allowed_users.set(self.people[2:4])
        stage = ApprovalStageFactory(
            policy=both, position=1, rule="all", escalation_days=2, approvers=self.people[:2]
        )
        StageApproverFactory(stage=stage, user=self.people[2], is_alternate=True)
        self.outside = AssignmentPolicyFactory(
            package=AccessPackageFactory(catalog=keeps, roles=[shared]),
            scope=Scope.ALL_EXTERNAL,
            duration=10,
        )
        ApprovalStageFactory(policy=self.outside, position=1, approvers=self.people[1:3])
        self.policies = [
            AssignmentPolicyFactory(
                package=packages[0],
                scope=Scope.ALL_USERS,
                allows_custom_dates=True,
                allows_on_behalf=True,
                duration=20,
            ),
            AssignmentPolicyFactory(package=packages[0], scope=Scope.ALL_MEMBERS, duration=1),
            short,
            strict,
            AssignmentPolicyFactory(package=packages[2], scope=Scope.NOBODY, duration=3),
            both,
        ]
        self.connect(DAY)
        self._ask_for_answers(shared.resource)

    def begin(self, luck):
        """Let life begin in the midst of things, so that there is something to change."""
        for number, person in enumerate(self.people[:4]):
            policy = self.policies[(luck + number) % 3 * 2]
            answers = self._answers(policy, luck + number)
            self._try(operations.assign, policy, person, by=self.boss, answers=answers)
        if luck % 3:
            self.clash_or_not(luck, luck + 1, 0)
            self.propose_exception(1 + luck % 4, 4 + luck % 7, 0)
            self.decide_exception(0, luck, 1)

    def _ask_for_answers(self, resource):
        """Ask something under some policies, and let a resource of two packages need something."""
        for policy in self.policies[:2]:
            asked = QuestionTerms("short_text", "Project?", is_required=False, is_editable=True)
            write_questions(policy, tidied((asked,)))
        for policy in self.policies:
            policy.allows_correction = policy not in self.policies[1:2]
            policy.save()
        ResourceAttribute.objects.create(
            resource=resource, name="cost_center", question="Cost center?", is_editable=True
        )
        for person in self.people[:2]:
            User.objects.filter(pk=person.pk).update(cost_center="K0")

    # What people do

    def ask(self, who, what, why):
        self._try(
            operations.submit,
            self._policy(what),
            by=self._person(who),
            justification=pick(WORDS, why),
            answers=self._answers(self._policy(what), why),
        )

    def ask_with_dates(self, who, what, when):
        self._try(
            operations.submit,
            self._policy(what - what % len(self.policies) + (what % 2) * 3),
            by=self._person(who),
            justification="Because.",
            answers=self._answers(self._policy(what - what % len(self.policies)), when),
            starts_at=self._day(when),
            ends_at=self._day(when // 100),
        )

    def assign(self, who, what, whom):
        by = self._person(who) if who % 4 == 0 else self.boss
        policy = self._policy(what)
        answers = self._answers(policy, who)
        self._try(operations.assign, policy, self._person(whom), by=by, answers=answers)

    def approve(self, who, what, how):
        if access_request := self._request(what, state=RequestState.PENDING_APPROVAL):
            self._try(
                deciding.approve,
                access_request,
                by=self._asked(access_request, who),
                justification=pick(WORDS, how),
                ends_at=self._day(how // 10),
            )

    def deny(self, who, what, _):
        states = {"state": RequestState.PENDING_APPROVAL} if what % 4 else {}
        if access_request := self._request(what, **states):
            self._try(deciding.deny_request, access_request, by=self._asked(access_request, who))

    def cancel(self, who, what, _):
        states = {"state__in": OPEN} if what % 3 else {}
        if access_request := self._request(what, **states):
            self._try(operations.cancel, access_request, by=self._owner(access_request, who))

    def insist(self, who, what, how):
        if access_request := self._request(what):
            act = pick([operations.resubmit, operations.remind], how)
            self._try(act, access_request, by=self._owner(access_request, who))

    def extend(self, who, what, until):
        if assignment := self._assignment(what):
            by = assignment.target if who % 4 else self._person(who)
            self._try(operations.extend, assignment, by=by, ends_at=self._day(until))

    def give_back(self, who, what, _):
        if assignment := self._assignment(what):
            by = assignment.target if who % 4 else self._person(who)
            self._try(operations.give_back, assignment, by=by)

    def remove(self, who, what, _):
        if assignment := self._assignment(what):
            by = self.boss if who % 4 else self._person(who)
            self._try(operations.remove, assignment, by=by)

    def give_a_list(self, who, what, how):
        by = self.boss if who % 4 else self._person(who)
        entries = [Entry(str(person.pk)) for person in self.people]
        facts = {"source": "everybody", "takes_over": how % 3 == 0}
        self._try(giving.plan, self._policy(what), entries, by=by, **facts)
        for bulk in BulkAssignment.objects.never_started():
            self._try(giving.give_all, bulk, by=by)

    def reprocess(self, _, what, how):
        failed = [RequestState.PARTIALLY_DELIVERED, RequestState.DELIVERY_FAILED]
        if access_request := self._request(what, state__in=failed):
            self._try(delivery.reprocess, access_request, by=self.boss)
        elif assignment := self._assignment(how):
            self._try(delivery.reprocess_assignment, assignment, by=self.boss)

    # What happens to them

    def leave_or_return(self, who, *_):
        person = pick(self.people, who)
        User.objects.filter(pk=person.pk).update(is_active=who % 4 != 0)

    def change_manager(self, who, *_):
        person, manager = self.people[who % 2], self.people[2 + who % 2]
        User.objects.filter(pk=person.pk).update(manager=manager if who % 3 else None)

    def change_roles(self, _, what, __):
        package = pick(AccessPackage.objects.order_by("name"), what)
        entry = package.package_roles.filter(role=self.coming_and_going)
        if not entry.delete()[0]:
            PackageRole.objects.create(package=package, role=self.coming_and_going)
        AccessPackage.objects.filter(pk=package.pk).update(recount_at=clock.now())

    def break_or_mend(self, how, *_):
        self.target.error = pick(ERRORS, how)

    def stumble(self, how, *_):
        self.target.errors = [None] * (how // 10 % 3) + [pick(ERRORS, how)]

    # What time and the workers do

    def wait(self, span, *_):
        self.watch.moment += pick(SPANS, span)

    def work(self, which, *_):
        """One message of the queue, whichever, perhaps not for the last time."""
        if message := pick(OrmQ.objects.order_by("pk"), which):
            if which % 4:
                message.delete()
            self._carry_out(message.task)

    def work_it_all_off(self, *_):
        for _ in range(200):
            message = OrmQ.objects.order_by("pk").first()
            if message is None:
                return
            message.delete()
            self._carry_out(message.task)
        raise AssertionError("The queue never empties.")

    def lose_the_queue(self, *_):
        OrmQ.objects.all().delete()

    def sweep_up(self, span, *_):
        self.wait(span)
        self._sweep()

    def _sweep(self):
        """Run every part as a sweep does, and look what each writes."""
        for part in sweep.PARTS:
            before = self._last_event()
            part()
            written = [event.action for event in self._events_after(before)]
            pattern = trails.PARTS.get(part.__name__, "")
            assert trails.matches(pattern, written), (part.__name__, written)
        heartbeat.beat()
        self.is_swept = True

    # What must hold

    def check(self):
        self.remember()
        self._nothing_is_held_or_asked_for_twice()
        self._every_step_is_in_the_table()
        self._decisions_are_made_in_time_by_others_who_were_asked()
        self.nobody_decides_about_himself_or_too_late()
        self.nobody_without_an_account_has_anything()
        self._a_stage_waits_exactly_while_its_request_does()
        self.a_request_waits_exactly_while_its_answer_does()
        if self.is_swept:
            self.is_swept = False
            self._grants_are_wanted_exactly_while_covered()

    def _nothing_is_held_or_asked_for_twice(self):
        for rows in (
            Assignment.objects.filter(ended_at=None),
            AccessRequest.objects.filter(state__in=OPEN),
        ):
            pairs = list(rows.values_list("target", "package"))
            assert len(pairs) == len(set(pairs))

    def _every_step_is_in_the_table(self):
        events = AuditEvent.objects.filter(
            pk__gt=self.seen, subject_type="accessrequest", details__has_key="source"
        )
        kinds = dict(AccessRequest.objects.values_list("pk", "kind"))
        for event in events.order_by("pk"):
            step = (kinds[event.subject_id], event.details["source"], event.details["state"])
            assert step in STEPS
            self.seen = event.pk

    def _decisions_are_made_in_time_by_others_who_were_asked(self):
        decided = ApprovalStep.objects.exclude(decided_by=None).prefetch_related("approvers")
        for step in decided.select_related("access_request"):
            access_request = step.access_request
            assert step.decided_by_id not in (access_request.requestor_id, access_request.target_id)
            assert step.decided_at < step.due_at
            assert step.decided_by_id in {user.pk for user in step.approvers.all()}

    def _a_stage_waits_exactly_while_its_request_does(self):
        waiting = ApprovalStep.objects.filter(state=StepState.WAITING)
        pending = AccessRequest.objects.filter(state=RequestState.PENDING_APPROVAL)
        assert set(waiting.values_list("access_request", flat=True)) == set(
            pending.values_list("pk", flat=True)
        )

    def _grants_are_wanted_exactly_while_covered(self):
        covered = set(Grant.objects.covered().values_list("pk", flat=True))
        wanted = set(Grant.objects.filter(is_wanted=True).values_list("pk", flat=True))
        assert wanted == covered
        assert not Assignment.objects.overdue().exists()
        assert not ApprovalStep.objects.lapsing().exists()

    def come_to_rest(self):
        """Let the target work again and the workers finish; look what came of it all."""
        self.target.error, self.target.errors = None, []
        self._finish()
        for assignment in Assignment.objects.live():
            delivery.reprocess_assignment(assignment, by=self.boss)
        self._finish()
        self.check()
        assert not AccessRequest.objects.filter(state=RequestState.DELIVERING).exists()
        for grant in Grant.objects.select_related("role__resource__system", "user"):
            assert grant.shown_state == ("done" if grant.is_wanted else "removed")
            assert grant.lease_until is None
            assert not grant.is_taken_over or grant.is_wanted
            is_by_hand = (grant.role, grant.user) == self.by_hand
            if is_by_hand and not grant.is_wanted and self._was_taken_over(grant):
                continue
            assert self._holds(grant) is (grant.is_wanted or is_by_hand), grant
        self.the_past_is_as_it_was()
        for result in invariants.check():
            assert result.holds, result.sentences

    def _was_taken_over(self, grant):
        """Whether a package took over what a person had, so that it may be gone with it."""
        begun = AuditEvent.objects.filter(action="assignment.begun", target_id=grant.user_id)
        return begun.filter(details__takes_over=True).exists()

    def _finish(self):
        for _ in range(20):
            self.watch.moment += timedelta(minutes=3, seconds=1)
            self._sweep()
            self.work_it_all_off()
            if not Grant.objects.filter(next_attempt_at__isnull=False).exists():
                break
            self.watch.moment += HOUR
        self._sweep()

    def _holds(self, grant):
        if grant.role.resource.system == self.target.system:
            return str(grant.user) in self.target.members(grant.role)
        group = grant.role.resource.external_id
        return Membership.objects.filter(user=grant.user, group=group).exists()

    # How things are chosen and done

    def _try(self, act, *things, **facts):
        """Do something that may be refused; it writes exactly what it should, or nothing."""
        before, is_done = self._last_event(), False
        with suppress(Denied):
            act(*things, **facts)
            self.allowed, is_done = self.allowed + 1, True
        events = self._events_after(before)
        written = [event.action for event in events]
        name, by = act.__name__, facts.get("by")
        assert trails.is_exact(name, written) if is_done else not written, (name, written)
        own = trails.own_events(name, events) if is_done else []
        assert len(own) == is_done or (not written and name == "resume"), (name, written)
        for event in own:
            assert event.actor_id == (by and by.pk), (name, event)

    def _last_event(self):
        return AuditEvent.objects.aggregate(last=Max("pk"))["last"] or 0

    def _events_after(self, number):
        return list(AuditEvent.objects.filter(pk__gt=number).order_by("pk"))

    def _answers(self, policy, number):
        """Answers to what a policy asks: another one now and then, and sometimes none."""
        given = {
            str(one.key): pick(["APOLLO", "GEMINI", ""], number) for one in policy.questions.all()
        }
        for attribute in attributes_of(policy.package_id):
            given[str(attribute.pk)] = pick(["K1", "K2", "K3"], number // 3)
        return given if number % 9 else {}

    def _carry_out(self, task):
        import_string(task["func"])(*task["args"], **task["kwargs"])

    def _day(self, number):
        chosen = pick(DAYS, number)
        return None if chosen is None else self.watch.moment + chosen * DAY

    def _person(self, number):
        return User.objects.get(pk=pick([self.boss, *self.people], number).pk)

    def _policy(self, number):
        return AssignmentPolicy.objects.get(pk=pick(self.policies, number).pk)

    def _owner(self, access_request, number):
        return access_request.requestor if number % 4 else self._person(number // 4)

    def _asked(self, access_request, number):
        asked = User.objects.filter(asked_in__step__access_request=access_request)
        people = asked.order_by("display_name").distinct() if number % 4 else []
        return pick(people, number // 4) or self._person(number)

    def _request(self, number, **facts):
        rows = AccessRequest.objects.filter(**facts)
        rows = rows.exclude(state=RequestState.DELIVERED) if number % 4 else rows
        return pick(rows.order_by("created_at", "pk"), number // 4)

    def _assignment(self, number):
        rows = Assignment.objects.live() if number % 4 else Assignment.objects.all()
        return pick(rows.order_by("starts_at", "pk"), number // 4)


def pick(things, number):
    things = list(things)
    return things[number % len(things)] if things else None


@pytest.mark.django_db
def test_random_lives(make_target, monkeypatch):
    watch = Watch()
    web = Web()
    monkeypatch.setattr(clock, "now", watch.now)
    monkeypatch.setattr(sending, "post", web.post)
    names = [name for name, weight in ACTS_BY_WEIGHT.items() for _ in range(weight)]
    number = st.integers(min_value=0, max_value=10_000)
    act = st.tuples(st.sampled_from(names), number, number, number)
    allowed = []

    @settings(
        max_examples=LIVES,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # to find the shortest failing life takes an hour
        derandomize="CI" in os.environ,
        suppress_health_check=list(HealthCheck),
    )
    @given(number, st.lists(act, min_size=ACTS, max_size=ACTS))
    def live(luck, acts):
        watch.moment = START
        with rolled_back():
            company = Company(watch, make_target(), web)
            company.begin(luck)
            for name, *numbers in acts:
                getattr(company, name)(*numbers)
                company.check()
            company.come_to_rest()
            allowed.append(company.allowed)

    with capture_logs():
        live()
    assert sum(allowed) > LIVES * ACTS / 10


class rolled_back(transaction.Atomic):  # noqa: N801  # reads as a phrase
    """A company of its own for each life; operations see no outer transaction."""

    def __init__(self):
        super().__init__(using=None, savepoint=True, durable=False)
        self._from_testcase = True

    def __exit__(self, exc_type, exc_value, traceback):
        transaction.set_rollback(True)
        super().__exit__(exc_type, exc_value, traceback)
