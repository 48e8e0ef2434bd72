"""Money to people at the door: GovStack's bulk payment, and the disbursement status of G2P Connect.

An instruction and every word about it are rows of a contract of disbursements. The hub keeps books; it pays
nobody. Sources: GovStack Payments building block, `/bulk-payment` and `/prepayment-validation` as its open
test suite calls them; G2P Connect disburse API 1.0.0, `/on-disburse` and `/disburse/txn/on-status`.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from balai.observations.checking import Bad
from balai.observations.disbursing import names_of
from balai.observations.intake import Door, RefusedBatchError, SentReceipt
from balai.observations.standards.door import Address, Reply, Request, standard
from balai.observations.standards.g2p_items import (
    IDENTITY,
    STATES,
    Asked,
    Callback,
    Handover,
    Head,
    OnStatus,
    Statuses,
    Twelve,
    envelope,
    instructed,
    reported,
)

if TYPE_CHECKING:
    from balai.observations.asgi import Node

ON_DISBURSE, ON_STATUS = "/g2p/on-disburse", "/g2p/disburse/txn/on-status"
REMEMBERED = 200
"""Validations whose outcome a node can be asked for again."""
MOST_FAILURES = 1000
ERRORS = {
    401: "err.request.unauthorized",
    403: "err.request.forbidden",
    404: "err.request.not_found",
    429: "err.request.too_many_requests",
    503: "err.service.unavailable",
    "encrypted": "err.encryption.invalid",
    "version": "err.version.not_supported",
}
"""G2P Connect's codes, by the refusal's own code or its status; err.request.bad for any other."""
_encode = msgspec.json.encode


class RefusedRequestError(RefusedBatchError):
    """A refusal that repeats the number of the request it answers."""

    def __init__(self, fault: RefusedBatchError, number: str) -> None:
        super().__init__(fault.status, fault.code, fault.detail, fault.retry_after, fault.door)
        self.number = number


@dataclass(frozen=True, slots=True)
class Call:
    """One request whose key has opened a contract of disbursements."""

    node: "Node"
    door: Door
    request: Request
    body: bytes


class Disbursements:
    """The handler of every path below /g2p/."""

    def __init__(self) -> None:
        self._validated: OrderedDict[tuple[str, str, str], tuple[int, list[dict[str, str]]]] = OrderedDict()
        self._ways = {
            "/g2p/bulk-payment": self._pay,
            "/g2p/prepayment-validation": self._validate,
            "/g2p/prepayment-validation-response": self._recall,
            ON_DISBURSE: self._on_disburse,
            ON_STATUS: self._on_status,
        }

    async def answer(self, node: "Node", request: Request) -> Reply:
        """Raises RefusedBatchError."""
        way = self._ways.get(request.path)
        if way is None:
            raise RefusedBatchError(404, "path", "There is nothing here.")
        if request.method != "POST":
            raise RefusedBatchError(405, "method", "Only POST is known here.")
        door = node.door(request.header("authorization"))
        if names_of(door.checker.contract) is None:
            raise RefusedBatchError(403, "contract", "The key opens a contract that is not of disbursements.")
        if request.header("content-type").split(";")[0].strip().lower() != "application/json":
            raise RefusedBatchError(415, "content-type", "Send application/json.")
        body = await request.body()
        try:
            return replace(await way(Call(node, door, request, body)), door=door)
        except RefusedBatchError as fault:
            raise RefusedRequestError(fault, _number_in(body, request.path)) from None

    def refusal(self, fault: RefusedBatchError, request: Request) -> Reply:
        """In GovStack's form or in G2P Connect's, by the path."""
        more: tuple[tuple[bytes, bytes], ...] = ()
        if fault.retry_after:
            more = ((b"retry-after", str(max(1, round(fault.retry_after))).encode()),)
        number = fault.number if isinstance(fault, RefusedRequestError) else ""
        if request.path not in (ON_DISBURSE, ON_STATUS):
            return Reply(fault.status, _response("01", fault.detail, number), headers=more)
        code = ERRORS.get(fault.code) or ERRORS.get(fault.status, "err.request.bad")
        error = {"code": code, "message": fault.detail[:999]}
        body = _encode({"errors": [error]}) if fault.status in (401, 403, 503) else _ack("ERR", number, error)
        return Reply(fault.status, body, headers=more)

    async def _pay(self, call: Call) -> Reply:
        """A batch of credit instructions, into the books."""
        handover = envelope(call.body, Handover)
        items = instructed(handover, _sent_at(call.request))
        number = _idempotency("govstack", handover.source, handover.request)
        receipt = await call.node.take(call.door, number, items.read, call.body)
        code = "00" if receipt.accepted or receipt.duplicates else "01"
        return Reply(200, _response(code, _said(receipt), handover.request), headers=_receipt(receipt))

    async def _validate(self, call: Call) -> Reply:
        """The same check, with nothing kept: whether the instructions would be taken, and why not.

        The standard answers what is wrong with 200 and the code 01.
        """
        try:
            handover = envelope(call.body, Handover)
        except RefusedBatchError as fault:
            if not (number := _number_in(call.body, call.request.path)):
                raise
            return Reply(200, _response("01", fault.detail, number))
        if wait := call.door.bucket.take(len(handover.instructions)):
            raise RefusedBatchError(429, "rate", "More rows than the key may send now.", retry_after=wait)
        now = datetime.now(UTC)
        bad = instructed(handover, now, narrated=True).read(call.door.checker, call.body, now).bad
        failures = [_failed(handover.instructions[one.row], one) for one in bad[:MOST_FAILURES]]
        self._validated[(call.door.id, handover.request, handover.batch)] = (len(bad), failures)
        while len(self._validated) > REMEMBERED:
            self._validated.popitem(last=False)
        if bad:
            words = f"{len(bad)} would not be taken; {bad[0].pointer}: {bad[0].reason}"
            return Reply(200, _response("01", words, handover.request))
        words = f"{len(handover.instructions)} instructions can be taken"
        return Reply(200, _response("00", words, handover.request))

    async def _recall(self, call: Call) -> Reply:
        """The outcome of a validation that this node made lately."""
        asked = envelope(call.body, Asked)
        known = self._validated.get((call.door.id, asked.request, asked.batch))
        if known is None:
            raise RefusedBatchError(404, "unknown", "This node knows no such validation; ask for it again.")
        count, failures = known
        answer = {
            "RequestID": asked.request,
            "Source_BatchID": asked.batch,
            "NumberFailedCases": count,
            "FailedAccounts": failures,
        }
        return Reply(200, _encode(answer))

    async def _on_disburse(self, call: Call) -> Reply:
        callback = _callback(call.body)
        statuses = envelope(callback.message, Statuses)
        return await _report(call, callback.header, statuses, "/message/disbursements_status")

    async def _on_status(self, call: Call) -> Reply:
        callback = _callback(call.body)
        outcome = envelope(callback.message, OnStatus).txnstatus_response
        if outcome.txn_type != "on-disburse":
            raise RefusedBatchError(400, "action", "Only the state of disbursements is known here.")
        place = "/message/txnstatus_response/txn_status/disbursements_status"
        return await _report(call, callback.header, outcome.txn_status, place)


def _callback(body: bytes) -> Callback:
    """The envelope. Raises RefusedBatchError.

    A signature in it is not looked at: the key has said who sends, and the line is encrypted.
    """
    callback = envelope(body, Callback)
    head = callback.header
    if not head.version.startswith("1."):
        raise RefusedBatchError(400, "version", "Version 1 is spoken here.")
    if head.is_msg_encrypted:
        raise RefusedBatchError(400, "encrypted", "Encrypted messages are not read here; the line is.")
    if head.action != "on-disburse":
        raise RefusedBatchError(400, "action", "Only on-disburse is known here.")
    if head.status not in STATES:
        raise RefusedBatchError(400, "envelope", f"header.status is none of {', '.join(STATES)}.")
    return callback


async def _report(call: Call, head: Head, statuses: Statuses, place: str) -> Reply:
    """States of disbursements, into the books."""
    number = _idempotency("g2p-connect", head.sender_id, head.message_id)
    items = reported(head, statuses, place)
    receipt = await call.node.take(call.door, number, items.read, call.body)
    error = {"code": "err.request.bad", "message": _said(receipt)} if receipt.quarantined else None
    taken = "ACK" if receipt.accepted or receipt.duplicates else "ERR"
    return Reply(200, _ack(taken, receipt.receipt_id, error), headers=_receipt(receipt))


def _ack(status: str, number: str, error: dict[str, str] | None) -> bytes:
    message: dict[str, Any] = {
        "ack_status": status,
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "correlation_id": number,
    }
    return _encode({"message": message | ({"error": error} if error else {})})


def _response(code: str, words: str, number: str) -> bytes:
    return _encode({"ResponseCode": code, "ResponseDescription": words[:200], "RequestID": number})


def _idempotency(*words: str) -> str:
    """An idempotency key of what a standard numbers its requests by."""
    return hashlib.sha256(_encode(words)).hexdigest()


def _said(receipt: SentReceipt) -> str:
    """A receipt in one line."""
    text = (
        f"{receipt.received} received, {receipt.accepted} taken, {receipt.duplicates} known,"
        f" {receipt.quarantined} not taken (receipt {receipt.receipt_id})"
    )
    if receipt.problems:
        first = receipt.problems[0]
        text += f"; {first['pointer']}: {first['reason']}"
    return text


def _receipt(receipt: SentReceipt) -> tuple[tuple[bytes, bytes], ...]:
    """The account of the batch, for whom the standard's own words are not enough."""
    text = (
        f"{receipt.receipt_id}; received={receipt.received}; accepted={receipt.accepted}; "
        f"quarantined={receipt.quarantined}; duplicates={receipt.duplicates}"
    )
    return ((b"balai-receipt", text.encode()),)


