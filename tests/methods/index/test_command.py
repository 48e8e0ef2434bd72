"""``balai index build`` and ``explain``: files in, files out, faults as exit code 2."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command, get_commands

from balai.methods.index.command import Progress, main

SPEC = """
name = "Small"
version = "1"
treat = "winsor"

[data]
groups = ["island"]

[[node]]
code = "top"

[[node]]
code = "p"
parent = "top"
normalise = "rank"

[[indicator]]
code = "a"
parent = "p"
denominator = "people"
per = 1000

[[indicator]]
code = "b"
parent = "p"
impute = "mean"

[[indicator]]
code = "c"
parent = "top"
direction = -1
normalise = "goalposts"
goalposts = [0, 10]
"""

DATA = """code,island,a,b,c,people
3171,Java,10,1,3,1000
3273,Java,30,2,,1000
1271,,40,,9,2000
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "spec.toml").write_text(SPEC)
    (tmp_path / "data.csv").write_text(DATA)
    return [str(tmp_path / "spec.toml"), str(tmp_path / "data.csv")]


def test_scores_of_every_node_go_to_a_file(
    tmp_path: Path, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    stages, report = tmp_path / "stages", tmp_path / "report.json"
    output = tmp_path / "scores.csv"
    options = ["-o", str(output), "--stages", str(stages), "--report", str(report)]
    assert main(["build", *files, *options]) == 0
    assert output.read_text() == (
        "code,island,top,top_rank,top_coverage,p,p_rank,p_coverage\n"
        "3171,Java,35.5,1,1,1,3,1\n"
        "3273,Java,,,0.666667,3,1,1\n"
        "1271,,6,2,0.666667,2,2,0.5\n"
    )
    assert (stages / "1_denominate.csv").read_text() == "code,a,b,c\n3171,10,1,3\n3273,30,2,\n1271,20,,9\n"
    assert sorted(path.name for path in stages.iterdir()) == [
        "0_raw.csv",
        "1_denominate.csv",
        "2_screen.csv",
        "3_impute.csv",
        "4_treat.csv",
        "5_normalise.csv",
    ]
    told = json.loads(report.read_text())
    assert told["units"] == 3
    assert told["imputed"] == 1
    assert told["weights"] == {"top": {"c": 1, "p": 1}, "p": {"a": 1, "b": 1}}
    notes = capsys.readouterr()
    assert notes.out == ""
    assert notes.err.splitlines() == [
        "note: 1 without top: less than 66% of its parts are there, for 3273",
        "note: 1 without a score in top: 3273",
    ]


def test_without_a_file_scores_go_to_standard_output(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", *files]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "3171,Java,35.5,1,1,1,3,1"


def test_the_arithmetic_of_one_unit(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *files, "--unit", "1271"]) == 0
    assert capsys.readouterr().out == (
        "1271, one of 3\n"
        "top: 6  rank 2\n"
        "  c: 10  weight 50.0%\n"
        "      raw 9 -> normalise 10 (less is better; goalposts 0 to 10)\n"
        "  p: 2  rank 2  weight 50.0%\n"
        "    a: 50  weight 50.0%\n"
        "        raw 40 -> denominate 20 -> normalise 50 (more is better; 1000 per people)\n"
        "    b: 50  weight 50.0%\n"
        "        impute 1.5 -> normalise 50 (more is better; gap filled by mean)\n"
    )


def test_the_arithmetic_as_a_table(tmp_path: Path, files: list[str]) -> None:
    output = tmp_path / "unit.csv"
    assert main(["explain", *files, "--unit", "3273", "-o", str(output)]) == 0
    lines = list(csv.DictReader(output.open()))
    assert [line["part"] for line in lines] == ["top", "c", "p", "a", "b"]
    assert [line["weight"] for line in lines] == ["1", "", "1", "0.5", "0.5"]
    assert (lines[2]["score"], lines[2]["before"]) == ("3", "100")
    assert {line["gives"] for line in lines} == {""}


ARITHMETIC = SPEC.replace('normalise = "rank"\n', "").replace(
    'code = "top"\n', 'code = "top"\nmin_coverage = 0\n'
)


def test_what_each_part_gives(tmp_path: Path, files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path(files[0]).write_text(ARITHMETIC)
    assert main(["explain", *files, "--unit", "1271"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1271, one of 3; the parts give 30"
    assert [line.rsplit("  ", 1)[-1] for line in lines if "gives" in line] == [
        "gives 5",
        "gives 12.5",
        "gives 12.5",
    ]
    output = tmp_path / "unit.csv"
    assert main(["explain", *files, "--unit", "1271", "--against", "3171", "-o", str(output)]) == 0
    gives = {line["part"]: line["gives"] for line in csv.DictReader(output.open())}
    assert gives == {"top": "", "c": "-30", "p": "", "a": "12.5", "b": "12.5"}


def test_the_same_data_otherwise(
    tmp_path: Path, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *files, "--set", "node top.min_coverage=0", "--set", "tie=dense"]) == 0
    told = capsys.readouterr()
    assert told.out == (
        "code,score_before,score_after,rank_before,rank_after,places_won\n"
        "3171,35.5,35.5,1,1,0\n"
        "3273,,3,,3,\n"
        "1271,6,6,2,2,0\n"
    )
    assert told.err.splitlines() == [
        "note: tie: min -> dense",
        "note: node top.min_coverage: 0.66 -> 0.0",
        "note: ranks move by 0 on average",
    ]
    other = tmp_path / "other.toml"
    other.write_text(
        SPEC.replace('code = "a"', 'code = "z"\ncolumn = "people"').replace(
            'denominator = "people"\nper = 1000\n', ""
        )
    )
    assert main(["compare", *files, "--with", str(other)]) == 0
    assert "3171,35.5,35.5,1,1,0" in capsys.readouterr().out
    assert main(["compare", *files]) == 0
    assert capsys.readouterr().err.startswith("note: nothing differs\n")
    assert main(["compare", *files, "--set", "tie"]) == 2
    assert capsys.readouterr().err == "balai index: --set tie: write ADDRESS=VALUE\n"


def test_whether_the_parts_hang_together(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"u{at},,{at},{(at * 7) % 10},{(at * 3) % 10},1\n" for at in range(10))
    Path(files[1]).write_text("code,island,a,b,c,people\n" + rows)
    Path(files[0]).write_text(ARITHMETIC)
    assert main(["audit", *files]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(line["node"], line["part"], line["weight"], line["weight_in_index"]) for line in lines] == [
        ("top", "c", "0.5", "0.5"),
        ("top", "p", "0.5", "0.5"),
        ("p", "a", "0.5", "0.25"),
        ("p", "b", "0.5", "0.25"),
    ]
    assert [bool(line["shift_without"]) for line in lines] == [True, False, True, True]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("goalposts = [0, 10]", "goalposts = [10, 0]"), "indicator c.goalposts: reversed"),
        (('parent = "p"\nimpute', 'parent = "q"\nimpute'), "indicator b.parent: q is no node"),
        (("3171,Java,10,", "3171,Java,ten,"), "row 2, column a: 'ten' (unit 3171) is not a number"),
        (("1271,,40", "3171,,40"), "row 4: unit 3171 stands twice, first in row 2"),
        ((",2,,1000", ",1,,1000"), "normalise, column b: every value is 1, so minmax has no scale"),
        (
            ("denominator", "denominated"),
            "a.denominated: is not known here; did you mean denominator",
        ),
    ],
)
def test_a_fault_is_told_in_one_line(
    tmp_path: Path,
    files: list[str],
    change: tuple[str, str],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for path in map(Path, files):
        path.write_text(path.read_text().replace(*change))
    code = main(["build", *files])
    told = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("note: ")]
    assert code == 2
    assert len(told) == 1
    assert told[0].startswith("balai index: ")
    assert words in told[0]


