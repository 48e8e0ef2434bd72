"""A hand on the database itself, for tests only: the ledger without its triggers.

Tests that commit end with a flush, which empties every table and so the ledger too. `let_flush_through`
takes the triggers away for that one moment and sets the head back to the genesis.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.operations import BaseDatabaseOperations

TRIGGERS = import_module("balai.core.migrations.0003_ledger")
RESET = f"INSERT INTO core_ledgerhead (id, seq, hash) VALUES (1, 0, '{TRIGGERS.GENESIS}')"


def _run(connection: BaseDatabaseWrapper, statements: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def remove_triggers(connection: BaseDatabaseWrapper) -> None:
    """Leave the ledger's tables unguarded, until the caller's transaction is rolled back."""
    on_postgres = connection.vendor == "postgresql"
    _run(connection, TRIGGERS.POSTGRES_DROP if on_postgres else TRIGGERS.SQLITE_DROP)


@contextmanager
def unlocked(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Inside, the ledger's tables can be changed like any other."""
    remove_triggers(connection)
    try:
        yield
    finally:
        on_postgres = connection.vendor == "postgresql"
        _run(connection, TRIGGERS.POSTGRES_CREATE if on_postgres else TRIGGERS.SQLITE_CREATE)


def let_flush_through() -> None:
    """Make Django's flush work in this test run."""
    plain = BaseDatabaseOperations.execute_sql_flush

    def execute_sql_flush(self: BaseDatabaseOperations, sql_list: Sequence[str]) -> None:
        if not any("core_ledgerhead" in statement for statement in sql_list):
            return plain(self, sql_list)
        with unlocked(self.connection):
            return plain(self, [*sql_list, RESET])

    BaseDatabaseOperations.execute_sql_flush = execute_sql_flush
