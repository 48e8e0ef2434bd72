"""Django's SQLite backend, able to run on a ``sqlite3`` module older or other than CPython's own."""

import sqlite3
from collections.abc import Sequence
from itertools import batched
from typing import Any

from django.db.backends.sqlite3 import base, features, operations
from django.utils.functional import cached_property

SQLITE_DEFAULT_MAX_VARIABLES = 32_766
SQLITE_DEFAULT_MAX_COLUMNS = 2_000


class DatabaseFeatures(features.DatabaseFeatures):
    @cached_property
    def max_query_params(self) -> int:  # type: ignore[override]
        """The library's limit; its documented default where the module cannot tell."""
        with self.connection.cursor():
            handle = self.connection.connection
            if hasattr(handle, "getlimit"):
                return int(handle.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER))
        return SQLITE_DEFAULT_MAX_VARIABLES


class DatabaseOperations(operations.DatabaseOperations):
    def _quote_params_for_last_executed_query(self, params: Sequence[Any]) -> tuple[Any, ...]:
        """For the query log only. Django asks the module for its limits, which not every one knows."""
        quoted: tuple[Any, ...] = ()
        for some in batched(params, SQLITE_DEFAULT_MAX_COLUMNS):
            statement = "SELECT " + ", ".join(["QUOTE(?)"] * len(some))
            quoted += self.connection.connection.execute(statement, some).fetchone()
        return quoted


class DatabaseWrapper(base.DatabaseWrapper):
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations
