"""Which factor decides the ranking: shares of the variance over all that could have been done otherwise.

``s1`` is the share a factor explains alone, ``st`` the share that would be left if all other factors were
known, interactions with them included. Where every factor has a few realisations they are all run, and the
shares are exact; else they are estimated from a quasi-random design, with bootstrap intervals.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from balai.methods.index.data import Data
from balai.methods.index.errors import SpecError
from balai.methods.index.factors import DataNoise, Factor, Noise
from balai.methods.index.spec import IndexSpec
from balai.methods.index.uncertainty import Design, Engine, Failure, Progress, UncertaintyResult

Matrix = NDArray[np.float64]

MOST_ENUMERATED = 20_000
"""Designs with more combinations than this are sampled."""


@dataclass(frozen=True, eq=False)
class Indices:
    """Shares of variance, (factors, ...) each; intervals are None where the shares are exact.

    ``variance`` (...) is of the target. A target that does not vary has shares NaN.
    """

    s1: Matrix
    st: Matrix
    variance: Matrix
    s1_interval: tuple[Matrix, Matrix] | None = None
    st_interval: tuple[Matrix, Matrix] | None = None


@dataclass(frozen=True, eq=False)
class SensitivityResult:
    """Sensitivity of the index and of each unit.

    ``index`` is for the mean absolute shift of ranks against the nominal ranking, ``units`` (factors, U) for
    each unit's rank. ``exact`` says that every combination was run. ``runs`` are all replications.
    """

    factors: tuple[str, ...]
    units: tuple[str, ...]
    index: Indices
    of_units: Indices
    exact: bool
    n: int
    runs: UncertaintyResult

    @property
    def failed(self) -> tuple[Failure, ...]:
        """Replications that gave no ranking."""
        return self.runs.failed


# --- estimators


def enumerated(y: Matrix, chances: Sequence[Matrix]) -> Indices:
    """Exact shares from all combinations: ``y`` (levels of factor 1, ..., levels of factor d, ...) and the
    probability of each level.
    """
    d = len(chances)

    def mean(values: Matrix, axes: Sequence[int]) -> Matrix:
        """Expectation over some factors, axes kept."""
        for axis in axes:
            shape = [1] * values.ndim
            shape[axis] = -1
            values = (values * chances[axis].reshape(shape)).sum(axis=axis, keepdims=True)
        return values

    every = range(d)
    centred = y - mean(y, every)
    variance = mean(centred**2, every)
    s1, st = [], []
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(variance > _nothing(y, d), 1.0 / variance, np.nan)
        for at in every:
            others = [axis for axis in every if axis != at]
            s1.append((mean(mean(centred, others) ** 2, [at]) * share).reshape(y.shape[d:]))
            left = centred - mean(centred, [at])
            st.append((mean(left**2, every) * share).reshape(y.shape[d:]))
    return Indices(np.array(s1), np.array(st), variance.reshape(y.shape[d:]))


def _nothing(y: Matrix, axes: int) -> Matrix:
    """A variance that is only rounding: (1, ..., 1, ...)."""
    size = np.abs(y).max(axis=tuple(range(axes)), keepdims=True)
    return np.asarray((1e-12 * np.maximum(size, 1e-300)) ** 2)


def plain(ya: Matrix, yb: Matrix, yab: Matrix) -> Indices:
    """The estimators most often used, not centred: S1 = mean(yb (yab - ya)) / V (Saltelli et al. 2010),
    ST = mean((ya - yab)^2) / 2V (Jansen 1999), V the sample variance of ya and yb together.

    ``ya``, ``yb`` (N,) and ``yab`` (factors, N): A with one factor from B. Kept to compare with others, since
    a mean far from 0 makes S1 very uncertain; ``paired`` is better.
    """
    variance = np.asarray(np.concatenate([ya, yb]).var(ddof=1))
    s1 = (yb * (yab - ya)).mean(axis=1) / variance
    st = ((ya - yab) ** 2).mean(axis=1) / (2 * variance)
    return Indices(s1, st, variance)


def paired(
    ya: Matrix,
    yb: Matrix,
    yab: Matrix,
    yba: Matrix,
    *,
    boot: int = 500,
    level: float = 0.9,
    seed: int = 0,
) -> Indices:
    """Centred estimators that use both ways of swapping a factor, with bootstrap intervals over rows.

    ``ya``, ``yb`` (N, ...); ``yab``, ``yba`` (factors, N, ...): A with one factor from B, and B with that
    factor from A. Pairs that share just one factor give S1, the products of independent pairs serving half as
    control; pairs that share all but one give ST (Jansen's form); the variance is of all four.
    """
    d, n = yab.shape[:2]
    shape = ya.shape[1:]
    flat = [each.reshape(n, -1) for each in (ya, yb)]
    both = [np.moveaxis(each.reshape(d, n, -1), 0, 1) for each in (yab, yba)]
    centre = (flat[0].mean(axis=0) + flat[1].mean(axis=0)) / 2
    a, b = (each - centre for each in flat)
    ab, ba = (each - centre for each in both)
    rows = {
        "shared": (a[:, None] * ba + b[:, None] * ab) / 2,
        "apart": ((a * b)[:, None] + ab * ba) / 2,
        "jumps": ((a[:, None] - ab) ** 2 + (b[:, None] - ba) ** 2) / 4,
        "mean": (a[:, None] + b[:, None] + ab + ba) / 4,
        "square": ((a**2)[:, None] + (b**2)[:, None] + ab**2 + ba**2) / 4,
    }
    least = (1e-12 * np.maximum(np.abs(centre), 1e-300)) ** 2

    def shares(means: Mapping[str, Matrix]) -> tuple[Matrix, Matrix, Matrix]:
        middle = means["mean"] ** 2
        variance = means["square"] - middle
        with np.errstate(invalid="ignore", divide="ignore"):
            part = np.where(variance > least, 1.0 / variance, np.nan)
        alone = means["shared"] - 0.5 * means["apart"] - 0.5 * middle
        return alone * part, means["jumps"] * part, variance.mean(axis=-2)

    s1, st, variance = shares({name: each.mean(axis=0) for name, each in rows.items()})
    intervals: list[tuple[Matrix, Matrix] | None] = [None, None]
    if boot > 1:
        rng = np.random.default_rng(np.random.SeedSequence((seed, 0xB007)))
        times = rng.multinomial(n, np.full(n, 1.0 / n), size=boot) / n
        drawn = {name: (times @ each.reshape(n, -1)).reshape(boot, d, -1) for name, each in rows.items()}
        ends = [(1 - level) / 2, (1 + level) / 2]
        for at, values in enumerate(shares(drawn)[:2]):
            low, high = np.quantile(values, ends, axis=0)
            intervals[at] = (low.reshape(d, *shape), high.reshape(d, *shape))
    return Indices(
        s1.reshape(d, *shape), st.reshape(d, *shape), variance.reshape(shape), intervals[0], intervals[1]
    )


def sobol_points(count: int, width: int, seed: int) -> Matrix:
    """Points (count, width) in the middle of the cells of Sobol's sequence, shifted digitally by ``seed``."""
    from scipy.stats import qmc

    drawn = qmc.Sobol(width, scramble=False).random_base2((count - 1).bit_length())[:count]
    cells = (drawn * 2.0**32).astype(np.uint64)
    shift = np.random.default_rng(np.random.SeedSequence((seed, 0x50B0))).integers(
        0, 2**32, width, dtype=np.uint64
    )
    return np.asarray(((cells ^ shift) + 0.5) / 2.0**32)


def estimate(
    function: Callable[[Matrix], Matrix], width: int, *, n: int = 4096, seed: int = 0, boot: int = 500
) -> Indices:
    """Shares of each of ``width`` independent arguments, uniform from 0 to 1, in ``function`` (N, width) ->
    (N, ...), from n (2 width + 2) calls.
    """
    points = sobol_points(n, 2 * width, seed)
    a, b = points[:, :width], points[:, width:]
    yab: list[Matrix] = []
    yba: list[Matrix] = []
    for at in range(width):
        for start, other, found in ((a, b, yab), (b, a, yba)):
            swapped = start.copy()
            swapped[:, at] = other[:, at]
            found.append(function(swapped))
    return paired(function(a), function(b), np.array(yab), np.array(yba), seed=seed, boot=boot)


# --- the index


def sensitivity(
    spec: IndexSpec,
    data: Data,
    factors: Sequence[Factor],
    *,
    n: int = 1024,
    seed: int = 0,
    target: str | None = None,
    year: int | None = None,
    boot: int = 500,
    threads: int = 1,
    most: int = MOST_ENUMERATED,
    progress: Progress | None = None,
) -> SensitivityResult:
    """Which of ``factors`` (two at least) decides the ranking.

    Choices and draws alone, with no more than ``most`` combinations, are enumerated. Else n (2 factors + 2)
    replications are run; ``n`` is best a power of 2. Replications that fail are listed, and rows of the
    design that hold one are left out of the estimates; an enumeration with a failure is refused, since its
    shares would not be exact.
    """
    if len(factors) < 2:
        raise SpecError("factors", "name at least two; the share of one alone is all")
    if n < 8:
        raise SpecError("n", f"{n} is below 8")
    engine = Engine(spec, data, factors, seed=seed, target=target, year=year)
    counts = [engine.levels(at) for at in range(len(factors))]
    whole = [count for count in counts if count is not None]
    exact = len(whole) == len(counts) and int(np.prod(whole)) <= most
    design = _every(whole) if exact else _swapped(engine, n)
    runs = engine.run(design, threads=threads, progress=progress)
    if exact and runs.failed:
        first = runs.failed[0]
        raise SpecError(
            "factors",
            f"{len(runs.failed)} of {len(design)} combinations give no ranking, e.g. "
            f"{_short(first.parameters)}: {first.reason}",
        )
    shape = tuple(whole) if exact else (2 * len(factors) + 2, n)
    fine = runs.done.reshape(shape).all(axis=0) if not exact else None
    if fine is not None and fine.sum() < 8:
        first = runs.failed[0]
        raise SpecError(
            "factors", f"nearly every replication fails, e.g. {_short(first.parameters)}: {first.reason}"
        )

    def shares(y: Matrix) -> Indices:
        """Of targets (runs, T)."""
        if fine is None:
            return enumerated(y.reshape(*shape, -1), [engine.chances(at) for at in range(len(factors))])
        table = y.reshape(*shape, -1)[:, fine]
        swaps = table[2:].reshape(len(factors), 2, -1, y.shape[1])
        return paired(table[0], table[1], swaps[:, 0], swaps[:, 1], boot=boot, seed=seed)

    worst = len(runs.units) + 1.0
    total, ranked = np.zeros(len(design)), np.zeros(len(design))
    parts = []
    for start in range(0, len(runs.units), 256):
        some = slice(start, start + 256)
        ranks = runs.ranks[:, some] / runs.scale
        there = ranks > 0
        shift = np.where(there & ~np.isnan(runs.nominal_ranks[some]), ranks - runs.nominal_ranks[some], 0.0)
        total += np.abs(shift).sum(axis=1)
        ranked += there.sum(axis=1)
        parts.append(shares(np.where(there, ranks, worst)))
    index = shares((total / np.maximum(ranked, 1))[:, None])
    return SensitivityResult(
        factors=tuple(factor.label for factor in factors),
        units=runs.units,
        index=_joined([index], 0),
        of_units=_joined(parts),
        exact=exact,
        n=len(design) if exact else n,
        runs=runs,
    )


def _joined(parts: Sequence[Indices], only: int | None = None) -> Indices:
    """Shares of several lots of targets; of the one target ``only``, without its axis."""

    def join(values: Sequence[Matrix]) -> Matrix:
        whole = np.concatenate(values, axis=-1)
        return np.asarray(whole if only is None else whole[..., only])

    def ends(pairs: Sequence[tuple[Matrix, Matrix] | None]) -> tuple[Matrix, Matrix] | None:
        known = [pair for pair in pairs if pair is not None]
        return (join([low for low, _ in known]), join([high for _, high in known])) if known else None

    return Indices(
        join([part.s1 for part in parts]),
        join([part.st for part in parts]),
        join([part.variance for part in parts]),
        ends([part.s1_interval for part in parts]),
        ends([part.st_interval for part in parts]),
    )


def _every(counts: Sequence[int]) -> Design:
    """All combinations (product, factors), the last factor fastest."""
    grids = np.meshgrid(*(np.arange(count) for count in counts), indexing="ij")
    return np.column_stack([grid.ravel() for grid in grids]).astype(np.int64)


def _swapped(engine: Engine, n: int) -> Design:
    """A, B, then for each factor A with it from B and B with it from A: (n (2 d + 2), d)."""
    d = len(engine.factors)
    points = sobol_points(n, 2 * d, engine.seed)
    sides = []
    for side in (0, 1):
        columns = []
        for at, factor in enumerate(engine.factors):
            if isinstance(factor, Noise | DataNoise):
                columns.append(np.arange(side * n, side * n + n))
            else:
                columns.append(engine.place(at, points[:, side * d + at]))
        sides.append(np.column_stack(columns).astype(np.int64))
    blocks = list(sides)
    for at in range(d):
        for start, other in (sides, sides[::-1]):
            swapped = start.copy()
            swapped[:, at] = other[:, at]
            blocks.append(swapped)
    return np.concatenate(blocks)


def _short(parameters: Mapping[str, Any]) -> str:
    shown = {
        name: value
        for name, value in parameters.items()
        if not (isinstance(value, Mapping) and len(value) > 4)
    }
    return ", ".join(f"{name} = {value}" for name, value in shown.items()) or "any"
