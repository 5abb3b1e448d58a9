"""Policies in which an extension says who approves: as owners write, read, compare and try them."""

from datetime import timedelta

import pytest
from django.db import IntegrityError

from entitlements.catalog import extensions
from entitlements.catalog.extensions import ExtensionTerms
from entitlements.comparing import differences
from entitlements.decisions import Denied
from entitlements.models import AssignmentPolicy, AuditEvent, CustomExtension
from entitlements.policies.doubts import doubts
from entitlements.policies.freezing import frozen_terms
from entitlements.policies.operations import change_policy, create_policy, terms_of
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.policies.terms import CalloutTerms, PolicyTerms
from entitlements.requests.simulation import simulate
from portal.manage.policy_words import changes
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CustomExtensionFactory,
    GroupFactory,
)

pytestmark = pytest.mark.django_db
WAIT = {"behaviour": "launch_and_wait", "wait_minutes": 60}


@pytest.fixture
def package(gita, appoint):
    package = AccessPackageFactory()
    appoint(gita, package.catalog)
    return package


@pytest.fixture
def decider(package):
    return make(package, name="Deciders")


def make(package, **fields):
    fields = {"response": "approval_stage", "waits_for": timedelta(hours=1), **fields}
    return CustomExtensionFactory(catalog=package.catalog, **fields)


def stage(extension, *approvers, **fields):
    return StageTerms(tuple(approvers), extension_id=extension.pk, **fields)


def policy_terms(*stages, **fields):
    return PolicyTerms("Employees", scope="all_members", stages=stages, **fields)


def person(user, **kind):
    return ApproverTerms("user", user_id=user.pk, **kind)


def codes(act):
    with pytest.raises(Denied) as denied:
        act()
    return denied.value.codes


# The extension


def test_an_owner_makes_an_extension_that_says_who_approves(package, gita):
    terms = ExtensionTerms(
        "Deciders", "https://hooks.kestrel.example/", response="approval_stage", **WAIT
    )

    extension, _ = extensions.create_extension(package.catalog, terms, by=gita)

    assert extension.says_who_approves
    assert extension.stages == ()
    assert list(CustomExtension.objects.deciding()) == [extension]
    assert AuditEvent.objects.get().details["response"] == "approval_stage"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"response": "approval_stage"}, {"who_approves_is_waited_for"}),
        (
            {"response": "approval_stage", "kind": "pre_expiration", **WAIT},
            {"nothing_to_wait_with"},
        ),
        ({"response": "other", **WAIT}, {"unknown_choice"}),
    ],
)
def test_only_one_that_is_waited_for_says_who_approves(package, gita, fields, expected):
    terms = ExtensionTerms("Deciders", "https://hooks.kestrel.example/", **fields)

    refused = codes(lambda: extensions.create_extension(package.catalog, terms, by=gita))

    assert refused == expected


def test_what_an_answer_says_stays(decider, gita):
    terms = ExtensionTerms("Deciders", decider.url, **WAIT)

    assert codes(lambda: extensions.change_extension(decider, terms, by=gita)) == {"kind_is_fixed"}


def test_an_extension_that_a_stage_names_is_not_deleted(package, decider, gita):
    policy = create_policy(package, policy_terms(stage(decider)), by=gita)
    assert codes(lambda: extensions.delete_extension(decider, by=gita)) == {"extension_attached"}

    change_policy(policy, policy_terms(), by=gita)
    extensions.delete_extension(decider, by=gita)

    assert not CustomExtension.objects.exists()


# The policy


def test_a_stage_names_an_extension_and_who_decides_instead(package, decider, gita, bo):
    stages = (stage(decider, person(bo, is_fallback=True), decision_days=3),)

    policy = create_policy(package, policy_terms(*stages), by=gita)

    assert terms_of(policy).stages == stages
    (frozen,) = frozen_terms(policy)["stages"]
    assert frozen["extension"] == {"id": str(decider.pk), "name": "Deciders"}
    assert not AssignmentPolicy.objects.undecidable().exists()


