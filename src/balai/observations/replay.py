"""Asked rows to the log: a node of the worker's own, by whose one way in each of them goes.

The log has the row before the hub's database says so. Killed in between, the next round gives the same batch
under the same idempotency key and is answered with its receipt; and whatever comes twice, the drainer knows
the row's event again. What the drainer has forgotten by then is looked for in the store's files.
"""

import asyncio
import logging
import re
import socket
from collections import defaultdict
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from balai.observations import places
from balai.observations.asgi import LogTakenError, Node
from balai.observations.checking import Checker
from balai.observations.contracts import read_contract
from balai.observations.drain import KEEP_IDS
from balai.observations.intake import Door, RefusedBatchError, SentReceipt
from balai.observations.models import DataKey, Quarantined, Receipt
from balai.observations.quarantine import (
    contract_of,
    faults_of,
    idempotency_of,
    read_again,
    why_not_now,
)
from balai.observations.quota import Bucket
from balai.observations.sealing import RowSeal
from balai.observations.store import connect, event_column, files_of, relation

logger = logging.getLogger(__name__)
AT_ONCE = 500
UNBOUNDED = 10**12
"""Rows a second and a day: what was charged when it came is not charged again."""


def node_name() -> str:
    """The folder of the log that this machine's workers write, one at a time."""
    host = re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().split(".")[0].lower()).strip("-")
    return f"replay-{host or 'host'}"[:60]


def replay() -> int:
    """Take the rows that were asked for and may be taken now; return how many. Another's round is let be."""
    rows = list(
        Quarantined.objects.filter(replayed_at=None)
        .exclude(asked_at=None)
        .exclude(sealed=None)
        .order_by("asked_at", "pk")[:AT_ONCE]
    )
    groups: dict[tuple[str, str], list[Quarantined]] = defaultdict(list)
    for row in rows:
        groups[row.contract, row.version.split(".")[0]].append(row)
    if not groups:
        return 0
    node = Node(node_name())
    try:
        node.open(follow=False)
    except LogTakenError:
        return 0
    try:
        return sum(_take_group(node, group) for group in groups.values())
    finally:
        asyncio.run(node.close())


def _take_group(node: Node, rows: list[Quarantined]) -> int:
    contract = contract_of(rows[0])
    if contract is None:
        _later(rows)
        return 0
    checker, seal = Checker(read_contract(contract.document)), RowSeal(places.row_key())
    keys = list(DataKey.objects.filter(pk__in={row.key for row in rows}, sandbox=False))
    opened = {key.pk for key in keys} - why_not_now(keys, contract).keys()
    fresh, old = [], []
    for row in rows:
        raw = seal.open(bytes(row.sealed or b""))
        if row.key not in opened:
            _later([row])
            continue
        if any(faults_of(checker, raw, timezone.now())):
            Quarantined.objects.filter(pk=row.pk).update(asked_at=None, tried_at=timezone.now())
        elif timezone.now() - row.received_at > KEEP_IDS - timedelta(days=1):
            old.append((row, raw))
        else:
            fresh.append((row, raw))
    known = _stored_before(old, checker)
    fresh += [(row, raw) for row, raw in old if row.pk not in known]
    taken = sum(_taken(row, known[row.pk]) for row, _raw in old if row.pk in known)
    for (row, _raw), receipt in zip(fresh, asyncio.run(_take(node, checker, fresh)), strict=True):
        if receipt is not None and not receipt.quarantined:
            taken += _taken(row, receipt.receipt_id)
    return taken


def _later(rows: list[Quarantined]) -> None:
    """Behind those that can be taken: what waits for a pilot to go on holds up nobody."""
    Quarantined.objects.filter(pk__in=[row.pk for row in rows]).update(asked_at=timezone.now())


async def _take(
    node: Node, checker: Checker, rows: list[tuple[Quarantined, bytes]]
) -> list[SentReceipt | None]:
    """Each row as a batch of its own, all of them synced together; None where nothing was written."""

    async def one(row: Quarantined, raw: bytes) -> SentReceipt | None:
        door = Door(
            id=row.key,
            secret_sha256=b"",
            checker=checker,
            sandbox=False,
            stopped="",
            rows_per_second=UNBOUNDED,
            rows_per_day=UNBOUNDED,
            bucket=Bucket(UNBOUNDED),
        )
        try:
            return await node.take(door, idempotency_of(row, raw), read_again, raw)
        except RefusedBatchError as refusal:
            logger.warning("A row in quarantine could not be taken: %s", refusal.code)
            return None

    return list(await asyncio.gather(*[one(row, raw) for row, raw in rows]))


def _stored_before(rows: list[tuple[Quarantined, bytes]], checker: Checker) -> dict[int, str]:
    """Rows whose event is in the store already, with the batch it came in: the drainer forgets them."""
    contract = checker.contract
    events: dict[str, list[int]] = defaultdict(list)
    for row, raw in rows:
        for one in read_again(checker, raw, timezone.now()).rows:
            events[getattr(one, contract.event.name)].append(row.pk)
    files = files_of(contract.table) if events else []
    if not files:
        return {}
    engine = connect(1)
    try:
        found = engine.execute(
            f"SELECT {event_column(contract)}, min(batch) FROM {relation(places.store(), files, contract)}"  # noqa: S608
            f" WHERE {event_column(contract)} IN (SELECT unnest(?)) GROUP BY 1",
            [list(events)],
        ).fetchall()
    finally:
        engine.close()
    return {pk: batch for event, batch in found for pk in events[event]}


def _taken(row: Quarantined, receipt: str) -> int:
    """Say once that the row was taken, on the row and on the receipt that quarantined it."""
    with transaction.atomic():
        changed = Quarantined.objects.filter(pk=row.pk, replayed_at=None).update(
            replayed_at=timezone.now(), receipt=receipt
        )
        if changed:
            Receipt.objects.filter(pk=row.batch).update(replayed=F("replayed") + 1)
    return changed
