"""Files that are handed in, as they are read: what cannot be read says why, and where."""

import json
from io import BytesIO
from zipfile import ZIP_BZIP2, ZipFile

import pytest

from entitlements.directory.sync.csv_tables import BadFile
from entitlements.imports import bundles
from entitlements.imports.bundles import APPROVERS, ENTITLEMENTS, MEMBERS, ROLES
from tests.imports.conftest import FILES, files, packed


def refusal(handed_in):
    with pytest.raises(BadFile) as bad:
        bundles.read(handed_in)
    return str(bad.value)


def document(*roles):
    return [("roles.json", json.dumps({"roles": list(roles)}).encode())]


def said(tables):
    return {name: [row.cells for row in tables[name]] for name in bundles.TABLES}


def test_csv_files_are_read_with_commas_or_semicolons_and_a_mark():
    tables = bundles.read(files(roles=b"\xef\xbb\xbf" + FILES[ROLES].encode()))

    assert [row["role"] for row in tables[ROLES]] == ["Sales Analyst", "Sales Desk"]
    assert tables[ENTITLEMENTS][1]["resource"] == "cn=reports,dc=example"
    assert tables[MEMBERS][0].where == "role_members.csv line 2"
    assert [row["fallback"] for row in tables[APPROVERS]] == ["", "yes"]


def test_approvers_and_members_may_be_missing():
    tables = bundles.read(files(role_members=None, role_approvers=None))

    assert tables[MEMBERS] == tables[APPROVERS] == []


def test_a_zip_file_is_read_also_with_folders_and_what_a_mac_adds():
    entries = [(f"export/{name.upper()}", data) for name, data in files()]
    rubbish = [("__MACOSX/export/._roles.csv", b"x"), ("export/.DS_Store", b"x"), ("export/", b"")]

    tables = bundles.read([("Roles.ZIP", packed([*rubbish, *entries]))])

    assert said(tables) == said(bundles.read(files()))


def test_json_says_the_same_as_csv():
    roles = {
        "role": "Sales Analyst",
        "description": "Runs the reports.",
        "days": 90,
        "hidden": False,
        "includes": ["Sales Desk", "Sales Reader"],
        "entitlements": [
            {"system": "Built-in directory", "resource": "Sales team", "resource_role": "Member"}
        ],
        "approvers": [{"stage": 1, "kind": "manager", "fallback": True}],
        "members": [{"member": "ada@kestrel.example", "end": None}],
    }

    tables = bundles.read(document(roles))

    (role,) = tables[ROLES]
    assert (role.where, role["days"], role["hidden"]) == ("roles.json role 1", "90", "no")
    assert role["includes"] == "Sales Desk|Sales Reader"
    (entitlement,) = tables[ENTITLEMENTS]
    assert entitlement.where == "roles.json role 1, entitlements 1"
    assert (entitlement["role"], entitlement["resource"]) == ("Sales Analyst", "Sales team")
    assert tables[APPROVERS][0]["fallback"] == "yes"
    assert tables[MEMBERS][0]["member"] == "ada@kestrel.example"
    assert not any(row.mistake for name in bundles.TABLES for row in tables[name])


def test_json_may_be_in_a_zip_file_too_and_begin_with_a_mark():
    data = b"\xef\xbb\xbf" + document({"role": "Sales Desk"})[0][1]

    tables = bundles.read([("roles.zip", packed([("roles.json", data)]))])

    assert tables[ROLES][0]["role"] == "Sales Desk"


@pytest.mark.parametrize(
    ("role", "mistake"),
    [
        ({"role": "A", "rolle": 1}, "there is no “rolle” here"),
        ({"role": {"name": "A"}}, "“role” is neither a text, a number, nor true or false"),
        ({"role": 1.5}, "“role” is neither a text, a number, nor true or false"),
        ({"role": ["a", 1]}, "“role” is neither a text, a number, nor true or false"),
    ],
)
def test_a_value_of_another_kind_is_a_mistake_of_its_row(role, mistake):
    assert bundles.read(document(role))[ROLES][0].mistake == mistake


BAD_JSON = [
    (b"{", "line 1: this is no JSON"),
    (b"[]", "is no object with a list called “roles”"),
    (b'{"roles": 1}', "is no object with a list called “roles”"),
    (b'{"roles": [1]}', "role 1 is no object"),
    (b'{"roles": [{"members": 1}]}', "role 1: “members” is no list"),
    (b'{"roles": [{"members": [1]}]}', "role 1, members 1 is no object"),
    (b'{"roles": []}', "names no role"),
    ('{"roles": ["Büro"]}'.encode("latin-1"), "is not UTF-8"),
    (b"[" * 200_000, "is no JSON that can be read"),
    (b'{"roles": ' + b"9" * 5000 + b"}", "is no JSON that can be read"),
]


