"""The full-text index beside `SearchDocument`, kept by triggers (SQLite) or as an index (PostgreSQL)."""

from django.db import migrations

SQLITE_CREATE = [
    """
    CREATE VIRTUAL TABLE core_searchindex USING fts5(
        stems, content='core_searchdocument', content_rowid='id', tokenize='unicode61 remove_diacritics 0',
        prefix='2 3'
    )
    """,
    """
    CREATE TRIGGER core_searchdocument_insert AFTER INSERT ON core_searchdocument
    BEGIN INSERT INTO core_searchindex (rowid, stems) VALUES (NEW.id, NEW.stems); END
    """,
    """
    CREATE TRIGGER core_searchdocument_delete AFTER DELETE ON core_searchdocument
    BEGIN
        INSERT INTO core_searchindex (core_searchindex, rowid, stems) VALUES ('delete', OLD.id, OLD.stems);
    END
    """,
    """
    CREATE TRIGGER core_searchdocument_update AFTER UPDATE ON core_searchdocument
    WHEN OLD.id <> NEW.id OR OLD.stems <> NEW.stems
    BEGIN
        INSERT INTO core_searchindex (core_searchindex, rowid, stems) VALUES ('delete', OLD.id, OLD.stems);
        INSERT INTO core_searchindex (rowid, stems) VALUES (NEW.id, NEW.stems);
    END
    """,
    "INSERT INTO core_searchindex (core_searchindex) VALUES ('rebuild')",
]

SQLITE_DROP = [
    "DROP TRIGGER IF EXISTS core_searchdocument_insert",
    "DROP TRIGGER IF EXISTS core_searchdocument_delete",
    "DROP TRIGGER IF EXISTS core_searchdocument_update",
    "DROP TABLE IF EXISTS core_searchindex",
]

POSTGRES_CREATE = [
    "CREATE INDEX core_search_stems ON core_searchdocument USING gin (to_tsvector('simple', stems))",
]

POSTGRES_DROP = ["DROP INDEX IF EXISTS core_search_stems"]


def create(_apps, schema_editor):
    on_postgres = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRES_CREATE if on_postgres else SQLITE_CREATE:
        schema_editor.execute(statement, params=None)


def drop(_apps, schema_editor):
    on_postgres = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRES_DROP if on_postgres else SQLITE_DROP:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("core", "0003_ledger")]

    operations = [migrations.RunPython(create, drop)]
