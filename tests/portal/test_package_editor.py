"""A package is edited as a whole, and what saving it does to its holders is read first."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from entitlements import clock
from entitlements.assignments import grants
from entitlements.catalog import packages
from entitlements.catalog.package_versions import PackageDraft
from entitlements.catalog.terms import PackageTerms
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}
WORDS = {"name": "Sales Analyst", "description": "Reads the sales figures."}


@pytest.fixture
def sales():
    return CatalogFactory(name="Sales")


@pytest.fixture
def as_olga(client, sales, appoint):
    client.force_login(appoint(UserFactory(display_name="Olga Owner"), sales))
    return client


@pytest.fixture
def offer(sales):
    """Let the catalog offer a resource, and return a role of it."""
    return lambda name: ResourceRoleFactory(
        name="User",
        description=f"Opens {name}",
        resource=ResourceFactory(name=name, catalog=sales),
    )


@pytest.fixture
def crm(offer):
    return offer("CRM")


@pytest.fixture
def ledger(offer):
    return offer("Ledger")


@pytest.fixture
def wiki(offer):
    return offer("Wiki")


@pytest.fixture
def package(sales, crm, ledger):
    return AccessPackageFactory(catalog=sales, roles=[crm, ledger], **WORDS)


@pytest.fixture
def held(package, ada):
    assignment = AssignmentFactory(policy=AssignmentPolicyFactory(package=package), target=ada)
    grants.want(assignment)
    return assignment


def address(route, package, *more):
    return reverse(f"manage:{route}", args=[package.pk, *more])


def fields(*roles, **more):
    """What the form of a package sends, with these roles in this order."""
    return {**WORDS, "roles": "listed", "role": [role.pk for role in roles], **more}


def listed(html):
    """The resources of the roles in the form, in their order."""
    return re.findall(r'aria-label="Words beside (\w+): User"', html)


def names(package):
    return [entry.role.resource.name for entry in package.package_roles.order_by("position")]


def seen(html):
    return re.search(r'name="seen" value="(\w*)"', html)[1]


def foreseen(html):
    part = html[html.index("If you save now") :]
    return " ".join(re.sub(r"<[^>]+>", " ", part[: part.index("</section>")]).split())


def test_the_page_shows_the_words_and_the_roles_in_their_order(as_olga, package, ledger):
    package.package_roles.filter(role=ledger).update(words="Post invoices.")

    html = as_olga.get(address("package_edit", package)).text

    assert listed(html) == ["CRM", "Ledger"]
    assert 'value="Post invoices."' in html
    assert 'placeholder="Opens CRM"' in html
    assert "Nobody gains or loses access." in html


def test_everything_is_saved_with_one_press(as_olga, package, crm, ledger, wiki):
    sent = fields(
        wiki,
        crm,
        name="Analyst",
        is_hidden="on",
        **{f"words-{crm.pk}": "See orders.", "version": "1"},
    )

    response = as_olga.post(address("package_edit", package), sent)

    assert response.url == address("package", package)
    package.refresh_from_db()
    assert (package.name, package.is_hidden) == ("Analyst", True)
    assert names(package) == ["Wiki", "CRM"]
    assert package.package_roles.get(role=crm).words == "See orders."


def test_a_role_that_was_chosen_is_saved_though_add_was_not_pressed(as_olga, package, crm, wiki):
    as_olga.post(address("package_edit", package), fields(crm, more=wiki.pk))

    assert names(package) == ["CRM", "Wiki"]


def test_whoever_sends_no_list_of_roles_leaves_them_as_they_are(as_olga, package):
    as_olga.post(address("package_edit", package), {**WORDS, "description": "New."})

    assert names(package) == ["CRM", "Ledger"]
    package.refresh_from_db()
    assert package.description == "New."


@pytest.mark.parametrize(
    ("press", "order"),
    [
        ("up-{ledger}", ["Ledger", "CRM"]),
        ("down-{crm}", ["Ledger", "CRM"]),
        ("up-{crm}", ["CRM", "Ledger"]),
        ("down-{ledger}", ["CRM", "Ledger"]),
        ("drop-{crm}", ["Ledger"]),
        ("add", ["CRM", "Ledger", "Wiki"]),
        ("up-{wiki}", ["CRM", "Ledger"]),
        ("up-rubbish", ["CRM", "Ledger"]),
    ],
)
def test_buttons_change_the_list_and_save_nothing(
    as_olga, package, crm, ledger, wiki, press, order
):
    pressed = press.format(crm=crm.pk, ledger=ledger.pk, wiki=wiki.pk)
    sent = fields(crm, ledger, more=wiki.pk, find=f"parts:role-{pressed}", name="Half")

    response = as_olga.post(address("package_edit", package), sent)

    assert response.status_code == 200
    assert listed(response.text) == order
    assert 'value="Half"' in response.text
    assert names(package) == ["CRM", "Ledger"]


def test_words_stay_with_their_role_when_it_moves(as_olga, package, crm, ledger):
    sent = fields(
        crm, ledger, **{f"words-{ledger.pk}": "Post.", "find": f"parts:role-up-{ledger.pk}"}
    )

    html = as_olga.post(address("package_edit", package), sent, **HTMX).text

    assert html.index('value="Post."') < html.index("Words beside CRM")
    assert "If you save now" not in html


def test_what_holders_would_gain_and_lose_is_told_while_it_is_entered(
    as_olga, package, held, crm, wiki
):
    sent = fields(crm, more=wiki.pk)

    html = as_olga.post(address("package_preview", package), sent, **HTMX).text

    assert foreseen(html) == (
        "If you save now + Wiki: User 1 person gets Wiki: User within minutes. "
        "− Ledger: User 1 person loses it within minutes."
    )
    assert names(package) == ["CRM", "Ledger"]


def test_without_a_script_the_preview_is_the_whole_page(as_olga, package, held, crm):
    html = as_olga.post(address("package_preview", package), fields(crm)).text

    assert listed(html) == ["CRM"]
    assert "1 person loses it within minutes." in html


def test_nothing_is_taken_from_holders_before_it_was_read(as_olga, package, held, crm):
    first = as_olga.post(address("package_edit", package), fields(crm))

    assert first.status_code == 200
    assert "Nothing was saved yet." in first.text
    assert names(package) == ["CRM", "Ledger"]

    second = as_olga.post(address("package_edit", package), fields(crm, seen=seen(first.text)))

    assert second.status_code == 302
    assert names(package) == ["CRM"]


def test_what_was_read_of_another_change_does_not_count(as_olga, package, held, crm, ledger):
    read = as_olga.post(address("package_preview", package), fields(crm), **HTMX).text

    response = as_olga.post(address("package_edit", package), fields(ledger, seen=seen(read)))

    assert "Nothing was saved yet." in response.text
    assert names(package) == ["CRM", "Ledger"]


def test_order_and_words_are_saved_without_a_question(as_olga, package, held, crm, ledger):
    response = as_olga.post(address("package_edit", package), fields(ledger, crm))

    assert response.status_code == 302
    assert names(package) == ["Ledger", "CRM"]


def test_each_section_counts_what_is_wrong_in_it(as_olga, package, crm):
    sent = fields(crm, name="", description="", more="rubbish")

    response = as_olga.post(address("package_edit", package), sent)

    assert response.status_code == 422
    text = " ".join(re.sub(r"<[^>]+>", " ", response.text).split())
    assert "About To mend: 2" in text
    assert "Resource roles To mend: 1" in text
    assert names(package) == ["CRM", "Ledger"]


def test_a_refusal_stands_on_the_page_and_keeps_what_was_entered(as_olga, package, sales, crm):
    AccessPackageFactory(catalog=sales, name="Taken")
    sent = fields(crm, name="Taken", **{f"words-{crm.pk}": "x" * 201})

    response = as_olga.post(address("package_edit", package), sent)

    assert response.status_code == 422
    assert "words_too_long" in response.text
    assert "x" * 201 in response.text

    sent[f"words-{crm.pk}"] = ""
    response = as_olga.post(address("package_edit", package), sent)
    assert "“Taken” exists already." in response.text


def test_a_role_of_another_catalog_is_neither_shown_nor_added(as_olga, package, crm):
    foreign = ResourceRoleFactory(resource__name="Payroll")

    shown = as_olga.post(
        address("package_edit", package),
        fields(crm, foreign, find="parts:role-add", more=foreign.pk),
    )
    saved = as_olga.post(address("package_edit", package), fields(crm, foreign))
    chosen = as_olga.post(address("package_edit", package), fields(crm, more=foreign.pk))

    for response in (shown, saved, chosen):
        assert "Payroll" not in response.text
    assert saved.status_code == chosen.status_code == 422
    assert "left out" in saved.text
    assert names(package) == ["CRM", "Ledger"]


def test_who_saved_meanwhile_is_told_with_what_he_changed(as_olga, package, crm, bo, appoint):
    appoint(bo, package.catalog)
    packages.change_package(package, PackageTerms("Analyst", WORDS["description"]), by=bo)
    sent = fields(*package.roles.all(), description="Mine.", version="1")

    response = as_olga.post(address("package_edit", package), sent)

    assert response.status_code == 422
    assert "Bo Chen saved version 2 of this package" in response.text
    assert "What was saved meanwhile" in response.text
    assert re.search(r'name="version" value="2"', response.text)
    sent["version"] = "2"
    assert as_olga.post(address("package_edit", package), sent).status_code == 302


def test_another_package_like_it_is_made_under_another_name(as_olga, package):
    AssignmentPolicyFactory(package=package, name="Staff")
    AssignmentPolicyFactory(
        package=package,
        name="Fair",
        expiration="on_date",
        duration=None,
        ends_on=clock.now() - timedelta(days=1),
    )
    assert (
        'value="Copy of Sales Analyst"' in as_olga.get(address("package_duplicate", package)).text
    )
    taken = as_olga.post(address("package_duplicate", package), {"name": "Sales Analyst"})
    assert "“Sales Analyst” exists already." in taken.text

    response = as_olga.post(address("package_duplicate", package), {"name": "Twin"}, follow=True)

    twin = package.catalog.packages.get(name="Twin")
    assert names(twin) == ["CRM", "Ledger"]
    assert "Twin is a draft now. Nobody holds it." in response.text
    assert "The policy Fair was left out: " in response.text


# Drafts


def test_a_draft_is_kept_and_opened_and_saved(as_olga, package, held, crm):
    sent = fields(crm, name="Analyst", keep="draft")

    response = as_olga.post(address("package_edit", package), sent)

    assert response.url == address("package_draft", package)
    package.refresh_from_db()
    assert package.name == "Sales Analyst"
    assert "There is a draft, kept by" in as_olga.get(address("package", package)).text
    assert "Open draft" in as_olga.get(address("package_edit", package)).text
    draft = as_olga.get(address("package_draft", package)).text
    assert listed(draft) == ["CRM"]
    assert "1 person loses it within minutes." in draft

    sent = fields(crm, name="Analyst", seen=seen(draft))
    assert as_olga.post(address("package_draft", package), sent).status_code == 302

    package.refresh_from_db()
    assert (package.name, names(package)) == ("Analyst", ["CRM"])
    assert not PackageDraft.objects.exists()
    assert as_olga.get(address("package_draft", package)).url == address("package_edit", package)


def test_a_draft_that_could_not_be_kept_is_refused_on_the_page(as_olga, package, crm):
    sent = fields(crm, keep="draft", **{f"words-{crm.pk}": "x" * 201})

    response = as_olga.post(address("package_edit", package), sent)

    assert response.status_code == 422
    assert not PackageDraft.objects.exists()


def test_the_preview_of_a_draft_counts_from_what_is_saved(as_olga, package, held, crm):
    as_olga.post(address("package_edit", package), fields(crm, keep="draft"))

    html = as_olga.post(address("package_preview", package) + "?draft=1", fields(crm), **HTMX).text

    assert "Ledger: User 1 person loses it" in foreseen(html)


def test_a_draft_says_which_of_its_roles_are_not_offered_any_more(
    as_olga, package, sales, crm, ledger, wiki
):
    as_olga.post(address("package_edit", package), fields(crm, wiki, keep="draft"))
    sales.catalog_resources.filter(resource=wiki.resource).delete()

    html = as_olga.get(address("package_draft", package)).text

    assert listed(html) == ["CRM"]
    assert "1 of its roles is not offered by the catalog any more" in html


def test_a_draft_is_thrown_away_after_a_question(as_olga, package, crm):
    as_olga.post(address("package_edit", package), fields(crm, keep="draft"))
    asked = as_olga.get(address("package_throw_away", package)).text
    assert "Throw the draft of Sales Analyst away?" in asked

    as_olga.post(address("package_throw_away", package))

    assert not PackageDraft.objects.exists()


# Versions


def test_the_versions_are_listed_with_what_each_changed(as_olga, package, crm, ledger):
    as_olga.post(address("package_edit", package), fields(crm, is_hidden="on", name="Analyst"))

    html = as_olga.get(address("package_versions", package)).text

    text = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    assert "Version 2 in force" in text
    assert "Name Sales Analyst Analyst" in text
    assert "Hidden no yes" in text
    assert "Role 2 Ledger: User –" in text
    assert "Restore version 1 as draft" in text


def test_a_package_that_was_never_changed_says_so(as_olga, package):
    html = as_olga.get(address("package_versions", package)).text

    assert "The package was not changed since it was made." in html


def test_what_order_became_is_told_by_the_names_of_the_roles(as_olga, package, crm, ledger):
    as_olga.post(
        address("package_edit", package), fields(ledger, crm, **{f"words-{crm.pk}": "Orders."})
    )

    text = " ".join(
        re.sub(r"<[^>]+>", " ", as_olga.get(address("package_versions", package)).text).split()
    )

    assert "Role: Order CRM: User; Ledger: User Ledger: User; CRM: User (“Orders.”)" in text
    assert "Words – Orders." in text


def test_an_earlier_version_is_restored_as_a_draft_after_a_question(as_olga, package, crm):
    as_olga.post(address("package_edit", package), fields(crm))
    asked = as_olga.get(address("package_restore", package, 1)).text
    assert "Restore version 1 of Sales Analyst as a draft?" in asked

    response = as_olga.post(address("package_restore", package, 1))

    assert response.url == address("package_draft", package)
    draft = as_olga.get(response.url).text
    assert "This is version 1 as a draft, restored by" in draft
    assert listed(draft) == ["CRM", "Ledger"]
    assert "There is a draft: version 1, restored" in as_olga.get(address("package", package)).text


@pytest.mark.parametrize("query", [{"old": 1, "new": 9}, {"old": "x", "new": 1}, {"old": 1}])
def test_versions_that_do_not_exist_are_not_found(as_olga, package, query):
    assert as_olga.get(address("package_versions", package), query).status_code == 404


def test_the_list_of_versions_costs_the_same_however_long_it_is(
    as_olga, package, crm, ledger, django_assert_num_queries
):
    def save(*roles):
        as_olga.post(address("package_edit", package), fields(*roles))

    save(ledger, crm)
    as_olga.get(address("package_versions", package))
    with CaptureQueriesContext(connection) as few:
        as_olga.get(address("package_versions", package))
    cost = len(few)
    for _ in range(3):
        save(crm, ledger)
        save(ledger, crm)

    with django_assert_num_queries(cost):
        as_olga.get(address("package_versions", package))


def test_readers_see_the_versions_and_change_nothing(client, package, sales, bo, appoint):
    client.force_login(appoint(bo, sales, "reader"))
    appoint(UserFactory(), sales)
    administrator = UserFactory(is_superuser=True)
    packages.change_package(package, PackageTerms("Analyst", "For all."), by=administrator)

    assert "Restore" not in client.get(address("package_versions", package)).text
    for route, more in (
        ("package_edit", []),
        ("package_draft", []),
        ("package_restore", [1]),
        ("package_throw_away", []),
    ):
        assert client.get(address(route, package, *more)).status_code == 403, route
    assert client.post(address("package_preview", package), WORDS).status_code == 403


def test_strangers_find_none_of_it(client, package, bo):
    client.force_login(bo)

    for route, more in (
        ("package_edit", []),
        ("package_draft", []),
        ("package_versions", []),
        ("package_restore", [1]),
        ("package_throw_away", []),
    ):
        assert client.get(address(route, package, *more)).status_code == 404, route
    assert client.post(address("package_preview", package), WORDS).status_code == 404


def test_people_read_the_words_beside_a_role_in_place_of_its_description(
    client, package, ada, crm, held
):
    package.package_roles.filter(role=crm).update(words="See every order.")
    AssignmentPolicyFactory(package=package, scope="all_members")
    client.force_login(ada)

    asking = client.get(reverse("packages:detail", args=[package.pk])).text
    holding = client.get(reverse("access:detail", args=[held.pk])).text

    for html in (asking, holding):
        assert "See every order." in html
        assert "Opens CRM" not in html
        assert "Opens Ledger" in html
