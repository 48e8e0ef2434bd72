"""Which units have enough data to be scored."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from balai.methods.index.steps import Screen

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Availability:
    """Per unit, (U,): gaps, zeros, the share of columns with a value and of those not zero."""

    missing: NDArray[np.int64]
    zeros: NDArray[np.int64]
    available: Matrix
    nonzero: Matrix


def availability(X: Matrix) -> Availability:
    """Count gaps and zeros of each row of ``X`` (U, I)."""
    gaps = np.isnan(X)
    missing = gaps.sum(axis=1)
    zeros = (X == 0).sum(axis=1)
    there = X.shape[1] - missing
    with np.errstate(divide="ignore", invalid="ignore"):
        return Availability(missing, zeros, 1 - missing / X.shape[1], 1 - zeros / there)


def screen(X: Matrix, units: tuple[str, ...], step: Screen) -> dict[int, str]:
    """Rows of ``X`` (U, I) that go, each with the reason."""
    found = availability(X)
    gone: dict[int, str] = {}
    for row, unit in enumerate(units):
        available, nonzero = found.available[row], found.nonzero[row]
        if unit in step.drop:
            gone[row] = "named in screen.drop"
        elif unit in step.keep:
            continue
        elif step.by != "zeros" and available < step.min_available:
            gone[row] = f"has {available:.1%} of its indicators, {step.min_available:.1%} are asked"
        elif step.by != "available" and nonzero < step.min_nonzero:
            gone[row] = f"{nonzero:.1%} of its values are not zero, {step.min_nonzero:.1%} are asked"
    return gone
