"""Create, change, test and delete custom extensions, and change their secrets."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from django.db import transaction

from entitlements import clock
from entitlements.audit import trail
from entitlements.catalog import operations as catalogs
from entitlements.catalog.extension_models import (
    LONGEST_WAIT,
    Behaviour,
    CustomExtension,
    ExtensionKind,
    ExtensionResponse,
    OnTimeout,
)
from entitlements.catalog.models import Catalog
from entitlements.catalog.permissions import can
from entitlements.decisions import Decision, Reason, collect, deny
from entitlements.directory.models import User
from entitlements.naming import name_taken, one_per_name
from entitlements.systems.outgoing import address_fits
from entitlements.terms import Terms, name_fits, text_fits

MOST_EXTENSIONS: Final = 500
MOST_WAIT_MINUTES: Final = LONGEST_WAIT // timedelta(minutes=1)
MOST_OVERLAP_HOURS: Final = 14 * 24


@dataclass(frozen=True)
class ExtensionTerms(Terms):
    """What owners enter about an extension; `wait_minutes` only where an answer is waited for."""

    name: str
    url: str
    kind: str = ExtensionKind.REQUEST_WORKFLOW
    description: str = ""
    behaviour: str = Behaviour.LAUNCH_AND_CONTINUE
    response: str = ExtensionResponse.OUTCOME
    wait_minutes: int | None = None
    on_timeout: str = OnTimeout.FAIL
    is_enabled: bool = True

    def check(self) -> Decision:
        """Say what speaks against these words."""
        words = (*name_fits(self.name), *text_fits(self.description), *self._choices_fit())
        return collect(words) + address_fits(self.url)

    def _choices_fit(self) -> Iterator[Reason]:
        known = (
            (self.kind, ExtensionKind.values),
            (self.behaviour, Behaviour.values),
            (self.response, ExtensionResponse.values),
            (self.on_timeout, OnTimeout.values),
        )
        if any(choice not in choices for choice, choices in known):
            yield Reason(
                "unknown_choice", "There is no such choice.", "Choose one of those listed."
            )
        waits = self.behaviour == Behaviour.LAUNCH_AND_WAIT
        if waits and self.kind == ExtensionKind.PRE_EXPIRATION:
            yield Reason(
                "nothing_to_wait_with",
                "Before access ends nothing is held up, so no answer is waited for.",
                "Choose “Call it and go on”.",
            )
        if self.response == ExtensionResponse.APPROVAL_STAGE and not waits:
            yield Reason(
                "who_approves_is_waited_for",
                "Only an answer says who approves.",
                "Choose “Call it and wait for its answer”.",
            )
        if waits and not 1 <= (self.wait_minutes or 0) <= MOST_WAIT_MINUTES:
            yield Reason(
                "wait_out_of_range",
                "An answer is waited for from 1 minute to 14 days.",
                "Choose a time between the two.",
            )


def create_extension(
    catalog: Catalog, terms: ExtensionTerms, *, by: User
) -> tuple[CustomExtension, str]:
    """Create an extension; return it with its secret, which is never shown again."""
    with one_per_name(terms.name):
        return _create(catalog, terms, by)


@transaction.atomic(durable=True)
def _create(catalog: Catalog, terms: ExtensionTerms, by: User) -> tuple[CustomExtension, str]:
    catalog = catalogs.locked(catalog)
    can(by, "change_catalog", catalog).require()
    terms = _tidy(terms)
    terms.check().require()
    if CustomExtension.objects.count() >= MOST_EXTENSIONS:
        deny(
            "too_many_extensions",
            f"There can be at most {MOST_EXTENSIONS} extensions.",
            "Delete one that is not used any more.",
        ).require()
    extension = CustomExtension(catalog=catalog)
    _refuse_twin(extension, terms)
    terms.write_to(extension)
    secret = extension.renew_secret()
    extension.save(force_insert=True)
    trail.record("extension.created", extension, by=by, catalog=str(catalog), **terms.as_dict())
    return extension, secret


def change_extension(
    extension: CustomExtension, terms: ExtensionTerms, *, by: User
) -> CustomExtension:
    """Change an extension, for calls to come; its kind, and what its answer says, stay."""
    with one_per_name(terms.name):
        return _change(extension, terms, by)


@transaction.atomic(durable=True)
def _change(extension: CustomExtension, terms: ExtensionTerms, by: User) -> CustomExtension:
    extension = locked(extension)
    can(by, "change_catalog", extension.catalog).require()
    terms = _tidy(terms)
    terms.check().require()
    if (terms.kind, terms.response) != (extension.kind, extension.response):
        deny(
            "kind_is_fixed",
            "When an extension is called, and what its answer says, cannot be changed.",
            "Create another extension instead.",
        ).require()
    _refuse_twin(extension, terms)
    changes = terms.since(ExtensionTerms.of(extension))
    if changes:
        terms.write_to(extension)
        extension.save(update_fields=list(changes))
        trail.record("extension.changed", extension, by=by, changes=changes)
    return extension


@transaction.atomic(durable=True)
def change_secret(extension: CustomExtension, *, by: User, overlap_hours: int = 24) -> str:
    """Return a new secret, which is never shown again; the old one counts for some hours more."""
    extension = locked(extension)
    can(by, "change_catalog", extension.catalog).require()
    if not 0 <= overlap_hours <= MOST_OVERLAP_HOURS:
        deny(
            "overlap_out_of_range",
            "The old secret can count for at most 14 days more.",
            "Choose fewer days.",
        ).require()
    until = clock.now() + timedelta(hours=overlap_hours) if overlap_hours else None
    secret = extension.renew_secret(previous_until=until)
    extension.save(update_fields=["sealed_secret", "sealed_previous_secret", "previous_until"])
    trail.record("extension.secret_changed", extension, by=by, previous_until=until)
    return secret


@transaction.atomic(durable=True)
def delete_extension(extension: CustomExtension, *, by: User) -> None:
    """Delete an extension that no policy calls and that was never called for anybody."""
    extension = locked(extension)
    can(by, "change_catalog", extension.catalog).require()
    collect((_is_not_attached(extension), _was_not_called(extension))).require()
    terms = ExtensionTerms.of(extension).as_dict()
    trail.record("extension.deleted", extension, by=by, **terms)
    extension.delete()


def locked(extension: CustomExtension) -> CustomExtension:
    """Within the caller's transaction: return the fresh row, kept from other writers."""
    return (
        CustomExtension.objects.select_for_update(of=("self",))
        .select_related("catalog")
        .get(pk=extension.pk)
    )


def _tidy(terms: ExtensionTerms) -> ExtensionTerms:
    """Return the terms without a time to wait where nothing is waited for."""
    waits = terms.behaviour == Behaviour.LAUNCH_AND_WAIT
    return terms if waits else replace(terms, wait_minutes=None)


def _refuse_twin(extension: CustomExtension, terms: ExtensionTerms) -> None:
    beside = extension.catalog.extensions.exclude(pk=extension.pk)
    if beside.filter(name__iexact=terms.name).exists():
        name_taken(terms.name).require()


def _is_not_attached(extension: CustomExtension) -> Reason | None:
    attached = extension.attachments.select_related("policy__package").order_by("pk").first()
    named = extension.deciding_stages.select_related("policy__package").order_by("pk").first()
    found = attached or named
    if found is None:
        return None
    policy = found.policy
    return Reason(
        "extension_attached",
        f"The policy {policy} of {policy.package} calls it.",
        "Take it out of the policy first.",
    )


def _was_not_called(extension: CustomExtension) -> Reason | None:
    if not extension.callouts.for_access().exists():
        return None
    return Reason(
        "extension_used",
        "It was called about somebody’s access, which stays in the records.",
        "Switch it off instead.",
    )
