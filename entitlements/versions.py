"""Versions of a thing, each written once, and what the next one may become."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol
from uuid import uuid4

from django.conf import settings
from django.db import models

from entitlements import clock
from entitlements.decisions import ALLOWED, Decision, Denied, deny
from entitlements.plain import to_plain


class KeptVersion(models.Model):
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


@dataclass(frozen=True)
class Version:
    """A thing as it read from `at` (UTC) on, and who saved it, where that is known."""

    number: int
    terms: Any
    by: Any
    at: datetime

    @property
    def name(self) -> str:
        return f"Version {self.number}"


class Versioned(Protocol):
    """A thing of which versions are kept."""

    versions: Any
    created_at: Any


def versions_of(thing: Versioned, terms: Callable[[Any], Any]) -> list[Version]:
    """Return every version, the newest first; there is always one.

    `terms` says how a thing reads now, for one of which no version was kept yet.
    """
    kept = thing.versions.select_related("by")
    versions = [Version(one.number, one.read(), one.by, one.at) for one in kept]
    return versions or [Version(1, terms(thing), None, thing.created_at)]


def earlier_version(thing: Versioned, number: int, terms: Callable[[Any], Any]) -> Version:
    """Return an earlier version than the one in force; raise Denied where there is none."""
    newest, *earlier = versions_of(thing, terms)
    for version in earlier:
        if version.number == number:
            return version
    raise Denied(
        deny(
            "no_such_version",
            f"{thing} has no earlier version {number}; the newest is {newest.number}.",
            "Choose one from its history.",
        )
    )


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
