"""What must hold before somebody asks, in words, with the way on where it does not."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse

from entitlements.directory.models import User
from entitlements.policies.separation import Clash, Missing, Separation, either
from portal import dates


@dataclass(frozen=True)
class Check:
    """One thing that must hold before somebody asks; with a way on where it does not."""

    is_met: bool
    text: str
    remedy: str = ""
    url: str = ""
    action: str = ""
    code: str = ""
    more: tuple[tuple[str, str], ...] = ()


def separation_checks(separation: Separation, target: User, *, is_own: bool) -> Iterator[Check]:
    """Yield what clashes and what is missing, in words for whoever asks; nothing otherwise."""
    who, has = ("you", "hold") if is_own else (str(target), "holds")
    for clash in separation.clashes:
        yield _clash(clash, f"{who} {has}", is_own=is_own)
    for missing in separation.missing:
        yield _missing(missing, who, is_own=is_own, target=target)


def _clash(clash: Clash, holds: str, *, is_own: bool) -> Check:
    other = f"being in the group {clash.other}" if clash.kind == "group" else clash.other
    if clash.excepted_until:
        until = dates.exact(clash.excepted_until)
        return Check(True, f"It clashes with {other}, which an exception allows until {until}.")
    through = f": {clash.through}" if clash.through else ""
    keepers = f"The owners of {clash.keeper} can change the clash or allow an exception."
    if clash.kind == "group":
        return Check(False, f"It clashes with {other}.", keepers, code="clash")
    if clash.is_coming:
        text = f"It clashes with {other}, which is approved and starts later{through}."
        url = reverse("requests:detail", args=[clash.holding_id]) if is_own else ""
        return Check(False, text, keepers, url, "Open that request", "clash")
    text = f"It clashes with {other}, which {holds}{through}."
    url = reverse("access:give_back", args=[clash.holding_id]) if is_own else ""
    return Check(False, text, keepers, url, f"Give back {clash.other}", "clash")


def _missing(missing: Missing, who: str, *, is_own: bool, target: User) -> Check:
    does = "do not" if is_own else "does not"
    query = "" if is_own else f"?for={target.pk}"
    names = either(name for _, name in missing.options)
    links = [
        (reverse("packages:detail", args=[key]) + query, f"Ask for {name}")
        for key, name in missing.options
    ]
    (url, action), *more = links
    if more:
        text = f"It requires {names}, and {who} {does} hold any of them."
    else:
        text = f"It requires {names}, which {who} {does} hold."
    return Check(False, text, "", url, action, "prerequisite_missing", tuple(more))
