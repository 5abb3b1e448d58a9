from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from entitlements import clock
from entitlements.catalog.models import PackageState, ResourceKind
from entitlements.models import AccessRequest, Catalog
from entitlements.policies.models import Expiration, Scope
from entitlements.requests import deciding, operations
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ResourceFactory,
    ResourceRoleFactory,
)

pytestmark = pytest.mark.django_db

NOBODYS = "5d6e9b8a-0000-4000-8000-000000000000"
FRAGMENT = {"headers": {"HX-Request": "true"}}


@pytest.fixture
def as_ada(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def payments():
    """A package that every member may ask for without approval."""
    return AssignmentPolicyFactory(package__name="Sales Payments", name="Employees")


def detail(package):
    return reverse("packages:detail", args=[package.pk])


def ask(client, under, **answers):
    address = reverse("packages:ask", args=[under.package_id])
    return client.post(address, {"policy": under.pk, "justification": "", **answers})


def day(**span):
    return (clock.today_begins() + timedelta(**span)).date().isoformat()


def names(response):
    return [card.package.name for card in response.context["cards"]]


def test_what_a_policy_admits_one_to_is_listed(as_ada, payments):
    response = as_ada.get("/packages/")

    assert names(response) == ["Sales Payments"]
    assert "Request" in response.text


@pytest.mark.parametrize(
    "change",
    [
        {"scope": Scope.NOBODY},
        {"scope": Scope.SPECIFIC},
        {"is_enabled": False},
        {"accepts_requests": False},
        {"package__is_hidden": True},
        {"package__state": PackageState.DRAFT},
        {"package__catalog__is_enabled": False},
    ],
)
def test_what_one_may_not_ask_for_is_not_listed(as_ada, change):
    AssignmentPolicyFactory(**change)

    response = as_ada.get("/packages/")

    assert names(response) == []
    assert "There is nothing to ask for yet" in response.text


@pytest.mark.parametrize("text", ["payment", "LEDGER", "poster", "accounts 4000", "sales ledger"])
def test_search_reads_names_descriptions_resources_and_roles(as_ada, text):
    role = ResourceRoleFactory(
        resource=ResourceFactory(name="Ledger", description="Where sales are booked."),
        name="Poster",
        description="Book to accounts 4000 to 4999.",
    )
    package = AccessPackageFactory(name="Clerk", description="Payment runs.", roles=[role])
    AssignmentPolicyFactory(package=package)
    AssignmentPolicyFactory()

    response = as_ada.get("/packages/", {"q": text})

    assert names(response) == ["Clerk"]
    assert "1 package found" in response.text


def test_catalog_and_kind_of_resource_filter(as_ada):
    site = ResourceRoleFactory(resource=ResourceFactory(kind=ResourceKind.SITE))
    sales = CatalogFactory(name="Sales")
    wanted = AccessPackageFactory(catalog=sales, roles=[site])
    AssignmentPolicyFactory(package=wanted)
    AssignmentPolicyFactory(package__catalog=sales)
    AssignmentPolicyFactory(package__roles=[site])

    response = as_ada.get("/packages/", {"catalog": sales.pk, "kind": "site"})

    assert names(response) == [wanted.name]


def test_catalogs_without_anything_to_ask_for_are_not_offered(as_ada, payments):
    Catalog.objects.create(name="Secret plans")

    assert "Secret plans" not in as_ada.get("/packages/").text


@pytest.mark.parametrize(
    "query",
    ["catalog=nonsense", f"catalog={NOBODYS}", "kind=' OR 1=1", "q=%00", "page=-9", "page=x"],
)
def test_filters_that_cannot_be_read_filter_nothing(as_ada, payments, query):
    assert names(as_ada.get(f"/packages/?{query}")) == ["Sales Payments"]


def test_when_nothing_fits_the_filters_can_be_cleared(as_ada, payments):
    response = as_ada.get("/packages/?q=zeppelin")

    assert "No package fits" in response.text
    assert "Clear filters" in response.text


def test_the_search_swaps_the_list_alone(as_ada, payments):
    response = as_ada.get("/packages/?q=sales", **FRAGMENT)

    assert "Sales Payments" in response.text
    assert "<h1" not in response.text
    assert "HX-Request" in response.headers["Vary"]


def test_a_card_says_that_one_holds_it_and_until_when(as_ada, ada, payments, run_queue):
    assignment = operations.submit(payments, by=ada).assignment
    run_queue()

    response = as_ada.get("/packages/")

    assert reverse("access:detail", args=[assignment.pk]) in response.text
    assert reverse("packages:ask", args=[payments.package_id]) not in response.text


def test_a_card_says_who_has_the_request(as_ada, ada, bo, payments):
    ApprovalStageFactory(policy=payments, approvers=[bo])
    access_request = operations.submit(payments, by=ada)

    response = as_ada.get("/packages/")

    assert "Waiting for approval" in response.text
    assert "Bo Chen" in response.text
    assert reverse("requests:detail", args=[access_request.pk]) in response.text


def test_a_card_keeps_the_names_that_a_policy_hides(as_ada, ada, bo, payments):
    payments.shows_approvers = "no"
    payments.save()
    ApprovalStageFactory(policy=payments, approvers=[bo])
    operations.submit(payments, by=ada)

    assert "Bo Chen" not in as_ada.get("/packages/").text


def test_access_that_ended_this_second_can_be_asked_for_again(as_ada, ada, payments, run_queue):
    assignment = operations.submit(payments, by=ada).assignment
    run_queue()

    with clock.at(assignment.ends_at):
        response = as_ada.get("/packages/")

    assert reverse("packages:ask", args=[payments.package_id]) in response.text


def test_a_package_says_what_it_gives_who_decides_and_for_how_long(as_ada, bo, gita, appoint):
    role = ResourceRoleFactory(name="Poster", description="Book a month.", is_privileged=True)
    policy = AssignmentPolicyFactory(package__roles=[role], package__description="Close a month.")
    ApprovalStageFactory(policy=policy, position=1, manager=True, decision_days=1)
    ApprovalStageFactory(policy=policy, position=2, approvers=[bo], decision_days=3)
    appoint(gita, policy.package.catalog)

    text = as_ada.get(detail(policy.package)).text

    for words in (
        "Close a month.",
        f"{role.resource}: Poster",
        "Book a month.",
        "Privileged",
        "Your manager",
        "within 1 day<",
        "Bo Chen",
        "within 3 days",
        "for 90 days",
        "You can extend it yourself.",
        "Gita Rao",
        "You may ask for this.",
        "You do not hold it.",
    ):
        assert words in text


def test_approvers_are_named_only_if_the_policy_says_so(as_ada, bo):
    policy = AssignmentPolicyFactory(shows_approvers="no")
    ApprovalStageFactory(policy=policy, approvers=[bo])

    text = as_ada.get(detail(policy.package)).text

    assert "Bo Chen" not in text
    assert "An approver" in text


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"expiration": Expiration.NEVER, "duration": None}, "without an end"),
        ({"expiration": Expiration.AFTER_HOURS, "duration": 36}, "for 36 hours"),
        ({"allows_extension": False}, "It cannot be extended"),
        ({"allows_custom_dates": True}, "or for less, as you choose"),
    ],
)
def test_a_package_says_how_long_it_lasts(as_ada, terms, words):
    policy = AssignmentPolicyFactory(**terms)

    assert words in as_ada.get(detail(policy.package)).text


