"""Every version of a policy is kept, can be compared with any other, and restored as a draft."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError

from entitlements import clock
from entitlements.comparing import Difference, differences
from entitlements.decisions import Denied
from entitlements.models import AssignmentPolicy, AuditEvent, PolicyDraft, PolicyVersion
from entitlements.plain import from_plain, to_plain
from entitlements.policies import drafts
from entitlements.policies.operations import change_policy, create_policy, delete_policy, terms_of
from entitlements.policies.question_terms import ChoiceTerms, QuestionTerms
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.policies.terms import PolicyTerms
from entitlements.versions import number_of
from tests.factories import AccessPackageFactory, AssignmentPolicyFactory, GroupFactory
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db


@pytest.fixture
def package():
    return AccessPackageFactory()


@pytest.fixture
def olga(gita, package, appoint):
    return appoint(gita, package.catalog, "package_manager")


@pytest.fixture
def policy(package, olga):
    return create_policy(package, PolicyTerms("Staff", scope="all_members"), by=olga)


def change(policy, by, **changes):
    policy.refresh_from_db()
    return change_policy(policy, replace(terms_of(policy), **changes), by=by)


def test_a_new_policy_is_its_first_version(policy, olga):
    [version] = drafts.versions_of(policy)

    assert (version.number, version.by) == (1, olga)
    assert version.terms == terms_of(policy)
    assert number_of(policy) == 1


def test_each_change_is_a_version_and_none_is_lost(policy, olga, bo, appoint):
    appoint(bo, policy.package.catalog)
    change(policy, olga, duration=30)
    change(policy, bo, name="Everybody", scope="all_users")

    versions = drafts.versions_of(policy)

    assert [version.number for version in versions] == [3, 2, 1]
    assert [version.by for version in versions] == [bo, olga, olga]
    assert [version.terms.name for version in versions] == ["Everybody", "Staff", "Staff"]
    assert [version.terms.duration for version in versions] == [30, 30, 365]


def test_saving_without_a_change_is_no_version(policy, olga):
    change(policy, olga)

    assert number_of(policy) == 1


def test_a_refused_change_is_no_version(policy, olga):
    with pytest.raises(Denied):
        change(policy, olga, duration=0)

    assert number_of(policy) == 1


def test_a_policy_from_before_versions_gets_its_first_with_its_first_change(olga, package):
    policy = AssignmentPolicyFactory(package=package, duration=90)
    assert [version.terms.duration for version in drafts.versions_of(policy)] == [90]

    change(policy, olga, duration=30)

    newest, first = drafts.versions_of(policy)
    assert (newest.number, newest.by, newest.terms.duration) == (2, olga, 30)
    assert (first.number, first.by, first.terms.duration) == (1, None, 90)
    assert first.at == policy.created_at


def test_the_event_of_a_change_names_its_version(policy, olga):
    change(policy, olga, duration=30)

    event = AuditEvent.objects.filter(action="policy.changed").get()
    assert event.details["version"] == 2


def test_versions_go_with_a_policy_that_was_never_used(policy, olga):
    change(policy, olga, duration=30)
    drafts.restore_as_draft(policy, 1, by=olga)

    delete_policy(policy, by=olga)

    assert not PolicyVersion.objects.exists()
    assert not PolicyDraft.objects.exists()


def test_policy_version_is_numbered_once(policy):
    version = policy.versions.get()
    assert str(version) == "Version 1 of Staff"

    with pytest.raises(IntegrityError):
        PolicyVersion.objects.create(policy=policy, number=1, terms={}, at=clock.now())


# Two at once


def test_saving_over_a_newer_version_is_refused_and_says_whose_it_is(policy, olga, bo, appoint):
    appoint(bo, policy.package.catalog)
    mine = replace(terms_of(policy), duration=30)
    change(policy, bo, name="Everybody")

    with pytest.raises(Denied) as refused:
        change_policy(policy, mine, by=olga, based_on=1)

    assert refused.value.codes == {"policy_changed_meanwhile"}
    assert "Bo Chen saved version 2" in str(refused.value)
    policy.refresh_from_db()
    assert (policy.name, policy.duration) == ("Everybody", 365)


def test_saving_over_the_newest_version_is_fine(policy, olga):
    change(policy, olga, duration=30)

    change_policy(policy, replace(terms_of(policy), duration=60), by=olga, based_on=2)

    assert number_of(policy) == 3


def test_a_policy_never_changed_is_edited_on_its_first_version(olga, package):
    policy = AssignmentPolicyFactory(package=package)

    change_policy(policy, replace(terms_of(policy), duration=60), by=olga, based_on=1)

    assert number_of(policy) == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_once_one_is_refused(policy, olga, bo, appoint):
    appoint(bo, policy.package.catalog)
    terms = terms_of(policy)

    outcomes = at_once(
        lambda: change_policy(policy, replace(terms, duration=30), by=olga, based_on=1),
        lambda: change_policy(policy, replace(terms, duration=60), by=bo, based_on=1),
    )

    assert refusals(outcomes) == [{"policy_changed_meanwhile"}]
    newest = drafts.versions_of(policy)[0]
    policy.refresh_from_db()
    assert newest.number == 2
    assert newest.terms.duration == policy.duration


# Drafts


def test_a_restored_version_does_nothing_until_it_is_saved(policy, olga):
    change(policy, olga, duration=30, description="Short.")

    draft = drafts.restore_as_draft(policy, 1, by=olga)

    policy.refresh_from_db()
    assert str(draft) == "Draft of Staff"
    assert (draft.number, draft.by) == (1, olga)
    assert draft.read().duration == 365
    assert policy.duration == 30
    assert number_of(policy) == 2


def test_saving_the_draft_makes_a_new_version_and_ends_it(policy, olga):
    change(policy, olga, duration=30)
    draft = drafts.restore_as_draft(policy, 1, by=olga)

    change_policy(policy, draft.read(), by=olga, based_on=2, is_draft=True)

    assert [version.terms.duration for version in drafts.versions_of(policy)] == [365, 30, 365]
    assert not PolicyDraft.objects.exists()


def test_what_was_entered_is_kept_as_a_draft_and_counts_when_it_is_saved(policy, olga, actions):
    terms = replace(terms_of(policy), duration=30, name="Everybody")

    draft = drafts.keep_draft(policy, terms, by=olga)

    policy.refresh_from_db()
    assert (policy.name, policy.duration) == ("Staff", 365)
    assert (draft.number, draft.by, draft.read()) == (None, olga, terms)
    assert actions()[-1] == "policy.draft_kept"
    assert number_of(policy) == 1

    change_policy(policy, draft.read(), by=olga, is_draft=True)

    policy.refresh_from_db()
    assert (policy.name, policy.duration) == ("Everybody", 30)
    assert not PolicyDraft.objects.exists()


def test_what_could_not_be_saved_is_no_draft(policy, olga, package):
    AssignmentPolicyFactory(package=package, name="Taken")

    for changes, codes in (
        ({"duration": 0}, {"duration_out_of_range"}),
        ({"name": "Taken"}, {"name_taken"}),
    ):
        with pytest.raises(Denied) as refused:
            drafts.keep_draft(policy, replace(terms_of(policy), **changes), by=olga)
        assert refused.value.codes == codes

    assert not PolicyDraft.objects.exists()


def test_another_change_leaves_the_draft_alone(policy, olga):
    change(policy, olga, duration=30)
    drafts.restore_as_draft(policy, 1, by=olga)

    change(policy, olga, duration=60)

    assert policy.draft.read().duration == 365


def test_a_draft_takes_the_place_of_another(policy, olga):
    change(policy, olga, duration=30)
    change(policy, olga, duration=60)
    drafts.restore_as_draft(policy, 1, by=olga)

    drafts.restore_as_draft(policy, 2, by=olga)

    assert PolicyDraft.objects.get().number == 2


def test_a_draft_is_thrown_away_once(policy, olga, actions):
    change(policy, olga, duration=30)
    drafts.restore_as_draft(policy, 1, by=olga)

    drafts.throw_away_draft(policy, by=olga)
    drafts.throw_away_draft(policy, by=olga)

    assert not PolicyDraft.objects.exists()
    assert actions()[-2:] == ["policy.draft_made", "policy.draft_thrown_away"]


@pytest.mark.parametrize("number", [0, 2, 3])
def test_only_an_earlier_version_can_be_restored(policy, olga, number):
    change(policy, olga, duration=30)

    with pytest.raises(Denied) as refused:
        drafts.restore_as_draft(policy, number, by=olga)

    assert refused.value.codes == {"no_such_version"}


def test_only_those_who_manage_packages_touch_drafts(policy, olga, bo, appoint):
    appoint(bo, policy.package.catalog, "assignment_manager")
    change(policy, olga, duration=30)

    for act in (
        lambda: drafts.restore_as_draft(policy, 1, by=bo),
        lambda: drafts.keep_draft(policy, terms_of(policy), by=bo),
        lambda: drafts.throw_away_draft(policy, by=bo),
    ):
        with pytest.raises(Denied) as refused:
            act()
        assert refused.value.codes == {"not_permitted"}


# Plain values, and what differs


def everything(**changes):
    """Terms with something in every kind of field."""
    terms = PolicyTerms(
        "Staff",
        scope="specific",
        allowed_user_ids=(uuid4(),),
        allowed_group_ids=(uuid4(), uuid4()),
        expiration="on_date",
        ends_on=clock.now(),
        duration=None,
        stages=(
            StageTerms((ApproverTerms("manager"), ApproverTerms("user", uuid4(), None, True))),
            StageTerms((ApproverTerms("group", group_id=uuid4()),), decision_days=3),
        ),
        questions=(
            QuestionTerms("choice", "Which?", uuid4(), choices=(ChoiceTerms("A", {"de": "Ah"}),)),
            QuestionTerms("number", "How many?", uuid4(), minimum="1"),
        ),
    )
    return replace(terms, **changes)


def test_terms_become_plain_values_and_terms_again():
    terms = everything()

    plain = to_plain(terms)

    assert isinstance(plain["allowed_user_ids"][0], str)
    assert from_plain(PolicyTerms, plain) == terms


def test_older_terms_get_defaults_and_lose_what_is_not_known_any_more():
    plain = {"name": "Staff", "was_removed": 1, "stages": [{"approvers": [], "was_removed": 2}]}

    assert from_plain(PolicyTerms, plain) == PolicyTerms("Staff", stages=(StageTerms(()),))


def test_equal_terms_do_not_differ():
    terms = everything()

    assert differences(terms, terms) == []


def test_what_differs_is_named_field_by_field():
    before = everything()
    stage = replace(before.stages[1], decision_days=7, requires_justification=True)
    first, second = before.questions
    after = replace(
        before,
        name="Everybody",
        ends_on=before.ends_on + timedelta(days=1),
        stages=(before.stages[0], stage, StageTerms(())),
        questions=(replace(first, text="Which one?"),),
    )

    found = differences(before, after)

    assert found[:2] == [
        Difference("name", "Staff", "Everybody"),
        Difference("ends_on", before.ends_on.isoformat(), after.ends_on.isoformat()),
    ]
    assert found[2:4] == [
        Difference("decision_days", 3, 7, "stages", 2),
        Difference("requires_justification", False, True, "stages", 2),
    ]
    assert (found[4].part, found[4].position, found[4].field) == ("stages", 3, "")
    assert found[4].old is None
    assert found[5] == Difference("text", "Which?", "Which one?", "questions", 1)
    assert (found[6].part, found[6].position, found[6].new) == ("questions", 2, None)
    assert found[6].old["text"] == second.text
    assert len(found) == 7


def test_questions_in_another_order_are_one_difference():
    before = everything()
    after = replace(before, questions=before.questions[::-1])

    [difference] = differences(before, after)

    assert (difference.part, difference.field) == ("questions", "order")
    assert [question["text"] for question in difference.new] == ["How many?", "Which?"]


def test_a_version_reads_the_same_after_its_groups_are_gone(policy, olga):
    group = GroupFactory()
    change(policy, olga, scope="specific", allowed_group_ids=(group.pk,))
    key = group.pk
    group.delete()

    assert drafts.versions_of(policy)[0].terms.allowed_group_ids == (key,)
    assert AssignmentPolicy.objects.get().allowed_groups.count() == 0
