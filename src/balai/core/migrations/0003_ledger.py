"""The triggers that make the ledger append-only. `tests/ledger_tools.py` reads the SQL from here."""

from django.db import migrations

GENESIS = "0" * 64

SQLITE_CREATE = [
    """
    CREATE TRIGGER core_entry_update BEFORE UPDATE ON core_entry
    BEGIN SELECT RAISE(ABORT, 'a ledger entry is never changed'); END
    """,
    """
    CREATE TRIGGER core_entry_delete BEFORE DELETE ON core_entry
    BEGIN SELECT RAISE(ABORT, 'a ledger entry is never deleted'); END
    """,
    """
    CREATE TRIGGER core_entry_continues BEFORE INSERT ON core_entry
    WHEN NOT EXISTS (
        SELECT 1 FROM core_ledgerhead
        WHERE id = 1 AND NEW.seq = seq + 1 AND NEW.previous = hash AND length(NEW.hash) = 64
    )
    BEGIN SELECT RAISE(ABORT, 'a ledger entry continues the chain at its head'); END
    """,
    """
    CREATE TRIGGER core_entry_moves_head AFTER INSERT ON core_entry
    BEGIN UPDATE core_ledgerhead SET seq = NEW.seq, hash = NEW.hash WHERE id = 1; END
    """,
    """
    CREATE TRIGGER core_ledgerhead_update BEFORE UPDATE ON core_ledgerhead
    WHEN NEW.id <> OLD.id OR NOT EXISTS (
        SELECT 1 FROM core_entry
        WHERE seq = NEW.seq AND hash = NEW.hash AND previous = OLD.hash AND NEW.seq = OLD.seq + 1
    )
    BEGIN SELECT RAISE(ABORT, 'the ledger head moves only with a new entry'); END
    """,
    """
    CREATE TRIGGER core_ledgerhead_delete BEFORE DELETE ON core_ledgerhead
    BEGIN SELECT RAISE(ABORT, 'the ledger head is never deleted'); END
    """,
    """
    CREATE TRIGGER core_ledgerhead_insert BEFORE INSERT ON core_ledgerhead
    WHEN EXISTS (SELECT 1 FROM core_ledgerhead)
    BEGIN SELECT RAISE(ABORT, 'the ledger has one head'); END
    """,
]

SQLITE_DROP = [
    f"DROP TRIGGER IF EXISTS {name}"
    for name in (
        "core_entry_update",
        "core_entry_delete",
        "core_entry_continues",
        "core_entry_moves_head",
        "core_ledgerhead_update",
        "core_ledgerhead_delete",
        "core_ledgerhead_insert",
    )
]

