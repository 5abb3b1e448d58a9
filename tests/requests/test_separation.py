"""What clashes and what is missing: on asking, on giving, at the start, and when extending."""

from datetime import timedelta

import pytest

from entitlements import clock, sweep
from entitlements.assignments.models import Assignment
from entitlements.catalog.incompatibilities import ClashException, ExceptionState
from entitlements.decisions import Denied
from entitlements.models import AccessRequest, GroupNesting
from entitlements.policies import clashes
from entitlements.requests import candidates, deciding, operations
from entitlements.requests.separation import clashes_of, separation_of, separations_of
from entitlements.requests.states import RequestState
from tests.factories import (
    AccessPackageFactory,
    AccessRequestFactory,
    ApprovalStageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)
from tests.threads import at_once, refusals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def catalog(db):
    return CatalogFactory(name="Finance")


@pytest.fixture
def owner(appoint, catalog):
    return appoint(UserFactory(display_name="Olga Owner"), catalog)


def role_of(name, catalog):
    return ResourceRoleFactory(resource=ResourceFactory(name=name, catalog=catalog))


@pytest.fixture
def enter(catalog):
    """A policy of “Enter payments”."""
    role = role_of("Entry", catalog)
    package = AccessPackageFactory(name="Enter payments", catalog=catalog, roles=[role])
    return AssignmentPolicyFactory(package=package, allows_extension=True)


@pytest.fixture
def release(catalog):
    """A policy of “Release payments”."""
    role = role_of("Bank", catalog)
    package = AccessPackageFactory(name="Release payments", catalog=catalog, roles=[role])
    return AssignmentPolicyFactory(package=package, allows_extension=True, allows_custom_dates=True)


def hold(policy, person, **facts):
    return AssignmentFactory(policy=policy, target=person, **facts)


def test_what_is_held_counts_before_what_is_only_approved(ada, enter, release, owner):
    clashes.add_clash(release.package, enter.package, by=owner)
    held = hold(enter, ada)
    AccessRequestFactory(policy=enter, target=ada, requestor=ada, state=RequestState.SCHEDULED)

    [clash] = separation_of(release.package, ada).clashes

    assert (clash.holding_id, clash.is_coming) == (held.pk, False)


def codes_for(policy, person):
    return candidates.can_request(policy, person).codes


def only_role(policy):
    return policy.package.roles.get()


def allow(person, package, other, *, by, proposed_by, **facts):
    """An exception as its operations leave it, for two days from yesterday."""
    moment = clock.now()
    other = {"other_group": other} if hasattr(other, "members") else {"other_package": other}
    given = {
        "state": ExceptionState.APPROVED,
        "starts_at": moment - DAY,
        "ends_at": moment + DAY,
        "decided_by": by,
        "decided_at": moment,
    }
    return ClashException.objects.create(
        person=person,
        package=package,
        reason="Cover for a colleague",
        proposed_by=proposed_by,
        proposed_at=moment,
        **other,
        **(given | facts),
    )


def test_who_holds_a_clashing_package_cannot_ask_and_sees_why(ada, enter, release, owner):
    clashes.add_clash(release.package, enter.package, by=owner)
    hold(enter, ada)

    with pytest.raises(Denied) as denied:
        operations.submit(release, by=ada)

    [reason] = denied.value.decision.reasons
    assert reason.code == "clash"
    assert reason.text == "Release payments clashes with Enter payments, which is held."
    assert reason.remedy == (
        "Give back Enter payments first. The owners of Finance can change the clash or allow an "
        "exception."
    )
    assert reason.about == "Enter payments"
    assert not AccessRequest.objects.exists()


def test_a_clash_is_refused_on_direct_assignment_too(ada, enter, release, owner):
    clashes.add_clash(release.package, enter.package, by=owner)
    hold(enter, ada)

    with pytest.raises(Denied) as denied:
        operations.assign(release, ada, by=owner)

    assert denied.value.codes == {"clash"}


def test_a_one_way_clash_speaks_against_one_of_the_two_only(ada, bo, enter, release, owner):
    clashes.add_clash(release.package, enter.package, by=owner)
    hold(enter, ada)
    hold(release, bo)

    assert codes_for(release, ada) == {"clash"}
    assert codes_for(enter, bo) == frozenset()
    assert operations.submit(enter, by=bo).state == RequestState.DELIVERING


def test_a_symmetric_clash_speaks_against_both(ada, bo, enter, release, owner):
    clashes.add_clash(release.package, enter.package, by=owner, is_symmetric=True)
    hold(enter, ada)
    hold(release, bo)

    assert codes_for(release, ada) == {"clash"}
    assert codes_for(enter, bo) == {"clash"}


