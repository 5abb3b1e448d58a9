"""Everyday life of those whom the story does not name: enough of it to look like a company."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Final

from entitlements.demo.acts import Stage
from entitlements.demo.calendar import Life
from entitlements.demo.company import ADMINISTRATOR
from entitlements.demo.people import ENGINEERING, FINANCE, GONE, IT, PARTNERS, PEOPLE, SALES
from entitlements.directory.models import User
from entitlements.directory.sign_ins import signed_in

FOUNDED: Final = 120
"""Days ago: when the story begins."""

NEEDED: Final = {
    SALES: ("sales_reader", ""),
    FINANCE: ("ledger_reader", "dev.patel"),
    ENGINEERING: ("source", ""),
    PARTNERS: ("partner_portal", "mia.sand"),
    IT: ("service_desk", ""),
    PEOPLE: ("payroll", "tom.becker"),
}
"""Which package the people of a department need, and who approves it."""

REASONS: Final = (
    "I need it for my daily work.",
    "New tasks since last week.",
    "I stand in for a colleague.",
    "My project asks for it.",
    "As agreed in the team.",
)

ANSWERS: Final = ("yes", "no", "withdrawn", "none", "yes", "yes")


def lives(stage: Stage, chance: Random) -> Iterator[Life]:
    """Yield what each of them does, and the sign-ins of everybody."""
    employees = [
        user
        for key, user in stage.company.users.items()
        if not user.is_guest and key != GONE and _days_here(stage, user)
    ]
    for user in _some(stage.company.crowd(), 0.4, chance):
        yield _belongs(stage, user, chance)
    for user in _some(stage.company.crowd(), 0.25, chance):
        yield _works_from_home(stage, user, chance)
    for user in _some(stage.company.crowd(), 0.6, chance):
        yield _does_the_job(stage, user, chance)
    for number, user in enumerate(_some(stage.company.crowd(), 0.15, chance)):
        yield _reviews_designs(stage, user, chance, ANSWERS[number % len(ANSWERS)])
    for user in _some(stage.company.crowd(ENGINEERING), 0.4, chance):
        yield _takes_a_shift(stage, user, chance)
    yield _sign_in(stage, employees, chance)


def _belongs(stage: Stage, user: User, chance: Random) -> Life:
    moment = stage.when(FOUNDED - 2, 8) + timedelta(minutes=chance.randint(0, 4) * 10)
    yield from stage.gives(ADMINISTRATOR, "everybody", user, moment)


def _works_from_home(stage: Stage, user: User, chance: Random) -> Life:
    yield from stage.asks(user, "vpn", stage.when(chance.randint(17, FOUNDED - 5), 10))


def _does_the_job(stage: Stage, user: User, chance: Random) -> Life:
    package, approver = NEEDED[user.department]
    days_ago = chance.randint(40, FOUNDED - 4)
    asked = yield from stage.asks(user, package, stage.when(days_ago, 9), chance.choice(REASONS))
    if approver:
        yield from stage.approves(approver, asked, stage.when(days_ago - 1, 11))


def _reviews_designs(stage: Stage, user: User, chance: Random, answer: str) -> Life:
    """The manager agrees, refuses, or does not answer; or the wish is withdrawn."""
    days_ago = chance.randint(20, FOUNDED - 20)
    asked = yield from stage.asks(user, "design", stage.when(days_ago, 13), chance.choice(REASONS))
    manager, moment = user.manager or user, stage.when(days_ago - 2, 15)
    if answer == "yes":
        yield from stage.approves(manager, asked, moment)
    elif answer == "no":
        yield from stage.denies(manager, asked, moment, "Not this quarter.")
    elif answer == "withdrawn":
        yield from stage.withdraws(user, asked, moment)


def _takes_a_shift(stage: Stage, user: User, chance: Random) -> Life:
    yield from stage.asks(
        user, "production", stage.when(chance.randint(2, FOUNDED - 10), 20), "Night shift."
    )


def _sign_in(stage: Stage, people: list[User], chance: Random) -> Life:
    """Some of the people, each morning and afternoon."""
    for days_ago in range(FOUNDED - 1, 0, -1):
        for hour in (8, 13):
            yield stage.when(days_ago, hour, chance.randint(0, 59))
            for user in chance.sample(people, len(people) // 18):
                if _days_here(stage, user) >= days_ago:
                    signed_in(user, method="password")


def _some(people: list[User], share: float, chance: Random) -> list[User]:
    return chance.sample(people, int(len(people) * share))


def _days_here(stage: Stage, user: User) -> int:
    """Return for how many days somebody has been hired; nothing for who starts today."""
    return (stage.company.today - user.hire_date).days if user.hire_date else 0
