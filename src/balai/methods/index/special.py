"""Aggregations in which columns do not fully make up for each other: penalty, minimum, outranking.

Tables are (units, columns), the greater the better, NaN where a value is missing; weights (columns,).
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mazziotta_pareto(
    x: Floats, weights: Floats | None = None, *, penalty: Literal["minus", "plus"] = "minus"
) -> Floats:
    """Mean less (or plus) variance over mean of each unit's columns: M - S * (S / M), (units,).

    With columns of mean 100 and deviation 10 it is the Mazziotta-Pareto index, with columns from 70 to
    130 its adjusted form (De Muro, Mazziotta and Pareto 2011; Mazziotta and Pareto 2016). Where a value
    is missing, mean and variance are those of the rest. Scores only where the mean is above 0, else NaN.
    """
    w = np.ones(x.shape[1]) if weights is None else weights
    there = ~np.isnan(x)
    mass = there @ w
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(there, x, 0.0) @ w / mass
        variance = np.where(there, x - mean[:, None], 0.0) ** 2 @ w / mass
        fine = variance / mean
        scores = mean - fine if penalty == "minus" else mean + fine
    return np.where(mean > 0, scores, np.nan)


def minimum(x: Floats) -> Floats:
    """The least of each unit's columns, (units,); NaN where a unit has none."""
    least = np.where(np.isnan(x), np.inf, x).min(axis=1)
    return np.where(np.isinf(least), np.nan, least)


def margins(x: Floats, weights: Floats | None = None) -> Floats:
    """Weight in favour of unit i less weight in favour of unit j, (units, units), in shares of all weight.

    A column counts for a pair where both have a value. Differences below 1e-12 are rounded to 0, for they
    are made by the order of summation.
    """
    units, count = x.shape
    w = np.full(count, 1.0 / count) if weights is None else weights / weights.sum()
    found = np.zeros((units, units))
    above = np.empty((units, units), dtype=np.bool_)
    below = np.empty_like(above)
    sign = above.view(np.int8)
    part = np.empty((units, units))
    for column, weight in zip(x.T, w, strict=True):
        mine, other = column[:, None], column[None, :]
        np.greater(mine, other, out=above)
        np.less(mine, other, out=below)
        np.subtract(sign, below.view(np.int8), out=sign)
        np.multiply(sign, weight, out=part)
        found += part
    found[np.abs(found) < 1e-12] = 0.0
    return found


def outranking(x: Floats, weights: Floats | None = None) -> Floats:
    """Share of weight by which unit i is at least as good as unit j, (units, units).

    Columns on which two are equal count half for each, so that i, j and j, i sum to 1; the diagonal is 0.
    """
    found = (1.0 + margins(x, weights)) / 2.0
    np.fill_diagonal(found, 0.0)
    return np.asarray(found)


def copeland(x: Floats, weights: Floats | None = None) -> Floats:
    """How many units each unit beats by weight, less how many beat it, (units,); NaN without any value."""
    scores = np.sign(margins(x, weights)).sum(axis=1)
    return np.where(np.isnan(x).all(axis=1), np.nan, scores)
