import pytest

from entitlements.systems.distinguished_names import is_distinguished_name, normalized, same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=uma,ou=people,dc=example", "UID=Uma, OU=People ,DC=EXAMPLE"),
        ("cn=Uma  May,dc=example", "cn=uma may,dc=example"),
        (r"cn=May\, Uma,dc=example", r"cn=May\2C Uma,dc=example"),
        (r"cn=May\, Uma,dc=example", 'cn="May, Uma",dc=example'),
        ("cn=Zoë,dc=example", r"cn=Zo\C3\AB,dc=example"),
        ("cn=ZOË,dc=example", r"cn=zo\c3\ab,dc=example"),
        ("cn=a+uid=b,dc=example", "UID=B + CN=A,dc=example"),
        ("cn=a;dc=example", "cn=a,dc=example"),
        (r"cn=a\+b,dc=example", r"cn=A\2Bb,dc=example"),
        (r"cn=a\ ,dc=example", r"cn=a\20,dc=example"),
        (r"cn=a\=b,dc=example", 'cn="a=b",dc=example'),
    ],
)
def test_names_that_mean_the_same_are_the_same(one, other):
    assert normalized(one) == normalized(other)
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=uma,dc=example", "uid=umar,dc=example"),
        ("uid=uma,dc=example", "cn=uma,dc=example"),
        (r"cn=a\,dc=example", "cn=a,dc=example"),
        (r"cn=a\+b=c,dc=example", "cn=a+b=c,dc=example"),
        ("uid=uma,dc=example", "uid=uma,ou=people,dc=example"),
    ],
)
def test_names_that_mean_something_else_differ(one, other):
    assert not same(one, other)


def test_a_backslash_at_the_end_of_a_name_is_kept():
    assert normalized("cn=a\\") == "cn=a\\\\"


@pytest.mark.parametrize("text", ["dc=example", r"cn=a\,b,dc=x", "cn=a+uid=b,dc=x"])
def test_names_are_recognized(text):
    assert is_distinguished_name(text)


@pytest.mark.parametrize("text", ["", "uma", "uid=,dc=x", "=uma,dc=x", "uid=uma,,dc=x", "a@b.c"])
def test_other_text_is_no_name(text):
    assert not is_distinguished_name(text)
