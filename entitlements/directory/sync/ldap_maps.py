"""Which attributes of an LDAP server mean what, for the two families of servers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from entitlements.directory.models import EXTENSION_ATTRIBUTES
from entitlements.directory.sync.values import PERSON_FIELDS
from entitlements.systems.ldap_errors import LdapFailed
from entitlements.systems.models import ConnectedSystem

Sources = tuple[str, ...]
"""LDAP attributes, of which the first that has a value counts."""


@dataclass(frozen=True)
class LdapMap:
    """Where people and groups are found, and what their attributes mean.

    `bases` are DNs within the base DN, empty for all of it. `key` never changes in the life of an
    entry. `account_control` holds Active Directory's bits, `locked` the word TRUE.
    """

    key: str
    people_filter: str
    groups_filter: str
    person: Mapping[str, Sources]
    manager: str
    members: Sources
    owners: Sources
    group_name: str = "cn"
    account_control: str = ""
    locked: str = ""
    group_type: str = ""
    people_base: str = ""
    groups_base: str = ""


ADAPTABLE: Final = (
    "key",
    "manager",
    "group_name",
    "people_filter",
    "groups_filter",
    "people_base",
    "groups_base",
)

OPENLDAP: Final = LdapMap(
    key="entryUUID",
    people_filter="(objectClass=inetOrgPerson)",
    groups_filter="(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))",
    person={
        "email": ("mail",),
        "display_name": ("displayName", "cn"),
        "given_name": ("givenName",),
        "surname": ("sn",),
        "department": ("ou", "departmentNumber"),
        "job_title": ("title",),
        "company_name": ("o",),
        "employee_id": ("employeeNumber",),
        "employee_type": ("employeeType",),
        "office": ("physicalDeliveryOfficeName", "roomNumber"),
        "city": ("l",),
        "country": ("c",),
    },
    manager="manager",
    members=("member", "uniqueMember"),
    owners=("owner",),
    locked="nsAccountLock",
)

ACTIVE_DIRECTORY: Final = LdapMap(
    key="objectGUID",
    people_filter="(&(objectClass=user)(!(objectClass=computer)))",
    groups_filter="(objectClass=group)",
    person={
        "email": ("mail", "userPrincipalName"),
        "display_name": ("displayName", "cn"),
        "given_name": ("givenName",),
        "surname": ("sn",),
        "department": ("department",),
        "job_title": ("title",),
        "company_name": ("company",),
        "employee_id": ("employeeID", "employeeNumber"),
        "employee_type": ("employeeType",),
        "office": ("physicalDeliveryOfficeName",),
        "city": ("l",),
        "country": ("co", "c"),
        **{
            field: (f"extensionAttribute{number}",)
            for number, field in enumerate(EXTENSION_ATTRIBUTES, start=1)
        },
    },
    manager="manager",
    members=("member",),
    owners=("managedBy",),
    account_control="userAccountControl",
    group_type="groupType",
)

MAPS: Final = {"openldap": OPENLDAP, "active_directory": ACTIVE_DIRECTORY}


def map_of(system: ConnectedSystem) -> LdapMap:
    """Return the map that a system's settings choose and adapt; raises LdapFailed.

    `map` names one of MAPS; `attributes` gives columns of people other LDAP attributes, one or
    a list, or none; what ADAPTABLE names may be given by name.
    """
    chosen = system.setting("map", "openldap")
    if chosen not in MAPS:
        raise _wrong(f"There is no LDAP map “{chosen}”: choose {' or '.join(MAPS)}.")
    adapted: dict[str, Any] = {
        name: _text(name, system.settings[name]) for name in ADAPTABLE if name in system.settings
    }
    given = system.setting("attributes", {})
    if not isinstance(given, dict) or given.keys() - set(PERSON_FIELDS):
        raise _wrong(f"The setting attributes may name: {', '.join(PERSON_FIELDS)}.")
    person = {**MAPS[chosen].person, **{field: _sources(field, to) for field, to in given.items()}}
    adapted["person"] = {field: sources for field, sources in person.items() if sources}
    if not {"email", "display_name"} <= adapted["person"].keys():
        raise _wrong("The settings leave people without e-mail address or name.")
    return replace(MAPS[chosen], **adapted)


def _sources(field: str, given: object) -> Sources:
    names = given if isinstance(given, list) else [given] if given else []
    return tuple(_text(field, name) for name in names)


def _text(name: str, given: object) -> str:
    if not isinstance(given, str):
        raise _wrong(f"The LDAP setting {name} must be text.")
    return given


def _wrong(text: str) -> LdapFailed:
    return LdapFailed("bad_settings", text, concerns_server=True)
