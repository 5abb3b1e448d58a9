"""Which attributes of people a resource needs: who says so, and what is refused."""

from uuid import UUID

import pytest
from django.db import IntegrityError

from entitlements.audit.models import AuditEvent
from entitlements.catalog.attributes import (
    WRITABLE,
    ResourceAttribute,
    ask_for_attribute,
    attributes_of,
    stop_asking,
)
from entitlements.decisions import Denied
from entitlements.directory.models import User
from entitlements.models import Group
from tests.factories import (
    AccessPackageFactory,
    CatalogFactory,
    ResourceFactory,
    ResourceRoleFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def resource(bo, appoint):
    catalog = CatalogFactory()
    appoint(bo, catalog)
    made = ResourceFactory(catalog=catalog, name="CRM")
    Group.objects.get(pk=made.external_id).owners.add(bo)
    return made


def ask(resource, by, name="cost_center", question="Which cost center?", is_editable=False):
    return ask_for_attribute(resource, name, question, is_editable=is_editable, by=by)


def test_an_owner_asks_for_an_attribute_and_stops(resource, bo, actions):
    attribute = ask(resource, bo)
    changed = ask(resource, bo, question=" Whose budget? ", is_editable=True)

    assert changed.pk == attribute.pk
    assert (changed.question, changed.is_editable) == ("Whose budget?", True)
    stop_asking(changed, by=bo)
    assert not ResourceAttribute.objects.exists()
    assert actions() == [
        "resource.attribute_added",
        "resource.attribute_changed",
        "resource.attribute_removed",
    ]
    assert AuditEvent.objects.first().details["name"] == "Cost center"


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"name": "email"}, {"unknown_attribute"}),
        ({"name": "department"}, {"unknown_attribute"}),
        ({"name": "is_superuser"}, {"unknown_attribute"}),
        ({"question": " "}, {"name_missing"}),
        ({"question": "x" * 501}, {"name_too_long"}),
        ({"question": "a\x00"}, {"name_unreadable"}),
        ({"name": "password", "question": ""}, {"unknown_attribute", "name_missing"}),
    ],
)
def test_what_cannot_be_asked_for_is_refused(resource, bo, changes, codes):
    with pytest.raises(Denied) as denied:
        ask(resource, bo, **changes)

    assert denied.value.codes == codes


def test_at_most_ten_attributes_are_asked_for(resource, bo):
    names = list(WRITABLE)
    for name in names[:10]:
        ask(resource, bo, name=name)

    ask(resource, bo, name=names[0], question="Anew?")
    with pytest.raises(Denied) as denied:
        ask(resource, bo, name=names[10])
    assert denied.value.codes == {"too_many_attributes"}


def test_only_those_who_may_change_the_resource_ask(resource, ada, bo):
    attribute = ask(resource, bo)

    for act in (lambda: ask(resource, ada), lambda: stop_asking(attribute, by=ada)):
        with pytest.raises(Denied) as denied:
            act()
        assert denied.value.codes == {"not_permitted"}


def test_every_attribute_that_may_be_written_is_a_text_that_may_be_empty():
    for name in WRITABLE:
        field = User._meta.get_field(name)
        assert field.blank
        assert field.max_length <= 1024


def test_resource_asks_once_per_attribute(resource, bo):
    ask(resource, bo)

    with pytest.raises(IntegrityError, match="name"):
        ResourceAttribute.objects.create(resource=resource, name="cost_center", question="Again?")


@pytest.mark.parametrize("editable", [(True, False), (False, True)], ids=["first", "second"])
def test_of_two_resources_that_need_the_same_the_one_that_lets_it_be_edited_asks(editable):
    roles = [ResourceRoleFactory(), ResourceRoleFactory()]
    for number, (role, is_editable) in enumerate(zip(roles, editable, strict=True)):
        ResourceAttribute.objects.create(
            pk=UUID(int=number),
            resource=role.resource,
            name="cost_center",
            question=f"Question {number}",
            is_editable=is_editable,
        )
    package = AccessPackageFactory(roles=roles)

    (asked,) = attributes_of(package.pk)

    assert asked.question == f"Question {editable.index(True)}"
