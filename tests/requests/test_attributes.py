"""Attributes that resources need: asked, prefilled or fixed; written with access, taken with it."""

from datetime import timedelta

import pytest
from django.db import IntegrityError

from entitlements import clock
from entitlements.audit.models import AuditEvent
from entitlements.catalog.attributes import ResourceAttribute, attributes_of
from entitlements.decisions import Denied
from entitlements.delivery.expiry import end_overdue
from entitlements.models import (
    AccessPackage,
    AccessRequest,
    Assignment,
    User,
    WrittenAttribute,
)
from entitlements.requests import deciding, operations
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    ResourceFactory,
    ResourceRoleFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def offer():
    """Make a policy of a package whose one resource needs attributes: name → is editable."""

    def offer(**names):
        role = ResourceRoleFactory(resource=ResourceFactory())
        for name, is_editable in names.items():
            ResourceAttribute.objects.create(
                resource=role.resource, name=name, question=f"{name}?", is_editable=is_editable
            )
        return AssignmentPolicyFactory(package=AccessPackageFactory(roles=[role]))

    return offer


def key_of(policy, name):
    return str(next(one.pk for one in attributes_of(policy.package_id) if one.name == name))


def ask(policy, person, **values):
    answers = {key_of(policy, name): value for name, value in values.items()}
    return operations.submit(policy, by=User.objects.get(pk=person.pk), answers=answers)


def value(person, name="cost_center"):
    return getattr(User.objects.get(pk=person.pk), name)


def shown(access_request):
    return [(one["text"], one["shown"]) for one in access_request.answers]


def give_up(person, policy):
    live = Assignment.objects.live().get(target=person, package=policy.package_id)
    operations.give_back(live, by=person)


@pytest.mark.parametrize("given", [{}, {"cost_center": ""}, {"cost_center": "x" * 101}])
def test_an_attribute_must_be_answered_and_fit(offer, ada, given):
    with pytest.raises(Denied) as denied:
        ask(offer(cost_center=False), ada, **given)

    [reason] = denied.value.decision.reasons
    assert reason.code in {"answer_missing", "answer_unmatched"}
    assert "cost_center?" in reason.text


@pytest.mark.parametrize("is_editable", [False, True])
def test_somebody_without_a_value_gives_one_and_loses_it_with_the_access(offer, ada, is_editable):
    policy = offer(cost_center=is_editable)

    made = ask(policy, ada, cost_center=" 4711 ")

    assert value(ada) == "4711"
    assert shown(made) == [("cost_center?", "4711")]
    give_up(ada, policy)
    assert value(ada) == ""
    events = AuditEvent.objects.filter(action="user.attribute_written").order_by("pk")
    assert [(one.details["old"], one.details["new"]) for one in events] == [
        ("", "4711"),
        ("4711", ""),
    ]


def test_a_value_that_is_fixed_stays_whatever_is_sent(offer, ada):
    ada.cost_center = "1000"
    ada.save()
    policy = offer(cost_center=False)

    made = ask(policy, ada, cost_center="9999")

    assert shown(made) == [("cost_center?", "1000")]
    assert value(ada) == "1000"
    give_up(ada, policy)
    assert value(ada) == "1000"


def test_a_value_that_is_editable_is_prefilled_and_may_be_changed(offer, ada):
    ada.cost_center = "1000"
    ada.save()
    kept, changed = offer(cost_center=True), offer(cost_center=True)

    assert shown(ask(kept, ada)) == [("cost_center?", "1000")]
    assert shown(ask(changed, ada, cost_center="2000")) == [("cost_center?", "2000")]

    assert value(ada) == "2000"
    give_up(ada, changed)
    assert value(ada) == "1000"


