from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from entitlements import clock, sweep
from entitlements.assignments.grants import Grant
from entitlements.models import AccessRequest, Assignment, AuditEvent
from entitlements.policies.models import Expiration, Scope
from entitlements.requests import operations
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

NOBODYS = "5d6e9b8a-0000-4000-8000-000000000000"


@pytest.fixture
def as_ada(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def policy():
    """Sales Starter for 30 days; Ledger can be opened."""
    ledger = ResourceFactory(name="Ledger", address="https://ledger.kestrel.example/")
    role = ResourceRoleFactory(resource=ledger)
    package = AccessPackageFactory(name="Sales Starter", roles=[role])
    return AssignmentPolicyFactory(package=package, name="Everybody", duration=30)


@pytest.fixture
def held(ada, policy, run_queue):
    """Ada's access, set up."""
    assignment = operations.submit(policy, by=ada).assignment
    run_queue()
    assignment.refresh_from_db()
    return assignment


def page(assignment, action="detail"):
    return reverse(f"access:{action}", args=[assignment.pk])


def read(response):
    """What people read on a page, without its marks."""
    return " ".join(strip_tags(response.text).split())


def day(moment):
    return moment.astimezone(clock.zone()).date().isoformat()


def names(response):
    return [assignment.package.name for assignment in response.context["page"]]


def test_the_list_says_until_when_since_when_and_how_to_use_it(as_ada, held):
    response = as_ada.get("/access/")

    text = read(response)
    assert "Sales Starter Active" in text
    assert "Ends in 30 days" in text
    assert "on request" in text
    assert "Ledger: Member" in text
    assert 'href="https://ledger.kestrel.example/"' in response.text
    assert page(held, "give_back") in response.text


def test_what_ends_first_comes_first(as_ada, ada):
    for name, days in (("Late", 60), ("Never", None), ("Soon", 3)):
        ends_at = clock.now() + timedelta(days=days) if days else None
        AssignmentFactory(target=ada, policy__package__name=name, ends_at=ends_at)

    response = as_ada.get("/access/")

    assert names(response) == ["Soon", "Late", "Never"]
    assert "Ends soon" in response.text
    assert "No end" in response.text


def test_what_ends_this_second_has_moved_to_expired(as_ada, held):
    with clock.at(held.ends_at):
        assert names(as_ada.get("/access/")) == []
        expired = as_ada.get("/access/expired/")

    assert names(expired) == ["Sales Starter"]
    assert "time ran out" in read(expired)


def test_one_second_before_its_end_it_is_still_there(as_ada, held):
    with clock.at(held.ends_at - timedelta(seconds=30)):
        assert names(as_ada.get("/access/")) == ["Sales Starter"]
        assert names(as_ada.get("/access/expired/")) == []


def test_nobody_elses_access_is_listed(client, bo, held):
    client.force_login(bo)

    assert "You hold no packages yet" in client.get("/access/").text
    assert "Nothing has ended" in client.get("/access/expired/").text


def test_what_was_given_directly_says_so(as_ada, ada):
    AssignmentFactory(target=ada, is_direct=True)

    assert "given directly" in read(as_ada.get("/access/"))


def test_only_what_can_be_extended_offers_it(as_ada, ada):
    AssignmentFactory(target=ada, policy__allows_extension=False)
    AssignmentFactory(target=ada, ends_at=None)

    assert "Extend…" not in as_ada.get("/access/").text


def test_what_ended_says_why_and_can_be_asked_for_again(as_ada, ada, held, policy):
    operations.give_back(held, by=ada)

    response = as_ada.get("/access/expired/")

    assert "given back" in read(response)
    again = f"{reverse('packages:ask', args=[policy.package_id])}?again=1"
    assert again in response.text

    policy.scope = Scope.SPECIFIC
    policy.save()
    assert again not in as_ada.get("/access/expired/").text


def test_tabs_count_what_there_is_at_this_second(as_ada, ada, held, bo):
    waiting = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=waiting, approvers=[bo])
    operations.submit(waiting, by=ada)

    def counts():
        return [(tab.label, tab.count) for tab in as_ada.get("/access/").context["tabs"]]

    assert counts() == [("Available", 2), ("Active", 1), ("Requests", 1), ("Expired", 0)]
    with clock.at(held.ends_at):
        assert counts() == [("Available", 2), ("Active", 0), ("Requests", 1), ("Expired", 1)]


