"""What differs between two versions of a policy or another thing, in words."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Final
from uuid import UUID

from entitlements.catalog.extension_models import CustomExtension
from entitlements.comparing import Difference, differences
from entitlements.directory.models import Group, User
from entitlements.directory.organizations.models import ConnectedOrganization
from entitlements.policies.models import ApproverKind, ApproversShown, Expiration
from entitlements.policies.scopes import Scope
from entitlements.policies.terms import PolicyTerms
from portal import dates, wording

LABELS: Final = {
    "is_enabled": "On",
    "accepts_requests": "New requests",
    "scope": "Who may ask",
    "allowed_user_ids": "Named people",
    "allowed_group_ids": "Named groups",
    "allowed_organization_ids": "Named organizations",
    "requires_justification": "A reason is needed",
    "shows_approvers": "Approvers are named",
    "expiration": "Access ends",
    "ends_on": "Access ends on",
    "duration": "Days or hours of access",
    "allows_custom_dates": "Dates can be chosen",
    "allows_extension": "Can be extended",
    "extension_requires_approval": "An extension is approved",
    "allows_correction": "Answers can be corrected by holders",
    "sends_notifications": "Holders are mailed",
    "decision_days": "Days to decide",
    "rule": "Who has to approve",
    "quorum": "How many have to approve",
    "escalation_days": "Passed on after days",
    "reminder_days": "Reminders, days before the deadline",
    "approvers": "Who decides",
    "extension_id": "An extension says who decides",
    "extension": "An extension says who decides",
    "order": "Order",
    "is_hidden": "Hidden",
    "role_id": "Role",
}
PARTS: Final = {
    "stages": "Stage",
    "questions": "Question",
    "callouts": "Extension",
    "roles": "Role",
}
MARKS: Final = {"is_alternate": "alternate", "is_fallback": "instead"}
NAMED: Final = ("allowed_user_ids", "allowed_group_ids", "allowed_organization_ids")
MOST_NAMED: Final = 5
GONE: Final = "somebody or something that is gone"


@dataclass(frozen=True)
class Line:
    """One thing that differs: what it is, how it was, and how it became."""

    what: str
    old: str
    new: str


def changes(before: PolicyTerms, after: PolicyTerms) -> list[Line]:
    """Return what differs between two versions of a policy, by four queries for the names."""
    return lines(differences(before, after))


def lines(found: list[Difference], names: Mapping[str, str] | None = None) -> list[Line]:
    """Return differences in words, with `names` by id if they are known already."""
    speller = _Speller(_names(found) if names is None else names)
    return [speller.line(difference) for difference in found]


TOLD_BY_NAME: Final = (User, Group, ConnectedOrganization, CustomExtension)


def _names(found: Iterable[Difference]) -> dict[str, str]:
    """Return the names of everybody and everything whose id is somewhere in the differences."""
    return names_of({key for one in found for value in (one.old, one.new) for key in _ids(value)})


def names_of(keys: Collection[UUID]) -> dict[str, str]:
    """Return the names behind ids of people, groups, organizations and extensions."""
    rows = [kind._default_manager.filter(pk__in=keys) for kind in TOLD_BY_NAME]
    return {str(row.pk): str(row) for row in chain.from_iterable(rows)}


def _ids(value: Any) -> Iterator[UUID]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _ids(one)
    elif isinstance(value, str):
        try:
            yield UUID(value)
        except ValueError:
            return


class _Speller:
    """Says differences in words, with the names of people, groups and extensions."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def line(self, difference: Difference) -> Line:
        part = PARTS.get(difference.part, _plainly(difference.part))
        number = f" {difference.position}" if difference.position else ""
        label = LABELS.get(difference.field, _plainly(difference.field)) if difference.field else ""
        what = ": ".join(word for word in (f"{part}{number}" if part else "", label) if word)
        old, new = difference.old, difference.new
        if difference.field in NAMED:
            old, new = _without(old, new), _without(new, old)
        return Line(what, self.value(difference.field, old), self.value(difference.field, new))

    def value(self, field: str, value: Any) -> str:
        """Say one value."""
        if value in (None, "", []):
            return "–"
        if field in SAID:
            return SAID[field](value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, list):
            return "; ".join(self.value("", one) for one in value)
        if isinstance(value, dict):
            return self._part(value)
        text = str(value)
        return self.names.get(text, GONE if _is_id(text) else text)

    def _part(self, value: dict[str, Any]) -> str:
        """Say a whole stage, approver, question or another part."""
        if "is_fallback" in value:
            return self._approver(value)
        if "text" in value:
            return str(value["text"])
        if "role_id" in value:
            words = f" (“{value['words']}”)" if value["words"] else ""
            return f"{self.names.get(value['role_id'], GONE)}{words}"
        said = (
            f"{LABELS.get(name, _plainly(name)).lower()}: {self.value(name, one)}"
            for name, one in value.items()
            if one not in (None, "", [], False) and name != "key"
        )
        return ", ".join(said)

    def _approver(self, value: dict[str, Any]) -> str:
        named = value.get("user_id") or value.get("group_id")
        known = self.names.get(named, GONE) if named else ApproverKind(value["kind"]).label
        name = value.get("name") or known
        marks = [word for key, word in MARKS.items() if value.get(key)]
        return f"{name} ({', '.join(marks)})" if marks else name


def _without(here: list[str], there: list[str]) -> list[str]:
    return [one for one in here if one not in there]


def _moment(value: str) -> str:
    return dates.exact(datetime.fromisoformat(value))


def _named(value: Any) -> str:
    """Say what a policy says of its approvers' names, or what a request's copy of it came to."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ApproversShown(value).label.lower()


SAID: Final[dict[str, Callable[[Any], str]]] = {
    "shows_approvers": _named,
    "extension": lambda value: str(value["name"]),
    "scope": lambda value: str(Scope(value).label),
    "expiration": lambda value: str(Expiration(value).label),
    "ends_on": _moment,
}


def _plainly(name: str) -> str:
    return name.replace("_ids", "").replace("_", " ").capitalize()


def _is_id(text: str) -> bool:
    return next(_ids(text), None) is not None


def summary(lines: list[Line]) -> str:
    """Say in a few words what a version changed."""
    names = list(dict.fromkeys(line.what for line in lines))
    shown = names if len(names) <= MOST_NAMED else [*names[: MOST_NAMED - 1], "more"]
    return wording.listed(shown)
