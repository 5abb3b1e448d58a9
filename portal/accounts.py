"""Sign-in meets the directory."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from entitlements.directory.models import User


class AccountAdapter(DefaultAccountAdapter):
    """Accounts come from the directory; nobody signs up, and nobody disabled signs in."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_login(self, request: HttpRequest, user: User, **kwargs: object) -> HttpResponse | None:
        """Stop a disabled account whatever it proved, before any second step is asked for."""
        if not user.is_active:
            return self.respond_user_inactive(request, user)  # type: ignore[no-any-return]
        return super().pre_login(request, user, **kwargs)  # type: ignore[no-any-return]


@require_safe
def address(request: HttpRequest) -> HttpResponse:
    """Show the e-mail address, which only the directory changes."""
    return render(request, "account/email.html")
