"""Mails on their way: every one once, whatever happens to the mail server or to a worker."""

import smtplib
from datetime import timedelta

import pytest
from django.core import mail as outgoing
from django.core.mail.backends.locmem import EmailBackend

from entitlements import clock
from entitlements.models import Notification
from entitlements.notifications import tasks
from entitlements.notifications.messages import MESSAGES
from tests.factories import AccessRequestFactory, NotificationFactory, UserFactory
from tests.notifications.test_rendering import notification_of
from tests.threads import at_once

pytestmark = pytest.mark.django_db


def due(recipient=None, *, event="access.given", **attributes):
    return NotificationFactory(
        event=event,
        recipient=recipient or UserFactory(),
        facts={"package": "Sales Analyst"},
        next_attempt_at=clock.now(),
        **attributes,
    )


class Broken(EmailBackend):
    """A mail server that opens and then answers each mail with one of these errors."""

    errors = []

    def send_messages(self, messages):
        if self.errors:
            raise self.errors.pop(0)
        return super().send_messages(messages)


@pytest.fixture
def broken(settings):
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    Broken.errors = []
    return Broken.errors


@pytest.mark.parametrize("event", [name for name in MESSAGES if "delegation" not in name])
def test_every_event_arrives_with_its_recipient_subject_both_parts_and_links(
    event, sink, bo, settings
):
    settings.PORTAL_URL = "https://access.kestrel.example"
    notification = notification_of(event, AccessRequestFactory(), bo)
    Notification.objects.filter(pk=notification.pk).update(next_attempt_at=clock.now())

    tasks.send_due()

    [(recipients, letter)] = sink.letters
    notification.refresh_from_db()
    text = letter.get_body(["plain"]).get_content()
    html = letter.get_body(["html"]).get_content()
    assert recipients == ["bo@kestrel.example"]
    assert letter["To"] == "bo@kestrel.example"
    assert notification.facts["package"] in letter["Subject"]
    assert letter["Message-ID"] == f"<{notification.pk}@access.kestrel.example>"
    assert letter["References"] == f"<{notification.about_id}@access.kestrel.example>"
    assert letter["Auto-Submitted"] == "auto-generated"
    for part in (text, html):
        assert notification.facts["package"] in part
        assert "https://access.kestrel.example/" in part
    assert notification.sent_at
    assert notification.next_attempt_at is None
    assert notification.lease_until is None


def test_mails_about_one_request_are_one_thread(sink, bo):
    access_request = AccessRequestFactory()
    for event in ("approval.asked", "approval.approved"):
        told = notification_of(event, access_request, bo)
        Notification.objects.filter(pk=told.pk).update(next_attempt_at=clock.now())

    tasks.send_due()

    first, second = (letter for _, letter in sink.letters)
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]


def test_asking_an_approver_queues_the_mail(asked, run_queue, sink):
    run_queue()

    [(recipients, letter)] = sink.letters
    assert recipients == ["bo@kestrel.example"]
    assert "Ada Lovelace → Sales Analyst" in letter["Subject"]


def test_a_mail_server_that_is_down_gets_every_mail_once_when_it_is_back(sink):
    sink.stop()
    for _ in range(5):
        due()

    for minutes in (0, 1, 4, 20):
        with clock.at(clock.now() + timedelta(minutes=minutes)):
            tasks.send_due()
    waiting = list(Notification.objects.all())
    sink.start()
    with clock.at(clock.now() + timedelta(hours=2)):
        tasks.send_due()
        tasks.send_due()

    assert {one.attempts for one in waiting} == {4}
    assert all("ConnectionRefusedError" in one.last_error for one in waiting)
    assert sink.ids == sorted(f"<{one.pk}@localhost>" for one in waiting)
    assert not Notification.objects.filter(sent_at=None).exists()
    assert not Notification.objects.exclude(last_error="").exists()


def test_pauses_grow_and_stay_at_an_hour(broken, monkeypatch):
    notification = due()
    pauses = []

    moment = clock.now()
    for _ in range(8):
        broken.append(smtplib.SMTPDataError(451, b"Try again later"))
        monkeypatch.setattr(clock, "now", lambda present=moment: present)
        tasks.send_due()
        notification.refresh_from_db()
        pauses.append((notification.next_attempt_at - moment).total_seconds())
        moment = notification.next_attempt_at

    assert pauses == [30, 120, 600, 1800, 3600, 3600, 3600, 3600]
    assert notification.attempts == 8
    assert "Try again later" in notification.last_error


def test_a_mail_that_fails_for_a_week_is_given_up(broken):
    notification = due(created_at=clock.now() - timedelta(days=8))
    broken.append(smtplib.SMTPRecipientsRefused({"x": (550, b"No such mailbox")}))

    tasks.send_due()

    notification.refresh_from_db()
    assert notification.next_attempt_at is None
    assert notification.sent_at is None
    assert "No such mailbox" in notification.last_error


def test_an_address_that_is_refused_delays_nobody_else(sink):
    refused, other = due(), due()
    sink.refused = {refused.recipient.email}

    tasks.send_due()

    assert sink.ids == [f"<{other.pk}@localhost>"]
    refused.refresh_from_db()
    assert refused.next_attempt_at > clock.now()
    assert "550" in refused.last_error


