"""Outliers: skew and kurtosis, winsorisation, logarithms, Box and Cox's powers.

Skew and kurtosis are the usual sample statistics G1 and G2 (type 2 in Joanes and Gill 1998). The thresholds
and the order "winsorise, and if that is not enough take logarithms" are those of the JRC's COIN Tool.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from balai.methods.index.errors import StageError
from balai.methods.index.steps import BoxCox, LogTreatment, Treat, Winsor

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Treated:
    """A column after treatment, (U,), what was done (empty if nothing) and how many points were drawn in."""

    values: Matrix
    what: str
    points: int = 0


def skew(X: Matrix) -> Matrix:
    """Sample skewness of each column of ``X`` (U, ...), gaps left out; NaN below 3 values or if constant."""
    n, centred = _centred(X)
    with np.errstate(divide="ignore", invalid="ignore"):
        square = centred * centred
        plain = np.sqrt(n) * (square * centred).sum(axis=0) / square.sum(axis=0) ** 1.5
        return np.where(n < 3, np.nan, plain * np.sqrt(n * (n - 1)) / (n - 2))


def kurtosis(X: Matrix) -> Matrix:
    """Sample excess kurtosis of each column of ``X`` (U, ...); NaN below 4 values or if constant."""
    n, centred = _centred(X)
    with np.errstate(divide="ignore", invalid="ignore"):
        square = centred * centred
        plain = n * (square * square).sum(axis=0) / square.sum(axis=0) ** 2
        return np.where(n < 4, np.nan, ((n + 1) * (plain - 3) + 6) * (n - 1) / ((n - 2) * (n - 3)))


def _centred(X: Matrix) -> tuple[Matrix, Matrix]:
    gaps = np.isnan(X)
    n = (~gaps).sum(axis=0).astype(np.float64)
    filled = np.where(gaps, 0.0, X)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = filled.sum(axis=0) / n
    return n, np.where(gaps, 0.0, X - mean)


def passes(x: Matrix, max_skew: float, max_kurtosis: float) -> bool | None:
    """Whether |skew| or kurtosis of ``x`` (U,) is below its threshold; None where neither can be said."""
    there = x[~np.isnan(x)]
    if len(there) < 3 or there.min() == there.max():
        return None
    return abs(float(skew(there))) < max_skew or float(kurtosis(there)) < max_kurtosis


def winsorise(x: Matrix, step: Winsor) -> tuple[Matrix, int, bool]:
    """Draw in the outermost value of ``x`` (U,) until it passes or ``winmax`` points are changed.

    The greatest takes the value of the next where skew is positive, the least otherwise; equal values go
    together. Returns the column, the points changed, and whether it passes.
    """
    out = x.copy()
    high = low = 0
    passed = bool(passes(out, step.skew, step.kurtosis))
    while not passed and (step.winmax is None or high + low < step.winmax):
        there = out[~np.isnan(out)]
        top, bottom = there.max(), there.min()
        if top == bottom:
            break
        if float(skew(there)) >= 0:
            at = out == top
            out[at] = there[there < top].max()
            high = int(at.sum())
        else:
            at = out == bottom
            out[at] = there[there > bottom].min()
            low = int(at.sum())
        passed = bool(passes(out, step.skew, step.kurtosis))
    return out, high + low, passed


def log_of(x: Matrix, kind: str, column: str = "") -> Matrix:
    """A logarithm of ``x`` (U,), increasing in every kind.

    log: ln x. log_CT: ln(x - min + .01 range). log_CT_plus: that, or its mirror -ln(max - x + .01 range)
    where skew is negative. log_CT_orig: ln(x - min + 1). log_GII: ln((max - 1)(x - min) / range + 1), of the
    Global Innovation Index, which needs a maximum above 1.
    """
    low, high = float(np.nanmin(x)), float(np.nanmax(x))
    if low == high:
        raise StageError("treat", column, f"every value is {low:g}; {kind} needs values that differ")
    match kind:
        case "log":
            if low <= 0:
                raise StageError("treat", column, f"{low:g} has no logarithm; log_CT shifts the values first")
            return np.log(x)
        case "log_CT":
            return np.log(x - low + 0.01 * (high - low))
        case "log_CT_plus":
            margin = 0.01 * (high - low)
            there = x[~np.isnan(x)]
            if float(skew(there)) > 0:
                return np.log(x - low + margin)
            return np.asarray(-np.log(high + margin - x))
        case "log_CT_orig":
            return np.log(x - low + 1)
        case "log_GII":
            if high <= 1:
                raise StageError("treat", column, f"log_GII needs a greatest value above 1, here {high:g}")
            return np.log((high - 1) * (x - low) / (high - low) + 1)
    raise ValueError(kind)


def box_cox(x: Matrix, exponent: float | None = None) -> tuple[Matrix, float]:
    """Box and Cox (1964) of ``x - min + 1`` (U,), and the exponent, by maximum likelihood if not given.

    The likelihood is sought for exponents from -5 to 5.
    """
    shifted = x - np.nanmin(x) + 1
    if exponent is None:
        from scipy.optimize import minimize_scalar

        there = shifted[~np.isnan(shifted)]
        logs = np.log(there)

        def against(power: float) -> float:
            return 0.5 * len(there) * math.log(float(_power(logs, power).var())) - (power - 1) * float(
                logs.sum()
            )

        grid = np.linspace(-5, 5, 101)
        best = float(grid[np.argmin([against(power) for power in grid])])
        exponent = float(
            minimize_scalar(
                against,
                bounds=(max(-5, best - 0.1), min(5, best + 0.1)),
                method="bounded",
                options={"xatol": 1e-10},
            ).x
        )
    return _power(np.log(shifted), exponent), exponent


def _power(logs: Matrix, exponent: float) -> Matrix:
    """(x ** exponent - 1) / exponent from the logarithms of x; they themselves where the exponent is 0."""
    return logs if exponent == 0 else np.asarray(np.expm1(exponent * logs) / exponent)


def treat(x: Matrix, step: Treat, column: str = "") -> Treated:
    """Treat the outliers of ``x`` (U,) as ``step`` says; gaps stay. A column of one value is left alone."""
    match step:
        case Winsor():
            if passes(x, step.skew, step.kurtosis) is not False:
                return Treated(x, "")
            drawn, points, passed = winsorise(x, step)
            if passed or step.then == "none":
                return Treated(drawn, f"winsorised {points}", points)
            start = drawn if step.combine else x
            said = f"winsorised {points} + " if step.combine and points else ""
            if step.then == "box_cox":
                moved, exponent = box_cox(start)
                return Treated(moved, f"{said}box_cox {exponent:.4f}", points if step.combine else 0)
            return Treated(
                log_of(start, step.then, column), f"{said}{step.then}", points if step.combine else 0
            )
        case LogTreatment():
            if step.only_outliers and passes(x, step.skew, step.kurtosis) is not False:
                return Treated(x, "")
            return Treated(log_of(x, step.kind, column), step.kind)
        case BoxCox():
            check = passes(x, step.skew, step.kurtosis)
            if check is None or (step.only_outliers and check):
                return Treated(x, "")
            moved, exponent = box_cox(x, step.exponent)
            return Treated(moved, f"box_cox {exponent:.4f}")
    return Treated(x, "")
