"""The lists beneath `/manage/`: catalogs, packages, policies, resources, assignments, requests."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from entitlements.assignments.models import Assignment
from entitlements.catalog.models import (
    AccessPackage,
    Catalog,
    CatalogResource,
    PackageRole,
    Resource,
    ResourceRole,
)
from entitlements.catalog.permissions import can_create_catalogs
from entitlements.delivery.acts import ActKind
from entitlements.policies.models import ApprovalStage, AssignmentPolicy
from entitlements.requests.models import AccessRequest
from entitlements.requests.permissions import can_delete_records
from portal import wording
from portal.admin.chosen import to_confirm
from portal.admin.columns import ASSIGNMENTS, PAST_ASSIGNMENTS, REQUESTS
from portal.admin.dated import DatedAdmin
from portal.admin.exported import ExportedAdmin
from portal.admin.filters import (
    AsOfFilter,
    AssignmentEndFilter,
    AssignmentOverFilter,
    AssignmentStartFilter,
    AssignmentStateFilter,
    CatalogFilter,
    CatalogOwnerFilter,
    OutsidersFilter,
    PackageCatalogFilter,
    PackagePolicyFilter,
    PackageStateFilter,
    PolicyApproverFilter,
    RequestStateFilter,
    ResourceCatalogFilter,
)
from portal.admin.narrowing import PackageFilter, PersonFilter, PolicyFilter, SourceFilter
from portal.admin.scoped import CatalogScopedAdmin
from portal.http import PortalRequest
from portal.manage.counts import count_of
from portal.manage.shown import package_state, policy_state
from portal.templatetags.portal import badge, moment


def badge_html(kind: str, state: str) -> str:
    """Return a badge as a cell of a list shows it."""
    return render_to_string("components/_badge.html", badge(kind, state))


def link(name: str, thing: Any, text: object = None) -> SafeString:
    """Return a link to one of our pages about a thing, under its own name unless told."""
    return format_html('<a href="{}">{}</a>', reverse(name, args=[thing.pk]), text or thing)


class CatalogList(CatalogScopedAdmin[Catalog]):
    address = "catalogs"
    heading = "Catalogs"
    lead = "What is delegated together: resources, the packages made of them, and who runs both."
    empty = ("You own no catalog yet", "Ask an administrator for one, or to become a creator.")
    list_display = ("named", "state", "outsiders", "packages", "offered")
    list_filter = ("is_enabled", ("is_external", OutsidersFilter), CatalogOwnerFilter)
    search_fields = ("name", "description")
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Catalog]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                package_count=count_of(AccessPackage.objects.all(), "catalog"),
                resource_count=count_of(CatalogResource.objects.all(), "catalog"),
            )
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may_create = bool(can_create_catalogs(cast(PortalRequest, request).user))
        return super().changelist_view(request, {"may_create": may_create})

    @admin.display(description="Catalog", ordering="name")
    def named(self, catalog: Catalog) -> SafeString:
        return link("manage:catalog", catalog)

    @admin.display(description="State", ordering="is_enabled")
    def state(self, catalog: Catalog) -> str:
        return badge_html("check", "enabled" if catalog.is_enabled else "disabled")

    @admin.display(description="People from outside", ordering="is_external")
    def outsiders(self, catalog: Catalog) -> str:
        return "admitted" if catalog.is_external else "not admitted"

    @admin.display(description="Packages", ordering="package_count")
    def packages(self, catalog: Any) -> int:
        return int(catalog.package_count)

    @admin.display(description="Resources", ordering="resource_count")
    def offered(self, catalog: Any) -> int:
        return int(catalog.resource_count)


class PackageList(CatalogScopedAdmin[AccessPackage]):
    address = "packages"
    heading = "Packages"
    lead = "What people can ask for."
    empty = ("No package yet", "A package bundles roles; make one on the page of a catalog.")
    list_display = ("named", "catalog_name", "state_badge", "policies", "held", "waiting")
    list_filter = (PackageStateFilter, CatalogFilter, PackagePolicyFilter)
    search_fields = ("name", "description")
    list_select_related = ("catalog",)
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessPackage]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                policy_count=count_of(AssignmentPolicy.objects.all(), "package"),
                held_count=count_of(Assignment.objects.live(), "package"),
                waiting_count=count_of(AccessRequest.objects.open(), "package"),
            )
        )

    @admin.display(description="Package", ordering="name")
    def named(self, package: AccessPackage) -> SafeString:
        return link("manage:package", package)

    @admin.display(description="Catalog", ordering="catalog__name")
    def catalog_name(self, package: AccessPackage) -> SafeString:
        return link("manage:catalog", package.catalog)

    @admin.display(description="State", ordering="state")
    def state_badge(self, package: AccessPackage) -> str:
        return badge_html("package", package_state(package))

    @admin.display(description="Policies", ordering="policy_count")
    def policies(self, package: Any) -> int:
        return int(package.policy_count)

    @admin.display(description="Held by", ordering="held_count")
    def held(self, package: Any) -> str:
        return wording.people(package.held_count)

    @admin.display(description="Waiting", ordering="waiting_count")
    def waiting(self, package: Any) -> int:
        return int(package.waiting_count)


class PolicyList(CatalogScopedAdmin[AssignmentPolicy]):
    address = "policies"
    heading = "Policies"
    lead = "Who may ask for a package, who approves, and for how long."
    empty = ("No policy yet", "A package without a policy can be given to nobody.")
    list_display = ("named", "package_name", "scope_words", "stages", "lasts", "state_badge")
    list_filter = ("scope", PackageCatalogFilter, PolicyApproverFilter)
    search_fields = ("name", "description", "package__name")
    list_select_related = ("package",)
    ordering = ("package__name", "name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AssignmentPolicy]:
        stages = count_of(ApprovalStage.objects.all(), "policy")
        return super().get_queryset(request).annotate(stage_count=stages)

    @admin.display(description="Policy", ordering="name")
    def named(self, policy: AssignmentPolicy) -> SafeString:
        return link("manage:policy", policy)

    @admin.display(description="Package", ordering="package__name")
    def package_name(self, policy: AssignmentPolicy) -> SafeString:
        return link("manage:package", policy.package)

    @admin.display(description="Who may ask", ordering="scope")
    def scope_words(self, policy: AssignmentPolicy) -> str:
        return policy.get_scope_display()

    @admin.display(description="Stages", ordering="stage_count")
    def stages(self, policy: Any) -> int:
        return int(policy.stage_count)

    @admin.display(description="Lasts")
    def lasts(self, policy: AssignmentPolicy) -> str:
        return wording.lasting(policy.expiration, policy.duration, policy.ends_on)

    @admin.display(description="State", ordering="is_enabled")
    def state_badge(self, policy: AssignmentPolicy) -> str:
        return badge_html("policy", policy_state(policy))


class ResourceList(CatalogScopedAdmin[Resource]):
    address = "resources"
    heading = "Resources"
    lead = "What your catalogs offer, and in which system it lives."
    empty = ("Nothing to offer yet", "Add a group, an application or a site to a catalog.")
    list_display = ("named", "kind_words", "system_name", "roles", "used")
    list_filter = ("kind", ResourceCatalogFilter, ("system", admin.RelatedOnlyFieldListFilter))
    search_fields = ("name", "description")
    list_select_related = ("system",)
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Resource]:
        packages = AccessPackage.objects.visible_to(cast(PortalRequest, request).user)
        using = PackageRole.objects.filter(package__in=packages)
        return (
            super()
            .get_queryset(request)
            .annotate(
                role_count=count_of(ResourceRole.objects.all(), "resource"),
                use_count=count_of(using, "role__resource", of="package"),
            )
        )

    @admin.display(description="Resource", ordering="name")
    def named(self, resource: Resource) -> SafeString:
        return link("manage:resource", resource)

    @admin.display(description="Kind", ordering="kind")
    def kind_words(self, resource: Resource) -> str:
        return resource.get_kind_display()

    @admin.display(description="System", ordering="system__name")
    def system_name(self, resource: Resource) -> str:
        return str(resource.system)

    @admin.display(description="Roles", ordering="role_count")
    def roles(self, resource: Any) -> int:
        return int(resource.role_count)

    @admin.display(description="In packages", ordering="use_count")
    def used(self, resource: Any) -> int:
        return int(resource.use_count)


class AssignmentList(DatedAdmin):
    address = "assignments"
    heading = "Assignments"
    lead = "Who holds what, since when and until when."
    empty = ("Nobody holds anything", "What is asked for and given appears here.")
    list_display = ("person", "package_name", "policy_name", "state_badge", "since", "until", "way")
    past_display = ("person", "package_name", "policy_name", "since", "until_then", "way")
    list_filter = (
        AsOfFilter,
        AssignmentStateFilter,
        PackageCatalogFilter,
        PackageFilter,
        PolicyFilter,
        PersonFilter,
        SourceFilter,
        AssignmentStartFilter,
        AssignmentEndFilter,
        AssignmentOverFilter,
    )
    search_fields = ("target__display_name", "target__email", "package__name", "policy__name")
    list_select_related = ("target", "package", "policy")
    ordering = ("target__display_name", "package__name", "-starts_at", "pk")
    actions = ("extend_access", "end_access", "set_up_again")
    columns = ASSIGNMENTS
    past_columns = PAST_ASSIGNMENTS
    related = ("package__catalog", "ended_by")

    @admin.display(description="Person", ordering="target__display_name")
    def person(self, assignment: Assignment) -> SafeString:
        return link("manage:assignment", assignment, assignment.target)

    @admin.display(description="Package", ordering="package__name")
    def package_name(self, assignment: Assignment) -> SafeString:
        return link("manage:package", assignment.package)

    @admin.display(description="Policy", ordering="policy__name")
    def policy_name(self, assignment: Assignment) -> str:
        return str(assignment.policy)

    @admin.display(description="State", ordering="state")
    def state_badge(self, assignment: Assignment) -> str:
        return badge_html("assignment", assignment.shown_state)

    @admin.display(description="From", ordering="starts_at")
    def since(self, assignment: Assignment) -> str:
        return moment(assignment.starts_at, "day")

    @admin.display(description="Until", ordering="ends_at")
    def until(self, assignment: Assignment) -> str:
        return moment(assignment.over_at, "day")

    @admin.display(description="Until")
    def until_then(self, assignment: Assignment) -> str:
        return moment(assignment.ends_at, "day")

    @admin.display(description="Given", ordering="is_direct")
    def way(self, assignment: Assignment) -> str:
        return "directly" if assignment.is_direct else "on request"

    @admin.action(description="Extend…")
    def extend_access(self, request: HttpRequest, chosen: QuerySet[Assignment]) -> HttpResponse:
        return to_confirm(self, request, ActKind.EXTEND, chosen)

    @admin.action(description="End access…")
    def end_access(self, request: HttpRequest, chosen: QuerySet[Assignment]) -> HttpResponse:
        return to_confirm(self, request, ActKind.END, chosen)

    @admin.action(description="Set up again…")
    def set_up_again(self, request: HttpRequest, chosen: QuerySet[Assignment]) -> HttpResponse:
        return to_confirm(self, request, ActKind.SET_UP_AGAIN, chosen)


class RequestList(ExportedAdmin[AccessRequest]):
    address = "requests"
    heading = "Requests"
    lead = "What was asked for, who is to decide, and what is stuck."
    empty = ("Nothing was asked for yet", "Requests for your packages appear here.")
    list_display = ("asked", "package_name", "requested_by", "kind_words", "state_badge", "made")
    list_filter = (RequestStateFilter, PackageCatalogFilter, "kind")
    search_fields = ("target__display_name", "requestor__display_name", "package__name")
    list_select_related = ("target", "requestor", "package")
    ordering = ("-created_at", "pk")
    actions = ("cancel", "try_again", "delete_records")
    columns = REQUESTS
    related = ("package__catalog", "policy")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer the deletion of records to those who may delete them."""
        actions = super().get_actions(request)
        if not can_delete_records(cast(PortalRequest, request).user):
            del actions["delete_records"]
        return actions

    @admin.display(description="For", ordering="target__display_name")
    def asked(self, access_request: AccessRequest) -> SafeString:
        return link("requests:detail", access_request, access_request.target)

    @admin.display(description="Package", ordering="package__name")
    def package_name(self, access_request: AccessRequest) -> SafeString:
        return link("manage:package", access_request.package)

    @admin.display(description="By", ordering="requestor__display_name")
    def requested_by(self, access_request: AccessRequest) -> str:
        is_own = access_request.requestor_id == access_request.target_id
        return "" if is_own else str(access_request.requestor)

    @admin.display(description="Kind", ordering="kind")
    def kind_words(self, access_request: AccessRequest) -> str:
        return access_request.get_kind_display()

    @admin.display(description="State", ordering="state")
    def state_badge(self, access_request: AccessRequest) -> str:
        return badge_html("request", access_request.shown_state)

    @admin.display(description="Asked", ordering="created_at")
    def made(self, access_request: AccessRequest) -> str:
        return moment(access_request.created_at, "relative")

    @admin.action(description="Cancel…")
    def cancel(self, request: HttpRequest, chosen: QuerySet[AccessRequest]) -> HttpResponse:
        return to_confirm(self, request, ActKind.CANCEL, chosen)

    @admin.action(description="Try again…")
    def try_again(self, request: HttpRequest, chosen: QuerySet[AccessRequest]) -> HttpResponse:
        return to_confirm(self, request, ActKind.TRY_AGAIN, chosen)

    @admin.action(description="Delete records…")
    def delete_records(self, request: HttpRequest, chosen: QuerySet[AccessRequest]) -> HttpResponse:
        return to_confirm(self, request, ActKind.DELETE, chosen)
