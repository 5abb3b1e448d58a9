"""Who holds what clashes already, and exceptions that end by themselves."""

from datetime import timedelta

import pytest

from entitlements import clock, sweep
from entitlements.catalog.incompatibilities import ClashException
from entitlements.catalog.models import AccessPackage
from entitlements.decisions import Denied
from entitlements.models import GroupNesting, Notification
from entitlements.policies import clashes
from entitlements.requests import candidates, clash_exceptions
from entitlements.requests.double_holders import double_holders, double_holdings
from tests.factories import (
    AccessPackageFactory,
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
def bank(db):
    return CatalogFactory(name="Bank")


@pytest.fixture
def owner(appoint, catalog, bank):
    owner = appoint(UserFactory(display_name="Olga Owner"), catalog)
    return appoint(owner, bank, "reader")


@pytest.fixture
def banker(appoint, bank):
    return appoint(UserFactory(display_name="Bert Banker"), bank)


def package_of(catalog, name):
    role = ResourceRoleFactory(resource=ResourceFactory(name=f"{name} role", catalog=catalog))
    return AccessPackageFactory(name=name, catalog=catalog, roles=[role])


@pytest.fixture
def enter(catalog):
    return package_of(catalog, "Enter payments")


@pytest.fixture
def release(bank):
    return package_of(bank, "Release payments")


@pytest.fixture
def give(db):
    def give(person, *packages, **facts):
        for package in packages:
            policy = package.policies.first() or AssignmentPolicyFactory(package=package)
            AssignmentFactory(policy=policy, target=person, **facts)
        return person

    return give


def all_packages():
    return AccessPackage.objects.all()


def found(packages=None):
    packages = all_packages() if packages is None else packages
    people = list(double_holders(packages))
    return [
        (str(one.person), one.package, one.clash.other) for one in double_holdings(packages, people)
    ]


def test_who_holds_both_is_found_on_either_side_and_told_once(
    ada, bo, gita, enter, release, owner, give, catalog, bank
):
    give(ada, enter, release)
    give(bo, enter)
    give(gita, release)
    assert found() == []
    clashes.add_clash(enter, release, by=owner, is_symmetric=True)

    assert found() == [("Ada Lovelace", "Enter payments", "Release payments")]
    assert found(catalog.packages.all()) == [("Ada Lovelace", "Enter payments", "Release payments")]
    assert found(bank.packages.all()) == [("Ada Lovelace", "Release payments", "Enter payments")]


def test_a_one_way_clash_is_listed_where_it_was_made(ada, enter, release, owner, give, bank):
    give(ada, enter, release)
    clashes.add_clash(enter, release, by=owner)

    assert found() == [("Ada Lovelace", "Enter payments", "Release payments")]
    assert found(bank.packages.all()) == []


@pytest.mark.parametrize("facts", [{"ends_at": clock.now() - DAY / 2}, {"starts_at": "later"}])
def test_only_what_is_held_now_counts(ada, enter, release, owner, give, facts):
    if "starts_at" in facts:
        facts = {"starts_at": clock.now() + DAY}
    give(ada, enter, **facts)
    give(ada, release)
    clashes.add_clash(enter, release, by=owner, is_symmetric=True)

    assert found() == []


def test_a_clash_with_a_role_counts_through_whatever_gives_it(ada, enter, release, owner, give):
    give(ada, enter, release)
    clash = clashes.add_clash(enter, release.roles.get(), by=owner)
    assert found() == [("Ada Lovelace", "Enter payments", "Release payments")]

    clashes.remove_clash(clash, by=owner)
    clashes.add_clash(enter, release.roles.get(), by=owner, is_symmetric=True)
    of_release = AccessPackage.objects.filter(pk=release.pk)
    assert found(of_release) == [("Ada Lovelace", "Release payments", "Enter payments")]


@pytest.mark.parametrize("turns_round", [False, True])
def test_roles_that_clash_count_through_packages(
    ada, enter, release, owner, give, catalog, turns_round
):
    give(ada, enter, release)
    roles = [enter.roles.get(), release.roles.get()]
    clashes.add_role_clash(catalog, *(roles[::-1] if turns_round else roles), by=owner)

    assert found() == [("Ada Lovelace", "Enter payments", "Release payments")]


def test_being_in_a_group_counts_also_through_another(ada, bo, gita, enter, owner, give):
    outer, inner = GroupFactory(name="Auditors", members=[ada]), GroupFactory(members=[bo])
    GroupNesting.objects.create(parent=outer, child=inner)
    for person in (ada, bo, gita):
        give(person, enter)
    clashes.add_clash(enter, outer, by=owner)

    assert found() == [
        ("Ada Lovelace", "Enter payments", "Auditors"),
        ("Bo Chen", "Enter payments", "Auditors"),
    ]


def test_a_list_of_many_is_read_by_as_many_queries_as_one_of_few(
    enter, release, owner, give, django_assert_num_queries
):
    clashes.add_clash(enter, release, by=owner, is_symmetric=True)
    group = GroupFactory()
    clashes.add_clash(enter, group, by=owner)
    for _ in range(2):
        for person in UserFactory.create_batch(20):
            give(person, enter, release)
        with django_assert_num_queries(6):
            people = list(double_holders(all_packages()))
            assert len(list(double_holdings(all_packages(), people))) == len(people)


def propose(enter, release, ada, owner, **facts):
    given = {"reason": "Cover for June", "ends_at": clock.now() + 30 * DAY, "by": owner}
    return clash_exceptions.propose(enter, release, ada, **(given | facts))


def told(event):
    return sorted(str(one.recipient) for one in Notification.objects.filter(event=event))


def test_an_exception_is_proposed_and_allowed_by_an_owner_of_the_other_side(
    ada, enter, release, owner, banker, give, actions
):
    clashes.add_clash(enter, release, by=owner)
    give(ada, release)
    policy = AssignmentPolicyFactory(package=enter)
    exception = propose(enter, release, ada, owner)
    assert exception.shown_state == "proposed"
    assert told("clash.exception_asked") == ["Bert Banker"]
    assert candidates.can_request(policy, ada).codes == {"clash"}

    exception = clash_exceptions.decide(exception, by=banker, approves=True)

    assert exception.shown_state == "in_force"
    assert candidates.can_request(policy, ada)
    assert actions()[1:] == ["package.clash_exception_asked", "package.clash_exception_allowed"]
    assert str(exception) == "Ada Lovelace: Enter payments with Release payments"


def test_a_refused_exception_allows_nothing(ada, enter, release, owner, banker, give):
    clashes.add_clash(enter, release, by=owner)
    give(ada, release)
    exception = propose(enter, release, ada, owner)

    assert clash_exceptions.decide(exception, by=banker, approves=False).shown_state == "refused"
    assert candidates.can_request(AssignmentPolicyFactory(package=enter), ada).codes == {"clash"}
    with pytest.raises(Denied) as denied:
        clash_exceptions.decide(exception, by=banker, approves=True)
    assert denied.value.codes == {"exception_decided"}


def test_nobody_allows_what_he_proposed_or_what_is_for_himself(
    ada, enter, release, owner, bank, appoint
):
    clashes.add_clash(enter, release, by=owner)
    appoint(owner, bank)
    appoint(ada, bank)
    exception = propose(enter, release, ada, owner)

    for party in (owner, ada):
        with pytest.raises(Denied) as denied:
            clash_exceptions.decide(exception, by=party, approves=True)
        assert denied.value.codes == {"own_exception"}
    assert told("clash.exception_asked") == []


def test_who_owns_only_the_side_that_asks_does_not_decide(
    ada, enter, release, owner, catalog, appoint
):
    clashes.add_clash(enter, release, by=owner)
    exception = propose(enter, release, ada, owner)

    with pytest.raises(Denied) as denied:
        clash_exceptions.decide(exception, by=appoint(UserFactory(), catalog), approves=True)
    assert denied.value.codes == {"not_permitted"}


def test_a_clash_with_a_group_is_decided_in_the_catalog_of_the_package(
    ada, enter, owner, catalog, appoint
):
    group = GroupFactory(name="Auditors", members=[ada])
    clashes.add_clash(enter, group, by=owner)
    exception = propose(enter, group, ada, owner)

    other = appoint(UserFactory(), catalog)
    assert clash_exceptions.decide(exception, by=other, approves=True).shown_state == "in_force"
    assert candidates.can_request(AssignmentPolicyFactory(package=enter), ada)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"reason": " "}, "justification_missing"),
        ({"ends_at": clock.now() - DAY}, "ends_before_start"),
        ({"ends_at": clock.now() + 400 * DAY}, "exception_too_long"),
    ],
)
def test_an_exception_has_a_reason_and_an_end_within_a_year(
    ada, enter, release, owner, facts, code
):
    clashes.add_clash(enter, release, by=owner)

    with pytest.raises(Denied) as denied:
        propose(enter, release, ada, owner, **facts)
    assert denied.value.codes == {code}


