"""Guests that come from a source: to whom they belong is settled by the sync, and then it stays."""

import pytest
from django.core.management import call_command

from entitlements.audit.models import AuditEvent
from entitlements.directory.organizations.guests import newcomer
from entitlements.models import ConnectedOrganization, User
from entitlements.requests.inviting import invite
from entitlements.requests.states import RequestState
from tests.factories import (
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    ConnectedOrganizationFactory,
)

pytestmark = pytest.mark.django_db
HEADER = "id,email,display_name,user_type\n"
ELI = "1,eli@blueharbour.example,Eli Weiss,guest\n"


@pytest.fixture
def harbour():
    return ConnectedOrganizationFactory(name="Blue Harbour", domains=["blueharbour.example"])


@pytest.fixture
def run(tmp_path, capsys):
    """Import people from a CSV file; return what was printed."""

    def run(rows, *options, header=HEADER):
        path = tmp_path / "users.csv"
        path.write_text(header + rows)
        call_command("import_directory", "--users", str(path), *options)
        return capsys.readouterr().out

    return run


def eli():
    return User.objects.get(display_name__startswith="Eli")


def test_a_new_guest_belongs_to_whose_his_domain_is(run, harbour):
    run(f"{ELI}2,ada@kestrel.example,Ada,\n3,x@sub.blueharbour.example,X,guest\n")

    assert eli().organization == harbour
    assert list(harbour.guests.all()) == [eli()]


def test_a_member_belongs_to_nobody_whatever_his_domain(run, harbour):
    run(ELI.replace("guest", "member"))
    assert eli().organization is None

    run(ELI)
    assert eli().organization == harbour
    changes = AuditEvent.objects.get(action="user.changed").details["changes"]
    assert changes["organization"] == [None, "Blue Harbour"]

    run(ELI.replace("guest", "member"))
    assert eli().organization is None


def test_whom_somebody_belongs_to_stays_when_the_domain_moves(run, harbour):
    run(ELI)
    harbour.domains.all().delete()
    ConnectedOrganizationFactory(name="Other", domains=["blueharbour.example"])

    run(ELI.replace("Eli Weiss", "Eli W. Weiss"))

    assert eli().display_name == "Eli W. Weiss"
    assert eli().organization == harbour


def test_another_address_is_another_organization(run, harbour):
    quay = ConnectedOrganizationFactory(name="Quay", domains=["quay.example"])
    run(ELI)

    printed = run(ELI.replace("blueharbour", "quay"), "--dry-run")
    assert "organization: Blue Harbour → Quay" in printed
    assert eli().organization == harbour
    run(ELI.replace("blueharbour", "quay"))
    assert eli().organization == quay
    run(ELI.replace("blueharbour", "elsewhere"))
    assert eli().organization is None


def test_a_guest_who_belongs_to_nobody_is_looked_at_with_every_sync(run):
    run(ELI)
    assert eli().organization is None
    harbour = ConnectedOrganizationFactory(domains=["blueharbour.example"])

    run(ELI)

    assert eli().organization == harbour


def test_a_source_that_says_nothing_of_types_leaves_guests_where_they_are(run, harbour):
    run(ELI)

    run(
        "1,eli@blueharbour.example,Eli Weissmann\n4,new@blueharbour.example,Newcomer\n",
        header="id,email,display_name\n",
    )

    assert eli().display_name == "Eli Weissmann"
    assert eli().organization == harbour
    assert not User.objects.get(display_name="Newcomer").is_guest


def test_a_sync_makes_the_account_of_whoever_was_invited(run, harbour, gita, bo, appoint):
    policy = AssignmentPolicyFactory(scope="all_organizations")
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    appoint(gita, policy.package.catalog)
    waiting = invite(policy, "eli@blueharbour.example", by=gita, name="Eli")
    assert eli().is_invited

    printed = run(ELI)

    assert "take over" in printed or eli().source_key == "1"
    person = eli()
    assert (person.is_invited, person.is_active) == (False, True)
    assert person.organization == harbour
    assert waiting.target_id == person.pk
    assert waiting.state == RequestState.PENDING_APPROVAL


def test_whoever_was_invited_may_turn_out_to_be_a_member(run, harbour):
    newcomer("eli@blueharbour.example").save()

    run(ELI.replace("guest", "member"))

    person = eli()
    assert (person.is_invited, person.is_active, person.is_guest) == (False, True, False)
    assert person.organization is None


def test_many_guests_cost_no_more_queries(run, harbour, django_assert_max_num_queries):
    rows = "".join(f"{n},g{n}@blueharbour.example,Guest {n},guest\n" for n in range(200))

    with django_assert_max_num_queries(40):
        run(rows)

    assert harbour.guests.count() == 200
    assert ConnectedOrganization.objects.count() == 1
