"""The door as machines meet it: every answer, and what hostile bodies cost."""

import asyncio
import gzip
import json
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from balai.observations import places
from balai.observations.asgi import Application, Node
from balai.observations.checking import LARGEST_BODY
from balai.observations.drain import Drainer
from balai.observations.models import DataKey, Receipt
from balai.observations.segments import segments_of
from tests.observations_builders import bearer, lines, make_data_key, put_in_force, row

pytestmark = pytest.mark.django_db(transaction=True)

NDJSON = "application/x-ndjson"
PATH = "/v1/observations"


class Client:
    """Speaks ASGI to a node, as a server would for an outside client."""

    def __init__(self, key: DataKey) -> None:
        self.key = key
        self.application = Application(Node("one"))
        self.application.node.open()
        self._loop = asyncio.new_event_loop()
        self._number = 0

    def close(self) -> None:
        self._loop.run_until_complete(self.application.node.close())
        self._loop.close()

    def post(
        self, body: bytes, *, path: str = "/v1/observations", method: str = "POST", **headers: str
    ) -> Any:
        self._number += 1
        given = {
            "authorization": bearer(self.key),
            "content-type": NDJSON,
            "idempotency-key": f"batch-{self._number:04d}",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        return self._loop.run_until_complete(self._speak(method, path, given, [body]))

    def together(self, batches: list[tuple[str, bytes]]) -> list[Any]:
        """Send the batches at once, each under its idempotency key."""

        async def all_of_them() -> list[Any]:
            return await asyncio.gather(
                *[self._speak("POST", PATH, self._headers(k), [b]) for k, b in batches]
            )

        return self._loop.run_until_complete(all_of_them())

    def _headers(self, key: str) -> dict[str, str]:
        return {"authorization": bearer(self.key), "content-type": NDJSON, "idempotency-key": key}

    async def _speak(self, method: str, path: str, headers: dict[str, str], parts: list[bytes]) -> Any:
        sent: list[dict[str, Any]] = []
        waiting = [
            {"type": "http.request", "body": part, "more_body": n + 1 < len(parts)}
            for n, part in enumerate(parts)
        ]

        async def receive() -> dict[str, Any]:
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items() if value],
        }
        await self.application(scope, receive, send)
        start, body = sent
        return start["status"], dict(start["headers"]), body["body"]


@pytest.fixture
def client(settings, tmp_path: Path) -> Iterator[Client]:
    settings.HOME = tmp_path
    made = Client(make_data_key(put_in_force()))
    yield made
    made.close()


def log_is_empty() -> bool:
    folder = places.log() / "one"
    return [folder.joinpath(f"{number:012d}.seg").stat().st_size for number in segments_of(folder)] == [0]


def test_a_batch_is_answered_with_its_receipt(client: Client) -> None:
    status, headers, body = client.post(lines(row("a"), row("b", zone="x")))

    receipt = json.loads(body)
    assert (status, headers[b"content-type"]) == (202, b"application/json")
    assert (receipt["received"], receipt["accepted"], receipt["quarantined"]) == (2, 1, 1)
    assert receipt["lsn"] == "one/1/0"


def test_batches_that_come_together_are_all_kept_and_answered(client: Client) -> None:
    answers = client.together(
        [(f"together-{n}", lines(row(f"{n}-a"), row(f"{n}-b"), row("shared"))) for n in range(40)]
    )

    drainer = Drainer()
    drainer.step()
    drainer.close()
    receipts = [json.loads(body) for _status, _headers, body in answers]
    assert {status for status, _headers, _body in answers} == {202}
    assert sum(receipt["accepted"] for receipt in receipts) == 81
    assert sum(receipt["duplicates"] for receipt in receipts) == 39
    assert sum(Receipt.objects.values_list("accepted", flat=True)) == 81


def test_every_refusal_has_its_code_and_keeps_nothing(client: Client) -> None:
    refusals: list[tuple[dict[str, str], int, str]] = [
        ({"authorization": ""}, 401, "key"),
        ({"authorization": "Bearer chk_live_x.y"}, 401, "key"),
        ({"idempotency_key": ""}, 400, "idempotency-key"),
        ({"idempotency_key": "short"}, 400, "idempotency-key"),
        ({"content_type": "text/csv"}, 415, "content-type"),
        ({"content_type": ""}, 415, "content-type"),
        ({"content_encoding": "br"}, 415, "content-encoding"),
        ({"content_encoding": "gzip"}, 400, "gzip"),
        ({"method": "GET"}, 405, "method"),
        ({"path": "/v1/other"}, 404, "path"),
    ]
    for headers, status, code in refusals:
        answered, kinds, body = client.post(lines(row()), **headers)

        problem = json.loads(body)
        assert (answered, problem["status"], problem["type"]) == (status, status, f"urn:balai:problem:{code}")
        assert kinds[b"content-type"] == b"application/problem+json"
        assert problem["detail"]
    assert log_is_empty()


