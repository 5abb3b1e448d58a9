"""What people do in random lives for others and by rules, beside asking and deciding."""

from dataclasses import replace
from datetime import timedelta

from entitlements import clock
from entitlements.directory.organizations import operations as organizations
from entitlements.directory.organizations.terms import OrganizationTerms
from entitlements.models import (
    ApprovalDelegation,
    Assignment,
    AssignmentPolicy,
    ClashException,
    ConnectedOrganization,
    Grant,
    Incompatibility,
    Inquiry,
    Notification,
    StepApprover,
    User,
)
from entitlements.policies import clashes
from entitlements.policies import operations as policies
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.requests import (
    clash_exceptions,
    correcting,
    dialogue,
    handing_over,
    operations,
    reapplying,
    standing_in,
)
from entitlements.requests.inviting import invite
from entitlements.requests.states import RequestState

DOMAINS = ("partner-one.example", "partner-two.example")
ACTS_FOR_OTHERS = {
    "revoke": 1,
    "hand_over": 3,
    "delegate": 2,
    "end_delegation": 1,
    "ask_back": 2,
    "answer": 2,
    "change_policy": 3,
    "apply_policy": 4,
    "clash_or_not": 2,
    "invite": 3,
    "connect_or_not": 1,
    "propose_exception": 3,
    "decide_exception": 4,
    "end_exception": 1,
    "correct_own": 5,
    "correct_for": 3,
}


class ForOthers:
    """Acts of a company's people for others; each is attempted, whether allowed or not."""

    def revoke(self, who, what, _):
        if assignment := self._assignment(what):
            self._try(operations.revoke, assignment, by=self._person(who), justification="Wrong.")

    def hand_over(self, who, what, whom):
        if access_request := self._waiting(what):
            self._try(
                handing_over.hand_over,
                access_request,
                self._person(whom),
                by=self._asked(access_request, who),
                justification="On leave.",
            )

    def delegate(self, who, whom, how):
        self._try(
            standing_in.delegate,
            self._person(whom),
            by=self._person(who),
            ends_at=self._day(how),
            with_waiting=how % 2 == 0,
        )

    def end_delegation(self, which, who, _):
        found = list(ApprovalDelegation.objects.order_by("created_at", "pk"))
        if found:
            delegation = found[which % len(found)]
            by = delegation.delegator if who % 3 else self._person(who)
            self._try(standing_in.end_delegation, delegation, by=by)

    def ask_back(self, who, what, _):
        if access_request := self._waiting(what):
            by = self._asked(access_request, who)
            self._try(dialogue.ask, access_request, "What for?", by=by)

    def answer(self, which, who, _):
        found = list(Inquiry.objects.order_by("asked_at", "pk"))
        if found:
            inquiry = found[which % len(found)]
            by = inquiry.access_request.requestor if who % 3 else self._person(who)
            self._try(dialogue.answer, inquiry, "For the close.", by=by)

    def change_policy(self, what, who, how):
        """Let some policy ask other people, how many of them whoever may be."""
        waiting = self._waiting(what)
        policy = waiting.policy if waiting else self._policy(what)
        terms = policies.terms_of(policy)
        stages = [StageTerms((ApproverTerms("user", self._person(who).pk),), 1 + how % 14)]
        if how % 5 == 0 and policy.package.catalog_id == self.decider.catalog_id:
            stages[0] = StageTerms((), extension_id=self.decider.pk)
        if how % 3 == 0:
            pair = tuple(ApproverTerms("user", person.pk) for person in self.people[:2])
            stages.append(StageTerms(pair, rule="all"))
        changed = replace(terms, stages=tuple(stages) if terms.stages else ())
        if changed != terms:
            self._try(policies.change_policy, policy, changed, by=self.boss)

    def apply_policy(self, what, who, _):
        if access_request := self._waiting(what):
            by = self.boss if who % 4 else self._person(who)
            self._try(reapplying.apply_policy, access_request, by=by)

    def clash_or_not(self, which, other, _):
        """Let two packages clash, or none any more."""
        if clash := Incompatibility.objects.first():
            self._try(clashes.remove_clash, clash, by=self.boss)
            return
        found = list({policy.package for policy in AssignmentPolicy.objects.all()})
        found.sort(key=str)
        first, second = found[which % len(found)], found[other % len(found)]
        self._try(clashes.add_clash, first, second, by=self.boss, is_symmetric=which % 2 == 0)

    def invite(self, who, which, where):
        """Give a package to an address that perhaps nobody has yet."""
        by = self.boss if who % 4 else self._person(who)
        address = f"guest{which % 3}@{DOMAINS[where % len(DOMAINS)]}"
        self._try(invite, self.outside, address, by=by)

    def connect_or_not(self, which, *_):
        """Connect an organization, or configure, or delete one."""
        domain = DOMAINS[which % len(DOMAINS)]
        known = ConnectedOrganization.objects.of_domain(domain).first()
        if known is None:
            terms = OrganizationTerms(domain, "", (domain,))
            self._try(organizations.create_organization, terms, by=self.boss)
        else:
            act = organizations.delete_organization if which % 3 else organizations.promote
            self._try(act, known, by=self.boss)

    def nobody_without_an_account_has_anything(self):
        assert not Assignment.objects.filter(target__is_invited=True).exists()
        assert not Grant.objects.filter(user__is_invited=True).exists()
        assert not Notification.objects.filter(recipient__is_invited=True).exists()
        guests = User.objects.filter(email__contains="@partner", is_invited=False)
        assert not guests.filter(organization=None).exists()

    def propose_exception(self, who, until, _):
        """Ask for leave to hold what clashes at present, perhaps for too long."""
        if clash := Incompatibility.objects.select_related("package", "other_package").first():
            self._try(
                clash_exceptions.propose,
                clash.package,
                clash.other_package,
                self._person(who),
                by=self.boss,
                reason="For a while.",
                ends_at=self._day(until) or clock.now() + timedelta(days=30),
            )

    def decide_exception(self, which, how, who):
        found = list(ClashException.objects.order_by("proposed_at", "pk"))
        if found:
            exception = found[-1 - which % len(found)]
            by = self.deputy if who % 4 else self._person(who)
            self._try(clash_exceptions.decide, exception, by=by, approves=how % 4 > 0)

    def end_exception(self, which, *_):
        found = list(ClashException.objects.order_by("proposed_at", "pk"))
        if found:
            self._try(clash_exceptions.end_early, found[which % len(found)], by=self.boss)

    def correct_own(self, who, what, how):
        if assignment := self._assignment(what):
            by = assignment.target if who % 4 else self._person(who)
            given = self._answers(assignment.policy, how)
            self._try(correcting.correct_own, assignment, given, by=by)

    def correct_for(self, who, what, how):
        if assignment := self._assignment(what):
            by = self.boss if who % 4 else self._person(who)
            given = self._answers(assignment.policy, how)
            self._try(correcting.correct_for, assignment, given, by=by)

    def nobody_decides_about_himself_or_too_late(self):
        """Look at what each single person decided, also where several have to."""
        decided = StepApprover.objects.exclude(decision="")
        for turn in decided.select_related("step__access_request"):
            access_request = turn.step.access_request
            assert turn.user_id not in (access_request.requestor_id, access_request.target_id)
            assert turn.decided_at < turn.step.due_at

    def _waiting(self, number):
        return self._request(number, state=RequestState.PENDING_APPROVAL)
