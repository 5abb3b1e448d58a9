"""What owners find when they say what clashes, and who reads which names of other catalogs."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from entitlements import clock
from entitlements.models import ClashException, Incompatibility, Notification, Prerequisite
from entitlements.notifications.rendering import render
from entitlements.policies import clashes
from portal.manage import finding
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)
from tests.files import Opened

pytestmark = pytest.mark.django_db

ELSEWHERE = "a package in another catalog"
PICK = reverse("manage:pick")


@pytest.fixture(autouse=True)
def searches():
    cache.clear()


@pytest.fixture
def finance(db):
    return CatalogFactory(name="Finance")


@pytest.fixture
def olga(appoint, finance):
    return appoint(UserFactory(display_name="Olga Owner"), finance)


@pytest.fixture
def as_olga(client, olga):
    client.force_login(olga)
    return client


@pytest.fixture
def release(finance):
    return offered(AccessPackageFactory(name="Release payments", catalog=finance))


@pytest.fixture
def ledger():
    """A package of another catalog that everybody can ask for."""
    return offered(AccessPackageFactory(name="Ledger entry", catalog__name="Books"))


@pytest.fixture
def secret():
    """A package of another catalog that is offered to nobody."""
    return offered(AccessPackageFactory(name="Ledger secrets"), scope="nobody")


def offered(package, **terms):
    AssignmentPolicyFactory(package=package, **terms)
    return package


def page(name, *arguments):
    return reverse(f"manage:{name}", args=[getattr(one, "pk", one) for one in arguments])


def picked(client, query, kinds="package,role,group", **more):
    sent = {"field": "other", "kinds": kinds, "other-q": query, "single": "1", **more}
    response = client.get(PICK, sent)
    assert response.status_code == 200
    return response.text


def test_packages_are_found_by_name_with_their_catalog(as_olga, release, ledger):
    html = picked(as_olga, "ledger")

    assert "Ledger entry" in html
    assert "Package in Books" in html
    assert f'value="package:{ledger.pk}"' in html
    assert "Release payments" not in html


def test_roles_are_found_by_their_own_name_and_that_of_their_resource(as_olga, finance):
    crm = ResourceFactory(name="Customer register", catalog=finance)
    role = ResourceRoleFactory(resource=crm, name="Auditor")

    for query in ("auditor", "customer", "auditor register"):
        assert f'value="role:{role.pk}"' in picked(as_olga, query)
    assert "Role, security group" in picked(as_olga, "auditor")


def test_what_may_not_be_named_is_not_found(as_olga, ledger, secret):
    hidden = offered(AccessPackageFactory(name="Ledger link", is_hidden=True))
    ResourceRoleFactory(resource=ResourceFactory(name="Ledger vault"), name="Member")

    html = picked(as_olga, "ledger")

    assert "Ledger entry" in html
    for name in ("Ledger secrets", hidden.name, "Ledger vault"):
        assert name not in html


def test_a_foreign_key_that_is_sent_along_shows_no_name(as_olga, ledger, secret):
    foreign = ResourceRoleFactory(resource=ResourceFactory(name="Vault"))
    keys = [f"package:{secret.pk}", f"role:{foreign.pk}", "package:x", f"package:{ledger.pk}"]

    html = picked(as_olga, "zz", other=keys)

    assert html.count("<input") == 1
    assert "Ledger entry" in html
    assert "Nothing else is called so." in html


def test_roles_of_one_catalog_are_found_in_it_alone(as_olga, olga, appoint, finance):
    books = CatalogFactory(name="Books")
    appoint(olga, books, "reader")
    here = ResourceRoleFactory(resource=ResourceFactory(name="Crm", catalog=finance))
    there = ResourceRoleFactory(resource=ResourceFactory(name="Crm old", catalog=books))
    foreign = CatalogFactory()
    ResourceRoleFactory(resource=ResourceFactory(name="Crm secret", catalog=foreign))

    everywhere = picked(as_olga, "crm", kinds="role")
    within = picked(as_olga, "crm", kinds="role", catalog=str(finance.pk))

    assert f"role:{here.pk}" in within
    assert f"role:{there.pk}" not in within
    assert f"role:{there.pk}" in everywhere
    for catalog in (str(foreign.pk), "nonsense"):
        assert "<input" not in picked(as_olga, "crm", kinds="role", catalog=catalog)


def test_ten_are_found_by_as_many_queries_as_one(as_olga, finance):
    AccessPackageFactory(catalog=finance, name="Wages 00")
    cache.clear()
    with CaptureQueriesContext(connection) as before:
        picked(as_olga, "wages")
    for number in range(1, 30):
        offered(AccessPackageFactory(name=f"Wages {number:02}"))
        role = ResourceRoleFactory(resource=ResourceFactory(name=f"Wages {number:02}"))
        finance.catalog_resources.create(resource=role.resource)

    cache.clear()
    with CaptureQueriesContext(connection) as after:
        html = picked(as_olga, "wages")

    assert html.count("<input") == 10
    assert len(after) == len(before)


def test_without_eyes_no_package_and_no_role_is_found(release):
    assert finding.matches("release", ["package", "role"]) == []
    assert finding.chosen([f"package:{release.pk}"], ["package"]) == []


@pytest.mark.parametrize("name", ["clash_add", "require"])
def test_the_forms_find_without_scripts_and_keep_what_is_chosen(as_olga, release, ledger, name):
    field = "other" if name == "clash_add" else "package"
    sent = {f"{field}-q": "ledger", "find": field}

    response = as_olga.post(page(name, release), sent)

    assert response.status_code == 200
    assert "Ledger entry" in response.text
    assert not Incompatibility.objects.exists()


def test_a_package_that_is_offered_to_the_owner_is_named(as_olga, release, ledger):
    sent = {"other": f"package:{ledger.pk}", "is_symmetric": "on"}

    response = as_olga.post(page("clash_add", release), sent, follow=True)

    assert "Release payments clashes with Ledger entry now." in response.text
    assert "Package in Books, both ways" in response.text
    assert "by Olga Owner" in response.text


@pytest.mark.parametrize("key", ["package", "role", "group"])
def test_a_foreign_id_that_is_posted_is_refused(as_olga, release, secret, key):
    role = ResourceRoleFactory(resource=ResourceFactory(name="Vault"))
    ids = {"package": secret.pk, "role": role.pk, "group": secret.pk}

    response = as_olga.post(page("clash_add", release), {"other": f"{key}:{ids[key]}"})

    assert response.status_code == 422
    assert "not there, or not yours to name" in response.text
    assert "Ledger secrets" not in response.text
    assert "Vault" not in response.text
    assert not Incompatibility.objects.exists()


def test_foreign_prerequisites_and_roles_are_refused_too(as_olga, release, secret, finance):
    role = ResourceRoleFactory(resource=ResourceFactory(name="Vault"))
    own = ResourceRoleFactory(resource=ResourceFactory(catalog=finance))
    for address, sent in (
        (page("require", release), {"package": f"package:{secret.pk}"}),
        (
            page("role_clash_add", finance),
            {"first": f"role:{own.pk}", "second": f"role:{role.pk}"},
        ),
        (
            page("role_clash_add", finance),
            {"first": f"role:{role.pk}", "second": f"role:{own.pk}"},
        ),
    ):
        response = as_olga.post(address, sent)
        assert response.status_code == 422
        assert "not yours to name" in response.text


def test_the_first_of_two_roles_is_one_of_the_catalog(as_olga, olga, appoint, finance):
    books = CatalogFactory()
    appoint(olga, books)
    here = ResourceRoleFactory(resource=ResourceFactory(catalog=finance))
    there = ResourceRoleFactory(resource=ResourceFactory(catalog=books))
    sent = {"first": f"role:{there.pk}", "second": f"role:{here.pk}"}

    assert as_olga.post(page("role_clash_add", finance), sent).status_code == 422
    turned = {"first": sent["second"], "second": sent["first"]}
    assert as_olga.post(page("role_clash_add", finance), turned).status_code == 302


# The other side


@pytest.fixture
def named(release, ledger, olga):
    """Olga's clash of her package with Ledger entry, of another catalog."""
    return clashes.add_clash(release, ledger, by=olga, is_symmetric=True)


