"""Make packages, policies and lists of members of role definitions, all of them or none.

The dry run does the same and undoes it, so that it says exactly what would happen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from entitlements import clock
from entitlements.catalog import packages
from entitlements.catalog.models import AccessPackage, Catalog, PackageState, ResourceRole
from entitlements.catalog.package_versions import keep_first_version
from entitlements.catalog.passing_on import can_pass_role_on
from entitlements.catalog.terms import PackageTerms
from entitlements.decisions import Decision, Reason
from entitlements.directory.models import User
from entitlements.directory.sync.csv_tables import Row
from entitlements.imports.definitions import Definition, Definitions, Member, Mistake
from entitlements.imports.matching import Approvers, Offered, stages_of
from entitlements.imports.models import FindingWeight, RoleState
from entitlements.policies import operations as policies
from entitlements.policies.freezing import frozen_terms
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.terms import PolicyTerms
from entitlements.policies.terms import check as check_policy
from entitlements.requests import giving, row_by_row
from entitlements.requests.bulk import BulkAssignment
from entitlements.requests.bulk_files import entry_of
from entitlements.requests.judging import Judged, judge


class Options(NamedTuple):
    """What somebody who imports chose: whether to ask approvers, and what becomes of old access."""

    skips_approval: bool = False
    takes_over: bool = True


@dataclass(frozen=True)
class Finding:
    """Something about one row of the files, and how much it weighs."""

    weight: FindingWeight
    place: str
    about: str
    reason: Reason


@dataclass
class Built:
    """One role, and what it has become."""

    definition: Definition
    state: RoleState
    package: AccessPackage | None = None
    policy: AssignmentPolicy | None = None
    roles: list[str] = field(default_factory=list)
    terms: dict[str, Any] = field(default_factory=dict)
    judged: Sequence[Judged] = ()
    bulk: BulkAssignment | None = None

    @property
    def ready(self) -> int:
        return sum(not one.reasons for one in self.judged)

    @property
    def left_out(self) -> int:
        return len(self.judged) - self.ready

    @property
    def who_is_left_out(self) -> list[Finding]:
        """Each reason why a member cannot be given the package."""
        return [
            Finding(
                FindingWeight.LEFT_OUT,
                one.entry.place,
                str(one.target or one.entry.key),
                reason,
            )
            for one in self.judged
            for reason in one.reasons
        ]


@dataclass
class Outcome:
    """Everything that came of an import."""

    roles: list[Built] = field(default_factory=list)
    wrong: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    @property
    def findings(self) -> list[Finding]:
        """What is wrong, who is left out, and notes; a list that was made says itself who is."""
        left_out = [one for built in self.roles if not built.bulk for one in built.who_is_left_out]
        return [*self.wrong, *left_out, *self.notes]


class Builder:
    """Within the caller's transaction, with the catalog locked: makes what definitions say."""

    def __init__(self, catalog: Catalog, definitions: Definitions, *, by: User) -> None:
        self.catalog = catalog
        self.by = by
        self.definitions = definitions
        self.offered = Offered(catalog)
        self.approvers = Approvers(definitions.roles)
        self.known = {package.name.casefold(): package for package in catalog.packages.all()}
        self.outcome = Outcome()
        self.held_back: dict[UUID, tuple[Reason, ...]] = {}

    def build(self) -> Outcome:
        """Make every role that is right, and find everything that is wrong with the others."""
        self._wrong(self.definitions.mistakes)
        for definition in self.definitions.roles:
            built = self._build(definition)
            self.outcome.roles.append(built)
            if built.policy:
                built.terms = frozen_terms(built.policy)
                self._judge(built)
        return self.outcome

    def _build(self, definition: Definition) -> Built:
        roles = self._roles(definition)
        stages = stages_of(definition, self.approvers)
        terms = policy_terms(definition, stages.terms)
        words = PackageTerms(definition.name, definition.description, definition.is_hidden)
        reasons = (words.check() + check_policy(terms, moment=clock.now())).reasons
        self._wrong(stages.mistakes)
        self._wrong(Mistake(definition.place, definition.name, reason) for reason in reasons)
        is_sound = not (reasons or stages.mistakes or None in roles)
        known = self.known.get(definition.name.casefold())
        named = [str(role) for role in roles if role]
        if not is_sound:
            return Built(definition, RoleState.WRONG, known, roles=named)
        sound = [role for role in roles if role]
        if known is None:
            package = self._create(words, sound)
            policy = policies.new_policy(package, terms, by=self.by)
            return Built(definition, RoleState.NEW, package, policy, named)
        if not self._is_same(known, definition, sound):
            return Built(definition, RoleState.WRONG, known, roles=named)
        return Built(definition, RoleState.KNOWN, known, self._policy(known, terms), named)

    def _roles(self, definition: Definition) -> list[ResourceRole | None]:
        """Return the roles of the catalog that a definition names, each once; None for unknown."""
        found: dict[ResourceRole | None, None] = {}
        for entitlement in definition.entitlements:
            role = self.offered.find(entitlement)
            if isinstance(role, Reason):
                self._wrong([Mistake(entitlement.place, definition.name, role)])
                found[None] = None
                continue
            found[role] = None
            for reason in self._held_back(role):
                self._wrong([Mistake(entitlement.place, definition.name, reason)])
                found[None] = None
        return list(found)

    def _held_back(self, role: ResourceRole) -> tuple[Reason, ...]:
        """Why whoever imports may not put a role into packages; asked once for each role."""
        if role.pk not in self.held_back:
            self.held_back[role.pk] = can_pass_role_on(self.by, role).reasons
        return self.held_back[role.pk]

    def _create(self, words: PackageTerms, roles: Iterable[ResourceRole]) -> AccessPackage:
        package = packages.new_package(self.catalog, words, by=self.by)
        for role in roles:
            packages.put_role(package, role, by=self.by)
        keep_first_version(package, by=self.by)
        return packages.move(package, PackageState.PUBLISHED, by=self.by)

    def _is_same(
        self, package: AccessPackage, definition: Definition, roles: Iterable[ResourceRole]
    ) -> bool:
        """Whether a package of the same name contains the same; else nobody is given it."""
        contained = set(package.roles.all())
        if contained == set(roles):
            return True
        reason = Reason(
            "package_differs",
            f"{package} exists in {self.catalog}, and does not contain the same roles.",
            "Give the role another name, or change the package first.",
        )
        self._wrong([Mistake(definition.place, definition.name, reason)])
        return False

    def _policy(self, package: AccessPackage, terms: PolicyTerms) -> AssignmentPolicy:
        """Return the policy of this name, as it is, or a new one."""
        policy: AssignmentPolicy | None = package.policies.filter(name=terms.name).first()
        if policy is None:
            return policies.new_policy(package, terms, by=self.by)
        if terms.since(policies.terms_of(policy)):
            reason = Reason(
                "policy_differs",
                f"The policy {policy} of {package} exists and says something else.",
                "It stays as it is.",
            )
            note = Finding(FindingWeight.NOTE, "", package.name, reason)
            self.outcome.notes.append(note)
        return policy

    def _judge(self, built: Built) -> None:
        """Judge the members of a role as a list of people to give a package to."""
        members, policy = built.definition.members, built.policy
        if not members or policy is None:
            return
        fits = giving.can_be_given(len(members))
        if not fits:
            self._wrong(
                Mistake(built.definition.place, built.definition.name, reason)
                for reason in fits.reasons
            )
            return
        built.judged = list(judge(policy, [entry_of(_row(one), policy) for one in members]))

    def _wrong(self, mistakes: Iterable[Mistake]) -> None:
        self.outcome.wrong.extend(
            Finding(FindingWeight.WRONG, one.place, one.about, one.reason) for one in mistakes
        )


