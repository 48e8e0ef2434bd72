"""SNAP BI at the door: a token for a signature, and payment notices of local tax signed in one of two ways.

With a token the call is signed with the client's secret (HMAC-SHA512); without one, as notices commonly are,
with the client's private key (SHA256withRSA). Answers carry SNAP's seven digits: HTTP status, service, case.
"""

import json
import re
import secrets
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from balai.observations import places
from balai.observations.checking import Bad, Checked, Checker, EnvelopeError, placed
from balai.observations.contracts import Contract, Role
from balai.observations.intake import Door, RefusedBatchError, SentReceipt
from balai.observations.sealing import key_in
from balai.observations.signing import (
    TOKEN_SECONDS,
    Client,
    Seen,
    bearer_of,
    issue_token,
    mac_holds,
    rsa_holds,
    signature_of,
    text_for_call,
    text_for_token,
    token_holds,
)
from balai.observations.snap_clients import LEVY, PAID
from balai.observations.standards.door import Address, Reply, Request, standard

if TYPE_CHECKING:
    from balai.observations.asgi import Node

WINDOW = timedelta(minutes=15)
"""How far a sender's clock may be from the hub's."""
LARGEST_NOTICE = 64 * 1024
TOKEN_PATH, PAYMENT_PATH = "/snap/v1.0/access-token/b2b", "/snap/v1.0/transfer-va/payment"
SERVICES = {TOKEN_PATH: "73", PAYMENT_PATH: "25"}
JAKARTA = timezone(timedelta(hours=7))
SAID = {
    400: (400, "Bad Request"),
    409: (409, "Conflict"),
    413: (400, "Bad Request"),
    415: (400, "Bad Request"),
    422: (409, "Conflict"),
    429: (429, "Too Many Requests"),
}
"""What the hub's own refusals are in SNAP's words; everything else is a general error."""
_moment = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_external = re.compile(r"[A-Za-z0-9-]{1,36}")
_missing = re.compile(r"missing required field `(.*?)`")

Text = Annotated[str, msgspec.Meta(max_length=255)]


class Amount(msgspec.Struct):
    """Money as SNAP writes it: a text with two decimals, and its currency."""

    value: Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,15})\.[0-9]{2}\Z")]
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]


class Levied(msgspec.Struct):
    """What the city asks for beyond the standard's own fields."""

    levy: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    zone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Notice(msgspec.Struct, rename="camel"):
    """The fields of a payment notice that are looked at; others may stand beside them."""

    partner_service_id: Annotated[str, msgspec.Meta(pattern=r"^ *[0-9]{1,8}\Z", max_length=8)]
    customer_no: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,20}\Z")]
    virtual_account_no: Annotated[str, msgspec.Meta(pattern=r"^ *[0-9]{1,28}\Z", max_length=28)]
    payment_request_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    paid_amount: Amount
    trx_date_time: Annotated[str, msgspec.Meta(pattern=rf"^{_moment.pattern}\Z")]
    additional_info: Levied
    virtual_account_name: Text | None = None
    virtual_account_email: Text | None = None
    virtual_account_phone: Annotated[str, msgspec.Meta(max_length=30)] | None = None
    trx_id: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    reference_no: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    total_amount: Amount | None = None
    cumulative_payment_amount: Amount | None = None
    bill_details: Annotated[list[dict[str, Any] | None], msgspec.Meta(max_length=24)] | None = None


class Grant(msgspec.Struct, rename="camel"):
    """What is asked for a token with."""

    grant_type: str


class SnapRefusalError(RefusedBatchError):
    """A refusal with SNAP's own case and message."""

    def __init__(self, status: int, case: str, code: str, message: str) -> None:
        self.case = case
        super().__init__(status, code, message)


