"""Columns brought to a common scale on which more is better.

A value is first transformed (``log`` and others, goalposts and targets with it) and, where less is better,
turned in sign; each method then sees a column on which more is better.
"""

import numpy as np
from numpy.typing import NDArray

from balai.methods.index.errors import StageError
from balai.methods.index.ranking import rank_up
from balai.methods.index.steps import (
    FLOORS,
    Borda,
    DistanceToMaximum,
    DistanceToReference,
    DistanceToTarget,
    Exponential,
    ExponentialRank,
    FractionOfMaximum,
    Goalposts,
    Keep,
    MinMax,
    Normalise,
    NormalScores,
    PercentileRank,
    RankScore,
    Scaled,
    Ties,
    Transform,
    ZScore,
)

Matrix = NDArray[np.float64]
Range = tuple[float, float]


def transform(x: Matrix, kind: Transform, column: str = "") -> Matrix:
    """``x`` (U,) or a number through an increasing function; ``StageError`` where it has no value."""
    if kind == "none":
        return x
    floor, least = FLOORS[kind], np.nanmin(x)
    if least < floor or (least == floor and kind != "sqrt"):
        raise StageError("normalise", column, f"the value {least:g} has no {kind}")
    function = {"log": np.log, "log10": np.log10, "log1p": np.log1p, "sqrt": np.sqrt}[kind]
    return np.asarray(function(x))


def minmax(x: Matrix, low: Matrix | float, high: Matrix | float, to: Range = (0.0, 100.0)) -> Matrix:
    """``x`` (U, ...) from ``low`` .. ``high`` to the range ``to``, not truncated."""
    return np.asarray((x - low) / (high - low) * (to[1] - to[0]) + to[0])


def zscore(x: Matrix, mean: float = 0.0, sd: float = 1.0) -> Matrix:
    """Distance from the mean in standard deviations (divisor n - 1) of each column of ``x`` (U, ...)."""
    if np.isnan(x).any():
        return np.asarray((x - np.nanmean(x, axis=0)) / np.nanstd(x, axis=0, ddof=1) * sd + mean)
    return np.asarray((x - x.mean(axis=0)) / x.std(axis=0, ddof=1) * sd + mean)


def goalposts(
    x: Matrix, posts: Range, to: Range = (0.0, 100.0), *, cap: bool = True, direction: int = 1
) -> Matrix:
    """``x`` (U,) between fixed ``posts`` in its own unit, the better one at the upper end of ``to``."""
    low, high = posts if direction == 1 else (-posts[1], -posts[0])
    share = (x * direction - low) / (high - low)
    if cap:
        share = np.clip(share, 0.0, 1.0)
    return np.asarray(share * (to[1] - to[0]) + to[0])


def percentile_rank(x: Matrix, ties: Ties = "min") -> Matrix:
    """(rank from below - 1) / (n - 1) of ``x`` (U,), n the values there are."""
    return (rank_up(x, ties) - 1) / (np.count_nonzero(~np.isnan(x)) - 1)


def normal_scores(x: Matrix, offset: float = 0.0, ties: Ties = "average") -> Matrix:
    """Quantiles of the normal distribution at (rank - offset) / (n + 1 - 2 offset) of ``x`` (U,)."""
    from scipy.special import ndtri

    n = np.count_nonzero(~np.isnan(x))
    return np.asarray(ndtri((rank_up(x, ties) - offset) / (n + 1 - 2 * offset)))


def exponential(share: Matrix, k: float = 23.0, scale: float = 100.0) -> Matrix:
    """Shares from 0 to 1 stretched to 0 .. ``scale``: -k ln(1 - share (1 - exp(-scale / k))).

    With k = 23 the upper tenth of the shares has half of the scale.
    """
    return np.asarray(-k * np.log(1 - share * (1 - np.exp(-scale / k))))


def exponential_rank(
    x: Matrix, k: float = 23.0, scale: float = 100.0, ties: Ties = "average", offset: float = 0.0
) -> Matrix:
    """Ranks of ``x`` (U,) as an exponential distribution: (rank from below - ``offset``) / n, stretched.

    With k = 23 the transformation of the indices of multiple deprivation; offset 0 in England (the highest
    has ``scale``), 1 in Scotland (the lowest has 0).
    """
    return exponential((rank_up(x, ties) - offset) / np.count_nonzero(~np.isnan(x)), k, scale)


