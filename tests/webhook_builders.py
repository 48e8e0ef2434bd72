"""Receivers of webhooks: small HTTP servers on this machine, and addresses that lead to them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

from django.utils import timezone

from balai.observations.webhooks import events, signing
from balai.observations.webhooks.models import Scheme, Webhook, WebhookDelivery, WebhookMessage
from balai.people.models import Organisation
from tests.builders import make_city

KEY = bytes(range(32))
_numbers = count(1)


@dataclass
class Receiver:
    """What came, and how it is answered: ``answer(number)`` gives status, headers and body."""

    answer: Callable[[int], tuple[int, dict[str, str], bytes]] = lambda number: (204, {}, b"")
    wait: float = 0.0
    came: list[tuple[dict[str, str], bytes, str]] = field(default_factory=list)
    most_at_once: int = 0
    url: str = ""
    _now: int = 0

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _body, _path in self.came]


@contextmanager
def listening(receiver: Receiver | None = None, context: Any = None) -> Iterator[Receiver]:
    """A server on a free port of 127.0.0.1, over TLS with ``context``."""
    at = receiver or Receiver()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            with lock:
                at.came.append(({k.lower(): v for k, v in self.headers.items()}, body, self.path))
                number = len(at.came)
                at._now += 1
                at.most_at_once = max(at.most_at_once, at._now)
            time.sleep(at.wait)
            with lock:
                at._now -= 1
            status, headers, text = at.answer(number)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    at.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}/terima?dari=balai"
    try:
        yield at
    finally:
        server.shutdown()
        server.server_close()


def make_webhook(organisation: Organisation, url: str = "", **extra: Any) -> Webhook:
    """An address whose secret is `KEY`, told of contracts and of tests."""
    values = {
        "city": make_city(),
        "organisation": organisation,
        "url": url or f"https://hooks.contoh.id/{next(_numbers)}",
        "events": ["data.contract_published", "data.key_stopped"],
        "scheme": Scheme.SHARED,
        "sealed": signing.seal(KEY),
        "after": 0,
    } | extra
    return Webhook.objects.create(**values)


def answers(*statuses: int, **headers: str) -> Callable[[int], tuple[int, dict[str, str], bytes]]:
    """The statuses one after the other; the last one for ever."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda number: (statuses[min(number, len(statuses)) - 1], named, b"jawaban penerima")


def make_delivery(webhook: Webhook, **extra: Any) -> WebhookDelivery:
    """A test message on its way to the address."""
    now = timezone.now()
    message = WebhookMessage.objects.create(
        id=f"msg_{next(_numbers):032d}",
        type=events.TEST,
        city=webhook.city,
        at=now,
        body='{"type":"webhook.test"}',
        made_at=now,
    )
    return WebhookDelivery.objects.create(
        webhook=webhook, message=message, **({"next_at": now, "made_at": now} | extra)
    )


def told(webhook: Webhook, _side: Any) -> tuple[Any, ...]:
    """What the address of its first delivery's page is made of."""
    first = webhook.deliveries.order_by("pk").first()
    assert first is not None
    return webhook.pk, first.pk
