"""What is done to one organization: promoted, deleted, and given sponsors."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.decisions import Denied
from entitlements.directory.models import User
from entitlements.directory.organizations import operations
from entitlements.directory.organizations.models import ConnectedOrganization, SponsorKind
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.doors import form_page
from portal.manage.picker import search
from portal.organizations.doors import enter, organization_for, to_organization
from portal.organizations.forms import SPONSOR_PLACES, SponsorForm

FORM = ["GET", "HEAD", "POST"]


@require_safe
def find(request: PortalRequest) -> HttpResponse:
    """Answer a search for people and packages by name."""
    enter(request)
    return search(request, ("user", "package"), sees_all=True)


@require_http_methods(FORM)
def promote(request: PortalRequest, organization_id: UUID) -> HttpResponse:
    """Ask, and let a proposed organization be configured."""
    organization = organization_for(request, organization_id)
    back = reverse("organizations:detail", args=[organization.pk])
    if request.method == "POST":
        operations.promote(organization, by=request.user)
        messages.success(request, f"{organization} is configured now.")
        return redirect(back)
    context = {
        "heading": f"Configure {organization}?",
        "effect": "Its people can then ask for whatever is open to all configured organizations, "
        "where a policy needs no approval at once.",
        "button": "Configure organization",
        "button_style": "btn-primary",
        "back": back,
    }
    return render(request, "confirm.html", context)


@require_http_methods(FORM)
def delete(request: PortalRequest, organization_id: UUID) -> HttpResponse:
    """Ask, and delete an organization that nothing hangs on."""
    organization = organization_for(request, organization_id)
    if request.method == "POST":
        operations.delete_organization(organization, by=request.user)
        messages.success(request, f"You deleted {organization}.")
        return redirect("organizations:index")
    context = {
        "heading": f"Delete {organization}?",
        "effect": "Its domains and sponsors go with it; what happened stays on record.",
        "button": "Delete organization",
        "keep": "Keep it",
        "back": reverse("organizations:detail", args=[organization.pk]),
    }
    return render(request, "confirm.html", context)


@require_http_methods(FORM)
def add_sponsor(request: PortalRequest, organization_id: UUID) -> HttpResponse:
    """Let somebody sponsor an organization."""
    organization = organization_for(request, organization_id)
    form = SponsorForm(request.POST or None)
    if form.is_valid() and _added(request, organization, form):
        return redirect("organizations:detail", organization.pk)
    return form_page(
        request,
        form,
        title=f"Add a sponsor of {organization}",
        button="Add sponsor",
        crumbs=to_organization(organization),
        template="organizations/form.html",
    )


def _added(request: PortalRequest, organization: ConnectedOrganization, form: SponsorForm) -> bool:
    person, kind = form.person_chosen(), SponsorKind(form.cleaned_data["kind"])
    if person is None:
        form.add_error("person", "This person is not to be had. Choose somebody else.")
        return False
    try:
        operations.add_sponsor(organization, person, kind, by=request.user)
    except Denied as denied:
        refuse(form, denied, SPONSOR_PLACES)
        return False
    messages.success(request, f"{person} sponsors {organization} now.")
    return True


@require_http_methods(FORM)
def remove_sponsor(
    request: PortalRequest, organization_id: UUID, kind: str, person_id: UUID
) -> HttpResponse:
    """Ask, and let somebody sponsor an organization no more."""
    organization = organization_for(request, organization_id)
    lists = {one.value: named for one, named in operations.sponsor_lists(organization).items()}
    if kind not in lists:
        raise Http404
    person: User = get_object_or_404(lists[kind], pk=person_id)
    back = reverse("organizations:detail", args=[organization.pk])
    if request.method == "POST":
        operations.remove_sponsor(organization, person, SponsorKind(kind), by=request.user)
        messages.success(request, f"{person} does not sponsor {organization} any more.")
        return redirect(back)
    context = {
        "heading": f"Remove {person} as {SponsorKind(kind).label.lower()}?",
        "effect": f"{person} is asked no more about people of {organization}; what waits for a "
        "decision already still does.",
        "button": "Remove sponsor",
        "back": back,
    }
    return render(request, "confirm.html", context)
