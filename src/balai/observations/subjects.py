"""Keyed hashes of subjects: a person or device is a number that only its group's key can make again.

A group is one table and one local day: a person is one subject all day, and another the next. Destroying the
group's key makes its subjects unlinkable for good, in the store and in every backup of it.
"""

import os
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from datetime import date
from hashlib import blake2b
from pathlib import Path

from balai.observations.sealing import key_in
from balai.observations.segments import sync_folder

DIGEST_BYTES = 16
MOST_KEYS = 512


def digests(subjects: Iterable[str | None], key: bytes) -> dict[str | None, str | None]:
    """Each subject as 32 hexadecimal digits under its group's key; None stays None."""
    keyed = blake2b(digest_size=DIGEST_BYTES, key=key)
    found: dict[str | None, str | None] = {None: None}
    for subject in set(subjects):
        if subject is not None:
            one = keyed.copy()
            one.update(subject.encode())
            found[subject] = one.hexdigest()
    return found


class SubjectKeys:
    """The keys below a folder, shared by every node that writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: OrderedDict[tuple[str, date], tuple[str, bytes]] = OrderedDict()
        """Keys, each behind the name of the file that would say it was destroyed."""

    def key(self, table: str, day: date) -> bytes:
        """The group's key, made where there is none. Raises LookupError where it was destroyed."""
        known = self._known.get((table, day))
        gone, key = known or (str(self._path(table, day).with_suffix(".gone")), b"")
        if os.path.exists(gone):
            self._known.pop((table, day), None)
            raise LookupError(f"the key of {table} of {day} was destroyed")
        return key or self._read(table, day, gone)

    def destroy(self, table: str, day: date) -> bool:
        """Erase a group's key and forbid another; False where it was destroyed before."""
        path = self._path(table, day)
        gone = path.with_suffix(".gone")
        if gone.exists():
            return False
        gone.parent.mkdir(parents=True, exist_ok=True)
        gone.touch(mode=0o600)
        sync_folder(gone.parent)
        self._known.pop((table, day), None)
        if path.exists():
            with path.open("r+b") as file:
                file.write(secrets.token_bytes(32))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            sync_folder(path.parent)
        return True

    def erased(self, table: str) -> frozenset[date]:
        """The days of a table whose keys were destroyed."""
        try:
            names = os.listdir(self.folder / table)
        except FileNotFoundError:
            return frozenset()
        return frozenset(date.fromisoformat(name[:-5]) for name in names if name.endswith(".gone"))

    def _path(self, table: str, day: date) -> Path:
        return self.folder / table / f"{day.isoformat()}.key"

    def _read(self, table: str, day: date, gone: str) -> bytes:
        key = key_in(self._path(table, day))
        self._known[(table, day)] = (gone, key)
        if len(self._known) > MOST_KEYS:
            self._known.popitem(last=False)
        return key
