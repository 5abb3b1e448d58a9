"""Importing role definitions beneath /manage/: handed in, tried out, carried out, and told."""

import csv
from io import BytesIO, StringIO
from zipfile import ZipFile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from entitlements.decisions import Denied, deny
from entitlements.imports import bundles
from entitlements.models import (
    AccessPackage,
    Assignment,
    BulkAssignment,
    Grant,
    RoleImport,
)
from tests.factories import CatalogFactory, ResourceRoleFactory, UserFactory
from tests.imports.conftest import ENTITLEMENTS, MEMBERS, files, offered, packed

__all__ = ["offered"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_olga(client, offered):
    client.force_login(offered.olga)
    return client


@pytest.fixture
def send(as_olga, offered):
    """Hand files in, as `files` takes them, or others."""

    def send(handed_in=None, follow=True, **fields):
        changes = fields.pop("changes", {})
        given = files(**changes) if handed_in is None else handed_in
        uploads = [SimpleUploadedFile(name, data) for name, data in given]
        sent = {"file": uploads, "takes_over": "on", **fields}
        return as_olga.post(add(offered.catalog), sent, follow=follow)

    return send


def add(catalog):
    return reverse("manage:import_add", args=[catalog.pk])


def text(response):
    return " ".join(response.content.decode().split())


def the_import():
    return RoleImport.objects.get()


def test_the_page_of_a_catalog_leads_to_it(as_olga, offered):
    catalog = text(as_olga.get(reverse("manage:catalog", args=[offered.catalog.pk])))
    assert f'href="{add(offered.catalog)}"' in catalog

    page = text(as_olga.get(add(offered.catalog)))
    assert "Import roles into Sales" in page
    assert "Without approval" not in page
    assert "Latest imports" not in page


def test_files_are_tried_out_and_then_imported(send, as_olga, ada, bo, run_queue):
    page = text(send())

    role_import = the_import()
    address = reverse("manage:import", args=[role_import.pk])
    assert "Import role_entitlements.csv" not in page
    assert "Import roles.csv, role_entitlements.csv, role_members.csv and 1 more into Sales" in page
    assert "Nothing was made yet. 2 packages would be made. 2 members get one." in page
    assert "What members have already ends with the package." in page
    assert "Sales team: Member" in page
    assert "Imported, for 90 days" in page
    assert "Approval by their manager." in page
    assert "No one: access is given directly." in page
    assert "Import 2 roles" in page
    assert not AccessPackage.objects.exists()

    page = text(as_olga.post(f"{address}start/", follow=True))
    assert "The packages were made. 0 of 2 members are done." in page
    assert 'hx-trigger="every 3s"' in page
    fragment = text(as_olga.get(address, headers={"HX-Request": "true"}))
    assert "0 of 2 members are done" in fragment
    assert "<h1" not in fragment
    run_queue()
    page = text(as_olga.get(address))
    assert "2 packages were made. 2 of 2 members were given theirs" in page
    assert "every 3s" not in page
    package = AccessPackage.objects.get(name="Sales Analyst")
    assert reverse("manage:package", args=[package.pk]) in page
    assert reverse("manage:give_list", args=[package.bulk_assignments.get().pk]) in page
    assert "1 given" in page
    assert Assignment.objects.get().target == ada
    assert Grant.objects.filter(is_taken_over=True).count() == 2
    made = text(as_olga.get(reverse("manage:catalog", args=[role_import.catalog_id])))
    assert "imported roles.csv, role_entitlements.csv" in made


def test_a_zip_file_and_the_choice_to_keep_what_is_held(send):
    page = text(send([("roles.zip", packed(files()))], takes_over=""))

    assert "Import roles.zip into Sales" in page
    assert "What members have already ends" not in page
    assert the_import().takes_over is False


def test_of_very_many_roles_the_first_are_named(send, offered):
    resource = offered.team.resource
    for number in range(9):
        ResourceRoleFactory(resource=resource, external_id=f"r{number}", name=f"R{number}")
    rows = "".join(f"Sales Desk;Built-in directory;Sales team;R{n}\n" for n in range(9))

    page = text(send(changes={"role_entitlements": ENTITLEMENTS + rows}))

    assert "Sales team: R3 and 5 more" in page
    assert "Sales team: R4" not in page


def test_who_is_left_out_is_listed_with_every_reason(send, as_olga, ada, run_queue):
    page = text(send(changes={"role_members": MEMBERS + "Sales Desk,nobody\nSales Desk,ada\n"}))
    assert "2 are left out, for the reasons below" in page
    assert "Left out (2)" in page

    address = reverse("manage:import", args=[the_import().pk])
    page = text(as_olga.get(f"{address}?show=left_out"))
    assert "role_members.csv line 4" in page
    assert "<code>person_unknown</code>" in page
    as_olga.post(f"{address}start/")
    run_queue()
    page = text(as_olga.get(address))
    assert "2 of 4 members were given theirs" in page
    assert "2 were refused, for the reasons in the lists" in page
    assert "Left out" not in page


def test_what_is_wrong_is_listed_and_cannot_be_imported(send, as_olga):
    page = text(send(changes={"role_entitlements": ENTITLEMENTS + "Sales Desk;Payroll;x;y\n"}))

    role_import = the_import()
    assert "1 thing is wrong, so that nothing can be imported." in page
    assert "Import 2 roles" not in page
    address = reverse("manage:import", args=[role_import.pk])
    page = text(as_olga.get(f"{address}?show=wrong"))
    assert "role_entitlements.csv line 5" in page
    assert "The catalog Sales offers nothing in a system “Payroll”." in page
    refused = as_olga.post(f"{address}start/")
    assert refused.status_code == 403
    assert "import_is_wrong" in text(refused)
    assert "Nothing of this kind was found." in text(as_olga.get(f"{address}?show=note"))
    assert "Sales Desk" in text(as_olga.get(f"{address}?show=nonsense"))


def test_files_without_any_good_role_say_so(send):
    page = text(send(changes={"roles": "role,days\n,1\n"}))

    assert "No role could be read." in page


def test_importing_again_says_what_exists(send, as_olga, run_queue):
    send()
    as_olga.post(reverse("manage:import_start", args=[the_import().pk]))
    run_queue()
    AccessPackage.objects.get(name="Sales Analyst").policies.update(duration=7)

    page = text(send())

    assert "0 packages would be made; 2 exist already." in page
    assert "Exists already" in page
    latest = RoleImport.objects.order_by("-created_at").first()
    notes = text(as_olga.get(reverse("manage:import", args=[latest.pk]) + "?show=note"))
    assert "<code>policy_differs</code>" in notes


BAD_FILES = [
    ([("roles.csv", b"role\nA\n")], "role_entitlements.csv is missing."),
    ([("people.txt", b"x")], "people.txt: there is no such file in an import."),
    ([("roles.zip", b"PK")], "is no ZIP file that can be read"),
    ([("roles.zip", packed([("roles.csv", b"\0" * 30_000_000)]))], "unpacks to more than 10 MB"),
    ([("roles.json", b"[" * 100_000)], "is no JSON that can be read"),
    ([("roles.csv", "role\nBüro\n".encode("latin-1"))], "role_entitlements.csv is missing."),
    ([("roles.csv", b"")], "The submitted file is empty."),
]


@pytest.mark.parametrize(("handed_in", "words"), BAD_FILES)
def test_files_that_cannot_be_read_say_why(send, handed_in, words):
    response = send(handed_in)

    assert response.status_code == 422
    assert words in text(response)
    assert not RoleImport.objects.exists()


def test_a_hundred_thousand_rows_are_refused(send):
    rows = "role,member\n" + "Sales Desk,x\n" * 100_000

    response = send(changes={"role_members": rows})

    assert response.status_code == 422
    assert "role_members.csv has 100,000 rows; at most 20,000" in text(response)


def test_what_is_too_large_is_not_read(send, monkeypatch):
    monkeypatch.setattr(bundles, "MOST_BYTES", 100)

    response = send()

    assert response.status_code == 422
    assert "This is more than 0 MB." in text(response)


def test_no_file_is_said_at_the_field(as_olga, offered):
    response = as_olga.post(add(offered.catalog), {"takes_over": "on"})

    assert response.status_code == 422
    assert "This field is required." in text(response)


def test_markup_is_text_and_no_cell_runs_as_a_formula(send, as_olga, run_queue):
    odd = "<b>=cmd()</b>"
    page = text(
        send(
            changes={
                "roles": f"role,description\n{odd},=1\n",
                "role_entitlements": (
                    f"role;system;resource;resource_role\n{odd};Built-in directory;"
                    "Sales team;Member\n"
                ),
                "role_members": (
                    f"role,member,justification\n{odd},@nobody,\n{odd},ada@kestrel.example,=1\n"
                ),
                "role_approvers": None,
            }
        )
    )
    assert "&lt;b&gt;=cmd()&lt;/b&gt;" in page
    assert odd not in page

    role_import = the_import()
    file = reverse("manage:import_result", args=[role_import.pk])
    rows = rows_of(as_olga.get(file))
    assert rows[0]["named"] == "'@nobody"
    assert rows[0]["codes"] == "person_unknown"
    as_olga.post(reverse("manage:import_start", args=[role_import.pk]))
    run_queue()
    rows = rows_of(as_olga.get(file))
    assert [row["state"] for row in rows] == ["Refused", "Given"]
    assert [row["role"] for row in rows] == [odd, odd]
    assert rows[0]["named"] == "'@nobody"
    assert rows[1]["email"] == "ada@kestrel.example"
    assert rows[1]["request"].startswith("R-")


def rows_of(response):
    content = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(StringIO(content)))


