"""What GovStack and G2P Connect say of payments to people, as rows of a contract of disbursements.

The payee's number becomes the contract's subject, which the intake hashes; names, narrations, notes and the
rest are read by nothing. What is built like an identity number is no number of a batch or an instruction.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, field

from balai.observations.checking import MOST_ROWS, Bad, Checked, Checker
from balai.observations.disbursing import (
    BATCH,
    CODE,
    FAILED,
    INSTRUCTED,
    INSTRUCTION,
    KIND,
    PAID,
    PENDING,
    Names,
    names_of,
    number_of,
)
from balai.observations.intake import RefusedBatchError

STATES = {"rcvd": PENDING, "pdng": PENDING, "succ": PAID, "rjct": FAILED}
"""What G2P Connect's states are in the books."""
REASONS = frozenset(
    f"rjct.{what}"
    for what in (
        "reference_id.invalid",
        "reference_id.duplicate",
        "timestamp.invalid",
        "payer_fa.invalid",
        "payee_fa.invalid",
        "amount.invalid",
        "schedule_ts.invalid",
        "currency_code.invalid",
    )
)
IDENTITY = re.compile(
    r"(1[1-9]|21|3[1-6]|5[1-3]|6[1-5]|7[1-6]|8[12]|9[1-7])\d{4}"
    r"([04][1-9]|[1256]\d|[37][01])(0[1-9]|1[0-2])\d{6}"
)
"""What is built like a NIK: province, regency and district, day (women's + 40), month, year, serial."""
_amount = re.compile(r"\d{1,13}\.\d{1,2}")
_place = re.compile(r" - at `(?:key in )?\$(.*)`$")
_encode = msgspec.json.encode

Twelve = Annotated[str, Meta(min_length=12, max_length=12)]
Short = Annotated[str, Meta(min_length=1, max_length=99)]


class Handover(msgspec.Struct):
    """GovStack's envelope of credit instructions."""

    request: Twelve = field(name="RequestID")
    source: Twelve = field(name="SourceBBID")
    batch: Twelve = field(name="BatchID")
    instructions: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MOST_ROWS)] = field(
        name="CreditInstructions"
    )


class Instruction(msgspec.Struct):
    """One credit instruction of GovStack."""

    number: Annotated[str, Meta(min_length=16, max_length=16)] = field(name="InstructionID")
    payee: Annotated[str, Meta(min_length=20, max_length=20)] = field(name="PayeeFunctionalID")
    amount: int | float = field(name="Amount")
    currency: Annotated[str, Meta(min_length=3, max_length=3)] = field(name="Currency")
    narration: Annotated[str, Meta(max_length=50)] | None = field(name="Narration", default=None)


class Asked(msgspec.Struct):
    """GovStack's question for the outcome of a validation."""

    request: Twelve = field(name="RequestID")
    batch: Twelve = field(name="Source_BatchID")


class Head(msgspec.Struct):
    """G2P Connect's callback header, as far as the books need it."""

    message_id: Short
    message_ts: Annotated[datetime, Meta(tz=True)]
    action: str
    status: str
    version: str = "1.0.0"
    sender_id: Annotated[str, Meta(max_length=200)] = ""
    is_msg_encrypted: bool = False
    meta: dict[str, Any] | None = None


class Callback(msgspec.Struct):
    """G2P Connect's envelope."""

    header: Head
    message: msgspec.Raw
    signature: str | None = None


class Statuses(msgspec.Struct):
    """The disbursement response of one batch."""

    transaction_id: Short
    disbursements_status: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MOST_ROWS)]


class Outcome(msgspec.Struct):
    """What a question for the state of a batch is answered with."""

    txn_type: str
    txn_status: Statuses


class OnStatus(msgspec.Struct):
    """The answer to a status request."""

    transaction_id: Short
    txnstatus_response: Outcome


