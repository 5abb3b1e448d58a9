"""What both kinds of pages beneath `/admin/` share: looking, and writing down what was changed."""

from typing import Any, TypeVar, cast

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from entitlements.audit import trail
from portal.http import PortalRequest

Row = TypeVar("Row", bound=Model)
MOST_COUNTED = 10_000


class BoundedPaginator(Paginator[Any]):
    """Pages of a table that may hold millions of rows: it counts to ten thousand, and no further.

    What lies beyond is found by searching and filtering.
    """

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list)
        return len(rows.order_by().values_list("pk", flat=True)[:MOST_COUNTED])


class LookAdmin(admin.ModelAdmin[Row]):
    """Shows rows, and changes none: they have a life of their own, or are evidence."""

    heading = ""
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator
    actions: Any = None

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        heading = self.heading or str(self.opts.verbose_name_plural).capitalize()
        return super().changelist_view(request, {"title": heading, **(extra_context or {})})

    def render_change_form(
        self, request: Any, context: Any, *args: Any, **options: Any
    ) -> HttpResponse:
        """Let the heading name the thing, and not the act."""
        thing = context.get("original")
        name = str(self.opts.verbose_name)
        words = {"title": str(thing) if thing else f"New {name}", "subtitle": None}
        return super().render_change_form(request, {**context, **words}, *args, **options)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **options: Any) -> Any:
        """Leave out the signs that would open another form in a window of its own."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        for way in ("add", "change", "delete", "view"):
            if field and hasattr(field.widget, f"can_{way}_related"):
                setattr(field.widget, f"can_{way}_related", False)
        return field

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RecordedAdmin(LookAdmin[Row]):
    """Changes rows, and leaves an event in the trail with the old and the new values.

    Nothing is deleted here: `secrets` names fields of which not even the event tells the value.
    """

    audit_name = ""
    secrets: tuple[str, ...] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        """Within the admin's own transaction: save, and write down what was changed by whom."""
        super().save_related(request, form, formsets, change)
        changed = [name for name in form.changed_data if name not in self.secrets]
        secret = [name for name in form.changed_data if name in self.secrets]
        trail.record(
            f"{self.audit_name}.{'changed' if change else 'created'}",
            form.instance,
            by=cast(PortalRequest, request).user,
            changes={name: _change(form, name) for name in changed},
            also_changed=secret,
        )


def _change(form: forms.ModelForm[Any], name: str) -> dict[str, Any]:
    return {"old": _plain(form.initial.get(name)), "new": _plain(form.cleaned_data.get(name))}


def _plain(value: Any) -> Any:
    """Return rows by their names in order, and everything else as it is."""
    if isinstance(value, QuerySet | list | tuple):
        return sorted(str(one) for one in value)
    return value
