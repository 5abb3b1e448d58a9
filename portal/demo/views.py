from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from entitlements.directory.models import User
from entitlements.directory.sign_ins import signed_in
from portal.demo import mails
from portal.demo.personas import persona
from portal.middleware import CONTENT_SECURITY_POLICY

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponse]

BACKEND = "django.contrib.auth.backends.ModelBackend"
MAILS_ON_A_PAGE = 25


def demo_only(view: View[Arguments]) -> View[Arguments]:
    """Let a page exist only in demo mode, where it needs no sign-in."""

    @wraps(view)
    def guarded(
        request: HttpRequest, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> HttpResponse:
        if not settings.DEMO:
            raise Http404
        return view(request, *args, **kwargs)

    return cast("View[Arguments]", login_not_required(guarded))


@demo_only
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show whom a visitor can be."""
    return render(request, "demo/index.html")


@demo_only
@require_POST
def be(request: HttpRequest, key: str) -> HttpResponse:
    """Become somebody of the demo company, in a session that starts afresh."""
    chosen = persona(key)
    people = User.objects.active().filter(is_demo=True)
    person = get_object_or_404(people, email__iexact=chosen.email if chosen else "")
    request.session.flush()
    login(request, person, backend=BACKEND)
    signed_in(person, method="demo")
    messages.success(request, f"You are {person.display_name} now.")
    return redirect("/")


@demo_only
@require_safe
def mail(request: HttpRequest) -> HttpResponse:
    """List every mail of the demo company, newest first."""
    page = Paginator(mails.all_mails(), MAILS_ON_A_PAGE).get_page(request.GET.get("page"))
    lines = [mails.line_of(notification) for notification in page.object_list]
    return render(request, "demo/mail.html", {"page": page, "lines": lines})


@demo_only
@require_safe
def message(request: HttpRequest, notification_id: UUID) -> HttpResponse:
    """Show one mail as text, with links that can be followed."""
    notification = get_object_or_404(mails.all_mails(), pk=notification_id)
    context = {"line": mails.line_of(notification), "text": mails.as_text(notification)}
    return render(request, "demo/message.html", context)


@demo_only
@require_safe
def message_as_html(request: HttpRequest, notification_id: UUID) -> HttpResponse:
    """Show one mail as a mail program does; its own style sheet is let in by its hash alone."""
    html = mails.as_html(get_object_or_404(mails.all_mails(), pk=notification_id))
    policy = CONTENT_SECURITY_POLICY.replace("style-src 'self'", mails.styles_allowed(html))
    return HttpResponse(html, headers={"Content-Security-Policy": policy})
