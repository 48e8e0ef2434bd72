"""Specifications: what a file may say, what it means, and faults that name their field."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from balai.methods.index.errors import SpecError
from balai.methods.index.spec import IndexSpec, Indicator, Node, from_dict, load, loads
from balai.methods.index.steps import (
    METHODS,
    AhpWeights,
    Copeland,
    ExponentialRank,
    Goalposts,
    ImputeGroupMean,
    MinMax,
    PowerMean,
    Screen,
    Winsor,
)
from tests.methods.index.small import small_spec

WHOLE = """
name = "City index"
version = "2026"
tie = "average"
min_coverage = 0.5
aggregate = "geometric"
normalise = { method = "minmax", range = [1, 100] }
treat = { method = "winsor", winmax = "none", then = "log_GII" }
impute = { method = "group_mean", group = "island" }

[screen]
min_available = 0.75
keep = ["3171"]

[output]
round = 2
first = "low"

[data]
code = "kode"
groups = ["province"]
missing = ["*"]

[[node]]
code = "index"
weights = { method = "ahp", comparisons = [[1, 3], [0.3333, 1]] }

[[node]]
code = "living"
parent = "index"
aggregate = "copeland"
normalise = "exponential_rank"
weight = 2

[[indicator]]
code = "air"
parent = "living"
direction = -1
normalise = "goalposts"
goalposts = [0, 35.5]
treat = "none"