class Status(msgspec.Struct):
    """The state of one disbursement."""

    reference_id: Short
    timestamp: Annotated[datetime, Meta(tz=True)]
    status: str
    status_reason_code: str | None = None
    amount: str | None = None
    currency_code: str | None = None
    payee_fa: Annotated[str, Meta(max_length=200)] | None = None


class ItemError(Exception):
    """An item is wrong at ``pointer`` within it."""

    def __init__(self, pointer: str, reason: str) -> None:
        self.pointer, self.reason = pointer, reason
        super().__init__(reason)


Row = dict[str, Any]
Make = Callable[[Names, bytes], Row]
"""Makes one row of one item. Raises ItemError."""


@dataclass(frozen=True)
class Items:
    """The items of one envelope: their place in the body, and how each becomes a row.

    ``sources`` names the item's member (or, with a slash, the place in the body) that a field came from;
    ``kept`` are the members that quarantine may keep of a wrong item.
    """

    place: str
    raws: Sequence[bytes]
    make: Make
    sources: Mapping[str, str]
    kept: tuple[str, ...]

    def read(self, checker: Checker, _body: bytes, now: datetime) -> Checked:
        """Every item as a row of the contract, or why it is none, by its place in the body."""
        names = names_of(checker.contract)
        assert names is not None
        made: list[Row | Bad] = []
        raws: list[bytes] = []
        for number, raw in enumerate(self.raws):
            try:
                row = self.make(names, raw)
                made.append(row)
                raws.append(_encode(row))
            except ItemError as fault:
                reason = fault.reason
                made.append(Bad(number, f"{self.place}/{number}{fault.pointer}", reason, self._spared(raw)))
                raws.append(b"")
        checked = checker.check_made(made, raws, now)
        mine = {number for number, one in enumerate(made) if isinstance(one, Bad)}
        bad = [one if one.row in mine else self._placed(one, names) for one in checked.bad]
        return Checked(checked.rows, bad)

    def _placed(self, bad: Bad, names: Names) -> Bad:
        """A fault of the made row, at the member that it came from."""
        field = bad.pointer.lstrip("/")
        called = {getattr(names, what): what for what in ("at", "amount", "subject", "zone", "wait")}
        to = self.sources.get(called.get(field, field), "") if field else ""
        return replace(bad, pointer=to if to.startswith("/") else f"{self.place}/{bad.row}/{to}".rstrip("/"))

    def _spared(self, raw: bytes) -> bytes | None:
        """What quarantine may keep of a wrong item: members known here, none that may name a person."""
        try:
            item = msgspec.json.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if not isinstance(item, dict):
            return None
        kept = {name: item[name] for name in self.kept if isinstance(item.get(name), str | int | float)}
        if any(isinstance(value, str) and IDENTITY.fullmatch(value) for value in kept.values()):
            return None
        return _encode(kept)


def instructed(handover: Handover, at: datetime, *, narrated: bool = False) -> Items:
    """Credit instructions as rows of the kind ``instructed``; ``narrated`` asks for narrations too."""

    def make(names: Names, raw: bytes) -> Row:
        one = _item(raw, Instruction)
        _no_identity(one.number, "/InstructionID")
        if narrated and one.narration is None:
            raise ItemError("/Narration", "needed")
        if one.currency != names.currency:
            raise ItemError("/Currency", f"the contract takes amounts in {names.currency}")
        if one.amount != int(one.amount):
            raise ItemError("/Amount", "not a whole amount")
        amount = int(one.amount)
        row = _row(names, handover.batch, one.number, INSTRUCTED, amount, at)
        if names.subject:
            row[names.subject] = one.payee.lower()
        return row

    sources = {
        BATCH: "/BatchID", INSTRUCTION: "InstructionID", "subject": "PayeeFunctionalID",
        "amount": "Amount", "at": "",
    }  # fmt: skip
    kept = ("InstructionID", "PayeeFunctionalID", "Amount", "Currency")
    return Items("/CreditInstructions", handover.instructions, make, sources, kept)