def test_a_key_stopped_now_is_refused_within_a_second(client: Client) -> None:
    assert client.post(lines(row()))[0] == 202
    DataKey.objects.update(stopped_at="2026-01-01T00:00:00Z", stopped_reason="The pilot is suspended.")

    deadline = time.monotonic() + 5
    while (answer := client.post(lines(row())))[0] == 202 and time.monotonic() < deadline:
        time.sleep(0.1)

    assert (answer[0], json.loads(answer[2])["detail"]) == (403, "The pilot is suspended.")


def test_a_gzipped_batch_is_taken_and_a_bomb_is_not(client: Client) -> None:
    plain = lines(row("a"))
    bomb = gzip.compress(b" " * (200 * 1024 * 1024), 9)

    taken = client.post(gzip.compress(plain), content_encoding="gzip")
    before = time.process_time()
    refused = client.post(bomb, content_encoding="gzip")
    spent = time.process_time() - before

    assert (taken[0], json.loads(taken[2])["accepted"]) == (202, 1)
    assert (refused[0], spent < 0.5) == (413, True)


def test_hostile_bodies_are_refused_or_quarantined_row_by_row(client: Client) -> None:
    bodies = [b"", b"{}", b"\x00" * 1000, b"[" * 200_000, b'{"a":' * 100_000, b"1" * 300_000, b"\xff\xfe"]
    for body in [*bodies, zlib.compress(b"x")]:
        status, _headers, answer = client.post(body)

        if status == 202:
            receipt = json.loads(answer)
            assert (receipt["accepted"], receipt["duplicates"]) == (0, 0)
            assert receipt["received"] == receipt["quarantined"] > 0
        else:
            assert status == 400


def test_a_body_beyond_the_limit_is_refused_before_it_is_read_whole(client: Client) -> None:
    assert client.post(b" " * (LARGEST_BODY + 1))[0] == 413
    assert log_is_empty()


def test_a_sender_who_leaves_half_way_leaves_nothing(client: Client) -> None:
    async def half() -> int:
        parts = [
            {"type": "http.request", "body": b'{"event_id"', "more_body": True},
            {"type": "http.disconnect"},
        ]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return parts.pop(0)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = [(b"authorization", bearer(client.key).encode())]
        scope = {"type": "http", "method": "POST", "path": "/v1/observations", "headers": headers}
        await client.application(scope, receive, send)
        return sent[0]["status"]

    assert client._loop.run_until_complete(half()) == 400
    assert log_is_empty()


def test_the_same_batch_sent_twice_at_once_is_written_once(client: Client) -> None:
    body = lines(row("a"))

    answers = client.together([("the-same-key", body), ("the-same-key", body)])

    assert sorted(status for status, _headers, _body in answers) == [202, 409]
    assert client.post(body, idempotency_key="the-same-key")[0] == 202
    drainer = Drainer()
    drainer.step()
    drainer.close()
    assert Receipt.objects.count() == 1


def test_a_restarted_node_knows_its_batches_again(client: Client, settings) -> None:
    body = lines(row("a"), row("b"))
    first = client.post(body, idempotency_key="before-the-end")
    client.close()
    again = Client(client.key)

    repeated = again.post(body, idempotency_key="before-the-end")
    new = again.post(lines(row("b"), row("c")), idempotency_key="after-the-end")
    client._loop, client.application = again._loop, again.application

    known = json.loads(first[2])
    assert json.loads(repeated[2]) == known
    assert (json.loads(new[2])["accepted"], json.loads(new[2])["duplicates"]) == (1, 1)


def test_the_metrics_count_what_happened(client: Client) -> None:
    client.post(lines(row("a"), row("a"), row("b", zone="x")))
    client.post(lines(row()), authorization="Bearer no")

    metrics = client.post(b"", path="/metrics", method="GET")[2].decode()

    assert "balai_ingest_received_total 3\n" in metrics
    assert "balai_ingest_accepted_total 1\n" in metrics
    assert 'balai_ingest_refused_total{reason="key"} 1\n' in metrics


def test_what_follows_a_gzipped_body_is_neither_held_nor_lost_in_silence(client: Client) -> None:
    body = gzip.compress(lines(row("a"))) + gzip.compress(lines(row("b")))

    assert client.post(body, content_encoding="gzip")[0] == 400
    assert client.post(lines(row("a")))[0] == 202
    assert client.application.node.intake.meter.accepted == 1


def test_the_body_of_a_stranger_is_not_unpacked(client: Client) -> None:
    status, problem = client.post(b"no gzip", content_encoding="gzip", authorization="Bearer chk_live_no.no")[
        :2
    ]

    assert status == 401, problem
