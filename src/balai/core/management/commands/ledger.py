from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from balai.core import ledger
from balai.core.models import Entry, LedgerHead


class Command(BaseCommand):
    help = "Prove that the ledger is what was written, or say where it is not."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        verify = commands.add_parser("verify", help="recompute the chain; exit 1 if anything is wrong")
        verify.add_argument(
            "--expect", metavar="SEQ:HASH", help="a head noted earlier, which must still be in the chain"
        )
        commands.add_parser("head", help="print where the chain ends, as SEQ:HASH, to be noted elsewhere")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["command"] == "head":
            head = LedgerHead.objects.get()
            self.stdout.write(f"{head.seq}:{head.hash}")
            return
        result = ledger.verify(connection)
        for fault in result.faults:
            self.stdout.write(fault.message)
        failed = not result.whole
        if guards := ledger.missing_guards(connection):
            self.stdout.write(
                f"The database no longer refuses changes to the ledger: {', '.join(guards)} missing."
            )
            failed = True
        if options["expect"] and not self._holds(options["expect"]):
            self.stdout.write(
                "The ledger no longer holds the head you noted: it was rewritten after that point."
            )
            failed = True
        if failed:
            faults = "1 fault" if len(result.faults) == 1 else f"{len(result.faults)} faults"
            self.stdout.write(
                f"The ledger is damaged: {faults} in {result.checked} entries. "
                "Keep this database as it is and compare it with a backup."
            )
            raise SystemExit(1)
        self.stdout.write(
            f"The ledger is whole: {result.checked} entries, head {result.head_seq}:{result.head_hash}"
        )

    def _holds(self, noted: str) -> bool:
        seq, _, digest = noted.partition(":")
        if seq == "0":
            return digest == ledger.GENESIS
        return seq.isdecimal() and Entry.objects.filter(seq=int(seq), hash=digest).exists()