def test_there_is_no_exception_where_nothing_clashes_or_from_strangers(
    ada, enter, release, owner, gita
):
    with pytest.raises(Denied) as denied:
        propose(enter, release, ada, owner)
    assert denied.value.codes == {"no_clash"}
    with pytest.raises(Denied) as denied:
        propose(enter, release, ada, gita)
    assert denied.value.codes == {"not_permitted"}


def test_a_period_that_is_over_is_not_allowed_any_more(ada, enter, release, owner, banker):
    clashes.add_clash(enter, release, by=owner)
    exception = propose(enter, release, ada, owner)

    with clock.at(exception.ends_at), pytest.raises(Denied) as denied:
        clash_exceptions.decide(exception, by=banker, approves=True)
    assert denied.value.codes == {"exception_over"}


def allowed(enter, release, ada, owner, banker, **facts):
    exception = propose(enter, release, ada, owner, **facts)
    return clash_exceptions.decide(exception, by=banker, approves=True)


def test_an_exception_can_start_later_and_be_ended_early(ada, enter, release, owner, banker):
    clashes.add_clash(enter, release, by=owner)
    exception = allowed(enter, release, ada, owner, banker, starts_at=clock.now() + DAY)
    assert exception.shown_state == "coming"
    with pytest.raises(Denied) as denied:
        clash_exceptions.end_early(exception, by=owner)
    assert denied.value.codes == {"exception_not_in_force"}

    with clock.at(clock.now() + 2 * DAY):
        assert clash_exceptions.end_early(exception, by=owner).shown_state == "ended"


