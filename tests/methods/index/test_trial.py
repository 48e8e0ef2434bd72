"""The commands that run an index many times: what they write, and what they refuse."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from balai.methods.index.command import main
from balai.methods.index.data import read_for
from balai.methods.index.errors import SpecError
from balai.methods.index.factors import Choice, DataNoise, Impute, Noise, load, read
from balai.methods.index.spec import load as load_spec
from balai.methods.index.uncertainty import uncertainty

SPEC = """
normalise = { method = "minmax", range = [1, 100] }
[[node]]
code = "top"
[[indicator]]
code = "a"
parent = "top"
[[indicator]]
code = "b"
parent = "top"
"""

FACTORS = """
[[uncertainty]]
address = "aggregate"
values = ["arithmetic", "geometric"]
[[uncertainty]]
kind = "weights"
size = 0.5
[[uncertainty]]
kind = "data"
size = { a = 1.0 }
of = "unit"
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "spec.toml").write_text(SPEC)
    (tmp_path / "factors.toml").write_text(FACTORS)
    rng = np.random.default_rng(4)
    lines = [f"u{at},{a:.2f},{b:.2f}" for at, (a, b) in enumerate(rng.normal(50, 10, (20, 2)))]
    (tmp_path / "data.csv").write_text("\n".join(["code,a,b", *lines]) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


RUN = ["spec.toml", "data.csv", "--factors", "factors.toml", "--seed", "3"]


def test_uncertainty_writes_what_the_library_finds(files: Path) -> None:
    more = ["--top", "3", "--top", "5", "--beats", "b.csv", "--parameters", "p.csv", "--report", "r.json"]
    assert main(["uncertainty", *RUN, "-n", "200", "-o", "o.csv", *more]) == 0
    spec = load_spec(Path("spec.toml"))
    data = read_for(spec, Path("data.csv"))
    ran = uncertainty(spec, data, load(Path("factors.toml")), n=200, seed=3)
    written = table(files / "o.csv")
    assert [row["unit"] for row in written] == list(ran.units)
    for k in (3, 5):
        assert [float(row[f"p_top_{k}"]) for row in written] == ran.p_top(k).tolist()
    assert [float(row["rank_95"]) for row in written] == ran.quantiles()[2].tolist()
    beats = table(files / "b.csv")
    assert float(beats[2]["u7"]) == ran.beats("u2", "u7")
    assert beats[2]["u2"] == ""
    parameters = table(files / "p.csv")
    assert len(parameters) == 200
    told = ran.parameters(11)
    assert parameters[11] == {
        "replication": "11",
        "aggregate": told["aggregate"],
        "weights.a": repr(told["weights"]["a"]),
        "weights.b": repr(told["weights"]["b"]),
        "data": "11",
        "failed": "",
    }
    report = json.loads((files / "r.json").read_text())
    assert report["specification"] == spec.hash()
    assert report["data"] == data.hash
    assert (report["seed"], report["replications"], report["failed"]) == (3, 200, 0)
    assert [factor["kind"] for factor in report["factors"]] == ["Choice", "Noise", "DataNoise"]


def test_threads_change_nothing(files: Path) -> None:
    for threads in ("1", "2"):
        assert main(["uncertainty", *RUN, "-n", "300", "-o", f"o{threads}.csv", "--threads", threads]) == 0
    assert (files / "o1.csv").read_bytes() == (files / "o2.csv").read_bytes()


def test_sensitivity_of_the_index_and_of_each_unit(files: Path) -> None:
    assert main(["sensitivity", *RUN, "-n", "32", "-o", "s.csv", "--units", "u.csv"]) == 0
    shares = table(files / "s.csv")
    assert [row["factor"] for row in shares] == ["aggregate", "weights", "data"]
    for row in shares:
        assert float(row["st_low"]) <= float(row["st"]) <= float(row["st_high"])
    assert len(table(files / "u.csv")) == 20 * 3


def test_failures_are_told_and_listed(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "spec.toml").write_text(SPEC.replace('method = "minmax", range = [1, 100]', 'method = "zscore"'))
    assert main(["uncertainty", *RUN, "-n", "40", "-o", "o.csv", "--parameters", "p.csv"]) == 0
    listed = [row for row in table(files / "p.csv") if row["failed"]]
    assert {row["aggregate"] for row in listed} == {"geometric"}
    assert f"note: {len(listed)} of 40 replications gave no ranking" in capsys.readouterr().err


def test_without_factors_a_usual_pair_is_named(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["uncertainty", "spec.toml", "data.csv", "-n", "20", "-o", "o.csv"]) == 0
    assert "varying weights by 25 % and arithmetic or geometric means" in capsys.readouterr().err
    (files / "spec.toml").write_text(SPEC.replace("[1, 100]", "[0, 100]"))
    assert main(["uncertainty", "spec.toml", "data.csv", "-n", "20", "-o", "o.csv"]) == 0
    assert capsys.readouterr().err.endswith("varying weights by 25 % and minmax or percentile ranks\n")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["-n", "0"], "n: 0 is not above 0"),
        (["--top", "0"], "--top: 0 is not above 0"),
        (["--level", "2"], "--level: 2 is not between 0.5 and 1"),
        (["--target", "bottom"], "target: bottom is no node; there are top"),
        (["--year", "2024"], "year: the data have no years"),
        (["--factors", "spec.toml"], "spec.toml: has no [[uncertainty]] table"),
        (["--parameters", "gone/p.csv"], "gone: no such folder"),
        (["--factors", "gone.toml"], "gone.toml: No such file or directory"),
    ],
)
def test_faults_are_named(
    files: Path, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["uncertainty", *RUN, *more]) == 2
    assert capsys.readouterr().err == f"balai index: {said}\n"


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"kind": "data"}, "uncertainty: is a list: write [[uncertainty]]"),
        ([{"kind": "wind"}], "uncertainty[1].kind: 'wind' is not one of choice, weights, data, imputation"),
        ([{"size": 1}], "uncertainty[1].kind: 'missing' is not one of"),
        ([{"kind": "choice", "values": [1, 2]}], "uncertainty[1].address: is missing"),
        ([{"address": "tie"}], "uncertainty[1].values: is a list of at least two"),
        ([{"kind": "weights"}, {"kind": "weights", "sise": 1}], "uncertainty[2].sise: is not known here"),
        ([{"kind": "weights", "size": "much"}], "uncertainty[1].size: 'much' is not a number"),
        ([{"kind": "weights", "parts": "a"}], "uncertainty[1].parts: is a list of codes"),
        ([{"kind": "data", "of": "mean"}], "uncertainty[1].of: 'mean' is not one of deviation, value, unit"),
        ([{"kind": "data", "size": {"a": True}}], "uncertainty[1].size: True is not a number"),
        ([{"kind": "imputation", "draws": 2.5}], "uncertainty[1].draws: is a whole number"),
        (
            [{"address": "tie", "values": [1, 2], "chances": 1}],
            "uncertainty[1].chances: is a list of numbers",
        ),
    ],
)
def test_a_factor_that_cannot_be_read_names_its_field(tables: object, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(tables)  # type: ignore[arg-type]
    assert str(caught.value).startswith(said)


def test_factors_as_a_file_has_them() -> None:
    found = read(
        [
            {"address": "normalise.range", "values": [[0, 1], [1, 100]], "chances": [1, 3], "name": "range"},
            {"kind": "weights", "parts": ["a"]},
            {"kind": "data", "size": {"a": 2}, "of": "value"},
            {"kind": "imputation", "draws": 5},
        ]
    )
    assert found == (
        Choice("normalise.range", ((0, 1), (1, 100)), (1.0, 3.0), "range"),
        Noise(parts=("a",)),
        DataNoise({"a": 2}, "value"),
        Impute(5),
    )
