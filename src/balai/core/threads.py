"""What a thread such as ``need:1b9d…`` is called and where its page is.

The ledger, notifications and mails know threads by name only. The portal registers, for each kind of
thread, a resolver that reads many at once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils import translation


@dataclass(frozen=True, slots=True)
class ThreadInfo:
    """``url`` is a path without language prefix or origin, such as ``/kebutuhan/KBT-2026-0001/``; resolvers
    run with the default language active, so ``reverse`` gives just that."""

    title: str
    url: str
    title_en: str = ""
    public: bool = True


type Resolver = Callable[[set[str]], Mapping[str, ThreadInfo]]

_resolvers: dict[str, Resolver] = {}


def register(kind: str, resolver: Resolver) -> None:
    """``resolver`` gets the ids of a kind (the part after the colon, as text) and returns what it knows of
    each, keyed by the same text, in a fixed number of queries."""
    _resolvers[kind] = resolver


def resolve(threads: Iterable[str]) -> dict[str, ThreadInfo]:
    """Title and address of each thread that is known; a thread nobody knows (any more) is left out."""
    ids: dict[str, set[str]] = defaultdict(set)
    for thread in threads:
        kind, _, identifier = thread.partition(":")
        ids[kind].add(identifier)
    with translation.override(settings.LANGUAGE_CODE):
        return {
            f"{kind}:{identifier}": info
            for kind, wanted in ids.items()
            if kind in _resolvers
            for identifier, info in _resolvers[kind](wanted).items()
        }


def uuids(texts: Iterable[str]) -> set[UUID]:
    """Those of the texts that are UUIDs; a resolver's ids may come from anywhere."""
    found = set()
    for text in texts:
        try:
            found.add(UUID(text))
        except ValueError:
            continue
    return found
