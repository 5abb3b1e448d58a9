"""The list of assignments as of a day gone by: read, taken away, and compared with now."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, Final, cast

from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.functional import cached_property

from entitlements.assignments.models import Assignment, AssignmentQuerySet
from entitlements.assignments.past import ends_as_of
from portal.admin.columns import Column
from portal.admin.exported import IN_A_BATCH, ExportedAdmin
from portal.admin.listing import in_words
from portal.admin.narrowing import tidied
from portal.admin.past import AS_OF, FIRST, ONE_DAY, Past, past_of, today, wrong_day

OF_NOW: Final = ("state", "began", "ends", "ended", "o")
"""What an address says of the present: a day gone by has no such filters, and other columns."""
THEN: Final = "Who held what, since when, and until when it was planned then."


@dataclass(frozen=True)
class Travel:
    """Where in time a list is, and the ways from there.

    `began` and `ended` are what changed since, narrowed as the list is.
    """

    listed: ChangeList
    past: Past | None
    began: QuerySet[Assignment]
    ended: QuerySet[Assignment]
    wrong: str = ""

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What stays in the address when another day is chosen."""
        params = self.listed.filter_params.items()
        left = {name: values for name, values in params if name not in (*OF_NOW, AS_OF)}
        return [(name, value) for name, values in left.items() for value in values]

    @property
    def filters(self) -> str:
        """What narrows the list, in words."""
        return in_words(self.listed)

    @property
    def first(self) -> date:
        return FIRST

    @property
    def last(self) -> date:
        return today()

    @property
    def day_before(self) -> str:
        day = self.past.day_before if self.past else today() - ONE_DAY
        return self._address(**{AS_OF: f"{day}"}) if day else ""

    @property
    def day_after(self) -> str:
        day = self.past.day_after if self.past else None
        return self._address(**{AS_OF: f"{day}"}) if day else ""

    @property
    def now(self) -> str:
        return self._address()

    @cached_property
    def begun(self) -> int:
        return self.began.count()

    @cached_property
    def over(self) -> int:
        return self.ended.count()

    @property
    def begun_list(self) -> str:
        return self._address(began=f"{self.past.day}") if self.past else ""

    @property
    def over_list(self) -> str:
        return self._address(ended=f"{self.past.day}") if self.past else ""

    def _address(self, **more: str) -> str:
        without: dict[str, Any] = dict.fromkeys((*OF_NOW, AS_OF))
        return self.listed.get_query_string({**without, **more})


class DatedAdmin(ExportedAdmin[Assignment]):
    """A list of assignments for any day gone by, on which nothing can be done.

    Columns that the records of that day do not tell are left out of `past_display` and
    `past_columns`.
    """

    past_display: tuple[str, ...] = ()
    past_columns: tuple[Column, ...] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Assignment]:
        rows, past = self._rows_of_all_times(request), past_of(request)
        return rows.held_at(past.moment) if past else rows

    def _rows_of_all_times(self, request: HttpRequest) -> AssignmentQuerySet:
        return cast(AssignmentQuerySet, super().get_queryset(request))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer nothing in the past."""
        return {} if past_of(request) else super().get_actions(request)

    def get_list_display(self, request: HttpRequest) -> Any:
        return self.past_display if past_of(request) else super().get_list_display(request)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """List what was held then, and say so."""
        if tidy := tidied(request):
            return redirect(f"{request.path}?{tidy}")
        past = past_of(request)
        words = {"title": f"{self.heading} as of {past.words}", "lead": THEN} if past else {}
        response = super().changelist_view(request, {**words, **(extra_context or {})})
        context = getattr(response, "context_data", None)
        if context and "cl" in context:
            listed = context["cl"]
            if past:
                listed.result_list = list(with_ends_of(listed.result_list, past.moment))
                context["empty_what"] = f"Nobody held anything on {past.words}"
                context["unfiltered"] = f"{request.path}?{AS_OF}={past.day}"
            context["travel"] = self._travel(request, listed)
        return response

    def _travel(self, request: HttpRequest, listed: ChangeList) -> Travel:
        past, rows = past_of(request), self._rows_of_all_times(request)
        began = ended = rows.none()
        if past:
            began = self._narrowed(request, listed, rows.begun_since(past.moment))
            ended = self._narrowed(request, listed, rows.ended_since(past.moment))
        return Travel(listed, past, began, ended, wrong_day(request))

    def _narrowed(self, request: HttpRequest, listed: ChangeList, rows: Any) -> Any:
        """Narrow other rows by the filters and the search of a list."""
        for spec in listed.filter_specs:
            rows = spec.queryset(request, rows)
        return self.get_search_results(request, rows, listed.query)[0]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Download the list of the day that is looked at; one that cannot be shown gives none."""
        if wrong_day(request):
            return redirect(self._address("changelist", f"?{request.GET.urlencode()}"))
        return super().export_view(request)

    def as_of(self, request: HttpRequest) -> datetime | None:
        past = past_of(request)
        return past.moment if past else None

    def what(self, request: HttpRequest) -> str:
        past = past_of(request)
        if past is None:
            return super().what(request)
        return f"{self.heading} as of {past.words}: {THEN}"

    def file_columns(self, request: HttpRequest) -> tuple[Column, ...]:
        return self.past_columns if past_of(request) else self.columns

    def file_rows(self, request: HttpRequest, found: QuerySet[Any]) -> Iterable[Any]:
        past = past_of(request)
        rows = super().file_rows(request, found)
        return with_ends_of(rows, past.moment) if past else rows


def with_ends_of(rows: Iterable[Assignment], at: datetime) -> Iterator[Assignment]:
    """Yield assignments with `ends_at` as it stood at a moment, so many at once."""
    left = iter(rows)
    while batch := list(islice(left, IN_A_BATCH)):
        planned = ends_as_of(batch, at)
        for one in batch:
            one.ends_at = planned[one.pk]
            yield one
