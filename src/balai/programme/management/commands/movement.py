"""``balai movement``: weights, measures and the index of the movement, for the hub's operator."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from balai.core.errors import BalaiError
from balai.people.models import City
from balai.programme.assessing import publish_methods
from balai.programme.measures import keep_measures


class Command(BaseCommand):
    help = "Publish the versions of the evaluation's weights; compute the hub's own measures."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        commands.add_parser("methods", help="store the documented versions of the evaluation's weights")
        measures = commands.add_parser("measures", help="compute the hub's measures of a hosted city")
        measures.add_argument("city", help="its code, such as 31")
        measures.add_argument("--year", type=int, default=None, help="this year if not given")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            if options["what"] == "methods":
                self.stdout.write(f"{publish_methods()} versions of the weights are published.")
                return
            city = City.objects.filter(pk=options["city"]).first()
            if city is None:
                raise CommandError(f"There is no city {options['city']!r}.")
            kept = keep_measures(city, options["year"] or timezone.localdate().year)
            self.stdout.write(f"{kept} figures are new.")
        except BalaiError as refusal:
            raise CommandError(str(refusal.reason)) from refusal
