"""What the files of the lists beneath `/manage/` tell of each row; ids stand beside names."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from entitlements.assignments.models import Assignment
from portal.badges import badge_for


class Column(NamedTuple):
    """A heading, and what stands beneath it."""

    heading: str
    value: Callable[[Any], Any]


def _named(heading: str, path: str) -> tuple[Column, Column]:
    """Return the columns of something that a row names: what it is called, and its id."""
    return (
        Column(heading, lambda row: getattr(row, path)),
        Column(f"{heading} id", lambda row: getattr(row, f"{path}_id")),
    )


def _end_reason(assignment: Assignment) -> str:
    return "" if assignment.is_live else assignment.shown_end_reason


PACKAGE: Final = (
    *_named("Package", "package"),
    Column("Catalog", lambda row: row.package.catalog),
    Column("Catalog id", lambda row: row.package.catalog_id),
    *_named("Policy", "policy"),
)

HOLDING: Final = (
    Column("Assignment id", lambda row: row.pk),
    *_named("Person", "target"),
    Column("Address", lambda row: row.target.email),
    *PACKAGE,
)
GIVEN: Final = Column("Given", lambda row: "directly" if row.is_direct else "on request")

ASSIGNMENTS: Final = (
    *HOLDING,
    Column("State", lambda row: badge_for("assignment", row.shown_state).word),
    Column("From", lambda row: row.starts_at),
    Column("Until", lambda row: row.over_at),
    Column("Why it ended", _end_reason),
    *_named("Ended by", "ended_by"),
    GIVEN,
)

PAST_ASSIGNMENTS: Final = (
    *HOLDING,
    Column("From", lambda row: row.starts_at),
    Column("Until", lambda row: row.ends_at),
    GIVEN,
)
"""What is known of a day gone by: no state, and the end as it was planned then."""

REQUESTS: Final = (
    Column("Request", lambda row: row.reference),
    Column("Request id", lambda row: row.pk),
    Column("Kind", lambda row: row.get_kind_display()),
    *_named("For", "target"),
    *_named("By", "requestor"),
    *PACKAGE,
    Column("State", lambda row: badge_for("request", row.shown_state).word),
    Column("Asked", lambda row: row.created_at),
    Column("Finished", lambda row: row.completed_at),
    Column("Assignment id", lambda row: row.assignment_id),
)