def test_an_import_is_dropped(send, as_olga, offered):
    send()

    response = as_olga.post(reverse("manage:import_drop", args=[the_import().pk]), follow=True)

    assert "The import was dropped. Nothing was made." in text(response)
    assert response.redirect_chain[-1][0] == add(offered.catalog)
    assert not RoleImport.objects.exists()


def test_the_latest_imports_are_listed(send, as_olga, offered):
    send()
    as_olga.post(reverse("manage:import_start", args=[the_import().pk]))
    send()

    page = text(as_olga.get(add(offered.catalog)))

    assert "Latest imports" in page
    assert "· imported" in page
    assert "· tried out only" in page


def test_the_example_can_be_imported_as_it_is(send, as_olga, offered):
    response = as_olga.get(reverse("manage:import_sample", args=[offered.catalog.pk]))

    assert response["Content-Type"] == "application/zip"
    with ZipFile(BytesIO(response.content)) as archive:
        assert set(archive.namelist()) == set(bundles.TABLES)
    page = text(send([("roles.zip", response.content)]))
    assert "1 package would be made. 0 members get one; 1 is left out" in page
    empty = CatalogFactory()
    offered.olga.is_superuser = True
    offered.olga.save()
    bare = as_olga.get(reverse("manage:import_sample", args=[empty.pk]))
    with ZipFile(BytesIO(bare.content)) as archive:
        assert b"Built-in directory,Sales team,Member" in archive.read("role_entitlements.csv")


