"""The pages about connected organizations: for whoever manages them, and for nobody else."""

import re
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group as TenantRole
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.urls import reverse

from entitlements.directory.organizations import operations
from entitlements.directory.organizations.models import OrganizationState, SponsorKind
from entitlements.directory.organizations.terms import OrganizationTerms
from entitlements.models import AuditEvent, ConnectedOrganization
from entitlements.policies.scopes import Scope
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    ConnectedOrganizationFactory,
    GuestFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
PROPOSED = OrganizationState.PROPOSED


@pytest.fixture
def tess():
    role = TenantRole.objects.create(name="Connected organization administrators")
    role.permissions.add(Permission.objects.get(codename="manage_organizations"))
    tess = UserFactory(display_name="Tess Tenant")
    tess.groups.add(role)
    return tess


@pytest.fixture
def as_tess(client, tess):
    client.force_login(tess)
    return client


@pytest.fixture
def harbour():
    return ConnectedOrganizationFactory(
        name="Blue Harbour", domains=["blueharbour.example", "harbour.example"]
    )


def text(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def page(name, *arguments):
    return reverse(f"organizations:{name}", args=arguments)


# Who gets in


def addresses(organization, person):
    yield page("index")
    yield page("add")
    yield page("find")
    for name in ("detail", "edit", "promote", "delete", "sponsor_add"):
        yield page(name, organization.pk)
    yield page("sponsor_remove", organization.pk, "internal", person.pk)


@pytest.mark.parametrize("who", ["stranger", "catalog owner", "catalog creator", "guest"])
def test_for_others_none_of_these_pages_exists(client, harbour, ada, appoint, who):
    harbour.internal_sponsors.add(ada)
    person = UserFactory()
    if who == "catalog owner":
        appoint(person, AccessPackageFactory().catalog)
    elif who == "catalog creator":
        person.user_permissions.add(Permission.objects.get(codename="add_catalog"))
    elif who == "guest":
        person = GuestFactory(organization=harbour)
    client.force_login(person)

    for address in addresses(harbour, ada):
        assert client.get(address).status_code == 404, address
        assert client.post(address).status_code in (404, 405), address
    home = client.get(reverse("preferences:index")).content.decode()
    assert 'href="/organizations/"' not in home
    assert ConnectedOrganization.objects.get() == harbour


def test_whoever_is_not_signed_in_is_asked_to(client, harbour):
    assert client.get(page("index")).status_code == 302


def test_the_way_in_is_shown_by_right(as_tess):
    home = as_tess.get(reverse("preferences:index")).content.decode()

    assert 'href="/organizations/"' in home
    assert 'href="/manage/"' not in home


def test_the_tenant_role_opens_no_catalog(as_tess):
    package = AccessPackageFactory()

    assert as_tess.get(reverse("manage:index")).status_code == 404
    assert as_tess.get(reverse("manage:package", args=[package.pk])).status_code == 404
    assert as_tess.get(reverse("manage:catalog", args=[package.catalog_id])).status_code == 404
    assert as_tess.get(reverse("manage:catalog_add")).status_code == 404


def test_what_does_not_exist_is_not_there(as_tess, harbour, ada):
    for name in ("detail", "edit", "promote", "delete", "sponsor_add"):
        assert as_tess.get(page(name, uuid4())).status_code == 404
    for kind, person in (("internal", ada), ("external", ada), ("nobody", ada)):
        address = page("sponsor_remove", harbour.pk, kind, person.pk)
        assert as_tess.get(address).status_code == 404


# The list


def test_an_empty_list_says_what_to_do(as_tess):
    assert "No organization is connected yet" in text(as_tess.get(page("index")))


def test_the_list_shows_each_with_its_numbers_and_is_searched(as_tess, harbour):
    ConnectedOrganizationFactory(name="Quay", state=PROPOSED, domains=["quay.example"])
    GuestFactory.create_batch(3, organization=harbour)
    policy = AssignmentPolicyFactory(scope=Scope.SPECIFIC_ORGANIZATIONS)
    policy.allowed_organizations.add(harbour)

    whole = text(as_tess.get(page("index")))
    found = as_tess.get(page("index"), {"q": "harbour.ex"})
    nothing = text(as_tess.get(page("index"), {"q": "zeppelin"}))

    assert whole.index("Quay Proposed") < whole.index("Blue Harbour Configured")
    assert "blueharbour.example , harbour.example 3 1" in whole.replace("example,", "example ,")
    assert "Blue Harbour" in text(found)
    assert "Quay" not in text(found)
    assert "No organization is called so" in nothing


def test_a_longer_list_costs_no_more_queries(as_tess, django_assert_num_queries):
    as_tess.get(page("index"))
    for number in range(3):
        ConnectedOrganizationFactory(domains=[f"a{number}.example"])
    with django_assert_num_queries(8):
        as_tess.get(page("index"))
    for number in range(20):
        organization = ConnectedOrganizationFactory(domains=[f"b{number}.example"])
        GuestFactory.create_batch(2, organization=organization)
    with django_assert_num_queries(8):
        as_tess.get(page("index"))


# One organization


def test_an_organization_is_connected(as_tess, tess):
    eli = GuestFactory(email="eli@blueharbour.example")
    sent = {
        "name": "Blue Harbour",
        "description": "A partner.",
        "domains": "BlueHarbour.example, harbour.example\r\n",
    }

    response = as_tess.post(page("add"), sent)

    organization = ConnectedOrganization.objects.get()
    assert response.url == page("detail", organization.pk)
    assert [str(one) for one in organization.domains.all()] == [
        "blueharbour.example",
        "harbour.example",
    ]
    eli.refresh_from_db()
    assert eli.organization == organization
    assert AuditEvent.objects.get(action="organization.created").actor_id == tess.pk
    shown = text(as_tess.get(response.url))
    assert "Blue Harbour is connected." in shown
    assert "You connected the organization." in shown


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "blue harbour"}, "“blue harbour” exists already."),
        ({"domains": ""}, "This field is required"),
        ({"domains": " , "}, "Enter at least one."),
        ({"domains": "eli@partner.example"}, "is no mail domain"),
        ({"domains": "harbour.example"}, "harbour.example is a domain of Blue Harbour already."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(as_tess, harbour, changes, words):
    sent = {"name": "Other", "description": "", "domains": "other.example", **changes}

    response = as_tess.post(page("add"), sent)

    assert response.status_code == 422
    assert words in text(response)
    assert ConnectedOrganization.objects.count() == 1


def test_an_organization_is_changed(as_tess, harbour):
    shown = as_tess.get(page("edit", harbour.pk)).content.decode()
    assert "blueharbour.example\nharbour.example" in shown

    sent = {"name": "Harbour", "description": "Ours.", "domains": "harbour.example"}
    response = as_tess.post(page("edit", harbour.pk), sent)

    assert response.status_code == 302
    assert operations.terms_of(ConnectedOrganization.objects.get()) == OrganizationTerms(
        "Harbour", "Ours.", ("harbour.example",)
    )
    wrong = as_tess.post(page("edit", harbour.pk), {**sent, "domains": "x"})
    assert wrong.status_code == 422


def test_a_proposed_organization_is_configured(as_tess):
    organization = ConnectedOrganizationFactory(name="Quay", state=PROPOSED)
    assert "Configure…" in text(as_tess.get(page("detail", organization.pk)))

    question = text(as_tess.get(page("promote", organization.pk)))
    response = as_tess.post(page("promote", organization.pk), follow=True)

    assert "Configure Quay?" in question
    assert "Quay is configured now." in text(response)
    assert "Configure…" not in text(response)
    again = as_tess.post(page("promote", organization.pk))
    assert again.status_code == 403
    assert "configured_already" in text(again)


def test_an_organization_is_deleted_or_says_why_it_stays(as_tess, harbour):
    guest = GuestFactory(organization=harbour)
    assert "Delete Blue Harbour?" in text(as_tess.get(page("delete", harbour.pk)))

    response = as_tess.post(page("delete", harbour.pk))
    assert response.status_code == 403
    assert "organization_has_guests" in text(response)
    guest.delete()

    response = as_tess.post(page("delete", harbour.pk), follow=True)
    assert "You deleted Blue Harbour." in text(response)
    assert not ConnectedOrganization.objects.exists()


def test_sponsors_are_added_and_removed(as_tess, harbour, bo):
    guest = GuestFactory(display_name="Eli Weiss", organization=harbour)

    for person, kind in ((bo, "internal"), (guest, "external")):
        sent = {"person": f"user:{person.pk}", "kind": kind}
        response = as_tess.post(page("sponsor_add", harbour.pk), sent, follow=True)
        assert f"{person} sponsors Blue Harbour now." in text(response)
    shown = text(response)
    assert "made Bo Chen an internal sponsor." in shown
    assert "made Eli Weiss an external sponsor." in shown

    address = page("sponsor_remove", harbour.pk, "internal", bo.pk)
    assert "Remove Bo Chen as internal sponsor?" in text(as_tess.get(address))
    response = as_tess.post(address, follow=True)
    assert "removed Bo Chen as an internal sponsor." in text(response)
    assert not harbour.internal_sponsors.exists()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"kind": "internal"}, "Find somebody by name, and choose."),
        ({"person": "user:{member}", "kind": "external"}, "external sponsors are its own guests"),
        ({"person": "user:{guest}", "kind": "internal"}, "internal sponsors are members"),
        ({"person": f"user:{uuid4()}", "kind": "internal"}, "This person is not to be had."),
        ({"person": "user:{member}", "kind": "x"}, "Select a valid choice"),
    ],
)
def test_who_cannot_sponsor_is_told_at_the_field(as_tess, harbour, bo, sent, words):
    guest = GuestFactory(organization=harbour)
    sent = {name: one.format(member=bo.pk, guest=guest.pk) for name, one in sent.items()}

    response = as_tess.post(page("sponsor_add", harbour.pk), sent)

    assert response.status_code == 422
    assert words in text(response)


