"""``balai legal``: what only the operator of the hub may do to the legal path."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from balai.agreements.legal import publish_path
from balai.agreements.legal_path import LegalPath, LegalPathError, parse, shipped
from balai.agreements.models import LegalPathVersion
from balai.core.errors import Invalid


class Command(BaseCommand):
    help = "List, check and publish versions of the legal path. What is under way keeps its own."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        commands.add_parser("list", help="every published version; * marks the one new cases take")
        check = commands.add_parser("check", help="say whether a file could be published; writes nothing")
        check.add_argument("file", type=Path)
        publish = commands.add_parser("publish", help="make a file the current version of its path")
        publish.add_argument("file", type=Path, nargs="?", help="without it: the path of the hub itself")

    def handle(self, *_args: Any, **options: Any) -> None:
        file: Path | None = options.get("file")
        if options["what"] == "list":
            for stored in LegalPathVersion.objects.defer("source").order_by("key", "published_at"):
                mark = "*" if stored.current else " "
                digest = stored.sha256[:12]
                self.stdout.write(f"{mark} {stored}  {stored.published_at:%Y-%m-%d}  sha256 {digest}")
        elif options["what"] == "check":
            assert file is not None
            self.stdout.write(f"{_said(_parsed(str(file), _text(file)))}. It can be published.")
        else:
            self._publish(str(file or "the hub's own"), _text(file) if file else shipped())

    def _publish(self, name: str, source: str) -> None:
        path = _parsed(name, source)
        known = LegalPathVersion.objects.filter(key=path.key, version=path.version).exists()
        try:
            stored = publish_path(source=source)
        except Invalid as refusal:
            raise CommandError(f"{name}: {refusal.reason}") from refusal
        if not stored.current:
            raise CommandError(f"{name}: {stored} was followed by a newer version. Give it a new version.")
        done = "Published already; nothing was changed." if known else "Published; new cases take it."
        self.stdout.write(f"{_said(path)}. {done}")


def _said(path: LegalPath) -> str:
    doubts = sum(source.certainty == "counsel" for source in path.sources)
    return (
        f"{path.key} {path.version}: {len(path.steps)} steps, {len(path.stops)} hard stops,"
        f" {len(path.sources)} sources, {doubts} of them to be checked by counsel"
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise CommandError(f"{path} cannot be read: {fault}") from fault


def _parsed(name: str, source: str) -> LegalPath:
    try:
        return parse(source)
    except LegalPathError as fault:
        at = f"{name}:{fault.line}" if fault.line else name
        raise CommandError(f"{at}: {fault.message}") from fault