@pytest.mark.parametrize("kind", [{}, {"is_alternate": True, "is_fallback": True}])
def test_beside_an_extension_only_fallbacks_are_named(package, decider, gita, bo, kind):
    terms = policy_terms(stage(decider, person(bo, **kind)))

    refused = codes(lambda: create_policy(package, terms, by=gita))

    assert "extension_beside_approvers" in refused


def test_an_extension_of_another_kind_or_catalog_does_not_decide(package, gita):
    elsewhere = make(AccessPackageFactory())
    other = CustomExtensionFactory(catalog=package.catalog, waits_for=timedelta(hours=1))

    assert codes(
        lambda: create_policy(package, policy_terms(stage(elsewhere), stage(other)), by=gita)
    ) == {"extension_unknown", "extension_names_nobody"}


def test_an_extension_that_says_who_approves_is_not_called_at_other_moments(package, decider, gita):
    terms = policy_terms(callouts=(CalloutTerms("created", decider.pk),))

    assert codes(lambda: create_policy(package, terms, by=gita)) == {"stage_unknown"}


# What pages say


@pytest.mark.parametrize(
    ("fields", "fallback", "expected"),
    [
        ({}, None, []),
        ({"on_timeout": "deny"}, None, []),
        ({"on_timeout": "continue"}, None, ["extension_without_fallback"]),
        ({"on_timeout": "continue"}, "person", []),
        ({"on_timeout": "continue"}, "manager", []),
        ({"on_timeout": "continue"}, "empty", ["extension_without_fallback"]),
        ({"is_enabled": False}, None, ["extension_off"]),
        ({"is_enabled": False}, "person", ["extension_off"]),
    ],
)
def test_doubts_say_where_nobody_could_decide(package, bo, fields, fallback, expected):
    named = {
        None: (),
        "person": (person(bo, is_fallback=True),),
        "manager": (ApproverTerms("manager", is_fallback=True),),
        "empty": (ApproverTerms("group", group_id=GroupFactory().pk, is_fallback=True),),
    }[fallback]
    terms = policy_terms(stage(make(package, **fields), *named))

    assert [doubt.code for doubt in doubts(terms, package)] == expected


def test_an_extension_that_is_gone_is_refused_and_not_doubted(package, decider):
    terms = policy_terms(stage(decider))
    decider.delete()

    assert doubts(terms, package) == []


def test_differences_name_the_extension(package, decider, bo):
    before = policy_terms(StageTerms((person(bo),)))
    after = policy_terms(stage(decider))

    lines = {line.what: (line.old, line.new) for line in changes(before, after)}

    assert [one.field for one in differences(before, after)] == ["approvers", "extension_id"]
    assert lines["Stage 1: An extension says who decides"] == ("–", "Deciders")
    assert lines["Stage 1: Who decides"] == ("Bo Chen", "–")


def test_the_simulation_says_who_is_asked_to_say_it(package, decider, ada, bo):
    policy = AssignmentPolicyFactory(package=package)
    ApprovalStageFactory(policy=policy, position=1, extension=decider, fallbacks=[bo])
    ApprovalStageFactory(policy=policy, position=2, approvers=[bo])

    (prospect,) = simulate(package, ada)

    assert prospect.deciders == ("Deciders", "")
    assert [[str(one.user) for one in asked] for asked in prospect.asked] == [
        ["Bo Chen"],
        ["Bo Chen"],
    ]


# What the database itself keeps


def test_extension_that_says_who_approves_is_waited_for():
    with pytest.raises(IntegrityError):
        CustomExtensionFactory(response="approval_stage")


def test_stage_of_an_extension_names_no_alternates(decider):
    with pytest.raises(IntegrityError):
        ApprovalStageFactory(extension=decider, escalation_days=2)
