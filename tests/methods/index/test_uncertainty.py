"""Replications against ``build``, one by one; what follows from their ranks; and what is refused."""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from balai.methods.index.build import build
from balai.methods.index.data import Data
from balai.methods.index.errors import SpecError
from balai.methods.index.factors import Choice, DataNoise, Impute, Noise, sizes_of
from balai.methods.index.ranking import rank
from balai.methods.index.rawnoise import deviates
from balai.methods.index.replicate import base_weights, rank_many
from balai.methods.index.spec import IndexSpec, Indicator, Node
from balai.methods.index.steps import (
    Copeland,
    Equal,
    Goalposts,
    ImputeCarry,
    ImputeEM,
    ImputeMean,
    MazziottaPareto,
    Minimum,
    MinMax,
    NormalScores,
    NoTreatment,
    PcaWeights,
    PowerMean,
    RankScore,
    Scaled,
    Screen,
    WeightedSum,
    Winsor,
    ZScore,
)
from balai.methods.index.uncertainty import Engine, noisy, reweighted, uncertainty
from tests.methods.index.small import NAN

UP = MinMax(range=(1, 100))


def city_spec(**changes: object) -> IndexSpec:
    """Twelve indicators in four pillars under two halves; every third is better when less."""
    usual: dict[str, object] = {
        "indicators": tuple(
            Indicator(
                f"i{at:02}",
                parent=f"p{at % 4}",
                weight=1 + at % 3,
                direction=-1 if at % 3 == 0 else 1,
                goalposts=(-40, 60),
            )
            for at in range(12)
        ),
        "nodes": (
            Node("top"),
            Node("left", "top", weight=2),
            Node("right", "top"),
            *(Node(f"p{at}", "left" if at < 2 else "right", weight=1 + at) for at in range(4)),
        ),
        "treat": Winsor(),
        "normalise": UP,
    }
    return IndexSpec(**usual | changes)  # type: ignore[arg-type]


def city_data(units: int = 40, gaps: int = 0, seed: int = 3) -> Data:
    """Some columns are skew enough to be treated, one so much that only a logarithm helps."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((units, 12))
    x[:, 4] = np.exp(1.6 * x[:, 4])
    x[0, 7] = 9.0
    x[1, 8], x[2, 8] = -8.0, -8.0
    x = x * rng.uniform(0.5, 9, 12) + rng.uniform(-5, 5, 12)
    x.flat[rng.choice(x.size, gaps, replace=False)] = NAN
    return Data(tuple(f"u{at:02}" for at in range(units)), tuple(f"i{at:02}" for at in range(12)), x)


def nodes_with(**changes: object) -> tuple[Node, ...]:
    return tuple(replace(node, **changes) for node in city_spec().nodes)  # type: ignore[arg-type]


def mixed(top: object, rest: object) -> tuple[Node, ...]:
    return tuple(replace(node, aggregate=rest if node.parent else top) for node in city_spec().nodes)  # type: ignore[arg-type]


def again(engine: Engine, ran: object, at: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores and ranks of a replication by ``build``, from its parameters alone."""
    told = ran.parameters(at)  # type: ignore[attr-defined]
    spec, data = engine.spec, engine.data
    chosen = {f.address: told[f.label] for f in engine.factors if isinstance(f, Choice)}
    if chosen.get("aggregate"):
        step = {"power": PowerMean, "minimum": Minimum}[chosen["aggregate"]["method"]]
        given = {key: value for key, value in chosen["aggregate"].items() if key != "method"}
        spec = replace(spec, nodes=tuple(replace(node, aggregate=step(**given)) for node in spec.nodes))
    if "treat.winmax" in chosen:
        spec = replace(spec, treat=replace(spec.treat, winmax=chosen["treat.winmax"]))
    if "weights" in told:
        whole = base_weights(spec)
        for code, weight in told["weights"].items():
            whole[list(spec.by_code).index(code)] = weight
        spec = reweighted(spec, whole)
    if "data" in told:
        factor = next(f for f in engine.factors if isinstance(f, DataNoise))
        data = noisy(spec, data, sizes_of(spec, data, factor), engine.seed, told["data"])
    result = build(spec, data)
    scores, ranks = np.full(len(data.units), NAN), np.zeros(len(data.units))
    places = [data.units.index(unit) for unit in result.units]
    scores[places] = result.score(engine.target)
    ranks[places] = np.nan_to_num(result.rank(engine.target))
    return scores, ranks


