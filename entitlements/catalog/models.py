"""What can be asked for: catalogs, their resources and roles, and the packages made of these."""

from typing import Any, Final, Self
from uuid import uuid4

from django.db import models
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Lower
from guardian.models import BaseObjectPermission, UserObjectPermissionBase

from entitlements import clock
from entitlements.directory.models import CONTAINING, PEOPLE, Group, User, as_parameter
from entitlements.directory.tenant_roles import GOVERN, VIEW_EVERYTHING, right_of
from entitlements.systems.models import ConnectedSystem

OWNING: Final = "change_catalog"
"""The permission that makes an owner: no other role has it."""


def rights_in_tenant(permission: str) -> tuple[str, ...]:
    """Return the rights in the whole tenant that count as a permission on every catalog."""
    return (GOVERN, VIEW_EVERYTHING) if permission == "view_catalog" else (GOVERN,)


def given_to(user: User, permission: str) -> RawSQL:
    """Return the ids of the catalogs on which somebody was given a permission, or is in a group
    that was.

    Written as it goes to the database, because every page asks this.
    """
    sql = f"""
        SELECT content_object_id FROM entitlements_cataloguserpermission
        WHERE user_id = %s
        AND permission_id IN (SELECT id FROM auth_permission WHERE codename = %s)
        UNION
        SELECT content_object_id FROM entitlements_cataloggrouppermission
        WHERE group_id IN ({CONTAINING})
        AND permission_id IN (SELECT id FROM auth_permission WHERE codename = %s)"""  # noqa: S608  # constants
    key = as_parameter(user.pk)
    return RawSQL(sql, [key, permission, key, permission])  # noqa: S611  # a constant


class CatalogKind(models.TextChoices):
    SERVICE_DEFAULT = "service_default", "Built-in"
    USER_MANAGED = "user_managed", "Managed by its owners"


class CatalogQuerySet(models.QuerySet["Catalog"]):
    def with_permission(self, user: User, permission: str) -> Self:
        """Catalogs on which somebody has `permission`: himself, in a group, or in all of them."""
        if not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        in_tenant = Q(right_of(user, *rights_in_tenant(permission)))
        return self.filter(Q(pk__in=given_to(user, permission)) | in_tenant)

    def visible_to(self, user: User) -> Self:
        """Catalogs that a person may look into as somebody who manages them."""
        return self.with_permission(user, "view_catalog")

    def without_owner(self) -> Self:
        """Catalogs of which no active person is owner, himself or in a group.

        The built-in one needs none. Groups are followed from those that own downwards.
        """
        in_person = CatalogUserPermission.objects.filter(
            content_object=OuterRef("pk"),
            permission__codename=OWNING,
            user__is_active=True,
            user__user_type__in=PEOPLE,
        )
        sql = """
            WITH RECURSIVE below(catalog_id, group_id) AS (
                SELECT content_object_id, group_id FROM entitlements_cataloggrouppermission
                WHERE permission_id IN (SELECT id FROM auth_permission WHERE codename = %s)
                UNION
                SELECT catalog_id, child_id FROM entitlements_groupnesting
                JOIN below ON parent_id = below.group_id)
            SELECT catalog_id FROM below
            WHERE EXISTS (
                SELECT 1 FROM entitlements_membership
                JOIN entitlements_user ON entitlements_user.id = user_id
                WHERE entitlements_membership.group_id = below.group_id
                AND is_active AND user_type IN (%s, %s))"""
        in_group = RawSQL(sql, [OWNING, *PEOPLE])  # noqa: S611  # a constant
        owned = Q(Exists(in_person)) | Q(pk__in=in_group)
        return self.exclude(kind=CatalogKind.SERVICE_DEFAULT).exclude(owned)

    def general(self) -> "Catalog":
        """Return the built-in catalog, which always exists."""
        defaults = {
            "name": "General",
            "description": "The built-in catalog, for packages that need none of their own.",
        }
        return self.get_or_create(kind=CatalogKind.SERVICE_DEFAULT, defaults=defaults)[0]


class Catalog(models.Model):
    """A container of resources and access packages, and the unit of delegation."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=20, choices=CatalogKind, default=CatalogKind.USER_MANAGED)
    is_enabled = models.BooleanField("enabled", default=True)
    is_external = models.BooleanField("enabled for external users", default=True)
    keeps_access_held_before = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = CatalogQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), name="catalog_name_is_unique"),
            models.UniqueConstraint(
                fields=["kind"],
                condition=Q(kind=CatalogKind.SERVICE_DEFAULT),
                name="one_built_in_catalog",
            ),
        ]
        permissions = [
            ("manage_resources", "Can add and remove resources"),
            ("manage_roles", "Can appoint people in the catalog"),
            ("manage_packages", "Can create and change packages and policies"),
            ("manage_assignments", "Can give and end access"),
        ]

    def __str__(self) -> str:
        return self.name


class CatalogUserPermission(UserObjectPermissionBase):
    """A person's permission, with a foreign key where guardian has a generic one."""

    content_object = models.ForeignKey(Catalog, models.CASCADE)


class CatalogGroupPermission(BaseObjectPermission):
    """A permission of whoever is in a group of the directory, through nested groups too.

    Guardian's own table for groups knows Django's groups only, which are our tenant roles.
    """

    group = models.ForeignKey(Group, models.CASCADE)
    content_object = models.ForeignKey(Catalog, models.CASCADE)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group", "permission", "content_object"],
                name="one_permission_per_group_and_catalog",
            ),
        ]


