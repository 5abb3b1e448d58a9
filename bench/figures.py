"""Which function measures which figure."""

from collections.abc import Callable

from bench import expiry, lives
from bench.measure import Row
from bench.size import Size

FIGURES: dict[str, Callable[[Size], list[Row]]] = {
    "P5": lives.run,
    "P6": lambda size: expiry.run(size, due=size.assignments // 10),
}
