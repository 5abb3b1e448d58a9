"""From a CSV file to the entries of a list: what cannot be read is said beside its line."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from entitlements import clock
from entitlements.catalog.attributes import attributes_of
from entitlements.decisions import Reason
from entitlements.directory.sync.csv_tables import BadFile, Row, column, parse
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.question_terms import CHOICES, QuestionTerms
from entitlements.policies.questions import terms_of_questions
from entitlements.requests.attributes import questions_about
from entitlements.requests.candidates import end_on, limit_of
from entitlements.requests.judging import Entry

PERSON: Final = ("email", "id")
OTHERS: Final = ("name", "start", "end", "justification")
MOST_BYTES: Final = 4_000_000
NO_QUESTIONS: Final[Mapping[str, QuestionTerms]] = {}


def read(data: bytes, name: str, policy: AssignmentPolicy) -> list[Entry]:
    """Return the entries of a file; raises BadFile when it cannot be read as a whole.

    Its columns are `email` or `id`, and perhaps `name` for people whom nobody knows yet, `start`,
    `end`, `justification` and the texts of the policy's questions. A day as an end means its last
    moment in the organization's zone.
    """
    if len(data) > MOST_BYTES:
        raise BadFile(f"{name} is larger than {MOST_BYTES // 1_000_000} MB. Divide it.")
    questions = {column(question.text): question for question in columns_for(policy)}
    table = parse(data, name, required=(), optional=(*PERSON, *OTHERS, *questions))
    if not set(PERSON) & set(table.columns):
        raise BadFile(f"{name} line 1: a column “email” or “id” is missing.")
    return [entry_of(row, policy, questions) for row in table.rows]


def columns_for(policy: AssignmentPolicy) -> tuple[QuestionTerms, ...]:
    """Return what is asked of whoever gets the package: by the policy, and by its resources."""
    needed = attributes_of(policy.package_id)
    return (*terms_of_questions(policy), *questions_about(needed, None))


def entry_of(
    row: Row, policy: AssignmentPolicy, questions: Mapping[str, QuestionTerms] = NO_QUESTIONS
) -> Entry:
    """Return what a row says of one person; `questions` are by the names of their columns."""
    mistakes = list(_mistakes(row))
    starts_at, ends_at = (
        _moment(row, name, policy, mistakes) if not row.mistake else None
        for name in ("start", "end")
    )
    return Entry(
        key=(row["email"] or row["id"]).replace("\x00", ""),
        place=row.where,
        name=row["name"],
        starts_at=starts_at,
        ends_at=ends_at,
        justification=row["justification"],
        answers={
            str(question.key): _answer(row[name], question)
            for name, question in questions.items()
            if row[name]
        },
        mistakes=tuple(mistakes),
    )


def _mistakes(row: Row) -> Iterator[Reason]:
    if row.mistake:
        yield Reason("row_unreadable", f"{row.mistake[:1].upper()}{row.mistake[1:]}.", "Mend it.")


def _moment(
    row: Row, name: str, policy: AssignmentPolicy, mistakes: list[Reason]
) -> datetime | None:
    text = row[name]
    if not text:
        return None
    try:
        return _day(date.fromisoformat(text), name, policy)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        mistakes.append(
            Reason(
                "date_unreadable",
                f"“{text[:40]}” in the column {name} is no day.",
                "Write it as 2026-12-31.",
            )
        )
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=clock.zone())


def _day(day: date, name: str, policy: AssignmentPolicy) -> datetime | None:
    """Return when a day begins, or when access until it ends: at a limit that falls on it."""
    if name == "start":
        return None if day == clock.today_begins().date() else clock.day_begins(day)
    return end_on(day, limit=limit_of(policy, starts_at=clock.now()))


def _answer(text: str, question: QuestionTerms) -> Any:
    """Return an answer as a form would give it; several choices are parted by a bar."""
    if question.kind == CHOICES:
        return [part.strip() for part in text.split("|") if part.strip()]
    return text
