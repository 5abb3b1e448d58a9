"""What happened to those whom a visitor can be, and around them, in the last four months."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from entitlements.demo.acts import Stage
from entitlements.demo.calendar import Life

Chapter = Callable[[Stage], Life]

AT_HOME: Final = (
    "ana.diaz",
    "dev.patel",
    "bo.chen",
    "gita.rao",
    "olga.owner",
    "rosa.marsh",
    "uma.lund",
    "ivo.okoro",
    "hugo.brandt",
)


def lives(stage: Stage) -> Iterator[Life]:
    """Yield what each of them does, one strand of the story at a time."""
    for chapter in CHAPTERS:
        yield chapter(stage)


def _people_work_from_home(stage: Stage) -> Life:
    """Access without end."""
    for number, name in enumerate(AT_HOME):
        yield from stage.asks(name, "vpn", stage.when(112 - number * 9, 10, 20))


def _ana_reads_the_ledger(stage: Stage) -> Life:
    """Ends in six days."""
    asked = yield from stage.asks(
        "ana.diaz", "ledger_reader", stage.when(84, 9, 10), "Monthly report of the group."
    )
    yield from stage.approves("dev.patel", asked, stage.when(84, 11, 25))


def _ana_reads_group_reports(stage: Stage) -> Life:
    asked = yield from stage.asks(
        "ana.diaz", "group_reports", stage.when(40, 14), "Comparison of the six companies."
    )
    yield from stage.approves("dev.patel", asked, stage.when(39, 9, 30), "Agreed in our meeting.")


def _ana_closes_the_month(stage: Stage) -> Life:
    """Three days, which ended yesterday."""
    yield from stage.asks("ana.diaz", "month_end", stage.when(4, 10), "Close of last month.")


def _ana_is_denied_design(stage: Stage) -> Life:
    asked = yield from stage.asks("ana.diaz", "design", stage.when(62, 16), "Curious.")
    yield from stage.denies(
        "dev.patel", asked, stage.when(61, 10), "Please ask again when you have a project there."
    )


def _ana_changes_her_mind(stage: Stage) -> Life:
    asked = yield from stage.asks(
        "ana.diaz", "production", stage.when(21, 13), "Look at slow reports.", way=1
    )
    yield from stage.cancels("ana.diaz", asked, stage.when(21, 15, 40), "Solved otherwise.")


def _ana_wants_to_post(stage: Stage) -> Life:
    """Waits for the first of two stages."""
    yield from stage.asks(
        "ana.diaz", "ledger_posting", stage.when(1, 15, 5), "I take over the accruals."
    )


def _rosa_had_the_ledger(stage: Stage) -> Life:
    """Ended yesterday."""
    asked = yield from stage.asks(
        "rosa.marsh", "ledger_reader", stage.when(92, 9), "Yearly control of bookings."
    )
    yield from stage.approves("petra.novak", asked, stage.when(91, 8, 15))


def _rosa_waits_for_gita(stage: Stage) -> Life:
    """The second stage is due today."""
    opened = stage.calendar.later_today() - timedelta(days=7)
    asked = yield from stage.asks(
        "rosa.marsh", "ledger_posting", opened - timedelta(days=1), "Test of reversed bookings."
    )
    yield from stage.approves("petra.novak", asked, opened)


def _rosa_plans_a_close(stage: Stage) -> Life:
    """Starts later."""
    yield from stage.asks(
        "rosa.marsh",
        "month_end",
        stage.when(2, 11),
        "Control of the coming close.",
        starts_at=stage.when(-5, 8),
        ends_at=stage.when(-8, 8),
    )


def _omar_plans_a_close(stage: Stage) -> Life:
    asked = yield from stage.asks(
        "omar.haddad", "month_end", stage.when(9, 9), "Close.", starts_at=stage.when(-6, 8)
    )
    yield from stage.cancels("omar.haddad", asked, stage.when(6, 9), "I am on leave then.")


def _omar_asks_too_late(stage: Stage) -> Life:
    """His access ends before anybody has decided about its extension."""
    asked = yield from stage.asks("omar.haddad", "ledger_reader", stage.when(98, 9), "Bookings.")
    asked = yield from stage.approves("gita.rao", asked, stage.when(97, 10))
    yield from stage.extends("omar.haddad", asked, stage.when(10, 9), "The project goes on.")


def _omar_wants_to_post(stage: Stage) -> Life:
    """Gita is his manager, and owns the ledger."""
    yield from stage.asks("omar.haddad", "ledger_posting", stage.when(5, 10), "Daily bookings.")


def _dev_wants_to_release(stage: Stage) -> Life:
    yield from stage.asks(
        "dev.patel", "payments", stage.when(1, 9, 20), "Petra is away for two weeks."
    )


def _dev_asks_for_an_analyst(stage: Stage) -> Life:
    """Dev is the manager whom the policy would ask: Helen decides instead."""
    analyst = stage.company.crowd("Finance")[0]
    asked = yield from stage.asks(
        "dev.patel",
        "group_reports",
        stage.when(11, 10),
        "Takes over the quarterly comparison.",
        target=analyst,
    )
    yield from stage.approves("helen.ward", asked, stage.when(10, 9, 15))


def _uma_is_given_reports(stage: Stage) -> Life:
    yield from stage.gives("gita.rao", "group_reports", "uma.lund", stage.when(20, 9), way=1)


def _wanda_waits_for_bo(stage: Stage) -> Life:
    yield from stage.asks(
        "wanda.kos", "production", stage.when(12, 9), "Incident follow-up.", way=2
    )


def _hugo_waits_for_bo(stage: Stage) -> Life:
    yield from stage.asks(
        "hugo.brandt", "production", stage.when(6, 17), "Show a customer his data.", way=1
    )


def _zoe_waits_for_bo(stage: Stage) -> Life:
    yield from stage.asks(
        "zoe.adler",
        "production",
        stage.when(2, 9, 45),
        "Move of the payroll server.",
        way=1,
        starts_at=stage.when(-3, 7),
        ends_at=stage.when(-10, 18),
    )


def _mara_becomes_administrator(stage: Stage) -> Life:
    """Her manager has approved; security has not."""
    asked = yield from stage.asks(
        "mara.silva", "sales_admin", stage.when(9, 11), "Clean up double customers."
    )
    yield from stage.approves("lena.fischer", asked, stage.when(8, 9))


def _noor_waits_for_bo(stage: Stage) -> Life:
    yield from stage.asks("noor.bakker", "partner_portal", stage.when(3, 8, 30), "My partners.")


def _hugo_wants_to_stay_administrator(stage: Stage) -> Life:
    """An extension waits for its second stage."""
    asked = yield from stage.asks(
        "hugo.brandt", "sales_admin", stage.when(80, 9), "Prices for the north."
    )
    asked = yield from stage.approves("lena.fischer", asked, stage.when(79, 10))
    asked = yield from stage.approves("bo.chen", asked, stage.when(78, 12), "For one quarter.")
    wish = yield from stage.extends("hugo.brandt", asked, stage.when(4, 9), "One more quarter.")
    yield from stage.approves("lena.fischer", wish, stage.when(3, 9))


def _hugo_keeps_reading(stage: Stage) -> Life:
    """An extension that needs no approval."""
    asked = yield from stage.asks("hugo.brandt", "sales_reader", stage.when(100, 9))
    yield from stage.extends("hugo.brandt", asked, stage.when(30, 9), "")


def _hugo_follows_a_link(stage: Stage) -> Life:
    """A hidden package, approved for less time than asked for."""
    asked = yield from stage.asks(
        "hugo.brandt", "discount", stage.when(15, 10), "Offer for the harbour."
    )
    yield from stage.approves(
        "olga.owner", asked, stage.when(14, 9), "Until the fair.", ends_at=stage.when(-9, 18)
    )


def _mara_gets_half_a_kit(stage: Stage) -> Life:
    """Partly set up, because the warehouse's system is down; tried again in vain."""
    asked = yield from stage.asks(
        "mara.silva", "field_kit", stage.when(8, 9), "Visits in the south."
    )
    asked = yield from stage.approves("lena.fischer", asked, stage.when(8, 10))
    yield from stage.tries_again("olga.owner", asked, stage.when(6, 9))


