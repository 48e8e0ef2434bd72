"""Gaps filled: by means, by groups, along years, by a multivariate normal, or by draws.

A value that is there is never changed, and a gap is never taken for zero.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from balai.methods.index.errors import StageError
from balai.methods.index.steps import (
    Impute,
    ImputeCarry,
    ImputeEM,
    ImputeGroupMean,
    ImputeGroupMedian,
    ImputeInterpolate,
    ImputeMean,
    ImputeMedian,
)

Matrix = NDArray[np.float64]


def fill(x: Matrix, how: str) -> Matrix:
    """Gaps of ``x`` (U,) by its "mean" or "median"; with no value at all, or by "none", as it is."""
    if how == "none" or np.isnan(x).all():
        return x
    middle = np.nanmean(x) if how == "mean" else np.nanmedian(x)
    return np.where(np.isnan(x), middle, x)


def fill_by_group(x: Matrix, groups: Sequence[str], how: str) -> Matrix:
    """Gaps of ``x`` (U,) by the mean or median of the unit's group; a unit without a group keeps its gap."""
    out = x.copy()
    names = np.asarray(groups)
    for name in dict.fromkeys(groups):
        if name:
            rows = names == name
            out[rows] = fill(x[rows], how)
    return out


def carry(x: Matrix, units: Sequence[str], years: Sequence[int], max_years: int | None = None) -> Matrix:
    """Gaps of ``x`` (R,), rows of units in years, by the unit's latest earlier value.

    ``max_years`` counts years of the table, not of the calendar, as COINr's ``impute_panel`` does.
    """
    out = x.copy()
    place = {year: at for at, year in enumerate(sorted(set(years)))}
    for rows in _by_unit(units, years):
        latest, when = np.nan, 0
        for row in rows:
            at = place[years[row]]
            if not np.isnan(x[row]):
                latest, when = x[row], at
            elif max_years is None or at - when <= max_years:
                out[row] = latest
    return out


def interpolate(x: Matrix, units: Sequence[str], years: Sequence[int], *, extend: bool = True) -> Matrix:
    """Gaps of ``x`` (R,) on the line between the unit's nearest years; beyond them the nearest."""
    out = x.copy()
    for rows in _by_unit(units, years):
        there = rows[~np.isnan(x[rows])]
        if not there.size:
            continue
        when = np.array([years[row] for row in rows], dtype=np.float64)
        known = np.array([years[row] for row in there], dtype=np.float64)
        beyond = None if extend else np.nan
        line = np.interp(when, known, x[there], left=beyond, right=beyond)
        out[rows] = np.where(np.isnan(x[rows]), line, x[rows])
    return out


def _by_unit(units: Sequence[str], years: Sequence[int]) -> list[NDArray[np.int64]]:
    rows: dict[str, list[int]] = {}
    for row, unit in enumerate(units):
        rows.setdefault(unit, []).append(row)
    return [np.array(sorted(found, key=lambda row: years[row])) for found in rows.values()]


def impute(
    x: Matrix,
    step: Impute,
    *,
    groups: Sequence[str] | None = None,
    units: Sequence[str] | None = None,
    years: Sequence[int] | None = None,
    column: str = "",
) -> Matrix:
    """Fill the gaps of one column (U,) as ``step`` says; what the method cannot fill stays a gap.

    ``groups`` (U,) for the group methods, ``units`` and ``years`` (U,) for those along years. EM fits columns
    together: see ``em``.
    """
    if not np.isnan(x).any():
        return x
    match step:
        case ImputeMean():
            return fill(x, "mean")
        case ImputeMedian():
            return fill(x, "median")
        case ImputeGroupMean() | ImputeGroupMedian():
            if groups is None:
                raise StageError("impute", column, f"needs the group column {step.group}")
            how = "mean" if isinstance(step, ImputeGroupMean) else "median"
            return _or(fill_by_group(x, groups, how), x, step.fallback)
        case ImputeCarry() | ImputeInterpolate():
            if units is None or years is None:
                raise StageError("impute", column, f"{step.name} needs data with a year")
            if isinstance(step, ImputeCarry):
                return _or(carry(x, units, years, step.max_years), x, step.fallback)
            return _or(interpolate(x, units, years, extend=step.extend), x, step.fallback)
    return x


def _or(filled: Matrix, x: Matrix, fallback: str) -> Matrix:
    """``filled``, its remaining gaps by the middle of the values that were there."""
    return np.where(np.isnan(filled), fill(x, fallback), filled)


def em(X: Matrix, step: ImputeEM | None = None, codes: Sequence[str] = ()) -> Matrix:
    """Gaps of ``X`` (U, I) by their expectation under the fitted normal, given what the unit has.

    Rows without any value stay as they are. Source: Dempster, Laird and Rubin
    1977; Little and Rubin 2002, 11.2.
    """
    step = step or ImputeEM()
    if not np.isnan(X).any():
        return X
    mean, scale, mu, sigma = _fit(X, step, codes)
    inverse = np.linalg.inv(sigma)
    out = X.copy()
    Z = (X - mean) / scale
    for rows, gaps in _patterns(Z):
        if gaps.any() and not gaps.all():
            expected, _ = _given(Z[rows], gaps, mu, sigma, inverse)
            out[np.ix_(rows, gaps)] = expected * scale[gaps] + mean[gaps]
    return out