class ResourceKind(models.TextChoices):
    SECURITY_GROUP = "security_group", "Security group"
    COLLABORATION_GROUP = "collaboration_group", "Collaboration group"
    APPLICATION = "application", "Application"
    SITE = "site", "Site"


class ResourceQuerySet(models.QuerySet["Resource"]):
    def visible_to(self, user: User) -> Self:
        """Resources in a catalog that a person manages."""
        visible = CatalogResource.objects.filter(
            resource=OuterRef("pk"), catalog__in=Catalog.objects.visible_to(user)
        )
        return self.filter(Exists(visible))


class Resource(models.Model):
    """Something with roles, in a connected system; it may be offered by several catalogs.

    `external_id` is its id there: a group's id in the built-in directory, a DN in LDAP.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    system = models.ForeignKey(ConnectedSystem, models.PROTECT, related_name="resources")
    external_id = models.CharField(max_length=1024)
    kind = models.CharField(max_length=30, choices=ResourceKind)
    name = models.CharField(max_length=256)
    description = models.TextField(blank=True)
    address = models.URLField("address to open it", max_length=1000, blank=True)
    catalogs = models.ManyToManyField(Catalog, through="CatalogResource", related_name="resources")

    objects = ResourceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["system", "external_id"], name="one_resource_per_external_id"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CatalogResource(models.Model):
    """One resource offered by one catalog."""

    catalog = models.ForeignKey(Catalog, models.CASCADE, related_name="catalog_resources")
    resource = models.ForeignKey(Resource, models.CASCADE, related_name="catalog_resources")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["catalog", "resource"], name="one_entry_per_catalog_and_resource"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource} in {self.catalog}"


class ResourceRole(models.Model):
    """What somebody may be in a resource.

    `external_id` is "member", "owner" or the system's own id.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    resource = models.ForeignKey(Resource, models.CASCADE, related_name="roles")
    external_id = models.CharField(max_length=255)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    is_privileged = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["resource", "external_id"], name="one_role_per_external_id"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource}: {self.name}"


class PackageState(models.TextChoices):
    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    RETIRED = "retired", "Retired"


IS_OPEN: Final[dict[str, Any]] = {"state": PackageState.PUBLISHED, "catalog__is_enabled": True}


class AccessPackageQuerySet(models.QuerySet["AccessPackage"]):
    def visible_to(self, user: User) -> Self:
        """Packages of catalogs that a person manages."""
        return self.filter(catalog__in=Catalog.objects.visible_to(user))

    def open(self) -> Self:
        """Packages that can be asked for at all: published, in an enabled catalog."""
        return self.filter(**IS_OPEN)

    def listed(self) -> Self:
        """Open packages that are not hidden."""
        return self.open().filter(is_hidden=False)

    def without_policy(self) -> Self:
        """Packages that nobody can get, because no policy says how."""
        return self.filter(policies=None).exclude(state=PackageState.RETIRED)

    def with_resource_kind(self, kind: str) -> Self:
        """Packages with a role of a resource of this kind."""
        roles = PackageRole.objects.filter(package=OuterRef("pk"), role__resource__kind=kind)
        return self.filter(Exists(roles))

    def with_roles(self) -> Self:
        """Bring along the roles in their order, with their resources, by one more query."""
        roles = PackageRole.objects.select_related("role__resource")
        return self.prefetch_related(Prefetch("package_roles", roles))

    def matching(self, text: str, *, looks_inside: bool = True) -> Self:
        """Packages with every word of `text` in their name, description, resources or roles.

        Without `looks_inside`, resources and roles do not count.
        """
        packages = self
        for word in text.split():
            roles = PackageRole.objects.filter(package=OuterRef("pk")).filter(
                Q(words__icontains=word)
                | Q(role__name__icontains=word)
                | Q(role__description__icontains=word)
                | Q(role__resource__name__icontains=word)
                | Q(role__resource__description__icontains=word)
            )
            found = Q(name__icontains=word) | Q(description__icontains=word)
            packages = packages.filter(found | Q(Exists(roles)) if looks_inside else found)
        return packages


class AccessPackage(models.Model):
    """A named bundle of resource roles that a job, team or project needs.

    `recount_at` is set while holders have not been given what was added or lost what was removed.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    catalog = models.ForeignKey(Catalog, models.PROTECT, related_name="packages")
    name = models.CharField(max_length=200)
    description = models.TextField()
    state = models.CharField(max_length=20, choices=PackageState, default=PackageState.DRAFT)
    is_hidden = models.BooleanField("hidden", default=False)
    roles = models.ManyToManyField(ResourceRole, through="PackageRole", related_name="packages")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    recount_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AccessPackageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("name"), "catalog", name="package_name_is_unique_in_its_catalog"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PackageRole(models.Model):
    """One resource role in one package; its `words` stand there for the role's description."""

    package = models.ForeignKey(AccessPackage, models.CASCADE, related_name="package_roles")
    role = models.ForeignKey(ResourceRole, models.PROTECT, related_name="package_roles")
    position = models.PositiveIntegerField(default=0)
    words = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["package", "role"], name="one_entry_per_role"),
        ]

    def __str__(self) -> str:
        return f"{self.role} in {self.package}"

    @property
    def described(self) -> str:
        """What people read about the role in this package, if anything was written."""
        return self.words or self.role.description or self.role.resource.description