SPECS = {
    "arithmetic": ({}, 0),
    "geometric over arithmetic": ({"nodes": mixed(PowerMean(0), PowerMean(1))}, 0),
    "harmonic": ({"nodes": nodes_with(aggregate=PowerMean(-1))}, 0),
    "square over sum": ({"nodes": mixed(PowerMean(2), WeightedSum())}, 0),
    "equal weights": ({"nodes": nodes_with(weights=Equal())}, 0),
    "penalty": ({"nodes": nodes_with(aggregate=MazziottaPareto())}, 0),
    "penalty plus over geometric": ({"nodes": mixed(MazziottaPareto("plus"), PowerMean(0))}, 0),
    "minimum": ({"nodes": mixed(PowerMean(1), Minimum())}, 0),
    "outranking": ({"nodes": mixed(Copeland(), PowerMean(1))}, 0),
    "limit": ({"nodes": mixed(PowerMean(float("-inf")), PowerMean(1))}, 0),
    "normalised again": (
        {
            "nodes": tuple(
                replace(n, normalise=ZScore()) if n.code == "left" else n for n in city_spec().nodes
            )
        },
        0,
    ),
    "gaps": ({"nodes": nodes_with(min_coverage=0.6)}, 60),
    "gaps and geometric": ({"nodes": nodes_with(min_coverage=0.6, aggregate=PowerMean(0))}, 60),
    "gaps imputed": ({"impute": ImputeMean()}, 40),
    "screened": ({"screen": Screen(min_available=0.85), "nodes": nodes_with(min_coverage=0)}, 60),
    "z-scores": ({"normalise": ZScore(mean=10, sd=2)}, 0),
    "goalposts": ({"normalise": Goalposts(range=(0, 1)), "treat": Winsor(winmax=2, then="none")}, 0),
    "scaled, box-cox": ({"normalise": Scaled((-50, 70), 10), "treat": Winsor(winmax=1, then="box_cox")}, 0),
    "logs of what is drawn in": ({"treat": Winsor(winmax=1, combine=True)}, 0),
    "ranks": ({"normalise": RankScore()}, 0),
    "mean ranks": ({"normalise": NormalScores(), "tie": "average"}, 0),
    "low is first": ({"tie": "max"}, 0),
}


@pytest.mark.parametrize("noise", ["weights", "data", "both"])
@pytest.mark.parametrize("name", SPECS)
def test_a_replication_is_an_index_built_with_its_parameters(name: str, noise: str) -> None:
    changes, gaps = SPECS[name]
    spec, data = city_spec(**changes), city_data(gaps=gaps)
    factors = [
        *([Noise(0.3)] if noise != "data" else []),
        *([DataNoise(0.1)] if noise != "weights" else []),
    ]
    engine = Engine(spec, data, factors, seed=5)
    ran = engine.run(engine.sample(12), keep_scores=True)
    assert ran.failed == ()
    assert ran.scores is not None
    for at in range(0, 12, 3):
        scores, ranks = again(engine, ran, at)
        assert_allclose(ran.scores[at], scores, rtol=1e-12)
        assert_array_equal(ran.ranks[at] / ran.scale, ranks)


def test_choices_and_noise_together() -> None:
    factors = [
        Choice("treat.winmax", (0, 2, 5)),
        Choice("aggregate", (PowerMean(1), PowerMean(0), Minimum())),
        Noise(0.25),
        DataNoise(0.05),
    ]
    engine = Engine(city_spec(), city_data(), factors, seed=9)
    ran = engine.run(engine.sample(60), keep_scores=True)
    for at in range(0, 60, 5):
        scores, ranks = again(engine, ran, at)
        assert_allclose(ran.scores[at], scores, rtol=1e-12)
        assert_array_equal(ran.ranks[at], ranks)


def test_same_seed_same_bits_on_one_or_two_threads() -> None:
    factors = [Choice("aggregate", ("arithmetic", "geometric")), Noise(0.25), DataNoise(0.05)]
    one, two, other = (
        uncertainty(city_spec(), city_data(300), factors, n=900, seed=seed, threads=threads, keep_scores=True)
        for seed, threads in ((1, 1), (1, 2), (2, 1))
    )
    assert one.scores.tobytes() == two.scores.tobytes()
    assert_array_equal(one.ranks, two.ranks)
    assert (one.ranks != other.ranks).any()


