"""A new policy begins with a template, or with the terms of another."""

from dataclasses import replace
from datetime import timedelta

import pytest

from entitlements import clock
from entitlements.models import AuditEvent
from entitlements.policies.models import Scope
from entitlements.policies.operations import create_policy, terms_of
from entitlements.policies.question_terms import QuestionTerms
from entitlements.policies.starters import STARTERS, copy_of
from entitlements.policies.terms import check
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CustomExtensionFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def package():
    return AccessPackageFactory(name="Ledger")


@pytest.fixture
def olga(gita, package, appoint):
    return appoint(gita, package.catalog, "package_manager")


@pytest.mark.parametrize("starter", STARTERS, ids=lambda starter: starter.key)
def test_a_template_lacks_nothing_but_the_people(starter, package, olga, ada):
    missing = check(starter.terms, moment=clock.now()).codes
    assert missing <= {"targets_missing"}

    is_specific = starter.terms.scope == "specific"
    terms = replace(starter.terms, allowed_user_ids=(ada.pk,) if is_specific else ())
    policy = create_policy(package, terms, by=olga)

    assert terms_of(policy) == terms


def test_the_templates_say_what_they_promise():
    terms = {starter.key: starter.terms for starter in STARTERS}

    assert list(terms) == ["team", "project", "contractor", "break-glass"]
    contractor, emergency = terms["contractor"], terms["break-glass"]
    assert (contractor.scope, contractor.expiration, contractor.duration) == (
        "specific",
        "after_days",
        90,
    )
    asked = [[one.kind for one in stage.asked()] for stage in contractor.stages]
    assert asked == [["manager"], ["sponsors"]]
    assert contractor.requires_justification
    assert (emergency.expiration, emergency.duration) == ("after_hours", 4)
    assert not emergency.allows_extension
    assert [stage.rule for stage in emergency.stages] == ["any"]


def test_a_copy_has_all_terms_and_a_name_of_its_own(package, olga, ada, bo):
    policy = AssignmentPolicyFactory(package=package, name="Team", scope=Scope.SPECIFIC)
    policy.allowed_users.add(ada)
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    asked = replace(terms_of(policy), questions=(QuestionTerms("short_text", "Which project?"),))
    original = create_policy(package, replace(asked, name="Asks"), by=olga)

    copied = create_policy(package, copy_of(original), by=olga)

    assert copied.name == "Copy of Asks"
    assert terms_of(copied) == replace(terms_of(original), name="Copy of Asks")
    assert copy_of(original).name == "Copy of Asks (2)"


def test_copying_writes_nothing_and_fits_a_long_name(package):
    policy = AssignmentPolicyFactory(package=package, name="x" * 200)
    AssignmentPolicyFactory(package=package, name="Copy of " + "x" * 192)

    name = copy_of(policy).name

    assert (len(name), name[-5:]) == (200, "x (2)")
    assert AuditEvent.objects.count() == 0


def test_a_copy_names_the_extension_that_decides(package):
    extension = CustomExtensionFactory(
        catalog=package.catalog, response="approval_stage", waits_for=timedelta(hours=1)
    )
    policy = AssignmentPolicyFactory(package=package, name="Asked")
    ApprovalStageFactory(policy=policy, position=1, extension=extension)

    assert copy_of(policy).stages[0].extension_id == extension.pk
