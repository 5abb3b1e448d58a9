"""Stages that an extension decides, on pages: as owners write them and as everybody reads them."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from entitlements import clock, models, sweep
from entitlements.callouts.models import Callout
from entitlements.policies.operations import terms_of
from entitlements.requests import deciding, operations
from entitlements.requests.callbacks import resume
from entitlements.requests.states import RequestState
from tests.factories import (
    AccessPackageFactory,
    ApprovalStageFactory,
    AssignmentPolicyFactory,
    CatalogFactory,
    CustomExtensionFactory,
    UserFactory,
)
from tests.portal.test_manage import words

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
POLICY = {
    "name": "Employees",
    "scope": "all_members",
    "stage_count": "1",
    "expiration": "after_days",
    "duration": "30",
    "is_enabled": "on",
    "accepts_requests": "on",
    "stage1-decision_days": "5",
}
EXTENSION = {
    "name": "Deciders",
    "url": "https://deciders.kestrel.example/hook",
    "kind": "request_workflow",
    "behaviour": "launch_and_wait",
    "response": "approval_stage",
    "wait": "3",
    "unit": "days",
    "on_timeout": "continue",
    "is_enabled": "on",
}


@pytest.fixture
def sales():
    return CatalogFactory(name="Sales")


@pytest.fixture
def olga(sales, appoint):
    return appoint(UserFactory(display_name="Olga Owner"), sales)


@pytest.fixture
def decider(sales):
    return CustomExtensionFactory(
        catalog=sales, name="Deciders", response="approval_stage", waits_for=3 * DAY
    )


@pytest.fixture
def policy(sales):
    return AssignmentPolicyFactory(package=AccessPackageFactory(catalog=sales, name="Reports"))


@pytest.fixture
def dynamic(policy, decider):
    """A policy with a stage that the extension decides."""
    ApprovalStageFactory(policy=policy, position=1, extension=decider)
    return policy


@pytest.fixture
def asked(ada, dynamic):
    """Ada's request, for which the extension is asked who approves."""
    return operations.submit(dynamic, by=ada)


@pytest.fixture
def page(client, olga):
    def page(name, *args, as_user=None, status=200, **query):
        client.force_login(as_user or olga)
        response = client.get(reverse(name, args=args), query)
        assert response.status_code == status
        return words(response.content.decode())

    return page


@pytest.fixture
def send(client, olga):
    def send(name, /, *args, as_user=None, **fields):
        client.force_login(as_user or olga)
        return client.post(reverse(name, args=args), fields)

    return send


def answer(*people, **words):
    named = [{"@odata.type": "#microsoft.graph.singleUser", "id": str(one.pk)} for one in people]
    stage = {"durationBeforeAutomaticDenial": "P2D", "primaryApprovers": named}
    resume(Callout.objects.get(), answer_id="m", approval_stage=stage, **words)


# The extension


def test_an_owner_makes_an_extension_that_says_who_approves(send, page, sales):
    response = send("manage:extension_add", sales.pk, **EXTENSION)

    assert response.status_code == 200
    made = models.CustomExtension.objects.get()
    assert made.says_who_approves
    shown = page("manage:extension", made.pk)
    assert "Who approves: one whole stage of approval" in shown
    assert "those decide whom the stage names instead; if none, the request fails" in shown
    assert "What it has to answer" in shown
    assert "durationBeforeAutomaticDenial" in shown


def test_what_its_answer_says_is_asked_only_where_it_is_waited_for(send, sales):
    waited = send("manage:extension_add", sales.pk, find="parts", **EXTENSION).content.decode()
    called = {**EXTENSION, "behaviour": "launch_and_continue", "find": "parts"}
    other = send("manage:extension_add", sales.pk, **called).content.decode()

    assert 'name="response"' in waited
    assert "if none, it fails" in waited
    assert 'name="response"' not in other
    del called["find"]
    send("manage:extension_add", sales.pk, **called)
    assert models.CustomExtension.objects.get().response == "outcome"


def test_what_its_answer_says_stays_when_it_is_edited(send, decider):
    send("manage:extension_edit", decider.pk, **{**EXTENSION, "response": "outcome"})

    decider.refresh_from_db()
    assert (decider.response, decider.on_timeout) == ("approval_stage", "continue")


def test_the_page_of_an_extension_says_which_stages_it_decides(page, dynamic, decider):
    assert "Reports: " in page("manage:extension", decider.pk)
    assert "says who decides stage 1" in page("manage:extension", decider.pk)
    models.CustomExtension.objects.update(is_enabled=False)
    assert "if none, requests fail" in page("manage:extension", decider.pk)


