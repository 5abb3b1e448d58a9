"""The command that imports role definitions: a dry run, the real thing, and every refusal."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from entitlements.imports import bundles
from entitlements.models import AccessPackage, Assignment, Grant, RoleImport
from tests.imports.conftest import ENTITLEMENTS, FILES, MEMBERS, files, packed

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path):
    """A folder with all files, and one that an import does not know."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "notes.txt").write_text("Ask Bo.")
    return tmp_path


@pytest.fixture
def run(offered):
    """Run the command for the catalog of Olga; return what it writes."""

    def run(*paths, catalog="sales", by="OLGA@kestrel.example", **options):
        out, errors = StringIO(), StringIO()
        call_command(
            "import_roles",
            *map(str, paths),
            catalog=catalog,
            by=by,
            stdout=out,
            stderr=errors,
            **options,
        )
        return out.getvalue(), errors.getvalue()

    return run


def test_a_dry_run_shows_every_role_and_makes_nothing(run, folder, offered):
    (folder / "role_members.csv").write_text(MEMBERS + "Sales Desk,nobody\n")

    out, errors = run(folder, dry_run=True)

    reports = f"{offered.reports.resource}: Member"
    assert out.splitlines() == [
        f"add package Sales Analyst: Sales team: Member, {reports}; 1 get it, 0 are left out",
        "add package Sales Desk: Sales team: Member; 1 get it, 1 are left out",
        "Nothing was made: this was a dry run.",
    ]
    assert errors == (
        "left out: role_members.csv line 4: nobody: Nobody is known as “nobody”. "
        "Write the address, the employee id, or the id in this portal. (person_unknown)\n"
    )
    assert not AccessPackage.objects.exists()
    assert not RoleImport.objects.exists()


def test_it_makes_the_packages_and_the_workers_give_them(run, folder, ada, run_queue):
    out, errors = run(folder)

    assert out.endswith("The packages were made. Members get them in the background.\n")
    assert errors == ""
    assert AccessPackage.objects.count() == 2
    run_queue()
    assert Assignment.objects.get().target == ada
    assert Grant.objects.filter(is_taken_over=True).count() == 2
    assert "keep package Sales Analyst" in run(folder)[0]


@pytest.mark.parametrize("form", ["zip", "csv", "json"])
def test_other_forms_are_read_too(run, folder, form):
    if form == "zip":
        (folder / "roles.zip").write_bytes(packed(files()))
        paths = [folder / "roles.zip"]
    elif form == "csv":
        paths = [folder / name for name in FILES]
    else:
        (folder / "roles.json").write_text('{"roles": []}')
        with pytest.raises(CommandError, match="names no role"):
            run(folder / "roles.json")
        return

    run(*paths)

    assert AccessPackage.objects.count() == 2
    assert RoleImport.objects.get().source == ", ".join(path.name for path in paths)


def test_a_folder_needs_no_members_and_no_approvers(run, folder):
    (folder / "role_members.csv").unlink()
    (folder / "role_approvers.csv").unlink()

    run(folder)

    assert AccessPackage.objects.count() == 2


def test_what_is_held_already_may_be_kept(run, folder, run_queue):
    run(folder, keep_held=True)
    run_queue()

    assert not Grant.objects.filter(is_taken_over=True).exists()


def test_what_is_wrong_is_named_and_nothing_is_made(run, folder):
    (folder / "role_entitlements.csv").write_text(ENTITLEMENTS.replace("Sales team", "\x1b[31m"))
    with pytest.raises(CommandError, match=r"Nothing was made: 3 things are wrong\."):
        run(folder)
    (folder / "role_entitlements.csv").write_text(ENTITLEMENTS + "Sales Desk;a;b;c\n")
    with pytest.raises(CommandError, match=r"Nothing was made: 1 thing is wrong\."):
        run(folder)

    assert not AccessPackage.objects.exists()
    assert not RoleImport.objects.exists()


def test_a_role_that_is_wrong_says_so(run, folder, capsys):
    (folder / "role_entitlements.csv").write_text(
        "role;system;resource;resource_role\nSales Desk;a;b;c\nSales Analyst;a;b;c\n"
    )
    out = StringIO()
    with pytest.raises(CommandError):
        call_command(
            "import_roles",
            str(folder),
            catalog="Sales",
            by="olga@kestrel.example",
            stdout=out,
            stderr=StringIO(),
        )

    assert out.getvalue().splitlines()[0] == "refuse role Sales Analyst: no roles"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"catalog": "Nowhere"}, "There is no catalog “Nowhere”."),
        ({"by": "nobody@kestrel.example"}, "There is no person “nobody@kestrel.example”."),
        ({"by": "bo@kestrel.example"}, "You may not change packages"),
        ({"without_approval": True}, "waits for its approvers"),
    ],
)
def test_who_may_not_is_told(run, folder, options, words):
    with pytest.raises(CommandError, match=words):
        run(folder, **options)

    assert not RoleImport.objects.exists()


def test_files_that_cannot_be_read_are_named(run, folder, monkeypatch):
    with pytest.raises(CommandError, match=r"missing\.zip cannot be read: No such file"):
        run(folder / "missing.zip")
    monkeypatch.setattr(bundles, "MOST_BYTES", 10)
    with pytest.raises(CommandError, match=r"roles\.csv is too large"):
        run(folder)
