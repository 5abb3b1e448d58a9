"""What a resource needs to know about its people: attributes that whoever asks has to give.

They are written to the person when access begins, and taken back with it.
"""

from collections.abc import Iterator
from typing import Final
from uuid import UUID, uuid4

from django.db import models, transaction
from django.db.models import Exists, OuterRef

from entitlements.audit import trail
from entitlements.catalog.models import PackageRole, Resource
from entitlements.catalog.permissions import can_ask_for_attributes
from entitlements.decisions import Reason, collect
from entitlements.directory.models import EXTENSION_ATTRIBUTES, User
from entitlements.terms import name_fits

LONGEST_QUESTION = 500
MOST_ATTRIBUTES = 10

WRITABLE: Final[dict[str, str]] = {
    "cost_center": "Cost center",
    "office": "Office",
    "city": "City",
    "country": "Country",
    "company_name": "Company",
    "employee_type": "Kind of employment",
    **{name: name.replace("_", " ").capitalize() for name in EXTENSION_ATTRIBUTES},
}
"""What else a person has decides who manages him and what rules give him; no owner writes that."""


class ResourceAttribute(models.Model):
    """An attribute of people that a resource needs; its question is asked with every request.

    Where it is not editable, only somebody without a value gives one.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    resource = models.ForeignKey(Resource, models.CASCADE, related_name="attributes")
    name = models.CharField(max_length=40, choices=list(WRITABLE.items()))
    question = models.CharField(max_length=LONGEST_QUESTION)
    is_editable = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["resource", "name"], name="resource_asks_once_per_attribute"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_name_display()} for {self.resource}"


def attributes_of(package_id: UUID) -> list[ResourceAttribute]:
    """Return what the resources of a package need, each attribute once, by one query."""
    used = PackageRole.objects.filter(package=package_id, role__resource=OuterRef("resource"))
    found: dict[str, ResourceAttribute] = {}
    for attribute in ResourceAttribute.objects.filter(Exists(used)).order_by("name", "pk"):
        known = found.setdefault(attribute.name, attribute)
        if attribute.is_editable and not known.is_editable:
            found[attribute.name] = attribute
    return list(found.values())


@transaction.atomic(durable=True)
def ask_for_attribute(
    resource: Resource, name: str, question: str, *, is_editable: bool, by: User
) -> ResourceAttribute:
    """Let a resource need an attribute of its people; requests under way are not asked any more.

    What it needs already gets the new question.
    """
    resource = _locked(resource)
    can_ask_for_attributes(by, resource).require()
    question = question.strip()
    collect(_fits(resource, name, question)).require()
    attribute, is_new = ResourceAttribute.objects.update_or_create(
        resource=resource,
        name=name,
        defaults={"question": question, "is_editable": is_editable},
    )
    trail.record(
        "resource.attribute_added" if is_new else "resource.attribute_changed",
        resource,
        by=by,
        name=attribute.get_name_display(),
        question=question,
        is_editable=is_editable,
    )
    return attribute


@transaction.atomic(durable=True)
def stop_asking(attribute: ResourceAttribute, *, by: User) -> None:
    """Need an attribute no more; what was written stays until the access ends that wrote it."""
    resource = _locked(attribute.resource)
    can_ask_for_attributes(by, resource).require()
    trail.record("resource.attribute_removed", resource, by=by, name=attribute.get_name_display())
    attribute.delete()


def _fits(resource: Resource, name: str, question: str) -> Iterator[Reason]:
    if name not in WRITABLE:
        yield Reason(
            "unknown_attribute",
            "This cannot be asked for.",
            "Choose one of the attributes that are listed.",
        )
    yield from name_fits(question, longest=LONGEST_QUESTION)
    if resource.attributes.exclude(name=name).count() >= MOST_ATTRIBUTES:
        yield Reason(
            "too_many_attributes",
            f"At most {MOST_ATTRIBUTES} attributes can be asked for.",
            "Remove one of them.",
        )


def _locked(resource: Resource) -> Resource:
    return (
        Resource.objects.select_for_update(of=("self",))
        .select_related("system")
        .get(pk=resource.pk)
    )
