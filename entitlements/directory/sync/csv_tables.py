"""Read a table from a CSV file, and say in which line something is wrong."""

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

SEPARATORS: Final = (",", ";", "\t")
UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


class BadFile(Exception):
    """A file that cannot be read at all: nothing of it can be imported."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cells by column, and where it stands. `mistake` says what is wrong with it."""

    where: str
    cells: dict[str, str]
    mistake: str = ""

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


@dataclass(frozen=True)
class Table:
    """The columns of a file, and its rows."""

    columns: tuple[str, ...]
    rows: list[Row]


def read(path: Path, *, required: Collection[str], optional: Collection[str]) -> Table:
    """Read a file whole; raises BadFile when its encoding, its columns or its quotes are wrong."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadFile(f"{path.name} cannot be read: {error.strerror}.") from error
    return parse(data, path.name, required=required, optional=optional)


def parse(data: bytes, name: str, *, required: Collection[str], optional: Collection[str]) -> Table:
    """Read the content of a file that is called `name`; raises BadFile as `read` does."""
    text = _text(data, name)
    first_line = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first_line.count)
    records = _records(name, text, separator)
    _, header = next(records, (1, []))
    columns = tuple(column(cell) for cell in header)
    _check_columns(name, columns, required, optional)
    rows = [_row(name, line, columns, cells) for line, cells in records if cells]
    return Table(columns, rows)


def _text(data: bytes, name: str) -> str:
    if data.startswith(UTF_16) or b"\0" in data[:2]:
        raise BadFile(f"{name} line 1: the file is UTF-16. Save it as UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadFile(
            f"{name} line {line}: this is not UTF-8, perhaps Latin-1. Save the file as UTF-8."
        ) from error


def _records(name: str, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the line in which it begins."""
    lines = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    begins = 1
    try:
        for cells in lines:
            yield begins, cells
            begins = lines.line_num + 1
    except csv.Error as error:
        raise BadFile(f"{name} line {begins}: {error}.") from error


def column(name: str) -> str:
    """Return the name of a column as it is compared: small letters, words joined by "_"."""
    return "_".join(name.replace("-", " ").lower().split())


def _check_columns(
    name: str, columns: tuple[str, ...], required: Collection[str], optional: Collection[str]
) -> None:
    mistakes = []
    if missing := [name for name in required if name not in columns]:
        mistakes.append(f"missing: {', '.join(missing)}")
    if unknown := [name for name in columns if name not in {*required, *optional}]:
        mistakes.append(f"unknown: {', '.join(name[:40] or '(no name)' for name in unknown)}")
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        mistakes.append(f"twice: {', '.join(twice)}")
    if mistakes:
        raise BadFile(
            f"{name} line 1: the columns are wrong ({'; '.join(mistakes)}). "
            f"Needed: {', '.join(required)}. Allowed too: {', '.join(optional)}."
        )


def _row(name: str, line: int, columns: tuple[str, ...], cells: list[str]) -> Row:
    mistake = ""
    if len(cells) != len(columns):
        mistake = f"there are {len(cells)} cells for {len(columns)} columns"
    return Row(
        where=f"{name} line {line}",
        cells=dict(zip(columns, (cell.strip() for cell in cells), strict=False)),
        mistake=mistake,
    )