@pytest.mark.parametrize(("data", "words"), BAD_JSON)
def test_json_that_cannot_be_read_says_why(data, words):
    assert words in refusal([("roles.json", data)])


BAD_CSV = [
    ({"roles": b""}, "roles.csv is empty."),
    ({"roles": b" \n "}, "roles.csv is empty."),
    ({"roles": "role\n"}, "roles.csv names no role."),
    ({"roles": "name\nA\n"}, "missing: role; unknown: name"),
    ({"roles": "role,role\nA,A\n"}, "twice: role"),
    ({"roles": "role\nBüro\n".encode("latin-1")}, "line 2: this is not UTF-8"),
    ({"roles": "role\nA\n".encode("utf-16")}, "the file is UTF-16"),
    ({"roles": 'role\n"A\n'}, "roles.csv line 2"),
    ({"roles": "role\n" + "x" * 200_000}, "roles.csv line 2: field larger than"),
    ({"role_entitlements": None}, "role_entitlements.csv is missing."),
    ({"roles": None, "role_entitlements": None}, "roles.csv, role_entitlements.csv is missing."),
    ({"role_entitlements": "role,system\n"}, "missing: resource, resource_role"),
    ({"people": "x"}, "people.csv: there is no such file in an import."),
]


@pytest.mark.parametrize(("changes", "words"), BAD_CSV)
def test_csv_that_cannot_be_read_says_why_and_where(changes, words):
    assert words in refusal(files(**changes))


def test_a_file_that_is_there_twice_is_refused():
    assert "roles.csv is there twice." in refusal([*files(), ("ROLES.csv", b"role\nA\n")])


def test_a_hundred_thousand_rows_are_refused_with_the_limit():
    rows = "role,member\n" + "Sales Desk,x\n" * 100_000

    words = refusal(files(role_members=rows))

    assert words == (
        "role_members.csv has 100,000 rows; at most 20,000 are imported at once. Divide it."
    )


def test_more_roles_than_one_import_takes_are_refused_with_the_limit():
    rows = "role\n" + "".join(f"Role {number}\n" for number in range(101))

    assert "roles.csv has 101 rows; at most 100" in refusal(files(roles=rows))


def test_more_than_ten_megabytes_are_refused_before_they_are_read():
    words = refusal([("roles.csv", b"x" * (bundles.MOST_BYTES + 1))])

    assert words == "This is more than 10 MB. Divide it."


# ZIP files that mean harm, or are broken


def test_a_zip_bomb_is_not_unpacked():
    bomb = packed([("roles.csv", b"\0" * 300_000_000)])
    assert len(bomb) < 400_000

    assert "unpacks to more than 10 MB" in refusal([("roles.zip", bomb)])


def test_a_zip_file_that_lies_about_its_size_is_not_unpacked_further():
    bomb = packed([("roles.csv", b"\0" * 300_000_000)])
    true_size = (300_000_000).to_bytes(4, "little")
    assert bomb.count(true_size) == 2
    lying = bomb.replace(true_size, (100).to_bytes(4, "little"))

    assert refusal([("roles.zip", lying)])


def test_several_files_that_are_large_together_are_not_unpacked():
    half = b"\0" * 6_000_000
    bomb = packed([("roles.csv", half), ("role_members.csv", half)])

    assert "unpacks to more than 10 MB" in refusal([("roles.zip", bomb)])


def test_a_zip_file_in_a_zip_file_is_not_opened():
    inner = packed(files())

    words = refusal([("roles.zip", packed([("roles.zip", inner)]))])

    assert "roles.zip: there is no such file in an import." in words


def test_a_zip_file_of_very_many_files_is_refused():
    many = packed([(f"{number}.csv", b"") for number in range(1000)])

    assert "contains 1,000 files" in refusal([("roles.zip", many)])


def test_an_empty_zip_file_says_so():
    assert "contains no files" in refusal([("roles.zip", packed([("folder/", b"")]))])


def test_a_locked_zip_file_says_so():
    data = bytearray(packed(files()))
    data[6] |= 1
    central = data.index(b"PK\x01\x02")
    data[central + 8] |= 1

    assert "is locked with a password" in refusal([("roles.zip", bytes(data))])


def test_an_unusual_packing_is_refused():
    data = packed(files(), method=ZIP_BZIP2)

    assert "is packed in a way that is not read" in refusal([("roles.zip", data)])


@pytest.mark.parametrize("cut", [10, 60, -30, -200])
def test_a_broken_zip_file_says_so(cut):
    assert "is no ZIP file that can be read" in refusal([("roles.zip", packed(files())[:cut])])


def test_a_damaged_entry_says_so():
    data = bytearray(packed(files()))
    with ZipFile(BytesIO(bytes(data))) as archive:
        start = archive.infolist()[0].header_offset + 30 + len("roles.csv")
    data[start : start + 20] = b"\xff" * 20

    assert "is no ZIP file that can be read" in refusal([("roles.zip", bytes(data))])
