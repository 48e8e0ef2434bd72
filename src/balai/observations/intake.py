"""What happens to one batch: who sends it, whether it may, what is right in it, and what is answered.

``received = accepted + quarantined + duplicates`` in every receipt. Nothing here knows HTTP; `asgi` does.
"""

import hashlib
import random
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import compress
from operator import attrgetter
from typing import Any

import msgspec

from balai.observations.checking import Bad, Checked, Checker, EnvelopeError, times_in
from balai.observations.contracts import Contract, Role
from balai.observations.quota import Bucket
from balai.observations.segments import Header, Place, Record
from balai.observations.subjects import SubjectKeys, digests

_noise = random.Random()  # noqa: S311
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVENTS = "application/cloudevents-batch+json"
ROWS = "application/x-ndjson"
LONGEST_KEPT = 64 * 1024
"""Bytes of a wrong row that are worth keeping: longer ones are told and not kept."""
MOST_REMEMBERED_ROWS = 1_000_000
MOST_REMEMBERED_ANSWERS = 100_000


Reader = Callable[[Checker, bytes, datetime], Checked]
"""Reads a body of another standard as rows of the contract; raises EnvelopeError."""


class RefusedBatchError(Exception):
    """The batch is refused as a whole. ``status`` is the HTTP status, ``code`` names the reason.

    ``door`` is whose limits refused it.
    """

    def __init__(
        self, status: int, code: str, detail: str, retry_after: float = 0.0, door: "Door | None" = None
    ) -> None:
        self.status, self.code, self.detail, self.retry_after = status, code, detail, retry_after
        self.door = door
        super().__init__(detail)


class SentReceipt(msgspec.Struct, frozen=True):
    """What the sender is told. ``lsn`` says where in the log the batch lies."""

    receipt_id: str
    contract: str
    version: str
    received: int
    accepted: int
    quarantined: int
    duplicates: int
    sandbox: bool
    lsn: str = ""
    problems: list[dict[str, Any]] = []


@dataclass
class Sent:
    """The rows of a key on a UTC day, shared by the doors that follow each other: none is forgotten."""

    day: int = 0
    rows: int = 0


@dataclass
class Door:
    """One key as the intake knows it."""

    id: str
    secret_sha256: bytes
    checker: Checker
    sandbox: bool
    stopped: str
    rows_per_second: int
    rows_per_day: int
    bucket: Bucket
    today: Sent = field(default_factory=Sent)


@dataclass
class Prepared:
    """A batch that is ready for the log, and how to take it back where the log refuses it."""

    record: Record
    receipt: SentReceipt
    key: str
    idempotency: str
    digest: str
    fresh: list[str]


class Window:
    """The event ids seen lately, in two generations. Forgetting is safe: the store looks again at all."""

    def __init__(self, most: int = MOST_REMEMBERED_ROWS) -> None:
        self.most = most // 2
        self._young: set[str] = set()
        self._old: set[str] = set()

    def add(self, event: str) -> bool:
        """Remember the id; False where it was known."""
        if event in self._young or event in self._old:
            return False
        if len(self._young) >= self.most:
            self._old, self._young = self._young, set()
        self._young.add(event)
        return True

    def add_all(self, events: list[str]) -> bool:
        """Remember the ids where all of them are new; False where one is not, and then none is remembered."""
        new = set(events)
        if len(new) < len(events) or not (self._young.isdisjoint(new) and self._old.isdisjoint(new)):
            return False
        if len(self._young) >= self.most:
            self._old, self._young = self._young, set()
        self._young |= new
        return True

    def forget(self, events: Iterable[str]) -> None:
        for event in events:
            self._young.discard(event)
            self._old.discard(event)


@dataclass
class Meter:
    """Counts since the start, for the metrics page."""

    batches: int = 0
    received: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicates: int = 0
    bytes: int = 0
    refused: dict[str, int] = field(default_factory=dict)


