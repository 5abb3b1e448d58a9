"""What a policy would do as it is entered now, in the words of the pages of owners."""

from dataclasses import dataclass
from typing import Final

from entitlements.catalog.models import AccessPackage
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.previewing import MOST_NAMED, Overlap, Preview, preview
from entitlements.policies.scopes import EXTERNAL, Scope, rank_of
from entitlements.policies.standing import standing_under
from entitlements.policies.terms import PolicyTerms
from entitlements.requests.states import RequestState
from portal import wording
from portal.manage.policy_forms import PolicyForm
from portal.manage.simulated import RANKS, standing_in_words
from portal.manage.way_drawn import Drawing, drawn
from portal.manage.way_steps import steps_of

FIRST: Final = 3
WINNERS: Final = {
    "this": "this policy comes first for them.",
    "other": "“{other}” comes first for them.",
    "either": "they choose.",
    "neither": "nobody can ask under either of them now.",
}


@dataclass(frozen=True)
class Listed:
    """Some of the people who join or leave: the first by name, and all that are shown."""

    count: int
    people: tuple[User, ...]

    @property
    def first(self) -> str:
        names = [str(person) for person in self.people[:FIRST]]
        more = self.count - len(names)
        return wording.listed([*names, *([f"{more} more"] if more else [])])

    @property
    def has_more(self) -> bool:
        return self.count > FIRST

    @property
    def heading(self) -> str:
        if self.count > MOST_NAMED:
            return f"The first {MOST_NAMED} of {self.count} by name"
        return f"All {self.count} by name"


@dataclass(frozen=True)
class Seen:
    """The preview of a policy as it is entered; `policy` is what is saved of it, if anything."""

    terms: PolicyTerms
    package: AccessPackage
    policy: AssignmentPolicy | None
    preview: Preview
    way: Drawing

    @property
    def people(self) -> str:
        return wording.people(self.preview.people)

    @property
    def rank(self) -> str:
        """Its class, where anybody asks under it."""
        rank = rank_of(self.terms.scope)
        return RANKS[rank] if rank else ""

    @property
    def joins(self) -> Listed:
        return Listed(self.preview.joining, self.preview.joins)

    @property
    def leaves(self) -> Listed:
        return Listed(self.preview.leaving, self.preview.leaves)

    @property
    def notes(self) -> list[str]:
        """What has to be said about the number."""
        scope, is_closed = self.terms.scope, not self.package.catalog.is_external
        if scope == Scope.NOBODY:
            return ["Nobody asks under it: access is given directly."]
        notes = []
        if scope in EXTERNAL:
            notes.append("Whoever has no account here yet is not counted.")
        if scope == Scope.ALL_USERS and is_closed:
            notes.append("Guests among them cannot ask: the catalog is not open to them.")
        if not self.terms.is_enabled:
            notes.append("The policy is off, so that none of them can ask.")
        elif not self.terms.accepts_requests:
            notes.append("New requests are off, so that none of them can ask.")
        return notes

    @property
    def overlaps(self) -> list[str]:
        return [_told(overlap) for overlap in self.preview.overlaps]

    @property
    def waiting(self) -> str:
        """How many requests wait under what is saved; nothing for a policy that is new."""
        if self.policy is None:
            return ""
        waits = self.policy.requests.filter(state=RequestState.PENDING_APPROVAL).count()
        if waits == 0:
            return "No request waits for approval."
        if waits == 1:
            return "1 request waits under what is saved; it stays so."
        return f"{waits} requests wait under what is saved; they stay so."


def seen(form: PolicyForm, package: AccessPackage, policy: AssignmentPolicy | None) -> Seen:
    """Return what the policy would do that is entered in a form, as far as it can be read."""
    entered = form.so_far
    return Seen(
        entered.terms,
        package,
        policy,
        preview(entered.terms, package, policy=policy),
        drawn(steps_of(entered.terms, entered.stages)),
    )


def tried(form: PolicyForm, person: User | None) -> tuple[bool, list[str]]:
    """Return whether somebody is in the scope that is entered, and how or why not."""
    if person is None:
        return False, []
    terms = form.so_far.terms
    standing = standing_under(terms, person)
    if not person.is_active:
        return False, ["The account is disabled, and not counted."]
    return standing.is_in_scope, standing_in_words(Scope(terms.scope), standing)


def _told(overlap: Overlap) -> str:
    name = str(overlap.policy)
    if overlap.people == 0:
        return f"“{name}”: no overlap."
    fit = "1 person fits" if overlap.people == 1 else f"{overlap.people} people fit"
    return f"“{name}”: {fit} both; {WINNERS[overlap.winner].format(other=name)}"
