"""Pages of somebody who asks for access: as many queries with few rows as with many."""

from datetime import timedelta
from itertools import product
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test.utils import CaptureQueriesContext

from entitlements import clock
from entitlements.assignments.models import AssignmentState, EndReason
from entitlements.models import (
    AccessPackage,
    AccessRequest,
    ApprovalStep,
    Assignment,
    AssignmentPolicy,
    CatalogResource,
    PackageRole,
    Resource,
    ResourceRole,
    StepApprover,
    User,
)
from entitlements.requests import operations
from entitlements.requests.models import StepState
from entitlements.requests.states import RequestKind, RequestState
from tests.factories import (
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    ConnectedSystemFactory,
)
from tests.volumes import gather_statistics

pytestmark = pytest.mark.django_db

MOST = 15
FEW, MANY = 10, 300
LISTS = {
    "/": 7,
    "/packages/": 8,
    "/packages/?q=package&kind=security_group": 8,
    "/access/": 4,
    "/access/expired/": 4,
    "/requests/": 5,
    "/requests/?show=open": 5,
}


def packages(count):
    """Make packages with a role and a policy for all members each; return the policies."""
    system, catalog = ConnectedSystemFactory(), CatalogFactory()
    resources = Resource.objects.bulk_create(
        Resource(system=system, external_id=str(uuid4()), kind="security_group", name=f"Group {n}")
        for n in range(count)
    )
    roles = ResourceRole.objects.bulk_create(
        ResourceRole(resource=resource, external_id="member", name="Member")
        for resource in resources
    )
    CatalogResource.objects.bulk_create(
        CatalogResource(catalog=catalog, resource=resource) for resource in resources
    )
    made = AccessPackage.objects.bulk_create(
        AccessPackage(catalog=catalog, name=f"Package {n:05}", state="published")
        for n in range(count)
    )
    PackageRole.objects.bulk_create(
        PackageRole(package=package, role=role) for package, role in zip(made, roles, strict=True)
    )
    return AssignmentPolicy.objects.bulk_create(
        AssignmentPolicy(package=package, name="Employees", scope="all_members", duration=90)
        for package in made
    )


def hold(policies, person, *, ended=False):
    """Give one person all packages, from yesterday on or until yesterday."""
    moment = clock.now()
    past = {
        "state": AssignmentState.EXPIRED,
        "ended_at": moment,
        "end_reason": EndReason.GIVEN_BACK,
    }
    return Assignment.objects.bulk_create(
        Assignment(
            package_id=policy.package_id,
            policy=policy,
            target=person,
            starts_at=moment - timedelta(days=9),
            ends_at=moment + timedelta(days=1 + number),
            **(past if ended else {"state": AssignmentState.DELIVERED}),
        )
        for number, policy in enumerate(policies)
    )


def request(policies, person, approver, *, state=RequestState.PENDING_APPROVAL):
    """Let one person ask for all packages, with a stage that waits for somebody."""
    moment = clock.now()
    made = AccessRequest.objects.bulk_create(
        AccessRequest(
            kind=RequestKind.USER_ADD,
            package_id=policy.package_id,
            policy=policy,
            requestor=person,
            target=person,
            state=state,
            terms={"stages": [], "shows_approvers": True},
            created_at=moment,
        )
        for policy in policies
    )
    steps = ApprovalStep.objects.bulk_create(
        ApprovalStep(
            access_request=one,
            position=1,
            state=StepState.WAITING,
            decision_days=14,
            opened_at=moment,
            due_at=moment + timedelta(days=14),
        )
        for one in made
    )
    StepApprover.objects.bulk_create(StepApprover(step=step, user=approver) for step in steps)
    return made


def fill(count, ada, bo):
    """Let Ada hold, have held, wait for and be offered `count` packages each."""
    held, ended, wanted = packages(count), packages(count), packages(count)
    packages(count)
    hold(held, ada)
    hold(ended, ada, ended=True)
    request(wanted, ada, bo)
    request(packages(count), bo, ada)
    request(packages(count), ada, bo, state=RequestState.CANCELED)
    gather_statistics()


def queries(client, path):
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        response = client.get(path)
    assert response.status_code == 200
    return len(captured)


