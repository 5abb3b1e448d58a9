"""Find what leads back to itself: managers of managers, groups in groups."""

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def circle_members(above: Mapping[Node, Node | None]) -> set[Node]:
    """Return every node of a chain that comes back to itself; each node has one above at most."""
    found: set[Node] = set()
    finished: set[Node] = set()
    for start in above:
        path: dict[Node, int] = {}
        node: Node | None = start
        while node is not None and node not in finished and node not in path:
            path[node] = len(path)
            node = above.get(node)
        if node is not None and node in path:
            found.update(list(path)[path[node] :])
        finished.update(path)
    return found


def settled_above(
    wanted: Mapping[Node, Node | None], stored: Mapping[Node, Node | None]
) -> tuple[dict[Node, Node | None], set[Node]]:
    """Return what may be written, and for whom not what was wanted.

    Who is part of a circle keeps what is stored; when that is a circle itself, he gets nobody.
    """
    settled = dict(wanted)
    refused: set[Node] = set()
    while circle := circle_members(settled):
        refused |= circle
        changed = {node for node in circle if settled[node] != stored.get(node)}
        for node in changed or circle:
            settled[node] = stored.get(node) if changed else None
    return settled, refused


def links_in_circles(links: Iterable[tuple[Node, Node]]) -> set[tuple[Node, Node]]:
    """Return every link that is part of some circle; a node has any number of links."""
    below: dict[Node, list[Node]] = {}
    for parent, child in links:
        below.setdefault(parent, []).append(child)
    part = _strongly_connected(below)
    return {
        (parent, child)
        for parent, children in below.items()
        for child in children
        if part[parent] == part[child]
    }


def _strongly_connected(below: Mapping[Node, list[Node]]) -> dict[Node, int]:
    """Number the parts in which every node leads to every other, after Kosaraju."""
    order = _finishing_order(below)
    above: dict[Node, list[Node]] = {}
    for parent, children in below.items():
        for child in children:
            above.setdefault(child, []).append(parent)
    part: dict[Node, int] = {}
    for number, start in enumerate(reversed(order)):
        waiting = [start]
        while waiting:
            node = waiting.pop()
            if node not in part:
                part[node] = number
                waiting.extend(above.get(node, []))
    return part


def _finishing_order(below: Mapping[Node, list[Node]]) -> list[Node]:
    """Return all nodes, each after those below it that were not met before."""
    order: list[Node] = []
    met: set[Node] = set()
    for start in below:
        waiting: list[tuple[Node, bool]] = [(start, False)]
        while waiting:
            node, is_finished = waiting.pop()
            if is_finished:
                order.append(node)
            elif node not in met:
                met.add(node)
                waiting.append((node, True))
                waiting.extend((child, False) for child in below.get(node, []))
    return order
