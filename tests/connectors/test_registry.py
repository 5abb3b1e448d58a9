import pytest

from entitlements.connectors.base import ConnectorRefused, ConnectorUnavailable, Place
from entitlements.connectors.directory import DirectoryConnector
from entitlements.connectors.registry import CONNECTORS, account_of, connector_for
from entitlements.connectors.unknown import UnknownConnector
from entitlements.models import Account, ConnectedSystem
from tests.factories import ConnectedSystemFactory

pytestmark = pytest.mark.django_db


def test_each_kind_has_its_connector():
    directory = ConnectedSystem.objects.built_in_directory()

    assert isinstance(connector_for(directory), DirectoryConnector)
    assert set(CONNECTORS) == {"directory", "ldap"}


def test_a_kind_that_nobody_knows_refuses_everything_and_says_why(ada):
    connector = connector_for(ConnectedSystemFactory(kind="fax", name="Fax"))
    place = Place("group", "member")
    assert isinstance(connector, UnknownConnector)

    for act in (
        connector.check,
        lambda: connector.members(place),
        lambda: connector.is_member(place, "ada"),
        lambda: connector.ensure_member(place, "ada"),
        lambda: connector.ensure_absent(place, "ada"),
    ):
        with pytest.raises(ConnectorRefused, match="fax") as refused:
            act()
        assert refused.value.code == "unknown_kind"
        assert not isinstance(refused.value, ConnectorUnavailable)
    connector.close()


def test_the_directory_knows_people_by_their_id(ada):
    assert account_of(ada, ConnectedSystem.objects.built_in_directory()) == str(ada.pk)


def test_other_systems_know_people_by_their_account(ada, bo):
    system = ConnectedSystemFactory(kind="ldap", name="LDAP")
    Account.objects.create(user=ada, system=system, external_id="uid=ada")

    assert account_of(ada, system) == "uid=ada"
    with pytest.raises(ConnectorRefused, match="Bo Chen has no account in LDAP") as refused:
        account_of(bo, system)
    assert refused.value.code == "no_account"
