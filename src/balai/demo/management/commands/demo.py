import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from balai.core.process import CannotServeError, check_port, serve
from balai.demo import flow, load, people, scale


class Command(BaseCommand):
    help = "Load the demonstration city, once, and serve it until Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")
        parser.add_argument(
            "--scale", type=int, default=0, metavar="N", help="also make an invented city with N applications"
        )
        parser.add_argument("--no-serve", action="store_true", help="load only, do not start the hub")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("This needs demonstration mode: set BALAI_DEMO=true.", returncode=2)
        host, port = options["host"], options["port"]
        try:
            if not options["no_serve"]:
                check_port(host, port)
            started = time.monotonic()
            self.say("Basis data disiapkan  ·  preparing the database")
            call_command("migrate", interactive=False, verbosity=0)
            if load.load(self.say):
                self.say(f"Selesai dalam {time.monotonic() - started:.0f} detik  ·  loaded")
            flow.pour(self.say)
            if options["scale"]:
                city = scale.generate(options["scale"], self.say)
                self.say(f"Kota rekaan: {city.name}  ·  invented city")
            self.accounts()
            if not options["no_serve"]:
                self.say("")
                serve(host, port)
        except CannotServeError as fault:
            raise CommandError(str(fault), returncode=2) from fault

    def say(self, line: str) -> None:
        """Print one line of progress at once."""
        self.stdout.write(line)
        self.stdout.flush()

    def accounts(self) -> None:
        """The table of demonstration accounts; each signs in with one click at the sign-in page."""
        self.say(
            "\nAkun demonstrasi, masuk dengan satu klik  ·  demonstration accounts, one click to sign in\n"
        )
        for name, does, email in people.accounts():
            self.say(f"  {name:<16} {does:<44} {email}")
