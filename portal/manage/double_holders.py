"""Who holds what clashes already: a page of the list, and the whole of it as a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from entitlements.catalog.models import AccessPackage, Catalog
from entitlements.catalog.separation import GROUP, Terms, terms_of
from entitlements.directory.models import User
from entitlements.policies.separation import either
from entitlements.requests.double_holders import DoubleHolding, double_holders, double_holdings
from portal import wording
from portal.exports import TOO_MANY, Export, TooManyRows, export_response
from portal.http import PortalRequest
from portal.manage.naming import ELSEWHERE, names_for

ON_A_PAGE: Final = 25
IN_A_BATCH: Final = 500
NAMED: Final = 5
HEADER: Final = (
    "Person",
    "Person id",
    "Address",
    "Department",
    "Holds",
    "Package id",
    "Until",
    "Clashes with",
    "Id of that",
    "Through",
    "Excepted until",
)


@dataclass(frozen=True)
class Both:
    """What somebody has that clashes, as the viewer may read it."""

    holding: DoubleHolding
    other: str
    through: str


@dataclass(frozen=True)
class DoubleHolders:
    """One page of people, and what each of them has that clashes."""

    page: Page[User]
    holdings: list[Both]


def double_holders_page(
    request: PortalRequest, packages: QuerySet[AccessPackage], catalog: Catalog
) -> DoubleHolders:
    """Return the page that is asked for; the number of queries does not grow with the list."""
    page = Paginator(double_holders(packages), ON_A_PAGE).get_page(request.GET.get("page"))
    found = list(double_holdings(packages, list(page.object_list)))
    return DoubleHolders(page, list(_readable(found, request.user, catalog)))


def _readable(found: list[DoubleHolding], viewer: User, catalog: Catalog) -> Iterator[Both]:
    """Yield what people have, without the names of packages that the viewer may not read."""
    keys = [one.clash.other_id for one in found if one.clash.kind == "package"]
    names = names_for(viewer, [catalog.pk], keys)
    for one in found:
        key = one.clash.other_id
        through = "" if names.hides(key) else one.clash.through
        yield Both(one, names.of(key, one.clash.other), through)


def clashes_in_short(package: AccessPackage, viewer: User) -> dict[str, object]:
    """Return what the page of a package says about its clashes and prerequisites."""
    terms = terms_of([package.pk]).get(package.pk, Terms())
    keys = [rival.other_id for rival in terms.rivals if rival.kind != GROUP]
    named = names_for(viewer, [package.catalog_id], keys)
    names = [named.of(one.other_id, one.other) for one in terms.clashes.values()]
    required = [named.of(one.other_id, one.other) for one in terms.required]
    if terms.alternatives:
        required.append(either(named.of(one.other_id, one.other) for one in terms.alternatives))
    holders = double_holders(AccessPackage.objects.filter(pk=package.pk))
    return {
        "clash_names": wording.listed(names[:NAMED] + _and_others(names)),
        "required_names": wording.listed(required),
        "double_count": holders.count(),
    }


def _and_others(names: list[str]) -> list[str]:
    more = len(names) - NAMED
    return [f"{more} more"] if more > 0 else []


def export(
    request: PortalRequest,
    packages: QuerySet[AccessPackage],
    *,
    about: AccessPackage | Catalog,
    catalog: Catalog,
    back: str,
    scope: str,
) -> HttpResponseBase:
    """Return everybody who holds what clashes as a file, or lead back where there are too many."""
    found = Export(
        things="clashes",
        what="Everybody who holds what clashes, and what it is",
        filters=scope,
        address=back,
        header=HEADER,
        rows=_rows(packages, request.user, catalog),
    )
    try:
        return export_response(request, found, about=about)
    except TooManyRows:
        messages.error(request, TOO_MANY)
        return redirect(back)


def _rows(
    packages: QuerySet[AccessPackage], viewer: User, catalog: Catalog
) -> Iterator[tuple[Any, ...]]:
    people = double_holders(packages).iterator(chunk_size=IN_A_BATCH)
    while batch := list(islice(people, IN_A_BATCH)):
        for both in _readable(list(double_holdings(packages, batch)), viewer, catalog):
            person, clash = both.holding.person, both.holding.clash
            yield (
                person,
                person.pk,
                person.email,
                person.department,
                both.holding.package,
                both.holding.package_id,
                both.holding.held_until,
                f"Group {both.other}" if clash.kind == "group" else both.other,
                "" if both.other == ELSEWHERE else clash.other_id,
                both.through,
                both.holding.excepted_until,
            )
