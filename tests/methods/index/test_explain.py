"""Contributions sum to what they explain; differences, parts left out and coherence against COINr."""

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from balai.methods.index.build import build
from balai.methods.index.errors import MethodError, SpecError
from balai.methods.index.explain import (
    audit,
    correlations,
    cronbach,
    decompose,
    leave_one_out,
    what_if,
    without,
)
from balai.methods.index.steps import Equal, Minimum, MinMax, PowerMean, WeightedSum, ZScore
from tests.methods.index.oracles import ORACLES, needs_oracles, rows
from tests.methods.index.test_published import asem, built
from tests.methods.index.test_uncertainty import city_data, city_spec, mixed, nodes_with


def test_arithmetic_scores_are_the_sum_of_their_parts() -> None:
    spec = city_spec(nodes=nodes_with(min_coverage=0.5))
    result = build(spec, city_data(gaps=40))
    for unit in ("u00", "u07", "u31"):
        found = decompose(spec, result, unit)
        assert found.kind == "additive"
        assert_allclose(sum(found.contributions.values()), found.score, rtol=1e-13)
        gaps = {
            code
            for code, value in zip(spec.codes, result.stages[-1].X[result.row(unit)], strict=True)
            if value != value
        }
        assert set(found.contributions) == set(spec.codes) - gaps


def test_one_contribution_by_hand() -> None:
    """i04 has weight 2 of 1 + 2 + 3 in p0, p0 1 of 1 + 2 in left, left 2 of 2 + 1."""
    spec = city_spec()
    result = build(spec, city_data())
    value = result.stages[-1].X[result.row("u09"), 4]
    assert_allclose(decompose(spec, result, "u09").contributions["i04"], value * 2 / 6 * 1 / 3 * 2 / 3)


def test_geometric_scores_are_the_product_of_their_parts() -> None:
    spec = city_spec(nodes=nodes_with(aggregate=PowerMean(0)))
    result = build(spec, city_data())
    found = decompose(spec, result, "u05")
    assert found.kind == "log-additive"
    assert_allclose(exp(sum(found.contributions.values())), found.score, rtol=1e-12)
    assert_allclose(found.total, log(result.score("top")[result.row("u05")]), rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    top=st.sampled_from(
        [PowerMean(1), PowerMean(0), PowerMean(-1), PowerMean(2), PowerMean(0.5), WeightedSum()]
    ),
    rest=st.sampled_from([PowerMean(1), PowerMean(0), PowerMean(-2)]),
    again=st.booleans(),
    pair=st.tuples(st.integers(0, 39), st.integers(0, 39)),
)
def test_differences_of_two_units_leave_nothing_over(top, rest, again, pair) -> None:
    nodes = mixed(top, rest)
    if again:
        nodes = tuple(replace(n, normalise=MinMax((5, 50))) if n.code == "left" else n for n in nodes)
    spec = city_spec(nodes=nodes)
    result = build(spec, city_data())
    one, two = (f"u{at:02}" for at in pair)
    found = decompose(spec, result, one, against=two)
    gap = result.score("top")[pair[0]] - result.score("top")[pair[1]]
    assert_allclose(sum(found.contributions.values()), gap, rtol=1e-9, atol=1e-9)
    values = result.stages[-1].X
    for code, part in found.contributions.items():
        at = spec.codes.index(code)
        assert part * (values[pair[0], at] - values[pair[1], at]) >= 0


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        (
            mixed(PowerMean(0), PowerMean(1)),
            "not all arithmetic nor all geometric; name a unit to compare with",
        ),
        (mixed(PowerMean(1), Minimum()), "node left is aggregated by minimum, whose parts do not add up"),
    ],
)
def test_what_has_no_parts_is_refused(nodes, said) -> None:
    spec = city_spec(nodes=nodes)
    with pytest.raises(MethodError) as caught:
        decompose(spec, build(spec, city_data()), "u00")
    assert said in str(caught.value)


def test_a_zero_has_no_logarithm() -> None:
    spec = city_spec(nodes=nodes_with(aggregate=PowerMean(0)), normalise=MinMax())
    result = build(spec, city_data())
    row, column = np.argwhere(result.stages[-1].X == 0)[0]
    with pytest.raises(MethodError, match=f"has 0 in {spec.codes[column]}, which has no logarithm"):
        decompose(spec, result, result.units[row])


def test_what_if() -> None:
    spec, data = city_spec(), city_data()
    diff = what_if(spec, data, {"aggregate": "geometric", "indicator i03.weight": 5.0})
    other = replace(
        city_spec(nodes=nodes_with(aggregate=PowerMean(0))),
        indicators=tuple(replace(one, weight=5.0) if one.code == "i03" else one for one in spec.indicators),
    )
    assert_array_equal(diff.ranks_before, build(spec, data).rank("top"))
    assert_array_equal(diff.ranks_after, build(other, data).rank("top"))
    assert_allclose(diff.mean_shift, np.abs(diff.ranks_before - diff.ranks_after).mean())
    assert ("indicator i03.weight", 1.0, 5.0) in diff.changes
    assert len(diff.changes) == 8
    risen, fallen = diff.top(10)
    assert len(risen) == len(fallen) > 0
    assert all(diff.moves[diff.units.index(unit)] > 0 for unit in risen)
    assert what_if(spec, data, {}).changes == ()
    assert what_if(spec, data, {}).rank_correlation == pytest.approx(1)


