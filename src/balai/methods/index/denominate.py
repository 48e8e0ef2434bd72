"""Totals made comparable: divided by what they are a part of."""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def denominate(values: Matrix, denominator: Matrix, per: float = 1.0) -> Matrix:
    """``values / denominator * per``, all (U,); missing where either is, or where the denominator is 0.

    Inhabitants in ``denominator`` and ``per=1000`` give a rate per thousand.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        # Divided by the scaled denominator, as COINr does, so that both agree to the last bit.
        rate = values / (denominator / per)
    return np.where(denominator == 0, np.nan, rate)
