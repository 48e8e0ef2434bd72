"""``balai schemes``: what only the operator of the hub may do to the paths of collaborations."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from balai.collaborations.actions import publish_scheme
from balai.collaborations.models import SchemeVersion
from balai.collaborations.schemes import Scheme, SchemeError, parse, shipped
from balai.core.errors import Invalid


class Command(BaseCommand):
    help = "List, check and publish schemes. What is under way keeps the version it began with."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        commands.add_parser("list", help="every published version; * marks the one new applications take")
        check = commands.add_parser("check", help="say whether a file could be published; writes nothing")
        check.add_argument("file", type=Path)
        publish = commands.add_parser("publish", help="make a file the current version of its scheme")
        publish.add_argument("file", type=Path, nargs="?", help="without it: the schemes of the hub itself")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["what"] == "list":
            self._list()
        elif options["what"] == "check":
            path: Path = options["file"]
            self.stdout.write(f"{_said(_parsed(str(path), _text(path)))}. It can be published.")
        elif options["file"]:
            self._publish(str(options["file"]), _text(options["file"]))
        else:
            for key, source in shipped().items():
                self._publish(key, source)

    def _publish(self, name: str, source: str) -> None:
        scheme = _parsed(name, source)
        known = SchemeVersion.objects.filter(key=scheme.key, version=scheme.version).exists()
        try:
            stored = publish_scheme(source=source)
        except Invalid as refusal:
            raise CommandError(f"{name}: {refusal.reason}") from refusal
        if not stored.current:
            raise CommandError(f"{name}: {stored} was followed by a newer version. Give it a new version.")
        done = "Published already; nothing was changed." if known else "Published; new applications take it."
        self.stdout.write(f"{_said(scheme)}. {done}")

    def _list(self) -> None:
        for stored in SchemeVersion.objects.defer("source").order_by("key", "published_at"):
            mark = "*" if stored.current else " "
            self.stdout.write(f"{mark} {stored}  {stored.published_at:%Y-%m-%d}  sha256 {stored.sha256[:12]}")


def _said(scheme: Scheme) -> str:
    return f"{scheme.key} {scheme.version}: {len(scheme.stages)} stages, {len(scheme.moves)} moves"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise CommandError(f"{path} cannot be read: {fault}") from fault


def _parsed(name: str, source: str) -> Scheme:
    try:
        return parse(source)
    except SchemeError as fault:
        at = f"{name}:{fault.line}" if fault.line else name
        raise CommandError(f"{at}: {fault.message}") from fault