def test_tables_let_go_of_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    factors = [Choice("treat.winmax", (0, 2, 5)), Choice("tie", ("min", "average")), Noise(0.25)]
    kept = uncertainty(city_spec(), city_data(), factors, n=120, seed=1)
    monkeypatch.setattr("balai.methods.index.uncertainty.MOST_KEPT", 0)
    made_again = uncertainty(city_spec(), city_data(), factors, n=120, seed=1, threads=2)
    assert_array_equal(kept.ranks, made_again.ranks)
    assert kept.scale == 2


def test_a_longer_run_begins_as_the_shorter() -> None:
    factors = [Choice("aggregate", ("arithmetic", "geometric")), Noise(0.25), DataNoise(0.05)]
    short, long = (uncertainty(city_spec(), city_data(), factors, n=n, seed=1) for n in (30, 90))
    assert_array_equal(short.design, long.design[:30])
    assert_array_equal(short.ranks, long.ranks[:30])
    assert short.parameters(7) == long.parameters(7)


def test_what_follows_from_the_ranks() -> None:
    ran = uncertainty(city_spec(), city_data(25), [Noise(0.5)], n=400, seed=2)
    assert_array_equal(ran.quantiles([0.05, 0.5, 0.95]), np.sort(ran.ranks, axis=0)[[19, 199, 379]])
    assert_allclose(ran.mean_ranks(), ran.ranks.mean(axis=0))
    assert_allclose(ran.p_top(5), (ran.ranks <= 5).mean(axis=0))
    matrix = ran.beats_matrix()
    assert ran.beats("u03", "u11") == matrix[3, 11] == (ran.ranks[:, 3] < ran.ranks[:, 11]).mean()
    assert_allclose((matrix + matrix.T)[~np.eye(25, dtype=bool)], 1)
    p = (ran.ranks <= 5).mean(axis=0)
    assert ran.undecided(5) == tuple(np.array(ran.units)[(p > 0.05) & (p < 0.95)])
    bands = ran.bands()
    assert sorted(unit for band in bands for unit in band.units) == sorted(ran.units)
    for band, following in pairwise(bands):
        assert all(ran.beats(band.units[0], unit) < 0.95 for unit in band.units[1:])
        assert ran.beats(band.units[0], following.units[0]) >= 0.95


def test_units_without_a_score_are_nowhere() -> None:
    data = city_data()
    data.X[5] = NAN
    ran = uncertainty(city_spec(), data, [Noise(0.25)], n=50)
    assert_array_equal(ran.ranks[:, 5], np.zeros(50))
    assert ran.p_top(40)[5] == 0
    assert np.isnan(ran.quantiles()[:, 5]).all()
    assert ran.beats("u05", "u01") == 0
    assert ran.beats("u01", "u05") == 1
    assert "u05" not in [unit for band in ran.bands() for unit in band.units]


def test_a_replication_that_fails_is_listed_with_its_parameters() -> None:
    factors = [Choice("aggregate", ("arithmetic", "geometric")), Noise(0.25)]
    ran = uncertainty(city_spec(normalise=ZScore()), city_data(), factors, n=100)
    geometric = np.flatnonzero(ran.design[:, 0] == 1)
    assert [failure.replication for failure in ran.failed] == geometric.tolist()
    assert ran.failed[0].parameters["aggregate"] == "geometric"
    assert "below 0" in ran.failed[0].reason
    assert (ran.ranks[geometric] == 0).all()
    assert_allclose(ran.p_top(3), (ran.ranks[ran.design[:, 0] == 0] <= 3).mean(axis=0))


def test_only_the_replications_with_an_odd_value_fail() -> None:
    """Z-scores of noisy data: the pillar below 0 somewhere has no geometric mean, and just there."""
    spec = city_spec(
        normalise=ZScore(mean=1.0, sd=1), nodes=mixed(PowerMean(0), PowerMean(1)), treat=Winsor()
    )
    ran = uncertainty(spec, city_data(12), [Noise(0.6), DataNoise(0.4)], n=60, seed=4, keep_scores=True)
    assert 0 < len(ran.failed) < 60
    done = ran.done
    assert not np.isnan(ran.scores[done]).any()
    assert np.isnan(ran.scores[~done]).all()


