"""Filters of the lists; each offers only what the viewer may see."""

from datetime import date, timedelta
from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from entitlements import clock
from entitlements.catalog.models import Catalog, PackageState
from portal import dates
from portal.admin.past import AS_OF, day_in, past_of
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


class AsOfFilter(admin.SimpleListFilter):
    """Keeps the day that is looked at in the address; the list itself shows that day."""

    title = "as of"
    parameter_name = AS_OF

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset


class OfNow(admin.SimpleListFilter):
    """A filter that speaks of the present: for a day gone by it is not offered, nor heeded."""

    def has_output(self) -> bool:
        return past_of(self.request) is None and super().has_output()


class AssignmentStateFilter(OfNow, WordsFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "now": ("Held now", "live"),
        "soon": ("Ends soon", "ending_soon"),
        "trouble": ("Not set up", "troubled"),
        "past": ("Ended", "past"),
    }


class DaysFilter(OfNow):
    """Choices of so many days each, perhaps `others` with a QuerySet method each, or any day.

    `words` says what the days mean, `method` is the QuerySet method that takes them. `from_day` is
    the same for a day that somebody enters; `bound` is the moment of it that counts.
    """

    words = ""
    method = ""
    others: dict[str, tuple[str, str]] = {}
    from_day = ("", "")
    bound = staticmethod(clock.day_ends)

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        days = [(str(number), self.words.format(number)) for number in DAYS]
        named = [*days, *((value, word) for value, (word, _) in self.others.items())]
        if self.day:
            named.append((self.value() or "", self.from_day[0].format(dates.day(self.day))))
        return named

    @property
    def day(self) -> date | None:
        """The day that was entered, if it is one."""
        return day_in(self.value() or "")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        selected = queryset
        if value in self.others:
            selected = getattr(queryset, self.others[value][1])()
        elif value in map(str, DAYS):
            selected = getattr(queryset, self.method)(timedelta(days=int(value)))
        elif self.day:
            selected = getattr(queryset, self.from_day[1])(self.bound(self.day))
        return selected

    def entry(self) -> SafeString:
        """Return the field in which another day is entered."""
        return format_html(
            '<label class="form-label" for="filter-{0}">{1}</label>'
            '<input class="form-control" type="date" id="filter-{0}" name="{0}" value="{2}">',
            self.parameter_name,
            self.from_day[0].format("a day"),
            self.day or "",
        )


class AssignmentEndFilter(DaysFilter):
    title = "ends"
    parameter_name = "ends"
    words = "Within {} days"
    method = "ending_within"
    others = {"never": ("Never", "without_end")}
    from_day = ("Before {}", "ending_before")
    bound = staticmethod(clock.day_begins)


class AssignmentStartFilter(DaysFilter):
    title = "began"
    parameter_name = "began"
    words = "In the last {} days"
    method = "begun_within"
    from_day = ("After {}", "begun_since")


class AssignmentOverFilter(DaysFilter):
    title = "ended"
    parameter_name = "ended"
    words = "In the last {} days"
    method = "ended_within"
    from_day = ("After {}", "ended_since")


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
