"""Whether what a key serves is under way: upper rooms say so, the ingest nodes ask every second.

A key names its subject ("collaboration:<id>"); the room that knows the subject registers a gate for the
prefix. A subject nobody knows is closed.
"""

from collections.abc import Callable, Collection, Iterable

Gate = Callable[[Collection[str], bool], dict[str, str]]
"""Given subjects and whether sandbox keys ask: those that are closed, with the reason in plain words."""

_gates: dict[str, Gate] = {}


def gate(prefix: str) -> Callable[[Gate], Gate]:
    """Register the gate of subjects that begin with ``prefix`` and a colon; ValueError for a second one."""

    def keep(function: Gate) -> Gate:
        if prefix in _gates:
            raise ValueError(f"{prefix} has a gate already")
        _gates[prefix] = function
        return function

    return keep


def closed(subjects: Iterable[str], *, sandbox: bool) -> dict[str, str]:
    """Why each closed subject is closed; open ones and empty ones are left out."""
    by_prefix: dict[str, set[str]] = {}
    for subject in subjects:
        if subject:
            by_prefix.setdefault(subject.partition(":")[0], set()).add(subject)
    found: dict[str, str] = {}
    for prefix, some in by_prefix.items():
        known = _gates.get(prefix)
        found |= known(some, sandbox) if known else dict.fromkeys(some, "What this key served is not known.")
    return found
