"""One batch: keys, quotas, repetitions, and counts that add up."""

import hashlib
import json
from base64 import b64decode
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balai.observations.checking import Checker
from balai.observations.intake import ROWS, Door, Intake, Prepared, RefusedBatchError, SentReceipt, Window
from balai.observations.quota import Bucket
from balai.observations.sealing import RowSeal
from balai.observations.segments import Place
from balai.observations.subjects import SubjectKeys
from tests.observations_builders import lines, row, trips

BEARER = "Bearer chk_live_door.secret"


class Hub:
    """An intake with one door and a log that always keeps."""

    def __init__(self, folder: Path, **extra: object) -> None:
        values = {"sandbox": False, "stopped": "", "rows_per_second": 10_000, "rows_per_day": 1000} | extra
        door = Door(
            id="door",
            secret_sha256=hashlib.sha256(b"secret").digest(),
            checker=Checker(trips()),
            bucket=Bucket(float(values["rows_per_second"])),  # type: ignore[arg-type]
            **values,  # type: ignore[arg-type]
        )
        self.seal = RowSeal(folder / "row.key")
        self.subjects = SubjectKeys(folder / "subjects")
        self.intake = Intake(lambda: {"door": door}, self.subjects, self.seal.seal)

    def send(self, key: str, body: bytes, *, bearer: str = BEARER) -> SentReceipt:
        prepared = self.intake.prepare(self.intake.door(bearer), key, ROWS, body)
        if isinstance(prepared, SentReceipt):
            return prepared
        return self.intake.kept(prepared, Place(1, 0), "node")


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


def counts(receipt: SentReceipt) -> tuple[int, int, int, int]:
    return receipt.received, receipt.accepted, receipt.quarantined, receipt.duplicates


def test_a_batch_is_counted_to_the_row(hub: Hub) -> None:
    receipt = hub.send("batch-0001", lines(row("a"), row("b"), row("a"), row("c", zone="x")))

    assert counts(receipt) == (4, 2, 1, 1)
    assert receipt.problems == [
        {"row": 3, "pointer": "/zone", "reason": "Expected `str` matching regex '^(?:\\\\d{10})\\\\Z'"}
    ]


def test_a_key_that_came_with_another_body_is_refused(hub: Hub) -> None:
    first = hub.send("batch-0001", lines(row("a")))

    with pytest.raises(RefusedBatchError, match="another body") as refusal:
        hub.send("batch-0001", lines(row("b")))
    assert refusal.value.status == 422
    assert first.accepted == 1


def test_the_same_body_again_is_the_same_receipt(hub: Hub) -> None:
    body = lines(row("a"))

    assert hub.send("batch-0001", body) == hub.send("batch-0001", body)
    assert counts(hub.send("batch-0002", body)) == (1, 0, 0, 1)


def test_a_batch_under_way_is_told_so_and_a_lost_one_may_come_again(hub: Hub) -> None:
    body, door = lines(row("a")), hub.intake.door(BEARER)
    prepared = hub.intake.prepare(door, "batch-0001", ROWS, body)
    assert isinstance(prepared, Prepared)

    with pytest.raises(RefusedBatchError) as refusal:
        hub.intake.prepare(door, "batch-0001", ROWS, body)
    assert refusal.value.status == 409

    hub.intake.lost(prepared)
    assert counts(hub.send("batch-0001", body)) == (1, 1, 0, 0)


@pytest.mark.parametrize(
    "bearer",
    [
        "",
        "Bearer",
        "Bearer chk_live_door.wrong",
        "Bearer chk_sandbox_door.secret",
        "Bearer chk_live_other.secret",
        "Basic chk_live_door.secret",
        "Bearer chk_live_door",
        "Bearer door.secret",
    ],
)
def test_a_wrong_key_opens_nothing(hub: Hub, bearer: str) -> None:
    with pytest.raises(RefusedBatchError) as refusal:
        hub.intake.door(bearer)

    assert refusal.value.status == 401


def test_a_stopped_key_says_why(tmp_path: Path) -> None:
    with pytest.raises(RefusedBatchError, match="pilot is suspended") as refusal:
        Hub(tmp_path, stopped="The pilot is suspended.").send("batch-0001", lines(row()))

    assert refusal.value.status == 403


def test_the_daily_quota_holds_to_the_row(tmp_path: Path) -> None:
    hub = Hub(tmp_path, rows_per_day=3)
    hub.send("batch-0001", lines(row("a"), row("b")))

    with pytest.raises(RefusedBatchError) as refusal:
        hub.send("batch-0002", lines(row("c"), row("d")))
    assert (refusal.value.status, refusal.value.retry_after > 0) == (429, True)
    assert counts(hub.send("batch-0003", lines(row("c")))) == (1, 1, 0, 0)


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(1, 150)), max_size=40))
def test_a_bucket_never_gives_more_than_its_rate_and_burst(steps: list[tuple[float, int]]) -> None:
    bucket, now, given_out = Bucket(10.0, at=0.0), 0.0, 0
    for wait, rows in steps:
        now += wait
        if bucket.take(rows, now) == 0.0:
            given_out += min(rows, 100)
        assert given_out <= 100 + now * 10 + 1e-6