def test_a_page_of_ones_own_access_tells_everything_about_it(as_ada, held):
    text = read(as_ada.get(page(held)))

    assert "Ends in 30 days" in text
    assert "on request, under Everybody" in text
    assert "Ledger: Member" in text
    assert "Done" in text
    assert "Access began." in text
    assert AccessRequest.objects.get().reference in text
    assert "No approval is needed; it takes effect at once." in text


def test_roles_that_failed_say_why(as_ada, ada, run_queue):
    role = ResourceRoleFactory(resource=ResourceFactory(external_id=NOBODYS, group=None))
    policy = AssignmentPolicyFactory(package=AccessPackageFactory(roles=[role]))
    assignment = operations.submit(policy, by=ada).assignment
    run_queue()

    text = read(as_ada.get(page(assignment)))

    assert "The group does not exist any more. group_missing · tried 1 time" in text


def test_access_without_a_request_says_so(as_ada, ada):
    assignment = AssignmentFactory(target=ada, ends_at=None)

    text = read(as_ada.get(page(assignment)))

    assert "It was not asked for in this portal." in text
    assert "It has no end." in text
    assert "there is nothing to extend" in text


def test_what_happened_is_told_in_order(as_ada, ada, gita, held, appoint, run_queue):
    operations.extend(held, by=ada, ends_at=held.ends_at + timedelta(days=3))
    with clock.at(held.ends_at - timedelta(days=10)):
        sweep.run()
        run_queue()
        operations.give_back(held, by=ada)

        response = as_ada.get(page(held))

    words = [words for _, words in response.context["holding"].events]
    assert words[0] == "Access began."
    assert words[1].startswith("The end was moved to ")
    assert words[2:] == ["A reminder of the end was sent.", "Access ended: given back."]


def test_other_events_are_told_too(as_ada, ada, held):
    for action, details in (
        ("assignment.reprocessed", {}),
        ("assignment.extended", {"ends_at": None}),
        ("assignment.moved_house", {}),
    ):
        AuditEvent.objects.create(
            at=clock.now(),
            action=action,
            actor_id=ada.pk,
            actor_name=str(ada),
            subject_type="assignment",
            subject_id=held.pk,
            subject_name=str(held),
            details=details,
        )

    response = as_ada.get(page(held))

    assert [words for _, words in response.context["holding"].events][1:] == [
        "You had every role checked again.",
        "The end was taken away.",
        "Moved house.",
    ]


def test_ended_access_leads_to_asking_again_only_where_one_may(as_ada, ada, held, policy):
    operations.give_back(held, by=ada)
    again = reverse("packages:ask", args=[policy.package_id])
    assert again in as_ada.get(page(held)).text

    policy.is_enabled = False
    policy.save()

    response = as_ada.get(page(held))
    assert again not in response.text
    assert "It is not offered to you at present." in response.text
    assert "Give back…" not in response.text


def test_roles_of_ended_access_say_what_became_of_them(as_ada, ada, held, policy, run_queue):
    ledger, later = policy.package.roles.get(), ResourceRoleFactory()
    both = AccessPackageFactory(name="Month-End Close", roles=[ledger])
    operations.submit(AssignmentPolicyFactory(package=both), by=ada)
    run_queue()
    operations.give_back(held, by=ada)
    run_queue()
    policy.package.package_roles.create(role=later, position=1)

    roles = read(as_ada.get(page(held))).partition(" Roles ")[2].partition(" What happened ")[0]

    assert roles == (
        f"{ledger.resource}: Member stays, through another package "
        f"{later.resource}: Member added later"
    )


def test_strangers_find_nothing(client, held):
    client.force_login(UserFactory())

    for action in ("detail", "extend", "give_back"):
        assert client.get(page(held, action)).status_code == 404
    assert client.post(page(held, "give_back")).status_code == 404
    assert client.post(page(held, "extend")).status_code == 404
    assert Assignment.objects.live().get() == held


