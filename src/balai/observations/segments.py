"""The segment log: what arrived, durable before it is answered, one folder a node.

A segment is a file of framed records: 4 bytes of mark, the body's length and CRC-32 (little-endian), then
the body: a MessagePack header and the rows as JSON lines. A record is written whole or not at all: after a
crash the torn end of the newest segment is cut off, and nothing else is ever changed. Nodes share a folder
and nothing more; each writes its own.

Beside the segments a file ``durable`` says up to where the disk has them. It is written after every sync and
never synced itself: it may lag, it never leads. Readers go no further, so nothing that a failed append takes
back was ever read; and what lies before it is whole or damaged, never a torn end.
"""

import errno
import fcntl
import os
import shutil
import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

MARK = b"BLG1"
_frame = struct.Struct("<4sII")
_durable = struct.Struct("<QQI")
LOCK_PATIENCE = 2.0
"""Seconds a writer waits for a reader that is settling the log it takes."""
LARGEST_SEGMENT = 64 * 1024 * 1024
LARGEST_BODY = 64 * 1024 * 1024


class SegmentError(Exception):
    """A record inside the log is damaged: not a torn end, which is no error."""


class LogBrokenError(Exception):
    """A write failed and so did taking it back: this process must not write again."""


class Header(msgspec.Struct, array_like=True, frozen=True):
    """What is known of one batch. Times are UNIX seconds; ``*_bytes`` are lengths of the parts behind it."""

    batch: str
    contract: str
    version: str
    table: str
    key: str
    idempotency: str
    digest: str
    received_at: float
    received: int
    accepted: int
    quarantined: int
    duplicates: int
    sandbox: bool
    event: str
    row_bytes: int
    bad_bytes: int


@dataclass(frozen=True)
class Record:
    """One batch: its header, the accepted rows and the quarantined ones as JSON lines."""

    header: Header
    rows: bytes
    bad: bytes

    def frame(self) -> bytes:
        body = b"".join((_prefix(self.header), self.rows, self.bad))
        return _frame.pack(MARK, len(body), zlib.crc32(body)) + body


@dataclass(frozen=True, order=True)
class Place:
    """Where a record begins: segment number and byte offset in it."""

    segment: int
    offset: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Header).decode


def _prefix(header: Header) -> bytes:
    packed = _encode(header)
    return len(packed).to_bytes(4, "little") + packed


def segment_path(folder: Path, number: int) -> Path:
    return folder / f"{number:012d}.seg"


def segments_of(folder: Path) -> list[int]:
    """The numbers of a node's segments, oldest first."""
    return sorted(int(path.stem) for path in folder.glob("*.seg"))


def durable_end(folder: Path) -> Place | None:
    """Up to where the writer said the disk has the log; None where nothing readable says so."""
    try:
        data = (folder / "durable").read_bytes()
    except FileNotFoundError:
        return None
    if len(data) != _durable.size:
        return None
    number, offset, crc = _durable.unpack(data)
    return Place(number, offset) if zlib.crc32(data[:-4]) == crc else None


def _packed_end(place: Place) -> bytes:
    data = _durable.pack(place.segment, place.offset, 0)[:-4]
    return data + zlib.crc32(data).to_bytes(4, "little")


def readable_end(folder: Path) -> Place | None:
    """Up to where a reader may go; None in an empty log.

    Where something lies beyond what the writer said and no writer lives, the reader syncs the log and says so
    itself: what a dead node took is drained without it. Raises SegmentError.
    """
    said, numbers = durable_end(folder), segments_of(folder)
    if not numbers:
        return said
    reached = Place(numbers[-1], segment_path(folder, numbers[-1]).stat().st_size)
    if said is not None and said >= reached:
        return said
    try:
        lock = _locked(folder)
    except OSError:
        return said
    try:
        said = durable_end(folder)
        known = said.offset if said is not None and said.segment == numbers[-1] else 0
        end = _whole_end(folder, numbers[-1], said, known)
        with segment_path(folder, end.segment).open("rb") as file:
            os.fsync(file.fileno())
        if said is None or end > said:
            with (folder / "durable").open("r+b" if said else "wb") as file:
                file.write(_packed_end(end))
        return end
    finally:
        os.close(lock)


def _whole_end(folder: Path, number: int, said: Place | None, known: int = 0) -> Place:
    """Where the newest segment's whole records end, looked for from byte ``known``.

    Raises SegmentError where durable ones are missing.
    """
    path, end = segment_path(folder, number), Place(number, known)
    for _begin, after, _record in read_segment(path, known):
        end = Place(number, after)
    if said is not None and end < said:
        raise SegmentError(f"{folder.name}/{path.name}: damaged at byte {end.offset}")
    return end


def _locked(folder: Path) -> int:
    """The writer's lock as an open handle. Raises BlockingIOError where it is held."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def is_taken(folder: Path) -> bool:
    """Whether a writer holds the log now, and not only a reader for a moment."""
    if not folder.is_dir():
        return False
    try:
        os.close(_taken(folder))
    except BlockingIOError:
        return True
    return False


def _taken(folder: Path) -> int:
    """The lock; a reader holds it for a moment at most, another writer for good. Raises BlockingIOError."""
    give_up = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            return _locked(folder)
        except BlockingIOError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.05)


def nodes_of(root: Path) -> list[str]:
    """The nodes that have written below ``root``."""
    return sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def read_segment(
    path: Path, offset: int = 0, *, last: bool = True, until: int | None = None
) -> Iterator[tuple[int, int, Record]]:
    """Records from ``offset``, up to ``until`` where given, as (begin, end, record).

    In the ``last`` segment an unfinished record ends the reading, because its writer may still be at it.
    Raises SegmentError for damage anywhere else.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if until is not None:
            if size < until:
                raise SegmentError(f"{path.name}: ends at byte {size}, {until} were written")
            size = until
        file.seek(offset)
        while offset + _frame.size <= size:
            mark, length, crc = _frame.unpack(file.read(_frame.size))
            end = offset + _frame.size + length
            whole = mark == MARK and length <= LARGEST_BODY and end <= size
            body = file.read(length) if whole else b""
            if not whole or zlib.crc32(body) != crc:
                if last and _nothing_after(path, offset, size):
                    return
                raise SegmentError(f"{path.name}: damaged at byte {offset}")
            yield offset, end, _record(body)
            offset = end
        if offset != size and not last:
            raise SegmentError(f"{path.name}: damaged at byte {offset}")


