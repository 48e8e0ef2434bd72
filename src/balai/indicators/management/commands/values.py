"""``balai values``: figures from a file, from Statistics Indonesia or from an open-data portal."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from balai.core.errors import BalaiError
from balai.indicators import bps, ckan
from balai.indicators.actions import confirm, digest_of, keep_rows
from balai.indicators.models import ImportBatch
from balai.indicators.planning import Kind, counted, plan
from balai.indicators.tables import Defaults, read_rows


class Command(BaseCommand):
    help = "Bring in figures. Nothing changes before the table is confirmed, here or on its page."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        file = commands.add_parser("file", help="a CSV or XLSX table")
        file.add_argument("file", type=Path)
        file.add_argument("--decimal", choices=[".", ","], default="", help="the decimal sign, if unclear")
        file.add_argument("--source", default="", help="for rows that name none")
        ask = commands.add_parser("bps", help="a dynamic table of the BPS WebAPI")
        ask.add_argument("indicator", help="our indicator, such as PEO-01")
        ask.add_argument("--domain", default="0000", help="0000 the country, 3200 a province")
        ask.add_argument("--var", type=int, required=True, help="number of the variable at BPS")
        ask.add_argument("--years", type=int, nargs="+", required=True)
        ask.add_argument("--derived", type=int, help="number of the derived variable (turvar)")
        ask.add_argument(
            "--key-file", type=Path, required=True, help="file that holds the key for the WebAPI"
        )
        ask.add_argument("--host", default=bps.HOST)
        portal = commands.add_parser("ckan", help="a table in the datastore of a CKAN portal")
        portal.add_argument("portal", help="https://data.example.go.id")
        portal.add_argument("resource", help="the id of the table")
        portal.add_argument(
            "--column", nargs="+", default=[], metavar="OURS=THEIRS", help="city=kode_wilayah"
        )
        portal.add_argument("--fixed", nargs="+", default=[], metavar="OURS=TEXT", help="indicator=ENV-01")
        for command in (ask, portal):
            command.add_argument("--private", action="store_true", help="the host may lie in the own network")
        for command in (file, ask, portal):
            command.add_argument("--confirm", action="store_true", help="take over the sound rows at once")
        later = commands.add_parser("confirm", help="take over the sound rows of a table read before")
        later.add_argument("batch", type=UUID)

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            if options["what"] == "confirm":
                batch = ImportBatch.objects.filter(pk=options["batch"]).first()
                if batch is None:
                    raise CommandError(f"There is no table {options['batch']}.")
                self._confirm(batch)
                return
            batch = {"file": _file, "bps": _bps, "ckan": _ckan}[options["what"]](options)
            self._show(batch)
            if options["confirm"]:
                self._confirm(batch)
            else:
                self.stdout.write(f"Nothing is changed yet. To take it over: balai values confirm {batch.pk}")
        except BalaiError as refusal:
            raise CommandError(str(refusal.reason)) from refusal

    def _show(self, batch: ImportBatch) -> None:
        steps = plan(batch)
        for _kind, label, number in counted(steps):
            self.stdout.write(f"{number:6d}  {label}")
        for step in steps:
            if step.kind is Kind.FAULT:
                self.stderr.write(f"row {step.row.number}: {' '.join(step.row.faults)}")

    def _confirm(self, batch: ImportBatch) -> None:
        done = confirm(batch=batch, by=None)
        self.stdout.write(f"{done.written} figures were written.")


def _file(options: dict[str, Any]) -> ImportBatch:
    path: Path = options["file"]
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise CommandError(f"{path} cannot be read: {fault.strerror}.") from fault
    kind = "xlsx" if path.suffix == ".xlsx" else "csv"
    defaults = Defaults(source=options["source"], decimal=options["decimal"])
    lines = read_rows(data, kind)
    return keep_rows(
        lines, kind=kind, name=path.name, digest=digest_of(data), by=None, city=None, defaults=defaults
    )


def _bps(options: dict[str, Any]) -> ImportBatch:
    path: Path = options["key_file"]
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise CommandError(f"{path} cannot be read: {fault}") from fault
    question = bps.Question(
        options["domain"], options["var"], options["years"], options["indicator"], options["derived"]
    )
    lines, data = bps.ask(question, key, host=options["host"], private=options["private"])
    return keep_rows(
        lines,
        kind="bps",
        name=question.path(),
        digest=digest_of(data),
        by=None,
        city=None,
        defaults=Defaults(decimal="."),
    )


def _ckan(options: dict[str, Any]) -> ImportBatch:
    resource = ckan.Resource(
        options["portal"], options["resource"], _pairs(options["column"]), _pairs(options["fixed"])
    )
    lines, digest = ckan.read(resource, private=options["private"])
    return keep_rows(
        lines,
        kind="ckan",
        name=f"{resource.portal} {resource.resource}",
        digest=digest,
        by=None,
        city=None,
        defaults=Defaults(source=resource.portal, source_url=resource.page(0)),
    )


def _pairs(texts: list[str]) -> dict[str, str]:
    if wrong := [text for text in texts if "=" not in text]:
        raise CommandError(f"{wrong[0]}: written as OURS=THEIRS.")
    return {key: value for key, _sign, value in (text.partition("=") for text in texts)}
