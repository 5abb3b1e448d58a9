"""Acts on many rows, in words: before, on the button, and afterwards."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet
from django.urls import reverse

from entitlements.delivery.acting import Wanted
from entitlements.delivery.acts import ActKind, ActState, BulkAct, BulkActRow
from entitlements.directory.models import User
from portal.manage.forms import LongerForm, ReasonForm

RESULT: Final = ("number", "person", "email", "package", "state", "codes", "why", "request")
SHOWN: Final = {
    "": "All",
    ActState.WAITING: "Waiting",
    ActState.DONE: "Done",
    ActState.ASKED: "Waiting for approval",
    ActState.REFUSED: "Refused",
    ActState.LEFT: "Left as it was",
}


@dataclass(frozen=True)
class Words:
    """What is said of an act on many rows: before it, on its button, and afterwards.

    `route` is the page that asks about a few rows.
    """

    one: str
    many: str
    effect: str
    button: str
    done: str
    model: str
    route: str
    is_destructive: bool = False
    asks_why: bool = False
    needs_why: bool = False

    @property
    def back(self) -> str:
        return reverse(f"manage:entitlements_{self.model}_changelist")

    @property
    def things(self) -> str:
        return "assignments" if self.model == "assignment" else "requests"


WORDS: Final[Mapping[str, Words]] = {
    ActKind.END: Words(
        one="End this access?",
        many="End this access?",
        effect="It ends at once; roles that nothing else gives are taken away within minutes.",
        button="End access",
        done="ended",
        model="assignment",
        route="manage:assignments_end",
        is_destructive=True,
        asks_why=True,
    ),
    ActKind.EXTEND: Words(
        one="Extend this access?",
        many="Extend this access?",
        effect="Each is extended on its own, within the limits of its policy. The people are told; "
        "where a policy has approvers, they may be asked first.",
        button="Extend access",
        done="extended",
        model="assignment",
        route="manage:assignments_extend",
        asks_why=True,
    ),
    ActKind.SET_UP_AGAIN: Words(
        one="Set this access up again?",
        many="Set this access up again?",
        effect="Every role is given again, also where somebody changed it in the system itself.",
        button="Set up again",
        done="being set up again",
        model="assignment",
        route="manage:assignments_again",
    ),
    ActKind.CANCEL: Words(
        one="Cancel this request?",
        many="Cancel these requests?",
        effect="Nobody decides it any more; what it has set up already is taken away again.",
        button="Cancel requests",
        done="canceled",
        model="accessrequest",
        route="manage:requests_cancel",
        is_destructive=True,
        asks_why=True,
    ),
    ActKind.TRY_AGAIN: Words(
        one="Try this request again?",
        many="Try these requests again?",
        effect="Every role that could not be set up is tried again now.",
        button="Try again",
        done="being set up again",
        model="accessrequest",
        route="manage:requests_again",
    ),
    ActKind.DELETE: Words(
        one="Delete the record of this request?",
        many="Delete the records of these requests?",
        effect="It goes for good, with the reasons, answers and decisions in it. The audit trail "
        "keeps every event. Access stays as it is; those who approved it cannot end it any more.",
        button="Delete records",
        done="deleted",
        model="accessrequest",
        route="manage:requests_delete",
        is_destructive=True,
        asks_why=True,
        needs_why=True,
    ),
}


def form_for(kind: str, data: Any = None) -> LongerForm | ReasonForm:
    """Return what an act asks for: until when, why, or nothing that has to be said."""
    if kind == ActKind.EXTEND:
        return LongerForm(data)
    return ReasonForm(data, is_required=WORDS[kind].needs_why)


def wanted_of(form: LongerForm | ReasonForm) -> Wanted:
    """Return what a form says for all rows."""
    return Wanted(form.cleaned_data["justification"], form.cleaned_data.get("ends_on"))


def rows_for(act: BulkAct, viewer: User) -> QuerySet[BulkActRow]:
    """Return the rows that the viewer sees, in their order, with what a page says of each.

    That is read for those that a page shows, and not joined to all of them.
    """
    rows = BulkActRow.objects.visible_to(viewer).filter(act=act)
    return rows.prefetch_related("target", "package", "access_request").order_by("position")


def result_rows(act: BulkAct, viewer: User) -> Iterator[tuple[Any, ...]]:
    """Yield what became of each row that the viewer sees, for a file."""
    for row in rows_for(act, viewer).iterator(chunk_size=500):
        yield (
            row.position,
            row.target,
            row.target.email,
            row.package,
            ActState(row.state).label,
            " ".join(reason["code"] for reason in row.reasons),
            " ".join(f"{reason['text']} {reason['remedy']}".strip() for reason in row.reasons),
            row.access_request.reference if row.access_request else "",
        )
