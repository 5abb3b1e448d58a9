"""Plan the calls that an act brings about, in the transaction of the act."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import models

from entitlements import outbox
from entitlements.audit.trail import plain
from entitlements.callouts.models import Callout, plan
from entitlements.catalog.extension_models import CalloutStage, CustomExtension
from entitlements.catalog.models import AccessPackage
from entitlements.directory.models import User
from entitlements.policies.models import AssignmentPolicy


def call_out(
    attached: Iterable[Mapping[str, Any]],
    stage: CalloutStage,
    about: models.Model,
    facts: dict[str, Any],
    *,
    occasion: str = "",
) -> list[Callout]:
    """Within the caller's transaction: plan the calls of a stage, each once per occasion.

    `attached` is what a policy calls, as `PolicyCallout.frozen` has it. Extensions that are
    switched off or gone are passed over. Returns the calls that were planned now.
    """
    keys = [one["extension"] for one in attached if one["stage"] == stage]
    if not keys:
        return []
    enabled = CustomExtension.objects.filter(pk__in=keys, is_enabled=True)
    known = {str(extension.pk): extension for extension in enabled}
    made = Callout.objects.filter(about_id=about.pk, stage=stage, occasion=occasion)
    done = {str(key) for key in made.values_list("extension", flat=True)}
    chosen = [known[key] for key in keys if key in known and key not in done]
    callouts = [
        plan(extension, stage, about, facts, occasion=occasion, waits=extension.waits)
        for extension in chosen
    ]
    Callout.objects.bulk_create(callouts)
    for extension in chosen:
        send_soon(extension)
    return callouts


def send_soon(extension: CustomExtension) -> None:
    """Within the caller's transaction: queue the calls of an extension."""
    outbox.enqueue("callouts.sending.send_due", extension_id=extension.pk)


def facts_of(
    package: AccessPackage,
    policy: AssignmentPolicy,
    target: User,
    *,
    requestor: User | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return what every call says: who, what, under which policy, from when to when (UTC)."""
    return {
        **more,
        "requestor": _person(requestor),
        "target": _person(target),
        "package": _named(package),
        "catalog": _named(package.catalog),
        "policy": _named(policy),
        "starts_at": plain(starts_at),
        "ends_at": plain(ends_at),
    }


def _person(user: User | None) -> dict[str, str] | None:
    return {**_named(user), "email": user.email} if user else None


def _named(thing: models.Model) -> dict[str, str]:
    return {"id": str(thing.pk), "name": str(thing)}
