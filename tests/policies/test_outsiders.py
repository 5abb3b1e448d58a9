"""Policies for people from outside: who they admit, how strict they are, and who approves."""

from dataclasses import replace
from itertools import pairwise
from uuid import uuid4

import pytest

from entitlements.decisions import Denied
from entitlements.directory.organizations import operations as organizations
from entitlements.directory.organizations.guests import newcomer
from entitlements.directory.organizations.models import OrganizationState
from entitlements.models import AssignmentPolicy, AuditEvent, ConnectedOrganization, User
from entitlements.policies import approvers, drafts, operations
from entitlements.policies.admission import admitted_by, reached_through_others
from entitlements.policies.doubts import doubts
from entitlements.policies.freezing import frozen_terms
from entitlements.policies.models import ApproverKind
from entitlements.policies.reach import Reach, reach_of
from entitlements.policies.scopes import EXTERNAL, STRICTEST_FIRST, Scope, rank_of, stricter_than
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.policies.terms import EXTERNAL as EXTERNAL_WORDS
from entitlements.policies.terms import MOST_ORGANIZATIONS, PolicyTerms
from entitlements.policies.terms import SCOPES as WORDS
from entitlements.requests import deciding
from entitlements.requests import operations as requests
from entitlements.requests.simulation import simulate
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    ConnectedOrganizationFactory,
    GuestFactory,
    StageApproverFactory,
    UserFactory,
)
from tests.threads import at_once

pytestmark = pytest.mark.django_db
PROPOSED = OrganizationState.PROPOSED


@pytest.fixture
def harbour():
    return ConnectedOrganizationFactory(name="Blue Harbour", domains=["blueharbour.example"])


@pytest.fixture
def quay():
    """An organization that is only proposed."""
    return ConnectedOrganizationFactory(name="Quay", state=PROPOSED, domains=["quay.example"])


@pytest.fixture
def people(ada, harbour, quay):
    """One of each sort, by a word for it."""
    return {
        "member": ada,
        "of harbour": GuestFactory(organization=harbour),
        "of quay": GuestFactory(organization=quay),
        "alone": GuestFactory(),
    }


@pytest.fixture
def package():
    return AccessPackageFactory()


@pytest.fixture
def ways(package, harbour):
    """A policy of every scope, by the name of its scope; the one for organizations names one."""
    ways = {
        scope: AssignmentPolicyFactory(package=package, name=scope.value, scope=scope)
        for scope in Scope
    }
    ways[Scope.SPECIFIC_ORGANIZATIONS].allowed_organizations.add(harbour)
    return ways


def refused(act, *args, **kwargs):
    with pytest.raises(Denied) as denied:
        act(*args, **kwargs)
    return denied.value.codes


# Who is admitted

ADMITS = {
    Scope.SPECIFIC_ORGANIZATIONS: {"of harbour"},
    Scope.ALL_ORGANIZATIONS: {"of harbour"},
    Scope.ALL_EXTERNAL: {"of harbour", "of quay", "alone"},
    Scope.ALL_USERS: {"member", "of harbour", "of quay", "alone"},
    Scope.ALL_MEMBERS: {"member"},
    Scope.NOBODY: set(),
}


@pytest.mark.parametrize("scope", ADMITS)
def test_each_scope_admits_its_own(ways, people, scope):
    policy = ways[scope]

    of_each = {
        word
        for word, person in people.items()
        if AssignmentPolicy.objects.in_scope_of(person).filter(pk=policy.pk).exists()
    }
    found = User.objects.filter(admitted_by(policy), pk__in=[one.pk for one in people.values()])

    assert of_each == ADMITS[scope]
    assert {word for word, person in people.items() if person in found} == ADMITS[scope]


def test_a_proposed_organization_counts_where_it_is_named(ways, people, quay):
    policy = ways[Scope.SPECIFIC_ORGANIZATIONS]
    policy.allowed_organizations.set([quay])

    assert policy in AssignmentPolicy.objects.in_scope_of(people["of quay"])
    assert policy not in AssignmentPolicy.objects.in_scope_of(people["of harbour"])


def test_several_organizations_share_a_package_through_one_policy(ways, people, harbour, quay):
    policy = ways[Scope.SPECIFIC_ORGANIZATIONS]
    policy.allowed_organizations.set([harbour, quay])

    for word in ("of harbour", "of quay"):
        assert requests.submit(policy, by=people[word]).policy == policy
    assert refused(requests.submit, policy, by=people["alone"]) >= {"not_in_scope"}


