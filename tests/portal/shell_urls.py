"""Addresses that only fail, beside the portal's own."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone, translation

from entitlements.decisions import Decision, Denied, Reason
from portal import errors, urls

handler500 = urls.handler500


def refuse(request):
    raise Denied(
        Decision(
            (
                Reason("clash", "You hold Finance Approver.", "Give it back first."),
                Reason("not_in_scope", "<b>This</b> is for others."),
            )
        )
    )


def forbid(request):
    raise PermissionDenied


def break_down(request):
    raise RuntimeError("secret detail")


def lose_database(request):
    raise OperationalError("server closed the connection")


def change_meanwhile(request):
    return errors.conflict(request, now="Bo Chen approved it.", address="/help/")


def say_something(request):
    messages.success(request, "Approved <i>it</i>.")
    return HttpResponse("<p>part</p>")


def go_elsewhere(request):
    messages.success(request, "Sent.")
    return redirect("/help/")


def answer_with_fields(request):
    return HttpResponse("<form></form>", status=422)


def tell_zone(request):
    return HttpResponse(f"{timezone.get_current_timezone_name()} {translation.get_language()}")


urlpatterns = [
    path("refuse/", refuse),
    path("forbid/", forbid),
    path("break/", break_down),
    path("lose/", lose_database),
    path("change/", change_meanwhile),
    path("say/", say_something),
    path("go/", go_elsewhere),
    path("fields/", answer_with_fields),
    path("zone/", tell_zone),
    *urls.urlpatterns,
]
