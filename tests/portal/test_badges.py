import re

import pytest
from django.conf import settings
from django.template import Context, Template

from entitlements.assignments.models import AssignmentState
from entitlements.catalog.models import PackageState
from entitlements.requests.models import StepState
from entitlements.requests.states import RequestState
from portal.badges import BADGES, badge_for

SPRITE = (settings.BASE_DIR / "static/icons.svg").read_text()
BADGES_IN_TABLE = [
    (kind, state, badge) for kind, table in BADGES.items() for state, badge in table.items()
]


@pytest.mark.parametrize(
    ("kind", "states"),
    [
        ("request", RequestState.values),
        ("assignment", [*AssignmentState.values, "ends_soon"]),
        ("grant", ["waiting", "done", "failed", "removing", "removed"]),
        ("step", StepState.values),
        ("package", [*PackageState.values, "hidden"]),
    ],
)
def test_every_state_of_the_domain_is_in_the_table(kind, states):
    assert set(states) <= set(BADGES[kind])


@pytest.mark.parametrize(("kind", "state", "badge"), BADGES_IN_TABLE)
def test_every_badge_has_a_word_and_a_symbol_of_the_sprite(kind, state, badge):
    assert badge.word
    assert f'<symbol id="{badge.icon}"' in SPRITE


def test_one_word_means_one_tone_within_a_kind():
    for table in BADGES.values():
        tones = {(badge.word, badge.tone) for badge in table.values()}

        assert len(tones) == len({word for word, _ in tones})


def test_a_state_that_the_table_lacks_shows_its_own_name_quietly():
    badge = badge_for("request", "held_back")

    assert (badge.word, badge.tone) == ("Held back", "quiet")


def test_the_tag_writes_word_tone_and_symbol():
    template = Template('{% load portal %}{% badge "request" "pending_approval" note="1 of 2" %}')

    html = template.render(Context())

    assert "tone-warn" in html
    assert "icons.svg#hourglass" in html
    assert re.sub(r"<[^>]+>", "", html).split() == ["Waiting", "for", "approval", "1", "of", "2"]


def test_a_symbol_without_label_is_decoration_and_with_one_is_a_picture():
    template = Template('{% load portal %}{% icon "check" %}{% icon "out" "Opens elsewhere" %}')

    html = template.render(Context())

    assert html.count('aria-hidden="true"') == 1
    assert 'role="img" aria-label="Opens elsewhere"' in html
