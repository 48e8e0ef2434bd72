"""`balai schemes`: a city changes a path without touching the code."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from balai.collaborations.actions import publish_shipped_schemes
from balai.collaborations.models import SchemeVersion
from balai.collaborations.schemes import shipped
from balai.core.models import Entry

pytestmark = pytest.mark.django_db


def schemes(*arguments: str) -> str:
    out = StringIO()
    call_command("schemes", *arguments, stdout=out)
    return out.getvalue()


def written(folder: Path, text: str) -> str:
    path = folder / "playground.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def next_version() -> str:
    text = shipped()["playground"]
    line = next(row for row in text.splitlines() if row.startswith("version"))
    return text.replace(line, 'version = "next"', 1)


def test_a_new_version_takes_the_place_of_the_old(tmp_path: Path) -> None:
    old, *_others = publish_shipped_schemes()

    said = schemes("publish", written(tmp_path, next_version()))

    assert said.endswith("Published; new applications take it.\n")
    versions = SchemeVersion.objects.filter(key="playground").order_by("published_at")
    assert list(versions.values_list("version", "current")) == [(old.version, False), ("next", True)]
    assert Entry.objects.filter(verb="scheme.published").count() == len(shipped()) + 1


def test_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, next_version())
    schemes("publish", path)

    said = schemes("publish", path)

    assert said.endswith("Published already; nothing was changed.\n")
    assert Entry.objects.filter(verb="scheme.published").count() == 1


def test_an_older_version_does_not_come_back_by_itself(tmp_path: Path) -> None:
    publish_shipped_schemes()
    schemes("publish", written(tmp_path, next_version()))

    with pytest.raises(CommandError, match="was followed by a newer version"):
        schemes("publish", written(tmp_path, shipped()["playground"]))

    assert SchemeVersion.objects.get(key="playground", current=True).version == "next"


def test_other_text_under_a_published_version_is_refused(tmp_path: Path) -> None:
    publish_shipped_schemes()

    with pytest.raises(CommandError, match="playground"):
        schemes("publish", written(tmp_path, shipped()["playground"] + "\n# another text\n"))

    assert SchemeVersion.objects.filter(key="playground").count() == 1


@pytest.mark.parametrize("what", ["check", "publish"])
def test_a_fault_is_told_with_file_and_line(tmp_path: Path, what: str) -> None:
    lines = next_version().splitlines()
    at = next(number for number, row in enumerate(lines) if row.startswith("turn ="))
    lines[at] = 'turn = "nobody"'
    path = written(tmp_path, "\n".join(lines))

    with pytest.raises(CommandError, match="nobody") as fault:
        schemes(what, path)

    assert str(fault.value).startswith(f"{path}:{at + 1}: stages.turn is 'nobody'")
    assert SchemeVersion.objects.count() == 0


def test_check_writes_nothing(tmp_path: Path) -> None:
    said = schemes("check", written(tmp_path, next_version()))

    assert said.endswith("It can be published.\n")
    assert SchemeVersion.objects.count() == 0


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(CommandError, match=r"absent\.toml cannot be read"):
        schemes("check", str(tmp_path / "absent.toml"))
    with pytest.raises(CommandError, match=r"binary\.toml cannot be read"):
        schemes("check", str(tmp_path / "binary.toml"))


def test_without_a_file_the_shipped_schemes_are_published() -> None:
    schemes("publish")
    said = schemes("publish")

    assert said.count("Published already; nothing was changed.") == len(shipped())
    assert set(SchemeVersion.objects.values_list("key", "current")) == {(key, True) for key in shipped()}


def test_the_list_marks_what_is_current(tmp_path: Path) -> None:
    old, *_others = publish_shipped_schemes()
    schemes("publish", written(tmp_path, next_version()))

    rows = schemes("list").splitlines()

    assert [row[:2] for row in rows if "playground" in row] == ["  ", "* "]
    assert len(rows) == len(shipped()) + 1
    assert old.sha256[:12] in rows[1]