class Snap:
    """Answers below /snap/. One for a node's process; it knows the signatures of the last half hour."""

    def __init__(self) -> None:
        self._seen = Seen(2 * WINDOW.total_seconds())
        self._keys: dict[Path, bytes] = {}

    async def answer(self, node: "Node", request: Request) -> Reply:
        if request.path not in SERVICES:
            raise SnapRefusalError(404, "00", "path", "Invalid API Path")
        if request.method != "POST":
            raise SnapRefusalError(405, "01", "method", "Requested Operation Is Not Allowed")
        if request.path == TOKEN_PATH:
            return await self._token(node, request)
        return await self._payment(node, request)

    def refusal(self, fault: RefusedBatchError, request: Request) -> Reply:
        if isinstance(fault, SnapRefusalError):
            status, case, message = fault.status, fault.case, fault.detail
        else:
            case = "00"
            status, message = SAID.get(fault.status, (500, "General Error"))
        more = []
        if fault.retry_after:
            more.append((b"retry-after", str(max(1, round(fault.retry_after))).encode()))
        return _reply(request, status, case, message, {}, more)

    async def _token(self, node: "Node", request: Request) -> Reply:
        now = time.time()
        name, timestamp = _header(request, "x-client-key"), _header(request, "x-timestamp")
        signature = signature_of(_header(request, "x-signature"))
        _fresh(timestamp, now)
        door, client = _known(node, name)
        if not rsa_holds(client.public_key, signature, text_for_token(name, timestamp)):
            raise _unauthorized("Signature", "signature")
        try:
            grant = msgspec.json.decode(await request.body(LARGEST_NOTICE), type=Grant)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
            raise _field(_place(fault)) from None
        if grant.grant_type != "client_credentials":
            raise _field(("/grantType", False))
        _open(door)
        self._first(signature, secrets.token_hex(8), now)
        token = issue_token(self._key(), client, now)
        more = {"accessToken": token, "tokenType": "Bearer", "expiresIn": str(TOKEN_SECONDS)}
        return _reply(request, 200, "00", "Successful", more)

    async def _payment(self, node: "Node", request: Request) -> Reply:
        now = time.time()
        name, timestamp = _header(request, "x-partner-id"), _header(request, "x-timestamp")
        number = _header(request, "x-external-id")
        signature = signature_of(_header(request, "x-signature"))
        if not _external.fullmatch(number):
            raise _field(("/X-EXTERNAL-ID", False))
        day = _fresh(timestamp, now).astimezone(JAKARTA).date()
        door, client = _known(node, name)
        scheme, _space, token = request.header("authorization").partition(" ")
        token = token.strip()
        if scheme and (scheme.lower() != "bearer" or not token):
            raise SnapRefusalError(401, "03", "token", "Token Not Found (B2B)")
        if token and not (bearer_of(token) == name and token_holds(self._key(), client, token, now)):
            raise SnapRefusalError(401, "01", "token", "Invalid Token (B2B)")
        body = await request.body(LARGEST_NOTICE)
        text = text_for_call(request.method, request.path, token, body, timestamp)
        holds = (
            mac_holds(client.secret, signature, text)
            if token
            else rsa_holds(client.public_key, signature, text)
        )
        if not holds:
            raise _unauthorized("Signature", "signature")
        _open(door)
        self._first(signature, number, now)
        receipt = await node.take(door, f"snap-{day:%Y%m%d}-{number}", read_notice, body)
        return replace(_answer_to(request, receipt, body), door=door)

    def _first(self, signature: bytes, number: str, now: float) -> None:
        """Raise SnapRefusalError where the signature came before, other than to repeat the same request."""
        if not self._seen.first(signature, number, now):
            raise _unauthorized("Signature used before", "replayed")

    def _key(self) -> bytes:
        path = places.token_key()
        if path not in self._keys:
            self._keys[path] = key_in(path)
        return self._keys[path]


def read_notice(checker: Checker, body: bytes, now: datetime) -> Checked:
    """A payment notice as one row of the contract; faults point into the notice. Raises EnvelopeError.

    Names and account numbers go nowhere, not into what is sealed of a wrong notice either.
    """
    contract = checker.contract
    try:
        whole = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise EnvelopeError("not a JSON object") from None
    try:
        row = _row_of(msgspec.convert(whole, Notice), contract)
    except RecursionError:
        raise EnvelopeError("nested too deep") from None
    except msgspec.ValidationError as fault:
        pointer, missing = _place(fault)
        return _one(
            checker,
            Bad(0, pointer, "missing" if missing else "not in SNAP's form", _bare(whole, contract)),
            b"",
            now,
        )
    except _NotRupiahError as fault:
        return _one(checker, Bad(0, fault.pointer, fault.reason, _bare(whole, contract)), b"", now)
    checked = _one(checker, row, json.dumps(row).encode(), now)
    sources = _sources(contract)
    bad = [replace(one, pointer=sources.get(one.pointer, one.pointer)) for one in checked.bad]
    return Checked(checked.rows, bad)


class _NotRupiahError(ValueError):
    def __init__(self, pointer: str, reason: str) -> None:
        self.pointer, self.reason = pointer, reason
        super().__init__(reason)


def _one(checker: Checker, row: dict[str, Any] | Bad, raw: bytes, now: datetime) -> Checked:
    return checker.check_made([row], [raw], now)


def _row_of(notice: Notice, contract: Contract) -> dict[str, Any]:
    amount = notice.paid_amount
    if amount.currency != "IDR":
        raise _NotRupiahError("/paidAmount/currency", "not IDR")
    whole, _point, part = amount.value.partition(".")
    if part != "00":
        raise _NotRupiahError("/paidAmount/value", "a part of a rupiah")
    return {
        contract.event.name: notice.payment_request_id,
        contract.time.name: notice.trx_date_time,
        contract.by_role[Role.ZONE][0].name: notice.additional_info.zone,
        contract.by_role[Role.SUBJECT][0].name: notice.customer_no,
        LEVY: notice.additional_info.levy,
        PAID: int(whole),
    }


