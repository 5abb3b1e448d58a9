"""Turn what a source says into what a column holds, or say why that cannot be done."""

import re
from datetime import date
from typing import Final, NoReturn

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from entitlements.directory.models import (
    ATTRIBUTES,
    PEOPLE,
    Group,
    GroupKind,
    User,
    UserType,
)
from entitlements.directory.sync.records import Value

DATES: Final = frozenset({"hire_date", "leave_date"})
PERSON_FIELDS: Final = ("email", "user_type", *ATTRIBUTES)
COLUMNS: Final = {field.name: field for field in User._meta.concrete_fields}
LONGEST: Final = {
    name: COLUMNS[name].max_length or 0 for name in PERSON_FIELDS if name not in DATES
}
LONGEST_KEY: Final = COLUMNS["source_key"].max_length or 0
LONGEST_GROUP_NAME: Final = Group._meta.get_field("name").max_length or 0
LONGEST_DESCRIPTION: Final = 10_000
DAY: Final = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:\d{6}(?:\.\d+)?Z|T.*)?")
"""A date as in ISO 8601, or a moment as LDAP writes it."""

TRUE: Final = frozenset({"", "1", "true", "yes", "y", "enabled", "active"})
FALSE: Final = frozenset({"0", "false", "no", "n", "disabled", "inactive"})


class BadValue(Exception):
    """A value that cannot be stored; the text says why, for people."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def person_value(field: str, text: str) -> Value:
    """Return the value of a person's column; raises BadValue."""
    text = _plain(field, text)
    if field in DATES:
        return _day(field, text)
    if field == "email":
        return _email(text)
    if field == "user_type":
        return _choice(field, text, [*PEOPLE], default=UserType.MEMBER)
    if len(text) > LONGEST[field]:
        raise BadValue("too_long", f"{field} has more than {LONGEST[field]} characters")
    if field == "display_name" and not text:
        raise BadValue("missing", "display_name is empty")
    return text


def key_value(field: str, text: str) -> str:
    """Return the key of a person or group; raises BadValue."""
    return _required(field, text, LONGEST_KEY)


def group_name(text: str) -> str:
    """Return the name of a group; raises BadValue."""
    return _required("name", " ".join(text.split()), LONGEST_GROUP_NAME)


def group_description(text: str) -> str:
    """Return the description of a group; raises BadValue."""
    text = _plain("description", text)
    if len(text) > LONGEST_DESCRIPTION:
        raise BadValue("too_long", f"description has more than {LONGEST_DESCRIPTION} characters")
    return text


def group_kind(text: str) -> str:
    """Return the kind of a group; raises BadValue."""
    return _choice("kind", text.strip(), GroupKind.values, default=GroupKind.SECURITY)


def is_enabled(text: str) -> bool:
    """Say whether somebody may sign in; nothing means yes. Raises BadValue."""
    word = text.strip().lower()
    if word not in TRUE | FALSE:
        raise BadValue("bad_choice", f"enabled is “{text[:40]}” and not yes or no")
    return word in TRUE


def _required(field: str, text: str, longest: int) -> str:
    text = _plain(field, text)
    if not text:
        raise BadValue("missing", f"{field} is empty")
    if len(text) > longest:
        raise BadValue("too_long", f"{field} has more than {longest} characters")
    return text


def _plain(field: str, text: str) -> str:
    if "\0" in text:
        raise BadValue("nul_byte", f"{field} contains a NUL byte")
    return text.strip()


def _email(text: str) -> str:
    if not text:
        raise BadValue("no_address", "there is no e-mail address")
    if len(text) > LONGEST["email"]:
        raise BadValue("too_long", f"email has more than {LONGEST['email']} characters")
    try:
        validate_email(text)
    except ValidationError:
        raise BadValue("bad_address", f"“{text[:80]}” is no e-mail address") from None
    return text.lower()


def _day(field: str, text: str) -> date | None:
    if not text:
        return None
    found = DAY.fullmatch(text)
    try:
        return date(*(int(part) for part in found.groups())) if found else _no_day(field, text)
    except ValueError:
        return _no_day(field, text)


def _no_day(field: str, text: str) -> NoReturn:
    raise BadValue("bad_date", f"{field} is “{text[:40]}” and not a day such as 2026-01-31")


def _choice(field: str, text: str, choices: list[str], *, default: str) -> str:
    word = text.lower() or default
    if word not in choices:
        raise BadValue(
            "bad_choice", f"{field} is “{text[:40]}” and not one of {', '.join(choices)}"
        )
    return word
