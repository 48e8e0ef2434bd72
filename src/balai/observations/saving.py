"""A copy of the database, the store and the log that is whole at one moment, and its way back.

The database is copied first: it names the files of the store and how far the log is drained, so the log,
which is copied last, is never behind it. Keys are kept apart, as a mirror: what is erased here is erased
there too, and no copy of the rows holds what makes their subjects known again.
"""

import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from balai.observations import places
from balai.observations.models import StoreFile
from balai.observations.segments import copy_log, nodes_of

MANIFEST = "manifest.json"
SQLITE, DUMP = "balai.sqlite3", "balai.dump"
ATTEMPTS = 5
"""How often a copy is begun again because files were put together meanwhile."""


class SavingError(Exception):
    """Says in one sentence why there is no copy, or why it cannot be put back."""


def save(target: Path, *, since: Path | None = None) -> dict[str, Any]:
    """Copy everything but the keys to a new folder; its manifest. May run while the hub is at work.

    Files of the store that the copy ``since`` has are linked from it. Raises SavingError.
    """
    if target.exists():
        raise SavingError(f"{target} exists; choose another name.")
    earlier = read_manifest(since)["files"] if since is not None else {}
    partial = target.with_name(f".{target.name}.partial")
    for _attempt in range(ATTEMPTS):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700, parents=True)
        try:
            files = _copied(partial, since, earlier)
        except FileNotFoundError:
            continue
        manifest = {"format": 1, "made_at": timezone.now().isoformat(timespec="seconds"), "files": files}
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        os.sync()
        partial.rename(target)
        return manifest
    raise SavingError("The store changed at every attempt; try again.")


def _copied(target: Path, since: Path | None, earlier: dict[str, str]) -> dict[str, str]:
    """The copy's files with their SHA-256. Raises FileNotFoundError where the store moved on meanwhile."""
    files: dict[str, str] = {}
    with _database(target) as (database, stored):
        files[database.name] = _digest(database)
        for path, sha256 in stored:
            name = f"store/{path}"
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            if since is not None and earlier.get(name) == sha256:
                os.link(since / name, target / name)
            else:
                shutil.copyfile(places.store() / path, target / name)
                if _digest(target / name) != sha256:
                    raise SavingError(f"{path} is not what it was; `balai data check` says more.")
            files[name] = sha256
    for node in nodes_of(places.log()):
        for made in copy_log(places.log() / node, target / "log" / node):
            files[str(made.relative_to(target))] = _digest(made)
    return files


@contextmanager
def _database(target: Path) -> Iterator[tuple[Path, list[tuple[str, str]]]]:
    """The copied database and the files of the store as that copy names them (path, SHA-256)."""
    if connection.vendor == "sqlite":
        copy = target / SQLITE
        call_command("backup", str(copy), stdout=StringIO())
        with closing(sqlite3.connect(f"file:{copy}?mode=ro&immutable=1", uri=True)) as reader:
            table = StoreFile._meta.db_table
            found = reader.execute(f"SELECT path, sha256 FROM {table} ORDER BY path").fetchall()  # noqa: S608
        yield copy, found
        return
    copy = target / DUMP
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT pg_export_snapshot()")
            (snapshot,) = cursor.fetchone() or ("",)
        found = list(StoreFile.objects.order_by("path").values_list("path", "sha256"))
        _pg_dump(copy, snapshot)
    yield copy, found


def _pg_dump(copy: Path, snapshot: str) -> None:
    given = connection.settings_dict
    program = shutil.which("pg_dump")
    if program is None:
        raise SavingError("pg_dump is not on the PATH.")
    command = [program, "--format=custom", f"--file={copy}", f"--snapshot={snapshot}"]
    named = {"--host": given["HOST"], "--port": given["PORT"], "--username": given["USER"]}
    command += [f"{option}={value}" for option, value in named.items() if value]
    environment = os.environ | ({"PGPASSWORD": given["PASSWORD"]} if given["PASSWORD"] else {})
    done = subprocess.run(  # noqa: S603
        [*command, str(given["NAME"])], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SavingError(f"pg_dump: {done.stderr.strip()}")


def save_keys(target: Path) -> int:
    """Bring the mirror of the keys up to date; how many it holds. What was erased is overwritten there."""
    for mark in places.subject_keys().rglob("*.gone"):
        erased = target / mark.relative_to(places.root()).with_suffix(".key")
        if erased.exists():
            with erased.open("r+b") as file:
                file.write(secrets.token_bytes(erased.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            erased.unlink()
    count = 0
    for path in _keys():
        copy = target / path.relative_to(places.root())
        with suppress(FileNotFoundError):
            if not copy.exists():
                _copy_key(path, copy)
            count += path.suffix == ".key"
    return count


def _keys() -> list[Path]:
    """Everything the data plane keeps beside rows: keys, and the marks of those that were destroyed."""
    folders = (places.log(), places.store())
    found = [path for path in places.root().rglob("*") if path.is_file()]
    kept = [path for path in found if not any(folder in path.parents for folder in folders)]
    return sorted(path for path in kept if path.suffix in (".key", ".gone"))


def _copy_key(path: Path, copy: Path) -> None:
    data = path.read_bytes()
    copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(copy, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def restore(source: Path, *, keys: Path | None = None) -> dict[str, Any]:
    """Put a copy back where this hub has nothing yet, each file proven first; the manifest.

    The database is put back too where it is SQLite. Raises SavingError.
    """
    manifest = read_manifest(source)
    database = Path(str(connection.settings_dict["NAME"])) if connection.vendor == "sqlite" else None
    taken = [places.root(), *([database] if database else [])]
    for path in taken:
        if path.exists():
            raise SavingError(f"{path} exists; a copy is put back where nothing is.")
    for name, sha256 in manifest["files"].items():
        if not (source / name).is_file() or _digest(source / name) != sha256:
            raise SavingError(f"{name}: missing or altered in the copy.")
    if (SQLITE in manifest["files"]) != (database is not None):
        raise SavingError("The copy is of the other kind of database: see BALAI_DATABASE_URL.")
    Path(settings.HOME).mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = places.root().with_name(".observations.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    for name in manifest["files"]:
        if name not in (SQLITE, DUMP):
            (partial / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copyfile(source / name, partial / name)
    if keys is not None:
        for path in filter(Path.is_file, keys.rglob("*")):
            _copy_key(path, partial / path.relative_to(keys))
    if database is not None:
        aside = database.with_name(f".{database.name}.partial")
        shutil.copyfile(source / SQLITE, aside)
        aside.chmod(0o600)
        aside.rename(database)
    os.sync()
    partial.rename(places.root())
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """Raises SavingError where the folder holds no whole copy."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != 1 or not all(isinstance(one, str) for one in manifest["files"].values()):
            raise SavingError(f"{folder} was made by a newer version.")
        if strange := [name for name in manifest["files"] if not _of_a_copy(name)]:
            raise SavingError(f"{folder} holds no whole copy: it names {strange[0]!r}.")
    except (OSError, ValueError, KeyError, AttributeError) as fault:
        raise SavingError(f"{folder} holds no whole copy.") from fault
    found: dict[str, Any] = manifest
    return found


def _of_a_copy(name: str) -> bool:
    """Whether a file of this name may be in a copy: a database, or one below the store or the log."""
    if name in (SQLITE, DUMP):
        return True
    folder, *below = name.split("/")
    return folder in ("store", "log") and bool(below) and not {"", ".", ".."} & set(below)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
