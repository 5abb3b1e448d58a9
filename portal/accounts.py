"""Sign-in meets the directory."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.stagekit import clear_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from entitlements.directory.models import User
from entitlements.directory.sign_ins import signed_in


class AccountAdapter(DefaultAccountAdapter):
    """Accounts come from the directory: nobody signs up, and each sign-in is written down.

    Service accounts sign in by no way at all.
    """

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        if user.is_service:
            clear_login(request)
            refused: HttpResponse = self.respond_user_inactive(request, user)
            return refused
        answer: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return answer

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        if not user.is_service:
            super().send_password_reset_mail(user, email, context)

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
