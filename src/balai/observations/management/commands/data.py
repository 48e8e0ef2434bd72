import sys
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from balai.observations import places
from balai.observations.actions import erase_subjects
from balai.observations.contracts import ContractError, read_contract
from balai.observations.engines import NAMES, EngineError, engine
from balai.observations.housekeeping import check
from balai.observations.models import ReleasedDay
from balai.observations.release import recount
from balai.observations.saving import DUMP, SavingError, restore, save, save_keys
from balai.observations.segments import SegmentError
from balai.observations.store import connect
from balai.observations.tasks import release_days

PLACES = ("folder", "since", "keys")


class Command(BaseCommand):
    help = "The city's data plane: check contracts and the store, erase a day's subjects."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True)
        parts.add_parser("check", help="compare accounts, rows and files; exit code 1 where they disagree")
        contract = parts.add_parser("contract", help="say whether a file is a contract, and what is wrong")
        contract.add_argument("file")
        release = parts.add_parser("release", help="release the days whose late rows have had their time")
        release.add_argument("contract", nargs="?", default="", help="e.g. gojek-trips (default: all)")
        recount = parts.add_parser(
            "recount", help="count released days again; exit code 1 where a sum is another"
        )
        recount.add_argument("table", nargs="?", default="", help="e.g. gojek_trips_v1 (default: all)")
        for part in (release, recount):
            part.add_argument("--engine", choices=NAMES, help="default: spark where BALAI_SPARK is set")
        backup = parts.add_parser("backup", help="copy database, store and log as they are at one moment")
        backup.add_argument("folder", type=Path, help="a new folder")
        backup.add_argument("--since", type=Path, help="an earlier copy; what it has is linked, not copied")
        backup.add_argument("--keys", type=Path, help="keep a mirror of the keys here, apart from the copy")
        restore = parts.add_parser("restore", help="put a copy back where this hub has nothing yet")
        restore.add_argument("folder", type=Path)
        restore.add_argument("--keys", type=Path, help="the mirror of the keys")
        erase = parts.add_parser("erase", help="destroy the key of one day's subjects, for good")
        erase.add_argument("table", help="e.g. gojek_trips_v1")
        erase.add_argument("day", type=date.fromisoformat, help="local day, YYYY-MM-DD")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            getattr(self, f"do_{options['part']}")(options)
        except (EngineError, SavingError, SegmentError) as fault:
            raise CommandError(str(fault), returncode=2) from fault

    def do_check(self, _options: Any) -> None:
        places.store().mkdir(parents=True, exist_ok=True)
        reader = connect()
        faults = list(check(reader, places.store()))
        reader.close()
        for fault in faults:
            self.stdout.write(fault)
        if faults:
            sys.exit(1)
        self.stdout.write("Every row, file and account agrees.")

    def do_contract(self, options: Any) -> None:
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

    def do_release(self, options: Any) -> None:
        for day in release_days(options["contract"], options["engine"] or ""):
            self.stdout.write(f"{day.table} {day.day}: {day.rows} rows, {day.sha256}")

    def do_recount(self, options: Any) -> None:
        known = ReleasedDay.objects.all()
        if options["table"]:
            known = known.filter(table=options["table"])
        wrong = 0
        said = {
            True: "the same",
            False: "ANOTHER SUM",
            None: "cannot be counted again; its files are gone or joined by later ones",
        }
        with engine(options["engine"] or "") as counter:
            for released in known:
                same = recount(released, by=counter)
                wrong += same is False
                self.stdout.write(f"{released.table} {released.day}: {said[same]}")
        if wrong:
            sys.exit(1)

    def do_backup(self, options: Any) -> None:
        target, since, keys = (path and path.expanduser().resolve() for path in map(options.get, PLACES))
        if keys and (keys == target or target in keys.parents):
            raise SavingError("Keep the keys apart from the copy.")
        made = save(target, since=since)
        self.stdout.write(f"{target}: {len(made['files'])} files")
        if keys:
            self.stdout.write(f"{keys}: {save_keys(keys)} keys")
        else:
            self.stdout.write("The keys were not copied: see --keys.")

    def do_restore(self, options: Any) -> None:
        made = restore(options["folder"], keys=options["keys"])
        self.stdout.write(f"{len(made['files'])} files of {made['made_at']} are in place.")
        if DUMP in made["files"]:
            self.stdout.write(f'Now: pg_restore --dbname="$BALAI_DATABASE_URL" {options["folder"] / DUMP}')
        self.stdout.write("Then: balai migrate && balai drain --once && balai data check")

    def do_erase(self, options: Any) -> None:
        if erase_subjects(table=options["table"], day=options["day"]):
            self.stdout.write(
                "The key is destroyed; the day's subjects cannot be linked to anybody any more."
            )
        else:
            self.stdout.write("The key was destroyed before.")
