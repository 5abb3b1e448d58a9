"""The table of events: it knows every event, and every subject is one harmless line."""

import ast
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template
from django.utils import timezone

from entitlements.notifications.messages import MESSAGES, one_line, subject_of
from tests.factories import NotificationFactory, UserFactory

DUE = "2026-11-26T16:00:00+00:00"


def told_events():
    """Every event that the domain's code names when it tells somebody something."""
    for path in Path(settings.BASE_DIR, "entitlements").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(
                node.func, "attr", getattr(node.func, "id", "")
            ) in {"tell", "notify", "ask"}:
                yield from (
                    argument.value
                    for argument in node.args[:2]
                    if isinstance(argument, ast.Constant)
                    and isinstance(argument.value, str)
                    and " " not in argument.value
                )


def test_the_table_knows_every_event_that_the_domain_tells():
    assert set(told_events()) == set(MESSAGES)


@pytest.mark.parametrize("event", MESSAGES)
def test_every_event_has_a_text_and_a_page(event):
    assert get_template(f"emails/{event}.txt")
    assert get_template(f"emails/{event}.html")


@pytest.mark.parametrize(
    ("event", "facts", "subject"),
    [
        (
            "approval.asked",
            {"due_at": DUE, "target": "Ana Diaz", "package": "Sales Analyst"},
            "Approve by Thu 26 Nov: Ana Diaz → Sales Analyst",
        ),
        (
            "approval.reminder",
            {"due_at": DUE, "target": "Ana Diaz", "package": "Sales Analyst", "number": 2},
            "Reminder (2): approve by Thu 26 Nov: Ana Diaz → Sales Analyst",
        ),
        (
            "access.extended",
            {"ends_at": None, "package": "Sales Analyst"},
            "Extended until further notice: Sales Analyst",
        ),
        ("access.given", {"package": "Sales Analyst"}, "You have access: Sales Analyst"),
        ("access.given", {}, "You have access: …"),
        ("nobody.knows", {"package": "Sales Analyst"}, "News about Sales Analyst"),
    ],
)
def test_a_subject_says_verb_date_who_and_what(event, facts, subject):
    assert subject_of(NotificationFactory.build(event=event, facts=facts)) == subject


def test_a_date_in_a_subject_is_the_readers_day():
    notification = NotificationFactory.build(
        event="access.ends_soon", facts={"ends_at": "2026-11-26T23:30:00+00:00", "package": "X"}
    )

    with timezone.override("Europe/Berlin"):
        assert subject_of(notification) == "Ends on Fri 27 Nov: X"


@pytest.mark.parametrize(
    "name",
    ["Ana\r\nBcc: all@kestrel.example", "Ana\x00\x0bDiaz", "Ana\u2028\u202eDiaz", "{by} {0} %s"],
)
def test_nothing_breaks_out_of_the_line_of_a_subject(name):
    recipient = UserFactory.build()
    notification = NotificationFactory.build(
        recipient=recipient, event="access.given", facts={"package": name}
    )

    subject = subject_of(notification)

    assert subject.startswith("You have access: ")
    assert subject.isprintable()


def test_long_names_are_shortened_and_names_of_60_characters_are_not():
    assert one_line("x" * 60) == "x" * 60
    assert one_line("x" * 200) == "x" * 79 + "…"
