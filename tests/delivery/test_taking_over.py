"""Existing access comes under control: nobody loses it, and it ends with the package."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError

from entitlements import clock, sweep
from entitlements.connectors.base import ConnectorRefused
from entitlements.decisions import Denied
from entitlements.delivery import tasks
from entitlements.delivery.claims import Done, claim, complete
from entitlements.delivery.taking_over import prepare
from entitlements.models import (
    Account,
    Assignment,
    AuditEvent,
    BulkAssignment,
    CatalogResource,
    Grant,
    Membership,
)
from entitlements.policies.models import Scope
from entitlements.requests import deciding, giving, operations
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    ConnectedSystemFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def role(here):
    """Membership in a group of the built-in directory."""
    return here


@pytest.fixture
def policy(role, gita, appoint):
    """A policy for access that is given directly, of a package whose assignments Gita manages."""
    policy = AssignmentPolicyFactory(
        package=AccessPackageFactory(name="Sales Analyst", roles=[role]), scope=Scope.NOBODY
    )
    appoint(gita, policy.package.catalog, "assignment_manager")
    return policy


@pytest.fixture
def losses(monkeypatch):
    """Who was taken out of a group of the built-in directory, whenever that was."""
    lost = []
    delete = Membership.objects.none().__class__.delete

    def watched(rows):
        if rows.model is Membership:
            lost.extend(rows.values_list("user__display_name", flat=True))
        return delete(rows)

    monkeypatch.setattr(Membership.objects.none().__class__, "delete", watched)
    return lost


def put_in(role, *people):
    for person in people:
        Membership.objects.create(group_id=role.resource.external_id, user=person)


def members(role):
    found = Membership.objects.filter(group_id=role.resource.external_id)
    return {membership.user for membership in found.select_related("user")}


def codes(bulk):
    return [[reason["code"] for reason in row.reasons] for row in bulk.rows.all()]


def end_by_time(assignment, run_queue):
    with clock.at(assignment.ends_at + SECOND):
        sweep.run()
        run_queue()


def test_who_holds_it_gets_the_package_keeps_it_and_loses_it_with_the_package(
    ada, bo, gita, role, policy, losses, run_queue
):
    put_in(role, ada, bo)

    bulk = prepare(role, policy, by=gita, chosen=[ada.pk])
    assert members(role) == {ada, bo}
    giving.give_all(bulk, by=gita)
    assert members(role) == {ada, bo}
    run_queue()
    sweep.run()
    run_queue()

    assert members(role) == {ada, bo}
    assert losses == []
    assignment = Assignment.objects.live().get()
    assert (assignment.target, assignment.package) == (ada, policy.package)
    grant = Grant.objects.get()
    assert (grant.held_before, grant.is_taken_over, grant.is_given) == (True, True, True)

    end_by_time(assignment, run_queue)

    assert members(role) == {bo}
    assert losses == ["Ada Lovelace"]
    grant.refresh_from_db()
    assert (grant.held_before, grant.is_taken_over, grant.is_given) == (None, False, False)
    taken = AuditEvent.objects.get(action="grant.taken")
    assert "kept" not in taken.details


def test_it_is_on_record_that_access_was_taken_over(ada, gita, role, policy, actions):
    put_in(role, ada)

    giving.give_all(prepare(role, policy, by=gita), by=gita)

    events = {event.action: event.details for event in AuditEvent.objects.all()}
    for action in ("bulk.checked", "request.given_directly", "assignment.begun"):
        assert events[action]["takes_over"] is True
    assert actions()[:2] == ["bulk.checked", "bulk.started"]
    assert "takes_over" not in events["request.delivery_started"]


def test_what_is_given_directly_without_taking_over_is_kept_as_before(
    ada, gita, role, policy, run_queue
):
    put_in(role, ada)
    access_request = operations.assign(policy, ada, by=gita)
    run_queue()
    assert Grant.objects.get().held_before is True

    end_by_time(access_request.assignment, run_queue)

    assert members(role) == {ada}


def test_everybody_unexplained_is_taken_by_name_and_as_many_as_a_list_has(
    ada, bo, gita, role, policy, monkeypatch
):
    put_in(role, gita, bo, ada)
    AssignmentFactory(policy__package__roles=[role], target=bo)
    monkeypatch.setattr(giving, "MOST_ROWS", 1)

    bulk = prepare(role, policy, by=gita)

    assert [row.target for row in bulk.rows.all()] == [ada]
    assert bulk.source == f"1 person who holds {role} already"
    assert bulk.takes_over
    assert not AssignmentPolicyFactory().bulk_assignments.exists()


def test_each_row_learns_every_reason(ada, bo, gita, role, policy):
    disabled = UserFactory(is_active=False)
    leaving, explained = UserFactory(), UserFactory()
    put_in(role, ada, disabled, leaving, explained)
    AssignmentFactory(policy__package__roles=[role], target=explained)
    Grant.objects.create(
        user=leaving, role=role, is_wanted=False, is_given=True, next_attempt_at=clock.now()
    )
    nobody = uuid4()

    bulk = prepare(
        role,
        policy,
        by=gita,
        chosen=[person.pk for person in (ada, bo, disabled, leaving, explained, ada)] + [nobody],
    )

    assert codes(bulk) == [
        [],
        ["not_unexplained"],
        ["account_disabled"],
        ["being_removed"],
        ["not_unexplained"],
        ["not_unexplained", "person_unknown"],
    ]
    assert bulk.source == f"6 people who hold {role} already"


def test_the_policy_has_to_admit_them(ada, bo, gita, role, policy):
    put_in(role, ada, bo)
    policy.scope = Scope.SPECIFIC
    policy.save()
    policy.allowed_users.add(bo)

    assert codes(prepare(role, policy, by=gita)) == [["not_in_scope"], []]


def test_only_managers_of_assignments_take_over_and_only_roles_of_the_package(
    ada, bo, gita, role, policy, appoint
):
    put_in(role, ada)
    appoint(bo, policy.package.catalog, "reader")
    with pytest.raises(Denied) as denied:
        prepare(role, policy, by=bo)
    assert denied.value.codes == {"not_permitted"}

    with pytest.raises(Denied) as denied:
        prepare(ResourceRoleFactory(), policy, by=gita)
    assert denied.value.codes == {"role_not_in_package"}
    assert not BulkAssignment.objects.exists()


def test_nobody_unexplained_makes_no_list(gita, role, policy):
    with pytest.raises(Denied) as denied:
        prepare(role, policy, by=gita)

    assert denied.value.codes == {"list_empty"}


def test_under_a_policy_with_approval_access_stays_while_it_waits_and_when_it_is_denied(
    ada, bo, gita, role, policy, losses, run_queue
):
    put_in(role, ada, gita)
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    giving.give_all(prepare(role, policy, by=gita, chosen=[ada.pk]), by=gita)
    run_queue()
    waiting = ada.requests_received.get()
    assert waiting.state == "pending_approval"
    assert not Grant.objects.exists()

    deciding.approve(waiting, by=bo)
    run_queue()
    assert Grant.objects.get().is_taken_over
    end_by_time(Assignment.objects.get(), run_queue)
    assert members(role) == {gita}

    put_in(role, ada)
    giving.give_all(prepare(role, policy, by=gita, chosen=[ada.pk]), by=gita)
    deciding.deny_request(ada.requests_received.get(state="pending_approval"), by=bo)
    run_queue()
    assert members(role) == {ada, gita}
    assert losses == ["Ada Lovelace"]


def test_it_goes_with_the_last_package_that_gives_it(ada, gita, role, policy, run_queue):
    put_in(role, ada)
    giving.give_all(prepare(role, policy, by=gita), by=gita)
    other = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[role]), duration=10)
    asked = operations.submit(other, by=ada)
    run_queue()
    taken_over = Assignment.objects.get(policy=policy)

    operations.give_back(taken_over, by=ada)
    run_queue()
    assert members(role) == {ada}
    assert Grant.objects.get().is_taken_over

    operations.give_back(asked.assignment, by=ada)
    run_queue()
    assert members(role) == set()


def test_what_comes_back_from_outside_later_is_looked_at_anew(ada, gita, role, policy, run_queue):
    put_in(role, ada)
    giving.give_all(prepare(role, policy, by=gita), by=gita)
    run_queue()
    operations.give_back(Assignment.objects.get(), by=ada)
    run_queue()
    put_in(role, ada)

    again = operations.assign(policy, ada, by=gita)
    run_queue()
    operations.give_back(again.assignment, by=ada)
    run_queue()

    assert members(role) == {ada}


def test_all_roles_of_the_package_are_under_control_then(ada, gita, role, policy, run_queue):
    other = ResourceRoleFactory()
    policy.package.package_roles.create(role=other, position=1)
    CatalogResource.objects.create(catalog=policy.package.catalog, resource=other.resource)
    put_in(role, ada)
    put_in(other, ada)

    giving.give_all(prepare(role, policy, by=gita), by=gita)
    run_queue()
    operations.give_back(Assignment.objects.get(), by=ada)
    run_queue()

    assert (members(role), members(other)) == (set(), set())


def test_a_worker_that_is_late_does_not_forget_that_access_was_taken_over(ada, gita, role, policy):
    """One was about to write down that Ada keeps what she had, while Gita took it over."""
    put_in(role, ada)
    first = operations.assign(policy, ada, by=gita)
    tasks.deliver(assignment_id=str(first.assignment_id))
    operations.give_back(first.assignment, by=ada)
    (claimed,) = claim(list(Grant.objects.values_list("pk", flat=True)))
    assert not claimed.is_wanted
    operations.give(
        policy,
        ada,
        {"justification": "", "starts_at": None, "ends_at": None, "answers": None},
        by=gita,
        skips_approval=False,
        takes_over=True,
    )

    complete([Done(claimed, kept=True)])

    grant = Grant.objects.get()
    assert (grant.is_wanted, grant.is_taken_over) == (True, True)
    assert grant.next_attempt_at is not None


def test_a_worker_that_is_late_with_giving_lets_it_go_all_the_same(
    ada, gita, role, policy, run_queue
):
    put_in(role, ada)
    giving.give_all(prepare(role, policy, by=gita), by=gita)
    (claimed,) = claim(list(Grant.objects.values_list("pk", flat=True)))
    operations.give_back(Assignment.objects.get(), by=ada)

    complete([Done(claimed)])

    assert Grant.objects.get().is_taken_over
    run_queue()
    assert members(role) == set()
    assert not Grant.objects.get().is_taken_over


def test_grant_that_is_taken_over_is_wanted_or_on_its_way_out(ada, role):
    grant = Grant.objects.create(user=ada, role=role, is_taken_over=True)
    Grant.objects.filter(pk=grant.pk).update(is_wanted=False, next_attempt_at=clock.now())

    with pytest.raises(IntegrityError):
        Grant.objects.filter(pk=grant.pk).update(next_attempt_at=None)


# In a real LDAP server


@pytest.fixture
def finance(ldap_server, ldap_system):
    """A role of a group in LDAP, with Uma and Tim in it, of whom Uma is known here."""
    uma, tim = ldap_server.add_person("uma"), ldap_server.add_person("tim")
    group = ldap_server.add_group("finance", [uma, tim])
    return ResourceRoleFactory(
        resource=ResourceFactory(system=ldap_system, external_id=group, group=None)
    )


@pytest.mark.slapd
def test_in_ldap_nobody_loses_the_membership_until_the_package_ends(
    ada, gita, ldap_server, ldap_system, finance, appoint, run_queue
):
    uma, tim = (f"uid={name},{ldap_server.people_dn}" for name in ("uma", "tim"))
    Account.objects.create(user=ada, system=ldap_system, external_id=uma)
    group = finance.resource.external_id
    policy = AssignmentPolicyFactory(
        package=AccessPackageFactory(roles=[finance]), scope=Scope.NOBODY
    )
    appoint(gita, policy.package.catalog, "assignment_manager")

    bulk = prepare(finance, policy, by=gita)
    assert sorted(ldap_server.members(group)) == [tim, uma]
    assert [row.target for row in bulk.rows.all()] == [ada]
    giving.give_all(bulk, by=gita)
    assert sorted(ldap_server.members(group)) == [tim, uma]
    run_queue()
    assert sorted(ldap_server.members(group)) == [tim, uma]
    grant = Grant.objects.get()
    assert (grant.held_before, grant.is_taken_over, grant.is_given) == (True, True, True)

    end_by_time(Assignment.objects.get(), run_queue)

    assert ldap_server.members(group) == [tim]


def test_a_group_that_is_managed_elsewhere_is_not_taken_over(gita, policy):
    group = GroupFactory(source=ConnectedSystemFactory(kind="ldap", name="LDAP"), source_key="1")
    role = ResourceRoleFactory(resource__external_id=str(group.pk))
    policy.package.package_roles.create(role=role, position=1)

    with pytest.raises(ConnectorRefused) as refused:
        prepare(role, policy, by=gita)
    assert refused.value.code == "managed_elsewhere"
    assert not BulkAssignment.objects.exists()
