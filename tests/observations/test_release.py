"""What leaves: atoms of k subjects or more, for a purpose, fixed; and an attacker who asks everything."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from balai.observations.atoms import Atom, Day, atoms_of, column
from balai.observations.contracts import Contract, read_contract
from balai.observations.store import columns_of, connect
from tests.observations.test_contracts import changed

K = 3
DAY = date(2026, 3, 2)
JAKARTA = ZoneInfo("Asia/Jakarta")


def contract() -> Contract:
    return read_contract(
        changed(
            customProperties__4={"property": "k", "value": K},
            customProperties__5={"property": "purposes", "value": ["planning"]},
        )
    )


Row = tuple[str, int, str, str, int]
"""Zone, local hour, vehicle, subject, metres."""


def counted(rows: list[Row]) -> tuple[list[Atom], int]:
    """The day's atoms, counted by the engine from rows as the store holds them (UTC)."""
    engine = connect(1)
    names = dict(columns_of(contract()))
    listed = ", ".join(f'"{name}" {kind}' for name, kind in names.items())
    engine.execute(f"CREATE TABLE stored ({listed})")
    for number, (zone, hour, vehicle, subject, metres) in enumerate(rows):
        at = datetime(2026, 3, 2, hour, 15, tzinfo=JAKARTA).astimezone(UTC).replace(tzinfo=None)
        engine.execute(
            "INSERT INTO stored VALUES (?, ?, ?, ?, ?, ?, NULL, 'b', ?)",
            [f"e{number}", at, zone, subject, vehicle, metres, at],
        )
    views = ", ".join(f'"{name}" AS {column(name)}' for name in names)
    engine.execute(f"CREATE VIEW rows AS SELECT {views} FROM stored")
    found = atoms_of(lambda sql: engine.execute(sql).fetchall(), contract(), DAY.isoformat(), 7)
    engine.close()
    return found


def test_a_cell_of_k_subjects_is_told_and_smaller_ones_go_together() -> None:
    big = [("z1", 8, "car", f"s{n}", 100) for n in range(3)]
    small = [("z1", 9, "car", "s1", 10), ("z1", 10, "car", "s2", 20), ("z1", 11, "motorcycle", "s3", 40)]
    lonely = [("z2", 8, "car", "s1", 1000)]

    atoms, unknown = counted(big + small + lonely)

    assert atoms == [
        Atom("cell", "z1", 8, ("car",), 3, (300, 0), (3, 0)),
        Atom("zone", "z1", -1, (), 3, (70, 0), (3, 0)),
    ]
    assert unknown == 1


def test_zones_below_k_reach_it_together() -> None:
    atoms, unknown = counted([(f"z{n}", 8, "car", f"s{n}", 10) for n in range(3)])

    assert (atoms, unknown) == ([Atom("day", "", -1, (), 3, (30, 0), (3, 0))], 0)


def test_subjects_count_once_however_many_rows_they_send() -> None:
    atoms, unknown = counted([("z1", hour, "car", "one person", 10) for hour in range(20)])

    assert (atoms, unknown) == ([], 20)


def test_a_day_is_the_local_day() -> None:
    before, first, last, after = (
        datetime(2026, 3, 2, tzinfo=JAKARTA) + timedelta(seconds=shift) for shift in (-1, 0, 86399, 86400)
    )
    engine = connect(1)
    names = [name for name, _kind in columns_of(contract())]
    times = ", ".join(
        f"(TIMESTAMP '{at.astimezone(UTC).replace(tzinfo=None)}')" for at in (before, first, last, after)
    )
    filled = {"zone": "'z'", "device": "CAST(random() AS STRING)", "vehicle": "'car'", "at": "t"}
    views = ", ".join(f"{filled.get(name, '1')} AS {column(name)}" for name in names)
    engine.execute(f"CREATE VIEW rows AS SELECT {views} FROM (VALUES {times}) AS v(t)")

    _atoms, unknown = atoms_of(lambda sql: engine.execute(sql).fetchall(), contract(), "2026-03-02", 7)

    assert unknown == 2


_rows = st.lists(
    st.tuples(
        st.sampled_from(["z1", "z2", "z3"]),
        st.sampled_from([7, 8]),
        st.sampled_from(["car", "motorcycle"]),
        st.sampled_from([f"s{n}" for n in range(7)]),
        st.integers(1, 1000),
    ),
    min_size=1,
    max_size=40,
)


@hypothesis_settings(max_examples=60)
@given(_rows)
def test_an_attacker_who_asks_everything_cannot_pin_a_cell_below_k(rows: list[Row]) -> None:
    """Every question and every difference is a combination of atoms: no group below k is one of them.

    The unknowns are the sums of the finest cells. Each atom is one equation; whatever can be derived lies in
    the equations' row space. For every single cell, and every set of cells within a zone, with fewer than k
    subjects the indicator of that set must lie outside it.
    """
    atoms, _unknown = counted(rows)
    cells = sorted({row[:3] for row in rows})
    people: dict[tuple[str, int, str], set[str]] = defaultdict(set)
    for row in rows:
        people[row[:3]].add(row[3])
    small = {cell for cell in cells if len(people[cell]) < K}
    pools = {zone: {cell for cell in small if cell[0] == zone} for zone in {cell[0] for cell in small}}
    equations = []
    left: set[tuple[str, int, str]] = set(small)
    for atom in atoms:
        if atom.kind == "cell":
            members = {(atom.zone, atom.bucket, atom.key[0])}
        elif atom.kind == "zone":
            members = pools[atom.zone]
        else:
            told = {one.zone for one in atoms if one.kind == "zone"}
            members = {cell for cell in left if cell[0] not in told}
        assert len(set.union(*(people[cell] for cell in members))) >= K
        assert atom.rows == sum(row[:3] in members for row in rows)
        assert atom.sums[0] == sum(row[4] for row in rows if row[:3] in members)
        equations.append([cell in members for cell in cells])
    matrix = np.array(equations, dtype=float).reshape(len(equations), len(cells))
    rank = np.linalg.matrix_rank(matrix) if len(equations) else 0
    zones = {cell[0] for cell in cells}
    groups = [{cell} for cell in cells] + [
        set(chosen)
        for zone in zones
        for size in (2, 3)
        for chosen in combinations([cell for cell in cells if cell[0] == zone], size)
    ]
    for group in groups:
        if len(set.union(*(people[cell] for cell in group))) >= K:
            continue
        asked = np.array([[cell in group for cell in cells]], dtype=float)
        assert np.linalg.matrix_rank(np.vstack([matrix, asked])) == rank + 1


@given(_rows)
@hypothesis_settings(max_examples=20)
def test_the_same_rows_in_any_order_are_the_same_bytes(rows: list[Row]) -> None:
    forth, back = counted(rows), counted(rows[::-1])

    assert Day(("m",), ("d",), tuple(forth[0])).packed() == Day(("m",), ("d",), tuple(back[0])).packed()
    assert Day.unpacked(Day(("m",), ("d",), tuple(forth[0])).packed()).atoms == tuple(forth[0])
