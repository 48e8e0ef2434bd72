"""Who is told of what: rooms register, for the beginning of a verb, the people an entry concerns."""

from collections.abc import Callable, Iterable
from typing import Any

from balai.core.models import Entry

type Audience = Callable[[Entry], Iterable[Any]]

_audiences: dict[str, list[Audience]] = {}


def audience[F: Audience](*prefixes: str) -> Callable[[F], F]:
    """Register a function ``(entry) -> users`` for every verb that starts with one of ``prefixes``.

    Whom it returns must be people who may see the entry, also where the entry is not public.
    Followers of the entry's thread are told of public entries without any registration; the actor never is.
    """

    def register(function: F) -> F:
        for prefix in prefixes:
            registered = _audiences.setdefault(prefix, [])
            if function not in registered:
                registered.append(function)
        return function

    return register


def audiences_of(verb: str) -> list[Audience]:
    """The functions registered for this verb, in the order of registration."""
    return [
        function
        for prefix, functions in _audiences.items()
        if verb.startswith(prefix)
        for function in functions
    ]
