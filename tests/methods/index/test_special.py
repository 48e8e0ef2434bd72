"""Penalty, minimum and outranking against loops in plain Python."""

import csv
import time
from statistics import fmean, pvariance

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from balai.methods.index import special
from tests.methods.index.oracles import ORACLES, needs_oracles, table

NAN = float("nan")


def test_mazziotta_pareto_by_its_definition() -> None:
    x = np.random.default_rng(5).normal(100, 10, (30, 6))
    slow = [fmean(row) - pvariance(row) / fmean(row) for row in x.tolist()]
    assert_allclose(special.mazziotta_pareto(x), slow, atol=1e-9)
    slow = [fmean(row) + pvariance(row) / fmean(row) for row in x.tolist()]
    assert_allclose(special.mazziotta_pareto(x, penalty="plus"), slow, atol=1e-9)


def test_a_weight_is_a_column_repeated() -> None:
    x = np.random.default_rng(6).normal(100, 10, (10, 3))
    assert_allclose(
        special.mazziotta_pareto(x, np.array([3.0, 1, 2])),
        special.mazziotta_pareto(x[:, [0, 0, 0, 1, 2, 2]]),
        rtol=1e-12,
    )


def test_gaps_are_left_out_and_never_zero() -> None:
    x = np.array([[90.0, 110, NAN], [NAN, NAN, NAN], [100, 100, 100]])
    assert_allclose(special.mazziotta_pareto(x), [99, NAN, 100])
    assert_allclose(special.minimum(x), [90, NAN, 100])


def test_no_score_where_the_mean_is_not_above_zero() -> None:
    assert_allclose(special.mazziotta_pareto(np.array([[-1.0, 1], [1, 3]])), [NAN, 1.5])


def by_pairs(x: list[list[float]], w: list[int]) -> list[int]:
    """Copeland's score pair by pair, in whole numbers."""
    scores = []
    for mine in x:
        score = 0
        for other in x:
            balance = sum(v * ((a > b) - (a < b)) for a, b, v in zip(mine, other, w, strict=True))
            score += (balance > 0) - (balance < 0)
        scores.append(score)
    return scores


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_copeland_pair_by_pair(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 6))
    value = st.one_of(st.integers(0, 4).map(float), st.just(NAN))
    rows = data.draw(st.lists(st.lists(value, min_size=count, max_size=count), min_size=1, max_size=9))
    w = data.draw(st.lists(st.integers(1, 7), min_size=count, max_size=count))
    expected = [
        NAN if all(v != v for v in row) else score for row, score in zip(rows, by_pairs(rows, w), strict=True)
    ]
    assert_allclose(special.copeland(np.array(rows), np.array(w) / 7.0), expected)


def test_two_directions_share_the_weight() -> None:
    x = np.random.default_rng(2).integers(0, 5, (20, 7)).astype(float)
    found = special.outranking(x, np.arange(1.0, 8))
    assert_allclose(found + found.T + np.eye(20), np.ones((20, 20)))


def test_copeland_of_514_cities_is_quick() -> None:
    x = np.random.default_rng(2).standard_normal((514, 120))
    start = time.process_time()
    special.copeland(x, np.random.default_rng(3).random(120))
    assert time.process_time() - start < 0.5


@needs_oracles
@pytest.mark.oracle
def test_copeland_of_the_asem_index() -> None:
    """Copeland at every level, from the normalised data; scores and pairs as another engine has them."""
    folder = ORACLES / "asem"
    units, codes, x = table(folder / "stage_Normalised.csv")
    same, golden_codes, golden = table(folder / "golden_agg_copeland.csv")
    assert same == units
    with (folder / "asem_iMeta.csv").open() as file:
        meta = [row for row in csv.DictReader(file) if row["Type"] in ("Indicator", "Aggregate")]
    columns = dict(zip(codes, x.T, strict=True))
    for level in ("2", "3", "4"):
        for node in [row["iCode"] for row in meta if row["Level"] == level]:
            parts = [columns[row["iCode"]] for row in meta if row["Parent"] == node]
            columns[node] = special.copeland(np.column_stack(parts))
            assert_allclose(columns[node], golden[:, golden_codes.index(node)], rtol=0, atol=1e-12)
