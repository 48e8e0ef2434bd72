from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from balai.core.process import CannotServeError, serve


class Command(BaseCommand):
    help = "Serve the hub: the web server and one worker, until Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            serve(options["host"], options["port"])
        except CannotServeError as fault:
            raise CommandError(str(fault), returncode=2) from fault
