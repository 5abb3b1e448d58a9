"""Through which groups a person is in a group that holds others."""

from collections import defaultdict, deque
from collections.abc import Iterable
from uuid import UUID

from entitlements.directory.models import Group, GroupNesting, Membership, User

Way = tuple[Group, ...]


def ways_into(group_ids: Iterable[UUID], user: User) -> dict[UUID, Way]:
    """Return, for each group that a person is in, the shortest way down to his own membership.

    A way begins with the group itself and ends with the one that he is a member of.
    """
    around = {group.pk: group for group in Group.objects.containing(user)}
    own = set(Membership.objects.filter(user=user).values_list("group", flat=True))
    inside: dict[UUID, list[UUID]] = defaultdict(list)
    nestings = GroupNesting.objects.filter(parent__in=around, child__in=around)
    for parent, child in nestings.order_by("child__name").values_list("parent", "child"):
        inside[parent].append(child)
    wanted = [key for key in group_ids if key in around]
    return {key: tuple(around[step] for step in _shortest(key, own, inside)) for key in wanted}


def _shortest(start: UUID, ends: set[UUID], inside: dict[UUID, list[UUID]]) -> list[UUID]:
    """Return the shortest way from a group to one of `ends`, of which there is always one."""
    ways, seen = deque([[start]]), {start}
    while ways[0][-1] not in ends:
        way = ways.popleft()
        for child in inside[way[-1]]:
            if child not in seen:
                seen.add(child)
                ways.append([*way, child])
    return ways[0]
