from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from entitlements import clock
from entitlements.directory import preferences
from entitlements.directory.models import User
from portal.http import PortalRequest
from portal.preferences.forms import FORMS


@require_http_methods(["GET", "POST"])
def index(request: PortalRequest) -> HttpResponse:
    """Show how the viewer likes things, and save one block."""
    block = request.POST.get("block", "")
    forms_by_block = blocks(request.user)
    if block in FORMS:
        form = forms_by_block[block] = FORMS[block](request.POST)
        if form.is_valid():
            preferences.choose(request.user, by=request.user, **form.cleaned_data)
            messages.success(request, "Saved.")
            return redirect("preferences:index")
    status = 422 if block else 200
    context = {"forms": forms_by_block, "now": clock.now()}
    return render(request, "preferences/page.html", context, status=status)


def blocks(user: User) -> dict[str, forms.Form]:
    """Return each block's form with the present values."""
    initial = {
        "theme": user.theme,
        "time_zone": user.time_zone,
        "language": user.language,
        "mail_preference": user.mail_preference,
    }
    return {name: form(initial=initial) for name, form in FORMS.items()}


@require_POST
def theme(request: PortalRequest) -> HttpResponse:
    """Save the colors chosen in the viewer's menu, and go back."""
    preferences.choose(request.user, by=request.user, theme=request.POST.get("theme", ""))
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        target = "/"
    return HttpResponseRedirect(target)
