"""How much each column counts: pure functions from a table (units, columns) to shares that sum to 1.

Columns are normalised, the greater the better. Methods that look at the spread of the data (principal
components, factor, entropy, CRITIC, correlation) use the units without a gap.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from balai.methods.index.errors import StageError

Floats = NDArray[np.float64]
Names = Sequence[str] | None

RANDOM_INDEX = (0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59)
"""Mean consistency index of random judgments of 1 to 15 things (Saaty 1980)."""


def _fault(method: str, message: str, column: str = "") -> StageError:
    return StageError(f"weights {method}", column, message)


def _name(names: Names, index: int) -> str:
    return names[index] if names is not None else str(index + 1)


def _shares(raw: Floats, method: str) -> Floats:
    total = float(raw.sum())
    if not np.isfinite(raw).all() or total <= 0:
        raise _fault(method, "no column has a weight above 0")
    return raw / total


def complete(x: Floats, method: str, names: Names = None, least: int = 3) -> Floats:
    """The rows of ``x`` (units, columns) without a gap; at least ``least`` of them, no column constant."""
    rows = x[~np.isnan(x).any(axis=1)]
    if len(rows) < least:
        raise _fault(method, f"{len(rows)} units have a value in every column, {least} are needed")
    flat = np.flatnonzero(np.ptp(rows, axis=0) == 0)
    if flat.size:
        raise _fault(method, "is constant", _name(names, int(flat[0])))
    return rows


def equal(count: int) -> Floats:
    """The same for each of ``count`` columns."""
    return np.full(count, 1.0 / count)


def given(values: ArrayLike, names: Names = None) -> Floats:
    """``values`` (columns,) as shares; refuses one below 0 and all of them 0."""
    raw = np.asarray(values, dtype=np.float64)
    bad = np.flatnonzero(~(np.isfinite(raw) & (raw >= 0)))
    if bad.size:
        raise _fault("given", f"{raw[bad[0]]:g} is not a number of at least 0", _name(names, int(bad[0])))
    return _shares(raw, "given")


def budget(points: ArrayLike, names: Names = None) -> Floats:
    """Mean over experts of the share each gave each column; ``points`` (experts, columns)."""
    table = np.atleast_2d(np.asarray(points, dtype=np.float64))
    bad = np.argwhere(~(np.isfinite(table) & (table >= 0)))
    if len(bad):
        expert, column = (int(value) for value in bad[0])
        raise _fault(
            "budget",
            f"expert {expert + 1} gave {table[expert, column]:g}, not a number of at least 0",
            _name(names, column),
        )
    totals = table.sum(axis=1)
    empty = np.flatnonzero(totals <= 0)
    if empty.size:
        raise _fault("budget", f"expert {int(empty[0]) + 1} gave no points at all")
    return np.asarray((table / totals[:, None]).mean(axis=0))


@dataclass(frozen=True)
class Ahp:
    """Weights (columns,) of pairwise judgments; ``ratio`` above 0.1 says that they contradict each other."""

    weights: Floats
    greatest_eigenvalue: float
    consistency_index: float
    ratio: float


def ahp(comparisons: ArrayLike, names: Names = None) -> Ahp:
    """Analytic hierarchy process: the principal eigenvector of ``comparisons`` (columns, columns).

    Cell i, j says how many times more i matters than j; j, i must be its inverse. Several judges' tables
    (judges, columns, columns) are joined by geometric mean. Source: Saaty 1980.
    """
    table = np.asarray(comparisons, dtype=np.float64)
    if table.ndim == 3:
        with np.errstate(all="ignore"):
            table = np.exp(np.log(table).mean(axis=0))
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise _fault("ahp", f"the comparisons are {' x '.join(map(str, table.shape))}, not square")
    count = len(table)
    if count > len(RANDOM_INDEX):
        raise _fault("ahp", f"{count} columns; the random index is known for {len(RANDOM_INDEX)} at most")
    bad = np.argwhere(~(np.isfinite(table) & (table > 0)))
    if len(bad):
        i, j = (int(value) for value in bad[0])
        raise _fault("ahp", f"{_name(names, i)} against {_name(names, j)} is not a number above 0")
    uneven = np.argwhere(np.abs(table * table.T - 1) > 0.02)
    if len(uneven):
        i, j = (int(value) for value in uneven[0])
        raise _fault(
            "ahp",
            f"{_name(names, i)} against {_name(names, j)} is {table[i, j]:g}, "
            f"the other way round {table[j, i]:g}, which is not its inverse",
        )
    values, vectors = np.linalg.eig(table)
    first = int(np.argmax(values.real))
    greatest = float(values[first].real)
    index = (greatest - count) / (count - 1) if count > 1 else 0.0
    random = RANDOM_INDEX[count - 1]
    return Ahp(
        weights=_shares(np.abs(vectors[:, first].real), "ahp"),
        greatest_eigenvalue=greatest,
        consistency_index=index,
        ratio=index / random if random else 0.0,
    )


def _components(x: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues (columns,), greatest first, and eigenvectors (columns, columns) of the correlations."""
    values, vectors = np.linalg.eigh(np.corrcoef(x, rowvar=False))
    values, vectors = values[::-1], vectors[:, ::-1]
    signs = np.where(vectors.sum(axis=0) < 0, -1.0, 1.0)
    return np.maximum(values, 0.0), vectors * signs