def test_an_edit_that_does_not_fit_is_named() -> None:
    with pytest.raises(SpecError, match=r"treat.winmax: is a whole number, not the text 'five'"):
        what_if(city_spec(), city_data(), {"treat.winmax": "five"})
    with pytest.raises(SpecError, match="zscore is no method of treat"):
        what_if(city_spec(), city_data(), {"treat": ZScore()})


def test_a_part_left_out_is_a_part_never_there() -> None:
    """With goalposts the other columns do not depend on it."""
    spec = city_spec(nodes=nodes_with(weights=Equal()))
    found = leave_one_out(spec, city_data(), ["i05", "p3", "right"])
    for at, code in enumerate(("i05", "p3", "right")):
        assert_array_equal(found.ranks[at], build(without(spec, code), city_data()).rank("top"))
    assert_allclose(found.shift, np.abs(found.ranks - found.nominal).mean(axis=1))
    with pytest.raises(SpecError, match="without top nothing is left of top"):
        leave_one_out(spec, city_data(), ["top"])


def test_alpha_and_correlations_of_plain_columns() -> None:
    x = np.random.default_rng(1).standard_normal((50, 4)) + np.arange(50)[:, None] / 20
    assert_allclose(correlations(x), np.corrcoef(x, rowvar=False), rtol=1e-12)
    cov = np.cov(x, rowvar=False)
    assert_allclose(cronbach(x), 4 / 3 * (1 - np.trace(cov) / cov.sum()), rtol=1e-12)
    assert np.isnan(cronbach(x[:, :1]))


def test_correlations_that_chance_could_have_made_are_left_out() -> None:
    """|r| = .361 is the two-sided limit at 5 % for 30 pairs, as tables of critical values have it."""
    rng = np.random.default_rng(2)
    raw = np.linalg.qr(np.column_stack([np.ones(30), rng.standard_normal((30, 2))]))[0][:, 1:]
    for r, kept in ((0.3605, False), (0.3615, True)):
        x = np.column_stack([raw[:, 0], r * raw[:, 0] + np.sqrt(1 - r * r) * raw[:, 1]])
        assert np.isfinite(correlations(x, significance=0.05)[0, 1]) == kept


def test_an_audit_flags_what_pulls_apart() -> None:
    data = city_data()
    data.X[:, 1], data.X[:, 5] = data.X[:, 9], data.X[:, 9] * 2 + 1
    data.X[:, 6] = data.X[:, 2]
    spec = city_spec()
    found = audit(spec, build(spec, data))
    assert "p1: i01 and i05 say the same twice (r = 1.00)" in found.flags
    assert any(flag.startswith("p2: i02 and i06 pull apart (r = -1.00)") for flag in found.flags)
    assert found.nodes["p1"].components == 1
    assert_allclose(found.nodes["p1"].eigenvalues.sum(), 3)
    assert_allclose(found.nodes["left"].nominal, [1 / 3, 2 / 3])
    assert_allclose(sum(found.effective[code] for code in spec.codes), 1)


@needs_oracles
@pytest.mark.oracle
def test_coherence_of_the_asem_index_is_coinrs() -> None:
    spec, data = asem()
    found, result = audit(spec, built()), built()
    folder = ORACLES / "asem"
    alphas = {row["group"]: float(row["alpha"]) for row in rows(folder / "golden_cronbach.csv")}
    assert_allclose([found.nodes[code].alpha for code in alphas], list(alphas.values()), rtol=1e-12)
    shares = {row["iCode"]: float(row["EffWeight"]) for row in rows(folder / "golden_eff_weights.csv")}
    assert set(shares) == set(found.effective)
    assert_allclose([found.effective[code] for code in shares], list(shares.values()), rtol=1e-12)
    left = {row["code"]: float(row["MeanAbsDiff"]) for row in rows(folder / "golden_remove_level2.csv")}
    assert left.pop("Nominal") == 0
    assert_allclose(leave_one_out(spec, data, list(left)).shift, list(left.values()), rtol=1e-12)
    pairs = rows(folder / "golden_corr_physical.csv")
    names = list(dict.fromkeys(row["Var1"] for row in pairs))
    table = result.stages[-1].X[:, [spec.codes.index(name) for name in names]]
    ours = correlations(table, significance=0.05)
    for row in pairs:
        mine = ours[names.index(row["Var1"]), names.index(row["Var2"])]
        assert_allclose(mine, float(row["Correlation"] or "nan"), rtol=1e-12, atol=1e-12)
