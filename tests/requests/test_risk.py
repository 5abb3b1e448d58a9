"""A risk about a person puts a stage before those of any policy."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from entitlements import clock
from entitlements.decisions import Denied
from entitlements.models import AuditEvent, RiskSignal, RiskStage
from entitlements.policies.risk import RiskKind, RiskLevel
from entitlements.policies.risk_operations import clear_risk, report_risk
from entitlements.requests import deciding, operations
from entitlements.requests.context import facts_for_mail
from entitlements.requests.reapplying import terms_now
from entitlements.requests.states import RequestState
from tests.factories import ApprovalStageFactory, AssignmentPolicyFactory, GroupFactory, UserFactory

pytestmark = pytest.mark.django_db
HIGH, MEDIUM, LOW = RiskLevel.HIGH, RiskLevel.MEDIUM, RiskLevel.LOW


def away(user):
    raise ConnectionError("The identity provider does not answer.")


@pytest.fixture
def guard():
    """Whoever judges identity risks from the level medium on."""
    guard = UserFactory(display_name="Sana Cole")
    group = GroupFactory(name="Security desk", members=[guard])
    RiskStage.objects.create(kind=RiskKind.IDENTITY, from_level=MEDIUM, group=group)
    return guard


def positions(access_request):
    steps = access_request.steps.order_by("position")
    return [[str(user) for user in step.approvers.all()] for step in steps]


@pytest.mark.parametrize("level", [MEDIUM, HIGH])
def test_a_risk_is_judged_before_the_policys_own_stages(ada, bo, guard, approved_by_bo, level):
    report_risk(ada, "identity", level, source="Identity provider", by=None)

    asked = operations.submit(approved_by_bo, by=ada)

    assert positions(asked) == [["Sana Cole"], []]
    facts = facts_for_mail(asked.pk)
    assert facts.risk == f"Identity risk: {level.label}"
    with pytest.raises(Denied):
        deciding.approve(asked, by=bo)
    deciding.approve(asked, by=guard, justification="We spoke; the phone was found.")
    assert positions(asked) == [["Sana Cole"], ["Bo Chen"]]
    assert facts_for_mail(asked.pk).risk == ""
    assert deciding.approve(asked, by=bo).state == RequestState.DELIVERING


def test_a_request_without_approval_waits_for_whoever_judges_the_risk(ada, guard, policy):
    report_risk(ada, "identity", HIGH, source="Identity provider", by=None)

    asked = operations.submit(policy, by=ada)

    assert asked.state == RequestState.PENDING_APPROVAL
    deciding.deny_request(asked, by=guard, justification="Not before the new password.")
    asked.refresh_from_db()
    assert asked.state == RequestState.DENIED
    assert asked.assignment is None


def test_nobody_who_answers_within_the_days_denies_it(ada, guard, policy):
    report_risk(ada, "identity", HIGH, source="Identity provider", by=None)
    asked = operations.submit(policy, by=ada)

    with clock.at(clock.now() + timedelta(days=14, seconds=1)):
        assert deciding.lapse(asked.steps.get())

    asked.refresh_from_db()
    assert asked.state == RequestState.EXPIRED


def test_below_the_level_and_for_other_risks_nothing_is_put_before(ada, bo, guard, approved_by_bo):
    report_risk(ada, "identity", LOW, source="Identity provider", by=None)
    report_risk(ada, "insider", HIGH, source="Works council", by=UserFactory(is_superuser=True))

    asked = operations.submit(approved_by_bo, by=ada)

    assert positions(asked) == [["Bo Chen"]]


def test_identity_comes_before_insider(ada, bo, guard, policy):
    desk = GroupFactory(name="Compliance", members=[bo])
    RiskStage.objects.create(kind=RiskKind.INSIDER, from_level=LOW, group=desk, decision_days=3)
    report_risk(ada, "insider", LOW, source="Works council", by=None)
    report_risk(ada, "identity", HIGH, source="Identity provider", by=None)

    asked = operations.submit(policy, by=ada)

    assert [stage["approvers"][0]["name"] for stage in asked.terms["stages"]] == [
        "Security desk",
        "Compliance",
    ]


def test_whoever_is_at_risk_does_not_judge_himself(guard, policy):
    report_risk(guard, "identity", HIGH, source="Identity provider", by=None)

    asked = operations.submit(policy, by=guard)

    assert asked.state == RequestState.PENDING_APPROVAL
    assert positions(asked) == [[]]


def test_what_is_given_directly_is_not_held_up(ada, bo, guard, policy, appoint):
    appoint(bo, policy.package.catalog)
    report_risk(ada, "identity", HIGH, source="Identity provider", by=None)

    assert operations.assign(policy, ada, by=bo).state == RequestState.DELIVERING


def test_a_policy_that_is_applied_anew_keeps_the_stage_for_the_risk(ada, guard, policy):
    report_risk(ada, "identity", HIGH, source="Identity provider", by=None)
    asked = operations.submit(policy, by=ada)
    ApprovalStageFactory(policy=policy, position=1, manager=True)

    stages = terms_now(asked)["stages"]

    assert [stage.get("risk") for stage in stages] == ["identity", None]


def test_a_risk_that_was_called_off_holds_nothing_up(ada, bo, guard, policy):
    report_risk(ada, "identity", HIGH, source="Identity provider", by=None)

    ivo = UserFactory(is_superuser=True)
    assert clear_risk(ada, "identity", by=ivo)
    assert not clear_risk(ada, "identity", by=ivo)

    assert operations.submit(policy, by=ada).state == RequestState.DELIVERING
    told = AuditEvent.objects.about(ada).filter(action__startswith="user.risk")
    assert [event.action for event in told] == ["user.risk_reported", "user.risk_cleared"]
    assert told[0].details == {"kind": "identity", "level": "high", "source": "Identity provider"}


def test_a_new_level_replaces_the_one_that_stood(ada, guard, policy):
    report_risk(ada, "identity", HIGH, source="Identity provider", by=None)
    report_risk(ada, "identity", LOW, source="Identity provider", by=None)

    assert RiskSignal.objects.standing().get(user=ada).level == LOW
    assert operations.submit(policy, by=ada).state == RequestState.DELIVERING


def test_a_provider_that_cannot_say_lets_nobody_through(ada, guard, policy, settings):
    settings.RISK_PROVIDER = "tests.requests.test_risk.away"

    with pytest.raises(Denied) as denied:
        operations.submit(policy, by=ada)

    assert denied.value.codes == {"risk_unknown"}
    assert not ada.requests_made.exists()


def test_without_a_stage_no_provider_is_asked(ada, policy, settings):
    settings.RISK_PROVIDER = "tests.requests.test_risk.away"

    assert operations.submit(policy, by=ada).state == RequestState.DELIVERING


@pytest.mark.parametrize(
    ("kind", "level", "source", "codes"),
    [
        ("weather", HIGH, "Radio", {"unknown_risk"}),
        ("identity", 4, "Radio", {"unknown_level"}),
        ("identity", HIGH, " ", {"source_missing"}),
        ("identity", HIGH, "x" * 201, {"source_missing"}),
        ("weather", 0, "a\x00", {"unknown_risk", "unknown_level", "source_missing"}),
    ],
)
def test_what_cannot_be_noted_is_refused(ada, kind, level, source, codes):
    with pytest.raises(Denied) as denied:
        report_risk(ada, kind, level, source=source, by=None)

    assert denied.value.codes == codes
    assert not RiskSignal.objects.exists()


def test_risk_level_is_low_medium_or_high(ada):
    values = {"user": ada, "kind": "identity", "source": "x", "reported_at": clock.now()}

    with pytest.raises(IntegrityError, match="risk_level_is_low_medium_or_high"):
        RiskSignal.objects.create(**values, level=4)


def test_risk_is_cleared_after_it_was_reported(ada):
    values = {"user": ada, "kind": "identity", "level": 1, "reported_at": clock.now()}

    with pytest.raises(IntegrityError, match="risk_is_cleared_after_it_was_reported"):
        RiskSignal.objects.create(**values, cleared_at=clock.now() - timedelta(days=1))


def test_one_standing_risk_per_person_and_kind(ada):
    values = {"user": ada, "kind": "identity", "level": 1, "reported_at": clock.now()}
    RiskSignal.objects.create(**values)

    with pytest.raises(IntegrityError):
        RiskSignal.objects.create(**values)


@pytest.mark.parametrize("days", [0, 15])
def test_risk_stage_is_decided_in_1_to_14_days(days):
    with pytest.raises(IntegrityError, match="risk_stage_is_decided_in_1_to_14_days"):
        RiskStage.objects.create(kind="identity", group=GroupFactory(), decision_days=days)


def test_risks_are_reported_and_called_off_from_the_command_line(ada, capsys):
    call_command("risk", "report", "ADA@kestrel.example", "insider", "--level", "medium")
    call_command("risk", "clear", "ada@kestrel.example", "insider")
    call_command("risk", "clear", "ada@kestrel.example", "insider")

    assert capsys.readouterr().out.splitlines() == [
        "Insider risk of Ada Lovelace: medium.",
        "The risk is called off.",
        "No such risk stood.",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody@kestrel.example"], "Nobody has the address nobody@kestrel.example."),
        (["ada@kestrel.example", "--source", ""], "Who or what says so"),
    ],
)
def test_the_command_line_names_what_is_wrong(ada, arguments, message):
    with pytest.raises(CommandError, match=message):
        call_command("risk", "report", arguments[0], "insider", *arguments[1:])


def test_a_risk_says_what_it_is(ada, guard):
    assert str(RiskStage.objects.get()) == "Identity risk from medium"


def test_a_policy_with_its_own_stages_says_nothing_of_risk(ada, bo, approved_by_bo):
    asked = operations.submit(approved_by_bo, by=ada)

    assert facts_for_mail(asked.pk).risk == ""
    assert AssignmentPolicyFactory().stages.count() == 0
