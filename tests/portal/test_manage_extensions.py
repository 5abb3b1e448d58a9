"""The pages on which owners connect other systems, and others watch and answer for them."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from entitlements import clock, models, sweep
from entitlements.callouts.models import Callout, CalloutState
from entitlements.requests import deciding, operations
from entitlements.requests.callbacks import resume
from entitlements.requests.states import RequestState
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    CustomExtensionFactory,
    UserFactory,
)
from tests.portal.test_manage import words

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
FIELDS = {
    "name": "Tickets",
    "description": "Opens a ticket.",
    "url": "https://tickets.kestrel.example/hook",
    "kind": "request_workflow",
    "behaviour": "launch_and_wait",
    "wait": "3",
    "unit": "days",
    "on_timeout": "deny",
    "is_enabled": "on",
}


@pytest.fixture
def sales():
    return CatalogFactory(name="Sales")


@pytest.fixture
def olga(sales, appoint):
    return appoint(UserFactory(display_name="Olga Owner"), sales)


@pytest.fixture
def policy(sales):
    return AssignmentPolicyFactory(package=AccessPackageFactory(catalog=sales, name="Reports"))


@pytest.fixture
def extension(policy):
    return CustomExtensionFactory(
        policy=policy, stages=["created"], waits_for=3 * DAY, name="Tickets"
    )


@pytest.fixture
def asked(ada, policy, extension):
    """Ada's request, which waits for the extension."""
    return operations.submit(policy, by=ada)


@pytest.fixture
def page(client, olga):
    """Open a page as Olga, or as somebody else, and return its text."""

    def page(name, *args, as_user=None, status=200, **query):
        client.force_login(as_user or olga)
        response = client.get(reverse(name, args=args), query)
        assert response.status_code == status
        return words(response.content.decode())

    return page


@pytest.fixture
def send(client, olga):
    def send(name, /, *args, as_user=None, **fields):
        client.force_login(as_user or olga)
        return client.post(reverse(name, args=args), fields)

    return send


def test_an_owner_creates_an_extension_and_sees_its_secret_once(send, page, sales):
    response = send("manage:extension_add", sales.pk, **FIELDS)

    extension = models.CustomExtension.objects.get()
    (secret,) = re.findall(r"whsec_[A-Za-z0-9+/=]{40,}(?=<)", response.content.decode())
    assert "no-store" in response["cache-control"]
    assert (extension.wait, extension.on_timeout) == (3 * DAY, "deny")
    shown = page("manage:extension", extension.pk)
    assert secret not in shown
    assert "for 3 days at most. If none comes: the request is denied." in shown
    assert "Tickets waited for" in page("manage:catalog", sales.pk)


def test_what_is_wrong_stands_beside_its_field(send, sales):
    wrong = {**FIELDS, "url": "https://10.0.0.1/", "wait": "15"}

    response = send("manage:extension_add", sales.pk, **wrong)

    form = response.context["form"]
    assert response.status_code == 422
    assert set(form.errors) == {"url", "wait"}
    assert not models.CustomExtension.objects.exists()


def test_the_form_shows_only_what_a_choice_needs(send, sales):
    def fields(**changes):
        response = send("manage:extension_add", sales.pk, **{**FIELDS, **changes}, find="parts")
        return set(re.findall(r'name="(\w+)"', response.content.decode()))

    assert {"behaviour", "wait", "on_timeout"} <= fields()
    assert "wait" not in fields(behaviour="launch_and_continue")
    assert "behaviour" not in fields(kind="pre_expiration")
    assert not models.CustomExtension.objects.exists()


def test_before_an_end_nothing_is_waited_for(send, sales):
    send("manage:extension_add", sales.pk, **{**FIELDS, "kind": "pre_expiration"})

    assert not models.CustomExtension.objects.get().waits


def test_an_owner_changes_an_extension(send, page, extension):
    shown = page("manage:extension_edit", extension.pk)
    assert "How long we wait" in shown

    response = send(
        "manage:extension_edit", extension.pk, **{**FIELDS, "wait": "2", "unit": "hours"}
    )

    assert response.status_code == 302
    extension.refresh_from_db()
    assert extension.wait == timedelta(hours=2)
    taken = CustomExtensionFactory(catalog=extension.catalog, name="Taken")
    response = send("manage:extension_edit", extension.pk, **{**FIELDS, "name": taken.name})
    assert "name" in response.context["form"].errors


