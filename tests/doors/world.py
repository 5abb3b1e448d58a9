"""One of everything, in a catalog of one's own, in another's, and about oneself.

Every name contains that of its place, so that a page that tells of another's place is found out.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from django_q.models import Task

from entitlements import clock, models, outbox
from entitlements.assignments.models import AssignmentState
from entitlements.callouts.models import CalloutState
from entitlements.catalog.appointments import give_role
from entitlements.directory.service_accounts import create_service_account
from entitlements.directory.tenant_roles import tenant_role
from entitlements.policies import operations as policies
from entitlements.policies.drafts import restore_as_draft
from entitlements.policies.question_terms import QuestionTerms
from entitlements.policies.questions import tidied, write_questions
from entitlements.policies.risk_operations import report_risk
from entitlements.requests import deciding, dialogue, operations
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
    NotificationFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

IN_CATALOG = ("reader", "assignment_manager", "package_manager", "owner")
IN_TENANT = ("catalog_creator", "organization_administrator", "auditor", "governance_administrator")
ROLES = (
    "nobody",
    "stranger",
    "guest",
    "resource_owner",
    *IN_CATALOG,
    "owner_in_group",
    *IN_TENANT,
    "superuser",
)
"""Nobody has not signed in; whoever owns a resource, or is a member of owners, is so by groups."""


class Place:
    """A catalog with one of everything in it, all about other people."""

    def __init__(self, name, boss):
        self.name = name
        self.boss = boss
        self.person = UserFactory(display_name=f"{name} holder", email=f"{name}@kestrel.example")
        self.approver = UserFactory(display_name=f"{name} approver")
        self.catalog = CatalogFactory(name=name, description=f"{name} things")
        self.empty = CatalogFactory(name=f"{name}, empty")
        give_role(self.approver, self.catalog, "owner")
        self._offer(name)
        self._policies(name)
        self._access(name)
        self._calls(name)
        self._apart(name)

    def _offer(self, name):
        self.group = GroupFactory(name=f"{name} group")
        self.system = ConnectedSystemFactory(kind=f"{name}-kind", name=f"{name} system")
        self.resource = ResourceFactory(
            system=self.system, external_id=name, name=f"{name} CRM", catalog=self.catalog
        )
        self.role = ResourceRoleFactory(resource=self.resource, name=f"{name} reader")
        self.writer = ResourceRoleFactory(
            resource=self.resource, external_id="writer", name=f"{name} writer"
        )
        self.attribute = models.ResourceAttribute.objects.create(
            resource=self.resource, name="office", question=f"{name} office?"
        )
        self.package = AccessPackageFactory(
            catalog=self.catalog, name=f"{name} package", roles=[self.role]
        )
        self.bare = AccessPackageFactory(catalog=self.catalog, name=f"{name} bare", roles=[])

    def _policies(self, name):
        self.policy = AssignmentPolicyFactory(
            package=self.package, name=f"{name} policy", scope="specific"
        )
        self.policy.allowed_users.set([self.person])
        ApprovalStageFactory(policy=self.policy, position=1, approvers=[self.approver])
        terms = replace(policies.terms_of(self.policy), duration=7)
        policies.change_policy(self.policy, terms, by=self.boss)
        self.draft = restore_as_draft(self.policy, 1, by=self.boss)
        self.by_hand = AssignmentPolicyFactory(
            package=self.package, name=f"{name} by hand", scope="nobody"
        )

    def _access(self, name):
        self.assignment = AssignmentFactory(
            policy=self.policy,
            target=self.person,
            state=AssignmentState.DELIVERY_FAILED,
            ends_at=clock.now() + timedelta(days=3),
        )
        models.Grant.objects.create(
            user=self.person, role=self.role, last_error=f"{name} is broken", error_code="x"
        )
        self.hopeful = UserFactory(display_name=f"{name} hopeful")
        self.policy.allowed_users.add(self.hopeful)
        self.waiting = operations.submit(
            self.policy,
            by=self.hopeful,
            justification=f"{name} needs it",
            answers={str(self.attribute.pk): f"{name} hall"},
        )
        self.failed = AccessRequestFactory(
            policy=self.policy,
            requestor=self.person,
            kind=RequestKind.USER_ADD,
            state=RequestState.DELIVERY_FAILED,
            assignment=self.assignment,
        )
        self.inquiry = dialogue.ask(self.waiting, f"{name}: why?", by=self.approver)
        self.bulk = models.BulkAssignment.objects.create(
            package=self.package,
            policy=self.policy,
            made_by=self.boss,
            source=f"{name} list",
            created_at=clock.now(),
        )
        self.act = models.BulkAct.objects.create(
            kind="end", made_by=self.boss, source=f"{name} rows", created_at=clock.now()
        )
        self.act.rows.create(
            position=1, assignment=self.assignment, target=self.person, package=self.package
        )
        self.role_import = models.RoleImport.objects.create(
            catalog=self.catalog,
            made_by=self.boss,
            source=f"{name} roles",
            created_at=clock.now(),
        )
        self.delegation = models.ApprovalDelegation.objects.create(
            delegator=self.approver,
            delegate=self.person,
            starts_at=clock.now(),
            created_at=clock.now(),
        )
        self.notification = NotificationFactory(
            recipient=self.person, about_type="accessrequest", about_id=self.waiting.pk
        )

    def _calls(self, name):
        self.extension = CustomExtensionFactory(catalog=self.catalog, name=f"{name} extension")
        self.callout = models.Callout.objects.create(
            extension=self.extension,
            stage="approved",
            about_type="accessrequest",
            about_id=self.waiting.pk,
            payload={},
            state=CalloutState.GIVEN_UP,
            created_at=clock.now(),
        )

    def _apart(self, name):
        self.clash = models.Incompatibility.objects.create(
            package=self.package, other_package=self.bare
        )
        self.prerequisite = models.Prerequisite.objects.create(
            package=self.package, required=self.bare
        )
        first, second = sorted((self.role, self.writer), key=lambda role: role.pk)
        self.role_clash = models.RoleClash.objects.create(
            catalog=self.catalog, first=first, second=second
        )
        self.exception = models.ClashException.objects.create(
            person=self.person,
            package=self.package,
            other_package=self.bare,
            reason=f"{name} needs both",
            starts_at=clock.now(),
            ends_at=clock.now() + timedelta(days=3),
            proposed_by=self.approver,
            proposed_at=clock.now(),
        )

    @property
    def ids(self):
        """What stands in addresses, by the names that these have there."""
        question = self.waiting.terms["questions"][0]["key"]
        return {
            "catalog_id": self.catalog.pk,
            "empty_id": self.empty.pk,
            "resource_id": self.resource.pk,
            "role_id": self.role.pk,
            "package_id": self.package.pk,
            "policy_id": self.policy.pk,
            "assignment_id": self.assignment.pk,
            "request_id": self.waiting.pk,
            "failed_id": self.failed.pk,
            "inquiry_id": self.inquiry.pk,
            "extension_id": self.extension.pk,
            "callout_id": self.callout.pk,
            "list_id": self.bulk.pk,
            "act_id": self.act.pk,
            "import_id": self.role_import.pk,
            "attribute_id": self.attribute.pk,
            "clash_id": self.clash.pk,
            "role_clash_id": self.role_clash.pk,
            "prerequisite_id": self.prerequisite.pk,
            "exception_id": self.exception.pk,
            "delegation_id": self.delegation.pk,
            "notification_id": self.notification.pk,
            "person_id": self.person.pk,
            "holder_id": self.approver.pk,
            "question": question,
            "group_id": self.group.pk,
            "system_id": self.system.pk,
        }


class Own:
    """What is about one person, whatever roles he has: his access, his people, what he decides."""

    def __init__(self, person, boss):
        self.person = person
        name = "Elsewhere"
        catalog = CatalogFactory(name=name)
        self.package = AccessPackageFactory(catalog=catalog, name=f"{name} package")
        self.offered = AccessPackageFactory(catalog=catalog, name=f"{name} offer")
        self.policy = AssignmentPolicyFactory(
            package=self.package, name=f"{name} policy", scope="all_users", allows_on_behalf=True
        )
        AssignmentPolicyFactory(package=self.offered, name=f"{name} offer", scope="all_users")
        question = QuestionTerms("short_text", "Which?", is_required=False, is_editable=True)
        write_questions(self.policy, tidied([question]))
        ApprovalStageFactory(policy=self.policy, position=1, approvers=[person, boss])
        self.assignment = AssignmentFactory(policy=self.policy, target=person)
        self.report = UserFactory(display_name=f"{name} report", manager=person)
        self.reports_access = AssignmentFactory(policy=self.policy, target=self.report)
        self.asked_of = operations.submit(self.policy, by=UserFactory(), justification="Please")
        other = AccessPackageFactory(catalog=catalog, name=f"{name} other package")
        waiting = AssignmentPolicyFactory(package=other, scope="all_users")
        ApprovalStageFactory(policy=waiting, position=1, approvers=[boss])
        decided = deciding.approve(
            operations.submit(self.policy, by=UserFactory(), justification="Please"), by=person
        )
        self.decided = models.Assignment.objects.get(requests=decided)
        self.made = operations.submit(waiting, by=person, justification="Please")
        self.inquiry = dialogue.ask(self.made, "Why?", by=boss)
        self.delegation = models.ApprovalDelegation.objects.create(
            delegator=person, delegate=boss, starts_at=clock.now(), created_at=clock.now()
        )
        self.notification = NotificationFactory(
            recipient=person, about_type="accessrequest", about_id=self.made.pk
        )

    @property
    def ids(self):
        return {
            "package_id": self.offered.pk,
            "assignment_id": self.assignment.pk,
            "request_id": self.made.pk,
            "inquiry_id": self.inquiry.pk,
            "delegation_id": self.delegation.pk,
            "notification_id": self.notification.pk,
            "person_id": self.person.pk,
            "question": uuid4(),
        }

    @property
    def asked(self):
        """What the person is asked to decide."""
        question = self.asked_of.terms["questions"][0]["key"]
        return {"request_id": self.asked_of.pk, "question": question}

    @property
    def team(self):
        """Who reports to the person, and what he holds."""
        return {"person_id": self.report.pk, "assignment_id": self.reports_access.pk}


class World:
    """A person, a place in which he gets a role, another one, and what is about himself."""

    def __init__(self):
        self.boss = UserFactory(display_name="Ivo Okoro", is_superuser=True)
        self.person = UserFactory(display_name="Percy Walker", email="percy@kestrel.example")
        self.own, self.foreign = Place("Sales", self.boss), Place("Finance", self.boss)
        self.mine = Own(self.person, self.boss)
        self.program = create_service_account("Device register", by=self.boss)
        self._keep_shop()
        self.partner = ConnectedOrganizationFactory(name="Blue Harbour")
        self.partner.internal_sponsors.add(self.boss)
        self.everywhere = {
            "program_id": self.program.pk,
            "boss_id": self.boss.pk,
            "partner_id": self.partner.pk,
            "sponsor_id": self.boss.pk,
            "organization_id": self.partner.pk,
        }
        self.relations = {
            "mine": self.mine.ids,
            "asked": self.mine.asked,
            "team": self.mine.team,
            "decided": {"assignment_id": self.mine.decided.pk},
            "own": self.own.ids,
            "foreign": self.foreign.ids,
            "deleted": {name: uuid4() for name in (*self.own.ids, "organization_id")},
        }

    def _keep_shop(self):
        """Add what only administrators see."""
        report_risk(UserFactory(), "insider", 1, source="Works council", by=None)
        models.RiskStage.objects.create(kind="insider", from_level=3, group=self.own.group)
        models.Heartbeat.objects.create(name="other", beat_at=clock.now())
        outbox.enqueue("sweep.run")
        moment = clock.now()
        Task.objects.create(
            id="f" * 32, name="x", func="x", started=moment, stopped=moment, success=False
        )

    def become(self, role):
        """Give the person a role; nobody stays without."""
        person = self.person
        if role == "superuser":
            models.User.objects.filter(pk=person.pk).update(is_superuser=True)
        elif role == "guest":
            models.User.objects.filter(pk=person.pk).update(user_type="guest")
        elif role == "resource_owner":
            for place in (self.own, self.foreign):
                place.group.owners.add(person)
        elif role in IN_TENANT:
            person.groups.add(tenant_role(role))
        elif role == "owner_in_group":
            outer, inner = GroupFactory(name="Owners"), GroupFactory(members=[person])
            models.GroupNesting.objects.create(parent=outer, child=inner)
            self._appoint(outer, "owner")
        elif role in IN_CATALOG:
            self._appoint(person, role)
        return models.User.objects.get(pk=person.pk)

    def _appoint(self, holder, role):
        for catalog in (self.own.catalog, self.own.empty):
            give_role(holder, catalog, role)
