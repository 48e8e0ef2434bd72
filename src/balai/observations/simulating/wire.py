"""How made-up rows are told to an ingest node: in CloudEvents, or as the partner's own standard says them.

A standard's wire registers with `wire("<first part of the contract's standard>", make)`; it builds requests
and reads answers, and whoever has a connection sends them.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from balai.observations.contracts import Contract
from balai.observations.describing import Row, event_of
from balai.observations.intake import EVENTS

COUNTS = ("received", "accepted", "quarantined", "duplicates")
_counts = re.compile(rf"({'|'.join(COUNTS)})=(\d+)")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request as it goes over HTTP."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``headers`` have lower-case names."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class UnexpectedAnswerError(RuntimeError):
    """The node said something that the sender cannot go on from."""


Send = Callable[[Callable[[], Outgoing]], Answer]
"""Sends what the function builds; calls it again, for a fresh signature, where it must send again."""


class Wire(Protocol):
    """One contract's way over the wire. ``most`` is how many rows go in one request."""

    most: int

    def tell(self, rows: Sequence[Row], name: str, send: Send) -> dict[str, int]:
        """Send rows under a name that is used for nothing else; how many were received, accepted and so on.

        Raises UnexpectedAnswerError.
        """
        ...


Make = Callable[[Contract, str], Wire]
"""Given the contract and the text of the key: its wire. Raises ValueError for a key it cannot use."""

_wires: dict[str, Make] = {}


def wire(prefix: str) -> Callable[[Make], Make]:
    """Register what makes the wire of contracts whose standard begins with ``prefix`` and a slash."""

    def keep(make: Make) -> Make:
        if prefix in _wires:
            raise ValueError(f"{prefix} has a wire already")
        _wires[prefix] = make
        return make

    return keep


def wire_of(contract: Contract, key: str) -> Wire:
    """The contract's own wire; CloudEvents where it names no standard. Raises ValueError, KeyError."""
    return _wires[contract.standard.partition("/")[0]](contract, key)


def counts_in(answer: Answer) -> dict[str, int]:
    """The account in the header that other standards' answers carry. Raises UnexpectedAnswerError."""
    counts = {name: int(value) for name, value in _counts.findall(answer.headers.get("balai-receipt", ""))}
    if set(counts) != set(COUNTS):
        raise UnexpectedAnswerError(said(answer))
    return counts


def said(answer: Answer) -> str:
    """An answer in one line, for a complaint."""
    return f"{answer.status}: {answer.body[:300].decode('utf-8', 'replace')}"


@wire("")
class EventsWire:
    """Batches of CloudEvents, the hub's own form."""

    most = 100

    def __init__(self, contract: Contract, key: str) -> None:
        self._contract, self._key = contract, key

    def tell(self, rows: Sequence[Row], name: str, send: Send) -> dict[str, int]:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": EVENTS, "Idempotency-Key": name}
        body = json.dumps([event_of(self._contract, row) for row in rows]).encode()
        outgoing = Outgoing("POST", "/v1/observations", headers, body)
        answer = send(lambda: outgoing)
        if answer.status != 202:
            raise UnexpectedAnswerError(said(answer))
        receipt = json.loads(answer.body)
        return {count: receipt[count] for count in COUNTS}
