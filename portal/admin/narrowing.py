"""Filters by things of which there may be thousands, and by how access came about."""

from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from entitlements.imports.models import ImportedRole
from entitlements.requests.bulk import BulkRow
from portal.admin.filters import Choices, WordsFilter
from portal.http import PortalRequest
from portal.manage.finding import Eyes, Kind, chosen
from portal.manage.picker import PickerWidget, query_name

FIND = "find"


class PickedFilter(admin.SimpleListFilter):
    """Narrows a list to one thing that is found by typing; other pages link by its id.

    What the viewer does not look into leaves nothing, and its name is not told.
    """

    kind: Kind
    path = ""

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        params.pop(query_name(str(self.parameter_name)), None)
        params.pop(FIND, None)
        super().__init__(request, params, model, model_admin)
        self.eyes = Eyes(cast(PortalRequest, request).user)

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return []

    def has_output(self) -> bool:
        return True

    @property
    def keys(self) -> list[str]:
        """What is chosen, as pickers name it."""
        key = id_in(self.value() or "")
        return [f"{self.kind}:{key}"] if key else []

    @cached_property
    def name(self) -> str:
        """The name of what is chosen; empty where the viewer sees no such thing."""
        found = chosen(self.keys, [self.kind], eyes=self.eyes) if self.keys else []
        return found[0].name if found else ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        key = id_in(self.value() or "")
        return queryset.filter(**{self.path: key}) if key else queryset.none()

    def choices(self, changelist: Any) -> Any:
        """Yield "all", and what is chosen."""
        yield {
            "selected": not self.value(),
            "query_string": changelist.get_query_string({self.parameter_name: None}),
            "display": "All",
        }
        if self.value():
            yield {
                "selected": True,
                "query_string": changelist.get_query_string(),
                "display": self.name or "not known",
            }

    @property
    def is_searched(self) -> bool:
        """Whether somebody without scripts has pressed the button that finds."""
        return self.request.GET.get(FIND) == self.parameter_name

    def entry(self) -> SafeString:
        """Return the picker."""
        name = str(self.parameter_name)
        widget = PickerWidget([self.kind], is_single=True, route="manage:pick")
        widget.eyes = self.eyes
        widget.query = self.request.GET.get(query_name(name), "")[:200]
        picker = widget.render(name, [], {"id": f"filter-{name}"})
        label = '<label class="form-label" for="filter-{}">{}</label>{}'
        return format_html(label, name, str(self.title).capitalize(), picker)


class PackageFilter(PickedFilter):
    title = "package"
    parameter_name = "package"
    kind = "managed"
    path = "package"


class PolicyFilter(PickedFilter):
    title = "policy"
    parameter_name = "policy"
    kind = "policy"
    path = "policy"


class PersonFilter(PickedFilter):
    title = "person"
    parameter_name = "person"
    kind = "user"
    path = "target"


class SourceFilter(WordsFilter):
    """How access came about: what was given is told apart as far as there is a record of it."""

    title = "source"
    parameter_name = "source"
    options = {
        "asked": ("Asked for", "asked_for"),
        "behalf": ("Asked for somebody else", "asked_for_others"),
        "direct": ("Given directly", "given_directly"),
        "list": ("Given in a list", "given_directly"),
        "import": ("Given by an import", "given_directly"),
    }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        narrowed = super().queryset(request, queryset)
        rows = BulkRow.objects.all()
        if self.value() == "import":
            rows = rows.filter(bulk__in=ImportedRole.objects.values("bulk"))
        is_of_list = self.value() in ("list", "import")
        return narrowed.filter(pk__in=rows.assignments()) if is_of_list else narrowed


PICKED = (PackageFilter, PolicyFilter, PersonFilter)


def id_in(value: str) -> UUID | None:
    """Return the id in a value of an address, with or without the kind that pickers put first."""
    try:
        return UUID(value.rpartition(":")[2])
    except ValueError:
        return None


def tidied(request: HttpRequest) -> str:
    """Return the query of an address without what pickers add; empty when there is none of it."""
    query = request.GET.copy()
    if query.get(FIND):
        return ""
    for name in (str(one.parameter_name) for one in PICKED):
        query.pop(query_name(name), None)
        value = query.get(name, "")
        if ":" in value:
            query[name] = value.rpartition(":")[2]
    return (query.urlencode() or "q=") if query != request.GET else ""
