"""The administrators' site: who gets in, what can be looked at, and the little that changes."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django_q.models import OrmQ

from entitlements import clock, models, outbox
from entitlements.audit import trail
from entitlements.audit.models import AuditEvent
from entitlements.connectors.checking import check_connection
from entitlements.decisions import Denied
from entitlements.directory.service_accounts import create_service_account
from entitlements.directory.tenant_roles import tenant_role
from entitlements.policies.risk_operations import report_risk
from portal.admin.looking import BoundedPaginator
from portal.admin.registry import administration
from tests.factories import (
    AccessRequestFactory,
    AssignmentFactory,
    ConnectedSystemFactory,
    GroupFactory,
    NotificationFactory,
    ResourceRoleFactory,
    UserFactory,
)

MODELS = [f"{model._meta.app_label}_{model._meta.model_name}" for model in administration._registry]
LDAP = {"url": "ldap://127.0.0.1:9", "base_dn": "dc=kestrel,dc=example"}


@pytest.fixture
def ivo(db):
    return UserFactory(display_name="Ivo Okoro", email="ivo@kestrel.example", is_superuser=True)


@pytest.fixture
def as_ivo(client, ivo):
    client.force_login(ivo)
    return client


def page(client, name, *args):
    response = client.get(reverse(f"admin:{name}", args=args))
    assert response.status_code == 200, response
    return response.content.decode()


@pytest.fixture
def something_of_everything(ada):
    role = ResourceRoleFactory()
    assignment = AssignmentFactory(target=ada)
    AccessRequestFactory(policy=assignment.policy)
    models.Grant.objects.create(user=ada, role=role)
    NotificationFactory(recipient=ada)
    GroupFactory(members=[ada])
    models.Heartbeat.objects.create(name="other", beat_at=clock.now())
    outbox.enqueue("sweep.run")
    trail.record("user.signed_in", ada, by=ada)
    report_risk(ada, "identity", 3, source="Identity provider", by=None)
    models.RiskStage.objects.create(kind="identity", group=GroupFactory(name="Security desk"))


# Who gets in


@pytest.mark.parametrize("settings", [{}, {"is_staff": True}])
def test_for_others_the_site_does_not_exist(client, db, settings):
    client.force_login(UserFactory(**settings))

    for name in ("index", *(f"{model}_changelist" for model in MODELS)):
        assert client.get(reverse(f"admin:{name}")).status_code == 404


def test_the_way_in_is_in_the_menu_of_administrators(client, ivo, ada):
    client.force_login(ivo)
    assert 'href="/admin/"' in client.get(reverse("preferences:index")).content.decode()
    client.force_login(ada)
    assert 'href="/admin/"' not in client.get(reverse("preferences:index")).content.decode()


def test_sign_in_is_the_portals_own(client, db):
    response = client.get(reverse("admin:index"), follow=True)

    assert response.redirect_chain[-1][0].startswith("/accounts/login/")
    assert "next=%2Fadmin%2F" in response.redirect_chain[-1][0]


@pytest.mark.parametrize("address", ["logout", "password_change", "password_change/done", "r/1/2"])
def test_what_the_portals_sign_in_has_is_not_there_twice(as_ivo, address):
    assert as_ivo.get(f"/admin/{address}/").status_code == 404


def test_an_administrator_who_was_disabled_does_not_get_in(client, ivo):
    client.force_login(ivo)
    ivo.is_active = False
    ivo.save()

    assert client.get(reverse("admin:index")).status_code == 302


# Looking


def test_the_overview_names_every_list_and_says_what_it_is_not_for(as_ivo):
    html = page(as_ivo, "index")

    for heading in ("People", "Groups", "Connected systems", "What happened", "Queue"):
        assert heading in html
    assert "People's access is managed in the portal" in html


def test_the_page_of_the_code_behind_it_works_too(as_ivo):
    assert as_ivo.get("/admin/entitlements/").status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_every_list_is_shown_searched_and_cheap(
    as_ivo, something_of_everything, model, django_assert_max_num_queries
):
    address = reverse(f"admin:{model}_changelist")
    as_ivo.get(address)

    with django_assert_max_num_queries(15):
        response = as_ivo.get(address, {"q": "a"})
    assert response.status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_every_row_can_be_looked_at(as_ivo, something_of_everything, model):
    registered = next(
        one
        for one in administration._registry
        if f"{one._meta.app_label}_{one._meta.model_name}" == model
    )
    for row in registered._default_manager.all()[:2]:
        page(as_ivo, f"{model}_change", row.pk)


@pytest.mark.parametrize(
    "model",
    ["accessrequest", "assignment", "grant", "auditevent", "notification", "heartbeat"],
)
def test_what_has_a_life_of_its_own_is_not_changed_here(as_ivo, something_of_everything, model):
    row = getattr(models, administration_model(model))._default_manager.first()

    assert as_ivo.get(reverse(f"admin:entitlements_{model}_add")).status_code == 404
    change = reverse(f"admin:entitlements_{model}_change", args=[row.pk])
    assert as_ivo.post(change, {}).status_code == 404
    delete = reverse(f"admin:entitlements_{model}_delete", args=[row.pk])
    assert as_ivo.post(delete, {"post": "yes"}).status_code == 404
    assert type(row)._default_manager.filter(pk=row.pk).exists()


def administration_model(name):
    return next(
        model.__name__ for model in administration._registry if model._meta.model_name == name
    )


def test_nobody_is_deleted_here(as_ivo, ada):
    delete = reverse("admin:entitlements_user_delete", args=[ada.pk])

    assert as_ivo.post(delete, {"post": "yes"}).status_code == 404
    assert "delete_selected" not in page(as_ivo, "entitlements_user_changelist")


def test_a_queue_message_that_cannot_be_read_says_so(as_ivo):
    OrmQ.objects.create(key="portal", payload="nonsense", lock=clock.now())

    assert "cannot be read" in page(as_ivo, "django_q_ormq_changelist")


def test_counting_stops_where_it_would_become_slow(db, ada, monkeypatch):
    monkeypatch.setattr("portal.admin.looking.MOST_COUNTED", 3)
    for _ in range(5):
        trail.record("user.signed_in", ada, by=ada)

    assert BoundedPaginator(AuditEvent.objects.order_by("-pk"), 2).count == 3


def test_no_page_has_a_style_or_a_script_of_its_own(as_ivo, something_of_everything, ada):
    addresses = [
        reverse("admin:index"),
        *(reverse(f"admin:{model}_changelist") for model in MODELS),
        reverse("admin:entitlements_user_change", args=[ada.pk]),
        reverse("admin:entitlements_user_history", args=[ada.pk]),
        reverse("admin:entitlements_connectedsystem_add"),
        reverse("admin:entitlements_group_change", args=[models.Group.objects.first().pk]),
    ]
    for address in addresses:
        html = as_ivo.get(address).content.decode()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html), address
        scripts = re.findall(r"<script[^>]*>(.*?)</script>", html, re.S)
        assert not any(script.strip() for script in scripts), address
        assert html.count("<h1") == 1, address
        assert 'class="topbar"' in html, address


# People, groups and tenant roles


def user_form(**fields):
    return {
        "display_name": "Nia New",
        "email": "Nia.New@kestrel.example",
        "user_type": "member",
        "is_active": "on",
        **fields,
    }


def test_a_person_is_created_without_a_password_and_written_down(as_ivo, ivo):
    assert as_ivo.post(reverse("admin:entitlements_user_add"), user_form()).status_code == 302

    nia = models.User.objects.get(email="nia.new@kestrel.example")
    assert not nia.has_usable_password()
    event = AuditEvent.objects.about(nia).get()
    assert (event.action, event.actor_id) == ("user.created", ivo.pk)


def test_two_people_never_share_an_address(as_ivo, ada):
    response = as_ivo.post(
        reverse("admin:entitlements_user_add"), user_form(email="ADA@kestrel.example")
    )

    assert response.status_code == 200
    assert models.User.objects.filter(email__iexact=ada.email).count() == 1


def test_a_change_is_written_down_with_old_and_new_values(as_ivo, ada):
    change = reverse("admin:entitlements_user_change", args=[ada.pk])
    sent = user_form(
        display_name=ada.display_name, email=ada.email, department="Sales", cost_center="C1"
    )

    assert as_ivo.post(change, sent).status_code == 302

    changes = AuditEvent.objects.about(ada).get().details["changes"]
    assert changes == {
        "department": {"old": "", "new": "Sales"},
        "cost_center": {"old": "", "new": "C1"},
    }


def test_what_the_directory_says_is_not_changed_here(as_ivo, ada):
    ada.source = ConnectedSystemFactory(name="Company LDAP", kind="ldap")
    ada.source_key = "ada"
    ada.save()
    change = reverse("admin:entitlements_user_change", args=[ada.pk])

    as_ivo.post(change, user_form(display_name="Somebody else"))

    ada.refresh_from_db()
    assert ada.display_name == "Ada Lovelace"


def test_roles_are_looked_at_here_and_given_elsewhere(as_ivo, ada):
    ada.groups.add(tenant_role("auditor"))
    change = reverse("admin:entitlements_user_change", args=[ada.pk])
    sent = user_form(display_name="Ada", email=ada.email, is_superuser="on", groups=["1"])

    assert "Auditor" in as_ivo.get(change).content.decode()
    assert as_ivo.post(change, sent).status_code == 302

    ada.refresh_from_db()
    assert (ada.display_name, ada.is_superuser, ada.groups.count()) == ("Ada", False, 1)


def test_service_accounts_are_not_among_the_people(as_ivo, ivo, ada):
    program = create_service_account("Device register", by=ivo)

    assert "Device register" not in page(as_ivo, "entitlements_user_changelist")
    change = reverse("admin:entitlements_user_change", args=[program.pk])
    assert as_ivo.get(change).status_code != 200
    sent = user_form(user_type="service")
    assert as_ivo.post(reverse("admin:entitlements_user_add"), sent).status_code == 200
    assert models.User.objects.services().count() == 1

    change = reverse("admin:entitlements_user_change", args=[ada.pk])
    sent = user_form(display_name="Ada", email=ada.email, manager=program.email)
    assert "manager" in as_ivo.post(change, sent).context["adminform"].form.errors
    add = reverse("admin:entitlements_group_add")
    response = as_ivo.post(add, group_form(people=program.email))
    assert program.email in str(response.context["adminform"].form.errors["people"])


def test_nobody_disables_himself(as_ivo, ivo):
    change = reverse("admin:entitlements_user_change", args=[ivo.pk])

    as_ivo.post(change, {"display_name": "Ivo", "email": ivo.email, "user_type": "member"})

    ivo.refresh_from_db()
    assert (ivo.display_name, ivo.is_superuser, ivo.is_active) == ("Ivo", True, True)


def group_form(**fields):
    return {"name": "Sales team", "kind": "security", **fields}


def test_a_group_gets_owners_and_members_by_address(as_ivo, ada, bo):
    add = reverse("admin:entitlements_group_add")
    sent = group_form(owners="ADA@kestrel.example", people=f"{bo.email}\n{ada.email}")

    assert as_ivo.post(add, sent).status_code == 302

    group = models.Group.objects.get(name="Sales team")
    assert group.owners.get() == ada
    assert set(group.members.all()) == {ada, bo}
    changes = AuditEvent.objects.about(group).get().details["changes"]
    assert changes["owners"]["new"] == ["Ada Lovelace"]
    assert changes["people"]["new"] == ["Ada Lovelace", "Bo Chen"]

    change = reverse("admin:entitlements_group_change", args=[group.pk])
    assert bo.email in as_ivo.get(change).content.decode()
    sent = group_form(owners=ada.email, people=ada.email)
    assert as_ivo.post(change, sent).status_code == 302
    assert group.members.get() == ada
    last = AuditEvent.objects.about(group).last()
    assert last.details["changes"] == {
        "people": {"old": ["Ada Lovelace", "Bo Chen"], "new": ["Ada Lovelace"]}
    }


def test_an_address_that_nobody_has_is_named(as_ivo, ada):
    add = reverse("admin:entitlements_group_add")
    response = as_ivo.post(add, group_form(people="nobody@kestrel.example"))
    assert "nobody@kestrel.example" in str(response.context["adminform"].form.errors["people"])

    change = reverse("admin:entitlements_user_change", args=[ada.pk])
    for address in ("nobody@kestrel.example", ada.email):
        sent = user_form(display_name="Ada", email=ada.email, manager=address)
        assert "manager" in as_ivo.post(change, sent).context["adminform"].form.errors


def test_somebody_gets_a_manager_by_address(as_ivo, ada, bo):
    change = reverse("admin:entitlements_user_change", args=[ada.pk])
    sent = user_form(display_name=ada.display_name, email=ada.email, manager=bo.email)

    assert as_ivo.post(change, sent).status_code == 302
    ada.refresh_from_db()
    assert ada.manager == bo
    assert bo.email in as_ivo.get(change).content.decode()
    assert as_ivo.post(change, sent).status_code == 302
    assert AuditEvent.objects.about(ada).last().details["changes"] == {}


def test_a_group_of_thousands_is_not_listed_in_one_field(as_ivo, ada, monkeypatch):
    monkeypatch.setattr("portal.admin.administration.MOST_PEOPLE", 0)
    group = GroupFactory(name="All", members=[ada])
    change = reverse("admin:entitlements_group_change", args=[group.pk])

    assert 'name="people"' not in as_ivo.get(change).content.decode()
    assert as_ivo.post(change, group_form(name="All of us")).status_code == 302
    assert group.members.get() == ada


def test_a_synced_group_is_only_looked_at(as_ivo):
    ldap = ConnectedSystemFactory(name="Company LDAP", kind="ldap")
    group = GroupFactory(name="Synced", source=ldap, source_key="1")
    change = reverse("admin:entitlements_group_change", args=[group.pk])

    assert as_ivo.get(change).status_code == 200
    assert as_ivo.post(change, {"name": "Mine"}).status_code == 404


# Connected systems


def system_form(**fields):
    return {
        "name": "Company LDAP",
        "kind": "ldap",
        "is_enabled": "on",
        "settings": str(LDAP).replace("'", '"'),
        **fields,
    }


@pytest.fixture
def ldap(as_ivo):
    sent = system_form(secret="hunter2")
    sent["settings"] = sent["settings"].replace(
        "}", ', "bind_dn": "cn=admin,dc=kestrel,dc=example"}'
    )
    assert as_ivo.post(reverse("admin:entitlements_connectedsystem_add"), sent).status_code == 302
    return models.ConnectedSystem.objects.get(name="Company LDAP")


def test_the_secret_goes_in_encrypted_and_never_comes_out(as_ivo, ldap):
    assert ldap.secret == "hunter2"
    assert "hunter2" not in ldap.sealed_secret
    assert "hunter2" not in page(as_ivo, "entitlements_connectedsystem_change", ldap.pk)
    assert "hunter2" not in page(as_ivo, "entitlements_connectedsystem_history", ldap.pk)
    event = AuditEvent.objects.about(ldap).get()
    assert "hunter2" not in str(event.details)
    assert event.details["also_changed"] == ["secret"]


def test_an_empty_secret_stays_as_it_is(as_ivo, ldap):
    change = reverse("admin:entitlements_connectedsystem_change", args=[ldap.pk])

    assert as_ivo.post(change, system_form(name="Renamed")).status_code == 302
    ldap.refresh_from_db()
    assert (ldap.name, ldap.secret) == ("Renamed", "hunter2")


@pytest.mark.parametrize("settings", ['{"url": "gopher://x"}', "not json", "{}"])
def test_settings_that_no_connector_could_use_are_refused(as_ivo, settings):
    sent = system_form(settings=settings)

    response = as_ivo.post(reverse("admin:entitlements_connectedsystem_add"), sent)
    assert response.status_code == 200
    assert response.context["adminform"].form.errors["settings"]
    assert not models.ConnectedSystem.objects.filter(name="Company LDAP").exists()


def test_the_built_in_directory_is_only_looked_at(as_ivo):
    directory = ConnectedSystemFactory()
    change = reverse("admin:entitlements_connectedsystem_change", args=[directory.pk])

    assert as_ivo.get(change).status_code == 200
    assert as_ivo.post(change, system_form()).status_code == 404


def test_connections_are_tried_and_the_outcome_stays(as_ivo, ldap):
    directory = ConnectedSystemFactory()
    sent = {"action": "try_connection", "_selected_action": [ldap.pk, directory.pk]}

    response = as_ivo.post(
        reverse("admin:entitlements_connectedsystem_changelist"), sent, follow=True
    )

    html = response.content.decode()
    assert "Built-in directory: works." in html
    ldap.refresh_from_db()
    assert ldap.check_error
    assert clock.now() - ldap.checked_at < timedelta(minutes=1)
    assert AuditEvent.objects.filter(action="system.checked").count() == 2


def test_only_administrators_try_connections(ada):
    with pytest.raises(Denied) as denied:
        check_connection(ConnectedSystemFactory(), by=ada)
    assert denied.value.codes == {"administrators_only"}


# Risk


def test_who_judges_a_risk_is_said_by_the_name_of_a_group(as_ivo):
    desk, _ = GroupFactory(name="Security desk"), GroupFactory(name="Compliance")
    add = reverse("admin:entitlements_riskstage_add")
    sent = {"kind": "identity", "from_level": 2, "group": "Security desk", "decision_days": 5}

    assert as_ivo.post(add, sent).status_code == 302

    stage = models.RiskStage.objects.get()
    assert (stage.group, stage.from_level, stage.decision_days) == (desk, 2, 5)
    change = reverse("admin:entitlements_riskstage_change", args=[stage.pk])
    assert 'value="Security desk"' in as_ivo.get(change).content.decode()
    assert as_ivo.post(change, sent | {"group": "Compliance"}).status_code == 302
    stage.refresh_from_db()
    assert stage.group.name == "Compliance"
    changes = AuditEvent.objects.about(stage).last().details["changes"]
    assert changes["group"]["new"] == "Compliance"


def test_a_group_that_does_not_exist_is_named(as_ivo):
    sent = {"kind": "identity", "from_level": 2, "group": "Desk", "decision_days": 5}

    answer = as_ivo.post(reverse("admin:entitlements_riskstage_add"), sent)

    assert "No group is called Desk." in answer.content.decode()
    assert not models.RiskStage.objects.exists()


def test_reported_risks_are_called_off_from_the_list(as_ivo, ivo, ada):
    signal = report_risk(ada, "identity", 3, source="Identity provider", by=None)
    chosen = {"action": "clear", "_selected_action": [str(signal.pk)]}

    assert as_ivo.post(reverse("admin:entitlements_risksignal_changelist"), chosen).status_code

    signal.refresh_from_db()
    assert signal.cleared_at
    event = AuditEvent.objects.about(ada).last()
    assert (event.action, event.actor_id) == ("user.risk_cleared", ivo.pk)