def test_when_it_is_configured_it_counts_everywhere(ways, people, quay):
    organizations.promote(quay, by=UserFactory(is_superuser=True))

    assert ways[Scope.ALL_ORGANIZATIONS] in AssignmentPolicy.objects.in_scope_of(people["of quay"])


@pytest.mark.parametrize(
    ("address", "scopes"),
    [
        ("new@blueharbour.example", set(EXTERNAL)),
        ("new@quay.example", {Scope.ALL_EXTERNAL}),
        ("new@elsewhere.example", {Scope.ALL_EXTERNAL}),
    ],
)
def test_whoever_has_no_account_is_admitted_by_his_domain_and_only_from_outside(
    ways, address, scopes
):
    admitting = AssignmentPolicy.objects.in_scope_of(newcomer(address))

    assert {Scope(policy.scope) for policy in admitting} == scopes


def test_nothing_is_open_to_guests_in_a_catalog_that_is_closed_to_them(ways, people, package):
    guest = people["of harbour"]
    assert AssignmentPolicy.objects.open_to(guest).exists()
    package.catalog.is_external = False
    package.catalog.save()

    assert not AssignmentPolicy.objects.open_to(guest).exists()
    assert refused(requests.submit, ways[Scope.SPECIFIC_ORGANIZATIONS], by=guest) == {
        "members_only"
    }


def test_what_is_open_to_an_organization_is_listed(ways, harbour, quay, package):
    def open_to(organization):
        found = AssignmentPolicy.objects.open_to_organization(organization)
        return {Scope(policy.scope) for policy in found}

    assert open_to(harbour) == set(EXTERNAL)
    assert open_to(quay) == {Scope.ALL_EXTERNAL}
    AssignmentPolicy.objects.filter(pk=ways[Scope.ALL_EXTERNAL].pk).update(is_enabled=False)
    assert open_to(quay) == set()
    package.catalog.is_external = False
    package.catalog.save()
    assert open_to(harbour) == set()


# How strict


def test_classes_are_in_the_order_of_the_reference():
    assert [rank_of(scope) for scope in Scope] == [None, 1, 2, 3, 1, 4, 4]
    assert stricter_than(1) == []
    for earlier, later in pairwise(STRICTEST_FIRST):
        rank = STRICTEST_FIRST.index(later) + 1
        assert set(earlier) <= set(stricter_than(rank))
    assert set(WORDS) == {scope.value for scope in Scope}
    assert set(EXTERNAL_WORDS) == {scope.value for scope in EXTERNAL}


def offered(person):
    return {policy.scope for policy in AssignmentPolicy.objects.open_to(person)}


def test_only_the_strictest_class_is_offered_to_people_from_outside(ways, people):
    assert offered(people["of harbour"]) == {"specific_organizations"}
    assert offered(people["of quay"]) == {"all_users"}
    assert offered(people["alone"]) == {"all_users"}
    assert offered(people["member"]) == {"all_members"}
    ways[Scope.ALL_USERS].delete()
    assert offered(people["of quay"]) == {"all_external"}
    ways[Scope.SPECIFIC_ORGANIZATIONS].delete()
    assert offered(people["of harbour"]) == {"all_organizations", "all_external"}


def test_people_from_outside_who_are_named_come_first_with_their_organization(ways, people):
    ways[Scope.SPECIFIC].allowed_users.add(people["of harbour"])

    assert offered(people["of harbour"]) == {"specific", "specific_organizations"}


def test_counting_agrees_with_asking_each_person(ways, people, package):
    for _ in range(2):
        GuestFactory()
    policies = list(
        package.policies.prefetch_related(
            "allowed_users", "allowed_groups", "allowed_organizations"
        )
    )
    reach = reach_of(policies)

    everybody = User.objects.active()
    for policy in policies:
        found = reach[policy.pk]
        assert found.admitted == sum(
            AssignmentPolicy.objects.in_scope_of(one).filter(pk=policy.pk).exists()
            for one in everybody
        )
        assert found.offered == sum(
            AssignmentPolicy.objects.open_to(one).filter(pk=policy.pk).exists() for one in everybody
        )
    assert reach[ways[Scope.ALL_EXTERNAL].pk] == Reach(5, 0, 0)
    assert reach[ways[Scope.SPECIFIC_ORGANIZATIONS].pk] == Reach(1, 1, 0)


