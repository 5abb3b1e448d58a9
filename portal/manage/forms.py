from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from django import forms
from django.core.exceptions import ValidationError

from entitlements.assignments.models import Assignment
from entitlements.catalog.attributes import attributes_of
from entitlements.catalog.models import AccessPackage, Catalog, Resource, ResourceKind, ResourceRole
from entitlements.catalog.terms import PackageTerms, ResourceTerms, RoleTerms
from entitlements.directory.models import Group, User
from entitlements.directory.tenant_roles import is_administrator
from entitlements.policies.models import AssignmentPolicy
from entitlements.requests.candidates import extension_limit
from entitlements.systems.models import ConnectedSystem
from entitlements.terms import LONGEST_TEXT
from portal import dates
from portal.forms import DayField, WordsField, end_of, start_of
from portal.manage.finding import Picked
from portal.manage.picker import PickerField, PickingForm
from portal.questions import AskingForm

PLACES: Final[Mapping[str, str]] = {
    "name_missing": "name",
    "name_too_long": "name",
    "name_unreadable": "name",
    "name_taken": "name",
    "description_missing": "description",
    "description_too_long": "description",
    "description_unreadable": "description",
    "address_unusable": "address",
    "external_id_missing": "external_id",
    "external_id_unusable": "external_id",
    "role_taken": "external_id",
    "account_disabled": "person",
    "unknown_role": "role",
}
OUTSIDERS: Final = {
    "address_unusable": "address",
    "domain_not_admitted": "address",
    "account_disabled": "address",
}
"""Where refusals of somebody stand who was named by his address."""


def switch(label: str, help_text: str = "", *, initial: bool = True) -> forms.BooleanField:
    """Return a box that stays empty when it is not ticked."""
    return forms.BooleanField(label=label, help_text=help_text, required=False, initial=initial)


def text_field(label: str, *, is_required: bool = False, **options: Any) -> forms.CharField:
    """Return a field for a description of several lines."""
    widget = forms.Textarea(attrs={"rows": 3, "maxlength": LONGEST_TEXT})
    return forms.CharField(label=label, required=is_required, widget=widget, **options)


class GroupChoiceField(forms.ModelChoiceField[Group]):
    def label_from_instance(self, group: Any) -> str:
        return f"{group.name} ({group.get_kind_display().lower()})"


class GroupResourceForm(PickingForm):
    """A group of the built-in directory, and the words in which a catalog offers it.

    Owners choose among the groups that they own; administrators find any.
    """

    group = forms.Field()
    name = forms.CharField(
        max_length=256, required=False, help_text="Empty: the name of the group."
    )
    description = text_field("Description", help_text="Empty: what the group says of itself.")
    address = forms.CharField(label="Address to open it", max_length=1000, required=False)

    def __init__(self, *args: Any, catalog: Catalog, viewer: User, **options: Any) -> None:
        super().__init__(*args, **options)
        if is_administrator(viewer):
            self.fields["group"] = PickerField("group", is_single=True, label="Group")
            return
        offered = catalog.resources.filter(system__kind="directory")
        taken = list(offered.values_list("external_id", flat=True))
        owned = Group.objects.filter(owners=viewer, source=None).exclude(pk__in=taken)
        self.fields["group"] = GroupChoiceField(
            queryset=owned.order_by("name"),
            empty_label="Choose a group",
            help_text="Groups that you own, and whose members are managed here.",
        )

    def clean_group(self) -> Group:
        chosen = self.cleaned_data["group"]
        if not isinstance(chosen, Picked):
            return cast("Group", chosen)
        group = Group.objects.filter(pk__in=chosen.group_ids[:1]).first()
        if group is None:
            raise ValidationError("This group is not to be had. Choose another one.")
        return group

    def terms(self, group: Group) -> ResourceTerms:
        return ResourceTerms(
            name=self.cleaned_data["name"] or group.name,
            description=self.cleaned_data["description"] or group.description,
            address=self.cleaned_data["address"],
        )

    def offer(self) -> dict[str, Any]:
        """Return what is offered, as `add_resource` wants to know it."""
        group = self.cleaned_data["group"]
        return {
            "terms": self.terms(group),
            "system": ConnectedSystem.objects.built_in_directory(),
            "external_id": str(group.pk),
            "kind": f"{group.kind}_group",
        }