def varimax(loadings: Floats, *, tolerance: float = 1e-12, rounds: int = 1000) -> Floats:
    """``loadings`` (columns, factors) rotated so that each column loads on few factors (Kaiser 1958)."""
    columns, factors = loadings.shape
    if factors < 2:
        return loadings
    scale = np.sqrt((loadings**2).sum(axis=1, keepdims=True))
    scale[scale == 0] = 1.0
    plain = loadings / scale
    turn, size = np.eye(factors), 0.0
    for _ in range(rounds):
        turned = plain @ turn
        left, sizes, right = np.linalg.svd(plain.T @ (turned**3 - turned * (turned**2).sum(axis=0) / columns))
        turn = left @ right
        if sizes.sum() <= size * (1 + tolerance):
            break
        size = float(sizes.sum())
    return np.asarray(plain @ turn * scale)


def pca(x: Floats, *, components: Literal["first", "handbook"] = "handbook", names: Names = None) -> Floats:
    """Weights from principal components of the correlations of ``x`` (units, columns).

    "handbook": components with an eigenvalue above 1 (or as many as explain 60 %), rotated by varimax; a
    column has the square of its greatest loading, as its share of that component, times the component's
    share of what all explain (OECD and JRC 2008, Handbook on Constructing Composite Indicators, 6.1;
    Nicoletti, Scarpetta and Boylaud 2000). "first": the first eigenvector; refused where a column pulls
    the other way, for a negative weight rewards what the direction calls bad.
    """
    rows = complete(x, "pca", names)
    values, vectors = _components(rows)
    if components == "first":
        against = np.flatnonzero(vectors[:, 0] < -1e-9)
        if against.size:
            raise _fault(
                "pca",
                "pulls against the other columns on the first component; give weights or turn its direction",
                _name(names, int(against[0])),
            )
        return _shares(np.maximum(vectors[:, 0], 0.0), "pca")
    explained = np.cumsum(values) / values.sum()
    kept = max(int((values > 1).sum()), int(np.searchsorted(explained, 0.6) + 1))
    squares = varimax(vectors[:, :kept] * np.sqrt(values[:kept])) ** 2
    by_component = squares.sum(axis=0)
    best = squares.argmax(axis=1)
    share = squares[np.arange(len(best)), best] / by_component[best]
    return _shares(share * by_component[best] / by_component.sum(), "pca")


@dataclass(frozen=True)
class OneFactor:
    """One common factor: loadings, unexplained variances and regression coefficients, each (columns,)."""

    loadings: Floats
    uniqueness: Floats
    coefficients: Floats


