"""Numbers beside the rows of a list, by one subquery each."""

from typing import Any

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce


def count_of(rows: QuerySet[Any], per: str, *, of: str = "pk") -> Coalesce:
    """Return an expression that counts `rows`, or the different `of` among them, per outer row."""
    grouped = rows.filter(**{per: OuterRef("pk")}).order_by().values(per)
    counts = grouped.annotate(number=Count(of, distinct=True)).values("number")
    return Coalesce(Subquery(counts, output_field=IntegerField()), 0)
