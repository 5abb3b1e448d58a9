"""Let somebody decide in one's place for a while, and end that."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from entitlements import clock
from entitlements.audit import trail
from entitlements.catalog.models import Catalog
from entitlements.decisions import Decision, Reason, collect, deny
from entitlements.directory.kinds import is_a_person
from entitlements.directory.models import User
from entitlements.locks import lock_table
from entitlements.notifications.operations import notify
from entitlements.policies import rules
from entitlements.requests import flow
from entitlements.requests.delegations import ApprovalDelegation
from entitlements.requests.models import AccessRequest, StepApprover, StepState


@transaction.atomic(durable=True)
def delegate(
    to: User,
    *,
    by: User,
    catalog: Catalog | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    with_waiting: bool = False,
) -> ApprovalDelegation:
    """Let somebody decide beside oneself, in a catalog or in all, in a period (UTC) or without end.

    He is asked what comes from then on; `with_waiting` also asks him what waits now. Raises Denied
    with every reason that speaks against it.
    """
    lock_table(ApprovalDelegation)
    moment = clock.now()
    delegation = ApprovalDelegation(
        delegator=by,
        delegate=to,
        catalog=catalog,
        starts_at=max(starts_at or moment, moment),
        ends_at=ends_at,
        created_at=moment,
    )
    collect(_what_speaks_against(delegation, starts_at, with_waiting=with_waiting)).require()
    delegation.save(force_insert=True)
    trail.record(
        "delegation.begun",
        delegation,
        by=by,
        target=to,
        catalog=str(catalog) if catalog else None,
        starts_at=delegation.starts_at,
        ends_at=ends_at,
    )
    notify("delegation.begun", [to], delegation, **_facts(delegation))
    if with_waiting:
        _pass_on_what_waits(delegation)
    return delegation


@transaction.atomic(durable=True)
def end_delegation(delegation: ApprovalDelegation, *, by: User) -> ApprovalDelegation:
    """End a delegation before its time, or call off a coming one; either side can."""
    delegation = _locked(delegation)
    can_end(by, delegation).require()
    _end(delegation, by=by)
    others = {delegation.delegator, delegation.delegate} - {by}
    notify("delegation.ended", others, delegation, by=str(by), **_facts(delegation))
    return delegation


@transaction.atomic(durable=True)
def end_overdue(delegation: ApprovalDelegation) -> bool:
    """Carry out the end of a delegation whose time is over; say whether this call did."""
    delegation = _locked(delegation)
    is_over = delegation.ends_at is not None and delegation.ends_at <= clock.now()
    if delegation.ended_at or not is_over:
        return False
    _end(delegation, by=None)
    return True


def can_delegate() -> Decision:
    """Everybody may, unless the organization forbids it."""
    if settings.APPROVAL_DELEGATION:
        return collect(())
    return deny(
        "delegation_forbidden",
        "In this organization nobody stands in for approvers.",
        "Hand over single requests, or ask an administrator to allow it.",
    )


def can_end(user: User, delegation: ApprovalDelegation) -> Decision:
    """Who gave it and who was given it, while it counts or is to come."""
    if delegation.ended_at:
        return deny("ended_already", "This has ended already.", "Nothing more is to be done.")
    if user.is_active and user.pk in (delegation.delegator_id, delegation.delegate_id):
        return collect(())
    return deny("not_yours", "Only the two people concerned can end this.", "Ask that person.")


def _what_speaks_against(
    delegation: ApprovalDelegation, starts_at: datetime | None, *, with_waiting: bool
) -> Iterator[Reason | None]:
    yield from can_delegate().reasons
    delegate, delegator = delegation.delegate, delegation.delegator
    if not delegator.is_active:
        yield Reason("account_disabled", "Your account is disabled.", "The directory decides this.")
    if delegate.pk == delegator.pk:
        yield Reason("to_yourself", "Nobody stands in for himself.", "Choose somebody else.")
    yield is_a_person(delegate)
    if not delegate.is_active:
        yield Reason(
            "person_disabled", f"The account of {delegate} is disabled.", "Choose somebody else."
        )
    for moment in (starts_at, delegation.ends_at):
        yield rules.too_far_ahead(moment, moment=delegation.created_at)
    if starts_at and starts_at < clock.today_begins():
        yield Reason("starts_in_the_past", "The start is in the past.", "Choose a later date.")
    if delegation.ends_at and delegation.ends_at <= delegation.starts_at:
        yield Reason("ends_before_start", "The end is before the start.", "Choose a later end.")
    if with_waiting and delegation.starts_at > delegation.created_at:
        yield Reason(
            "waiting_only_at_once",
            "What waits now can only be passed on now, and this starts later.",
            "Leave that out, or let it start today.",
        )
    yield from _conflicts(delegation)


def _conflicts(delegation: ApprovalDelegation) -> Iterator[Reason]:
    period = (delegation.starts_at, delegation.ends_at)
    standing = ApprovalDelegation.objects.overlapping(*period)
    delegate, catalog = delegation.delegate, delegation.catalog
    twin = standing.filter(delegator=delegation.delegator, catalog=catalog).first()
    if twin:
        yield Reason(
            "overlaps",
            f"{twin.delegate} stands in for you then already.",
            "End that first, or choose another time.",
        )
    back = standing.filter(delegator=delegate, delegate=delegation.delegator)
    if any(catalog is None or one.catalog_id in (None, catalog.pk) for one in back):
        yield Reason(
            "circle", f"You stand in for {delegate} then yourself.", "Choose somebody else."
        )


def _pass_on_what_waits(delegation: ApprovalDelegation) -> None:
    """Within the caller's transaction: ask the delegate too what waits for the delegator."""
    waiting = AccessRequest.objects.waiting_for(delegation.delegator)
    if delegation.catalog:
        waiting = waiting.filter(package__catalog=delegation.catalog)
    barred = [delegation.delegate_id]
    for found in waiting.exclude(requestor__in=barred).exclude(target__in=barred).order_by("pk"):
        access_request = flow.locked(found)
        step = access_request.steps.filter(state=StepState.WAITING).first()
        own = {"user": delegation.delegator, "delegation": None, "decided_at": None}
        if step and step.asked.filter(**own).exists():
            flow.let_stand_in(access_request, step, delegation)


