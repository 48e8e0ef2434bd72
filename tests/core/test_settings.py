import os
import subprocess
import sys
from pathlib import Path

import pytest

from balai.core.env import TABLE, Environment, flag, words
from tools import settings_doc


def test_the_page_of_settings_says_what_the_code_does() -> None:
    assert settings_doc.TARGET.read_text(encoding="utf-8") == settings_doc.page()


def test_every_default_can_be_read() -> None:
    environment = Environment({})

    values = {variable.name: environment[variable.name] for variable in TABLE}

    assert (values["BALAI_WORKERS"], values["BALAI_DEMO"], values["BALAI_CITY"]) == (2, False, "31")


def test_a_secret_can_lie_in_a_file_and_the_plain_variable_wins(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from the file\n")
    source = {"BALAI_SECRET_KEY_FILE": str(secret)}

    assert Environment(source)["BALAI_SECRET_KEY"] == "from the file"
    assert Environment(source | {"BALAI_SECRET_KEY": "plain"})["BALAI_SECRET_KEY"] == "plain"


@pytest.mark.parametrize(
    ("name", "value"), [("BALAI_DEMO", "perhaps"), ("BALAI_WORKERS", "two"), ("BALAI_UPLOAD_MB", "")]
)
def test_a_value_that_cannot_be_read_stops_with_its_name(name: str, value: str) -> None:
    with pytest.raises(SystemExit, match=f"{name}='{value}'"):
        Environment({name: value})[name]


def test_a_name_that_is_not_in_the_table_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        Environment({})["BALAI_COLOUR"]


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("off", False), ("", False)])
def test_flags_are_read_as_people_write_them(text: str, value: bool) -> None:
    assert flag(text) is value


def test_words_are_split_and_trimmed() -> None:
    assert words(" a, b ,,c") == ["a", "b", "c"]


def balai(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BALAI_")}
    return subprocess.run(
        [sys.executable, "-m", "balai", *arguments],
        env=environment | {"BALAI_HOME": str(home)} | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_wrong_mail_address_stops_with_one_sentence(tmp_path: Path) -> None:
    tried = balai(tmp_path, "check", BALAI_MAIL_URL="mail.example")

    assert tried.returncode == 1
    assert tried.stderr == ("BALAI_MAIL_URL: expected smtp://, smtp+tls:// or smtps:// with a host\n")


def test_a_key_is_made_once_and_only_the_owner_reads_it(tmp_path: Path) -> None:
    balai(tmp_path, "check").check_returncode()
    key = (tmp_path / "secret-key").read_text()
    balai(tmp_path, "check").check_returncode()

    assert ((tmp_path / "secret-key").read_text(), len(key) >= 50) == (key, True)
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600


def test_a_deployment_that_is_not_fit_for_the_public_is_told_why(tmp_path: Path) -> None:
    told = balai(tmp_path, "check", "--deploy", BALAI_ORIGIN="https://balai.example", BALAI_DEMO="true")

    assert told.returncode == 1
    assert "(balai.E002) BALAI_ORIGIN is not among BALAI_HOSTS." in told.stderr
    assert "(balai.W001) BALAI_SECURE and BALAI_ORIGIN disagree." in told.stderr


def test_a_careful_deployment_has_nothing_to_answer_for(tmp_path: Path) -> None:
    told = balai(
        tmp_path,
        *("check", "--deploy", "--fail-level", "WARNING"),
        BALAI_ORIGIN="https://balai.example",
        BALAI_HOSTS="balai.example",
        BALAI_SECURE="true",
        BALAI_MAIL_URL="smtp://localhost",
        BALAI_SEAL_KEY="seal.p12",
    )

    assert (told.returncode, told.stderr) == (0, "")