class _Request(msgspec.Struct):
    RequestID: Twelve


class _Message(msgspec.Struct):
    class Head(msgspec.Struct):
        message_id: Annotated[str, msgspec.Meta(max_length=99)]

    header: Head


def _number_in(body: bytes, path: str) -> str:
    """The number of the request, where the body has one."""
    try:
        if path in (ON_DISBURSE, ON_STATUS):
            return msgspec.json.decode(body, type=_Message).header.message_id
        return msgspec.json.decode(body, type=_Request).RequestID
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


class _Instruction(msgspec.Struct):
    InstructionID: Annotated[str, msgspec.Meta(max_length=16)]


def _failed(raw: bytes, bad: Bad) -> dict[str, str]:
    """A failed case as GovStack names it: the instruction, where its number may be said, and why."""
    try:
        number = msgspec.json.decode(raw, type=_Instruction).InstructionID
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        number = ""
    number = "" if IDENTITY.fullmatch(number) else number
    return {"InstructionID": number, "FailureReason": f"{bad.pointer}: {bad.reason}"}


def _sent_at(request: Request) -> datetime:
    """When the request was made: what its Date header says, or now. Raises RefusedBatchError."""
    said = request.header("date")
    if not said:
        return datetime.now(UTC)
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, TypeError):
        raise RefusedBatchError(400, "date", "The Date header is no date.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


GOVSTACK = "https://github.com/GovStackWorkingGroup/bb-payments"
CONNECT = "https://github.com/G2P-Connect/specs"
standard(
    "g2p",
    Disbursements(),
    {
        "g2p/disbursement": (
            Address("POST", "/g2p/bulk-payment", GOVSTACK),
            Address("POST", "/g2p/prepayment-validation", GOVSTACK),
            Address("POST", "/g2p/prepayment-validation-response", GOVSTACK),
            Address("POST", ON_DISBURSE, CONNECT),
            Address("POST", ON_STATUS, CONNECT),
        )
    },
)