def test_those_from_outside_who_can_choose_are_counted(people, package, harbour):
    named = AssignmentPolicyFactory(package=package, scope=Scope.SPECIFIC)
    named.allowed_users.add(people["of harbour"], people["member"])
    whole = AssignmentPolicyFactory(package=package, scope=Scope.SPECIFIC_ORGANIZATIONS)
    whole.allowed_organizations.add(harbour)
    policies = package.policies.prefetch_related(
        "allowed_users", "allowed_groups", "allowed_organizations"
    )

    reach = reach_of(list(policies))

    assert reach[named.pk] == Reach(2, 2, 1)
    assert reach[whole.pk] == Reach(1, 1, 1)


def test_sponsors_reach_their_guests_through_policies_for_outsiders(ways, people):
    everybody = User.objects.filter(pk__in=[one.pk for one in people.values()])
    AssignmentPolicy.objects.filter(scope=Scope.SPECIFIC_ORGANIZATIONS).update(
        allows_on_behalf=True
    )

    reached = reached_through_others(everybody, AssignmentPolicy.objects.all())

    assert set(reached) == {people["of harbour"]}


def test_the_simulation_says_how_each_policy_treats_a_guest(ways, people, package):
    prospects = {one.policy.scope: one for one in simulate(package, people["of harbour"])}

    assert [one.rank for one in simulate(package, people["of harbour"])] == [
        1, 1, 2, 3, 4, 4, None,
    ]  # fmt: skip
    named = prospects["specific_organizations"]
    assert (named.standing.is_in_scope, named.standing.is_named) == (True, True)
    assert named.is_offered
    assert bool(named.decision)
    assert prospects["all_organizations"].decision.codes == {"stricter_policy_applies"}
    assert prospects["all_members"].decision.codes == {"not_in_scope"}
    other = {one.policy.scope: one for one in simulate(package, people["of quay"])}
    assert not other["specific_organizations"].standing.is_named
    assert other["all_organizations"].decision.codes == {"not_in_scope"}


# What is entered


@pytest.fixture
def olga(package, appoint):
    return appoint(UserFactory(display_name="Olga Owner"), package.catalog, "package_manager")


def terms(scope, *keys, **words):
    named = {"allowed_organization_ids": tuple(key.pk for key in keys)} if keys else {}
    return PolicyTerms("From outside", scope=scope, **named, **words)


def approved_by(user):
    return (StageTerms((ApproverTerms("user", user_id=user.pk),)),)


def test_a_policy_names_organizations(package, olga, harbour, quay):
    wanted = terms("specific_organizations", quay, harbour)

    policy = operations.create_policy(package, wanted, by=olga)

    assert set(policy.allowed_organizations.all()) == {harbour, quay}
    assert operations.terms_of(policy).allowed_organization_ids == tuple(
        sorted([harbour.pk, quay.pk])
    )
    event = AuditEvent.objects.get(action="policy.created")
    assert set(event.details["allowed_organization_ids"]) == {str(harbour.pk), str(quay.pk)}


def test_a_policy_is_for_people_inside_or_outside_and_never_both(package, olga, harbour, ada):
    both = terms("specific_organizations", harbour, allowed_user_ids=(ada.pk,))
    policy = operations.create_policy(package, both, by=olga)
    assert not policy.allowed_users.exists()

    inside = replace(both, scope="specific")
    policy = operations.change_policy(policy, inside, by=olga)
    assert policy.allowed_users.get() == ada
    assert not policy.allowed_organizations.exists()

    for scope in ("all_organizations", "all_members", "nobody"):
        policy = operations.change_policy(policy, replace(both, scope=scope), by=olga)
        assert not policy.allowed_users.exists()
        assert not policy.allowed_organizations.exists()


def test_a_policy_for_anybody_is_not_saved_without_approval(package, olga, bo):
    create = operations.create_policy

    assert refused(create, package, terms("all_external"), by=olga) == {
        "approval_needed_for_anybody"
    }
    policy = create(package, terms("all_external", stages=approved_by(bo)), by=olga)
    without = replace(operations.terms_of(policy), stages=())
    assert refused(operations.change_policy, policy, without, by=olga) == {
        "approval_needed_for_anybody"
    }
    known = replace(without, scope="all_organizations")
    assert operations.change_policy(policy, known, by=olga).scope == "all_organizations"
    assert refused(operations.change_policy, policy, without, by=olga) == {
        "approval_needed_for_anybody"
    }


