"""Who acts, as far as the lowest floor needs to know."""

from typing import Protocol
from uuid import UUID


class Actor(Protocol):
    """A signed-in person. The ledger stores the pseudonym, never the name."""

    @property
    def pseudonym(self) -> UUID: ...

    @property
    def is_active(self) -> bool: ...
