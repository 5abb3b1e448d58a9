"""Write down who took a list away as a file."""

from datetime import datetime

from django.db import models, transaction

from entitlements.audit import trail


@transaction.atomic(durable=True)
def note_export(
    things: str,
    about: models.Model,
    *,
    by: trail.Actor,
    filters: str,
    rows: int,
    digest: str,
    as_of: datetime,
) -> None:
    """Record that somebody exported `things` such as "assignments".

    `about` is what they hang from, or whoever exports where they hang from nothing in particular.
    `filters` are the words of the filters, `digest` is the SHA-256 of the file.
    """
    trail.record(
        f"{things}.exported", about, by=by, filters=filters, rows=rows, sha256=digest, as_of=as_of
    )
