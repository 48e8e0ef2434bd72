"""A guard against the WAL-reset defect of SQLite 3.7.0 to 3.51.2.

The race can corrupt a WAL database used by several connections
(https://sqlite.org/wal.html#walresetbug). Fixed in 3.51.3 and in the backports 3.44.6 and 3.50.7.
Where the linked library is affected, the sound one inside the ``pysqlite3`` wheel takes its place.
"""

import sqlite3
import sys

FIXED_BRANCHES = {(3, 44): 6, (3, 50): 7}
FIXED_FROM = (3, 51, 3)


def is_sound(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite version is free of the WAL-reset defect."""
    branch = FIXED_BRANCHES.get(version[:2])
    return version >= FIXED_FROM or (branch is not None and version[2] >= branch)


def use_sound_library() -> str:
    """Replace an affected ``sqlite3`` module where a sound wheel is installed; return what is in use.

    Must run before Django's SQLite backend is imported.
    """
    linked = sqlite3.sqlite_version_info[:3]
    if is_sound(linked):
        return f"SQLite {sqlite3.sqlite_version} (linked)"
    try:
        import pysqlite3
        import pysqlite3.dbapi2
    except ImportError:
        return f"SQLite {sqlite3.sqlite_version} (linked, affected by the WAL-reset defect)"
    if not is_sound(pysqlite3.sqlite_version_info[:3]):
        return f"SQLite {sqlite3.sqlite_version} (linked, affected by the WAL-reset defect)"
    sys.modules["sqlite3"] = pysqlite3
    sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2
    linked_text = f"the linked {sqlite3.sqlite_version} has the WAL-reset defect"
    return f"SQLite {pysqlite3.sqlite_version} (wheel; {linked_text})"
