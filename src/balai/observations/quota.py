"""Token buckets: how much a key may send, by the second and by the day."""

from dataclasses import dataclass, field
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
