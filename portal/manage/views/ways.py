from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from entitlements.catalog.attributes import attributes_of
from portal.http import PortalRequest
from portal.languages import wanted_languages
from portal.manage.doors import package_for, rights, to_package
from portal.manage.package_page import tabs
from portal.manage.person_forms import PersonForm
from portal.manage.shown import package_state
from portal.manage.simulated import outlooks, shares, verdict
from portal.packages.contents import shows_contents
from portal.packages.differences import what_differs
from portal.packages.forms import RequestForm
from portal.packages.offers import Offer, offer_as_seen_by


@require_safe
def simulate(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Show how many people fall to each policy, and how each would treat one of them."""
    package = package_for(request, package_id, "manage_assignments")
    form = PersonForm(request.GET if "person" in request.GET or "find" in request.GET else None)
    person = form.person_chosen()
    found = outlooks(package, person) if person else []
    context = {
        "title": f"Who gets {package} how",
        "lead": "Which policy falls to whom, and what would become of a request made now.",
        "crumbs": to_package(package),
        "package": package,
        "tabs": tabs(package, rights(request, package.catalog), "package_ways"),
        "shares": shares(package),
        "form": form,
        "person": person,
        "outlooks": found,
        "verdict": verdict(found),
    }
    return render(request, "manage/ways.html", context)


@require_safe
def seen_as(request: PortalRequest, package_id: UUID) -> HttpResponse:
    """Show a package as one person will find it, without what he holds or knows."""
    package = package_for(request, package_id, "manage_assignments")
    form = PersonForm(request.GET if "person" in request.GET or "find" in request.GET else None)
    person = form.person_chosen()
    offer = offer_as_seen_by(person, package) if person else None
    context = {
        "title": f"Preview {package}",
        "lead": "The page on which people ask for it, as one of them finds it.",
        "crumbs": to_package(package),
        "package": package,
        "state": package_state(package),
        "tabs": tabs(package, rights(request, package.catalog), "package_as"),
        "form": form,
        "person": person,
        "offer": offer,
        **(_asked(request, offer) if offer else {}),
    }
    return render(request, "manage/package/seen_as.html", context)


def _asked(request: PortalRequest, offer: Offer) -> dict[str, object]:
    """Return the form for asking, in which nothing is filled in about the person."""
    form = RequestForm(
        None,
        policies=offer.policies,
        languages=wanted_languages(request),
        needed=attributes_of(offer.package.pk),
    )
    choices = zip(form["policy"], offer.ways, what_differs(offer.policies), strict=False)
    return {
        "request_form": form,
        "choices": choices,
        "shows_contents": shows_contents(offer.target),
    }
