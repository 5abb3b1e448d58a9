"""Choose people, groups, packages and more by typing two letters of their names."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django import forms
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorDict
from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_safe

from entitlements import clock
from entitlements.directory.models import User
from portal.http import PortalRequest
from portal.manage.finding import (
    FINDERS,
    LETTERS,
    MATCHES,
    Eyes,
    Kind,
    Picked,
    chosen,
    matches,
    parsed,
)

PEOPLE: Final = frozenset({"user", "group", "service"})
SEARCHES_A_MINUTE: Final = 60


class PickerWidget(forms.Widget):
    """A search field, what is chosen, and what the search has found."""

    use_fieldset = False

    def __init__(self, kinds: Sequence[Kind], *, is_single: bool, route: str) -> None:
        super().__init__()
        self.kinds = kinds
        self.route = route
        self.is_single = is_single
        self.eyes: Eyes | None = None
        self.query = ""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        self.query = str(data.get(query_name(name), ""))
        return list(data.getlist(name))

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> Any:
        """Draw it by the portal's own templates."""
        keys = list(value or [])
        context = {
            "id": (attrs or {}).get("id", name),
            "described_by": (attrs or {}).get("aria-describedby", ""),
            "is_wrong": (attrs or {}).get("aria-invalid", ""),
            "name": name,
            "query_name": query_name(name),
            "query": self.query,
            "address": f"{reverse(self.route)}?{self._address(name)}",
            "kinds": self.kinds,
        }
        options = options_for(
            name, keys, self.query, self.kinds, is_single=self.is_single, eyes=self.eyes
        )
        return render_to_string("manage/_picker.html", {**context, **options})

    def _address(self, name: str) -> str:
        single = "&single=1" if self.is_single else ""
        within = f"&catalog={self.eyes.catalog_id}" if self.eyes and self.eyes.catalog_id else ""
        return f"field={name}&kinds={','.join(self.kinds)}{single}{within}"


def query_name(name: str) -> str:
    """Return the name of the search field of a picker."""
    return f"{name}-q"


def options_for(
    name: str,
    keys: list[str],
    query: str,
    kinds: Iterable[Kind],
    *,
    is_single: bool,
    eyes: Eyes | None,
) -> dict[str, Any]:
    """Return what the list beneath the search field shows."""
    kinds = list(kinds)
    taken = chosen(keys, kinds, eyes=eyes)
    found = matches(query, kinds, eyes=eyes, without=[match.key for match in taken])
    return {
        "name": name,
        "chosen": taken,
        "matches": found,
        "control": "radio" if is_single else "checkbox",
        "is_searched": len(query.strip()) >= LETTERS,
        "is_full": len(found) == MATCHES,
        "who": "Nobody" if PEOPLE.issuperset(kinds) else "Nothing",
    }


class PickerField(forms.Field):
    """What is chosen by name; whether it exists and fits, the domain says."""

    widget: PickerWidget

    def __init__(
        self, *kinds: Kind, is_single: bool = False, route: str = "manage:pick", **options: Any
    ) -> None:
        widget = PickerWidget(kinds, is_single=is_single, route=route)
        whom = "somebody" if PEOPLE.issuperset(kinds) else "it"
        self.missing = f"Find {whom} by name, and choose."
        super().__init__(widget=widget, **options)

    def look_with(self, eyes: Eyes) -> None:
        """Find packages and roles that somebody may name, and no others."""
        self.widget.eyes = eyes

    def to_python(self, value: Any) -> Picked:
        return parsed(value or [])

    def validate(self, value: Picked) -> None:
        if self.required and not value:
            raise ValidationError(self.missing, code="required")

    def clean(self, value: Any) -> Picked:
        picked = self.to_python(value)
        self.validate(picked)
        return picked


class PickingForm(forms.Form):
    """A form that can be sent to find people, or to fit its fields, before it is saved."""

    @property
    def is_finding(self) -> bool:
        """Whether a button other than the one that saves was pressed, with something to find."""
        wanted = self.data.get("find", "")
        queries = (self.data.get(name) for name in self.data if name.endswith("-q"))
        is_refit = wanted.startswith("parts")
        return self.is_bound and (is_refit or (bool(wanted) and any(queries)))

    def is_valid(self) -> bool:
        return not self.is_finding and super().is_valid()

    def full_clean(self) -> None:
        if not self.is_finding:
            super().full_clean()
            return
        self._errors = ErrorDict()
        self.cleaned_data = {}


@require_safe
def pick(request: PortalRequest) -> HttpResponse:
    """Answer a picker's search with what is chosen and what was found."""
    return search(request, tuple(FINDERS))


def search(
    request: PortalRequest, known: Sequence[Kind], *, sees_all: bool = False
) -> HttpResponse:
    """Answer a search among these kinds, so many times a minute."""
    if not _may_search(request.user):
        return HttpResponse(status=429)
    name = request.GET.get("field", "")
    kinds = [kind for kind in known if kind in request.GET.get("kinds", "").split(",")]
    context = options_for(
        name,
        request.GET.getlist(name),
        request.GET.get(query_name(name), "")[:200],
        kinds,
        is_single=bool(request.GET.get("single")),
        eyes=Eyes(request.user, request.GET.get("catalog", ""), sees_all=sees_all),
    )
    return render(request, "manage/_picker_options.html", context)


def _may_search(user: User) -> bool:
    """Count searches, so that nobody reads the directory out two letters at a time."""
    key = f"picker:{user.pk}:{clock.now():%H%M}"
    cache.add(key, 0, timeout=120)
    return cache.incr(key) <= SEARCHES_A_MINUTE
