"""Which connector serves which kind of system, and by which name a system knows a person."""

from collections.abc import Callable
from copy import copy
from typing import Final

from entitlements.connectors.base import Connector, ConnectorRefused
from entitlements.connectors.directory import DirectoryConnector
from entitlements.connectors.ldap import LdapConnector
from entitlements.connectors.unknown import UnknownConnector
from entitlements.directory.models import Account, User
from entitlements.systems.models import ConnectedSystem

CONNECTORS: dict[str, Callable[[ConnectedSystem], Connector]] = {
    "directory": DirectoryConnector,
    "ldap": LdapConnector,
}


TIMEOUTS: Final = ("connect_timeout", "receive_timeout")


def connector_for(system: ConnectedSystem, *, patience: int | None = None) -> Connector:
    """Return a connector for a system; one of an unknown kind refuses everything.

    With `patience`, it waits for no answer longer than so many seconds.
    """
    if patience is not None:
        system = _hurried(system, patience)
    return CONNECTORS.get(system.kind, UnknownConnector)(system)


def _hurried(system: ConnectedSystem, patience: int) -> ConnectedSystem:
    """Return a copy, not to be saved, whose timeouts are no longer than `patience`."""
    hurried = copy(system)
    given = {name: system.setting(name) for name in TIMEOUTS}
    shorter = {
        name: patience
        for name, seconds in given.items()
        if seconds is None or (type(seconds) is int and seconds > patience)
    }
    hurried.settings = {**system.settings, **shorter}
    return hurried


def account_of(user: User, system: ConnectedSystem) -> str:
    """Return the name by which a system knows a person; raises ConnectorRefused without one."""
    if system.kind == "directory":
        return str(user.pk)
    account = Account.objects.filter(user=user, system=system).first()
    if account is None:
        raise ConnectorRefused(
            "no_account", f"{user} has no account in {system}: sync the directory, or create one."
        )
    return account.external_id
