import socket
import threading
from contextlib import contextmanager

import pytest
from ldap3.core import results
from ldap3.core.exceptions import (
    LDAPInvalidFilterError,
    LDAPOperationResult,
    LDAPResponseTimeoutError,
    LDAPSessionTerminatedByServerError,
)

from entitlements.systems import ldap_errors
from entitlements.systems.ldap import ADD, DELETE, LdapClient
from entitlements.systems.ldap_errors import LdapFailed
from entitlements.systems.ldap_settings import LdapSettings
from tests.ldap import LdapServer

pytestmark = pytest.mark.slapd

PEOPLE = "(objectClass=inetOrgPerson)"


def settings_of(server, **settings):
    given = {
        "url": server.url,
        "base_dn": server.base_dn,
        "bind_dn": server.admin_dn,
        "password": server.password,
    }
    return LdapSettings(**{**given, **settings})


def people(count):
    return "\n".join(
        f"dn: uid=p{number},{LdapServer.people_dn}\nobjectClass: inetOrgPerson\n"
        f"uid: p{number}\ncn: Person {number}\nsn: {number}\n"
        for number in range(count)
    )


@pytest.mark.parametrize("page_size", [0, 50, 300, 500])
def test_everything_is_found_whatever_the_size_of_a_page(make_ldap_server, page_size):
    server = make_ldap_server(entries=people(300))

    with LdapClient(settings_of(server, page_size=page_size)) as client:
        found = list(client.search(PEOPLE, ["uid", "cn", "entryUUID"]))

    assert {entry.text("UID") for entry in found} == {f"p{number}" for number in range(300)}
    assert all(entry.text("cn") and entry.text("entryUUID") for entry in found)
    assert found[0].text("mail") == ""
    assert found[0].texts("mail") == []


def test_a_search_that_a_limit_cut_short_is_an_error_and_not_an_answer(make_ldap_server):
    server = make_ldap_server(entries=people(60))
    reader = {"bind_dn": server.reader_dn, "password": server.reader_password}

    for page_size in (0, 20):
        with LdapClient(settings_of(server, page_size=page_size, **reader)) as client:
            with pytest.raises(LdapFailed) as failed:
                list(client.search(PEOPLE, ["uid"]))
            assert failed.value.code == "incomplete"
            assert failed.value.concerns_server


def test_one_branch_can_be_searched(ldap_server):
    uma = ldap_server.add_person("uma", description=["one", "two"])
    with LdapClient(settings_of(ldap_server)) as client:
        in_people = client.search(PEOPLE, ["description"], base_dn=ldap_server.people_dn)
        in_groups = client.search(PEOPLE, ["description"], base_dn=ldap_server.groups_dn)

        assert [(entry.dn, entry.texts("description")) for entry in in_people] == [
            (uma, ["one", "two"])
        ]
        assert list(in_groups) == []


def test_references_to_other_servers_are_passed_over(ldap_server):
    ldap_server.add_person("uma")
    ldap_server.add(
        f"ou=elsewhere,{ldap_server.base_dn}",
        ["referral", "extensibleObject"],
        ou="elsewhere",
        ref=f"ldap://127.0.0.1:9/ou=elsewhere,{ldap_server.base_dn}",
    )

    with LdapClient(settings_of(ldap_server)) as client:
        assert [entry.text("uid") for entry in client.search(PEOPLE, ["uid"])] == ["uma"]
        for act in (client.read, lambda dn: client.modify(dn, (ADD, "l", "Rome"))):
            with pytest.raises(LdapFailed) as failed:
                act(f"ou=elsewhere,{ldap_server.base_dn}")
            assert failed.value.code == "referral"


def test_a_name_that_the_server_does_not_understand_is_refused(ldap_server):
    with LdapClient(settings_of(ldap_server)) as client, pytest.raises(LdapFailed) as failed:
        client.read("no name")

    assert failed.value.code == "bad_name"