@pytest.mark.parametrize(("path", "own"), LISTS.items())
def test_a_list_costs_the_same_with_few_and_with_many_rows(client, ada, bo, path, own):
    client.force_login(ada)
    fill(FEW, ada, bo)
    shell = queries(client, "/help/")
    few = queries(client, path)

    fill(MANY, ada, bo)

    assert queries(client, path) == few == shell + own
    assert few <= MOST


def test_a_package_costs_the_same_with_one_and_with_many_ways(client, ada, bo, appoint):
    client.force_login(ada)
    policy = AssignmentPolicyFactory(allows_custom_dates=True)
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    path = f"/packages/{policy.package_id}/"
    one = queries(client, path)

    for number in range(FEW):
        other = AssignmentPolicyFactory(package=policy.package, name=f"Way {number}")
        ApprovalStageFactory(policy=other, position=1, approvers=[bo], manager=True)
        ApprovalStageFactory(policy=other, position=2, approvers=[bo, ada])
    PackageRole.objects.bulk_create(
        PackageRole(package=policy.package, role_id=role)
        for role in [one.package.roles.get().pk for one in packages(FEW)]
    )
    appoint(bo, policy.package.catalog)

    assert queries(client, path) == one <= MOST


def test_a_package_that_is_held_or_wanted_costs_no_more_than_allowed(client, ada, bo):
    client.force_login(ada)
    held = AssignmentPolicyFactory()
    operations.submit(held, by=ada)
    wanted = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=wanted, approvers=[bo])
    operations.submit(wanted, by=ada)

    for policy in (held, wanted):
        assert queries(client, f"/packages/{policy.package_id}/") <= MOST


@pytest.mark.parametrize("role", ["requestor", "approver", "owner"])
def test_a_request_costs_the_same_with_many_roles_stages_and_events(
    client, ada, bo, gita, appoint, role
):
    viewer = {"requestor": ada, "approver": bo, "owner": gita}[role]
    client.force_login(viewer)
    small = AssignmentPolicyFactory()
    ApprovalStageFactory(policy=small, position=1, approvers=[bo])
    large = AssignmentPolicyFactory()
    for position in (1, 2, 3):
        ApprovalStageFactory(policy=large, position=position, approvers=[bo, gita], manager=True)
    for policy in packages(FEW):
        PackageRole.objects.create(package=large.package, role=policy.package.roles.get())
    paths = []
    for policy in (small, large):
        appoint(gita, policy.package.catalog)
        access_request = operations.submit(policy, by=ada)
        paths.append(f"/requests/{access_request.pk}/")
    for day in range(1, FEW):
        with clock.at(clock.now() + timedelta(days=day)):
            operations.remind(access_request, by=ada)

    few, many = (queries(client, path) for path in paths)

    assert many == few <= MOST


def test_access_costs_the_same_with_few_and_with_many_roles(client, ada, run_queue):
    client.force_login(ada)
    small, large = AssignmentPolicyFactory(), AssignmentPolicyFactory()
    for policy in packages(FEW):
        PackageRole.objects.create(package=large.package, role=policy.package.roles.get())
    made = [operations.submit(policy, by=ada).assignment for policy in (small, large)]

    for action in ("", "give-back/"):
        few, many = (queries(client, f"/access/{one.pk}/{action}") for one in made)
        assert many == few <= MOST


def test_ten_thousand_assignments_change_nothing(client, ada, bo):
    client.force_login(ada)
    policies = packages(100)
    paths = ("/", "/packages/", "/access/", "/access/expired/", "/requests/")
    hold(policies[:FEW], ada)
    request(policies[FEW:20], ada, bo)
    before = [queries(client, path) for path in paths]

    people = User.objects.bulk_create(
        User(email=f"p{n}@kestrel.example", display_name=f"P {n}", password=make_password(None))
        for n in range(100)
    )
    moment = clock.now()
    Assignment.objects.bulk_create(
        (
            Assignment(
                package_id=policy.package_id,
                policy=policy,
                target=person,
                state=AssignmentState.DELIVERED,
                starts_at=moment - timedelta(days=1),
                ends_at=moment + timedelta(days=90),
            )
            for policy, person in product(policies, people)
        ),
        batch_size=2000,
    )

    gather_statistics()

    assert Assignment.objects.count() >= 10_000
    assert [queries(client, path) for path in paths] == before
