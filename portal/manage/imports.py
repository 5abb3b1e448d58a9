"""Importing role definitions: what is handed in, what would become of it, and what has."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO, StringIO
from typing import Any, Final
from zipfile import ZipFile

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count, Q, QuerySet, Sum

from entitlements.catalog.models import Catalog, ResourceRole
from entitlements.imports import bundles
from entitlements.imports.building import Options
from entitlements.imports.definitions import Definitions, definitions_of
from entitlements.imports.models import FindingWeight, ImportedRole, RoleImport, RoleState
from entitlements.policies.scopes import Scope
from entitlements.requests.bulk import BulkRow, RowState
from portal import wording
from portal.csv_files import csv_lines

RESULT: Final = ("role", "line", "named", "email", "id", "state", "codes", "why", "request")
SHOWN: Final = {"": "Roles", "wrong": "Wrong", "left_out": "Left out", "note": "Notes"}
MOST_FILES: Final = 3
MOST_ROLES: Final = 5


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files at once, each checked as one would be."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        one = super().clean
        files = data if isinstance(data, list | tuple) else [data]
        return [one(file, initial) for file in files or [None]]


class ImportForm(forms.Form):
    """The files with role definitions, and what is to become of their members."""

    file = FilesField(
        label="Files",
        help_text="One ZIP or JSON file, or the CSV files together. At most 10 MB.",
        widget=FilesInput(attrs={"accept": ".zip,.json,.csv"}),
    )
    takes_over = forms.BooleanField(
        label="What members have already ends with the package",
        required=False,
        initial=True,
        help_text="Nobody loses anything now. Without it, what a member has today stays when the "
        "package ends, where the catalog keeps access that was held before.",
    )
    skips_approval = forms.BooleanField(
        label="Without approval",
        required=False,
        help_text="Approvers are not asked about members; it stays on record that you chose so.",
    )

    def __init__(self, *args: Any, may_skip_approval: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not may_skip_approval:
            del self.fields["skips_approval"]

    def clean_file(self) -> list[UploadedFile[Any]]:
        """Refuse what is too large before it is read."""
        files: list[UploadedFile[Any]] = self.cleaned_data["file"]
        if sum(file.size or 0 for file in files) > bundles.MOST_BYTES:
            raise ValidationError(f"This is more than {bundles.MOST_BYTES // 1_000_000} MB.")
        return files

    def definitions(self) -> Definitions:
        """Return what the files define; raises BadFile."""
        files = self.cleaned_data["file"]
        return definitions_of(bundles.read([(file.name or "", file.read()) for file in files]))

    def options(self) -> Options:
        return Options(
            skips_approval=self.cleaned_data.get("skips_approval", False),
            takes_over=self.cleaned_data["takes_over"],
        )

    def source(self) -> str:
        return _first([file.name or "" for file in self.cleaned_data["file"]], MOST_FILES)


@dataclass(frozen=True)
class ShownRole:
    """One role of an import, in words; `counts` says how far its list has come."""

    role: ImportedRole
    is_done: bool
    counts: dict[str, int]

    @property
    def state(self) -> str:
        return "made" if self.is_done and self.role.state == RoleState.NEW else self.role.state

    @property
    def contains(self) -> str:
        return _first(self.role.roles, MOST_ROLES)

    @property
    def who(self) -> str:
        return str(dict(Scope.choices).get(self.role.scope, ""))

    @property
    def stages(self) -> list[str]:
        return [
            wording.approvers(wording.asked_by_terms(stage), whose="their", shows_names=True)
            + wording.needs(stage["rule"], stage["quorum"])
            for stage in self.role.terms.get("stages", [])
        ]

    @property
    def lasts(self) -> str:
        terms = self.role.terms
        ends_on = datetime.fromisoformat(terms["ends_on"]) if terms["ends_on"] else None
        return wording.lasting(terms["expiration"], terms["duration"], ends_on)


def _first(names: list[str], most: int) -> str:
    """Join names as a sentence does; of very many, the first and how many more."""
    more = len(names) - most
    return wording.listed(names if more <= 0 else [*names[:most], f"{more} more"])


def shown_roles(role_import: RoleImport, roles: Iterable[ImportedRole]) -> list[ShownRole]:
    """Return roles in words, with how far their lists have come, by one query for all of them."""
    roles = list(roles)
    counts = _counts([role.bulk_id for role in roles if role.bulk_id])
    is_done = role_import.carried_out_at is not None
    return [ShownRole(role, is_done, counts.get(role.bulk_id, {})) for role in roles]


def _counts(lists: Iterable[Any]) -> dict[Any, dict[str, int]]:
    rows = BulkRow.objects.filter(bulk__in=list(lists)).order_by()
    found: dict[Any, dict[str, int]] = {}
    for bulk, state, number in rows.values_list("bulk", "state").annotate(Count("pk")):
        found.setdefault(bulk, dict.fromkeys(RowState.values, 0))[state] = number
    return found


def overview(role_import: RoleImport) -> dict[str, Any]:
    """Return the numbers that the page of an import shows, by a few queries."""
    return {
        "counts": counts_of(role_import),
        "totals": totals(role_import),
        "progress": progress(role_import),
    }


def progress(role_import: RoleImport) -> dict[str, Any]:
    """Return how many members were given their packages, of how many, and whether it goes on."""
    lists = role_import.roles.exclude(bulk=None)
    rows = BulkRow.objects.filter(bulk__in=lists.values("bulk")).order_by()
    counts = dict.fromkeys(RowState.values, 0)
    counts |= dict(rows.values_list("state").annotate(Count("pk")))
    return {
        "given": counts[RowState.GIVEN],
        "refused": counts[RowState.REFUSED],
        "done": counts[RowState.GIVEN] + counts[RowState.REFUSED],
        "total": sum(counts.values()),
        "is_running": lists.filter(bulk__finished_at=None).exists(),
    }


def totals(role_import: RoleImport) -> dict[str, int]:
    """Return how many packages are or were new or known, and how many members get them."""
    found = role_import.roles.aggregate(
        new=Count("pk", filter=Q(state=RoleState.NEW)),
        known=Count("pk", filter=Q(state=RoleState.KNOWN)),
        ready=Sum("ready"),
        left_out=Sum("left_out"),
    )
    return {name: number or 0 for name, number in found.items()}


def counts_of(role_import: RoleImport) -> dict[str, int]:
    """Return how many roles there are, and how many findings of each weight."""
    found = role_import.findings.order_by().values_list("weight").annotate(Count("pk"))
    return {"": role_import.roles.count(), **dict.fromkeys(FindingWeight.values, 0), **dict(found)}


def chips(counts: dict[str, int], show: str) -> list[dict[str, Any]]:
    """Return what can be shown, as links with numbers; what there is none of is left out."""
    return [
        {"label": f"{label} ({counts[key]:,})", "url": f"?show={key}", "is_current": key == show}
        for key, label in SHOWN.items()
        if counts[key] or not key
    ]


def result_rows(role_import: RoleImport) -> Iterator[tuple[Any, ...]]:
    """Yield what was found, and then what became of each member, for a file."""
    for found in role_import.findings.iterator(chunk_size=500):
        yield (
            "",
            found.place,
            found.about,
            "",
            "",
            FindingWeight(found.weight).label,
            found.code,
            f"{found.text} {found.remedy}".strip(),
        )
    names = dict(role_import.roles.exclude(bulk=None).values_list("bulk", "name"))
    rows = BulkRow.objects.filter(bulk__in=names).select_related("target", "access_request")
    for row in rows.order_by("bulk_id", "position").iterator(chunk_size=500):
        target, made = row.target, row.access_request
        yield (
            names[row.bulk_id],
            row.place,
            row.name,
            target.email if target else "",
            target.pk if target else "",
            RowState(row.state).label,
            " ".join(reason["code"] for reason in row.reasons),
            " ".join(f"{reason['text']} {reason['remedy']}".strip() for reason in row.reasons),
            made.reference if made else "",
        )


def example(catalog: Catalog) -> bytes:
    """Return a ZIP file of all tables, with one role of what the catalog offers."""
    offered: QuerySet[ResourceRole] = ResourceRole.objects.filter(resource__catalogs=catalog)
    role = offered.select_related("resource__system").order_by("resource__name", "name").first()
    system, resource, name = (
        (role.resource.system, role.resource, role.name)
        if role
        else ("Built-in directory", "Sales team", "Member")
    )
    rows = {
        bundles.ROLES: ("Sales analyst", "Runs the sales reports.", "", "no", "", "nobody", "365"),
        bundles.ENTITLEMENTS: ("Sales analyst", system, resource, name),
        bundles.APPROVERS: ("Sales analyst", "1", "catalog_owners", "", "no", "14", "any"),
        bundles.MEMBERS: ("Sales analyst", "ana.diaz@example.com", "", "", "Has it today"),
    }
    place = BytesIO()
    with ZipFile(place, "w") as archive:
        for table, cells in rows.items():
            columns = bundles.TABLES[table]
            header = (*columns.required, *columns.optional)
            padded = (*cells, *[""] * (len(header) - len(cells)))
            archive.writestr(table, _file(header, padded))
    return place.getvalue()


def _file(header: Iterable[str], row: Iterable[Any]) -> str:
    place = StringIO()
    for line in csv_lines(list(header), [list(row)]):
        place.write(line)
    return place.getvalue()