def one_factor(x: Floats, *, names: Names = None) -> OneFactor:
    """Maximum likelihood fit of one common factor to the correlations of ``x`` (units, columns).

    Uniquenesses lie between .005 and 1. Source: Joereskog 1967; Lawley and Maxwell 1971.
    """
    from scipy.optimize import minimize

    rows = complete(x, "factor", names)
    count = rows.shape[1]
    if count < 3:
        raise _fault("factor", f"{count} columns; one factor needs at least 3")
    r = np.corrcoef(rows, rowvar=False)

    def loss(unique: Floats) -> tuple[float, Floats]:
        root = np.sqrt(unique)
        values, vectors = np.linalg.eigh(r / np.outer(root, root))
        rest = np.maximum(values[:-1], 1e-300)
        load = root * vectors[:, -1] * math.sqrt(max(values[-1] - 1, 0.0))
        gap = load**2 + unique - 1.0
        return float((rest - np.log(rest) - 1).sum()), gap / unique**2

    try:
        start = (1 - 0.5 / count) / np.diag(np.linalg.inv(r))
    except np.linalg.LinAlgError:
        start = np.full(count, 0.5)
    found = minimize(
        loss,
        np.clip(start, 0.005, 1.0),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.005, 1.0)] * count,
        options={"maxiter": 1000, "ftol": 1e-15, "gtol": 1e-10},
    )
    unique = found.x
    root = np.sqrt(unique)
    values, vectors = np.linalg.eigh(r / np.outer(root, root))
    load = root * vectors[:, -1] * math.sqrt(max(values[-1] - 1, 0.0))
    load = -load if load.sum() < 0 else load
    return OneFactor(load, unique, np.linalg.solve(r, load))


def factor(x: Floats, *, use: Literal["scores", "loadings"] = "scores", names: Names = None) -> Floats:
    """Weights in proportion to the factor's regression coefficients ("scores") or its loadings."""
    found = one_factor(x, names=names)
    raw = found.coefficients if use == "scores" else found.loadings
    against = np.flatnonzero(raw < -1e-9)
    if against.size:
        raise _fault("factor", "pulls against the common factor", _name(names, int(against[0])))
    return _shares(np.maximum(raw, 0.0), "factor")


def _from_zero_to_one(rows: Floats) -> Floats:
    low = rows.min(axis=0)
    return np.asarray((rows - low) / (rows.max(axis=0) - low))


