"""One factory per model; people have names."""

from datetime import timedelta

import factory
from factory.django import DjangoModelFactory

from entitlements import clock, models
from entitlements.assignments.models import AssignmentState
from entitlements.catalog.extension_models import Behaviour, ExtensionKind
from entitlements.catalog.models import PackageState, ResourceKind
from entitlements.directory.models import UserType
from entitlements.policies.freezing import frozen_terms
from entitlements.policies.models import ApproverKind, Expiration, Scope
from entitlements.requests.states import RequestKind


class UserFactory(DjangoModelFactory):
    class Meta:
        model = models.User
        skip_postgeneration_save = True

    display_name = factory.Sequence(lambda number: f"Person {number}")
    email = factory.Sequence(lambda number: f"person{number}@kestrel.example")
    password = factory.django.Password(None)


class GroupFactory(DjangoModelFactory):
    class Meta:
        model = models.Group
        skip_postgeneration_save = True

    name = factory.Sequence(lambda number: f"Group {number}")

    @factory.post_generation
    def members(self, create, extracted, **kwargs):
        for user in extracted or []:
            models.Membership.objects.create(group=self, user=user)


class ConnectedOrganizationFactory(DjangoModelFactory):
    """A configured organization; `domains` are its mail domains."""

    class Meta:
        model = models.ConnectedOrganization
        skip_postgeneration_save = True

    name = factory.Sequence(lambda number: f"Organization {number}")
    created_at = factory.LazyFunction(clock.now)
    modified_at = factory.LazyFunction(clock.now)

    @factory.post_generation
    def domains(self, create, extracted, **kwargs):
        for domain in extracted or []:
            models.OrganizationDomain.objects.create(organization=self, domain=domain)


class GuestFactory(UserFactory):
    """A guest with an account; `organization` is to whom he belongs."""

    user_type = UserType.GUEST
    email = factory.Sequence(lambda number: f"guest{number}@partner.example")


class ConnectedSystemFactory(DjangoModelFactory):
    class Meta:
        model = models.ConnectedSystem
        django_get_or_create = ("kind",)

    name = "Built-in directory"
    kind = "directory"


class CatalogFactory(DjangoModelFactory):
    class Meta:
        model = models.Catalog

    name = factory.Sequence(lambda number: f"Catalog {number}")
    description = "What the department uses."


class ResourceFactory(DjangoModelFactory):
    """A group of the built-in directory, offered by `catalog` when one is named."""

    class Meta:
        model = models.Resource
        skip_postgeneration_save = True

    class Params:
        group = factory.SubFactory(GroupFactory)

    system = factory.SubFactory(ConnectedSystemFactory)
    external_id = factory.LazyAttribute(lambda resource: str(resource.group.pk))
    kind = ResourceKind.SECURITY_GROUP
    name = factory.Sequence(lambda number: f"Resource {number}")

    @factory.post_generation
    def catalog(self, create, extracted, **kwargs):
        if extracted:
            models.CatalogResource.objects.create(catalog=extracted, resource=self)


class ResourceRoleFactory(DjangoModelFactory):
    class Meta:
        model = models.ResourceRole

    resource = factory.SubFactory(ResourceFactory)
    external_id = "member"
    name = "Member"


class AccessPackageFactory(DjangoModelFactory):
    """A published package; `roles` are its resource roles, one of a group by default."""

    class Meta:
        model = models.AccessPackage
        skip_postgeneration_save = True

    catalog = factory.SubFactory(CatalogFactory)
    name = factory.Sequence(lambda number: f"Package {number}")
    description = "Read and write the reports."
    state = PackageState.PUBLISHED

    @factory.post_generation
    def roles(self, create, extracted, **kwargs):
        roles = extracted if extracted is not None else [ResourceRoleFactory()]
        for position, role in enumerate(roles):
            models.PackageRole.objects.create(package=self, role=role, position=position)
            models.CatalogResource.objects.get_or_create(
                catalog=self.catalog, resource=role.resource
            )


