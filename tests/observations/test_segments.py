"""The log survives what files suffer: a torn end, a second writer, a full disk; damage inside is named."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balai.observations.segments import (
    Header,
    Place,
    Record,
    SegmentError,
    SegmentWriter,
    read_segment,
    segment_path,
    segments_of,
)


def record(number: int, rows: bytes = b'{"a":1}\n', bad: bytes = b"") -> Record:
    header = Header(
        batch=f"batch-{number}",
        contract="c",
        version="1.0.0",
        table="c_v1",
        key="k",
        idempotency=f"i{number}",
        digest="0" * 64,
        received_at=1.5,
        received=1,
        accepted=1,
        quarantined=0,
        duplicates=0,
        sandbox=False,
        event="a",
        row_bytes=len(rows),
        bad_bytes=len(bad),
    )
    return Record(header, rows, bad)


def written(folder: Path, count: int) -> list[Place]:
    writer = SegmentWriter(folder)
    places = [place for n in range(count) for place in writer.append([record(n).frame()])]
    writer.close()
    return places


def batches(folder: Path) -> list[str]:
    numbers = segments_of(folder)
    return [
        found.header.batch
        for number in numbers
        for _b, _e, found in read_segment(segment_path(folder, number), last=number == numbers[-1])
    ]


@given(rows=st.binary(max_size=300), bad=st.binary(max_size=300))
def test_a_record_comes_back_as_it_went(
    tmp_path_factory: pytest.TempPathFactory, rows: bytes, bad: bytes
) -> None:
    folder = tmp_path_factory.mktemp("log")
    writer = SegmentWriter(folder)
    writer.append([record(1, rows, bad).frame(), record(2).frame()])
    writer.close()

    (_begin, _end, first), (_b, _e, second) = read_segment(segment_path(folder, 1))
    assert first == record(1, rows, bad)
    assert second == record(2)


def test_a_torn_end_is_cut_at_every_byte_and_writing_goes_on(tmp_path: Path) -> None:
    written(tmp_path / "whole", 3)
    whole = segment_path(tmp_path / "whole", 1).read_bytes()
    third = len(whole) // 3 * 2

    for cut in range(third, len(whole)):
        folder = tmp_path / f"cut-{cut}"
        folder.mkdir()
        segment_path(folder, 1).write_bytes(whole[:cut])
        writer = SegmentWriter(folder)
        writer.append([record(9).frame()])
        writer.close()
        assert batches(folder) == ["batch-0", "batch-1", "batch-9"]


def test_damage_inside_is_an_error_and_not_an_end(tmp_path: Path) -> None:
    places = written(tmp_path, 3)
    path = segment_path(tmp_path, 1)
    data = bytearray(path.read_bytes())
    data[places[1].offset + 20] ^= 1
    path.write_bytes(data)

    with pytest.raises(SegmentError, match=str(places[1].offset)):
        batches(tmp_path)
    with pytest.raises(SegmentError):
        SegmentWriter(tmp_path)


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path)

    with pytest.raises(BlockingIOError):
        SegmentWriter(tmp_path)
    writer.close()
    SegmentWriter(tmp_path).close()


def test_segments_follow_each_other(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, largest=100)
    places = [place for n in range(5) for place in writer.append([record(n).frame()])]
    writer.close()

    assert segments_of(tmp_path) == [1, 2, 3, 4, 5]
    assert [place.segment for place in places] == [1, 2, 3, 4, 5]
    assert batches(tmp_path) == [f"batch-{n}" for n in range(5)]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    """The kernel's limit on a file's size stands for the full disk: the write stops half way."""
    import resource
    import signal

    places = written(tmp_path, 2)
    size = os.path.getsize(segment_path(tmp_path, 1))
    writer = SegmentWriter(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30, hard))
    try:
        with pytest.raises(OSError, match="large"):
            writer.append([record(7).frame()])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    writer.append([record(8).frame()])
    writer.close()

    assert len(places) == 2
    assert batches(tmp_path) == ["batch-0", "batch-1", "batch-8"]
