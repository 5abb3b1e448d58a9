"""One whole stage of approval, as another system says it."""

from uuid import uuid4

import pytest

from entitlements.policies.answered_stages import frozen_stage, read_stage
from entitlements.policies.models import ApprovalStage
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from tests.factories import ApprovalStageFactory, GroupFactory, StageApproverFactory, UserFactory

pytestmark = pytest.mark.django_db
GRAPH = "#microsoft.graph."


def subject(kind, **fields):
    return {"@odata.type": f"{GRAPH}{kind}", **fields}


def stage(**fields):
    return {"durationBeforeAutomaticDenial": "P2D", "primaryApprovers": [], **fields}


def codes(message):
    terms, reasons = read_stage(message)
    assert (terms is None) == bool(reasons)
    return [reason.code for reason in reasons]


def texts(message):
    return [str(reason) for reason in read_stage(message)[1]]


def test_a_whole_stage_is_read_in_the_words_of_microsoft_graph(ada, bo, gita):
    team = GroupFactory(members=[gita])
    message = stage(
        durationBeforeAutomaticDenial="P10D",
        isApproverJustificationRequired=True,
        isEscalationEnabled=True,
        durationBeforeEscalation="P3D",
        primaryApprovers=[
            subject("singleUser", userId=str(bo.pk), description="The first to be asked"),
            subject("requestorManager", managerLevel=1),
        ],
        fallbackPrimaryApprovers=[subject("singleUser", email="GITA@kestrel.example")],
        escalationApprovers=[subject("groupMembers", groupId=str(team.pk))],
        fallbackEscalationApprovers=[subject("internalSponsors")],
    )

    terms, reasons = read_stage({"@odata.type": "approvalStage", **message})

    assert reasons == []
    assert terms == StageTerms(
        approvers=(
            ApproverTerms("user", user_id=bo.pk),
            ApproverTerms("manager"),
            ApproverTerms("user", user_id=gita.pk, is_fallback=True),
            ApproverTerms("group", group_id=team.pk, is_alternate=True),
            ApproverTerms("sponsors", is_alternate=True, is_fallback=True),
        ),
        decision_days=10,
        requires_justification=True,
        escalation_days=3,
    )


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (subject("requestorManager"), "manager"),
        (subject("requestorManager", managerLevel=2), "second_manager"),
        (subject("targetManager"), "manager"),
        (subject("internalSponsors"), "sponsors"),
        (subject("targetUserSponsors"), "sponsors"),
        (subject("resourceOwners"), "resource_owners"),
        ({"@odata.type": "microsoft.graph.catalogOwners"}, "catalog_owners"),
        ({"@odata.type": "catalogOwners"}, "catalog_owners"),
    ],
)
def test_every_relation_that_the_product_has_can_be_named(entry, kind):
    terms, _ = read_stage(stage(primaryApprovers=[entry]))

    assert terms.approvers == (ApproverTerms(kind),)


def test_people_are_named_by_id_or_address_and_once(bo):
    names = [
        {"id": str(bo.pk)},
        {"userId": bo.pk.hex.upper()},
        {"email": "Bo@Kestrel.example"},
    ]
    terms, _ = read_stage(stage(primaryApprovers=[subject("singleUser", **one) for one in names]))

    assert terms.approvers == (ApproverTerms("user", user_id=bo.pk),)


def test_a_backup_is_a_fallback(bo):
    backup = subject("singleUser", id=str(bo.pk), isBackup=True)

    terms, _ = read_stage(stage(primaryApprovers=[backup]))

    assert terms.approvers == (ApproverTerms("user", user_id=bo.pk, is_fallback=True),)


