"""Who has a resource now: a page of one sort of holders, the choice of a package, and a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final, cast

from django import forms
from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef
from django.http import QueryDict, StreamingHttpResponse

from entitlements import clock
from entitlements.catalog.models import Catalog, PackageRole, PackageState, Resource, ResourceRole
from entitlements.connectors.base import ConnectorRefused
from entitlements.delivery.holders import Holders, Line, lines
from entitlements.directory.models import User, UserQuerySet
from entitlements.policies.models import AssignmentPolicy
from portal import wording
from portal.badges import badge_for
from portal.csv_files import csv_response
from portal.http import PortalRequest
from portal.manage.finding import parsed

ON_A_PAGE: Final = 25
IN_A_BATCH: Final = 500
SORTS: Final = {
    "unexplained": "Not explained",
    "explained": "Explained",
    "unknown": "Unknown accounts",
    "missing": "Should have it",
}
HEADER: Final = (
    "State",
    "Person",
    "Address",
    "Id",
    "Account",
    "Packages",
    "Until",
    "Error",
)


class WayField(forms.ModelChoiceField[AssignmentPolicy]):
    def label_from_instance(self, policy: Any) -> str:
        more = policy.role_count - 1
        others = f" (and {more} more {'role' if more == 1 else 'roles'})" if more else ""
        return f"{policy.package}, policy {policy}{others}"


class TakeOverForm(forms.Form):
    """Which package those who were chosen are to hold, and under which policy."""

    policy = WayField(
        queryset=AssignmentPolicy.objects.none(),
        label="Package and policy",
        empty_label="Choose a package",
        help_text="Its other roles are given too. Under a policy with approval, access stays as it "
        "is until it is decided.",
    )

    def __init__(self, *args: Any, role: ResourceRole, viewer: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.use_required_attribute = False
        field = cast("WayField", self.fields["policy"])
        field.queryset = ways(role, viewer)

    @property
    def chosen(self) -> set[str]:
        """Who was ticked, for the page to show it again."""
        return set(cast("QueryDict", self.data).getlist("person")) if self.is_bound else set()

    @property
    def takes_all(self) -> bool:
        return self.data.get("take") == "all"

    def clean(self) -> dict[str, Any]:
        """Ask for somebody, unless all are meant."""
        keys = parsed(f"user:{key}" for key in self.chosen).user_ids
        if not keys and not self.takes_all:
            raise ValidationError("Choose somebody from the list.", code="nobody")
        self.cleaned_data["chosen"] = None if self.takes_all else keys
        return self.cleaned_data


def ways(role: ResourceRole, viewer: User) -> Any:
    """Return the policies under which the viewer can give a package with this role."""
    catalogs = Catalog.objects.with_permission(viewer, "manage_assignments")
    containing = PackageRole.objects.filter(package=OuterRef("package"), role=role)
    policies = AssignmentPolicy.objects.filter(
        Exists(containing), package__catalog__in=catalogs, is_enabled=True
    ).exclude(package__state=PackageState.RETIRED)
    counted = policies.annotate(role_count=Count("package__package_roles"))
    return counted.select_related("package").order_by("package__name", "name")


@dataclass(frozen=True)
class Found:
    """One page of the holders of a role, of one sort; without `holders`, why there are none."""

    holders: Holders | None
    refusal: ConnectorRefused | None
    sort: str
    counts: dict[str, int]
    elsewhere: int
    page: Page[Any] | None
    rows: list[Line]

    @property
    def total(self) -> int:
        """How many hold the role in its system."""
        present = ("unexplained", "explained", "unknown")
        return self.elsewhere + sum(self.counts[sort] for sort in present)


def find(request: PortalRequest, role: ResourceRole) -> Found:
    """Read the system, and return what the page shows; the number of queries does not grow."""
    sort = request.GET.get("show", "")
    sort = sort if sort in SORTS else "unexplained"
    try:
        holders = Holders.read(role)
    except ConnectorRefused as refused:
        return Found(None, refused, sort, dict.fromkeys(SORTS, 0), 0, None, [])
    sets = _sets(holders, request.user)
    counts = {name: _count(found) for name, found in sets.items()}
    page = Paginator(sets[sort], ON_A_PAGE).get_page(request.GET.get("page"))
    people = [] if sort == "unknown" else cast("list[User]", list(page.object_list))
    return Found(
        holders=holders,
        refusal=None,
        sort=sort,
        counts=counts,
        elsewhere=holders.explained_elsewhere(request.user),
        page=page,
        rows=list(lines(holders, people, request.user)),
    )


def _sets(holders: Holders, viewer: User) -> dict[str, UserQuerySet | Sequence[str]]:
    return {
        "unexplained": holders.unexplained(),
        "explained": holders.explained(viewer),
        "unknown": holders.unknown,
        "missing": holders.missing(viewer),
    }


def _count(found: UserQuerySet | Sequence[str]) -> int:
    return len(found) if isinstance(found, tuple) else found.count()  # type: ignore[call-arg]


def sights(found: Found, role: ResourceRole) -> dict[str, Any]:
    """Return what was found as the page shows it: with the sorts and their numbers, as links."""
    filters = [
        {
            "label": f"{label} ({found.counts[sort]:,})",
            "url": f"?role={role.pk}&show={sort}",
            "is_current": sort == found.sort,
        }
        for sort, label in SORTS.items()
    ]
    return {"found": found, "filters": filters, "label": SORTS[found.sort]}


def tabs(roles: Sequence[ResourceRole], role: ResourceRole) -> list[dict[str, Any]]:
    """Return the roles of a resource as tabs."""
    return [
        {"label": one.name, "url": f"?role={one.pk}", "is_current": one == role} for one in roles
    ]


def export_file(request: PortalRequest, holders: Holders) -> StreamingHttpResponse:
    """Return everybody beside a role, with who made the file, when, and of what."""
    role, resource = holders.role, holders.role.resource
    evidence = (
        ("Made by", f"{request.user} <{request.user.email}>"),
        ("Made at", clock.now()),
        ("Shows", f"Who has {role} now, as {resource.system} says"),
        (
            "Left out",
            f"{holders.explained_elsewhere(request.user)} explained by packages of other catalogs",
        ),
        (),
        HEADER,
    )
    rows = chain(evidence, _rows(holders, request.user))
    return csv_response(f"holders-{role.pk.hex[:8]}.csv", ("Who has it now",), rows)


def _rows(holders: Holders, viewer: User) -> Iterator[tuple[Any, ...]]:
    for sort, found in _sets(holders, viewer).items():
        if sort == "unknown":
            word = badge_for("holder", sort).word
            yield from ((word, "", "", "", account) for account in found)
        else:
            yield from _people(holders, cast("UserQuerySet", found), viewer)


def _people(holders: Holders, people: UserQuerySet, viewer: User) -> Iterator[tuple[Any, ...]]:
    reading = people.iterator(chunk_size=IN_A_BATCH)
    while batch := list(islice(reading, IN_A_BATCH)):
        for line in lines(holders, batch, viewer):
            person, ends = line.person, [way.ends_at for way in line.ways]
            yield (
                badge_for("holder", line.shown_state).word,
                person,
                person.email,
                person.pk,
                line.account,
                wording.listed([str(way.package) for way in line.ways]),
                None if not ends or None in ends else max(end for end in ends if end),
                line.grant.last_error if line.grant else "",
            )


def role_of(resource: Resource, key: str | None) -> tuple[list[ResourceRole], ResourceRole | None]:
    """Return the roles of a resource by name, and the one that is asked for, or the first."""
    roles = list(resource.roles.select_related("resource__system").order_by("name", "pk"))
    chosen = next((role for role in roles if str(role.pk) == key), None)
    return roles, chosen or (roles[0] if roles and not key else None)
