"""Try an extension out, and send again what could not be sent."""

from collections.abc import Iterable
from uuid import uuid4

from django.db import transaction

from entitlements import clock
from entitlements.audit import trail
from entitlements.callouts.models import Callout, CalloutState, plan
from entitlements.callouts.planning import send_soon
from entitlements.catalog import extensions
from entitlements.catalog.extension_models import CalloutStage, CustomExtension
from entitlements.catalog.permissions import can
from entitlements.decisions import deny
from entitlements.directory.models import User


@transaction.atomic(durable=True)
def call_for_test(extension: CustomExtension, *, by: User) -> Callout:
    """Call an extension now, about nothing but itself, whether it is on or off."""
    extension = extensions.locked(extension)
    can(by, "change_catalog", extension.catalog).require()
    callout = plan(extension, CalloutStage.TEST, extension, {}, occasion=uuid4().hex)
    callout.save(force_insert=True)
    send_soon(extension)
    trail.record("extension.tested", extension, by=by, callout=callout.pk)
    return callout


@transaction.atomic(durable=True)
def send_again(callouts: Iterable[Callout], *, by: User) -> int:
    """Make calls again that were given up, all or none, under their old ids; return how many."""
    keys = [callout.pk for callout in callouts]
    rows = Callout.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk")
    chosen = list(rows.select_related("extension__catalog"))
    for catalog in {callout.extension.catalog for callout in chosen}:
        can(by, "change_catalog", catalog).require()
    if not chosen or any(callout.state != CalloutState.GIVEN_UP for callout in chosen):
        deny(
            "not_given_up",
            "Only calls that could not be made are made again.",
            "Wait until this one is given up.",
        ).require()
    for callout in chosen:
        callout.state = CalloutState.PLANNED
        callout.attempts = 0
        callout.next_attempt_at = clock.now()
        callout.save(update_fields=["state", "attempts", "next_attempt_at"])
        trail.record("callout.sent_again", callout, by=by, stage=callout.stage)
    for extension in {callout.extension for callout in chosen}:
        send_soon(extension)
    return len(chosen)
