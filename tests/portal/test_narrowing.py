"""The list of assignments is narrowed by things that are found, by source, and by days."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse

from entitlements import clock
from entitlements.imports.models import ImportedRole, RoleImport
from entitlements.requests.bulk import BulkAssignment, BulkRow
from entitlements.requests.states import RequestKind
from tests.factories import (
    AccessPackageFactory,
    AccessRequestFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

LIST = reverse("manage:entitlements_assignment_changelist")
PICK = reverse("manage:pick")
NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def now():
    cache.clear()
    with clock.at(NOON):
        yield


@pytest.fixture
def sales():
    return CatalogFactory(name="Sales")


@pytest.fixture
def as_olga(client, sales, appoint):
    client.force_login(appoint(UserFactory(display_name="Olga Owner"), sales))
    return client


@pytest.fixture
def hold(sales):
    """Give somebody of this name a package of this name under a policy of this name."""

    def hold(name, package="Analyst", policy="Employees", catalog=None, **facts):
        place = catalog or sales
        bundle = place.packages.filter(name=package).first() or AccessPackageFactory(
            catalog=place, name=package
        )
        way = bundle.policies.filter(name=policy).first() or AssignmentPolicyFactory(
            package=bundle, name=policy
        )
        return AssignmentFactory(policy=way, target=UserFactory(display_name=name), **facts)

    return hold


def names(response):
    return set(re.findall(r">(First|Second|Third|Fourth|Fifth|Sixth)</a>", response.text))


def chosen(response):
    return {one.title: one.chosen for one in response.context_data["filters"] if one.is_active}


@pytest.mark.parametrize("name", ["package", "policy", "person"])
def test_a_list_is_narrowed_by_the_id_of_a_thing(as_olga, hold, name):
    first = hold("First")
    hold("Second", package="Reader", policy="Students")
    thing = {"package": first.package, "policy": first.policy, "person": first.target}[name]

    response = as_olga.get(LIST, {name: str(thing.pk)})

    assert names(response) == {"First"}
    assert chosen(response) == {name.capitalize(): str(thing)}


@pytest.mark.parametrize("name", ["package", "policy"])
def test_what_is_foreign_leaves_nothing_and_is_not_named(as_olga, hold, name):
    hold("First")
    foreign = hold("Second", package="Finance A", policy="Finance B", catalog=CatalogFactory())
    key = getattr(foreign, f"{name}_id")

    response = as_olga.get(LIST, {name: str(key)})

    assert not names(response)
    assert "Finance" not in response.text
    assert chosen(response) == {name.capitalize(): "not known"}
    unknown = as_olga.get(LIST, {name: "3f1c4b1e-0000-4000-8000-000000000000"})
    assert chosen(unknown) == chosen(response)


def test_somebody_without_access_here_is_known_and_has_none(as_olga, hold):
    foreign = hold("Second", catalog=CatalogFactory())

    response = as_olga.get(LIST, {"person": str(foreign.target_id)})

    assert chosen(response) == {"Person": "Second"}
    assert "Nothing fits" in response.text


@pytest.mark.parametrize("value", ["rubbish", "managed:x", "%00", "1" * 400])
def test_what_is_no_id_leaves_nothing(as_olga, hold, value):
    hold("First")

    response = as_olga.get(LIST, {"package": value}, follow=True)

    assert response.status_code == 200
    assert not names(response)


def test_the_page_does_not_hold_every_package(as_olga, hold):
    hold("First", package="Analyst of everything")
    AccessPackageFactory(name="Unheld")

    page = as_olga.get(LIST).text

    assert "Unheld" not in page
    assert page.count("Analyst of everything") == page.count("Choose Analyst of everything") + 1


def test_pickers_find_packages_and_policies_of_ones_own_catalogs(as_olga, hold):
    hold("First", package="Analyst", policy="Analyst staff")
    hold("Second", package="Analyst abroad", policy="Analyst guests", catalog=CatalogFactory())
    AccessPackageFactory(catalog=CatalogFactory(), name="Analyst offered")

    def found(kind):
        page = as_olga.get(PICK, {"field": "x", "kinds": kind, "x-q": "analyst", "single": "1"})
        return [name.strip() for name in re.findall(r"<span>([^<]+)<span", page.text)]

    assert found("managed") == ["Analyst"]
    assert found("policy") == ["Analyst staff"]


def test_what_a_picker_sends_becomes_a_clean_address(as_olga, hold):
    first = hold("First")
    sent = {"package": f"managed:{first.package_id}", "package-q": "ana", "state": "now"}

    response = as_olga.get(LIST, sent)

    assert response["Location"] == f"{LIST}?package={first.package_id}&state=now"
    assert as_olga.get(LIST, {"package-q": "ana"})["Location"] == f"{LIST}?q="


def test_without_scripts_the_button_finds_and_the_menu_is_open(as_olga, hold):
    hold("First")

    response = as_olga.get(LIST, {"package-q": "ana", "find": "package", "state": "now"})

    assert response.status_code == 200
    assert response.text.count('<details class="menu" open>') == 1
    assert 'name="package" value="managed:' in response.text
    assert names(response) == {"First"}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"ends": "2026-07-10"}, {"First"}),
        ({"ends": "2026-07-05"}, set()),
        ({"began": "2026-06-20"}, {"Second"}),
        ({"ended": "2026-06-20"}, {"Third"}),
        ({"ended": "7"}, {"Third"}),
        ({"ended": "2026-06-27"}, set()),
        ({"began": "0001-01-01"}, {"First", "Second", "Third"}),
        ({"ends": "9999-12-31"}, {"First", "Second", "Third"}),
        ({"ended": "2026-02-30"}, {"First", "Second", "Third"}),
    ],
)
def test_a_list_is_narrowed_by_any_day(as_olga, hold, query, shown):
    hold("First", starts_at=NOON - 20 * DAY, ends_at=NOON + 5 * DAY)
    hold("Second", starts_at=NOON - 2 * DAY, ends_at=None)
    hold(
        "Third",
        starts_at=NOON - 20 * DAY,
        state="expired",
        ended_at=NOON - 3 * DAY,
        end_reason="removed",
    )

    assert names(as_olga.get(LIST, query)) == shown


def test_a_day_that_is_chosen_is_named(as_olga, hold):
    assert chosen(as_olga.get(LIST, {"ends": "2026-07-10"})) == {"Ends": "Before Fri 10 Jul 2026"}
    assert chosen(as_olga.get(LIST, {"began": "2026-06-10"})) == {"Began": "After Wed 10 Jun 2026"}


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("asked", {"First"}),
        ("behalf", {"Second"}),
        ("direct", {"Third", "Fourth", "Fifth"}),
        ("list", {"Fourth", "Fifth"}),
        ("import", {"Fifth"}),
        ("nonsense", {"First", "Second", "Third", "Fourth", "Fifth"}),
    ],
)
def test_a_list_is_narrowed_by_how_access_came_about(as_olga, hold, sales, source, shown):
    olga = UserFactory()
    kinds = {
        "First": RequestKind.USER_ADD,
        "Second": RequestKind.ON_BEHALF_ADD,
        "Third": RequestKind.ADMIN_ADD,
        "Fourth": RequestKind.ADMIN_ADD,
        "Fifth": RequestKind.ADMIN_ADD,
    }
    for name, kind in kinds.items():
        one = hold(name, is_direct=kind == RequestKind.ADMIN_ADD)
        made = AccessRequestFactory(
            policy=one.policy, target=one.target, assignment=one, kind=kind, state="delivered"
        )
        if name in ("Fourth", "Fifth"):
            bulk = BulkAssignment.objects.create(
                package=one.package, policy=one.policy, made_by=olga, source="x", created_at=NOON
            )
            BulkRow.objects.create(
                bulk=bulk, position=1, name=name, target=one.target, state="given",
                access_request=made,
            )  # fmt: skip
    role_import = RoleImport.objects.create(
        catalog=sales, made_by=olga, source="x", created_at=NOON
    )
    ImportedRole.objects.create(
        role_import=role_import, position=1, place="1", name="Role", state="made", bulk=bulk
    )

    assert names(as_olga.get(LIST, {"source": source})) == shown


def test_pages_about_a_package_link_to_its_holders(as_olga, hold):
    first = hold("First")
    hold("Second", package="Analyst abroad")

    page = as_olga.get(reverse("manage:package", args=[first.package_id])).text
    [address] = re.findall(rf'href="({LIST}\?[^"]+)"', page)

    assert names(as_olga.get(address.replace("&amp;", "&"))) == {"First"}
