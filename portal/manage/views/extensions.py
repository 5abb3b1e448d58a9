from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from entitlements.audit.models import AuditEvent
from entitlements.callouts import operations as callouts
from entitlements.callouts.models import Callout, CalloutState
from entitlements.catalog import extensions as operations
from entitlements.catalog.extension_models import CustomExtension
from entitlements.decisions import Denied
from entitlements.requests.callbacks import resume_by_hand
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.doors import (
    callout_for,
    catalog_for,
    extension_for,
    form_page,
    narrowed_to,
    rights,
    to_catalog,
    to_extension,
)
from portal.manage.extension_forms import (
    EXTENSION_PLACES,
    AnswerForm,
    ExtensionForm,
    SecretForm,
)
from portal.manage.shown import history
from portal.manage.stage_forms import StageForm

SHOWN = 10
ON_A_PAGE = 25
FORM = ["GET", "HEAD", "POST"]
FORM_TEMPLATE = "manage/extension_form.html"
APPROVAL_STAGE = """{
  "callout": "…",
  "detail": "…",
  "approvalStage": {
    "durationBeforeAutomaticDenial": "P5D",
    "isApproverJustificationRequired": true,
    "isEscalationEnabled": true,
    "durationBeforeEscalation": "P2D",
    "primaryApprovers": [
      {"@odata.type": "#microsoft.graph.requestorManager", "managerLevel": 1}
    ],
    "fallbackPrimaryApprovers": [
      {"@odata.type": "#microsoft.graph.singleUser", "email": "…"}
    ],
    "escalationApprovers": [
      {"@odata.type": "#microsoft.graph.groupMembers", "id": "…"}
    ],
    "fallbackEscalationApprovers": []
  }
}"""


@require_http_methods(FORM)
def add(request: PortalRequest, catalog_id: UUID) -> HttpResponse:
    """Create an extension, and show its secret once."""
    catalog = catalog_for(request, catalog_id, "change_catalog")
    form = ExtensionForm(request.POST or None)
    if form.is_valid():
        try:
            made = operations.create_extension(catalog, form.terms(), by=request.user)
        except Denied as denied:
            refuse(form, denied, EXTENSION_PLACES)
        else:
            return _secret_page(request, *made)
    crumbs = to_catalog(catalog)
    words = {"title": f"New extension in {catalog}", "button": "Create extension"}
    return form_page(request, form, crumbs=crumbs, template=FORM_TEMPLATE, **words)


@require_safe
def detail(request: PortalRequest, extension_id: UUID) -> HttpResponse:
    """Show an extension, the policies that call it, and its calls."""
    extension = extension_for(request, extension_id)
    state = request.GET.get("state", "")
    calls = extension.callouts.order_by("-created_at", "pk").select_related("extension")
    chosen = calls.filter(state=state) if state in CalloutState.values else calls
    attached = extension.attachments.select_related("policy__package").order_by(
        "policy__package__name", "policy__name", "policy", "position"
    )
    context = {
        "extension": extension,
        "crumbs": to_catalog(extension.catalog),
        "rights": rights(request, extension.catalog),
        "page": Paginator(chosen, ON_A_PAGE).get_page(request.GET.get("page")),
        "state": state,
        "states": [("", "All"), *CalloutState.choices],
        "given_up": extension.callouts.given_up().count(),
        "attached": attached,
        "deciding": extension.deciding_stages.select_related("policy__package").order_by(
            "policy__package__name", "policy__name", "position"
        ),
        "example": APPROVAL_STAGE,
        "history": history(AuditEvent.objects.about(extension).reverse()[:SHOWN], request.user),
    }
    return render(request, "manage/extension.html", context)


@require_http_methods(FORM)
def edit(request: PortalRequest, extension_id: UUID) -> HttpResponse:
    """Change an extension for calls to come."""
    extension = extension_for(request, extension_id, "change_catalog")
    form = ExtensionForm(request.POST or None, extension=extension)
    if form.is_valid():
        try:
            operations.change_extension(extension, form.terms(), by=request.user)
        except Denied as denied:
            refuse(form, denied, EXTENSION_PLACES)
        else:
            messages.success(request, "Saved. Calls from now on go there.")
            return redirect("manage:extension", extension.pk)
    crumbs = to_extension(extension)
    words = {"title": f"Edit {extension}", "button": "Save extension"}
    return form_page(request, form, crumbs=crumbs, template=FORM_TEMPLATE, **words)