class SystemResourceForm(forms.Form):
    """Something in a connected system, by the id that it has there."""

    kind = forms.ChoiceField(choices=ResourceKind.choices)
    external_id = forms.CharField(
        label="Id in the system",
        max_length=1024,
        help_text="In LDAP, the distinguished name of the group.",
    )
    name = forms.CharField(max_length=256)
    description = text_field("Description", help_text="What people get with it.")
    address = forms.CharField(label="Address to open it", max_length=1000, required=False)

    def __init__(self, *args: Any, system: ConnectedSystem, **options: Any) -> None:
        super().__init__(*args, **options)
        self.system = system

    def offer(self) -> dict[str, Any]:
        """Return what is offered, as `add_resource` wants to know it."""
        words = {name: self.cleaned_data[name] for name in ("name", "description", "address")}
        return {
            "terms": ResourceTerms(**words),
            "system": self.system,
            "external_id": self.cleaned_data["external_id"],
            "kind": self.cleaned_data["kind"],
        }


class ResourceForm(forms.Form):
    """The words of a resource."""

    name = forms.CharField(max_length=256)
    description = text_field("Description", help_text="What people get with it.")
    address = forms.CharField(label="Address to open it", max_length=1000, required=False)

    def terms(self) -> ResourceTerms:
        return ResourceTerms(**self.cleaned_data)


