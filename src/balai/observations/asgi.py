"""``POST /v1/observations`` as a bare ASGI application: parse, check, group-commit, answer with a receipt."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec

from balai.observations import places
from balai.observations.doors import Doors, DoorsOutOfDateError
from balai.observations.intake import Door, Intake, Prepared, Reader, RefusedBatchError, SentReceipt
from balai.observations.quota import limits
from balai.observations.running import node_name
from balai.observations.sealing import RowSeal
from balai.observations.segments import (
    Place,
    Record,
    SegmentWriter,
    read_segment,
    segment_path,
    segments_of,
)
from balai.observations.signing import Client
from balai.observations.standards import Receive, Request, standard_of
from balai.observations.subjects import SubjectKeys

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]

RECALLED_SEGMENTS = 4
"""How many of the newest segments a restarted node reads to know its latest batches again."""
FULL = "The log is full or broken; nothing was kept."
TELL_EVERY = 10.0
"""Seconds between two lines of the log about refusals of one kind."""
logger = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class LogTakenError(RuntimeError):
    """Another process writes the log of this node."""


class Node:
    """One ingest node: its doors, its checks and its log."""

    def __init__(self, name: str = "") -> None:
        self.name = node_name(name)
        self.doors = Doors()
        today = datetime.now(UTC).date()
        self.intake = Intake(
            self.doors,
            SubjectKeys(places.subject_keys()),
            RowSeal(places.row_key()).seal,
            places.hours_ahead(today),
        )
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="log")
        self._waiting: list[tuple[Prepared, asyncio.Future[SentReceipt]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._writer: SegmentWriter | None = None
        self.broken = False

    def open(self, *, follow: bool = True) -> None:
        """Take the log, remember its newest batches, and ``follow`` the keys where doors are asked for."""
        try:
            self._writer = SegmentWriter(places.log() / self.name)
        except BlockingIOError:
            raise LogTakenError(f"another node writes the log of {self.name!r}: see --node") from None
        self._recall()
        if follow:
            self.doors.open()

    def _recall(self) -> None:
        """Know the newest batches again, and the rows of the newest segment: the store looks at all again."""
        folder = places.log() / self.name
        numbers = segments_of(folder)[-RECALLED_SEGMENTS:]
        for number in numbers:
            for begin, _end, record in read_segment(segment_path(folder, number)):
                events = _events(record) if number == numbers[-1] else []
                self.intake.recall(record, Place(number, begin), self.name, events)

    async def close(self) -> None:
        """Write what waits, then let go."""
        if self._writing is not None:
            await self._writing
        self.doors.close()
        self._disk.shutdown()
        if self._writer is not None:
            self._writer.close()

    def door(self, authorization: str) -> Door:
        """The door a bearer key opens now. Raises RefusedBatchError."""
        with self._answering():
            return self.intake.door(authorization)

    def signer(self, client: str) -> tuple[Door, Client] | None:
        """The door a client signs for, stopped or not; None for a stranger. Raises RefusedBatchError."""
        with self._answering():
            door, known = self.doors().get(client), self.doors.clients.get(client)
            return (door, known) if door is not None and known is not None else None

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Refuse where nothing can be kept or the keys may be out of date. Raises RefusedBatchError."""
        if self.broken:
            raise RefusedBatchError(503, "log", "The log is broken; nothing was kept.", 5.0)
        try:
            yield
        except DoorsOutOfDateError as fault:
            raise RefusedBatchError(503, "unavailable", str(fault), retry_after=5.0) from None

    async def take(self, door: Door, idempotency: str, form: str | Reader, body: bytes) -> SentReceipt:
        """One batch from check to durable receipt. Raises RefusedBatchError."""
        try:
            prepared = self.intake.prepare(door, idempotency, form, body)
        except OSError as fault:
            # A day's first key could not be written.
            logger.error("A batch could not be prepared: %s", fault)
            raise RefusedBatchError(503, "log", FULL, retry_after=5.0) from None
        if isinstance(prepared, SentReceipt):
            return prepared
        future: asyncio.Future[SentReceipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((prepared, future))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return await future

    async def _write(self) -> None:
        """Write what waits in one go, and again what came meanwhile, until nothing waits."""
        loop = asyncio.get_running_loop()
        assert self._writer is not None
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                frames = [prepared.record.frame() for prepared, _future in group]
                try:
                    written = await loop.run_in_executor(self._disk, self._writer.append, frames)
                except Exception as fault:
                    logger.exception("The log cannot be written.")
                    self.broken = self.broken or not isinstance(fault, OSError)
                    self._lose(group + self._waiting)
                    self._waiting = []
                    continue
                for (prepared, future), place in zip(group, written, strict=True):
                    receipt = self.intake.kept(prepared, place, self.name)
                    if not future.done():
                        future.set_result(receipt)
        finally:
            self._writing = None

    def _lose(self, group: list[tuple[Prepared, asyncio.Future[SentReceipt]]]) -> None:
        for prepared, future in group:
            self.intake.lost(prepared)
            if not future.done():
                future.set_exception(RefusedBatchError(503, "log", FULL, 5.0))


class Application:
    """The ASGI side of a node."""

    def __init__(self, node: Node | None = None) -> None:
        self.node = node or Node()
        self._told: dict[str, tuple[float, int]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await asyncio.to_thread(self.node.open)
                except Exception as fault:
                    logger.exception("The node %s cannot start.", self.node.name)
                    await send({"type": "lifespan.startup.failed", "message": str(fault)})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.node.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._route(scope, receive, send)
        except Exception:
            # The server would write the fault's own words to its log, and they may quote a row.
            logger.exception("A request failed; nothing of it was kept.")
            body = _encode({"type": "urn:balai:problem:internal", "status": 500, "detail": "The hub failed."})
            await _reply(send, 500, body, b"application/problem+json")

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        standard = standard_of(path)
        try:
            if standard is not None:
                request = Request(method, path, scope.get("query_string", b""), _headers(scope), receive)
                try:
                    reply = await standard.answer(self.node, request)
                    whose = reply.door
                except RefusedBatchError as refusal:
                    self._count(refusal)
                    await request.pass_over()
                    reply = standard.refusal(refusal, request)
                    whose = refusal.door
                more = [*reply.headers, *(_limits(whose) if whose is not None else ())]
                await _reply(send, reply.status, reply.body, reply.kind, more)
            elif path == "/v1/observations":
                if method != "POST":
                    raise RefusedBatchError(405, "method", "Only POST is known here.")
                door, receipt = await self._take(scope, receive)
                await _reply(send, 202, _encode(receipt), more=_limits(door))
            elif path == "/healthz":
                await _reply(
                    send, 503 if self.node.broken else 200, b'{"broken":%s}' % _encode(self.node.broken)
                )
            elif path == "/metrics":
                await _reply(send, 200, self._metrics(), b"text/plain; version=0.0.4; charset=utf-8")
            else:
                raise RefusedBatchError(404, "path", "There is nothing here.")
        except RefusedBatchError as refusal:
            self._count(refusal)
            body = {
                "type": f"urn:balai:problem:{refusal.code}",
                "status": refusal.status,
                "detail": refusal.detail,
            }
            more = _limits(refusal.door) if refusal.door is not None else []
            if refusal.retry_after:
                more.append((b"retry-after", str(max(1, round(refusal.retry_after))).encode()))
            await _reply(send, refusal.status, _encode(body), b"application/problem+json", more)

    def _count(self, refusal: RefusedBatchError) -> None:
        """Count a refusal; log the first of its kind at once, and those of the next seconds as one."""
        refused, code = self.node.intake.meter.refused, refusal.code
        refused[code] = refused.get(code, 0) + 1
        told_at, told = self._told.get(code, (float("-inf"), 0))
        if time.monotonic() - told_at >= TELL_EVERY:
            count = refused[code] - told
            facts = {"node": self.node.name, "code": code, "status": refusal.status, "count": count}
            logger.info("Refused: %s (%s), %s times", code, refusal.status, count, extra={"facts": facts})
            self._told[code] = (time.monotonic(), refused[code])

    async def _take(self, scope: Scope, receive: Receive) -> tuple[Door, SentReceipt]:
        request = Request("POST", scope["path"], scope.get("query_string", b""), _headers(scope), receive)
        try:
            door = self.node.door(request.header("authorization"))
        except RefusedBatchError:
            await request.pass_over()
            raise
        body = await request.body()
        form = request.header("content-type").split(";")[0].strip().lower()
        return door, await self.node.take(door, request.header("idempotency-key"), form, body)

    def _metrics(self) -> bytes:
        meter = self.node.intake.meter
        lines = []
        for name in ("batches", "received", "accepted", "quarantined", "duplicates", "bytes"):
            lines += [
                f"# TYPE balai_ingest_{name}_total counter",
                f"balai_ingest_{name}_total {getattr(meter, name)}",
            ]
        lines.append("# TYPE balai_ingest_refused_total counter")
        lines += [
            f'balai_ingest_refused_total{{reason="{code}"}} {count}'
            for code, count in sorted(meter.refused.items())
        ]
        return ("\n".join(lines) + "\n").encode()


@cache
def _decoder(event: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(msgspec.defstruct("Known", [(event, str)], gc=False))


def _events(record: Record) -> list[str]:
    """The ids of a record's rows."""
    name = record.header.event
    return list(map(attrgetter(name), _decoder(name).decode_lines(record.rows)))


def _limits(door: Door) -> list[tuple[bytes, bytes]]:
    now, today = time.time(), door.today
    sent = today.rows if today.day == int(now // 86400) else 0
    return limits(door.bucket, door.rows_per_day, sent, now)


def _headers(scope: Scope) -> dict[bytes, bytes]:
    return {bytes(name): bytes(value) for name, value in scope["headers"]}


async def _reply(
    send: Send,
    status: int,
    body: bytes,
    kind: bytes = b"application/json",
    more: list[tuple[bytes, bytes]] | None = None,
) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *(more or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
