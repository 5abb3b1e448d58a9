"""The least that a signed-in Django page can be: session, sign-in, one template."""

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

TEMPLATE = engines["django"].from_string(
    "<!doctype html><title>Minimal</title><p>Signed in as {{ request.user }}.</p>"
)
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
]


def page(request: HttpRequest) -> HttpResponse:
    """Greet whoever is signed in."""
    return HttpResponse(TEMPLATE.render({}, request))


urlpatterns = [path("", page)]
