from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.catalog.models import AccessPackageQuerySet, Catalog
from entitlements.decisions import Denied
from entitlements.directory.models import User
from entitlements.requests import operations
from entitlements.requests.models import AccessRequest
from portal.forms import refuse
from portal.http import PortalRequest, wants_fragment
from portal.my_access import available_to, tabs
from portal.packages.cards import cards
from portal.packages.forms import FilterForm, RequestForm
from portal.packages.offers import Offer, offer_for

ON_A_PAGE = 24


@require_safe
def index(request: PortalRequest) -> HttpResponse:
    """List what the viewer may ask for, as searched and filtered."""
    available = available_to(request.user)
    in_catalog = Exists(available.filter(catalog=OuterRef("pk")))
    catalogs = Catalog.objects.filter(in_catalog).order_by("name")
    form = FilterForm(request.GET, catalogs=catalogs)
    chosen = form.chosen()
    packages = _narrowed(available, chosen).select_related("catalog").with_roles()
    page = Paginator(packages.order_by("name", "pk"), ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "cards": cards(page.object_list, request.user),
        "is_filtered": bool(chosen),
    }
    if wants_fragment(request):
        return render(request, "packages/_list.html", context)
    count = None if chosen else page.paginator.count
    context["tabs"] = tabs(request.user, "packages:index", available=count)
    return render(request, "packages/index.html", context)


def _narrowed(packages: AccessPackageQuerySet, chosen: dict[str, str]) -> AccessPackageQuerySet:
    if "q" in chosen:
        packages = packages.matching(chosen["q"])
    if "catalog" in chosen:
        packages = packages.filter(catalog=UUID(chosen["catalog"]))
    if "kind" in chosen:
        packages = packages.with_resource_kind(chosen["kind"])
    return packages


@require_safe
def detail(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Show what a package gives, what happens when one asks for it, and the form for asking."""
    offer = _offer(request.user, package_id)
    form = RequestForm(policies=offer.policies, initial=_initial(request, offer))
    return _page(request, offer, form)


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Ask for a package; what speaks against it comes back with the form, all at once."""
    if request.method != "POST":
        return detail(request, package_id)
    offer = _offer(request.user, package_id)
    form = RequestForm(request.POST, policies=offer.policies)
    if form.is_valid():
        try:
            wishes = form.wishes()
            access_request = operations.submit(form.policy_chosen, by=request.user, **wishes)
        except Denied as denied:
            refuse(form, denied)
        else:
            messages.success(request, f"You asked for {offer.package}.")
            return redirect("requests:detail", access_request.pk)
    return _page(request, offer, form, status=422)


def _offer(viewer: User, package_id: UUID) -> Offer:
    offer = offer_for(viewer, package_id)
    if offer is None:
        raise Http404
    return offer


def _initial(request: PortalRequest, offer: Offer) -> dict[str, Any]:
    """Return what the form starts with; `again` repeats the words of the last request."""
    if "again" not in request.GET:
        return {}
    made = AccessRequest.objects.filter(requestor=request.user, target=request.user)
    last = made.filter(package=offer.package).exclude(justification="").order_by("-created_at")
    words = last.values_list("justification", flat=True).first()
    return {"justification": words or ""}


def _page(
    request: PortalRequest, offer: Offer, form: RequestForm, status: int = 200
) -> HttpResponse:
    choices = zip(form["policy"], offer.ways, strict=False)
    context = {"offer": offer, "form": form, "choices": choices}
    return render(request, "packages/detail.html", context, status=status)
