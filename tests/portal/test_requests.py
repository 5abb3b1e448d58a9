from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from entitlements import clock, sweep
from entitlements.assignments.grants import Grant
from entitlements.models import AccessRequest, AuditEvent
from entitlements.policies.models import Expiration
from entitlements.requests import deciding, operations
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

NOBODYS = "5d6e9b8a-0000-4000-8000-000000000000"
FRAGMENT = {"headers": {"HX-Request": "true"}}
ACTIONS = ["remind", "cancel", "again", "try_again"]


@pytest.fixture
def as_ada(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def policy(bo, gita):
    """Two stages: first Bo, then Gita; the package gives one role."""
    policy = AssignmentPolicyFactory(package__name="Sales Payments")
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    ApprovalStageFactory(policy=policy, position=2, approvers=[gita], decision_days=3)
    return policy


@pytest.fixture
def pending(ada, policy):
    return operations.submit(policy, by=ada, justification="Covering for Dev")


@pytest.fixture
def partly(ada, run_queue):
    """A request of which one of two roles failed, because its group is gone."""
    lost = ResourceRoleFactory(
        resource=ResourceFactory(name="Expense tool", external_id=NOBODYS, group=None)
    )
    package = AccessPackageFactory(name="Field tools", roles=[ResourceRoleFactory(), lost])
    access_request = operations.submit(AssignmentPolicyFactory(package=package), by=ada)
    run_queue()
    access_request.refresh_from_db()
    return access_request


def page(access_request, action="detail"):
    return reverse(f"requests:{action}", args=[access_request.pk])


def read(response):
    """What people read on a page, without its marks."""
    return " ".join(strip_tags(response.text).split())


def lines(response):
    story = response.context["story"]
    return [line.text for line in [*story.told, *story.coming]]


def test_the_list_says_who_has_a_request_and_until_when(as_ada, pending):
    text = read(as_ada.get("/requests/"))

    assert "Sales Payments" in text
    assert "Waiting for approval" in text
    assert "Bo Chen" in text
    assert "due in 14 days" in text
    assert pending.reference in text


def test_the_list_shows_open_or_closed_ones(as_ada, ada, pending, run_queue):
    done = operations.submit(AssignmentPolicyFactory(), by=ada)
    run_queue()

    def shown(show):
        return {one.pk for one in as_ada.get(f"/requests/?show={show}").context["page"]}

    assert shown("") == shown("nonsense") == {pending.pk, done.pk}
    assert shown("open") == {pending.pk}
    assert shown("closed") == {done.pk}


def test_the_list_holds_nobody_elses_requests(client, bo, pending):
    client.force_login(bo)

    response = client.get("/requests/")

    assert not response.context["page"].object_list
    assert "You have not asked for anything yet" in response.text


def test_what_somebody_else_asked_for_me_says_who(as_ada, ada, gita, appoint, run_queue):
    policy = AssignmentPolicyFactory()
    appoint(gita, policy.package.catalog)
    operations.assign(policy, ada, by=gita)

    assert "given by Gita Rao" in as_ada.get("/requests/").text


def test_a_filter_without_requests_says_so(as_ada, pending):
    assert "No such requests" in as_ada.get("/requests/?show=closed").text


def test_a_waiting_request_says_who_has_it_until_when_and_what_comes(as_ada, pending):
    response = as_ada.get(page(pending))

    assert "Bo Chen has had it since" in response.text
    assert "If nobody answers by" in response.text
    told = lines(response)
    assert told[0] == "You asked for Sales Payments."
    assert told[1] == "Bo Chen was asked to decide (stage 1 of 2)."
    assert told[2].startswith("Bo Chen decides by ")
    assert told[3] == "Then Gita Rao decides."
    assert told[4].startswith("Set up: Resource")
    assert told[5] == "Access lasts for 90 days."


def test_the_story_goes_on_with_every_act(as_ada, ada, bo, gita, pending, run_queue):
    operations.remind(pending, by=ada)
    deciding.approve(pending, by=bo, justification="Fits the plan")
    deciding.approve(pending, by=gita)
    run_queue()

    response = as_ada.get(page(pending))

    assert lines(response)[2:] == [
        "You reminded Bo Chen.",
        "Bo Chen approved (stage 1 of 2).",
        "Gita Rao was asked to decide (stage 2 of 2).",
        "Gita Rao approved (stage 2 of 2).",
        "Set-up began.",
        "Everything is set up.",
    ]
    assert "Fits the plan" in response.text
    assert "Everything is set up. Access ends" in response.text


def test_names_that_the_policy_hides_are_for_approvers_and_managers(
    client, ada, bo, gita, policy, appoint
):
    policy.shows_approvers = "no"
    policy.save()
    pending = operations.submit(policy, by=ada)
    operations.remind(pending, by=ada)
    deciding.approve(pending, by=bo)
    appoint(olga := gita, policy.package.catalog, "reader")

    client.force_login(ada)
    own = client.get(page(pending))
    assert "Bo Chen" not in own.text
    assert "Gita Rao" not in own.text
    assert "An approver approved (stage 1 of 2)." in lines(own)
    assert "You reminded the approvers." in lines(own)
    assert "An approver has had it since" in own.text

    for insider in (bo, olga):
        client.force_login(insider)
        assert "Gita Rao" in client.get(page(pending)).text


def test_a_denial_says_who_and_why(as_ada, bo, pending):
    deciding.deny_request(pending, by=bo, justification="Which report do you need?")

    response = as_ada.get(page(pending))

    assert "Bo Chen denied it on" in response.text
    assert "Which report do you need?" in response.text
    assert "Ask again" in response.text


def test_a_lapse_says_that_nobody_answered(as_ada, pending):
    step = pending.steps.get(position=1)
    with clock.at(step.due_at):
        deciding.lapse(step)

        response = as_ada.get(page(pending))

    assert "Nobody answered in time." in response.text
    assert "Ask again" in response.text


def test_no_one_who_can_decide_is_said_with_whom_to_tell(as_ada, ada, bo, gita, policy, appoint):
    bo.is_active = False
    bo.save()
    appoint(gita, policy.package.catalog)
    pending = operations.submit(policy, by=ada)

    response = as_ada.get(page(pending))

    assert "No one can decide this stage" in response.text
    assert "Tell the owner" in response.text
    assert "Gita Rao" in response.text
    assert "No one could be asked to decide (stage 1 of 2)." in lines(response)
    assert ">Remind<" not in response.text
    assert "No one can decide" in as_ada.get("/requests/").text


def test_without_an_owner_the_help_desk_is_named(as_ada, ada, bo, policy):
    bo.is_active = False
    bo.save()
    pending = operations.submit(policy, by=ada)

    assert "Tell the help desk" in as_ada.get(page(pending)).text


def test_a_later_start_is_told(as_ada, ada):
    policy = AssignmentPolicyFactory(allows_custom_dates=True)
    scheduled = operations.submit(
        policy,
        by=ada,
        starts_at=clock.now() + timedelta(days=3),
        ends_at=clock.now() + timedelta(days=5),
    )

    response = as_ada.get(page(scheduled))

    assert "Access starts" in response.text
    told = lines(response)
    assert told[1] == "No approval was needed."
    assert told[-3].startswith("Access starts on ")
    assert told[-1].startswith("Access lasts until ")
    assert "starts in 3 days" in read(as_ada.get("/requests/"))


def test_roles_that_failed_say_why_how_often_and_the_code(as_ada, partly):
    response = as_ada.get(page(partly))

    assert "1 of 2 roles could not be set up. An owner of the catalog can try again." in (
        response.text
    )
    assert "The group does not exist any more." in response.text
    assert "group_missing" in response.text
    assert "tried 1 time" in response.text
    assert "Some roles could not be set up." in lines(response)


def test_nothing_set_up_says_so(as_ada, ada, run_queue):
    role = ResourceRoleFactory(resource=ResourceFactory(external_id=NOBODYS, group=None))
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[role]))
    access_request = operations.submit(policy, by=ada)
    run_queue()

    assert "Nothing could be set up." in as_ada.get(page(access_request)).text


