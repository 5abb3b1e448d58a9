from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.audit.models import AuditEvent
from entitlements.decisions import Denied
from entitlements.directory.models import User
from entitlements.directory.organizations import operations
from entitlements.directory.organizations.models import ConnectedOrganization, SponsorKind
from entitlements.policies.models import AssignmentPolicy
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.counts import count_of
from portal.manage.doors import form_page
from portal.manage.shown import history
from portal.organizations.doors import (
    enter,
    organization_for,
    to_organization,
    to_organizations,
)
from portal.organizations.forms import ORGANIZATION_PLACES, OrganizationForm, TrialForm
from portal.organizations.trying import try_out

ON_A_PAGE = 50
SHOWN = 20
FORM = ["GET", "HEAD", "POST"]


@require_safe
def index(request: PortalRequest) -> HttpResponse:
    """List the connected organizations by name, those that are only proposed first."""
    enter(request)
    query = request.GET.get("q", "").strip()[:200]
    found = ConnectedOrganization.objects.matching(query).annotate(
        guest_count=count_of(User.objects.all(), "organization"),
        policy_count=count_of(
            AssignmentPolicy.allowed_organizations.through.objects.all(), "connectedorganization"
        ),
    )
    listed = found.prefetch_related("domains").order_by(F("state").desc(), "name")
    page = Paginator(listed, ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "organizations/index.html", {"page": page, "query": query})


@require_safe
def detail(request: PortalRequest, organization_id: UUID) -> HttpResponse:
    """Show one organization: its people, what is open to them, and what an address may ask for."""
    organization = organization_for(request, organization_id)
    is_tried = {"address", "package", "find"} & request.GET.keys()
    form = TrialForm(request.GET if is_tried else None, viewer=request.user)
    guests = organization.guests.order_by("display_name", "pk")
    policies = AssignmentPolicy.objects.open_to_organization(organization)
    related = policies.select_related("package__catalog").prefetch_related("stages")
    context: dict[str, Any] = {
        "organization": organization,
        "crumbs": to_organizations(),
        "sponsors": _sponsors(organization),
        "page": Paginator(guests, SHOWN).get_page(request.GET.get("page")),
        "policies": related.order_by("package__name", "name")[:SHOWN],
        "policy_count": policies.count(),
        "history": history(AuditEvent.objects.about(organization).reverse()[:SHOWN], request.user),
        "form": form,
        "trial": try_out(**form.cleaned_data) if form.is_valid() else None,
    }
    return render(request, "organizations/detail.html", context)


class Side(NamedTuple):
    """The sponsors of one kind: everybody who was named, and who of them counts at present."""

    kind: SponsorKind
    people: list[User]
    counting: set[User]


def _sponsors(organization: ConnectedOrganization) -> list[Side]:
    lists = operations.sponsor_lists(organization)
    return [
        Side(
            kind,
            list(named.order_by("display_name", "pk")),
            set(organization.sponsors(kind)),
        )
        for kind, named in lists.items()
    ]


@require_http_methods(FORM)
def add(request: PortalRequest) -> HttpResponse:
    """Connect an organization."""
    enter(request)
    form = OrganizationForm(request.POST or None)
    if form.is_valid():
        try:
            organization = operations.create_organization(form.terms(), by=request.user)
        except Denied as denied:
            refuse(form, denied, ORGANIZATION_PLACES)
        else:
            messages.success(request, f"{organization} is connected.")
            return redirect("organizations:detail", organization.pk)
    return form_page(
        request,
        form,
        title="Connect an organization",
        button="Connect organization",
        crumbs=to_organizations(),
        lead="Guests of its domains who belong to nobody yet belong to it from then on.",
        template="organizations/form.html",
    )


@require_http_methods(FORM)
def edit(request: PortalRequest, organization_id: UUID) -> HttpResponse:
    """Change an organization's words and domains."""
    organization = organization_for(request, organization_id)
    form = OrganizationForm(
        request.POST or None, initial=operations.terms_of(organization).as_dict()
    )
    if form.is_valid():
        try:
            operations.change_organization(organization, form.terms(), by=request.user)
        except Denied as denied:
            refuse(form, denied, ORGANIZATION_PLACES)
        else:
            messages.success(request, "Saved.")
            return redirect("organizations:detail", organization.pk)
    return form_page(
        request,
        form,
        title=f"Edit {organization}",
        button="Save organization",
        crumbs=to_organization(organization),
        lead="Guests of a domain that you take away stay with the organization.",
        template="organizations/form.html",
    )
