"""Versions of a thing, each written once, and what the next one may become."""

from typing import Any, ClassVar, Protocol
from uuid import uuid4

from django.conf import settings
from django.db import models

from entitlements import clock
from entitlements.decisions import ALLOWED, Decision, deny
from entitlements.plain import to_plain


class Version(models.Model):
    """A thing as somebody saved it: written once, and never changed.

    Without `by` it is how the thing read before versions of it were kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    number = models.PositiveIntegerField()
    terms = models.JSONField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        abstract = True
        ordering: ClassVar[list[str]] = ["-number"]


class Draft(models.Model):
    """What a thing may become: it does nothing until it is saved."""

    terms = models.JSONField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        abstract = True


class Versioned(Protocol):
    """A thing of which versions are kept."""

    versions: Any
    created_at: Any


def number_of(thing: Versioned) -> int:
    """Return the number of the version in force; a thing never changed is at its first."""
    newest: int | None = thing.versions.values_list("number", flat=True).first()
    return newest or 1


def not_changed_since(thing: Versioned, number: int | None, *, code: str, called: str) -> Decision:
    """Say whether a version is still the newest; None asks nothing.

    `code` is the refusal's, and `called` what people call such a thing.
    """
    newest = thing.versions.select_related("by").first()
    if newest is None or number is None or newest.number <= number:
        return ALLOWED
    return deny(
        code,
        f"{newest.by} saved version {newest.number} of this {called} while you were editing "
        f"version {number}.",
        "Look at what changed, and save again if yours is to replace it.",
    )


def keep_version(thing: Versioned, terms: Any, *, by: Any, before: Any = None) -> int:
    """Within the caller's transaction, with the thing locked: write the next version.

    A thing of which no version was kept yet gets its first from the terms `before`.
    """
    if before and not thing.versions.exists():
        plain = to_plain(before)
        thing.versions.create(number=1, terms=plain, by=None, at=thing.created_at)
    number = number_of(thing) + 1 if before else 1
    thing.versions.create(number=number, terms=to_plain(terms), by=by, at=clock.now())
    return number