def test_organizations_must_be_named_and_exist(package, olga, harbour):
    create = operations.create_policy
    many = tuple(uuid4() for _ in range(MOST_ORGANIZATIONS + 1))

    none = terms("specific_organizations")
    assert refused(create, package, none, by=olga) == {"organizations_missing"}
    gone = replace(none, allowed_organization_ids=(harbour.pk, uuid4()))
    assert refused(create, package, gone, by=olga) == {"organization_unknown"}
    too_many = replace(none, allowed_organization_ids=many)
    assert refused(create, package, too_many, by=olga) == {"too_many_organizations"}


def test_versions_know_organizations_and_a_draft_restores_them(package, olga, harbour, quay):
    first = terms("specific_organizations", harbour)
    policy = operations.create_policy(package, first, by=olga)
    second = terms("specific_organizations", quay)
    operations.change_policy(policy, second, by=olga)

    newest, oldest = drafts.versions_of(policy)

    assert newest.terms.allowed_organization_ids == (quay.pk,)
    assert oldest.terms.allowed_organization_ids == (harbour.pk,)
    draft = drafts.restore_as_draft(policy, 1, by=olga)
    assert draft.read() == oldest.terms
    harbour.delete()
    assert refused(operations.change_policy, policy, draft.read(), by=olga) == {
        "organization_unknown"
    }


def test_versions_from_before_there_were_organizations_can_be_read(package, olga):
    policy = operations.create_policy(package, PolicyTerms("Members", scope="all_members"), by=olga)
    version = policy.versions.get()
    del version.terms["allowed_organization_ids"]

    assert version.read().allowed_organization_ids == ()


@pytest.mark.django_db(transaction=True)
def test_an_organization_is_never_deleted_while_a_policy_comes_to_name_it(appoint):
    for number in range(3):
        organization = ConnectedOrganizationFactory(domains=[f"d{number}.example"])
        package = AccessPackageFactory()
        olga = appoint(UserFactory(), package.catalog, "package_manager")
        boss = UserFactory(is_superuser=True)
        wanted = terms("specific_organizations", organization)

        outcomes = at_once(
            lambda: operations.create_policy(package, wanted, by=olga),  # noqa: B023
            lambda: organizations.delete_organization(organization, by=boss),  # noqa: B023
        )

        [lost] = [one for one in outcomes if isinstance(one, Exception)]
        assert isinstance(lost, Denied)
        if lost.codes == {"organization_unknown"}:
            assert not ConnectedOrganization.objects.filter(pk=organization.pk).exists()
            assert not package.policies.exists()
        else:
            assert lost.codes == {"organization_named"}
            assert package.policies.get().allowed_organizations.get() == organization


def test_a_request_keeps_for_whom_its_policy_was(ways):
    assert frozen_terms(ways[Scope.ALL_EXTERNAL])["scope"] == "all_external"


# Who approves


def stage_asking(kind, **facts):
    stage = ApprovalStageFactory(policy=AssignmentPolicyFactory(), position=1)
    StageApproverFactory(stage=stage, kind=kind, user=None, **facts)
    return stage


def asked(stage, target):
    found = approvers.resolve(
        frozen_terms(stage.policy)["stages"][0]["approvers"],
        target=target,
        package=stage.policy.package,
        barred={target.pk},
    )
    return [(one.user, one.is_fallback) for one in found]


def test_internal_and_external_sponsors_of_the_organization_are_asked(harbour, people, bo, gita):
    guest, sponsor = people["of harbour"], GuestFactory(organization=harbour)
    harbour.internal_sponsors.add(bo)
    harbour.external_sponsors.add(sponsor)
    internal = stage_asking(ApproverKind.INTERNAL_SPONSORS)
    external = stage_asking(ApproverKind.EXTERNAL_SPONSORS)
    for stage in (internal, external):
        StageApproverFactory(stage=stage, user=gita, is_fallback=True)

    assert asked(internal, guest) == [(bo, False)]
    assert asked(external, guest) == [(sponsor, False)]
    assert asked(external, sponsor) == [(gita, True)]
    for other in ("of quay", "alone", "member"):
        assert asked(internal, people[other]) == [(gita, True)]
        assert asked(external, people[other]) == [(gita, True)]


