"""Payments to people, made up: batches whose money adds up, told as GovStack and G2P Connect tell of them.

One batch a day. Some days all of it is paid; on others some is still under way, or a payment was made twice,
so that the books have something to show. Nobody is behind any number.
"""

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta, timezone
from email.utils import format_datetime
from itertools import groupby
from typing import Any

from balai.observations.contracts import Contract
from balai.observations.describing import Row
from balai.observations.disbursing import (
    BATCH,
    CODE,
    FAILED,
    INSTRUCTED,
    INSTRUCTION,
    KIND,
    PAID,
    PENDING,
    RETURNED,
    Names,
    names_of,
    number_of,
)
from balai.observations.simulating.wire import (
    COUNTS,
    Answer,
    EventsWire,
    Outgoing,
    Send,
    UnexpectedAnswerError,
    counts_in,
    said,
    wire,
)

AMOUNTS = (200_000, 300_000, 600_000)
REASONS = ("rjct.payee_fa.invalid", "rjct.payee_fa.invalid", "rjct.amount.invalid", "rjct.timestamp.invalid")
STATES = {PAID: "succ", FAILED: "rjct", PENDING: "pdng"}


def disbursements(
    contract: Contract,
    day: date,
    count: int,
    *,
    seed: int,
    hours_ahead: int,
    people: int,
    zones: Sequence[str],
) -> Iterator[dict[str, Any]]:
    """About ``count`` rows of one local day by time: a batch of half as many instructions."""
    names = _names(contract)
    chance = random.Random(f"{contract.id} {day} {seed}")  # noqa: S311 - made-up rows need no secrecy
    morning = datetime(day.year, day.month, day.day, 7, 30, tzinfo=timezone(timedelta(hours=hours_ahead)))
    size = max(count // 2, 1)
    batch = f"BANSOS{day:%y%m%d}" if not seed else f"BS{day:%y%m%d}{seed % 10_000:04d}"
    profile = ("whole", "usual", "open", "odd")[day.toordinal() % 4]
    rows: list[dict[str, Any]] = []
    payees = chance.sample(range(max(people, size)), size)
    for number, payee in enumerate(payees):
        about = {
            BATCH: batch,
            INSTRUCTION: f"P{day:%y%m%d}{seed % 100:02d}{number:07d}",
            names.subject: f"simulated-{payee:010d}",
        }
        amount = chance.choice(AMOUNTS)
        rows.append(_row(names, about, INSTRUCTED, amount, morning))
        told = {**about, names.zone: chance.choices(zones, [len(zones) - n for n in range(len(zones))])[0]}
        rows += _life(names, told, amount, morning, profile, chance, first=number == 0)
    yield from sorted(rows, key=lambda row: (row[names.at], row[names.event]))


def _life(
    names: Names,
    about: Row,
    amount: int,
    since: datetime,
    profile: str,
    chance: random.Random,
    *,
    first: bool,
) -> Iterator[dict[str, Any]]:
    """What became of one instruction, within its day."""
    fate = chance.random()
    wait = timedelta(seconds=min(600 + round(chance.lognormvariate(0, 0.7) * 5400), 12 * 3600))
    if profile == "open" and fate < 0.08:
        yield _row(names, about, PENDING, None, since + wait)
    elif profile != "whole" and fate < 0.11:
        yield {**_row(names, about, FAILED, None, since + wait), CODE: chance.choice(REASONS)}
    else:
        paid = _row(names, about, PAID, amount, since + wait)
        yield {**paid, names.wait: int(wait.total_seconds())}
        if profile == "odd" and first:
            yield _row(names, about, PAID, amount, since + wait + timedelta(minutes=10))
        elif profile == "usual" and fate > 0.985:
            yield _row(names, about, RETURNED, amount, since + wait + timedelta(hours=1))


def _row(names: Names, about: Row, kind: str, amount: int | None, at: datetime) -> dict[str, Any]:
    told = None if kind in (INSTRUCTED, PENDING) else at
    row = {
        names.event: number_of(about[BATCH], about[INSTRUCTION], kind, amount, told),
        names.at: at.isoformat(),
        KIND: kind,
        **about,
    }
    return row if amount is None else row | {names.amount: amount}


@wire("g2p")
class DisbursementsWire:
    """Instructions by GovStack's bulk payment, reports by G2P Connect's callback, returns in plain events."""

    most = 500

    def __init__(self, contract: Contract, key: str) -> None:
        """Raises ValueError for a contract that is not of disbursements."""
        self._names, self._key = _names(contract), key
        self._plain = EventsWire(contract, key)

    def tell(self, rows: Sequence[Row], name: str, send: Send) -> dict[str, int]:
        told = dict.fromkeys(COUNTS, 0)
        for number, (envelope, some) in enumerate(groupby(sorted(rows, key=self._envelope), self._envelope)):
            part = list(some)
            kind, batch, at, zone = envelope
            if kind == RETURNED:
                counts = self._plain.tell(part, f"{name}-{number}", send)
            elif kind == INSTRUCTED:
                counts = self._post(
                    "/g2p/bulk-payment", self._handover(part, f"{name}-{number}", batch, at), send, at
                )
            else:
                counts = self._post(
                    "/g2p/on-disburse", self._callback(part, f"{name}-{number}", batch, zone, at), send
                )
            for count in COUNTS:
                told[count] += counts[count]
        return told

    def _envelope(self, row: Row) -> tuple[str, str, str, str]:
        """What goes in one request: kind, batch, when it was instructed (where it is known), zone."""
        kind, names = row[KIND], self._names
        at = ""
        if kind == INSTRUCTED:
            at = row[names.at]
        elif names.wait in row:
            at = (datetime.fromisoformat(row[names.at]) - timedelta(seconds=row[names.wait])).isoformat()
        return (
            kind if kind in (INSTRUCTED, RETURNED) else "", row[BATCH], at,
            "" if kind == INSTRUCTED else row.get(names.zone, ""),
        )  # fmt: skip

    def _handover(self, rows: Sequence[Row], name: str, batch: str, at: str) -> dict[str, Any]:
        names = self._names
        return {
            "RequestID": hashlib.sha256(name.encode()).hexdigest()[:12],
            "SourceBBID": "DINAS-SOSIAL",
            "BatchID": batch,
            "CreditInstructions": [
                {
                    "InstructionID": row[INSTRUCTION],
                    "PayeeFunctionalID": row[names.subject],
                    "Amount": row[names.amount],
                    "Currency": names.currency,
                    "Narration": f"Simulasi {at[:10]}",
                }
                for row in rows
            ],
        }

    def _callback(self, rows: Sequence[Row], name: str, batch: str, zone: str, since: str) -> dict[str, Any]:
        names = self._names
        meta = {"zone": zone, "instructed_at": since}
        header = {
            "version": "1.0.0",
            "message_id": name,
            "message_ts": rows[-1][names.at],
            "action": "on-disburse",
            "status": "succ",
            "total_count": len(rows),
            "sender_id": "simulated.example",
            "meta": {key: value for key, value in meta.items() if value},
        }
        statuses = [self._status(row) for row in rows]
        message = {"transaction_id": batch, "disbursements_status": statuses}
        return {"header": header, "message": message}

    def _status(self, row: Row) -> dict[str, Any]:
        names = self._names
        status = {
            "reference_id": row[INSTRUCTION],
            "timestamp": row[names.at],
            "status": STATES[row[KIND]],
            "payee_fa": f"token:{row[names.subject]}@simulated-bank",
            "currency_code": names.currency,
        }
        if names.amount in row:
            status["amount"] = f"{row[names.amount]}.00"
        if CODE in row:
            status["status_reason_code"] = row[CODE]
        return status

    def _post(self, path: str, body: dict[str, Any], send: Send, at: str = "") -> dict[str, int]:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        if at:
            headers["Date"] = format_datetime(datetime.fromisoformat(at))
        outgoing = Outgoing("POST", path, headers, json.dumps(body).encode())
        return _told(send(lambda: outgoing))


def _names(contract: Contract) -> Names:
    names = names_of(contract)
    if names is None or not (names.subject and names.zone and names.wait):
        raise ValueError(f"{contract.id} is no contract of disbursements that is simulated.")
    return names


def _told(answer: Answer) -> dict[str, int]:
    if answer.status != 200:
        raise UnexpectedAnswerError(said(answer))
    return counts_in(answer)
