"""Token buckets: how much a key may send, by the second and by the day."""

from dataclasses import dataclass, field
from math import ceil
from time import monotonic

BURST_SECONDS = 10


@dataclass(slots=True)
class Bucket:
    """Fills with ``rate`` rows a second up to ``BURST_SECONDS`` of them."""

    rate: float
    level: float = field(init=False)
    at: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self.level = self.rate * BURST_SECONDS

    def take(self, rows: int, now: float | None = None) -> float:
        """Take ``rows`` and return 0; else take nothing and return the seconds until they will be there."""
        now = monotonic() if now is None else now
        size = self.rate * BURST_SECONDS
        self.level = min(size, self.level + max(0.0, now - self.at) * self.rate)
        self.at = max(self.at, now)
        wanted = min(rows, size)
        if wanted <= self.level:
            self.level -= wanted
            return 0.0
        return (wanted - self.level) / self.rate

    def left(self, now: float | None = None) -> tuple[int, int]:
        """Rows that may be sent now, and the whole seconds until the bucket is full again; takes nothing."""
        now = monotonic() if now is None else now
        size = self.rate * BURST_SECONDS
        level = min(size, self.level + max(0.0, now - self.at) * self.rate)
        return int(level), ceil((size - level) / self.rate)


def limits(bucket: Bucket, rows_per_day: int, sent_today: int, now: float) -> list[tuple[bytes, bytes]]:
    """What a key may send and what is left of it, as the fields RateLimit-Policy and RateLimit; in rows.

    The form is that of draft-ietf-httpapi-ratelimit-headers-10. ``now`` is UNIX time; days are UTC's.
    """
    burst = int(bucket.rate * BURST_SECONDS)
    left, full_in = bucket.left()
    policy = f'"burst";q={burst};w={BURST_SECONDS};qu="rows", "daily";q={rows_per_day};w=86400;qu="rows"'
    today = max(0, rows_per_day - sent_today)
    state = f'"burst";r={left};t={full_in}, "daily";r={today};t={ceil(86400 - now % 86400)}'
    return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", state.encode())]
