"""Rows against their contract: right ones pass as they are, wrong ones are named, nothing is lost between."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balai.observations.checking import MOST_ROWS, Checker, EnvelopeError
from balai.observations.contracts import read_contract
from tests import observations_builders
from tests.observations.test_contracts import changed
from tests.observations_builders import lines, trips

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CHECKER = Checker(trips())


def row(event: str = "", **extra: Any) -> dict[str, Any]:
    return observations_builders.row(event, **{"at": (NOW - timedelta(minutes=5)).isoformat()} | extra)


def event(values: dict[str, Any], **extra: Any) -> dict[str, Any]:
    data = {name: value for name, value in values.items() if name not in ("event_id", "at")}
    contract = trips()
    return {
        "specversion": "1.0",
        "id": values["event_id"],
        "source": contract.source,
        "type": contract.event_type,
        "time": values["at"],
        "data": data,
    } | extra


def test_a_right_batch_passes_in_both_forms() -> None:
    rows = [row("a"), row("b", wait_s=60)]

    plain = CHECKER.check_rows(lines(*rows), NOW)
    events = CHECKER.check_events(json.dumps([event(one) for one in rows]).encode(), NOW)

    assert plain.bad == events.bad == []
    assert CHECKER.encode_lines(plain.rows) == CHECKER.encode_lines(events.rows)
    assert [json.loads(line) for line in CHECKER.encode_lines(plain.rows).splitlines()] == [
        {**one, "at": one["at"].replace("+00:00", "Z")} for one in rows
    ]


@pytest.mark.parametrize(
    ("extra", "pointer"),
    [
        ({"distance_m": -1}, "/distance_m"),
        ({"distance_m": "12"}, "/distance_m"),
        ({"distance_m": 1.5}, "/distance_m"),
        ({"distance_m": 10**30}, "/distance_m"),
        ({"zone": "317101000"}, "/zone"),
        ({"zone": "3171010001\n"}, "/zone"),
        ({"vehicle": "boat"}, "/vehicle"),
        ({"at": "2026-01-01T00:00:00"}, "/at"),
        ({"at": (NOW + timedelta(hours=1)).isoformat()}, "/at"),
        ({"at": (NOW - timedelta(days=400)).isoformat()}, "/at"),
        ({"event_id": ""}, "/event_id"),
        ({"device": None}, "/device"),
        ({"zone": ...}, ""),
        ({"nik": "3171010101010001"}, ""),
        ({"wait_s": {"deep": [1]}}, "/wait_s"),
    ],
)
def test_a_wrong_row_is_named_and_its_neighbours_pass(extra: dict[str, Any], pointer: str) -> None:
    wrong = row("wrong", **extra)
    sent = [row("a"), wrong, row("c")]
    enveloped = [event({"event_id": "", "at": ""} | one) for one in sent]
    in_event = {"": "/data", "/event_id": "/id", "/at": "/time"}.get(pointer, f"/data{pointer}")

    plain = CHECKER.check_rows(lines(*sent), NOW)
    events = CHECKER.check_events(json.dumps(enveloped).encode(), NOW)

    assert [(bad.row, bad.pointer) for bad in plain.bad] == [(1, pointer)]
    assert [(bad.row, bad.pointer) for bad in events.bad] in ([(1, in_event)], [(1, pointer)])
    assert [[one.event_id for one in checked.rows] for checked in (plain, events)] == [["a", "c"]] * 2


def test_an_envelope_of_another_source_or_type_is_a_wrong_row() -> None:
    body = json.dumps(
        [event(row("a"), source="urn:hub:partner:other"), event(row("b"), type="x"), event(row("c"))]
    )

    checked = CHECKER.check_events(body.encode(), NOW)

    assert [(bad.row, bad.pointer) for bad in checked.bad] == [(0, "/source"), (1, "/type")]
    assert [one.event_id for one in checked.rows] == ["c"]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1,", b"null", b"[" * 100_000, b"\xff\xfe", b'{"a":' * 50_000, b"[]"]
)
def test_a_body_that_is_no_batch_is_refused_whole(body: bytes) -> None:
    with pytest.raises(EnvelopeError):
        CHECKER.check_events(body, NOW)


def test_too_many_rows_are_refused_whole() -> None:
    with pytest.raises(EnvelopeError):
        CHECKER.check_rows(b"{}\n" * (MOST_ROWS + 1), NOW)


def test_an_identity_is_refused_and_its_bytes_are_not_kept() -> None:
    document = changed(customProperties__4={"property": "forbidden", "value": ["plate", "face"]})
    checker = Checker(read_contract(document))

    sent = [row("a", Plate="B 1234 XYZ"), row("b", wait_s={"x": [{"face": "marked"}]}), row("c", other=1)]
    checked = checker.check_rows(lines(*sent), NOW)

    kept = [(bad.pointer, bad.raw is not None) for bad in checked.bad]
    assert kept == [("/Plate", False), ("/face", False), ("", True)]


@pytest.mark.parametrize("wrong", ["x", "3171010001\n", "31710100011", ""])
def test_a_wrong_word_is_found_whatever_was_right_before(wrong: str) -> None:
    checker = Checker(trips())
    right, mixed = [row("a"), row("b")], [row("a"), row("b", zone=wrong)]
    for _again in range(2):
        plain = [checker.check_rows(lines(*rows), NOW) for rows in (right, mixed)]
        wrapped = [
            checker.check_events(json.dumps([event(one) for one in rows]).encode(), NOW)
            for rows in (right, mixed)
        ]
        for all_right, one_wrong in (plain, wrapped):
            assert (len(all_right.rows), all_right.bad) == (2, [])
            assert (len(one_wrong.rows), [bad.row for bad in one_wrong.bad]) == (1, [1])


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.one_of(st.just("right"), _json), min_size=1, max_size=12))
def test_every_row_is_taken_or_named_once_whatever_came(given_rows: list[Any]) -> None:
    sent = [row(f"r{n}") if one == "right" else one for n, one in enumerate(given_rows)]
    right = [n for n, one in enumerate(given_rows) if one == "right"]

    checked = CHECKER.check_rows("\n".join(json.dumps(one) for one in sent).encode(), NOW)

    assert [int(one.event_id[1:]) for one in checked.rows] == right
    assert sorted([bad.row for bad in checked.bad] + right) == list(range(len(sent)))


@given(st.binary(max_size=400))
def test_any_bytes_are_a_batch_or_refused(body: bytes) -> None:
    for check in (CHECKER.check_rows, CHECKER.check_events):
        try:
            checked = check(body, NOW)
        except EnvelopeError:
            continue
        assert checked.rows == []
        assert checked.bad
