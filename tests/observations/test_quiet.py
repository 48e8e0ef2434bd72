"""What the node and the drainer write to their log, whatever is sent: no key, no secret, no row."""

import json
import logging
from collections.abc import Iterator

import pytest
from django.core.management import call_command

from balai.core.logs import Lines, Objects
from balai.observations import places
from balai.observations.models import Receipt
from tests.observations.test_http import NDJSON, Client, client  # noqa: F401
from tests.observations_builders import SECRET, lines, row

pytestmark = pytest.mark.django_db(transaction=True)


class Kept(logging.Handler):
    """Every record as both forms of the log write it."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.facts: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = Objects().format(record)
        self.text += [line, Lines().format(record)]
        self.facts.append(json.loads(line))


@pytest.fixture
def log() -> Iterator[Kept]:
    kept, root = Kept(), logging.getLogger()
    level = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    yield kept
    root.setLevel(level)
    root.removeHandler(kept)


def test_whatever_is_sent_the_log_says_none_of_it(client: Client, log: Kept) -> None:  # noqa: F811
    name = "Siti Rahma binti Ahmad"
    bodies = [
        lines(row("known-event-1", device=name)),
        lines(row("known-event-2", zone=name), row("known-event-3", vehicle=name), {name: name}),
        name.encode(),
        b"[" * 9_999 + name.encode(),
        lines(row("known-event-4", device="\ud800" + name)),
    ]
    for body in bodies:
        for form in (NDJSON, "application/cloudevents-batch+json", f"text/{name}"):
            client.post(body, content_type=form)
    for key in (f"Bearer chk_live_{client.key.pk}.{name}", f"Bearer {name}", f"Basic {SECRET}"):
        client.post(bodies[0], authorization=key)
    client.post(bodies[0], path=f"/{name}", idempotency_key=name)
    client.post(bodies[0], content_encoding="gzip")
    call_command("drain", "--once")

    text = "\n".join(log.text)
    assert (name in text, "Siti" in text, SECRET in text, "known-event" in text) == (False,) * 4
    refused = {fact["code"]: fact["count"] for fact in log.facts if "code" in fact}
    assert refused == dict.fromkeys(("envelope", "content-type", "key", "path", "gzip"), 1)
    assert [fact["rows"] for fact in log.facts if "batches" in fact] == [
        Receipt.objects.filter(accepted=1).count()
    ]


def test_a_fault_nobody_foresaw_is_answered_and_told_without_the_row(
    client: Client,  # noqa: F811
    log: Kept,
) -> None:
    """A key that cannot be read back: the fault is the hub's, and the batch may come again."""
    client.post(lines(row("known-event-1")))
    for path in places.subject_keys().rglob("*.key"):
        path.unlink()
        path.mkdir()
    client.application.node.intake._subjects._known.clear()

    status, _headers, body = client.post(lines(row("known-event-2", device="Siti Rahma")))

    assert (status, json.loads(body)["type"]) == (503, "urn:balai:problem:log")
    for path in places.subject_keys().rglob("*.key"):
        path.rmdir()
    assert client.post(lines(row("known-event-2", device="Siti Rahma")))[0] == 202
    assert "Siti" not in "\n".join(log.text)
