"""A copy made while the hub works, put back elsewhere: the same rows, the same account, no erased key."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from balai.observations import places
from balai.observations.actions import erase_subjects
from balai.observations.drain import Drainer
from balai.observations.housekeeping import MOST_FILES_A_DAY
from balai.observations.models import DataKey
from balai.observations.saving import SavingError, read_manifest, restore, save, save_keys
from balai.observations.subjects import SubjectKeys
from tests.observations.test_asking import DAY
from tests.observations.test_drain import Hub, account, key, stored  # noqa: F401
from tests.observations_builders import row

SRC = Path(__file__).parents[2] / "src"


def balai(home: Path, *arguments: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BALAI_")}
    done = subprocess.run(
        [sys.executable, "-m", "balai", *arguments],
        env=kept | {"BALAI_HOME": str(home), "PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "") or "INFO" in done.stderr, done
    return done.stdout


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="puts a SQLite file back")
def test_a_copy_of_a_hub_at_work_is_whole(key: DataKey, tmp_path: Path) -> None:  # noqa: F811
    """Rows in the store, rows that wait in the log, and files put together behind the copy's back."""
    hub, drainer = Hub(key), Drainer()
    for number in range(MOST_FILES_A_DAY + 1):
        hub.send(f"{number:04d}", row(f"e{number:02d}"), row(f"bad{number}", zone="?"))
        drainer.step()
    hub.send("waits", row("waits"))

    call_command("data", "backup", str(tmp_path / "copy"), "--keys", str(tmp_path / "keys"))
    before = stored()
    drainer.step()
    drainer.tidy()
    hub.send("later", row("later"))
    drainer.close()

    home = tmp_path / "elsewhere"
    balai(home, "data", "restore", str(tmp_path / "copy"), "--keys", str(tmp_path / "keys"))
    balai(home, "drain", "--once")
    assert balai(home, "data", "check") == "Every row, file and account agrees.\n"
    database = sqlite3.connect(home / "balai.sqlite3")
    sums = "SELECT sum(received), sum(accepted), sum(quarantined), sum(duplicates) FROM observations_receipt"
    assert database.execute(sums).fetchone() == account()
    rows = database.execute("SELECT sum(rows) FROM observations_storefile").fetchone()
    database.close()
    assert rows == (len(before) + 1,)
    assert (home / "observations" / "row.key").read_bytes() == places.row_key().read_bytes()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite" and not which("pg_dump"), reason="pg_dump is not here")
def test_a_second_copy_links_what_the_first_one_has(key: DataKey, tmp_path: Path) -> None:  # noqa: F811
    hub, drainer = Hub(key), Drainer()
    hub.send("0001", row("a"))
    drainer.step()
    first, second = tmp_path / "first", tmp_path / "second"
    save(first)
    hub.send("0002", row("b"))
    drainer.step()
    drainer.close()

    save(second, since=first)

    kept = {"balai.sqlite3", "balai.dump"} & {path.name for path in second.iterdir()}
    assert len(kept) == 1
    links = sorted(path.stat().st_nlink for path in second.rglob("*.parquet"))
    assert links == [1, 2]
    with pytest.raises(SavingError, match="exists"):
        save(second)
    with pytest.raises(CommandError, match="apart"):
        call_command("data", "backup", str(tmp_path / "third"), "--keys", str(tmp_path / "third" / "keys"))


@pytest.mark.parametrize("name", ["/etc/x", "../x", "store/../../x", "store//../x", "row.key", "store", ""])
def test_a_manifest_names_files_of_the_copy_only(tmp_path: Path, name: str) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 1, "files": {name: "0" * 64}}))

    with pytest.raises(SavingError, match="no whole copy"):
        read_manifest(tmp_path)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="copies a SQLite file")
def test_only_a_whole_copy_is_put_back_and_only_where_nothing_is(
    key: DataKey,  # noqa: F811
    tmp_path: Path,
    settings,
) -> None:
    hub, drainer = Hub(key), Drainer()
    hub.send("0001", row("a"))
    drainer.step()
    drainer.close()
    copy = tmp_path / "copy"
    save(copy)
    with pytest.raises(SavingError, match="exists"):
        restore(copy)

    settings.HOME = tmp_path / "elsewhere"
    connection.settings_dict["NAME"], name = str(settings.HOME / "db"), connection.settings_dict["NAME"]
    try:
        (file,) = copy.rglob("*.parquet")
        whole = file.read_bytes()
        file.write_bytes(whole[:-1])
        with pytest.raises(SavingError, match="altered"):
            restore(copy)
        file.write_bytes(whole)
        manifest = json.loads((copy / "manifest.json").read_text())
        (copy / "manifest.json").write_text(json.dumps(manifest | {"format": 2}))
        with pytest.raises(SavingError, match="newer"):
            restore(copy)
        assert not settings.HOME.exists()
        (copy / "manifest.json").write_text(json.dumps(manifest))
        restore(copy)
        assert {path.name for path in settings.HOME.iterdir()} == {"db", "observations"}
    finally:
        connection.settings_dict["NAME"] = name
    with pytest.raises(SavingError, match="no whole copy"):
        read_manifest(tmp_path)


@pytest.mark.django_db
def test_what_is_erased_is_erased_from_the_mirror_too(key: DataKey, tmp_path: Path) -> None:  # noqa: F811
    keys, mirror = SubjectKeys(places.subject_keys()), tmp_path / "mirror"
    kept = keys.key("roda_trips_v1", DAY.replace(day=1))
    lost = keys.key("roda_trips_v1", DAY.replace(day=2))
    assert save_keys(mirror) == 2

    erase_subjects(table="roda_trips_v1", day=DAY.replace(day=2))
    os.link(mirror / "subjects" / "roda_trips_v1" / f"{DAY.replace(day=2)}.key", tmp_path / "seen")
    assert save_keys(mirror) == 1

    again = SubjectKeys(mirror / "subjects")
    assert again.key("roda_trips_v1", DAY.replace(day=1)) == kept
    with pytest.raises(LookupError):
        again.key("roda_trips_v1", DAY.replace(day=2))
    assert (tmp_path / "seen").read_bytes() != lost
