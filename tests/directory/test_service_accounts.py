"""Service accounts: programs that hold roles in catalogs, and are nowhere taken for people."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.db.models import Q

from entitlements import clock
from entitlements.audit.models import AuditEvent
from entitlements.catalog import operations as catalogs
from entitlements.catalog.permissions import can, owners_of
from entitlements.decisions import Denied
from entitlements.directory import operations
from entitlements.directory.service_accounts import create_service_account
from entitlements.directory.sync.values import BadValue, person_value
from entitlements.models import (
    AssignmentPolicy,
    Catalog,
    Membership,
    StageApprover,
    User,
)
from entitlements.policies import operations as policies
from entitlements.policies.admission import admitted_by
from entitlements.policies.approvers import named, resolve
from entitlements.policies.reach import reach_of
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.policies.terms import PolicyTerms
from entitlements.requests import operations as requests
from entitlements.requests import standing_in
from entitlements.requests.handing_over import hand_over
from entitlements.requests.judging import Entry, judge
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    GroupFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ivo(db):
    return UserFactory(display_name="Ivo Okoro", is_superuser=True)


@pytest.fixture
def program(ivo):
    return create_service_account("Device register", "Answers calls", by=ivo)


def refused(act, *args, **kwargs):
    with pytest.raises(Denied) as denied:
        act(*args, **kwargs)
    return denied.value.codes


def test_an_administrator_creates_one_without_a_password(program, ivo):
    assert program.is_service
    assert not program.has_usable_password()
    assert (str(program), program.job_title) == ("Device register", "Answers calls")
    assert program.email.endswith(".invalid")
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_id) == ("service_account.created", ivo.pk)
    assert event.details == {"purpose": "Answers calls"}


def test_nobody_else_does(ada):
    assert refused(create_service_account, "Mine", by=ada) == {"administrators_only"}


@pytest.mark.parametrize(
    ("name", "purpose", "codes"),
    [
        ("", "", {"bad_name"}),
        ("x" * 201, "", {"bad_name"}),
        ("a\x00b", "", {"bad_name"}),
        ("Robot", "x" * 201, {"bad_purpose"}),
        ("Robot", "a\x00b", {"bad_purpose"}),
        ("DEVICE register", "", {"name_taken"}),
    ],
)
def test_names_that_do_not_do(program, ivo, name, purpose, codes):
    assert refused(create_service_account, name, purpose, by=ivo) == codes


def test_it_is_disabled_and_enabled_like_everybody(program, ivo, actions):
    operations.disable(program, by=ivo)
    operations.enable(program, by=ivo)

    assert actions() == ["service_account.created", "user.disabled", "user.enabled"]


def test_service_account_has_no_password(program):
    program.set_password("a password that is long enough")

    with pytest.raises(IntegrityError, match="service_account_has_no_password"):
        program.save()


@pytest.mark.parametrize("mark", ["is_superuser", "is_staff"])
def test_service_account_is_no_administrator(program, mark):
    with pytest.raises(IntegrityError, match="service_account_is_no_administrator"):
        User.objects.filter(pk=program.pk).update(**{mark: True})


def test_service_account_name_is_unique(program):
    UserFactory(display_name="Device register")

    with pytest.raises(IntegrityError):
        UserFactory(display_name="device REGISTER", user_type="service")


def test_it_holds_a_catalog_role_and_owns_nothing_alone(program, ada, ivo):
    catalog = CatalogFactory()
    catalogs.appoint(ada, catalog, "owner", by=ivo)
    catalogs.appoint(program, catalog, "owner", by=ada)

    assert can(program, "manage_assignments", catalog)
    assert list(owners_of(catalog)) == [ada]
    assert refused(catalogs.dismiss, ada, catalog, "owner", by=ivo) == {"last_owner"}
    operations.disable(program, by=ivo)
    assert not can(User.objects.get(pk=program.pk), "manage_assignments", catalog)


def test_a_catalog_that_only_a_program_owns_has_no_owner(program, appoint):
    catalog = appoint(program, CatalogFactory()) and Catalog.objects.exclude(name="General").get()

    assert Catalog.objects.without_owner().get() == catalog


def test_it_is_not_among_people(program, ada):
    assert program not in User.objects.active()
    assert program not in User.objects.people()
    assert list(User.objects.services()) == [program]


def test_it_is_in_nobodys_scope(program, ada):
    for scope in ("all_users", "all_members", "specific"):
        policy = AssignmentPolicyFactory(scope=scope)
        policy.allowed_users.add(program)
        group = GroupFactory(members=[program, ada])
        policy.allowed_groups.add(group)

        assert policy in AssignmentPolicy.objects.in_scope_of(ada)
        assert not AssignmentPolicy.objects.in_scope_of(program).exists()
        assert not AssignmentPolicy.objects.open_to(program).exists()
        assert (
            reach_of([policy])[policy.pk].admitted
            == User.objects.active().filter(Q(admitted_by(policy))).distinct().count()
        )
        if scope != "specific":
            assert not User.objects.filter(admitted_by(policy), pk=program.pk).exists()


def test_it_is_never_an_approver(program, ada):
    group = GroupFactory(members=[program])
    stage = ApprovalStageFactory(approvers=[program])
    StageApprover.objects.create(stage=stage, kind="group", group=group)
    package = stage.policy.package
    terms = [approver.frozen() for approver in stage.approvers.all()]

    assert named(terms, package) == []
    assert resolve(terms, target=ada, package=package, barred=set()) == []
    assert not StageApprover.objects.to_be_had().exists()
    assert AssignmentPolicy.objects.undecidable().get() == stage.policy

    ada.sponsors.add(program)
    sponsors = [{"kind": "sponsors", "is_fallback": False, "user": None, "group": None, "name": ""}]
    assert resolve(sponsors, target=ada, package=package, barred=set()) == []


def test_a_policy_does_not_name_it(program, ivo):
    package = AccessPackageFactory()
    terms = PolicyTerms(
        "All", scope="specific", allowed_user_ids=(program.pk,), expiration="never", duration=None
    )
    assert refused(policies.create_policy, package, terms, by=ivo) == {"person_unknown"}

    stage = StageTerms((ApproverTerms("user", user_id=program.pk),))
    terms = PolicyTerms("All", stages=(stage,))
    assert refused(policies.create_policy, package, terms, by=ivo) == {"person_unknown"}


def test_it_is_given_no_package(program, ivo):
    policy = AssignmentPolicyFactory(scope="nobody")

    assert "service_account" in refused(requests.assign, policy, program, by=ivo)
    (judged,) = judge(policy, [Entry(str(program.pk))])
    assert "service_account" in {reason.code for reason in judged.reasons}


def test_it_neither_leads_nor_reports(program, ada):
    assert refused(operations.set_manager, ada, program, by=None) == {"service_account"}
    assert refused(operations.set_manager, program, ada, by=None) == {"service_account"}


def test_it_decides_for_nobody(program, ada, bo):
    stage = ApprovalStageFactory(approvers=[bo])
    access_request = requests.submit(stage.policy, by=ada)

    assert refused(standing_in.delegate, program, by=bo) == {"service_account"}
    words = {"by": bo, "justification": "I am away"}
    assert refused(hand_over, access_request, program, **words) == {"service_account"}


def test_no_source_says_that_somebody_is_a_program():
    assert person_value("user_type", "guest") == "guest"
    with pytest.raises(BadValue):
        person_value("user_type", "service")


def test_membership_in_a_group_counts_for_its_roles(program, appoint):
    catalog = CatalogFactory()
    group = appoint(GroupFactory(), catalog, "reader")
    Membership.objects.create(group=group, user=program)

    assert can(program, "view_catalog", catalog)
    assert clock.now() - program.date_joined < timedelta(minutes=1)
