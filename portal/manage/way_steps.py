"""The way of a request under a policy that is being entered, step by step and in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from entitlements.policies.models import ApproverKind, Expiration
from entitlements.policies.scopes import Scope
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.policies.terms import PolicyTerms
from portal import wording
from portal.manage.policy_words import GONE, names_of
from portal.wording import EXTENSION, Asked

MOST_NAMED: Final = 5


@dataclass(frozen=True)
class Step:
    """One step: what happens, its sentences, and who is asked as well if nobody answers."""

    heading: str
    sentences: tuple[str, ...]
    aside: str = ""

    @property
    def words(self) -> str:
        sentences = [*self.sentences, *([self.aside] if self.aside else [])]
        return f"{self.heading}: {'; '.join(sentences)}." if sentences else f"{self.heading}."


def steps_of(terms: PolicyTerms, stages: Sequence[StageTerms | None]) -> list[Step]:
    """Return the steps from asking to access, by four queries for the names."""
    names = names_of(_ids(terms, stages))
    if terms.scope == Scope.NOBODY or not terms.accepts_requests:
        return [Step("Given directly", ("nobody asks",)), _set_up(terms)]
    decided = [_stage(stage, number, names) for number, stage in enumerate(stages, start=1)]
    return [_asks(terms, names), *(decided or [Step("No approval", ())]), _set_up(terms)]


def _asks(terms: PolicyTerms, names: Mapping[str, str]) -> Step:
    keys = [
        *terms.allowed_user_ids,
        *terms.allowed_group_ids,
        *terms.allowed_organization_ids,
    ]
    known = [names.get(str(key), GONE) for key in keys]
    who = _some(known, "and") or Scope(terms.scope).label
    reason = ("says why",) if terms.requires_justification else ()
    others = ("or his manager or sponsor, in his name",) if terms.allows_on_behalf else ()
    return Step("Asks", (who, *others, *reason))


def _stage(stage: StageTerms | None, number: int, names: Mapping[str, str]) -> Step:
    if stage is None:
        return Step(f"Stage {number}", ("not complete yet",))
    days = "1 day" if stage.decision_days == 1 else f"{stage.decision_days} days"
    first, where = [_entry(one, names) for one in stage.asked()], "if nobody of these is to be had"
    if stage.extension_id:
        first = [Asked(EXTENSION, names.get(str(stage.extension_id), GONE), is_fallback=False)]
        where = "if it gives no answer"
    who = _those(first) + wording.needs(stage.rule, stage.quorum)
    fallbacks = [_entry(one, names) for one in stage.asked(is_fallback=True)]
    otherwise = (f"{where}, {_those(fallbacks)}",) if fallbacks else ()
    return Step(f"Stage {number} · {days}", (who, *otherwise), _passed_on(stage, names))


def _passed_on(stage: StageTerms, names: Mapping[str, str]) -> str:
    alternates = [_entry(one, names) for one in stage.asked(is_alternate=True)]
    if stage.escalation_days is None or not alternates:
        return ""
    days = "1 day" if stage.escalation_days == 1 else f"{stage.escalation_days} days"
    return f"After {days} also {_those(alternates)}"


def _set_up(terms: PolicyTerms) -> Step:
    is_missing = {
        Expiration.ON_DATE: terms.ends_on is None,
        Expiration.AFTER_DAYS: terms.duration is None,
        Expiration.AFTER_HOURS: terms.duration is None,
    }
    if is_missing.get(Expiration(terms.expiration)):
        return Step("Set up", ("how long is not said yet",))
    lasts = wording.lasting(terms.expiration, terms.duration, terms.ends_on)
    if terms.expiration == Expiration.NEVER:
        return Step("Set up", (lasts,))
    if not terms.allows_extension:
        return Step("Set up", (lasts, "cannot be extended"))
    is_approved = terms.extension_requires_approval and terms.stages
    again = "can be extended, which is approved again" if is_approved else "can be extended"
    return Step("Set up", (lasts, again))


def _entry(approver: ApproverTerms, names: Mapping[str, str]) -> Asked:
    named = approver.user_id or approver.group_id
    return Asked(approver.kind, names.get(str(named), GONE), is_fallback=False)


def _those(entries: Sequence[Asked]) -> str:
    """Say who is asked, the first of very many by name."""
    kept = list(entries[:MOST_NAMED])
    more = len(entries) - len(kept)
    if more:
        kept.append(Asked(ApproverKind.USER, f"{more} more", is_fallback=False))
    return wording.approvers(kept, whose="their", shows_names=True)


def _some(names: Sequence[str], last: str) -> str:
    more = len(names) - MOST_NAMED
    return wording.listed([*names[:MOST_NAMED], *([f"{more} more"] if more > 0 else [])], last)


def _ids(terms: PolicyTerms, stages: Iterable[StageTerms | None]) -> set[UUID]:
    known = [stage for stage in stages if stage]
    approvers = [approver for stage in known for approver in stage.approvers]
    named = [key for one in approvers for key in (one.user_id, one.group_id) if key]
    extensions = [stage.extension_id for stage in known if stage.extension_id]
    allowed = [*terms.allowed_user_ids, *terms.allowed_group_ids, *terms.allowed_organization_ids]
    return {*named, *extensions, *allowed}