def draw(
    X: Matrix,
    step: Impute,
    rng: np.random.Generator,
    *,
    groups: Sequence[str] | None = None,
    codes: Sequence[str] = (),
) -> Matrix:
    """One multiple-imputation draw of ``X`` (U, I): gaps filled with what they might be, not by the middle.

    EM: the units are drawn anew with replacement, the normal is fitted to them, and gaps are drawn from it
    given the unit's values (Honaker and King 2010). Means and medians, of groups or of all: an approximate
    Bayesian bootstrap of the values there are (Rubin and Schenker 1986), of the unit's group where it has one
    with values. Other methods have no draws.
    """
    if not np.isnan(X).any():
        return X
    if isinstance(step, ImputeEM):
        return _draw_em(X, step, rng, codes)
    if not isinstance(step, ImputeMean | ImputeMedian | ImputeGroupMean | ImputeGroupMedian):
        raise StageError("impute", "", f"{step.name} has no draws; use em, or a mean or median")
    out = X.copy()
    names = np.asarray(groups) if groups is not None else np.full(len(X), "all")
    grouped = isinstance(step, ImputeGroupMean | ImputeGroupMedian)
    if grouped and groups is None:
        raise StageError("impute", "", "needs the group column")
    for at in range(X.shape[1]):
        x = X[:, at]
        for name in dict.fromkeys(names.tolist()):
            rows = names == name
            wanted = np.flatnonzero(rows & np.isnan(x))
            if not wanted.size:
                continue
            donors = x[rows & ~np.isnan(x)] if name else np.array([])
            if not donors.size and getattr(step, "fallback", "none") != "none":
                donors = x[~np.isnan(x)]
            if donors.size:
                pool = rng.choice(donors, donors.size)
                out[wanted, at] = rng.choice(pool, wanted.size)
    return out


def _draw_em(X: Matrix, step: ImputeEM, rng: np.random.Generator, codes: Sequence[str]) -> Matrix:
    again = X[rng.integers(0, len(X), len(X))]
    mean, scale, mu, sigma = _fit(again, step, codes)
    inverse = np.linalg.inv(sigma)
    Z = (X - mean) / scale
    out = X.copy()
    for rows, gaps in _patterns(Z):
        if gaps.any():
            expected, spread = _given(Z[rows], gaps, mu, sigma, inverse)
            values, vectors = np.linalg.eigh(spread)
            root = vectors * np.sqrt(np.maximum(values, 0.0))
            noise = rng.standard_normal((len(rows), int(gaps.sum()))) @ root.T
            out[np.ix_(rows, gaps)] = (expected + noise) * scale[gaps] + mean[gaps]
    return out


def _patterns(Z: Matrix) -> list[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """Rows that share the same gaps, and those gaps."""
    gaps = np.isnan(Z)
    kinds, which = np.unique(gaps, axis=0, return_inverse=True)
    return [(np.flatnonzero(which.ravel() == at), kinds[at]) for at in range(len(kinds))]


def _given(
    Z: Matrix, gaps: NDArray[np.bool_], mu: Matrix, sigma: Matrix, inverse: Matrix
) -> tuple[Matrix, Matrix]:
    """Expectation (rows, gaps) and covariance (gaps, gaps) of the gaps given the rest of each row.

    ``inverse`` is that of ``sigma``: where a row has fewer gaps than values its part is the smaller to solve.
    """
    there = ~gaps
    if gaps.sum() > there.sum():
        across = sigma[np.ix_(gaps, there)]
        slopes = np.linalg.solve(sigma[np.ix_(there, there)], across.T).T if there.any() else across
        spread = sigma[np.ix_(gaps, gaps)] - slopes @ across.T
    else:
        spread = np.linalg.inv(inverse[np.ix_(gaps, gaps)])
        slopes = -spread @ inverse[np.ix_(gaps, there)]
    return mu[gaps] + (Z[:, there] - mu[there]) @ slopes.T, spread


def _fit(X: Matrix, step: ImputeEM, codes: Sequence[str]) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Shift and scale of the columns, and mean and covariance of the scaled columns by maximum likelihood."""
    counts = (~np.isnan(X)).sum(axis=0)
    names = np.array(codes or [str(at + 1) for at in range(X.shape[1])])
    for name in names[counts < 2]:
        raise StageError("impute", str(name), "em needs two values or more in a column")
    mean, scale = np.nanmean(X, axis=0), np.nanstd(X, axis=0)
    for name in names[scale == 0]:
        raise StageError("impute", str(name), "em needs values that differ")
    Z = (X - mean) / scale
    Z = Z[~np.isnan(Z).all(axis=1)]
    if step.ridge == 0 and len(Z) <= Z.shape[1]:
        raise StageError("impute", "", f"em has {len(Z)} units for {Z.shape[1]} columns; set impute.ridge")
    patterns = _patterns(Z)
    mu, sigma = np.zeros(Z.shape[1]), np.eye(Z.shape[1])
    for _ in range(step.max_iterations):
        full, spread = Z.copy(), np.zeros_like(sigma)
        try:
            inverse = np.linalg.inv(sigma)
            for rows, gaps in patterns:
                if gaps.any():
                    expected, rest = _given(Z[rows], gaps, mu, sigma, inverse)
                    full[np.ix_(rows, gaps)] = expected
                    spread[np.ix_(gaps, gaps)] += len(rows) * rest
        except np.linalg.LinAlgError:
            raise StageError("impute", "", "em finds columns that repeat others; set impute.ridge") from None
        before_mu, before = mu, sigma
        mu = full.mean(axis=0)
        centred = full - mu
        sigma = (centred.T @ centred + spread) / len(Z) + step.ridge * np.eye(len(mu))
        moved = max(float(np.abs(mu - before_mu).max()), float(np.abs(sigma - before).max()))
        if not np.isfinite(moved):
            break
        if moved < step.tolerance:
            return mean, scale, mu, sigma
    raise StageError(
        "impute",
        "",
        f"em did not settle in {step.max_iterations} rounds; set impute.ridge or impute.tolerance",
    )