def records(folder: Path, start: Place) -> Iterator[tuple[Place, int, Record]]:
    """What a reader may have of a node's log from ``start``, as (place, end, record). Raises SegmentError."""
    end = readable_end(folder)
    if end is None:
        return
    if start > end:
        raise SegmentError(f"drained up to {start}, but the log ends at {end}")
    for number in segments_of(folder):
        if start.segment <= number <= end.segment:
            until = end.offset if number == end.segment else None
            begin = start.offset if number == start.segment else 0
            path = segment_path(folder, number)
            for at, after, record in read_segment(path, begin, last=False, until=until):
                yield Place(number, at), after, record


def copy_log(folder: Path, target: Path) -> list[Path]:
    """Copy what the disk has of a node's log now; the files made. Raises SegmentError, OSError."""
    end = readable_end(folder)
    made: list[Path] = []
    target.mkdir(parents=True)
    if end is None:
        return made
    for number in segments_of(folder):
        if number > end.segment:
            break
        made.append(segment_path(target, number))
        shutil.copyfile(segment_path(folder, number), made[-1])
        if number == end.segment:
            os.truncate(made[-1], end.offset)
    made.append(target / "durable")
    made[-1].write_bytes(_packed_end(end))
    return made


def _record(body: bytes) -> Record:
    length = int.from_bytes(body[:4], "little")
    header = _decode(body[4 : 4 + length])
    begin = 4 + length
    middle = begin + header.row_bytes
    return Record(header, body[begin:middle], body[middle : middle + header.bad_bytes])


def _nothing_after(path: Path, offset: int, size: int) -> bool:
    """Whether no whole record stands behind a broken one: then it is a torn end."""
    with path.open("rb") as file:
        file.seek(offset + 1)
        rest = file.read(min(size - offset, 2 * LARGEST_BODY))
    at = rest.find(MARK)
    while at >= 0:
        if len(rest) - at >= _frame.size:
            _mark, length, crc = _frame.unpack_from(rest, at)
            body = rest[at + _frame.size : at + _frame.size + length]
            if len(body) == length and zlib.crc32(body) == crc:
                return False
        at = rest.find(MARK, at + 1)
    return True


class SegmentWriter:
    """Appends to a node's segments. One writer a folder, kept by a lock on it. Not thread-safe."""

    def __init__(self, folder: Path, *, largest: int = LARGEST_SEGMENT) -> None:
        """Take the folder and cut off a torn end.

        Raises BlockingIOError where another writer holds it, SegmentError where records are damaged or gone.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.largest = folder, largest
        self._lock = _taken(folder)
        try:
            numbers, said = segments_of(folder), durable_end(folder)
            self.number = numbers[-1] if numbers else 1
            if said is not None and said.segment > self.number:
                raise SegmentError(f"{folder.name}: segment {said.segment} is gone")
            self.size = _whole_end(folder, self.number, said).offset if numbers else 0
        except SegmentError:
            os.close(self._lock)
            raise
        path = segment_path(folder, self.number)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._file, self.size)
        os.fsync(self._file)
        self._said = os.open(folder / "durable", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._say(self.size)
        sync_folder(folder)
        sync_folder(folder.parent)

    def _say(self, offset: int) -> None:
        if os.pwrite(self._said, _packed_end(Place(self.number, offset)), 0) != _durable.size:
            raise OSError(errno.ENOSPC, "the end of the log could not be written")

    def append(self, frames: Sequence[bytes]) -> list[Place]:
        """Write the frames and wait until the disk has them; where each one begins.

        Either all are durable or, raising OSError, none of them is in the log. Raises LogBrokenError where
        not even that is sure.
        """
        if self.size >= self.largest:
            self._next()
        places, at = [], self.size
        for frame in frames:
            places.append(Place(self.number, at))
            at += len(frame)
        try:
            data = memoryview(b"".join(frames))
            written = 0
            while written < len(data):
                written += os.pwrite(self._file, data[written:], self.size + written)
            os.fdatasync(self._file)
            self._say(at)
        except OSError as fault:
            try:
                os.ftruncate(self._file, self.size)
            except OSError as worse:
                raise LogBrokenError(f"the log's end cannot be restored: {worse.strerror}") from fault
            raise
        self.size = at
        return places

    def _next(self) -> None:
        number = self.number + 1
        # Left empty by an attempt that failed, the file is this writer's all the same.
        file = os.open(segment_path(self.folder, number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            sync_folder(self.folder)
        except OSError:
            os.close(file)
            raise
        os.close(self._file)
        self._file, self.number, self.size = file, number, 0

    def close(self) -> None:
        os.close(self._file)
        os.close(self._said)
        os.close(self._lock)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a file's own sync does not."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
