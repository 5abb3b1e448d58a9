from typing import cast
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from entitlements.directory.models import User
from portal.http import PortalRequest
from portal.manage.doors import package_for, to_package
from portal.manage.picker import PickerField, PickingForm
from portal.manage.simulated import outlooks, shares, verdict


class PersonForm(PickingForm):
    """About whom somebody wants to know."""

    person = PickerField("user", is_single=True, label="Person")

    def person_chosen(self) -> User | None:
        picked = self.cleaned_data["person"].user_ids if self.is_valid() else ()
        people = User.objects.filter(pk__in=picked[:1])
        return cast("User | None", people.first())


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
        "shares": shares(package),
        "form": form,
        "person": person,
        "outlooks": found,
        "verdict": verdict(found),
    }
    return render(request, "manage/ways.html", context)