def test_one_editable_question_is_enough_for_several_resources(offer, ada):
    policy = offer(cost_center=False)
    role = ResourceRoleFactory(resource=ResourceFactory())
    package = AccessPackage.objects.get(pk=policy.package_id)
    package.package_roles.create(role=role, position=2)
    for name, is_editable in (("cost_center", True), ("office", False)):
        ResourceAttribute.objects.create(
            resource=role.resource, name=name, question=f"Other {name}?", is_editable=is_editable
        )

    needed = attributes_of(policy.package_id)

    assert [(one.name, one.is_editable) for one in needed] == [
        ("cost_center", True),
        ("office", False),
    ]
    assert str(needed[1]).startswith("Office for Resource")


def test_nothing_is_written_before_access_begins(offer, ada, bo):
    policy = offer(cost_center=False)
    ApprovalStageFactory(policy=policy, approvers=[bo])

    made = ask(policy, ada, cost_center="4711")
    assert value(ada) == ""

    deciding.approve(made, by=bo)
    assert value(ada) == "4711"


@pytest.mark.parametrize("first_to_end", [0, 1])
def test_what_another_access_needs_stays_until_the_last_has_ended(offer, ada, first_to_end):
    policies = [offer(cost_center=True), offer(cost_center=True)]
    for policy in policies:
        ask(policy, ada, cost_center="4711")

    give_up(ada, policies[first_to_end])
    assert value(ada) == "4711"

    give_up(ada, policies[1 - first_to_end])
    assert value(ada) == ""


@pytest.mark.parametrize(("first_to_end", "between"), [(0, "2000"), (1, "1000")])
def test_the_last_value_that_access_needs_counts(offer, ada, first_to_end, between):
    policies = [offer(cost_center=True), offer(cost_center=True)]
    for policy, wanted in zip(policies, ("1000", "2000"), strict=True):
        ask(policy, ada, cost_center=wanted)

    give_up(ada, policies[first_to_end])
    assert value(ada) == between

    give_up(ada, policies[1 - first_to_end])
    assert value(ada) == ""


def test_what_somebody_changed_since_stays(offer, ada):
    policy = offer(cost_center=False)
    ask(policy, ada, cost_center="4711")
    User.objects.filter(pk=ada.pk).update(cost_center="from the directory")

    give_up(ada, policy)

    assert value(ada) == "from the directory"


def test_the_end_by_time_takes_back_too(offer, ada):
    policy = offer(cost_center=False, extension_attribute_1=False)
    ask(policy, ada, cost_center="4711", extension_attribute_1="blue")
    ends_at = Assignment.objects.get().ends_at

    with clock.at(ends_at + timedelta(seconds=1)):
        end_overdue()

    assert (value(ada), value(ada, "extension_attribute_1")) == ("", "")


def test_an_extension_asks_nothing_and_writes_nothing(offer, ada, actions):
    policy = offer(cost_center=False)
    ask(policy, ada, cost_center="4711")

    with clock.at(clock.now() + timedelta(days=1)):
        extension = operations.extend(Assignment.objects.get(), by=ada)

    assert (extension.answers, extension.terms["attributes"]) == ([], {})
    assert actions().count("user.attribute_written") == 1


def test_sent_again_the_attributes_go_along(offer, ada, bo):
    policy = offer(cost_center=False)
    ApprovalStageFactory(policy=policy, approvers=[bo])
    made = ask(policy, ada, cost_center="4711")
    made = operations.cancel(AccessRequest.objects.get(pk=made.pk), by=ada)

    again = operations.resubmit(made, by=ada)

    assert shown(again) == [("cost_center?", "4711")]


def test_a_very_long_value_that_is_fixed_goes_along(offer, ada):
    ada.extension_attribute_1 = "x" * 1000
    ada.save()

    made = ask(offer(extension_attribute_1=False), ada)

    assert made.answers[0]["value"] == "x" * 1000


def test_one_written_attribute_per_assignment(offer, ada):
    ask(offer(cost_center=False), ada, cost_center="4711")
    row = WrittenAttribute.objects.get()

    assert str(row) == f"cost_center of {ada}"
    row.pk = None
    with pytest.raises(IntegrityError, match="assignment"):
        row.save()