def test_access_that_has_ended_does_not_clash(ada, enter, release, owner):
    clashes.add_clash(release.package, enter.package, by=owner)
    hold(enter, ada, starts_at=clock.now() - 2 * DAY, ends_at=clock.now() - DAY)

    assert codes_for(release, ada) == frozenset()


def test_a_group_clashes_also_through_nested_groups(ada, bo, gita, release, owner):
    outer, inner = GroupFactory(name="Auditors", members=[bo]), GroupFactory(members=[ada])
    GroupNesting.objects.create(parent=outer, child=inner)
    clashes.add_clash(release.package, outer, by=owner)

    assert codes_for(release, ada) == {"clash"}
    assert codes_for(release, bo) == {"clash"}
    assert codes_for(release, gita) == frozenset()
    [reason] = candidates.can_request(release, ada).reasons
    assert reason.text == "Release payments clashes with being in the group Auditors."
    assert reason.remedy.startswith("Leave the group first.")


def test_a_role_named_by_a_package_clashes_through_whatever_gives_it(
    ada, bo, enter, release, owner
):
    clashes.add_clash(release.package, only_role(enter), by=owner)
    hold(enter, ada)
    hold(release, bo)

    [reason] = candidates.can_request(release, ada).reasons
    assert reason.text == (
        "Release payments clashes with Enter payments, which is held: it gives Entry: Member."
    )
    assert codes_for(enter, bo) == frozenset()


def test_a_symmetric_clash_with_a_role_keeps_it_from_holders_of_the_package(
    ada, enter, release, owner
):
    clashes.add_clash(release.package, only_role(enter), by=owner, is_symmetric=True)
    hold(release, ada)

    [reason] = candidates.can_request(enter, ada).reasons
    assert reason.text == (
        "Enter payments clashes with Release payments, which is held: Entry: Member is kept apart "
        "from it."
    )


@pytest.mark.parametrize("turns_round", [False, True])
def test_packages_clash_through_the_roles_that_they_contain(
    ada, bo, enter, release, owner, catalog, turns_round
):
    roles = [only_role(enter), only_role(release)]
    if turns_round:
        roles.reverse()
    clashes.add_role_clash(catalog, *roles, by=owner)
    hold(enter, ada)
    hold(release, bo)

    [reason] = candidates.can_request(release, ada).reasons
    assert reason.text == (
        "Release payments clashes with Enter payments, which is held: "
        "Bank: Member and Entry: Member are kept apart."
    )
    assert codes_for(enter, bo) == {"clash"}


def test_a_package_with_both_roles_does_not_clash_with_itself(ada, enter, release, owner, catalog):
    both = AccessPackageFactory(catalog=catalog, roles=[only_role(enter), only_role(release)])
    clashes.add_role_clash(catalog, only_role(enter), only_role(release), by=owner)
    policy = AssignmentPolicyFactory(package=both)
    assignment = operations.submit(policy, by=ada).assignment

    assert assignment.is_live
    assert codes_for(policy, ada) == {"already_held"}
    assert codes_for(enter, ada) == {"clash"}


def test_two_entries_about_one_package_are_one_reason(ada, enter, release, owner, catalog):
    clashes.add_role_clash(catalog, only_role(enter), only_role(release), by=owner)
    clashes.add_clash(release.package, enter.package, by=owner)
    hold(enter, ada)

    [reason] = candidates.can_request(release, ada).reasons
    assert reason.text == "Release payments clashes with Enter payments, which is held."


def test_all_clashes_are_told_at_once(ada, enter, release, owner, catalog):
    group = GroupFactory(name="Auditors", members=[ada])
    clashes.add_clash(release.package, enter.package, by=owner)
    clashes.add_clash(release.package, group, by=owner)
    clashes.add_prerequisite(release.package, AccessPackageFactory(catalog=catalog), by=owner)
    hold(enter, ada)

    reasons = candidates.can_request(release, ada).reasons
    assert [reason.code for reason in reasons] == ["clash", "clash", "prerequisite_missing"]


def test_access_that_starts_later_clashes_already(ada, enter, release, owner):
    clashes.add_clash(enter.package, release.package, by=owner)
    operations.submit(release, by=ada, starts_at=clock.now() + DAY)

    with pytest.raises(Denied) as denied:
        operations.submit(enter, by=ada)

    [reason] = denied.value.decision.reasons
    assert reason.text == (
        "Enter payments clashes with Release payments, which is approved and starts later."
    )
    assert reason.remedy.startswith("Cancel the request for Release payments first.")


