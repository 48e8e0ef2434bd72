"""``balai agreements recompute``: is every document still what its data makes?"""

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from balai.agreements.recomputing import FAULTS, Outcome, Recomputed, recomputed
from balai.agreements.typesetting import typesetter

SAID = {
    Outcome.SAME: "the same bytes",
    Outcome.TERMS: "the stored terms are not those in the ledger",
    Outcome.DIFFERENT: "the terms make another document than the ledger names",
    Outcome.FILE: "the stored file is not the one in the ledger",
    Outcome.SEALED: "the sealed file is not the one in the ledger, or not made of this version",
    Outcome.UNRECORDED: "the ledger does not know this version",
    Outcome.ELSEWHERE: "made by another typesetter; install that release to compare",
}


class Command(BaseCommand):
    help = "What an auditor asks of all agreements at once."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        recompute = commands.add_parser(
            "recompute",
            help="typeset every version again and compare with the ledger; exit code 1 if any differs,"
            " 2 if none does but some were made by another typesetter",
        )
        recompute.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *_args: Any, **options: Any) -> None:
        counts: Counter[Outcome] = Counter()
        absent = 0
        for found in recomputed():
            counts[found.outcome] += 1
            absent += not found.kept
            if options["json"]:
                self.stdout.write(json.dumps(asdict(found), default=str))
            elif found.outcome is not Outcome.SAME:
                self.stdout.write(_told(found))
        faulty = sum(counts[outcome] for outcome in FAULTS)
        if not options["json"]:
            self.stdout.write(
                f"{counts.total()} versions made again by {typesetter()}:"
                f" {counts[Outcome.SAME]} the same bytes, {faulty} at fault,"
                f" {counts[Outcome.ELSEWHERE]} by another typesetter, {absent} without a stored file."
            )
        if faulty:
            raise SystemExit(1)
        if counts[Outcome.ELSEWHERE]:
            raise SystemExit(2)


def _told(found: Recomputed) -> str:
    by = f" ({found.typesetter or 'unknown'})" if found.outcome is Outcome.ELSEWHERE else ""
    return (
        f"{found.reference} version {found.version} of {found.agreement}: {SAID[found.outcome]}{by}\n"
        f"  ledger {found.recorded or '-'}\n  made   {found.made or '-'}"
    )
