"""Who may do what: every action by every role, on his own catalog and on a foreign one.

The table is the whole truth. Each action is tried by its operation and by the page that people
use, and everything that it did is undone before the next role tries.
"""

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import NamedTuple

import pytest
from django.db import transaction
from django.http import Http404
from django.test import Client
from django.urls import reverse

from entitlements import models
from entitlements.assignments.models import AssignmentState
from entitlements.catalog import extensions, packages, resources, rewriting
from entitlements.catalog import operations as catalogs
from entitlements.catalog.attributes import ask_for_attribute
from entitlements.catalog.package_versions import contents_of
from entitlements.catalog.terms import CatalogTerms, PackageTerms, ResourceTerms
from entitlements.decisions import Denied
from entitlements.delivery import operations as delivery
from entitlements.delivery.holders import can_see_holders
from entitlements.delivery.taking_over import prepare
from entitlements.directory.appointing import give_tenant_role
from entitlements.directory.organizations import operations as organizations
from entitlements.directory.organizations.models import SponsorKind
from entitlements.directory.organizations.terms import OrganizationTerms
from entitlements.directory.tenant_roles import tenant_role
from entitlements.imports import operations as imports
from entitlements.imports.building import Options
from entitlements.imports.definitions import Definition, Definitions, Entitlement
from entitlements.policies import clashes, drafts
from entitlements.policies import operations as policies
from entitlements.policies.duplicating import duplicate_package
from entitlements.policies.moving import move_package
from entitlements.policies.question_terms import QuestionTerms
from entitlements.policies.questions import tidied, write_questions
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.policies.terms import PolicyTerms
from entitlements.requests import callbacks, correcting, inviting, reapplying, records
from entitlements.requests import operations as requests
from entitlements.requests.states import RequestKind, RequestState
from tests.factories import (
    AccessPackageFactory,
    AccessRequestFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ConnectedOrganizationFactory,
    ConnectedSystemFactory,
    CustomExtensionFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

IN_TENANT = (
    "governance_administrator",
    "organization_administrator",
    "auditor",
    "catalog_creator",
)
ROLES = (
    "superuser",
    *IN_TENANT,
    "owner",
    "reader",
    "package_manager",
    "assignment_manager",
    "resource_owner",
    "stranger",
)
ONE_DAY = timedelta(days=1)
ADMINISTRATORS = {"superuser"}
ANYWHERE = {"superuser", "governance_administrator"}
OF_TENANT = {*ANYWHERE, "organization_administrator"}
SEEN_ANYWHERE = {*ANYWHERE, "auditor"}
OWNERS = {*ANYWHERE, "owner"}
MANAGERS = {*OWNERS, "package_manager"}
GIVERS = {*MANAGERS, "assignment_manager"}
VIEWERS = {*GIVERS, "reader", "auditor"}


class Place:
    """A catalog with one of everything that somebody could do something with."""

    def __init__(self, name, bystander):
        self.bystander = bystander
        self.catalog = CatalogFactory(name=name)
        self.empty = CatalogFactory(name=f"{name}, empty")
        self.group, self.owned = GroupFactory(name=f"{name} group"), GroupFactory()
        self.role = ResourceRoleFactory(resource=ResourceFactory(catalog=self.catalog))
        self.package = AccessPackageFactory(catalog=self.catalog, name=f"{name} package")
        self.unused = AccessPackageFactory(catalog=self.catalog, name=f"{name} unused")
        self.light = AccessPackageFactory(catalog=self.catalog, name=f"{name} light", roles=[])
        self.unused_policy = AssignmentPolicyFactory(package=self.unused, name="Unused")
        self.policy = AssignmentPolicyFactory(package=self.package, name="Staff")
        ApprovalStageFactory(policy=self.policy, position=1, approvers=[UserFactory()])
        self.assignment = AssignmentFactory(policy=self.policy)
        self.waiting = requests.submit(self.policy, by=UserFactory())
        failed = AssignmentFactory(policy=self.policy, state=AssignmentState.DELIVERY_FAILED)
        self.failed = AccessRequestFactory(
            policy=self.policy,
            requestor=failed.target,
            kind=RequestKind.USER_ADD,
            state=RequestState.DELIVERY_FAILED,
            assignment=failed,
        )
        self.denied = AccessRequestFactory(policy=self.policy, state=RequestState.DENIED)
        self.by_hand = AssignmentPolicyFactory(package=self.package, name="By hand", scope="nobody")
        domain = f"{name.lower()}.example"
        self.organization = ConnectedOrganizationFactory(name=f"{name} partner", domains=[domain])
        self.proposed = ConnectedOrganizationFactory(name=f"{name} proposed", state="proposed")
        self.partners = AssignmentPolicyFactory(package=self.package, scope="all_organizations")
        self.outsider = f"new@{domain}"
        self._ask(name)

    def _ask(self, name):
        """Let somebody hold what was asked for with an answer, and an extension be asked."""
        package = AccessPackageFactory(catalog=self.catalog, name=f"{name} asking")
        asking = AssignmentPolicyFactory(package=package)
        question = QuestionTerms("short_text", "Which project?", is_editable=True)
        write_questions(asking, tidied((question,)))
        self.key = str(asking.questions.get().key)
        self.corrected = {self.key: "GEMINI"}
        self.answered = AssignmentFactory(policy=asking)
        decider = CustomExtensionFactory(
            catalog=self.catalog, response="approval_stage", waits_for=timedelta(days=1)
        )
        dynamic = AssignmentPolicyFactory(package=package, name="Dynamic")
        ApprovalStageFactory(policy=dynamic, position=1, extension=decider)
        requests.submit(dynamic, by=UserFactory())
        self.callout = models.Callout.objects.get(extension=decider)


class World:
    """Somebody in a role of one catalog, and another catalog that he has nothing to do with."""

    def __init__(self, appoint):
        self.person = UserFactory()
        bystander = UserFactory(display_name="Bystander")
        self.own, self.foreign = Place("Own", bystander), Place("Foreign", bystander)
        self.appoint = appoint

    def become(self, role):
        """Give the person a role in his own catalog."""
        if role == "superuser":
            models.User.objects.filter(pk=self.person.pk).update(is_superuser=True)
        elif role in IN_TENANT:
            self.person.groups.add(tenant_role(role))
        elif role != "stranger" and role != "resource_owner":
            for catalog in (self.own.catalog, self.own.empty):
                self.appoint(self.person, catalog, role)
        for place in (self.own, self.foreign):
            place.owned.owners.add(self.person)
        if role == "resource_owner":
            self.own.group.owners.add(self.person)
        return models.User.objects.get(pk=self.person.pk)


class Action(NamedTuple):
    """One row: its number in the list of actions, what it is, and who may."""

    number: str
    what: str
    own: set
    act: object
    page: object
    foreign: set = ANYWHERE


class Page(NamedTuple):
    """What a browser sends, or opens where nothing is sent."""

    route: str
    args: tuple = ()
    sent: dict | None = None
    query: str = ""


def seen(rows, row):
    """Read one row of what somebody sees, as pages do."""
    if not rows.filter(pk=row.pk).exists():
        raise Http404


def offer(place, group, by):
    resources.add_resource(
        place.catalog,
        ResourceTerms("New"),
        system=ConnectedSystemFactory(),
        external_id=str(group.pk),
        kind="security_group",
        by=by,
    )


def policy_fields(name):
    return {
        "name": name,
        "scope": "nobody",
        "stage_count": "0",
        "expiration": "after_days",
        "duration": 9,
        "is_enabled": "on",
    }


def changed(policy, by):
    terms = replace(policies.terms_of(policy), duration=9)
    return policies.change_policy(policy, terms, by=by)


def prepared(place):
    """Change the policy, so that there is an earlier version and something to apply."""
    boss = UserFactory(is_superuser=True)
    changed(place.policy, boss)
    return place


def held_by(place):
    """Return a role of the package that somebody holds without it."""
    role = place.package.roles.select_related("resource").get()
    models.Membership.objects.get_or_create(
        group_id=role.resource.external_id, user=place.bystander
    )
    return role


def tried_out(place, by):
    """Try out the import of a role that gives what the catalog offers."""
    resource = place.role.resource
    gives = Entitlement("line 2", str(resource.system), resource.external_id, "member")
    role = Definition("line 2", "Imported role", entitlements=(gives,))
    return imports.check(place.catalog, Definitions((role,)), Options(), by=by, source="roles.csv")


WORDS = {"name": "New", "description": "Words."}
PARTNER = {"name": "New", "domains": "new.example"}
MATRIX = [
    *(
        Action(
            "1", f"appoint somebody as {key}", who,
            lambda place, by, key=key: give_tenant_role(place.bystander, key, by=by),
            lambda place, key=key: Page(
                "roles:role", (key,), {"person": f"user:{place.bystander.pk}"}
            ),
            foreign=who,
        )
        for key, who in (
            ("catalog_creator", ANYWHERE),
            ("auditor", ANYWHERE),
            ("organization_administrator", ANYWHERE),
            ("governance_administrator", ADMINISTRATORS),
            ("administrator", ADMINISTRATORS),
        )
    ),
    Action(
        "3", "connect an organization", OF_TENANT,
        lambda place, by: organizations.create_organization(
            OrganizationTerms("New", "", ("new.example",)), by=by
        ),
        lambda place: Page("organizations:add", (), PARTNER),
        foreign=OF_TENANT,
    ),
    Action(
        "3", "change an organization", OF_TENANT,
        lambda place, by: organizations.change_organization(
            place.organization, OrganizationTerms("New", "", ("new.example",)), by=by
        ),
        lambda place: Page("organizations:edit", (place.organization.pk,), PARTNER),
        foreign=OF_TENANT,
    ),
    Action(
        "3", "configure an organization", OF_TENANT,
        lambda place, by: organizations.promote(place.proposed, by=by),
        lambda place: Page("organizations:promote", (place.proposed.pk,), {}),
        foreign=OF_TENANT,
    ),
    Action(
        "3", "delete an organization", OF_TENANT,
        lambda place, by: organizations.delete_organization(place.organization, by=by),
        lambda place: Page("organizations:delete", (place.organization.pk,), {}),
        foreign=OF_TENANT,
    ),
    Action(
        "3", "name a sponsor", OF_TENANT,
        lambda place, by: organizations.add_sponsor(
            place.organization, place.bystander, SponsorKind.INTERNAL, by=by
        ),
        lambda place: Page(
            "organizations:sponsor_add",
            (place.organization.pk,),
            {"person": f"user:{place.bystander.pk}", "kind": "internal"},
        ),
        foreign=OF_TENANT,
    ),
    Action(
        "3", "look at an organization", OF_TENANT,
        None,
        lambda place: Page("organizations:detail", (place.organization.pk,)),
        foreign=OF_TENANT,
    ),
    Action(
        "4", "create a catalog", {*ANYWHERE, "catalog_creator"},
        lambda place, by: catalogs.create_catalog(CatalogTerms("New"), by=by),
        lambda place: Page("catalog_add", (), WORDS),
        foreign={*ANYWHERE, "catalog_creator"},
    ),
    Action(
        "5", "see a catalog", VIEWERS,
        lambda place, by: seen(models.Catalog.objects.visible_to(by), place.catalog),
        lambda place: Page("catalog", (place.catalog.pk,)),
        foreign=SEEN_ANYWHERE,
    ),
    Action(
        "6", "edit a catalog", OWNERS,
        lambda place, by: catalogs.change_catalog(place.catalog, CatalogTerms("New"), by=by),
        lambda place: Page("catalog_edit", (place.catalog.pk,), WORDS),
    ),
    Action(
        "7", "delete a catalog", OWNERS,
        lambda place, by: catalogs.delete_catalog(place.empty, by=by),
        lambda place: Page("catalog_delete", (place.empty.pk,), {}),
    ),
    Action(
        "8", "offer a resource that one owns", OWNERS,
        lambda place, by: offer(place, place.owned, by),
        lambda place: Page("resource_add", (place.catalog.pk,), group_of(place.owned)),
    ),
    Action(
        "8", "offer a resource that one does not own", ADMINISTRATORS,
        lambda place, by: offer(place, place.group, by),
        lambda place: Page("resource_add", (place.catalog.pk,), group_of(place.group)),
        foreign=ADMINISTRATORS,
    ),
    Action(
        "9", "ask for an attribute with a resource that one does not own", ANYWHERE,
        lambda place, by: ask_for_attribute(
            place.role.resource, "city", "Which?", is_editable=False, by=by
        ),
        lambda place: Page(
            "attribute_add", (place.role.resource_id,), {"name": "city", "question": "Which?"}
        ),
    ),
    Action(
        "10", "make somebody owner", OWNERS,
        lambda place, by: catalogs.appoint(place.bystander, place.catalog, "owner", by=by),
        lambda place: Page("people", (place.catalog.pk,), appointed(place, "owner")),
    ),
    *(
        Action(
            "11", f"make somebody {role}", OWNERS,
            lambda place, by, role=role: catalogs.appoint(
                place.bystander, place.catalog, role, by=by
            ),
            lambda place, role=role: Page("people", (place.catalog.pk,), appointed(place, role)),
        )
        for role in ("package_manager", "assignment_manager", "reader")
    ),
    Action(
        "12", "create a package", MANAGERS,
        lambda place, by: packages.create_package(place.catalog, PackageTerms(**WORDS), by=by),
        lambda place: Page("package_add", (place.catalog.pk,), WORDS),
    ),
    Action(
        "13", "edit a package", MANAGERS,
        lambda place, by: packages.change_package(place.package, PackageTerms(**WORDS), by=by),
        lambda place: Page("package_edit", (place.package.pk,), WORDS),
    ),
    Action(
        "13", "save a package as a whole", MANAGERS,
        lambda place, by: rewriting.rewrite_package(
            place.package, contents_of(place.package), by=by
        ),
        lambda place: Page("package_edit", (place.package.pk,), WORDS),
    ),
    Action(
        "13", "keep a draft of a package", MANAGERS,
        lambda place, by: rewriting.keep_draft(place.package, contents_of(place.package), by=by),
        lambda place: Page("package_edit", (place.package.pk,), {**WORDS, "keep": "draft"}),
    ),
    Action(
        "13", "throw the draft of a package away", MANAGERS,
        lambda place, by: rewriting.throw_away_draft(place.package, by=by),
        lambda place: Page("package_throw_away", (place.package.pk,), {}),
    ),
    Action(
        "13", "hide a package", MANAGERS,
        lambda place, by: packages.hide(place.package, by=by),
        lambda place: Page("package_step", (place.package.pk, "hide"), {}),
    ),
    Action(
        "14", "delete a package", MANAGERS,
        lambda place, by: packages.delete_package(place.unused, by=by),
        lambda place: Page("package_step", (place.unused.pk, "delete"), {}),
    ),
    Action(
        "12", "duplicate a package", MANAGERS,
        lambda place, by: duplicate_package(place.package, "Twin", by=by),
        lambda place: Page("package_duplicate", (place.package.pk,), {"name": "Twin"}),
    ),
    Action(
        "14", "move a package between two catalogs", MANAGERS,
        lambda place, by: move_package(place.light, place.empty, by=by),
        lambda place: Page("package_move", (place.light.pk,), {"catalog": place.empty.pk}),
    ),
    Action(
        "15", "add a role to a package", MANAGERS,
        lambda place, by: packages.add_role(place.package, place.role, by=by),
        lambda place: Page(
            "package_role_add",
            (place.package.pk,),
            {"role": place.role.pk, "seen": place.role.pk},
        ),
    ),
    Action(
        "15", "remove a role from a package", MANAGERS,
        lambda place, by: packages.remove_role(place.package, place.package.roles.get(), by=by),
        lambda place: Page(
            "package_role_remove", (place.package.pk, place.package.roles.get().pk), {}
        ),
    ),
    Action(
        "12", "import roles as packages", MANAGERS,
        lambda place, by: imports.carry_out(tried_out(place, by), by=by),
        lambda place: Page("import_add", (place.catalog.pk,)),
    ),
    Action(
        "16", "create a policy", MANAGERS,
        lambda place, by: policies.create_policy(place.package, PolicyTerms("New"), by=by),
        lambda place: Page("policy_add", (place.package.pk,), policy_fields("New")),
    ),
    Action(
        "16", "change a policy", MANAGERS,
        lambda place, by: changed(place.policy, by),
        lambda place: Page("policy", (place.policy.pk,), policy_fields("Staff")),
    ),
    Action(
        "16", "delete a policy", MANAGERS,
        lambda place, by: policies.delete_policy(place.unused_policy, by=by),
        lambda place: Page("policy_delete", (place.unused_policy.pk,), {}),
    ),
    Action(
        "16", "restore a version of a policy", MANAGERS,
        lambda place, by: drafts.restore_as_draft(prepared(place).policy, 1, by=by),
        lambda place: Page("policy_restore", (prepared(place).policy.pk, 1), {}),
    ),
    Action(
        "16", "throw a draft away", MANAGERS,
        lambda place, by: drafts.throw_away_draft(place.policy, by=by),
        lambda place: Page("policy_throw_away", (place.policy.pk,), {}),
    ),
    Action(
        "16", "apply a policy to what waits", MANAGERS,
        lambda place, by: reapplying.apply_policy(prepared(place).waiting, by=by),
        lambda place: Page(
            "policy_pending", (prepared(place).policy.pk,), {"id": [place.waiting.pk]}
        ),
    ),
    Action(
        "19", "let packages clash", MANAGERS,
        lambda place, by: clashes.add_clash(place.package, place.unused, by=by),
        lambda place: Page(
            "clash_add", (place.package.pk,), {"other": f"package:{place.unused.pk}"}
        ),
    ),
    Action(
        "20", "create an extension", OWNERS,
        lambda place, by: extensions.create_extension(place.catalog, extension(), by=by),
        lambda place: Page("extension_add", (place.catalog.pk,)),
    ),
    Action(
        "23", "look at a package", VIEWERS,
        lambda place, by: seen(models.AccessPackage.objects.visible_to(by), place.package),
        lambda place: Page("package", (place.package.pk,)),
        foreign=SEEN_ANYWHERE,
    ),
    Action(
        "23", "look at a policy", VIEWERS,
        lambda place, by: seen(models.AssignmentPolicy.objects.visible_to(by), place.policy),
        lambda place: Page("policy", (place.policy.pk,)),
        foreign=SEEN_ANYWHERE,
    ),
    Action(
        "24", "look at an assignment", VIEWERS,
        lambda place, by: seen(models.Assignment.objects.visible_to(by), place.assignment),
        lambda place: Page("assignment", (place.assignment.pk,)),
        foreign=SEEN_ANYWHERE,
    ),
    Action(
        "24", "look at a request", VIEWERS,
        lambda place, by: seen(models.AccessRequest.objects.visible_to(by), place.waiting),
        lambda place: Page("requests:detail", (place.waiting.pk,)),
        foreign=SEEN_ANYWHERE,
    ),
    Action(
        "25", "give a package directly", GIVERS,
        lambda place, by: requests.assign(place.by_hand, place.bystander, by=by),
        lambda place: Page(
            "give",
            (place.package.pk,),
            {"person": f"user:{place.bystander.pk}", "policy": place.by_hand.pk},
        ),
    ),
    Action(
        "24", "see who has a resource now", GIVERS,
        lambda place, by: can_see_holders(by, place.role.resource).require(),
        lambda place: Page("holders", (place.role.resource_id,)),
    ),
    Action(
        "25", "bring existing access under control", GIVERS,
        lambda place, by: prepare(held_by(place), place.by_hand, by=by),
        lambda place: Page(
            "holders",
            (held_by(place).resource_id,),
            {"policy": place.by_hand.pk, "take": "all"},
        ),
    ),
    Action(
        "25", "give a package to somebody by his address", GIVERS,
        lambda place, by: inviting.invite(place.partners, place.outsider, by=by),
        lambda place: Page(
            "give",
            (place.package.pk,),
            {"address": place.outsider, "policy": place.partners.pk},
        ),
    ),
    Action(
        "25", "see which policy falls to whom", GIVERS,
        None,
        lambda place: Page("package_ways", (place.package.pk,)),
    ),
    Action(
        "25", "correct answers of an assignment", GIVERS,
        lambda place, by: correcting.correct_for(place.answered, place.corrected, by=by),
        lambda place: Page("assignment_answers", (place.answered.pk,), answer_fields(place)),
    ),
    Action(
        "26", "end access", GIVERS,
        lambda place, by: requests.remove(place.assignment, by=by),
        lambda place: Page("assignments_end", (), {"id": [place.assignment.pk]}),
    ),
    Action(
        "26", "let many keep access for longer", GIVERS,
        lambda place, by: requests.prolong(place.answered, by=by),
        lambda place: Page(
            "assignments_extend",
            (),
            {"id": [place.answered.pk], "ends_on": f"{place.answered.ends_at + ONE_DAY:%Y-%m-%d}"},
        ),
    ),
    Action(
        "27", "cancel a request that waits", GIVERS,
        lambda place, by: requests.cancel(place.waiting, by=by),
        lambda place: Page("requests_cancel", (), {"id": [place.waiting.pk]}),
    ),
    Action(
        "27", "set up again what failed", GIVERS,
        lambda place, by: delivery.reprocess(place.failed, by=by),
        lambda place: Page("requests_again", (), {"id": [place.failed.pk]}),
    ),
    Action(
        "28", "set up an assignment again", GIVERS,
        lambda place, by: delivery.reprocess_assignment(place.assignment, by=by),
        lambda place: Page("assignments_again", (), {"id": [place.assignment.pk]}),
    ),
    Action(
        "29", "delete the record of a completed request", ANYWHERE,
        lambda place, by: records.delete_record(place.denied, by=by, justification="Asked to"),
        lambda place: Page(
            "requests_delete", (), {"id": [place.denied.pk], "justification": "Asked to"}
        ),
    ),
    Action(
        "32", "say who approves in the place of an extension", GIVERS,
        lambda place, by: callbacks.resume_by_hand(place.callout, by=by, terms=stage(place)),
        lambda place: Page(
            "callout_answer",
            (place.callout.pk,),
            {"stage1-decision_days": 5, "stage1-approvers": f"user:{place.bystander.pk}"},
        ),
    ),
]  # fmt: skip


def answer_fields(place):
    policy = place.answered.policy
    return {f"answer-{policy.pk.hex[:8]}-{place.key}": "GEMINI"}


def stage(place):
    return StageTerms((ApproverTerms("user", user_id=place.bystander.pk),))


def group_of(group):
    return {"group": [group.pk, f"group:{group.pk}"], "name": "New", "sent": "group"}


def appointed(place, role):
    return {"person": f"user:{place.bystander.pk}", "role": role}


def extension():
    return extensions.ExtensionTerms("New", "https://hooks.kestrel.example/")


@pytest.fixture
def world(appoint):
    return World(appoint)


@contextmanager
def undone():
    """Undo whatever happens inside, durable as it may be."""
    point = transaction.atomic()
    point._from_testcase = True
    with point:
        yield
        transaction.set_rollback(True)


def may(attempt):
    try:
        attempt()
    except (Denied, Http404):
        return False
    return True


def opens(page, person):
    """Send a page's form as somebody, and say whether he may: 403 and 404 are a no."""
    client = Client()
    client.force_login(person)
    route = page.route if ":" in page.route else f"manage:{page.route}"
    address = reverse(route, args=page.args)
    sent = page.sent
    if sent is not None and "sent" in sent:
        keys = sent["group"]
        sent = {**sent, "group": keys[1] if person.is_superuser else keys[0]}
    response = client.get(address) if sent is None else client.post(address, sent)
    if response.status_code == 422 and page.route == "resource_add":
        return False
    assert response.status_code in (200, 302, 403, 404), (page, response.content.decode()[:3000])
    if response.context and "outcomes" in response.context:
        return all(outcome.decision for outcome in response.context["outcomes"])
    return response.status_code in (200, 302)


def tried(world, attempt):
    """Return the roles that may, on their own catalog and on the foreign one."""
    found = {"own": set(), "foreign": set()}
    for role in ROLES:
        for where in found:
            with undone():
                person = world.become(role)
                if attempt(getattr(world, where), person):
                    found[where].add(role)
    return found


def names(action):
    return f"{action.number} {action.what}"


@pytest.mark.parametrize("action", [row for row in MATRIX if row.act], ids=names)
def test_operations_follow_the_table(world, action):
    found = tried(world, lambda place, by: may(partial(action.act, place, by)))

    assert found == {"own": action.own, "foreign": action.foreign}


@pytest.mark.parametrize("action", MATRIX, ids=names)
def test_pages_follow_the_table(world, action):
    found = tried(world, lambda place, by: opens(action.page(place), by))

    assert found == {"own": action.own, "foreign": action.foreign}