def text_of(client, viewer, address):
    client.force_login(viewer)
    return client.get(address).text


@pytest.mark.parametrize("role", ["owner", "package_manager"])
def test_whoever_manages_the_named_package_reads_who_named_it(
    client, named, ledger, release, appoint, role
):
    release.policies.update(scope="nobody")
    gita = appoint(UserFactory(), ledger.catalog, role)

    text = text_of(client, gita, page("clashes", ledger))

    assert "Release payments" in text
    assert "In Finance, both ways" in text
    assert "by Olga Owner" in text
    assert page("clashes", release) not in text
    assert "Clashes with Release payments." in text_of(client, gita, page("package", ledger))


@pytest.mark.parametrize("role", ["reader", "assignment_manager"])
def test_others_read_that_there_is_a_package_in_another_catalog(
    client, named, ledger, release, appoint, role
):
    release.policies.update(scope="nobody")
    somebody = appoint(UserFactory(), ledger.catalog, role)

    text = text_of(client, somebody, page("clashes", ledger))

    assert "A package in another catalog" in text
    assert "both ways" in text
    for name in ("Release payments", "Finance", "Olga Owner"):
        assert name not in text
    short = text_of(client, somebody, page("package", ledger))
    assert f"Clashes with {ELSEWHERE}." in short
    assert "Release payments" not in short


