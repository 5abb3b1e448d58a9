from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar, cast

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from entitlements.directory.models import User
from entitlements.directory.tenant_roles import is_administrator
from portal.places import may_manage

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
SECTIONS = {
    "People": ("user", "group"),
    "Systems": ("connectedsystem", "grant"),
    "Access": ("accessrequest", "assignment"),
    "Records": ("auditevent", "notification"),
    "Jobs": ("ormq", "failure", "heartbeat"),
}
NOT_OURS = {"logout", "password_change", "password_change_done", "view_on_site"}


class PortalSite(admin.AdminSite):
    """An admin site behind the portal's own sign-in, which for others does not exist."""

    enable_nav_sidebar = False
    empty_value_display = "–"

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Let a view exist only for those whom the site admits."""

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.has_permission(request):
                raise Http404
            return view(request, *args, **kwargs)

        wrapped = update_wrapper(guarded if cacheable else never_cache(guarded), view)
        return cast(View, wrapped)

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Send people to the portal's own sign-in, and back afterwards."""
        onward = urlencode({"next": request.GET.get("next", "")})
        return redirect(f"{resolve_url(settings.LOGIN_URL)}?{onward}")


class ManageSite(PortalSite):
    """Where people with a role in a catalog work; nobody needs a staff flag."""

    site_title = site_header = index_title = "Manage"

    def __init__(self, name: str, pages: Callable[[], list[URLPattern]]) -> None:
        super().__init__(name)
        self.pages = pages
        self.disable_action("delete_selected")

    def has_permission(self, request: HttpRequest) -> bool:
        return may_manage(request.user)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return nothing: the site's sections lead to the lists."""
        return []

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Return our own pages and, under plain names, the lists; none of the admin's others."""
        pages: list[URLResolver | URLPattern] = [
            path(str(page.pattern), self.admin_view(page.callback), name=page.name)
            for page in self.pages()
        ]
        lists = [
            path(f"{model_admin.address}/", include(model_admin.urls))  # type: ignore[attr-defined]
            for model_admin in self._registry.values()
        ]
        return [*pages, *lists]


class AdministrationSite(PortalSite):
    """Where administrators look at everything, and change what has no life of its own."""

    site_title = site_header = index_title = "Administration"

    def has_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and is_administrator(request.user)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the lists in sections that say what they are for, not which code they are of."""
        listed = super().get_app_list(request, app_label)
        if app_label:
            return listed
        entries = {entry["model"]: entry for app in listed for entry in app["models"]}
        named = {
            model: {**entry, "name": self._registry[model].heading}  # type: ignore[attr-defined]
            for model, entry in entries.items()
        }
        return [
            {
                "name": name,
                "app_label": name.lower(),
                "app_url": reverse("admin:index", current_app=self.name),
                "has_module_perms": True,
                "models": [
                    entry for model, entry in named.items() if model._meta.model_name in names
                ],
            }
            for name, names in SECTIONS.items()
        ]

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Return the admin's own pages, without those that the portal's sign-in has."""
        return [url for url in super().get_urls() if getattr(url, "name", "") not in NOT_OURS]
