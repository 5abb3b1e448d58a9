"""The page of everything that somebody was told."""

from datetime import timedelta

import pytest
from django.test import Client

from entitlements import clock
from entitlements.models import Notification
from portal.notifications import views
from tests.factories import AssignmentFactory, NotificationFactory

pytestmark = pytest.mark.django_db

PAGE = "/notifications/"


@pytest.fixture
def adas(client, ada):
    client.force_login(ada)
    return client


def told(recipient, package="Sales Analyst", **attributes):
    return NotificationFactory(
        recipient=recipient, event="access.given", facts={"package": package}, **attributes
    )


def test_notifications_come_by_day_the_newest_first_in_the_words_of_their_mails(adas, ada):
    told(ada, "Older", created_at=clock.now() - timedelta(days=1))
    told(ada, "Newer")

    response = adas.get(PAGE)

    page = response.content.decode()
    assert page.index("today") < page.index("You have access: Newer")
    assert page.index("You have access: Newer") < page.index("yesterday")
    assert page.index("yesterday") < page.index("You have access: Older")
    assert [len(lines) for _, lines in response.context["days"]] == [1, 1]


def test_one_sees_only_ones_own(adas, bo):
    notification = told(bo)

    assert "You are up to date" in adas.get(PAGE).content.decode()
    assert adas.post(f"{PAGE}{notification.pk}/").status_code == 404
    assert Notification.objects.get().read_at is None


def test_the_bell_counts_what_is_unread(adas, ada):
    told(ada)
    told(ada, read_at=clock.now())

    page = adas.get("/help/").content.decode()

    assert "Notifications</span>" in page
    assert '<span class="count">1</span>' in page


def test_opening_one_marks_it_as_read_and_goes_where_it_leads(adas, ada):
    assignment = AssignmentFactory(target=ada)
    notification = NotificationFactory(
        recipient=ada,
        event="access.ends_soon",
        about_type="assignment",
        about_id=assignment.pk,
        facts={},
    )

    response = adas.post(f"{PAGE}{notification.pk}/")

    assert response.headers["Location"] == f"/access/{assignment.pk}/extend/"
    assert Notification.objects.get().read_at


def test_all_can_be_marked_as_read(adas, ada, bo):
    told(ada)
    told(ada)
    told(bo)

    page = adas.post(f"{PAGE}read/", follow=True).content.decode()
    again = adas.post(f"{PAGE}read/", follow=True).content.decode()

    assert "2 marked as read." in page
    assert "Nothing was unread." in again
    assert Notification.objects.unread().count() == 1


def test_unread_ones_can_be_shown_alone(adas, ada):
    told(ada, "Unread")
    told(ada, "Read", read_at=clock.now())

    page = adas.get(f"{PAGE}?show=unread").content.decode()

    assert "You have access: Unread" in page
    assert "You have access: Read" not in page
    Notification.objects.update(read_at=clock.now())
    assert "Nothing unread" in adas.get(f"{PAGE}?show=unread").content.decode()


def test_an_event_that_is_told_no_more_still_shows_a_line(adas, ada):
    notification = NotificationFactory(
        recipient=ada, event="something.forgotten", facts={"package": "Sales Analyst"}
    )

    assert "News about Sales Analyst" in adas.get(PAGE).content.decode()
    assert adas.post(f"{PAGE}{notification.pk}/").headers["Location"] == PAGE


def test_many_come_in_pages(adas, ada, monkeypatch):
    monkeypatch.setattr(views, "ROWS_ON_A_PAGE", 2)
    for _ in range(3):
        told(ada)

    assert "1–2 of 3" in adas.get(PAGE).content.decode()
    assert "3–3 of 3" in adas.get(f"{PAGE}?page=2").content.decode()


@pytest.mark.parametrize("path", ["read/", "{}/"])
def test_reading_takes_a_post_with_its_token(ada, path):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    address = f"{PAGE}{path.format(told(ada).pk)}"

    assert strict.get(address).status_code == 405
    assert strict.post(address).status_code == 403
    assert Notification.objects.get().read_at is None