class RoleForm(forms.Form):
    """The words of a role, and for a new one its id."""

    external_id = forms.CharField(
        label="Id in the system",
        max_length=255,
        help_text="A group has “member” and “owner”; other systems have ids of their own.",
    )
    name = forms.CharField(max_length=200)
    description = text_field("Description", help_text="What people may do with it.")
    is_privileged = forms.BooleanField(
        label="Privileged",
        required=False,
        help_text="Approvers see a mark beside it.",
    )

    def __init__(self, *args: Any, is_new: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not is_new:
            del self.fields["external_id"]

    def terms(self) -> RoleTerms:
        words = {name: self.cleaned_data[name] for name in ("name", "description", "is_privileged")}
        return RoleTerms(**words)


class PackageForm(forms.Form):
    """The words of a package, and whether it is listed."""

    name = forms.CharField(max_length=200, help_text="Name the job or team, not the systems.")
    description = text_field(
        "Description", is_required=True, help_text="Who needs it, and what it gives."
    )
    is_hidden = forms.BooleanField(
        label="Hidden",
        required=False,
        help_text="Not listed; whoever has its link can still ask for it.",
    )

    def terms(self) -> PackageTerms:
        return PackageTerms(**self.cleaned_data)


class PackageRoleForm(forms.Form):
    """One more role for a package, among those that its catalog offers.

    It `is_finding` while it is only asked what the role would do.
    """

    is_finding = False

    role = forms.ModelChoiceField(queryset=ResourceRole.objects.none(), empty_label="Choose a role")

    def __init__(self, *args: Any, package: AccessPackage, **options: Any) -> None:
        super().__init__(*args, **options)
        offered = Resource.objects.filter(catalogs=package.catalog_id)
        roles = ResourceRole.objects.filter(resource__in=offered).exclude(packages=package)
        field = cast("forms.ModelChoiceField[ResourceRole]", self.fields["role"])
        field.queryset = roles.select_related("resource").order_by("resource__name", "name")


class GiveForm(PickingForm, AskingForm):
    """To whom to give a package directly, under which policy, and from when until when.

    One person gets it at once; several, groups or a file make a list that is checked first.
    """

    person = PickerField(
        "user",
        "group",
        label="People and groups",
        required=False,
        help_text="Of a group, everybody who is in it today.",
    )
    address = forms.CharField(
        label="Or an e-mail address",
        max_length=254,
        required=False,
        help_text="Somebody whom nobody knows yet needs a policy for people from outside. The "
        "account is made, and the person told, when access begins.",
    )
    name = forms.CharField(
        label="Name of that person", max_length=200, required=False, help_text="Empty: the address."
    )
    file = forms.FileField(label="Or a CSV file", required=False)
    policy = forms.ModelChoiceField(
        queryset=AssignmentPolicy.objects.none(),
        empty_label=None,
        widget=forms.RadioSelect,
        help_text="A policy with approval asks its approvers first.",
    )
    starts_on = DayField(label="From", required=False, help_text="Empty: at once.")
    ends_on = DayField(label="Until", required=False, help_text="Empty: as the policy says.")
    justification = WordsField(label="Why? (optional)", required=False)
    skips_approval = forms.BooleanField(
        label="Without approval",
        required=False,
        help_text="The policy’s approvers are not asked; it stays on record that you chose so.",
    )

    def __init__(
        self,
        *args: Any,
        package: AccessPackage,
        may_skip_approval: bool,
        languages: Sequence[str],
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.policies = list(package.policies.order_by("name"))
        self.ask_questions(self.policies, languages, needed=attributes_of(package.pk))
        self.use_required_attribute = False
        if not may_skip_approval:
            del self.fields["skips_approval"]
        field = cast("forms.ModelChoiceField[AssignmentPolicy]", self.fields["policy"])
        field.queryset = package.policies.order_by("name")
        self.initial.setdefault("policy", field.queryset.first())

    @property
    def is_list(self) -> bool:
        """Whether more than one person is named."""
        picked, address = self.cleaned_data["person"], self.cleaned_data["address"]
        is_many = len(picked.user_ids) + bool(address) > 1 or bool(picked.group_ids)
        return is_many or bool(self.cleaned_data["file"])

    def clean(self) -> dict[str, Any]:
        """Ask for somebody, by whichever way."""
        ways = ("person", "address", "file")
        if not any(self.cleaned_data.get(way) or way in self.errors for way in ways):
            words = "Find somebody by name and choose, enter an address, or choose a file."
            self.add_error("person", words)
        return self.cleaned_data

    def person_chosen(self) -> User | None:
        return cast(
            "User | None",
            User.objects.filter(pk__in=self.cleaned_data["person"].user_ids[:1]).first(),
        )

    @property
    def skips(self) -> bool:
        return bool(self.cleaned_data.get("skips_approval"))

    def wishes(self) -> dict[str, Any]:
        """Return what is to be given; dates that are left empty are the policy's."""
        return {
            "answers": self.answers_under(self.cleaned_data["policy"]),
            "justification": self.cleaned_data["justification"],
            "starts_at": start_of(self.cleaned_data["starts_on"]),
            "ends_at": end_of(self.cleaned_data["ends_on"], limit=None),
        }


class ProlongForm(forms.Form):
    """Until when somebody is to keep access, and why."""

    ends_on = DayField(label="Until", required=False)
    justification = WordsField(label="Why? (optional)", required=False)

    def __init__(self, *args: Any, assignment: Assignment, **options: Any) -> None:
        super().__init__(*args, **options)
        self.limit = extension_limit(assignment)
        self.fields["ends_on"].help_text = (
            f"At most until {dates.exact(self.limit)}; empty: as long as that."
            if self.limit
            else "Empty: without an end."
        )

    def wishes(self) -> dict[str, Any]:
        """Return what is wanted; without a day, as long as the policy allows."""
        return {
            "justification": self.cleaned_data["justification"],
            "ends_at": end_of(self.cleaned_data["ends_on"], limit=self.limit),
        }


class LongerForm(forms.Form):
    """Until when all who were chosen are to keep access, and why."""

    ends_on = DayField(label="Until", help_text="The last day; it is the same for each.")
    justification = WordsField(label="Why? (optional)", required=False)


class ReasonForm(forms.Form):
    """Why, if somebody likes to say so, or because he has to."""

    justification = WordsField(label="Why? (optional)", required=False)

    def __init__(self, *args: Any, is_required: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        if is_required:
            self.fields["justification"].label = "Why?"
            self.fields["justification"].required = True

    def clean_justification(self) -> str:
        """Ask for what every one of many acts would be refused without."""
        words: str = self.cleaned_data["justification"]
        if self.fields["justification"].required and not words.strip():
            raise ValidationError("Say why.", code="required")
        return words
