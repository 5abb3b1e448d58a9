"""The buttons in mails: they open a page for the right person, and never decide by themselves."""

import re
from datetime import timedelta

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse

from entitlements import clock
from entitlements.models import AccessRequest, ClashException, Notification, StepApprover
from entitlements.notifications.messages import MESSAGES
from entitlements.notifications.rendering import render
from entitlements.requests import deciding, operations
from entitlements.requests.states import RequestState
from portal import links
from portal.approvals import tokens
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    NotificationFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def access_request(ada, bo, gita):
    """Ada's request, for which Bo and Gita are asked, and then somebody else."""
    policy = AssignmentPolicyFactory(package__name="Sales Analyst")
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo, gita])
    ApprovalStageFactory(policy=policy, position=2, approvers=[UserFactory()])
    return operations.submit(policy, by=ada, justification="Year-end close")


@pytest.fixture
def buttons(access_request, bo, settings):
    """The paths behind the buttons of Bo's mail, by their choice."""
    notification = Notification.objects.get(event="approval.asked", recipient=bo)
    found = re.findall(rf"{settings.PORTAL_URL}(/approvals/mail/\S+/)", render(notification).text)
    return dict(zip(("approve", "deny"), found, strict=True))


@pytest.fixture
def bos(client, bo):
    client.force_login(bo)
    return client


def state_of(access_request):
    return AccessRequest.objects.get(pk=access_request.pk).state


@pytest.mark.parametrize(("choice", "button"), [("approve", "Approve"), ("deny", "Deny")])
def test_a_button_leads_to_a_page_with_its_choice_and_a_clean_address(
    bos, buttons, access_request, choice, button
):
    response = bos.get(buttons[choice])

    clean = f"/approvals/{access_request.pk}/confirm/?choice={choice}"
    assert response.headers["Location"] == clean
    page = bos.get(clean)
    assert f"{button} Sales Analyst for Ada Lovelace?" in page.content.decode()
    assert f"{button} request" in page.content.decode()
    assert "Nothing is decided yet." in page.content.decode()
    for answer in (response, page):
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert state_of(access_request) == RequestState.PENDING_APPROVAL


def test_a_scanner_that_follows_every_link_decides_nothing(bos, buttons, access_request):
    for _ in range(3):
        for path in buttons.values():
            bos.get(path, follow=True)
            bos.head(path)
            Client().get(path, follow=True)
            assert bos.post(path).status_code == 405

    assert state_of(access_request) == RequestState.PENDING_APPROVAL
    assert "confirm" in bos.get(buttons["approve"]).headers["Location"]


def test_the_page_confirms_by_an_ordinary_decision(bos, buttons, access_request):
    page = bos.get(buttons["deny"], follow=True).content.decode()
    [action] = set(re.findall(r'action="(/approvals/\S+/deny/)"', page))

    bos.post(action, {"justification": "Ask your lead first."})

    assert state_of(access_request) == RequestState.DENIED


def test_without_sign_in_the_button_leads_to_it_and_back(client, buttons):
    response = client.get(buttons["approve"])

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/?next=/approvals/mail/")


def test_a_forwarded_mail_says_for_whom_it_is_not(client, gita, buttons, access_request):
    client.force_login(gita)

    response = client.get(buttons["approve"])

    assert response.status_code == 409
    page = response.content.decode()
    assert "made for somebody else, and you are signed in as Gita Rao" in page
    assert "Bo Chen" not in page
    assert response.headers["Referrer-Policy"] == "no-referrer"


def test_a_link_after_the_decision_says_who_decided(bos, buttons, access_request, gita):
    deciding.approve(access_request, by=gita)

    assert "Gita Rao approved this on " in bos.get(buttons["approve"]).content.decode()


def test_a_link_after_ones_own_decision_says_so(bos, buttons, access_request, bo):
    deciding.deny_request(access_request, by=bo)

    assert "You denied this on " in bos.get(buttons["approve"]).content.decode()


def test_a_link_after_the_deadline_says_when_it_was(bos, buttons, access_request):
    step = access_request.steps.get(position=1)
    with clock.at(step.due_at + timedelta(seconds=1)):
        assert "The deadline was " in bos.get(buttons["approve"]).content.decode()
        deciding.lapse(step)
        assert "The deadline was " in bos.get(buttons["approve"]).content.decode()


def test_a_link_to_what_was_called_off_says_so(bos, buttons, access_request, ada):
    operations.cancel(access_request, by=ada)

    assert "The request was called off" in bos.get(buttons["approve"]).content.decode()


