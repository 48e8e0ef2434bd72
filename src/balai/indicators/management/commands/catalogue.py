"""``balai catalogue``: the indicators and the list of cities, for the hub's operator."""

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from balai.core.errors import BalaiError
from balai.indicators.actions import import_cities, publish_catalogue
from balai.indicators.shipped import CatalogueError, provinces

SHIPPED = "Daftar 38 provinsi yang dibawa hub"


class Command(BaseCommand):
    help = "Publish the catalogue of indicators; take over provinces, regencies and cities with their codes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        commands.add_parser("publish", help="bring dimension sets and indicators to the shipped catalogue")
        commands.add_parser("provinces", help="take over the 38 provinces with both their codes")
        cities = commands.add_parser("cities", help="take over a list of regencies and cities")
        cities.add_argument("file", type=Path, help="CSV with the columns code, name (and bps)")
        cities.add_argument(
            "--system", choices=["bps", "kemendagri"], default="bps", help="whose codes ``code`` are"
        )
        cities.add_argument("--source", required=True, help="where the list comes from, with its day")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            match options["what"]:
                case "publish":
                    count = publish_catalogue()
                    self.stdout.write(f"{count} indicators are published.")
                case "provinces":
                    lines = [{"code": p.kemendagri, "bps": p.bps, "name": p.name} for p in provinces()]
                    self._take(lines, "kemendagri", SHIPPED)
                case _:
                    self._take(_lines(options["file"]), options["system"], options["source"])
        except CatalogueError as fault:
            raise CommandError(str(fault)) from fault
        except BalaiError as refusal:
            raise CommandError(str(refusal.reason)) from refusal

    def _take(self, lines: list[dict[str, str]], system: str, source: str) -> None:
        made, noted = import_cities(lines=lines, system=system, source=source)
        self.stdout.write(f"{made} places are new, {noted} codes were noted.")


def _lines(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            lines = [{key: value or "" for key, value in line.items() if key} for line in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise CommandError(f"{path} cannot be read: {fault}") from fault
    if not lines or not {"code", "name"} <= set(lines[0]):
        raise CommandError(f"{path} needs the columns code and name.")
    return lines
