from datetime import timedelta

import pytest
from django.db import IntegrityError

from entitlements import clock
from entitlements.callouts import operations as callouts
from entitlements.catalog import extensions, operations
from entitlements.catalog.extensions import ExtensionTerms
from entitlements.decisions import Denied
from entitlements.models import AuditEvent, Callout, CustomExtension, PolicyCallout
from entitlements.policies.operations import change_policy, create_policy, terms_of
from entitlements.policies.terms import CalloutTerms, PolicyTerms
from entitlements.requests import operations as requests
from tests.factories import (
    AccessPackageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    CustomExtensionFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
URL = "https://hooks.kestrel.example/"


@pytest.fixture
def catalog(gita, appoint):
    """A catalog of Gita's."""
    catalog = CatalogFactory()
    appoint(gita, catalog)
    return catalog


@pytest.fixture
def extension(catalog):
    return CustomExtensionFactory(catalog=catalog, name="Tickets")


def terms(**changes):
    return ExtensionTerms(**{"name": "Tickets", "url": URL, **changes})


def codes(act):
    with pytest.raises(Denied) as denied:
        act()
    return denied.value.codes


def test_an_owner_creates_an_extension_and_gets_its_secret_once(catalog, gita, actions):
    waiting = terms(behaviour="launch_and_wait", wait_minutes=14 * 24 * 60, on_timeout="deny")

    extension, secret = extensions.create_extension(catalog, waiting, by=gita)

    extension.refresh_from_db()
    assert secret.startswith("whsec_")
    assert len(extension.secrets()[0]) == 32
    assert (extension.waits, extension.wait) == (True, timedelta(days=14))
    assert actions() == ["extension.created"]
    written = str(AuditEvent.objects.get().details) + str(CustomExtension.objects.values())
    assert secret not in written
    assert secret.removeprefix("whsec_") not in written


@pytest.mark.parametrize("role", ["package_manager", "assignment_manager", "reader"])
def test_only_owners_create_change_and_delete(catalog, extension, bo, appoint, role, actions):
    """The role matrix: extensions are the owner's; package managers attach them."""
    appoint(bo, catalog, role)

    for act in (
        lambda: extensions.create_extension(catalog, terms(name="Other"), by=bo),
        lambda: extensions.change_extension(extension, terms(), by=bo),
        lambda: extensions.change_secret(extension, by=bo),
        lambda: extensions.delete_extension(extension, by=bo),
        lambda: callouts.call_for_test(extension, by=bo),
    ):
        assert codes(act) == {"not_permitted"}
    assert actions() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": ""}, {"name_missing"}),
        ({"description": "\x00"}, {"description_unreadable"}),
        ({"url": "http://hooks.kestrel.example/"}, {"url_not_encrypted"}),
        ({"url": "https://169.254.169.254/latest/"}, {"address_refused"}),
        ({"kind": "other"}, {"unknown_choice"}),
        ({"behaviour": "other"}, {"unknown_choice"}),
        ({"on_timeout": "other"}, {"unknown_choice"}),
        ({"behaviour": "launch_and_wait"}, {"wait_out_of_range"}),
        ({"behaviour": "launch_and_wait", "wait_minutes": 0}, {"wait_out_of_range"}),
        ({"behaviour": "launch_and_wait", "wait_minutes": 20_161}, {"wait_out_of_range"}),
        (
            {"behaviour": "launch_and_wait", "wait_minutes": 5, "kind": "pre_expiration"},
            {"nothing_to_wait_with"},
        ),
        ({"name": "", "url": "x", "kind": ""}, {"name_missing", "url_unusable", "unknown_choice"}),
    ],
)
def test_unusable_terms_are_refused_with_every_reason(catalog, gita, changes, expected):
    assert codes(lambda: extensions.create_extension(catalog, terms(**changes), by=gita)) == (
        expected
    )
    assert not CustomExtension.objects.exists()


