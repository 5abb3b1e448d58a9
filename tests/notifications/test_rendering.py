"""Every mail, as text and as HTML: the same content, harmless words, links that only show."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from entitlements import clock, models
from entitlements.notifications.messages import MESSAGES
from entitlements.notifications.rendering import render, render_digest, zone_of
from entitlements.requests import deciding, handing_over, operations, standing_in
from tests.factories import (
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    NotificationFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

ABOUT_PACKAGES = [event for event in MESSAGES if not event.startswith("delegation.")]
LONG_NAME = "Maximiliane Konstantinopolski von und zu Hohenlohe-Langenburg"[:60]
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>\r\nBcc: all@kestrel.example "
    "=cmd|'/c calc'!A1 http://evil.example/x www.evil.example mail@evil.example {{ facts }} "
)


class Reader(HTMLParser):
    """What a mail program finds in the HTML part."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.links, self.words, self.attributes = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attributes]
        self.links += [value for name, value in attributes if name in {"href", "src"}]

    def handle_data(self, data):
        self.words.append(data)


def facts(**changes):
    moment = (clock.now() + timedelta(days=3)).isoformat()
    return {
        "package": "Sales Analyst",
        "target": "Ana Diaz",
        "requestor": "Ana Diaz",
        "kind": "user_add",
        "justification": "Year-end close",
        "reference": "R-12345678",
        "by": "Bo Chen",
        "decision": "Agreed with the plan.",
        "step": 1,
        "number": 1,
        "due_at": moment,
        "ends_at": moment,
        "ended_at": moment,
        "reason": "time ran out",
        "can_extend": True,
        "other": "Sales Admin",
        "other_id": "7b1d2f9a-5d43-4f5e-9d0f-2a1c3b4d5e6f",
        "catalog": "Sales",
        "roles": ["CRM: Contributor", "Ledger: Reader"],
        **changes,
    }


@pytest.fixture
def request_of(bo):
    """A request that waits for Bo, made by somebody with these attributes."""

    def request_of(justification="Year-end close", package="Sales Analyst", **attributes):
        policy = AssignmentPolicyFactory(package__name=package)
        ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
        requestor = UserFactory(**attributes)
        return operations.submit(policy, by=requestor, justification=justification)

    return request_of


def notification_of(event, access_request, recipient, **changes):
    told = facts(
        package=str(access_request.package),
        target=str(access_request.target),
        requestor=str(access_request.requestor),
        justification=access_request.justification[:300],
        **changes,
    )
    if event in {"access.ends_soon", "access.ended"}:
        assignment = AssignmentFactory(policy=access_request.policy)
        about_type, about_id = "assignment", assignment.pk
    else:
        about_type, about_id = "accessrequest", access_request.pk
    return NotificationFactory(
        event=event, recipient=recipient, about_type=about_type, about_id=about_id, facts=told
    )


@pytest.mark.parametrize("event", ABOUT_PACKAGES)
def test_every_mail_says_the_same_in_text_and_in_html(event, request_of, bo, settings):
    settings.PORTAL_URL = "https://access.kestrel.example"
    mail = render(notification_of(event, request_of(), bo))

    reader = Reader(mail.html)
    assert "Sales Analyst" in mail.subject
    assert "Sales Analyst" in mail.text
    assert "Sales Analyst" in "".join(reader.words)
    assert set(reader.links) == set(re.findall(r"https?://\S+", mail.text))
    assert all(link.startswith("https://access.kestrel.example/") for link in reader.links)
    assert "https://access.kestrel.example/settings/" in reader.links
    assert not {"img", "script", "iframe", "link", "form"} & set(reader.tags)
    assert "color-scheme" in mail.html
    assert "\n\n\n" not in mail.text
    assert "{{" not in mail.text
    assert "None" not in mail.text


