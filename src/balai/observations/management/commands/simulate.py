import http.client
import json
import os
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from itertools import batched
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from balai.observations import places
from balai.observations.intake import EVENTS
from balai.observations.simulate import event_of, rows_of, shipped_contract, shipped_contracts

BATCH = 100
PATIENCE = 60.0


def rate(text: str) -> float:
    number = text.removesuffix("/s")
    try:
        value = float(number)
    except ValueError:
        raise ArgumentTypeError("expected rows a second, e.g. 2000/s") from None
    if value <= 0:
        raise ArgumentTypeError("expected more than nothing")
    return value


class Command(BaseCommand):
    help = "Send made-up rows of a partner's contract over HTTP, as an outside client would."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("partner", help="one of the partners with a kit, e.g. gojek")
        parser.add_argument("--days", type=int, default=30, help="days back from yesterday (default: 30)")
        parser.add_argument("--rows-a-day", type=int, default=5000, help="(default: 5000)")
        parser.add_argument("--rate", type=rate, default=2000.0, help="rows a second (default: 2000/s)")
        parser.add_argument("--url", default="http://127.0.0.1:8001", help="the ingest node's address")
        parser.add_argument(
            "--key", default="", help="the key's text; better given in the environment as BALAI_DATA_KEY"
        )
        parser.add_argument("--seed", type=int, default=0, help="the same seed sends the same rows")

    def handle(self, *_args: Any, **options: Any) -> None:
        partner = options["partner"]
        if partner not in (known := shipped_contracts()):
            raise CommandError(f"There is no kit for {partner}; there are {', '.join(known)}.", returncode=2)
        key = options["key"] or os.environ.get("BALAI_DATA_KEY", "")
        if not key:
            raise CommandError("Give the key: --key, or BALAI_DATA_KEY.", returncode=2)
        contract = shipped_contract(partner)
        today = timezone.localdate()
        sums = dict.fromkeys(("received", "accepted", "quarantined", "duplicates"), 0)
        sender = _Sender(options["url"], key)
        begun, sent = time.monotonic(), 0
        for back in range(options["days"], 0, -1):
            day = today - timedelta(days=back)
            count, ahead_of_utc = options["rows_a_day"], places.hours_ahead(day)
            rows = rows_of(contract, day, count, seed=options["seed"], hours_ahead=ahead_of_utc)
            for number, batch in enumerate(batched(rows, BATCH)):
                body = json.dumps([event_of(contract, row) for row in batch]).encode()
                receipt = sender.send(f"simulated-{contract.id}-{day}-{options['seed']}-{number}", body)
                for name in sums:
                    sums[name] += receipt[name]
                sent += len(batch)
                ahead = sent / options["rate"] - (time.monotonic() - begun)
                if ahead > 0:
                    time.sleep(ahead)
            if sys.stderr.isatty():
                self.stderr.write(f"\r{day}  {sent} rows", ending="")
        self.stdout.write(", ".join(f"{name} {value}" for name, value in sums.items()))


class _Sender:
    """One connection that is opened again where it breaks, and waits where it is told to."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CommandError(f"{url} is no address of an ingest node.", returncode=2)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=30)
        self._key = key

    def send(self, number: str, body: bytes) -> dict[str, int]:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": EVENTS, "Idempotency-Key": number}
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                self._connection.request("POST", "/v1/observations", body, headers)
                answer = self._connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException) as fault:
                self._connection.close()
                if time.monotonic() > give_up:
                    raise CommandError(f"The ingest node does not answer: {fault}") from fault
                time.sleep(0.5)
                continue
            if answer.status == 202:
                found: dict[str, int] = json.loads(text)
                return found
            if answer.status not in (409, 429, 503) or time.monotonic() > give_up:
                raise CommandError(f"{answer.status}: {json.loads(text).get('detail', text)}")
            time.sleep(min(float(answer.headers.get("Retry-After", "1")), 5.0))
