"""From what somebody hands in (CSV files, a ZIP of them, or JSON) to four tables of texts."""

import json
import struct
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from entitlements.directory.sync.csv_tables import BadFile, Row, parse

MOST_BYTES: Final = 10_000_000
MOST_ROLES: Final = 100
MOST_ROWS: Final = 20_000
MOST_ENTRIES: Final = 20

UNREADABLE: Final = (
    *(BadZipFile, zlib.error, struct.error),
    *(EOFError, OSError, RuntimeError, ValueError, OverflowError),
)
"""What a broken ZIP file raises; a file of a version that Python does not know, RuntimeError."""

File = tuple[str, bytes]
"""A file's name, and what is in it."""


class Columns(NamedTuple):
    """What each row of a table must say, and what it may say."""

    required: Sequence[str]
    optional: Sequence[str]


ROLES, ENTITLEMENTS = "roles.csv", "role_entitlements.csv"
APPROVERS, MEMBERS = "role_approvers.csv", "role_members.csv"
TABLES: Final[Mapping[str, Columns]] = {
    ROLES: Columns(
        ("role",),
        (
            "description",
            "includes",
            "hidden",
            "policy",
            "who_may_ask",
            "days",
            "hours",
            "ends_on",
            "may_extend",
        ),
    ),
    ENTITLEMENTS: Columns(("role", "system", "resource", "resource_role"), ()),
    APPROVERS: Columns(
        ("role", "stage", "kind"), ("approver", "fallback", "decision_days", "who_approves")
    ),
    MEMBERS: Columns(("role", "member"), ("start", "end", "justification")),
}
PARTS: Final = {"entitlements": ENTITLEMENTS, "approvers": APPROVERS, "members": MEMBERS}
"""Under which name JSON has the rows of a table within a role."""


@dataclass(frozen=True)
class Tables:
    """The rows of each table; a table that was not handed in has none."""

    rows: Mapping[str, list[Row]]

    def __getitem__(self, name: str) -> list[Row]:
        return self.rows.get(name, [])


def read(files: Sequence[File]) -> Tables:
    """Return what files say; raises BadFile when one of them cannot be read as a whole."""
    if sum(len(data) for _, data in files) > MOST_BYTES:
        raise BadFile(f"This is more than {MOST_BYTES // 1_000_000} MB. Divide it.")
    if len(files) == 1 and files[0][0].lower().endswith(".zip"):
        files = _unpacked(*files[0])
    if len(files) == 1 and files[0][0].lower().endswith(".json"):
        tables = _from_json(*files[0])
    else:
        tables = Tables(dict(_from_csv(files)))
    _check_size(tables)
    return tables


def _check_size(tables: Tables) -> None:
    for name, rows in tables.rows.items():
        most = MOST_ROLES if name == ROLES else MOST_ROWS
        if len(rows) > most:
            raise BadFile(
                f"{name} has {len(rows):,} rows; at most {most:,} are imported at once. Divide it."
            )
    if not tables[ROLES]:
        raise BadFile(f"{ROLES} names no role.")


def _from_csv(files: Sequence[File]) -> Iterator[tuple[str, list[Row]]]:
    names = [name.lower() for name, _ in files]
    if unknown := [name for name in names if name not in TABLES]:
        raise BadFile(
            f"{_listed(unknown)}: there is no such file in an import. "
            f"There are {_listed(TABLES)}, a ZIP file of these, or one JSON file."
        )
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadFile(f"{_listed(sorted(twice))} is there twice.")
    if missing := [name for name in (ROLES, ENTITLEMENTS) if name not in names]:
        raise BadFile(f"{_listed(missing)} is missing.")
    for name, (_, data) in zip(names, files, strict=True):
        if not data.strip():
            raise BadFile(f"{name} is empty.")
        columns = TABLES[name]
        table = parse(data, name, required=columns.required, optional=columns.optional)
        yield name, table.rows


def _listed(names: Collection[str]) -> str:
    return ", ".join(name[:60] for name in names)


