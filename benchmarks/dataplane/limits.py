"""What the machine allows: the same bytes copied in memory, and appended and synced, nothing around them."""

import os
import time
from collections.abc import Sequence
from pathlib import Path


def copied(batches: Sequence[bytes]) -> float:
    """Bytes a CPU second of copying, batch by batch, into one buffer."""
    buffer, start, done = bytearray(max(map(len, batches))), time.process_time(), 0
    while time.process_time() - start < 0.5:
        for batch in batches:
            buffer[: len(batch)] = batch
            done += len(batch)
    return done / (time.process_time() - start)


def committed(folder: Path, batches: Sequence[bytes], group: int) -> tuple[float, float]:
    """Batches a CPU second and a second on the clock: ``group`` of them appended, then ``fdatasync``."""
    cpu, wall = time.process_time(), time.perf_counter()
    with open(folder / "bare", "wb", buffering=0) as file:
        for first in range(0, len(batches), group):
            file.write(b"".join(batches[first : first + group]))
            os.fdatasync(file.fileno())
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    (folder / "bare").unlink()
    return len(batches) / cpu, len(batches) / wall