def test_a_manager_of_the_catalog_looks_but_does_not_act(client, gita, held, appoint):
    appoint(gita, held.package.catalog)
    client.force_login(gita)

    response = client.get(page(held))

    assert "Sales Starter for Ada Lovelace" in response.text
    assert "Give back…" not in response.text
    assert "Keep it for longer" not in response.text
    assert client.post(page(held, "give_back")).status_code == 404
    assert client.post(page(held, "extend")).status_code == 404


def test_a_manager_reads_who_ended_it(client, ada, gita, held, appoint):
    appoint(gita, held.package.catalog)
    operations.remove(held, by=gita)
    client.force_login(gita)
    assert "(Gita Rao)" in client.get(page(held)).text

    client.force_login(ada)
    assert "(Gita Rao)" not in client.get(page(held)).text


@pytest.mark.parametrize("path", ["/access/1/", "/access/x/", f"/access/{NOBODYS}/"])
def test_addresses_that_lead_nowhere_are_not_found(as_ada, path):
    for action in ("", "extend/", "give-back/"):
        assert as_ada.get(f"{path}{action}").status_code == 404


def test_extending_moves_the_end(as_ada, held):
    later = held.ends_at + timedelta(days=7)

    response = as_ada.post(page(held, "extend"), {"ends_on": day(later)}, follow=True)

    held.refresh_from_db()
    assert held.ends_at == clock.day_ends(later.astimezone(clock.zone()).date())
    assert "You asked to extend Sales Starter." in response.text
    assert "It is extended." in response.text


def test_without_a_day_it_lasts_as_long_as_allowed(as_ada, held):
    before = held.ends_at

    as_ada.post(page(held, "extend"), {"ends_on": ""})

    held.refresh_from_db()
    assert held.ends_at == before + timedelta(days=30)


def test_the_last_day_allowed_ends_at_the_limit(as_ada, held):
    limit = held.ends_at + timedelta(days=30)
    assert f'value="{day(limit)}"' in as_ada.get(page(held)).text

    as_ada.post(page(held, "extend"), {"ends_on": day(limit)})

    held.refresh_from_db()
    assert held.ends_at == limit


def test_an_extension_that_people_decide_says_so_and_waits(as_ada, bo, held, policy):
    policy.extension_requires_approval = True
    policy.requires_justification = True
    policy.save()
    ApprovalStageFactory(policy=policy, approvers=[bo])
    assert "People decide about it again" in as_ada.get(page(held)).text

    response = as_ada.post(page(held, "extend"), {"justification": "Not done yet"}, follow=True)

    assert "Waiting for approval" in response.text
    assert "You asked for that already." in as_ada.get(page(held)).text


def test_all_reasons_against_an_extension_come_at_once(as_ada, held, policy):
    policy.requires_justification = True
    policy.save()

    response = as_ada.post(page(held, "extend"), {"ends_on": day(held.ends_at - timedelta(days=3))})

    errors = response.context["form"].errors.as_data()
    assert response.status_code == 422
    assert [error.code for error in errors["ends_on"]] == ["not_later"]
    assert [error.code for error in errors["justification"]] == ["justification_missing"]
    assert day(held.ends_at - timedelta(days=3)) in response.text


@pytest.mark.parametrize("text", ["x" * 1_048_576, "a\x00b"])
def test_a_reason_that_cannot_be_kept_is_refused(as_ada, held, text):
    response = as_ada.post(page(held, "extend"), {"justification": text})

    assert response.status_code == 422
    assert AccessRequest.objects.count() == 1


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01", "9999-12-31"])
def test_a_day_that_cannot_be_read_is_refused(as_ada, held, text):
    response = as_ada.post(page(held, "extend"), {"ends_on": text})

    assert response.status_code == 422
    assert "Choose a day" in response.text


def test_a_day_past_the_limit_is_refused(as_ada, held):
    response = as_ada.post(
        page(held, "extend"), {"ends_on": day(held.ends_at + timedelta(days=31))}
    )

    assert response.status_code == 422
    assert "later than the policy allows" in response.text