def test_several_ways_show_what_differs(as_ada, bo):
    slow = AssignmentPolicyFactory(name="Employees")
    ApprovalStageFactory(policy=slow, approvers=[bo])
    AssignmentPolicyFactory(
        package=slow.package, name="Quick", expiration=Expiration.AFTER_HOURS, duration=48
    )
    AssignmentPolicyFactory(package=slow.package, name="For others", scope=Scope.SPECIFIC)

    text = as_ada.get(detail(slow.package)).text

    assert "For 90 days, 1 approval" in text
    assert "For 2 days, no approval" in text
    assert "For others" not in text


def test_a_way_that_is_over_is_not_offered_beside_another(as_ada):
    over = AssignmentPolicyFactory(
        name="Last year",
        expiration=Expiration.ON_DATE,
        ends_on=clock.now() - timedelta(days=1),
        duration=None,
    )
    assert "ends on" in as_ada.get(detail(over.package)).text

    AssignmentPolicyFactory(package=over.package, name="This year")

    text = as_ada.get(detail(over.package)).text
    assert "Last year" not in text
    assert "Send request" in text


def test_a_hidden_package_is_found_by_its_link(as_ada):
    policy = AssignmentPolicyFactory(package__is_hidden=True)

    assert "Send request" in as_ada.get(detail(policy.package)).text


def test_a_package_of_other_people_does_not_exist(as_ada):
    policy = AssignmentPolicyFactory(scope=Scope.SPECIFIC)

    assert as_ada.get(detail(policy.package)).status_code == 404
    assert ask(as_ada, policy).status_code == 404


