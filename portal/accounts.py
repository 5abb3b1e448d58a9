"""Sign-in meets the directory."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from entitlements.directory.models import User
from entitlements.directory.sign_ins import signed_in


class AccountAdapter(DefaultAccountAdapter):
    """Accounts come from the directory: nobody signs up, and each sign-in is written down."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        records = get_authentication_records(request, user)
        methods = [record.get("type") or record["method"] for record in records]
        signed_in(user, method=", ".join(methods) or "unknown")
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response


@require_safe
def address(request: HttpRequest) -> HttpResponse:
    """Show the e-mail address, which only the directory changes."""
    return render(request, "account/email.html")
