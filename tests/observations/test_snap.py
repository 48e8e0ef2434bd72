"""SNAP BI at the door: signatures of both kinds, tokens, and payment notices, taken or refused."""

import asyncio
import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from balai.observations import places
from balai.observations.actions import stop_key
from balai.observations.asgi import Application, Node
from balai.observations.checking import Checker
from balai.observations.drain import Drainer
from balai.observations.models import Quarantined, Receipt, SnapClient
from balai.observations.sealing import RowSeal
from balai.observations.segments import segments_of
from balai.observations.signing import (
    PublicKeyError,
    Seen,
    mac_holds,
    mac_of,
    minify,
    public_key_of,
    rsa_holds,
    signature_of,
    text_for_call,
    text_for_token,
)
from balai.observations.simulating import (
    Answer,
    Outgoing,
    UnexpectedAnswerError,
    rows_of,
    shipped_contract,
    shipped_contracts,
    wire_of,
)
from balai.observations.snap_clients import make_snap_client, rotate_snap_client
from balai.observations.standards.snap import read_notice
from balai.observations.store import connect
from tests.builders import make_bureau, make_city, make_company
from tests.observations_builders import put_in_force

TOKEN, PAYMENT = "/snap/v1.0/access-token/b2b", "/snap/v1.0/transfer-va/payment"
NAME, CUSTOMER = "Siti Rekaan", "318574181222"


