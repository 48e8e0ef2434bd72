import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection


class Command(BaseCommand):
    help = "Copy the SQLite database to FILE while the hub runs. Attached files lie beside it in BALAI_HOME."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *_args: Any, **options: Any) -> None:
        target: Path = options["file"].expanduser().resolve()
        if connection.vendor != "sqlite":
            dump = f'pg_dump --format=custom --file={target} "$BALAI_DATABASE_URL"'
            raise CommandError(f"This hub uses PostgreSQL. Run: {dump}")
        if target.exists():
            raise CommandError(f"{target} exists; choose another name.")
        if not target.parent.is_dir():
            raise CommandError(f"The folder {target.parent} does not exist.")
        partial = target.with_name(f".{target.name}.partial")
        partial.unlink(missing_ok=True)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(partial)])
        os.chmod(partial, 0o600)
        os.replace(partial, target)
        self.stdout.write(f"{target}: {target.stat().st_size:,} bytes")
