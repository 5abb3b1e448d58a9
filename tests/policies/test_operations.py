"""Policies are created, changed and deleted by operations that refuse what could not work."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from entitlements import clock
from entitlements.audit.models import AuditEvent
from entitlements.decisions import Denied
from entitlements.policies import operations
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.policies.terms import PolicyTerms
from entitlements.requests import operations as requests
from tests.factories import (
    AccessPackageFactory,
    AccessRequestFactory,
    AssignmentFactory,
    GroupFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

EVERYBODY = PolicyTerms("Employees", "For all of us.", scope="all_members", duration=90)


@pytest.fixture
def package(db):
    return AccessPackageFactory(name="Sales Analyst")


@pytest.fixture
def olga(package, appoint):
    return appoint(UserFactory(display_name="Olga Owner"), package.catalog, "package_manager")


def refused(act, *args, **kwargs):
    with pytest.raises(Denied) as denied:
        act(*args, **kwargs)
    return denied.value.codes


def asks(*approvers, **settings):
    return StageTerms(approvers=approvers, **settings)


def person(user, **settings):
    return ApproverTerms("user", user_id=user.pk, **settings)


def test_a_policy_is_created_with_its_stages(package, olga, bo, gita, actions):
    group = GroupFactory()
    terms = replace(
        EVERYBODY,
        stages=(
            asks(ApproverTerms("manager"), person(bo, is_fallback=True), decision_days=3),
            asks(
                person(gita), ApproverTerms("group", group_id=group.pk), requires_justification=True
            ),
        ),
    )

    policy = operations.create_policy(package, terms, by=olga)

    assert operations.terms_of(policy) == terms
    assert [str(approver) for approver in policy.stages.get(position=2).approvers.all()] == [
        "Gita Rao",
        str(group),
    ]
    assert actions() == ["policy.created"]


@pytest.mark.parametrize("role", ["assignment_manager", "reader", None])
def test_only_those_who_manage_packages_touch_policies(package, olga, bo, appoint, role):
    policy = operations.create_policy(package, EVERYBODY, by=olga)
    if role:
        appoint(bo, package.catalog, role)

    terms = replace(EVERYBODY, name="Other")
    assert refused(operations.create_policy, package, terms, by=bo) == {"not_permitted"}
    assert refused(operations.change_policy, policy, terms, by=bo) == {"not_permitted"}
    assert refused(operations.delete_policy, policy, by=bo) == {"not_permitted"}


def test_specific_people_and_groups_may_be_named(package, olga, ada):
    group = GroupFactory()
    terms = replace(
        EVERYBODY,
        scope="specific",
        allowed_user_ids=(ada.pk, ada.pk),
        allowed_group_ids=(group.pk,),
    )

    policy = operations.create_policy(package, terms, by=olga)

    assert list(policy.allowed_users.all()) == [ada]
    assert list(policy.allowed_groups.all()) == [group]


def test_a_scope_without_names_keeps_none(package, olga, ada):
    terms = replace(EVERYBODY, allowed_user_ids=(ada.pk,))

    policy = operations.create_policy(package, terms, by=olga)
    assert not policy.allowed_users.exists()


def test_an_approver_who_is_named_twice_is_asked_once(package, olga, bo):
    terms = replace(EVERYBODY, stages=(asks(person(bo), person(bo)),))

    policy = operations.create_policy(package, terms, by=olga)
    assert policy.stages.get().approvers.count() == 1


def test_people_and_groups_who_do_not_exist_are_refused(package, olga, bo):
    bo.is_active = False
    bo.save()
    stranger = ApproverTerms("group", group_id=uuid4())
    terms = replace(EVERYBODY, stages=(asks(person(bo), stranger),))

    codes = refused(operations.create_policy, package, terms, by=olga)
    assert codes == {"person_unknown", "group_unknown"}
    assert not AssignmentPolicy.objects.exists()


def test_somebody_who_left_later_does_not_stop_other_changes(package, olga, bo):
    terms = replace(EVERYBODY, stages=(asks(person(bo)),))
    policy = operations.create_policy(package, terms, by=olga)
    bo.is_active = False
    bo.save()

    operations.change_policy(policy, replace(terms, description="New words."), by=olga)

    policy.refresh_from_db()
    assert policy.description == "New words."
    assert policy.stages.get().approvers.get().user == bo


def test_what_speaks_against_the_terms_is_said_all_at_once(package, olga):
    terms = replace(EVERYBODY, name="", duration=0, stages=(asks(),))

    codes = refused(operations.create_policy, package, terms, by=olga)
    assert codes == {"name_missing", "duration_out_of_range", "stage_without_approver"}


def test_a_change_is_written_down_with_old_and_new_values(package, olga, bo, gita):
    policy = operations.create_policy(
        package, replace(EVERYBODY, stages=(asks(person(bo)),)), by=olga
    )

    changed = replace(EVERYBODY, duration=30, stages=(asks(person(gita)),))
    operations.change_policy(policy, changed, by=olga)
    operations.change_policy(policy, changed, by=olga)

    changes = AuditEvent.objects.get(action="policy.changed").details["changes"]
    assert changes["duration"] == {"old": 90, "new": 30}
    assert changes["stages"]["old"][0]["approvers"][0]["user_id"] == str(bo.pk)
    assert changes["stages"]["new"][0]["approvers"][0]["user_id"] == str(gita.pk)
    assert policy.stages.get().approvers.get().user == gita


def test_a_change_of_words_leaves_the_stages_as_they_are(package, olga, bo):
    terms = replace(EVERYBODY, stages=(asks(person(bo)),))
    policy = operations.create_policy(package, terms, by=olga)
    stage = policy.stages.get()

    operations.change_policy(policy, replace(terms, description="New words."), by=olga)
    assert policy.stages.get() == stage


def test_a_change_does_not_reach_requests_under_way(package, olga, ada, bo):
    terms = replace(EVERYBODY, stages=(asks(person(bo)),), requires_justification=False)
    policy = operations.create_policy(package, terms, by=olga)
    access_request = requests.submit(policy, by=ada)

    operations.change_policy(policy, replace(terms, duration=1, stages=()), by=olga)

    access_request.refresh_from_db()
    assert access_request.terms["duration"] == 90
    assert access_request.steps.get().approvers.get() == bo


def test_an_end_that_has_passed_may_stay_but_not_be_chosen(package, olga):
    moment = clock.now()
    terms = replace(
        EVERYBODY, expiration="on_date", duration=None, ends_on=moment + timedelta(days=1)
    )
    policy = operations.create_policy(package, terms, by=olga)

    with clock.at(moment + timedelta(days=2)):
        operations.change_policy(policy, replace(terms, description="Over."), by=olga)
        codes = refused(
            operations.change_policy,
            policy,
            replace(terms, ends_on=moment + timedelta(hours=1)),
            by=olga,
        )
    assert codes == {"end_in_the_past"}


def test_a_name_is_taken_once_in_a_package(package, olga, appoint):
    operations.create_policy(package, EVERYBODY, by=olga)
    other = operations.create_policy(package, replace(EVERYBODY, name="Others"), by=olga)

    assert refused(operations.create_policy, package, EVERYBODY, by=olga) == {"name_taken"}
    assert refused(operations.change_policy, other, EVERYBODY, by=olga) == {"name_taken"}
    elsewhere = AccessPackageFactory(catalog=package.catalog)
    assert operations.create_policy(elsewhere, EVERYBODY, by=olga)


def test_a_policy_that_was_never_used_is_deleted(package, olga):
    policy = operations.create_policy(package, EVERYBODY, by=olga)

    operations.delete_policy(policy, by=olga)

    assert not AssignmentPolicy.objects.exists()
    assert AuditEvent.objects.get(action="policy.deleted").details["duration"] == 90


@pytest.mark.parametrize("factory", [AssignmentFactory, AccessRequestFactory])
def test_a_policy_that_was_used_stays(package, olga, factory):
    policy = operations.create_policy(package, EVERYBODY, by=olga)
    factory(policy=policy)

    assert refused(operations.delete_policy, policy, by=olga) == {"policy_used"}


@pytest.mark.django_db(transaction=True)
def test_of_many_who_create_one_policy_at_once_one_succeeds(package, olga):
    outcomes = at_once(
        *[lambda: operations.create_policy(package, EVERYBODY, by=olga) for _ in range(6)]
    )

    assert package.policies.count() == 1
    assert refusals(outcomes) == [{"name_taken"}] * 5
