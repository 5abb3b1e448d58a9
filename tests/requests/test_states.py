"""The transition table, and who may look at a request."""

import pytest
from django.db import IntegrityError, transaction

from entitlements.models import AccessRequest, ApprovalStep
from entitlements.requests import deciding, permissions
from entitlements.requests.models import stage_terms
from entitlements.requests.states import (
    ADDS,
    CORRECTS,
    EVERY,
    EXTENDS,
    MOVING,
    OPEN,
    REMOVES,
    TRANSITIONS,
    UPDATES,
    Event,
    InvalidTransition,
    RequestKind,
    RequestState,
    allows,
    target_of,
)
from portal.wording import HEADINGS
from tests.factories import AccessRequestFactory, AssignmentFactory, UserFactory

TERMINAL = {
    RequestState.DELIVERED,
    RequestState.DENIED,
    RequestState.EXPIRED,
    RequestState.CANCELED,
}
ALL = [(kind, state, event) for kind in RequestKind for state in RequestState for event in Event]


def test_no_two_rows_contradict_each_other():
    keys = [(kind, row.source, row.event) for row in TRANSITIONS for kind in row.kinds]

    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("kind", RequestKind)
def test_every_kind_can_end_and_nothing_leads_out_of_an_end(kind):
    reached, last = {RequestState.SUBMITTED}, set()
    while reached != last:
        last = set(reached)
        reached |= {
            row.target for row in TRANSITIONS if kind in row.kinds and row.source in reached
        }

    assert reached & TERMINAL
    for row in TRANSITIONS:
        assert row.source not in TERMINAL
        if kind in row.kinds:
            assert row.source in reached


def test_kinds_are_sorted_without_a_rest():
    assert sorted(EVERY) == sorted(RequestKind)
    assert len(ADDS) + len(UPDATES) + len(REMOVES) == len(RequestKind)
    assert set(EXTENDS) | set(CORRECTS) == set(UPDATES)
    assert set(OPEN) < set(MOVING)
    assert not set(MOVING) & TERMINAL


def test_every_kind_of_the_reference_product_is_known():
    """Checklist 120: each with its words, and with a heading on its page."""
    of_graph = {
        "user_add", "user_extend", "user_update", "user_remove", "admin_add", "admin_update",
        "admin_remove", "system_add", "system_update", "system_remove", "on_behalf_add",
        "approver_remove",
    }  # fmt: skip

    assert of_graph | {"on_behalf_remove"} == set(RequestKind)
    assert set(HEADINGS) == set(RequestKind)
    assert len({kind.label for kind in RequestKind}) == len(RequestKind)


def test_exactly_the_steps_of_the_table_are_allowed():
    table = {(kind, row.source, row.event) for row in TRANSITIONS for kind in row.kinds}

    for kind, state, event in ALL:
        assert allows(kind, state, event) == ((kind, state, event) in table)
        if (kind, state, event) in table:
            assert target_of(kind, state, event) in RequestState
        else:
            with pytest.raises(InvalidTransition, match=event.label):
                target_of(kind, state, event)


# Rows 8 to 26 of the transition table of the reference product, as far as these kinds go.
WHAT_MUST_BE = [
    ("user_add", "submitted", "approve_automatically", "approved"),
    ("user_add", "submitted", "ask_approvers", "pending_approval"),
    ("user_add", "pending_approval", "approve_stage", "pending_approval"),
    ("user_add", "pending_approval", "approve", "approved"),
    ("user_add", "pending_approval", "deny", "denied"),
    ("user_add", "pending_approval", "lapse", "expired"),
    ("user_add", "pending_approval", "cancel", "canceled"),
    ("user_add", "scheduled", "cancel", "canceled"),
    ("user_add", "approved", "schedule", "scheduled"),
    ("user_add", "scheduled", "start", "delivering"),
    ("user_add", "approved", "start", "delivering"),
    ("user_add", "delivering", "give_all", "delivered"),
    ("user_add", "delivering", "give_some", "partially_delivered"),
    ("user_add", "delivering", "give_none", "delivery_failed"),
    ("user_add", "partially_delivered", "reprocess", "delivering"),
    ("user_add", "delivery_failed", "reprocess", "delivering"),
    ("user_add", "partially_delivered", "cancel", "canceled"),
    ("admin_add", "delivery_failed", "cancel", "canceled"),
    ("admin_add", "approved", "start", "delivering"),
    ("user_remove", "submitted", "remove", "delivering"),
    ("admin_remove", "delivering", "take_all", "delivered"),
    ("user_extend", "pending_approval", "approve", "approved"),
    ("user_extend", "approved", "extend", "delivered"),
    ("user_extend", "pending_approval", "cancel", "canceled"),
    ("user_update", "approved", "correct", "delivered"),
    ("admin_update", "approved", "correct", "delivered"),
    ("admin_update", "approved", "extend", "delivered"),
    ("user_add", "pending_approval", "call_out", "waiting_for_callback"),
    ("user_add", "waiting_for_callback", "resume_stage", "pending_approval"),
    ("user_add", "submitted", "fail", "delivery_failed"),
    ("user_add", "pending_approval", "fail", "delivery_failed"),
    ("system_add", "submitted", "approve_automatically", "approved"),
    ("system_add", "approved", "start", "delivering"),
    ("system_add", "delivering", "give_some", "partially_delivered"),
    ("system_update", "approved", "extend", "delivered"),
    ("system_update", "approved", "correct", "delivered"),
    ("system_remove", "submitted", "remove", "delivering"),
    ("system_remove", "delivering", "take_all", "delivered"),
]


