"""The forms of administrators: plain fields, in which people are named by their addresses."""

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from entitlements.connectors.registry import CONNECTORS
from entitlements.directory.models import PEOPLE, Group, User
from entitlements.policies.risk import RiskStage
from entitlements.systems.ldap_errors import LdapFailed
from entitlements.systems.ldap_settings import LdapSettings
from entitlements.systems.models import ConnectedSystem

MOST_PEOPLE: Final = 500


class PeopleField(forms.CharField):
    """People, one address in each line."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("help_text", "One e-mail address in each line.")
        super().__init__(widget=forms.Textarea(attrs={"rows": 5}), required=False, **options)

    def prepare_value(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        return "\n".join(sorted(user.email for user in value or ()))

    def clean(self, value: Any) -> list[User]:
        addresses = {address.lower() for address in str(super().clean(value) or "").split()}
        named = User.objects.people().filter(email__in=addresses)
        people = list(named.order_by("display_name", "pk"))
        unknown = addresses - {user.email.lower() for user in people}
        if unknown:
            raise ValidationError(f"Nobody has the address {', '.join(sorted(unknown))}.")
        return people

    def has_changed(self, initial: Any, data: Any) -> bool:
        before = {user.email.lower() for user in initial or ()}
        return before != {address.lower() for address in str(data or "").split()}


class PersonField(forms.EmailField):
    """One person, by his address."""

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        return User.objects.filter(pk=value).values_list("email", flat=True).first()

    def clean(self, value: Any) -> User | None:
        address = super().clean(value)
        if not address:
            return None
        person: User | None = User.objects.people().filter(email__iexact=address).first()
        if person is None:
            raise ValidationError(f"Nobody has the address {address}.")
        return person

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (self.prepare_value(initial) or "").lower() != str(data or "").strip().lower()


class GroupField(forms.CharField):
    """One group, by its whole name."""

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        return Group.objects.filter(pk=value).values_list("name", flat=True).first()

    def clean(self, value: Any) -> Group:
        name = super().clean(value)
        group: Group | None = Group.objects.filter(name__iexact=name).first()
        if group is None:
            raise ValidationError(f"No group is called {name}.")
        return group

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.prepare_value(initial) != str(data or "").strip())


class RiskStageForm(forms.ModelForm[RiskStage]):
    """Who judges a kind of risk, from which level on."""

    group = GroupField(
        label="Decided by", help_text="The whole name of a group; any one member decides."
    )

    class Meta:
        model = RiskStage
        fields = ("kind", "from_level", "group", "decision_days")
        help_texts = {"decision_days": "1 to 14; when nobody has decided, the request lapses."}


class UserForm(forms.ModelForm[User]):
    """A person; what the directory says is looked at only."""

    manager = PersonField(required=False, help_text="The manager's e-mail address.")

    class Meta:
        model = User
        fields = "__all__"  # noqa: DJ007  # the admin's fieldsets choose
        labels = {"is_active": "Active"}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kind: Any = self.fields.get("user_type")
        if kind:
            kind.choices = [(one.value, one.label) for one in PEOPLE]

    def clean_manager(self) -> User | None:
        manager: User | None = self.cleaned_data["manager"]
        if manager and manager.pk == self.instance.pk:
            raise ValidationError("Nobody manages himself.")
        return manager


class GroupForm(forms.ModelForm[Group]):
    """A group with its owners and members."""

    owners = PeopleField()
    people = PeopleField(label="Members")

    class Meta:
        model = Group
        fields = ("name", "description", "kind", "owners")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk and "people" in self.fields:
            self.initial["people"] = list(self.instance.members.all())


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
