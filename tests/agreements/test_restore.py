"""From a fresh restore of the database alone, every document comes out with the hash in the ledger."""

import json
import os
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection

from balai.agreements import typesetting
from balai.agreements.completion import seal
from balai.agreements.models import AgreementVersion
from balai.core.models import Document, Entry
from tests.agreements_builders import make_agreement, make_cast
from tests.postgres import programs

SRC = Path(__file__).parents[2] / "src"


@pytest.fixture
def demo(settings, tmp_path: Path):
    settings.DEMO, settings.HOME, settings.SEAL_KEY = True, tmp_path / "hub", ""
    return settings


def recompute(*arguments: str) -> tuple[int, str]:
    out, code = StringIO(), 0
    try:
        call_command("agreements", "recompute", *arguments, stdout=out)
    except SystemExit as left:
        code = left.code
    return code, out.getvalue()


def outcomes() -> list[str]:
    return [json.loads(line)["outcome"] for line in recompute("--json")[1].splitlines()]


def restored(folder: Path) -> dict[str, str]:
    """The settings of a hub that holds a restore of this database and nothing else."""
    folder.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SRC),
        "BALAI_HOME": str(folder),
        "BALAI_SECRET_KEY": "another",
        "PYTHONHASHSEED": "7",
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "LANGUAGE": "fr",
    }
    if connection.vendor == "sqlite":
        call_command("backup", str(folder / "balai.sqlite3"), stdout=StringIO())
        return environment
    place = programs()
    assert place is not None
    given = connection.settings_dict
    server = [
        "-h",
        given["HOST"],
        "-U",
        given["USER"],
        *(["-p", str(given["PORT"])] if given["PORT"] else []),
    ]
    name, dump = f"{given['NAME']}_restored", str(folder / "dump")
    for command in (
        ["dropdb", *server, "--if-exists", name],
        ["pg_dump", *server, "--format=custom", f"--file={dump}", given["NAME"]],
        ["createdb", *server, name],
        ["pg_restore", *server, f"--dbname={name}", "--exit-on-error", dump],
    ):
        subprocess.run([str(place / command[0]), *command[1:]], check=True, capture_output=True)
    host = given["HOST"].replace("/", "%2F")
    port = f":{given['PORT']}" if given["PORT"] else ""
    return environment | {"BALAI_DATABASE_URL": f"postgresql://{given['USER']}@{host}{port}/{name}"}


def balai(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "balai", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.django_db(transaction=True)
def test_restore_makes_every_document_with_the_hash_in_the_ledger(demo, tmp_path: Path) -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="signed")
    seal(agreement_id=agreement.pk)
    recorded = {
        (fact["version"], fact["sha256"])
        for fact in (entry.facts for entry in Entry.objects.filter(subject=agreement.subject))
        if "typesetter" in fact
    }
    head = Entry.objects.latest("seq")

    bare = restored(tmp_path / "bare")
    told = balai(bare, "agreements", "recompute", "--json")
    held = balai(bare, "ledger", "verify", "--expect", f"{head.seq}:{head.hash}")
    shutil.copytree(default_storage.location, tmp_path / "bare" / "files")
    whole = balai(bare, "agreements", "recompute")

    rows = [json.loads(line) for line in told[1].splitlines()]
    assert (told[0], {(row["version"], row["made"]) for row in rows}) == (0, recorded)
    assert {(row["outcome"], row["kept"], row["agreement"]) for row in rows} == {
        ("same", False, str(agreement.pk))
    }
    assert held[0] == 0
    assert (whole[0], whole[1].endswith(" 0 without a stored file.\n")) == (0, True)


@pytest.mark.django_db
def test_each_fault_is_named(demo, monkeypatch: pytest.MonkeyPatch) -> None:
    agreement = make_agreement(make_cast(), upto="signed")
    seal(agreement_id=agreement.pk)
    last = agreement.versions.latest("number")
    sealed = Document.objects.get(sealed_agreements=agreement)
    good = outcomes()

    def after(model, pk: object, **values: object) -> str:
        """The outcome of the last version while a row is changed behind the hub's back."""
        old = model.objects.filter(pk=pk).values(*values).get()
        model.objects.filter(pk=pk).update(**values)
        found = outcomes()[-1]
        model.objects.filter(pk=pk).update(**old)
        return found

    altered = last.terms | {"place": "Bandung"}
    faults = [
        after(AgreementVersion, last.pk, terms=altered),
        after(AgreementVersion, last.pk, terms=last.terms | {"unknown": 1}),
        after(AgreementVersion, last.pk, fingerprint="0" * 64),
        after(AgreementVersion, last.pk, document=sealed),
        after(AgreementVersion, last.pk, number=99),
        after(Document, sealed.pk, sha256="0" * 64),
    ]
    path = Path(default_storage.path(f"{last.document.sha256[:2]}/{last.document.sha256}"))
    path.write_bytes(path.read_bytes().replace(b"/Creator(Typst", b"/Creator(Tepst"))
    faults.append(outcomes()[-1])

    assert set(good) == {"same"}
    assert faults == ["terms", "terms", "terms", "file", "unrecorded", "sealed", "file"]
    assert recompute()[0] == 1


@pytest.mark.django_db
def test_another_typesetter_is_told_from_an_altered_document(demo, monkeypatch: pytest.MonkeyPatch) -> None:
    make_agreement(make_cast())
    monkeypatch.setitem(typesetting.WORDS, "closing_heading", typesetting.Both("Akhir", "End"))

    differs = recompute()
    monkeypatch.setattr("balai.agreements.recomputing.typesetter", lambda: "typst-9-000000000000")
    elsewhere = recompute()

    assert (differs[0], "the terms make another document" in differs[1]) == (1, True)
    assert (elsewhere[0], "made by another typesetter" in elsewhere[1]) == (2, True)


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_the_versions(demo, count: int, django_assert_num_queries) -> None:
    for _ in range(count):
        make_agreement(make_cast())

    with django_assert_num_queries(2):
        assert outcomes() == ["same"] * count


def test_typesetter_names_engine_and_templates() -> None:
    from importlib.metadata import version

    name = typesetting.typesetter()

    assert name.startswith(f"typst-{version('typst')}-")
    assert len(name.rpartition("-")[2]) == 12
    assert django_settings.configured
