"""What administrators see beneath `/admin/`, and the little that they change there."""

from typing import Any, Final, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django_q.models import Failure, OrmQ

from entitlements.assignments.grants import Grant
from entitlements.assignments.models import Assignment
from entitlements.audit.models import AuditEvent
from entitlements.connectors.checking import check_connection
from entitlements.directory.models import ATTRIBUTES, Group, User
from entitlements.directory.organizations.guests import organization_at
from entitlements.heartbeat import Heartbeat
from entitlements.notifications.models import Notification
from entitlements.policies.risk import RiskSignal, RiskStage
from entitlements.policies.risk_operations import clear_risk
from entitlements.requests.models import AccessRequest
from entitlements.systems.models import ConnectedSystem
from portal.admin.forms import (
    MOST_PEOPLE,
    GroupForm,
    RiskStageForm,
    SystemForm,
    UserForm,
)
from portal.admin.looking import LookAdmin, RecordedAdmin
from portal.http import PortalRequest

FROM: Final = (
    "organization",
    "is_invited",
    "source",
    "source_key",
    "date_joined",
    "last_login",
)


class UserAdmin(RecordedAdmin[User]):
    """People. What the directory says of those who come from it is not changed here, nor roles."""

    audit_name = "user"
    heading = "People"
    list_display = ("display_name", "email", "department", "user_type", "is_active", "source")
    list_filter = ("is_active", "is_invited", "user_type", "is_superuser", "source")
    list_select_related = ("source",)
    search_fields = ("display_name", "email", "employee_id")
    ordering = ("display_name", "pk")
    form = UserForm
    fieldsets = (
        (None, {"fields": ("display_name", "email", "user_type", "is_active", "manager")}),
        (
            "Roles",
            {"fields": ("is_superuser", "roles"), "description": "Given and taken under Roles."},
        ),
        ("Attributes", {"fields": [name for name in ATTRIBUTES if name != "display_name"]}),
        ("Where from", {"fields": FROM}),
    )
    readonly_fields = ("is_superuser", "roles", *FROM)

    @admin.display(description="Tenant roles")
    def roles(self, user: User) -> str:
        return ", ".join(str(role) for role in user.groups.order_by("name")) or "–"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Leave out service accounts, which have a page of their own."""
        people: QuerySet[User] = User.objects.people()
        return people

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Nobody disables himself, and the directory's words stay the directory's.

        Whoever has no account yet gets it with his access, and not here.
        """
        fields = list(self.readonly_fields)
        if obj and obj.source_id:
            fields += ["email", "user_type", "is_active", "manager", *ATTRIBUTES]
        if obj and obj.is_invited:
            fields += ["email", "user_type", "is_active"]
        if obj and obj.pk == request.user.pk:
            fields.append("is_active")
        return fields

    def save_model(self, request: Any, obj: User, form: Any, change: bool) -> None:
        """Within the admin's own transaction: a new person sets a password by mail.

        A guest who is new, or has another address, belongs to whom that address says.
        """
        if not change:
            obj.set_unusable_password()
        obj.email = obj.email.lower()
        if not change or {"email", "user_type"} & set(form.changed_data):
            obj.organization = organization_at(obj.email) if obj.is_guest else None
        super().save_model(request, obj, form, change)


class GroupAdmin(RecordedAdmin[Group]):
    """Groups of the built-in directory; those that are synced are only looked at."""

    audit_name = "group"
    heading = "Groups"
    form = GroupForm
    list_display = ("name", "kind", "is_dynamic", "source")
    list_filter = ("kind", "is_dynamic", "source")
    list_select_related = ("source",)
    search_fields = ("name", "description")
    ordering = ("name",)
    readonly_fields = ("source", "is_dynamic", "member_count")

    def get_fields(self, request: HttpRequest, obj: Group | None = None) -> Any:
        """Show people by name while they fit into one field, and their number always."""
        named = ["owners", "people"] if self.has_change_permission(request, obj) else []
        if named and _is_large(obj):
            named.remove("people")
        return ["name", "description", "kind", *named, "member_count", "source", "is_dynamic"]

    def get_form(
        self, request: Any, obj: Group | None = None, change: bool = False, **options: Any
    ) -> type[ModelForm[Group]]:
        """Take from the form what it does not show, lest an empty field means nobody."""
        form = super().get_form(request, obj, change, **options)
        if _is_large(obj):
            form.base_fields.pop("people", None)
        return form

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.source_id)

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        """Within the admin's own transaction: save the members too."""
        if "people" in form.changed_data and not form.instance.is_dynamic:
            form.instance.members.set(form.cleaned_data["people"])
        super().save_related(request, form, formsets, change)

    @admin.display(description="Number of members")
    def member_count(self, group: Group) -> int:
        return group.memberships.count()


def _is_large(group: Group | None) -> bool:
    return group is not None and group.memberships.count() > MOST_PEOPLE


