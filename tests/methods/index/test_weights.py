"""Weights against hand-made and independent results."""

from itertools import combinations
from math import log

import numpy as np
import pytest
from numpy.testing import assert_allclose

from balai.methods.index import weights
from balai.methods.index.errors import StageError


def test_given_equal_and_budget_are_shares() -> None:
    assert_allclose(weights.equal(4), [0.25] * 4)
    assert_allclose(weights.given([1, 3]), [0.25, 0.75])
    assert_allclose(weights.budget([[60, 40], [10, 10], [0, 5]]), [(0.6 + 0.5 + 0) / 3, (0.4 + 0.5 + 1) / 3])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: weights.given([0, 0]), "weights given: no column has a weight above 0"),
        (
            lambda: weights.given([1, -2], ["road", "water"]),
            "weights given, column water: -2 is not a number of at least 0",
        ),
        (lambda: weights.budget([[1, 2], [0, 0]]), "weights budget: expert 2 gave no points at all"),
        (
            lambda: weights.ahp([[1, 3], [3, 1]], ["a", "b"]),
            "weights ahp: a against b is 3, the other way round 3, which is not its inverse",
        ),
        (
            lambda: weights.pca(np.array([[1.0, 2], [1, 3], [1, 4]]), names=["flat", "b"]),
            "weights pca, column flat: is constant",
        ),
        (
            lambda: weights.entropy(np.array([[1.0, 2], [np.nan, 3], [1, 4]])),
            "weights entropy: 2 units have a value in every column, 3 are needed",
        ),
    ],
)
def test_what_cannot_be_weighted_is_named(call, said) -> None:
    with pytest.raises(StageError) as caught:
        call()
    assert str(caught.value) == said


def test_ahp_of_a_textbook_table() -> None:
    found = weights.ahp([[1, 3, 5], [1 / 3, 1, 3], [1 / 5, 1 / 3, 1]])
    assert_allclose(found.weights, [0.637, 0.258, 0.105], atol=5e-4)
    assert_allclose(found.greatest_eigenvalue, 3.0385, atol=5e-5)
    assert_allclose(found.ratio, 0.0332, atol=5e-5)


def test_ahp_of_consistent_judgments_gives_them_back() -> None:
    truth = np.array([0.5, 0.3, 0.15, 0.05])
    found = weights.ahp(truth[:, None] / truth)
    assert_allclose(found.weights, truth, rtol=1e-12)
    assert abs(found.ratio) < 1e-12


def correlated(correlation: np.ndarray, units: int = 40) -> np.ndarray:
    """A table whose sample correlations are exactly ``correlation``."""
    raw = np.random.default_rng(3).standard_normal((units, len(correlation)))
    raw -= raw.mean(axis=0)
    return np.linalg.qr(raw)[0] @ np.linalg.cholesky(correlation).T * 7 + 3


def test_one_factor_recovers_its_loadings() -> None:
    load = np.array([0.9, 0.8, 0.6, 0.5, 0.3])
    table = correlated(np.outer(load, load) + np.diag(1 - load**2))
    found = weights.one_factor(table)
    assert_allclose(found.loadings, load, atol=1e-6)
    assert_allclose(found.uniqueness, 1 - load**2, atol=1e-6)
    proportion = load / (1 - load**2)
    assert_allclose(weights.factor(table), proportion / proportion.sum(), atol=1e-6)
    assert_allclose(weights.factor(table, use="loadings"), load / load.sum(), atol=1e-6)


def test_principal_components_of_two_blocks() -> None:
    """Two unrelated blocks: three columns correlated .8, two correlated .6 (eigenvalues 2.6 and 1.6)."""
    correlation = np.eye(5)
    correlation[:3, :3] = 0.8
    correlation[3:, 3:] = 0.6
    np.fill_diagonal(correlation, 1)
    table = correlated(correlation)
    assert_allclose(weights.pca(table), np.array([2.6 / 3] * 3 + [1.6 / 2] * 2) / 4.2, atol=1e-9)
    assert_allclose(weights.pca(table, components="first"), [1 / 3] * 3 + [0, 0], atol=1e-9)


def test_varimax_turns_and_nothing_else() -> None:
    load = np.random.default_rng(1).random((8, 3))
    turned = weights.varimax(load)
    assert_allclose(turned @ turned.T, load @ load.T, atol=1e-12)
    assert (turned**4).sum() > (load**4).sum()


