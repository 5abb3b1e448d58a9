"""Which connector serves which kind of system, and by which name a system knows a person."""

from collections.abc import Callable

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


def connector_for(system: ConnectedSystem) -> Connector:
    """Return a connector for a system; one of an unknown kind refuses everything."""
    return CONNECTORS.get(system.kind, UnknownConnector)(system)


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
