"""What administrators see beneath `/admin/`, and the little that they change there."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group as TenantRole
from django.contrib.auth.models import Permission
from django.db.models import ManyToManyField, QuerySet
from django.forms import ModelMultipleChoiceField
from django.http import HttpRequest
from django_q.models import Failure, OrmQ

from entitlements.assignments.grants import Grant
from entitlements.assignments.models import Assignment
from entitlements.audit.models import AuditEvent
from entitlements.connectors.checking import check_connection
from entitlements.connectors.registry import CONNECTORS
from entitlements.directory.models import ATTRIBUTES, Group, Membership, User
from entitlements.heartbeat import Heartbeat
from entitlements.notifications.models import Notification
from entitlements.requests.models import AccessRequest
from entitlements.systems.ldap_errors import LdapFailed
from entitlements.systems.ldap_settings import LdapSettings
from entitlements.systems.models import ConnectedSystem
from portal.admin.looking import LookAdmin, RecordedAdmin
from portal.http import PortalRequest

TENANT_RIGHTS = ("add_catalog",)


class UserAdmin(RecordedAdmin[User]):
    """People. What the directory says of those who come from it is not changed here."""

    audit_name = "user"
    heading = "People"
    list_display = ("display_name", "email", "department", "user_type", "is_active", "source")
    list_filter = ("is_active", "user_type", "is_superuser", "source")
    list_select_related = ("source",)
    search_fields = ("display_name", "email", "employee_id")
    ordering = ("display_name", "pk")
    autocomplete_fields = ("manager",)
    filter_horizontal = ("groups",)
    fieldsets = (
        (None, {"fields": ("display_name", "email", "user_type", "is_active", "manager")}),
        ("Rights", {"fields": ("is_superuser", "groups")}),
        ("Attributes", {"fields": [name for name in ATTRIBUTES if name != "display_name"]}),
        ("Where from", {"fields": ("source", "source_key", "date_joined", "last_login")}),
    )
    readonly_fields = ("source", "source_key", "date_joined", "last_login")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Nobody takes his own rights, and the directory's words stay the directory's."""
        fields = list(self.readonly_fields)
        if obj and obj.source_id:
            fields += ["email", "user_type", "is_active", "manager", *ATTRIBUTES]
        if obj and obj.pk == request.user.pk:
            fields += ["is_superuser", "is_active"]
        return fields

    def save_model(self, request: Any, obj: User, form: Any, change: bool) -> None:
        """Within the admin's own transaction: a new person sets a password by mail."""
        if not change:
            obj.set_unusable_password()
        obj.email = obj.email.lower()
        super().save_model(request, obj, form, change)


class MembershipInline(admin.TabularInline[Membership, Group]):
    model = Membership
    autocomplete_fields = ("user",)
    extra = 0
    verbose_name = "member"
    verbose_name_plural = "members"
    max_num = 500

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_small(obj)

    def _may_change(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_small(obj) and (obj is None or not (obj.source_id or obj.is_dynamic))

    has_add_permission = has_change_permission = has_delete_permission = _may_change


def _is_small(group: Group | None) -> bool:
    """A group of thousands is looked at through its people, not in one form."""
    return group is None or group.memberships.count() <= 500


class GroupAdmin(RecordedAdmin[Group]):
    """Groups of the built-in directory; those that are synced are only looked at."""

    audit_name = "group"
    heading = "Groups"
    list_display = ("name", "kind", "is_dynamic", "source")
    list_filter = ("kind", "is_dynamic", "source")
    list_select_related = ("source",)
    search_fields = ("name", "description")
    ordering = ("name",)
    fields = ("name", "description", "kind", "owners", "source", "is_dynamic")
    readonly_fields = ("source", "is_dynamic")
    autocomplete_fields = ("owners",)
    inlines = (MembershipInline,)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.source_id)


class TenantRoleAdmin(RecordedAdmin[TenantRole]):
    """Who may create catalogs; rights within a catalog are given on its own pages."""

    audit_name = "tenant_role"
    heading = "Tenant roles"
    list_display = ("name",)
    search_fields = ("name",)
    ordering = ("name",)
    filter_horizontal = ("permissions",)

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **options: Any
    ) -> ModelMultipleChoiceField[Any] | None:
        """Offer no right that would open every catalog at once."""
        if db_field.name == "permissions":
            options["queryset"] = Permission.objects.filter(
                content_type__app_label="entitlements", codename__in=TENANT_RIGHTS
            ).select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **options)


class SystemForm(forms.ModelForm[ConnectedSystem]):
    """A connected system; its secret goes in and never comes out."""

    kind = forms.ChoiceField(choices=[(kind, kind) for kind in CONNECTORS if kind != "directory"])
    secret = forms.CharField(
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Stored encrypted, and never shown. Empty: it stays as it is.",
    )

    class Meta:
        model = ConnectedSystem
        fields = ("name", "kind", "settings", "is_enabled")

    def clean(self) -> dict[str, Any]:
        entered = super().clean() or self.cleaned_data
        if entered.get("secret"):
            self.instance.secret = entered["secret"]
        kind = entered.get("kind", self.instance.kind)
        if kind == "ldap" and isinstance(entered.get("settings"), dict):
            tried = ConnectedSystem(kind=kind, settings=entered["settings"])
            tried.sealed_secret = self.instance.sealed_secret
            try:
                LdapSettings.of(tried)
            except LdapFailed as error:
                self.add_error("settings", str(error))
        return entered


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
    list_filter = ("is_wanted", "is_given", "error_code")
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