# The policy


def test_a_stage_is_given_to_an_extension(send, client, policy, decider, gita):
    response = send(
        "manage:policy_add",
        policy.package_id,
        **POLICY,
        **{
            "stage1-extension": str(decider.pk),
            "stage1-fallbacks": [f"user:{gita.pk}"],
            "stage1-fallback_relations": ["catalog_owners"],
            "stage1-approvers": [f"user:{gita.pk}"],
            "stage1-escalation_days": "2",
        },
    )

    assert response.status_code == 302, response.content.decode()
    (stage,) = terms_of(models.AssignmentPolicy.objects.get(name="Employees")).stages
    assert (stage.extension_id, stage.decision_days, stage.escalation_days) == (
        decider.pk,
        5,
        None,
    )
    assert {(one.kind, one.is_fallback) for one in stage.approvers} == {
        ("catalog_owners", True),
        ("user", True),
    }


def test_the_form_shows_what_a_choice_needs(send, page, client, policy, decider, dynamic):
    by_people = send("manage:policy", policy.pk, find="parts", **POLICY).content.decode()
    chosen = {**POLICY, "find": "parts", "stage1-extension": str(decider.pk)}
    by_extension = send("manage:policy", policy.pk, **chosen).content.decode()

    assert "The extension “Deciders”" in by_people
    assert 'name="stage1-approvers' in by_people
    assert 'name="stage1-escalation_days"' in by_people
    assert 'name="stage1-approvers' not in by_extension
    assert 'name="stage1-escalation_days"' not in by_extension
    assert "Who decides instead" in by_extension
    saved = client.get(reverse("manage:policy", args=[policy.pk])).content.decode()
    assert f'<option value="{decider.pk}" selected>' in saved


def test_without_such_an_extension_nothing_is_offered(send, policy):
    CustomExtensionFactory(catalog=policy.package.catalog, waits_for=DAY)

    shown = send("manage:policy", policy.pk, find="parts", **POLICY).content.decode()

    assert "Who says who decides" not in shown


def test_it_is_not_among_the_systems_that_are_called_at_other_moments(page, policy, decider):
    shown = page("manage:policy", policy.pk)

    assert "The catalog has no extensions but those that say who decides." in shown


def test_an_extension_of_another_catalog_is_refused(send, policy, decider):
    elsewhere = CustomExtensionFactory(response="approval_stage", waits_for=DAY)

    response = send("manage:policy", policy.pk, **POLICY, **{"stage1-extension": str(elsewhere.pk)})

    assert response.status_code == 422


def test_saving_warns_where_nobody_would_decide(send, policy, decider):
    models.CustomExtension.objects.update(on_timeout="continue")

    response = send("manage:policy", policy.pk, **POLICY, **{"stage1-extension": str(decider.pk)})

    told = [str(one) for one in get_messages(response.wsgi_request)]
    assert any(
        "gives no answer nobody decides stage 1, and the request fails" in one for one in told
    )


def test_owners_read_who_decides(page, dynamic, ada, bo):
    assert "whoever Deciders names when asked" in page("manage:package", dynamic.package_id)
    shown = page("manage:package_ways", dynamic.package_id, person=f"user:{ada.pk}")
    assert "Decided by whomever “Deciders” names when asked; nobody is named instead." in shown
    stage = dynamic.stages.get()
    models.StageApprover.objects.create(stage=stage, kind="user", user=bo, is_fallback=True)
    shown = page("manage:package_ways", dynamic.package_id, person=f"user:{ada.pk}")
    assert "names when asked; if it gives no answer, Bo Chen." in shown


# The request


def test_whoever_asks_reads_who_decides_before_and_while_it_is_asked(page, dynamic, ada):
    assert "Whoever Deciders names when asked" in page(
        "packages:detail", dynamic.package_id, as_user=ada
    )
    asked = operations.submit(dynamic, by=ada)

    shown = page("requests:detail", asked.pk, as_user=ada)

    assert "Deciders is asked who approves. If no answer comes by" in shown
    assert "it fails." in shown
    assert "Deciders was asked who approves." in shown
    assert "Then whoever Deciders names when asked decides." in shown
    assert "A stage of approval is reached" in shown


def test_an_answer_is_told(page, ada, bo, asked):
    answer(bo, detail="Region North.")

    shown = page("requests:detail", asked.pk, as_user=ada)

    assert "Deciders said who approves." in shown
    assert "Region North." in shown
    assert "Bo Chen was asked to decide." in shown
    card = page("approvals:detail", asked.pk, as_user=bo)
    assert "Deciders says" in card
    assert "Region North." in card


