"""Tell the portal of a system that people come from or that access is given in."""

from typing import Any

from django.db import transaction

from entitlements.audit import trail
from entitlements.connectors.registry import connector_for
from entitlements.decisions import deny
from entitlements.directory.models import User
from entitlements.directory.operations import can_administer
from entitlements.systems.models import ConnectedSystem


def draft(name: str, kind: str, settings: dict[str, Any], secret: str | None) -> ConnectedSystem:
    """Return a system as it would be with these settings on top of its present ones, not saved.

    A setting of None is taken away; a secret of None stays. Raises Denied when a system of that
    name is of another kind.
    """
    system = ConnectedSystem.objects.filter(name__iexact=name).first()
    system = system or ConnectedSystem(name=name, kind=kind)
    if system.kind != kind:
        deny(
            "other_kind", f"{system} is a system of another kind.", "Choose one of the right kind."
        ).require()
    merged = {**system.settings, **settings}
    system.settings = {name: value for name, value in merged.items() if value is not None}
    if secret is not None:
        system.secret = secret
    return system


def try_out(system: ConnectedSystem) -> None:
    """Connect with the settings of a system, saved or not; raises ConnectorRefused."""
    connector = connector_for(system)
    try:
        connector.check()
    finally:
        connector.close()


@transaction.atomic(durable=True)
def connect(
    name: str, *, kind: str, settings: dict[str, Any], secret: str | None, by: User | None
) -> ConnectedSystem:
    """Create or change a system as `draft` says; the trail learns what changed, and no secrets."""
    can_administer(by).require()
    before = ConnectedSystem.objects.select_for_update().filter(name__iexact=name).first()
    system = draft(name, kind, settings, secret)
    system.save()
    old = before.settings if before else {}
    names = old.keys() | system.settings.keys()
    changed = sorted(name for name in names if old.get(name) != system.settings.get(name))
    trail.record(
        "system.changed" if before else "system.connected",
        system,
        by=by,
        settings=changed,
        has_new_secret=secret is not None,
    )
    return system