def _theo_goes_too_far(stage: Stage) -> Life:
    """Ended by the owner of the catalog."""
    asked = yield from stage.asks("theo.lang", "sales_admin", stage.when(70, 9), "Cover for Lena.")
    asked = yield from stage.approves("olga.owner", asked, stage.when(70, 13))
    asked = yield from stage.approves("bo.chen", asked, stage.when(69, 9), "Short cover only.")
    yield from stage.removes("olga.owner", asked, stage.when(25, 16), "Lena is back.")


def _theo_gives_the_lists_back(stage: Stage) -> Life:
    """Being removed, in vain: the group behind the role is managed elsewhere by now."""
    asked = yield from stage.asks("theo.lang", "stock", stage.when(60, 9))
    yield from stage.gives_back("theo.lang", asked, stage.when(1, 12))


def _lena_needs_the_terminals(stage: Stage) -> Life:
    """Partly set up for good."""
    yield from stage.asks("lena.fischer", "terminals", stage.when(9, 14))


def _jon_cannot_build(stage: Stage) -> Life:
    """Failed."""
    yield from stage.asks("jon.park", "build", stage.when(10, 9))


def _ravi_could_not_build(stage: Stage) -> Life:
    """Failed, and called off by the owner."""
    asked = yield from stage.asks("ravi.menon", "build", stage.when(30, 9))
    yield from stage.cancels("samir.aziz", asked, stage.when(29, 9), "The farm is moving.")


def _wanda_is_about_to_build(stage: Stage) -> Life:
    """Being set up."""
    yield from stage.asks("wanda.kos", "build", stage.calendar.ago(minutes=3))