def test_without_scripts_the_button_finds(as_tess, harbour, bo):
    sent = {"person-q": "bo c", "find": "person", "kind": "internal"}

    response = as_tess.post(page("sponsor_add", harbour.pk), sent)

    assert response.status_code == 200
    assert "Bo Chen" in text(response)
    assert not harbour.internal_sponsors.exists()


def test_a_page_shows_guests_what_is_open_and_who_does_not_count(as_tess, harbour, bo):
    GuestFactory(display_name="Eli Weiss", organization=harbour)
    GuestFactory(display_name="Dana Gone", organization=harbour, is_active=False)
    harbour.internal_sponsors.add(bo, UserFactory(display_name="Old One", is_active=False))
    named = AssignmentPolicyFactory(
        package__name="Project", package__is_hidden=True, scope=Scope.SPECIFIC_ORGANIZATIONS
    )
    named.allowed_organizations.add(harbour)
    ApprovalStageFactory(policy=named, position=1, approvers=[bo])
    AssignmentPolicyFactory(package__name="Portal", scope=Scope.ALL_ORGANIZATIONS)
    AssignmentPolicyFactory(package__name="Inside", scope=Scope.ALL_USERS)

    shown = text(as_tess.get(page("detail", harbour.pk)))

    assert "Eli Weiss" in shown
    assert re.search(r"Dana Gone \S+ account disabled", shown)
    assert re.search(r"Old One \S+ not asked at present", shown)
    assert re.search(r"Project Hidden .* Specific connected organizations · approved", shown)
    assert re.search(r"Portal .* All configured connected organizations · without", shown)
    assert "Inside" not in shown