def test_a_name_is_taken_once_in_a_catalog(catalog, extension, gita, appoint):
    other = CatalogFactory()
    appoint(gita, other)

    assert codes(lambda: extensions.create_extension(catalog, terms(name="tickets"), by=gita)) == {
        "name_taken"
    }
    assert extensions.create_extension(other, terms(), by=gita)


def test_there_is_a_most(catalog, gita, monkeypatch, extension):
    monkeypatch.setattr(extensions, "MOST_EXTENSIONS", 1)

    refused = codes(lambda: extensions.create_extension(catalog, terms(name="Next"), by=gita))

    assert refused == {"too_many_extensions"}


def test_an_owner_changes_an_extension_and_the_trail_says_what(extension, gita, actions):
    changed = extensions.change_extension(
        extension, terms(url="https://other.example/", wait_minutes=5), by=gita
    )

    assert (changed.url, changed.wait_minutes) == ("https://other.example/", None)
    event = AuditEvent.objects.get()
    assert event.details["changes"] == {"url": {"old": URL, "new": "https://other.example/"}}
    extensions.change_extension(extension, terms(url="https://other.example/"), by=gita)
    assert actions() == ["extension.changed"]


def test_a_kind_stays(extension, gita):
    refused = codes(
        lambda: extensions.change_extension(extension, terms(kind="pre_expiration"), by=gita)
    )

    assert refused == {"kind_is_fixed"}


def test_a_new_secret_replaces_the_old_one_after_an_overlap(extension, gita, actions):
    (old,) = extension.secrets()

    extensions.change_secret(extension, by=gita, overlap_hours=24)
    extension.refresh_from_db()

    new = extension.secrets()[0]
    assert extension.secrets() == [new, old]
    with clock.at(clock.now() + timedelta(hours=25)):
        assert extension.secrets() == [new]
    assert actions() == ["extension.secret_changed"]


def test_a_secret_in_wrong_hands_ends_at_once(extension, gita):
    (old,) = extension.secrets()

    extensions.change_secret(extension, by=gita, overlap_hours=0)
    extension.refresh_from_db()

    assert old not in extension.secrets()
    assert len(extension.secrets()) == 1
    assert codes(lambda: extensions.change_secret(extension, by=gita, overlap_hours=-1)) == {
        "overlap_out_of_range"
    }
    assert codes(lambda: extensions.change_secret(extension, by=gita, overlap_hours=337)) == {
        "overlap_out_of_range"
    }


def test_an_unused_extension_is_deleted_with_its_test_calls(extension, gita, actions):
    callouts.call_for_test(extension, by=gita)

    extensions.delete_extension(extension, by=gita)

    assert not CustomExtension.objects.exists()
    assert not Callout.objects.exists()
    assert actions() == ["extension.tested", "extension.deleted"]


def test_an_extension_in_use_stays(ada, catalog, gita):
    policy = AssignmentPolicyFactory(package__catalog=catalog)
    extension = CustomExtensionFactory(policy=policy, stages=["created"])
    requests.submit(policy, by=ada)

    assert codes(lambda: extensions.delete_extension(extension, by=gita)) == {
        "extension_attached",
        "extension_used",
    }


def test_a_catalog_takes_its_extensions_along(catalog, extension, gita):
    operations.delete_catalog(catalog, by=gita)

    assert not CustomExtension.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_create_the_same_name_one_is_refused(catalog, gita):
    outcomes = at_once(*[lambda: extensions.create_extension(catalog, terms(), by=gita)] * 2)

    assert refusals(outcomes) == [{"name_taken"}]
    assert CustomExtension.objects.count() == 1


# What policies call


