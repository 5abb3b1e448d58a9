"""Try the connection to a system, and write down what came of it."""

from django.db import transaction

from entitlements import clock
from entitlements.audit import trail
from entitlements.connectors.base import ConnectorRefused
from entitlements.connectors.registry import connector_for
from entitlements.decisions import deny
from entitlements.directory.models import User
from entitlements.directory.tenant_roles import is_administrator
from entitlements.systems.models import ConnectedSystem


def check_connection(system: ConnectedSystem, *, by: User) -> str:
    """Connect and sign in to a system, outside any transaction; return what is wrong, or nothing.

    Raises Denied for all but administrators.
    """
    if not is_administrator(by):
        deny(
            "administrators_only", "Only administrators can try the connection.", "Ask one of them."
        ).require()
    connector = connector_for(system)
    error = ""
    try:
        connector.check()
    except ConnectorRefused as refused:
        error = f"{refused} ({refused.code})"
    finally:
        connector.close()
    _write_down(system, error, by)
    return error


@transaction.atomic(durable=True)
def _write_down(system: ConnectedSystem, error: str, by: User) -> None:
    system = ConnectedSystem.objects.select_for_update().get(pk=system.pk)
    system.checked_at, system.check_error = clock.now(), error
    system.save(update_fields=["checked_at", "check_error"])
    trail.record("system.checked", system, by=by, error=error)
