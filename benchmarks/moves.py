"""Moves: the one door for a change of stage, beside the two statements no move can do without."""

import time
from collections.abc import Iterator

from django.db import connection, transaction

from balai.collaborations.actions import make_move
from balai.collaborations.models import Collaboration
from balai.people.models import Role
from benchmarks import city
from benchmarks.measure import cost, heading, line, milliseconds, queries


def run() -> None:
    """Return applications for completion: rule, conditional update, ledger entry, all in one transaction."""
    heading("Moves", "  CPU ms", "a second", "queries")
    bureau = city.person(Role.BUREAU)
    rows: Iterator[Collaboration] = iter(
        Collaboration.objects.select_related("scheme_version", "partner", "agency", "city")
        .filter(stage__in=("screening", "review"), invented=True)
        .order_by("pk")
    )

    def back() -> None:
        row = next(rows)
        make_move(collaboration=row, move="return", by=bureau, seen=row.stage, reason="Lampiran kurang.")

    with queries() as sent:
        back()
    spent = cost(back, most=80)
    line("make_move", milliseconds(spent.middle), f"{1 / spent.middle:8.0f}", f"{len(sent):7}")

    pk = Collaboration.objects.values_list("pk", flat=True)[0]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bare_moves (at REAL, text TEXT)")

    def bare() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            Collaboration.objects.filter(pk=pk, stage="x").update(stage="x")
            cursor.execute("INSERT INTO bare_moves VALUES (%s, %s)", [time.time(), "x" * 300])

    floor = cost(bare)
    line("conditional UPDATE and an INSERT", milliseconds(floor.middle), f"{1 / floor.middle:8.0f}")
    print(f"  a move costs {spent.middle / floor.middle:.1f} of these")
