"""What every request and every answer passes through."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.views.defaults import page_not_found

from entitlements.decisions import Denied
from portal import dates, errors
from portal.deletions import RecordDeleted
from portal.http import wants_fragment

GetResponse = Callable[[HttpRequest], HttpResponseBase]

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class SecurityHeadersMiddleware:
    """Put the security headers on every answer, errors and files included."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


class ViewerMiddleware:
    """Speak the viewer's language, in the viewer's time zone, and keep the page out of caches."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user = request.user
        language, zone = settings.LANGUAGE_CODE, ""
        if user.is_authenticated:
            zone = user.time_zone
            language = user.language if user.language in dict(settings.LANGUAGES) else language
        with timezone.override(dates.zone_of(zone)), translation.override(language):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        if user.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class RefusalMiddleware:
    """Turn a refusal into a page with every reason, and what may not be seen into one not found."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, Denied):
            return errors.refused(request, error)
        if isinstance(error, RecordDeleted):
            return errors.gone(request, error)
        if isinstance(error, PermissionDenied):
            return page_not_found(request, error)
        if isinstance(error, OperationalError | InterfaceError):
            return errors.unavailable(request)
        return None


class FragmentMiddleware:
    """Fit answers to htmx: messages and failures go to the message area, redirects to the page."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not isinstance(response, HttpResponse):
            return response
        if request.method in {"GET", "HEAD"}:
            patch_vary_headers(response, ["HX-Request"])
        if not wants_fragment(request):
            return response
        if 300 <= response.status_code < 400:
            return _navigate(request, response)
        if response.status_code >= 400 and response.status_code != 422:
            return _to_message_area(request, response)
        return _with_messages(request, response)


def _navigate(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let the whole browser follow a redirect that would otherwise be swapped into a part."""
    address = response.headers["Location"]
    current = request.htmx.current_url_abs_path  # type: ignore[attr-defined]
    if current and urlsplit(address).path == resolve_url(settings.LOGIN_URL):
        address = f"{urlsplit(address).path}?{urlencode({'next': current})}"
    answer = HttpResponse(status=204, headers={"HX-Redirect": address})
    answer.cookies = response.cookies
    return answer


def _to_message_area(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if response.has_header("HX-Retarget"):
        return response
    notice = getattr(response, "notice", None) or errors.notice_for(response.status_code)
    response.content = render_to_string("components/_notice.html", notice)
    response.headers["Content-Type"] = "text/html; charset=utf-8"
    response.headers["HX-Retarget"] = "#messages"
    response.headers["HX-Reswap"] = "innerHTML show:window:top"
    return response


def _with_messages(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    leaves = any(name in response.headers for name in ("HX-Redirect", "HX-Location", "HX-Refresh"))
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    waiting = get_messages(request)
    if leaves or not is_page or response.status_code == 204 or not len(waiting):
        return response
    area = render_to_string("components/_messages.html", {"messages": waiting, "oob": True})
    response.content = response.content + area.encode()
    return response