def _sources(contract: Contract) -> dict[str, str]:
    """Where in a notice each of the contract's fields comes from."""
    return {
        f"/{contract.event.name}": "/paymentRequestId",
        f"/{contract.time.name}": "/trxDateTime",
        f"/{contract.by_role[Role.ZONE][0].name}": "/additionalInfo/zone",
        f"/{contract.by_role[Role.SUBJECT][0].name}": "/customerNo",
        f"/{LEVY}": "/additionalInfo/levy",
        f"/{PAID}": "/paidAmount/value",
    }


def _bare(whole: dict[str, Any], contract: Contract) -> bytes:
    """What is kept, sealed, of a notice that cannot be read: the row as far as it goes, to be corrected."""
    row: dict[str, Any] = {}
    for field, source in _sources(contract).items():
        value: Any = whole
        for step in source[1:].split("/"):
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, str | int | float):
            row[field[1:]] = value
    return msgspec.json.encode(row)


def _place(fault: Exception) -> tuple[str, bool]:
    """Where a fault lies in the notice, and whether something is missing there."""
    pointer, reason = placed(fault)
    missing = _missing.search(reason)
    return (f"{pointer}/{missing[1]}", True) if missing else (pointer, False)


def _field(place: tuple[str, bool]) -> SnapRefusalError:
    """The refusal that names a field."""
    pointer, missing = place
    name = pointer.strip("/").replace("/", ".")
    if not name:
        return SnapRefusalError(400, "00", "envelope", "Bad Request")
    if missing:
        return SnapRefusalError(400, "02", "field", f"Invalid Mandatory Field {name}")
    return SnapRefusalError(400, "01", "field", f"Invalid Field Format {name}")


def _header(request: Request, name: str) -> str:
    value = request.header(name)
    if not value:
        raise _field((f"/{name.upper()}", True))
    return value


def _fresh(timestamp: str, now: float) -> datetime:
    """The sender's time. Raises SnapRefusalError where it is none, or too far from the hub's."""
    if not _moment.fullmatch(timestamp):
        raise _field(("/X-TIMESTAMP", False))
    try:
        at = datetime.fromisoformat(timestamp)
        away = abs(at - datetime.fromtimestamp(now, UTC))
    except (ValueError, OverflowError):
        raise _field(("/X-TIMESTAMP", False)) from None
    if away > WINDOW:
        raise _unauthorized("Timestamp", "timestamp")
    return at


def _known(node: "Node", name: str) -> tuple[Door, Client]:
    found = node.signer(name)
    if found is None:
        raise _unauthorized("Unknown client", "client")
    return found


def _open(door: Door) -> None:
    if door.stopped:
        raise SnapRefusalError(
            403, "06", "stopped", f"Feature Not Allowed At This Time. [{door.stopped[:100]}]"
        )


def _unauthorized(why: str, code: str) -> SnapRefusalError:
    return SnapRefusalError(401, "00", code, f"Unauthorized. [{why}]")


def _answer_to(request: Request, receipt: SentReceipt, body: bytes) -> Reply:
    if receipt.quarantined:
        problem = receipt.problems[0] if receipt.problems else {"pointer": "", "reason": ""}
        name = str(problem["pointer"]).strip("/").replace("/", ".")
        if problem["reason"] == "missing":
            return _reply(request, 400, "02", f"Invalid Mandatory Field {name}", {})
        return _reply(request, 400, "01", f"Invalid Field Format {name}".strip(), {})
    if receipt.duplicates:
        return _reply(request, 409, "01", "Duplicate paymentRequestId", {})
    said = msgspec.json.decode(body)
    names = ("partnerServiceId", "customerNo", "virtualAccountNo", "virtualAccountName", "paymentRequestId")
    account = {
        name: said[name] for name in (*names, "paidAmount", "trxDateTime", "referenceNo") if name in said
    }
    account["paymentFlagStatus"] = "00"
    account["paymentFlagReason"] = {"english": "Success", "indonesia": "Sukses"}
    more = {"virtualAccountData": account, "additionalInfo": {"receiptId": receipt.receipt_id}}
    return _reply(request, 200, "00", "Successful", more)


def _reply(
    request: Request,
    status: int,
    case: str,
    message: str,
    more: dict[str, Any],
    headers: list[tuple[bytes, bytes]] | None = None,
) -> Reply:
    service = SERVICES.get(request.path, "00")
    said = {"responseCode": f"{status}{service}{case}", "responseMessage": message[:150]}
    at = datetime.now(JAKARTA).isoformat(timespec="seconds").encode()
    return Reply(status, msgspec.json.encode(said | more), headers=((b"x-timestamp", at), *(headers or [])))


ABOUT = "https://apidevportal.aspi-indonesia.or.id"
standard(
    "snap",
    Snap(),
    {"snap/payment": (Address("POST", TOKEN_PATH, ABOUT), Address("POST", PAYMENT_PATH, ABOUT))},
)
