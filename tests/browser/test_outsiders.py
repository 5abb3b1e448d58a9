"""People from outside: an organization is connected, its people ask or are given a package."""

from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Group as TenantRole
from django.contrib.auth.models import Permission
from django.urls import reverse
from guardian.shortcuts import assign_perm
from playwright.sync_api import expect

from entitlements import models
from entitlements.catalog.permissions import CATALOG_ROLES
from entitlements.policies.models import ApproverKind
from entitlements.policies.scopes import Scope
from tests.browser.journeys import Window
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ConnectedOrganizationFactory,
    GroupFactory,
    GuestFactory,
    ResourceFactory,
    ResourceRoleFactory,
    StageApproverFactory,
    UserFactory,
)

WHY = "We plan the second quay together."
PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}


@pytest.fixture
def company(site):
    """A catalog that is open to outsiders, and a package with a policy for each side."""
    olga = UserFactory(display_name="Olga Owner", department="Partners")
    noor = UserFactory(display_name="Noor Bakker", department="Partners")
    tess = UserFactory(display_name="Tess Tenant", department="Partners")
    role = TenantRole.objects.create(name="Connected organization administrators")
    role.permissions.add(Permission.objects.get(codename="manage_organizations"))
    tess.groups.add(role)
    catalog = CatalogFactory(name="Partners")
    for permission in CATALOG_ROLES["owner"]:
        assign_perm(f"entitlements.{permission}", olga, catalog)
    group = GroupFactory(name="Harbour Lights")
    papers = ResourceRoleFactory(
        resource=ResourceFactory(name="Harbour Lights", group=group, catalog=catalog)
    )
    package = AccessPackageFactory(
        catalog=catalog, name="Joint plan", description="Dates of the quay.", roles=[papers]
    )
    AssignmentPolicyFactory(package=package, name="Employees")
    return SimpleNamespace(
        olga=olga, noor=noor, tess=tess, catalog=catalog, package=package, group=group
    )


@pytest.fixture
def harbour(company):
    """Blue Harbour with its guest Eli; Noor is its internal sponsor, and approves."""
    harbour = ConnectedOrganizationFactory(name="Blue Harbour", domains=["blueharbour.example"])
    harbour.internal_sponsors.add(company.noor)
    company.eli = GuestFactory(
        display_name="Eli Weiss", email="eli@blueharbour.example", organization=harbour
    )
    policy = AssignmentPolicyFactory(
        package=company.package,
        name="Blue Harbour",
        scope=Scope.SPECIFIC_ORGANIZATIONS,
        requires_justification=True,
    )
    policy.allowed_organizations.add(harbour)
    stage = ApprovalStageFactory(policy=policy, position=1)
    StageApproverFactory(stage=stage, kind=ApproverKind.INTERNAL_SPONSORS, user=None)
    company.policy = policy
    return harbour


@pytest.fixture
def window(open_context, sign_in):
    """Open a browser window for somebody, who has signed in."""

    def window(user, **options):
        return Window(sign_in(open_context(**options).new_page(), user), user)

    return window


def test_a_guest_asks_the_internal_sponsor_approves_and_access_is_there(
    company, harbour, window, run_queue, axe, shot
):
    eli, noor = window(company.eli, **PHONE), window(company.noor)

    eli.page.goto("/packages/")
    eli.page.get_by_role("link", name="Joint plan", exact=True).click()
    expect(eli.page.get_by_text("An internal sponsor of your organization")).to_be_visible()
    assert axe(eli.page) == []
    shot(eli.page, "outsiders-guest-asks")
    address = eli.asks(company.package, WHY)
    expect(eli.standing).to_contain_text("Noor Bakker has had it since")

    card = noor.card(company.eli, company.package)
    expect(card).to_contain_text(WHY)
    assert axe(noor.page) == []
    shot(noor.page, "outsiders-sponsor-decides")
    noor.approves(company.eli, company.package)
    run_queue()

    eli.reads(address)
    expect(eli.standing).to_contain_text("Everything is set up.")
    assert eli.active() == ["Joint plan"]
    assert axe(eli.page) == []
    assert list(company.group.members.all()) == [company.eli]