def test_everybody_who_cannot_be_found_is_named(bo):
    away = UserFactory(is_active=False, email="away@kestrel.example")
    nobody, empty = uuid4(), GroupFactory(members=[away])
    message = stage(
        primaryApprovers=[
            subject("singleUser", id=str(bo.pk)),
            subject("singleUser", id=str(nobody)),
            subject("singleUser", email="who@kestrel.example"),
            subject("singleUser", email=away.email),
            subject("singleUser", email="\x00"),
        ],
        escalationApprovers=[
            subject("groupMembers", id=str(nobody)),
            subject("groupMembers", id="sales"),
            subject("groupMembers", id=str(empty.pk)),
        ],
    )

    assert codes(message) == [
        "person_unknown",
        "person_unknown",
        "person_disabled",
        "person_unknown",
        "group_unknown",
        "group_unknown",
        "group_empty",
    ]
    first, second, *_ = texts(message)
    assert first.startswith(f"primaryApprovers[1]: “{nobody}” is nobody here.")
    assert second.startswith("primaryApprovers[2]: “who@kestrel.example” is nobody here.")


@pytest.mark.parametrize(
    "kind",
    ["externalSponsors", "connectedOrganizationMembers", "attributeRuleMembers", "robot"],
)
def test_kinds_that_the_product_does_not_have_are_named(kind):
    (text,) = texts(stage(primaryApprovers=[subject(kind)]))

    assert text.startswith(f"primaryApprovers[0]: “{kind}” is no kind of approver here.")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ([], ["stage_unreadable"]),
        ("P2D", ["stage_unreadable"]),
        ({}, ["duration_missing"]),
        (stage(primaryApprovers={}), []),
        (stage(primaryApprovers="bo"), ["stage_unreadable"]),
        (stage(primaryApprovers=["bo"]), ["approver_unreadable"]),
        (stage(primaryApprovers=[{"userId": "x"}]), ["approver_unreadable"]),
        (stage(primaryApprovers=[{"@odata.type": 7}]), ["approver_unreadable"]),
        (stage(primaryApprovers=[subject("singleUser")]), ["approver_unreadable"]),
        (stage(primaryApprovers=[subject("singleUser", id=7)]), ["approver_unreadable"]),
        (stage(primaryApprovers=[subject("groupMembers", email="x")]), ["approver_unreadable"]),
        (stage(primaryApprovers=[subject("catalogOwners", isBackup=1)]), ["approver_unreadable"]),
        (
            stage(primaryApprovers=[subject("requestorManager", managerLevel=3)]),
            ["manager_level_unknown"],
        ),
        (
            stage(primaryApprovers=[subject("requestorManager", managerLevel=True)]),
            ["manager_level_unknown"],
        ),
        (stage(primaryApprover=[]), ["stage_field_unknown"]),
        (stage(isEscalationEnabled="yes"), ["stage_unreadable"]),
        (stage(isApproverJustificationRequired=1), ["stage_unreadable"]),
        (stage(isEscalationEnabled=True), ["duration_missing"]),
        (stage(durationBeforeEscalation="P1D"), ["escalation_contradicts"]),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_code(message, expected):
    assert codes(message) == expected


@pytest.mark.parametrize(
    ("text", "days"),
    [("P2D", 2), ("P1W", 7), ("P1W1D", 8), ("PT48H", 2), ("P1DT24H", 2), ("P14D", 14)],
)
def test_durations_are_whole_days_in_iso_8601(text, days):
    terms, _ = read_stage(stage(durationBeforeAutomaticDenial=text))

    assert terms.decision_days == days


@pytest.mark.parametrize("text", ["", "P", "PT", "2", "2D", "P1.5D", "-P2D", "P1M", "PT36H", 2, []])
def test_other_durations_are_refused(text):
    assert codes(stage(durationBeforeAutomaticDenial=text)) == ["duration_unreadable"]


def test_what_is_frozen_reads_as_the_stage_of_a_policy_does(bo):
    group = GroupFactory(members=[bo])
    row = ApprovalStageFactory(approvers=[bo], decision_days=3, reminder_days=[1])
    StageApproverFactory(stage=row, kind="group", user=None, group=group, is_fallback=True)
    StageApproverFactory(stage=row, kind="manager", user=None, is_fallback=True)
    terms = StageTerms(
        (
            ApproverTerms("user", user_id=bo.pk),
            ApproverTerms("group", group_id=group.pk, is_fallback=True),
            ApproverTerms("manager", is_fallback=True),
        ),
        decision_days=3,
        reminder_days=(1,),
    )

    wanted = ApprovalStage.objects.get().frozen()
    del wanted["extension"]

    assert frozen_stage(terms) == wanted
