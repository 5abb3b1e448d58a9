"""People from outside on the pages: policies for them, giving by address, and what they see."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from entitlements.directory.organizations.models import OrganizationState
from entitlements.directory.organizations.permissions import can_manage_organizations
from entitlements.models import AccessRequest, AssignmentPolicy, BulkAssignment, User
from entitlements.policies.models import ApproverKind
from entitlements.policies.operations import terms_of
from entitlements.policies.scopes import Scope
from entitlements.requests import deciding, operations
from entitlements.requests.inviting import invite
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    ConnectedOrganizationFactory,
    GuestFactory,
    StageApproverFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
ELI = "eli@blueharbour.example"


@pytest.fixture
def harbour():
    return ConnectedOrganizationFactory(name="Blue Harbour", domains=["blueharbour.example"])


@pytest.fixture
def package():
    return AccessPackageFactory(name="Project", catalog__name="Partners")


@pytest.fixture
def olga(package, appoint):
    return appoint(UserFactory(display_name="Olga Owner"), package.catalog)


@pytest.fixture
def as_olga(client, olga):
    client.force_login(olga)
    return client


@pytest.fixture
def policy(package, harbour):
    policy = AssignmentPolicyFactory(
        package=package, name="Partners", scope=Scope.SPECIFIC_ORGANIZATIONS
    )
    policy.allowed_organizations.add(harbour)
    return policy


@pytest.fixture
def sponsored(policy, harbour, bo):
    """The same policy, approved by Bo, the internal sponsor."""
    harbour.internal_sponsors.add(bo)
    stage = ApprovalStageFactory(policy=policy, position=1)
    StageApproverFactory(stage=stage, kind=ApproverKind.INTERNAL_SPONSORS, user=None)
    return policy


def text(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def fields(scope, **more):
    return {
        "name": "From outside",
        "scope": scope,
        "stage_count": "0",
        "expiration": "after_days",
        "duration": 9,
        "is_enabled": "on",
        "accepts_requests": "on",
        **more,
    }


def stage(**more):
    return {"stage_count": "1", "stage1-decision_days": 5, **more}


# Policies


def test_the_fields_follow_the_scope(as_olga, package):
    address = reverse("manage:policy_add", args=[package.pk])

    def shown(scope):
        response = as_olga.post(address, fields(scope, find="parts"), headers={"HX-Request": "1"})
        assert response.status_code == 200
        return text(response)

    assert "These organizations" in shown("specific_organizations")
    assert "These people and groups" not in shown("specific_organizations")
    assert "These organizations" not in shown("specific")
    assert "These people and groups" in shown("specific")
    for scope in ("all_organizations", "all_external", "all_members", "nobody"):
        assert "These organizations" not in shown(scope)


def test_a_policy_for_named_organizations_is_saved_and_shown(as_olga, package, harbour, bo):
    sent = fields(
        "specific_organizations",
        allowed_organizations=[f"organization:{harbour.pk}", "organization:x"],
        allowed=[f"user:{bo.pk}"],
        **stage(
            **{"stage1-relations": ["internal_sponsors"], "stage1-fallbacks": [f"user:{bo.pk}"]}
        ),
    )

    response = as_olga.post(reverse("manage:policy_add", args=[package.pk]), sent)

    assert response.status_code == 302, text(response)
    policy = AssignmentPolicy.objects.get()
    assert policy.allowed_organizations.get() == harbour
    assert not policy.allowed_users.exists()
    assert [one.kind for one in terms_of(policy).stages[0].approvers] == [
        "internal_sponsors",
        "user",
    ]
    form = as_olga.get(reverse("manage:policy", args=[policy.pk])).content.decode()
    assert re.search(rf'value="organization:{harbour.pk}" checked', form)
    shown = text(as_olga.get(reverse("manage:package", args=[package.pk])))
    assert "Blue Harbour" in shown
    assert "an internal sponsor of their organization" in shown


@pytest.mark.parametrize(
    ("scope", "more", "words"),
    [
        ("specific_organizations", {}, "Name at least one connected organization."),
        (
            "specific_organizations",
            {"allowed_organizations": ["organization:5d6e9b8a-0000-4000-8000-000000000000"]},
            "An organization that is named here is gone.",
        ),
        ("all_external", {}, "Add a stage of approval"),
    ],
)
def test_what_is_missing_is_said_at_its_field(as_olga, package, scope, more, words):
    response = as_olga.post(reverse("manage:policy_add", args=[package.pk]), fields(scope, **more))

    assert response.status_code == 422
    assert words in text(response)
    assert "(approval_needed_for_anybody)" not in text(response)
    assert not AssignmentPolicy.objects.exists()


def test_doubts_about_outsiders_are_shown_while_editing(as_olga, package, bo, gita):
    people = [f"user:{bo.pk}", f"user:{gita.pk}"]
    asks = {"stage1-relations": ["internal_sponsors"], "stage1-fallbacks": people}
    address = reverse("manage:policy_add", args=[package.pk])

    inside = as_olga.post(address, fields("all_members", find="parts", **stage(**asks)))
    assert "sponsors_without_organization" in text(inside)
    outside = as_olga.post(address, fields("all_external", find="parts", **stage(**asks)))
    assert "sponsors_without_organization" not in text(outside)
    package.catalog.is_external = False
    package.catalog.save()
    closed = as_olga.post(address, fields("all_external", find="parts", **stage(**asks)))
    assert "catalog_closed_to_outsiders" in text(closed)


def test_versions_say_which_organizations_differ(as_olga, policy, olga):
    sent = fields(
        "specific_organizations",
        name="Partners",
        allowed_organizations=[
            f"organization:{ConnectedOrganizationFactory(name='Quay').pk}",
        ],
    )
    address = reverse("manage:policy", args=[policy.pk])
    assert as_olga.post(address, sent).status_code == 302

    shown = text(as_olga.get(reverse("manage:policy_versions", args=[policy.pk])))

    assert re.search(r"Named organizations Blue Harbour Quay", shown)


def test_the_list_of_policies_says_for_whom_each_is(as_olga, policy):
    AssignmentPolicyFactory(package=policy.package, name="Anybody", scope=Scope.ALL_EXTERNAL)

    listed = reverse("manage:entitlements_assignmentpolicy_changelist")

    shown = text(as_olga.get(listed))
    assert "Specific connected organizations" in shown
    assert "Anybody from outside, known or not" in shown
    filtered = text(as_olga.get(listed, {"scope__exact": "all_external"}))
    assert "Specific connected organizations" not in filtered.split("Policy", 3)[-1]


def test_who_gets_it_how_explains_policies_for_outsiders(as_olga, policy, harbour):
    guest = GuestFactory(display_name="Eli Weiss", organization=harbour)
    AssignmentPolicyFactory(package=policy.package, name="Anybody", scope=Scope.ALL_EXTERNAL)
    address = reverse("manage:package_ways", args=[policy.package_id])

    shown = text(as_olga.get(address, {"person": f"user:{guest.pk}"}))

    assert "1: named people or organizations" in shown
    assert "4: people from outside" in shown
    assert "“Partners” applies, without a question." in shown
    assert "A guest of an organization that is named." in shown


# Giving by address


def give(client, policy, *, follow=True, **sent):
    address = reverse("manage:give", args=[policy.package_id])
    return client.post(address, {"policy": policy.pk, **sent}, follow=follow)


def test_a_package_is_given_to_an_address(as_olga, policy, harbour):
    response = give(as_olga, policy, address=ELI, name="Eli Weiss")

    made = AccessRequest.objects.get()
    assert made.target.email == ELI
    assert made.target.organization == harbour
    assert "Eli Weiss gets Project." in text(response)
    assert "You gave it directly to Eli Weiss, who had no account." in text(response)
    assert "An account was made. Set-up began." in text(response)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("eli@elsewhere.example", "admits nobody with an address at elsewhere.example"),
        ("nonsense", "is no e-mail address"),
        ("blocked@blueharbour.example", "The account is disabled."),
    ],
)
def test_what_speaks_against_an_address_is_said_beside_it(as_olga, policy, harbour, address, words):
    GuestFactory(email="blocked@blueharbour.example", organization=harbour, is_active=False)
    before = User.objects.count()

    response = give(as_olga, policy, address=address)

    assert response.status_code == 422
    html = response.content.decode()
    place = html[html.index('id="div_id_address"') : html.index('id="div_id_name"')]
    assert words in " ".join(place.split())
    assert User.objects.count() == before


def test_a_person_and_an_address_make_a_list(as_olga, policy, harbour):
    guest = GuestFactory(organization=harbour)

    shown = text(give(as_olga, policy, person=f"user:{guest.pk}", address=ELI, name="Eli Weiss"))

    assert "Give Project to 2 people" in shown
    assert "Eli Weiss No account yet" in shown
    bulk = BulkAssignment.objects.get()
    response = as_olga.post(reverse("manage:give_start", args=[bulk.pk]), follow=True)
    assert "2 of 2 given" in text(response)
    assert "No account yet" not in text(response)
    assert User.objects.get(email=ELI).is_active


def test_a_file_invites_and_names_people(as_olga, policy):
    data = f"email,name\n{ELI},Eli Weiss\nsam@elsewhere.example,Sam\n".encode()

    shown = text(give(as_olga, policy, file=SimpleUploadedFile("people.csv", data)))

    assert "1 of 2 can be given" in shown
    assert f"Eli Weiss No account yet people.csv line 2: {ELI}" in shown
    assert "domain_not_admitted" in shown
    bulk = BulkAssignment.objects.get()
    result = as_olga.get(reverse("manage:give_result", args=[bulk.pk]))
    lines = b"".join(result.streaming_content).decode("utf-8-sig").splitlines()
    assert ELI in lines[1]
    assert "domain_not_admitted" in lines[2]


def test_the_form_tells_what_an_address_needs(as_olga, policy):
    shown = text(as_olga.get(reverse("manage:give", args=[policy.package_id])))

    assert "Or an e-mail address" in shown
    assert "needs a policy for people from outside" in shown


# While it waits


def test_approvers_see_that_there_is_no_account_yet(client, sponsored, olga, bo):
    access_request = invite(sponsored, ELI, by=olga, name="Eli Weiss")
    client.force_login(bo)

    for address in (
        reverse("approvals:index"),
        reverse("approvals:detail", args=[access_request.pk]),
    ):
        shown = text(client.get(address))
        assert "No account yet" in shown
        assert f"{ELI} from outside; the account is made when access begins" in shown
    page = text(client.get(reverse("requests:detail", args=[access_request.pk])))
    assert f"Eli Weiss No account yet {ELI}" in page
    deciding.approve(access_request, by=bo)
    page = text(client.get(reverse("requests:detail", args=[access_request.pk])))
    assert "No account yet" not in page


def test_whoever_waits_without_an_account_is_found_nowhere(client, sponsored, olga):
    invite(sponsored, ELI, by=olga, name="Eli Weiss")
    client.force_login(olga)

    fields = {"field": "who", "kinds": "user", "who-q": "eli"}
    assert "Eli" not in client.get(reverse("manage:pick"), fields).content.decode()


def test_whoever_waits_without_an_account_cannot_sign_in(client, sponsored, olga):
    invite(sponsored, ELI, by=olga)
    User.objects.filter(email=ELI).update(password=UserFactory(password="secret!").password)

    client.post(reverse("account_login"), {"login": ELI, "password": "secret!"})

    assert "_auth_user_id" not in client.session


# What a guest sees


def test_a_guest_asks_and_the_internal_sponsor_approves(client, sponsored, harbour, bo, run_queue):
    guest = GuestFactory(display_name="Eli Weiss", organization=harbour)
    client.force_login(guest)

    offered = text(client.get(reverse("packages:index")))
    page = text(client.get(reverse("packages:detail", args=[sponsored.package_id])))
    asked = client.post(
        reverse("packages:ask", args=[sponsored.package_id]), {"policy": sponsored.pk}, follow=True
    )

    assert "Project" in offered
    assert "An internal sponsor of your organization" in page
    assert "Bo Chen has had it since" in text(asked)
    deciding.approve(AccessRequest.objects.get(), by=bo)
    run_queue()
    assert "Project" in text(client.get(reverse("access:index")))


def test_a_guest_of_another_organization_finds_nothing(client, sponsored):
    quay = ConnectedOrganizationFactory(state=OrganizationState.PROPOSED)
    client.force_login(GuestFactory(organization=quay))

    assert "Project" not in text(client.get(reverse("packages:index")))
    detail = reverse("packages:detail", args=[sponsored.package_id])
    assert client.get(detail).status_code == 404


def test_a_package_with_a_policy_for_each_side_serves_both(sponsored, ada, harbour):
    inside = AssignmentPolicyFactory(package=sponsored.package, name="Employees")
    guest = GuestFactory(organization=harbour)

    assert operations.submit(inside, by=ada).policy == inside
    assert operations.submit(sponsored, by=guest).policy == sponsored
    assert not AssignmentPolicy.objects.open_to(ada).filter(pk=sponsored.pk).exists()
    assert not AssignmentPolicy.objects.open_to(guest).filter(pk=inside.pk).exists()


# In /admin/


@pytest.fixture
def as_ivo(client):
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    return client


def person_form(**sent):
    return {"display_name": "Eli", "email": ELI, "user_type": "guest", "is_active": "on", **sent}


def test_a_guest_whom_an_administrator_adds_belongs_by_his_address(as_ivo, harbour):
    add = reverse("admin:entitlements_user_add")

    assert as_ivo.post(add, person_form()).status_code == 302

    eli = User.objects.get(email=ELI)
    assert eli.organization == harbour
    change = reverse("admin:entitlements_user_change", args=[eli.pk])
    assert "Blue Harbour" in text(as_ivo.get(change))
    assert as_ivo.post(change, person_form(display_name="Eli Weiss")).status_code == 302
    assert as_ivo.post(change, person_form(user_type="member")).status_code == 302
    eli.refresh_from_db()
    assert eli.organization is None
    assert as_ivo.post(change, person_form(email="eli@quay.example")).status_code == 302
    eli.refresh_from_db()
    assert eli.organization is None


def test_nobody_gets_an_account_in_admin_before_his_access(as_ivo, sponsored, olga):
    eli = invite(sponsored, ELI, by=olga).target
    change = reverse("admin:entitlements_user_change", args=[eli.pk])

    assert as_ivo.get(change).status_code == 200
    sent = {"display_name": "Eli Weiss", "is_active": "on", "is_superuser": "on"}
    assert as_ivo.post(change, sent).status_code == 302

    eli.refresh_from_db()
    assert str(eli) == "Eli Weiss"
    assert eli.is_invited
    assert not eli.is_superuser
    again = as_ivo.post(reverse("admin:entitlements_user_add"), person_form())
    assert again.status_code == 200
    assert User.objects.filter(email=ELI).count() == 1


def test_the_right_to_manage_organizations_is_given_by_a_tenant_role(as_ivo):
    role = reverse("roles:role", args=["organization_administrator"])
    tess = UserFactory()

    assert "connected organizations" in text(as_ivo.get(role))
    assert as_ivo.post(role, {"person": f"user:{tess.pk}"}).status_code == 302

    assert can_manage_organizations(User.objects.get(pk=tess.pk))
