"""What Kestrel Trading offers: catalogs, resources with their roles, packages and policies."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from entitlements.demo.people import ENGINEERING, FINANCE, IT, PARTNERS, PEOPLE, SALES
from entitlements.policies.question_terms import QuestionTerms

ABOUT_PARTNER: Final = "Builds the harbour with us until next summer."
GENERAL: Final = "General"
ARCHIVE: Final = "Old office"
WAREHOUSE: Final = "Warehouse LDAP"
BRANCH: Final = "Lisbon branch LDAP"
WAREHOUSE_BASE: Final = "dc=warehouse,dc=kestrel,dc=example"
WAREHOUSE_SETTINGS: Final = {
    "url": "ldap://127.0.0.1:1",
    "base_dn": WAREHOUSE_BASE,
    "connect_timeout": 1,
    "receive_timeout": 1,
}
"""Nothing listens there: this system is the one that is down."""

REGISTER, TRAINING, DOORS = "Device register", "Safety training", "Door control"
LOST_HOST: Final = "doors-west.kestrel.example"
"""Where the doors are called after they have moved, and nobody answers."""


@dataclass(frozen=True)
class ExtensionOffer:
    """A system that a catalog calls, and perhaps waits for, for some days."""

    name: str
    catalog: str
    description: str
    url: str
    wait_days: int = 0


EXTENSIONS: Final = (
    ExtensionOffer(
        REGISTER,
        IT,
        "Knows who looks after which device.",
        "https://devices.kestrel.example/access",
    ),
    ExtensionOffer(
        TRAINING,
        IT,
        "Knows who was trained to work beside running machines.",
        "https://training.kestrel.example/questions",
        wait_days=3,
    ),
    ExtensionOffer(
        DOORS, IT, "Opens the doors of the halls.", "https://doors.kestrel.example/access"
    ),
)

SECURITY, COLLABORATION, APPLICATION, SITE = (
    "security_group",
    "collaboration_group",
    "application",
    "site",
)


@dataclass(frozen=True)
class CatalogOffer:
    """A catalog, its owner, and who else was appointed there: (person, role)."""

    name: str
    description: str
    owner: str
    others: tuple[tuple[str, str], ...] = ()
    is_external: bool = False


CATALOGS: Final = (
    CatalogOffer(
        SALES,
        "Customers, offers and orders.",
        "olga.owner",
        (("lena.fischer", "assignment_manager"),),
    ),
    CatalogOffer(
        FINANCE,
        "Ledgers, payments and the reports made of them.",
        "petra.novak",
        (("gita.rao", "package_manager"), ("rosa.marsh", "reader")),
    ),
    CatalogOffer(ENGINEERING, "Source code, build servers and production.", "samir.aziz"),
    CatalogOffer(
        PARTNERS,
        "What we share with partner companies.",
        "mia.sand",
        (("carl.voss", "owner"),),
        is_external=True,
    ),
    CatalogOffer(IT, "Remote access and devices.", "bo.chen", (("kai.lind", "reader"),)),
    CatalogOffer(ARCHIVE, "What the old office used.", "helen.ward"),
    CatalogOffer(PEOPLE, "Personnel files and payroll.", "tom.becker", (("carl.voss", "owner"),)),
)


@dataclass(frozen=True)
class RoleOffer:
    """A role as people read it; `place` is its id in the system."""

    place: str
    name: str
    description: str
    is_privileged: bool = False


@dataclass(frozen=True)
class ResourceOffer:
    """A resource: a group of the built-in directory, or by its name in the warehouse's LDAP."""

    key: str
    catalog: str
    name: str
    description: str
    roles: tuple[RoleOffer, ...]
    kind: str = SECURITY
    address: str = ""
    dn: str = ""
    also_in: tuple[str, ...] = ()
    asks_office: str = ""


def _member(description: str, name: str = "Member", *, is_privileged: bool = False) -> RoleOffer:
    return RoleOffer("member", name, description, is_privileged)


