"""What speaks against a stage, rule by rule."""

from uuid import UUID

import pytest

from entitlements.policies.stage_terms import ApproverTerms, StageTerms, stages_fit

BO, GITA, HUGO = UUID(int=1), UUID(int=2), UUID(int=3)
ASKS_BO = ApproverTerms("user", user_id=BO)
THEN_GITA = ApproverTerms("user", user_id=GITA, is_fallback=True)
ALSO_HUGO = ApproverTerms("user", user_id=HUGO, is_alternate=True)
OR_GITA = ApproverTerms("user", user_id=GITA, is_alternate=True, is_fallback=True)
SECOND = ApproverTerms("second_manager", is_alternate=True)


def codes(*stages):
    return {reason.code for reason in stages_fit(stages)}


def stage(*approvers, **terms):
    return StageTerms(approvers or (ASKS_BO,), **terms)


@pytest.mark.parametrize(
    "good",
    [
        stage(),
        stage(ApproverTerms("manager"), THEN_GITA),
        stage(ApproverTerms("sponsors"), ApproverTerms("catalog_owners", is_fallback=True)),
        stage(ApproverTerms("catalog_owners"), ApproverTerms("resource_owners")),
        stage(rule="all"),
        stage(rule="quorum", quorum=2),
        stage(ASKS_BO, ALSO_HUGO, decision_days=4, escalation_days=1),
        stage(ASKS_BO, ALSO_HUGO, decision_days=14, escalation_days=13),
        stage(ASKS_BO, SECOND, OR_GITA, escalation_days=7),
        stage(reminder_days=()),
        stage(reminder_days=(13, 1)),
    ],
)
def test_what_can_work_is_fine(good):
    assert codes(good) == set()


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (stage(THEN_GITA), "stage_without_approver"),
        (stage(ALSO_HUGO, escalation_days=7), "stage_without_approver"),
        (stage(ApproverTerms("oracle")), "approver_incomplete"),
        (stage(ApproverTerms("sponsors", user_id=BO)), "approver_incomplete"),
        (stage(ApproverTerms("manager")), "manager_without_fallback"),
        (
            stage(ApproverTerms("manager"), ApproverTerms("second_manager", is_fallback=True)),
            "manager_without_fallback",
        ),
        (stage(ApproverTerms("second_manager")), "second_manager_without_fallback"),
        (stage(ApproverTerms("sponsors")), "sponsors_without_fallback"),
        (stage(ASKS_BO, SECOND, escalation_days=7), "alternate_without_fallback"),
        (stage(rule="some"), "unknown_rule"),
        (stage(rule="quorum"), "quorum_out_of_range"),
        (stage(rule="quorum", quorum=1), "quorum_out_of_range"),
        (stage(rule="quorum", quorum=101), "quorum_out_of_range"),
        (stage(rule="all", quorum=2), "quorum_contradicts"),
        (stage(ASKS_BO, ALSO_HUGO), "escalation_days_missing"),
        (stage(escalation_days=7), "alternates_missing"),
        (stage(ASKS_BO, ALSO_HUGO, decision_days=3, escalation_days=1), "too_short_to_pass_on"),
        (
            stage(ASKS_BO, ALSO_HUGO, decision_days=4, escalation_days=4),
            "escalation_days_out_of_range",
        ),
        (
            stage(ASKS_BO, ALSO_HUGO, decision_days=4, escalation_days=0),
            "escalation_days_out_of_range",
        ),
        (
            stage(ASKS_BO, ApproverTerms("user", user_id=BO, is_alternate=True), escalation_days=7),
            "alternate_asked_already",
        ),
        (stage(reminder_days=(14,)), "reminder_days_out_of_range"),
        (stage(reminder_days=(0,)), "reminder_days_out_of_range"),
        (stage(reminder_days=(1, 2, 3, 4, 5, 6)), "too_many_reminders"),
        (stage(decision_days=0), "decision_days_out_of_range"),
    ],
)
def test_what_could_not_work_is_refused(bad, code):
    assert code in codes(bad)


@pytest.mark.parametrize("kind", ["manager", "second_manager", "sponsors"])
def test_a_relation_is_asked_in_one_stage_only(kind):
    asks = stage(ApproverTerms(kind), THEN_GITA)

    assert codes(asks, stage(), asks) == {f"{kind}_asked_twice"}


def test_a_relation_may_be_an_alternate_or_fallback_elsewhere():
    asks = stage(ApproverTerms("manager"), THEN_GITA)
    passes_on = stage(
        ASKS_BO,
        ApproverTerms("manager", is_alternate=True),
        ApproverTerms("manager", is_fallback=True),
        OR_GITA,
        escalation_days=7,
    )

    assert codes(asks, passes_on) == set()


def test_there_is_no_limit_of_stages():
    assert codes(*[stage()] * 50) == set()


def test_every_reason_names_its_stage():
    reasons = list(stages_fit((stage(), stage(rule="quorum", decision_days=99))))

    assert len(reasons) == 2
    assert all("stage 2" in reason.text.lower() for reason in reasons)
