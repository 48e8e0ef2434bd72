"""``balai index`` among the hub's commands. ``balai.__main__`` runs it without loading the hub."""

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand

from balai.methods.index import command


class Command(BaseCommand):
    help = "Compute, explain and try a composite index from files."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        command.arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        code = command.run(Namespace(**options))
        if code:
            sys.exit(code)
