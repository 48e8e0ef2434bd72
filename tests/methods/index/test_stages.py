"""The stages, each against figures computed by hand or by another way."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from balai.methods.index.aggregation import power_mean, weighted_product, weighted_sum
from balai.methods.index.denominate import denominate
from balai.methods.index.errors import StageError
from balai.methods.index.imputation import carry, draw, em, fill_by_group, impute, interpolate
from balai.methods.index.normalisation import normalise
from balai.methods.index.ranking import rank, rank_up
from balai.methods.index.screening import screen
from balai.methods.index.steps import (
    Borda,
    BoxCox,
    DistanceToMaximum,
    DistanceToReference,
    DistanceToTarget,
    Exponential,
    ExponentialRank,
    FractionOfMaximum,
    Goalposts,
    ImputeCarry,
    ImputeEM,
    ImputeGroupMean,
    ImputeGroupMedian,
    ImputeMean,
    ImputeMedian,
    Keep,
    LogTreatment,
    MinMax,
    Normalise,
    NormalScores,
    PercentileRank,
    RankScore,
    Scaled,
    Screen,
    Ties,
    Winsor,
    ZScore,
)
from balai.methods.index.treatment import box_cox, kurtosis, log_of, passes, skew, treat
from tests.methods.index.small import NAN

# --- denominators, screening


def test_a_rate_is_missing_where_its_denominator_is() -> None:
    rate = denominate(np.array([3.0, 3, 3, NAN]), np.array([1000.0, 0, NAN, 10]), per=1000)
    assert_allclose(rate, [3, NAN, NAN, NAN])


def test_units_stay_or_go_by_what_they_have() -> None:
    X = np.array([[1, 2, 3, 4], [1, NAN, NAN, 4], [0, 0, 0, 5], [NAN, NAN, NAN, NAN]])  # noqa: N806
    units = ("full", "half", "zeros", "none")
    assert screen(X, units, Screen(min_available=0.6)) == {
        1: "has 50.0% of its indicators, 60.0% are asked",
        3: "has 0.0% of its indicators, 60.0% are asked",
    }
    assert screen(X, units, Screen(by="zeros", min_nonzero=0.5)) == {
        2: "25.0% of its values are not zero, 50.0% are asked"
    }
    both = Screen(by="both", min_available=0.6, min_nonzero=0.5, keep=("none",), drop=("full",))
    assert list(screen(X, units, both)) == [0, 1, 2]


# --- imputation

X_GAPS = np.array([1.0, NAN, 3, NAN, 8])


def test_means_and_medians() -> None:
    assert_allclose(impute(X_GAPS, ImputeMean()), [1, 4, 3, 4, 8])
    assert_allclose(impute(X_GAPS, ImputeMedian()), [1, 3, 3, 3, 8])


def test_groups_and_what_happens_where_a_group_has_nothing() -> None:
    groups = ["A", "A", "A", "B", ""]
    assert_allclose(fill_by_group(X_GAPS, groups, "mean"), [1, 2, 3, NAN, 8])
    step = ImputeGroupMean("g", fallback="median")
    assert_allclose(impute(X_GAPS, step, groups=groups), [1, 2, 3, 3, 8])
    x = np.array([1.0, 5, 6, NAN, NAN])
    groups = ["A", "A", "A", "A", ""]
    assert_allclose(impute(x, ImputeGroupMedian("g"), groups=groups), [1, 5, 6, 5, NAN])


UNITS = ["u", "v", "u", "v", "u", "v", "u", "v"]
YEARS = [2020, 2020, 2021, 2021, 2022, 2022, 2024, 2024]
PANEL = np.array([1.0, NAN, NAN, 4, NAN, NAN, 7, NAN])


def test_the_last_value_is_carried_forward_and_never_back() -> None:
    assert_allclose(carry(PANEL, UNITS, YEARS), [1, NAN, 1, 4, 1, 4, 7, 4])
    assert_allclose(carry(PANEL, UNITS, YEARS, 1), [1, NAN, 1, 4, NAN, 4, 7, NAN])
    shuffled = [7, 2, 5, 0, 3, 6, 1, 4]
    again = carry(PANEL[shuffled], [UNITS[at] for at in shuffled], [YEARS[at] for at in shuffled])
    assert_allclose(again, carry(PANEL, UNITS, YEARS)[shuffled])


def test_years_between_lie_on_a_line() -> None:
    assert_allclose(interpolate(PANEL, UNITS, YEARS), [1, 4, 2.5, 4, 4, 4, 7, 4])
    inside = interpolate(PANEL, UNITS, YEARS, extend=False)
    assert_allclose(inside, [1, NAN, 2.5, 4, 4, NAN, 7, NAN])


def test_em_of_a_monotone_gap_is_the_regression() -> None:
    """With x whole and y missing at the end, the likelihood is that of the regression (Anderson 1957)."""
    rng = np.random.default_rng(1)
    x = rng.normal(10, 2, 40)
    y = 3 + 0.7 * x + rng.normal(0, 0.5, 40)
    table = np.column_stack([x, y])
    table[30:, 1] = NAN
    slope, start = np.polyfit(x[:30], y[:30], 1)
    filled = em(table)
    assert_allclose(filled[30:, 1], start + slope * x[30:], rtol=1e-6)
    assert_array_equal(filled[:30], table[:30])


def test_em_is_where_its_own_expectation_leaves_it() -> None:
    """The filled table gives the mean by which it was filled; each gap is the regression on what is there."""
    rng = np.random.default_rng(6)
    table = rng.normal(size=(200, 1)) + rng.normal(size=(200, 5))
    gaps = rng.random(table.shape) < 0.3
    gaps[gaps.all(axis=1)] = False
    filled = em(np.where(gaps, NAN, table), ImputeEM(tolerance=1e-13))
    mean, residual = filled.mean(axis=0), np.zeros((5, 5))
    spread = (filled - mean).T @ (filled - mean) / 200
    for _ in range(2000):
        sigma, residual = spread + residual, np.zeros((5, 5))
        for row in gaps:
            here = np.ix_(row, row)
            across = sigma[np.ix_(row, ~row)] @ np.linalg.pinv(sigma[np.ix_(~row, ~row)])
            residual[here] += (sigma[here] - across @ sigma[np.ix_(~row, row)]) / 200
        if np.abs(spread + residual - sigma).max() < 1e-13:
            break
    for at in np.flatnonzero(gaps.any(axis=1)):
        row = gaps[at]
        across = sigma[np.ix_(row, ~row)] @ np.linalg.inv(sigma[np.ix_(~row, ~row)])
        expected = mean[row] + across @ (filled[at, ~row] - mean[~row])
        assert_allclose(filled[at, row], expected, atol=1e-6)


def test_em_keeps_units_without_a_value_and_refuses_too_few() -> None:
    rng = np.random.default_rng(2)
    table = rng.normal(size=(30, 3))
    table[0] = NAN
    table[1, 0] = NAN
    filled = em(table)
    assert np.isnan(filled).sum() == 3
    with pytest.raises(StageError, match="impute, column c: em needs two values or more"):
        em(np.array([[1, NAN], [2, 3.0], [NAN, NAN]]), codes=("b", "c"))
    wide = rng.normal(size=(4, 6))
    wide[0, 0] = NAN
    with pytest.raises(StageError, match=r"4 units for 6 columns; set impute\.ridge"):
        em(wide)
    assert not np.isnan(em(wide, ImputeEM(ridge=0.1))).any()


def test_draws_come_from_the_group_and_spread_like_the_rest() -> None:
    rng = np.random.default_rng(3)
    table = np.array([[1.0], [2], [NAN], [50], [NAN], [NAN]])
    drawn = draw(table, ImputeGroupMean("g"), rng, groups=["A", "A", "A", "B", "B", ""])
    assert drawn[2, 0] in (1, 2)
    assert_allclose(drawn[[0, 1, 3, 4, 5], 0], [1, 2, 50, 50, NAN])
    with pytest.raises(StageError, match="carry has no draws"):
        draw(table, ImputeCarry(), rng)


def test_draws_of_em_have_its_mean_and_the_spread_of_what_is_not_known() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(0, 1, 400)
    table = np.column_stack([x, 2 * x + rng.normal(0, 1, 400)])
    table[0] = 1.0, NAN
    drawn = np.array([draw(table, ImputeEM(tolerance=1e-6), rng)[0, 1] for _ in range(400)])
    assert abs(drawn.mean() - em(table)[0, 1]) < 0.2
    assert abs(drawn.std() - 1) < 0.15


# --- treatment


def test_skew_and_kurtosis_by_their_definitions() -> None:
    x = np.array([1.0, 2, 2, 3, 14])
    deviations = x - x.mean()
    n = 5
    g1 = (deviations**3).mean() / (deviations**2).mean() ** 1.5
    g2 = (deviations**4).mean() / (deviations**2).mean() ** 2 - 3
    gaps = np.array([1.0, NAN, 2, 2, 3, NAN, 14])
    assert_allclose(skew(gaps), g1 * math.sqrt(n * (n - 1)) / (n - 2), rtol=1e-13)
    assert_allclose(kurtosis(gaps), (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * g2 + 6), rtol=1e-13)
    assert passes(np.array([5.0, 5, 5, 5]), 2, 3.5) is None
    assert passes(np.array([5.0, 6]), 2, 3.5) is None


OUTLIERS = np.r_[np.arange(20.0), 100, 200]


def test_outliers_are_drawn_in_until_the_column_passes() -> None:
    done = treat(OUTLIERS, Winsor())
    assert (done.what, done.points) == ("winsorised 2", 2)
    assert_array_equal(done.values, np.r_[np.arange(20.0), 19, 19])
    low = treat(-OUTLIERS, Winsor())
    assert_array_equal(low.values, -done.values)
    assert treat(np.arange(20.0), Winsor()).what == ""


def test_where_drawing_in_is_not_enough_logarithms_are_taken() -> None:
    done = treat(OUTLIERS, Winsor(winmax=1))
    assert done.what == "log_CT"
    assert_allclose(done.values, np.log(OUTLIERS + 2), rtol=1e-14)
    both = treat(OUTLIERS, Winsor(winmax=1, combine=True, then="log_CT_orig"))
    drawn = np.r_[np.arange(20.0), 100, 100]
    assert both.what == "winsorised 1 + log_CT_orig"
    assert_allclose(both.values, np.log(drawn + 1), rtol=1e-14)
    assert_array_equal(treat(OUTLIERS, Winsor(winmax=1, then="none")).values, drawn)
    assert treat(OUTLIERS, Winsor(winmax=1, then="box_cox")).what.startswith("box_cox ")


@pytest.mark.parametrize("kind", ["log", "log_CT", "log_CT_plus", "log_CT_orig", "log_GII"])
def test_each_logarithm_keeps_the_order_and_the_gaps(kind: str) -> None:
    x = np.array([2.0, NAN, 1, 30, 4])
    for y in (x, 31 - x):
        moved = log_of(y, kind)
        assert_array_equal(rank_up(moved), rank_up(y))
    assert_array_equal(treat(x, LogTreatment("log_CT", only_outliers=False)).values, log_of(x, "log_CT"))


def test_logarithms_refuse_what_has_none() -> None:
    with pytest.raises(StageError, match="treat, column a: -1 has no logarithm"):
        log_of(np.array([-1.0, 2]), "log", "a")
    with pytest.raises(StageError, match="log_GII needs a greatest value above 1"):
        log_of(np.array([0.5, 0.2]), "log_GII", "a")
    with pytest.raises(StageError, match="every value is 3"):
        log_of(np.array([3.0, 3]), "log_CT", "a")


def test_box_cox_finds_the_power_that_scipy_finds() -> None:
    from scipy.stats import boxcox

    x = np.random.default_rng(5).lognormal(1, 0.8, 200)
    theirs, best = boxcox(x - x.min() + 1)
    ours, exponent = box_cox(x)
    assert exponent == pytest.approx(best, abs=1e-6)
    assert_allclose(ours, theirs, rtol=1e-5, atol=1e-8)
    same, exponent = box_cox(np.array([1.0, 2, 4]), exponent=1)
    assert_allclose(same, [0, 1, 3], atol=1e-12)
    assert_allclose(box_cox(np.array([1.0, 2, 4]), exponent=0)[0], np.log([1, 2, 4]))
    assert treat(np.arange(9.0), BoxCox()).what == ""


# --- normalisation

V = np.array([10.0, NAN, 20, 50, 20])


@pytest.mark.parametrize(
    ("step", "up", "down"),
    [
        (Keep(), [10, NAN, 20, 50, 20], [-10, NAN, -20, -50, -20]),
        (MinMax(), [0, NAN, 25, 100, 25], [100, NAN, 75, 0, 75]),
        (MinMax((1, 100)), [1, NAN, 25.75, 100, 25.75], [100, NAN, 75.25, 1, 75.25]),
        (ZScore(0, math.sqrt(300)), [-15, NAN, -5, 25, -5], [15, NAN, 5, -25, 5]),
        (RankScore(), [1, NAN, 2, 4, 2], [4, NAN, 2, 1, 2]),
        (RankScore("average"), [1, NAN, 2.5, 4, 2.5], [4, NAN, 2.5, 1, 2.5]),
        (PercentileRank(scale=3), [0, NAN, 1, 3, 1], [3, NAN, 1, 0, 1]),
        (Borda("max"), [0, NAN, 2, 3, 2], [3, NAN, 2, 0, 2]),
        (Goalposts(), [0, NAN, 0, 75, 0], [100, NAN, 100, 25, 100]),
        (Goalposts((0, 1), cap=False), [-0.25, NAN, 0, 0.75, 0], [1.25, NAN, 1, 0.25, 1]),
        (DistanceToMaximum(), [0, NAN, 0.25, 1, 0.25], [1, NAN, 0.75, 0, 0.75]),
        (DistanceToReference("r"), [0, NAN, 1, 4, 1], [4 / 3, NAN, 1, 0, 1]),
        (DistanceToReference("r", cap=True), [0, NAN, 1, 1, 1], [1, NAN, 1, 0, 1]),
        (DistanceToTarget(), [0, NAN, 0.5, 2, 0.5], [2, NAN, 1.5, 0, 1.5]),
        (DistanceToTarget(cap=True, scale=10), [0, NAN, 5, 10, 5], [10, NAN, 10, 0, 10]),
        (FractionOfMaximum(100), [20, NAN, 40, 100, 40], [100, NAN, 50, 20, 50]),
        (Scaled((0, 50), 10), [2, NAN, 4, 10, 4], [8, NAN, 6, 0, 6]),
    ],
)
def test_each_normalisation_by_hand(step: Normalise, up: list[float], down: list[float]) -> None:
    more = {"posts": (20.0, 60.0), "reference": 2}
    assert_allclose(normalise(V, step, target=30.0, **more), up, atol=1e-13)  # type: ignore[arg-type]
    assert_allclose(
        normalise(V, step, direction=-1, target=30.0, **more),  # type: ignore[arg-type]
        down,
        atol=1e-13,
    )


def test_normal_scores_are_quantiles_of_the_ranks() -> None:
    normal = NormalDist()
    expected = [normal.inv_cdf(share) for share in (1 / 5, 2.5 / 5, 4 / 5, 2.5 / 5)]
    assert_allclose(normalise(V, NormalScores())[[0, 2, 3, 4]], expected, atol=1e-14)
    blom = normalise(np.array([3.0, 1, 2]), NormalScores(offset=0.375))
    assert_allclose(blom, [normal.inv_cdf((rank - 0.375) / 3.25) for rank in (3, 1, 2)], atol=1e-14)


def test_the_exponential_rank_of_the_deprivation_indices() -> None:
    """The tenth most deprived of the areas have half of the scale to themselves."""
    x = np.arange(100.0)
    scores = normalise(x, ExponentialRank())
    assert scores[99] == pytest.approx(100, abs=1e-10)
    assert scores[89] == pytest.approx(-23 * math.log(1 - 0.9 * (1 - math.exp(-100 / 23))), abs=1e-12)
    assert scores[89] == pytest.approx(50.4, abs=0.1)
    assert 0 < scores[0] < 1
    scottish = normalise(x, ExponentialRank(offset=1))
    assert_allclose(scottish, np.r_[0, scores[:99]], atol=1e-12)
    ranks = normalise(100 - x, Exponential((0, 100)), direction=-1)
    assert_allclose(ranks, scottish, atol=1e-12)
    with pytest.raises(StageError, match="column a: has a value outside 0 to 50"):
        normalise(x, Exponential((0, 50)), column="a")
    assert_allclose(normalise(-x, ExponentialRank(), direction=-1), scores)


def test_transformation_moves_value_goalposts_and_target_alike() -> None:
    income = np.array([100.0, 1000, 75000, 200000])
    scores = normalise(income, Goalposts((0, 1)), kind="log", posts=(100.0, 75000.0))
    assert_allclose(scores, [0, math.log(10) / math.log(750), 1, 1])
    assert_allclose(
        normalise(income, Goalposts((0, 1)), kind="log10", posts=(100.0, 75000.0)), scores, atol=1e-15
    )
    shifted = normalise(income - 99, Goalposts((0, 1)), shift=99, kind="log", posts=(1.0, 74901.0))
    assert_allclose(shifted, scores, atol=1e-15)
    with pytest.raises(StageError, match="normalise, column gni: the value 0 has no log"):
        normalise(np.array([0.0, 1]), MinMax(), kind="log", column="gni")


def test_percentiles_in_place_of_the_extremes() -> None:
    x = np.arange(101.0)
    scores = normalise(x, MinMax((0, 1), percentiles=(10, 90)))
    assert_allclose(scores, np.clip((x - 10) / 80, 0, 1), atol=1e-14)
    loose = normalise(x, MinMax((0, 1), percentiles=(10, 90), cap=False))
    assert_allclose(loose, (x - 10) / 80, atol=1e-14)


@pytest.mark.parametrize(
    ("x", "step", "words"),
    [
        ([5, 5, NAN], MinMax(), "column a: every value is 5, so minmax has no scale"),
        ([5, 5, NAN], ZScore(), "column a: every value is 5, so zscore has no scale"),
        ([5, 5, 5], DistanceToMaximum(), "column a: every value is 5"),
        ([1, 1, 1, 1, 9], MinMax(percentiles=(5, 50)), r"column a: its percentiles \(5, 50\) are both 1"),
        ([1, NAN], PercentileRank(), "column a: percentile_rank needs two units"),
        ([1, 2], Goalposts(), "column a: goalposts are asked for, and the indicator has none"),
        ([1, 2], DistanceToTarget(), "column a: distance_to_target is asked for, and it has no target"),
        ([1, 2], DistanceToReference("r"), "column a: the reference unit r has no value"),
        ([0, -2], FractionOfMaximum(), "column a: fraction_of_max needs a best value above 0"),
    ],
)
def test_a_method_without_an_answer_names_the_column(x: list[float], step: Normalise, words: str) -> None:
    with pytest.raises(StageError, match=words):
        normalise(np.array(x, dtype=float), step, column="a")


def test_a_target_must_better_the_worst() -> None:
    with pytest.raises(StageError, match="its target 1 is no better than its worst value"):
        normalise(np.array([1.0, 2]), DistanceToTarget(), target=1, column="a")


def test_a_column_without_values_stays_one() -> None:
    assert np.isnan(normalise(np.array([NAN, NAN]), MinMax())).all()


# --- aggregation, ranks


@given(
    st.lists(st.floats(0.01, 100), min_size=3, max_size=3),
    st.lists(st.floats(0.01, 10), min_size=3, max_size=3),
    st.sampled_from([-3.0, -1.0, 0.0, 0.5, 1.0, 2.0]),
)
def test_a_power_mean_is_its_formula(x: list[float], w: list[float], power: float) -> None:
    shares = [each / sum(w) for each in w]
    if power == 0:
        expected = math.prod(value**share for value, share in zip(x, shares, strict=True))
    else:
        parts = (share * value**power for value, share in zip(x, shares, strict=True))
        expected = math.fsum(parts) ** (1 / power)
    assert power_mean(np.array([x]), np.array(w), power)[0] == pytest.approx(expected, rel=1e-11)


def test_gaps_leave_their_weight_to_the_rest() -> None:
    X = np.array([[1.0, 4, NAN], [NAN, NAN, NAN], [2, NAN, NAN]])  # noqa: N806
    w = np.array([1.0, 1, 2])
    assert_allclose(power_mean(X, w), [2.5, NAN, 2])
    assert_allclose(power_mean(X, w, 0), [2, NAN, 2])
    assert_allclose(power_mean(X, w, -math.inf), [1, NAN, 2])
    assert_allclose(power_mean(X, w, math.inf), [4, NAN, 2])
    assert_allclose(weighted_sum(X, w), [NAN, NAN, NAN])
    assert_allclose(weighted_sum(np.array([[1.0, 4, 1]]), w), [7])
    assert_allclose(weighted_product(X, w), [NAN, NAN, NAN])
    assert_allclose(weighted_product(np.array([[2.0, 3, 4]]), np.array([2.0, 1, 0.5])), [24])
    by_unit = np.array([[3.0, 1, 1], [1, 1, 1], [1, 1, 1]])
    assert_allclose(power_mean(X, by_unit), [1.75, NAN, 2])


def test_a_zero_makes_a_geometric_or_harmonic_mean_zero() -> None:
    X = np.array([[0.0, 4]])  # noqa: N806
    w = np.array([1.0, 1])
    assert power_mean(X, w, 0)[0] == 0
    assert power_mean(X, w, -1)[0] == 0
    with pytest.raises(ValueError, match="at least 0"):
        power_mean(-X, w, 0)
    with pytest.raises(ValueError, match="at least 0"):
        weighted_product(-X, w)


@pytest.mark.parametrize(
    ("ties", "expected"),
    [("min", [4, NAN, 2, 1, 2]), ("max", [4, NAN, 3, 1, 3]), ("average", [4, NAN, 2.5, 1, 2.5])],
)
def test_ties_by_their_rule(ties: Ties, expected: list[float]) -> None:
    assert_array_equal(rank(V, ties), expected)
    assert_array_equal(rank(V, "dense"), [3, NAN, 2, 1, 2])
    assert_array_equal(rank(-V, ties, first="low"), expected)


def test_the_noise_of_summation_breaks_no_tie() -> None:
    assert_array_equal(rank(np.array([0.1 + 0.2, 0.3, 0.2])), [1, 1, 3])
    assert_array_equal(rank(np.array([1e-13, 0.0, 1e-14])), [1, 3, 2])
    assert_array_equal(rank(np.array([NAN, NAN])), [NAN, NAN])