def test_what_cannot_be_extended_says_why(as_ada, held, policy):
    policy.allows_extension = False
    policy.save()

    response = as_ada.get(page(held))
    assert "cannot be extended under its policy" in response.text
    assert "Extend access" not in response.text

    refused = as_ada.post(page(held, "extend"), {})
    assert refused.status_code == 422
    assert "(extension_not_allowed)" in refused.text


def test_a_policy_without_limit_lets_one_keep_it_without_an_end(as_ada, held, policy):
    policy.expiration, policy.duration = Expiration.NEVER, None
    policy.save()

    assert "Empty: without an end." in as_ada.get(page(held)).text


def test_ended_access_is_not_extended(as_ada, held):
    with clock.at(held.ends_at):
        response = as_ada.post(page(held, "extend"), {})

    assert response.status_code == 422
    assert "(access_ended)" in response.text


def test_the_address_of_the_form_shows_the_page(as_ada, held):
    response = as_ada.get(page(held, "extend"))

    assert "Keep it for longer" in response.text
    assert AccessRequest.objects.count() == 1


def test_giving_back_says_what_goes_and_what_stays(as_ada, ada, run_queue):
    goes, shared, earlier = (ResourceRoleFactory() for _ in range(3))
    package = AccessPackageFactory(name="Kit", roles=[goes, shared, earlier])
    assignment = operations.submit(AssignmentPolicyFactory(package=package), by=ada).assignment
    other = AccessPackageFactory(name="Staff basics", roles=[shared])
    operations.submit(AssignmentPolicyFactory(package=other), by=ada)
    run_queue()
    Grant.objects.filter(role=earlier).update(held_before=True)

    text = read(as_ada.get(page(assignment, "give_back")))

    assert "Give back Kit?" in text
    assert f"{goes} goes" in text
    assert f"{shared} stays, through Staff basics" in text
    assert f"{earlier} stays: you had it before" in text


def test_what_was_held_before_goes_where_the_catalog_says_so(as_ada, held):
    held.package.catalog.keeps_access_held_before = False
    held.package.catalog.save()
    Grant.objects.update(held_before=True)

    assert "goes" in read(as_ada.get(page(held, "give_back")))


def test_what_was_held_before_and_taken_over_goes(as_ada, held):
    Grant.objects.update(held_before=True, is_taken_over=True)

    assert "goes" in read(as_ada.get(page(held, "give_back")))


def test_giving_back_ends_it_at_once(as_ada, held):
    response = as_ada.post(
        page(held, "give_back"), {"justification": "The project is over"}, follow=True
    )

    assert "You gave Sales Starter back." in response.text
    assert "Being removed" in response.text
    assert not Assignment.objects.live().exists()
    assert names(as_ada.get("/access/expired/")) == ["Sales Starter"]


def test_giving_back_twice_is_refused(as_ada, held):
    as_ada.post(page(held, "give_back"))

    response = as_ada.post(page(held, "give_back"))

    assert response.status_code == 422
    assert "(access_ended)" in response.text


def test_looking_does_nothing(as_ada, held):
    before = AuditEvent.objects.count()

    for action in ("detail", "extend", "give_back"):
        assert as_ada.get(page(held, action), {"justification": "x"}).status_code == 200

    assert Assignment.objects.live().get() == held
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize("action", ["extend", "give_back"])
def test_acting_needs_the_forms_token(ada, held, action):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)

    assert strict.post(page(held, action)).status_code == 403


def test_words_of_people_are_shown_and_nothing_more(as_ada, ada, policy):
    evil = "<script>alert(1)</script>"
    policy.name = policy.package.name = policy.package.description = evil
    policy.save()
    policy.package.save()
    policy.package.roles.update(name=evil, description=evil)
    assignment = operations.submit(policy, by=ada).assignment
    Grant.objects.update(last_error=evil, error_code="x")

    for path in ("/access/", page(assignment), page(assignment, "give_back")):
        assert evil not in as_ada.get(path).text
    operations.give_back(assignment, by=ada, justification=evil)
    assert evil not in as_ada.get("/access/expired/").text