def test_very_many_guests_and_policies_are_shown_in_parts(
    as_tess, harbour, django_assert_max_num_queries
):
    GuestFactory.create_batch(30, organization=harbour)
    for _ in range(25):
        AssignmentPolicyFactory(scope=Scope.ALL_ORGANIZATIONS)

    with django_assert_max_num_queries(25):
        shown = text(as_tess.get(page("detail", harbour.pk)))

    assert "1–20 of 30" in shown
    assert "These are the first of 25." in shown


# May somebody with this address ask for this package?


@pytest.fixture
def package(harbour):
    package = AccessPackageFactory(name="Project")
    named = AssignmentPolicyFactory(
        package=package, name="Partners", scope=Scope.SPECIFIC_ORGANIZATIONS
    )
    named.allowed_organizations.add(harbour)
    AssignmentPolicyFactory(package=package, name="Configured", scope=Scope.ALL_ORGANIZATIONS)
    AssignmentPolicyFactory(package=package, name="Anybody", scope=Scope.ALL_EXTERNAL)
    AssignmentPolicyFactory(package=package, name="Inside", scope=Scope.ALL_MEMBERS)
    return package


def tried(client, organization, address, package):
    sent = {"address": address, "package": f"package:{package.pk}"}
    return text(client.get(page("detail", organization.pk), sent))


def test_a_guest_is_tried_with_every_reason(as_tess, harbour, package):
    GuestFactory(display_name="Eli Weiss", email="eli@blueharbour.example", organization=harbour)

    shown = tried(as_tess, harbour, "ELI@blueharbour.example", package)

    assert "“Partners” applies, without a question." in shown
    assert "The address is of Blue Harbour, which is configured." in shown
    assert "A guest of an organization that is named." in shown
    assert "A guest of an organization that is configured." in shown
    assert "Somebody from outside, as this policy wants." in shown
    assert "stricter_policy_applies" in shown
    assert "A guest, and this policy is for members." in shown


