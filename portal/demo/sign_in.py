"""Let the people of the demo company sign in like everybody else."""

import secrets
from typing import Final

from allauth.account.models import EmailAddress
from django.db import transaction

from entitlements.directory.models import User

ADMINISTRATOR: Final = "ivo.okoro@kestrel.example"


@transaction.atomic(durable=True)
def let_in() -> str:
    """Take all their addresses as verified; return a new password, which the administrator has.

    The others are reached by switching from persona to persona.
    """
    people = User.objects.people().filter(is_demo=True)
    EmailAddress.objects.bulk_create(
        EmailAddress(user=person, email=person.email, verified=True, primary=True)
        for person in people
    )
    password = secrets.token_urlsafe(12)
    administrator = people.get(email=ADMINISTRATOR)
    administrator.set_password(password)
    administrator.save(update_fields=["password"])
    return password
