"""The ledger: one append in a transaction of its own, and a pass over the whole chain."""

import datetime as dt
import time
from hashlib import sha256

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from balai.core import ledger
from balai.core.models import Entry
from balai.demo.scale import _Fact, chain
from benchmarks.measure import cost, heading, line, milliseconds, once

LENGTH = 100_000


def run() -> None:
    """Appends a second against bare inserts; verifying 100,000 entries against reading and hashing them."""
    heading("Ledger", " CPU ms", "  a second")
    row = next(iter(Entry.objects.order_by("-seq").values_list()[:1]))
    columns = ", ".join(str(field.column) for field in Entry._meta.concrete_fields)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bare AS SELECT {columns} FROM core_entry WHERE 0")
    places = ", ".join(["%s"] * len(row))
    values = [value if isinstance(value, int | str | bool | None) else str(value) for value in row]

    def bare() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO bare VALUES ({places})", values)

    def append() -> None:
        with transaction.atomic():
            ledger.append(verb="scheme.published", subject="scheme:0", by=None, data={"key": "playground"})

    floor, full = cost(bare, most=2000), cost(append, most=2000)
    line("bare INSERT, one a transaction", milliseconds(floor.middle), f"{1 / floor.middle:9.0f}")
    line("append, one a transaction", milliseconds(full.middle), f"{1 / full.middle:9.0f}")
    print(f"  an append costs {full.middle / floor.middle:.1f} bare inserts")

    missing = LENGTH - Entry.objects.count()
    start = timezone.now() - dt.timedelta(days=1)
    facts = (
        _Fact(
            start + dt.timedelta(milliseconds=n),
            "scheme.published",
            f"scheme:{n}",
            None,
            "",
            None,
            True,
            {"n": n},
        )
        for n in range(missing)
    )
    with transaction.atomic():
        chain(facts, city=settings.DEFAULT_CITY)
    wall = time.monotonic()
    result, seconds = once(ledger.verify)
    wall = time.monotonic() - wall
    _rows, plain = once(_read_and_hash)
    line(f"verify {result.checked:,} entries", f"{seconds * 1000:8.0f}", f"{result.checked / seconds:9.0f}")
    line("read and hash the same rows", f"{plain * 1000:8.0f}", f"{result.checked / plain:9.0f}")
    print(
        f"  whole: {result.whole}; {wall:.2f} s on the clock; {seconds / plain:.1f} times the plain reading"
    )


def _read_and_hash() -> int:
    count = 0
    with connection.cursor() as cursor:
        cursor.execute(ledger.SELECT[connection.vendor])
        while rows := cursor.fetchmany(2000):
            for row in rows:
                sha256(repr(row).encode()).hexdigest()
                count += 1
    return count