def test_an_address_that_nobody_has_is_tried_as_a_guest(as_tess, harbour, package):
    before = ConnectedOrganization.objects.count()

    shown = tried(as_tess, harbour, "new@harbour.example", package)
    assert "Nobody with this address has an account." in shown
    assert "The address is of Blue Harbour" in shown
    assert "“Partners” applies" in shown

    shown = tried(as_tess, harbour, "new@elsewhere.example", package)
    assert "No connected organization has the domain elsewhere.example." in shown
    assert "“Anybody” applies" in shown
    assert "Not a guest of an organization that is named." in shown
    assert "Not a guest of an organization that is configured." in shown
    assert ConnectedOrganization.objects.count() == before
    assert not AuditEvent.objects.exists()


def test_whoever_was_only_named_is_tried_like_a_newcomer(as_tess, harbour, package):
    GuestFactory(email="new@harbour.example", is_invited=True, is_active=False)

    shown = tried(as_tess, harbour, "new@harbour.example", package)

    assert "Nobody with this address has an account." in shown
    assert "“Partners” applies" in shown


def test_a_proposed_organization_a_member_and_the_disabled_are_told_apart(
    as_tess, harbour, package, ada
):
    ConnectedOrganizationFactory(name="Quay", state=PROPOSED, domains=["quay.example"])
    GuestFactory(display_name="Dana", email="dana@alone.example", is_active=False)

    proposed = tried(as_tess, harbour, "a@quay.example", package)
    member = tried(as_tess, harbour, ada.email, package)
    disabled = tried(as_tess, harbour, "dana@alone.example", package)

    assert "Quay, which is only proposed" in proposed
    assert "Ada Lovelace is a member of ours" in member
    assert "A member, and this policy is for people from outside." in member
    assert "“Inside” applies" in member
    assert "The account of Dana is disabled." in disabled
    assert "belongs to no organization." in disabled
    assert "account_disabled" in disabled
    assert "No policy lets this person ask now." in disabled


def test_what_closes_a_package_is_among_the_reasons(as_tess, harbour, package):
    package.catalog.is_external = False
    package.catalog.save()

    shown = tried(as_tess, harbour, "new@harbour.example", package)

    assert "members_only" in shown
    assert "No policy lets this person ask now." in shown


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"address": "x", "package": ""}, "is no e-mail address"),
        ({"address": "", "package": ""}, "This field is required"),
        ({"address": "a@b.example", "package": f"package:{uuid4()}"}, "not to be had"),
        ({"address": "a@b.example"}, "Find it by name, and choose."),
    ],
)
def test_what_cannot_be_tried_says_why(as_tess, harbour, sent, words):
    shown = text(as_tess.get(page("detail", harbour.pk), sent))

    assert words in shown


# Finding


def found(client, query, kinds):
    fields = {"field": "who", "kinds": kinds, "who-q": query}
    return client.get(page("find"), fields).content.decode()


def test_people_and_packages_are_found_by_name(as_tess, bo):
    cache.clear()
    AccessPackageFactory(name="Boat Project", catalog__name="Partners")
    AccessPackageFactory(name="Bo retired", state="retired")

    assert "Bo Chen" in found(as_tess, "bo", "user")
    packages = found(as_tess, "bo", "package")
    assert "Boat Project" in packages
    assert "Partners" in packages
    assert "retired" not in packages
    assert "Bo Chen" not in packages


def test_other_searches_tell_nothing_of_packages(client, gita, appoint):
    cache.clear()
    foreign = AccessPackageFactory(name="Foreign project")
    organization = ConnectedOrganizationFactory(name="Foreign quay", domains=["q.example"])
    appoint(gita, AccessPackageFactory().catalog)
    client.force_login(gita)
    keys = [f"package:{foreign.pk}", f"organization:{organization.pk}"]

    for route in ("manage:pick", "approvals:find"):
        fields = {"field": "who", "kinds": "user,package", "who-q": "foreign", "who": keys}
        assert "Foreign" not in client.get(reverse(route), fields).content.decode()


def test_owners_of_policies_find_organizations(client, gita, appoint):
    cache.clear()
    ConnectedOrganizationFactory(name="Blue Harbour", domains=["blueharbour.example"])
    appoint(gita, AccessPackageFactory().catalog)
    client.force_login(gita)

    fields = {"field": "who", "kinds": "organization", "who-q": "blue"}
    html = client.get(reverse("manage:pick"), fields).content.decode()

    assert "Blue Harbour" in html
    assert "blueharbour.example" in html
    assert SponsorKind.INTERNAL.label not in html
