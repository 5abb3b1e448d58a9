"""The link to a package that people send to one another, and where it leads."""

import re
from urllib.parse import unquote
from uuid import uuid4

import pytest
from django.urls import reverse

from entitlements.catalog.models import PackageState
from portal import environment
from portal.checks import settings_fit_together
from tests.factories import AccessPackageFactory, AssignmentPolicyFactory, UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"
OTHER = "fabrikam.example"


@pytest.fixture(autouse=True)
def hints(settings):
    settings.ORGANIZATION_HINTS = ["kestrel.example", "old.example"]


@pytest.fixture
def package():
    return AssignmentPolicyFactory(package__name="Ledger Reader").package


@pytest.fixture
def as_ada(client, ada):
    client.force_login(ada)
    return client


def link(package, hint="kestrel.example"):
    return f"/@{hint}/packages/{getattr(package, 'pk', package)}/"


def page_of(package):
    return reverse("packages:detail", args=[package.pk])


def test_the_link_names_the_organization_and_the_package_and_leads_to_it(as_ada, package):
    response = as_ada.get(link(package), follow=True)

    assert response.redirect_chain == [(page_of(package), 302)]
    assert "Ledger Reader" in response.text


def test_it_is_kept_through_a_forced_sign_in(client, package):
    user = UserFactory(email="ana@kestrel.example")
    user.set_password(PASSWORD)
    user.save()
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)

    to_sign_in = client.get(link(package)).url
    assert unquote(to_sign_in) == f"/accounts/login/?next={link(package)}"
    form = client.get(to_sign_in).text
    wanted = re.search(r'name="next" value="([^"]+)"', form)[1]
    sent = {"login": user.email, "password": PASSWORD, "next": wanted}
    response = client.post(to_sign_in, sent, follow=True)

    assert response.redirect_chain == [(link(package), 302), (page_of(package), 302)]
    assert "Ledger Reader" in response.text


@pytest.mark.parametrize("hint", ["KESTREL.example", "old.example"])
def test_earlier_names_and_capital_letters_lead_there_too(as_ada, package, hint):
    assert as_ada.get(link(package, hint)).url == page_of(package)


@pytest.mark.parametrize("is_signed_in", [True, False])
def test_the_link_of_another_organization_says_so_in_words(client, ada, package, is_signed_in):
    if is_signed_in:
        client.force_login(ada)

    response = client.get(link(package, OTHER))

    assert response.status_code == 404
    assert "This link belongs to another organization" in response.text
    assert OTHER in response.text
    assert "kestrel.example" in response.text
    assert "Ledger Reader" not in response.text


def test_what_a_link_claims_is_only_text(client, package):
    response = client.get(link(package, "<script>alert(1)<%2Fscript>".replace("%2F", "")))

    assert response.status_code == 404
    assert "<script>alert" not in response.text


def test_a_hidden_package_is_found_by_it(as_ada, package):
    package.is_hidden = True
    package.save()

    assert as_ada.get(link(package), follow=True).status_code == 200


def test_a_right_link_to_what_one_cannot_ask_for_says_so_and_nothing_more(as_ada, package):
    retired = AssignmentPolicyFactory(package__state=PackageState.RETIRED).package
    for others in (
        retired,
        AssignmentPolicyFactory(scope="nobody").package,
        AccessPackageFactory(),
        uuid4(),
    ):
        response = as_ada.get(link(others))
        assert response.status_code == 404
        assert "There is no package for you behind this link" in response.text
        assert str(others) not in response.text.replace(link(others), "")


def test_whoever_manages_it_follows_it_too(client, appoint, package):
    package.policies.all().delete()
    client.force_login(appoint(UserFactory(), package.catalog, "reader"))

    assert client.get(link(package)).url == page_of(package)


def test_only_reading_follows_it(as_ada, package):
    assert as_ada.post(link(package)).status_code == 405


def test_whoever_asks_and_whoever_manages_copies_the_whole_link(client, ada, appoint, package):
    whole = f"http://testserver{link(package)}"
    owner = appoint(UserFactory(), package.catalog)

    for viewer, name in ((ada, "packages:detail"), (owner, "manage:package")):
        client.force_login(viewer)
        text = client.get(reverse(name, args=[package.pk])).text
        assert f'href="{whole}" data-copy="{whole}"' in text
        assert "Copy link" in text
        assert "onclick" not in text


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://access.kestrel.example/", "access.kestrel.example"),
        ("http://localhost:8000", "localhost"),
        ("http://[::1]:8000", "localhost"),
        ("", "localhost"),
    ],
)
def test_the_host_is_the_name_unless_another_is_given(url, host):
    assert environment.host_of(url) == host


@pytest.mark.parametrize("hints", [[], ["a/b"], ["kestrel.example", "ä"], [""]])
def test_names_that_cannot_be_in_a_link_stop_the_start(settings, hints):
    settings.ORGANIZATION_HINTS = hints

    [error] = [one for one in settings_fit_together() if "ORGANIZATION_HINTS" in one.msg]

    assert error.id == "portal.E007"
    assert "example.com" in error.hint
