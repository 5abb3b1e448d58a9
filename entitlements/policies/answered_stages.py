"""One whole stage of approval as an extension answers it, in the words of Microsoft Graph.

What is not known is named and nothing is guessed: a word that is passed over here would be an
approver who is never asked.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Lower

from entitlements.decisions import Reason
from entitlements.directory.models import Group, User
from entitlements.policies.models import ApproverKind
from entitlements.policies.stage_terms import (
    CATALOG_OWNERS,
    GROUP,
    MANAGER,
    RESOURCE_OWNERS,
    SECOND_MANAGER,
    SPONSORS,
    USER,
    ApproverTerms,
    StageTerms,
)

LISTS: Final[dict[str, dict[str, bool]]] = {
    "primaryApprovers": {},
    "fallbackPrimaryApprovers": {"is_fallback": True},
    "escalationApprovers": {"is_alternate": True},
    "fallbackEscalationApprovers": {"is_alternate": True, "is_fallback": True},
}
JUSTIFICATION: Final = "isApproverJustificationRequired"
IS_PASSED_ON: Final = "isEscalationEnabled"
AUTOMATIC_DENIAL: Final = "durationBeforeAutomaticDenial"
ESCALATION: Final = "durationBeforeEscalation"
KINDS: Final = {
    "internalSponsors": SPONSORS,
    "targetUserSponsors": SPONSORS,
    "targetManager": MANAGER,
    "resourceOwners": RESOURCE_OWNERS,
    "catalogOwners": CATALOG_OWNERS,
}
LEVELS: Final = {1: MANAGER, 2: SECOND_MANAGER}
TYPE: Final = "@odata.type"
PREFIX: Final = re.compile(r"#?microsoft\.graph\.")
DURATION: Final = re.compile(r"P(?=.)(?:(\d{1,3})W)?(?:(\d{1,4})D)?(?:T(\d{1,5})H)?", re.ASCII)
SHORT: Final = 80
SEND: Final = "Whoever runs the other system can correct it."


@dataclass(frozen=True)
class _Subject:
    """One subject set of a list, and where it stands."""

    place: str
    kind: str
    key: str
    is_backup: bool


class _Wrong(Exception):
    """Something cannot be read; says what."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.reason = Reason(code, text, SEND)


def read_stage(message: Any) -> tuple[StageTerms | None, list[Reason]]:
    """Return the stage that an answer names, or every reason why it cannot be read."""
    if not isinstance(message, Mapping):
        return None, [Reason("stage_unreadable", "approvalStage must be a JSON object.", SEND)]
    reasons = list(_unknown(message))
    subjects = _collected(_subjects(message), reasons)
    approvers, unresolved = _resolved(subjects)
    reasons += unresolved
    values = {
        name: _read(reader, message.get(name), name, reasons) for name, reader in READERS.items()
    }
    reasons += _incomplete(message)
    if reasons:
        return None, reasons
    terms = StageTerms(
        approvers=approvers,
        decision_days=values[AUTOMATIC_DENIAL],
        requires_justification=bool(values[JUSTIFICATION]),
        escalation_days=values[ESCALATION] if values[IS_PASSED_ON] else None,
    )
    return terms, []


def frozen_stage(terms: StageTerms) -> dict[str, Any]:
    """Return a stage as a request keeps it, by the names that people and groups have now."""
    users = {one.user_id for one in terms.approvers if one.user_id}
    groups = {one.group_id for one in terms.approvers if one.group_id}
    names: dict[UUID | None, str] = {
        one.pk: str(one)
        for one in (*User.objects.filter(pk__in=users), *Group.objects.filter(pk__in=groups))
    }
    return {
        "decision_days": terms.decision_days,
        "requires_justification": terms.requires_justification,
        "rule": terms.rule,
        "quorum": terms.quorum,
        "escalation_days": terms.escalation_days,
        "reminder_days": None if terms.reminder_days is None else list(terms.reminder_days),
        "approvers": [_frozen(one, names) for one in terms.approvers],
    }


def _frozen(approver: ApproverTerms, names: Mapping[UUID | None, str]) -> dict[str, Any]:
    kind = ApproverKind(approver.kind)
    return {
        "kind": kind.value,
        "is_fallback": approver.is_fallback,
        "is_alternate": approver.is_alternate,
        "user": str(approver.user_id) if approver.user_id else None,
        "group": str(approver.group_id) if approver.group_id else None,
        "name": names.get(approver.user_id or approver.group_id, kind.label),
    }


def _unknown(message: Mapping[str, Any]) -> Iterator[Reason]:
    for name in message:
        if name not in (*LISTS, *READERS) and not name.startswith("@odata."):
            yield Reason(
                "stage_field_unknown", f"approvalStage has no “{name[:SHORT]}” here.", SEND
            )


def _incomplete(message: Mapping[str, Any]) -> Iterator[Reason]:
    is_passed_on = message.get(IS_PASSED_ON) is True
    needed = (AUTOMATIC_DENIAL, ESCALATION) if is_passed_on else (AUTOMATIC_DENIAL,)
    for name in needed:
        if message.get(name) is None:
            yield Reason("duration_missing", f"{name} is missing.", SEND)
    if not is_passed_on and message.get(ESCALATION) is not None:
        yield Reason(
            "escalation_contradicts",
            f"{ESCALATION} is given, and {IS_PASSED_ON} is not true.",
            SEND,
        )


def _subjects(message: Mapping[str, Any]) -> Iterator[_Subject | Reason]:
    """Yield the subject sets of every list, and what speaks against those that cannot be read."""
    for name in LISTS:
        entries = message.get(name) or []
        if not isinstance(entries, list):
            yield Reason("stage_unreadable", f"{name} must be a list.", SEND)
            continue
        for number, entry in enumerate(entries):
            try:
                yield _subject(entry, f"{name}[{number}]")
            except _Wrong as wrong:
                yield wrong.reason