def test_a_manager_sees_a_package_that_he_may_not_ask_for(as_ada, ada, appoint):
    policy = AssignmentPolicyFactory(scope=Scope.NOBODY)
    appoint(ada, policy.package.catalog, "reader")

    text = as_ada.get(detail(policy.package)).text
    assert "No policy lets you ask for this" in text
    assert "Send request" not in text

    assert ask(as_ada, policy).status_code == 422
    assert not AccessRequest.objects.exists()


@pytest.mark.parametrize("path", ["/packages/1/", "/packages/nonsense/", f"/packages/{NOBODYS}/"])
def test_addresses_that_lead_nowhere_are_not_found(as_ada, path):
    assert as_ada.get(path).status_code == 404
    assert as_ada.get(f"{path}request/").status_code == 404


def test_who_holds_it_is_led_to_his_access(as_ada, ada, payments, run_queue):
    assignment = operations.submit(payments, by=ada).assignment
    run_queue()

    text = as_ada.get(detail(payments.package)).text

    assert "You hold it already, until" in text
    assert reverse("access:detail", args=[assignment.pk]) in text
    assert "Send request" not in text


def test_who_holds_it_without_an_end_reads_no_end(as_ada, ada, run_queue):
    policy = AssignmentPolicyFactory(expiration=Expiration.NEVER, duration=None)
    operations.submit(policy, by=ada)
    run_queue()

    assert "You hold it already." in as_ada.get(detail(policy.package)).text


def test_who_asked_already_is_led_to_his_request(as_ada, ada, bo, payments):
    ApprovalStageFactory(policy=payments, approvers=[bo])
    access_request = operations.submit(payments, by=ada)

    text = as_ada.get(detail(payments.package)).text

    assert "Your request is on its way already." in text
    assert reverse("requests:detail", args=[access_request.pk]) in text


def test_asking_again_starts_with_the_words_of_the_last_time(as_ada, ada, bo, payments):
    ApprovalStageFactory(policy=payments, approvers=[bo])
    old = operations.submit(payments, by=ada, justification="Covering for Dev")
    deciding.deny_request(old, by=bo)

    address = reverse("packages:ask", args=[payments.package_id])

    assert "Covering for Dev" in as_ada.get(f"{address}?again=1").text
    assert "Covering for Dev" not in as_ada.get(address).text


def test_asking_leads_to_the_requests_page(as_ada, ada, payments):
    response = ask(as_ada, payments, justification="Covering for Dev")

    access_request = AccessRequest.objects.get()
    assert response.url == reverse("requests:detail", args=[access_request.pk])
    assert access_request.requestor == ada
    assert access_request.justification == "Covering for Dev"
    assert "You asked for Sales Payments." in as_ada.get(response.url).text


def test_htmx_follows_with_the_whole_browser(as_ada, payments):
    address = reverse("packages:ask", args=[payments.package_id])

    response = as_ada.post(address, {"policy": payments.pk}, **FRAGMENT)

    assert response.status_code == 204
    assert response.headers["HX-Redirect"].startswith("/requests/")


def test_all_reasons_of_a_refusal_come_at_once_with_the_input_kept(as_ada, ada, bo):
    policy = AssignmentPolicyFactory(allows_custom_dates=True, requires_justification=True)
    ApprovalStageFactory(policy=policy, approvers=[bo])
    operations.submit(policy, by=ada, justification="The first time")

    response = ask(as_ada, policy, justification=" ", starts_on=day(days=-3), ends_on=day(days=-2))

    errors = response.context["form"].errors
    assert response.status_code == 422
    assert errors.as_data()["__all__"][0].code == "already_requested"
    assert [error.code for error in errors.as_data()["justification"]] == ["justification_missing"]
    assert [error.code for error in errors.as_data()["starts_on"]] == ["starts_in_the_past"]
    assert [error.code for error in errors.as_data()["ends_on"]] == ["ends_in_the_past"]
    assert "(already_requested)" in response.text
    assert day(days=-3) in response.text
    assert AccessRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("dates", "field", "code"),
    [
        ({"starts_on": -1}, "starts_on", "starts_in_the_past"),
        ({"ends_on": -1}, "ends_on", "ends_in_the_past"),
        ({"starts_on": 9, "ends_on": 8}, "ends_on", "ends_before_start"),
        ({"ends_on": 91}, "ends_on", "ends_after_limit"),
    ],
)
def test_days_that_cannot_be_are_refused_beside_their_field(as_ada, dates, field, code):
    policy = AssignmentPolicyFactory(allows_custom_dates=True)

    response = ask(as_ada, policy, **{name: day(days=days) for name, days in dates.items()})

    assert response.status_code == 422
    assert [error.code for error in response.context["form"].errors.as_data()[field]] == [code]


