"""Replications with noise on the raw data, where every stage is done anew: many columns at once.

Outliers, scale and aggregation of each replication are those of ``build`` on the data with its noise, but for
the order of summation. What cannot be done here raises ``NotPlainError``, and ``build`` does it.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from balai.methods.index.data import Data
from balai.methods.index.replicate import Buffers, Leaves, NotPlainError, Tree
from balai.methods.index.spec import STAGES, IndexSpec
from balai.methods.index.steps import (
    DistanceToMaximum,
    Goalposts,
    Keep,
    MinMax,
    NoTreatment,
    Scaled,
    Winsor,
    ZScore,
)
from balai.methods.index.treatment import treat

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

AT_ONCE = 16
"""Replications whose outliers are sought together."""


@cache
def _quantiles() -> Matrix:
    """The middle quantile of each of 65,536 equal parts of the normal distribution, of variance 1."""
    from scipy.special import ndtri

    table = ndtri((np.arange(65536) + 0.5) / 65536)
    return np.asarray(table / table.std())


def deviates(seed: int, number: int, shape: tuple[int, int], out: Matrix | None = None) -> Matrix:
    """Normal deviates of ``shape``, row ``number`` of the noise of ``seed``.

    Each is one of 65,536 equally likely quantiles (of at most 4.3 deviations), drawn by 16 random bits.
    """
    size = shape[0] * shape[1]
    bits = np.random.SFC64(np.random.SeedSequence((seed, 0xDA7A, number))).random_raw(-(-size // 4))
    drawn = bits.astype("<u8", copy=False).view("<u2")[:size].reshape(shape)
    return np.asarray(np.take(_quantiles(), drawn, out=out, mode="wrap"))


def refuse_unusual(spec: IndexSpec, data: Data) -> None:
    """``NotPlainError`` where the columns cannot be taken to their scores one noise after the other."""
    if spec.order != STAGES:
        raise NotPlainError("the stages have an order of their own")
    if data.years is not None and len(set(data.years)) > 1:
        raise NotPlainError("the data have several years")
    if spec.screen is not None and spec.screen.by != "available":
        raise NotPlainError("zeros are screened")
    for one in spec.indicators:
        if one.transform != "none" or one.shift:
            raise NotPlainError(f"{one.code} is transformed")


class RawColumns:
    """A specification's columns before treatment, (indicators, units), in standard deviations of each.

    Where the noise of every column is the same for all units, they are in deviations of the noise.
    """

    def __init__(self, spec: IndexSpec, data: Data, kept: NDArray[np.int64], sizes: Matrix) -> None:
        raw = data.columns([one.column or one.code for one in spec.indicators])
        self.all_units = len(raw)
        self.kept = kept
        self.whole = len(kept) == self.all_units
        with np.errstate(divide="ignore", invalid="ignore"):
            for at, one in enumerate(spec.indicators):
                if spec.denominate and one.denominator:
                    rate = data.columns([one.denominator])[:, 0] / one.per
                    raw[:, at] /= rate
                    sizes = sizes.copy()
                    sizes[:, at] /= rate
        raw, sizes = raw[kept], sizes[kept]
        if not (np.isfinite(raw).all() and np.isfinite(sizes).all()):
            raise NotPlainError("the data have gaps")
        self.mean = raw.mean(axis=0)
        self.sd = raw.std(axis=0, ddof=1) if len(raw) > 1 else np.ones(raw.shape[1])
        self.sd = np.where(self.sd > 0, self.sd, 1.0)
        self.even = bool((np.ptp(sizes, axis=0) == 0).all() and (sizes[0] > 0).all())
        if self.even:
            self.sd = sizes[0].copy()
        self.base = np.ascontiguousarray(((raw - self.mean) / self.sd).T)
        self.size = None if self.even else np.ascontiguousarray((sizes / self.sd).T)


class RawTable:
    """How columns with noise are treated and normalised, as arrays over the indicators."""

    def __init__(self, spec: IndexSpec, columns: RawColumns) -> None:
        self.columns = columns
        self.all_units, self.kept, self.whole = columns.all_units, columns.kept, columns.whole
        self.mean, self.sd, self.base, self.size = columns.mean, columns.sd, columns.base, columns.size
        self.treats = [spec.treat_of(one) for one in spec.indicators]
        self.codes = spec.codes
        for code, step in zip(self.codes, self.treats, strict=True):
            if not isinstance(step, NoTreatment | Winsor):
                raise NotPlainError(f"{code} is treated by {step.name}")
            if isinstance(step, Winsor) and step.then == "box_cox":
                raise NotPlainError(f"{code} may be treated by a search")
        self.winsor = np.array([isinstance(step, Winsor) for step in self.treats])
        self.max_skew = np.array([getattr(step, "skew", np.inf) for step in self.treats])
        self.max_kurtosis = np.array([getattr(step, "kurtosis", np.inf) for step in self.treats])
        limits = [getattr(step, "winmax", 0) for step in self.treats]
        self.logs = np.array(
            [
                getattr(step, "then", "") == "log_CT" and not getattr(step, "combine", False)
                for step in self.treats
            ]
        )
        self.singly = ~self.logs & np.array([getattr(step, "then", "none") != "none" for step in self.treats])
        self.winmax = np.array([np.inf if limit is None else float(limit) for limit in limits])
        self._scales(spec)

    def _scales(self, spec: IndexSpec) -> None:
        """How each column is normalised: by its ends, by mean and deviation, or by a fixed line."""
        count = len(self.codes)
        self.direction = np.array([float(one.direction) for one in spec.indicators])
        self.by_ends, self.by_moments = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
        self.low, self.high = np.zeros(count), np.ones(count)
        self.slope, self.level = np.ones(count), np.zeros(count)
        self.least, self.most = np.full(count, -np.inf), np.full(count, np.inf)
        for at, one in enumerate(spec.indicators):
            step = spec.normalise_of(one)
            match step:
                case MinMax() if step.percentiles is None:
                    self.by_ends[at] = True
                    self.low[at], self.high[at] = step.range
                case DistanceToMaximum():
                    self.by_ends[at] = True
                    self.high[at] = step.scale
                case ZScore():
                    self.by_moments[at] = True
                    self.low[at], self.high[at] = step.mean, step.sd
                case Keep():
                    self.slope[at] = one.direction
                case Goalposts() if one.goalposts is not None:
                    low, high = one.goalposts if one.direction == 1 else one.goalposts[::-1]
                    bottom, top = step.range
                    self.slope[at] = (top - bottom) / (high - low)
                    self.level[at] = bottom - self.slope[at] * low
                    if step.cap:
                        self.least[at], self.most[at] = bottom, top
                case Scaled():
                    low, high = step.between if one.direction == 1 else step.between[::-1]
                    self.slope[at] = step.scale / (high - low)
                    self.level[at] = -self.slope[at] * low
                case _:
                    raise NotPlainError(f"{one.code} is normalised by {step.name}")
        self.capped = bool(np.isfinite(self.least).any() or np.isfinite(self.most).any())


def shape_of(n: float, sums: Matrix) -> tuple[Matrix, Matrix]:
    """Sample skewness and excess kurtosis from sums of powers 1 to 4 (4, ...) of ``n`` values."""
    s1, s2, s3, s4 = sums
    m = s1 / n
    m2 = s2 - n * m**2
    m3 = s3 - 3 * m * s2 + 2 * n * m**3
    m4 = s4 - 4 * m * s3 + 6 * m**2 * s2 - 3 * n * m**4
    with np.errstate(divide="ignore", invalid="ignore"):
        skew = math.sqrt(n) * m3 / m2**1.5 * math.sqrt(n * (n - 1)) / (n - 2)
        kurtosis = ((n + 1) * (n * m4 / m2**2 - 3) + 6) * (n - 1) / ((n - 2) * (n - 3))
    return skew, kurtosis


class Columns:
    """Scores of replications whose data have noise of their own."""

    def __init__(self, raw: RawTable, buffers: Buffers) -> None:
        self.raw = raw
        self.buffers = buffers

    def scores(
        self, tree: Tree, weights: Matrix, seed: int, numbers: NDArray[np.int64]
    ) -> tuple[Matrix, Flags]:
        """Scores (R, U) of the tree's target for rows of weights (R, P) and of noise (R,), and which rows
        (R,) are for ``build``.
        """
        effective = tree.effective(weights)
        found: Matrix = self.buffers.of("noisy", len(weights), self.raw.base.shape[1])
        odd = np.zeros(len(weights), dtype=np.bool_)
        for start in range(0, len(weights), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            part = {code: each[some] for code, each in effective.items()}
            self._some(tree, weights[some], part, seed, numbers[some], found[some], odd[some])
        return found, odd

    def _some(
        self,
        tree: Tree,
        weights: Matrix,
        effective: dict[str, Matrix],
        seed: int,
        numbers: NDArray[np.int64],
        found: Matrix,
        odd: Flags,
    ) -> None:
        raw, count = self.raw, len(weights)
        shape = (len(raw.codes), raw.base.shape[1])
        tables, spare = self.buffers.of("tables", AT_ONCE, *shape), self.buffers.of("spare", *shape)
        wide = self.buffers.of("wide", shape[0], raw.all_units) if not raw.whole else spare
        sums = np.empty((4, count, shape[0]))
        low, high = np.empty((count, shape[0])), np.empty((count, shape[0]))
        ones = np.ones(shape[1])
        moments, by_ends = bool(raw.winsor.any()), bool(raw.by_ends.any())
        for at in range(count):
            x = tables[at]
            if raw.whole:
                deviates(seed, int(numbers[at]), shape, x)
            else:
                np.take(deviates(seed, int(numbers[at]), wide.shape, wide), raw.kept, axis=1, out=x)
            if raw.size is not None:
                x *= raw.size
            x += raw.base
            if moments:
                np.multiply(x, x, out=spare)
                np.matmul(x, ones, out=sums[0, at])
                np.matmul(spare, ones, out=sums[1, at])
                np.vecdot(spare, x, out=sums[2, at])
                np.vecdot(spare, spare, out=sums[3, at])
            elif raw.by_moments.any():
                np.matmul(x, ones, out=sums[0, at])
                np.vecdot(x, x, out=sums[1, at])
            if by_ends:
                x.min(axis=1, out=low[at])
                x.max(axis=1, out=high[at])
        mean = np.repeat(raw.mean[None, :], count, axis=0)
        sd = np.repeat(raw.sd[None, :], count, axis=0)
        if moments:
            self._treat(tables, sums, low, high, mean, sd)
        slope, level, flat = self._lines(sums, low, high, mean, sd, float(shape[1]))
        odd |= flat
        single = tree.single
        if single is not None and single.leaves.size == shape[0] and single.power in (0.0, 1.0):
            of_column = np.empty((count, shape[0]))
            of_column[:, single.leaves] = effective[tree.target]
            if single.power == 1 and not raw.capped:
                aimed = of_column * slope
                rest = (of_column * level).sum(axis=1)
                for at in range(count):
                    np.matmul(aimed[at], tables[at], out=found[at])
                found += rest[:, None]
            else:
                for at in range(count):
                    x = self._normalised(tables[at], slope[at], level[at])
                    if single.power == 0:
                        with np.errstate(invalid="ignore", divide="ignore"):
                            np.log(x, out=x)
                    np.matmul(of_column[at], x, out=found[at])
                if single.power == 0:
                    np.exp(found, out=found)
        else:
            for at in range(count):
                x = self._normalised(tables[at], slope[at], level[at])
                part = {code: each[at : at + 1] for code, each in effective.items()}
                row, strange = tree.scores(weights[at : at + 1], part, Leaves(x), self.buffers)
                found[at] = row[0]
                odd[at] |= strange[0]
        odd |= np.isnan(found[:, ~tree.absent[tree.target]]).any(axis=1)

    def _normalised(self, x: Matrix, slope: Matrix, level: Matrix) -> Matrix:
        x *= slope[:, None]
        x += level[:, None]
        if self.raw.capped:
            np.clip(x, self.raw.least[:, None], self.raw.most[:, None], out=x)
        return x

    def _lines(
        self, sums: Matrix, low: Matrix, high: Matrix, mean: Matrix, sd: Matrix, n: float
    ) -> tuple[Matrix, Matrix, Flags]:
        """Slope and level (R, I) that normalise each column, and which rows (R,) have one without a scale."""
        raw = self.raw
        slope, level = raw.slope * sd, raw.slope * mean + raw.level
        flat = np.zeros(len(low), dtype=np.bool_)
        if raw.by_ends.any():
            ends = raw.by_ends
            spread = high - low
            flat |= (spread[:, ends] <= 0).any(axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                rise = raw.direction * (raw.high - raw.low) / spread
            worst = np.where(raw.direction > 0, low, high)
            slope = np.where(ends, rise, slope)
            level = np.where(ends, raw.low - rise * worst, level)
        if raw.by_moments.any():
            of = raw.by_moments
            middle = sums[0] / n
            with np.errstate(divide="ignore", invalid="ignore"):
                rise = raw.direction * raw.high / np.sqrt((sums[1] - n * middle**2) / (n - 1))
            flat |= ~np.isfinite(rise[:, of]).all(axis=1)
            slope = np.where(of, rise, slope)
            level = np.where(of, raw.low - rise * middle, level)
        return slope, level, flat

    def _treat(
        self, tables: Matrix, sums: Matrix, low: Matrix, high: Matrix, mean: Matrix, sd: Matrix
    ) -> None:
        """Draw in the outliers of the columns that have them; as ``treatment.treat``, all at once."""
        raw = self.raw
        n = float(tables.shape[2])
        skew, kurtosis = shape_of(n, sums)
        passing = (np.abs(skew) < raw.max_skew) | (kurtosis < raw.max_kurtosis)
        rows, columns = np.nonzero(raw.winsor & ~passing & ~np.isnan(kurtosis))
        if not rows.size:
            return
        units, wanted = tables.shape[2], rows * tables.shape[1] + columns
        flat = tables.reshape(-1, units)
        values = self.buffers.of("outlying", rows.size, units)
        np.take(flat, wanted, axis=0, out=values, mode="clip")
        ordered = self.buffers.of("ordered", rows.size, units)
        ordered[...] = values
        ordered.sort(axis=1)
        state = _Drawn(ordered, sums[:, rows, columns])
        passed = state.draw_in(raw.max_skew[columns], raw.max_kurtosis[columns], raw.winmax[columns])
        failing = np.flatnonzero(~passed)
        logs = failing[raw.logs[columns[failing]]]
        if logs.size:
            self._take_logs(values, state, logs)
            mean[rows[logs], columns[logs]] = np.log(raw.sd[columns[logs]])
            sd[rows[logs], columns[logs]] = 1.0
        for at in failing[raw.singly[columns[failing]]]:
            step = raw.treats[columns[at]]
            row, column = rows[at], columns[at]
            done = treat(values[at] * raw.sd[column] + raw.mean[column], step, raw.codes[column])
            middle, spread = float(done.values.mean()), float(done.values.std()) or 1.0
            mean[row, column], sd[row, column] = middle, spread
            values[at] = (done.values - middle) / spread
            state.low[at], state.high[at] = values[at].min(), values[at].max()
            state.sums[:2, at] = values[at].sum(), (values[at] ** 2).sum()
        np.minimum(values, state.high[:, None], out=values)
        np.maximum(values, state.low[:, None], out=values)
        flat[wanted] = values
        low[rows, columns], high[rows, columns] = state.low, state.high
        sums[:, rows, columns] = state.sums

    def _take_logs(self, values: Matrix, state: "_Drawn", which: Places) -> None:
        """``log_CT`` of the columns ``which`` of ``values`` (m, U), of their original values."""
        first, last = state.ordered[which, 0], state.ordered[which, -1]
        shift = 0.01 * (last - first) - first
        logs = values[which]
        logs += shift[:, None]
        np.log(logs, out=logs)
        values[which] = logs
        state.low[which], state.high[which] = np.log(first + shift), np.log(last + shift)
        state.sums[0, which] = logs.sum(axis=1)
        state.sums[1, which] = np.vecdot(logs, logs)


class _Drawn:
    """Columns (m, U), sorted, whose outermost values are drawn in step by step."""

    def __init__(self, ordered: Matrix, sums: Matrix) -> None:
        self.ordered, self.sums = ordered, sums
        self.low, self.high = ordered[:, 0].copy(), ordered[:, -1].copy()
        count, every = len(ordered), np.arange(len(ordered))
        self.at_top = self._at_top(every, np.zeros(count, dtype=np.int64), self.high)
        self.at_bottom = self._at_bottom(every, np.zeros(count, dtype=np.int64), self.low)
        self.moved_top, self.moved_bottom = np.zeros(count), np.zeros(count)
        self.level = np.zeros(count, dtype=np.bool_)

    def draw_in(self, max_skew: Matrix, max_kurtosis: Matrix, winmax: Matrix) -> Flags:
        """Change values until skew or kurtosis is below its limit or ``winmax`` points are changed; which
        columns (m,) pass. ``level`` marks columns in which only one value would be left.
        """
        n = self.ordered.shape[1]
        passed = np.zeros(len(self.ordered), dtype=np.bool_)
        skew, _ = shape_of(float(n), self.sums)
        left = np.flatnonzero(winmax > 0)
        while left.size:
            up = left[skew[left] >= 0]
            down = left[~(skew[left] >= 0)]
            if up.size:
                value = self.ordered[up, n - 1 - np.minimum(self.at_top[up], n - 1)]
                value = np.maximum(value, self.low[up])
                self._replace(up, self.at_top[up], self.high[up], value)
                self.moved_top[up] = self.at_top[up]
                self.high[up] = value
                self.at_top[up] = self._at_top(up, self.at_top[up], value)
            if down.size:
                value = self.ordered[down, np.minimum(self.at_bottom[down], n - 1)]
                value = np.minimum(value, self.high[down])
                self._replace(down, self.at_bottom[down], self.low[down], value)
                self.moved_bottom[down] = self.at_bottom[down]
                self.low[down] = value
                self.at_bottom[down] = self._at_bottom(down, self.at_bottom[down], value)
            skew[left], kurtosis = shape_of(float(n), self.sums[:, left])
            self.level[left] = self.high[left] <= self.low[left]
            passed[left] = ~self.level[left] & (
                (np.abs(skew[left]) < max_skew[left]) | (kurtosis < max_kurtosis[left])
            )
            moved = self.moved_top[left] + self.moved_bottom[left]
            left = left[~passed[left] & ~self.level[left] & (moved < winmax[left])]
        return passed

    def _at_top(self, which: Places, before: Places, value: Matrix) -> Places:
        """How many values of the columns ``which`` are at least ``value``, more than ``before``."""
        last = self.ordered.shape[1] - 1
        count = before + 1
        more = np.flatnonzero(
            (count <= last) & (self.ordered[which, last - np.minimum(count, last)] >= value)
        )
        if more.size:
            count[more] = (self.ordered[which[more]] >= value[more, None]).sum(axis=1)
        return count

    def _at_bottom(self, which: Places, before: Places, value: Matrix) -> Places:
        """How many values of the columns ``which`` are at most ``value``, more than ``before``."""
        last = self.ordered.shape[1] - 1
        count = before + 1
        following = self.ordered[which, np.minimum(count, last)]
        more = np.flatnonzero((count <= last) & (following <= value))
        if more.size:
            count[more] = (self.ordered[which[more]] <= value[more, None]).sum(axis=1)
        return count

    def _replace(self, which: Places, count: Places, old: Matrix, new: Matrix) -> None:
        """Keep the sums of powers when ``count`` values go from ``old`` to ``new``, each (m,)."""
        old_square, new_square = old * old, new * new
        self.sums[0, which] += count * (new - old)
        self.sums[1, which] += count * (new_square - old_square)
        self.sums[2, which] += count * (new_square * new - old_square * old)
        self.sums[3, which] += count * (new_square**2 - old_square**2)
