"""From the names in files to what there is: roles that a catalog offers, people and groups."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Lower

from entitlements.catalog.models import Catalog, ResourceRole
from entitlements.decisions import Reason
from entitlements.directory.models import Group, User
from entitlements.imports.definitions import Approver, Definition, Entitlement, Mistake
from entitlements.policies.stage_terms import GROUP, USER, ApproverTerms, StageTerms
from entitlements.requests.judging import people_called
from entitlements.systems.distinguished_names import is_distinguished_name, normalized

NEVER_ADDS: Final = "Add it to the catalog first: an import adds no resources."


class Offered:
    """The roles of everything that a catalog offers, by the names that systems and people use."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._found: dict[str, dict[str, dict[str, set[ResourceRole]]]] = defaultdict(
            lambda: defaultdict(lambda: defaultdict(set))
        )
        roles = ResourceRole.objects.filter(resource__catalogs=catalog)
        for role in roles.select_related("resource__system"):
            resource = role.resource
            here = self._found[_compared(str(resource.system))]
            for name in {_compared(resource.external_id), _compared(resource.name)}:
                for called in {_compared(role.external_id), _compared(role.name)}:
                    here[name][called].add(role)

    def find(self, entitlement: Entitlement) -> ResourceRole | Reason:
        """Return the one role that is meant, or why there is none."""
        system, resource = entitlement.system, entitlement.resource
        here = self._found.get(_compared(system))
        if here is None:
            text = f"The catalog {self.catalog} offers nothing in a system “{system[:80]}”."
            return Reason("system_not_offered", text, NEVER_ADDS)
        called = here.get(_compared(resource))
        if called is None:
            text = f"The catalog {self.catalog} offers no “{resource[:80]}” in {system[:80]}."
            return Reason("resource_not_offered", text, NEVER_ADDS)
        found = called.get(_compared(entitlement.role), set())
        if not found:
            text = f"“{resource[:80]}” has no role “{entitlement.role[:80]}”."
            return Reason("role_not_offered", text, "Choose one that it has, or add it there.")
        if len(found) > 1:
            text = f"More than one role is meant by “{entitlement.role[:80]}” of “{resource[:80]}”."
            return Reason("role_ambiguous", text, "Write the id that the system has for it.")
        return next(iter(found))


def _compared(name: str) -> str:
    """Return a name as it is compared; distinguished names also without regard to spaces."""
    return normalized(name) if is_distinguished_name(name) else name.casefold()


class Approvers:
    """The people and groups whom approvers name, found by two queries for all of them."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        named = [one for each in definitions for one in each.approvers]
        self._people = people_called(one.name for one in named if one.kind == USER)
        self._groups = _groups({one.name for one in named if one.kind == GROUP})

    def terms(self, approver: Approver) -> ApproverTerms | Reason:
        """Return the one who is meant, or why nobody is."""
        terms = ApproverTerms(approver.kind, is_fallback=approver.is_fallback)
        if approver.kind == USER:
            person = self._person(approver.name)
            return replace(terms, user_id=person.pk) if isinstance(person, User) else person
        if approver.kind == GROUP:
            group = self._groups.get(approver.name.lower())
            if group is None:
                text = f"There is no group “{approver.name[:80]}”."
                return Reason("group_unknown", text, "Write its name as it is here.")
            return replace(terms, group_id=group.pk)
        return terms

    def _person(self, name: str) -> User | Reason:
        people = self._people.get(name.lower(), [])
        if len(people) != 1:
            known = "Several people are" if people else "Nobody is"
            text = f"{known} known as “{name[:80]}”."
            return Reason("approver_unknown", text, "Write one person’s address or employee id.")
        if not people[0].is_active:
            text = f"{people[0]} cannot approve: the account is disabled."
            return Reason("approver_disabled", text, "Name somebody else.")
        return people[0]


class Stages(NamedTuple):
    """Stages as a policy has them, and what is wrong with the rows that make them."""

    terms: tuple[StageTerms, ...]
    mistakes: tuple[Mistake, ...]


def stages_of(definition: Definition, approvers: Approvers) -> Stages:
    """Return the stages of a role, in the order of their numbers."""
    by_number: dict[int, list[Approver]] = defaultdict(list)
    for approver in definition.approvers:
        by_number[approver.stage].append(approver)
    mistakes: list[Mistake] = []
    stages = [
        _stage(by_number[number], approvers, mistakes, definition.name)
        for number in sorted(by_number)
    ]
    return Stages(tuple(stages), tuple(mistakes))


def _stage(
    rows: list[Approver], approvers: Approvers, mistakes: list[Mistake], about: str
) -> StageTerms:
    asked: list[ApproverTerms] = []
    for row in rows:
        found = approvers.terms(row)
        if isinstance(found, Reason):
            mistakes.append(Mistake(row.place, about, found))
        else:
            asked.append(found)
    mistakes.extend(Mistake(rows[-1].place, about, reason) for reason in _contradictions(rows))
    days = [row.decision_days for row in rows if row.decision_days is not None]
    rule = next((row.rule for row in rows if row.rule), "any")
    stage = StageTerms(
        approvers=tuple(asked),
        rule="quorum" if rule.isdigit() else rule,
        quorum=int(rule) if rule.isdigit() else None,
    )
    return replace(stage, decision_days=days[0]) if days else stage


def _contradictions(rows: list[Approver]) -> Iterator[Reason]:
    for values in ({row.decision_days for row in rows} - {None}, {row.rule for row in rows} - {""}):
        if len(values) > 1:
            yield Reason(
                "stage_contradicts",
                f"Stage {rows[0].stage} has different days or rules in its rows.",
                "Write the same in each, or in one of them only.",
            )


def _groups(names: set[str]) -> dict[str, Group]:
    """Return the groups that are called so, or have one of these as their id."""
    folded = {name.lower() for name in names}
    ids = [key for name in folded if (key := _id(name))]
    called = Q(name__in=names) | Q(folded__in=folded) | Q(pk__in=ids)
    found: dict[str, Group] = {}
    for group in Group.objects.annotate(folded=Lower("name")).filter(called):
        found |= {group.name.lower(): group, str(group.pk): group}
    return found


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