def _wanda_had_enough_design(stage: Stage) -> Life:
    asked = yield from stage.asks("wanda.kos", "design", stage.when(50, 9), "Review of the desk.")
    asked = yield from stage.approves("samir.aziz", asked, stage.when(49, 9))
    yield from stage.gives_back("wanda.kos", asked, stage.when(14, 17))


def _ravi_is_on_call(stage: Stage) -> Life:
    """Two shifts that are over, and longer access that starts later."""
    for days_ago in (45, 17):
        yield from stage.asks("ravi.menon", "production", stage.when(days_ago, 8), "On call.")
    asked = yield from stage.asks(
        "ravi.menon",
        "production",
        stage.when(5, 9),
        "Holiday cover.",
        way=2,
        starts_at=stage.when(-4, 7),
    )
    yield from stage.approves("bo.chen", asked, stage.when(4, 9), "With Samir's consent.")


def _kai_asks_again(stage: Stage) -> Life:
    """Nobody answered; he sent it once more."""
    asked = yield from stage.asks(
        "kai.lind", "production", stage.when(62, 9), "Logs of the service desk.", way=1
    )
    again = yield from stage.asks_again("kai.lind", asked, stage.when(44, 9))
    yield from stage.approves("bo.chen", again, stage.when(43, 9), "Reading only, please.")


def _zoe_asks_nobody(stage: Stage) -> Life:
    """Whoever would decide has left; it lapsed."""
    yield from stage.asks("zoe.adler", "personnel", stage.when(36, 9), "Pension certificates.")


def _noor_asks_nobody(stage: Stage) -> Life:
    """Waits, although there is no approver who may answer."""
    yield from stage.asks("noor.bakker", "personnel", stage.when(4, 9), "A partner's contract.")


def _zoe_reads_payroll(stage: Stage) -> Life:
    asked = yield from stage.asks("zoe.adler", "payroll", stage.when(52, 9), "Tägliche Arbeit.")
    yield from stage.approves("tom.becker", asked, stage.when(52, 11))


def _newcomers_are_welcomed(stage: Stage) -> Life:
    """Given directly, and over after a month."""
    yield from stage.gives("tom.becker", "welcome", "theo.lang", stage.when(94, 9))
    yield from stage.gives("tom.becker", "welcome", "kai.lind", stage.when(74, 9))


def _eli_looks_in(stage: Stage) -> Life:
    asked = yield from stage.asks(
        "eli.weiss", "partner_portal", stage.when(50, 9), "Price lists for Blue Harbour."
    )
    yield from stage.approves("mia.sand", asked, stage.when(49, 9))


def _eli_plans_with_us(stage: Stage) -> Life:
    """Asked for as somebody of Blue Harbour, whose internal sponsor approves."""
    asked = yield from stage.asks(
        "eli.weiss", "joint_plan", stage.when(26, 10), "Dates of the second quay.", way=1
    )
    yield from stage.approves("noor.bakker", asked, stage.when(25, 9, 40))


def _dana_wants_to_plan(stage: Stage) -> Life:
    """Waits for the internal sponsor."""
    yield from stage.asks("dana.roth", "joint_plan", stage.when(2, 15), "I stand in.", way=1)


def _dana_knocks(stage: Stage) -> Life:
    yield from stage.asks("dana.roth", "harbour", stage.when(3, 9), "I join the project.")


def _noor_runs_the_project(stage: Stage) -> Life:
    asked = yield from stage.asks("noor.bakker", "harbour", stage.when(33, 9), "I lead it.")
    yield from stage.approves("mia.sand", asked, stage.when(33, 14))


CHAPTERS: tuple[Chapter, ...] = (
    _people_work_from_home,
    _ana_reads_the_ledger,
    _ana_reads_group_reports,
    _ana_closes_the_month,
    _ana_is_denied_design,
    _ana_changes_her_mind,
    _ana_wants_to_post,
    _rosa_had_the_ledger,
    _rosa_waits_for_gita,
    _rosa_plans_a_close,
    _omar_plans_a_close,
    _omar_asks_too_late,
    _omar_wants_to_post,
    _dev_wants_to_release,
    _dev_asks_for_an_analyst,
    _uma_is_given_reports,
    _wanda_waits_for_bo,
    _hugo_waits_for_bo,
    _zoe_waits_for_bo,
    _mara_becomes_administrator,
    _noor_waits_for_bo,
    _hugo_wants_to_stay_administrator,
    _hugo_keeps_reading,
    _hugo_follows_a_link,
    _mara_gets_half_a_kit,
    _theo_goes_too_far,
    _theo_gives_the_lists_back,
    _lena_needs_the_terminals,
    _jon_cannot_build,
    _ravi_could_not_build,
    _wanda_is_about_to_build,
    _wanda_had_enough_design,
    _ravi_is_on_call,
    _kai_asks_again,
    _zoe_asks_nobody,
    _noor_asks_nobody,
    _zoe_reads_payroll,
    _newcomers_are_welcomed,
    _eli_looks_in,
    _eli_plans_with_us,
    _dana_wants_to_plan,
    _dana_knocks,
    _noor_runs_the_project,
)
