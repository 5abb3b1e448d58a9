"""CSV files for people's spreadsheets: UTF-8 with a mark, and no cell that runs as a formula."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from io import StringIO
from itertools import chain
from typing import Any, Final

from django.http import StreamingHttpResponse
from django.utils import timezone

FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_response(
    name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]
) -> StreamingHttpResponse:
    """Return a file to download, written while it is read."""
    lines = csv_lines(header, rows)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield the file line by line, the mark first."""
    place = StringIO()
    writer = csv.writer(place)
    yield "\ufeff"
    for cells in chain([header], rows):
        writer.writerow([_plain(cell) for cell in cells])
        yield place.getvalue()
        place.seek(0)
        place.truncate()


def in_file(moment: datetime) -> str:
    """Return a moment as files have it: ISO 8601 in the reader's zone, with its offset."""
    return timezone.localtime(moment).isoformat(timespec="seconds")


def _plain(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return in_file(cell)
    text = str(cell)
    return f"'{text}" if text.startswith(FORMULAS) else text