def test_subjects_are_hidden_and_the_same_all_day(hub: Hub) -> None:
    body = lines(row("a", device="perangkat-rahasia"), row("b", device="perangkat-rahasia"), row("c"))
    prepared = hub.intake.prepare(hub.intake.door(BEARER), "batch-0001", ROWS, body)
    assert isinstance(prepared, Prepared)

    devices = [json.loads(line)["device"] for line in prepared.record.rows.splitlines()]
    assert b"perangkat-rahasia" not in prepared.record.frame()
    assert (devices[0] == devices[1], devices[0] == devices[2], len(devices[0])) == (True, False, 32)


def test_a_destroyed_key_makes_the_day_unlinkable(tmp_path: Path) -> None:
    keys = SubjectKeys(tmp_path)
    day = date(2026, 1, 1)
    keys.key("t", day)

    assert (keys.destroy("t", day), keys.destroy("t", day)) == (True, False)
    with pytest.raises(LookupError):
        SubjectKeys(tmp_path).key("t", day)


def test_a_batch_of_two_days_hides_each_under_its_own_key(hub: Hub) -> None:
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    times = [now - timedelta(hours=hours) for hours in (1, 20, 21, 2)]
    rows = [row(f"e{n}", at=at.isoformat(), device="gawai") for n, at in enumerate(times)]
    door = hub.intake.door(BEARER)

    prepared = hub.intake.prepare(door, "batch-0001", ROWS, lines(*rows), now=now.timestamp())
    assert isinstance(prepared, Prepared)
    devices = [json.loads(line)["device"] for line in prepared.record.rows.splitlines()]
    assert [devices.index(device) for device in devices] == [0, 1, 1, 0]

    hub.intake.kept(prepared, Place(1, 0), "node")
    hub.subjects.destroy(trips().table, date(2026, 3, 1))
    again = [one | {"event_id": f"f{n}"} for n, one in enumerate(rows)]
    prepared = hub.intake.prepare(door, "batch-0002", ROWS, lines(*again), now=now.timestamp())
    assert isinstance(prepared, Prepared)
    assert [one["row"] for one in prepared.receipt.problems] == [1, 2]
    assert [json.loads(line)["event_id"] for line in prepared.record.rows.splitlines()] == ["f0", "f3"]


def test_a_quarantined_row_is_sealed(hub: Hub) -> None:
    body = lines(row("a", zone="kata-rahasia"))
    prepared = hub.intake.prepare(hub.intake.door(BEARER), "batch-0001", ROWS, body, now=time())
    assert isinstance(prepared, Prepared)

    (kept,) = json.loads(prepared.record.bad)
    sealed = b64decode(kept["sealed"])
    assert b"kata-rahasia" not in prepared.record.frame()
    assert hub.seal.open(sealed) == body
    with pytest.raises(ValueError, match="not sealed"):
        hub.seal.open(sealed[:-1] + bytes([sealed[-1] ^ 1]))


@pytest.mark.parametrize(
    ("wrong", "kept"),
    [
        ({"at": "2026-03-01T05:00:00Z"}, False),
        ({"at": "2026-02-28T23:00:00+05:00"}, False),
        ({"at": "2026-03-01T18:00:00Z"}, True),
        ({"at": "2026-03-02T05:00:00Z", "time": "2026-03-01T05:00:00Z"}, False),
        ({"at": "2026-03-02T05:00:00Z", "time": None}, False),
        ({"at": "2026-03-02T05:00:00"}, False),
        ({"at": "kemarin"}, False),
        ({"at": ...}, False),
    ],
)
def test_of_an_erased_day_no_wrong_row_is_kept(hub: Hub, wrong: dict[str, object], kept: bool) -> None:
    """Nor one that may be of it: local days are 7 hours ahead of UTC."""
    now = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()
    one = row("a", zone="?", **wrong)
    door = hub.intake.door(BEARER)

    before = hub.intake.prepare(door, "batch-0001", ROWS, lines(one), now=now)
    hub.subjects.destroy(trips().table, date(2026, 3, 1))
    after = hub.intake.prepare(door, "batch-0002", ROWS, lines(one), now=now)

    assert isinstance(before, Prepared)
    assert isinstance(after, Prepared)
    sealed = [json.loads(prepared.record.bad)[0]["sealed"] is not None for prepared in (before, after)]
    assert sealed == [True, kept]
    assert after.receipt.problems == before.receipt.problems


def test_the_window_forgets_the_oldest_only() -> None:
    window = Window(most=4)

    assert [window.add(event) for event in "abcdea"] == [True, True, True, True, True, True]
    assert [window.add(event) for event in "dea"] == [False, False, False]


def test_the_window_takes_a_whole_batch_only_where_all_is_new() -> None:
    window = Window(most=8)

    assert [window.add_all(list(events)) for events in ("abc", "cd", "dd", "def", "g")] == [
        True,
        False,
        False,
        True,
        True,
    ]
    assert [window.add(event) for event in "abcdefgh"] == [False] * 7 + [True]
