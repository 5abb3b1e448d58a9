"""Giving a package to somebody by his address: known or not, at once or when it is approved."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from entitlements import clock, invariants, sweep
from entitlements.catalog.extension_models import CalloutStage
from entitlements.decisions import Denied
from entitlements.directory.organizations.models import OrganizationState
from entitlements.models import (
    AccessRequest,
    Assignment,
    AuditEvent,
    BulkRow,
    Callout,
    ConnectedOrganization,
    Notification,
    User,
)
from entitlements.notifications.rendering import render
from entitlements.policies.models import ApproverKind
from entitlements.policies.operations import change_policy, terms_of
from entitlements.policies.scopes import Scope
from entitlements.requests import callbacks, deciding, giving, operations, reapplying
from entitlements.requests.bulk import RowState
from entitlements.requests.inviting import invite
from entitlements.requests.judging import Entry
from entitlements.requests.states import OPEN, RequestKind, RequestState
from tests.factories import (
    AccessRequestFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    ConnectedOrganizationFactory,
    CustomExtensionFactory,
    GuestFactory,
    StageApproverFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
ELI = "eli@blueharbour.example"
STRANGER = "sam@elsewhere.example"


@pytest.fixture
def harbour():
    return ConnectedOrganizationFactory(name="Blue Harbour", domains=["blueharbour.example"])


@pytest.fixture
def policy(harbour, gita, appoint):
    """A policy for Blue Harbour, in a catalog whose assignments Gita manages."""
    policy = AssignmentPolicyFactory(scope=Scope.SPECIFIC_ORGANIZATIONS)
    policy.allowed_organizations.add(harbour)
    appoint(gita, policy.package.catalog, "assignment_manager")
    return policy


@pytest.fixture
def approved(policy, harbour, bo):
    """The same policy, with a stage in which the internal sponsor of Blue Harbour decides."""
    harbour.internal_sponsors.add(bo)
    stage = ApprovalStageFactory(policy=policy, position=1)
    StageApproverFactory(stage=stage, kind=ApproverKind.INTERNAL_SPONSORS, user=None)
    return policy


def for_anybody(policy):
    policy.scope = Scope.ALL_EXTERNAL
    policy.save()
    return policy


def refused(*args, **kwargs):
    with pytest.raises(Denied) as denied:
        invite(*args, **kwargs)
    return denied.value.codes


def accounts():
    """Everybody but those who have only been named."""
    return User.objects.filter(is_invited=False)


# Given at once


def test_a_guest_account_is_made_when_access_begins(policy, harbour, gita, run_queue, holds, told):
    access_request = invite(policy, ELI, by=gita, name="Eli Weiss", justification="The project")

    assert access_request.kind == RequestKind.ADMIN_ADD
    assert access_request.invites
    eli = User.objects.get(email=ELI)
    assert (eli.display_name, eli.is_guest, eli.is_active) == ("Eli Weiss", True, True)
    assert eli.organization == harbour
    assert not eli.has_usable_password()
    run_queue()
    access_request.refresh_from_db()
    assert access_request.state == RequestState.DELIVERED
    assert holds(eli, policy.package.roles.get())
    assert told("access.given") == ["Eli Weiss"]
    notification = Notification.objects.get()
    mail = render(notification)
    assert mail.subject.startswith("You have access")
    for body in (mail.text, mail.html):
        assert "You have an account here now" in body
        assert "The first time, have a password mailed to you at the sign-in." in body


def test_the_trail_says_who_invited_whom_and_when_the_account_was_made(policy, gita, actions):
    invite(policy, ELI, by=gita)

    assert actions() == [
        "request.given_directly",
        "request.approved_automatically",
        "user.created",
        "assignment.begun",
        "request.delivery_started",
    ]
    given, _, made, _, started = AuditEvent.objects.order_by("pk")
    assert given.details["invites"] == ELI
    assert given.actor_id == gita.pk
    assert given.target_id == made.target_id == User.objects.get(email=ELI).pk
    assert made.actor_id is None
    assert started.details["account_made"] is True


def test_a_policy_that_is_quiet_stays_quiet(policy, gita, run_queue):
    policy.sends_notifications = False
    policy.save()

    invite(policy, ELI, by=gita)
    run_queue()

    assert not Notification.objects.exists()


def test_what_is_given_to_somebody_known_is_told_nobody_as_ever(policy, harbour, gita, run_queue):
    guest = GuestFactory(email=ELI, organization=harbour)

    access_request = invite(policy, "ELI@blueharbour.example", by=gita, name="Another name")
    run_queue()

    assert access_request.target == guest
    assert not access_request.invites
    assert not Notification.objects.exists()
    assert "account_made" not in AuditEvent.objects.get(action="request.delivery_started").details


def test_a_member_is_found_by_his_address_too(gita, ada, appoint):
    policy = AssignmentPolicyFactory()
    appoint(gita, policy.package.catalog)

    assert invite(policy, ada.email, by=gita).target == ada


# Refused before anything happens


@pytest.mark.parametrize(
    ("address", "codes"),
    [
        (STRANGER, {"domain_not_admitted"}),
        ("eli@sub.blueharbour.example", {"domain_not_admitted"}),
        ("nobody", {"address_unusable"}),
        ("", {"address_unusable"}),
    ],
)
def test_an_address_that_does_not_fit_leaves_nothing_behind(policy, gita, address, codes, actions):
    before = User.objects.count()

    assert refused(policy, address, by=gita) == codes

    assert User.objects.count() == before
    assert not AccessRequest.objects.exists()
    assert actions() == []


@pytest.mark.parametrize(
    "scope", [Scope.NOBODY, Scope.ALL_USERS, Scope.ALL_MEMBERS, Scope.SPECIFIC]
)
def test_a_policy_for_people_inside_invites_nobody(policy, gita, scope):
    policy.scope = scope
    policy.save()

    assert refused(policy, ELI, by=gita) == {"domain_not_admitted"}
    assert not User.objects.filter(email=ELI).exists()


def test_a_policy_for_all_configured_organizations_admits_these_domains(policy, harbour, gita):
    policy.scope = Scope.ALL_ORGANIZATIONS
    policy.save()
    ConnectedOrganizationFactory(state=OrganizationState.PROPOSED, domains=["quay.example"])

    assert refused(policy, "a@quay.example", by=gita) == {"domain_not_admitted"}
    assert invite(policy, ELI, by=gita).target.organization == harbour


def test_a_proposed_organization_that_is_named_admits_its_domain(policy, harbour, gita):
    ConnectedOrganization.objects.update(state=OrganizationState.PROPOSED)

    assert invite(policy, ELI, by=gita).target.organization == harbour


def test_a_blocked_account_is_refused_and_says_who_can_change_it(policy, harbour, gita):
    GuestFactory(email=ELI, organization=harbour, is_active=False)

    with pytest.raises(Denied) as denied:
        invite(policy, ELI, by=gita)

    [reason] = denied.value.decision.reasons
    assert reason.code == "account_disabled"
    assert reason.remedy


def test_a_catalog_that_is_closed_to_outsiders_lets_nobody_in(policy, gita):
    policy.package.catalog.is_external = False
    policy.package.catalog.save()

    assert refused(policy, ELI, by=gita) == {"members_only"}


def test_only_managers_of_assignments_invite(policy, ada):
    assert refused(policy, ELI, by=ada) == {"not_permitted"}
    assert not User.objects.filter(email=ELI).exists()


# Waiting for approval


def test_until_it_is_approved_there_is_no_account(approved, gita, bo, told):
    access_request = invite(approved, ELI, by=gita, name="Eli Weiss")

    assert access_request.state == RequestState.PENDING_APPROVAL
    assert told("approval.asked") == ["Bo Chen"]
    mail = render(Notification.objects.get())
    for body in (mail.text, mail.html):
        assert "From outside; the account is made when access begins" in body
    eli = access_request.target
    assert (eli.is_invited, eli.is_active, eli.organization) == (True, False, None)
    assert eli not in User.objects.active()

    access_request = deciding.approve(access_request, by=bo)

    eli.refresh_from_db()
    assert (eli.is_invited, eli.is_active) == (False, True)
    assert access_request.state == RequestState.DELIVERING
    assert Assignment.objects.get().target == eli


def deny(access_request, gita, bo):
    return deciding.deny_request(access_request, by=bo, justification="No.")


def cancel(access_request, gita, bo):
    return operations.cancel(access_request, by=gita)


def lapse(access_request, gita, bo):
    with clock.at(clock.now() + 15 * DAY):
        sweep.run()
    access_request.refresh_from_db()
    return access_request


@pytest.mark.parametrize("end", [deny, cancel, lapse])
def test_what_is_not_granted_leaves_no_account(approved, gita, bo, end):
    before = set(accounts())
    access_request = end(invite(approved, ELI, by=gita), gita, bo)

    assert access_request.state not in OPEN
    assert set(accounts()) == before
    eli = access_request.target
    assert not eli.is_active
    assert not Assignment.objects.exists()
    assert not Notification.objects.filter(recipient=eli).exists()
    again = invite(approved, ELI, by=gita)
    assert again.target == eli
    assert User.objects.filter(email=ELI).count() == 1


def test_nobody_is_asked_for_the_same_twice(approved, gita):
    invite(approved, ELI, by=gita)

    assert refused(approved, ELI, by=gita) == {"already_requested"}


def test_one_address_may_wait_for_several_packages_and_gets_one_account(
    approved, harbour, gita, bo, run_queue, told, appoint
):
    other = AssignmentPolicyFactory(scope=Scope.ALL_ORGANIZATIONS)
    ApprovalStageFactory(policy=other, position=1, approvers=[bo])
    appoint(gita, other.package.catalog)
    first, second = (invite(one, ELI, by=gita) for one in (approved, other))

    for access_request in (first, second):
        deciding.approve(access_request, by=bo)
    run_queue()

    assert AuditEvent.objects.filter(action="user.created").count() == 1
    assert told("access.given") == [ELI, ELI]


def test_a_start_in_the_future_makes_the_account_then(policy, gita):
    access_request = invite(policy, ELI, by=gita, starts_at=clock.now() + 2 * DAY)
    assert access_request.state == RequestState.SCHEDULED
    assert access_request.target.is_invited

    with clock.at(clock.now() + 3 * DAY):
        sweep.run()

    access_request.target.refresh_from_db()
    assert access_request.target.is_active


def test_an_account_that_was_made_meanwhile_is_used(approved, harbour, gita, bo):
    access_request = invite(approved, ELI, by=gita)
    User.objects.filter(email=ELI).update(is_invited=False, is_active=True, organization=harbour)

    deciding.approve(access_request, by=bo)

    assert not AuditEvent.objects.filter(action="user.created").exists()
    assert Assignment.objects.get().target.email == ELI


def test_a_domain_that_nobody_has_any_more_lets_nobody_in(approved, harbour, gita, bo):
    access_request = invite(approved, ELI, by=gita)
    harbour.domains.all().delete()

    with pytest.raises(Denied) as denied:
        deciding.approve(access_request, by=bo)
    assert denied.value.codes == {"domain_unknown"}

    deciding.deny_request(access_request, by=bo)
    assert not accounts().filter(email=ELI).exists()


def test_a_start_for_a_domain_that_nobody_has_any_more_is_called_off(policy, harbour, gita):
    access_request = invite(policy, ELI, by=gita, starts_at=clock.now() + 2 * DAY)
    harbour.domains.all().delete()

    with clock.at(clock.now() + 3 * DAY):
        sweep.run()

    access_request.refresh_from_db()
    assert access_request.state == RequestState.CANCELED
    assert "No connected organization has the domain" in access_request.outcome_reason
    assert access_request.target.is_invited


def test_a_system_whose_answer_comes_too_late_lets_nobody_in(policy, harbour, gita):
    extension = CustomExtensionFactory(
        policy=policy, stages=[CalloutStage.CREATED], waits_for=timedelta(days=1)
    )
    access_request = invite(policy, ELI, by=gita)
    assert access_request.state == RequestState.WAITING_FOR_CALLBACK
    harbour.domains.all().delete()
    callout = Callout.objects.get(extension=extension)

    callbacks.resume_by_hand(callout, by=gita)

    access_request.refresh_from_db()
    assert access_request.state == RequestState.CANCELED
    assert "No connected organization has the domain" in access_request.outcome_reason
    assert access_request.target.is_invited


# Anybody


def test_an_unknown_domain_makes_a_proposed_organization_when_access_begins(policy, gita, bo):
    ApprovalStageFactory(policy=for_anybody(policy), position=1, approvers=[bo])
    access_request = invite(policy, STRANGER, by=gita)
    assert not ConnectedOrganization.objects.filter(name="elsewhere.example").exists()

    deciding.approve(access_request, by=bo)

    organization = User.objects.get(email=STRANGER).organization
    assert organization.state == OrganizationState.PROPOSED
    assert str(organization.domains.get()) == "elsewhere.example"


def test_a_denied_stranger_leaves_no_organization(policy, gita, bo):
    ApprovalStageFactory(policy=for_anybody(policy), position=1, approvers=[bo])

    deciding.deny_request(invite(policy, STRANGER, by=gita), by=bo)

    assert [one.name for one in ConnectedOrganization.objects.all()] == ["Blue Harbour"]


def test_a_request_keeps_whom_its_policy_admitted_until_it_is_told_otherwise(policy, gita, bo):
    boss = UserFactory(is_superuser=True)
    ApprovalStageFactory(policy=for_anybody(policy), position=1, approvers=[bo])
    first = invite(policy, STRANGER, by=gita)
    second = invite(policy, "other@nowhere.example", by=gita)
    change_policy(policy, replace(terms_of(policy), scope="all_organizations"), by=boss)
    reapplying.apply_policy(second, by=boss)

    deciding.approve(first, by=bo)
    with pytest.raises(Denied) as denied:
        deciding.approve(second, by=bo)

    assert denied.value.codes == {"domain_unknown"}
    assert User.objects.get(email=STRANGER).is_active


# Several at once


@pytest.mark.django_db(transaction=True)
def test_many_who_invite_one_address_at_once_make_one_request(policy, gita):
    outcomes = at_once(*[lambda: invite(policy, ELI, by=gita)] * 6)

    assert refusals(outcomes) == [{"already_held"}] * 5 or all(
        codes <= {"already_held", "already_requested"} for codes in refusals(outcomes)
    )
    assert AccessRequest.objects.count() == 1
    assert accounts().filter(email=ELI).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_packages_for_one_stranger_at_once_make_one_account(gita, appoint):
    policies = [AssignmentPolicyFactory(scope=Scope.ALL_EXTERNAL) for _ in range(4)]
    for policy in policies:
        appoint(gita, policy.package.catalog)

    outcomes = at_once(
        *(lambda policy=policy: invite(policy, STRANGER, by=gita) for policy in policies)
    )

    assert refusals(outcomes) == []
    assert accounts().filter(email=STRANGER).count() == 1
    assert ConnectedOrganization.objects.count() == 1
    assert Assignment.objects.count() == 4


# Lists


def planned(policy, *entries, by):
    return giving.plan(policy, entries, by=by, source="list.csv")


def codes(bulk):
    return [{reason["code"] for reason in row.reasons} for row in bulk.rows.all()]


def test_a_list_is_judged_without_naming_anybody(policy, harbour, gita, ada):
    named_before = GuestFactory(email="was@blueharbour.example", is_invited=True, is_active=False)
    GuestFactory(email="is@blueharbour.example", organization=harbour)
    GuestFactory(email="blocked@blueharbour.example", organization=harbour, is_active=False)
    before = User.objects.count()

    bulk = planned(
        policy,
        Entry(ELI, place="line 2", name="Eli Weiss"),
        Entry(named_before.email, place="line 3"),
        Entry("is@blueharbour.example", place="line 4"),
        Entry("ELI@blueharbour.example", place="line 5"),
        Entry(STRANGER, place="line 6"),
        Entry("blocked@blueharbour.example", place="line 7"),
        Entry(ada.email, place="line 8"),
        Entry("no address", place="line 9"),
        by=gita,
    )

    assert codes(bulk) == [
        set(),
        set(),
        set(),
        {"named_twice"},
        {"domain_not_admitted"},
        {"account_disabled"},
        {"not_in_scope"},
        {"person_unknown"},
    ]
    first = bulk.rows.first()
    assert (first.target, first.address, first.called) == (None, ELI, "Eli Weiss")
    assert User.objects.count() == before


def test_a_list_is_given_and_makes_the_accounts(policy, harbour, gita, run_queue, told):
    bulk = planned(
        policy,
        Entry(ELI, name="Eli Weiss"),
        Entry("dana@blueharbour.example", justification="Second"),
        by=gita,
    )
    assert [row.name for row in bulk.rows.all()] == ["Eli Weiss", "dana@blueharbour.example"]

    giving.give_all(bulk, by=gita)
    run_queue()

    assert [row.state for row in bulk.rows.all()] == [RowState.GIVEN] * 2
    assert {row.target.organization for row in bulk.rows.all()} == {harbour}
    assert told("access.given") == ["Eli Weiss", "dana@blueharbour.example"]
    assert AccessRequest.objects.get(target__email__startswith="dana").justification == "Second"


def test_a_row_whose_domain_went_meanwhile_is_refused_and_leaves_nothing(policy, harbour, gita):
    bulk = planned(policy, Entry(ELI), Entry("dana@blueharbour.example"), by=gita)
    harbour.domains.all().delete()

    giving.give_all(bulk, by=gita)

    assert codes(bulk) == [{"domain_not_admitted"}] * 2
    assert not User.objects.filter(email=ELI).exists()


@pytest.mark.parametrize(
    ("scope", "admitted"),
    [
        (Scope.SPECIFIC_ORGANIZATIONS, {ELI}),
        (Scope.ALL_ORGANIZATIONS, {ELI, "q@quay.example"}),
        (Scope.ALL_EXTERNAL, {ELI, "q@quay.example", "p@proposed.example", STRANGER}),
        (Scope.ALL_USERS, set()),
        (Scope.NOBODY, set()),
    ],
)
@pytest.mark.parametrize("were_named", [False, True])
def test_a_dry_run_agrees_with_what_would_happen(policy, gita, scope, admitted, were_named):
    ConnectedOrganizationFactory(domains=["quay.example"])
    ConnectedOrganizationFactory(state=OrganizationState.PROPOSED, domains=["proposed.example"])
    policy.scope = scope
    policy.save()
    addresses = [ELI, "q@quay.example", "p@proposed.example", STRANGER]
    for address in addresses if were_named else ():
        GuestFactory(email=address, is_invited=True, is_active=False)

    bulk = planned(policy, *map(Entry, addresses), by=gita)

    ready = bulk.rows.filter(state=RowState.READY)
    assert {row.address or row.target.email for row in ready} == admitted
    given = set()
    for address in addresses:
        try:
            invite(policy, address, by=gita)
        except Denied:
            continue
        given.add(address)
    assert given == admitted


def test_many_newcomers_cost_no_more_queries(policy, gita, django_assert_max_num_queries):
    entries = [Entry(f"p{number}@blueharbour.example") for number in range(300)]

    with django_assert_max_num_queries(25):
        bulk = planned(policy, *entries, by=gita)

    assert bulk.rows.filter(state=RowState.READY).count() == 300


# What the database keeps, and what holds in the end


def test_only_what_is_given_directly_invites():
    with (
        pytest.raises(IntegrityError, match="only_what_is_given_directly_invites"),
        transaction.atomic(),
    ):
        AccessRequestFactory(invites=True)
    assert AccessRequestFactory(invites=True, kind=RequestKind.ADMIN_ADD).invites


def test_a_row_with_an_address_is_ready_without_a_person(policy, gita):
    bulk = planned(policy, Entry(ELI), by=gita)

    assert BulkRow.objects.get(bulk=bulk).target is None
    with pytest.raises(IntegrityError, match="bulk_row_that_is_ready_names_somebody"):
        bulk.rows.update(address="")


def test_every_promise_holds_after_somebody_was_let_in(approved, gita, bo, run_queue):
    deciding.approve(invite(approved, ELI, by=gita), by=bo)
    invite(approved, "dana@blueharbour.example", by=gita)
    run_queue()
    sweep.run()
    run_queue()

    for result in invariants.check():
        assert result.holds, result.sentences
