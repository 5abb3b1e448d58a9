"""The rules that keep the code simple, checked on every module."""

import ast
from functools import cache
from pathlib import Path

from django.apps import apps
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
MODULES = sorted(
    path.relative_to(ROOT)
    for package in ("entitlements", "portal")
    for path in (ROOT / package).rglob("*.py")
    if "migrations" not in path.parts
)
BANNED_NAMES = {
    "common",
    "data",
    "handler",
    "handlers",
    "helper",
    "helpers",
    "info",
    "manager",
    "managers",
    "misc",
    "service",
    "services",
    "signals",
    "util",
    "utils",
}
OTHER_CLOCKS = {
    ("datetime", "now"),
    ("datetime", "today"),
    ("datetime", "utcnow"),
    ("date", "today"),
    ("timezone", "now"),
    ("time", "time"),
}
SIGNALS = {"django.dispatch", "django.db.models.signals", "django.core.signals"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LONGEST_MODULE = 400
LONGEST_FUNCTION = 40
LONGEST_NAME = 63


@cache
def nodes_of(path):
    return list(ast.walk(ast.parse((ROOT / path).read_text())))


def found(kinds, *, modules=MODULES):
    """Every node of these kinds, with the place where it stands."""
    for path in modules:
        for node in nodes_of(path):
            if isinstance(node, kinds):
                yield f"{path}:{node.lineno}", node


def name_of(node):
    return getattr(node, "attr", getattr(node, "id", None))


def lines_of(function):
    """How many lines a function has, without its docstring."""
    total = function.end_lineno - function.lineno + 1
    first = function.body[0]
    is_docstring = ast.get_docstring(function) is not None
    return total - (first.end_lineno - first.lineno + 1) * is_docstring


def constraints():
    models = apps.get_app_config("entitlements").get_models()
    return {each.name for model in models for each in model._meta.constraints}


def test_there_is_something_to_look_at():
    assert len(MODULES) > 50
    assert len(constraints()) > 30
    assert len(list(found(FUNCTIONS))) > 500


def test_every_transaction_is_durable():
    """A nested one would promise what only the outer one can keep."""
    durable = {
        (place.partition(":")[0], node.func.lineno, node.func.col_offset)
        for place, node in found(ast.Call)
        if any(
            word.arg == "durable" and ast.unparse(word.value) == "True" for word in node.keywords
        )
    }
    atomic = {
        (place.partition(":")[0], node.lineno, node.col_offset)
        for place, node in found((ast.Attribute, ast.Name))
        if name_of(node) == "atomic"
    }

    assert len(atomic) > 20
    assert atomic - durable == set()


def test_nothing_is_imported_inside_a_function():
    inside = [
        place
        for place, function in found(FUNCTIONS)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert inside == []


def test_imports_are_absolute():
    assert [place for place, node in found(ast.ImportFrom) if node.level] == []


def test_no_module_listens_to_signals():
    listening = [
        place
        for place, node in found(ast.ImportFrom)
        if node.module in SIGNALS or {alias.name for alias in node.names} & {"signals", "receiver"}
    ]

    assert listening == []


def test_modules_are_named_for_what_they_hold():
    assert [path for path in MODULES if {*path.parts, path.stem} & BANNED_NAMES] == []


def test_modules_are_short():
    lengths = {str(path): len((ROOT / path).read_text().splitlines()) for path in MODULES}

    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_functions_are_short():
    lengths = {f"{place} {node.name}": lines_of(node) for place, node in found(FUNCTIONS)}

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


def test_the_domain_reads_its_own_clock():
    domain = [
        path for path in MODULES if path.parts[0] == "entitlements" and path.name != "clock.py"
    ]
    reads = [
        place
        for place, node in found(ast.Attribute, modules=domain)
        if (name_of(node.value), node.attr) in OTHER_CLOCKS
    ]

    assert reads == []


def test_every_constraint_has_a_test_of_its_name():
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))

    assert {name for name in constraints() if f"def test_{name}(" not in tests} == set()


def test_names_in_the_database_are_short_and_used_once():
    models = list(apps.get_app_config("entitlements").get_models())
    names = [
        each.name for model in models for each in [*model._meta.constraints, *model._meta.indexes]
    ]

    assert [name for name in names if len(name) > LONGEST_NAME] == []
    assert len(names) == len(set(names))
