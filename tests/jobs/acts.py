"""What people do while the workers of a test run, called in a process beside them."""

from datetime import timedelta

from entitlements.delivery import acting
from entitlements.models import Account, Assignment, User
from entitlements.requests import operations
from tests.factories import (
    AccessPackageFactory,
    AssignmentFactory,
    AssignmentPolicyFactory,
    ConnectedSystemFactory,
    CustomExtensionFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)


def submit():
    """Ada asks for a package of one role in the slow system."""
    ada = UserFactory(display_name="Ada", email="ada@kestrel.example")
    system = ConnectedSystemFactory(kind="slow", name="Slow")
    Account.objects.create(user=ada, system=system, external_id="ada")
    resource = ResourceFactory(system=system, external_id="staff", group=None)
    package = AccessPackageFactory(roles=[ResourceRoleFactory(resource=resource)])
    operations.submit(AssignmentPolicyFactory(package=package), by=ada)


def give_back():
    operations.give_back(Assignment.objects.get(), by=User.objects.get(display_name="Ada"))


def submit_and_call(url):
    """Bo asks for a package whose policy calls an extension, and waits for its answer."""
    policy = AssignmentPolicyFactory()
    CustomExtensionFactory(policy=policy, stages=["created"], url=url, waits_for=timedelta(days=1))
    operations.submit(policy, by=UserFactory(display_name="Bo", email="bo@kestrel.example"))


def submit_many(number):
    """So many people ask for the package that Ada asked for."""
    policy = Assignment.objects.get().policy
    system = policy.package.roles.get().resource.system
    for position in range(number):
        person = UserFactory(email=f"p{position}@kestrel.example")
        Account.objects.create(user=person, system=system, external_id=f"p{position}")
        operations.submit(policy, by=person)


def end_many(number):
    """Gita ends the access of so many people at once, and leaves it to the workers."""
    policy = AssignmentPolicyFactory()
    gita = UserFactory(display_name="Gita", is_superuser=True)
    held = AssignmentFactory.create_batch(number, policy=policy)
    keys = [assignment.pk for assignment in held]
    act = acting.plan("end", keys, by=gita, source=f"{number} chosen in the list")
    acting.start(act, acting.Wanted("Over"), by=gita)