def test_one_entry_can_be_read_and_changed(ldap_server):
    uma = ldap_server.add_person("uma", title="Clerk")

    with LdapClient(settings_of(ldap_server)) as client:
        assert client.read(uma, ["title"]).text("title") == "Clerk"
        assert client.read(uma, search_filter="(title=Chief)") is None
        assert client.read(f"uid=gone,{ldap_server.people_dn}") is None

        client.modify(uma, (DELETE, "title", "Clerk"), (ADD, "title", "Chief"), (ADD, "l", "Rome"))

        assert client.read(uma, ["title", "l"]).texts("title") == ["Chief"]
        with pytest.raises(LdapFailed) as failed:
            client.modify(uma, (ADD, "title", "Chief"))
        assert failed.value.result == results.RESULT_ATTRIBUTE_OR_VALUE_EXISTS
        assert not failed.value.concerns_server


@pytest.mark.parametrize(
    "changed",
    [
        {"password": "wrong"},
        {"bind_dn": "cn=nobody,dc=example,dc=test"},
    ],
)
def test_a_wrong_name_or_password_is_named(ldap_server, changed):
    with pytest.raises(LdapFailed) as failed:
        LdapClient(settings_of(ldap_server, **changed)).connect()

    assert failed.value.code == "invalid_credentials"
    assert failed.value.concerns_server


def test_without_a_name_we_read_as_anybody(ldap_server):
    ldap_server.add_person("uma")

    with LdapClient(settings_of(ldap_server, bind_dn="", password="")) as client:
        assert len(list(client.search(PEOPLE, ["uid"]))) == 1


def test_a_wrong_filter_is_refused(ldap_server):
    with (
        LdapClient(settings_of(ldap_server)) as client,
        pytest.raises(LdapFailed) as failed,
    ):
        list(client.search("(uid=", ["uid"]))

    assert failed.value.code == "refused"
    assert not failed.value.concerns_server


@pytest.mark.parametrize("encryption", ["ldaps", "start_tls"])
def test_an_encrypted_connection_works_with_the_right_authority_only(
    ldap_server, tmp_path, encryption
):
    encrypted = {"url": ldap_server.ldaps_url} if encryption == "ldaps" else {"start_tls": True}
    path = tmp_path / "ca.pem"
    path.write_text(ldap_server.authority.pem)

    for trusted in (ldap_server.authority.pem, str(path)):
        client = LdapClient(settings_of(ldap_server, ca_certificates=trusted, **encrypted))
        client.connect()
        client.close()
    with LdapClient(settings_of(ldap_server, verify=False, **encrypted)) as client:
        client.connect()

    for untrusted in ("", "/nowhere.pem", "-----BEGIN nonsense"):
        with pytest.raises(LdapFailed) as failed:
            LdapClient(settings_of(ldap_server, ca_certificates=untrusted, **encrypted)).connect()
        assert failed.value.code == "tls_failed"


@pytest.mark.parametrize("encryption", ["ldaps", "start_tls"])
def test_a_certificate_for_another_host_is_refused(make_ldap_server, encryption):
    server = make_ldap_server(names=("elsewhere.test",))
    encrypted = {"url": server.ldaps_url} if encryption == "ldaps" else {"start_tls": True}

    with pytest.raises(LdapFailed) as failed:
        LdapClient(settings_of(server, ca_certificates=server.authority.pem, **encrypted)).connect()

    assert failed.value.code == "tls_failed"
    assert "127.0.0.1" in str(failed.value)


def test_a_server_without_start_tls_gets_no_password(make_ldap_server):
    server = make_ldap_server(offers_tls=False)

    with pytest.raises(LdapFailed) as failed:
        LdapClient(settings_of(server, start_tls=True)).connect()

    assert failed.value.code == "tls_failed"
    assert "does not offer StartTLS" in str(failed.value)


def test_a_connection_that_broke_is_opened_again(ldap_server):
    client = LdapClient(settings_of(ldap_server))
    client.connect()
    client.connect()

    ldap_server.stop()
    with pytest.raises(LdapFailed) as failed:
        client.read(ldap_server.base_dn)
    assert failed.value.code == "unreachable"
    ldap_server.start()

    assert client.read(ldap_server.base_dn) is not None
    client.close()
    client.close()


