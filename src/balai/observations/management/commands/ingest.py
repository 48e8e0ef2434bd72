import os
import re
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from balai.core.process import CannotServeError, check_database, check_port
from balai.observations import places
from balai.observations.running import ingest_command, node_name
from balai.observations.segments import is_taken


class Command(BaseCommand):
    help = "Take in partners' data on this machine: one ingest node, until Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8001, help="port to listen on (default: 8001)")
        parser.add_argument("--node", default="", help="name of this node's log (default: the host's name)")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            check_port(options["host"], options["port"])
            check_database()
        except CannotServeError as fault:
            raise CommandError(str(fault), returncode=2) from fault
        if options["node"]:
            os.environ["BALAI_NODE"] = options["node"]
        name = node_name(options["node"])
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,59}", name):
            raise CommandError(f"{name!r} is no name: letters, digits, dots and dashes, 60 at most.")
        if is_taken(places.log() / name):
            message = f"Another node writes the log of {name!r}: give this one another --node."
            raise CommandError(message, returncode=2)
        command = ingest_command(options["host"], options["port"])
        os.execv(sys.executable, command)  # noqa: S606
