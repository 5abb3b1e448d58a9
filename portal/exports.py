"""Lists as files: a CSV and, beside it, what proves that it is complete; both in one ZIP."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from tempfile import TemporaryFile
from typing import IO, Any, Final
from zipfile import ZIP_DEFLATED, ZipFile

from django.conf import settings
from django.db.models import Model
from django.http import FileResponse
from django.utils import timezone

from entitlements import clock
from entitlements.audit.exports import note_export
from portal import VERSION
from portal.csv_files import csv_lines, in_file
from portal.http import PortalRequest

MOST_ROWS: Final = 5000
TOO_MANY: Final = (
    f"This list has more than {MOST_ROWS:,} rows, the most that one file holds. "
    "Narrow it by a filter or a search."
)


class TooManyRows(Exception):
    """A list does not fit into one file."""


@dataclass(frozen=True)
class Export:
    """A list to be written: its rows as they are read, and what they are.

    `things` is its name in file names and in the audit trail, `filters` says in words what narrows
    it, and `total` how many rows it has without them; None where nothing narrows it. `as_of` is the
    moment gone by of which it tells; None for the present.
    """

    things: str
    what: str
    filters: str
    address: str
    header: Sequence[str]
    rows: Iterable[Sequence[Any]]
    total: int | None = None
    as_of: datetime | None = None


def export_response(request: PortalRequest, export: Export, *, about: Model) -> FileResponse:
    """Return a list as a file, and record that it was made; raises TooManyRows.

    It is written to a file first, so that neither the rows nor the database wait for slow readers.
    """
    as_of = export.as_of or clock.now()
    place = TemporaryFile()  # noqa: SIM115  # the response closes it
    try:
        rows, digest = _write(place, export, request, as_of)
        note_export(
            export.things,
            about,
            by=request.user,
            filters=export.filters,
            rows=rows,
            digest=digest,
            as_of=as_of,
        )
    except BaseException:
        place.close()
        raise
    place.seek(0)
    name = f"{export.things}-{timezone.localtime(as_of):%Y-%m-%d-%H%M}.zip"
    return FileResponse(place, as_attachment=True, filename=name, content_type="application/zip")


def _write(
    place: IO[bytes], export: Export, request: PortalRequest, as_of: datetime
) -> tuple[int, str]:
    """Write both files; return how many rows there are, and the digest of the CSV."""
    digest, rows = sha256(), _Counted(export.rows)
    with ZipFile(place, "w", ZIP_DEFLATED) as archive:
        with archive.open(f"{export.things}.csv", "w") as file:
            for line in csv_lines(export.header, rows):
                part = line.encode()
                digest.update(part)
                file.write(part)
        evidence = {
            "What": export.what,
            "Filters": export.filters,
            "As of": in_file(as_of),
            "Made at": f"{in_file(clock.now())} ({timezone.get_current_timezone_name()})",
            "Made by": f"{request.user} <{request.user.email}>, {request.user.pk}",
            "Rows in the file": f"{rows.number}, all that the filters leave",
            "Rows without the filters": rows.number if export.total is None else export.total,
            "Address": f"{settings.PORTAL_URL}{export.address}",
            "Version": f"{settings.PORTAL_NAME} {VERSION}",
            f"SHA-256 of {export.things}.csv": digest.hexdigest(),
        }
        lines = (f"{name}: {_in_line(value)}\r\n" for name, value in evidence.items())
        archive.writestr("evidence.txt", "".join(lines))
    return rows.number, digest.hexdigest()


class _Counted:
    """Rows that are counted while they are written, as far as one file goes."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self.rows = rows
        self.number = 0

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for row in self.rows:
            self.number += 1
            if self.number > MOST_ROWS:
                raise TooManyRows
            yield row


def _in_line(value: object) -> str:
    """Return a value without breaks, so that nothing pretends to be a line of its own."""
    return " ".join(str(value).split())