def test_a_host_that_does_not_exist_is_unreachable(ldap_server):
    with pytest.raises(LdapFailed) as failed:
        LdapClient(settings_of(ldap_server, url="ldap://ldap.invalid")).connect()

    assert failed.value.code == "unreachable"


@contextmanager
def listening(answer=b""):
    """Accept connections as some other server would: answer the first message, or say nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve():
        client, _ = listener.accept()
        with client:
            client.recv(1000)
            if answer:
                client.sendall(answer)
            else:
                done.wait(10)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"ldap://127.0.0.1:{listener.getsockname()[1]}"
    done.set()
    thread.join()
    listener.close()


def test_a_server_that_does_not_answer_is_not_waited_for(ldap_server):
    with listening() as url, pytest.raises(LdapFailed) as failed:
        LdapClient(settings_of(ldap_server, url=url, receive_timeout=1)).connect()

    assert failed.value.code == "timeout"
    assert failed.value.concerns_server


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        b"\x30\x03\x02\x01\x01",
        b"\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04",
    ],
)
def test_a_server_that_does_not_speak_ldap_is_said_to_be_so(ldap_server, answer):
    with listening(answer) as url, pytest.raises(LdapFailed) as failed:
        LdapClient(settings_of(ldap_server, url=url, receive_timeout=1)).connect()

    assert failed.value.code in {"not_ldap", "unreachable", "timeout"}
    assert failed.value.concerns_server


@pytest.mark.parametrize(
    ("result", "code", "concerns_server"),
    [
        (results.RESULT_INVALID_CREDENTIALS, "invalid_credentials", True),
        (results.RESULT_INAPPROPRIATE_AUTHENTICATION, "invalid_credentials", True),
        (results.RESULT_STRONGER_AUTH_REQUIRED, "encryption_required", True),
        (results.RESULT_CONFIDENTIALITY_REQUIRED, "encryption_required", True),
        (results.RESULT_BUSY, "busy", True),
        (results.RESULT_UNAVAILABLE, "unavailable", True),
        (results.RESULT_TIME_LIMIT_EXCEEDED, "timeout", True),
        (results.RESULT_SIZE_LIMIT_EXCEEDED, "incomplete", True),
        (results.RESULT_ADMIN_LIMIT_EXCEEDED, "incomplete", True),
        (results.RESULT_UNAVAILABLE_CRITICAL_EXTENSION, "paging_unsupported", True),
        (results.RESULT_REFERRAL, "referral", True),
        (results.RESULT_INSUFFICIENT_ACCESS_RIGHTS, "not_permitted", False),
        (results.RESULT_NO_SUCH_OBJECT, "not_found", False),
        (results.RESULT_INVALID_DN_SYNTAX, "bad_name", False),
        (results.RESULT_UNWILLING_TO_PERFORM, "refused", False),
        (results.RESULT_CONSTRAINT_VIOLATION, "refused", False),
    ],
)
def test_each_result_has_a_code_and_says_whether_to_try_again(result, code, concerns_server):
    failed = ldap_errors.of_result(result, "00002035: no")

    assert (failed.code, failed.concerns_server) == (code, concerns_server)
    assert failed.result == result
    assert ldap_errors.of_result(result, "").code == code


def test_active_directory_says_why_a_password_is_not_accepted():
    message = "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext, data 775, v3839"

    failed = ldap_errors.of_exception(LDAPOperationResult(49, "", "", message), "ldap://x")

    assert "The account is locked." in str(failed)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LDAPSessionTerminatedByServerError("session terminated by server"), "unreachable"),
        (LDAPResponseTimeoutError("no response from server"), "timeout"),
        (LDAPInvalidFilterError("malformed filter"), "refused"),
        (IndexError("list index out of range"), "not_ldap"),
    ],
)
def test_each_exception_has_a_code(error, code):
    assert ldap_errors.of_exception(error, "ldap://x").code == code
