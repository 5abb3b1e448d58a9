from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest

from entitlements import clock
from entitlements.audit import trail
from entitlements.models import AuditEvent
from tests.factories import AccessPackageFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_an_event_says_who_did_what_to_which_thing(ada, bo):
    package = AccessPackageFactory(name="Sales tools")

    event = trail.record("package.tested", package, by=ada, target=bo, number=7)

    event.refresh_from_db()
    assert (event.action, str(event)) == ("package.tested", "package.tested: Sales tools")
    assert (event.actor_id, event.actor_name) == (ada.pk, "Ada Lovelace")
    assert (event.subject_type, event.subject_id) == ("accesspackage", package.pk)
    assert event.subject_name == "Sales tools"
    assert event.target_id == bo.pk
    assert event.details == {"number": 7}
    assert abs(clock.now() - event.at).total_seconds() < 5


def test_what_nobody_does_the_system_does(ada):
    event = trail.record("user.tested", ada, by=None)

    assert (event.actor_id, event.actor_name, event.target_id) == (None, "The system", None)


def test_an_event_bears_the_time_of_the_clock(ada):
    with clock.at(datetime(2030, 1, 1, tzinfo=UTC)):
        assert trail.record("user.tested", ada, by=None).at.year == 2030


def test_names_stay_as_they_read_at_the_time(ada):
    event = trail.record("user.tested", ada, by=ada)
    ada.display_name = "Ada King"
    ada.save()

    event.refresh_from_db()
    assert (event.actor_name, event.subject_name) == ("Ada Lovelace", "Ada Lovelace")


def test_names_are_cut_to_what_fits():
    person = UserFactory(display_name="", email=f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.ee")

    event = trail.record("user.tested", person, by=person)

    assert len(event.actor_name) == 200


MOMENT = datetime(2026, 5, 5, 12, tzinfo=UTC)
KEY = UUID("7d3c6f0e-6f0a-4d5c-9c58-6a0d2f1b9e11")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (0.5, 0.5),
        ("text", "text"),
        (MOMENT, "2026-05-05T12:00:00+00:00"),
        (date(2026, 5, 5), "2026-05-05"),
        (KEY, str(KEY)),
        ([KEY, None], [str(KEY), None]),
        ((1, 2), [1, 2]),
        ({3}, [3]),
        (frozenset({MOMENT}), ["2026-05-05T12:00:00+00:00"]),
        ({"day": date(2026, 5, 5), 1: [KEY]}, {"day": "2026-05-05", "1": [str(KEY)]}),
    ],
)
def test_details_are_kept_as_plain_values(ada, value, kept):
    event = trail.record("user.tested", ada, by=None, value=value)

    event.refresh_from_db()
    assert event.details == {"value": kept}


def test_many_events_are_written_at_once(ada, django_assert_num_queries):
    events = [trail.compose("user.tested", ada, by=None, number=n) for n in range(50)]

    with django_assert_num_queries(1):
        trail.record_many(events)

    assert AuditEvent.objects.count() == 50


def test_events_are_found_by_thing_and_by_person(ada, bo):
    package = AccessPackageFactory()
    first = trail.record("package.tested", package, by=ada, target=bo)
    second = trail.record("package.tested", package, by=bo)
    trail.record("package.tested", AccessPackageFactory(pk=uuid4()), by=None)

    assert list(AuditEvent.objects.about(package)) == [first, second]
    assert set(AuditEvent.objects.concerning(bo.pk)) == {first, second}
    assert set(AuditEvent.objects.concerning(ada.pk)) == {first}