class SystemAdmin(RecordedAdmin[ConnectedSystem]):
    audit_name = "system"
    heading = "Connected systems"
    form = SystemForm
    secrets = ("secret",)
    list_display = ("name", "kind", "is_enabled", "checked_at", "check_error")
    ordering = ("name",)
    fields = ("name", "kind", "settings", "secret", "is_enabled", "checked_at", "check_error")
    readonly_fields = ("checked_at", "check_error")
    actions = ("try_connection",)

    def get_readonly_fields(self, request: HttpRequest, obj: ConnectedSystem | None = None) -> Any:
        fixed = ("kind",) if obj else ()
        return (*self.readonly_fields, *fixed)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_built_in = bool(obj) and obj.kind == "directory"
        return super().has_change_permission(request, obj) and not is_built_in

    @admin.action(description="Try the connection")
    def try_connection(self, request: HttpRequest, chosen: QuerySet[ConnectedSystem]) -> None:
        for system in chosen:
            error = check_connection(system, by=cast(PortalRequest, request).user)
            level = messages.ERROR if error else messages.SUCCESS
            self.message_user(request, f"{system}: {error or 'works'}.", level)


class RiskStageAdmin(RecordedAdmin[RiskStage]):
    audit_name = "risk_stage"
    heading = "Risk stages"
    list_display = ("kind", "from_level", "group", "decision_days")
    list_select_related = ("group",)
    ordering = ("kind",)
    form = RiskStageForm
    fields = ("kind", "from_level", "group", "decision_days")


class RiskSignalAdmin(LookAdmin[RiskSignal]):
    heading = "Reported risks"
    list_display = ("user", "kind", "level", "source", "reported_at", "cleared_at")
    list_filter = ("kind", "level", ("cleared_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("user__display_name", "source")
    ordering = ("-reported_at",)
    actions = ("clear",)

    @admin.action(description="Call the risk off")
    def clear(self, request: HttpRequest, chosen: QuerySet[RiskSignal]) -> None:
        by = cast(PortalRequest, request).user
        cleared = sum(
            clear_risk(signal.user, signal.kind, by=by)
            for signal in chosen.filter(cleared_at=None).select_related("user")
        )
        self.message_user(request, f"{cleared} called off.", messages.SUCCESS)


class AuditEventAdmin(LookAdmin[AuditEvent]):
    heading = "What happened"
    list_display = ("at", "action", "actor_name", "subject_name", "subject_type")
    list_filter = ("subject_type", ("at", admin.DateFieldListFilter))
    search_fields = ("action__startswith", "actor_name", "subject_name", "=subject_id")
    search_help_text = "An action such as request.approved, a name, or an id."
    ordering = ("-pk",)


class NotificationAdmin(LookAdmin[Notification]):
    heading = "Notifications and mails"
    list_display = ("created_at", "event", "recipient", "read_at", "sent_at", "attempts")
    list_filter = ("event", ("created_at", admin.DateFieldListFilter))
    search_fields = ("recipient__display_name", "event")
    list_select_related = ("recipient",)
    ordering = ("-created_at", "-pk")


class QueueAdmin(LookAdmin[OrmQ]):
    heading = "Queue"
    list_display = ("pk", "key", "name", "lock")
    fields = ("key", "name", "lock")
    readonly_fields = ("name",)
    ordering = ("pk",)

    @admin.display(description="Task")
    def name(self, message: OrmQ) -> str:
        """Return what the message asks for; one that cannot be read says so."""
        return str(message.name() or "cannot be read")


class FailureAdmin(LookAdmin[Failure]):
    heading = "Failed jobs"
    list_display = ("stopped", "name", "func", "attempt_count")
    fields = ("name", "func", "started", "stopped", "attempt_count", "result")
    search_fields = ("name", "func")
    ordering = ("-stopped",)


class HeartbeatAdmin(LookAdmin[Heartbeat]):
    heading = "Heartbeat"
    list_display = ("name", "asked_at", "beat_at")
    ordering = ("name",)


class GrantAdmin(LookAdmin[Grant]):
    heading = "Grants"
    list_display = ("user", "role", "is_wanted", "is_given", "next_attempt_at", "error_code")
    list_filter = ("is_wanted", "is_given", ("error_code", admin.EmptyFieldListFilter))
    search_fields = ("user__display_name", "role__name", "role__resource__name")
    list_select_related = ("user", "role__resource")
    ordering = ("-pk",)


class AssignmentAdmin(LookAdmin[Assignment]):
    heading = "Assignments"
    list_display = ("target", "package", "policy", "state", "starts_at", "ends_at", "ended_at")
    list_filter = ("state", "is_direct")
    search_fields = ("target__display_name", "package__name")
    list_select_related = ("target", "package", "policy")
    ordering = ("-starts_at", "pk")


class RequestAdmin(LookAdmin[AccessRequest]):
    heading = "Requests"
    list_display = ("created_at", "kind", "requestor", "target", "package", "state")
    list_filter = ("kind", "state")
    search_fields = ("requestor__display_name", "target__display_name", "package__name")
    list_select_related = ("requestor", "target", "package")
    ordering = ("-created_at", "pk")
