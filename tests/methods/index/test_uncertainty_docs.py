"""docs/uncertainty.md: its examples run, and print what the page says."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from numpy.testing import assert_allclose

from balai.methods.index.command import main

PAGE = (Path(__file__).parents[3] / "docs" / "uncertainty.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d+\.\d+")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's files, in a folder of their own."""
    for kind, name, text in BLOCKS:
        if kind in ("csv", "toml"):
            (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_has_its_examples() -> None:
    kinds = [kind for kind, _, _ in BLOCKS]
    assert [kinds.count(kind) for kind in ("csv", "toml", "console", "python")] == [1, 3, 5, 1]


@pytest.mark.parametrize("text", [text for kind, _, text in BLOCKS if kind == "console"])
def test_a_command_prints_what_the_page_says(
    folder: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line, expected = text.split("\n", 1)
    words = shlex.split(line)
    assert words[:3] == ["$", "balai", "index"]
    main(words[3:])
    captured = capsys.readouterr()
    printed = captured.out + captured.err
    assert NUMBER.sub("", printed) == NUMBER.sub("", expected)
    found, told = ([float(word) for word in NUMBER.findall(part)] for part in (printed, expected))
    assert_allclose(found, told, rtol=1e-9)


def test_python_on_the_page_runs(folder: Path) -> None:
    (text,) = (text for kind, _, text in BLOCKS if kind == "python")
    subprocess.run([sys.executable, "-c", text], cwd=folder, env=os.environ, check=True)
