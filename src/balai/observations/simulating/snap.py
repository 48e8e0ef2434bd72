"""Payment notices as a marketplace's own software would send them under SNAP BI, one by one."""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from balai.observations.contracts import Contract, Role
from balai.observations.describing import Row
from balai.observations.signing import mac_of, text_for_call, text_for_token
from balai.observations.simulating.wire import Answer, Outgoing, Send, UnexpectedAnswerError, said, wire

TOKEN_PATH, PAYMENT_PATH = "/snap/v1.0/access-token/b2b", "/snap/v1.0/transfer-va/payment"
SERVICE = "00077713"
"""The first eight digits of made-up virtual accounts."""
OUTCOMES = {
    "2002500": "accepted",
    "4092501": "duplicates",
    "4002501": "quarantined",
    "4002502": "quarantined",
}
JAKARTA = timezone(timedelta(hours=7))


@wire("snap")
class SnapWire:
    """Signs with the secret and a token where the key file has one; with the private key alone otherwise."""

    most = 1

    def __init__(self, contract: Contract, key: str) -> None:
        """``key`` is JSON: clientId, privateKey (PEM) and, for HMAC signatures, clientSecret."""
        try:
            given = json.loads(key)
            self._client = str(given["clientId"])
            private = load_pem_private_key(str(given["privateKey"]).encode(), None)
            self._secret = str(given.get("clientSecret", "")).encode()
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError("The key file is JSON with clientId, privateKey and clientSecret.") from None
        if not isinstance(private, RSAPrivateKey):
            raise ValueError("The private key is not RSA.")
        self._private, self._contract, self._token = private, contract, ""

    def tell(self, rows: Sequence[Row], name: str, send: Send) -> dict[str, int]:
        told = {"received": 0, "accepted": 0, "quarantined": 0, "duplicates": 0}
        for place, row in enumerate(rows):
            body = json.dumps(self._notice(row), indent=1).encode()
            number = hashlib.blake2b(f"{name}/{place}".encode() + body, digest_size=12).digest()
            told["received"] += 1
            told[self._pay(body, str(int.from_bytes(number)), send)] += 1
        return told

    def _pay(self, body: bytes, number: str, send: Send) -> str:
        for _attempt in range(2):
            if self._secret and not self._token:
                self._token = self._new_token(send)
            answer = send(lambda: self._call(body, number))
            code = _code(answer)
            if code != "4012501":
                break
            self._token = ""
        if code not in OUTCOMES:
            raise UnexpectedAnswerError(said(answer))
        return OUTCOMES[code]

    def _new_token(self, send: Send) -> str:
        answer = send(self._asking)
        if _code(answer) != "2007300":
            raise UnexpectedAnswerError(said(answer))
        return str(json.loads(answer.body)["accessToken"])

    def _asking(self) -> Outgoing:
        at = _now()
        headers = {
            "Content-Type": "application/json",
            "X-CLIENT-KEY": self._client,
            "X-TIMESTAMP": at,
            "X-SIGNATURE": self._rsa(text_for_token(self._client, at)),
        }
        return Outgoing("POST", TOKEN_PATH, headers, b'{"grantType":"client_credentials"}')

    def _call(self, body: bytes, number: str) -> Outgoing:
        at = _now()
        text = text_for_call("POST", PAYMENT_PATH, self._token, body, at)
        mac = base64.b64encode(mac_of(self._secret, text)).decode()
        headers = {
            "Content-Type": "application/json",
            "X-TIMESTAMP": at,
            "X-PARTNER-ID": self._client,
            "X-EXTERNAL-ID": number,
            "CHANNEL-ID": "95221",
            "X-SIGNATURE": mac if self._token else self._rsa(text),
        }
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return Outgoing("POST", PAYMENT_PATH, headers, body)

    def _rsa(self, text: bytes) -> str:
        return base64.b64encode(self._private.sign(text, PKCS1v15(), SHA256())).decode()

    def _notice(self, row: Row) -> dict[str, Any]:
        contract = self._contract
        event = row[contract.event.name]
        customer = "".join(
            letter for letter in row[contract.by_role[Role.SUBJECT][0].name] if letter.isdigit()
        )
        paid = {"value": f"{row['paid_idr']}.00", "currency": "IDR"}
        return {
            "partnerServiceId": SERVICE,
            "customerNo": customer.zfill(10),
            "virtualAccountNo": f"{SERVICE}{customer.zfill(10)}",
            "virtualAccountName": "PEMBAYAR CONTOH (SIMULASI)",
            "trxId": event,
            "paymentRequestId": event,
            "channelCode": 6014,
            "paidAmount": paid,
            "totalAmount": paid,
            "trxDateTime": row[contract.time.name],
            "referenceNo": event[-15:],
            "flagAdvise": "N",
            "billDetails": [{"billCode": "01", "billNo": customer.zfill(10), "billAmount": paid}],
            "additionalInfo": {"levy": row["levy"], "zone": row[contract.by_role[Role.ZONE][0].name]},
        }


def _code(answer: Answer) -> str:
    try:
        return str(json.loads(answer.body)["responseCode"])
    except (ValueError, KeyError, TypeError):
        raise UnexpectedAnswerError(said(answer)) from None


def _now() -> str:
    return datetime.now(JAKARTA).isoformat(timespec="milliseconds")