def _end(delegation: ApprovalDelegation, *, by: User | None) -> None:
    """Within the caller's transaction: end it now, and take back the turns that came by it."""
    delegation.ended_at = clock.now()
    delegation.save(update_fields=["ended_at"])
    turns = StepApprover.objects.filter(
        delegation=delegation, decided_at=None, step__state=StepState.WAITING
    )
    requests = AccessRequest.objects.filter(steps__asked__in=turns).distinct().order_by("pk")
    for access_request in requests:
        flow.locked(access_request)
    turns.delete()
    trail.record(
        "delegation.ended",
        delegation,
        by=by,
        target=delegation.delegate,
        delegator=str(delegation.delegator),
    )


def _facts(delegation: ApprovalDelegation) -> dict[str, Any]:
    return {
        "delegator": str(delegation.delegator),
        "delegate": str(delegation.delegate),
        "catalog": str(delegation.catalog) if delegation.catalog else None,
        "starts_at": delegation.starts_at,
        "ends_at": delegation.ends_at,
    }


def _locked(delegation: ApprovalDelegation) -> ApprovalDelegation:
    """Within the caller's transaction: return the fresh row; turns may still come to refer to it.

    Whoever opens a stage holds its request first, and would wait here in a circle otherwise.
    """
    return (
        ApprovalDelegation.objects.select_for_update(of=("self",), no_key=True)
        .select_related("delegator", "delegate", "catalog")
        .get(pk=delegation.pk)
    )
