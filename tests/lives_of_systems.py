"""What other systems do in random lives: answer in time, late, wrongly, or never."""

from dataclasses import replace
from types import SimpleNamespace

from entitlements.callouts.models import Callout
from entitlements.catalog.extensions import ExtensionTerms, change_extension
from entitlements.models import AccessRequest, CustomExtension
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.requests.callbacks import resume, resume_by_hand
from entitlements.requests.states import RequestState
from entitlements.systems.outgoing import OutgoingError
from tests.factories import (
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CustomExtensionFactory,
    StageApproverFactory,
)

ACTS_OF_SYSTEMS = {
    "system_answers": 9,
    "system_repeats_itself": 1,
    "answer_in_its_place": 2,
    "switch_a_system": 1,
    "web_breaks_or_mends": 1,
}
REPLIES = [200, 200, 200, 500, OutgoingError("timeout", "It does not answer.")]


class Web:
    """What is at the other end of every call: it takes messages, refuses them, or is away."""

    reply = 200

    def post(self, url, body, headers):
        if isinstance(self.reply, Exception):
            raise self.reply
        return SimpleNamespace(status=self.reply)


class WithSystems:
    """A company whose policies call systems, and what these do; mixed into a company."""

    def connect(self, day):
        """Let one policy wait before and after approval, and systems say who approves."""
        catalog = self.policies[2].package.catalog
        self.waits = {
            "created": CustomExtensionFactory(
                policy=self.policies[2],
                stages=["created"],
                waits_for=2 * day,
                on_timeout="continue",
            ),
            "approved": CustomExtensionFactory(
                policy=self.policies[0], stages=["approved"], waits_for=day, on_timeout="deny"
            ),
        }
        says = {"catalog": catalog, "response": "approval_stage", "waits_for": 3 * day}
        self.decider = CustomExtensionFactory(on_timeout="continue", **says)
        strict = CustomExtensionFactory(on_timeout="fail", **says)
        dynamic = AssignmentPolicyFactory(
            package=self.policies[2].package, duration=9, requires_justification=False
        )
        first = ApprovalStageFactory(policy=dynamic, position=1, extension=self.decider)
        StageApproverFactory(stage=first, user=self.people[3], is_fallback=True)
        ApprovalStageFactory(policy=dynamic, position=2, extension=strict)
        self.policies.append(dynamic)

    def system_answers(self, which, how, who):
        waiting = AccessRequest.objects.filter(state=RequestState.WAITING_FOR_CALLBACK)
        callouts = Callout.objects.exclude(answer_by=None)
        if which % 5:
            callouts = callouts.pending().filter(about_id__in=waiting.values("pk"))
        if callout := self._pick(callouts.order_by("created_at", "pk"), which // 5):
            answer = {"answer_id": f"m{which}-{how}", "denies": how % 5 == 0}
            if callout.asks_who_approves is (how % 13 > 0):
                answer |= {"denies": how % 17 == 0, "approval_stage": self._stage(who, how)}
            self._try(resume, callout, **answer)

    def system_repeats_itself(self, which, *_):
        """An answer that was taken comes again, to its own call or to another."""
        answered = Callout.objects.exclude(answer_id="").order_by("created_at", "pk")
        if callout := self._pick(answered, which):
            other = self._pick(Callout.objects.pending(), which) if which % 2 else callout
            self._try(resume, other or callout, answer_id=callout.answer_id)

    def answer_in_its_place(self, which, who, how):
        pending = Callout.objects.pending().order_by("created_at", "pk")
        if callout := self._pick(pending, which):
            person = ApproverTerms("user", user_id=self._person(how).pk)
            terms = StageTerms((person,), 1 + how % 14) if callout.asks_who_approves else None
            by = self.boss if who % 3 else self._person(who)
            self._try(resume_by_hand, callout, by=by, denies=how % 7 == 0, terms=terms)

    def switch_a_system(self, which, *_):
        extension = self._pick(CustomExtension.objects.order_by("name"), which)
        terms = ExtensionTerms.of(extension)
        changed = replace(terms, is_enabled=not terms.is_enabled)
        self._try(change_extension, extension, changed, by=self.boss)

    def web_breaks_or_mends(self, how, *_):
        self.web.reply = REPLIES[how % len(REPLIES)]

    def a_request_waits_exactly_while_its_answer_does(self):
        waiting = AccessRequest.objects.filter(state=RequestState.WAITING_FOR_CALLBACK)
        pending = Callout.objects.pending()
        held_up = {callout.about_id for callout in pending if callout.holds}
        assert set(waiting.values_list("pk", flat=True)) == held_up

    def _stage(self, who, how):
        """One whole stage, which can be taken more often than not."""
        named = [{"@odata.type": "#microsoft.graph.singleUser", "id": str(self._person(who).pk)}]
        named += [{"@odata.type": "requestorManager"}] * (how % 3 == 0)
        named += [{"@odata.type": "externalSponsors"}] * (how % 19 == 0)
        stage = {"durationBeforeAutomaticDenial": f"P{how % 16}D", "primaryApprovers": named}
        if how % 4 == 0:
            other = {"@odata.type": "singleUser", "email": self._person(who + 1).email}
            stage |= {"isEscalationEnabled": True, "durationBeforeEscalation": f"P{1 + how % 3}D"}
            stage["escalationApprovers"] = [other]
        return stage

    def _pick(self, things, number):
        things = list(things)
        return things[number % len(things)] if things else None
