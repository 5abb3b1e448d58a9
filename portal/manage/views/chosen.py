"""Acts on the rows that were chosen in a list: asked once, tried on each, and told for each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from entitlements.assignments.models import Assignment
from entitlements.decisions import ALLOWED, Decision, Denied
from entitlements.delivery import operations as delivery
from entitlements.requests import operations, permissions
from entitlements.requests.models import AccessRequest
from entitlements.requests.records import delete_record
from portal.http import PortalRequest
from portal.manage.forms import LongerForm, ReasonForm

MOST_AT_ONCE = 200
FORM = ["GET", "HEAD", "POST"]

Act = Callable[[Any, Mapping[str, Any]], object]


@dataclass(frozen=True)
class Words:
    """What is said of an act on many rows: before it, on its button, and afterwards."""

    one: str
    many: str
    effect: str
    button: str
    done: str
    model: str
    is_destructive: bool = False
    asks_why: bool = False
    needs_why: bool = False

    @property
    def back(self) -> str:
        return reverse(f"manage:entitlements_{self.model}_changelist")


END = Words(
    one="End this access?",
    many="End this access?",
    effect="It ends at once; roles that nothing else gives are taken away within minutes.",
    button="End access",
    done="ended",
    model="assignment",
    is_destructive=True,
    asks_why=True,
)
EXTEND = Words(
    one="Extend this access?",
    many="Extend this access?",
    effect="Each is extended on its own, within the limits of its policy. The people are told; "
    "where a policy has approvers, they may be asked first.",
    button="Extend access",
    done="extended",
    model="assignment",
    asks_why=True,
)
SET_UP_AGAIN = Words(
    one="Set this access up again?",
    many="Set this access up again?",
    effect="Every role is given again, also where somebody changed it in the system itself.",
    button="Set up again",
    done="being set up again",
    model="assignment",
)
CANCEL = Words(
    one="Cancel this request?",
    many="Cancel these requests?",
    effect="Nobody decides it any more; what it has set up already is taken away again.",
    button="Cancel requests",
    done="canceled",
    model="accessrequest",
    is_destructive=True,
    asks_why=True,
)
TRY_AGAIN = Words(
    one="Try this request again?",
    many="Try these requests again?",
    effect="Every role that could not be set up is tried again now.",
    button="Try again",
    done="being set up again",
    model="accessrequest",
)

DELETE = Words(
    one="Delete the record of this request?",
    many="Delete the records of these requests?",
    effect="It goes for good, with the reasons, answers and decisions in it. The audit trail keeps "
    "every event. Access stays as it is; those who approved it cannot end it any more.",
    button="Delete records",
    done="deleted",
    model="accessrequest",
    is_destructive=True,
    asks_why=True,
    needs_why=True,
)


class Outcome(NamedTuple):
    """What became of one row among many."""

    thing: Any
    decision: Decision
    waits: bool = False

    @property
    def is_done(self) -> bool:
        """Whether it took effect, and nobody has to approve it first."""
        return bool(self.decision) and not self.waits


@require_http_methods(FORM)
def end(request: PortalRequest) -> HttpResponse:
    """Ask, and end the access of those who were chosen, each on his own."""
    return _each(
        request,
        Assignment.objects.visible_to(request.user),
        lambda assignment, wishes: operations.remove(assignment, by=request.user, **wishes),
        END,
    )


@require_http_methods(FORM)
def extend(request: PortalRequest) -> HttpResponse:
    """Ask until when, and let those who were chosen keep access until then, each on his own."""
    form = LongerForm(request.POST if request.method == "POST" else None)
    return _each(
        request,
        Assignment.objects.visible_to(request.user).select_related("policy"),
        lambda assignment, wishes: operations.prolong(
            assignment, by=request.user, **form.wishes_for(assignment)
        ),
        EXTEND,
        form,
    )


@require_http_methods(FORM)
def again(request: PortalRequest) -> HttpResponse:
    """Ask, and set up again every role of those who were chosen."""
    return _each(
        request,
        Assignment.objects.visible_to(request.user),
        lambda assignment, wishes: delivery.reprocess_assignment(assignment, by=request.user),
        SET_UP_AGAIN,
    )


@require_http_methods(FORM)
def cancel_requests(request: PortalRequest) -> HttpResponse:
    """Ask, and cancel the requests that were chosen, each on its own."""
    return _each(
        request,
        AccessRequest.objects.managed_by(request.user),
        lambda access_request, wishes: operations.cancel(access_request, by=request.user, **wishes),
        CANCEL,
    )


@require_http_methods(FORM)
def try_requests_again(request: PortalRequest) -> HttpResponse:
    """Ask, and try again what failed of the requests that were chosen."""
    return _each(
        request,
        AccessRequest.objects.managed_by(request.user),
        lambda access_request, wishes: delivery.reprocess(access_request, by=request.user),
        TRY_AGAIN,
    )


@require_http_methods(FORM)
def delete_records(request: PortalRequest) -> HttpResponse:
    """Ask, and delete the records of the completed requests that were chosen."""
    permissions.can_delete_records(request.user).require()
    return _each(
        request,
        AccessRequest.objects.managed_by(request.user),
        lambda access_request, wishes: delete_record(access_request, by=request.user, **wishes),
        DELETE,
    )


def _each(
    request: PortalRequest,
    visible: QuerySet[Any],
    act: Act,
    words: Words,
    form: ReasonForm | LongerForm | None = None,
) -> HttpResponse:
    """Confirm what was chosen, act on each row, and say what became of each."""
    is_sent = request.method == "POST"
    ids = _ids((request.POST if is_sent else request.GET).getlist("id"))
    related = visible.select_related("package__catalog", "target")
    things = list(related.filter(pk__in=ids).order_by("target__display_name", "pk"))
    if not things:
        raise Http404
    form = form or ReasonForm(request.POST if is_sent else None, is_required=words.needs_why)
    context: dict[str, Any] = {"things": things, "form": form, "words": words}
    if not (is_sent and form.is_valid()):
        return render(request, "manage/chosen.html", context, status=422 if is_sent else 200)
    outcomes = [_attempt(act, thing, form.cleaned_data) for thing in things]
    done = sum(outcome.is_done for outcome in outcomes)
    return render(request, "manage/outcomes.html", {**context, "outcomes": outcomes, "done": done})


def _attempt(act: Act, thing: Any, wishes: Mapping[str, Any]) -> Outcome:
    try:
        made = act(thing, wishes)
    except Denied as denied:
        return Outcome(thing, denied.decision)
    return Outcome(thing, ALLOWED, waits=isinstance(made, AccessRequest) and made.is_open)


def _ids(texts: Iterable[str]) -> list[UUID]:
    found = []
    for text in list(texts)[:MOST_AT_ONCE]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found