@pytest.mark.parametrize(
    "text", ["soon", "2026-02-30", "0001-01-01", "9999-12-31", "26.11.26", "%00"]
)
def test_days_that_cannot_be_read_are_refused(as_ada, text):
    policy = AssignmentPolicyFactory(allows_custom_dates=True)

    response = ask(as_ada, policy, ends_on=text)

    assert response.status_code == 422
    assert "Choose a day" in response.text


def test_days_start_when_they_begin_and_end_when_they_are_over(as_ada, settings):
    settings.ORGANIZATION_TIME_ZONE = "Europe/Berlin"
    policy = AssignmentPolicyFactory(allows_custom_dates=True)

    ask(as_ada, policy, starts_on=day(days=3), ends_on=day(days=5))

    access_request = AccessRequest.objects.get()
    first = (clock.today_begins() + timedelta(days=3)).date()
    assert access_request.starts_at == clock.day_begins(first)
    assert access_request.ends_at == clock.day_ends(first + timedelta(days=2))


def test_from_today_means_now(as_ada):
    policy = AssignmentPolicyFactory(allows_custom_dates=True)

    ask(as_ada, policy, starts_on=day())

    assert AccessRequest.objects.get().starts_at is None


def test_the_last_day_allowed_ends_at_the_limit(as_ada):
    policy = AssignmentPolicyFactory(allows_custom_dates=True)

    ask(as_ada, policy, ends_on=day(days=90))

    access_request = AccessRequest.objects.get()
    assert access_request.ends_at - clock.now() <= timedelta(days=90)
    assert access_request.ends_at.date().isoformat() == day(days=90)


def test_days_are_ignored_where_the_policy_sets_them(as_ada, payments):
    AssignmentPolicyFactory(package=payments.package, allows_custom_dates=True)

    ask(as_ada, payments, starts_on=day(days=3), ends_on=day(days=5))

    access_request = AccessRequest.objects.get()
    assert (access_request.starts_at, access_request.ends_at) == (None, None)


@pytest.mark.parametrize("chosen", ["", "nonsense", NOBODYS])
def test_a_way_that_is_not_offered_is_refused(as_ada, payments, chosen):
    response = ask(as_ada, payments, policy=chosen)

    assert response.status_code == 422
    assert not AccessRequest.objects.exists()


def test_a_policy_for_others_cannot_be_named(as_ada, payments):
    other = AssignmentPolicyFactory(package=payments.package, scope=Scope.SPECIFIC)

    response = ask(as_ada, payments, policy=other.pk)

    assert response.status_code == 422
    assert "not offered to you" in response.text


def test_one_megabyte_of_reason_is_refused_with_a_sentence(as_ada, payments):
    response = ask(as_ada, payments, justification="x" * 1_048_576)

    assert response.status_code == 422
    assert "The reason has 1,048,576 characters; at most 10,000 are kept." in response.text


def test_more_than_a_form_may_hold_is_refused_before_it_is_read(as_ada, payments):
    response = ask(as_ada, payments, justification="x" * 3_000_000)

    assert response.status_code in (400, 413)
    assert not AccessRequest.objects.exists()


def test_null_characters_are_refused(as_ada, payments):
    response = ask(as_ada, payments, justification="a\x00b")

    assert response.status_code == 422
    assert not AccessRequest.objects.exists()


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "=1+1", "🦆 日本語 \u202e"],
)
def test_words_are_shown_and_nothing_more(as_ada, payments, text):
    response = ask(as_ada, payments, justification=text)

    page = as_ada.get(response.url).text
    assert AccessRequest.objects.get().justification == text.strip()
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_words_of_packages_are_shown_and_nothing_more(as_ada):
    evil = "<script>alert(1)</script>"
    policy = AssignmentPolicyFactory(
        name=evil, package__name=evil, package__description=evil, package__catalog__name=evil
    )
    AssignmentPolicyFactory(package=policy.package, name=f"{evil} 2", description=evil)

    assert evil not in as_ada.get("/packages/", {"q": evil}).text
    assert evil not in as_ada.get(detail(policy.package)).text


def test_looking_changes_nothing(as_ada, payments):
    for address in ("detail", "ask"):
        path = reverse(f"packages:{address}", args=[payments.package_id])
        assert as_ada.get(path, {"policy": payments.pk, "justification": "x"}).status_code == 200

    assert not AccessRequest.objects.exists()


def test_asking_needs_the_forms_token(ada, payments):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)

    assert ask(strict, payments).status_code == 403
    assert not AccessRequest.objects.exists()


@pytest.mark.parametrize("path", ["/", "/packages/", "/access/", "/access/expired/", "/requests/"])
def test_the_pages_are_for_those_who_signed_in(client, path):
    assert client.get(path).url.startswith("/accounts/login/")
