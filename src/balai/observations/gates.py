"""Whether what a key serves is under way: upper rooms say so, the ingest nodes ask every second.

A key names its subject ("collaboration:<id>") and a contract its bond ("agreement:<id>"); the room that knows
the subject registers a gate for the prefix. A subject nobody knows is closed.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from balai.observations.models import DataContract, DataKey


class Served(NamedTuple):
    """What a key serves, and whose it is: a key serves nothing of another partner's or of another city's."""

    subject: str
    partner: UUID
    city: str

    @property
    def number(self) -> UUID | None:
        """The id in the subject; None where it is none."""
        try:
            return UUID(self.subject.partition(":")[2])
        except ValueError:
            return None


Gate = Callable[[Collection[Served], bool], dict[Served, str]]
"""Given what keys serve and whether they are sandbox keys: what is closed, with the reason in plain words."""

UNKNOWN = "What this key serves is not known."
_gates: dict[str, Gate] = {}


def gate(prefix: str) -> Callable[[Gate], Gate]:
    """Register the gate of subjects that begin with ``prefix`` and a colon; ValueError for a second one."""

    def keep(function: Gate) -> Gate:
        if prefix in _gates:
            raise ValueError(f"{prefix} has a gate already")
        _gates[prefix] = function
        return function

    return keep


def closed(served: Iterable[Served], *, sandbox: bool) -> dict[Served, str]:
    """Why what is closed is closed; what is open, and keys that serve nothing in particular, are left out."""
    by_prefix: dict[str, set[Served]] = {}
    for one in served:
        if one.subject:
            by_prefix.setdefault(one.subject.partition(":")[0], set()).add(one)
    found: dict[Served, str] = {}
    for prefix, some in by_prefix.items():
        known = _gates.get(prefix)
        found |= known(some, sandbox) if known else dict.fromkeys(some, UNKNOWN)
    return found


def why_shut(pairs: Iterable[tuple[DataKey, DataContract]], now: datetime) -> dict[str, str]:
    """Why keys to the newest version of their contract open nothing now, by id; open ones are left out."""
    known = list(pairs)
    shut = {
        sandbox: closed(
            {
                Served(subject, key.partner_id, key.city_id)
                for key, contract in known
                if key.sandbox is sandbox
                for subject in (key.subject, contract.subject)
            },
            sandbox=sandbox,
        )
        for sandbox in (True, False)
    }
    found: dict[str, str] = {}
    for key, contract in known:
        reasons = shut[key.sandbox]
        if key.expires_at and key.expires_at <= now:
            found[key.pk] = "This key has expired."
        elif key.stopped_at:
            found[key.pk] = key.stopped_reason or "This key was stopped."
        else:
            for subject in (key.subject, contract.subject):
                if reason := reasons.get(Served(subject, key.partner_id, key.city_id)):
                    found.setdefault(key.pk, reason)
    return found