@pytest.mark.parametrize("event", ["delegation.begun", "delegation.ended"])
def test_mails_about_stand_ins_say_the_same_in_text_and_in_html(event, bo, gita, settings):
    settings.PORTAL_URL = "https://access.kestrel.example"
    delegation = standing_in.delegate(gita, by=bo)
    standing_in.end_delegation(delegation, by=bo)

    mail = render(models.Notification.objects.select_related("recipient").get(event=event))

    reader = Reader(mail.html)
    for words in (mail.subject, mail.text, "".join(reader.words)):
        assert "Bo Chen" in words
    assert set(reader.links) == set(re.findall(r"https?://\S+", mail.text))
    assert "https://access.kestrel.example/approvals/delegation/" in reader.links
    assert "\n\n\n" not in mail.text
    assert "None" not in mail.text


def test_a_mail_says_in_whose_place_one_is_asked(ada, bo, gita):
    hugo = UserFactory(display_name="Hugo Weiss")
    policy = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    standing_in.delegate(gita, by=bo)
    access_request = operations.submit(policy, by=ada)
    handing_over.hand_over(access_request, hugo, by=bo, justification="I am on leave.")

    told = models.Notification.objects.select_related("recipient").filter(event="approval.asked")

    for recipient, words in (
        (gita, "You stand in for Bo Chen."),
        (hugo, "Bo Chen handed this over to you: “I am on leave.”"),
    ):
        mail = render(told.get(recipient=recipient))
        assert words in mail.text
        assert words in mail.html


@pytest.mark.parametrize("event", ABOUT_PACKAGES)
def test_every_mail_bears_a_name_of_60_characters_and_no_manager(event, request_of, bo):
    access_request = request_of(display_name=LONG_NAME, package="P" * 60)

    mail = render(notification_of(event, access_request, bo, by=LONG_NAME))

    assert "P" * 60 in mail.subject
    assert "P" * 60 in mail.text
    assert "P" * 60 in mail.html


@pytest.mark.parametrize("event", MESSAGES)
def test_no_words_of_others_become_markup_headers_or_links(event, request_of, bo):
    calm = Reader(render(notification_of(event, request_of(), bo)).html)
    access_request = request_of(
        justification=HOSTILE * 20,
        package=f"Payments {HOSTILE[:120]}",
        display_name=f"Ana {HOSTILE[:100]}",
        job_title=HOSTILE[:100],
        department=HOSTILE[:100],
    )

    mail = render(
        notification_of(
            event, access_request, bo, by=HOSTILE, decision=HOSTILE, roles=[HOSTILE] * 2
        )
    )

    reader = Reader(mail.html)
    assert mail.subject.isprintable()
    assert set(reader.tags) == set(calm.tags)
    assert set(reader.attributes) == set(calm.attributes)
    assert len(reader.links) == len(calm.links)
    for part in (mail.text, mail.html):
        assert "http://evil" not in part
        assert "www.evil.example" not in part
        assert "mail@evil" not in part
        assert "\nBcc" not in part
    assert mail.text.count("=cmd") <= 8


def test_words_of_others_are_shortened_to_300_characters(request_of, bo):
    mail = render(notification_of("approval.asked", request_of("x" * 5000), bo))

    assert "x" * 299 + "…" in mail.text
    assert "x" * 300 not in mail.text
    assert "x" * 300 not in mail.html


