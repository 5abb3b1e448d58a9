from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.http import PortalRequest
from portal.manage.doors import package_for, rights, to_package
from portal.manage.package_page import tabs
from portal.manage.person_forms import PersonForm
from portal.manage.simulated import outlooks, shares, verdict


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