@pytest.mark.parametrize(("kind", "state", "event", "target"), WHAT_MUST_BE)
def test_the_table_has_what_must_be(kind, state, event, target):
    assert target_of(kind, state, Event(event)) == target


WHAT_MUST_NOT_BE = [
    ("user_add", "delivered", "cancel"),
    ("user_add", "delivering", "cancel"),
    ("user_add", "denied", "approve"),
    ("user_add", "canceled", "start"),
    ("user_add", "expired", "approve"),
    ("user_add", "delivered", "reprocess"),
    ("user_remove", "submitted", "cancel"),
    ("user_remove", "submitted", "ask_approvers"),
    ("user_extend", "approved", "start"),
    ("user_extend", "scheduled", "cancel"),
    ("user_update", "approved", "extend"),
    ("user_update", "approved", "start"),
    ("user_extend", "approved", "correct"),
    ("user_update", "approved", "schedule"),
    ("system_remove", "submitted", "ask_approvers"),
    ("system_add", "approved", "extend"),
]


@pytest.mark.parametrize(("kind", "state", "event"), WHAT_MUST_NOT_BE)
def test_the_table_lacks_what_must_not_be(kind, state, event):
    assert not allows(kind, state, Event(event))


@pytest.mark.django_db
def test_a_request_takes_a_step_and_says_which():
    access_request = AccessRequestFactory()

    moved = access_request.move(Event.APPROVE_AUTOMATICALLY)
    assert moved == {"source": "submitted", "state": "approved"}
    assert access_request.completed_at is None

    with pytest.raises(InvalidTransition):
        access_request.move(Event.GIVE_ALL)
    access_request.refresh_from_db()
    assert access_request.state == RequestState.APPROVED


@pytest.mark.django_db
def test_a_request_reads_like_a_sentence():
    access_request = AccessRequestFactory(requestor=UserFactory(display_name="Ada"))

    assert str(access_request) == f"{access_request.package} for Ada"
    assert access_request.reference == f"R-{access_request.pk.hex[:8].upper()}"
    assert access_request.is_open
    assert access_request.is_moving
    assert stage_terms(access_request) == []


@pytest.mark.django_db
def test_request_about_access_names_it():
    with pytest.raises(IntegrityError), transaction.atomic():
        AccessRequestFactory(kind=RequestKind.USER_EXTEND)

    assignment = AssignmentFactory()
    AccessRequestFactory(
        kind=RequestKind.USER_EXTEND,
        policy=assignment.policy,
        requestor=assignment.target,
        assignment=assignment,
    )


@pytest.mark.django_db
def test_requests_are_seen_by_whom_they_concern(ada, bo, gita, pending, appoint):
    stranger = UserFactory()
    owner = appoint(gita, pending.package.catalog, "reader")

    for somebody in (ada, bo, owner, UserFactory(is_superuser=True)):
        assert permissions.can_see(somebody, pending)
    assert not permissions.can_see(stranger, pending)
    assert not permissions.manages(owner, pending)
    assert permissions.manages(appoint(stranger, pending.package.catalog), pending)


@pytest.mark.django_db
def test_requests_are_found_by_what_becomes_of_them(ada, bo, pending, held):
    requests = AccessRequest.objects
    delivered = requests.get(state=RequestState.DELIVERED)

    assert set(requests.made_by_or_for(ada)) == {pending, delivered}
    assert set(requests.made_by_or_for(bo)) == set()
    assert requests.open().get() == pending
    assert requests.moving().get() == pending
    assert requests.closed().get() == delivered
    assert requests.waiting_for(bo).get() == pending
    assert str(pending.steps.get()).startswith("Stage 1 of")
    assert str(pending.steps.get().asked.get()).startswith("Bo Chen in Stage 1")


@pytest.mark.django_db
def test_requests_and_stages_are_found_by_who_was_asked(ada, bo, gita, pending, appoint):
    appoint(gita, pending.package.catalog)
    step = pending.steps.get()
    requests = AccessRequest.objects

    assert requests.asked_of(bo).get() == pending
    assert requests.managed_by(gita).get() == pending
    assert not requests.asked_of(ada).exists()
    assert not requests.managed_by(bo).exists()
    assert not ApprovalStep.objects.decided_among(bo).exists()
    deciding.deny_request(pending, by=bo)
    assert requests.asked_of(bo).get() == pending
    assert ApprovalStep.objects.decided_among(bo).get() == step


@pytest.mark.django_db
def test_what_failed_is_stuck():
    for state in (RequestState.DELIVERED, RequestState.CANCELED, RequestState.DELIVERING):
        AccessRequestFactory(state=state)
    stuck = AccessRequestFactory(state=RequestState.PARTIALLY_DELIVERED)

    assert AccessRequest.objects.stuck().get() == stuck
