"""What is thrown at the doors, and what must hold whatever is thrown. A target is a function of bytes.

A target returns where the bytes were taken or refused as they should be, and raises anything else.
"""

import asyncio
import atexit
import gzip
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from balai.observations.asgi import Application, Node
from balai.observations.checking import Checker
from balai.observations.contracts import Contract, ContractError, read_contract
from balai.observations.intake import (
    EVENTS,
    ROWS,
    Door,
    Intake,
    Prepared,
    Reader,
    RefusedBatchError,
    SentReceipt,
)
from balai.observations.quota import Bucket
from balai.observations.segments import (
    Place,
    Record,
    SegmentError,
    SegmentWriter,
    read_segment,
    readable_end,
    records,
    segment_path,
)
from balai.observations.signing import (
    PublicKeyError,
    bearer_of,
    public_key_of,
    signature_of,
    text_for_call,
)
from balai.observations.simulating.kits import shipped_contract, shipped_contracts
from balai.observations.standards import mds
from balai.observations.standards.door import Request
from balai.observations.standards.snap import read_notice
from balai.observations.subjects import SubjectKeys
from tests.fuzz.seeds import G2P
from tests.observations_builders import lines, row, trips

SECRET = "a secret of the fuzzer"
HOME = Path(tempfile.mkdtemp(prefix="balai-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
PLENTY = 10**12
atexit.register(shutil.rmtree, HOME, ignore_errors=True)


@cache
def doors() -> dict[str, Door]:
    """A door for each contract there is."""
    contracts = [trips(), *map(shipped_contract, shipped_contracts())]
    return {
        f"key{number}": Door(
            id=f"key{number}",
            secret_sha256=hashlib.sha256(SECRET.encode()).digest(),
            checker=Checker(contract),
            sandbox=False,
            stopped="",
            rows_per_second=PLENTY,
            rows_per_day=PLENTY,
            bucket=Bucket(PLENTY),
        )
        for number, contract in enumerate(contracts)
    }


def door_of(standard: str = "") -> Door:
    """The door of a contract of that standard; without one, of the trips."""
    return next(door for door in doors().values() if door.checker.contract.standard == standard)


@cache
def intake() -> Intake:
    return Intake(doors, SubjectKeys(HOME / "subjects"), bytes)


def taken(door: Door, form: str | Reader, body: bytes) -> None:
    """The batch is refused as a whole, or accounted for to the row and fit for the store."""
    made = intake()
    made._windows.clear()
    made._answers.clear()
    prepared = None
    with refused(range(400, 500)):
        prepared = made.prepare(door, "batch-0001", form, body)
    if prepared is None:
        assert not made._answers, "a refused batch was remembered"
        return
    assert isinstance(prepared, Prepared)
    accounted(door, prepared, body)


@contextmanager
def refused(statuses: Container[int]) -> Iterator[None]:
    """What is refused is refused with one of these."""
    try:
        yield
    except RefusedBatchError as refusal:
        if refusal.status not in statuses:
            raise AssertionError(f"refused with {refusal.status}") from refusal


def accounted(door: Door, prepared: Prepared, body: bytes) -> None:
    header, record = prepared.record.header, prepared.record
    assert header.received == header.accepted + header.quarantined + header.duplicates >= 1
    rows = record.rows.splitlines()
    assert len(rows) == header.accepted == len(prepared.fresh)
    bad = msgspec.json.decode(record.bad) if record.bad else []
    assert len(bad) == header.quarantined
    assert [one["row"] for one in bad] == sorted({one["row"] for one in bad})
    contract = door.checker.contract
    again = msgspec.json.Decoder(door.checker.row)
    subjects = [field.name for field in contract.fields if field.role == "subject"]
    for line in rows:
        found = again.decode(line)
        for name in subjects:
            subject = getattr(found, name)
            assert subject is None or (len(subject) == 32 and int(subject, 16) >= 0)
    folder = HOME / "frame"
    folder.mkdir(exist_ok=True)
    path = folder / "1.seg"
    path.write_bytes(record.frame())
    ((_begin, _end, read),) = read_segment(path, last=False)
    assert read == record
    silent(contract, bad, body)


def silent(contract: Contract, bad: list[dict[str, Any]], body: bytes) -> None:
    """No reason repeats a value that was sent."""
    known = repr(contract)
    try:
        values = [value for value in texts(json.loads(body)) if len(value) >= 8 and value not in known]
    except (ValueError, RecursionError):
        return
    for one in bad:
        assert not any(value in one["reason"] for value in values), one["reason"]


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for one in value for text in texts(one)] if isinstance(value, list) else []


def rows(data: bytes) -> None:
    taken(door_of(), ROWS, data)


def events(data: bytes) -> None:
    taken(door_of(), EVENTS, data)


def mds_items(data: bytes) -> None:
    """The first byte chooses the endpoint and its method."""
    ways = [(path, method) for path, one in sorted(mds.ENDPOINTS.items()) for method in one.methods]
    path, method = ways[(data[0] if data else 0) % len(ways)]
    taken(door_of(mds.ENDPOINTS[path].standard), mds.Reading(path, method), data[1:])


def snap_notice(data: bytes) -> None:
    doors_of = [door for door in doors().values() if door.checker.contract.standard.startswith("snap/")]
    taken(doors_of[(data[0] if data else 0) % len(doors_of)], read_notice, data[1:])


def snap_signing(data: bytes) -> None:
    """What is read of a request before anybody is known: signatures, tokens, keys, and the text signed."""
    text = data.decode("latin-1")
    with suppress(PublicKeyError):
        public_key_of(text)
    signature_of(text)
    bearer_of(text)
    whole = text_for_call("POST", "/snap/x", "", data, "2026-01-01T00:00:00+07:00")
    with suppress(ValueError, RecursionError):
        small = json.dumps(json.loads(data), separators=(",", ":"), ensure_ascii=False).encode()
        if json.loads(data) == json.loads(small):
            again = text_for_call("POST", "/snap/x", "", small, "2026-01-01T00:00:00+07:00")
            assert again == text_for_call("POST", "/snap/x", "", small + b"\n ", "2026-01-01T00:00:00+07:00")
            assert len(again) == len(whole)


def segment(data: bytes) -> None:
    """A log of any bytes is read as far as it is whole; writing goes on behind that."""
    folder = HOME / "log"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    segment_path(folder, 1).write_bytes(data)
    try:
        end = readable_end(folder)
        before = list(records(folder, Place(1, 0)))
        writer = SegmentWriter(folder)
    except SegmentError:
        return
    assert end is not None
    assert writer.size == end.offset <= len(data)
    writer.append([seed_record().frame()])
    writer.close()
    after = list(records(folder, before[0][0] if before else end))
    assert [one for *_place, one in after] == [one for *_place, one in before] + [seed_record()]


def unpacked(data: bytes) -> None:
    """A body that calls itself gzip: all of it or nothing, and never more than a batch may have."""
    parts = [{"type": "http.request", "body": data, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return parts.pop()

    request = Request("POST", "/", b"", {b"content-encoding": b"gzip"}, receive)
    body = None
    with refused((400, 413)):
        body = application()[1].run_until_complete(request.body(10_000))
    if body is not None:
        assert len(body) <= 10_000
        assert body == gzip.decompress(data)


def contract(data: bytes) -> None:
    with suppress(UnicodeDecodeError, ContractError):
        found = read_contract(data.decode())
        Checker(found)


METHODS = ("POST", "PUT", "GET", "DELETE")
PATHS = (
    "/v1/observations",
    "/healthz",
    "/metrics",
    "/",
    *sorted(mds.ENDPOINTS),
    *G2P,
    "/snap/v1.0/access-token/b2b",
    "/snap/v1.0/transfer-va/payment",
)
FORMS = ("application/json", ROWS, EVENTS, "application/vnd.mds+json", "")


@cache
def application() -> tuple[Application, asyncio.AbstractEventLoop]:
    node = Node("fuzz")
    node.doors = doors  # type: ignore[assignment]
    node.intake = Intake(doors, SubjectKeys(HOME / "subjects"), bytes)
    node._writer = SegmentWriter(HOME / "node")
    return Application(node), asyncio.new_event_loop()


def http(data: bytes) -> None:
    """Any request: four bytes choose method, path, key and form; the rest is the body."""
    method, path, key, form = (*data[:4], 0, 0, 0, 0)[:4]
    speak(method, PATHS[path % len(PATHS)], key, FORMS[form % len(FORMS)], data[4:])


def g2p(data: bytes) -> None:
    """Handovers and reports of disbursements; the first byte chooses the address."""
    key = list(doors()).index(door_of("g2p/disbursement").id)
    speak(0, G2P[(data[0] if data else 0) % len(G2P)], key, "application/json", data[1:])


def speak(method: int, path: str, key: int, form: str, body: bytes) -> None:
    app, loop = application()
    app.node.intake._windows.clear()
    app.node.intake._answers.clear()
    ids = list(doors())
    headers = {
        "authorization": f"Bearer chk_live_{ids[key % len(ids)]}.{SECRET}",
        "content-type": form,
        "accept": "application/vnd.mds+json;version=2.0",
        "idempotency-key": hashlib.sha256(body).hexdigest(),
        "x-partner-id": ids[key % len(ids)],
        "x-external-id": "1",
        "x-timestamp": body[:25].decode("latin-1"),
        "x-signature": body[25:60].decode("latin-1"),
    }
    sent: list[dict[str, Any]] = []
    parts = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return parts.pop() if parts else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": METHODS[method % len(METHODS)],
        "path": path,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
    }
    size = app.node._writer.size if app.node._writer else 0
    loop.run_until_complete(app(scope, receive, send))
    start, answer = sent
    assert start["status"] < 500, answer["body"]
    if path != "/metrics":
        json.loads(answer["body"])
    if start["status"] >= 400 and app.node._writer is not None and not path.startswith("/mds"):
        assert app.node._writer.size == size, "a refused request was kept"


@cache
def seed_record() -> Record:
    made = Intake(doors, SubjectKeys(HOME / "subjects"), bytes)
    prepared = made.prepare(door_of(), "batch-seed", ROWS, lines(row("seed")))
    assert not isinstance(prepared, SentReceipt)
    return prepared.record


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__.replace("_", "-"): one
    for one in (
        rows,
        events,
        mds_items,
        snap_notice,
        snap_signing,
        g2p,
        segment,
        unpacked,
        contract,
        http,
    )
}
