"""`python -m bench [P1 P3 …] [--people N] [--assignments N]`: print the table of figures.

Needs DATABASE_URL to name a PostgreSQL database that may be emptied: its name must contain "bench".
"""

import argparse
import os
import sys

import django

HEAD = "| # | operation | ours | raw SQL | ratio | goal | holds |\n|---|---|---|---|---|---|---|"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("figures", nargs="*", default=["P1", "P3", "P4", "P5", "P6"])
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--packages", type=int, default=1_000)
    parser.add_argument("--assignments", type=int, default=100_000)
    parser.add_argument("--keep", action="store_true", help="use the tenant that is there")
    chosen = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()

    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from bench import figures, tenant  # noqa: PLC0415  # after django.setup()
    from bench.size import Size  # noqa: PLC0415

    if connection.vendor != "postgresql" or "bench" not in connection.settings_dict["NAME"]:
        print("DATABASE_URL must name a PostgreSQL database with “bench” in its name.")
        return 2
    size = Size(chosen.people, chosen.packages, chosen.assignments)
    call_command("migrate", verbosity=0)
    if not chosen.keep:
        tenant.empty()
        tenant.build(size)
    print(HEAD)
    failed = False
    for number in chosen.figures:
        for row in figures.FIGURES[number](size):
            print(row, flush=True)
            failed |= not row.holds
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
