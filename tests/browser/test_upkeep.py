"""Owners keep packages in order in a real browser: change roles, move, extend, see what waits."""

from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from entitlements import clock, models
from entitlements.assignments import grants
from entitlements.catalog.appointments import give_role
from portal.forms import day_of
from tests.browser.scene import run_queue
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    CustomExtensionFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SOON = timedelta(days=5)


@pytest.fixture
def sales(site, appoint):
    """A package that three people hold, a role that would make two of them clash, and a twin."""

    class Sales:
        catalog = CatalogFactory(name="Sales", description="What the sales department uses.")
        finance = CatalogFactory(name="Finance", is_external=False)
        olga = appoint(UserFactory(display_name="Olga Owner"), catalog)
        people = [
            UserFactory(display_name=name, department="Sales")
            for name in ("Ana Diaz", "Hugo Weiss", "Dev Patel")
        ]
        desk = GroupFactory(name="Sales desk")
        role = ResourceRoleFactory(
            resource=ResourceFactory(group=desk, name="Sales desk", catalog=catalog)
        )
        package = AccessPackageFactory(name="Sales Analyst", catalog=catalog)
        policy = AssignmentPolicyFactory(package=package, name="Employees")

        def __init__(self):
            appoint(self.olga, self.finance)
            self.around = GroupFactory(name="All of sales")
            self.around.nested.add(self.desk)
            approver = AccessPackageFactory(name="Finance Approver", catalog=self.finance)
            models.Incompatibility.objects.create(package=approver, other_role=self.role)
            by_hand = AssignmentPolicyFactory(package=approver, name="By hand")
            self.held = [self.give(self.policy, person) for person in self.people]
            for person in self.people[:2]:
                self.give(by_hand, person)
            basics = AccessPackageFactory(
                name="Staff basics", catalog=self.catalog, roles=[self.package.roles.get()]
            )
            self.give(AssignmentPolicyFactory(package=basics), self.people[2])
            run_queue()

        def give(self, policy, person):
            assignment = AssignmentFactory(policy=policy, target=person, ends_at=clock.now() + SOON)
            grants.want(assignment)
            return assignment

    return Sales()


def test_a_role_is_added_when_one_has_read_what_it_does(page, sign_in, sales, sound):
    sign_in(page, sales.olga).goto(reverse("manage:package", args=[sales.package.pk]))
    page.get_by_role("link", name="Add role").click()
    page.get_by_label("Role").select_option(label="Sales desk: Member")
    page.get_by_text("3 people get Sales desk: Member within minutes.").wait_for()
    page.get_by_text(
        "2 people would then clash with Finance Approver: Ana Diaz and Hugo Weiss."
    ).wait_for()
    sound(page, "role-add")
    page.get_by_role("button", name="Add role").click()

    page.get_by_text("carried out for 0 of 3 people").wait_for()
    sound(page, "role-carried-out")
    run_queue()
    page.get_by_text("Everything that was changed is carried out.").wait_for()
    expect(page.locator("#recount")).not_to_have_attribute("hx-get", "")
    assert sales.desk.members.count() == 3


def test_a_role_is_removed_when_one_has_read_who_loses_it(page, sign_in, sales, sound):
    sign_in(page, sales.olga).goto(reverse("manage:package", args=[sales.package.pk]))
    page.get_by_role("link", name="Remove").click()

    page.get_by_text("2 people lose it within minutes.").wait_for()
    page.get_by_text("1 person keeps it through Staff basics.").wait_for()
    sound(page, "role-remove")
    page.get_by_role("button", name="Remove role").click()
    page.get_by_text("Sales Analyst does not contain").wait_for()
    assert not sales.package.roles.exists()


def test_a_package_moves_when_nothing_speaks_against_it(page, sign_in, sales, sound):
    resource = sales.package.roles.get().resource
    extension = CustomExtensionFactory(policy=sales.policy, name="Ticket desk", stages=["approved"])
    sign_in(page, sales.olga).goto(reverse("manage:package", args=[sales.package.pk]))
    page.get_by_text("More", exact=True).click()
    page.get_by_role("link", name="Move…").click()
    page.get_by_label("To the catalog").select_option(label="Finance")
    page.get_by_role("button", name="Move package").click()
    page.get_by_text(f"Finance does not offer {resource}").wait_for()
    page.get_by_text("uses the extension “Ticket desk”").wait_for()
    sound(page, "move")

    models.CatalogResource.objects.create(catalog=sales.finance, resource=resource)
    extension.attachments.all().delete()
    page.get_by_role("button", name="Move package").click()
    page.get_by_text("Sales Analyst is in Finance now.").wait_for()
    page.get_by_text("You moved the package from Sales to Finance.").wait_for()
    sales.package.refresh_from_db()
    assert sales.package.catalog == sales.finance


def test_access_of_several_is_extended_from_the_list(page, sign_in, sales, sound):
    sign_in(page, sales.olga).goto(reverse("manage:entitlements_assignment_changelist"))
    for name in ("Ana Diaz", "Hugo Weiss"):
        page.get_by_label(f"Choose Sales Analyst for {name}").check()
    page.get_by_role("button", name="Extend…").click()
    page.get_by_label("Until").fill(f"{day_of(clock.now() + timedelta(days=30))}")
    sound(page, "extend-chosen")
    page.get_by_role("button", name="Extend access").click()

    page.get_by_role("heading", name="2 of 2 extended").wait_for()
    sound(page, "extend-outcomes")
    longer = models.Assignment.objects.filter(ends_at__gt=clock.now() + timedelta(days=28))
    names = longer.order_by("target__display_name").values_list("target__display_name", flat=True)
    assert list(names) == ["Ana Diaz", "Hugo Weiss"]


def test_a_catalog_says_what_needs_somebody_and_leads_there(page, sign_in, sales, sound):
    ApprovalStageFactory(policy=sales.policy)
    AccessPackageFactory(name="Sales Draft", catalog=sales.catalog)
    sign_in(page, sales.olga).goto(reverse("manage:catalog", args=[sales.catalog.pk]))
    page.get_by_role("link", name="4 assignments end within 14 days").wait_for()
    page.get_by_role("link", name="1 policy in which nobody can approve").wait_for()
    sound(page, "catalog-health")

    page.get_by_role("link", name="1 package without a policy").click()
    page.get_by_role("link", name="Sales Draft").wait_for()
    expect(page.get_by_role("link", name="Finance Approver")).to_have_count(0)


def test_what_comes_with_a_group_stands_on_its_page_and_before_it_is_offered(
    page, sign_in, sales, sound
):
    give_role(sales.around, CatalogFactory(name="Board"), "reader")
    sign_in(page, sales.olga).goto(reverse("manage:resource", args=[sales.role.resource_id]))
    page.get_by_text("All of sales").wait_for()
    page.get_by_text("1 role in other catalogs").wait_for()
    sound(page, "indirect")

    sales.desk.owners.add(sales.olga)
    page.goto(reverse("manage:resource_add", args=[sales.finance.pk]))
    page.get_by_label("Group").select_option(label="Sales desk (security group)")
    page.get_by_text("Whoever gets into Sales desk gets this with it").wait_for()
    sound(page, "indirect-offer")