def test_draws_of_an_imputation() -> None:
    data = city_data(gaps=60)
    spec = city_spec(impute=ImputeEM(ridge=0.1), normalise=Goalposts(), treat=NoTreatment())
    ran = uncertainty(spec, data, [Impute(6)], n=40, seed=3, keep_scores=True)
    assert sorted(set(ran.design[:, 0].tolist())) == list(range(6))
    whole = ~np.isnan(data.X).any(axis=1)
    spread = np.array([ran.scores[ran.design[:, 0] == draw].mean(axis=0) for draw in range(6)]).std(axis=0)
    assert_allclose(spread[whole], 0, atol=1e-12)
    assert (spread[~whole] > 0.01).all()


def test_a_panel_is_ranked_in_one_year() -> None:
    first, second = city_data(20, seed=1), city_data(20, seed=2)
    data = Data(
        first.units * 2, first.codes, np.vstack([first.X, second.X]), years=(2023,) * 20 + (2024,) * 20
    )
    ran = uncertainty(city_spec(), data, [Noise(0.25)], n=20)
    result = build(city_spec(), data)
    assert_array_equal(ran.nominal_ranks, result.rank("top")[20:])
    assert_array_equal(np.sort(ran.ranks, axis=1), np.tile(np.arange(1, 21), (20, 1)))


