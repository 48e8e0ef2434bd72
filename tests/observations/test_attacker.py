"""An attacker who asks everything that may be asked, of every day, span, grouping, measure and purpose.

Each row's measure is a power of two of its own, so a sum says exactly which rows it is of, whatever the code
meant it to be of. Rows that no answer tells apart form a class, and whatever is worked out of the answers, by
sums, differences or otherwise, is the same for all rows of a class: nothing can be learnt of fewer subjects
than the smallest class has that any answer counts.
"""

import hashlib
import random
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path

import duckdb
import pytest
from django.utils import timezone

from balai.observations.contracts import Contract, read_contract
from balai.observations.models import StoreFile
from balai.observations.release import Answer, ask, days_to_release, release_day
from balai.observations.store import columns_of, quoted
from tests.observations.test_contracts import changed

K = 3
DAYS = (date(2026, 3, 2), date(2026, 3, 3))
PURPOSES = ("planning", "indicators")
GROUPINGS = [by for size in range(5) for by in combinations(("zone", "day", "hour", "vehicle"), size)]
SPANS = [(DAYS[0], DAYS[0]), (DAYS[1], DAYS[1]), DAYS]


@dataclass(frozen=True)
class Sent:
    """A row; ``wait`` says whether it has the optional measure."""

    day: date
    zone: str
    hour: int
    vehicle: str
    subject: str
    wait: bool


def contract() -> Contract:
    return read_contract(
        changed(
            customProperties__4={"property": "k", "value": K},
            customProperties__5={"property": "purposes", "value": list(PURPOSES)},
        )
    )


def town(seed: int) -> list[Sent]:
    """A few people on the move for two days: cells of every size, most of them below k."""
    chance = random.Random(seed)
    people = [f"s{n}" for n in range(chance.randint(3, 9))]
    zones, hours = ["z1", "z2", "z3"][: chance.randint(1, 3)], [7, 8, 23][: chance.randint(1, 3)]
    return [
        Sent(
            chance.choice(DAYS),
            chance.choice(zones),
            chance.choice(hours),
            chance.choice(["car", "motorcycle"]),
            chance.choice(people),
            chance.random() < 0.4,
        )
        for _row in range(chance.randint(5, 50))
    ]


def store(root: Path, rows: list[Sent]) -> None:
    """Write the rows as the drainer would, the first day's before the optional measure came."""
    for day in DAYS:
        own = [(number, one) for number, one in enumerate(rows) if one.day == day]
        if not own:
            continue
        columns = [
            (name, kind) for name, kind in columns_of(contract()) if day == DAYS[1] or name != "wait_s"
        ]
        values = []
        for number, one in own:
            at = datetime(day.year, day.month, day.day, one.hour, 15) - timedelta(hours=7)
            told = {
                "event_id": f"e{number}",
                "at": at.isoformat(),
                "zone": one.zone,
                "device": one.subject,
                "vehicle": one.vehicle,
                "distance_m": 1 << number,
                "wait_s": 1 << number if one.wait else None,
                "batch": "b",
                "received_at": at.isoformat(),
            }
            cells = ["NULL" if told[name] is None else f"'{told[name]}'" for name, _kind in columns]
            values.append(f"({', '.join(cells)})")
        listed = ", ".join(f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in columns)
        names = ", ".join(quoted(name) for name, _kind in columns)
        path = root / f"{day}.parquet"
        source = f"SELECT {listed} FROM (VALUES {', '.join(values)}) AS t({names})"
        duckdb.execute(f"COPY ({source}) TO '{path}' (FORMAT parquet)")
        morning = datetime(day.year, day.month, day.day, tzinfo=UTC)
        StoreFile.objects.create(
            table=contract().table, day=day, path=path.name, rows=len(own), bytes=1, first_at=morning,
            last_at=morning, made_at=timezone.now(),
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        )  # fmt: skip


def everything(measure: str) -> list[Answer]:
    return [
        ask(contract(), purpose=purpose, measure=measure, by=by, first=first, last=last)
        for purpose in PURPOSES
        for first, last in SPANS
        for by in GROUPINGS
    ]


def members(value: float | None) -> frozenset[int]:
    """The rows a sum is of."""
    assert value is None or value == int(value)
    left = int(value or 0)
    return frozenset(bit for bit in range(left.bit_length()) if left >> bit & 1)


def classes(answers: list[Answer]) -> list[frozenset[int]]:
    """The rows that some answer counts, by what no answer tells apart."""
    sums = [figure.value for answer in answers for figure in (*answer.figures, *filter(None, [answer.rest]))]
    columns: dict[int, set[int]] = defaultdict(set)
    for number, value in enumerate(sums):
        for row in members(value):
            columns[row].add(number)
    found: dict[frozenset[int], set[int]] = defaultdict(set)
    for row, seen in columns.items():
        found[frozenset(seen)].add(row)
    return [frozenset(rows) for rows in found.values()]


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(8))
def test_nothing_can_be_learnt_of_fewer_than_k(seed: int, tmp_path: Path) -> None:
    rows = town(seed)
    store(tmp_path, rows)
    for day in DAYS:
        release_day(contract(), day, root=tmp_path)

    for measure in ("distance_m", "wait_s"):
        answers = everything(measure)
        for found in classes(answers):
            assert len({rows[row].subject for row in found}) >= K, (measure, sorted(found))
            assert len({rows[row].day for row in found}) == 1
            assert measure == "distance_m" or all(rows[row].wait for row in found)
        purposes = len(answers) // len(PURPOSES)
        assert answers[:purposes] == answers[purposes:]


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(2))
def test_counts_and_means_tell_no_more_than_sums(seed: int, tmp_path: Path) -> None:
    """A figure's count is the number of the rows its sum is of, and its mean the one over the other."""
    store(tmp_path, town(seed))
    for day in DAYS:
        release_day(contract(), day, root=tmp_path)

    for by in GROUPINGS:
        for first, last in SPANS:
            asked = {"purpose": "planning", "by": by, "first": first, "last": last}
            rows = ask(contract(), aggregate="count", **asked)
            for measure in ("distance_m", "wait_s"):
                sums, counts, means = (
                    ask(contract(), measure=measure, aggregate=kind, **asked)
                    for kind in ("sum", "count", "mean")
                )
                for one, count, mean, of in zip(
                    sums.figures, counts.figures, means.figures, rows.figures, strict=True
                ):
                    bits = len(members(one.value))
                    assert (count.value, one.of, of.value) == (bits, of.of, of.of)
                    assert measure == "wait_s" or of.of == bits
                    assert mean.value == (one.value / bits if bits else None)


@pytest.mark.django_db
def test_what_comes_later_changes_no_answer(tmp_path: Path) -> None:
    """Two answers to one question, before and after one person's row came, would tell that row."""
    rows = [Sent(DAYS[0], "z1", 7, "car", f"s{n}", False) for n in range(4)]
    store(tmp_path, rows)
    release_day(contract(), DAYS[0], root=tmp_path)
    before = everything("distance_m")

    StoreFile.objects.all().delete()
    store(tmp_path, [*rows, Sent(DAYS[0], "z1", 7, "car", "s9", False)])
    release_day(contract(), DAYS[0], root=tmp_path)
    release_day(replace(contract(), k=1, version="1.1.0"), DAYS[0], root=tmp_path)

    assert everything("distance_m") == before
    assert days_to_release(contract()) == []
