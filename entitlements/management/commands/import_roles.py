from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from entitlements.catalog.models import Catalog
from entitlements.decisions import Denied
from entitlements.directory.models import User
from entitlements.directory.sync.csv_tables import BadFile
from entitlements.imports import bundles, operations
from entitlements.imports.building import Options
from entitlements.imports.definitions import definitions_of
from entitlements.imports.models import FindingWeight, ImportedRole, ImportFinding, RoleImport
from entitlements.imports.models import RoleState as State
from entitlements.management.reporting import harmless


class Command(BaseCommand):
    """Read role definitions of another product and make packages of them."""

    help = (
        "Make access packages, policies and assignments of role definitions: a folder or a ZIP "
        f"file with {', '.join(bundles.TABLES)}, these files themselves, or one JSON file. "
        "Everything that is wrong is named with its file and line, and nothing is imported while "
        "there is anything. It is done in the name of somebody, who must be allowed to do it by "
        "hand. Ends with 1 when nothing can be imported."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--catalog", required=True, metavar="NAME")
        parser.add_argument("--by", required=True, metavar="ADDRESS", help="In whose name.")
        parser.add_argument(
            "--dry-run", action="store_true", help="Show what would be made, and make nothing."
        )
        parser.add_argument(
            "--without-approval",
            action="store_true",
            help="Do not ask the approvers about members, where the organization allows that.",
        )
        parser.add_argument(
            "--keep-held",
            action="store_true",
            help="Let members keep what they have already when the package ends.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        catalog = Catalog.objects.filter(name__iexact=options["catalog"]).first()
        by = User.objects.filter(email__iexact=options["by"]).first()
        if catalog is None or by is None:
            missing = f"catalog “{options['catalog']}”" if by else f"person “{options['by']}”"
            raise CommandError(harmless(f"There is no {missing}."))
        chosen = Options(options["without_approval"], takes_over=not options["keep_held"])
        try:
            definitions = definitions_of(bundles.read(list(_files(options["paths"]))))
            role_import = operations.check(
                catalog, definitions, chosen, by=by, source=_source(options["paths"])
            )
            self._tell(role_import)
            if options["dry_run"]:
                operations.discard(role_import, by=by)
                self.stdout.write("Nothing was made: this was a dry run.")
                return
            operations.carry_out(role_import, by=by)
        except (BadFile, Denied) as refused:
            raise CommandError(harmless(str(refused))) from refused
        self.stdout.write("The packages were made. Members get them in the background.")

    def _tell(self, role_import: RoleImport) -> None:
        """Write one line for each role and each finding; raise CommandError when any is wrong."""
        for role in role_import.roles.all():
            self.stdout.write(harmless(_line(role)))
        findings = role_import.findings.all()
        for found in findings:
            self.stderr.write(harmless(_finding(found)))
        wrong = sum(found.weight == FindingWeight.WRONG for found in findings)
        if wrong:
            operations.discard(role_import, by=role_import.made_by)
            things = "1 thing is" if wrong == 1 else f"{wrong:,} things are"
            raise CommandError(f"Nothing was made: {things} wrong.")


def _files(paths: Iterable[Path]) -> Iterable[bundles.File]:
    """Yield what is to be read: of a folder, the files that an import knows."""
    for path in paths:
        inside = (path / name for name in bundles.TABLES) if path.is_dir() else (path,)
        for file in inside:
            if file.exists() or not path.is_dir():
                yield file.name, _content(file)


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > bundles.MOST_BYTES:
            raise BadFile(f"{path.name} is too large. Divide it.")
        return path.read_bytes()
    except OSError as error:
        raise BadFile(f"{path.name} cannot be read: {error.strerror}.") from error


def _source(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths)


def _line(role: ImportedRole) -> str:
    acts = {State.NEW: "add package", State.KNOWN: "keep package", State.WRONG: "refuse role"}
    words = f"{acts[State(role.state)]} {role.name}: {', '.join(role.roles) or 'no roles'}"
    members = f"; {role.ready:,} get it, {role.left_out:,} are left out"
    return words + (members if role.state != State.WRONG else "")


def _finding(found: ImportFinding) -> str:
    words = f"{found.weight.replace('_', ' ')}: {found.place}: {found.about}: {found.text}"
    return f"{words.replace(': : ', ': ')} {found.remedy} ({found.code})"