def normalise(
    x: Matrix,
    step: Normalise,
    *,
    direction: int = 1,
    shift: float = 0.0,
    kind: Transform = "none",
    posts: Range | None = None,
    target: float | None = None,
    reference: int | None = None,
    column: str = "",
) -> Matrix:
    """Normalise one column (U,) as ``step`` says; gaps stay gaps.

    ``posts`` and ``target`` are in the unit of ``x``, before ``shift`` and ``kind``; ``reference`` is the row
    of the unit that distance_to_reference names. ``StageError`` names ``column`` where the method has no
    answer.
    """
    if np.isnan(x).all():
        return x
    plain = transform(x + shift if shift else x, kind, column)
    y = plain * direction
    low, high = float(np.fmin.reduce(y)), float(np.fmax.reduce(y))
    if low == high and isinstance(step, MinMax | ZScore | DistanceToMaximum):
        raise StageError(
            "normalise",
            column,
            f"every value is {np.nanmin(x):g}, so {step.name} has no scale; use goalposts or drop it",
        )
    match step:
        case Keep():
            return y
        case MinMax():
            if step.percentiles is not None:
                low, high = (float(p) for p in np.nanpercentile(y, step.percentiles))
                if low == high:
                    raise StageError(
                        "normalise", column, f"its percentiles {step.percentiles} are both {abs(low):g}"
                    )
                if step.cap:
                    y = np.clip(y, low, high)
            return minmax(y, low, high, step.range)
        case ZScore():
            return zscore(y, step.mean, step.sd)
        case RankScore():
            return rank_up(y, step.ties)
        case PercentileRank():
            if np.count_nonzero(~np.isnan(y)) < 2:
                raise StageError("normalise", column, "percentile_rank needs two units with a value")
            return percentile_rank(y, step.ties) * step.scale
        case Borda():
            return rank_up(y, step.ties) - 1
        case Goalposts():
            if posts is None:
                raise StageError("normalise", column, "goalposts are asked for, and the indicator has none")
            ends = transform(np.array(posts) + shift, kind, column)
            return goalposts(
                plain, (float(ends[0]), float(ends[1])), step.range, cap=step.cap, direction=direction
            )
        case DistanceToMaximum():
            return (1 - (high - y) / (high - low)) * step.scale
        case DistanceToReference():
            mark = y[reference] if reference is not None else np.nan
            if np.isnan(mark) or mark == low:
                fault = "has no value" if np.isnan(mark) else "has the worst value"
                raise StageError("normalise", column, f"the reference unit {step.reference} {fault}")
            return _capped(1 - (mark - y) / (mark - low), step.cap) * step.scale
        case DistanceToTarget():
            if target is None:
                raise StageError("normalise", column, "distance_to_target is asked for, and it has no target")
            mark = float(transform(np.array([target]) + shift, kind, column)[0]) * direction
            if mark <= low:
                raise StageError(
                    "normalise", column, f"its target {target:g} is no better than its worst value"
                )
            return _capped((y - low) / (mark - low), step.cap) * step.scale
        case FractionOfMaximum():
            return _fraction(plain, direction, column) * step.scale
        case Scaled():
            return _between(y, step.between, direction) * step.scale
        case NormalScores():
            return normal_scores(y, step.offset, step.ties)
        case ExponentialRank():
            return exponential_rank(y, step.k, step.scale, step.ties, step.offset)
        case Exponential():
            share = _between(y, step.between, direction)
            if np.nanmin(share) < 0 or np.nanmax(share) > 1:
                a, b = step.between
                raise StageError(
                    "normalise", column, f"has a value outside {a:g} to {b:g}, its ends for {step.name}"
                )
            return exponential(share, step.k, step.scale)
    raise TypeError(f"{step!r} is no normalisation")


def _between(y: Matrix, ends: Range, direction: int) -> Matrix:
    """Where the turned value ``y`` lies between two numbers of its unit, 0 at the worse."""
    low, high = ends
    return np.asarray(((y - low) if direction == 1 else (y + high)) / (high - low))


def _capped(share: Matrix, cap: bool) -> Matrix:
    return np.minimum(share, 1.0) if cap else share


def _fraction(x: Matrix, direction: int, column: str) -> Matrix:
    """x / max, or min / x where less is better: a share of the best either way."""
    low, high = float(np.nanmin(x)), float(np.nanmax(x))
    best = high if direction == 1 else low
    if best <= 0:
        raise StageError(
            "normalise", column, f"fraction_of_max needs a best value above 0, and it is {best:g}"
        )
    return x / best if direction == 1 else best / x