@cache
def private(number: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: Any) -> str:
    public = key.public_key()
    return str(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def text_of(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def signed(key: rsa.RSAPrivateKey, text: bytes) -> str:
    return base64.b64encode(key.sign(text, PKCS1v15(), SHA256())).decode()


def now(**away: float) -> str:
    at = datetime.now(UTC) + timedelta(hours=7, **away)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "+07:00")


# What Midtrans publishes (SNAP-BI-Signature-Demo, sample-code): the inputs, and the signatures they give.
SAMPLE_KEY = """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAlWbtlh3eM+bW3n5AFj42
wddC4L7tQqbLiCFbTv8K67yng9iwK5mEn+UMXiRhvB2JVWFafCPPxFamsiVG3Mjn
eGjC0BYgmpmw4qXnAnyO3nCdCuPtmZ3ljhKvSTPdWZxrcLi1Xa9V/+Pzb8hrjb5i
wMn6SZFNeMmZYgFKiSeueo6TPln2PoTqXCzs1HtsM8eUVe8GAsjJe/3dYl992nyX
OpG21GgNu8o5T3WOptPg6GdDTWkTWUu483yRbVVy04Pz4L8DDZTDv+WcsAViDn1r
A/jB1Auj/UGKx2ovGcBH/a/hor5TbABbODU6cPTHT54K3sSZtvZNV4eFDB1f/4wd
fwIDAQAB
-----END PUBLIC KEY-----"""


def test_a_published_signature_with_a_token_holds() -> None:
    amount = {"value": "12345678.00", "currency": "IDR"}
    asked = {
        "partnerReferenceNo": "2020102900000000000001",
        "amount": amount,
        "feeAmount": amount,
        "merchantId": "00007100010926",
        "terminalId": "213141251124",
        "validityPeriod": "2009-07-03T12:08:56-07:00",
    }
    at = "2024-03-05T10:37:16.196Z"
    given = "wmzT7yjg1SxxCsxNsFgCR9SYXiZGGbceF6fV8xe97sAMHxZ+7OEBMIBmvb6Sj6GcksGp3iv77DiomgSbcST3XQ=="

    for body in (json.dumps(asked, indent=2), json.dumps(asked), json.dumps(asked, separators=(",", ":"))):
        text = text_for_call("post", "/v1.0/qr/qr-mpm-generate", "myaccesstoken", body.encode(), at)
        assert mac_holds(b"myclientsecret", signature_of(given), text)
    assert not mac_holds(b"myclientsecreT", signature_of(given), text)


def test_a_published_signature_of_a_notice_holds() -> None:
    told = {
        "originalPartnerReferenceNo": "GP24043015193402809",
        "originalReferenceNo": "A120240430081940S9vu8gSjaRID",
        "merchantId": "G099333790",
        "amount": {"value": "102800.00", "currency": "IDR"},
        "latestTransactionStatus": "00",
        "transactionStatusDesc": "SUCCESS",
        "additionalInfo": {"refundHistory": []},
    }
    text = text_for_call(
        "POST", "/v1.0/debit/notify", "", json.dumps(told, indent=4).encode(), "2024-05-02T14:43:08+07:00"
    )
    given = (
        "RoJnP2tH/YiOhHM/lMVBMSAuzRmS8VrWdIy04Qqyb56daV7oWFMFoMMzqnjQ+q0MIUalYgU094GWQnCx2c29xb1kkqHhv2+i"
        "J9xl6NjGmFGYqyvcKvUDAV83Y1Mw9JnsEcjcupdGw9/MRv/mm2GMrQ+BCZGfc4a46JDyPZbcY294vDGqs5rFBN6iYer5ro4c"
        "AQGo9hET2G82Y+j50vCyO/79GFE4vB1rvtu6PK2Bxi+vTYV8k7P7PS8tOPWM2O+kjiVWjwvLR99Botou+a8sxlQqZaihfWMK"
        "cByzV+Lgkr9cptpjys+1NIRWT1ad/sJBSLHyldzC3q2oRn5z5oZmyg=="
    )

    assert text == (
        b"POST:/v1.0/debit/notify:79ebbe6a6b695262dd686d0dedafc57c94e3b3dededf8d63971f8a95699ace85"
        b":2024-05-02T14:43:08+07:00"
    )
    assert rsa_holds(public_key_of(SAMPLE_KEY), signature_of(given), text)
    assert not rsa_holds(public_key_of(SAMPLE_KEY), signature_of(given), text + b" ")


def test_a_published_signature_for_a_token_holds() -> None:
    given = (
        "WzW49tYIgKIBmBi/gVBHGLAkhEaZlXM11zcZxAiyHji6TLPjPbwLu3Z45it25AIeG0XDItcdTSkds47zFEMh6IP0PXPIP1+E"
        "y4RmX/o2fuYRF/xBHvfvKnMmANMTS1axsXBSW3EHqYpbVrkCcqNnB3u+wu63us9WIhRZaWgxgQ2PJLaiVHIwgu9u7jxkWX7B"
        "g4rerZH3RKdQfIJAAJsSN13efR7VdSAyzU7QaKjgislxrLqmesYNJkbD03XLjHdo6YWuzAVV7xdZRpLiGkIAkW7luXTBZYBO"
        "+4oENZAPQYzrLeN1qRY1Sr7BgLONCA2QA26BB6SYW4R7qofS9+RyOQ=="
    )
    key = public_key_of(SAMPLE_KEY)

    assert rsa_holds(key, signature_of(given), text_for_token("G1234325-SNAP", "2024-03-01T08:27:49.024Z"))
    assert not rsa_holds(key, signature_of(given), text_for_token("G1234325-SNAP", "2024-03-01T08:27:49Z"))


@pytest.mark.parametrize(
    ("body", "minified"),
    [
        (b'{ "a" : "  two  blanks " }', b'{"a":"  two  blanks "}'),
        (b'{"a" : "x \\" y\\\\" , "b":1 }', b'{"a":"x \\" y\\\\","b":1}'),
        ('{"a":\t"Jalan é 日 本"}\r\n'.encode(), '{"a":"Jalan é 日 本"}'.encode()),
        (b'{"a": "\\u0020 \\/ \\n"}', b'{"a":"\\u0020 \\/ \\n"}'),
        (b'{"a": 10000.00, "b": [ 1e2 , -0 ]}', b'{"a":10000.00,"b":[1e2,-0]}'),
        (b'{"a" : "never closed  ', b'{"a":"never closed  '),
        (b"", b""),
    ],
)
def test_only_blanks_between_parts_go(body: bytes, minified: bytes) -> None:
    assert minify(body) == minified


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_a_minified_body_says_the_same_whatever_its_blanks(value: Any, indent: Any, plain: bool) -> None:
    wide = json.dumps(value, indent=indent, ensure_ascii=plain, separators=(" , ", " : "))
    narrow = json.dumps(value, ensure_ascii=plain, separators=(",", ":"))

    assert minify(wide.encode("utf-8", "surrogatepass")) == narrow.encode("utf-8", "surrogatepass")


def test_a_body_of_nothing_but_escapes_costs_little() -> None:
    started = datetime.now(UTC)
    minify(b'"' + b'\\"' * 500_000 + b"\\")

    assert datetime.now(UTC) - started < timedelta(seconds=2)


def test_a_key_that_is_weak_private_or_of_another_kind_is_refused() -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    curve = ec.generate_private_key(ec.SECP256R1())

    for text in (pem(weak), pem(curve), text_of(private()), "", "-----BEGIN PUBLIC KEY-----"):
        with pytest.raises(PublicKeyError):
            public_key_of(text)
    assert public_key_of(pem(private())).key_size == 2048


def test_signatures_are_forgotten_once_they_are_too_old_to_be_taken() -> None:
    seen = Seen(60, most=2)

    assert seen.first(b"a", "1", 0)
    assert seen.first(b"a", "1", 1)
    assert not seen.first(b"a", "2", 59)
    assert seen.first(b"a", "2", 61)
    assert [seen.first(one, "1", 62) for one in (b"b", b"c", b"d")] == [True, True, True]
    assert len(seen._first) == 3


class Marketplace:
    """An outside client: it knows its keys, the paths and the standard, and speaks ASGI to a node."""

    def __init__(self, client: SnapClient, secret: str, key: rsa.RSAPrivateKey, node: str = "one") -> None:
        self.id, self.secret, self.key = client.pk, secret.encode(), key
        self._loop = asyncio.new_event_loop()
        self._number = 0
        self.start(node)

    def start(self, node: str = "one") -> None:
        self.application = Application(Node(node))
        self.application.node.open()

    def restart(self) -> None:
        self._loop.run_until_complete(self.application.node.close())
        self.start()

    def close(self) -> None:
        self._loop.run_until_complete(self.application.node.close())
        self._loop.close()

    def ask(self, **other: str) -> tuple[int, dict[str, Any]]:
        """Ask for a token; headers given here replace the right ones, with - as _."""
        at = other.get("x_timestamp", now())
        headers = {
            "x-client-key": self.id,
            "x-timestamp": at,
            "x-signature": signed(self.key, text_for_token(self.id, at)),
        }
        body = other.pop("body", '{"grantType":"client_credentials"}').encode()
        return self.speak(TOKEN, headers | {k.replace("_", "-"): v for k, v in other.items()}, body)

    def token(self) -> str:
        return str(self.ask()[1]["accessToken"])

    def headers(self, body: bytes, token: str = "", at: str = "", number: str = "") -> dict[str, str]:
        self._number += 1
        at = at or now()
        text = text_for_call("POST", PAYMENT, token, body, at)
        made = {
            "x-partner-id": self.id,
            "x-timestamp": at,
            "x-external-id": number or f"{self._number:020d}",
            "x-signature": (
                base64.b64encode(mac_of(self.secret, text)).decode() if token else signed(self.key, text)
            ),
        }
        return made | ({"authorization": f"Bearer {token}"} if token else {})

    def pay(self, body: bytes, token: str = "", **other: str) -> tuple[int, dict[str, Any]]:
        headers = self.headers(body, token, other.pop("at", ""), other.pop("number", ""))
        return self.speak(PAYMENT, headers | {k.replace("_", "-"): v for k, v in other.items()}, body)

    def speak(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        (answer,) = self.together([(path, headers, body)])
        return answer

    def together(self, requests: list[tuple[str, dict[str, str], bytes]]) -> list[tuple[int, dict[str, Any]]]:
        async def all_of_them() -> list[Any]:
            return await asyncio.gather(*[self._speak(*one) for one in requests])

        return self._loop.run_until_complete(all_of_them())

    async def _speak(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        raw = [(name.encode(), value.encode()) for name, value in headers.items() if value]
        scope = {"type": "http", "method": "POST", "path": path, "headers": raw}
        await self.application(scope, receive, send)
        start, answer = sent
        self.answered = dict(start["headers"])
        return start["status"], json.loads(answer["body"])


@pytest.fixture
def made(settings, tmp_path: Path, transactional_db: None) -> tuple[SnapClient, str]:
    settings.HOME = tmp_path
    city = make_city()
    contract = put_in_force(shipped_contracts()["shopee-tax"], city=city, partner=make_company(slug="shopee"))
    return make_snap_client(by=make_bureau(city), contract=contract, public_key=pem(private()), sandbox=False)


@pytest.fixture
def shop(made: tuple[SnapClient, str]) -> Iterator[Marketplace]:
    market = Marketplace(*made, private())
    yield market
    market.close()


def notice(number: str = "pay-1", **other: Any) -> bytes:
    told: dict[str, Any] = {
        "partnerServiceId": "   51112",
        "customerNo": CUSTOMER,
        "virtualAccountNo": f"   51112{CUSTOMER}",
        "virtualAccountName": NAME,
        "paymentRequestId": number,
        "paidAmount": {"value": "1250000.00", "currency": "IDR"},
        "trxDateTime": now(minutes=-3)[:19] + "+07:00",
        "referenceNo": "00113696201",
        "billDetails": [],
        "additionalInfo": {"levy": "land-and-building", "zone": "3171010001"},
    }
    for name, value in other.items():
        told[name] = value
        if value is ...:
            del told[name]
    return json.dumps(told, indent=2).encode()


def log_is_empty(node: str = "one") -> bool:
    folder = places.log() / node
    return all(folder.joinpath(f"{number:012d}.seg").stat().st_size == 0 for number in segments_of(folder))


def drained() -> list[tuple[Any, ...]]:
    drainer = Drainer()
    drainer.step()
    drainer.close()
    files = str(places.store() / "**" / "*.parquet")
    return (
        connect()
        .execute(f"SELECT event_id, payer, levy, paid_idr, zone FROM '{files}' ORDER BY 1")
        .fetchall()
    )


def kept_anywhere(word: str) -> list[str]:
    files = (path for path in places.root().rglob("*") if path.is_file())
    return [path.name for path in files if word.encode() in path.read_bytes()]


def test_a_signature_of_either_kind_brings_a_payment_to_the_store_without_its_payer(
    shop: Marketplace,
) -> None:
    status, asked = shop.ask()
    with_token = shop.pay(notice("pay-1"), asked["accessToken"])
    without = shop.pay(notice("pay-2", paidAmount={"value": "10000.00", "currency": "IDR"}))

    assert (status, asked["responseCode"], asked["tokenType"]) == (200, "2007300", "Bearer")
    assert asked["expiresIn"] == "900"
    for number, (status, said) in (("pay-1", with_token), ("pay-2", without)):
        assert (status, said["responseCode"], said["responseMessage"]) == (200, "2002500", "Successful")
        assert said["virtualAccountData"]["paymentRequestId"] == number
        assert said["virtualAccountData"]["paymentFlagStatus"] == "00"
    rows = drained()
    assert [(event, *rest) for event, _payer, *rest in rows] == [
        ("pay-1", "land-and-building", 1250000, "3171010001"),
        ("pay-2", "land-and-building", 10000, "3171010001"),
    ]
    assert {len(payer) for _event, payer, *_rest in rows} == {len(rows[0][1])}
    assert kept_anywhere(NAME) == kept_anywhere(CUSTOMER) == []
    assert Receipt.objects.filter(received=1, accepted=1).count() == 2


def test_what_is_forged_late_replayed_or_of_another_is_refused_and_nothing_is_kept(
    shop: Marketplace, made: tuple[SnapClient, str]
) -> None:
    other, _secret = rotate_snap_client(
        by=make_bureau(made[0].key.city), client=made[0], public_key=pem(private(1))
    )
    shop.application.node.doors.read()
    token, body, theirs = shop.token(), notice(), other.pk
    stranger = base64.b64encode(b"x" * 256).decode()
    at = now()
    other_key = signed(private(1), text_for_call("POST", PAYMENT, "", body, at))
    of_other_body = shop.headers(notice("else"), token)["x-signature"]
    cases: list[tuple[dict[str, str], str, str]] = [
        ({"x_signature": stranger}, "", "4012500"),
        ({"x_signature": other_key, "at": at}, "", "4012500"),
        ({"x_signature": stranger}, token, "4012500"),
        ({"x_signature": "not Base64"}, token, "4012500"),
        ({"x_signature": of_other_body}, token, "4012500"),
        ({"x_signature": ""}, token, "4002502"),
        ({"at": now(minutes=-16)}, token, "4012500"),
        ({"at": now(minutes=16)}, token, "4012500"),
        ({"at": "2026-02-30T10:00:00+07:00"}, token, "4002501"),
        ({"at": "2026-02-20 10:00:00"}, token, "4002501"),
        ({"x_timestamp": now(seconds=1)}, token, "4012500"),
        ({"x_timestamp": ""}, token, "4002502"),
        ({"x_partner_id": theirs}, token, "4012501"),
        ({"x_partner_id": theirs}, "", "4012500"),
        ({"x_partner_id": "nobody"}, token, "4012500"),
        ({"x_partner_id": ""}, token, "4002502"),
        ({"x_external_id": ""}, token, "4002502"),
        ({"x_external_id": "../etc"}, token, "4002501"),
        ({"x_external_id": "1" * 37}, token, "4002501"),
        ({"authorization": "Basic x"}, token, "4012503"),
        ({"authorization": "Bearer"}, token, "4012503"),
        ({"authorization": f"Bearer {token[:-1]}"}, token, "4012501"),
        ({"authorization": f"Bearer {theirs}{token.removeprefix(shop.id)}"}, token, "4012501"),
        ({"authorization": "Bearer x.9999999999.y.z"}, token, "4012501"),
    ]

    answers = [shop.pay(body, kind, **headers) for headers, kind, _code in cases]

    assert [said["responseCode"] for _status, said in answers] == [code for *_rest, code in cases]
    assert [status for status, _said in answers] == [int(code[:3]) for *_rest, code in cases]
    assert log_is_empty()


def test_a_token_is_given_only_for_a_fresh_signature_of_the_client(shop: Marketplace) -> None:
    at = now()
    cases: list[tuple[dict[str, str], str]] = [
        ({"x_client_key": "nobody"}, "4017300"),
        ({"x_client_key": ""}, "4007302"),
        ({"x_timestamp": now(minutes=-16)}, "4017300"),
        ({"x_timestamp": "yesterday"}, "4007301"),
        ({"x_signature": signed(private(1), text_for_token(shop.id, at)), "x_timestamp": at}, "4017300"),
        ({"x_signature": ""}, "4007302"),
        ({"body": "{}"}, "4007302"),
        ({"body": '{"grantType":"password"}'}, "4007301"),
        ({"body": "["}, "4007300"),
        ({"x_timestamp": at}, "2007300"),
        ({"x_timestamp": at}, "4017300"),
    ]

    assert [shop.ask(**headers)[1]["responseCode"] for headers, _code in cases] == [
        code for _h, code in cases
    ]


def test_the_same_request_again_is_answered_as_before_and_its_signature_opens_nothing_else(
    shop: Marketplace,
) -> None:
    body, token = notice(), shop.token()
    headers = shop.headers(body, token, number="77")

    first = shop.speak(PAYMENT, headers, body)
    again = shop.speak(PAYMENT, headers, body)
    fresh = shop.pay(body, token, number="77")
    replayed = shop.speak(PAYMENT, headers | {"x-external-id": "78"}, body)
    reused = shop.pay(notice("pay-2"), token, number="77")
    repeated = shop.pay(body, token, number="79", at=now(seconds=1))

    assert first[1]["responseCode"] == "2002500"
    assert again == first
    assert fresh == first
    assert (replayed[0], replayed[1]["responseCode"]) == (401, "4012500")
    assert (reused[0], reused[1]["responseCode"]) == (409, "4092500")
    assert (repeated[0], repeated[1]["responseCode"]) == (409, "4092501")
    assert len(drained()) == 1


def test_notices_that_come_at_once_under_one_number_are_kept_once(shop: Marketplace) -> None:
    same, other = notice("pay-1"), notice("pay-2")
    requests = [(PAYMENT, shop.headers(body, number="5"), body) for body in (same, same, other, same)]

    answers = shop.together(requests)

    codes = [said["responseCode"] for _status, said in answers]
    assert codes[0] == "2002500"
    assert codes[2] == "4092500"
    assert set(codes[1::2]) <= {"2002500", "4092500"}
    assert len(drained()) == 1


@pytest.mark.parametrize(
    ("other", "code", "field"),
    [
        ({"paidAmount": {"value": "10000.50", "currency": "IDR"}}, "4002501", "paidAmount.value"),
        ({"paidAmount": {"value": "10000", "currency": "IDR"}}, "4002501", "paidAmount.value"),
        ({"paidAmount": {"value": 10000.0, "currency": "IDR"}}, "4002501", "paidAmount.value"),
        ({"paidAmount": {"value": "0.00", "currency": "IDR"}}, "4002501", "paidAmount.value"),
        ({"paidAmount": {"value": "-1.00", "currency": "IDR"}}, "4002501", "paidAmount.value"),
        ({"paidAmount": {"value": "1.00", "currency": "USD"}}, "4002501", "paidAmount.currency"),
        ({"paidAmount": {"value": "1.00"}}, "4002502", "paidAmount.currency"),
        ({"paidAmount": ...}, "4002502", "paidAmount"),
        ({"customerNo": "31x"}, "4002501", "customerNo"),
        ({"customerNo": ...}, "4002502", "customerNo"),
        ({"partnerServiceId": "123456789"}, "4002501", "partnerServiceId"),
        ({"paymentRequestId": "x" * 129}, "4002501", "paymentRequestId"),
        ({"trxDateTime": "2026-01-01"}, "4002501", "trxDateTime"),
        ({"trxDateTime": "2031-01-01T00:00:00+07:00"}, "4002501", "trxDateTime"),
        ({"additionalInfo": ...}, "4002502", "additionalInfo"),
        ({"additionalInfo": {"levy": "bribe", "zone": "3171010001"}}, "4002501", "additionalInfo.levy"),
        ({"additionalInfo": {"levy": "vehicle", "zone": "31"}}, "4002501", "additionalInfo.zone"),
        ({"virtualAccountName": "x" * 256}, "4002501", "virtualAccountName"),
        ({"billDetails": {}}, "4002501", "billDetails"),
    ],
)
def test_a_wrong_notice_is_quarantined_without_its_payer_and_the_field_is_named(
    shop: Marketplace, other: dict[str, Any], code: str, field: str
) -> None:
    status, said = shop.pay(notice("pay-1", **other))
    Drainer().step()

    kind = "Mandatory Field" if code == "4002502" else "Field Format"
    assert (status, said) == (400, {"responseCode": code, "responseMessage": f"Invalid {kind} {field}"})
    row, receipt = Quarantined.objects.get(), Receipt.objects.get()
    assert (receipt.received, receipt.accepted, receipt.quarantined) == (1, 0, 1)
    assert row.pointer == "/" + field.replace(".", "/")
    opened = RowSeal(places.row_key()).open(bytes(row.sealed)).decode()
    assert NAME not in opened
    assert f"51112{CUSTOMER}" not in opened
    assert kept_anywhere(NAME) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'{"a":' * 60_000, b'"\xff"', b"x" * 70_000])
def test_a_body_that_is_no_notice_is_refused_whole(shop: Marketplace, body: bytes) -> None:
    status, said = shop.pay(body)

    assert (status, said["responseCode"]) == (400, "4002500")
    assert log_is_empty()


def test_a_stopped_key_stops_its_tokens_and_signatures_at_once(
    shop: Marketplace, made: tuple[SnapClient, str]
) -> None:
    token = shop.token()
    stop_key(by=make_bureau(made[0].key.city), key=made[0].key, reason="Uji coba dihentikan.")
    shop.application.node.doors.read()

    answers = [shop.pay(notice(), token), shop.pay(notice()), shop.ask()]

    assert [said["responseCode"] for _status, said in answers] == ["4032506", "4032506", "4037306"]
    assert answers[0][1]["responseMessage"] == "Feature Not Allowed At This Time. [Uji coba dihentikan.]"
    assert shop.pay(notice(), x_signature="eA==")[0] == 401
    assert log_is_empty()


def test_another_node_knows_the_token_and_a_replaced_client_signs_for_three_days(
    shop: Marketplace, made: tuple[SnapClient, str]
) -> None:
    token = shop.token()
    newer = rotate_snap_client(by=make_bureau(made[0].key.city), client=made[0], public_key=pem(private(1)))
    second, third = Marketplace(*made, private(), node="two"), Marketplace(*newer, private(1), node="three")
    try:
        before = second.pay(notice("pay-1"), token)
        after = third.pay(notice("pay-2"), third.token())
        mixed = third.pay(notice("pay-3"), token)
    finally:
        second.close()
        third.close()

    assert [before[1]["responseCode"], after[1]["responseCode"]] == ["2002500", "2002500"]
    assert mixed[1]["responseCode"] == "4012501"
    assert len(drained()) == 2


def test_after_a_restart_a_payment_sent_again_is_known(shop: Marketplace) -> None:
    shop.pay(notice())
    shop.restart()

    assert shop.pay(notice(), number="99")[1]["responseCode"] == "4092501"


def test_paths_and_methods_that_are_none_are_refused_in_the_same_words(shop: Marketplace) -> None:
    assert shop.speak("/snap/v1.0/transfer-va/other", {}, b"")[1] == {
        "responseCode": "4040000",
        "responseMessage": "Invalid API Path",
    }


def test_a_client_is_told_what_it_may_still_send(shop: Marketplace) -> None:
    shop.pay(notice())
    taken = shop.answered[b"ratelimit"].decode()
    shop.pay(notice("pay-2"), x_signature="c2lnbg==")

    assert '"daily";r=19999999;' in taken
    assert b"ratelimit" not in shop.answered


@pytest.mark.parametrize("with_secret", [True, False])
def test_the_simulated_marketplace_is_taken_at_its_word(
    shop: Marketplace, made: tuple[SnapClient, str], with_secret: bool
) -> None:
    contract = shipped_contract("shopee-tax")
    key = {"clientId": shop.id, "privateKey": text_of(private())}
    wire = wire_of(contract, json.dumps(key | ({"clientSecret": made[1]} if with_secret else {})))
    day = datetime.now(UTC).date() - timedelta(days=2)
    rows = list(rows_of(contract, day, 25))

    def send(build: Any) -> Answer:
        outgoing: Outgoing = build()
        headers = {name.lower(): value for name, value in outgoing.headers.items()}
        status, said = shop.speak(outgoing.path, headers, outgoing.body)
        return Answer(status, json.dumps(said).encode())

    told = wire.tell(rows, "simulated", send)
    again = wire.tell(rows, "elsewhere", send)

    assert told == {"received": 25, "accepted": 25, "quarantined": 0, "duplicates": 0}
    assert again == {"received": 25, "accepted": 0, "quarantined": 0, "duplicates": 25}
    assert sum(paid for *_rest, paid, _zone in drained()) == sum(row["paid_idr"] for row in rows)
    with pytest.raises(UnexpectedAnswerError):
        wire.tell(rows[:1], "refused", lambda _build: Answer(500, b"{}"))
    with pytest.raises(ValueError, match="JSON"):
        wire_of(contract, "chk_live_x.y")


def put(told: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *steps, last = path
    for step in steps:
        told = told[step]
    told[last] = value


CHECKER = Checker(shipped_contract("shopee-tax"))
REASONS = {"missing", "not in SNAP's form", "not IDR", "a part of a rupiah"}
PLACES = [
    *[(name,) for name in json.loads(notice())],
    ("paidAmount", "value"),
    ("paidAmount", "currency"),
    ("additionalInfo", "levy"),
    ("additionalInfo", "zone"),
]


@given(st.lists(st.tuples(st.sampled_from(PLACES), json_values), min_size=1, max_size=3))
def test_whatever_stands_in_a_notice_it_is_one_row_or_one_fault_and_no_reason_repeats_it(
    changes: list[tuple[tuple[str, ...], Any]],
) -> None:
    told = json.loads(notice())
    for path, value in sorted(changes, key=lambda change: -len(change[0])):
        put(told, path, value)

    checked = read_notice(CHECKER, json.dumps(told).encode(), datetime.now(UTC))

    assert len(checked.rows) + len(checked.bad) == 1
    for bad in checked.bad:
        assert bad.reason in REASONS or bad.reason.startswith(("Expected `", "none of", "lies "))
        assert NAME not in (bad.raw or b"").decode()
    for row in checked.rows:
        assert isinstance(row.paid_idr, int)
        assert told["paidAmount"]["value"] == f"{row.paid_idr}.00"
