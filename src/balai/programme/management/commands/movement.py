"""``balai movement``: weights, measures and the index of the movement, for the hub's operator."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from balai.core.errors import BalaiError
from balai.people.models import City
from balai.programme.assessing import publish_methods
from balai.programme.indexing import PLACES, SPECIFICATION, Asked, compute, reproduce, table_of
from balai.programme.measures import keep_measures


class Command(BaseCommand):
    help = "Publish weights of the evaluation; compute the hub's measures and the index of the movement."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        commands.add_parser("methods", help="store the documented versions of the evaluation's weights")
        measures = commands.add_parser("measures", help="compute the hub's measures of a hosted city")
        measures.add_argument("city", help="its code, such as 31")
        measures.add_argument("--year", type=int, default=None, help="this year if not given")

        index = commands.add_parser("index", help="compute the index from the figures the hub keeps")
        index.add_argument("--year", type=int, default=None, help="this year if not given")
        index.add_argument(
            "--specification", type=Path, default=SPECIFICATION, help="TOML; ours if not given"
        )
        index.add_argument("--data", type=Path, help="CSV instead of the hub's own figures")
        index.add_argument("-n", "--replications", type=int, default=2000)
        index.add_argument("--seed", type=int, default=1)
        index.add_argument("--top", type=int, default=PLACES, help="how many places there are")
        index.add_argument("--invented", action="store_true", help="the data are made up")
        again = commands.add_parser("reproduce", help="compute a downloaded bundle again and compare")
        again.add_argument("file", type=Path)

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            if options["what"] == "methods":
                self.stdout.write(f"{publish_methods()} versions of the weights are published.")
                return
            if options["what"] == "index":
                self._index(options)
                return
            if options["what"] == "reproduce":
                self._reproduce(options["file"])
                return
            city = City.objects.filter(pk=options["city"]).first()
            if city is None:
                raise CommandError(f"There is no city {options['city']!r}.")
            kept = keep_measures(city, options["year"] or timezone.localdate().year)
            self.stdout.write(f"{kept} figures are new.")
        except BalaiError as refusal:
            raise CommandError(str(refusal.reason)) from refusal

    def _index(self, options: dict[str, Any]) -> None:
        year = options["year"] or timezone.localdate().year
        specification = _text(options["specification"])
        names: dict[str, str]
        if options["data"]:
            data, names = _text(options["data"]), {}
        else:
            data, names = table_of(year, specification)
        run = compute(
            Asked(
                name=f"Indeks gerakan {year}",
                name_en=f"Index of the movement {year}",
                year=year,
                specification=specification,
                data=data,
                names=names,
                invented=options["invented"],
                seed=options["seed"],
                replications=options["replications"],
                chosen=options["top"],
            )
        )
        self.stdout.write(f"{run.name}: {len(run.result['units'])} places, {run.pk}")
        for warning in run.result["warnings"]:
            self.stderr.write(warning)

    def _reproduce(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError as fault:
            raise CommandError(f"{path} cannot be read: {fault.strerror}.") from fault
        odd = reproduce(content)
        for line in odd:
            self.stderr.write(line)
        if odd:
            raise CommandError("The bundle does not say what comes out of it.")
        self.stdout.write("The same comes out.")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise CommandError(f"{path} cannot be read: {fault}") from fault
