"""What each target begins from: bodies that are right, those of known traps, and what was found before."""

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from balai.observations.describing import example, example_event
from balai.observations.simulating.kits import shipped_contract, shipped_contracts
from balai.observations.simulating.rows import rows_of
from balai.observations.simulating.wire import Answer, Outgoing, UnexpectedAnswerError, wire_of
from balai.observations.standards import mds
from tests.observations.test_segments import record
from tests.observations_builders import DOCUMENT, lines, row, trips

AT = (datetime.now(UTC) - timedelta(hours=1)).replace(microsecond=0).isoformat()
ROW = lines(row("seed", at=AT))
G2P = (
    "/g2p/bulk-payment",
    "/g2p/prepayment-validation",
    "/g2p/prepayment-validation-response",
    "/g2p/on-disburse",
    "/g2p/disburse/txn/on-status",
)
LEVY = next(field for field in shipped_contract("bukalapak-tax").fields if field.name == "levy").values[0]
NOTICE = {
    "partnerServiceId": "  088899",
    "customerNo": "12345678901234567890",
    "virtualAccountNo": "  08889912345678901234567890",
    "virtualAccountName": "Toko Sejahtera",
    "paymentRequestId": "fuzz-0001",
    "paidAmount": {"value": "125000.00", "currency": "IDR"},
    "trxDateTime": (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S+00:00"),
    "additionalInfo": {"levy": LEVY, "zone": "3171010001"},
}
TRAPS = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b"[" * 2000,
    b'{"a":' * 2000,
    b"[" * 2000 + b"]" * 2000,
    b'{"event_id":"a","event_id":"b"}',
    b'{"event_id":NaN,"distance_m":Infinity,"wait_s":-Infinity}',
    b'{"distance_m":1e400}',
    b'{"distance_m":' + b"9" * 400 + b"}",
    b'{"event_id":"\\ud800"}',
    b'{"event_id":"\xed\xa0\x80"}',
    b'{"event_id":"\x00"}',
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\x00}\x00",
    b'{"event_id":"a"}\r\n\r\n{"event_id":"b"}',
)


def sent_by(name: str) -> list[Outgoing]:
    """What the partner's own wire sends of some rows of the contract, together and one by one."""
    contract, heard = shipped_contract(name), []

    def keep(build: Callable[[], Outgoing]) -> Answer:
        heard.append(build())
        return Answer(200, b"{}")

    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    rows = list(rows_of(contract, yesterday, 12))
    for part in (rows, *([one] for one in rows[:6])):
        # The wire does not understand the answer; what it sent is all that is asked of it.
        with suppress(UnexpectedAnswerError, ValueError, KeyError):
            wire_of(contract, f"chk_live_key.{'x' * 43}").tell(part, "fuzz", keep)
    return heard


def changed(at: str) -> list[dict[str, Any]]:
    """The example row with one thing wrong, or strange, each."""
    right: dict[str, Any] = json.loads(ROW)
    strange = ["", "x" * 5000, "\ud7ff￿", None, [], {}, True, -1, 2**63, 1e308, "0001-01-01T00:00:00Z"]
    clocks = ["9999-12-31T23:59:59.999999Z", "1970-01-01T00:00:00+14:00", f"{at[:19]}+23:59", at[:10]]
    found = [right | {name: value} for name in right for value in strange]
    found += [right | {"at": clock} for clock in clocks]
    found += [{name: value for name, value in right.items() if name != gone} for gone in right]
    return [*found, right | {"nama": "Siti Rahma"}]


@cache
def seeds() -> dict[str, list[bytes]]:
    """Seeds by the target's name."""
    variants = changed(AT)
    rows = [ROW, lines(*variants[:20]), *map(lines, variants), *TRAPS]
    inner = {name: value for name, value in json.loads(ROW).items() if name not in ("event_id", "at")}
    event = example_event(trips()) | {"time": AT, "data": inner}
    events = [
        json.dumps([event]).encode(),
        json.dumps([event | {"data": event["data"] | one} for one in ({"zone": ""}, {"x": 1})]).encode(),
        *(
            json.dumps([event | one]).encode()
            for one in ({"time": "x"}, {"specversion": "2"}, {"data": None})
        ),
        *TRAPS,
    ]
    ways = [(path, method) for path, one in sorted(mds.ENDPOINTS.items()) for method in one.methods]
    heard = {name: sent_by(name) for name in shipped_contracts()}
    items = [
        bytes([ways.index((out.path, out.method))]) + out.body
        for outgoing in heard.values()
        for out in outgoing
        if (out.path, out.method) in ways
    ]
    notices = [b"\0" + json.dumps(NOTICE | one).encode() for one in _notices()]
    g2p = [
        bytes([number]) + out.body
        for number in range(5)
        for out in heard["duithape-aid"]
        if "g2p" in out.path
    ]
    whole = [ROW, gzip.compress(ROW), gzip.compress(b"0" * 200_000), gzip.compress(ROW) * 2]
    documents = [DOCUMENT.encode(), *(text.encode() for text in shipped_contracts().values())]
    requests = [
        bytes([n % 4, n % 17, n % 18, n % 5]) + body for n, body in enumerate([ROW, *items[:4], *g2p[:6]])
    ]
    yaml_traps = [
        b"a: &a [*a]",
        b"&a [" + b"*a," * 50,
        b"? [1]\n: 2",
        b"!!python/object:os.system x",
        b"- " * 3000,
    ]
    log = record(1).frame() + record(2, ROW, b"[]").frame()
    return {
        "rows": rows,
        "events": events,
        "mds-items": [*items, *(bytes([n]) + trap for n in range(len(ways)) for trap in TRAPS)],
        "snap-notice": [*notices, *(b"\0" + trap for trap in TRAPS)],
        "snap-signing": [*(body[1:] for body in notices), b"chk.a.b", b"AAAA", PEM, *TRAPS],
        "g2p": [*g2p, *(bytes([n]) + trap for n in range(5) for trap in TRAPS)],
        "segment": [log, log[:-1], log + log[:40], b"", b"BLG1", b"BLG1" + b"\xff" * 60, b"BLG1" * 40],
        "unpacked": [*whole, whole[1][:-4], whole[1] + b"x", b"\x1f\x8b", b""],
        "contract": [*documents, *yaml_traps, example(trips()).__repr__().encode()],
        "http": [*requests, *(bytes([0, n, n, n]) + trap for n, trap in enumerate(TRAPS))],
    }


def _notices() -> list[dict[str, Any]]:
    money = [
        {"value": value, "currency": "IDR"} for value in ("0.00", "1.5", "-1.00", "9" * 16 + ".00", "１.00")
    ]
    return [
        {},
        *({"paidAmount": one} for one in money),
        {"paidAmount": {"value": "1.00", "currency": "USD"}},
        {"trxDateTime": "2026-01-01T00:00:00+07:00"},
        {"additionalInfo": None},
        {"additionalInfo": {"levy": "x" * 65, "zone": ""}},
        {"virtualAccountName": "Siti Rahma binti Ahmad", "paymentRequestId": ""},
        {"billDetails": [{}] * 25},
    ]


PEM = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""
