"""What an operator types: ``balai data`` and ``balai drain``."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from balai.core.errors import Invalid
from balai.core.models import Entry
from balai.observations import places
from balai.observations.drain import Drainer
from balai.observations.models import StoreFile
from balai.observations.subjects import SubjectKeys
from tests.observations.test_asking import DAY
from tests.observations.test_drain import Hub, key, stored  # noqa: F401
from tests.observations_builders import DOCUMENT, row

pytestmark = pytest.mark.django_db


def test_drain_once_empties_the_log_and_the_check_agrees(key, capsys) -> None:  # noqa: F811
    Hub(key).send("0001", row("a"), row("b"))

    call_command("drain", "--once")
    call_command("data", "check")

    assert stored() == ["a", "b"]
    assert "agrees" in capsys.readouterr().out


def test_the_check_ends_with_one_where_something_is_wrong(key, capsys) -> None:  # noqa: F811
    Hub(key).send("0001", row("a"))
    call_command("drain", "--once")
    (places.store() / StoreFile.objects.get().path).unlink()

    with pytest.raises(SystemExit) as end:
        call_command("data", "check")

    assert (end.value.code, "missing" in capsys.readouterr().out) == (1, True)


def test_a_second_drainer_is_told(key) -> None:  # noqa: F811
    first = Drainer()
    with pytest.raises(CommandError, match="Another drainer"):
        call_command("drain", "--once")
    first.close()


def test_a_file_is_a_contract_or_its_faults_are_listed(tmp_path: Path, capsys) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(DOCUMENT)
    bad.write_text(DOCUMENT.replace("version: 1.0.0", "version: one"))

    call_command("data", "contract", str(good))
    with pytest.raises(SystemExit) as end:
        call_command("data", "contract", str(bad))
    with pytest.raises(CommandError):
        call_command("data", "contract", str(tmp_path / "none.yaml"))

    said = capsys.readouterr().out
    assert "roda-trips 1.0.0: 7 fields, k = 10" in said
    assert (end.value.code, "version: not major.minor.patch" in said) == (1, True)


def test_a_day_is_erased_once_and_the_ledger_says_so(key, capsys) -> None:  # noqa: F811
    SubjectKeys(places.subject_keys()).key("roda_trips_v1", DAY)

    call_command("data", "erase", "roda_trips_v1", DAY.isoformat())
    call_command("data", "erase", "roda_trips_v1", DAY.isoformat())

    assert Entry.objects.filter(verb="data.erased").count() == 1
    assert "before" in capsys.readouterr().out
    with pytest.raises(LookupError):
        SubjectKeys(places.subject_keys()).key("roda_trips_v1", DAY)
    with pytest.raises(Invalid):
        call_command("data", "erase", "unknown_v1", DAY.isoformat())
