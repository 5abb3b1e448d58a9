"""Who enters the machine hall: systems outside are asked, and exceptions from a clash are made."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from entitlements.callouts.models import Callout
from entitlements.catalog import extensions
from entitlements.catalog.extension_models import CalloutStage
from entitlements.catalog.extensions import ExtensionTerms
from entitlements.catalog.incompatibilities import ClashException
from entitlements.demo.acts import Act, Stage
from entitlements.demo.calendar import Life
from entitlements.demo.offers import DOORS, LOST_HOST
from entitlements.directory.preferences import MailPreference, choose
from entitlements.policies import clashes
from entitlements.requests import callbacks, clash_exceptions, dialogue
from entitlements.requests.models import AccessRequest

HALL, CAMERAS = "machine_hall", "cameras"
WARDEN, OTHER_SIDE = "bo.chen", "tom.becker"


def lives(stage: Stage) -> Iterator[Life]:
    """Yield each strand of the story."""
    for chapter in CHAPTERS:
        yield chapter(stage)


def _answers(
    access_request: AccessRequest, moment: datetime, words: str, *, denies: bool = False
) -> Act:
    """Let the register of trainings answer the call that a request waits for."""
    yield moment
    callout = Callout.objects.about(access_request).get(stage=CalloutStage.CREATED)
    callbacks.resume(callout, answer_id=callout.pk.hex, detail=words, denies=denies)
    access_request.refresh_from_db()
    return access_request


def _enters(stage: Stage, who: str, asked_at: datetime, answered_at: datetime) -> Life:
    asked = yield from stage.asks(who, HALL, asked_at)
    yield from _answers(asked, answered_at, "Trained in spring.")


def _excepts(
    stage: Stage, who: str, why: str, starts_at: datetime, ends_at: datetime
) -> ClashException:
    """Let Bo propose that somebody may hold both for a while."""
    return clash_exceptions.propose(
        stage.company.packages[HALL],
        stage.company.packages[CAMERAS],
        stage.person(who),
        by=stage.person(WARDEN),
        reason=why,
        starts_at=starts_at,
        ends_at=ends_at,
    )


def _bo_keeps_the_two_apart(stage: Stage) -> Life:
    """A clash with a package of somebody else's catalog, who is told."""
    yield stage.when(90, 9)
    hall, cameras = stage.company.packages[HALL], stage.company.packages[CAMERAS]
    clashes.add_clash(hall, cameras, by=stage.person(WARDEN), is_symmetric=True)


def _wanda_holds_both(stage: Stage) -> Life:
    """An exception let her, and has ended; what she holds has not."""
    yield from _enters(stage, "wanda.kos", stage.when(60, 9), stage.when(60, 10))
    yield stage.when(50, 9)
    begin, end = stage.when(50, 9), stage.when(3, 18)
    exception = _excepts(stage, "wanda.kos", "She moves the cameras.", begin, end)
    yield stage.when(50, 11)
    clash_exceptions.decide(exception, by=stage.person(OTHER_SIDE), approves=True)
    yield from stage.asks("wanda.kos", CAMERAS, stage.when(49, 9))


def _theo_is_not_excepted(stage: Stage) -> Life:
    yield stage.when(20, 9)
    begin, end = stage.when(20, 9), stage.when(-30, 18)
    exception = _excepts(stage, "theo.lang", "He is curious.", begin, end)
    yield stage.when(19, 9)
    clash_exceptions.decide(exception, by=stage.person(OTHER_SIDE), approves=False)


def _jon_will_be_excepted(stage: Stage) -> Life:
    yield stage.when(5, 9)
    begin, end = stage.when(-5, 8), stage.when(-25, 18)
    exception = _excepts(stage, "jon.park", "He stands in for Wanda.", begin, end)
    yield stage.when(4, 9)
    clash_exceptions.decide(exception, by=stage.person(OTHER_SIDE), approves=True)


def _kai_may_be_excepted(stage: Stage) -> Life:
    yield stage.when(1, 11)
    begin, end = stage.when(0, 0), stage.when(-14, 18)
    _excepts(stage, "kai.lind", "He looks for a stolen laptop.", begin, end)


def _jon_was_not_trained(stage: Stage) -> Life:
    """Denied by the register of trainings."""
    asked = yield from stage.asks("jon.park", HALL, stage.when(20, 9))
    yield from _answers(asked, stage.when(20, 14), "No training in the last year.", denies=True)


def _ravi_gets_no_answer(stage: Stage) -> Life:
    yield from stage.asks("ravi.menon", HALL, stage.when(12, 9))


def _zoe_does_not_wait(stage: Stage) -> Life:
    """Her call is not needed any more."""
    asked = yield from stage.asks("zoe.adler", HALL, stage.when(6, 9))
    yield from stage.cancels("zoe.adler", asked, stage.when(5, 9), "Kai went instead.")


def _kai_waits(stage: Stage) -> Life:
    yield from stage.asks("kai.lind", HALL, stage.when(1, 9))


def _the_doors_move(stage: Stage) -> Life:
    """From then on the system behind them cannot be reached."""
    yield stage.when(3, 9)
    doors = stage.company.extensions[DOORS]
    terms = replace(ExtensionTerms.of(doors), url=f"https://{LOST_HOST}/access")
    extensions.change_extension(doors, terms, by=stage.person(WARDEN))


def _lena_was_not_announced(stage: Stage) -> Life:
    """The doors were not told of her, and are not tried any more."""
    yield from _enters(stage, "lena.fischer", stage.when(2, 9), stage.when(2, 9, 30))


def _hugo_is_announced_again(stage: Stage) -> Life:
    ago = stage.calendar.ago
    yield from _enters(stage, "hugo.brandt", ago(minutes=50), ago(minutes=45))


def _noor_is_about_to_be_announced(stage: Stage) -> Life:
    """She reads her news together, on Mondays."""
    noor, ago = stage.person("noor.bakker"), stage.calendar.ago
    yield stage.when(100, 9)
    choose(noor, by=noor, mail_preference=MailPreference.WEEKLY)
    yield from _enters(stage, "noor.bakker", ago(minutes=6), ago(minutes=0.2))


def _mia_asks_dana(stage: Stage) -> Life:
    """The mailbox of whoever is asked does not exist any more."""
    yield stage.when(2, 15)
    waiting = AccessRequest.objects.open().get(
        target=stage.person("dana.roth"), package__name="Harbour Lights Project"
    )
    dialogue.ask(waiting, "For which part of the project?", by=stage.person("mia.sand"))


CHAPTERS: Final[tuple[Callable[[Stage], Life], ...]] = (
    _bo_keeps_the_two_apart,
    _wanda_holds_both,
    _theo_is_not_excepted,
    _jon_will_be_excepted,
    _kai_may_be_excepted,
    _jon_was_not_trained,
    _ravi_gets_no_answer,
    _zoe_does_not_wait,
    _kai_waits,
    _the_doors_move,
    _lena_was_not_announced,
    _hugo_is_announced_again,
    _noor_is_about_to_be_announced,
    _mia_asks_dana,
)