def test_a_mail_that_cannot_be_written_delays_nobody_else(sink, monkeypatch):
    broken, other = due(), due()
    render = tasks.render

    def fails(notification):
        if notification.pk == broken.pk:
            raise ValueError("a fact is missing")
        return render(notification)

    monkeypatch.setattr(tasks, "render", fails)

    tasks.send_due()

    assert sink.ids == [f"<{other.pk}@localhost>"]
    broken.refresh_from_db()
    assert broken.last_error == "ValueError: a fact is missing"


@pytest.mark.parametrize(
    "error", [smtplib.SMTPServerDisconnected("gone"), TimeoutError("no answer")]
)
def test_when_the_connection_is_lost_the_rest_waits_for_the_next_run(broken, error):
    for _ in range(3):
        due()
    broken.append(error)

    tasks.send_due()

    assert outgoing.outbox == []
    assert Notification.objects.filter(attempts=1).count() == 1
    tasks.send_due()
    assert len(outgoing.outbox) == 2


def test_two_workers_at_once_send_each_mail_once(transactional_db, sink):
    for _ in range(30):
        due()

    outcomes = at_once(tasks.send_due, tasks.send_due, tasks.send_due)

    assert outcomes == [None, None, None]
    assert sink.ids == sorted(
        f"<{pk}@localhost>" for pk in Notification.objects.values_list("pk", flat=True)
    )


def test_a_mail_that_another_worker_holds_is_left_to_him(mailoutbox):
    notification = due()
    assert Notification.objects.filter(pk=notification.pk).claim()

    tasks.send_due()

    assert mailoutbox == []


def test_what_a_dead_worker_held_is_sent_when_its_lease_is_over(mailoutbox):
    notification = due()
    Notification.objects.filter(pk=notification.pk).claim()

    with clock.at(clock.now() + timedelta(minutes=10)):
        tasks.send_due()

    assert len(mailoutbox) == 1


def test_a_disabled_account_gets_no_mail(mailoutbox):
    notification = due(UserFactory(is_active=False))

    tasks.send_due()

    notification.refresh_from_db()
    assert mailoutbox == []
    assert notification.next_attempt_at is None
    assert notification.sent_at is None
    assert "disabled" in notification.last_error


def test_one_connection_serves_a_whole_batch(sink, monkeypatch):
    opened = []
    connect = smtplib.SMTP.connect
    monkeypatch.setattr(
        smtplib.SMTP, "connect", lambda *args: opened.append(args) or connect(*args)
    )
    for _ in range(5):
        due()

    tasks.send_due()

    assert len(sink.letters) == 5
    assert len(opened) == 1


def test_a_full_batch_queues_the_next_one(mailoutbox, monkeypatch, queued):
    monkeypatch.setattr(tasks, "BATCH", 2)
    for _ in range(3):
        due()

    tasks.send_due()

    assert len(mailoutbox) == 2
    assert queued() == ["notifications.tasks.send_due"]


def test_a_run_that_takes_too_long_stops_between_two_mails(mailoutbox, monkeypatch):
    monkeypatch.setattr(tasks, "LONGEST_RUN", -1.0)
    due()
    due()

    tasks.send_due()

    assert len(mailoutbox) == 1
    assert Notification.objects.due().count() == 1


def test_with_nothing_due_no_connection_is_opened(settings):
    settings.EMAIL_BACKEND = "nowhere.Backend"

    tasks.send_due()


def test_the_sweep_queues_sending_only_when_mails_are_due(queued):
    assert tasks.sweep_mails() == 0
    assert queued() == []

    due()

    assert tasks.sweep_mails() == 1
    assert queued() == ["notifications.tasks.send_due"]


def test_who_reads_mails_daily_gets_one_in_the_morning(mailoutbox):
    reader = UserFactory(mail_preference="daily")
    midnight = clock.today_begins()
    with clock.at(midnight + timedelta(hours=12)):
        first, second = due(reader), due(reader, event="request.denied")
        due(reader, event="access.ends_soon", about_type="assignment")

        tasks.send_due()

    assert [message.subject for message in mailoutbox] == ["Ends on …: Sales Analyst"]
    first.refresh_from_db()
    assert first.next_attempt_at == midnight + timedelta(days=1, hours=7)
    assert first.attempts == 0

    with clock.at(midnight + timedelta(days=1, hours=7, minutes=1)):
        tasks.send_due()
        tasks.send_due()

    assert [message.subject for message in mailoutbox[1:]] == ["2 messages from Access Hub"]
    second.refresh_from_db()
    assert second.sent_at


def test_a_single_mail_of_a_digest_comes_as_itself(mailoutbox):
    reader = UserFactory(mail_preference="weekly")
    due(reader, created_at=clock.now() - timedelta(days=8))

    tasks.send_due()

    assert [message.subject for message in mailoutbox] == ["You have access: Sales Analyst"]


def test_a_digest_is_not_sent_twice_by_two_workers(transactional_db, sink):
    reader = UserFactory(mail_preference="daily")
    for _ in range(6):
        due(reader, created_at=clock.now() - timedelta(days=2))

    at_once(tasks.send_due, tasks.send_due)

    texts = [letter.get_body(["plain"]).get_content() for _, letter in sink.letters]
    assert sum(text.count("You have access") for text in texts) == 6
    assert not Notification.objects.filter(sent_at=None).exists()
