"""Nobody can attach, name, assign or edit anything that he could not give himself.

The table `named.py` has a row for every parameter of every act that names a thing; an act that it
leaves out fails.
"""

import dataclasses
import importlib
import inspect
import pkgutil
import typing
from uuid import UUID, uuid4

import pytest
from django.db import models as django_models

import entitlements
from entitlements.decisions import Denied
from entitlements.requests import deciding, operations
from tests.doors.named import NAMED, OF_THE_SYSTEM
from tests.doors.stage import undone
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

HOW = "tests/doors/named.py says, at its top, how to add a row for it."
LEFT_OUT = ("entitlements.migrations", "entitlements.demo", "entitlements.management")


@pytest.fixture
def w(world):
    """The world, with the person as an owner of his place, and somebody who has left."""
    with undone():
        world.by = world.become("owner")
        world.gone = UserFactory(is_active=False)
        world.unknown = uuid4()
        waiting = operations.submit(world.mine.policy, by=UserFactory(), justification="Please")
        world.denied = deciding.deny_request(waiting, by=world.boss, justification="No.")
        yield world


@pytest.mark.parametrize(
    "row", [row for row in NAMED if row.attempt], ids=lambda row: f"{row.act} {row.parameter}"
)
def test_what_one_could_not_give_is_not_named(w, row):
    with undone(), pytest.raises(Denied) as denied:
        row.attempt(w)

    assert row.code in denied.value.codes, denied.value


def test_every_rule_is_a_sentence_and_every_row_has_an_attempt_or_says_why_not():
    for row in NAMED:
        assert len(row.rule.split()) > 3, row
        assert bool(row.code) is bool(row.attempt), row


def acts():
    """Yield every act of the domain: its name, and the parameters that name things."""
    for found in pkgutil.walk_packages(entitlements.__path__, "entitlements."):
        if found.name.startswith(LEFT_OUT):
            continue
        module = importlib.import_module(found.name)
        for name, function in vars(module).items():
            if not inspect.isfunction(function) or function.__module__ != module.__name__:
                continue
            parameters = inspect.signature(function).parameters
            act = f"{found.name.removeprefix('entitlements.')}.{name}"
            if name.startswith("_") or "by" not in parameters or is_left_out(act):
                continue
            hints = typing.get_type_hints(inspect.unwrap(function))
            yield (
                act,
                {
                    path
                    for parameter in parameters
                    if parameter != "by"
                    for path in paths(parameter, hints.get(parameter))
                },
            )


def is_left_out(act):
    return act in OF_THE_SYSTEM or act.rpartition(".")[0] in OF_THE_SYSTEM


def paths(name, hint):
    """Yield the ways to what a parameter names: a row, an id, or either inside of terms."""
    inner = [kind for kind in typing.get_args(hint) if kind is not type(None)]
    if inner:
        yield from {path for kind in inner for path in paths(name, kind)}
    elif isinstance(hint, type) and issubclass(hint, django_models.Model | UUID):
        yield name
    elif dataclasses.is_dataclass(hint):
        kinds = typing.get_type_hints(hint)
        for one in dataclasses.fields(hint):
            yield from paths(f"{name}.{one.name}", kinds[one.name])


def test_no_act_is_left_out():
    told = {(row.act, row.parameter) for row in NAMED}
    left_out = [
        f"{act}({parameter})"
        for act, parameters in acts()
        for parameter in sorted(parameters)
        if (act, parameter) not in told
    ]

    assert not left_out, f"What may {', '.join(left_out)} name? {HOW}"


def test_no_row_is_about_nothing():
    there = {(act, parameter) for act, parameters in acts() for parameter in parameters}
    more = {("catalog.resources.add_resource", "external_id")}

    assert {(row.act, row.parameter) for row in NAMED} - there == more
