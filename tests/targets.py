"""A target system in memory, which can be told to fail, and to let things happen meanwhile."""

import pytest

from entitlements.connectors import registry
from entitlements.models import Account
from tests.factories import ConnectedSystemFactory, ResourceFactory, ResourceRoleFactory


class Target:
    """Who is in which place; every call is noted down as (method, place, account).

    `error` is raised by every call, `errors` by one call each; `meanwhile` is called once, after
    the next change was made and before the connector returns.
    """

    def __init__(self, kind="fake", name="Fake target"):
        self.system = ConnectedSystemFactory(kind=kind, name=name)
        self.places = {}
        self.calls = []
        self.error = None
        self.errors = []
        self.meanwhile = None
        self.closed = 0

    def role(self, external_id="staff"):
        """A resource role of this system."""
        resource = ResourceFactory(system=self.system, external_id=external_id, group=None)
        return ResourceRoleFactory(resource=resource)

    def know(self, *people):
        """Give each person an account of his own name."""
        for user in people:
            Account.objects.create(user=user, system=self.system, external_id=str(user))

    def members(self, role):
        return self.places.setdefault((role.resource.external_id, role.external_id), set())

    def changes(self):
        return [method for method, _, _ in self.calls if method != "is_member"]


class TargetConnector:
    def __init__(self, target):
        self.target = target

    def check(self):
        self._call("check", None, None)

    def members(self, place):
        if self.target.error:
            raise self.target.error
        yield from sorted(self._place(place))

    def is_member(self, place, account):
        self._call("is_member", place, account)
        return account in self._place(place)

    def ensure_member(self, place, account):
        self._call("ensure_member", place, account)
        self._place(place).add(account)
        self._let_things_happen()

    def ensure_absent(self, place, account):
        self._call("ensure_absent", place, account)
        self._place(place).discard(account)
        self._let_things_happen()

    def close(self):
        self.target.closed += 1

    def _place(self, place):
        return self.target.places.setdefault((place.resource, place.role), set())

    def _call(self, method, place, account):
        self.target.calls.append((method, place, account))
        if self.target.error:
            raise self.target.error
        if self.target.errors and (error := self.target.errors.pop(0)):
            raise error

    def _let_things_happen(self):
        meanwhile, self.target.meanwhile = self.target.meanwhile, None
        if meanwhile:
            meanwhile()


@pytest.fixture
def make_target(db, monkeypatch):
    """Make a further target system of a kind of its own."""

    def make(kind="fake", name="Fake target"):
        target = Target(kind, name)
        monkeypatch.setitem(registry.CONNECTORS, kind, lambda system: TargetConnector(target))
        return target

    return make


@pytest.fixture
def target(make_target):
    return make_target()