class Intake:
    """Checks batches for one node. Not thread-safe: one event loop calls it."""

    def __init__(
        self,
        doors: Callable[[], Mapping[str, Door]],
        subjects: SubjectKeys,
        seal: Callable[[bytes], bytes],
        hours_ahead: int = 7,
    ) -> None:
        """``doors`` gives the keys as they stand now; ``seal`` encrypts the bytes of a quarantined row.

        ``hours_ahead`` of UTC is the local time that subjects' days are counted in.
        """
        self._midnight = EPOCH - timedelta(hours=hours_ahead)
        self._doors, self._subjects, self._seal = doors, subjects, seal
        self._keys: dict[tuple[str, int], bytes] = {}
        self._windows: dict[str, Window] = {}
        self._answers: OrderedDict[tuple[str, str], tuple[str, SentReceipt | None]] = OrderedDict()
        self.meter = Meter()

    def door(self, authorization: str) -> Door:
        """The door a bearer key opens. Raises RefusedBatchError (401, 403)."""
        scheme, _space, given = authorization.partition(" ")
        public, _dot, secret = given.strip().partition(".")
        parts = public.split("_")
        door = self._doors().get(parts[2]) if len(parts) == 3 and parts[0] == "chk" else None
        digest = hashlib.sha256(secret.encode()).digest()
        if (
            scheme.lower() != "bearer"
            or door is None
            or not secrets.compare_digest(digest, door.secret_sha256)
            or parts[1] != ("sandbox" if door.sandbox else "live")
        ):
            raise RefusedBatchError(401, "key", "The key is missing, unknown or wrong.")
        if door.stopped:
            raise RefusedBatchError(403, "stopped", door.stopped)
        return door

    def prepare(
        self, door: Door, idempotency: str, form: str | Reader, body: bytes, now: float | None = None
    ) -> Prepared | SentReceipt:
        """Check a batch in one of the two plain forms, or as another standard's reader reads it.

        Returns a receipt where this very batch was answered before.

        Raises RefusedBatchError: 400 for the envelope, 409 while the same batch is under way, 422 where its
        idempotency key came with another body, 429 beyond the quota.
        """
        if not 8 <= len(idempotency) <= 100:
            raise RefusedBatchError(
                400, "idempotency-key", "Send an Idempotency-Key of 8 to 100 characters with every batch."
            )
        now = time.time() if now is None else now
        fingerprint = hashlib.sha256(body).hexdigest()
        known = self._answers.get((door.id, idempotency))
        if known is not None:
            if known[0] != fingerprint:
                raise RefusedBatchError(
                    422, "idempotency-reused", "This Idempotency-Key came before with another body."
                )
            if known[1] is None:
                raise RefusedBatchError(409, "under-way", "This batch is being written.", retry_after=1.0)
            return known[1]
        checked = self._read(door, form, body, now)
        received = len(checked.rows) + len(checked.bad)
        self._charge(door, received, now)
        prepared = self._sort(door, idempotency, fingerprint, checked, received, now)
        self._answers[(door.id, idempotency)] = (fingerprint, None)
        return prepared

    def _read(self, door: Door, form: str | Reader, body: bytes, now: float) -> Checked:
        at = datetime.fromtimestamp(now, UTC)
        try:
            if form == EVENTS:
                return door.checker.check_events(body, at)
            if form == ROWS:
                return door.checker.check_rows(body, at)
            if not isinstance(form, str):
                return form(door.checker, body, at)
        except EnvelopeError as fault:
            raise RefusedBatchError(400, "envelope", str(fault)) from None
        raise RefusedBatchError(415, "content-type", f"Send {EVENTS} or {ROWS}.")

    def _charge(self, door: Door, rows: int, now: float) -> None:
        day = int(now // 86400)
        sent = door.today.rows if door.today.day == day else 0
        if sent + rows > door.rows_per_day:
            raise RefusedBatchError(
                429, "daily-quota", "The key's rows of today are used up.", 86400 - now % 86400, door
            )
        if wait := door.bucket.take(rows):
            raise RefusedBatchError(429, "rate", "More rows than the key may send now.", wait, door)
        door.today.day, door.today.rows = day, sent + rows

    def _sort(
        self, door: Door, idempotency: str, fingerprint: str, checked: Checked, received: int, now: float
    ) -> Prepared:
        contract = door.checker.contract
        table = ("sandbox:" if door.sandbox else "") + contract.table
        window = self._windows.setdefault(table, Window())
        event, subject = contract.event.name, contract.one(Role.SUBJECT)
        if subject is not None and checked.rows:
            self._hide(checked, contract, subject.name)
        if subject is not None and checked.bad:
            self._forget(checked.bad, contract)
        rows, bad = checked.rows, checked.bad
        fresh = list(map(attrgetter(event), rows))
        if not window.add_all(fresh):
            new = [window.add(key) for key in fresh]
            rows, fresh = list(compress(rows, new)), list(compress(fresh, new))
        batch = _uuid7(now)
        lines = door.checker.encode_lines(rows)
        sealed = msgspec.json.encode([_kept(one, self._seal) for one in bad]) if bad else b""
        header = Header(
            batch=batch,
            contract=contract.id,
            version=contract.version,
            table=contract.table,
            key=door.id,
            idempotency=idempotency,
            digest=fingerprint,
            received_at=now,
            received=received,
            accepted=len(rows),
            quarantined=len(bad),
            duplicates=received - len(rows) - len(bad),
            sandbox=door.sandbox,
            event=event,
            row_bytes=len(lines),
            bad_bytes=len(sealed),
        )
        receipt = SentReceipt(
            receipt_id=batch,
            contract=contract.id,
            version=contract.version,
            received=received,
            accepted=len(rows),
            quarantined=len(bad),
            duplicates=header.duplicates,
            sandbox=door.sandbox,
            problems=[{"row": one.row, "pointer": one.pointer, "reason": one.reason} for one in bad[:20]],
        )
        return Prepared(Record(header, lines, sealed), receipt, door.id, idempotency, fingerprint, fresh)

    def _hide(self, checked: Checked, contract: Contract, subject: str) -> None:
        """Put each row's subject under the key of its day; rows of an erased day are refused and not kept."""
        rows = checked.rows
        times = list(map(attrgetter(contract.time.name), rows))
        if self._day(min(times)) == (day := self._day(max(times))):
            by_day = {day: rows}
        else:
            by_day = {}
            for row, at in zip(rows, times, strict=True):
                by_day.setdefault(self._day(at), []).append(row)
        erased: set[int] = set()
        for day, some in by_day.items():
            try:
                key = self._key(contract.table, day)
            except LookupError:
                erased.add(day)
                continue
            hidden = digests(map(attrgetter(subject), some), key)
            for row in some:
                setattr(row, subject, hidden[getattr(row, subject)])
        if erased:
            self._refuse(checked, contract, [self._day(at) in erased for at in times])

    def _forget(self, bad: list[Bad], contract: Contract) -> None:
        """Keep the bytes of no wrong row of an erased day: subjects stand in them as they came.

        A row whose time cannot be read may be of any day.
        """
        erased = {(day - EPOCH.date()).days for day in self._subjects.erased(contract.table)}
        if not erased:
            return
        for number, one in enumerate(bad):
            if one.raw is not None:
                days = set(map(self._day, times_in(one.raw, contract.time.name)))
                if not days or days & erased:
                    bad[number] = replace(one, raw=None)

    def _key(self, table: str, day: int) -> bytes:
        """The key of a day. Whether it was destroyed is looked at once for the batches written together."""
        if (table, day) not in self._keys:
            self._keys[(table, day)] = self._subjects.key(table, EPOCH.date() + timedelta(day))
        return self._keys[(table, day)]

    def _refuse(self, checked: Checked, contract: Contract, erased: list[bool]) -> None:
        wrong = {one.row for one in checked.bad}
        numbers = [n for n in range(len(erased) + len(wrong)) if n not in wrong]
        checked.bad.extend(
            Bad(number, f"/{contract.time.name}", "the subjects of this day were erased", None)
            for number in compress(numbers, erased)
        )
        checked.bad.sort(key=lambda one: one.row)
        checked.rows[:] = [row for row, gone in zip(checked.rows, erased, strict=True) if not gone]

    def _day(self, at: datetime) -> int:
        return (at - self._midnight).days

    def kept(self, prepared: Prepared, place: Place, node: str) -> SentReceipt:
        """The log has the batch: the receipt to answer with, now and to every repetition."""
        self._keys.clear()
        receipt = msgspec.structs.replace(prepared.receipt, lsn=f"{node}/{place.segment}/{place.offset}")
        self._remember(prepared.key, prepared.idempotency, prepared.digest, receipt)
        meter, header = self.meter, prepared.record.header
        meter.batches += 1
        meter.received += header.received
        meter.accepted += header.accepted
        meter.quarantined += header.quarantined
        meter.duplicates += header.duplicates
        meter.bytes += header.row_bytes
        return receipt

    def lost(self, prepared: Prepared) -> None:
        """The log refused the batch: forget it, so that it may come again."""
        self._keys.clear()
        self._answers.pop((prepared.key, prepared.idempotency), None)
        header = prepared.record.header
        table = ("sandbox:" if header.sandbox else "") + header.table
        self._windows[table].forget(prepared.fresh)

    def recall(self, record: Record, place: Place, node: str, events: list[str]) -> None:
        """Remember a batch of the log after a restart."""
        header = record.header
        receipt = SentReceipt(
            receipt_id=header.batch,
            contract=header.contract,
            version=header.version,
            received=header.received,
            accepted=header.accepted,
            quarantined=header.quarantined,
            duplicates=header.duplicates,
            sandbox=header.sandbox,
            lsn=f"{node}/{place.segment}/{place.offset}",
        )
        self._remember(header.key, header.idempotency, header.digest, receipt)
        table = ("sandbox:" if header.sandbox else "") + header.table
        window = self._windows.setdefault(table, Window())
        if not window.add_all(events):
            for event in events:
                window.add(event)

    def _remember(self, key: str, idempotency: str, digest: str, receipt: SentReceipt) -> None:
        self._answers[(key, idempotency)] = (digest, receipt)
        while len(self._answers) > MOST_REMEMBERED_ANSWERS:
            oldest = next(iter(self._answers))
            if self._answers[oldest][1] is None:
                break
            del self._answers[oldest]


def _kept(bad: Bad, seal: Callable[[bytes], bytes]) -> dict[str, Any]:
    raw = seal(bad.raw) if bad.raw is not None and len(bad.raw) <= LONGEST_KEPT else None
    return {"row": bad.row, "pointer": bad.pointer[:200], "reason": bad.reason[:300], "sealed": raw}


def _uuid7(now: float) -> str:
    """A time-ordered UUID (RFC 9562, version 7): no two are the same, and it is no secret."""
    milliseconds = int(now * 1000) & (1 << 48) - 1
    noise = _noise.getrandbits(74)
    value = milliseconds << 80 | 7 << 76 | (noise >> 62) << 64 | 2 << 62 | noise & (1 << 62) - 1
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