[[indicator]]
code = "gdp"
parent = "index"
denominator = "people"
per = 1000
"""


def test_a_file_says_what_its_words_mean() -> None:
    spec = loads(WHOLE)
    assert spec == IndexSpec(
        indicators=(
            Indicator(
                "air",
                parent="living",
                direction=-1,
                normalise=Goalposts(),
                goalposts=(0.0, 35.5),
                treat=METHODS["treat"]["none"](),  # type: ignore[arg-type]
            ),
            Indicator("gdp", parent="index", denominator="people", per=1000.0),
        ),
        nodes=(
            Node(
                "index",
                aggregate=PowerMean(0.0),
                min_coverage=0.5,
                weights=AhpWeights(((1.0, 3.0), (0.3333, 1.0))),
            ),
            Node(
                "living",
                "index",
                aggregate=Copeland(),
                min_coverage=0.5,
                normalise=ExponentialRank(),
                weight=2.0,
            ),
        ),
        screen=Screen(min_available=0.75, keep=("3171",)),
        impute=ImputeGroupMean("island"),
        treat=Winsor(winmax=None, then="log_GII"),
        normalise=MinMax((1.0, 100.0)),
        tie="average",
        output=replace(spec.output, round=2, first="low"),
        data=replace(spec.data, code="kode", groups=("province",), missing=("*",)),
        name="City index",
        version="2026",
    )


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    spec = loads(WHOLE)
    (tmp_path / "spec.json").write_text(json.dumps(spec.as_dict()))
    assert load(tmp_path / "spec.json") == spec
    assert from_dict(spec.as_dict()).hash() == spec.hash()


def test_the_tree_knows_its_order() -> None:
    spec = small_spec()
    assert spec.top == "top"
    assert spec.children("top") == ("c", "p")
    assert spec.leaves("top") == ("c", "a", "b")
    assert [node.code for node in spec.bottom_up] == ["p", "top"]


def test_the_hash_is_that_of_the_index_and_not_of_its_spelling() -> None:
    spec = loads(WHOLE)
    assert spec.hash() == loads(WHOLE.replace("weight = 2\n", "weight = 2.0\n")).hash()
    assert spec.hash() == loads(WHOLE.replace('code = "kode"', 'code = "code"')).hash()
    assert spec.hash() != loads(WHOLE.replace("weight = 2\n", "weight = 2.5\n")).hash()
    assert len(spec.hash()) == 64


TOP = '[[node]]\ncode = "top"\n'
ONE = '[[indicator]]\ncode = "a"\nparent = "top"\n'


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("", "indicator", "an index needs at least one"),
        (ONE, "node", "an index needs at least one, its top"),
        ("a = ", "specification", "is not TOML"),
        ("tie = 'first'\n" + TOP + ONE, "tie", "'first' is not one of min, max, average, dense"),
        ("normalize = 'rank'\n" + TOP + ONE, "normalize", "is not known here; did you mean normalise?"),
        ("normalise = 'minmx'\n" + TOP + ONE, "normalise.method", "did you mean minmax?"),
        ("treat = {}\n" + TOP + ONE, "treat.method", "is missing"),
        ("treat = 3\n" + TOP + ONE, "treat", "is a table, not the number 3"),
        (
            "treat = {method='winsor', winmax='5'}\n" + TOP + ONE,
            "treat.winmax",
            "is a whole number, not the text '5'",
        ),
        ("impute = 'group_mean'\n" + TOP + ONE, "impute.group", "is missing"),
        (
            "normalise = {method='minmax', range=[100, 0]}\n" + TOP + ONE,
            "normalise.range",
            "lower 100 is not below upper 0",
        ),
        (
            "normalise = {method='minmax', range=[1, 2, 3]}\n" + TOP + ONE,
            "normalise.range",
            "is 2 values, not 3",
        ),
        ("normalise = {method='minmax', range=[0, inf]}\n" + TOP + ONE, "normalise.range[2]", "finite"),
        ("screen = {min_available = 90}\n" + TOP + ONE, "screen.min_available", "90 is not a share"),
        ("order = ['treat']\n" + TOP + ONE, "order", "name each of denominate, screen"),
        (TOP + ONE + "colour = 'red'\n", "indicator a.colour", "is not known here"),
        (TOP + "[[indicator]]\nparent = 'top'\n", "indicator[1].code", "is missing"),
        (TOP + "[[indicator]]\ncode = ' '\nparent = 'top'\n", "indicator[1].code", "is empty"),
        (TOP + "[[indicator]]\ncode = 'a'\n", "indicator a.parent", "name the node"),
        (TOP + ONE + ONE, "indicator[2].code", "a is already the code of indicator[1]"),
        (TOP + ONE + "[[node]]\ncode = 'a'\n", "node[2].code", "a is already the code of indicator[1]"),
        (
            TOP + ONE.replace('"top"', '"tip"'),
            "indicator a.parent",
            "tip is no node; did you mean top?",
        ),
        (
            TOP + ONE + "[[indicator]]\ncode='b'\nparent='a'\n",
            "indicator b.parent",
            "a is an indicator, not a node",
        ),
        (TOP + ONE + "[[node]]\ncode = 'x'\nparent = 'y'\n", "node x.parent", "y is no node"),
        (
            TOP + ONE + "[[node]]\ncode='x'\nparent='y'\n[[node]]\ncode='y'\nparent='x'\n",
            "node x.parent",
            "goes in a circle: x -> y -> x",
        ),
        (TOP + ONE + "[[node]]\ncode='x'\nparent='x'\n", "node x.parent", "goes in a circle: x -> x"),
        (TOP + ONE + "[[node]]\ncode = 'x'\n", "node x.parent", "top is already the top"),
        (
            TOP + ONE + "[[node]]\ncode = 'x'\nparent = 'top'\n",
            "node x",
            "has no indicator and no node below",
        ),
        (TOP + ONE + "direction = 0\n", "indicator a.direction", "is 1 or -1, not 0"),
        (TOP + ONE + "direction = 'up'\n", "indicator a.direction", "is a whole number, not the text 'up'"),
        (TOP + ONE + "weight = 0\n", "indicator a.weight", "is 0; leave the part out"),
        (TOP + ONE + "weight = -1\n", "indicator a.weight", "-1 is not above 0"),
        (TOP + ONE + "weight = true\n", "indicator a.weight", "is a number, not true or false"),
        (TOP + ONE + "per = 0\n", "indicator a.per", "0 is not above 0"),
        (
            TOP + ONE + "goalposts = [85, 20]\n",
            "indicator a.goalposts",
            "reversed: lower 85 is above upper 20",
        ),
        (TOP + ONE + "goalposts = [2, 2]\n", "indicator a.goalposts", "both are 2; they must differ"),
        (TOP + ONE + "goalposts = [0, 'x']\n", "indicator a.goalposts[2]", "is a number, not the text 'x'"),
        (
            TOP + ONE + "goalposts = [0, 9]\ntransform = 'log'\n",
            "indicator a.goalposts",
            "0 has no log",
        ),
        (TOP + ONE + "target = -1\ntransform = 'sqrt'\n", "indicator a.target", "-1 has no sqrt"),
        (TOP + ONE + "impute = 'em'\n", "indicator a.impute", "em fits all indicators together"),
        (TOP + "min_coverage = 66\n" + ONE, "node top.min_coverage", "66 is not a share"),
        (TOP + "weight = nan\n" + ONE, "node top.weight", "is not a finite number"),
        (TOP + "normalise = 'goalposts'\n" + ONE, "node top.normalise", "goalposts is for indicators"),
        (TOP + "weights = 'benefit_of_doubt'\n" + ONE, "node top.aggregate", "is sum where weights are"),
        (
            TOP + "weights = {method='ahp', comparisons=[[1,2],[0.5,1]]}\n" + ONE,
            "node top.weights.comparisons",
            "has 2 rows for 1 children",
        ),
        (
            TOP + "weights = {method='budget', points=[[50, 50]]}\n" + ONE,
            "node top.weights.points[1]",
            "has 2 numbers for 1 children: a",
        ),
        ("[output]\nrank_rounded = true\n" + TOP + ONE, "output.rank_rounded", "needs output.round"),
        ("node = 3\n" + ONE, "node", "is a list: write [[node]]"),
    ],
)
def test_a_fault_names_its_field(text: str, field: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        loads(text)
    assert caught.value.field == field
    assert words in str(caught.value)


def test_python_is_checked_like_a_file() -> None:
    with pytest.raises(SpecError, match=r"node p\.parent: none is no node"):
        small_spec(nodes=(Node("top"), Node("p", "none")))
    with pytest.raises(SpecError, match=r"normalise\.percentiles: give two numbers"):
        small_spec(normalise=MinMax(percentiles=(95, 5)))


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(SpecError, match=r"spec\.toml: is not UTF-8"):
        load(tmp_path / "spec.toml")
    (tmp_path / "spec.json").write_text("[")
    with pytest.raises(SpecError, match=r"spec\.json: is not JSON"):
        load(tmp_path / "spec.json")
