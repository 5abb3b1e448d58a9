"""A small company in the middle of its work, seen by somebody who asks for access."""

from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace

from django.utils.module_loading import import_string
from django_q.models import OrmQ
from guardian.shortcuts import assign_perm

from entitlements import clock, models, sweep
from entitlements.catalog.models import ResourceKind
from entitlements.catalog.permissions import CATALOG_ROLES
from entitlements.policies.models import Expiration, Scope
from entitlements.requests import deciding, operations
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    GroupFactory,
    ResourceFactory,
    ResourceRoleFactory,
    UserFactory,
)


def person(name, title, department, **attributes):
    email = f"{name.lower().replace(' ', '.')}@kestrel.example"
    return UserFactory(
        display_name=name, email=email, job_title=title, department=department, **attributes
    )


@contextmanager
def ago(**span):
    with clock.at(clock.now() - timedelta(**span)):
        yield


def run_queue():
    while message := OrmQ.objects.order_by("pk").first():
        message.delete()
        task = message.task
        import_string(task["func"])(*task["args"], **task["kwargs"])


def role(catalog, resource, name, description, *, kind=ResourceKind.APPLICATION, privileged=False):
    found = models.Resource.objects.filter(name=resource).first() or ResourceFactory(
        name=resource,
        kind=kind,
        address=f"https://{resource.split()[0].lower()}.kestrel.example/",
        group=GroupFactory(name=f"{resource} users"),
        catalog=catalog,
    )
    return ResourceRoleFactory(
        resource=found,
        external_id="owner" if privileged else "member",
        name=name,
        description=description,
        is_privileged=privileged,
    )


def package(catalog, name, description, roles, **attributes):
    return AccessPackageFactory(
        catalog=catalog, name=name, description=description, roles=roles, **attributes
    )


def build():
    """Make the company and return its people and what they have."""
    dev = person("Dev Patel", "Head of Sales", "Sales")
    ana = person("Ana Diaz", "Analyst", "Sales", manager=dev)
    bo = person("Bo Chen", "Controller", "Finance")
    gita = person("Gita Rao", "Ledger owner", "Finance")
    olga = person("Olga Owner", "Sales operations", "Sales")
    sales, finance = CatalogFactory(name="Sales"), CatalogFactory(name="Finance")
    for permission in CATALOG_ROLES["owner"]:
        for catalog in (sales, finance):
            assign_perm(f"entitlements.{permission}", olga, catalog)
    reader = role(sales, "Customer records", "Reader", "See customers and their orders.")
    editor = role(sales, "Order desk", "Contributor", "See and change orders.")
    library = role(
        sales, "Sales library", "Member", "Read and add documents.", kind=ResourceKind.SITE
    )
    poster = role(finance, "Ledger", "Poster", "Book to accounts 4000 to 4999.")
    closer = role(finance, "Ledger", "Closer", "Close a month.", privileged=True)
    board = role(
        sales, "Sales board", "Member", "Plan the week.", kind=ResourceKind.COLLABORATION_GROUP
    )
    starter = package(
        sales, "Sales Starter", "What everybody in sales needs on the first day.", [reader, library]
    )
    payments = package(
        sales,
        "Sales Payments",
        "Enter and release payment runs up to 10,000 EUR.",
        [editor, poster],
    )
    close = package(finance, "Finance Close", "Book and close a month in the ledger.", [closer])
    basics = package(sales, "Staff basics", "Planning board and news for all staff.", [board])
    analyst = package(
        sales,
        "Sales Analyst",
        "Run and read the sales reports.",
        [
            role(sales, "Report server", "Analyst", "Run saved reports."),
            role(
                sales, "Data store", "Reader", "Query sales data.", kind=ResourceKind.SECURITY_GROUP
            ),
        ],
    )
    kit = package(
        sales,
        "Contractor kit",
        "Everything that a contractor needs for three months.",
        [
            role(
                sales,
                "Guest network",
                "Member",
                "Use the network in our offices.",
                kind=ResourceKind.SECURITY_GROUP,
            )
        ],
    )
    broken = package(
        sales,
        "Field tools",
        "Maps, visits and expenses on the road.",
        [
            role(sales, "Visit planner", "Member", "Plan visits."),
            models.ResourceRole.objects.create(
                resource=ResourceFactory(
                    name="Expense tool",
                    external_id="5d6e9b8a-0000-4000-8000-000000000000",
                    group=None,
                    catalog=sales,
                ),
                external_id="member",
                name="Member",
                description="File expenses.",
            ),
        ],
    )
    on_demand = AssignmentPolicyFactory(package=starter, name="Everybody in sales", duration=30)
    two_stages = AssignmentPolicyFactory(
        package=payments,
        name="Employees",
        requires_justification=True,
        extension_requires_approval=True,
    )
    ApprovalStageFactory(policy=two_stages, position=1, manager=True)
    ApprovalStageFactory(policy=two_stages, position=2, approvers=[gita], decision_days=3)
    closing = AssignmentPolicyFactory(
        package=close, name="Employees", requires_justification=True, allows_custom_dates=True
    )
    ApprovalStageFactory(policy=closing, position=1, approvers=[bo, gita])
    AssignmentPolicyFactory(
        package=close,
        name="Two days, for month end",
        expiration=Expiration.AFTER_HOURS,
        duration=48,
        requires_justification=True,
    )
    forever = AssignmentPolicyFactory(
        package=basics,
        name="All staff",
        expiration=Expiration.NEVER,
        duration=None,
        scope=Scope.ALL_MEMBERS,
    )
    analysts = AssignmentPolicyFactory(
        package=analyst, name="Analysts", requires_justification=True, allows_custom_dates=True
    )
    ApprovalStageFactory(policy=analysts, position=1, manager=True)
    contractors = AssignmentPolicyFactory(package=kit, name="Contractors", duration=90)
    field = AssignmentPolicyFactory(package=broken, name="Field staff")

    with ago(days=24):
        operations.submit(on_demand, by=ana)
        run_queue()
    with ago(days=200):
        operations.submit(contractors, by=ana)
        run_queue()
    sweep.run()
    run_queue()
    operations.assign(forever, ana, by=olga)
    run_queue()
    with ago(days=2):
        waiting = operations.submit(
            two_stages,
            by=ana,
            justification="Covering for Dev during the June close, until the new colleague starts.",
        )
    with ago(days=1, hours=20):
        deciding.approve(waiting, by=dev, justification="Agreed with the team plan.")
    with ago(days=9):
        denied = operations.submit(analysts, by=ana, justification="Curious about the numbers.")
    with ago(days=8):
        deciding.deny_request(denied, by=dev, justification="Please say which report you need.")
    failed = operations.submit(field, by=ana)
    run_queue()
    return SimpleNamespace(
        ana=ana,
        dev=dev,
        bo=bo,
        gita=gita,
        olga=olga,
        starter=starter,
        payments=payments,
        close=close,
        kit=kit,
        analyst=analyst,
        waiting=waiting,
        denied=denied,
        failed=failed,
        held=models.Assignment.objects.get(package=starter, target=ana),
        ended=models.Assignment.objects.filter(package=kit, target=ana).get(),
        newcomer=person("Nia New", "Trainee", "Sales", manager=dev),
        policies=SimpleNamespace(analysts=analysts),
    )