def test_a_request_that_still_waits_does_not_clash_but_the_second_approved_is_called_off(
    ada, bo, enter, release, owner
):
    clashes.add_clash(release.package, enter.package, by=owner, is_symmetric=True)
    for policy in (enter, release):
        ApprovalStageFactory(policy=policy, approvers=[bo])
    first, second = (operations.submit(policy, by=ada) for policy in (enter, release))

    first, second = (deciding.approve(one, by=bo) for one in (first, second))

    assert first.state == RequestState.DELIVERING
    assert second.state == RequestState.CANCELED
    assert second.outcome_reason == "Release payments clashes with Enter payments, which is held."
    assert Assignment.objects.live().get().package == enter.package


def test_a_scheduled_request_that_clashes_by_then_is_called_off_at_its_start(
    ada, enter, release, owner
):
    later = operations.submit(release, by=ada, starts_at=clock.now() + DAY)
    operations.submit(enter, by=ada)
    clashes.add_clash(release.package, enter.package, by=owner)

    with clock.at(clock.now() + 2 * DAY):
        sweep.start_what_is_due()

    later.refresh_from_db()
    assert later.state == RequestState.CANCELED
    assert later.outcome_reason == "Release payments clashes with Enter payments, which is held."


def test_of_two_that_start_later_the_first_to_start_wins(ada, enter, release, owner):
    enter.allows_custom_dates = True
    enter.save()
    second = operations.submit(release, by=ada, starts_at=clock.now() + 2 * DAY)
    first = operations.submit(enter, by=ada, starts_at=clock.now() + DAY)
    clashes.add_clash(release.package, enter.package, by=owner, is_symmetric=True)

    with clock.at(clock.now() + 3 * DAY):
        sweep.start_what_is_due()

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == (RequestState.DELIVERING, RequestState.CANCELED)


def test_who_holds_both_keeps_both_but_cannot_extend(ada, enter, release, owner):
    held = hold(release, ada, ends_at=clock.now() + DAY)
    hold(enter, ada)
    clashes.add_clash(release.package, enter.package, by=owner)

    with pytest.raises(Denied) as denied:
        operations.extend(held, by=ada)
    with pytest.raises(Denied) as denied_too:
        operations.prolong(held, by=owner)

    assert denied.value.codes == denied_too.value.codes == {"clash"}
    assert Assignment.objects.live().count() == 2


def test_an_extension_is_called_off_when_it_clashes_by_its_approval(ada, bo, enter, release, owner):
    release.extension_requires_approval = True
    release.save()
    ApprovalStageFactory(policy=release, approvers=[bo])
    held = hold(release, ada, ends_at=clock.now() + DAY)
    asked = operations.extend(held, by=ada)
    hold(enter, ada)
    clashes.add_clash(release.package, enter.package, by=owner)

    assert deciding.approve(asked, by=bo).state == RequestState.CANCELED
    held.refresh_from_db()
    assert held.ends_at < clock.now() + 2 * DAY


def test_an_exception_in_force_allows_a_clash_until_its_end(ada, bo, enter, release, owner):
    clashes.add_clash(release.package, enter.package, by=owner, is_symmetric=True)
    allowed = allow(ada, enter.package, release.package, by=bo, proposed_by=owner)
    hold(enter, ada)

    assert codes_for(release, ada) == frozenset()
    [clash] = separation_of(release.package, ada).exceptions
    assert clash.excepted_until == allowed.ends_at
    with clock.at(allowed.ends_at):
        assert codes_for(release, ada) == {"clash"}


def test_an_exception_from_a_clash_with_a_group_is_for_that_group(ada, bo, release, owner):
    auditors, others = GroupFactory(members=[ada]), GroupFactory(members=[ada])
    clashes.add_clash(release.package, auditors, by=owner)
    clashes.add_clash(release.package, others, by=owner)
    allow(ada, release.package, auditors, by=bo, proposed_by=owner)

    [clash] = separation_of(release.package, ada).open_clashes
    assert clash.other_id == others.pk


@pytest.mark.parametrize(
    "facts",
    [
        {"state": ExceptionState.PROPOSED, "decided_by": None},
        {"state": ExceptionState.REFUSED},
        {"starts_at": clock.now() + DAY / 2},
        {"ends_at": clock.now() - DAY / 2},
    ],
)
def test_an_exception_that_is_not_in_force_allows_nothing(ada, bo, enter, release, owner, facts):
    clashes.add_clash(release.package, enter.package, by=owner)
    allow(ada, release.package, enter.package, proposed_by=owner, **({"by": bo} | facts_of(facts)))
    hold(enter, ada)

    assert codes_for(release, ada) == {"clash"}


def facts_of(facts):
    return {"by" if name == "decided_by" else name: value for name, value in facts.items()}


def test_an_exception_of_another_person_allows_nothing(ada, bo, gita, enter, release, owner):
    clashes.add_clash(release.package, enter.package, by=owner)
    allow(bo, release.package, enter.package, by=gita, proposed_by=owner)
    hold(enter, ada)

    assert codes_for(release, ada) == {"clash"}