def _subject(entry: Any, place: str) -> _Subject:
    if not isinstance(entry, Mapping) or not isinstance(entry.get(TYPE), str):
        raise _Wrong("approver_unreadable", f"{place} must be an object with “{TYPE}”.")
    kind = PREFIX.sub("", entry[TYPE], count=1)
    is_backup = entry.get("isBackup") or False
    if not isinstance(is_backup, bool):
        raise _Wrong("approver_unreadable", f"isBackup of {place} must be true or false.")
    if kind == "requestorManager":
        level = entry.get("managerLevel", 1)
        if type(level) is not int or level not in LEVELS:
            raise _Wrong("manager_level_unknown", f"managerLevel of {place} must be 1 or 2.")
        return _Subject(place, LEVELS[level], "", is_backup)
    if kind in KINDS:
        return _Subject(place, KINDS[kind], "", is_backup)
    if kind not in ("singleUser", "groupMembers"):
        raise _Wrong(
            "approver_kind_unknown", f"{place}: “{kind[:SHORT]}” is no kind of approver here."
        )
    is_user = kind == "singleUser"
    names = ("userId", "id", "email") if is_user else ("groupId", "id")
    key = next((entry[name] for name in names if entry.get(name)), None)
    if not isinstance(key, str):
        raise _Wrong("approver_unreadable", f"{place} must name one of {', '.join(names)}.")
    return _Subject(place, USER if is_user else GROUP, key, is_backup)


def _collected(found: Iterable[_Subject | Reason], reasons: list[Reason]) -> list[_Subject]:
    subjects = []
    for one in found:
        if isinstance(one, Reason):
            reasons.append(one)
        else:
            subjects.append(one)
    return subjects


def _resolved(subjects: Sequence[_Subject]) -> tuple[tuple[ApproverTerms, ...], list[Reason]]:
    """Return the approvers whom subject sets mean, and why some of them mean nobody."""
    users = _users([one.key for one in subjects if one.kind == USER])
    groups = _groups([one.key for one in subjects if one.kind == GROUP])
    approvers, reasons = [], []
    for one in subjects:
        known: Mapping[str, User | Group] = users if one.kind == USER else groups
        found = known.get(_plain(one.key))
        reason = _why_nobody(one, found)
        if reason:
            reasons.append(reason)
            continue
        marks = LISTS[one.place.partition("[")[0]]
        approver = ApproverTerms(
            one.kind,
            user_id=found.pk if isinstance(found, User) else None,
            group_id=found.pk if isinstance(found, Group) else None,
            **marks,
        )
        approvers.append(replace(approver, is_fallback=True) if one.is_backup else approver)
    return tuple(dict.fromkeys(approvers)), reasons


def _why_nobody(subject: _Subject, found: User | Group | None) -> Reason | None:
    known_as = f"{subject.place}: “{subject.key[:SHORT]}”"
    if subject.kind == USER and found is None:
        return Reason("person_unknown", f"{known_as} is nobody here.", SEND)
    if subject.kind == GROUP and found is None:
        return Reason("group_unknown", f"{known_as} is no group here.", SEND)
    if isinstance(found, User) and not found.is_active:
        return Reason("person_disabled", f"{known_as} cannot sign in any more.", SEND)
    if isinstance(found, Group) and not User.objects.active().members_of_any([found.pk]).exists():
        return Reason("group_empty", f"{known_as} has no members who can decide.", SEND)
    return None


def _users(keys: Sequence[str]) -> dict[str, User]:
    """Return people by their ids and addresses in small letters."""
    addresses = [_plain(key) for key in keys if key.isprintable()]
    people = User.objects.annotate(address=Lower("email"))
    found = people.filter(Q(pk__in=_ids(keys)) | Q(address__in=addresses)) if keys else ()
    return {name: one for one in found for name in (str(one.pk), one.email.lower())}


def _groups(keys: Sequence[str]) -> dict[str, Group]:
    found = Group.objects.filter(pk__in=_ids(keys)) if keys else ()
    return {str(group.pk): group for group in found}


def _ids(keys: Sequence[str]) -> list[UUID]:
    return [found for key in keys if (found := _id(key))]


def _plain(key: str) -> str:
    """Return a name in the one way in which it is looked up."""
    return str(_id(key) or key.lower())


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _read(read: Callable[[Any, str], Any], value: Any, name: str, reasons: list[Reason]) -> Any:
    if value is None:
        return None
    try:
        return read(value, name)
    except _Wrong as wrong:
        reasons.append(wrong.reason)
        return None


def _switch(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("stage_unreadable", f"{name} must be true or false.")
    return value


def _days(value: Any, name: str) -> int:
    """Read an ISO 8601 duration of whole days."""
    parts = DURATION.fullmatch(value) if isinstance(value, str) else None
    if parts is None:
        raise _Wrong("duration_unreadable", f"{name} must be an ISO 8601 duration such as P2D.")
    weeks, days, hours = (int(part or 0) for part in parts.groups())
    whole, rest = divmod(hours, 24)
    if rest:
        raise _Wrong("duration_unreadable", f"{name} must be whole days, such as P2D or PT48H.")
    return weeks * 7 + days + whole


READERS: Final[dict[str, Callable[[Any, str], Any]]] = {
    AUTOMATIC_DENIAL: _days,
    ESCALATION: _days,
    JUSTIFICATION: _switch,
    IS_PASSED_ON: _switch,
}
