"""How many things are wrong in each section of a long form."""

from collections.abc import Mapping, Sequence

from django import forms


def wrong_in(form: forms.Form, sections: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the number of errors of the fields of each section that has any."""
    if not form.is_bound:
        return {}
    counts = {
        section: sum(len(form.errors.get(name, ())) for name in names)
        for section, names in sections.items()
    }
    return {section: count for section, count in counts.items() if count}
