"""From the log to the store: every row once, whatever was repeated, killed or torn; accounts that settle."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError
from django.db.models import Sum
from django.utils import timezone

from balai.observations import places
from balai.observations.doors import Doors
from balai.observations.drain import Drainer
from balai.observations.intake import ROWS, Intake, Prepared
from balai.observations.models import DataKey, Quarantined, Receipt, StoreFile
from balai.observations.sealing import RowSeal
from balai.observations.segments import SegmentWriter
from balai.observations.store import connect
from balai.observations.subjects import SubjectKeys
from tests.observations_builders import bearer, lines, make_data_key, put_in_force, row

pytestmark = pytest.mark.django_db


class Hub:
    """One node's intake and log on a home of the test."""

    def __init__(self, key: DataKey, node: str = "one") -> None:
        self.key, self.node = key, node
        doors = Doors()
        doors.read()
        seal = RowSeal(places.row_key())
        self.intake = Intake(doors, SubjectKeys(places.subject_keys()), seal.seal)
        self.writer = SegmentWriter(places.log() / node, largest=20_000)

    def send(self, number: str, *rows: dict[str, object]) -> str:
        """Send the rows in one batch; its number."""
        door = self.intake.door(bearer(self.key))
        prepared = self.intake.prepare(door, f"batch-{number}", ROWS, lines(*rows))
        assert isinstance(prepared, Prepared)
        (place,) = self.writer.append([prepared.record.frame()])
        return self.intake.kept(prepared, place, self.node).receipt_id


@pytest.fixture
def key(settings, tmp_path: Path) -> DataKey:
    settings.HOME = tmp_path
    return make_data_key(put_in_force())


@pytest.fixture
def drainer(key: DataKey) -> Iterator[Drainer]:
    made = Drainer()
    yield made
    made.close()


def stored() -> list[str]:
    """The events in the store's files, as another engine would read them."""
    paths = [str(places.store() / path) for path in StoreFile.objects.values_list("path", flat=True)]
    if not paths:
        return []
    found = connect().execute("SELECT event_id FROM read_parquet(?) ORDER BY 1", [paths]).fetchall()
    return [event for (event,) in found]


def account() -> tuple[int, int, int, int]:
    names = ("received", "accepted", "quarantined", "duplicates")
    sums = Receipt.objects.aggregate(*(Sum(name) for name in names))
    return tuple(sums.values())  # type: ignore[return-value]


def test_rows_arrive_in_the_store_with_their_batch(key: DataKey, drainer: Drainer) -> None:
    Hub(key).send("0001", row("a"), row("b", zone="wrong"), row("c"), row("a"))

    step = drainer.step()

    assert (step.batches, step.rows, step.files) == (1, 2, 1)
    assert stored() == ["a", "c"]
    assert account() == (4, 2, 1, 1)
    (bad,) = Quarantined.objects.all()
    assert (bad.row, bad.pointer, bad.batch) == (1, "/zone", Receipt.objects.get().pk)
    assert drainer.step().batches == 0


def test_rows_lie_by_the_day_of_their_time(key: DataKey, drainer: Drainer) -> None:
    now = datetime.now(UTC)
    days = [now - timedelta(days=back) for back in (0, 1, 2)]
    Hub(key).send("0001", *[row(f"e{n}", at=day.isoformat()) for n, day in enumerate(days)])

    drainer.step()

    files = StoreFile.objects.order_by("-day")
    assert [(file.day, file.rows) for file in files] == [(day.date(), 1) for day in days]


def test_times_are_stored_in_utc_whatever_their_offset(key: DataKey, drainer: Drainer) -> None:
    """06:30 in Jakarta is the day before in UTC."""
    day = (datetime.now(UTC) - timedelta(days=3)).date()
    Hub(key).send("0001", row("a", at=f"{day}T06:30:00+07:00"), row("b", at=f"{day}T06:30:00Z"))

    drainer.step()

    paths = [str(places.store() / path) for path in StoreFile.objects.values_list("path", flat=True)]
    times = connect().execute('SELECT event_id, "at" FROM read_parquet(?) ORDER BY 1', [paths]).fetchall()
    before = day - timedelta(days=1)
    assert times == [
        ("a", datetime(before.year, before.month, before.day, 23, 30)),
        ("b", datetime(day.year, day.month, day.day, 6, 30)),
    ]
    assert sorted(StoreFile.objects.values_list("day", flat=True)) == [before, day]


def test_what_two_nodes_took_twice_is_stored_once_and_accounted(key: DataKey, drainer: Drainer) -> None:
    """Nodes share no memory: only the store can tell, and both accounts still add up."""
    Hub(key, "one").send("0001", row("a"), row("b"))
    drainer.step()
    Hub(key, "two").send("0002", row("b"), row("c"))
    Hub(key, "three").send("0003", row("c"), row("d"))

    step = drainer.step()

    assert (step.rows, step.duplicates) == (2, 2)
    assert stored() == ["a", "b", "c", "d"]
    assert account() == (6, 4, 0, 2)


def test_a_new_drainer_knows_what_the_old_one_stored(key: DataKey, drainer: Drainer) -> None:
    hub = Hub(key)
    hub.send("0001", row("a"))
    drainer.step()
    drainer.close()

    Hub(key, "two").send("0002", row("a"), row("b"))
    again = Drainer()
    again.step()
    again.close()

    assert stored() == ["a", "b"]
    assert account() == (3, 2, 0, 1)


def test_sandbox_rows_are_counted_and_dropped(key: DataKey, drainer: Drainer) -> None:
    DataKey.objects.update(sandbox=True)
    key.refresh_from_db()
    Hub(key).send("0001", row("a"), row("b", zone="wrong"))

    drainer.step()

    assert stored() == []
    assert account() == (2, 1, 1, 0)


def test_a_step_that_fails_at_its_end_keeps_nothing(key: DataKey, drainer: Drainer) -> None:
    batch = Hub(key).send("0001", row("a"))
    Hub(key, "two").send("0002", row("b"))
    nothing = dict.fromkeys(("segment", "offset", "received", "accepted", "quarantined", "duplicates"), 0)
    Receipt.objects.create(id=batch, received_at=timezone.now(), sandbox=False, **nothing)

    with pytest.raises(IntegrityError):
        drainer.step()
    assert (stored(), len(list(places.store().rglob("*.parquet")))) == ([], 1)

    Receipt.objects.all().delete()
    drainer.close()
    again = Drainer()
    again.step()
    again.close()

    assert stored() == ["a", "b"]
    assert len(list(places.store().rglob("*.parquet"))) == 1


def test_one_drainer_at_a_time(drainer: Drainer) -> None:
    with pytest.raises(BlockingIOError):
        Drainer()


def test_many_segments_are_drained_in_one_order(key: DataKey, drainer: Drainer) -> None:
    hub = Hub(key)
    events = [f"e{n:03d}" for n in range(400)]
    for start in range(0, 400, 20):
        hub.send(f"{start:04d}", *[row(event) for event in events[start : start + 20]])

    drainer.step()

    assert len(list((places.log() / "one").glob("*.seg"))) > 1
    assert stored() == events
    assert account() == (400, 400, 0, 0)
