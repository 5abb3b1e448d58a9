"""Lists that can be taken away as files, exactly as they are filtered and sorted."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar, cast

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_GET

from portal.admin.columns import Column
from portal.admin.listing import in_words
from portal.admin.scoped import CatalogScopedAdmin
from portal.exports import MOST_ROWS, TOO_MANY, Export, TooManyRows, export_response
from portal.http import PortalRequest

Row = TypeVar("Row", bound=Model)
IN_A_BATCH = 500


class ExportedAdmin(CatalogScopedAdmin[Row]):
    """A list with a file: `columns` say what is in it, `related` what they read of each row."""

    columns: tuple[Column, ...] = ()
    related: tuple[str, ...] = ()

    def get_urls(self) -> list[URLPattern]:
        """Return the list and its file."""
        export = self.admin_site.admin_view(self.export_view)
        return [*super().get_urls(), path("export/", export, name=self._route("export"))]

    def _route(self, name: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"

    def _address(self, name: str, query: str) -> str:
        return f"{reverse(f'{self.admin_site.name}:{self._route(name)}')}{query}"

    @method_decorator(require_GET)
    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Download the list as it is filtered and sorted, with evidence."""
        try:
            listed = self.get_changelist_instance(request)
            viewer = cast(PortalRequest, request)
            return export_response(viewer, self._export(request, listed), about=viewer.user)
        except IncorrectLookupParameters:
            return redirect(self._address("changelist", ""))
        except TooManyRows:
            messages.error(request, TOO_MANY)
            return redirect(self._address("changelist", f"?{request.GET.urlencode()}"))

    def as_of(self, request: HttpRequest) -> datetime | None:
        """Return the moment gone by of which the list tells; None for the present."""
        return None

    def what(self, request: HttpRequest) -> str:
        """Say what the file is."""
        return f"{self.heading}: {self.lead}"

    def file_columns(self, request: HttpRequest) -> tuple[Column, ...]:
        return self.columns

    def file_rows(self, request: HttpRequest, found: QuerySet[Any]) -> Iterable[Any]:
        return found.select_related(*self.related).iterator(chunk_size=IN_A_BATCH)

    def _export(self, request: HttpRequest, listed: ChangeList) -> Export:
        columns, found = self.file_columns(request), self.file_rows(request, listed.queryset)
        return Export(
            things=self.address,
            what=self.what(request),
            filters=in_words(listed),
            address=self._address("changelist", listed.get_query_string()),
            header=[column.heading for column in columns],
            rows=([column.value(row) for column in columns] for row in found),
            total=self.get_queryset(request).count(),
            as_of=self.as_of(request),
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Offer the file of what is shown."""
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None)
        if context and "cl" in context:
            query = context["cl"].get_query_string()
            context["export_address"] = self._address("export", query)
            context["is_too_long"] = context["cl"].result_count > MOST_ROWS
            context["most_rows"] = f"{MOST_ROWS:,}"
        return response
