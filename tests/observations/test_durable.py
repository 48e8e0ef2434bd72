"""What the disk has and what it only seems to have: readers go up to the first, and miss nothing of it."""

import resource
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from django.core.management import CommandError, call_command

from balai.observations import drain, places
from balai.observations.drain import Drainer
from balai.observations.housekeeping import check
from balai.observations.models import DataKey, Receipt
from balai.observations.segments import (
    Place,
    SegmentError,
    SegmentWriter,
    durable_end,
    read_segment,
    readable_end,
    segment_path,
)
from balai.observations.store import connect
from tests.observations.test_drain import Hub, account, drainer, key, stored  # noqa: F401
from tests.observations.test_segments import batches, record, written
from tests.observations_builders import row


def readable(folder: Path) -> list[str]:
    end = readable_end(folder)
    assert end is not None
    path = segment_path(folder, end.segment)
    return [one.header.batch for _b, _e, one in read_segment(path, last=False, until=end.offset)]


def test_what_the_writer_has_not_said_is_not_read(tmp_path: Path) -> None:
    """As between the write and its sync: the record is whole, and may be taken back."""
    writer = SegmentWriter(tmp_path)
    writer.append([record(1).frame()])
    with segment_path(tmp_path, 1).open("ab") as file:
        file.write(record(2).frame())

    assert batches(tmp_path) == ["batch-1", "batch-2"]
    assert readable(tmp_path) == ["batch-1"]

    writer.append([record(3).frame()])
    assert readable(tmp_path) == ["batch-1", "batch-3"]
    writer.close()


def test_what_a_dead_writer_left_whole_is_read_without_it(tmp_path: Path) -> None:
    written(tmp_path, 1)
    whole = record(2).frame()
    with segment_path(tmp_path, 1).open("ab") as file:
        file.write(whole + whole[:-3])

    assert readable(tmp_path) == ["batch-0", "batch-2"]
    assert durable_end(tmp_path) == readable_end(tmp_path)

    writer = SegmentWriter(tmp_path)
    writer.append([record(3).frame()])
    writer.close()
    assert readable(tmp_path) == ["batch-0", "batch-2", "batch-3"]


@pytest.mark.parametrize("torn", [b"", b"short", b"\0" * 20])
def test_an_end_nobody_can_read_is_found_again(tmp_path: Path, torn: bytes) -> None:
    written(tmp_path, 2)
    (tmp_path / "durable").write_bytes(torn)

    assert durable_end(tmp_path) is None
    assert readable(tmp_path) == ["batch-0", "batch-1"]


def test_every_cut_of_power_leaves_what_was_said_and_no_half(tmp_path: Path) -> None:
    """The word may lag by any number of records; the file may end at any byte behind what it says."""
    origin = tmp_path / "origin"
    places_of = [*(place.offset for place in written(origin, 3)), segment_path(origin, 1).stat().st_size]
    whole = segment_path(origin, 1).read_bytes()
    words = []
    for offset in places_of:
        writer = SegmentWriter(tmp_path / f"word-{offset}")
        writer._say(offset)
        writer.close()
        words.append((tmp_path / f"word-{offset}" / "durable").read_bytes())
    folder = tmp_path / "cut"

    for said, word in enumerate(words):
        for cut in range(len(whole) + 1):
            folder.mkdir()
            segment_path(folder, 1).write_bytes(whole[:cut])
            (folder / "durable").write_bytes(word)
            left = sum(end <= cut for end in places_of[1:])
            if cut < places_of[said]:
                with pytest.raises(SegmentError):
                    SegmentWriter(folder)
            else:
                assert readable(folder) == [f"batch-{n}" for n in range(left)]
                SegmentWriter(folder).close()
                assert segment_path(folder, 1).stat().st_size == places_of[left]
            shutil.rmtree(folder)


def test_every_flipped_bit_of_what_was_said_is_named(tmp_path: Path) -> None:
    written(tmp_path, 3)
    path = segment_path(tmp_path, 1)
    whole = path.read_bytes()

    for bit in range(len(whole) * 8):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        path.write_bytes(broken)
        with pytest.raises(SegmentError):
            readable(tmp_path)