def test_a_package_manager_attaches_extensions_to_policies(catalog, extension, bo, appoint, ada):
    """Checklist 89: to each stage that fits the extension."""
    appoint(bo, catalog, "package_manager")
    package = AccessPackageFactory(catalog=catalog)
    reminders = CustomExtensionFactory(catalog=catalog, kind="pre_expiration")
    chosen = (
        *[CalloutTerms(stage.value, extension.pk) for stage in extension.stages],
        *[CalloutTerms(stage.value, reminders.pk) for stage in reminders.stages],
    )

    policy = create_policy(
        package, PolicyTerms(name="All", scope="all_members", callouts=chosen * 2), by=bo
    )

    assert terms_of(policy).callouts == chosen
    assert [row.stage for row in policy.callouts.all()] == [
        "created", "approved", "granted", "removed", "fourteen_days_before", "one_day_before",
    ]  # fmt: skip
    assert str(policy.callouts.all()[0]) == "Tickets at Access is asked for"
    change_policy(policy, PolicyTerms(name="All", scope="all_members"), by=bo)
    assert not PolicyCallout.objects.exists()
    changes = AuditEvent.objects.get(action="policy.changed").details["changes"]
    assert len(changes["callouts"]["old"]) == 6


def test_a_request_keeps_what_its_policy_called(ada, catalog):
    policy = AssignmentPolicyFactory(package__catalog=catalog)
    extension = CustomExtensionFactory(policy=policy, stages=["approved"], name="Tickets")

    access_request = requests.submit(policy, by=ada, justification="Year-end close")

    assert access_request.terms["callouts"] == [
        {"stage": "approved", "extension": str(extension.pk), "name": "Tickets"}
    ]


def test_what_does_not_fit_a_policy_is_refused(catalog, extension, gita, monkeypatch):
    package = AccessPackageFactory(catalog=catalog)
    elsewhere = CustomExtensionFactory()
    monkeypatch.setattr("entitlements.policies.callouts.MOST_CALLOUTS", 2)
    chosen = (
        CalloutTerms("created", elsewhere.pk),
        CalloutTerms("created", extension.pk),
        CalloutTerms("one_day_before", extension.pk),
    )

    def act(callouts):
        return lambda: create_policy(package, PolicyTerms(name="All", callouts=callouts), by=gita)

    assert codes(act(chosen)) == {"extension_unknown", "stage_unknown", "too_many_callouts"}
    assert codes(act((CalloutTerms("test", extension.pk),))) == {"stage_unknown"}


# What the database itself keeps


def test_extension_name_is_unique_in_its_catalog(extension):
    with pytest.raises(IntegrityError):
        CustomExtensionFactory(catalog=extension.catalog, name="TICKETS")


@pytest.mark.parametrize(
    "fields",
    [
        {"waits_for": timedelta(days=14, minutes=1)},
        {"kind": "pre_expiration", "waits_for": timedelta(days=1)},
        {"wait_minutes": 5},
        {"behaviour": "launch_and_wait"},
    ],
)
def test_extension_waits_from_1_minute_to_14_days(fields):
    with pytest.raises(IntegrityError):
        CustomExtensionFactory(**fields)


def test_policy_calls_once_per_stage(extension):
    policy = AssignmentPolicyFactory(package__catalog=extension.catalog)
    PolicyCallout.objects.create(policy=policy, extension=extension, stage="created")

    with pytest.raises(IntegrityError):
        PolicyCallout.objects.create(policy=policy, extension=extension, stage="created")


def test_extension_is_called_once_per_occasion(extension):
    called = {"extension": extension, "about_id": extension.pk, "created_at": clock.now()}
    Callout.objects.create(stage="created", **called)
    Callout.objects.create(stage="created", occasion="again", **called)

    with pytest.raises(IntegrityError):
        Callout.objects.create(stage="created", **called)


def test_answer_to_a_call_counts_once(extension):
    called = {"extension": extension, "about_id": extension.pk, "created_at": clock.now()}
    for stage in ("granted", "removed"):
        Callout.objects.create(stage=stage, **called)
    Callout.objects.create(stage="created", answer_id="msg-1", **called)

    with pytest.raises(IntegrityError):
        Callout.objects.create(stage="approved", answer_id="msg-1", **called)