def test_set_up_on_its_way_says_how_far_it_is_and_when_it_is_tried_next(as_ada, ada):
    access_request = operations.submit(AssignmentPolicyFactory(), by=ada)

    assert "0 of 1 role done. It usually takes minutes." in as_ada.get(page(access_request)).text

    Grant.objects.update(
        last_error="The directory server does not answer.",
        error_code="unreachable",
        attempts=3,
        next_attempt_at=clock.now() + timedelta(minutes=10),
    )
    text = read(as_ada.get(page(access_request)))
    assert "we keep trying" in text
    assert "The directory server does not answer." in text
    assert "tried 3 times, next try in " in text


def test_access_that_has_ended_meanwhile_is_told(as_ada, ada, run_queue):
    policy = AssignmentPolicyFactory(expiration=Expiration.AFTER_HOURS, duration=1)
    access_request = operations.submit(policy, by=ada)
    run_queue()

    with clock.at(clock.now() + timedelta(hours=1)):
        assert "has ended" in as_ada.get(page(access_request)).text


def test_access_without_an_end_says_so(as_ada, ada, run_queue):
    policy = AssignmentPolicyFactory(expiration=Expiration.NEVER, duration=None)
    access_request = operations.submit(policy, by=ada)
    run_queue()

    assert "Access has no end." in as_ada.get(page(access_request)).text