def test_what_follows_without_an_answer_is_told(page, ada, bo, gita, asked):
    stage = models.ApprovalStage.objects.get()
    models.StageApprover.objects.create(stage=stage, kind="user", user=gita, is_fallback=True)
    models.CustomExtension.objects.update(on_timeout="continue")
    other = operations.submit(stage.policy, by=bo)
    shown = page("requests:detail", other.pk, as_user=bo)
    assert "those decide who are named instead, and without any it fails" in shown

    with clock.at(clock.now() + 4 * DAY):
        sweep.time_out_what_nobody_answered()
        shown = page("requests:detail", other.pk, as_user=bo)

    assert "Deciders gave no answer; those decide who are named instead." in shown
    assert "Gita Rao was asked to decide." in shown


@pytest.mark.parametrize("is_named", [True, False])
def test_an_extension_that_is_off_is_told(page, ada, gita, dynamic, decider, is_named):
    models.CustomExtension.objects.update(is_enabled=False)
    if is_named:
        stage = dynamic.stages.get()
        models.StageApprover.objects.create(stage=stage, kind="user", user=gita, is_fallback=True)

    asked = operations.submit(dynamic, by=ada)
    shown = page("requests:detail", asked.pk, as_user=ada)

    if is_named:
        assert "Deciders is off, so those decide who are named instead." in shown
    else:
        assert "Deciders is off, and nobody is named who decides instead, so it failed." in shown
        assert "Nothing was set up" in shown


def test_approvers_of_an_earlier_stage_read_who_comes_after_them(page, policy, decider, ada, bo):
    ApprovalStageFactory(policy=policy, position=1, approvers=[bo])
    ApprovalStageFactory(policy=policy, position=2, extension=decider)
    asked = operations.submit(policy, by=ada)

    assert "2. whoever Deciders names when asked" in page("approvals:detail", asked.pk, as_user=bo)
    deciding.approve(asked, by=bo)
    shown = page("requests:detail", asked.pk, as_user=ada)
    assert "Deciders was asked who approves (stage 2 of 2)." in shown


# In the place of the extension


def test_a_manager_says_who_approves_in_its_place(send, page, sales, asked, appoint, bo, gita, ada):
    appoint(bo, sales, "assignment_manager")
    callout = Callout.objects.get()
    assert "Answer in its place" in page("requests:detail", asked.pk, as_user=bo)
    shown = page("manage:callout_answer", callout.pk, as_user=bo)
    assert "Say who approves, in the place of Deciders" in shown
    assert "Who says who decides" not in shown
    fields = {"stage1-decision_days": "4", "stage1-approvers": [f"user:{gita.pk}"]}

    fitted = send("manage:callout_answer", callout.pk, as_user=bo, find="parts", **fields)
    assert fitted.status_code == 200
    response = send("manage:callout_answer", callout.pk, as_user=bo, **fields)

    assert response.status_code == 302
    step = models.ApprovalStep.objects.get()
    assert ([str(one) for one in step.approvers.all()], step.decision_days) == (["Gita Rao"], 4)
    told = page("requests:detail", asked.pk, as_user=ada)
    assert "Bo Chen said who approves in the place of Deciders." in told
    again = send("manage:callout_answer", callout.pk, as_user=bo, **fields)
    assert again.status_code == 422
    assert "answered_already" in again.content.decode()


@pytest.mark.parametrize(
    ("fields", "code"),
    [({}, "stage_without_approver"), ({"stage1-decision_days": "15"}, "")],
)
def test_a_stage_that_cannot_be_is_refused_beside_its_fields(send, asked, fields, code):
    fields = {"stage1-decision_days": "4", **fields}

    response = send("manage:callout_answer", Callout.objects.get().pk, **fields)

    assert response.status_code == 422
    assert code in response.content.decode()
    assert models.AccessRequest.objects.get().state == RequestState.WAITING_FOR_CALLBACK


@pytest.mark.parametrize(("role", "status"), [("reader", 403), (None, 404)])
def test_others_do_not_say_it(page, send, sales, asked, appoint, bo, role, status):
    if role:
        appoint(bo, sales, role)
    callout = Callout.objects.get()

    page("manage:callout_answer", callout.pk, as_user=bo, status=status)
    response = send(
        "manage:callout_answer", callout.pk, as_user=bo, **{"stage1-approvers": [f"user:{bo.pk}"]}
    )

    assert response.status_code == status
    assert not models.StepApprover.objects.exists()
