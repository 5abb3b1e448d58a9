"""The people of the demo company whom a visitor can be."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Persona:
    """Somebody to be for a while: the key in the address, the account, and what he sees at once."""

    key: str
    name: str
    email: str
    role: str
    sees: str


PERSONAS: Final = (
    Persona("nia", "Nia New", "nia.new@kestrel.example", "Started today", "Nothing held yet"),
    Persona(
        "ana",
        "Ana Diaz",
        "ana.diaz@kestrel.example",
        "Analyst",
        "Three packages, one ending, one request waiting",
    ),
    Persona(
        "dev",
        "Dev Patel",
        "dev.patel@kestrel.example",
        "Ana's manager",
        "A team, and a request to approve",
    ),
    Persona(
        "bo",
        "Bo Chen",
        "bo.chen@kestrel.example",
        "Approver",
        "Six requests in the inbox",
    ),
    Persona(
        "gita",
        "Gita Rao",
        "gita.rao@kestrel.example",
        "Ledger owner",
        "A second stage, one overdue",
    ),
    Persona(
        "olga",
        "Olga Owner",
        "olga.owner@kestrel.example",
        "Catalog owner of Sales",
        "A delivery problem and a draft",
    ),
    Persona(
        "rosa",
        "Rosa Marsh",
        "rosa.marsh@kestrel.example",
        "Reviewer",
        "Her own access",
    ),
    Persona(
        "helen",
        "Helen Ward",
        "helen.ward@kestrel.example",
        "Governance administrator",
        "Every catalog, and who may do what",
    ),
    Persona(
        "uma",
        "Uma Lund",
        "uma.lund@kestrel.example",
        "Auditor",
        "Everything, without changing it",
    ),
    Persona(
        "ivo",
        "Ivo Okoro",
        "ivo.okoro@kestrel.example",
        "Administrator",
        "Systems, jobs and mails",
    ),
    Persona(
        "eli",
        "Eli Weiss",
        "eli.weiss@blueharbour.example",
        "Partner at Blue Harbour",
        "Two packages, from outside",
    ),
)


def personas() -> tuple[Persona, ...]:
    """Return everybody whom a visitor can be, in the order of the list."""
    return PERSONAS


def persona(key: str) -> Persona | None:
    """Return the persona of this key."""
    return next((person for person in PERSONAS if person.key == key), None)
