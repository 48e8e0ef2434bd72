"""Ranks, with the rule for ties said aloud."""

import numpy as np
from numpy.typing import NDArray

from balai.methods.index.steps import Ties

Matrix = NDArray[np.float64]

DIGITS = 12
"""Scores that agree to this many digits of the greatest are a tie: below lies the order of summation."""


def settle(scores: Matrix) -> Matrix:
    """``scores`` (U,) without the noise of summation: rounded to ``DIGITS`` digits of the greatest."""
    with np.errstate(invalid="ignore"):
        greatest = np.nanmax(np.abs(scores)) if np.isfinite(scores).any() else 0.0
    if greatest == 0 or not np.isfinite(greatest):
        return scores
    places = DIGITS - 1 - int(np.floor(np.log10(greatest)))
    return np.asarray(np.round(scores, places) if places > 0 else scores, dtype=np.float64)


def rank_up(values: Matrix, ties: Ties = "min") -> Matrix:
    """Ranks (U,) from the least, which has 1; NaN where the value is NaN."""
    ranks = np.full(values.shape, np.nan)
    there = np.flatnonzero(~np.isnan(values))
    if not there.size:
        return ranks
    ordered = there[np.argsort(values[there], kind="stable")]
    sorted_values = values[ordered]
    starts = np.flatnonzero(np.r_[True, sorted_values[1:] != sorted_values[:-1]])
    ends = np.r_[starts[1:], len(ordered)]
    match ties:
        case "min":
            of_run = starts + 1.0
        case "max":
            of_run = ends + 0.0
        case "average":
            of_run = (starts + 1.0 + ends) / 2
        case "dense":
            of_run = np.arange(1.0, len(starts) + 1)
    ranks[ordered] = np.repeat(of_run, ends - starts)
    return ranks


def rank(scores: Matrix, ties: Ties = "min", *, first: str = "high") -> Matrix:
    """Ranks (U,) of scores: 1 is the highest, or the lowest if ``first`` is "low". NaN stays NaN."""
    settled = settle(scores)
    return rank_up(-settled if first == "high" else settled, ties)