class AssignmentPolicyFactory(DjangoModelFactory):
    """A policy for all members, without approval, for 90 days."""

    class Meta:
        model = models.AssignmentPolicy

    package = factory.SubFactory(AccessPackageFactory)
    name = factory.Sequence(lambda number: f"Policy {number}")
    scope = Scope.ALL_MEMBERS
    expiration = Expiration.AFTER_DAYS
    duration = 90
    requires_justification = False
    extension_requires_approval = False


class ApprovalStageFactory(DjangoModelFactory):
    """A stage that asks `approvers`; `fallbacks` when none of them is to be had."""

    class Meta:
        model = models.ApprovalStage
        skip_postgeneration_save = True

    policy = factory.SubFactory(AssignmentPolicyFactory)
    position = factory.Sequence(lambda number: number + 1)
    decision_days = 14

    @factory.post_generation
    def approvers(self, create, extracted, **kwargs):
        for user in extracted or []:
            StageApproverFactory(stage=self, user=user)

    @factory.post_generation
    def fallbacks(self, create, extracted, **kwargs):
        for user in extracted or []:
            StageApproverFactory(stage=self, user=user, is_fallback=True)

    @factory.post_generation
    def manager(self, create, extracted, **kwargs):
        if extracted:
            StageApproverFactory(stage=self, kind=ApproverKind.MANAGER, user=None)


class StageApproverFactory(DjangoModelFactory):
    class Meta:
        model = models.StageApprover

    stage = factory.SubFactory(ApprovalStageFactory)
    kind = ApproverKind.USER
    user = factory.SubFactory(UserFactory)


class AssignmentFactory(DjangoModelFactory):
    """Live, delivered access that began a day ago and lasts 90 days; grants are not made."""

    class Meta:
        model = models.Assignment

    policy = factory.SubFactory(AssignmentPolicyFactory)
    package = factory.SelfAttribute("policy.package")
    target = factory.SubFactory(UserFactory)
    state = AssignmentState.DELIVERED
    starts_at = factory.LazyFunction(lambda: clock.now() - timedelta(days=1))
    ends_at = factory.LazyFunction(lambda: clock.now() + timedelta(days=90))


class AccessRequestFactory(DjangoModelFactory):
    """A request as it reads at submission; operations make better ones."""

    class Meta:
        model = models.AccessRequest

    kind = RequestKind.USER_ADD
    policy = factory.SubFactory(AssignmentPolicyFactory)
    package = factory.SelfAttribute("policy.package")
    requestor = factory.SubFactory(UserFactory)
    target = factory.SelfAttribute("requestor")
    justification = "Year-end close"
    terms = factory.LazyAttribute(lambda access_request: frozen_terms(access_request.policy))
    created_at = factory.LazyFunction(clock.now)


class CustomExtensionFactory(DjangoModelFactory):
    """An extension that is called and not waited for; `waits_for` is a time to wait."""

    class Meta:
        model = models.CustomExtension
        skip_postgeneration_save = True

    catalog = factory.SubFactory(CatalogFactory)
    name = factory.Sequence(lambda number: f"System {number}")
    kind = ExtensionKind.REQUEST_WORKFLOW
    url = "https://hooks.kestrel.example/"

    @classmethod
    def _create(cls, model_class, *args, waits_for=None, stages=(), policy=None, **fields):
        """Create it, attached to `policy` at `stages`."""
        if policy:
            fields["catalog"] = policy.package.catalog
        if waits_for:
            minutes = waits_for // timedelta(minutes=1)
            fields |= {"behaviour": Behaviour.LAUNCH_AND_WAIT, "wait_minutes": minutes}
        extension = model_class(**fields)
        extension.renew_secret()
        extension.save()
        for stage in stages:
            models.PolicyCallout.objects.create(policy=policy, extension=extension, stage=stage)
        return extension


class NotificationFactory(DjangoModelFactory):
    class Meta:
        model = models.Notification

    event = "access.given"
    recipient = factory.SubFactory(UserFactory)
    about_type = "accessrequest"
    about_id = factory.Faker("uuid4")
    facts = factory.LazyFunction(dict)
    created_at = factory.LazyFunction(clock.now)