@require_http_methods(FORM)
def change_secret(request: PortalRequest, extension_id: UUID) -> HttpResponse:
    """Make a new secret, and show it once."""
    extension = extension_for(request, extension_id, "change_catalog")
    form = SecretForm(request.POST or None)
    if form.is_valid():
        secret = operations.change_secret(extension, by=request.user, **form.cleaned_data)
        extension.refresh_from_db()
        return _secret_page(request, extension, secret)
    return form_page(
        request,
        form,
        title=f"New secret for {extension}",
        lead="It is shown once. Until the old one ends, messages carry both signatures.",
        button="Make new secret",
        crumbs=to_extension(extension),
    )


def _secret_page(request: PortalRequest, extension: CustomExtension, secret: str) -> HttpResponse:
    context = {"extension": extension, "secret": secret, "crumbs": to_extension(extension)}
    return render(request, "manage/extension_secret.html", context)


@require_POST
def test(request: PortalRequest, extension_id: UUID) -> HttpResponse:
    """Call an extension about nothing but itself."""
    extension = extension_for(request, extension_id, "change_catalog")
    callouts.call_for_test(extension, by=request.user)
    messages.success(request, "The test call is on its way. Its outcome appears below.")
    return redirect("manage:extension", extension.pk)


@require_POST
def send_again(request: PortalRequest, extension_id: UUID) -> HttpResponse:
    """Make the chosen calls again that were given up, or with `all` every one of them."""
    extension = extension_for(request, extension_id, "change_catalog")
    lost = extension.callouts.given_up()
    chosen = lost if "all" in request.POST else lost.filter(pk__in=_keys(request))
    number = callouts.send_again(chosen, by=request.user)
    calls = "1 call is" if number == 1 else f"{number} calls are"
    messages.success(request, f"{calls} made again.")
    return redirect("manage:extension", extension.pk)


def _keys(request: PortalRequest) -> list[UUID]:
    known = Callout.objects.in_bulk([key for key in request.POST.getlist("call") if _is_id(key)])
    return list(known)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


@require_safe
def calls(request: PortalRequest) -> HttpResponse:
    """List the extensions with calls that could not be made, in the viewer's catalogs."""
    lost = Callout.objects.given_up()
    catalog = narrowed_to(request)
    mine = CustomExtension.objects.visible_to(request.user).filter(callouts__in=lost)
    if catalog:
        mine = mine.filter(catalog=catalog)
    counted = mine.annotate(lost=Count("callouts")).select_related("catalog")
    context = {"extensions": counted.order_by("name", "pk"), "catalog": catalog}
    return render(request, "manage/calls.html", context)


@require_http_methods(FORM)
def delete(request: PortalRequest, extension_id: UUID) -> HttpResponse:
    """Ask, and delete an extension that was never used."""
    extension = extension_for(request, extension_id, "change_catalog")
    if request.method == "POST":
        operations.delete_extension(extension, by=request.user)
        messages.success(request, f"You deleted {extension}.")
        return redirect("manage:catalog", extension.catalog_id)
    context = {
        "heading": f"Delete {extension}?",
        "effect": "Its secret and its test calls go. What was called about access stays for good.",
        "button": "Delete extension",
        "keep": "Keep it",
        "back": reverse("manage:extension", args=[extension.pk]),
    }
    return render(request, "manage/confirm.html", context)


@require_http_methods(FORM)
def answer(request: PortalRequest, callout_id: UUID) -> HttpResponse:
    """Answer a call in the place of an extension."""
    callout = callout_for(request, callout_id)
    if callout.asks_who_approves:
        return _answer_with_stage(request, callout)
    form = AnswerForm(request.POST if request.method == "POST" else None, may_deny=callout.may_deny)
    if form.is_valid():
        resume_by_hand(callout, by=request.user, **form.cleaned_data)
        messages.success(request, f"You answered in the place of {callout.extension}.")
        return redirect("manage:extension", callout.extension_id)
    return form_page(
        request,
        form,
        title=f"Answer in the place of {callout.extension}",
        lead=callout.about_name,
        button="Answer",
        crumbs=to_extension(callout.extension),
    )


def _answer_with_stage(request: PortalRequest, callout: Callout) -> HttpResponse:
    """Say who approves, in the place of an extension."""
    sent = request.POST if request.method == "POST" else None
    form = StageForm(sent, position=1, initial={})
    if form.is_valid():
        try:
            resume_by_hand(callout, by=request.user, terms=form.terms())
        except Denied as denied:
            refuse(form, denied)
        else:
            messages.success(
                request, f"You said who approves, in the place of {callout.extension}."
            )
            return redirect("manage:extension", callout.extension_id)
    return form_page(
        request,
        form,
        title=f"Say who approves, in the place of {callout.extension}",
        lead=callout.about_name,
        button="Ask these people",
        crumbs=to_extension(callout.extension),
        template="manage/callout_stage.html",
    )
