"""The people of a catalog: persons, groups and service accounts, since when and by whom."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from entitlements import models
from entitlements.audit.models import AuditEvent
from entitlements.catalog import operations
from entitlements.catalog.appointments import role_of
from entitlements.directory.service_accounts import create_service_account
from portal.manage.appointed import MOST_MEMBERS
from tests.factories import CatalogFactory, GroupFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ivo(db):
    return UserFactory(display_name="Ivo Okoro", is_superuser=True)


@pytest.fixture
def olga(db):
    return UserFactory(display_name="Olga Owner")


@pytest.fixture
def sales(ivo, olga):
    catalog = CatalogFactory(name="Sales")
    operations.appoint(olga, catalog, "owner", by=ivo)
    return catalog


@pytest.fixture
def people(client, sales, olga):
    """The page as Olga sees it, in words."""
    client.force_login(olga)

    def people(**query):
        response = client.get(reverse("manage:people", args=[sales.pk]), query)
        assert response.status_code == 200
        html = response.content.decode()
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))

    return people


@pytest.fixture
def send(client, sales, people):
    def send(name, *args, **fields):
        return client.post(reverse(f"manage:{name}", args=[sales.pk, *args]), fields)

    return send


def test_groups_and_service_accounts_are_found_beside_people(client, people, ivo):
    GroupFactory(name="Register desk")
    create_service_account("Register", by=ivo)
    UserFactory(display_name="Regis Ter")
    fields = {"field": "person", "kinds": "user,group,service", "single": "1", "person-q": "regis"}

    html = client.get(reverse("manage:pick"), fields).content.decode()
    assert html.count("<input") == 3
    assert "Service account" in html
    only = client.get(reverse("manage:pick"), {**fields, "kinds": "user"}).content.decode()
    assert only.count("<input") == 1
    assert "Regis Ter" in only


def test_a_group_is_appointed_shown_with_its_members_and_dismissed(people, send, sales, bo, ada):
    desk = GroupFactory(name="Sales desk")
    inner = GroupFactory(members=[bo, UserFactory(display_name="Gone", is_active=False)])
    models.GroupNesting.objects.create(parent=desk, child=inner)

    assert send("people", person=f"group:{desk.pk}", role="reader").status_code == 302

    assert role_of(desk, sales) == "reader"
    assert re.search(r"Sales desk .*Reader .* by you", people())
    shown = people(group=str(desk.pk))
    assert "In Sales desk" in shown
    assert "Bo Chen" in shown
    assert "Gone" not in shown
    assert "In Sales desk" not in people(group="nonsense")
    assert "In Sales desk" not in people(group=str(inner.pk))
    assert send("dismiss", desk.pk, role="reader").status_code == 302
    assert role_of(desk, sales) == ""


def test_only_the_first_members_of_a_large_group_are_shown(people, sales, appoint):
    crowd = [UserFactory() for _ in range(MOST_MEMBERS + 1)]
    group = appoint(GroupFactory(members=crowd), sales, "reader")

    assert f"these are the first {MOST_MEMBERS}" in people(group=str(group.pk))


def test_a_service_account_is_appointed_and_dismissed(people, send, sales, ivo):
    program = create_service_account("Register", "Answers calls", by=ivo)

    response = send("people", person=f"service:{program.pk}", role="assignment_manager")
    assert response.status_code == 302
    assert "Service account: Answers calls" in people()
    assert send("dismiss", program.pk, role="assignment_manager").status_code == 302
    assert role_of(program, sales) == ""


def test_each_kind_is_found_under_its_own_name_only(send, sales, ivo, bo):
    program = create_service_account("Register", by=ivo)
    group = GroupFactory()

    for key in (
        f"user:{program.pk}",
        f"service:{bo.pk}",
        f"group:{bo.pk}",
        f"user:{group.pk}",
    ):
        assert send("people", person=key, role="reader").status_code == 422
    both = [f"user:{bo.pk}", f"group:{group.pk}"]
    assert send("people", person=both, role="reader").status_code == 422
    appointed = models.CatalogUserPermission.objects.values_list("user__display_name", flat=True)
    assert set(appointed) == {"Olga Owner"}


def test_since_when_and_by_whom_comes_from_the_records(people, sales, ivo, bo, appoint):
    assert re.search(r"Olga Owner .*Owner .* by Ivo Okoro", people())

    appoint(bo, sales, "reader")
    assert AuditEvent.objects.about(sales).count() == 1
    assert re.search(r"Bo Chen .*Reader Dismiss", people())


def test_a_disabled_holder_is_marked(people, sales, bo, ivo):
    operations.appoint(bo, sales, "reader", by=ivo)
    models.User.objects.filter(pk=bo.pk).update(is_active=False)

    assert "Reader (disabled)" in people()


def test_the_changes_of_a_catalog_name_the_group(client, people, sales, olga):
    desk = GroupFactory(name="Sales desk")
    operations.appoint(desk, sales, "reader", by=olga)
    operations.dismiss(desk, sales, "reader", by=olga)

    html = client.get(reverse("manage:catalog", args=[sales.pk])).content.decode()
    assert "You made Sales desk reader." in html
    assert "You dismissed Sales desk as reader." in html


def test_whoever_leaves_by_a_group_lands_on_the_overview(client, send, sales, olga, bo, ivo):
    desk = GroupFactory(members=[olga])
    operations.appoint(desk, sales, "owner", by=ivo)
    operations.appoint(bo, sales, "owner", by=ivo)
    operations.dismiss(olga, sales, "owner", by=ivo)

    response = send("dismiss", desk.pk, role="owner")
    assert response["Location"] == reverse("manage:index")


def test_administrators_see_which_catalogs_nobody_owns(client, sales, ivo, olga):
    client.force_login(ivo)
    listed = reverse("manage:entitlements_catalog_changelist")
    assert "Sales" not in client.get(listed, {"owners": "none"}).content.decode()

    models.User.objects.filter(pk=olga.pk).update(is_active=False)

    home = client.get(reverse("manage:index")).content.decode()
    assert "<strong>1</strong> catalog without an owner" in home
    assert "Sales" in client.get(listed, {"owners": "none"}).content.decode()
    page = client.get(reverse("manage:people", args=[sales.pk])).content.decode()
    assert "Nobody owns this catalog" in page


def test_the_page_costs_the_same_however_many_are_appointed(
    client, people, sales, appoint, django_assert_max_num_queries
):
    for _ in range(8):
        appoint(UserFactory(), sales, "reader")
        appoint(GroupFactory(), sales, "reader")

    with django_assert_max_num_queries(15):
        people()


# People from outside, where only administrators let them in


def test_owners_cannot_open_a_catalog_where_the_organization_forbids_it(
    client, people, send, sales, olga, settings
):
    settings.OWNERS_ADMIT_OUTSIDERS = False
    edit = reverse("manage:catalog_edit", args=[sales.pk])
    words = {"name": "Sales", "description": "", "is_enabled": "on"}
    assert "Only administrators open a catalog" not in client.get(edit).content.decode()
    assert client.post(edit, words).status_code == 302

    assert "Only administrators open a catalog" in client.get(edit).content.decode()
    assert client.post(edit, {**words, "is_external": "on"}).status_code == 302
    sales.refresh_from_db()
    assert not sales.is_external


def test_creators_create_closed_catalogs_there(client, ada, settings, ivo):
    settings.OWNERS_ADMIT_OUTSIDERS = False
    ada.user_permissions.add(Permission.objects.get(codename="add_catalog"))
    client.force_login(ada)
    sent = {"name": "Mine", "is_enabled": "on", "is_external": "on"}

    assert client.post(reverse("manage:catalog_add"), sent).status_code == 302
    assert not models.Catalog.objects.get(name="Mine").is_external
