"""Which function measures which figure."""

from collections.abc import Callable

from bench import expiry, lives, pages, reads
from bench.measure import Row
from bench.size import Size

FIGURES: dict[str, Callable[[Size], list[Row]]] = {
    "P1": reads.my_access,
    "P3": reads.inbox,
    "P4": pages.run,
    "P5": lives.run,
    "P6": lambda size: expiry.run(size, due=size.assignments // 10),
}
