"""What a change of a package's roles would do, in sentences, as the viewer may read them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from entitlements.catalog.models import AccessPackage, ResourceRole
from entitlements.delivery.foreseeing import Added, if_added, if_removed
from entitlements.directory.models import User
from portal import wording
from portal.manage.naming import ELSEWHERE, names_for


@dataclass(frozen=True)
class Change:
    """One role that comes or goes, and what that would do, in sentences."""

    role: ResourceRole
    is_added: bool
    words: list[str]


@dataclass(frozen=True)
class Foreseen:
    """What saving a package would do to those who hold it.

    `key` is sent along when it was read, so that nothing is saved that nobody has read.
    """

    changes: list[Change]
    key: str
    is_held: bool

    @property
    def is_to_read(self) -> bool:
        return self.is_held and bool(self.changes)


def foreseen_of(
    package: AccessPackage,
    added: Sequence[ResourceRole],
    removed: Sequence[ResourceRole],
    viewer: User,
) -> Foreseen:
    """Say what it would do to let a package contain some roles, and others no more."""
    changes = [Change(role, True, added_words(package, role, viewer)) for role in added]
    changes += [Change(role, False, removed_words(package, role, viewer)) for role in removed]
    keys = sorted(f"{'+' if change.is_added else '-'}{change.role.pk}" for change in changes)
    return Foreseen(
        changes,
        key=sha256(" ".join(keys).encode()).hexdigest()[:16] if keys else "",
        is_held=package.assignments.live().exists(),
    )


def added_words(package: AccessPackage, role: ResourceRole, viewer: User) -> list[str]:
    """Say who gets a role with a package, who has it already, and who would then clash."""
    added = if_added(package, role)
    if not added.holders:
        return [f"Nobody holds {package} now. Whoever gets it gets {role} with it."]
    words = [f"{_people(added.gaining)} {_verb(added.gaining, 'get')} {role} within minutes."]
    if added.having:
        have = "has" if added.having == 1 else "have"
        words.append(f"{_people(added.having)} {have} it already, through another package.")
    return [*words, *_clash_words(added, package, viewer)]


def _clash_words(added: Added, package: AccessPackage, viewer: User) -> Iterator[str]:
    if not added.clash_count:
        return
    keys = [rival.pk for rival in added.rivals]
    names = names_for(viewer, [package.catalog_id], keys)
    rivals = _once(names.of(rival.pk, rival) for rival in added.rivals)
    people = [str(person) for person in added.clashing]
    rest = added.clash_count - len(people)
    named = wording.listed([*people, f"{rest} more"] if rest else people)
    count = _people(added.clash_count)
    yield f"{count} would then clash with {wording.listed(rivals)}: {named}."


def removed_words(package: AccessPackage, role: ResourceRole, viewer: User) -> list[str]:
    """Say who loses a role with a package, and who keeps it for which reason."""
    removed = if_removed(package, role)
    if not removed.holders:
        return [f"Nobody holds {package} now, so that nobody loses it."]
    words = [f"{_people(removed.losing)} {_verb(removed.losing, 'lose')} it within minutes."]
    if removed.keeping:
        keep = _verb(removed.keeping, "keep")
        through = wording.listed(_named(removed.through, viewer))
        words.append(f"{_people(removed.keeping)} {keep} it through {through}.")
    if removed.held_before:
        keep = _verb(removed.held_before, "keep")
        words.append(f"{_people(removed.held_before)} had it before, and {keep} it.")
    return words


def _named(packages: Iterable[AccessPackage], viewer: User) -> list[str]:
    """Return the names of packages that the viewer looks into, and that there are others."""
    found = list(packages)
    seen = AccessPackage.objects.visible_to(viewer).filter(pk__in=[one.pk for one in found])
    keys = set(seen.values_list("pk", flat=True))
    names = [str(one) for one in found if one.pk in keys]
    return names if len(names) == len(found) else [*names, ELSEWHERE]


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _people(count: int) -> str:
    people = wording.people(count)
    return people[0].upper() + people[1:]


def _verb(count: int, verb: str) -> str:
    return f"{verb}s" if count < 2 else verb
