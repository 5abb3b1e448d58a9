"""Names that may exist only once, also when two people choose the same at the same moment."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError

from entitlements.decisions import Decision, Denied, deny


def name_taken(name: str) -> Decision:
    """Answer that something of this name exists already."""
    return deny("name_taken", f"“{name}” exists already.", "Choose another name.")


@contextmanager
def one_per_name(name: str) -> Iterator[None]:
    """Around a whole operation: turn the database's refusal of a twin into a polite one."""
    try:
        yield
    except IntegrityError as error:
        if "unique" not in str(error).lower():
            raise
        raise Denied(name_taken(name)) from error
