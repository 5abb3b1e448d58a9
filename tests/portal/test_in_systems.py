"""An administrator finds what a connected system has, and offers it in a catalog."""

import re
from html import unescape

import pytest
from django.urls import reverse

from tests.factories import CatalogFactory, ConnectedSystemFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def look(client):
    """Look at the page that adds a resource of a system, as an administrator."""
    client.force_login(UserFactory(is_superuser=True))
    address = reverse("manage:resource_add", args=[CatalogFactory(name="Sales").pk])

    def look(system, **query):
        response = client.get(address, {"system": system.pk, **query})
        assert response.status_code == 200
        return response.content.decode()

    look.client, look.address = client, address
    return look


@pytest.mark.slapd
def test_a_group_is_found_chosen_and_offered(look, ldap_server, ldap_system):
    uma = ldap_server.add_person("uma")
    crm = ldap_server.add_group("crm & co", [uma], description="See orders")
    ldap_server.add_group("finance", [uma])

    html = look(ldap_system, q="crm")
    assert "crm &amp; co" in html
    assert "finance" not in html
    (query,) = re.findall(r'href="(\?[^"]*)#add"', html)
    chosen = look.client.get(look.address + unescape(query)).content.decode()
    form = unescape(chosen.partition('id="add"')[2])
    for value in (crm, "crm & co", "See orders"):
        assert f'value="{value}"' in form or f">{value}</textarea>" in form.replace("\n", "")

    sent = {"kind": "security_group", "external_id": crm, "name": "CRM", "description": ""}
    response = look.client.post(f"{look.address}?system={ldap_system.pk}&q=crm", sent, follow=True)
    assert "Sales offers CRM now." in response.content.decode()


@pytest.mark.slapd
def test_what_is_not_found_is_said(look, ldap_server, ldap_system):
    assert "Nothing of that name was found" in look(ldap_system, q="nowhere")
    assert "Nothing of that name was found" not in look(ldap_system)


@pytest.mark.slapd
def test_more_than_fit_are_told_to_be_more(look, ldap_server, ldap_system):
    uma = ldap_server.add_person("uma")
    for number in range(21):
        ldap_server.add_group(f"crm {number:02}", [uma])

    html = look(ldap_system, q="crm")
    assert html.count('#add"') == 20
    assert "There may be more." in html


def test_a_system_that_cannot_be_asked_says_why_and_the_form_stays(look):
    html = look(ConnectedSystemFactory(kind="ldap", name="Company LDAP", settings={}), q="crm")

    assert "Company LDAP could not be asked: The LDAP settings lack" in html
    assert 'name="external_id"' in html
