"""Who may ask: the choices, which of them are for people outside, and how strict each is."""

from typing import Final

from django.db.models import TextChoices


class Scope(TextChoices):
    """Who may ask; the names in Microsoft Graph are in `docs/glossary.md`."""

    NOBODY = "nobody", "No one: access is given directly"
    SPECIFIC = "specific", "Specific people and groups"
    ALL_MEMBERS = "all_members", "All members, without guests"
    ALL_USERS = "all_users", "Everyone, guests included"
    SPECIFIC_ORGANIZATIONS = "specific_organizations", "Specific connected organizations"
    ALL_ORGANIZATIONS = "all_organizations", "All configured connected organizations"
    ALL_EXTERNAL = "all_external", "Anybody from outside, known or not"


EXTERNAL: Final = (Scope.SPECIFIC_ORGANIZATIONS, Scope.ALL_ORGANIZATIONS, Scope.ALL_EXTERNAL)
"""Scopes for people from outside, and for nobody else."""

STRICTEST_FIRST: Final = (
    (Scope.SPECIFIC, Scope.SPECIFIC_ORGANIZATIONS),
    (Scope.ALL_MEMBERS,),
    (Scope.ALL_USERS,),
    (Scope.ALL_ORGANIZATIONS, Scope.ALL_EXTERNAL),
)
"""Classes of scopes: where one of a class admits somebody, those of later ones do not count."""


def rank_of(scope: str) -> int | None:
    """Return how strict a scope is, from 1 on; None where nobody can ask."""
    ranks = (rank for rank, scopes in enumerate(STRICTEST_FIRST, start=1) if scope in scopes)
    return next(ranks, None)


def stricter_than(rank: int) -> list[Scope]:
    """Return the scopes of all classes before one."""
    return [scope for scopes in STRICTEST_FIRST[: rank - 1] for scope in scopes]
