import logging
import signal
from argparse import ArgumentParser
from dataclasses import asdict
from threading import Event
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections

from balai.observations.drain import Drainer

TIDY_EVERY = 600.0
STAND_BY = 5.0
logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Bring what the ingest nodes wrote into the store, until Ctrl-C. One a hub."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="stop when the log is drained")
        parser.add_argument("--every", type=float, default=2.0, help="seconds between two steps (default: 2)")

    def handle(self, *_args: Any, **options: Any) -> None:
        stop = Event()
        if not options["once"]:
            for signum in (signal.SIGINT, signal.SIGTERM):
                signal.signal(signum, lambda *_received: stop.set())
        drainer = self.take(stop, wait=not options["once"])
        if drainer is None:
            return
        tidied = float("-inf")
        while not stop.is_set():
            try:
                step = drainer.step()
                if not options["once"] and not step.full and monotonic() - tidied > TIDY_EVERY:
                    drainer.tidy()
                    tidied = monotonic()
            except Exception:
                if options["once"]:
                    raise
                logger.exception("A step failed; nothing of it was kept. The next one begins where it began.")
                drainer.close()
                stop.wait(options["every"])
                close_old_connections()
                if (again := self.take(stop, wait=True)) is None:
                    return
                drainer = again
                continue
            if step.batches:
                facts = {"facts": asdict(step)}
                logger.info("%s batches, %s rows, %s files", step.batches, step.rows, step.files, extra=facts)
            if step.full or (step.batches and options["once"]):
                continue
            if options["once"]:
                if drainer.damaged:
                    raise CommandError("; ".join(f"{node}: {why}" for node, why in drainer.damaged.items()))
                break
            stop.wait(options["every"])
            close_old_connections()
        drainer.close()

    def take(self, stop: Event, *, wait: bool) -> Drainer | None:
        """The store's one drainer; while another has it, stand by for it to end. None once asked to stop."""
        while not stop.is_set():
            try:
                return Drainer()
            except BlockingIOError:
                if not wait:
                    raise CommandError("Another drainer is at work on this store.", returncode=2) from None
                stop.wait(STAND_BY)
        return None