def test_a_link_of_somebody_who_is_not_asked_any_more_says_so(bos, bo, buttons):
    StepApprover.objects.filter(user=bo).delete()

    assert "You are not asked to decide" in bos.get(buttons["approve"]).content.decode()


def test_a_link_to_what_has_become_ones_own_request_says_so(bos, bo, buttons, access_request):
    AccessRequest.objects.filter(pk=access_request.pk).update(requestor=bo)

    assert "You are not asked to decide" in bos.get(buttons["approve"]).content.decode()


def test_a_link_that_was_cut_or_changed_says_so(bos, buttons, access_request, bo):
    whole = buttons["approve"]
    forged = signing.dumps({"request": access_request.pk.hex}, salt="another")
    for path in (whole[:-9] + "/", whole.replace("mail/", "mail/x"), f"/approvals/mail/{forged}/"):
        response = bos.get(path)
        assert response.status_code == 404
        assert "This link is not complete." in response.content.decode()
        assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.parametrize("query", ["", "?choice=destroy"])
def test_a_choice_that_does_not_exist_leads_to_the_request(bos, access_request, query):
    response = bos.get(f"/approvals/{access_request.pk}/confirm/{query}")

    assert response.headers["Location"] == f"/approvals/{access_request.pk}/"


def test_what_is_decided_meanwhile_leads_to_its_outcome(bos, access_request, gita):
    deciding.deny_request(access_request, by=gita, justification="No.")

    response = bos.get(f"/approvals/{access_request.pk}/confirm/?choice=approve")

    assert response.headers["Location"] == f"/approvals/{access_request.pk}/"


def test_the_log_does_not_keep_the_text_of_a_button(bos, buttons, caplog):
    caplog.set_level("INFO")

    bos.get(buttons["approve"])

    token = buttons["approve"].split("/")[3]
    assert "/approvals/mail/" in caplog.text
    assert token not in caplog.text


def test_a_token_stands_for_what_it_was_made_for(access_request, bo):
    token = tokens.make(access_request=access_request.pk, step=2, approver=bo.pk, choice="deny")

    assert tokens.read(token) == tokens.Ticket(access_request.pk, 2, bo.pk, "deny")


@pytest.mark.parametrize("event", [one for one in MESSAGES if not one.startswith("clash.")])
def test_every_event_leads_to_a_page_that_exists(event, access_request, ada, client, settings):
    settings.PORTAL_URL = "https://access.kestrel.example"
    policy = AssignmentPolicyFactory()
    assignment = AssignmentFactory(policy=policy, target=ada)
    about_assignment = event in {"access.ends_soon", "access.ended"}
    is_decided_by_reader = event.startswith("approval") or event == "request.question_answered"
    notification = NotificationFactory(
        event=event,
        recipient=UserFactory() if is_decided_by_reader else ada,
        about_type="assignment" if about_assignment else "accessrequest",
        about_id=assignment.pk if about_assignment else access_request.pk,
        facts={"assignment": str(assignment.pk)} if event.startswith("access") else {"step": 1},
    )
    reader = notification.recipient
    if reader != ada:
        StepApprover.objects.create(step=access_request.steps.get(position=1), user=reader)
    client.force_login(reader)

    for page in (MESSAGES[event].page, *MESSAGES[event].extra, "approvals", "notifications"):
        link = links.link_for(page, notification)
        assert link.startswith("https://access.kestrel.example/")
        path = links.path_for(page, notification)
        assert client.get(path).status_code == 200, path


@pytest.mark.parametrize("event", [one for one in MESSAGES if one.startswith("clash.exception")])
def test_events_of_exceptions_lead_to_the_exception(event, ada, bo, client, appoint):
    first, second = AccessPackageFactory(), AccessPackageFactory()
    exception = ClashException.objects.create(
        person=bo,
        package=first,
        other_package=second,
        reason="Month end",
        starts_at=clock.now(),
        ends_at=clock.now() + timedelta(days=1),
        proposed_by=UserFactory(),
        proposed_at=clock.now(),
    )
    appoint(ada, second.catalog)
    client.force_login(ada)
    notification = NotificationFactory(
        event=event, recipient=ada, about_type="clashexception", about_id=exception.pk
    )

    for page in (MESSAGES[event].page, *MESSAGES[event].extra):
        assert client.get(links.path_for(page, notification)).status_code == 200


def test_without_the_thing_itself_the_package_is_the_list_of_all(ada):
    notification = NotificationFactory(recipient=ada, about_type="assignment")

    assert links.path_for("package", notification) == reverse("packages:index")