def test_a_target_below_the_top() -> None:
    ran = uncertainty(city_spec(), city_data(), [Noise(0.25)], n=20, target="left")
    assert_array_equal(ran.nominal_ranks, build(city_spec(), city_data()).rank("left"))
    with pytest.raises(SpecError, match="target: nowhere is no node"):
        uncertainty(city_spec(), city_data(), [Noise()], n=2, target="nowhere")


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (
            Choice("treat.winmux", (1, 2)),
            "treat.winmux: treat is winsor in this specification, which has no winmux",
        ),
        (
            Choice("normalise.percentile", (1, 2)),
            "normalise.percentile: normalise is minmax in this specification",
        ),
        (
            Choice("screen.min_available", (0.5, 0.6)),
            "screen.min_available: screen is no step of this specification",
        ),
        (Choice("impute", ("mean", "median")), "factor impute: impute is no step of this specification"),
        (
            Choice("aggregates", ("a", "b")),
            "aggregates: aggregates is nothing that can vary; did you mean aggregate?",
        ),
        (Choice("node p9.aggregate", ("arithmetic", "geometric")), "there is no node p9"),
        (Choice("indicator i01.goalposts", ((3, 1), (0, 1))), "indicator i01.goalposts: reversed"),
        (Choice("aggregate", ("arithmetic", "geometrical")), "'geometrical' is not one of power"),
        (Choice("tie", ("min",)), "factor tie.values: name at least two"),
        (Choice("tie", ("min", "max"), chances=(1,)), "factor tie.chances: are one number"),
        (Choice("weights", ({"i01": 1}, {"i99": 2})), "factor weights.values: there is no part i99"),
        (Choice("weights", ({"i01": 1}, {"i02": 0})), "the weight of i02, 0, is not above 0"),
        (Noise(1.5), "factor weights.size: 1.5 is not between 0 and 1"),
        (Noise(parts=("top",)), "factor weights.parts: top is the top and has no weight"),
        (DataNoise({"x": 1.0}), "factor data.size: there is no indicator x"),
        (DataNoise(0.0), "factor data.size: is 0 for every value"),
        (Impute(), "factor imputation: impute is no step of this specification"),
    ],
)
def test_a_factor_that_meets_nothing_is_an_error(factor: object, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        uncertainty(city_spec(), city_data(), [factor], n=4)  # type: ignore[list-item]
    assert said in str(caught.value)


def test_factors_that_cannot_meet_are_an_error() -> None:
    """A choice of principal components would leave the noise on weights without effect."""
    pair = [Choice("weights", ("given", "pca"), name="method"), Noise(0.25)]
    with pytest.raises(SpecError, match="factor method: with pca, factor weights: node p0 weighs by"):
        uncertainty(city_spec(), city_data(), pair, n=4)
    gaps = city_data(gaps=9)
    with pytest.raises(SpecError, match="with none, factor imputation: impute is no step"):
        uncertainty(
            city_spec(impute=ImputeMean()), gaps, [Choice("impute", ("mean", "none")), Impute(3)], n=4
        )
    with pytest.raises(SpecError, match="factor imputation: carry has no draws; em, means and medians have"):
        uncertainty(city_spec(impute=ImputeCarry()), gaps, [Impute(3)], n=4)
    for order in (1, -1):
        factors = [Choice("treat", ("winsor", "none")), Choice("treat.winmax", (1, 2))][::order]
        ran = uncertainty(city_spec(), city_data(), factors, n=40)
        without = ran.design[:, 0 if order == 1 else 1] == 1
        assert [failure.replication for failure in ran.failed] == np.flatnonzero(without).tolist()
        assert ran.failed[0].reason == "treat.winmax: treat is none, which has no winmax"


def test_weights_that_follow_from_data_have_no_noise() -> None:
    spec = city_spec(
        nodes=tuple(
            replace(n, weights=PcaWeights("handbook")) if n.code == "p1" else n for n in city_spec().nodes
        )
    )
    with pytest.raises(SpecError, match="node p1 weighs by pca, so i01 has no weight to vary"):
        uncertainty(spec, city_data(), [Noise()], n=4)
    ran = uncertainty(spec, city_data(), [Noise(parts=("left", "right", "p2"))], n=30, keep_scores=True)
    assert_allclose(ran.scores.mean(axis=0), build(spec, city_data()).score("top"), rtol=0.1)


def test_ranks_of_many_rows_are_those_of_each() -> None:
    rng = np.random.default_rng(7)
    scores = rng.standard_normal((60, 37))
    scores[::4] = rng.integers(0, 9, (15, 37))
    scores[5, 3] = scores[5, 4] + 1e-15
    scores[7, 2] = NAN
    scores[8] = 1.0
    scores[9] = NAN
    for ties in ("min", "max", "average", "dense"):
        for first in ("high", "low"):
            expected = np.array([np.nan_to_num(rank(row, ties, first=first)) for row in scores])
            assert_array_equal(
                rank_many(scores, ties, first=first) / (2 if ties == "average" else 1), expected
            )


def test_same_bits_whatever_linear_algebra_is_given() -> None:
    """A process with one thread for linear algebra, and one with two."""
    program = (
        "from tests.methods.index.test_uncertainty import *\n"
        "from hashlib import sha256\n"
        "factors = [Choice('aggregate', ('arithmetic', 'geometric')), Noise(0.25), DataNoise(0.05)]\n"
        "ran = uncertainty(city_spec(), city_data(500), factors, n=300, seed=1, keep_scores=True)\n"
        "print(sha256(ran.scores.tobytes()).hexdigest())\n"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "PYTHONPATH": "src:."},
            cwd=Path(__file__).parents[3],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for threads in ("1", "2")
    ]
    assert found[0] == found[1]


def test_the_noise_is_normal_and_each_row_its_own() -> None:
    one, two, other = deviates(1, 0, (300, 500)), deviates(1, 1, (300, 500)), deviates(2, 0, (300, 500))
    assert_array_equal(one, deviates(1, 0, (300, 500)))
    assert abs(one.mean()) < 0.01
    assert abs(one.std() - 1) < 0.01
    assert_allclose(
        [(one < limit).mean() for limit in (-1.96, 0, 1, 3)], [0.025, 0.5, 0.8413, 0.99865], atol=0.004
    )
    for next_one in (two, other):
        assert abs(np.corrcoef(one.ravel(), next_one.ravel())[0, 1]) < 0.01


def test_what_the_noise_is_a_share_of() -> None:
    data = city_data(gaps=9)
    of = {
        "deviation": np.nanstd(data.X, axis=0, ddof=1) * np.ones((40, 1)),
        "value": np.abs(data.X),
        "unit": np.ones((40, 12)),
    }
    for kind, unit in of.items():
        assert_allclose(sizes_of(city_spec(), data, DataNoise(0.2, kind)), 0.2 * unit)  # type: ignore[arg-type]
    named = sizes_of(city_spec(), data, DataNoise({"i03": 2.0}, "unit"))
    assert_array_equal(named, np.tile(np.eye(12)[3] * 2, (40, 1)))