def test_when_an_exception_ends_whoever_still_holds_both_is_reported_once(
    ada, bo, enter, release, owner, banker, give
):
    clashes.add_clash(enter, release, by=owner, is_symmetric=True)
    give(ada, enter, release)
    give(bo, enter)
    for person in (ada, bo):
        allowed(enter, release, person, owner, banker)
    [holding] = double_holdings(all_packages(), [ada])
    assert holding.excepted_until

    sweep.report_exceptions_that_ended()
    assert told("clash.exception_ended") == []
    with clock.at(clock.now() + 31 * DAY):
        for _ in range(2):
            sweep.report_exceptions_that_ended()
        [holding] = double_holdings(all_packages(), [ada])

    assert told("clash.exception_ended") == ["Bert Banker", "Olga Owner"]
    assert holding.excepted_until is None
    assert clash_exceptions.report_end(ClashException.objects.first()) is False


@pytest.mark.django_db(transaction=True)
def test_an_exception_that_two_decide_at_once_is_decided_once(
    ada, enter, release, owner, banker, bank, appoint
):
    clashes.add_clash(enter, release, by=owner)
    exception = propose(enter, release, ada, owner)
    other = appoint(UserFactory(), bank)

    outcomes = at_once(
        lambda: clash_exceptions.decide(exception, by=banker, approves=True),
        lambda: clash_exceptions.decide(exception, by=other, approves=False),
    )

    assert refusals(outcomes) == [{"exception_decided"}]
