"""Choose people and things by typing two letters: ten matches, a name and one line, no more."""

from collections.abc import Callable, Iterable, Sequence
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
from entitlements.catalog.models import AccessPackage, PackageState
from entitlements.directory.models import Group, User
from entitlements.directory.organizations.models import ConnectedOrganization
from portal.http import PortalRequest

Kind = Literal["user", "group", "organization", "package"]

PEOPLE: Final = frozenset({"user", "group"})
LETTERS: Final = 2
MATCHES: Final = 10
SEARCHES_A_MINUTE: Final = 60


@dataclass(frozen=True)
class Match:
    """Somebody, or something, as the picker shows it."""

    key: str
    name: str
    line: str


@dataclass(frozen=True)
class Picked:
    """What was chosen, by kind."""

    user_ids: tuple[UUID, ...] = ()
    group_ids: tuple[UUID, ...] = ()
    organization_ids: tuple[UUID, ...] = ()
    package_ids: tuple[UUID, ...] = ()

    def __bool__(self) -> bool:
        named = (self.user_ids, self.group_ids, self.organization_ids, self.package_ids)
        return any(named)


def matches(query: str, kinds: Iterable[Kind], *, without: Iterable[str] = ()) -> list[Match]:
    """Return who is called so, by name; nothing for less than two letters."""
    if len(query.strip()) < LETTERS:
        return []
    found = [match for kind in kinds for match in SEARCHES[kind](query.split())]
    left = [match for match in found if match.key not in set(without)]
    return sorted(left, key=lambda match: (match.name, match.key))[:MATCHES]


def _people(words: list[str]) -> list[Match]:
    people = _named(User.objects.active(), "display_name", words)
    return [*map(_person, people.order_by("display_name", "pk")[: MATCHES * 2])]


def _groups(words: list[str]) -> list[Match]:
    groups = _named(Group.objects.all(), "name", words)
    return [*map(_group, groups.order_by("name")[: MATCHES * 2])]


def _organizations(words: list[str]) -> list[Match]:
    organizations = _named(ConnectedOrganization.objects.all(), "name", words)
    found = organizations.prefetch_related("domains").order_by("name")
    return [*map(_organization, found[: MATCHES * 2])]


def _packages(words: list[str]) -> list[Match]:
    packages = AccessPackage.objects.exclude(state=PackageState.RETIRED)
    found = _named(packages, "name", words).select_related("catalog").order_by("name", "pk")
    return [*map(_package, found[: MATCHES * 2])]


def _named(rows: Any, field: str, words: list[str]) -> Any:
    for word in words:
        rows = rows.filter(**{f"{field}__icontains": word})
    return rows


SEARCHES: Final[dict[Kind, Callable[[list[str]], list[Match]]]] = {
    "user": _people,
    "group": _groups,
    "organization": _organizations,
    "package": _packages,
}


def chosen(keys: Iterable[str], kinds: Iterable[Kind]) -> list[Match]:
    """Return what these keys name, as far as it exists and is of one of the kinds."""
    wanted = set(kinds)
    picked = parsed(key for key in keys if key.partition(":")[0] in wanted)
    found: list[Match] = []
    if picked.user_ids:
        found += map(_person, User.objects.filter(pk__in=picked.user_ids))
    if picked.group_ids:
        found += map(_group, Group.objects.filter(pk__in=picked.group_ids))
    if picked.organization_ids:
        organizations = ConnectedOrganization.objects.filter(pk__in=picked.organization_ids)
        found += map(_organization, organizations.prefetch_related("domains"))
    if picked.package_ids:
        packages = AccessPackage.objects.filter(pk__in=picked.package_ids)
        found += map(_package, packages.select_related("catalog"))
    return sorted(found, key=lambda match: (match.name, match.key))


def parsed(keys: Iterable[str]) -> Picked:
    """Return the ids in keys such as "user:…"; what cannot be read is left out."""
    found: dict[str, dict[UUID, None]] = {kind: {} for kind in SEARCHES}
    for key in keys:
        kind, _, text = key.partition(":")
        try:
            found.get(kind, {})[UUID(text)] = None
        except ValueError:
            continue
    return Picked(*(tuple(ids) for ids in found.values()))


def keys_of(
    user_ids: Iterable[UUID | None] = (),
    group_ids: Iterable[UUID | None] = (),
    organization_ids: Iterable[UUID] = (),
) -> list[str]:
    """Return ids as the picker's values."""
    named = {"user": user_ids, "group": group_ids, "organization": organization_ids}
    return [f"{kind}:{key}" for kind, keys in named.items() for key in keys if key]


def _person(user: User) -> Match:
    return Match(f"user:{user.pk}", str(user), user.department)


def _group(group: Group) -> Match:
    return Match(f"group:{group.pk}", str(group), group.get_kind_display())


def _organization(organization: ConnectedOrganization) -> Match:
    domains = ", ".join(str(domain) for domain in organization.domains.all())
    return Match(f"organization:{organization.pk}", str(organization), domains)


def _package(package: AccessPackage) -> Match:
    return Match(f"package:{package.pk}", str(package), str(package.catalog))


class PickerWidget(forms.Widget):
    """A search field, what is chosen, and what the search has found."""

    use_fieldset = False

    def __init__(self, kinds: Sequence[Kind], *, is_single: bool, route: str) -> None:
        super().__init__()
        self.kinds = kinds
        self.route = route
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
            "address": f"{reverse(self.route)}?{self._address(name)}",
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
    kinds = list(kinds)
    taken = chosen(keys, kinds)
    found = matches(query, kinds, without=[match.key for match in taken])
    return {
        "name": name,
        "chosen": taken,
        "matches": found,
        "control": "radio" if is_single else "checkbox",
        "is_searched": len(query.strip()) >= LETTERS,
        "is_full": len(found) == MATCHES,
        "nobody": "Nobody" if PEOPLE & set(kinds) else "Nothing",
    }


class PickerField(forms.Field):
    """People or things, chosen by name; whether they exist and fit, the domain says."""

    widget: PickerWidget

    def __init__(
        self, *kinds: Kind, is_single: bool = False, route: str = "manage:pick", **options: Any
    ) -> None:
        widget = PickerWidget(kinds, is_single=is_single, route=route)
        super().__init__(widget=widget, **options)

    def to_python(self, value: Any) -> Picked:
        return parsed(value or [])

    def validate(self, value: Picked) -> None:
        if self.required and not value:
            what = "somebody" if PEOPLE & set(self.widget.kinds) else "something"
            raise ValidationError(f"Find {what} by name, and choose.", code="required")

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
    return search(request, ("user", "group", "organization"))


def search(request: PortalRequest, known: Sequence[Kind]) -> HttpResponse:
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
    )
    return render(request, "manage/_picker_options.html", context)


def _may_search(user: User) -> bool:
    """Count searches, so that nobody reads the directory out two letters at a time."""
    key = f"picker:{user.pk}:{clock.now():%H%M}"
    cache.add(key, 0, timeout=120)
    return cache.incr(key) <= SEARCHES_A_MINUTE
