"""Lists of people to give a package to: from a form to entries, and from rows to pages."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from entitlements.directory.models import Group, User
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests import bulk_files
from entitlements.requests.bulk import BulkAssignment, BulkRow, RowState
from entitlements.requests.judging import Entry
from portal import wording
from portal.manage.forms import GiveForm

RESULT: Final = (
    "line",
    "named",
    "email",
    "id",
    "from",
    "until",
    "state",
    "codes",
    "why",
    "request",
)
SHOWN: Final = {"": "All", "ready": "Can be given", "given": "Given", "refused": "Refused"}


def entries_of(form: GiveForm) -> list[Entry]:
    """Return everybody whom a form names, each once, before those of its file.

    Raises BadFile. What the form says of dates and reasons holds for rows that say nothing.
    """
    picked, policy = form.cleaned_data["person"], form.cleaned_data["policy"]
    chosen = User.objects.filter(pk__in=picked.user_ids)
    members = User.objects.members_of_any(list(picked.group_ids))
    people = {user.pk: user for user in [*chosen, *members.order_by("display_name", "pk")]}
    entries = [Entry(str(key)) for key in people]
    address = form.cleaned_data["address"]
    entries += [Entry(address, name=form.cleaned_data["name"])] if address else []
    file = form.cleaned_data["file"]
    if file:
        entries += bulk_files.read(file.read(), file.name, policy)
    wishes = form.wishes()
    answers = {key: answer for key, answer in wishes["answers"].items() if answer}
    return [
        replace(
            entry,
            starts_at=entry.starts_at or wishes["starts_at"],
            ends_at=entry.ends_at or wishes["ends_at"],
            justification=entry.justification or wishes["justification"],
            answers={**answers, **entry.answers},
        )
        for entry in entries
    ]


def source_of(form: GiveForm) -> str:
    """Say where the people of a list come from."""
    picked, file = form.cleaned_data["person"], form.cleaned_data["file"]
    groups = Group.objects.filter(pk__in=picked.group_ids).order_by("name")
    count = len(picked.user_ids) + bool(form.cleaned_data["address"])
    parts = [wording.people(count)] if count else []
    parts += [f"the members of {group}" for group in groups]
    parts += [f"the people in {file.name}"] if file else []
    return wording.listed(parts)


def result_rows(bulk: BulkAssignment) -> Iterator[tuple[Any, ...]]:
    """Yield what became of each row, for a file."""
    rows = bulk.rows.select_related("target", "access_request").order_by("position")
    for row in rows.iterator(chunk_size=500):
        target, made = row.target, row.access_request
        yield (
            row.place or row.position,
            row.name,
            target.email if target else row.address,
            target.pk if target else "",
            row.starts_at,
            row.ends_at,
            RowState(row.state).label,
            " ".join(reason["code"] for reason in row.reasons),
            " ".join(f"{reason['text']} {reason['remedy']}".strip() for reason in row.reasons),
            made.reference if made else "",
        )


def shown_rows(bulk: BulkAssignment, show: str) -> Any:
    """Return the rows in one state, or all of them."""
    rows: Any = BulkRow.objects.filter(bulk=bulk).select_related("target", "access_request")
    return rows.filter(state=show) if show in RowState.values else rows


def example(policy: AssignmentPolicy | None) -> tuple[list[str], list[list[str]]]:
    """Return the columns of a list for a policy, and one row as an example."""
    questions = bulk_files.columns_for(policy) if policy else ()
    header = ["email", "name", "start", "end", "justification", *(one.text for one in questions)]
    row = ["ana.diaz@example.com", "Ana Diaz", "", "", "New in the team"]
    return header, [[*row, *("" for _ in questions)]]
