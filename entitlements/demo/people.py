"""Kestrel Trading's people: those who have a part in the story, and names for all the others."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

COMPANY: Final = "Kestrel Trading"
PARTNER: Final = "Blue Harbour"
DOMAIN, PARTNER_DOMAIN = "kestrel.example", "blueharbour.example"
FEWEST: Final = 40
MOST: Final = 2000

SALES, FINANCE, ENGINEERING = "Sales", "Finance", "Engineering"
PARTNERS, IT, PEOPLE, MANAGEMENT = "Partner programme", "IT", "People", "Management"

COST_CENTERS: Final = {
    SALES: "CC-1100",
    FINANCE: "CC-1200",
    ENGINEERING: "CC-1300",
    PARTNERS: "CC-1400",
    IT: "CC-1500",
    PEOPLE: "CC-1600",
    MANAGEMENT: "CC-1000",
}
OFFICES: Final = (
    ("Kestrel House", "Bristol", "United Kingdom"),
    ("Speicherstadt", "Hamburg", "Germany"),
    ("Alameda 12", "Lisbon", "Portugal"),
)


@dataclass(frozen=True)
class Person:
    """Somebody of the company: `key` is the address before the @, `hired` how many days ago."""

    name: str
    department: str
    title: str
    manager: str = ""
    hired: int = 700
    is_guest: bool = False

    @property
    def key(self) -> str:
        return self.name.lower().replace(" ", ".")

    @property
    def email(self) -> str:
        return f"{self.key}@{PARTNER_DOMAIN if self.is_guest else DOMAIN}"


CAST: Final = (
    Person("Helen Ward", MANAGEMENT, "Managing director", hired=4100),
    Person("Uma Lund", MANAGEMENT, "Internal auditor", "helen.ward", 820),
    Person("Olga Owner", SALES, "Head of sales operations", "helen.ward", 2300),
    Person("Lena Fischer", SALES, "Field sales lead", "olga.owner", 1500),
    Person("Hugo Brandt", SALES, "Account executive", "lena.fischer", 610),
    Person("Mara Silva", SALES, "Account executive", "lena.fischer", 340),
    Person("Theo Lang", SALES, "Sales assistant", "olga.owner", 95),
    Person("Petra Novak", FINANCE, "Chief financial officer", "helen.ward", 2900),
    Person("Dev Patel", FINANCE, "Reporting lead", "petra.novak", 1700),
    Person("Ana Diaz", FINANCE, "Analyst", "dev.patel", 400),
    Person("Nia New", FINANCE, "Junior analyst", "dev.patel", 0),
    Person("Gita Rao", FINANCE, "General ledger owner", "petra.novak", 2050),
    Person("Rosa Marsh", FINANCE, "Internal controls", "petra.novak", 1250),
    Person("Omar Haddad", FINANCE, "Accountant", "gita.rao", 530),
    Person("Samir Aziz", ENGINEERING, "Head of engineering", "helen.ward", 2600),
    Person("Jon Park", ENGINEERING, "Site reliability engineer", "samir.aziz", 900),
    Person("Wanda Kos", ENGINEERING, "Software engineer", "samir.aziz", 480),
    Person("Ravi Menon", ENGINEERING, "Software engineer", "jon.park", 210),
    Person("Mia Sand", PARTNERS, "Head of the partner programme", "helen.ward", 1900),
    Person("Noor Bakker", PARTNERS, "Partner manager", "mia.sand", 260),
    Person("Ivo Okoro", IT, "IT administrator", "helen.ward", 1600),
    Person("Bo Chen", IT, "Head of information security", "helen.ward", 1350),
    Person("Kai Lind", IT, "Service desk", "ivo.okoro", 75),
    Person("Tom Becker", PEOPLE, "Head of people", "helen.ward", 2200),
    Person("Zoe Adler", PEOPLE, "Payroll", "tom.becker", 640),
    Person("Carl Voss", PEOPLE, "Records", "tom.becker", 3300),
    Person("Eli Weiss", "", "Project partner", hired=150, is_guest=True),
    Person("Dana Roth", "", "Project partner", hired=140, is_guest=True),
)
GONE: Final = "carl.voss"

TEAMS: Final = (
    (SALES, "lena.fischer", ("Account executive", "Sales engineer", "Sales assistant"), 30),
    (FINANCE, "dev.patel", ("Analyst", "Accountant", "Controller"), 16),
    (ENGINEERING, "samir.aziz", ("Software engineer", "Test engineer", "Designer"), 28),
    (PARTNERS, "mia.sand", ("Partner manager", "Partner trainer"), 8),
    (IT, "ivo.okoro", ("Service desk", "Network engineer"), 10),
    (PEOPLE, "tom.becker", ("Recruiter", "People partner"), 8),
)
"""Department, manager, titles, and share of the people whom the story does not name."""

GIVEN_NAMES: Final = """
    Aaron Alice Amina Andre Anya Ben Bianca Boris Carla Chloe Cyrus Daria Davide Ella Emre Esra
    Farah Felix Fiona Gabor Greta Hana Henrik Ines Isaac Ivana Jana Jasper Joana Kasia Kofi Lars
    Leila Levi Lucia Magnus Malik Marta Milan Nadia Nils Olive Oskar Paula Pedro Quinn Rana Rhea
    Rolf Sara Selma Simon Sofia Tariq Tess Ugo Vera Viktor Xenia Yusuf Zara"""
SURNAMES: Final = """
    Abbott Acar Almeida Bauer Bell Berg Blanc Cole Conti Costa Dahl Doyle Egger Farkas Ferrari
    Foster Garcia Grant Gruber Hansen Hill Horvat Ito Jansen Keller Khan Kovac Lehmann Lopez Marin
    Mbeki Meyer Moreau Nagy Nolan Okafor Olsen Osei Peters Quist Reyes Rossi Sato Sharma Singh
    Sousa Stein Tanaka Turner Vidal Vogel Walsh Weber Wood Yilmaz Zeman"""


def everybody(count: int, chance: Random) -> Iterator[Person]:
    """Yield the cast, and as many others as make `count` people."""
    yield from CAST
    names = {person.name for person in CAST}
    weights = [share for *_, share in TEAMS]
    for _ in range(count - len(CAST)):
        name = _new_name(names, chance)
        department, manager, titles, _share = chance.choices(TEAMS, weights)[0]
        yield Person(name, department, chance.choice(titles), manager, chance.randint(130, 3000))


def _new_name(taken: set[str], chance: Random) -> str:
    given_names, surnames = GIVEN_NAMES.split(), SURNAMES.split()
    while True:
        name = f"{chance.choice(given_names)} {chance.choice(surnames)}"
        if name not in taken:
            taken.add(name)
            return name
