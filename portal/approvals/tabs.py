"""The tabs of an approver's pages."""

from typing import Any

from django.urls import reverse


def tabs(current: str, waiting: int) -> list[dict[str, Any]]:
    """Return the tabs, one of them current; `waiting` is how much is to be decided."""
    return [
        {"label": label, "url": reverse(name), "count": count, "is_current": name == current}
        for label, name, count in (
            ("Pending", "approvals:index", waiting),
            ("Decided", "approvals:decided", None),
            ("Stand-in", "approvals:delegation", None),
        )
    ]
