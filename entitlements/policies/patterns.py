"""Patterns that answers must match, in an engine whose time grows with the text and no faster."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import re2

from entitlements.decisions import Reason

LONGEST_PATTERN: Final = 500
MEMORY: Final = 1 << 20


def fits(pattern: str, text: str) -> bool:
    """Say whether a whole text matches a pattern that `pattern_fits` has accepted."""
    return _compiled(pattern).fullmatch(text) is not None


def pattern_fits(pattern: str) -> Iterator[Reason]:
    """Yield what speaks against a pattern."""
    if len(pattern) > LONGEST_PATTERN:
        yield Reason(
            "pattern_too_long",
            f"The pattern has {len(pattern):,} characters; at most {LONGEST_PATTERN} are read.",
            "Shorten it.",
        )
        return
    try:
        _compiled(pattern)
    except (re2.error, UnicodeEncodeError) as error:
        yield Reason(
            "pattern_unusable",
            f"The pattern cannot be read: {_words(error)}.",
            "References back to a group and looking around are not known here.",
        )


def _words(error: Exception) -> str:
    first = error.args[0]
    return first.decode(errors="replace") if isinstance(first, bytes) else "it is no text"


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MEMORY
    return re2.compile(pattern, options)