def test_an_organization_is_connected_sponsored_and_tried(company, window, axe, shot):
    page = window(company.tess).page
    page.goto("/")
    page.get_by_text("your menu").locator("..").click()
    page.get_by_role("link", name="Organizations").click()

    expect(page.get_by_role("heading", name="No organization is connected yet")).to_be_visible()
    assert axe(page) == []
    page.get_by_role("link", name="Connect an organization").first.click()
    page.get_by_label("Name").fill("Blue Harbour")
    page.get_by_label("Mail domains").fill("eli@blueharbour.example")
    page.get_by_role("button", name="Connect organization").click()
    expect(page.get_by_role("alert").get_by_text("is no mail domain")).to_be_visible()
    assert axe(page) == []
    page.get_by_label("Mail domains").fill("blueharbour.example")
    page.get_by_role("button", name="Connect organization").click()
    expect(page.get_by_text("Blue Harbour is connected.")).to_be_visible()

    page.get_by_role("link", name="Add sponsor").click()
    page.get_by_placeholder("Two letters of the name").press_sequentially("noor")
    page.get_by_label("Noor Bakker").check()
    page.get_by_role("button", name="Add sponsor").click()
    expect(page.get_by_text("Noor Bakker sponsors Blue Harbour now.")).to_be_visible()

    page.get_by_label("E-mail address").fill("eli@blueharbour.example")
    page.get_by_placeholder("Two letters of the name").press_sequentially("joint")
    page.get_by_label("Joint plan").check()
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("No policy lets this person ask now.")).to_be_visible()
    expect(page.get_by_text("The address is of Blue Harbour, which is configured.")).to_be_visible()
    assert axe(page) == []
    shot(page, "outsiders-organization-tried")
    assert models.ConnectedOrganization.objects.get().internal_sponsors.get() == company.noor


def test_an_owner_makes_a_policy_for_an_organization(company, harbour, window, axe, shot):
    page = window(company.olga).page
    page.goto(reverse("manage:policy_add", args=[company.package.pk]))

    page.get_by_label("Name").fill("Everybody at Blue Harbour")
    page.get_by_label("Specific people and groups").check()
    page.get_by_text("These people and groups").wait_for()
    page.get_by_label("Anybody from outside, known or not").check()
    page.get_by_text("These people and groups").wait_for(state="detached")
    page.get_by_role("button", name="Add policy").click()
    expect(page.get_by_text("Add a stage of approval").first).to_be_visible()
    page.get_by_label("Specific connected organizations").check()
    scope = page.locator("#allowed")
    scope.get_by_placeholder("Two letters of the name").press_sequentially("blue")
    scope.get_by_label("Blue Harbour").check()
    assert axe(page) == []
    shot(page, "outsiders-policy")
    page.get_by_role("button", name="Add policy").click()

    page.get_by_text("The policy Everybody at Blue Harbour was added to Joint plan.").wait_for()
    policy = models.AssignmentPolicy.objects.get(name="Everybody at Blue Harbour")
    assert policy.allowed_organizations.get() == harbour


def test_a_package_is_given_to_an_address_and_the_account_comes_with_it(
    company, harbour, window, run_queue, axe, shot
):
    olga, noor = window(company.olga), window(company.noor)
    page = olga.page
    page.goto(reverse("manage:give", args=[company.package.pk]))

    page.get_by_label("Or an e-mail address").fill("jo@elsewhere.example")
    page.get_by_label("Name of that person").fill("Jo Hale")
    page.get_by_label("Blue Harbour").check()
    page.get_by_role("button", name="Give package").click()
    refusal = page.get_by_role("alert").get_by_text("admits nobody with an address at elsewhere")
    expect(refusal).to_be_visible()
    assert axe(page) == []
    shot(page, "outsiders-give-refused")
    page.get_by_label("Or an e-mail address").fill("jo@blueharbour.example")
    page.get_by_role("button", name="Give package").click()
    page.get_by_text("Jo Hale gets Joint plan.").wait_for()
    expect(page.get_by_text("No account yet")).to_be_visible()
    assert axe(page) == []

    jo = models.User.objects.get(email="jo@blueharbour.example")
    assert not jo.is_active
    card = noor.card(jo, company.package)
    expect(card).to_contain_text("No account yet")
    assert axe(noor.page) == []
    shot(noor.page, "outsiders-card-invited")
    noor.approves(jo, company.package)
    run_queue()

    jo.refresh_from_db()
    assert jo.is_active
    assert window(jo, **PHONE).active() == ["Joint plan"]
    told = models.Notification.objects.filter(recipient=jo)
    assert [one.event for one in told] == ["access.given"]
