"""The segment log: what arrived, durable before it is answered, one folder a node.

A segment is a file of framed records: 4 bytes of mark, the body's length and CRC-32 (little-endian), then
the body: a MessagePack header and the rows as JSON lines. A record is written whole or not at all: after a
crash the torn end of the newest segment is cut off, and nothing else is ever changed. Nodes share a folder
and nothing more; each writes its own.
"""

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

MARK = b"BLG1"
_frame = struct.Struct("<4sII")
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


def nodes_of(root: Path) -> list[str]:
    """The nodes that have written below ``root``."""
    return sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def read_segment(path: Path, offset: int = 0, *, last: bool = True) -> Iterator[tuple[int, int, Record]]:
    """Records from ``offset`` as (begin, end, record).

    In the ``last`` segment an unfinished record ends the reading, because its writer may still be at it.
    Raises SegmentError for damage anywhere else.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
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
        """Take the folder and cut off a torn end. Raises BlockingIOError where another writer holds it."""
        import fcntl

        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.largest = folder, largest
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise
        numbers = segments_of(folder)
        self.number = numbers[-1] if numbers else 1
        path = segment_path(folder, self.number)
        self.size = 0
        if numbers:
            for _begin, end, _whole in read_segment(path):
                self.size = end
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._file, self.size)
        os.fsync(self._file)
        sync_folder(folder)
        sync_folder(folder.parent)

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
        file = os.open(
            segment_path(self.folder, number), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
        )
        sync_folder(self.folder)
        os.close(self._file)
        self._file, self.number, self.size = file, number, 0

    def close(self) -> None:
        os.close(self._file)
        os.close(self._lock)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a file's own sync does not."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
