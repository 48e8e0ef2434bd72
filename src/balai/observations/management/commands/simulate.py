import http.client
import os
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from datetime import timedelta
from itertools import batched
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from balai.observations import places
from balai.observations.simulating import (
    COUNTS,
    Answer,
    Outgoing,
    UnexpectedAnswerError,
    Wire,
    kits,
    rows_of,
    shipped_contract,
    wire_of,
)

PATIENCE = 60.0
AGAIN = (429, 503)


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
    help = "Send made-up rows of a partner's contract over HTTP, in the partner's own format."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("partner", help="one of the partners with a kit, e.g. gojek")
        parser.add_argument(
            "--contract", default="", help="one of the partner's contracts (default: its first)"
        )
        parser.add_argument("--days", type=int, default=30, help="days back from yesterday (default: 30)")
        parser.add_argument("--rows-a-day", type=int, default=5000, help="(default: 5000)")
        parser.add_argument("--rate", type=rate, default=2000.0, help="rows a second (default: 2000/s)")
        parser.add_argument("--url", default="http://127.0.0.1:8001", help="the ingest node's address")
        parser.add_argument(
            "--key", default="", help="the key's text; better given in the environment as BALAI_DATA_KEY"
        )
        parser.add_argument(
            "--key-file", type=Path, help="a file with the key, or with what a standard needs"
        )
        parser.add_argument("--seed", type=int, default=0, help="the same seed sends the same rows")

    def handle(self, *_args: Any, **options: Any) -> None:
        contract = shipped_contract(_named(options["partner"], options["contract"]))
        try:
            wire = wire_of(contract, _key(options["key"], options["key_file"]))
        except ValueError as fault:
            raise CommandError(str(fault), returncode=2) from None
        today, seed = timezone.localdate(), options["seed"]
        sums = dict.fromkeys(COUNTS, 0)
        sender = _Sender(options["url"])
        begun, sent = time.monotonic(), 0
        for back in range(options["days"], 0, -1):
            day = today - timedelta(days=back)
            rows = rows_of(
                contract, day, options["rows_a_day"], seed=seed, hours_ahead=places.hours_ahead(day)
            )
            for number, batch in enumerate(batched(rows, wire.most)):
                told = _tell(wire, batch, f"simulated-{contract.id}-{day}-{seed}-{number}", sender)
                for name in sums:
                    sums[name] += told[name]
                sent += len(batch)
                ahead = sent / options["rate"] - (time.monotonic() - begun)
                if ahead > 0:
                    time.sleep(ahead)
            if sys.stderr.isatty():
                self.stderr.write(f"\r{day}  {sent} rows", ending="")
        self.stdout.write(", ".join(f"{name} {value}" for name, value in sums.items()))


def _named(partner: str, contract: str) -> str:
    known = kits()
    if partner not in known:
        raise CommandError(
            f"There is no kit for {partner}; there are {', '.join(sorted(known))}.", returncode=2
        )
    if contract and contract not in known[partner]:
        raise CommandError(f"The kit of {partner} has {', '.join(known[partner])}.", returncode=2)
    return contract or known[partner][0]


def _key(text: str, file: Path | None) -> str:
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise CommandError(f"The key cannot be read: {fault}", returncode=2) from None
    key = text.strip() or os.environ.get("BALAI_DATA_KEY", "")
    if not key:
        raise CommandError("Give the key: --key, --key-file, or BALAI_DATA_KEY.", returncode=2)
    return key


def _tell(wire: Wire, rows: tuple[dict[str, Any], ...], name: str, sender: "_Sender") -> dict[str, int]:
    try:
        return wire.tell(rows, name, sender.send)
    except UnexpectedAnswerError as fault:
        raise CommandError(str(fault)) from None


class _Sender:
    """One connection that is opened again where it breaks, and waits where it is told to."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CommandError(f"{url} is no address of an ingest node.", returncode=2)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=30)

    def send(self, build: Callable[[], Outgoing]) -> Answer:
        give_up = time.monotonic() + PATIENCE
        while True:
            outgoing = build()
            try:
                self._connection.request(
                    outgoing.method, outgoing.path, outgoing.body, dict(outgoing.headers)
                )
                answer = self._connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as fault:
                self._connection.close()
                if time.monotonic() > give_up:
                    raise CommandError(f"The ingest node does not answer: {fault}") from fault
                time.sleep(0.5)
                continue
            headers = {name.lower(): value for name, value in answer.getheaders()}
            wait = headers.get("retry-after", "")
            if (answer.status not in AGAIN and not wait) or time.monotonic() > give_up:
                return Answer(answer.status, body, headers)
            time.sleep(min(float(wait or "1"), 5.0))
