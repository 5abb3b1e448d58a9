"""Whether somebody may keep what he has for longer: pure rules over plain facts.

All moments are aware; the facts are gathered by `entitlements.requests.candidates`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from entitlements.decisions import Decision, Reason, collect
from entitlements.policies.rules import text_fits, too_far_ahead, too_late
from entitlements.policies.separation import APART, Separation
from entitlements.policies.separation import speaks_against as keeps_apart


@dataclass(frozen=True)
class Extension:
    """What the rules need to know about somebody who asks to keep a package for longer."""

    package: str
    allows_extension: bool
    is_by_manager: bool
    is_policy_enabled: bool
    is_retired: bool
    is_in_scope: bool
    has_open_request: bool
    requires_justification: bool
    justification: str
    moment: datetime
    present_end: datetime | None
    wanted_end: datetime | None
    limit: datetime | None
    separation: Separation = APART


def extension_is_allowed(extension: Extension) -> Reason | None:
    is_allowed = extension.allows_extension or extension.is_by_manager
    if is_allowed and extension.is_policy_enabled:
        return None
    return Reason(
        "extension_not_allowed",
        f"{extension.package} cannot be extended under its policy.",
        "You can ask for it again when it has ended.",
    )


def package_is_not_retired(extension: Extension) -> Reason | None:
    if not extension.is_retired:
        return None
    return Reason(
        "package_retired",
        f"{extension.package} is retired: whoever holds it keeps it until its end, and no longer.",
        "Its catalog's owners can publish it again.",
    )


def still_in_scope(extension: Extension) -> Reason | None:
    if extension.is_in_scope:
        return None
    return Reason(
        "not_in_scope",
        f"This policy of {extension.package} is for other people now.",
        "The catalog's owners decide who may ask.",
    )


def no_open_request(extension: Extension) -> Reason | None:
    if not extension.has_open_request:
        return None
    return Reason(
        "already_requested",
        "A request about this access is on its way already.",
        "Wait for its outcome, or cancel it first.",
    )


def has_an_end(extension: Extension) -> Reason | None:
    if extension.present_end is not None:
        return None
    return Reason(
        "never_ends",
        f"{extension.package} has no end; there is nothing to extend.",
        "Nothing is to be done.",
    )


def extension_justified(extension: Extension) -> Reason | None:
    return text_fits(extension.justification, is_required=extension.requires_justification)


def ends_later(extension: Extension) -> Reason | None:
    end, present = extension.wanted_end or extension.limit, extension.present_end
    if end is None or present is None or end > present:
        return None
    return Reason(
        "not_later", "The new end is not later than the present one.", "Choose a later end."
    )


def extension_is_near(extension: Extension) -> Reason | None:
    return too_far_ahead(extension.wanted_end or extension.limit, moment=extension.moment)


def extension_within_limit(extension: Extension) -> Reason | None:
    if not (extension.limit and extension.wanted_end and extension.wanted_end > extension.limit):
        return None
    return too_late(extension.limit)


EXTENSION_RULES: tuple[Callable[[Extension], Reason | None], ...] = (
    extension_is_allowed,
    package_is_not_retired,
    still_in_scope,
    no_open_request,
    has_an_end,
    extension_justified,
    ends_later,
    extension_is_near,
    extension_within_limit,
)


def can_extend(extension: Extension) -> Decision:
    """Apply every rule for a longer stay, and return all the reasons at once."""
    apart = keeps_apart(extension.package, extension.separation)
    return collect((*(rule(extension) for rule in EXTENSION_RULES), *apart))
