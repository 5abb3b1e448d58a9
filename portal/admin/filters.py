"""Filters of the lists; each offers only what the viewer may see."""

from datetime import timedelta
from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from entitlements.catalog.models import Catalog, PackageState
from portal.http import PortalRequest

Choices = list[tuple[str, str]]
DAYS = (7, 30, 90)


class CatalogFilter(admin.SimpleListFilter):
    """Narrow a list to one of the viewer's own catalogs; `path` leads to it from the rows."""

    title = "catalog"
    parameter_name = "catalog"
    path = "catalog"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        viewer = cast(PortalRequest, request).user
        catalogs = Catalog.objects.visible_to(viewer).order_by("name")
        return [(str(key), name) for key, name in catalogs.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        is_known = self.value() in {key for key, _ in self.lookup_choices}
        return queryset.filter(**{self.path: self.value()}) if is_known else queryset.none()


class PackageCatalogFilter(CatalogFilter):
    path = "package__catalog"


class ResourceCatalogFilter(CatalogFilter):
    path = "catalogs"


class OutsidersFilter(admin.BooleanFieldListFilter):
    """Catalogs that admit people from outside, or do not, under the name of the column."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.title = "people from outside"


class WordsFilter(admin.SimpleListFilter):
    """Choices with a QuerySet method each: `options` maps a value to its word and the method."""

    options: dict[str, tuple[str, str]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(value, word) for value, (word, _) in self.options.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        option = self.options.get(self.value() or "")
        if option is None:
            return queryset
        selected: QuerySet[Any] = getattr(queryset, option[1])()
        return selected


class AssignmentStateFilter(WordsFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "now": ("Held now", "live"),
        "soon": ("Ends soon", "ending_soon"),
        "trouble": ("Not set up", "troubled"),
        "past": ("Ended", "past"),
    }


class DaysFilter(admin.SimpleListFilter):
    """Choices of so many days each, and perhaps `others` with a QuerySet method each.

    `words` says what the days mean, `method` is the QuerySet method that takes them.
    """

    words = ""
    method = ""
    others: dict[str, tuple[str, str]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        days = [(str(number), self.words.format(number)) for number in DAYS]
        return [*days, *((value, word) for value, (word, _) in self.others.items())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        selected = queryset
        if value in self.others:
            selected = getattr(queryset, self.others[value][1])()
        elif value in map(str, DAYS):
            selected = getattr(queryset, self.method)(timedelta(days=int(value)))
        return selected


class AssignmentEndFilter(DaysFilter):
    title = "ends"
    parameter_name = "ends"
    words = "Within {} days"
    method = "ending_within"
    others = {"never": ("Never", "without_end")}


class AssignmentStartFilter(DaysFilter):
    title = "began"
    parameter_name = "began"
    words = "In the last {} days"
    method = "begun_within"


class RequestStateFilter(WordsFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "waiting": ("Waiting", "open"),
        "moving": ("Not finished", "moving"),
        "stuck": ("Failed", "stuck"),
        "finished": ("Finished", "closed"),
    }


class CatalogOwnerFilter(WordsFilter):
    title = "owners"
    parameter_name = "owners"
    options = {"none": ("Nobody", "without_owner")}


class PackagePolicyFilter(WordsFilter):
    title = "policies"
    parameter_name = "policies"
    options = {"none": ("No policy", "without_policy")}


class PolicyApproverFilter(WordsFilter):
    title = "approvers"
    parameter_name = "approvers"
    options = {"none": ("Nobody to be had", "undecidable")}


class PackageStateFilter(admin.SimpleListFilter):
    """The states as badges name them: hidden is one of them."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [*PackageState.choices, ("hidden", "Hidden")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value == "hidden":
            return queryset.filter(state=PackageState.PUBLISHED, is_hidden=True)
        return queryset.filter(state=value) if value in PackageState.values else queryset