RESOURCES: Final = (
    ResourceOffer(
        "crm",
        SALES,
        "Customer register",
        "Customers, contacts and open offers.",
        (
            _member("Look up customers and write offers.", "User"),
            RoleOffer("owner", "Administrator", "Change prices, merge and delete customers.", True),
        ),
        address="https://crm.kestrel.example/",
    ),
    ResourceOffer(
        "sales_reports",
        SALES,
        "Sales reports",
        "Weekly figures by region.",
        (_member("Read every report.", "Reader"),),
        address="https://reports.kestrel.example/sales",
    ),
    ResourceOffer(
        "field_team",
        SALES,
        "Field sales channel",
        "Where the field sales team talks and plans.",
        (_member("Read and write in the channel."),),
        COLLABORATION,
        "https://talk.kestrel.example/field-sales",
    ),
    ResourceOffer(
        "stock",
        SALES,
        "Stock lists",
        "What is in which warehouse; its group now comes from there.",
        (_member("Read the lists.", "Reader"),),
        asks_office="In which hall do you work?",
    ),
    ResourceOffer(
        "scanners",
        SALES,
        "Warehouse scanners",
        "Look up stock from the road.",
        (_member("Scan and reserve goods.", "Operator"),),
        APPLICATION,
        dn=f"cn=scanners,ou=groups,{WAREHOUSE_BASE}",
    ),
    ResourceOffer(
        "ledger",
        FINANCE,
        "General ledger",
        "Every booking of every company.",
        (
            _member("Read accounts and bookings.", "Reader"),
            RoleOffer("owner", "Bookkeeper", "Post and reverse bookings.", True),
        ),
        address="https://ledger.kestrel.example/",
    ),
    ResourceOffer(
        "group_reports",
        FINANCE,
        "Group reports",
        "Consolidated figures of all companies.",
        (_member("Read all reports.", "Reader"),),
        address="https://reports.kestrel.example/group",
    ),
    ResourceOffer(
        "payments",
        FINANCE,
        "Payment release",
        "The last step before money leaves the bank.",
        (_member("Release payments.", "Releaser", is_privileged=True),),
    ),
    ResourceOffer(
        "source",
        ENGINEERING,
        "Source code",
        "All repositories.",
        (_member("Read and push.", "Developer"),),
        address="https://code.kestrel.example/",
    ),
    ResourceOffer(
        "production",
        ENGINEERING,
        "Production servers",
        "Machines that customers depend on.",
        (_member("Sign in and restart services.", "Operator", is_privileged=True),),
    ),
    ResourceOffer(
        "design",
        ENGINEERING,
        "Design reviews",
        "Drafts, comments and decisions.",
        (_member("Read and comment."),),
        COLLABORATION,
    ),
    ResourceOffer(
        "build",
        ENGINEERING,
        "Build farm",
        "Servers that build and test.",
        (_member("Start and stop builds.", "Builder"),),
        SITE,
        "https://build.kestrel.example/",
        f"cn=builders,ou=groups,{WAREHOUSE_BASE}",
    ),
    ResourceOffer(
        "partner_portal",
        PARTNERS,
        "Partner portal",
        "Price lists, training and contacts for partners.",
        (_member("Read everything, order samples.", "Partner"),),
        COLLABORATION,
        "https://partners.kestrel.example/",
    ),
    ResourceOffer(
        "harbour",
        PARTNERS,
        "Harbour Lights",
        "The joint project with Blue Harbour.",
        (_member("Read and write project papers."),),
        COLLABORATION,
    ),
    ResourceOffer("vpn", IT, "Remote access", "The way in from outside.", (_member("Connect."),)),
    ResourceOffer(
        "old_terminals",
        IT,
        "Old terminal server",
        "Replaced last year; its group is to be deleted.",
        (_member("Sign in.", "User"),),
    ),
    ResourceOffer(
        "devices",
        IT,
        "Device management",
        "Laptops and phones.",
        (_member("Install and wipe devices.", "Technician", is_privileged=True),),
    ),
    ResourceOffer(
        "hall",
        IT,
        "Machine hall",
        "Where the servers stand.",
        (_member("Enter."),),
    ),
    ResourceOffer(
        "cameras",
        PEOPLE,
        "Camera recordings",
        "What the cameras in the halls have recorded.",
        (_member("Watch.", "Viewer"),),
    ),
    ResourceOffer(
        "personnel",
        PEOPLE,
        "Personnel files",
        "Contracts and certificates.",
        (_member("Read files.", "Reader", is_privileged=True),),
    ),
    ResourceOffer(
        "payroll",
        PEOPLE,
        "Payroll Germany",
        "Wages and salaries of the German company.",
        (_member("Read payslips and totals.", "Reader"),),
    ),
    ResourceOffer(
        "square",
        GENERAL,
        "Town square",
        "News for everybody.",
        (_member("Read and write."),),
        COLLABORATION,
        "https://talk.kestrel.example/town-square",
        also_in=(PEOPLE,),
    ),
    ResourceOffer(
        "handbook",
        GENERAL,
        "Handbook",
        "How we work.",
        (_member("Read.", "Reader"),),
        COLLABORATION,
        "https://handbook.kestrel.example/",
        also_in=(ENGINEERING, IT, PEOPLE),
    ),
)


@dataclass(frozen=True)
class StageOffer:
    """One stage: a relation, a person's key, or "group:" and a name; `instead` are fallbacks.

    `then` are alternates, who are asked as well `after` so many days.
    """

    asks: tuple[str, ...]
    instead: tuple[str, ...] = ()
    days: int = 14
    needs_reason: bool = False
    then: tuple[str, ...] = ()
    after: int | None = None


@dataclass(frozen=True)
class PolicyOffer:
    """One way to get a package; it ends after `lasts`, `in_days` from today, or never.

    `extension` is approved, free or none; `calls` name stages and the systems that it calls then.
    """

    name: str
    scope: str = "all_members"
    groups: tuple[str, ...] = ()
    stages: tuple[StageOffer, ...] = ()
    lasts: timedelta | None = timedelta(days=90)
    in_days: int | None = None
    needs_reason: bool = True
    has_dates: bool = False
    extension: str = "approved"
    for_others: bool = False
    description: str = ""
    questions: tuple[QuestionTerms, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()
    organizations: tuple[str, ...] = ()


@dataclass(frozen=True)
class PackageOffer:
    """A package; `roles` name a resource and a place in it."""

    key: str
    catalog: str
    name: str
    description: str
    roles: tuple[str, ...]
    policies: tuple[PolicyOffer, ...] = ()
    is_draft: bool = False
    is_hidden: bool = False
