"""``balai ocds``: the open contracting data as a file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from balai.programme import ocds


class Command(BaseCommand):
    help = "Write the open contracting data (OCDS) of every public collaboration to a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        export = commands.add_parser("export", help="write the file; the same data gives the same bytes")
        export.add_argument(
            "file",
            type=Path,
            help="NAME.json: one record package; NAME.jsonl.gz: compiled releases, one a line",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if path.name.endswith(".jsonl.gz"):
            pieces = ocds.bulk_lines()
        elif path.suffix == ".json":
            pieces = ocds.bulk_package()
        else:
            raise CommandError("Name a file that ends in .json or .jsonl.gz.")
        try:
            with path.open("wb") as file:
                file.writelines(pieces)
        except OSError as fault:
            raise CommandError(f"{path} cannot be written: {fault.strerror}.") from fault
        self.stdout.write(f"{path} is written: {path.stat().st_size} bytes.")