# ZIP


def _unpacked(name: str, data: bytes) -> list[File]:
    """Return the files in a ZIP file; nothing is unpacked beyond what may be read at all."""
    left = MOST_BYTES
    files: list[File] = []
    try:
        with ZipFile(BytesIO(data)) as archive:
            for entry in _entries(name, archive):
                with archive.open(entry) as packed:
                    content = packed.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise BadFile(
                        f"{name} unpacks to more than {MOST_BYTES // 1_000_000} MB. Divide it."
                    )
                files.append((PurePosixPath(entry.filename).name, content))
    except UNREADABLE as error:
        raise BadFile(f"{name} is no ZIP file that can be read: {error}.") from error
    return files


def _entries(name: str, archive: ZipFile) -> list[ZipInfo]:
    found = [
        entry
        for entry in archive.infolist()
        if not entry.is_dir() and not _is_rubbish(PurePosixPath(entry.filename))
    ]
    if len(found) > MOST_ENTRIES:
        raise BadFile(f"{name} contains {len(found):,} files; an import has at most four.")
    if not found:
        raise BadFile(f"{name} contains no files.")
    for entry in found:
        if entry.flag_bits & 1:
            raise BadFile(f"{name} is locked with a password. Save it without.")
        if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise BadFile(f"{name} is packed in a way that is not read. Pack it as usual.")
    return found


def _is_rubbish(path: PurePosixPath) -> bool:
    """Whether it is what a Mac adds, which says nothing."""
    return path.parts[:1] == ("__MACOSX",) or path.name.startswith(".")


# JSON


def _from_json(name: str, data: bytes) -> Tables:
    """Return what a document says: {"roles": [{…, "entitlements": […], …}]}."""
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadFile(f"{name} is not UTF-8. Save the file as UTF-8.") from error
    except json.JSONDecodeError as error:
        raise BadFile(f"{name} line {error.lineno}: this is no JSON: {error.msg}.") from error
    except (ValueError, RecursionError) as error:
        raise BadFile(f"{name} is no JSON that can be read.") from error
    if not isinstance(document, dict) or not isinstance(document.get("roles"), list):
        raise BadFile(f"{name} is no object with a list called “roles”.")
    tables: dict[str, list[Row]] = {table: [] for table in TABLES}
    for number, role in enumerate(document["roles"], start=1):
        where = f"{name} role {number}"
        if not isinstance(role, dict):
            raise BadFile(f"{where} is no object.")
        tables[ROLES].append(_row(ROLES, where, role, besides=PARTS))
        for part, table in PARTS.items():
            tables[table] += _rows_of_part(table, where, part, role)
    return Tables(tables)


def _rows_of_part(table: str, where: str, part: str, role: Mapping[str, Any]) -> Iterator[Row]:
    rows = role.get(part, [])
    if not isinstance(rows, list):
        raise BadFile(f"{where}: “{part}” is no list.")
    for number, row in enumerate(rows, start=1):
        place = f"{where}, {part} {number}"
        if not isinstance(row, dict):
            raise BadFile(f"{place} is no object.")
        yield _row(table, place, {"role": role.get("role"), **row})


def _row(
    table: str, where: str, values: Mapping[str, Any], *, besides: Collection[str] = ()
) -> Row:
    """Return an object as a row of texts; `besides` are names that are read elsewhere."""
    columns = (*TABLES[table].required, *TABLES[table].optional)
    mistake = ""
    if unknown := [name for name in values if name not in {*columns, *besides}]:
        mistake = f"there is no “{_listed(unknown)}” here"
    cells = {}
    for name in columns:
        text = _text(values.get(name))
        if text is None:
            mistake = f"“{name}” is neither a text, a number, nor true or false"
        cells[name] = text or ""
    return Row(where, cells, mistake)


def _text(value: Any) -> str | None:
    """Return a value as a CSV file would have it, or None when it has no such form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "|".join(value)
    return str(value).strip() if isinstance(value, str | int) else None
