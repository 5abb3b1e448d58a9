"""Accounts of programs: they hold roles in catalogs, are no people, and cannot sign in."""

from typing import Final
from uuid import uuid4

from django.db import IntegrityError, transaction

from entitlements.audit import trail
from entitlements.decisions import Reason, collect, deny
from entitlements.directory.models import User, UserType
from entitlements.directory.operations import can_administer

ADDRESSES: Final = "service.invalid"
"""No mail can ever be delivered there."""
LONGEST_PURPOSE: Final = 200


@transaction.atomic(durable=True)
def create_service_account(name: str, purpose: str = "", *, by: User | None) -> User:
    """Create the account of a program; `purpose` says in a line what it is for."""
    can_administer(by).require()
    name, purpose = " ".join(name.split()), " ".join(purpose.split())
    collect((_name_fits(name), _purpose_fits(purpose))).require()
    account = _create(name, purpose)
    trail.record("service_account.created", account, by=by, target=account, purpose=purpose)
    return account


def _create(name: str, purpose: str) -> User:
    try:
        account: User = User.objects.create_user(
            f"{uuid4().hex}@{ADDRESSES}",
            display_name=name,
            job_title=purpose,
            user_type=UserType.SERVICE,
        )
    except IntegrityError:
        deny(
            "name_taken",
            f"There is a service account named “{name}” already.",
            "Choose another name.",
        ).require()
    return account


def _name_fits(name: str) -> Reason | None:
    longest = User._meta.get_field("display_name").max_length or 0
    if name.isprintable() and 0 < len(name) <= longest:
        return None
    return Reason(
        "bad_name",
        f"The name of a service account has 1 to {longest} characters.",
        "Choose another name.",
    )


def _purpose_fits(purpose: str) -> Reason | None:
    if len(purpose) <= LONGEST_PURPOSE and purpose.isprintable():
        return None
    return Reason(
        "bad_purpose",
        f"What it is for is told in one line of at most {LONGEST_PURPOSE} characters.",
        "Shorten it.",
    )
