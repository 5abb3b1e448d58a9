"""Load the demo company into an empty database, and remove it again."""

from dataclasses import dataclass
from random import Random
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Model

from entitlements import clock, models
from entitlements.catalog.models import Catalog, CatalogKind
from entitlements.decisions import ALLOWED, Decision, Reason, collect, deny
from entitlements.demo import crowd, earlier, housekeeping, machine_hall, people, story
from entitlements.demo.acts import Stage
from entitlements.demo.calendar import Calendar, carry_out_what_is_due
from entitlements.demo.company import Company, found
from entitlements.directory.models import User
from entitlements.heartbeat import INTERVAL, Heartbeat
from entitlements.systems.models import ConnectedSystem

QUIET: Final = INTERVAL * 3
"""How long nobody may have asked for a sweep, before nobody is taken to work."""

PEOPLE, SEED = 120, 7


@dataclass(frozen=True)
class Loaded:
    """How much there is now."""

    people: int
    packages: int
    requests: int
    events: int


def load(*, count: int = PEOPLE, seed: int = SEED) -> Loaded:
    """Let the company live through four months that end now; raise Denied unless all is empty.

    The same seed gives the same story. What a broken attempt has made is removed again.
    """
    (can_work() + _is_empty() + _count_fits(count)).require()
    try:
        _live(count, Random(seed))  # noqa: S311  # a story needs no cryptography
    except BaseException:
        _delete()
        raise
    return Loaded(
        User.objects.people().count(),
        models.AccessPackage.objects.count(),
        models.AccessRequest.objects.count(),
        models.AuditEvent.objects.count(),
    )


def _live(count: int, chance: Random) -> None:
    calendar = Calendar()
    company = Company(calendar.present.astimezone(clock.zone()).date())
    stage = Stage(company, calendar)
    with clock.at(stage.when(crowd.FOUNDED, 8)):
        found(company, count=count, chance=chance)
        carry_out_what_is_due()
        _date_back()
    for lives in (
        story.lives(stage),
        machine_hall.lives(stage),
        housekeeping.lives(stage),
        earlier.lives(stage),
        crowd.lives(stage, chance),
    ):
        calendar.begin(lives)
    calendar.run()


@transaction.atomic(durable=True)
def _date_back() -> None:
    """Let what was founded read as old as the story is."""
    moment = clock.now()
    for model in (models.AccessPackage, models.AssignmentPolicy, models.Catalog):
        model.objects.update(created_at=moment)
    User.objects.update(date_joined=moment)


def reset(*, count: int = PEOPLE, seed: int = SEED) -> Loaded:
    """Remove the company and load it anew; raise Denied before anything is removed."""
    (can_work() + _is_demo() + _count_fits(count)).require()
    _delete()
    return load(count=count, seed=seed)


def remove() -> None:
    """Delete the demo company with all that it made; raise Denied where anybody else is.

    The audit trail stays, as it can only grow, and so do the built-in catalog and directory.
    """
    (can_work() + _is_demo()).require()
    _delete()


@transaction.atomic(durable=True)
def _delete() -> None:
    for model in MADE:
        model._default_manager.all().delete()
    Catalog.objects.exclude(kind=CatalogKind.SERVICE_DEFAULT).delete()
    ConnectedSystem.objects.exclude(kind="directory").delete()


MADE: Final[tuple[type[Model], ...]] = (
    models.Notification,
    models.BulkAct,
    models.RoleImport,
    models.AccessRequest,
    models.Grant,
    models.Assignment,
    models.AccessPackage,
    models.Resource,
    models.Group,
    models.User,
    models.ConnectedOrganization,
)
"""What the company made, those first that others hang on; the rest goes with these."""


def can_work() -> Decision:
    """Only in demo mode, and while no worker mistakes the moved clock for delay."""
    asked = Heartbeat.objects.filter(asked_at__gt=clock.now() - QUIET)
    return collect(
        (
            None
            if settings.DEMO
            else Reason("not_demo_mode", "This is not demo mode.", "Set DEMO=1 to try things out."),
            Reason(
                "cluster_runs",
                "The job cluster is running, and would act on what has not happened yet.",
                f"Stop it, and try again {QUIET.seconds} seconds later.",
            )
            if asked.exists()
            else None,
        )
    )


def _is_empty() -> Decision:
    others = (
        User.objects.all(),
        models.Group.objects.all(),
        models.AccessPackage.objects.all(),
        models.ConnectedOrganization.objects.all(),
        Catalog.objects.exclude(kind=CatalogKind.SERVICE_DEFAULT),
        ConnectedSystem.objects.exclude(kind="directory"),
    )
    if not any(rows.exists() for rows in others):
        return ALLOWED
    if _is_demo():
        return deny("loaded_already", "The demo company is here already.", "Reset makes it new.")
    return deny(
        "not_empty",
        "The database is not empty.",
        "Use a new one: the demo company mixes with nothing.",
    )


def _is_demo() -> Decision:
    """Only a database in which there is nobody else."""
    if User.objects.filter(is_demo=True).exists() and not User.objects.filter(is_demo=False):
        return ALLOWED
    return deny(
        "not_a_demo",
        "There is no demo company here, or there are other people besides.",
        "Start with an empty database.",
    )


def _count_fits(count: int) -> Decision:
    if people.FEWEST <= count <= people.MOST:
        return ALLOWED
    return deny(
        "wrong_count",
        f"The company can have from {people.FEWEST} to {people.MOST:,} people.",
        "Choose a number between the two.",
    )
