"""Acts on the rows that were chosen in a list: asked once, tried on each, and told for each."""

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from entitlements.decisions import ALLOWED, Decision, Denied
from entitlements.delivery import acting
from entitlements.delivery.acting import AT_ONCE, WAYS, Wanted
from entitlements.delivery.acts import ActKind, ActState
from portal.forms import refuse
from portal.http import PortalRequest
from portal.manage.acts import WORDS, form_for, wanted_of

MOST_NAMED = 200
FORM = ["GET", "HEAD", "POST"]


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
    return _each(request, ActKind.END)


@require_http_methods(FORM)
def extend(request: PortalRequest) -> HttpResponse:
    """Ask until when, and let those who were chosen keep access until then, each on his own."""
    return _each(request, ActKind.EXTEND)


@require_http_methods(FORM)
def again(request: PortalRequest) -> HttpResponse:
    """Ask, and set up again every role of those who were chosen."""
    return _each(request, ActKind.SET_UP_AGAIN)


@require_http_methods(FORM)
def cancel_requests(request: PortalRequest) -> HttpResponse:
    """Ask, and cancel the requests that were chosen, each on its own."""
    return _each(request, ActKind.CANCEL)


@require_http_methods(FORM)
def try_requests_again(request: PortalRequest) -> HttpResponse:
    """Ask, and try again what failed of the requests that were chosen."""
    return _each(request, ActKind.TRY_AGAIN)


@require_http_methods(FORM)
def delete_records(request: PortalRequest) -> HttpResponse:
    """Ask, and delete the records of the completed requests that were chosen."""
    return _each(request, ActKind.DELETE)


def _each(request: PortalRequest, kind: ActKind) -> HttpResponse:
    """Confirm what was chosen, act on each row, and say what became of each.

    What is too much to wait for is left to the workers, and its page says how far it has come.
    """
    acting.can_act(request.user, kind).require()
    is_sent = request.method == "POST"
    ids = _ids((request.POST if is_sent else request.GET).getlist("id"))
    related = WAYS[kind].seen_by(request.user).select_related("package__catalog", "target")
    things = list(related.filter(pk__in=ids).order_by("target__display_name", "pk"))
    if not things:
        raise Http404
    form = form_for(kind, request.POST if is_sent else None)
    context: dict[str, Any] = {"things": things, "form": form, "words": WORDS[kind]}
    if not (is_sent and form.is_valid()):
        return render(request, "manage/chosen.html", context, status=422 if is_sent else 200)
    if len(things) > AT_ONCE:
        return _by_workers(request, kind, context)
    outcomes = [_attempt(request, kind, thing, wanted_of(form)) for thing in things]
    done = sum(outcome.is_done for outcome in outcomes)
    return render(request, "manage/outcomes.html", {**context, "outcomes": outcomes, "done": done})


def _by_workers(request: PortalRequest, kind: ActKind, context: dict[str, Any]) -> HttpResponse:
    things, form = context["things"], context["form"]
    source = f"{len(things)} chosen in the list"
    act = acting.plan(kind, [thing.pk for thing in things], by=request.user, source=source)
    try:
        acting.start(act, wanted_of(form), by=request.user)
    except Denied as denied:
        acting.discard(act, by=request.user)
        refuse(form, denied)
        return render(request, "manage/chosen.html", context, status=422)
    return redirect("manage:act", act.pk)


def _attempt(request: PortalRequest, kind: ActKind, thing: Any, wanted: Wanted) -> Outcome:
    try:
        state = acting.perform(kind, thing, wanted, by=request.user)
    except Denied as denied:
        return Outcome(thing, denied.decision)
    return Outcome(thing, ALLOWED, waits=state == ActState.ASKED)


def _ids(texts: Iterable[str]) -> list[UUID]:
    found = []
    for text in list(texts)[:MOST_NAMED]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found