def entropy(x: Floats, *, names: Names = None) -> Floats:
    """Columns whose values are spread unevenly over the units count more; values below 0 are refused.

    One less Shannon's entropy of each column's shares, relative to its greatest (Zeleny 1982).
    """
    rows = complete(x, "entropy", names)
    below = np.flatnonzero((rows < 0).any(axis=0))
    if below.size:
        raise _fault(
            "entropy", "has a value below 0; normalise to a range from 0", _name(names, int(below[0]))
        )
    shares = rows / rows.sum(axis=0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return _shares(np.maximum(1 + (shares * logs).sum(axis=0) / math.log(len(rows)), 0.0), "entropy")


def critic(x: Floats, *, names: Names = None) -> Floats:
    """Contrast (deviation on 0 to 1) times conflict (sum of one less the correlation with each other column).

    Source: Diakoulaki, Mavrotas and Papayannakis 1995.
    """
    rows = complete(x, "critic", names)
    spread = _from_zero_to_one(rows).std(axis=0, ddof=1)
    conflict = (1 - np.corrcoef(rows, rowvar=False)).sum(axis=0)
    return _shares(spread * conflict, "critic")


@dataclass(frozen=True)
class BenefitOfDoubt:
    """``scores`` (units,) from 0 to 1 and each unit's own ``weights`` (units, columns)."""

    scores: Floats
    weights: Floats


def benefit_of_doubt(
    x: Floats, *, share_min: ArrayLike = 0.0, share_max: ArrayLike = 1.0, names: Names = None
) -> BenefitOfDoubt:
    """Each unit is scored by the weights that flatter it most, no unit above 1 under them.

    ``x`` (units, columns) is at least 0. ``share_min`` and ``share_max`` (a number or one a column) bound
    the share of each column in the unit's own score. One linear programme a unit, by HiGHS. A unit with a
    gap has NaN and binds nobody. Source: Melyn and Moesen 1991; Cherchye et al. 2007.
    """
    from scipy.optimize import linprog

    units, count = x.shape
    low = np.broadcast_to(np.asarray(share_min, dtype=np.float64), (count,))
    high = np.broadcast_to(np.asarray(share_max, dtype=np.float64), (count,))
    if (low < 0).any() or (high > 1).any() or (low > high).any() or low.sum() > 1 or high.sum() < 1:
        raise _fault("benefit_of_doubt", "no shares of the score lie within the given bounds")
    there = np.flatnonzero(~np.isnan(x).any(axis=1))
    below = np.argwhere(x[there] < 0)
    if len(below):
        raise _fault("benefit_of_doubt", "has a value below 0", _name(names, int(below[0][1])))
    scores, weights = np.full(units, np.nan), np.full((units, count), np.nan)
    if not there.size:
        return BenefitOfDoubt(scores, weights)
    scale = x[there].max(axis=0)
    scale[scale == 0] = 1.0
    table = x[there] / scale
    frontier = np.unique(table, axis=0)
    frontier = frontier[[not _dominated(row, frontier) for row in frontier]]
    limits = np.ones(len(frontier))
    bound_low, bound_high = bool((low > 0).any()), bool((high < 1).any())
    for unit, row in zip(there, table, strict=True):
        rows, right = [frontier], [limits]
        if bound_low:
            rows.append(low[:, None] * row - np.diag(row))
        if bound_high:
            rows.append(np.diag(row) - high[:, None] * row)
        if bound_low or bound_high:
            right.append(np.zeros(count * (bound_low + bound_high)))
        found = linprog(-row, A_ub=np.vstack(rows), b_ub=np.concatenate(right), method="highs")
        if found.status != 0:
            raise _fault("benefit_of_doubt", f"unit {unit + 1}: {found.message}")
        scores[unit], weights[unit] = -found.fun, found.x / scale
    return BenefitOfDoubt(scores, weights)


def _dominated(row: Floats, table: Floats) -> bool:
    """Is another row of ``table`` at least as good in every column? Such a row never binds."""
    return bool(((table >= row).all(axis=1) & (table > row).any(axis=1)).any())


@dataclass(frozen=True)
class Balanced:
    """Weights and what they reach: correlations (columns,) of each column with the score."""

    weights: Floats
    correlations: Floats
    exact: bool


def correlation_balanced(
    x: Floats,
    target: ArrayLike | None = None,
    *,
    score: Callable[[Floats], Floats] | None = None,
    names: Names = None,
) -> Balanced:
    """Weights under which the columns' correlations with the score stand as ``target`` (default: all equal).

    For a weighted mean the weights follow from one linear system; ``exact`` tells that they do. Where that
    would ask for a weight below 0, or ``score`` (weights -> units) is another aggregation, Nelder and Mead's
    search finds the least squared distance. Source of the aim: Becker et al. 2017.
    """
    from scipy.optimize import minimize

    rows = complete(x, "correlation", names)
    count = rows.shape[1]
    aim = equal(count) if target is None else given(target, names)
    centred = rows - rows.mean(axis=0)
    sd = rows.std(axis=0, ddof=1)
    covariance = centred.T @ centred / (len(rows) - 1)

    def correlations(weights: Floats) -> Floats:
        if score is None:
            power = max(float(weights @ covariance @ weights), 1e-300)
            return np.asarray(covariance @ weights / (sd * math.sqrt(power)))
        scores = score(weights)[~np.isnan(x).any(axis=1)]
        gap = scores - scores.mean()
        return np.asarray(centred.T @ gap / ((len(rows) - 1) * sd * max(float(scores.std(ddof=1)), 1e-300)))

    if score is None:
        try:
            direct = np.linalg.solve(covariance, aim * sd)
        except np.linalg.LinAlgError:
            direct = np.full(count, -1.0)
        if (direct >= 0).all():
            weights = _shares(direct, "correlation")
            return Balanced(weights, correlations(weights), exact=True)

    def distance(raw: Floats) -> float:
        weights = np.abs(raw) / max(np.abs(raw).sum(), 1e-300)
        reached = correlations(weights)
        total = reached.sum()
        return float(((reached / total - aim) ** 2).sum()) if total > 0 else 1e3 - total

    best: Any = None
    start = aim
    for _ in range(5):
        best = minimize(
            distance,
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 2000 * count, "adaptive": count > 5},
        )
        if best.fun >= distance(start) - 1e-12:
            break
        start = best.x
    weights = _shares(np.abs(best.x), "correlation")
    return Balanced(weights, correlations(weights), exact=False)
