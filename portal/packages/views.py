from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_safe

from entitlements.catalog.attributes import attributes_of
from entitlements.catalog.models import AccessPackageQuerySet, Catalog
from entitlements.decisions import Denied
from entitlements.requests import operations
from entitlements.requests.models import AccessRequest
from entitlements.requests.states import WISHED
from portal.forms import refuse
from portal.http import PortalRequest, wants_fragment
from portal.languages import wanted_languages
from portal.my_access import available_to, tabs
from portal.packages.cards import cards
from portal.packages.contents import shows_contents
from portal.packages.differences import what_differs
from portal.packages.forms import FilterForm, RequestForm
from portal.packages.offers import Offer, offer_for
from portal.packages.shared import link_to
from portal.people import active_people, available_through, chosen_person

ON_A_PAGE = 24


@require_safe
def index(request: PortalRequest) -> HttpResponse:
    """List what the viewer may ask for, as searched and filtered."""
    target = chosen_person(request, request.user)
    is_own = target == request.user
    available = available_to(target) if is_own else available_through(request.user, target)
    in_catalog = Exists(available.filter(catalog=OuterRef("pk")))
    catalogs = Catalog.objects.filter(in_catalog).order_by("name")
    form = FilterForm(request.GET, catalogs=catalogs)
    chosen = form.chosen()
    shows = shows_contents(request.user)
    narrowed = _narrowed(available, chosen, looks_inside=shows)
    packages = narrowed.select_related("catalog").with_roles()
    page = Paginator(packages.order_by("name", "pk"), ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "cards": cards(page.object_list, target),
        "target": target,
        "is_own": is_own,
        "people": active_people(request.user),
        "is_filtered": bool(chosen),
        "shows_contents": shows,
    }
    if wants_fragment(request):
        return render(request, "packages/_list.html", context)
    count = page.paginator.count if is_own and not chosen else None
    context["tabs"] = tabs(request.user, "packages:index", available=count)
    return render(request, "packages/index.html", context)


def _narrowed(
    packages: AccessPackageQuerySet, chosen: dict[str, str], *, looks_inside: bool
) -> AccessPackageQuerySet:
    if "q" in chosen:
        packages = packages.matching(chosen["q"], looks_inside=looks_inside)
    if "catalog" in chosen:
        packages = packages.filter(catalog=UUID(chosen["catalog"]))
    if "kind" in chosen and looks_inside:
        packages = packages.with_resource_kind(chosen["kind"])
    return packages


@require_safe
def detail(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Show what a package gives, what happens when one asks for it, and the form for asking."""
    offer = _offer(request, package_id)
    return _page(request, offer, _form(request, offer))


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Ask for a package; what speaks against it comes back with the form, all at once."""
    if request.method != "POST":
        return detail(request, package_id)
    offer = _offer(request, package_id)
    form = _form(request, offer)
    if form.is_valid():
        try:
            wishes = form.wishes()
            access_request = operations.submit(
                form.policy_chosen, by=request.user, target=offer.target, **wishes
            )
        except Denied as denied:
            refuse(form, denied, form.places)
        else:
            for_whom = "" if offer.is_own else f" for {offer.target}"
            messages.success(request, f"You asked for {offer.package}{for_whom}.")
            return redirect("requests:detail", access_request.pk)
    return _page(request, offer, form, status=422)


def _offer(request: PortalRequest, package_id: UUID) -> Offer:
    offer = offer_for(request.user, package_id, chosen_person(request, request.user))
    if offer is None:
        raise Http404
    return offer


def _form(request: PortalRequest, offer: Offer) -> RequestForm:
    """Return what was sent, or a form that starts with what is known."""
    last = _last(request, offer)
    return RequestForm(
        request.POST if request.method == "POST" else None,
        policies=offer.policies,
        languages=wanted_languages(request),
        answered=last.answers if last else (),
        needed=attributes_of(offer.package.pk),
        target=offer.target,
        initial={"justification": last.justification} if last else {},
    )


def _last(request: PortalRequest, offer: Offer) -> AccessRequest | None:
    """Return the last request that was made for the package, where `again` is to repeat it."""
    if "again" not in request.GET:
        return None
    made = AccessRequest.objects.filter(requestor=request.user, target=offer.target)
    asked = made.filter(package=offer.package, kind__in=WISHED)
    return asked.order_by("-created_at").first()


def _page(
    request: PortalRequest, offer: Offer, form: RequestForm, status: int = 200
) -> HttpResponse:
    if not offer.is_own:
        form.fields["justification"].label = f"Why does {offer.target} need it?"
    choices = zip(form["policy"], offer.ways, what_differs(offer.policies), strict=False)
    context = {"offer": offer, "form": form, "choices": choices}
    context["link"] = link_to(offer.package, request)
    context["shows_contents"] = shows_contents(request.user)
    response = render(request, "packages/detail.html", context, status=status)
    patch_vary_headers(response, ["Accept-Language"])
    return response