def test_an_owner_makes_a_new_secret(send, page, extension):
    before = extension.sealed_secret
    page("manage:extension_secret", extension.pk)

    response = send("manage:extension_secret", extension.pk, overlap_hours="48")

    extension.refresh_from_db()
    text = response.content.decode()
    assert extension.sealed_secret != before
    assert "whsec_" in text
    assert "The old secret counts as well until" in words(text)
    assert "Old secret counts until" in page("manage:extension", extension.pk)


def test_an_owner_makes_a_test_call(send, page, extension, queued):
    send("manage:extension_test", extension.pk)

    assert Callout.objects.get().stage == "test"
    assert queued() == ["callouts.sending.send_due"]
    assert "Test call" in page("manage:extension", extension.pk)


def test_calls_that_were_given_up_are_made_again(send, page, asked, extension, bo):
    operations.submit(asked.policy, by=bo)
    first, second = Callout.objects.order_by("created_at")
    Callout.objects.update(
        state=CalloutState.GIVEN_UP, next_attempt_at=None, last_error="It answered with status 500."
    )
    shown = page("manage:extension", extension.pk, state="given_up")
    assert "2 calls could not be made." in shown
    assert "It answered with status 500." in shown
    assert "2 calls to other systems could not be made" in page("manage:index")
    assert "Tickets Sales 2 calls" in page("manage:calls")

    send("manage:extension_again", extension.pk, call=[str(first.pk), "nonsense"])
    states = dict(Callout.objects.values_list("pk", "state"))
    assert states == {first.pk: "planned", second.pk: "given_up"}
    send("manage:extension_again", extension.pk, all="yes")

    assert set(Callout.objects.values_list("state", flat=True)) == {"planned"}
    refused = send("manage:extension_again", extension.pk)
    assert refused.status_code == 403
    assert "not_given_up" in refused.content.decode()
    assert "Every call was made" in page("manage:calls")


def test_an_unused_extension_is_deleted_and_one_in_use_is_not(send, page, sales, extension):
    other = CustomExtensionFactory(catalog=sales, name="Other")
    page("manage:extension_delete", other.pk)

    assert send("manage:extension_delete", other.pk).status_code == 302
    refused = send("manage:extension_delete", extension.pk)

    assert list(models.CustomExtension.objects.all()) == [extension]
    assert "extension_attached" in refused.content.decode()


ACTS = ["edit", "secret", "test", "again", "delete"]


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(
    ("role", "status"), [("package_manager", 403), ("reader", 403), (None, 404)]
)
def test_nobody_else_can(send, sales, extension, appoint, bo, act, role, status):
    if role:
        appoint(bo, sales, role)
    before = models.CustomExtension.objects.values().get()

    response = send(f"manage:extension_{act}", extension.pk, as_user=bo, **FIELDS)

    # Who manages nothing does not find the door; who manages elsewhere does not find the thing.
    assert response.status_code in (status, 302 if role is None else status)
    assert models.CustomExtension.objects.values().get() == before
    assert not Callout.objects.exists()


def test_readers_look_and_the_secret_is_nowhere(page, sales, extension, appoint, bo):
    appoint(bo, sales, "reader")

    shown = page("manage:extension", extension.pk, as_user=bo)

    assert "Reports" in shown
    assert "New secret" not in shown
    assert extension.sealed_secret not in shown


# On the page of a policy


def test_a_package_manager_chooses_what_a_policy_calls(
    client, sales, policy, extension, appoint, bo
):
    appoint(bo, sales, "package_manager")
    client.force_login(bo)
    address = reverse("manage:policy", args=[policy.pk])
    page = client.get(address)
    assert "We wait up to 3 days for its answer; if none comes, the request fails." in words(
        page.content.decode()
    )
    form = page.context["form"]
    assert form.callouts[str(extension.pk)].value() == ["created"]
    fields = {
        "name": policy.name,
        "scope": policy.scope,
        "stage_count": "0",
        "expiration": policy.expiration,
        "duration": policy.duration,
        "is_enabled": "on",
        "accepts_requests": "on",
        f"callouts-{extension.pk}": ["approved", "removed"],
    }

    response = client.post(address, fields)

    assert response.status_code == 302, response.context["form"].errors
    assert list(policy.callouts.values_list("stage", flat=True)) == ["approved", "removed"]
    fields[f"callouts-{extension.pk}"] = ["one_day_before"]
    assert client.post(address, fields).status_code == 422


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"is_enabled": False}, "It is off: nothing is called."),
        ({}, "Called without waiting for an answer."),
        ({"waits_for": timedelta(hours=1)}, "We wait up to 1 hour for its answer"),
        ({"waits_for": timedelta(minutes=90)}, "We wait up to 90 minutes for its answer"),
    ],
)
def test_each_extension_says_what_it_does(page, policy, fields, sentence):
    CustomExtensionFactory(catalog=policy.package.catalog, **fields)

    assert sentence in page("manage:policy_add", policy.package.pk)


