from datetime import date

import pytest

from entitlements.directory.sync import values
from entitlements.directory.sync.values import BadValue


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("email", " Uma@Kestrel.Example ", "uma@kestrel.example"),
        ("display_name", " Uma  May ", "Uma  May"),
        ("department", "", ""),
        ("department", '=HYPERLINK("x") <b>&', '=HYPERLINK("x") <b>&'),
        ("extension_attribute_15", "x" * 1024, "x" * 1024),
        ("hire_date", "2026-01-31", date(2026, 1, 31)),
        ("hire_date", "20260131000000Z", date(2026, 1, 31)),
        ("hire_date", "20260131000000.0Z", date(2026, 1, 31)),
        ("hire_date", "2026-01-31T08:00:00", date(2026, 1, 31)),
        ("leave_date", "", None),
        ("user_type", "", "member"),
        ("user_type", "Guest", "guest"),
    ],
)
def test_a_value_is_taken_over(field, text, value):
    assert values.person_value(field, text) == value


@pytest.mark.parametrize(
    ("field", "text", "code"),
    [
        ("email", "", "no_address"),
        ("email", "uma", "bad_address"),
        ("email", "x" * 251 + "@a.b", "too_long"),
        ("display_name", " ", "missing"),
        ("department", "x" * 201, "too_long"),
        ("extension_attribute_1", "x" * 1_000_000, "too_long"),
        ("job_title", "a\0b", "nul_byte"),
        ("email", "a\0b@kestrel.example", "nul_byte"),
        ("hire_date", "31.01.2026", "bad_date"),
        ("hire_date", "2026-02-30", "bad_date"),
        ("leave_date", "soon", "bad_date"),
        ("user_type", "alien", "bad_choice"),
    ],
)
def test_a_value_that_cannot_be_stored_is_refused(field, text, code):
    with pytest.raises(BadValue) as bad:
        values.person_value(field, text)

    assert bad.value.code == code
    assert len(str(bad.value)) < 200


@pytest.mark.parametrize(
    ("convert", "text", "code"),
    [
        (values.group_name, " ", "missing"),
        (values.group_name, "x" * 257, "too_long"),
        (values.group_name, "a\0", "nul_byte"),
        (values.group_description, "x" * 10_001, "too_long"),
        (values.group_kind, "crowd", "bad_choice"),
        (values.is_enabled, "perhaps", "bad_choice"),
        (lambda text: values.key_value("id", text), "x" * 256, "too_long"),
        (lambda text: values.key_value("id", text), " ", "missing"),
    ],
)
def test_values_of_groups_are_checked_too(convert, text, code):
    with pytest.raises(BadValue) as bad:
        convert(text)

    assert bad.value.code == code


def test_groups_take_values_over():
    assert values.group_name("  Finance   people ") == "Finance people"
    assert values.group_description(" <b>text</b> ") == "<b>text</b>"
    assert values.group_kind("") == "security"
    assert values.group_kind("Collaboration") == "collaboration"
    assert values.key_value("id", " E1 ") == "E1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", True), ("yes", True), ("TRUE", True), ("1", True), ("No", False), ("0", False)],
)
def test_yes_and_no_are_understood(text, expected):
    assert values.is_enabled(text) is expected