def test_readers_of_the_side_that_named_read_no_more_either(
    client, named, ledger, release, appoint, olga
):
    clashes.add_prerequisite(release, ledger, by=olga)
    ledger.policies.update(scope="nobody")
    reader = appoint(UserFactory(), release.catalog, "reader")

    for name in ("clashes", "package"):
        text = text_of(client, reader, page(name, release))
        assert "Ledger entry" not in text
        assert "Books" not in text
        assert "ackage in another catalog" in text
        assert "Ledger entry" in text_of(client, olga, page(name, release))


def test_what_somebody_is_offered_himself_is_no_secret(client, named, ledger, release, appoint):
    reader = appoint(UserFactory(), release.catalog, "reader")

    assert "Ledger entry" in text_of(client, reader, page("clashes", release))


def test_lists_and_files_of_double_holders_name_no_more(
    client, named, ledger, release, appoint, ada, olga
):
    for package in (ledger, release):
        AssignmentFactory(policy=package.policies.get(), target=ada)
    ledger.policies.update(scope="nobody")
    reader = appoint(UserFactory(), release.catalog, "reader")

    for name, about in (("clashes", release), ("catalog_clashes", release.catalog)):
        text = text_of(client, reader, page(name, about))
        assert "Ada Lovelace" in text
        assert ELSEWHERE in text
        assert "Ledger entry" not in text
        [row] = Opened(client.get(page(f"{name}_file", about))).rows
        assert (row["Clashes with"], row["Id of that"]) == (ELSEWHERE, "")
        client.force_login(olga)
        [row] = Opened(client.get(page(f"{name}_file", about))).rows
        assert (row["Clashes with"], row["Id of that"]) == ("Ledger entry", str(ledger.pk))


def test_exceptions_name_no_more(client, named, ledger, release, appoint, ada, olga):
    exception = ClashException.objects.create(
        person=ada,
        package=release,
        other_package=ledger,
        reason="Cover",
        starts_at=clock.now(),
        ends_at=clock.now() + timedelta(days=3),
        proposed_by=olga,
        proposed_at=clock.now(),
    )
    ledger.policies.update(scope="nobody")
    reader = appoint(UserFactory(), release.catalog, "reader")
    gita = appoint(UserFactory(), ledger.catalog)

    assert "Ledger entry" not in text_of(client, reader, page("clashes", release))
    assert "Ledger entry" not in text_of(client, reader, page("exception", exception))
    for viewer in (olga, gita):
        text = text_of(client, viewer, page("exception", exception))
        assert "May hold Release payments together with Ledger entry" in text


def test_the_history_names_no_more(client, named, ledger, release, appoint, olga):
    ledger.policies.update(scope="nobody")
    reader = appoint(UserFactory(), release.catalog, "reader")

    assert f"let it clash with {ELSEWHERE}." in text_of(client, reader, page("package", release))
    assert "let it clash with Ledger entry." in text_of(client, olga, page("package", release))


def test_the_news_leads_to_the_pair(client, named, ledger, appoint, release, olga):
    clashes.remove_clash(named, by=olga)
    gita = appoint(UserFactory(), ledger.catalog)
    clashes.add_clash(release, ledger, by=olga, is_symmetric=True)
    client.force_login(gita)
    told = Notification.objects.get(recipient=gita)

    opened = client.post(reverse("notifications:open", args=[told.pk]))

    assert opened.url == page("clashes", ledger)
    mail = render(told)
    for text in (mail.text, mail.html):
        assert page("clashes", ledger) in text
        assert "Whoever holds one of the two cannot ask for the other." in text
        assert "in the catalog Finance" in text


def test_one_way_the_mail_says_who_cannot_ask(ledger, appoint, release, olga):
    appoint(UserFactory(), ledger.catalog)
    clashes.add_clash(release, ledger, by=olga)

    assert (
        "Whoever holds Ledger entry cannot ask for it." in render(Notification.objects.get()).text
    )


def test_entries_from_before_makers_were_kept_name_nobody(as_olga, release, finance):
    other = AccessPackageFactory(catalog=finance)
    Incompatibility.objects.create(package=release, other_package=other)
    Prerequisite.objects.create(package=release, required=other)

    text = as_olga.get(page("clashes", release)).text

    assert str(other) in text
    assert " · by" not in text


def test_many_pairs_cost_as_many_queries_as_one(as_olga, release, finance, named):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert as_olga.get(page("clashes", release)).status_code == 200
        return len(queries)

    other = offered(AccessPackageFactory())
    Incompatibility.objects.create(package=other, other_package=release)
    Prerequisite.objects.create(package=release, required=other)
    few = cost()
    for _ in range(10):
        other = offered(AccessPackageFactory())
        Incompatibility.objects.create(package=other, other_package=release)
        Incompatibility.objects.create(package=release, other_package=other)
        Prerequisite.objects.create(package=release, required=other)
        Incompatibility.objects.create(package=release, other_group=GroupFactory())

    assert cost() == few
