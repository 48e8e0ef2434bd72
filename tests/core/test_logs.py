"""The log as lines and as objects; faults of the data plane without the words that may quote a row."""

import json
import logging
import sys

from balai.core.logs import Lines, Objects


def record(name: str, **extra: object) -> logging.LogRecord:
    try:
        try:
            int("Siti Rahma")
        except ValueError as fault:
            raise LookupError("of Siti Rahma") from fault
    except LookupError:
        made = logging.LogRecord(
            name, logging.ERROR, "here.py", 7, "Step %s failed", ("one",), sys.exc_info()
        )
    for key, value in extra.items():
        setattr(made, key, value)
    return made


def test_an_object_a_line_says_what_happened_and_where() -> None:
    text = Objects().format(record("balai.observations.drain", facts={"node": "satu", "rows": 3}))

    told = json.loads(text)
    fault = told.pop("fault").splitlines()
    assert "\n" not in text
    assert told.pop("time").endswith("+00:00")
    assert told == {
        "level": "ERROR",
        "logger": "balai.observations.drain",
        "message": "Step one failed",
        "node": "satu",
        "rows": 3,
    }
    assert [line.split(" at ")[0] for line in fault] == ["builtins.LookupError", "builtins.ValueError"]
    assert "test_logs.py:" in fault[0]


def test_faults_of_the_data_plane_are_told_without_their_words() -> None:
    quiet, other = record("balai.observations.drain"), record("balai.core.worker")

    assert "Siti" not in Lines().format(quiet) + Objects().format(quiet)
    assert "Siti" in Lines().format(other)
    assert "Siti" in Objects().format(other)


def test_a_fault_of_the_disk_keeps_its_reason() -> None:
    try:
        open("/nowhere/at/all")  # noqa: SIM115
    except OSError:
        made = logging.LogRecord("balai.observations", logging.ERROR, "", 1, "x", (), sys.exc_info())

    assert "(No such file or directory)" in Lines().format(made)
