"""Who people are, which groups they are in, and by which names other systems know them."""

from typing import Any, Self
from uuid import UUID, uuid4

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import connection, models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Lower
from guardian.mixins import GuardianUserMixin

from entitlements import clock
from entitlements.systems.models import ConnectedSystem

NO_PASSWORD = "!"  # noqa: S105  # what Django writes where there is none

EXTENSION_ATTRIBUTES = tuple(f"extension_attribute_{number}" for number in range(1, 16))

ATTRIBUTES = (
    "given_name",
    "surname",
    "display_name",
    "department",
    "job_title",
    "cost_center",
    "company_name",
    "employee_id",
    "employee_type",
    "office",
    "city",
    "country",
    "hire_date",
    "leave_date",
    *EXTENSION_ATTRIBUTES,
)


class UserType(models.TextChoices):
    MEMBER = "member", "Member"
    GUEST = "guest", "Guest"
    SERVICE = "service", "Service account"


PEOPLE = (UserType.MEMBER, UserType.GUEST)


class UserQuerySet(models.QuerySet["User"]):
    def people(self) -> Self:
        """Members and guests: service accounts are programs."""
        return self.filter(user_type__in=PEOPLE)

    def services(self) -> Self:
        """Service accounts."""
        return self.filter(user_type=UserType.SERVICE)

    def active(self) -> Self:
        """People whose account is not disabled."""
        return self.people().filter(is_active=True)

    def matching(self, text: str) -> Self:
        """People whose name or address contains every word of `text`."""
        people = self
        for word in text.split():
            people = people.filter(Q(display_name__icontains=word) | Q(email__icontains=word))
        return people

    def members_of_any(self, group_ids: list[UUID]) -> Self:
        """People in one of these groups, directly or through nested groups."""
        if not group_ids:
            return self.none()
        return self.filter(pk__in=inside(Group.objects.filter(pk__in=group_ids)))

    def looked_after_by(self, person: "User") -> Self:
        """Whom somebody answers for: who reports to him, and the guests whom he sponsors."""
        sponsored = User.sponsors.through.objects.filter(from_user=OuterRef("pk"), to_user=person)
        is_sponsored = Q(Exists(sponsored), user_type=UserType.GUEST)
        return self.filter(Q(manager=person) | is_sponsored)

    def managing(self, person: "User") -> Self:
        """This person and everybody whom he reports to, however far up."""
        sql = """
            WITH RECURSIVE above(user_id) AS (
                SELECT id FROM entitlements_user WHERE id = %s
                UNION
                SELECT manager_id FROM entitlements_user
                JOIN above ON id = above.user_id WHERE manager_id IS NOT NULL)
            SELECT user_id FROM above"""
        return self.filter(pk__in=RawSQL(sql, [as_parameter(person.pk)]))  # noqa: S611  # a constant


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    def create_user(self, email: str, password: str | None = None, **attributes: Any) -> "User":
        """Create somebody who signs in with an address; without a password he cannot."""
        user: User = self.model(email=self.normalize_email(email).lower(), **attributes)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, email: str, password: str | None = None, **attributes: Any
    ) -> "User":
        """Create an administrator of everything."""
        attributes.setdefault("display_name", email)
        return self.create_user(email, password, is_staff=True, is_superuser=True, **attributes)


