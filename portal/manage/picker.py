"""Choose people and groups by typing two letters: ten matches, a name and one line, no more."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

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
from entitlements.directory.models import Group, User
from portal.http import PortalRequest

Kind = Literal["user", "group"]

LETTERS: Final = 2
MATCHES: Final = 10
SEARCHES_A_MINUTE: Final = 60


@dataclass(frozen=True)
class Match:
    """Somebody, or a group, as the picker shows it."""

    key: str
    name: str
    line: str


@dataclass(frozen=True)
class Picked:
    """What was chosen, by kind."""

    user_ids: tuple[UUID, ...]
    group_ids: tuple[UUID, ...]


def matches(query: str, kinds: Iterable[Kind], *, without: Iterable[str] = ()) -> list[Match]:
    """Return who is called so, by name; nothing for less than two letters."""
    words = query.split()
    if len(query.strip()) < LETTERS:
        return []
    found: list[Match] = []
    if "user" in kinds:
        people = User.objects.active()
        for word in words:
            people = people.filter(display_name__icontains=word)
        found += map(_person, people.order_by("display_name", "pk")[: MATCHES * 2])
    if "group" in kinds:
        groups = Group.objects.all()
        for word in words:
            groups = groups.filter(name__icontains=word)
        found += map(_group, groups.order_by("name")[: MATCHES * 2])
    left = [match for match in found if match.key not in set(without)]
    return sorted(left, key=lambda match: (match.name, match.key))[:MATCHES]


def chosen(keys: Iterable[str]) -> list[Match]:
    """Return what these keys name, as far as it exists."""
    picked = parsed(keys)
    people = User.objects.filter(pk__in=picked.user_ids) if picked.user_ids else ()
    groups = Group.objects.filter(pk__in=picked.group_ids) if picked.group_ids else ()
    found = [*map(_person, people), *map(_group, groups)]
    return sorted(found, key=lambda match: (match.name, match.key))


def parsed(keys: Iterable[str]) -> Picked:
    """Return the ids in keys such as "user:…"; what cannot be read is left out."""
    found: dict[str, dict[UUID, None]] = {"user": {}, "group": {}}
    for key in keys:
        kind, _, text = key.partition(":")
        try:
            found.get(kind, {})[UUID(text)] = None
        except ValueError:
            continue
    return Picked(tuple(found["user"]), tuple(found["group"]))


def keys_of(user_ids: Iterable[UUID | None], group_ids: Iterable[UUID | None]) -> list[str]:
    """Return ids as the picker's values."""
    people = [f"user:{key}" for key in user_ids if key]
    return people + [f"group:{key}" for key in group_ids if key]


def _person(user: User) -> Match:
    return Match(f"user:{user.pk}", str(user), user.department)


def _group(group: Group) -> Match:
    return Match(f"group:{group.pk}", str(group), group.get_kind_display())


class PickerWidget(forms.Widget):
    """A search field, what is chosen, and what the search has found."""

    use_fieldset = False

    def __init__(self, kinds: Sequence[Kind], *, is_single: bool) -> None:
        super().__init__()
        self.kinds = kinds
        self.is_single = is_single
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
            "address": f"{reverse('manage:pick')}?{self._address(name)}",
            "kinds": self.kinds,
        }
        options = options_for(name, keys, self.query, self.kinds, is_single=self.is_single)
        return render_to_string("manage/_picker.html", {**context, **options})

    def _address(self, name: str) -> str:
        single = "&single=1" if self.is_single else ""
        return f"field={name}&kinds={','.join(self.kinds)}{single}"


def query_name(name: str) -> str:
    """Return the name of the search field of a picker."""
    return f"{name}-q"


def options_for(
    name: str, keys: list[str], query: str, kinds: Iterable[Kind], *, is_single: bool
) -> dict[str, Any]:
    """Return what the list beneath the search field shows."""
    taken = chosen(keys)
    found = matches(query, kinds, without=[match.key for match in taken])
    return {
        "name": name,
        "chosen": taken,
        "matches": found,
        "control": "radio" if is_single else "checkbox",
        "is_searched": len(query.strip()) >= LETTERS,
        "is_full": len(found) == MATCHES,
    }


class PickerField(forms.Field):
    """People and groups, chosen by name; whether they exist and fit, the domain says."""

    widget: PickerWidget

    def __init__(self, *kinds: Kind, is_single: bool = False, **options: Any) -> None:
        super().__init__(widget=PickerWidget(kinds, is_single=is_single), **options)

    def to_python(self, value: Any) -> Picked:
        return parsed(value or [])

    def validate(self, value: Picked) -> None:
        if self.required and not (value.user_ids or value.group_ids):
            raise ValidationError("Find somebody by name, and choose.", code="required")

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
        return self.is_bound and (wanted == "parts" or (bool(wanted) and any(queries)))

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
    if not _may_search(request.user):
        return HttpResponse(status=429)
    name = request.GET.get("field", "")
    known: tuple[Kind, ...] = ("user", "group")
    kinds = [kind for kind in known if kind in request.GET.get("kinds", "").split(",")]
    context = options_for(
        name,
        request.GET.getlist(name),
        request.GET.get(query_name(name), "")[:200],
        kinds,
        is_single=bool(request.GET.get("single")),
    )
    return render(request, "manage/_picker_options.html", context)


def _may_search(user: User) -> bool:
    """Count searches, so that nobody reads the directory out two letters at a time."""
    key = f"picker:{user.pk}:{clock.now():%H%M}"
    cache.add(key, 0, timeout=120)
    return cache.incr(key) <= SEARCHES_A_MINUTE