def test_an_approver_reads_who_asks_what_for_how_long_and_who_else_has_it(bo, gita, settings):
    settings.ORGANIZATION_TIME_ZONE = "Europe/Berlin"
    ada = UserFactory(
        display_name="Ana Diaz", department="Sales North", job_title="Analyst", manager=gita
    )
    policy = AssignmentPolicyFactory(package__name="Sales Analyst")
    role = policy.package.roles.get()
    models.ResourceRole.objects.update(is_privileged=True)
    for position, approver in enumerate((gita, bo), start=1):
        ApprovalStageFactory(policy=policy, position=position, approvers=[approver])
    AssignmentFactory(policy=policy, target__department="Sales North")
    AssignmentFactory(policy=policy, target__department="Finance")
    AssignmentFactory(
        policy=policy,
        target=ada,
        starts_at=clock.now() - timedelta(days=90),
        ends_at=clock.now() - timedelta(days=60),
        ended_at=clock.now() - timedelta(days=60),
        end_reason="time",
        state="expired",
    )
    access_request = operations.submit(policy, by=ada, justification="Year-end close")
    deciding.approve(access_request, by=gita, justification="Agreed with the plan.")

    mail = render(models.Notification.objects.get(event="approval.asked", recipient=bo))

    for part in (mail.text, mail.html):
        for words in (
            "Ana Diaz asks for Sales Analyst",
            "“Year-end close”",
            "90 days once approved",
            str(role),
            "(privileged)",
            "2 people; 1 of 1 others in Sales North",
            "Analyst, Sales North",
            "Manager: Gita Rao",
            "had this until",
            "Gita Rao approved: “Agreed with the plan.”",
            "the request lapses",
            "You get this because you are asked to decide.",
        ):
            assert words in part
        assert " CET" in part


def test_the_second_reminder_says_that_it_is_the_second(ada, bo):
    policy = AssignmentPolicyFactory(package__name="Sales Analyst")
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    access_request = operations.submit(policy, by=ada)
    operations.remind(access_request, by=ada)
    with clock.at(clock.now() + timedelta(days=2)):
        operations.remind(access_request, by=ada)

    mails = models.Notification.objects.filter(event="approval.reminder").order_by("created_at")

    assert [render(one).subject[:12] for one in mails] == ["Reminder (1)", "Reminder (2)"]
    assert "Still waiting: Ada Lovelace asks for Sales Analyst" in render(mails[0]).text


def test_a_mail_about_a_request_that_is_gone_still_tells_its_facts(request_of, bo):
    notification = notification_of("approval.asked", request_of(), bo)
    notification.about_id = notification.pk

    mail = render(notification)

    assert "asks for Sales Analyst" in mail.text
    assert "asks for Sales Analyst" in mail.html


@pytest.mark.parametrize(
    ("zone", "hour"),
    [("Asia/Tokyo", "01:30 JST"), ("", "16:30 UTC"), ("Mars/Olympus", "16:30 UTC")],
)
def test_moments_are_told_on_the_readers_clock_with_its_zone(zone, hour, bo):
    bo.time_zone = zone
    notification = NotificationFactory(
        event="access.ended",
        recipient=bo,
        about_type="assignment",
        facts=facts(ended_at="2026-11-26T16:30:00+00:00"),
    )

    assert hour in render(notification).text


def test_a_language_that_the_portal_does_not_speak_falls_back_to_its_own(request_of, bo):
    bo.language = "tlh"

    assert '<html lang="en">' in render(notification_of("access.given", request_of(), bo)).html


def test_what_cannot_be_extended_offers_no_extension(request_of, bo):
    mail = render(notification_of("access.ends_soon", request_of(), bo, can_extend=False))

    assert "Extend" not in mail.text
    assert "It cannot be extended" in mail.html


def test_access_without_an_end_says_so(request_of, bo):
    access_request = request_of()

    given = render(notification_of("access.given", access_request, bo, ends_at=None))
    extended = render(notification_of("access.extended", access_request, bo, ends_at=None))

    assert "No end" in given.text
    assert "without an end" in extended.html


def test_a_digest_lists_several_subjects_with_their_links(request_of, bo):
    access_request = request_of()
    told = [
        notification_of(event, access_request, bo) for event in ("access.given", "request.denied")
    ]

    mail = render_digest(told)

    assert mail.subject == "2 messages from Access Hub"
    for part in (mail.text, mail.html):
        assert "You have access: Sales Analyst" in part
        assert f"/requests/{access_request.pk}/" in part
        assert "because you chose so" in part


def test_a_zone_that_does_not_exist_is_the_organizations(bo, settings):
    settings.ORGANIZATION_TIME_ZONE = "Europe/Berlin"
    bo.time_zone = "Mars/Olympus"

    assert zone_of(bo).key == "Europe/Berlin"