def test_what_is_required_must_be_held_first(ada, enter, release, owner):
    clashes.add_prerequisite(release.package, enter.package, by=owner)

    for act in (
        lambda: operations.submit(release, by=ada),
        lambda: operations.assign(release, ada, by=owner),
    ):
        with pytest.raises(Denied) as denied:
            act()
        [reason] = denied.value.decision.reasons
        assert reason.code == "prerequisite_missing"
        assert reason.text == "Release payments requires Enter payments, which is not held."
        assert reason.remedy == (
            "Ask for Enter payments first. The owners of Finance decide what Release payments "
            "requires."
        )

    hold(enter, ada)
    assert codes_for(release, ada) == frozenset()


def test_what_only_starts_later_is_not_held_yet(ada, enter, release, owner):
    clashes.add_prerequisite(enter.package, release.package, by=owner)
    operations.submit(release, by=ada, starts_at=clock.now() + DAY)

    assert codes_for(enter, ada) == {"prerequisite_missing"}


def test_of_alternatives_one_is_enough(ada, enter, release, owner, catalog):
    other = AccessPackageFactory(name="Audit payments", catalog=catalog)
    clashes.add_prerequisite(release.package, enter.package, by=owner, is_alternative=True)
    clashes.add_prerequisite(release.package, other, by=owner, is_alternative=True)

    [reason] = candidates.can_request(release, ada).reasons
    assert reason.text == (
        "Release payments requires Audit payments or Enter payments; none of them is held."
    )
    hold(enter, ada)
    assert codes_for(release, ada) == frozenset()


def test_a_request_whose_prerequisite_ended_is_called_off_at_its_start(ada, enter, release, owner):
    clashes.add_prerequisite(release.package, enter.package, by=owner)
    needed = hold(enter, ada)
    later = operations.submit(release, by=ada, starts_at=clock.now() + DAY)
    operations.give_back(needed, by=ada)

    with clock.at(clock.now() + 2 * DAY):
        sweep.start_what_is_due()

    later.refresh_from_db()
    assert later.state == RequestState.CANCELED
    assert later.outcome_reason == "Release payments requires Enter payments, which is not held."


def test_access_stays_when_its_prerequisite_ends_but_cannot_be_extended(ada, enter, release, owner):
    clashes.add_prerequisite(release.package, enter.package, by=owner)
    needed, held = hold(enter, ada), hold(release, ada)
    operations.give_back(needed, by=ada)

    held.refresh_from_db()
    assert held.is_live
    assert candidates.can_extend(held).codes == {"prerequisite_missing"}


def test_many_people_are_checked_by_as_many_queries_as_few(
    enter, release, owner, bo, gita, django_assert_num_queries
):
    clashes.add_clash(release.package, enter.package, by=owner)
    group = GroupFactory()
    clashes.add_clash(release.package, group, by=owner)
    people = UserFactory.create_batch(40)
    for person in people[::2]:
        hold(enter, person)
    allow(people[0], release.package, enter.package, by=bo, proposed_by=gita)

    for some in (people[:4], people):
        with django_assert_num_queries(4):
            found = clashes_of(release.package, some)
        assert set(found) == {person.pk for person in some[::2]}
    with django_assert_num_queries(1):
        assert separations_of(enter.package, [person.pk for person in people]) == {}


@pytest.mark.django_db(transaction=True)
def test_of_two_requests_that_clash_approved_at_once_one_starts_and_one_is_called_off(
    ada, bo, gita, enter, release, owner
):
    clashes.add_clash(release.package, enter.package, by=owner, is_symmetric=True)
    ApprovalStageFactory(policy=enter, approvers=[bo])
    ApprovalStageFactory(policy=release, approvers=[gita])
    first, second = (operations.submit(policy, by=ada) for policy in (enter, release))

    outcomes = at_once(
        lambda: deciding.approve(first, by=bo), lambda: deciding.approve(second, by=gita)
    )

    assert refusals(outcomes) == []
    assert sorted(outcome.state for outcome in outcomes) == [
        RequestState.CANCELED,
        RequestState.DELIVERING,
    ]
    assert Assignment.objects.live().count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_give_what_clashes_at_once_one_is_refused_or_called_off(
    ada, enter, release, owner
):
    clashes.add_clash(release.package, enter.package, by=owner, is_symmetric=True)

    outcomes = at_once(
        lambda: operations.assign(enter, ada, by=owner),
        lambda: operations.assign(release, ada, by=owner),
    )

    called_off = [
        outcome for outcome in outcomes if getattr(outcome, "state", "") == RequestState.CANCELED
    ]
    assert len(refusals(outcomes)) + len(called_off) == 1
    assert Assignment.objects.live().count() == 1
