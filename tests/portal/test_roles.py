"""Roles in the whole portal: who holds them, who appoints, what somebody may do and why."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from entitlements import models
from entitlements.catalog import operations as catalogs
from entitlements.catalog.permissions import CATALOG_ROLES
from entitlements.directory.appointing import give_tenant_role, holds_tenant_role
from entitlements.directory.service_accounts import create_service_account
from entitlements.directory.tenant_roles import TENANT_ROLES
from portal.roles.pages import MAY
from tests.factories import CatalogFactory, GroupFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ivo(db):
    return UserFactory(display_name="Ivo Okoro", is_superuser=True)


@pytest.fixture
def helen(ivo):
    person = UserFactory(display_name="Helen Ward")
    give_tenant_role(person, "governance_administrator", by=ivo)
    return person


@pytest.fixture
def uma(ivo):
    person = UserFactory(display_name="Uma Lund")
    give_tenant_role(GroupFactory(name="Internal audit", members=[person]), "auditor", by=ivo)
    return person


@pytest.fixture
def as_ivo(client, ivo):
    client.force_login(ivo)
    return client


def words(response, status=200):
    assert response.status_code == status, response
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def page(client, route, /, *args, status=200, **query):
    return words(client.get(reverse(f"roles:{route}", args=args), query), status)


def send(client, route, /, *args, **fields):
    return client.post(reverse(f"roles:{route}", args=args), fields)


EVERY_PAGE = [
    ("index", ()),
    ("person", ()),
    ("services", ()),
    *(("role", (key,)) for key in TENANT_ROLES),
]


@pytest.mark.parametrize(("name", "args"), EVERY_PAGE)
def test_for_others_these_pages_do_not_exist(client, ada, ivo, name, args):
    client.force_login(ada)
    for role in ("catalog_creator", "organization_administrator"):
        give_tenant_role(ada, role, by=ivo)

    assert client.get(reverse(f"roles:{name}", args=args)).status_code == 404
    assert client.post(reverse(f"roles:{name}", args=args)).status_code in (404, 405)


@pytest.mark.parametrize(("name", "args"), EVERY_PAGE)
def test_auditors_look_and_change_nothing(client, uma, name, args):
    client.force_login(uma)
    address = reverse(f"roles:{name}", args=args)

    html = client.get(address).content.decode()
    assert 'method="post"' not in html.partition("<main")[2]
    assert client.post(address, {"person": f"user:{uma.pk}"}).status_code in (403, 405)


def test_the_way_in_is_in_the_menu_of_those_who_may(client, ada, uma):
    for person, is_there in ((uma, True), (ada, False)):
        client.force_login(person)
        html = client.get(reverse("preferences:index")).content.decode()
        assert ('href="/settings/roles/"' in html) is is_there


def test_every_role_says_what_it_does_and_who_holds_it(as_ivo, helen, uma):
    html = page(as_ivo, "index")

    for terms in TENANT_ROLES.values():
        assert terms.name in html
        assert terms.effect in html
    for holder in ("Ivo Okoro", "Helen Ward", "Internal audit"):
        assert holder in html
    assert "Uma Lund" not in html


def test_the_list_of_roles_costs_the_same_however_many_hold_them(
    as_ivo, ivo, django_assert_max_num_queries
):
    for _ in range(6):
        give_tenant_role(UserFactory(), "auditor", by=ivo)
        give_tenant_role(GroupFactory(), "catalog_creator", by=ivo)

    with django_assert_max_num_queries(15):
        page(as_ivo, "index")


@pytest.mark.parametrize("key", TENANT_ROLES)
def test_somebody_is_appointed_and_dismissed(as_ivo, ada, ivo, key):
    assert send(as_ivo, "role", key, person=f"user:{ada.pk}").status_code == 302
    assert holds_tenant_role(ada, key)
    assert re.search(r"Ada Lovelace.* by you", page(as_ivo, "role", key))

    assert "Dismiss Ada Lovelace" in page(as_ivo, "dismiss", key, ada.pk)
    assert send(as_ivo, "dismiss", key, ada.pk).status_code == 302
    assert not holds_tenant_role(ada, key)


def test_a_group_is_appointed_and_not_as_an_administrator(as_ivo):
    staff = GroupFactory(name="All staff")
    assert send(as_ivo, "role", "catalog_creator", person=f"group:{staff.pk}").status_code == 302
    assert "All staff" in page(as_ivo, "role", "catalog_creator")

    refused = send(as_ivo, "role", "administrator", person=f"group:{staff.pk}")
    assert "people_only" not in words(refused, 422)
    assert not holds_tenant_role(staff, "administrator")


@pytest.mark.parametrize("person", ["", "user:nonsense", "service:1", f"user:{'0' * 32}"])
def test_nobody_is_appointed_when_nobody_is_named(as_ivo, person):
    assert send(as_ivo, "role", "auditor", person=person).status_code == 422


def test_refusals_stand_beside_the_person(as_ivo, ivo):
    away = UserFactory(is_active=False)
    program = create_service_account("Register", by=ivo)

    for key, code in ((away.pk, "account_disabled"), (program.pk, "no_service_accounts")):
        response = send(as_ivo, "role", "auditor", person=f"user:{key}")
        assert response.status_code == 422
        (error,) = response.context["form"].errors.as_data()["person"]
        assert error.code == code


def test_the_last_administrator_cannot_go(as_ivo, ivo):
    assert "last_administrator" in words(send(as_ivo, "dismiss", "administrator", ivo.pk), 403)


def test_an_administrator_who_dismisses_himself_lands_outside(as_ivo, ivo, ada):
    give_tenant_role(ada, "administrator", by=ivo)

    response = send(as_ivo, "dismiss", "administrator", ivo.pk)
    assert response["Location"] == reverse("home:index")
    assert as_ivo.get(reverse("roles:index")).status_code == 404


def test_governance_administrators_appoint_to_what_is_below_them(client, helen, ada, ivo):
    client.force_login(helen)

    assert send(client, "role", "auditor", person=f"user:{ada.pk}").status_code == 302
    for key in ("administrator", "governance_administrator"):
        assert "Appoint somebody" not in page(client, "role", key)
        refused = send(client, "role", key, person=f"user:{helen.pk}")
        assert "not_appointer" in words(refused, 403)
    assert "not_appointer" in page(client, "dismiss", "administrator", ivo.pk, status=403)
    assert "not_appointer" in words(send(client, "dismiss", "administrator", ivo.pk), 403)


def test_what_there_is_not(as_ivo, ada):
    page(as_ivo, "role", "king", status=404)
    page(as_ivo, "dismiss", "king", ada.pk, status=404)
    page(as_ivo, "dismiss", "auditor", ada.pk, status=404)


# What somebody may do, and why


def test_every_right_of_a_person_is_told_with_the_way_it_came(as_ivo, ivo, ada, bo, gita):
    sales, finance = CatalogFactory(name="Sales"), CatalogFactory(name="Finance")
    CatalogFactory(name="Engineering")
    inner = GroupFactory(name="Field sales", members=[ada])
    outer = GroupFactory(name="Sales desk")
    models.GroupNesting.objects.create(parent=outer, child=inner)
    catalogs.appoint(ada, sales, "owner", by=ivo)
    catalogs.appoint(outer, sales, "reader", by=ivo)
    catalogs.appoint(outer, finance, "assignment_manager", by=ivo)
    give_tenant_role(outer, "auditor", by=ivo)
    inner.owners.add(ada)
    models.User.objects.filter(pk=bo.pk).update(manager=ada)
    guest = UserFactory(display_name="Eli Weiss", user_type="guest")
    guest.sponsors.add(ada)

    html = page(as_ivo, "person", person=f"user:{ada.pk}")

    assert "In every catalog: look at everything." in html
    assert "Auditor Sees everything, and changes nothing. Through Sales desk → Field sales" in html
    assert "May everything." in html
    assert "Owner Appointed by name" in html
    assert "Reader Through Sales desk → Field sales" in html
    assert "May look at everything and give and end access." in html
    assert "Engineering" not in html
    assert "Owner of 1 group Field sales" in html
    assert "Manager of 1 Bo Chen" in html
    assert "Sponsor of 1 Eli Weiss" in html


def test_an_administrator_may_do_everything_everywhere(as_ivo, ivo):
    html = page(as_ivo, "person", person=f"user:{ivo.pk}")

    assert "In every catalog: everything." in html
    assert "Administrator Does everything, everywhere" in html


def test_a_right_that_was_given_by_name_is_told_too(as_ivo, ada):
    ada.user_permissions.add(Permission.objects.get(codename="add_catalog"))

    assert "Can add catalog" in page(as_ivo, "person", person=f"user:{ada.pk}")


def test_who_has_no_rights_and_who_is_disabled(as_ivo, ada, bo):
    models.User.objects.filter(pk=bo.pk).update(is_active=False)

    assert "may do what everybody may" in page(as_ivo, "person", person=f"user:{ada.pk}")
    assert "The account is disabled" in page(as_ivo, "person", person=f"user:{bo.pk}")
    assert "Whose rights?" in page(as_ivo, "person", person="user:nobody")


def test_the_rights_of_a_service_account(as_ivo, ivo):
    program = create_service_account("Register", by=ivo)
    catalogs.appoint(program, CatalogFactory(name="Sales"), "assignment_manager", by=ivo)

    html = page(as_ivo, "person", person=f"service:{program.pk}")
    assert "(service account)" in html
    assert "Assignment manager Appointed by name" in html


def test_rights_in_many_catalogs_come_in_pages_and_at_one_price(
    as_ivo, ivo, ada, appoint, django_assert_max_num_queries
):
    group = GroupFactory(name="Readers", members=[ada])
    for number in range(30):
        appoint(group, CatalogFactory(name=f"Catalog {number:02}"), "reader")

    with django_assert_max_num_queries(25):
        html = page(as_ivo, "person", person=f"user:{ada.pk}")
    assert "Catalog 24" in html
    assert "Catalog 25" not in html
    assert "Catalog 25" in page(as_ivo, "person", person=f"user:{ada.pk}", page="2")


def test_every_permission_has_words():
    assert set(MAY) == set(CATALOG_ROLES["owner"])


# Service accounts


def test_a_service_account_is_created_disabled_and_enabled(as_ivo):
    sent = {"name": "Device register", "purpose": "Answers calls"}
    assert send(as_ivo, "services", **sent).status_code == 302
    program = models.User.objects.services().get()
    assert "Answers calls" in page(as_ivo, "services")

    assert send(as_ivo, "service_switch", program.pk, "disable").status_code == 302
    program.refresh_from_db()
    assert not program.is_active
    assert "Enable" in page(as_ivo, "services")
    assert send(as_ivo, "service_switch", program.pk, "enable").status_code == 302


def test_a_name_that_does_not_do_is_said_beside_its_field(as_ivo, ivo):
    create_service_account("Register", by=ivo)

    response = send(as_ivo, "services", name="register")
    (error,) = response.context["form"].errors.as_data()["name"]
    assert (response.status_code, error.code) == (422, "name_taken")


def test_only_administrators_change_service_accounts(client, helen, ivo, as_ivo):
    program = create_service_account("Register", by=ivo)
    client.force_login(helen)

    assert "New service account" not in page(client, "services")
    assert "administrators_only" in words(send(client, "services", name="Mine"), 403)
    refused = send(client, "service_switch", program.pk, "disable")
    assert "administrators_only" in words(refused, 403)


def test_a_step_that_there_is_not_and_a_person_are_not_found(as_ivo, ivo, ada):
    program = create_service_account("Register", by=ivo)

    assert send(as_ivo, "service_switch", program.pk, "delete").status_code == 404
    assert send(as_ivo, "service_switch", ada.pk, "disable").status_code == 404
