"""Many columns to one: power means that leave gaps out, sums, and the methods of ``special``."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from balai.methods.index.errors import StageError
from balai.methods.index.special import copeland, mazziotta_pareto, minimum
from balai.methods.index.steps import (
    Aggregate,
    Copeland,
    MazziottaPareto,
    Minimum,
    PowerMean,
    WeightedProduct,
    WeightedSum,
)

Matrix = NDArray[np.float64]


def power_mean(X: Matrix, weights: Matrix, power: float = 1.0) -> Matrix:
    """Weighted power mean (U,) of each row of ``X`` (U, C): (sum w x^p / sum w)^(1/p) over what is there.

    ``weights`` (C,) or (U, C), at least 0. Power 1 is the arithmetic mean, 0 the geometric, -1 the harmonic,
    -inf and inf the least and the greatest. A 0 makes a mean of power 0 or below 0. ``ValueError`` where a
    value below 0 meets another power than 1. NaN where a row has no value, or none with a weight.
    """
    there = ~np.isnan(X)
    w = np.where(there, weights, 0.0)
    total = w.sum(axis=1)
    if math.isinf(power):
        edge = np.where(w > 0, X, -power)
        best = edge.min(axis=1) if power < 0 else edge.max(axis=1)
        return np.where(total > 0, best, np.nan)
    filled = np.where(there, X, 1.0)
    if power != 1 and (filled < 0).any():
        raise ValueError("a power mean needs values of at least 0")
    with np.errstate(divide="ignore", invalid="ignore"):
        if power == 1:
            return np.asarray((w * filled).sum(axis=1) / total)
        if power == 0:
            parts = np.where(w > 0, w * np.log(filled), 0.0)
            return np.asarray(np.exp(parts.sum(axis=1) / total))
        parts = np.where(w > 0, w * filled**power, 0.0)
        return np.asarray((parts.sum(axis=1) / total) ** (1 / power))


def weighted_sum(X: Matrix, weights: Matrix) -> Matrix:
    """Sum of weight times value of each row of ``X`` (U, C), (U,); NaN where any value is missing."""
    return np.asarray((X * weights).sum(axis=1))


def weighted_product(X: Matrix, weights: Matrix) -> Matrix:
    """Product of the values to the power of their weights of each row of ``X`` (U, C), (U,); NaN with a gap.

    ``ValueError`` where a value is below 0.
    """
    if (X < 0).any():
        raise ValueError("a product with weights needs values of at least 0")
    return np.asarray(np.prod(X**weights, axis=1))


def aggregate(
    X: Matrix, weights: Matrix, step: Aggregate, *, node: str = "", codes: Sequence[str] = ()
) -> Matrix:
    """Scores (U,) of a node from its children ``X`` (U, C) and their ``weights`` (C,) or (U, C)."""
    match step:
        case PowerMean():
            if step.power != 1 and not math.isinf(step.power):
                _refuse_negative(X, node, codes, "only the arithmetic mean takes that")
            return power_mean(X, weights, step.power)
        case WeightedSum():
            return weighted_sum(X, weights)
        case WeightedProduct():
            _refuse_negative(X, node, codes, "a product with weights does not take that")
            return weighted_product(X, weights)
        case MazziottaPareto():
            return mazziotta_pareto(X, weights, penalty=step.penalty)
        case Minimum():
            return minimum(X)
        case Copeland():
            return copeland(X, weights)
    raise TypeError(f"{step!r} is no aggregation")


def _refuse_negative(X: Matrix, node: str, codes: Sequence[str], why: str) -> None:
    for row, column in np.argwhere(X < 0)[:1]:
        raise StageError(
            "aggregate",
            f"{codes[column] if codes else column + 1} (in node {node})",
            f"{X[row, column]:g} is below 0, and {why}; choose a normalisation that gives 0 or more",
        )