def test_an_extension_reads_well(as_ada, ada, bo, run_queue):
    policy = AssignmentPolicyFactory(package__name="Payments", extension_requires_approval=True)
    held = operations.submit(policy, by=ada).assignment
    run_queue()
    ApprovalStageFactory(policy=policy, approvers=[bo])
    extension = operations.extend(held, by=ada, justification="Not done yet")

    waiting = as_ada.get(page(extension))
    assert "Extend Payments" in waiting.text
    assert lines(waiting)[0].startswith("You asked to keep it until ")
    assert lines(waiting)[-1].startswith("Then the end moves until ")
    assert "Not done yet" in waiting.text

    earlier = held.ends_at + timedelta(days=3)
    deciding.approve(extension, by=bo, ends_at=earlier)
    done = as_ada.get(page(extension))
    assert "It is extended. Access ends" in done.text
    assert any(line.endswith(" only.") for line in lines(done))
    assert "Shortened by an approver" in done.text


def test_giving_back_reads_well(as_ada, ada, run_queue):
    held = operations.submit(AssignmentPolicyFactory(package__name="Payments"), by=ada).assignment
    run_queue()
    removal = operations.give_back(held, by=ada, justification="The project is over")

    going = as_ada.get(page(removal))
    assert "Give back Payments" in going.text
    assert "Being removed" in going.text
    assert "1 role still to be taken away" in going.text
    assert lines(going) == ["You gave it back."]

    run_queue()
    gone = as_ada.get(page(removal))
    assert lines(gone)[-1] == "Everything that only this package gave is gone."


def test_an_end_by_a_manager_reads_well(as_ada, ada, gita, appoint, run_queue):
    policy = AssignmentPolicyFactory(package__name="Payments")
    appoint(gita, policy.package.catalog)
    given = operations.assign(policy, ada, by=gita)
    run_queue()
    given.refresh_from_db()
    removal = operations.remove(given.assignment, by=gita)

    assert "Gita Rao gave it directly to Ada Lovelace." in lines(as_ada.get(page(given)))
    assert lines(as_ada.get(page(removal)))[0] == "Gita Rao ended the access of Ada Lovelace."
    assert "End Payments" in as_ada.get(page(removal)).text