POSTGRES_CREATE = [
    """
    CREATE FUNCTION core_ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the ledger is append-only: % on % refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE FUNCTION core_ledger_field(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE WHEN value IS NULL THEN '-:' ELSE char_length(value)::text || ':' || value END
    $$
    """,
    """
    CREATE FUNCTION core_entry_digest(e core_entry) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT encode(sha256(convert_to(
            core_ledger_field(e.seq::text)
            || core_ledger_field(to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'))
            || core_ledger_field(replace(e.actor::text, '-', ''))
            || core_ledger_field(e.role)
            || core_ledger_field(replace(e.organisation::text, '-', ''))
            || core_ledger_field(e.verb)
            || core_ledger_field(e.subject)
            || core_ledger_field(e.thread)
            || core_ledger_field(e.city)
            || core_ledger_field(CASE WHEN e.public THEN '1' ELSE '0' END)
            || core_ledger_field(e.data)
            || core_ledger_field(e.previous),
            'UTF8')), 'hex')
    $$
    """,
    """
    CREATE FUNCTION core_entry_continues() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE head core_ledgerhead;
    BEGIN
        SELECT * INTO head FROM core_ledgerhead WHERE id = 1 FOR UPDATE;
        IF head.id IS NULL OR NEW.seq <> head.seq + 1 OR NEW.previous <> head.hash THEN
            RAISE EXCEPTION 'a ledger entry continues the chain at its head'
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF NEW.hash <> core_entry_digest(NEW) THEN
            RAISE EXCEPTION 'the hash of a ledger entry is that of its row'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION core_entry_moves_head() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE core_ledgerhead SET seq = NEW.seq, hash = NEW.hash WHERE id = 1;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION core_ledgerhead_moves() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.id <> OLD.id OR NEW.seq <> OLD.seq + 1 OR NOT EXISTS (
            SELECT 1 FROM core_entry
            WHERE seq = NEW.seq AND hash = NEW.hash AND previous = OLD.hash
        ) THEN
            RAISE EXCEPTION 'the ledger head moves only with a new entry'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER core_entry_continues BEFORE INSERT ON core_entry
    FOR EACH ROW EXECUTE FUNCTION core_entry_continues()
    """,
    """
    CREATE TRIGGER core_entry_moves_head AFTER INSERT ON core_entry
    FOR EACH ROW EXECUTE FUNCTION core_entry_moves_head()
    """,
    """
    CREATE TRIGGER core_entry_refuse BEFORE UPDATE OR DELETE ON core_entry
    FOR EACH ROW EXECUTE FUNCTION core_ledger_refuse()
    """,
    """
    CREATE TRIGGER core_entry_truncate BEFORE TRUNCATE ON core_entry
    FOR EACH STATEMENT EXECUTE FUNCTION core_ledger_refuse()
    """,
    """
    CREATE TRIGGER core_ledgerhead_moves BEFORE UPDATE ON core_ledgerhead
    FOR EACH ROW EXECUTE FUNCTION core_ledgerhead_moves()
    """,
    """
    CREATE TRIGGER core_ledgerhead_refuse BEFORE DELETE ON core_ledgerhead
    FOR EACH ROW EXECUTE FUNCTION core_ledger_refuse()
    """,
    """
    CREATE TRIGGER core_ledgerhead_truncate BEFORE TRUNCATE ON core_ledgerhead
    FOR EACH STATEMENT EXECUTE FUNCTION core_ledger_refuse()
    """,
]

POSTGRES_DROP = [
    "DROP TRIGGER IF EXISTS core_entry_continues ON core_entry",
    "DROP TRIGGER IF EXISTS core_entry_moves_head ON core_entry",
    "DROP TRIGGER IF EXISTS core_entry_refuse ON core_entry",
    "DROP TRIGGER IF EXISTS core_entry_truncate ON core_entry",
    "DROP TRIGGER IF EXISTS core_ledgerhead_moves ON core_ledgerhead",
    "DROP TRIGGER IF EXISTS core_ledgerhead_refuse ON core_ledgerhead",
    "DROP TRIGGER IF EXISTS core_ledgerhead_truncate ON core_ledgerhead",
    "DROP FUNCTION IF EXISTS core_ledgerhead_moves()",
    "DROP FUNCTION IF EXISTS core_entry_moves_head()",
    "DROP FUNCTION IF EXISTS core_entry_continues()",
    "DROP FUNCTION IF EXISTS core_entry_digest(core_entry)",
    "DROP FUNCTION IF EXISTS core_ledger_field(text)",
    "DROP FUNCTION IF EXISTS core_ledger_refuse()",
]


def create(apps, schema_editor):
    """Set the head at the genesis, then lock the two tables."""
    apps.get_model("core", "LedgerHead").objects.get_or_create(id=1, defaults={"seq": 0, "hash": GENESIS})
    on_postgres = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRES_CREATE if on_postgres else SQLITE_CREATE:
        schema_editor.execute(statement, params=None)


def drop(_apps, schema_editor):
    on_postgres = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRES_DROP if on_postgres else SQLITE_DROP:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("core", "0002_initial")]

    operations = [migrations.RunPython(create, drop)]
