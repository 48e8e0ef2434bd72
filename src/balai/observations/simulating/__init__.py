"""Partners as they might send: made-up rows, their example contracts, and the way over the wire."""

from balai.observations.describing import event_of
from balai.observations.simulating import mds, snap  # noqa: F401 - they register their wires
from balai.observations.simulating.kits import kits, shipped_contract, shipped_contracts
from balai.observations.simulating.rows import rows_of
from balai.observations.simulating.wire import (
    COUNTS,
    Answer,
    Outgoing,
    Send,
    UnexpectedAnswerError,
    Wire,
    wire,
    wire_of,
)

__all__ = [
    "COUNTS",
    "Answer",
    "Outgoing",
    "Send",
    "UnexpectedAnswerError",
    "Wire",
    "event_of",
    "kits",
    "rows_of",
    "shipped_contract",
    "shipped_contracts",
    "wire",
    "wire_of",
]
