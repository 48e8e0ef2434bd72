"""A whole index: figures by hand, what changes nothing, and faults that name cell or field."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from balai.methods.index.build import build, round_half_up
from balai.methods.index.data import Data
from balai.methods.index.errors import DataError, MethodError, StageError
from balai.methods.index.spec import IndexSpec, Indicator, Node, Output
from balai.methods.index.stages import Cache
from balai.methods.index.steps import (
    AhpWeights,
    BenefitOfDoubt,
    BudgetWeights,
    Copeland,
    CorrelationWeights,
    CriticWeights,
    DistanceToReference,
    EntropyWeights,
    Equal,
    ExponentialRank,
    FactorWeights,
    Goalposts,
    ImputeCarry,
    ImputeEM,
    ImputeGroupMean,
    ImputeMean,
    Keep,
    MazziottaPareto,
    Minimum,
    MinMax,
    NormalScores,
    PcaWeights,
    PowerMean,
    RankScore,
    Screen,
    WeightedProduct,
    WeightedSum,
    Weights,
    Winsor,
    ZScore,
)
from tests.methods.index.small import NAN, small_data, small_spec

TABLE = [[1.0, 10, 3], [2, 20, 1], [3, 10, 2], [5, 30, 5]]


def test_scores_ranks_and_coverage_by_hand() -> None:
    result = build(small_spec(), small_data([[1, 10, 3], [2, 20, 1], [NAN, 10, 2], [5, 30, 5]]))
    assert result.nodes == ("top", "p")
    assert_allclose(result.score("p"), [0, 37.5, 0, 100])
    assert_allclose(result.score("top"), [25, 68.75, 37.5, 50])
    assert_array_equal(result.rank("top"), [4, 1, 3, 2])
    assert_array_equal(result.rank("p"), [3, 2, 3, 1])
    assert_allclose(result.coverage[2], [2 / 3, 1 / 2])
    assert result.warnings == ()


def test_weights_and_means_of_each_node() -> None:
    spec = small_spec(
        normalise=Keep(),
        indicators=(
            Indicator("a", parent="p", weight=3),
            Indicator("b", parent="p"),
            Indicator("c", parent="top"),
        ),
        nodes=(Node("top", aggregate=PowerMean(0)), Node("p", "top", weight=2)),
    )
    result = build(spec, small_data([[4, 8, 27], [1, 1, 1]]))
    assert_allclose(result.score("p"), [5, 1])
    assert_allclose(result.score("top"), [(27 * 25) ** (1 / 3), 1])
    assert_array_equal(result.weights["p"], [3, 1])


def test_a_part_that_lacks_too_much_has_no_score_and_is_told() -> None:
    nodes = (Node("top", min_coverage=1), Node("p", "top", min_coverage=0.66))
    result = build(small_spec(nodes=nodes), small_data([[1, 10, 3], [NAN, 20, 1], [3, 30, 2]]))
    assert_allclose(result.score("p"), [0, NAN, 100])
    assert_allclose(result.score("top"), [0, NAN, 75])
    assert_array_equal(result.rank("top"), [2, NAN, 1])
    assert result.warnings == (
        "1 without p: less than 66% of its parts are there, for u2",
        "1 without top: less than 100% of its parts are there, for u2",
        "1 without a score in top: u2",
    )


def test_a_gap_is_no_zero() -> None:
    gap, zero = (build(small_spec(), small_data([[x, 5, 0], [0, 0, 9], [9, 9, 9]])) for x in (NAN, 0))
    assert gap.score("p")[0] == pytest.approx(500 / 9)
    assert zero.score("p")[0] == pytest.approx(250 / 9)


def test_nodes_normalised_again_as_in_the_deprivation_indices() -> None:
    """Normal scores, factor weights, ranks, exponential scores, weighted sum: the chain, step by step."""
    rng = np.random.default_rng(7)
    common = rng.normal(size=60)
    table = np.column_stack([common + noise for noise in rng.normal(size=(3, 60))] + [rng.normal(size=60)])
    spec = IndexSpec(
        indicators=(
            Indicator("a", parent="health", normalise=NormalScores()),
            Indicator("b", parent="health", normalise=NormalScores()),
            Indicator("c", parent="health", normalise=NormalScores()),
            Indicator("d", parent="income", normalise=Keep()),
        ),
        nodes=(
            Node("deprivation", aggregate=WeightedSum()),
            Node("health", "deprivation", weight=0.3, weights=FactorWeights(), normalise=ExponentialRank()),
            Node("income", "deprivation", weight=0.7, normalise=ExponentialRank()),
        ),
    )
    result = build(spec, Data(tuple(map(str, range(60))), tuple("abcd"), table))
    shares = result.weights["health"]
    assert shares.sum() == pytest.approx(1)
    raw = result.stage("normalise").X[:, :3] @ shares
    assert_allclose(result.before["health"], raw)

    def exponential(values: NDArray[np.float64]) -> NDArray[np.float64]:
        place = np.array([(values <= value).sum() for value in values]) / 60
        return np.asarray(-23 * np.log(1 - place * (1 - np.exp(-100 / 23))))

    expected = 0.3 * exponential(raw) + 0.7 * exponential(table[:, 3])
    assert_allclose(result.score("deprivation"), expected)
    assert_array_equal(result.rank("deprivation"), [1 + (expected > score).sum() for score in expected])


def test_a_node_may_fill_the_gap_its_parent_sees() -> None:
    nodes = (
        Node("top", min_coverage=1),
        Node("p", "top", min_coverage=1, impute=ImputeGroupMean("region")),
    )
    data = small_data([[0, 0, 0], [9, NAN, 0], [9, 9, 9], [3, 3, 0]], groups={"region": ("A", "A", "B", "A")})
    result = build(small_spec(nodes=nodes), data)
    assert_allclose(result.score("p"), [0, NAN, 100, 100 / 3])
    assert_allclose(result.score("top"), [50, (50 / 3 + 100) / 2, 50, (100 / 3 + 100) / 2])


def test_rounding_of_nodes_and_halves() -> None:
    nodes = (Node("top"), Node("p", "top", round=0))
    spec = small_spec(nodes=nodes, normalise=Keep(), output=Output(round=1))
    result = build(spec, small_data([[1, 2, -1.27], [1, 1, -1]]))
    assert_allclose(result.score("p"), [2, 1])
    assert_allclose(result.score("top"), [1.635, 1])
    assert_array_equal(round_half_up(np.array([0.125, -0.125, 2.675, NAN]), 2), [0.13, -0.13, 2.68, NAN])


def test_ranks_of_rounded_scores_and_from_the_lowest() -> None:
    data = small_data([[1, 1, -1.01], [1, 1, -1.02], [2, 2, -2]])
    spec = small_spec(normalise=Keep())
    assert_array_equal(build(spec, data).rank("top"), [3, 2, 1])
    rounded = replace(spec, output=Output(round=1, rank_rounded=True, first="low"))
    assert_array_equal(build(rounded, data).rank("top"), [1, 1, 3])


def test_screened_units_scale_nobody_and_are_told() -> None:
    spec = small_spec(screen=Screen(min_available=0.6))
    result = build(spec, small_data([*TABLE, [NAN, NAN, 1000]]))
    assert result.units == ("u1", "u2", "u3", "u4")
    assert_array_equal(result.scores, build(spec, small_data(TABLE)).scores)
    assert result.dropped == {"u5": "has 33.3% of its indicators, 60.0% are asked"}
    assert result.warnings[0] == "1 left out by screening: u5"
    with pytest.raises(DataError, match=r"unit u5 is not in the result: has 33\.3%"):
        result.row("u5")


PANEL: dict[str, Any] = {"units": ("x", "y", "x", "y"), "years": (2020, 2020, 2021, 2021)}


def test_years_share_a_scale_or_have_their_own() -> None:
    data = small_data([[0, 0, 9], [1, 1, 9], [0, 0, 8], [4, 4, 9]], **PANEL)
    pooled = build(small_spec(indicators=(Indicator("a", parent="top"),), nodes=(Node("top"),)), data)
    assert_allclose(pooled.score("top"), [0, 25, 0, 100])
    assert_array_equal(pooled.rank("top"), [2, 1, 2, 1])
    apart = build(
        small_spec(indicators=(Indicator("a", parent="top"),), nodes=(Node("top"),), panel="by_year"), data
    )
    assert_allclose(apart.score("top"), [0, 100, 0, 100])
    assert pooled.row("x") == 2
    assert pooled.row("x", 2020) == 0


def test_a_value_carried_over_years_is_marked() -> None:
    data = small_data([[1, 1, 9], [1, 1, 9], [NAN, 2, 8], [4, 4, 9]], **PANEL)
    result = build(small_spec(impute=ImputeCarry()), data)
    assert_array_equal(result.imputed, [[0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0]])
    assert result.stage("impute").X[2, 0] == 1
    assert_allclose(result.coverage[2], [2 / 3, 0.5])


def test_each_year_has_its_own_weights_where_scales_are_by_year() -> None:
    rng = np.random.default_rng(8)
    units = tuple(f"u{at}" for at in range(20)) * 2
    years = (2020,) * 20 + (2021,) * 20
    common = rng.normal(size=(40, 1))
    data = Data(units, ("a", "b", "c"), common + rng.normal(size=(40, 3)), years=years)
    nodes = (Node("top"), Node("p", "top", weights=EntropyWeights()))
    result = build(small_spec(nodes=nodes, panel="by_year"), data)
    assert result.weights["p"].shape == (40, 2)
    assert len(np.unique(result.weights["p"], axis=0)) == 2
    last = Data(units[20:], ("a", "b", "c"), data.X[20:])
    alone = build(small_spec(nodes=nodes), last)
    assert_allclose(result.scores[20:], alone.scores)


RNG = np.random.default_rng(9)
COMMON = RNG.normal(size=(40, 1))
CORRELATED = COMMON + 0.7 * RNG.normal(size=(40, 3))
FORTY = tuple(f"u{at}" for at in range(40))


@pytest.mark.parametrize(
    "weights",
    [
        Equal(),
        PcaWeights(),
        PcaWeights("handbook"),
        FactorWeights(),
        FactorWeights("loadings"),
        EntropyWeights(),
        CriticWeights(),
        CorrelationWeights(),
        BudgetWeights(((60.0, 30, 10), (40, 40, 20))),
        AhpWeights(((1.0, 2, 4), (0.5, 1, 2), (0.25, 0.5, 1))),
    ],
)
def test_each_way_to_weights_gives_a_mean_of_the_children(weights: Weights) -> None:
    spec = IndexSpec(
        indicators=tuple(Indicator(code, parent="top") for code in "abc"),
        nodes=(Node("top", weights=weights),),
    )
    result = build(spec, Data(FORTY, ("a", "b", "c"), CORRELATED))
    shares = result.weights["top"] / result.weights["top"].sum()
    assert (shares > 0).all()
    assert_allclose(result.score("top"), result.stage("normalise").X @ shares)


def test_budget_and_pairwise_judgments_give_their_weights() -> None:
    budget = BudgetWeights(((60.0, 30, 10), (40, 40, 20)))
    ahp = AhpWeights(((1.0, 2, 4), (0.5, 1, 2), (0.25, 0.5, 1)))
    for weights, expected in ((budget, [0.5, 0.35, 0.15]), (ahp, [4 / 7, 2 / 7, 1 / 7])):
        spec = IndexSpec(
            indicators=tuple(Indicator(code, parent="top") for code in "abc"),
            nodes=(Node("top", weights=weights),),
        )
        assert_allclose(build(spec, Data(FORTY, ("a", "b", "c"), CORRELATED)).weights["top"], expected)


def test_judgments_that_contradict_each_other_are_told() -> None:
    ahp = AhpWeights(((1.0, 9, 0.2), (1 / 9, 1, 9), (5.0, 1 / 9, 1)))
    spec = IndexSpec(
        indicators=tuple(Indicator(code, parent="top") for code in "abc"),
        nodes=(Node("top", weights=ahp),),
    )
    (warning,) = build(spec, Data(FORTY, ("a", "b", "c"), CORRELATED)).warnings
    assert warning.startswith("the comparisons of top contradict each other: consistency ratio ")


def test_benefit_of_the_doubt_gives_each_unit_its_own_weights() -> None:
    spec = IndexSpec(
        indicators=(Indicator("a", parent="top"), Indicator("b", parent="top")),
        nodes=(Node("top", weights=BenefitOfDoubt(), aggregate=WeightedSum()),),
        normalise=Keep(),
    )
    result = build(spec, Data(("x", "y", "z"), ("a", "b"), np.array([[4.0, 1], [1, 4], [1, 1]])))
    assert_allclose(result.score("top"), [1, 1, 0.4], atol=1e-9)
    assert result.weights["top"].shape == (3, 2)


def test_means_that_make_up_for_nothing() -> None:
    def scores(aggregate: Any) -> list[float]:
        spec = IndexSpec(
            indicators=tuple(Indicator(code, parent="top") for code in "abc"),
            nodes=(Node("top", aggregate=aggregate),),
            normalise=Keep(),
        )
        data = Data(("x", "y", "z"), ("a", "b", "c"), np.array([[90.0, 100, 110], [120, 120, 60], [1, 2, 3]]))
        return build(spec, data).score("top").tolist()

    assert scores(Minimum()) == [90, 60, 1]
    assert scores(WeightedProduct()) == pytest.approx([990_000, 864_000, 6])
    assert scores(Copeland()) == [0, 2, -2]
    assert scores(MazziottaPareto()) == pytest.approx([100 - 200 / 3 / 100, 92, 2 - 1 / 3])


def test_zeros_under_a_geometric_mean_are_told() -> None:
    nodes = (Node("top", aggregate=PowerMean(0)), Node("p", "top"))
    result = build(small_spec(nodes=nodes), small_data(TABLE))
    assert result.score("top")[[0, 3]].tolist() == [0, 0]
    assert result.warnings == (
        "1 with a 0 in c have top 0, whatever their other values",
        "1 with a 0 in p have top 0, whatever their other values",
    )


def test_goalposts_that_nobody_looks_at_are_told() -> None:
    spec = small_spec()
    first = replace(spec.indicators[0], goalposts=(0, 10), target=5)
    result = build(replace(spec, indicators=(first, *spec.indicators[1:])), small_data(TABLE))
    assert result.warnings == (
        "indicator a.goalposts are not used by the normalisation minmax",
        "indicator a.target is not used by the normalisation minmax",
    )


def test_a_column_that_tells_nobody_apart_is_told() -> None:
    result = build(small_spec(normalise=RankScore()), small_data([[1, 2, 3], [1, 3, 4], [1, NAN, 4]]))
    assert result.warnings == ("indicator a has the same score for every unit",)


# --- what changes nothing

tables = arrays(np.float64, (6, 3), elements=st.integers(0, 50).map(float)).filter(
    lambda table: bool((np.ptp(table, axis=0) > 0).all())
)


@given(tables, st.permutations(range(6)))
def test_the_order_of_units_and_columns_changes_nothing(table: NDArray[np.float64], order: list[int]) -> None:
    spec, units = small_spec(), tuple("uvwxyz")
    plain = build(spec, small_data(table.tolist(), units=units))
    moved_rows = build(spec, small_data(table[order].tolist(), units=tuple(units[at] for at in order)))
    assert_array_equal(moved_rows.scores, plain.scores[order])
    assert_array_equal(moved_rows.ranks, plain.ranks[order])
    reordered = replace(spec, indicators=spec.indicators[::-1], nodes=spec.nodes[::-1])
    moved_columns = build(reordered, Data(units, ("c", "b", "a"), table[:, ::-1]))
    assert_allclose(moved_columns.score("top"), plain.score("top"), rtol=1e-13, atol=1e-13)
    assert_array_equal(moved_columns.rank("top"), plain.rank("top"))


@given(tables, st.floats(0.1, 20), st.floats(-50, 50), st.sampled_from([MinMax(), ZScore(), RankScore()]))
def test_the_unit_of_a_column_changes_nothing(
    table: NDArray[np.float64], scale: float, start: float, step: Any
) -> None:
    spec = small_spec(normalise=step, treat=Winsor())
    changed = table.copy()
    changed[:, 0] = changed[:, 0] * round(scale, 3) + round(start, 3)
    one = build(spec, small_data(table.tolist()))
    other = build(spec, small_data(changed.tolist()))
    assert_allclose(other.scores, one.scores, rtol=1e-9, atol=1e-9)


@given(tables, st.integers(0, 5), st.integers(1, 30), st.sampled_from([0.0, 1.0, -1.0]))
def test_more_of_what_is_good_is_never_worse(
    table: NDArray[np.float64], row: int, more: int, power: float
) -> None:
    spec = small_spec(
        normalise=Goalposts(),
        indicators=tuple(replace(one, goalposts=(-1.0, 90.0)) for one in small_spec().indicators),
        nodes=(Node("top", aggregate=PowerMean(power)), Node("p", "top", aggregate=PowerMean(power))),
    )
    before = build(spec, small_data(table.tolist()))
    for column, better in ((0, more), (1, more), (2, -more)):
        changed = table.copy()
        changed[row, column] += better
        after = build(spec, small_data(changed.tolist()))
        assert after.score("top")[row] >= before.score("top")[row]
        assert after.rank("top")[row] <= before.rank("top")[row]


@given(tables, tables)
def test_between_goalposts_a_score_does_not_depend_on_the_others(
    table: NDArray[np.float64], others: NDArray[np.float64]
) -> None:
    spec = small_spec(
        normalise=Goalposts(),
        indicators=tuple(replace(one, goalposts=(0.0, 50.0)) for one in small_spec().indicators),
    )
    mixed = np.vstack([table[:1], others[1:]])
    assert_array_equal(
        build(spec, small_data(mixed.tolist())).scores[0], build(spec, small_data(table.tolist())).scores[0]
    )


def test_stages_that_are_the_same_are_computed_once() -> None:
    cache = Cache()
    data = small_data(TABLE)
    first = build(small_spec(treat=Winsor()), data, cache)
    assert cache.hits == 0
    again = build(small_spec(treat=Winsor()), data, cache)
    assert cache.hits == 8
    assert again.key == first.key
    other = build(small_spec(treat=Winsor(), normalise=ZScore()), data, cache)
    assert cache.hits == 8 + 5
    assert [a.key == b.key for a, b in zip(first.stages, other.stages, strict=True)] == [True] * 5 + [False]
    heavier = replace(
        small_spec(treat=Winsor()), nodes=(Node("top"), Node("p", "top", weight=3, min_coverage=0))
    )
    assert build(heavier, data, cache).key != first.key
    assert cache.hits == 8 + 5 + 7
    moved = build(small_spec(treat=Winsor()), small_data([*TABLE[:3], [5, 30, 6]]), cache)
    assert moved.stages[0].key != first.stages[0].key


# --- faults


def flat(**changes: Any) -> IndexSpec:
    usual: dict[str, Any] = {
        "indicators": tuple(Indicator(code, parent="top") for code in "abc"),
        "nodes": (Node("top"),),
    }
    return IndexSpec(**usual | changes)


@pytest.mark.parametrize(
    ("spec", "table", "words"),
    [
        (flat(), [[1, 2, NAN], [2, 3, NAN]], "column c: has no value at all"),
        (flat(), [[1, 2, 5], [2, 3, 5]], "normalise, column c: every value is 5, so minmax has no scale"),
        (
            flat(screen=Screen(min_available=0.6)),
            [[1, 2, NAN], [2, 3, NAN], [NAN, NAN, 4]],
            "screen, column c: has no value among the units that are left",
        ),
        (
            flat(screen=Screen(min_available=1)),
            [[1, 2, NAN], [NAN, 3, 4]],
            "screen: leaves no unit",
        ),
        (flat(screen=Screen(drop=("u9",))), [[1, 2, 3], [2, 3, 4]], "names the unit u9, which is not in"),
        (
            flat(nodes=(Node("top", aggregate=PowerMean(0)),), normalise=ZScore()),
            [[1, 2, 3], [2, 3, 4]],
            r"aggregate, column a \(in node top\): -0.707107 is below 0",
        ),
        (
            flat(nodes=(Node("top", aggregate=WeightedProduct()),), normalise=ZScore()),
            [[1, 2, 3], [2, 3, 4]],
            r"aggregate, column a \(in node top\): -0.707107 is below 0, and a product",
        ),
        (flat(impute=ImputeGroupMean("island")), [[1, 2, NAN], [2, 3, 4]], "column island: is named by an"),
        (flat(impute=ImputeCarry()), [[1, 2, NAN], [2, 3, 4]], "impute, column c: carry needs data with a"),
        (flat(normalise=DistanceToReference("u9")), [[1, 2, 3], [2, 3, 4]], "reference unit u9 is not in"),
        (
            flat(impute=ImputeEM()),
            [[1, 2, NAN], [2, 3, 4]],
            "impute, column c: em needs two values or more",
        ),
    ],
)
def test_a_fault_says_where(spec: IndexSpec, table: list[list[float]], words: str) -> None:
    with pytest.raises(MethodError, match=words):
        build(spec, small_data(table))


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match="column c: is not in the data"):
        build(small_spec(), Data(("x",), ("a", "b"), np.ones((1, 2))))


def test_goalposts_do_not_fit_what_a_logarithm_moved() -> None:
    spec = small_spec(treat=Winsor(winmax=0), normalise=Goalposts())
    spec = replace(spec, indicators=tuple(replace(one, goalposts=(0, 50)) for one in spec.indicators))
    table = [[float(at), at, 3 * at] for at in range(20)] + [[500.0, 3, 4]]
    with pytest.raises(StageError, match=r"normalise, column a: was treated \(log_CT\), so goalposts"):
        build(spec, small_data(table))


def test_imputation_of_one_indicator_replaces_that_of_the_index() -> None:
    spec = small_spec()
    first = replace(spec.indicators[0], impute=ImputeMean())
    result = build(
        replace(spec, indicators=(first, *spec.indicators[1:])),
        small_data([[1, 2, 3], [NAN, NAN, 4], [3, 3, 3]]),
    )
    assert_array_equal(result.stage("impute").X[1], [2, NAN, 4])


def test_an_own_treatment_and_normalisation_replace_those_of_the_index() -> None:
    spec = small_spec(treat=Winsor())
    table = [[float(at), at, at] for at in range(20)] + [[500.0, 500, 500]]
    first = replace(spec.indicators[0], treat=Winsor(winmax=0, then="log_CT_orig"), normalise=RankScore())
    result = build(replace(spec, indicators=(first, *spec.indicators[1:])), small_data(table))
    assert result.treated == {"a": "log_CT_orig", "b": "winsorised 1", "c": "winsorised 1"}
    assert_array_equal(result.stage("normalise").X[:, 0], np.arange(1.0, 22))