def test_files_and_units_that_are_not_there_are_named(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", files[0], "/nowhere/data.csv"]) == 2
    assert capsys.readouterr().err == "balai index: /nowhere/data.csv: No such file or directory\n"
    assert main(["explain", *files, "--unit", "9999"]) == 2
    assert capsys.readouterr().err.endswith("balai index: unit 9999 is not in the result\n")


def test_it_starts_without_the_hub_and_gives_the_same_bits_on_any_number_of_threads(tmp_path: Path) -> None:
    """1,000 units of 60 indicators with gaps, by factor weights; no Django, no settings, no database."""
    program = """
import sys
import numpy as np
rng = np.random.default_rng(1)
table = rng.normal(size=(1000, 1)) + rng.normal(size=(1000, 60))
print("code," + ",".join(f"i{n}" for n in range(60)))
for at, row in enumerate(table):
    print(f"u{at}," + ",".join("" if rng.random() < 0.02 else repr(float(value)) for value in row))
"""
    data = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    (tmp_path / "data.csv").write_text(data)
    indicators = "".join(f'[[indicator]]\ncode = "i{n}"\nparent = "top"\n' for n in range(60))
    (tmp_path / "spec.toml").write_text(
        'impute = "mean"\n[[node]]\ncode = "top"\nweights = "factor"\n' + indicators
    )
    run = (
        "import sys; from balai.__main__ import main\n"
        "try: main()\n"
        "finally: assert 'django' not in sys.modules"
    )
    seen = set()
    for threads in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", run, "index", "build", "spec.toml", "data.csv"],
            cwd=tmp_path,
            env={
                **os.environ,
                "OPENBLAS_NUM_THREADS": threads,
                "OMP_NUM_THREADS": threads,
                "DJANGO_SETTINGS_MODULE": "nowhere",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        seen.add(done.stdout)
    assert len(seen) == 1
    assert len(seen.pop().splitlines()) == 1001


class Terminal:
    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def test_long_work_shows_how_far_it_is() -> None:
    terminal = Terminal()
    progress = Progress("replications", terminal)  # type: ignore[arg-type]
    progress(1, 100)
    assert terminal.text == ""
    progress.start -= 10
    progress.shown -= 10
    progress(50, 100)
    assert "replications [###############...............] 50/100, 10 s left" in terminal.text
    progress(100, 100)
    assert terminal.text.endswith("] 100/100\n")


def test_it_stands_among_the_commands_of_the_hub(tmp_path: Path, files: list[str]) -> None:
    assert get_commands()["index"] == "balai.indicators"
    call_command("index", "build", *files, "-o", str(tmp_path / "scores.csv"))
    assert (tmp_path / "scores.csv").read_text().splitlines()[1] == "3171,Java,35.5,1,1,1,3,1"
    with pytest.raises(SystemExit) as left:
        call_command("index", "explain", *files, "--unit", "9999")
    assert left.value.code == 2
