"""Import role definitions of another product: try it out, carry it out, or forget it."""

from datetime import timedelta
from typing import Any, Final

from django.db import transaction

from entitlements import clock
from entitlements.audit import trail
from entitlements.catalog import operations as catalogs
from entitlements.catalog.models import Catalog
from entitlements.catalog.permissions import can
from entitlements.decisions import Decision, deny
from entitlements.directory.models import User
from entitlements.imports.building import (
    Builder,
    Built,
    Options,
    Outcome,
    give_to_members,
    refusal_of,
)
from entitlements.imports.definitions import Definitions
from entitlements.imports.models import (
    FindingWeight,
    ImportedRole,
    ImportFinding,
    RoleImport,
    RoleState,
)
from entitlements.plain import from_plain, to_plain
from entitlements.requests import giving

KEPT: Final = timedelta(days=7)
BATCH: Final = 500
MOST_REASONS: Final = 20


def check(
    catalog: Catalog, definitions: Definitions, options: Options, *, by: User, source: str
) -> RoleImport:
    """Try an import out, and keep what would become of each role; nothing is made by that.

    Raises Denied when `by` could not do by hand what it would do.
    """
    outcome = try_out(catalog, definitions, options, by=by)
    return _keep(catalog, definitions, options, outcome, by=by, source=source)


@transaction.atomic(durable=True)
def try_out(catalog: Catalog, definitions: Definitions, options: Options, *, by: User) -> Outcome:
    """Do all that an import would do, and undo it; return what would have come of it."""
    outcome = _build(catalog, definitions, options, by=by)
    transaction.set_rollback(True)
    return outcome


@transaction.atomic(durable=True)
def _keep(
    catalog: Catalog,
    definitions: Definitions,
    options: Options,
    outcome: Outcome,
    *,
    by: User,
    source: str,
) -> RoleImport:
    role_import = RoleImport.objects.create(
        catalog=catalog,
        made_by=by,
        source=source[:300],
        content={} if outcome.wrong else to_plain(definitions),
        skips_approval=options.skips_approval,
        takes_over=options.takes_over,
        created_at=clock.now(),
    )
    _write_down(role_import, outcome, are_real=False)
    facts: dict[str, Any] = {"source": role_import.source, "roles": len(outcome.roles)}
    trail.record("catalog.roles_checked", catalog, by=by, wrong=len(outcome.wrong), **facts)
    return role_import


@transaction.atomic(durable=True)
def carry_out(role_import: RoleImport, *, by: User) -> RoleImport:
    """Make all packages, policies and lists of an import at once, or none; only its maker, once.

    What changed since it was tried out is found again. The workers give the packages to members.
    """
    role_import = _locked(role_import)
    _can_carry_out(role_import, by).require()
    options = Options(role_import.skips_approval, role_import.takes_over)
    definitions = from_plain(Definitions, role_import.content)
    outcome = _build(role_import.catalog, definitions, options, by=by)
    refusal_of(outcome.wrong, most=MOST_REASONS).require()
    give_to_members(outcome, options, by=by, source=role_import.source)
    role_import.carried_out_at = clock.now()
    role_import.content = {}
    role_import.save(update_fields=["carried_out_at", "content"])
    role_import.roles.all().delete()
    role_import.findings.all().delete()
    _write_down(role_import, outcome, are_real=True)
    trail.record(
        "catalog.roles_imported",
        role_import.catalog,
        by=by,
        source=role_import.source,
        packages=sum(built.state == RoleState.NEW for built in outcome.roles),
        people=sum(built.ready for built in outcome.roles),
    )
    return role_import


@transaction.atomic(durable=True)
def discard(role_import: RoleImport, *, by: User) -> None:
    """Forget an import that was not carried out; only whoever made it."""
    role_import = _locked(role_import)
    if role_import.made_by_id != by.pk or role_import.carried_out_at:
        deny(
            "import_stays",
            "Only an import of one's own that was not carried out can be dropped.",
            "Its result stays on record.",
        ).require()
    catalog, source = role_import.catalog, role_import.source
    trail.record("catalog.roles_dropped", catalog, by=by, source=source)
    role_import.delete()


def sweep_imports() -> int:
    """Forget imports that nobody carried out; return how many."""
    old = RoleImport.objects.never_carried_out().filter(created_at__lt=clock.now() - KEPT)
    count = old.count()
    old.delete()
    return count


def _build(catalog: Catalog, definitions: Definitions, options: Options, *, by: User) -> Outcome:
    """Within the caller's transaction: make what can be made, for whoever could do it by hand."""
    catalog = catalogs.locked(catalog)
    can(by, "manage_packages", catalog).require()
    if options.skips_approval or any(role.members for role in definitions.roles):
        giving.can_plan(by, catalog, skips_approval=options.skips_approval).require()
    return Builder(catalog, definitions, by=by).build()


def _locked(role_import: RoleImport) -> RoleImport:
    return (
        RoleImport.objects.select_for_update(of=("self",))
        .select_related("catalog", "made_by")
        .get(pk=role_import.pk)
    )


def _can_carry_out(role_import: RoleImport, by: User) -> Decision:
    if role_import.made_by_id != by.pk:
        return deny(
            "not_your_import", "Only whoever tried an import out carries it out.", "Make your own."
        )
    if role_import.carried_out_at:
        return deny(
            "carried_out_already", "This import was carried out already.", "Nothing is to be done."
        )
    if role_import.findings.filter(weight=FindingWeight.WRONG).exists():
        return deny(
            "import_is_wrong",
            "Something is wrong in the files, and nothing is imported in part.",
            "Mend the files, and hand them in again.",
        )
    return Decision()


def _write_down(role_import: RoleImport, outcome: Outcome, *, are_real: bool) -> None:
    """Within the caller's transaction: keep what came of each role, and what was found."""
    ImportedRole.objects.bulk_create(
        [
            _imported(role_import, position, built, is_real=are_real)
            for position, built in enumerate(outcome.roles, start=1)
        ],
        batch_size=BATCH,
    )
    findings = enumerate(outcome.findings, start=1)
    ImportFinding.objects.bulk_create(
        [
            ImportFinding(
                role_import=role_import,
                position=position,
                weight=found.weight,
                place=_printable(found.place)[:100],
                about=_printable(found.about)[:300],
                code=found.reason.code,
                text=_printable(found.reason.text),
                remedy=_printable(found.reason.remedy),
            )
            for position, found in findings
        ],
        batch_size=BATCH,
    )


def _printable(text: str) -> str:
    """Return text in which nothing is left that a database or a page cannot show."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def _imported(
    role_import: RoleImport, position: int, built: Built, *, is_real: bool
) -> ImportedRole:
    """Return the row of a role; what was only tried out exists no more, unless it did before."""
    definition = built.definition
    exists = is_real or built.state != RoleState.NEW
    return ImportedRole(
        role_import=role_import,
        position=position,
        place=definition.place[:100],
        name=definition.name[:300],
        state=built.state,
        scope=built.policy.scope if built.policy else "",
        terms=built.terms,
        roles=built.roles,
        ready=built.ready,
        left_out=built.left_out,
        package=built.package if exists else None,
        bulk=built.bulk,
    )
