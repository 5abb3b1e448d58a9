"""Telling people: one row each, within the act, and never twice under the same key."""

import pytest
from django.db import IntegrityError

from entitlements.models import Notification
from entitlements.notifications import operations
from tests.factories import AssignmentFactory, NotificationFactory

pytestmark = pytest.mark.django_db


def test_everybody_who_is_told_has_a_row_and_a_mail_to_come(ada, bo, queued):
    assignment = AssignmentFactory()

    operations.notify("access.ended", [ada, bo], assignment, ended_at=assignment.ends_at)

    told = Notification.objects.order_by("recipient__display_name")
    assert [str(one) for one in told] == [
        "access.ended to Ada Lovelace",
        "access.ended to Bo Chen",
    ]
    assert told[0].fact("ended_at") == assignment.ends_at.isoformat()
    assert told[0].fact("nothing") is None
    assert Notification.objects.due().count() == 2
    assert queued() == ["notifications.tasks.send_due"]


def test_telling_nobody_queues_nothing(queued):
    operations.notify("access.ended", [], AssignmentFactory())

    assert queued() == []


def test_nobody_is_told_twice_under_the_same_key(ada):
    assignment = AssignmentFactory()

    for _ in range(2):
        operations.notify("access.ends_soon", [ada], assignment, once="ends soon")

    assert Notification.objects.count() == 1


def test_one_notification_per_once_key(ada, bo):
    NotificationFactory(recipient=ada, once_key="ends soon")
    NotificationFactory(recipient=bo, once_key="ends soon")
    NotificationFactory.create_batch(2, recipient=ada, once_key=None)

    with pytest.raises(IntegrityError):
        NotificationFactory(recipient=ada, once_key="ends soon")


def test_one_marks_only_ones_own_notifications_as_read(ada, bo):
    mine, other = NotificationFactory(recipient=ada), NotificationFactory(recipient=bo)

    assert operations.mark_read(ada, [mine.pk, other.pk]) == 1

    assert list(Notification.objects.unread()) == [other]


def test_marking_everything_says_how_many_were_unread(ada):
    NotificationFactory.create_batch(3, recipient=ada)

    assert operations.mark_read(ada) == 3
    assert operations.mark_read(ada) == 0
