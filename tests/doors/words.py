"""The words of the table: who meets what behind a door."""

from typing import NamedTuple

from entitlements.catalog.permissions import CATALOG_ROLES
from tests.doors.world import ROLES

ALL = frozenset(ROLES)
SIGNED_IN = ALL - {"nobody"}
IN_ALL = frozenset({"governance_administrator", "superuser"})
OVERSEERS = IN_ALL | {"auditor"}


class Who(NamedTuple):
    """Which roles meet what; for all others a thing does not exist.

    Nobody is led to the sign-in, unless `is_open` says that a door is there without one.
    """

    works: frozenset = frozenset()
    refused: frozenset = frozenset()
    no_method: frozenset = frozenset()
    sign_in: frozenset = frozenset()
    is_open: bool = False

    def meets(self, role):
        """Return the word for what a role meets: works, refused, no_method, sign_in or missing."""
        for word in ("works", "refused", "no_method", "sign_in"):
            if role in getattr(self, word):
                return word
        return "sign_in" if role == "nobody" and not self.is_open else "missing"


class Row(NamedTuple):
    """One route, or several that a pattern names.

    `get` and `post` are a Who each, or one for each relation to the thing; without `post` it is as
    in `get`. `names` says where a value in the address comes from: another name of the world, or
    itself after "=". `query` and `sent` go with the request, filled with the world's ids.
    """

    route: str
    get: object
    post: object = None
    names: dict = {}
    query: str = ""
    sent: dict = {}

    def doors(self):
        """Yield the method, the relation (empty where the thing does not matter), and who."""
        post = self.get if self.post is None else self.post
        relations = next((list(one) for one in (self.get, post) if isinstance(one, dict)), [""])
        for method, answers in (("get", self.get), ("post", post)):
            if isinstance(answers, dict):
                yield from ((method, relation, who) for relation, who in answers.items())
            else:
                yield from ((method, relation, answers) for relation in relations)


def only(works, *, refused=()):
    """Say that these roles work, and those others read why not."""
    return Who(frozenset(works), frozenset(refused) - frozenset(works))


def holders(permission):
    """Return who has a permission in his own catalog."""
    roles = {role for role, held in CATALOG_ROLES.items() if permission in held}
    everywhere = OVERSEERS if permission == "view_catalog" else IN_ALL
    return frozenset(roles | {"owner_in_group"} | everywhere)


VIEWERS, GIVERS = holders("view_catalog"), holders("manage_assignments")
MANAGERS = VIEWERS | {"catalog_creator"}
NOTHING = Who()
EVERYBODY, ANYBODY = only(SIGNED_IN), only(ALL)
FOR_ADMINISTRATORS, FOR_OVERSEERS = only({"superuser"}), only(OVERSEERS)
IN_MANAGE = only(MANAGERS)
FOR_ORGANIZATIONS = only(IN_ALL | {"organization_administrator"})
NOT_DONE = Who(no_method=SIGNED_IN)
NOT_DONE_OPENLY = Who(no_method=ALL)
NOT_DONE_IN_MANAGE = Who(no_method=MANAGERS)
NOT_DONE_IN_ADMINISTRATION = Who(no_method=frozenset({"superuser"}))
NOT_THERE = Who(is_open=True)
TO_SIGN_IN = Who(sign_in=ALL)


def whoever(own, *, everywhere):
    """Say who works with a thing of his own catalog, and who with those of all others too."""
    return {
        "own": only(own, refused=VIEWERS),
        "foreign": only(everywhere, refused=OVERSEERS),
        "deleted": NOTHING,
    }


def in_catalog(permission):
    """Say that whoever has a permission in the thing's catalog works with it."""
    everywhere = OVERSEERS if permission == "view_catalog" else IN_ALL
    return whoever(holders(permission), everywhere=everywhere)


def on(*relations, who):
    """Say that the same people meet the same, however they are related to the thing."""
    return dict.fromkeys(relations, who)


def about_oneself(**others):
    """Say that everybody comes to what is about himself, and nobody else unless told."""
    return {"mine": EVERYBODY, **on("own", "foreign", "deleted", who=NOTHING), **others}
