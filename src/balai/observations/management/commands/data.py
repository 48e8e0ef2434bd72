import sys
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from balai.observations import places
from balai.observations.actions import erase_subjects
from balai.observations.contracts import ContractError, read_contract
from balai.observations.housekeeping import check
from balai.observations.store import connect


class Command(BaseCommand):
    help = "The city's data plane: check contracts and the store, erase a day's subjects."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True)
        parts.add_parser("check", help="compare accounts, rows and files; exit code 1 where they disagree")
        contract = parts.add_parser("contract", help="say whether a file is a contract, and what is wrong")
        contract.add_argument("file")
        erase = parts.add_parser("erase", help="destroy the key of one day's subjects, for good")
        erase.add_argument("table", help="e.g. gojek_trips_v1")
        erase.add_argument("day", type=date.fromisoformat, help="local day, YYYY-MM-DD")

    def handle(self, *_args: Any, **options: Any) -> None:
        {"check": self.compare, "contract": self.read, "erase": self.erase}[options["part"]](options)

    def compare(self, _options: Any) -> None:
        places.store().mkdir(parents=True, exist_ok=True)
        engine = connect()
        faults = list(check(engine, places.store()))
        engine.close()
        for fault in faults:
            self.stdout.write(fault)
        if faults:
            sys.exit(1)
        self.stdout.write("Every row, file and account agrees.")

    def read(self, options: Any) -> None:
        try:
            with open(options["file"], encoding="utf-8") as file:
                found = read_contract(file.read())
        except (OSError, UnicodeDecodeError) as fault:
            raise CommandError(f"{options['file']}: {fault}", returncode=2) from fault
        except ContractError as fault:
            for place, what in fault.faults:
                self.stdout.write(f"{place}: {what}" if place else what)
            sys.exit(1)
        self.stdout.write(f"{found.id} {found.version}: {len(found.fields)} fields, k = {found.k}")

    def erase(self, options: Any) -> None:
        if erase_subjects(table=options["table"], day=options["day"]):
            self.stdout.write(
                "The key is destroyed; the day's subjects cannot be linked to anybody any more."
            )
        else:
            self.stdout.write("The key was destroyed before.")