def test_a_log_that_lost_its_segments_is_not_begun_anew(tmp_path: Path) -> None:
    """Its numbers would come again, and the store would take what is new for what it has."""
    writer = SegmentWriter(tmp_path, largest=100)
    for number in range(3):
        writer.append([record(number).frame()])
    writer.close()
    for path in tmp_path.glob("*.seg"):
        path.unlink()

    with pytest.raises(SegmentError, match="segment 3 is gone"):
        SegmentWriter(tmp_path)


def test_a_segment_that_an_earlier_attempt_left_empty_is_used(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, largest=100)
    writer.append([record(1).frame()])
    segment_path(tmp_path, 2).touch()

    assert writer.append([record(2).frame()]) == [Place(2, 0)]
    writer.close()


@pytest.mark.django_db
def test_a_batch_that_is_taken_back_was_never_stored(key: DataKey, drainer: Drainer) -> None:  # noqa: F811
    hub = Hub(key)
    hub.send("0001", row("a"))
    size = hub.writer.size
    path = segment_path(places.log() / "one", 1)
    before = path.read_bytes()
    hub.writer.append([record(7, b'{"event_id":"lost"}\n').frame()])
    hub.writer.size = size
    hub.writer._say(size)

    drainer.step()
    path.write_bytes(before)
    hub.send("0002", row("b"))
    drainer.step()

    assert (stored(), account()) == (["a", "b"], (2, 2, 0, 0))


@pytest.mark.django_db
def test_a_damaged_log_waits_and_the_others_go_on(key: DataKey, drainer: Drainer, caplog) -> None:  # noqa: F811
    damaged, sound = Hub(key, "a-damaged"), Hub(key, "b-sound")
    damaged.send("0001", row("a"))
    damaged.send("0002", row("b"))
    damaged.writer.close()
    path = segment_path(places.log() / "a-damaged", 1)
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    sound.send("0003", row("c"))

    assert [drainer.step().rows, drainer.step().rows] == [2, 0]
    drainer.close()

    assert stored() == ["a", "c"]
    assert sum(one.name == drain.__name__ for one in caplog.records) == 1
    with pytest.raises(CommandError, match=r"a-damaged: .*damaged at byte"):
        call_command("drain", "--once")


@pytest.mark.django_db
def test_a_log_shorter_than_what_was_drained_is_named(key: DataKey, drainer: Drainer) -> None:  # noqa: F811
    hub = Hub(key)
    hub.send("0001", row("a"))
    drainer.step()
    hub.writer.close()
    shutil.rmtree(places.log() / "one")
    Hub(key)

    drainer.step()

    assert list(drainer.damaged) == ["one"]


@pytest.mark.django_db
def test_a_node_that_is_always_full_keeps_none_waiting(
    key: DataKey,  # noqa: F811
    drainer: Drainer,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drain, "LARGEST_STEP", 2000)
    full, quiet = Hub(key, "a-full"), Hub(key, "b-quiet")
    for number in range(20):
        full.send(f"{number:04d}", *[row(f"full-{number}-{n}") for n in range(5)])
    quiet.send("0001", row("quiet"))

    drainer.step()

    assert set(Receipt.objects.values_list("node", flat=True)) == {"a-full", "b-quiet"}
    assert Receipt.objects.count() < 21


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["full", "blocked"])
def test_a_store_that_takes_nothing_loses_nothing(
    kind: str,
    key: DataKey,  # noqa: F811
    drainer: Drainer,  # noqa: F811
) -> None:
    """The step fails whole and is told; when there is room again the next one brings every row once."""
    hub = Hub(key)
    hub.send("0001", *[row(f"e{n:03d}", device=f"gawai-{n}") for n in range(200)])
    blocked = places.store() / "roda_trips_v1"
    if kind == "full":
        with smallest_files(1000), pytest.raises((OSError, duckdb.Error)):
            drainer.step()
    else:
        blocked.touch()
        with pytest.raises(OSError, match=r"exists|directory"):
            drainer.step()
        blocked.unlink()
    assert (stored(), Receipt.objects.count()) == ([], 0)
    drainer.close()

    again = Drainer()
    again.step()
    again.close()

    assert (len(stored()), account()) == (200, (200, 200, 0, 0))
    assert len(list(places.store().rglob("*.parquet"))) == 1
    assert list(check(connect(), places.store())) == []


@contextmanager
def smallest_files(size: int) -> Iterator[None]:
    """The kernel's limit on a file's size stands for the full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