def test_what_the_system_did_is_told_as_such(as_ada, ada, pending):
    with clock.at(clock.now() + timedelta(days=8)):
        sweep.run()

        assert "A reminder went to Bo Chen." in lines(as_ada.get(page(pending)))


def test_events_that_have_no_words_yet_are_told_by_their_name(as_ada, ada, pending):
    AuditEvent.objects.create(
        at=clock.now(),
        action="request.passed_on",
        actor_name="The system",
        subject_type="accessrequest",
        subject_id=pending.pk,
        subject_name=str(pending),
    )

    assert "Passed on." in lines(as_ada.get(page(pending)))


def test_while_something_moves_the_page_asks_for_news(as_ada, pending):
    fresh = as_ada.get(page(pending)).text
    assert 'hx-trigger="every 5s"' in fresh

    with clock.at(clock.now() + timedelta(minutes=2)):
        assert 'hx-trigger="every 30s"' in as_ada.get(page(pending)).text


def test_a_finished_page_rests(as_ada, bo, pending):
    deciding.deny_request(pending, by=bo)

    assert "hx-trigger" not in as_ada.get(page(pending)).text


def test_without_news_there_is_nothing_to_swap(as_ada, pending):
    stamp = as_ada.get(page(pending)).context["story"].stamp

    response = as_ada.get(page(pending), {"seen": stamp}, **FRAGMENT)

    assert response.status_code == 204


def test_news_come_as_the_part_that_tells_them(as_ada, bo, pending):
    stamp = as_ada.get(page(pending)).context["story"].stamp
    deciding.deny_request(pending, by=bo)

    response = as_ada.get(page(pending), {"seen": stamp}, **FRAGMENT)

    assert response.status_code == 200
    assert 'id="story"' in response.text
    assert 'hx-swap-oob="innerHTML"' in response.text
    assert "<h1" not in response.text
    assert "HX-Request" in response.headers["Vary"]


def test_strangers_find_nothing(client, pending):
    client.force_login(UserFactory())

    assert client.get(page(pending)).status_code == 404
    assert client.get(page(pending, "cancel")).status_code == 404
    for action in ACTIONS:
        assert client.post(page(pending, action)).status_code == 404
    pending.refresh_from_db()
    assert pending.state == "pending_approval"


@pytest.mark.parametrize("path", ["/requests/1/", "/requests/x/", f"/requests/{NOBODYS}/"])
def test_addresses_that_lead_nowhere_are_not_found(as_ada, path):
    assert as_ada.get(path).status_code == 404
    for action in ("remind", "cancel", "again", "try-again"):
        assert as_ada.post(f"{path}{action}/").status_code == 404


def test_looking_does_nothing(as_ada, pending):
    before = AuditEvent.objects.count()

    assert as_ada.get(page(pending, "cancel")).status_code == 200
    for action in ("remind", "again", "try_again"):
        assert as_ada.get(page(pending, action)).status_code == 405

    pending.refresh_from_db()
    assert pending.state == "pending_approval"
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize("action", ACTIONS)
def test_acting_needs_the_forms_token(ada, pending, action):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)

    assert strict.post(page(pending, action)).status_code == 403


def test_reminding_is_possible_once_a_day(as_ada, pending):
    response = as_ada.post(page(pending, "remind"), follow=True)

    assert "We reminded whoever is asked to decide." in response.text
    assert "once a day is possible" in response.text
    refused = as_ada.post(page(pending, "remind"))
    assert refused.status_code == 403
    assert "reminded_already" in refused.text


def test_only_who_asked_reminds(client, bo, pending):
    client.force_login(bo)

    assert "requests/remind" not in client.get(page(pending)).text
    assert client.post(page(pending, "remind")).status_code == 403


def test_reminding_too_late_says_how_things_stand(as_ada, bo, pending):
    deciding.deny_request(pending, by=bo)

    response = as_ada.post(page(pending, "remind"))

    assert response.status_code == 409
    assert "Bo Chen denied it." in response.text
    assert page(pending) in response.text