def reported(head: Head, statuses: Statuses, place: str) -> Items:
    """States of disbursements as rows: paid, failed, or still under way. Raises RefusedBatchError."""
    if IDENTITY.fullmatch(statuses.transaction_id):
        raise RefusedBatchError(400, "envelope", "The transaction_id is built like an identity number.")
    meta = head.meta or {}
    zone, since = meta.get("zone"), _time(meta.get("instructed_at"))

    def make(names: Names, raw: bytes) -> Row:
        one = _item(raw, Status)
        _no_identity(one.reference_id, "/reference_id")
        kind = STATES.get(one.status)
        if kind is None:
            raise ItemError("/status", f"none of {', '.join(STATES)}")
        if one.currency_code is not None and one.currency_code != names.currency:
            raise ItemError("/currency_code", f"the contract takes amounts in {names.currency}")
        amount = _whole(one.amount)
        if kind == PAID and amount is None:
            raise ItemError("/amount", "a payment without its amount is in no books")
        if kind != PAID:
            amount = amount or None
        row = _row(names, statuses.transaction_id, one.reference_id, kind, amount, one.timestamp)
        if one.status_reason_code is not None:
            if one.status_reason_code not in REASONS:
                raise ItemError("/status_reason_code", "none of the standard's reasons")
            row[CODE] = one.status_reason_code
        if names.subject and one.payee_fa:
            row[names.subject] = payee(one.payee_fa)
        if names.zone and zone is not None:
            row[names.zone] = zone
        if names.wait and kind == PAID and since is not None and one.timestamp >= since:
            row[names.wait] = int((one.timestamp - since).total_seconds())
        return row

    sources = {
        BATCH: place.removesuffix("disbursements_status") + "transaction_id", INSTRUCTION: "reference_id",
        "subject": "payee_fa", "amount": "amount", "at": "timestamp",
        "zone": "/header/meta/zone", "wait": "/header/meta/instructed_at",
    }  # fmt: skip
    kept = ("reference_id", "timestamp", "status", "status_reason_code", "amount", "currency_code")
    return Items(place, statuses.disbursements_status, make, sources, kept)


def payee(address: str) -> str:
    """The number in a financial address such as ``token:12345@bank``, whichever the bank."""
    return address.partition("@")[0].rpartition(":")[2].lower()


def _row(names: Names, batch: str, number: str, kind: str, amount: int | None, at: datetime) -> Row:
    """The row without its payee. An instruction names no time, and what is under way a new one each time."""
    said = None if kind in (INSTRUCTED, PENDING) else at
    row: Row = {
        names.event: number_of(batch, number, kind, amount, said),
        names.at: at,
        KIND: kind,
        BATCH: batch,
        INSTRUCTION: number,
    }
    if amount is not None:
        row[names.amount] = amount
    return row


def _item[T](raw: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        text = str(fault)
        if not isinstance(fault, msgspec.ValidationError):
            raise ItemError("", "not readable") from None
        found = _place.search(text)
        place = found[1].replace(".", "/") if found else ""
        raise ItemError(place, text[: found.start()] if found else text) from None


def _no_identity(number: str, pointer: str) -> None:
    if IDENTITY.fullmatch(number):
        raise ItemError(pointer, "built like an identity number; number it otherwise")


def _whole(amount: str | None) -> int | None:
    if amount is None:
        return None
    if not _amount.fullmatch(amount):
        raise ItemError("/amount", "not an amount of the form 150000.00")
    whole, _dot, part = amount.partition(".")
    if part.strip("0"):
        raise ItemError("/amount", "not a whole amount")
    return int(whole)


def _time(value: object) -> datetime | None:
    """A time with its zone; None for anything else."""
    try:
        at: datetime = msgspec.convert(value, Annotated[datetime, Meta(tz=True)])
    except msgspec.ValidationError:
        return None
    return at


def envelope[T](body: bytes, shape: type[T]) -> T:
    """The envelope. Raises RefusedBatchError with what is wrong, never with what was sent."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise RefusedBatchError(400, "envelope", str(fault)[:300]) from None