def test_a_column_that_pulls_the_other_way_is_named() -> None:
    table = correlated(np.array([[1, 0.8, -0.7], [0.8, 1, -0.6], [-0.7, -0.6, 1]]))
    with pytest.raises(StageError, match="column third: pulls against the other columns"):
        weights.pca(table, components="first", names=["first", "second", "third"])


def test_entropy_by_hand() -> None:
    table = np.array([[1.0, 2, 0], [1, 3, 0], [2, 1, 5]])
    spread = []
    for column in table.T:
        shares = [value / column.sum() for value in column]
        spread.append(1 + sum(share * log(share) for share in shares if share) / log(3))
    assert_allclose(weights.entropy(table), np.array(spread) / sum(spread))


def test_critic_by_hand() -> None:
    table = np.array([[1.0, 2, 9], [4, 3, 7], [2, 8, 5], [3, 5, 1]])
    raw = []
    for j in range(3):
        column = table[:, j]
        unit = (column - column.min()) / (column.max() - column.min())
        conflict = sum(1 - np.corrcoef(column, table[:, k])[0, 1] for k in range(3))
        raw.append(unit.std(ddof=1) * conflict)
    assert_allclose(weights.critic(table), np.array(raw) / sum(raw))


def by_corners(table: np.ndarray, unit: int) -> float:
    """Benefit of the doubt without a solver: the best corner of the polytope of weights."""
    count = table.shape[1]
    sides = np.vstack([table, np.eye(count)])
    right = np.concatenate([np.ones(len(table)), np.zeros(count)])
    best = 0.0
    for chosen in combinations(range(len(sides)), count):
        a = sides[list(chosen)]
        if abs(np.linalg.det(a)) < 1e-9:
            continue
        corner = np.linalg.solve(a, right[list(chosen)])
        if (corner >= -1e-11).all() and (table @ corner <= 1 + 1e-11).all():
            best = max(best, float(corner @ table[unit]))
    return best


def test_benefit_of_the_doubt_is_the_best_corner() -> None:
    table = np.random.default_rng(8).random((12, 3)) * [1, 50, 0.01] + [0.1, 1, 0]
    scaled = table / table.max(axis=0)
    found = weights.benefit_of_doubt(table)
    assert_allclose(found.scores, [by_corners(scaled, unit) for unit in range(12)], atol=1e-9)
    assert_allclose((found.weights * table).sum(axis=1), found.scores, atol=1e-9)
    assert (table @ found.weights.T <= 1 + 1e-9).all()


def test_bounded_shares_hold_and_cost_score() -> None:
    table = np.random.default_rng(9).random((15, 4)) + 0.05
    free = weights.benefit_of_doubt(table)
    bound = weights.benefit_of_doubt(table, share_min=0.1, share_max=0.4)
    shares = bound.weights * table / bound.scores[:, None]
    assert shares.min() >= 0.1 - 1e-9
    assert shares.max() <= 0.4 + 1e-9
    assert (bound.scores <= free.scores + 1e-12).all()
    with pytest.raises(StageError, match="no shares of the score lie within the given bounds"):
        weights.benefit_of_doubt(table, share_min=0.3)


def test_a_gap_scores_nothing_and_binds_nobody() -> None:
    table = np.random.default_rng(4).random((9, 3)) + 0.1
    gap = np.vstack([table, [9, np.nan, 9]])
    found = weights.benefit_of_doubt(gap)
    assert np.isnan(found.scores[9])
    assert_allclose(found.scores[:9], weights.benefit_of_doubt(table).scores, atol=1e-12)


def test_balanced_correlations() -> None:
    correlation = np.array([[1, 0.5, 0.2], [0.5, 1, 0.3], [0.2, 0.3, 1]])
    table = correlated(correlation)
    found = weights.correlation_balanced(table * [1, 10, 100])
    assert found.exact
    assert_allclose(found.correlations, np.full(3, found.correlations[0]))
    wanted = [0.64, 0.66, 0.40]
    direct = weights.correlation_balanced(table, wanted)
    assert direct.exact
    assert_allclose(direct.weights, [0.4, 0.4, 0.2])
    searched = weights.correlation_balanced(table, wanted, score=lambda w: table @ w)
    assert not searched.exact
    assert_allclose(searched.weights, [0.4, 0.4, 0.2], atol=1e-5)


def test_where_balance_is_out_of_reach_the_search_comes_near() -> None:
    correlation = np.array([[1, 0.85, 0.85], [0.85, 1, 0.5], [0.85, 0.5, 1]])
    table = correlated(correlation)
    found = weights.correlation_balanced(table)
    assert not found.exact
    assert_allclose(found.weights, [0, 0.5, 0.5], atol=1e-5)
