"""The link to a package that people send to one another: it names the organization too."""

from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from entitlements.catalog.models import AccessPackage
from portal.packages.offers import offer_for


def link_to(package: AccessPackage, request: HttpRequest) -> str:
    """Return the whole link to a package, as somebody copies it."""
    path = reverse("package_link", args=[settings.ORGANIZATION_HINTS[0], package.pk])
    return request.build_absolute_uri(path)


@login_not_required
@require_safe
def follow(request: HttpRequest, hint: str, package_id: UUID) -> HttpResponse:
    """Lead to the package, by way of the sign-in, or say why the link leads nowhere.

    Whose link it is can be read without signing in: people of another organization cannot.
    """
    if hint.lower() not in map(str.lower, settings.ORGANIZATION_HINTS):
        words = {"hint": hint, "own_hint": settings.ORGANIZATION_HINTS[0]}
        return render(request, "packages/other_organization.html", words, status=404)
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
    if offer_for(request.user, package_id, request.user) is None:
        return render(request, "packages/not_offered.html", status=404)
    return redirect("packages:detail", package_id)
