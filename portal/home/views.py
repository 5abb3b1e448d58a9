from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from entitlements import clock
from portal.home.needs import Needs
from portal.http import PortalRequest


@require_safe
def index(request: PortalRequest) -> HttpResponse:
    """Show what needs the viewer today."""
    return render(request, "home/page.html", {"needs": Needs(request.user), "now": clock.now()})