def test_without_extensions_the_page_says_where_they_come_from(page, policy):
    assert "The catalog has no extensions." in page("manage:policy", policy.pk)


# On the page of a request


def test_whoever_asked_sees_that_the_request_waits_and_for_what(page, ada, asked):
    shown = page("requests:detail", asked.pk, as_user=ada)

    assert "Waiting for information" in shown
    assert "It waits for information from Tickets. If none comes by" in shown
    assert "it fails." in shown
    assert "Tickets was asked for information." in shown
    assert "Answer in its place" not in shown


@pytest.mark.parametrize(
    ("denies", "line", "sentence"),
    [(True, "Tickets denied it.", "Tickets denied it."), (False, "Tickets answered.", "0 of 1")],
)
def test_the_answer_is_told(page, ada, asked, denies, line, sentence):
    resume(Callout.objects.get(), answer_id="m", detail="Ticket 4711.", denies=denies)

    shown = page("requests:detail", asked.pk, as_user=ada)

    assert line in shown
    assert sentence in shown
    assert "Ticket 4711." in shown


def test_a_request_without_an_answer_says_so_and_can_be_made_again(page, send, ada, asked):
    with clock.at(clock.now() + 4 * DAY):
        sweep.time_out_what_nobody_answered()
        shown = page("requests:detail", asked.pk, as_user=ada)
        assert "“Tickets” gave no answer in time." in shown
        assert "Nothing was set up: the information that was needed did not come." in shown
        response = send("requests:again", asked.pk, as_user=ada)

    assert response.status_code == 302
    assert models.AccessRequest.objects.filter(state="waiting_for_callback").count() == 1


def test_the_approver_reads_what_the_system_said(page, ada, bo, policy, extension):
    """Checklist 91: the text of the answer is shown to the approver."""
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    access_request = operations.submit(policy, by=ada)
    resume(Callout.objects.get(), answer_id="m", detail="Ada has the training.")

    for name, args in (("approvals:index", []), ("approvals:detail", [access_request.pk])):
        shown = page(name, *args, as_user=bo)
        assert "Tickets says" in shown
        assert "Ada has the training." in shown
    deciding.approve(access_request, by=bo)


def test_a_manager_of_assignments_answers_in_its_place(page, send, sales, asked, appoint, bo, ada):
    appoint(bo, sales, "assignment_manager")
    callout = Callout.objects.get()
    assert "Answer in its place" in page("requests:detail", asked.pk, as_user=bo)
    assert "The request is denied" in page("manage:callout_answer", callout.pk, as_user=bo)

    send("manage:callout_answer", callout.pk, as_user=bo, denies="yes", detail="No room left.")

    asked.refresh_from_db()
    assert asked.state == RequestState.DENIED
    shown = page("requests:detail", asked.pk, as_user=ada)
    assert "Bo Chen denied it in the place of Tickets." in shown
    again = send("manage:callout_answer", callout.pk, as_user=bo, denies="yes")
    assert "answered_already" in again.content.decode()


def test_where_nothing_can_be_denied_that_is_not_offered(page, ada, policy, extension, run_queue):
    Callout.objects.all().delete()
    policy.callouts.update(stage="granted")
    operations.submit(policy, by=ada)
    run_queue()

    shown = page("manage:callout_answer", Callout.objects.get().pk)

    assert "The request is denied" not in shown


def test_readers_do_not_answer(send, sales, asked, appoint, bo):
    appoint(bo, sales, "reader")

    response = send("manage:callout_answer", Callout.objects.get().pk, as_user=bo)

    assert response.status_code == 403
    asked.refresh_from_db()
    assert asked.state == RequestState.WAITING_FOR_CALLBACK