def test_approval_is_skipped_by_owners_where_it_is_allowed(
    send, as_olga, offered, bo, run_queue, settings
):
    settings.DIRECT_ASSIGNMENT_SKIPS_APPROVAL = True
    assert "Without approval" in text(as_olga.get(add(offered.catalog)))

    page = text(send(skips_approval="on"))
    assert "Members get it without approval." in page
    as_olga.post(reverse("manage:import_start", args=[the_import().pk]))
    run_queue()

    assert Assignment.objects.filter(target=bo).exists()


def test_approval_is_not_skipped_by_sending_it(send):
    send(skips_approval="on")

    assert the_import().skips_approval is False


def test_a_right_that_goes_meanwhile_is_told(send, as_olga, offered, monkeypatch):
    def refuse(*args, **facts):
        raise Denied(deny("not_permitted", "You may not.", "Ask."))

    monkeypatch.setattr("entitlements.imports.operations.check", refuse)
    response = send()

    assert response.status_code == 422
    assert "not_permitted" in text(response)


@pytest.mark.parametrize(
    ("role", "status"), [(None, 404), ("reader", 403), ("assignment_manager", 403)]
)
def test_imports_are_for_managers_of_packages(client, send, offered, bo, appoint, role, status):
    send()
    role_import = the_import()
    if role:
        appoint(bo, offered.catalog, role)
    client.force_login(bo)

    assert client.get(add(offered.catalog)).status_code == status
    assert client.post(add(offered.catalog), {}).status_code == status
    for name in ("import", "import_result"):
        assert client.get(reverse(f"manage:{name}", args=[role_import.pk])).status_code == status
    for name in ("import_start", "import_drop"):
        assert client.post(reverse(f"manage:{name}", args=[role_import.pk])).status_code == status
    sample = reverse("manage:import_sample", args=[offered.catalog.pk])
    assert client.get(sample).status_code == status
    assert not AccessPackage.objects.exists()


def test_another_manager_sees_an_import_and_does_not_carry_it_out(client, send, offered, appoint):
    send()
    address = reverse("manage:import", args=[the_import().pk])
    client.force_login(appoint(UserFactory(), offered.catalog))

    page = text(client.get(address))
    assert "Import 2 roles" not in page
    assert "Drop import" not in page
    assert client.post(f"{address}start/").status_code == 403
    assert client.post(f"{address}drop/").status_code == 403
    assert not BulkAssignment.objects.exists()


def test_an_import_costs_the_same_with_few_and_with_many_roles(send, as_olga, run_queue):
    def cost(count):
        names = [f"Role {count} {number}" for number in range(count)]
        members = "".join(f"{name},nobody{name}\n" for name in names)
        members += "".join(f"{name},ada@kestrel.example\n" for name in names)
        send(
            changes={
                "roles": "role\n" + "".join(f"{name}\n" for name in names),
                "role_entitlements": "role;system;resource;resource_role\n"
                + "".join(f"{name};Built-in directory;Sales team;Member\n" for name in names),
                "role_members": f"role,member\n{members}",
                "role_approvers": None,
            }
        )
        address = reverse("manage:import", args=[RoleImport.objects.latest("created_at").pk])
        yield counted(address)
        yield counted(f"{address}?show=left_out")
        as_olga.post(f"{address}start/")
        yield counted(address)
        run_queue()
        yield counted(address)

    def counted(address):
        with CaptureQueriesContext(connection) as captured:
            assert as_olga.get(address).status_code == 200
        return len(captured)

    few, many = list(cost(2)), list(cost(30))
    assert few == many
    assert max(many) <= 18