class User(GuardianUserMixin, AbstractBaseUser, PermissionsMixin):
    """A person, as the company's directory describes him; `is_active` is its accountEnabled.

    Or a service account: a program, which holds roles and cannot sign in. A guest may belong to a
    connected organization, which is settled when his account is made. Whoever `is_invited` was
    named by his address in a request, and has no account yet: it is made when what was asked for
    is given.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    email = models.EmailField("e-mail address", max_length=254)
    display_name = models.CharField(max_length=200)
    given_name = models.CharField(max_length=100, blank=True)
    surname = models.CharField(max_length=100, blank=True)
    user_type = models.CharField(max_length=10, choices=UserType, default=UserType.MEMBER)
    is_active = models.BooleanField(default=True)
    is_invited = models.BooleanField("without an account yet", default=False)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=clock.now, editable=False)

    department = models.CharField(max_length=200, blank=True)
    job_title = models.CharField(max_length=200, blank=True)
    cost_center = models.CharField(max_length=100, blank=True)
    company_name = models.CharField(max_length=200, blank=True)
    employee_id = models.CharField(max_length=64, blank=True)
    employee_type = models.CharField(max_length=64, blank=True)
    office = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=128, blank=True)
    country = models.CharField(max_length=128, blank=True)
    hire_date = models.DateField(null=True, blank=True)
    leave_date = models.DateField(null=True, blank=True)
    extension_attribute_1 = models.CharField(max_length=1024, blank=True)
    extension_attribute_2 = models.CharField(max_length=1024, blank=True)
    extension_attribute_3 = models.CharField(max_length=1024, blank=True)
    extension_attribute_4 = models.CharField(max_length=1024, blank=True)
    extension_attribute_5 = models.CharField(max_length=1024, blank=True)
    extension_attribute_6 = models.CharField(max_length=1024, blank=True)
    extension_attribute_7 = models.CharField(max_length=1024, blank=True)
    extension_attribute_8 = models.CharField(max_length=1024, blank=True)
    extension_attribute_9 = models.CharField(max_length=1024, blank=True)
    extension_attribute_10 = models.CharField(max_length=1024, blank=True)
    extension_attribute_11 = models.CharField(max_length=1024, blank=True)
    extension_attribute_12 = models.CharField(max_length=1024, blank=True)
    extension_attribute_13 = models.CharField(max_length=1024, blank=True)
    extension_attribute_14 = models.CharField(max_length=1024, blank=True)
    extension_attribute_15 = models.CharField(max_length=1024, blank=True)

    manager = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="direct_reports"
    )
    sponsors = models.ManyToManyField(
        "self", symmetrical=False, related_name="sponsored", blank=True
    )
    organization = models.ForeignKey(
        "entitlements.ConnectedOrganization",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="guests",
    )
    source = models.ForeignKey(
        ConnectedSystem, models.PROTECT, null=True, blank=True, related_name="people"
    )
    source_key = models.CharField(max_length=255, blank=True)

    time_zone = models.CharField(max_length=64, blank=True)
    language = models.CharField(max_length=10, default="en")
    theme = models.CharField(max_length=10, default="system")
    mail_preference = models.CharField(max_length=20, default="immediately")
    is_demo = models.BooleanField(default=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["display_name"]

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_is_unique"),
            models.UniqueConstraint(
                fields=["source", "source_key"],
                condition=Q(source__isnull=False),
                name="one_user_per_source_key",
            ),
            models.CheckConstraint(
                condition=Q(manager=None) | ~Q(manager=F("id")), name="nobody_manages_himself"
            ),
            models.CheckConstraint(
                condition=~Q(user_type=UserType.SERVICE) | Q(password__startswith=NO_PASSWORD),
                name="service_account_has_no_password",
            ),
            models.CheckConstraint(
                condition=~Q(user_type=UserType.SERVICE) | Q(is_superuser=False, is_staff=False),
                name="service_account_is_no_administrator",
            ),
            models.UniqueConstraint(
                Lower("display_name"),
                condition=Q(user_type=UserType.SERVICE),
                name="service_account_name_is_unique",
            ),
            models.CheckConstraint(
                condition=Q(organization=None) | Q(user_type=UserType.GUEST),
                name="only_guests_belong_to_organizations",
            ),
            models.CheckConstraint(
                condition=Q(is_invited=False)
                | Q(
                    user_type=UserType.GUEST,
                    is_active=False,
                    is_staff=False,
                    is_superuser=False,
                    organization=None,
                    source=None,
                ),
                name="who_is_invited_has_no_account",
            ),
        ]
        indexes = [
            models.Index(fields=["display_name"], name="user_by_name"),
            models.Index(fields=["employee_id"], name="user_by_employee_id"),
            models.Index(fields=["department"], name="user_by_department"),
        ]

    def __str__(self) -> str:
        return self.display_name or self.email

    @property
    def is_guest(self) -> bool:
        return self.user_type == UserType.GUEST

    @property
    def is_service(self) -> bool:
        return self.user_type == UserType.SERVICE


CONTAINING = """
    WITH RECURSIVE above(group_id) AS (
        SELECT group_id FROM entitlements_membership WHERE user_id = %s
        UNION
        SELECT parent_id FROM entitlements_groupnesting
        JOIN above ON child_id = above.group_id)
    SELECT group_id FROM above"""
"""The ids of the groups that one person is in, directly or through nested groups."""


class GroupKind(models.TextChoices):
    SECURITY = "security", "Security group"
    COLLABORATION = "collaboration", "Collaboration group"


class GroupQuerySet(models.QuerySet["Group"]):
    def containing(self, user: User) -> Self:
        """Groups that a person is in, directly or through nested groups, found in one query."""
        containing = RawSQL(CONTAINING, [as_parameter(user.pk)])  # noqa: S611  # a constant
        return self.filter(pk__in=containing)

    def above(self, *groups: "Group") -> Self:
        """These groups and every group that they are nested in, however deep."""
        marks = ", ".join(["%s"] * len(groups))
        sql = f"""
            WITH RECURSIVE above(group_id) AS (
                SELECT id FROM entitlements_group WHERE id IN ({marks})
                UNION
                SELECT parent_id FROM entitlements_groupnesting
                JOIN above ON child_id = above.group_id)
            SELECT group_id FROM above"""  # noqa: S608  # only placeholders
        keys = [as_parameter(group.pk) for group in groups]
        return self.filter(pk__in=RawSQL(sql, keys))  # noqa: S611  # keys are parameters

    def managed_here(self) -> Self:
        """Groups whose membership this portal may change: neither synced nor made by a rule."""
        return self.filter(source=None, is_dynamic=False)


class Group(models.Model):
    """A set of people, and of other groups nested in it."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=256)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=20, choices=GroupKind, default=GroupKind.SECURITY)
    is_dynamic = models.BooleanField(default=False)
    source = models.ForeignKey(
        ConnectedSystem, models.PROTECT, null=True, blank=True, related_name="groups"
    )
    source_key = models.CharField(max_length=255, blank=True)
    members = models.ManyToManyField(User, through="Membership", related_name="member_of")
    owners = models.ManyToManyField(User, related_name="owned_groups", blank=True)
    nested = models.ManyToManyField(
        "self", through="GroupNesting", symmetrical=False, related_name="nested_in"
    )

    objects = GroupQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), name="group_name_is_unique"),
            models.UniqueConstraint(
                fields=["source", "source_key"],
                condition=Q(source__isnull=False),
                name="one_group_per_source_key",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One person directly in one group."""

    group = models.ForeignKey(Group, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "group"], name="one_membership_per_group"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.group}"


class GroupNesting(models.Model):
    """One group inside another: who is in `child` is in `parent` too."""

    parent = models.ForeignKey(Group, models.CASCADE, related_name="nestings")
    child = models.ForeignKey(Group, models.CASCADE, related_name="nestings_above")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["child", "parent"], name="one_nesting_per_pair"),
            models.CheckConstraint(
                condition=~Q(parent=F("child")), name="no_group_is_nested_in_itself"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.child} in {self.parent}"


class Account(models.Model):
    """The name by which a connected system knows a person: in LDAP, his DN."""

    user = models.ForeignKey(User, models.CASCADE, related_name="accounts")
    system = models.ForeignKey(ConnectedSystem, models.CASCADE, related_name="accounts")
    external_id = models.CharField(max_length=1024)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "system"], name="one_account_per_system"),
            models.UniqueConstraint("system", Lower("external_id"), name="one_person_per_account"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.system}"


def inside(groups: models.QuerySet[Group]) -> RawSQL:
    """Return the ids of everybody in these groups, directly or through nested groups."""
    chosen, parameters = groups.order_by().values("pk").query.sql_with_params()
    sql = f"""
        WITH RECURSIVE below(group_id) AS (
            {chosen}
            UNION
            SELECT child_id FROM entitlements_groupnesting
            JOIN below ON parent_id = below.group_id)
        SELECT user_id FROM entitlements_membership
        WHERE group_id IN (SELECT group_id FROM below)"""  # noqa: S608  # a query of Django's
    return RawSQL(sql, parameters)  # noqa: S611  # the values are parameters


def as_parameter(key: UUID) -> UUID | str:
    """Return an id as raw SQL on the present database takes it."""
    return key if connection.features.has_native_uuid_field else key.hex
