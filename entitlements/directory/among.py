"""Compare with any number of values by one statement and one parameter, on either database."""

import json
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models.expressions import RawSQL

from entitlements.directory.models import as_parameter
from entitlements.systems.distinguished_names import normalized
from entitlements.systems.models import ConnectedSystem

IDS: Final = {
    "postgresql": "SELECT value::uuid FROM jsonb_array_elements_text(%s::jsonb)",
    "sqlite": "SELECT value FROM json_each(%s)",
}
NAMES: Final = {
    "postgresql": "jsonb_array_elements_text(%s::jsonb)",
    "sqlite": "json_each(%s)",
}


def ids_among(keys: Iterable[UUID]) -> RawSQL:
    """Return what `pk__in` takes for any number of ids."""
    plain = json.dumps([str(as_parameter(key)) for key in keys])
    return RawSQL(IDS[connection.vendor], [plain])  # noqa: S611  # a constant


def people_behind(system: ConnectedSystem, accounts: Iterable[str]) -> dict[str, UUID]:
    """Return who is known by which of these names in a system, by one statement.

    Names are compared without regard to case, and as distinguished names also to their spelling.
    """
    asked: dict[str, str] = {}
    for account in accounts:
        if "\x00" not in account:
            asked.setdefault(normalized(account), account)
            asked[account] = account
    if not asked:
        return {}
    sql = f"""
        SELECT names.value, account.user_id FROM {NAMES[connection.vendor]} AS names
        JOIN entitlements_account account
            ON account.system_id = %s AND lower(account.external_id) = lower(names.value)"""  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [json.dumps(list(asked)), as_parameter(system.pk)])
        rows = cursor.fetchall()
    return {asked[name]: key if isinstance(key, UUID) else UUID(key) for name, key in rows}
