"""Who runs what in Kestrel Trading beside the owners: groups, a program, tenant roles."""

from typing import Final

from django.db import transaction

from entitlements.catalog import operations as catalogs
from entitlements.catalog.models import Catalog
from entitlements.demo.people import IT, SALES
from entitlements.directory.appointing import give_tenant_role
from entitlements.directory.models import Group, Membership, User
from entitlements.directory.operations import create_group, nest
from entitlements.directory.service_accounts import create_service_account

DESK: Final = ("Sales desk", ("theo.lang", "mara.silva"))
AUDIT: Final = ("Internal audit", ("uma.lund",))
GOVERNANCE: Final = "helen.ward"
PROGRAM: Final = ("Device register", "Answers what the packages of IT ask it")


def delegate(users: dict[str, User], groups: dict[str, Group], *, by: User) -> None:
    """Appoint a group and a program in catalogs, and people and groups in the tenant."""
    desk, audit = (_gather(name, keys, users) for name, keys in (DESK, AUDIT))
    nest(groups[SALES], desk, by=None)
    catalogs_by_name = {catalog.name: catalog for catalog in Catalog.objects.all()}
    catalogs.appoint(desk, catalogs_by_name[SALES], "assignment_manager", by=users["olga.owner"])
    give_tenant_role(audit, "auditor", by=by)
    give_tenant_role(users[GOVERNANCE], "governance_administrator", by=by)
    give_tenant_role(users["mia.sand"], "catalog_creator", by=by)
    program = create_service_account(*PROGRAM, by=by)
    User.objects.filter(pk=program.pk).update(is_demo=True)
    catalogs.appoint(program, catalogs_by_name[IT], "assignment_manager", by=users["bo.chen"])


def _gather(name: str, keys: tuple[str, ...], users: dict[str, User]) -> Group:
    group = create_group(name, by=None)
    _fill(group, [users[key] for key in keys])
    return group


@transaction.atomic(durable=True)
def _fill(group: Group, people: list[User]) -> None:
    Membership.objects.bulk_create(Membership(group=group, user=user) for user in people)
