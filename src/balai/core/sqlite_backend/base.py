"""Django's SQLite backend, able to run on a ``sqlite3`` module older or other than CPython's own."""

import sqlite3

from django.db.backends.sqlite3 import base, features
from django.utils.functional import cached_property

SQLITE_DEFAULT_MAX_VARIABLES = 32_766


class DatabaseFeatures(features.DatabaseFeatures):
    @cached_property
    def max_query_params(self) -> int:  # type: ignore[override]
        """The library's limit; its documented default where the module cannot tell."""
        with self.connection.cursor():
            handle = self.connection.connection
            if hasattr(handle, "getlimit"):
                return int(handle.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER))
        return SQLITE_DEFAULT_MAX_VARIABLES


class DatabaseWrapper(base.DatabaseWrapper):
    features_class = DatabaseFeatures
