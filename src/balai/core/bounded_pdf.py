"""A PDF reader that stops when comparing a file's revisions costs too much. Loads pyHanko: import late.

To compare revisions pyHanko follows every path to every object. Twenty objects that each name the next one
twice have a million paths, so the steps are counted while they are taken.
"""

from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import HistoricalResolver, PdfFileReader

from balai.core.pdf import TooComplexError

VISIT = 5  # what a visit costs beside what the object holds


class BoundedReader(PdfFileReader):
    """Raises TooComplexError once the walks through all revisions have taken ``steps``."""

    def __init__(self, *args: Any, steps: int, **named: Any) -> None:
        self.steps = steps
        super().__init__(*args, **named)

    def get_historical_resolver(self, revision: int) -> HistoricalResolver:
        kept = self._historical_resolver_cache
        if revision not in kept:
            kept[revision] = _Resolver(self, revision)
        return kept[revision]

    def spend(self, steps: int) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise TooComplexError


class _Resolver(HistoricalResolver):
    """Counts what is visited, by its size."""

    def __init__(self, reader: BoundedReader, revision: int) -> None:
        super().__init__(reader, revision)
        self._spend = reader.spend
        self._sizes: dict[generic.Reference, int] = {}

    def __call__(self, ref: generic.Reference) -> Any:
        found = super().__call__(ref)
        size = self._sizes.get(ref)
        if size is None:
            size = self._sizes[ref] = _size(found)
        self._spend(VISIT + size)
        return found


def _size(item: Any) -> int:
    """How many values an object holds directly, nested ones included."""
    total, waiting = 0, [item]
    while waiting:
        held = waiting.pop()
        total += 1
        if isinstance(held, generic.DictionaryObject):
            waiting += [held.raw_get(name) for name in held]
        elif isinstance(held, generic.ArrayObject):
            waiting += [held.raw_get(place) for place in range(len(held))]
    return total
