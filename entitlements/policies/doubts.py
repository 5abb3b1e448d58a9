"""Stages that some requests, or all, would wait in for nobody: told while a policy is edited.

A doubt is no refusal: people come and go, and what is true today may not be tomorrow.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from entitlements.catalog.extension_models import CustomExtension, OnTimeout
from entitlements.catalog.models import AccessPackage
from entitlements.decisions import Reason
from entitlements.directory.models import User, UserQuerySet, UserType
from entitlements.directory.organizations.models import ConnectedOrganization
from entitlements.policies import approvers
from entitlements.policies.admission import admitted_by_terms
from entitlements.policies.stage_terms import (
    EXTERNAL_SPONSORS,
    INTERNAL_SPONSORS,
    MANAGER,
    OF_ORGANIZATION,
    RELATIONS,
    SECOND_MANAGER,
    SPONSORS,
    ApproverTerms,
    StageTerms,
)
from entitlements.policies.terms import EXTERNAL, INTERNAL, PolicyTerms

NAME_SOMEBODY = "Name somebody else for it as well."


def doubts(terms: PolicyTerms, package: AccessPackage) -> list[Reason]:
    """Return where nobody could ask or decide, as things are now: by a few queries per stage."""
    asking: UserQuerySet = User.objects.active().filter(admitted_by_terms(terms))
    stages = [
        doubt
        for position, stage in enumerate(terms.stages, start=1)
        for doubt in (
            _about_extension(stage, stage.extension_id, f"stage {position}", package)
            if stage.extension_id
            else _about(stage, f"stage {position}", asking, package)
        )
    ]
    return [*_of_nobody(terms, asking), *_of_outsiders(terms, package), *stages]


def _of_nobody(terms: PolicyTerms, asking: UserQuerySet) -> Iterator[Reason]:
    """Say when nobody is in scope; people from outside may still come who have no account yet."""
    if terms.scope in INTERNAL and not asking.exists():
        yield Reason(
            "scope_fits_nobody",
            "Nobody who may ask is there now: the groups are empty, or the people have left.",
            "Name others as well.",
        )


def _of_outsiders(terms: PolicyTerms, package: AccessPackage) -> Iterator[Reason]:
    """Say what does not go together with whether people from outside may ask."""
    if terms.scope in EXTERNAL and not package.catalog.is_external:
        yield Reason(
            "catalog_closed_to_outsiders",
            f"The catalog {package.catalog} is not open to people from outside, "
            "and nobody else may ask under this policy.",
            "Its owners can open it.",
        )
    if terms.scope not in INTERNAL:
        return
    for position, stage in enumerate(terms.stages, start=1):
        if any(approver.kind in OF_ORGANIZATION for approver in stage.approvers):
            yield Reason(
                "sponsors_without_organization",
                f"Stage {position} asks sponsors of a connected organization, and this policy is "
                "for people inside, who belong to none.",
                "Ask somebody else, or let people from outside ask under this policy.",
            )


def _about_extension(
    stage: StageTerms, extension_id: UUID, name: str, package: AccessPackage
) -> Iterator[Reason]:
    """Say what happens where the extension that says who approves gives no answer."""
    extension = CustomExtension.objects.filter(pk=extension_id).first()
    if extension is None:
        return
    is_related = any(not approver.is_sure for approver in stage.approvers)
    sure = [_entry(approver) for approver in stage.approvers if approver.is_sure]
    has_fallback = is_related or bool(approvers.named(sure, package))
    if not extension.is_enabled:
        follows = "its fallbacks decide" if has_fallback else "the request fails"
        yield Reason(
            "extension_off",
            f"“{extension}”, which says who approves {name}, is off: {follows}.",
            "Its owners can switch it on.",
        )
    elif not has_fallback and extension.on_timeout == OnTimeout.CONTINUE:
        yield Reason(
            "extension_without_fallback",
            f"Where “{extension}” gives no answer nobody decides {name}, and the request fails.",
            NAME_SOMEBODY,
        )


def _about(
    stage: StageTerms, name: str, asking: UserQuerySet, package: AccessPackage
) -> Iterator[Reason]:
    kinds = [approver.kind for approver in stage.approvers if not approver.is_sure]
    sure = [approver for approver in stage.approvers if approver.is_sure]
    people = {user.pk for user in approvers.named([_entry(one) for one in sure], package)}
    if not people and not kinds:
        yield Reason(
            "stage_undecidable",
            f"Nobody who is named for {name} can decide: they have left, or their group is empty.",
            NAME_SOMEBODY,
        )
        return
    alone = asking.exclude(_related(kinds)) if kinds else asking
    yield from _of_those(alone, people, kinds, name)
    if not kinds:
        yield from _too_few(stage, name, package)


def _of_those(
    alone: UserQuerySet, people: set[UUID], kinds: list[str], name: str
) -> Iterator[Reason]:
    """Say what happens to people for whom only those decide who are named for everyone."""
    if not people:
        number = alone.count()
        if number:
            yield Reason(
                "stage_undecidable_for_some",
                f"For {_counted(number)} who may ask nobody could decide {name}: "
                f"they have no {_listed(kinds)}.",
                NAME_SOMEBODY,
            )
    elif len(people) == 1:
        only = alone.filter(pk__in=people).first()
        if only and alone.count() == 1:
            yield Reason(
                "stage_decided_by_the_only_one_who_asks",
                f"{only} is the only one who decides {name}, and the only one who may ask.",
                NAME_SOMEBODY,
            )
        elif only:
            yield Reason(
                "stage_decided_by_one_who_asks",
                f"Only {only} decides {name}; when {only} asks, nobody can.",
                NAME_SOMEBODY,
            )


def _too_few(stage: StageTerms, name: str, package: AccessPackage) -> Iterator[Reason]:
    """Compare a quorum with the people of the first list, if that is known."""
    first = approvers.named([_entry(one) for one in stage.asked()], package)
    if stage.quorum and 0 < len(first) < stage.quorum:
        yield Reason(
            "quorum_out_of_reach",
            f"{stage.quorum} have to approve {name}, and only {_counted(len(first))} can be asked; "
            "then all of these have to.",
            "Name more people, or ask for fewer.",
        )


def _related(kinds: list[str]) -> Q:
    """Return the condition of having somebody of one of these relations who is active."""
    sponsors = User.objects.active().filter(sponsored=OuterRef("pk"))
    inside = ConnectedOrganization.internal_sponsors.through
    outside = ConnectedOrganization.external_sponsors.through
    conditions = {
        MANAGER: Q(manager__is_active=True),
        SECOND_MANAGER: Q(manager__manager__is_active=True),
        SPONSORS: Q(Exists(sponsors)),
        INTERNAL_SPONSORS: Q(Exists(_sponsoring(inside, user__user_type=UserType.MEMBER))),
        EXTERNAL_SPONSORS: Q(Exists(_sponsoring(outside, user__organization=SAME))),
    }
    condition = Q()
    for kind in kinds:
        condition |= conditions[kind]
    return condition


SAME: Final = OuterRef("organization")


def _sponsoring(sponsors: type[Model], **is_still: Any) -> QuerySet[Model]:
    """Return the active sponsors of somebody's organization who are still what they have to be."""
    rows = sponsors._default_manager.filter(connectedorganization=SAME, user__is_active=True)
    return rows.filter(**is_still)


def _entry(approver: ApproverTerms) -> dict[str, Any]:
    entry = asdict(approver)
    return {**entry, "user": entry["user_id"], "group": entry["group_id"]}


def _counted(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"


def _listed(kinds: list[str]) -> str:
    return " and no ".join(RELATIONS[kind].removeprefix("the ") for kind in dict.fromkeys(kinds))