def test_canceling_asks_first_and_then_does_it(as_ada, pending):
    question = as_ada.get(page(pending, "cancel")).text
    assert "Cancel the request for Sales Payments?" in question
    assert "Nobody is asked any more" in question

    response = as_ada.post(page(pending, "cancel"), {"justification": "Not needed"}, follow=True)

    pending.refresh_from_db()
    assert pending.state == "canceled"
    assert "The request is canceled." in response.text
    assert "You canceled it." in lines(response)
    assert "Not needed" in response.text


def test_canceling_too_late_says_how_things_stand(as_ada, bo, pending):
    deciding.deny_request(pending, by=bo)

    response = as_ada.post(page(pending, "cancel"))

    assert response.status_code == 409
    assert "This request is denied: Bo Chen denied it." in response.text


def test_an_approver_cannot_cancel(client, bo, pending):
    client.force_login(bo)

    assert client.post(page(pending, "cancel")).status_code == 403


@pytest.mark.parametrize("text", ["x" * 10_001, "a\x00b"])
def test_a_reason_for_canceling_that_cannot_be_kept_is_refused(as_ada, pending, text):
    response = as_ada.post(page(pending, "cancel"), {"justification": text})

    assert response.status_code == 422
    pending.refresh_from_db()
    assert pending.state == "pending_approval"


def test_canceling_what_failed_says_that_it_is_taken_away(client, gita, partly, appoint):
    appoint(gita, partly.package.catalog)
    client.force_login(gita)

    assert "is taken away again" in client.get(page(partly, "cancel")).text


def test_asking_again_makes_a_new_request(as_ada, bo, pending):
    deciding.deny_request(pending, by=bo)

    response = as_ada.post(page(pending, "again"))

    fresh = AccessRequest.objects.exclude(pk=pending.pk).get()
    assert response.url == page(fresh)
    assert fresh.justification == "Covering for Dev"


def test_asking_again_is_refused_while_it_is_on_its_way(as_ada, pending):
    assert as_ada.post(page(pending, "again")).status_code == 409


def test_asking_again_says_every_reason_against_it(as_ada, bo, pending, policy):
    deciding.deny_request(pending, by=bo)
    policy.is_enabled = False
    policy.save()

    response = as_ada.post(page(pending, "again"))

    assert response.status_code == 403
    assert "policy_off" in response.text


def test_a_manager_has_what_failed_tried_again(client, gita, partly, appoint, run_queue):
    appoint(gita, partly.package.catalog)
    client.force_login(gita)
    assert "You can try again." in client.get(page(partly)).text

    response = client.post(page(partly, "try_again"), follow=True)

    assert "We try again now." in response.text
    assert "You had it tried again." in lines(response)
    assert client.post(page(partly, "try_again")).status_code == 409


def test_the_requestor_cannot_have_it_tried_again(as_ada, partly):
    assert ">Try again<" not in as_ada.get(page(partly)).text
    assert as_ada.post(page(partly, "try_again")).status_code == 403


def test_who_is_asked_is_led_to_deciding(client, bo, gita, pending):
    client.force_login(bo)
    assert reverse("approvals:detail", args=[pending.pk]) in client.get(page(pending)).text

    deciding.approve(pending, by=bo)
    assert "Decide…" not in client.get(page(pending)).text


def test_words_of_people_are_shown_and_nothing_more(as_ada, ada, bo, policy):
    evil = "<script>alert(1)</script>"
    for person in (ada, bo):
        person.display_name = f"{evil} {person.pk}"
        person.save()
    policy.name = evil
    policy.save()
    pending = operations.submit(policy, by=ada, justification=evil)
    deciding.deny_request(pending, by=bo, justification=evil)

    assert evil not in as_ada.get(page(pending)).text
    assert evil not in as_ada.get("/requests/").text
    assert evil not in as_ada.get("/").text