def test_the_sponsors_of_whoever_has_no_account_are_those_of_his_domain(harbour, bo):
    harbour.internal_sponsors.add(bo)
    stage = stage_asking(ApproverKind.INTERNAL_SPONSORS)

    assert asked(stage, newcomer("eli@blueharbour.example")) == [(bo, False)]
    assert asked(stage, newcomer("eli@elsewhere.example")) == []


def test_sponsors_are_found_when_the_stage_opens(harbour, package, bo, gita, appoint):
    policy = AssignmentPolicyFactory(package=package, scope=Scope.ALL_ORGANIZATIONS)
    ApprovalStageFactory(policy=policy, position=1, approvers=[gita])
    second = ApprovalStageFactory(policy=policy, position=2)
    StageApproverFactory(stage=second, kind=ApproverKind.INTERNAL_SPONSORS, user=None)
    access_request = requests.submit(policy, by=GuestFactory(organization=harbour))
    harbour.internal_sponsors.add(bo)

    deciding.approve(access_request, by=gita)

    step = access_request.steps.get(position=2)
    assert list(step.approvers.all()) == [bo]


@pytest.mark.parametrize("kind", ["internal_sponsors", "external_sponsors"])
def test_sponsors_need_somebody_who_decides_instead_and_are_asked_once(package, olga, bo, kind):
    alone = terms("all_external", stages=(StageTerms((ApproverTerms(kind),)),))
    assert refused(operations.create_policy, package, alone, by=olga) == {
        f"{kind}_without_fallback"
    }
    fallback = ApproverTerms("user", user_id=bo.pk, is_fallback=True)
    stage = StageTerms((ApproverTerms(kind), fallback))
    twice = replace(alone, stages=(stage, stage))
    assert refused(operations.create_policy, package, twice, by=olga) == {f"{kind}_asked_twice"}
    assert operations.create_policy(package, replace(alone, stages=(stage,)), by=olga)


# Doubts


def codes(wanted, package):
    return [doubt.code for doubt in doubts(wanted, package)]


def sponsored(kind, *named):
    return (
        StageTerms(
            (
                ApproverTerms(kind),
                *(ApproverTerms("user", user_id=one.pk, is_fallback=True) for one in named),
            )
        ),
    )


@pytest.mark.parametrize("kind", ["internal_sponsors", "external_sponsors"])
@pytest.mark.parametrize("scope", ["all_members", "all_users", "specific"])
def test_sponsors_of_an_organization_make_no_sense_for_people_inside(
    package, bo, gita, ada, kind, scope
):
    wanted = PolicyTerms(
        "Inside", scope=scope, allowed_user_ids=(ada.pk,), stages=sponsored(kind, bo, gita)
    )

    assert codes(wanted, package) == ["sponsors_without_organization"]
    assert "Stage 1 asks sponsors" in doubts(wanted, package)[0].text
    assert codes(replace(wanted, scope="all_external"), package) == []
    assert codes(replace(wanted, scope="nobody"), package) == []


def test_a_catalog_that_is_closed_to_outsiders_is_told(package, bo, gita):
    package.catalog.is_external = False
    wanted = terms("all_organizations", stages=sponsored("internal_sponsors", bo, gita))

    assert codes(wanted, package) == ["catalog_closed_to_outsiders"]


def test_guests_without_sponsors_are_counted(package, harbour, quay, people, bo):
    away = UserFactory(is_active=False)
    wanted = terms("all_external", stages=sponsored("internal_sponsors", away))

    def sentences(kind="internal_sponsors"):
        found = doubts(replace(wanted, stages=sponsored(kind, away)), package)
        return [doubt.text for doubt in found]

    assert "For 3 people who may ask nobody could decide" in sentences()[0]
    assert "no internal sponsors" in sentences()[0]
    harbour.internal_sponsors.add(bo)
    assert "For 2 people who may ask" in sentences()[0]
    harbour.internal_sponsors.set([away])
    assert "For 3 people who may ask" in sentences()[0]
    quay.external_sponsors.add(people["of quay"], people["of harbour"])
    harbour.external_sponsors.add(people["of quay"])
    assert "For 2 people who may ask" in sentences("external_sponsors")[0]
    assert "no external sponsors" in sentences("external_sponsors")[0]
