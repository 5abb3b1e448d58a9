"""The sites of owners and administrators in a real browser: seen, audited, and used."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from entitlements import clock, models
from entitlements.assignments import grants
from entitlements.catalog.operations import appoint, create_catalog
from entitlements.catalog.terms import CatalogTerms
from entitlements.requests import operations as requests
from tests.browser import scene
from tests.browser.sights import look
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    ConnectedSystemFactory,
    GroupFactory,
    NotificationFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)


class Company:
    """A catalog that is used: things of every kind in every state that the pages show."""

    def __init__(self):
        self.ivo = UserFactory(display_name="Ivo Okoro", is_superuser=True)
        self.olga = UserFactory(display_name="Olga Owner", department="Sales")
        self.olga.user_permissions.add(Permission.objects.get(codename="add_catalog"))
        self.bo = UserFactory(display_name="Bo Chen", department="Finance")
        self.ana = UserFactory(display_name="Ana Diaz", department="Sales")
        self.catalog = create_catalog(
            CatalogTerms("Sales", "What the sales department uses, from leads to invoices."),
            by=self.olga,
        )
        appoint(self.bo, self.catalog, "package_manager", by=self.olga)
        self.fill()

    def fill(self):
        team = GroupFactory(name="Sales team")
        team.owners.add(self.olga)
        GroupFactory(name="Sales leads").owners.add(self.olga)
        self.resource = ResourceFactory(
            group=team, name="Sales CRM", catalog=self.catalog, address="https://crm.example/"
        )
        self.role = ResourceRoleFactory(resource=self.resource, description="See orders.")
        ledger = ResourceRoleFactory(
            resource=ResourceFactory(name="Ledger", catalog=self.catalog),
            name="Poster",
            is_privileged=True,
        )
        roles = [self.role, ledger]
        self.package = AccessPackageFactory(catalog=self.catalog, name="Sales Analyst", roles=roles)
        AccessPackageFactory(catalog=self.catalog, name="Sales Draft", roles=[], state="draft")
        self.policy = AssignmentPolicyFactory(
            package=self.package, name="Employees", scope="specific"
        )
        self.policy.allowed_users.add(self.ana)
        ApprovalStageFactory(policy=self.policy, position=1, manager=True, fallbacks=[self.bo])
        ApprovalStageFactory(policy=self.policy, position=2, approvers=[self.bo, self.ana])
        free = AssignmentPolicyFactory(package=self.package, name="By hand", scope="nobody")
        self.assignment = AssignmentFactory(
            policy=free, target=self.ana, ends_at=clock.now() + timedelta(days=5)
        )
        AssignmentFactory(policy=free, ends_at=clock.now() - timedelta(hours=1))
        grants.want(self.assignment)
        models.Grant.objects.filter(role=ledger).update(
            next_attempt_at=None, last_error="The group does not exist.", error_code="gone"
        )
        self.access_request = requests.submit(self.policy, by=self.newcomer())
        NotificationFactory(recipient=self.ana)

    def newcomer(self):
        person = UserFactory(display_name="Nia New")
        self.policy.allowed_users.add(person)
        return person

    def pages(self):
        """Every page beneath `/manage/`, by a short name."""
        named = {
            "home": "manage:index",
            "deliveries": "manage:deliveries",
            "catalog_add": "manage:catalog_add",
            **{
                f"list_{model}": f"manage:entitlements_{model}_changelist"
                for model in (
                    "catalog",
                    "accesspackage",
                    "assignmentpolicy",
                    "resource",
                    "assignment",
                    "accessrequest",
                )
            },
        }
        yield from ((name, reverse(address)) for name, address in named.items())
        for name, ids in {
            "catalog": [self.catalog.pk],
            "catalog_edit": [self.catalog.pk],
            "people": [self.catalog.pk],
            "dismiss": [self.catalog.pk, self.bo.pk],
            "resource_add": [self.catalog.pk],
            "resource": [self.resource.pk],
            "role_edit": [self.resource.pk, self.role.pk],
            "package_add": [self.catalog.pk],
            "package": [self.package.pk],
            "package_role_add": [self.package.pk],
            "package_role_remove": [self.package.pk, self.role.pk],
            "policy_add": [self.package.pk],
            "policy": [self.policy.pk],
            "give": [self.package.pk],
            "assignment": [self.assignment.pk],
        }.items():
            yield name, reverse(f"manage:{name}", args=ids)
        yield "end", f"{reverse('manage:assignments_end')}?id={self.assignment.pk}"
        yield "nothing", f"{reverse('manage:entitlements_resource_changelist')}?q=zzz"

    def admin_pages(self):
        """The pages beneath `/admin/` that look different from one another."""
        for name, args in {
            "index": [],
            "entitlements_user_changelist": [],
            "entitlements_user_change": [self.ana.pk],
            "entitlements_user_add": [],
            "entitlements_user_history": [self.ana.pk],
            "entitlements_group_change": [models.Group.objects.get(name="Sales team").pk],
            "entitlements_connectedsystem_add": [],
            "entitlements_auditevent_changelist": [],
            "entitlements_auditevent_change": [models.AuditEvent.objects.first().pk],
            "entitlements_notification_changelist": [],
            "django_q_ormq_changelist": [],
            "entitlements_heartbeat_changelist": [],
        }.items():
            yield name, reverse(f"admin:{name}", args=args)
        system = ConnectedSystemFactory(kind="ldap", name="Company LDAP", settings={})
        add = reverse("manage:resource_add", args=[self.catalog.pk])
        yield "find", f"{add}?system={system.pk}&q=crm"


@pytest.fixture
def company(site):
    return Company()


def walk(page, addresses, axe, shot):
    """Visit pages, and return what is wrong with them."""
    wrong = []
    for name, address in addresses:
        assert page.goto(address).status == 200, address
        wrong += look(page, name, axe, shot)
    return wrong


def test_every_page_of_owners_is_sound(company, page, sign_in, axe, shot):
    sign_in(page, company.olga)

    addresses = ((f"manage-{name}", address) for name, address in company.pages())
    wrong = walk(page, addresses, axe, shot)
    assert not wrong, "\n".join(wrong)


def test_every_page_of_administrators_is_sound(company, page, sign_in, axe, shot):
    sign_in(page, company.ivo)

    addresses = ((f"admin-{name}", address) for name, address in company.admin_pages())
    wrong = walk(page, addresses, axe, shot)
    assert not wrong, "\n".join(wrong)


def test_somebody_is_found_while_typing_and_appointed(company, page, sign_in, axe):
    sign_in(page, company.olga).goto(reverse("manage:people", args=[company.catalog.pk]))

    page.get_by_placeholder("Two letters of the name").press_sequentially("ana")
    page.get_by_label("Ana Diaz").check()
    page.get_by_label("Assignment manager").check()
    assert axe(page) == []
    page.get_by_role("button", name="Appoint").click()

    page.get_by_text("Ana Diaz is assignment manager of Sales now.").wait_for()


def test_the_fields_of_a_policy_follow_its_choices(company, page, sign_in, axe, shot):
    sign_in(page, company.olga).goto(reverse("manage:policy_add", args=[company.package.pk]))

    page.get_by_label("Name").fill("Everybody")
    page.get_by_label("Specific people and groups").check()
    page.get_by_placeholder("Two letters of the name").wait_for()
    page.get_by_label("Approval").select_option("1")
    page.get_by_role("group", name="Stage 1").wait_for()
    page.get_by_label("On a date").check()
    page.locator("#id_ends_on").wait_for()
    assert page.locator("#id_duration").count() == 0
    page.get_by_label("All members, without guests").check()
    page.get_by_role("group", name="These people and groups").wait_for(state="detached")
    page.get_by_label("Never").check()
    page.locator("#id_ends_on").wait_for(state="detached")
    stage = page.get_by_role("group", name="Stage 1")
    stage.get_by_placeholder("Two letters of the name").first.press_sequentially("bo")
    stage.get_by_label("Bo Chen").check()
    assert axe(page) == []
    shot(page, "manage-policy-filled")
    page.get_by_role("button", name="Add policy").click()

    page.get_by_text("The policy Everybody was added to Sales Analyst.").wait_for()
    policy = models.AssignmentPolicy.objects.get(name="Everybody")
    assert policy.stages.get().approvers.get().user == company.bo


def test_what_is_wrong_with_a_form_is_said_and_keeps_what_was_entered(
    company, page, sign_in, axe, shot
):
    sign_in(page, company.olga).goto(reverse("manage:policy_add", args=[company.package.pk]))

    page.get_by_label("Name").fill("Employees")
    page.get_by_label("How many").fill("30")
    page.get_by_role("button", name="Add policy").click()

    page.get_by_role("alert").get_by_text("exists already").wait_for()
    assert page.get_by_label("How many").input_value() == "30"
    assert axe(page) == []
    shot(page, "manage-policy-wrong")


class Hand:
    """Counts what a person does at a page, and says how long it takes him.

    Keystroke-level model of Card, Moran and Newell (1980): 1.35 s to think, 1.1 s to point and
    0.2 s to click, and for text 0.4 s to reach for the keys and 0.28 s for each.
    """

    def __init__(self, page):
        self.page, self.clicks, self.seconds = page, 0, 0.0

    def click(self, role, name, **options):
        self._click(self.page.get_by_role(role, name=name, **options))

    def choose(self, label):
        self._click(self.page.get_by_label(label))

    def pick(self, label, option):
        self.page.get_by_label(label).select_option(label=option)
        self._count(clicks=2)

    def write(self, label, text):
        self._write(self.page.get_by_label(label), text)

    def seek(self, text):
        self._write(self.page.get_by_placeholder("Two letters of the name"), text)

    def _write(self, field, text):
        field.press_sequentially(text)
        self._count(clicks=1)
        self.seconds += 0.4 + 0.28 * len(text)

    def _click(self, what):
        what.click()
        self._count(clicks=1)

    def _count(self, clicks):
        self.clicks += clicks
        self.seconds += clicks * (1.35 + 1.1 + 0.2)


def test_a_newcomer_delivers_a_package_from_an_empty_catalog_in_three_minutes(
    company, page, sign_in, shot
):
    sign_in(page, company.olga).goto("/manage/")
    hand = Hand(page)
    hand.click("link", "Create catalog")
    hand.write("Name", "Research")
    hand.click("button", "Create catalog")
    hand.click("link", "Add resource")
    hand.pick("Group", "Sales leads (security group)")
    hand.click("button", "Add resource")
    hand.click("link", "Research", exact=True)
    hand.click("link", "Add package")
    hand.write("Name", "Researcher")
    hand.write("Description", "For those who search.")
    hand.click("button", "Create package")
    hand.click("link", "Add role")
    hand.pick("Role", "Sales leads: Member")
    hand.click("button", "Add role")
    hand.click("link", "Add policy")
    hand.write("Name", "Everybody")
    hand.choose("All members, without guests")
    hand.click("button", "Add policy")
    hand.click("link", "Publish…")
    hand.click("button", "Publish package")
    page.get_by_text("Done: publish Researcher.").wait_for()
    hand.click("link", "Give directly")
    hand.seek("ana")
    hand.choose("Ana Diaz")
    hand.click("button", "Give package")
    page.get_by_text("Ana Diaz gets Researcher.").wait_for()
    scene.run_queue()
    page.reload()
    shot(page, "manage-newcomer")

    leads = models.Group.objects.get(name="Sales leads")
    assert leads.memberships.filter(user=company.ana).exists()
    assert models.Assignment.objects.get(package__name="Researcher").state == "delivered"
    assert hand.clicks <= 40
    assert hand.seconds < 180


def test_chosen_access_is_ended_from_the_list(company, page, sign_in, shot):
    sign_in(page, company.olga).goto(reverse("manage:entitlements_assignment_changelist"))

    assert page.get_by_role("button", name="End access…").is_disabled()
    page.get_by_label("Choose Sales Analyst for Ana Diaz").check()
    page.get_by_role("button", name="End access…").click()
    page.get_by_role("heading", name="End this access?").wait_for()
    page.get_by_label("Why?").fill("Changed teams")
    page.get_by_role("button", name="End access").click()
    page.get_by_role("heading", name="1 of 1 ended").wait_for()
    shot(page, "manage-outcomes")

    company.assignment.refresh_from_db()
    assert company.assignment.end_reason == "removed"


def test_everything_works_without_scripts_too(company, open_context, sign_in):
    page = sign_in(open_context(java_script_enabled=False).new_page(), company.olga)
    page.goto(reverse("manage:people", args=[company.catalog.pk]))

    page.get_by_placeholder("Two letters of the name").fill("ana")
    page.get_by_role("button", name="Find").click()
    page.get_by_label("Ana Diaz").check()
    page.get_by_label("Reader").check()
    page.get_by_role("button", name="Appoint").click()
    page.get_by_text("Ana Diaz is reader of Sales now.").wait_for()
    page.goto(reverse("manage:policy_add", args=[company.package.pk]))
    page.get_by_label("Approval").select_option("2")
    page.get_by_role("button", name="Show the fields").click()
    page.get_by_role("group", name="Stage 2").wait_for()
