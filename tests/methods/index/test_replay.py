"""COINr's uncertainty and sensitivity analyses of its ASEM index, run again replication by replication."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from balai.methods.index.factors import Choice
from balai.methods.index.ranking import rank
from balai.methods.index.sensitivity import plain, sensitivity
from balai.methods.index.steps import MinMax, ZScore
from balai.methods.index.uncertainty import Engine
from tests.methods.index.oracles import ORACLES, needs_oracles, rows, table
from tests.methods.index.test_published import asem

pytestmark = [pytest.mark.oracle, needs_oracles]

ASEM = ORACLES / "asem"
NORMS = ("n_minmax", "n_zscore")
MEANS = ("a_amean", "a_gmean")


def factors() -> tuple[Choice, ...]:
    """COINr's documented factors, with the hundred sets of weights it drew."""
    sets = rows(ASEM / "noisy_weights_100.csv")
    weights = tuple({row["iCode"]: float(row[f"w{at}"]) for row in sets} for at in range(1, 101))
    return (
        Choice("treat.winmax", (1, 2, 3, 4, 5), name="Winmax"),
        Choice("normalise", (MinMax(range=(1, 100)), ZScore(mean=10, sd=2)), name="Normalisation"),
        Choice("weights", weights, name="Weights"),
        Choice("aggregate", ("arithmetic", "geometric"), name="Aggregation"),
    )


def design(kind: str) -> np.ndarray:
    return np.array(
        [
            (
                int(row["winmax"]) - 1,
                NORMS.index(row["norm"]),
                int(row["wset"]) - 1,
                MEANS.index(row["agg"]),
            )
            for row in rows(ASEM / f"{kind}_1000_params.csv.gz")
        ]
    )


@pytest.mark.parametrize(("kind", "count"), [("ua", 1000), ("sa", 600)])
def test_every_replication_is_coinrs(kind: str, count: int) -> None:
    spec, data = asem()
    ran = Engine(spec, data, factors()).run(design(kind), keep_scores=True)
    units, names, theirs = table(ASEM / f"{kind}_1000_scores.csv.gz")
    order = [units.index(unit) for unit in ran.units]
    assert names == ["Nominal", *(f"r_{at}" for at in range(1, count + 1))]
    expected = theirs[order, 1:].T
    assert ran.failed == ()
    assert ran.scores is not None
    assert_allclose(ran.scores, expected, rtol=1e-12, atol=0)
    assert_array_equal(ran.ranks, np.array([rank(row) for row in expected]))


def test_the_usual_estimators_are_coinrs() -> None:
    """The target is the mean absolute shift of ranks; replications are A, B, then A with one factor of B."""
    units, _, scores = table(ASEM / "sa_1000_scores.csv.gz")
    ranks = np.array([[1 + (column > score).sum() for score in column] for column in scores.T])
    y = np.abs(ranks[1:] - ranks[0]).mean(axis=1)
    assert len(units) == 51
    found = plain(y[:100], y[100:200], y[200:].reshape(4, 100))
    expected = rows(ASEM / "sa_1000_indices.csv")
    assert [row["Variable"] for row in expected] == [factor.label for factor in factors()]
    assert_allclose(found.s1, [float(row["Si"]) for row in expected], rtol=1e-12)
    assert_allclose(found.st, [float(row["STi"]) for row in expected], rtol=1e-12)


def test_enumeration_says_what_sampling_only_guessed() -> None:
    """All 2,000 combinations. Sampling gave the aggregation 1.00 alone, more than there is."""
    found = sensitivity(*asem(), factors())
    assert found.exact
    assert len(found.runs.ranks) == 2000
    assert_allclose(found.index.s1, [0.0317, 0.0952, 0.1085, 0.5449], atol=5e-5)
    assert_allclose(found.index.st, [0.0529, 0.2830, 0.1890, 0.7244], atol=5e-5)
