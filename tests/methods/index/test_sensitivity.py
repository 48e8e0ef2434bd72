"""Shares of variance: against a function whose shares are known, and of indices whose answer is plain."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from balai.methods.index.errors import SpecError
from balai.methods.index.factors import Choice, DataNoise, Noise
from balai.methods.index.sensitivity import enumerated, estimate, sensitivity
from balai.methods.index.steps import MinMax, ZScore
from tests.methods.index.test_uncertainty import city_data, city_spec


def ishigami(u: np.ndarray) -> np.ndarray:
    x = (2 * u - 1) * np.pi
    return np.asarray(np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0]))


def ishigami_shares() -> tuple[list[float], list[float]]:
    """By integration: V1, V2, V13 of Ishigami and Homma 1990 with a = 7, b = .1."""
    whole = 0.5 + 7**2 / 8 + 0.1 * np.pi**4 / 5 + 0.1**2 * np.pi**8 / 18
    first, second = 0.5 * (1 + 0.1 * np.pi**4 / 5) ** 2, 7**2 / 8
    both = 0.1**2 * np.pi**8 * (1 / 18 - 1 / 50)
    return [first / whole, second / whole, 0], [(first + both) / whole, second / whole, both / whole]


@pytest.mark.parametrize("seed", range(6))
def test_ishigami(seed: int) -> None:
    found = estimate(ishigami, 3, n=4096, seed=seed, boot=100)
    s1, st = ishigami_shares()
    assert_allclose(found.s1, s1, atol=0.005)
    assert_allclose(found.st, st, atol=0.005)
    assert found.s1_interval is not None
    assert found.st_interval is not None
    for (low, high), shares in ((found.s1_interval, found.s1), (found.st_interval, found.st)):
        assert (low < shares).all()
        assert (shares < high).all()


def test_several_targets_at_once_are_each_alone() -> None:
    both = estimate(
        lambda u: np.column_stack([ishigami(u), 3 * ishigami(u) + 1e3, np.full(len(u), 4.0)]), 3, n=256
    )
    alone = estimate(ishigami, 3, n=256)
    assert_allclose(both.s1[:, 0], alone.s1, rtol=1e-10)
    assert_allclose(both.st[:, 1], alone.st, rtol=1e-8)
    assert np.isnan(both.s1[:, 2]).all()


def test_enumeration_by_hand() -> None:
    """y = 2a + ab with a, b from -1 and 1: V = 4 + 1, a alone explains 4, both together 1."""
    y = np.array([[2 * a + a * b for b in (-1, 1)] for a in (-1, 1)], dtype=float)
    found = enumerated(y, [np.array([0.5, 0.5])] * 2)
    assert_allclose(found.variance, 5)
    assert_allclose(found.s1, [0.8, 0])
    assert_allclose(found.st, [1, 0.2])


def test_enumeration_weighs_by_chances() -> None:
    y = np.array([[0.0, 1], [0, 1], [0, 3]])
    chances = [np.array([0.5, 0.2, 0.3]), np.array([0.4, 0.6])]
    found = enumerated(y, chances)
    rng = np.random.default_rng(1)
    a, b = rng.choice(3, 400_000, p=chances[0]), rng.choice(2, 400_000, p=chances[1])
    assert_allclose(found.variance, y[a, b].var(), rtol=0.01)
    of_b = np.array([y[a, b][b == level].mean() for level in (0, 1)])[b]
    assert_allclose(found.s1[1], of_b.var() / y[a, b].var(), rtol=0.01)


def test_choices_are_run_exactly() -> None:
    factors = [
        Choice("treat.winmax", (0, 5)),
        Choice("normalise", (MinMax(range=(1, 100)), ZScore(mean=10, sd=2))),
        Choice("aggregate", ("arithmetic", "geometric")),
    ]
    found = sensitivity(city_spec(), city_data(), factors)
    assert found.exact
    assert found.n == 8
    assert found.index.s1_interval is None
    assert (found.index.s1 <= found.index.st + 1e-12).all()
    assert found.index.s1.sum() <= 1 + 1e-12
    for at, unit in enumerate(found.units):
        ranks = found.runs.ranks[:, at].astype(float).reshape(2, 2, 2)
        if ranks.var() == 0:
            assert np.isnan(found.of_units.s1[:, at]).all(), unit
            continue
        assert_allclose(found.of_units.s1[2, at], ranks.mean(axis=(0, 1)).var() / ranks.var(), atol=1e-12)
        assert_allclose(found.of_units.st[2, at], ranks.var(axis=2).mean() / ranks.var(), atol=1e-12)


def test_sampling_comes_near_the_exact_shares() -> None:
    factors = [
        Choice("treat.winmax", (0, 5)),
        Choice("normalise", (MinMax(range=(1, 100)), ZScore(mean=10, sd=2))),
        Choice("aggregate", ("arithmetic", "geometric")),
    ]
    exact = sensitivity(city_spec(), city_data(), factors)
    sampled = sensitivity(city_spec(), city_data(), factors, n=1024, most=1)
    assert not sampled.exact
    assert_allclose(sampled.index.s1, exact.index.s1, atol=0.03)
    assert_allclose(sampled.index.st, exact.index.st, atol=0.03)


def test_noise_is_one_factor_among_others() -> None:
    factors = [Choice("aggregate", ("arithmetic", "geometric")), Noise(0.02), DataNoise(0.3)]
    one, two = (
        sensitivity(city_spec(), city_data(), factors, n=64, seed=3, threads=threads) for threads in (1, 2)
    )
    assert one.factors == ("aggregate", "weights", "data")
    assert len(one.runs.ranks) == 64 * 8
    assert_array_equal(one.runs.ranks, two.runs.ranks)
    assert one.index.st[2] > 5 * one.index.st[1]
    assert one.of_units.s1.shape == (3, 40)


def test_failures_are_listed_and_left_out() -> None:
    factors = [Choice("aggregate", ("arithmetic", "geometric"), chances=(0.9, 0.1)), Noise(0.2)]
    spec = city_spec(normalise=ZScore())
    found = sensitivity(spec, city_data(), factors, n=256)
    assert len(found.failed) > 0
    assert np.isfinite(found.index.st).all()
    with pytest.raises(SpecError, match=r"2 of 4 combinations give no ranking, e.g. .*geometric"):
        sensitivity(spec, city_data(), [factors[0], Choice("tie", ("min", "max"))])


def test_one_factor_has_nothing_to_share_with() -> None:
    with pytest.raises(SpecError, match="name at least two"):
        sensitivity(city_spec(), city_data(), [Noise()])