def give_to_members(outcome: Outcome, options: Options, *, by: User, source: str) -> None:
    """Within the caller's transaction: make a list of whoever can be given each package."""
    for built in outcome.roles:
        if built.ready and built.policy:
            built.bulk = giving.write_down(
                built.policy,
                built.judged,
                by=by,
                source=f"the members of {built.definition.name} in {source}",
                skips_approval=options.skips_approval,
                takes_over=options.takes_over,
            )
            giving.set_going(built.bulk, by=by)
            row_by_row.queue(giving.GIVING, built.bulk.pk)


def policy_terms(definition: Definition, stages: Any) -> PolicyTerms:
    """Return the policy that a definition asks for."""
    ends_on = clock.day_ends(date.fromisoformat(definition.ends_on)) if definition.ends_on else None
    return PolicyTerms(
        name=definition.policy,
        scope=definition.scope,
        expiration=definition.expiration,
        duration=definition.duration,
        ends_on=ends_on,
        allows_extension=definition.may_extend,
        stages=stages,
    )


def refusal_of(wrong: Sequence[Finding], *, most: int) -> Decision:
    """Return why an import is refused: the first reasons, with the places where they stand."""
    reasons = tuple(
        Reason(one.reason.code, f"{one.place}: {one.reason.text}".lstrip(": "), one.reason.remedy)
        for one in wrong[:most]
    )
    return Decision(reasons)


def _row(member: Member) -> Row:
    """Return a member as a row of a list of people."""
    return Row(
        member.place,
        {
            "email": member.person,
            "start": member.start,
            "end": member.end,
            "justification": member.justification,
        },
    )
