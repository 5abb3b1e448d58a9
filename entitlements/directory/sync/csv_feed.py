"""Read people, groups and memberships from CSV files, each a full list of its kind."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from entitlements.directory.sync import values
from entitlements.directory.sync.csv_tables import Row, Table, read
from entitlements.directory.sync.records import (
    EVERY,
    Feed,
    GroupRecord,
    Link,
    PersonRecord,
    Progress,
    no_progress,
)
from entitlements.directory.sync.values import PERSON_FIELDS, BadValue

USERS_NEEDED: Final = ("id", "email", "display_name")
USERS_ALLOWED: Final = (
    "manager",
    "enabled",
    *(field for field in PERSON_FIELDS if field not in USERS_NEEDED),
)
GROUPS_NEEDED: Final = ("id", "name")
GROUPS_ALLOWED: Final = ("description", "kind", "owners")
MEMBERSHIPS_NEEDED: Final = ("group", "member")
MEMBERSHIPS_ALLOWED: Final = ("member_type",)
PERSON, GROUP = "person", "group"

Record = TypeVar("Record")


def read_files(
    *,
    users: Path | None = None,
    groups: Path | None = None,
    memberships: Path | None = None,
    progress: Progress = no_progress,
) -> Feed:
    """Read what is given; raises BadFile when a file cannot be read at all."""
    feed = Feed()
    if users:
        table = read(users, required=USERS_NEEDED, optional=USERS_ALLOWED)
        _read_users(table, feed, progress)
    if groups:
        table = read(groups, required=GROUPS_NEEDED, optional=GROUPS_ALLOWED)
        _read_groups(table, feed, progress)
    if memberships:
        table = read(memberships, required=MEMBERSHIPS_NEEDED, optional=MEMBERSHIPS_ALLOWED)
        _read_memberships(table, feed, progress)
    return feed


def _read_users(table: Table, feed: Feed, progress: Progress) -> None:
    feed.attributes = tuple(field for field in PERSON_FIELDS if field in table.columns)
    feed.has_managers = "manager" in table.columns
    by_employee_id = _keys_by_employee_id(table)
    keys = {row["id"] for row in table.rows}

    def person(row: Row) -> PersonRecord:
        manager = row["manager"]
        return PersonRecord(
            key=values.key_value("id", row["id"]),
            values=tuple(values.person_value(field, row[field]) for field in feed.attributes),
            is_enabled=values.is_enabled(row["enabled"]),
            where=row.where,
            manager_key=manager if manager in keys else by_employee_id.get(manager, manager),
        )

    feed.people = list(_good(table, "users", person, feed, progress))


def _keys_by_employee_id(table: Table) -> dict[str, str]:
    """Return whom an employee's number means, where it is one person's alone."""
    times = Counter(row["employee_id"] for row in table.rows)
    return {
        number: row["id"]
        for row in table.rows
        if (number := row["employee_id"]) and times[number] == 1
    }


def _read_groups(table: Table, feed: Feed, progress: Progress) -> None:
    owners: list[Link] = []

    def group(row: Row) -> GroupRecord:
        key = values.key_value("id", row["id"])
        record = GroupRecord(
            key=key,
            name=values.group_name(row["name"]),
            description=values.group_description(row["description"]),
            kind=values.group_kind(row["kind"]),
            where=row.where,
        )
        named = [owner.strip() for owner in row["owners"].split(";")]
        owners.extend(Link(key, owner, row.where) for owner in named if owner)
        return record

    feed.groups = list(_good(table, "groups", group, feed, progress))
    feed.owners = owners if "owners" in table.columns else None


def _read_memberships(table: Table, feed: Feed, progress: Progress) -> None:
    def link(row: Row) -> tuple[Link, str]:
        member_type = row["member_type"].lower() or PERSON
        if member_type not in (PERSON, GROUP):
            raise BadValue(
                "bad_choice", f"member_type is “{member_type[:40]}”, not person or group"
            )
        group = values.key_value("group", row["group"])
        return Link(group, values.key_value("member", row["member"]), row.where), member_type

    links = list(_good(table, "memberships", link, feed, progress))
    feed.memberships = [link for link, member_type in links if member_type == PERSON]
    feed.nestings = [link for link, member_type in links if member_type == GROUP]


def _good(
    table: Table, kind: str, make: Callable[[Row], Record], feed: Feed, progress: Progress
) -> Iterator[Record]:
    """Yield what the good rows say, and note the others."""
    for count, row in enumerate(table.rows, start=1):
        try:
            if row.mistake:
                raise BadValue("bad_row", row.mistake)
            yield make(row)
        except BadValue as bad:
            feed.problem(row.where, bad.code, str(bad), spare=row["id"])
        if count % EVERY == 0 or count == len(table.rows):
            progress(f"Reading {kind}", count, len(table.rows))
