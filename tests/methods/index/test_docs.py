"""docs/index.md: its examples run, and it names every method and every parameter there is."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from balai.methods.index.command import main
from balai.methods.index.spec import IndexSpec, Indicator, Node, Output, Reading
from balai.methods.index.steps import METHODS, Screen

PAGE = (Path(__file__).parents[3] / "docs" / "index.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's files, in a folder of their own."""
    for kind, name, text in BLOCKS:
        if kind in ("csv", "toml"):
            (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", [text for kind, _, text in BLOCKS if kind == "console"])
def test_a_command_prints_what_the_page_says(
    folder: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line, expected = text.split("\n", 1)
    words = shlex.split(line)
    assert words[:3] == ["$", "balai", "index"]
    main(words[3:])
    printed = capsys.readouterr()
    assert printed.out + printed.err == expected


@pytest.mark.parametrize("text", [text for kind, _, text in BLOCKS if kind == "python"])
def test_python_on_the_page_runs(folder: Path, text: str) -> None:
    subprocess.run([sys.executable, "-c", text], cwd=folder, env=os.environ, check=True)


def test_the_page_has_its_examples() -> None:
    kinds = [kind for kind, _, _ in BLOCKS]
    assert [kinds.count(kind) for kind in ("csv", "toml", "console", "python")] == [2, 2, 6, 1]


@pytest.mark.parametrize("kind", ["impute", "treat", "normalise", "weights", "aggregate"])
def test_every_method_stands_on_the_page_with_its_parameters(kind: str) -> None:
    part = PAGE[PAGE.index(f"`{kind}` knows") if kind != "normalise" else PAGE.index("`normalise` sees") :]
    rows = [
        line.split("|") for line in part[: part.index("\n\n**") if "\n\n**" in part else None].splitlines()
    ]
    told = {
        name: set(re.findall(r"`(\w+)`", row[2]))
        for row in rows
        if len(row) > 3
        for name in re.findall(r"`(\w+)`", row[1])
    }
    assert {name: told.get(name) for name in METHODS[kind]} == {
        name: {field.name for field in fields(step)}  # type: ignore[arg-type]
        for name, step in METHODS[kind].items()
    }


@pytest.mark.parametrize("cls", [IndexSpec, Indicator, Node, Output, Reading, Screen])
def test_every_key_stands_on_the_page(cls: type) -> None:
    written = {"indicators": "[[indicator]]", "nodes": "[[node]]", "output": "[output]", "data": "[data]"}
    names = [written.get(field.name, field.name) for field in fields(cls)]  # type: ignore[arg-type]
    assert [name for name in names if f"`{name}" not in PAGE] == []
