"""``POST /v1/observations`` as a bare ASGI application: parse, check, group-commit, answer with a receipt."""

import asyncio
import logging
import socket
import zlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.conf import settings

from balai.observations import places
from balai.observations.checking import LARGEST_BODY
from balai.observations.doors import Doors, DoorsOutOfDateError
from balai.observations.intake import Door, Intake, Prepared, RefusedBatchError, SentReceipt
from balai.observations.sealing import RowSeal
from balai.observations.segments import (
    LogBrokenError,
    Place,
    SegmentWriter,
    read_segment,
    segment_path,
    segments_of,
)
from balai.observations.subjects import SubjectKeys

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

RECALLED_SEGMENTS = 4
"""How many of the newest segments a restarted node reads to know its latest batches again."""
logger = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class Node:
    """One ingest node: its doors, its checks and its log."""

    def __init__(self, name: str = "") -> None:
        self.name = name or settings.NODE or socket.gethostname().split(".")[0] or "node"
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

    def open(self) -> None:
        """Take the log, remember its newest batches, follow the keys."""
        self._writer = SegmentWriter(places.log() / self.name)
        self._recall()
        self.doors.open()

    def _recall(self) -> None:
        folder = places.log() / self.name
        for number in segments_of(folder)[-RECALLED_SEGMENTS:]:
            for begin, _end, record in read_segment(segment_path(folder, number)):
                name = record.header.event
                events = (msgspec.json.decode(line)[name] for line in record.rows.splitlines())
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
        if self.broken:
            raise RefusedBatchError(503, "log", "The log is broken; nothing was kept.", 5.0)
        try:
            return self.intake.door(authorization)
        except DoorsOutOfDateError as fault:
            raise RefusedBatchError(503, "unavailable", str(fault), retry_after=5.0) from None

    async def take(self, authorization: str, idempotency: str, form: str, body: bytes) -> SentReceipt:
        """One batch from check to durable receipt. Raises RefusedBatchError."""
        prepared = self.intake.prepare(self.door(authorization), idempotency, form, body)
        if isinstance(prepared, SentReceipt):
            return prepared
        future: asyncio.Future[SentReceipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((prepared, future))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return await asyncio.shield(future)

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
                except (OSError, LogBrokenError) as fault:
                    logger.error("The log cannot be written: %s", fault)
                    self.broken = self.broken or isinstance(fault, LogBrokenError)
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
                future.set_exception(
                    RefusedBatchError(503, "log", "The log is full or broken; nothing was kept.", 5.0)
                )


class Application:
    """The ASGI side of a node."""

    def __init__(self, node: Node | None = None) -> None:
        self.node = node or Node()

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
                    logger.exception("The node cannot start.")
                    await send({"type": "lifespan.startup.failed", "message": str(fault)})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.node.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        try:
            if path == "/v1/observations":
                if method != "POST":
                    raise RefusedBatchError(405, "method", "Only POST is known here.")
                receipt = await self._take(scope, receive)
                await _reply(send, 202, _encode(receipt))
            elif path == "/healthz":
                await _reply(
                    send, 503 if self.node.broken else 200, b'{"broken":%s}' % _encode(self.node.broken)
                )
            elif path == "/metrics":
                await _reply(send, 200, self._metrics(), b"text/plain; version=0.0.4; charset=utf-8")
            else:
                raise RefusedBatchError(404, "path", "There is nothing here.")
        except RefusedBatchError as refusal:
            refused = self.node.intake.meter.refused
            refused[refusal.code] = refused.get(refusal.code, 0) + 1
            body = {
                "type": f"urn:balai:problem:{refusal.code}",
                "status": refusal.status,
                "detail": refusal.detail,
            }
            more = []
            if refusal.retry_after:
                more.append((b"retry-after", str(max(1, round(refusal.retry_after))).encode()))
            await _reply(send, refusal.status, _encode(body), b"application/problem+json", more)

    async def _take(self, scope: Scope, receive: Receive) -> SentReceipt:
        given = {}
        for name, value in scope["headers"]:
            given[bytes(name)] = bytes(value)
        authorization = given.get(b"authorization", b"").decode("latin-1")
        try:
            self.node.door(authorization)
        except RefusedBatchError:
            await _pass_over(receive)
            raise
        body = await _body(receive, given.get(b"content-encoding", b"").lower())
        form = given.get(b"content-type", b"").split(b";")[0].strip().lower().decode("latin-1")
        return await self.node.take(
            authorization,
            given.get(b"idempotency-key", b"").decode("latin-1"),
            form,
            body,
        )

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


async def _pass_over(receive: Receive) -> None:
    """Let the body of one who is refused go by, so that the answer is heard; nothing of it is held."""
    size, more = 0, True
    while more and size <= LARGEST_BODY:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)


async def _body(receive: Receive, encoding: bytes) -> bytes:
    """The request's body, unpacked, never more than the largest allowed. Raises RefusedBatchError."""
    if encoding not in (b"", b"identity", b"gzip"):
        raise RefusedBatchError(415, "content-encoding", "Send the body plain or gzipped.")
    parts, size = [], 0
    unpack = zlib.decompressobj(31) if encoding == b"gzip" else None
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedBatchError(400, "disconnected", "The sender went away.")
        part, more = message.get("body", b""), message.get("more_body", False)
        if unpack is not None:
            try:
                part = unpack.decompress(part, LARGEST_BODY + 1 - size)
            except zlib.error:
                raise RefusedBatchError(400, "gzip", "The body is not gzip.") from None
            if unpack.unused_data:
                raise RefusedBatchError(400, "gzip", "Something follows the gzipped body.")
        size += len(part)
        if size > LARGEST_BODY or (unpack is not None and unpack.unconsumed_tail):
            raise RefusedBatchError(413, "size", f"A batch has at most {LARGEST_BODY} bytes, unpacked.")
        parts.append(part)
    if unpack is not None and not unpack.eof:
        raise RefusedBatchError(400, "gzip", "The gzipped body is not whole.")
    return b"".join(parts)


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
