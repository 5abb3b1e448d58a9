"""Three locks on everything that hangs from catalogs: rows, objects, and what a form may name."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django import forms
from django.contrib import admin
from django.db.models import Field, ForeignKey, ManyToManyField, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from entitlements.assignments.grants import Grant
from entitlements.assignments.models import Assignment
from entitlements.catalog.models import AccessPackage, Catalog, Resource, ResourceRole
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests.models import AccessRequest
from portal.admin.listing import filters, headings, rows

Row = TypeVar("Row", bound=Model)

VISIBLE: Mapping[type[Model], Callable[[User], QuerySet[Any]]] = {
    Catalog: lambda user: Catalog.objects.visible_to(user),
    Resource: lambda user: Resource.objects.visible_to(user),
    ResourceRole: lambda user: ResourceRole.objects.filter(
        resource__in=Resource.objects.visible_to(user)
    ),
    AccessPackage: lambda user: AccessPackage.objects.visible_to(user),
    AssignmentPolicy: lambda user: AssignmentPolicy.objects.visible_to(user),
    Assignment: lambda user: Assignment.objects.visible_to(user),
    AccessRequest: lambda user: AccessRequest.objects.managed_by(user),
    Grant: lambda user: Grant.objects.visible_to(user),
}


def visible(model: type[Row], user: Any) -> QuerySet[Row]:
    """Return the rows of a model that somebody may see as a manager of catalogs; else none."""
    rule = VISIBLE.get(model)
    return rule(user) if rule else model._default_manager.none()


class CatalogScopedAdmin(admin.ModelAdmin[Row]):
    """A list of what hangs from the catalogs that the viewer manages; its pages are our own.

    `address` is its place beneath `/manage/`; `empty` says what would be here, and why it is not.
    """

    address = ""
    heading = ""
    lead = ""
    empty = ("", "")
    change_list_template = "manage/list.html"
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    list_display_links = None
    actions_on_top = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        """Rows: lists, searches, filters, counts and actions see these and no others."""
        return visible(self.model, request.user)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Objects: each one on its own."""
        if obj is None:
            return self.admin_site.has_permission(request)
        return visible(self.model, request.user).filter(pk=obj.pk).exists()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def formfield_for_foreignkey(
        self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **options: Any
    ) -> forms.ModelChoiceField[Any] | None:
        """Fields: a form names nothing that the viewer does not see."""
        options["queryset"] = _nameable(db_field, request)
        return super().formfield_for_foreignkey(db_field, request, **options)

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **options: Any
    ) -> forms.ModelMultipleChoiceField[Any] | None:
        """Fields: a form names nothing that the viewer does not see."""
        options["queryset"] = _nameable(db_field, request)
        return super().formfield_for_manytomany(db_field, request, **options)

    def get_urls(self) -> list[URLPattern]:
        """Return the list alone: what it leads to is not the admin's."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
        return [path("", self.admin_site.admin_view(self.changelist_view), name=name)]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """List, in the portal's dress."""
        what, why = self.empty
        words = {"title": self.heading, "lead": self.lead, "empty_what": what, "empty_why": why}
        response = super().changelist_view(request, {**words, **(extra_context or {})})
        context = getattr(response, "context_data", None)
        if context and "cl" in context:
            listed = context["cl"]
            context["page"] = listed.paginator.page(listed.page_num)
            context["headings"] = headings(listed)
            context["rows"] = rows(listed)
            context["filters"] = filters(listed)
        return response


def _nameable(db_field: "Field[Any, Any]", request: HttpRequest) -> QuerySet[Any]:
    related: Any = db_field.related_model
    return visible(related, request.user)
