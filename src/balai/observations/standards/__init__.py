"""Other standards at the ingest node's door: each has its paths, its credentials and its form of answer.

What a standard sends becomes rows of the contract that the credential opens, and goes the one way every batch
goes: `asgi.Node.take`.
"""

from balai.observations.standards import g2p, mds, snap  # noqa: F401 - they register themselves
from balai.observations.standards.door import (
    Address,
    Receive,
    Reply,
    Request,
    Standard,
    addresses_of,
    standard,
    standard_of,
)

__all__ = [
    "Address",
    "Receive",
    "Reply",
    "Request",
    "Standard",
    "addresses_of",
    "standard",
    "standard_of",
]
