"""How much a ranking owes to choices and to noise: many replications, each with all its parameters.

A factor is something that could have been done or measured otherwise. Every replication draws one
realisation of each factor, computes the index anew and ranks the units. Same seed, same bits, on any number
of threads.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from balai.methods.index.build import NodeScore, prepare, round_half_up, score_nodes
from balai.methods.index.data import Data
from balai.methods.index.edits import edit
from balai.methods.index.errors import DataError, MethodError, SpecError
from balai.methods.index.factors import (
    Choice,
    DataNoise,
    Factor,
    Impute,
    Noise,
    check,
    has_weight_sets,
    is_structural,
    sizes_of,
    weighted_parts,
)
from balai.methods.index.imputation import draw
from balai.methods.index.ranking import rank
from balai.methods.index.rawnoise import Columns, RawColumns, RawTable, deviates, refuse_unusual
from balai.methods.index.replicate import (
    Buffers,
    Leaves,
    NotPlainError,
    Tree,
    base_weights,
    one_thread,
    parts_of,
    rank_many,
    scale_of,
)
from balai.methods.index.spec import IndexSpec
from balai.methods.index.stages import Cache, Stage, key_of
from balai.methods.index.steps import Equal, Given, PowerMean, Step

Matrix = NDArray[np.float64]
Design = NDArray[np.int64]
Progress = Callable[[int, int], None]

BLOCK_CELLS = 1 << 17
"""Scores of one block of replications: small enough for the cache of one core."""

MOST_KEPT = 1 << 28
"""Bytes of tables that an engine keeps."""


@dataclass(frozen=True)
class Failure:
    """A replication that gave no ranking: its number, its parameters and why."""

    replication: int
    parameters: Mapping[str, Any]
    reason: str


@dataclass(frozen=True)
class Band:
    """Units, best first, of which none is surely better than the first."""

    units: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class UncertaintyResult:
    """Ranks of all replications and what follows from them.

    ``ranks`` (n, U) are whole numbers, times ``scale`` (2 where ties share a mean rank), 0 where a unit has
    none; ``design`` (n, factors) is the realisation of each factor: the place of the value chosen, the number
    of the draw, or the row of the noise. ``scores`` (n, U) are kept if asked for. Replications that failed
    are in ``failed`` and hold ranks of 0; shares are of the others.
    """

    units: tuple[str, ...]
    target: str
    nominal_scores: Matrix
    nominal_ranks: Matrix
    ranks: NDArray[np.integer[Any]]
    scale: int
    scores: Matrix | None
    design: Design
    factors: tuple[Factor, ...]
    failed: tuple[Failure, ...]
    seed: int
    spec_hash: str
    data_hash: str
    _engine: "Engine" = field(repr=False)

    @property
    def n(self) -> int:
        """Replications asked for."""
        return len(self.ranks)

    @property
    def done(self) -> NDArray[np.bool_]:
        """Which replications (n,) gave a ranking."""
        ok = np.ones(self.n, dtype=np.bool_)
        ok[[failure.replication for failure in self.failed]] = False
        return ok

    def counts(self, first: int = 0, last: int | None = None) -> NDArray[np.int64]:
        """How often each unit had each rank, (units, ranks + 1) of the units from place ``first`` to before
        ``last``: whole numbers; column 0 counts no rank.
        """
        some = slice(first, len(self.units) if last is None else last)
        wide = len(self.units) * self.scale + 1
        count = len(self.units[some])
        offset = np.arange(count) * wide
        total = np.zeros(count * wide, dtype=np.int64)
        done = np.flatnonzero(self.done)
        step = max(1, (1 << 20) // max(1, count))
        for start in range(0, len(done), step):
            flat = self.ranks[done[start : start + step], some] + offset
            total += np.bincount(flat.ravel(), minlength=count * wide)
        return total.reshape(count, wide)

    def quantiles(self, shares: Sequence[float] = (0.05, 0.5, 0.95)) -> Matrix:
        """For each share the least rank that at least this share of rankings do not pass, (shares, U)."""
        units = len(self.units)
        found = np.full((len(shares), units), np.nan)
        step = max(1, (1 << 22) // (units * self.scale + 1))
        for first in range(0, units, step):
            some = slice(first, first + step)
            cumulated = np.cumsum(self.counts(first, min(first + step, units))[:, 1:], axis=1)
            whole = cumulated[:, -1]
            for at, share in enumerate(shares):
                reached = (cumulated < np.ceil(share * whole - 1e-9)[:, None]).sum(axis=1) + 1
                found[at, some] = np.where(whole > 0, reached / self.scale, np.nan)
        return found

    def mean_ranks(self) -> Matrix:
        """Mean rank (U,) over the rankings in which a unit has one."""
        with np.errstate(invalid="ignore"):
            total = self.ranks.sum(axis=0, dtype=np.int64) / self.scale
            return np.asarray(total / (self.ranks > 0).sum(axis=0))

    def p_top(self, k: int) -> Matrix:
        """P(rank <= k) of each unit, (U,)."""
        inside = (self.ranks > 0) & (self.ranks <= k * self.scale)
        return np.asarray(inside.sum(axis=0) / max(1, int(self.done.sum())))

    def beats(self, unit: str, other: str) -> float:
        """P(``unit`` ranks before ``other``); a tie counts half, a unit without a rank never beats."""
        one, two = (self._ranks_of(code) for code in (unit, other))
        return float(_beating(one, two[:, None])[0])

    def beats_matrix(self) -> Matrix:
        """P(unit i ranks before unit j), (U, U); NaN on the diagonal."""
        ranks = np.ascontiguousarray(self.ranks[self.done])
        found = np.stack([_beating(ranks[:, at], ranks) for at in range(len(self.units))])
        np.fill_diagonal(found, np.nan)
        return found

    def _ranks_of(self, unit: str) -> NDArray[np.integer[Any]]:
        if unit not in self.units:
            raise DataError(f"unit {unit} is not in the result")
        found: NDArray[np.integer[Any]] = self.ranks[self.done, self.units.index(unit)]
        return found

    def bands(self, level: float = 0.95) -> tuple[Band, ...]:
        """Statistical ties: from the best mean rank on, a band ends where its first unit beats the next
        with a probability of at least ``level``. Units without any rank are in no band.
        """
        means = self.mean_ranks()
        ranks = self.ranks[self.done]
        found: list[list[int]] = []
        for at in np.argsort(means, kind="stable"):
            if np.isnan(means[at]):
                continue
            if found and _beating(ranks[:, found[-1][0]], ranks[:, at, None])[0] < level:
                found[-1].append(int(at))
            else:
                found.append([int(at)])
        return tuple(Band(tuple(self.units[at] for at in band)) for band in found)

    def undecided(self, k: int, level: float = 0.95) -> tuple[str, ...]:
        """Units for which it is open whether they are among the top k: 1 - level < P(rank <= k) < level."""
        p = self.p_top(k)
        return tuple(unit for unit, share in zip(self.units, p, strict=True) if 1 - level < share < level)

    def parameters(self, replication: int) -> dict[str, Any]:
        """What made a replication: the value of each choice, the weights drawn, the row of noise."""
        return self._engine.parameters(self.design[replication])


def _beating(one: NDArray[np.integer[Any]], others: NDArray[np.integer[Any]]) -> Matrix:
    """P(``one`` (n,) before each of ``others`` (n, U)), (U,)."""
    mine = one[:, None]
    ranked = (mine > 0) & (others > 0)
    before = ((mine < others) & ranked) | ((mine > 0) & (others == 0))
    return np.asarray((before.sum(axis=0) + 0.5 * ((mine == others) & ranked).sum(axis=0)) / max(1, len(one)))


def uncertainty(
    spec: IndexSpec,
    data: Data,
    factors: Sequence[Factor],
    *,
    n: int = 10_000,
    seed: int = 0,
    target: str | None = None,
    year: int | None = None,
    threads: int = 1,
    keep_scores: bool = False,
    progress: Progress | None = None,
) -> UncertaintyResult:
    """Rank the units ``n`` times, each factor drawn anew and independently.

    ``target`` is the node that is ranked (the index if None), ``year`` the year of a panel (its last if
    None). ``progress`` is called with replications done and asked for. ``SpecError`` names a factor that
    meets nothing in the specification.
    """
    if n < 1:
        raise SpecError("n", f"{n} is not above 0")
    engine = Engine(spec, data, factors, seed=seed, target=target, year=year)
    return engine.run(engine.sample(n), threads=threads, keep_scores=keep_scores, progress=progress)


class Engine:
    """Runs designs: tables (n, factors) that say which realisation of each factor a replication has."""

    def __init__(
        self,
        spec: IndexSpec,
        data: Data,
        factors: Sequence[Factor],
        *,
        seed: int = 0,
        target: str | None = None,
        year: int | None = None,
    ) -> None:
        self.spec, self.data, self.seed = spec, data, seed
        self.factors = tuple(factors)
        self.target = target or spec.top
        self.cache, self.buffers = Cache(), Buffers()
        self._check()
        self.rows = _rows(data, year)
        self.place_of = {code: at for at, code in enumerate(parts_of(spec))}
        with one_thread():
            stages = prepare(spec, data, self.cache)
            nodes, _ = score_nodes(spec, data, stages, self.cache)
        self.nominal_scores = self.spread(spec, stages[-1], nodes)
        self.nominal_ranks = rank(self.ranked(spec, stages[-1], nodes), spec.tie, first=spec.output.first)
        ties = [
            value for f in self.factors if isinstance(f, Choice) and f.address == "tie" for value in f.values
        ]
        self.scale = max(scale_of(tie) for tie in (spec.tie, *ties))
        self._raw: dict[tuple[Any, ...], RawColumns] = {}
        self._last: tuple[tuple[int, ...], IndexSpec] | None = None

    # --- factors

    def _check(self) -> None:
        if not self.factors:
            raise SpecError("factors", "name at least one")
        labels = [factor.label for factor in self.factors]
        for label in labels:
            if labels.count(label) > 1:
                raise SpecError(f"factor {label}", "stands twice; give each a name of its own")
        nodes = [node.code for node in self.spec.nodes]
        if self.target not in nodes:
            raise SpecError("target", f"{self.target} is no node; there are {', '.join(nodes)}")
        for kind in (Noise, DataNoise, Impute):
            if sum(isinstance(factor, kind) for factor in self.factors) > 1:
                raise SpecError("factors", f"{kind.__name__} stands twice; one is enough")
        for factor in self.factors:
            check(self.spec, self.data, factor)
        self._check_together()

    def _check_together(self) -> None:
        """No choice of weights or imputation may leave another factor without anything to meet."""
        choices = [one for one in self.factors if isinstance(one, Choice) and not has_weight_sets(one)]
        for one in choices:
            for other in self.factors:
                wanted = "impute" if isinstance(other, Impute) else "weights"
                if wanted not in one.address or isinstance(other, DataNoise) or other in choices:
                    continue
                for value in one.values:
                    try:
                        check(edit(self.spec, {one.address: value}), self.data, other)
                    except SpecError as fault:
                        raise SpecError(f"factor {one.label}", f"with {_told(value)}, {fault}") from None

    def sample(self, n: int) -> Design:
        """A design (n, factors) of independent draws; a longer one begins with the shorter."""
        design = np.empty((n, len(self.factors)), dtype=np.int64)
        for at, factor in enumerate(self.factors):
            if isinstance(factor, Noise | DataNoise):
                design[:, at] = np.arange(n)
            else:
                stream = np.random.Generator(np.random.Philox(np.random.SeedSequence((self.seed, at))))
                design[:, at] = self.place(at, stream.random(n))
        return design

    def levels(self, at: int) -> int | None:
        """How many realisations a factor has, or None where there is no end of them."""
        factor = self.factors[at]
        if isinstance(factor, Choice):
            return len(factor.values)
        return factor.draws if isinstance(factor, Impute) else None

    def chances(self, at: int) -> Matrix:
        """Probability (levels,) of each realisation of a choice or draw."""
        factor = self.factors[at]
        count = self.levels(at)
        assert count is not None
        given = getattr(factor, "chances", None)
        raw = np.ones(count) if given is None else np.array(given, dtype=np.float64)
        return raw / raw.sum()

    def place(self, at: int, u: Matrix) -> Design:
        """Realisations (n,) of a choice or draw for numbers ``u`` from 0 to 1."""
        edges = np.cumsum(self.chances(at))
        return np.minimum(np.searchsorted(edges, u, side="right"), len(edges) - 1)

    def parameters(self, row: Design) -> dict[str, Any]:
        """The realisations of a row of a design, as values."""
        found: dict[str, Any] = {}
        for at, factor in enumerate(self.factors):
            level = int(row[at])
            if isinstance(factor, Choice):
                value = factor.values[level]
                found[factor.label] = value.as_dict() if isinstance(value, Step) else value
            elif isinstance(factor, Noise):
                whole = self._weights(self.chosen(self._structure(row)), row[None, :])[0]
                codes = factor.parts or weighted_parts(self.spec)
                found[factor.label] = {code: float(whole[self.place_of[code]]) for code in codes}
            else:
                found[factor.label] = level
        return found

    def _structure(self, row: Design) -> tuple[int, ...]:
        """The realisations that change more than weights; -1 for the other factors."""
        return tuple(
            int(level) if is_structural(factor) else -1
            for factor, level in zip(self.factors, row, strict=True)
        )

    def chosen(self, structure: tuple[int, ...]) -> IndexSpec:
        """The specification with the values chosen."""
        last = self._last
        if last is not None and last[0] == structure:
            return last[1]
        pairs = zip(self.factors, structure, strict=True)
        changes = {f.address: f.values[at] for f, at in pairs if isinstance(f, Choice) and at >= 0}
        spec = edit(self.spec, changes)
        self._last = structure, spec
        return spec

    def _weights(self, spec: IndexSpec, rows: Design) -> Matrix:
        """Weights (R, P) of every part for rows of a design."""
        found = np.repeat(base_weights(spec)[None, :], len(rows), axis=0)
        for at, factor in enumerate(self.factors):
            if isinstance(factor, Choice) and has_weight_sets(factor):
                for level, values in enumerate(factor.values):
                    chosen = np.flatnonzero(rows[:, at] == level)
                    for code, weight in values.items() if chosen.size else ():
                        found[chosen, self.place_of[code]] = weight
        for at, factor in enumerate(self.factors):
            if isinstance(factor, Noise):
                codes = factor.parts or weighted_parts(spec)
                places = [self.place_of[code] for code in codes]
                u = self._uniforms(at, int(rows[:, at].max()) + 1, len(places))[rows[:, at]]
                found[:, places] *= 1.0 + factor.size * (2.0 * u - 1.0)
        return found

    _drawn: Matrix | None = None

    def _uniforms(self, at: int, count: int, width: int) -> Matrix:
        """Numbers (count, width) from 0 to 1, the same first rows for every count."""
        if self._drawn is None or len(self._drawn) < count:
            stream = np.random.Generator(np.random.Philox(np.random.SeedSequence((self.seed, at))))
            self._drawn = stream.random((count, width))
        return self._drawn

    # --- replications

    def spread(self, spec: IndexSpec, stage: Stage, nodes: Mapping[str, NodeScore]) -> Matrix:
        """Scores (U,) of the target on the rows that are ranked, NaN for units screened out."""
        found = np.full(len(self.data.units), np.nan)
        found[stage.rows] = nodes[self.target].score
        found = found[self.rows]
        return found if spec.output.round is None else round_half_up(found, spec.output.round)

    def ranked(self, spec: IndexSpec, stage: Stage, nodes: Mapping[str, NodeScore]) -> Matrix:
        """What the ranks (U,) are taken from: scores as shown, or as computed."""
        plain = spec if spec.output.rank_rounded else replace(spec, output=replace(spec.output, round=None))
        return self.spread(plain, stage, nodes)

    def raw_columns(self, spec: IndexSpec, kept: NDArray[np.int64], sizes: Matrix) -> RawColumns:
        """The columns of the rows ``kept`` that noise is added to, made once."""
        of = tuple((one.column, one.denominator, one.per) for one in spec.indicators)
        key = (kept.tobytes(), spec.denominate, of)
        if key not in self._raw:
            self._raw[key] = RawColumns(spec, self.data, kept, sizes)
        return self._raw[key]

    def run(
        self,
        design: Design,
        *,
        threads: int = 1,
        keep_scores: bool = False,
        progress: Progress | None = None,
    ) -> UncertaintyResult:
        """Scores and ranks for every row of ``design`` (n, factors)."""
        n, units = len(design), len(self.rows)
        scale = self.scale
        ranks = np.zeros((n, units), dtype=np.int16 if units * scale < 2**15 else np.int32)
        scores = np.full((n, units), np.nan) if keep_scores else None
        failed: dict[int, str] = {}
        for at, factor in enumerate(self.factors):
            if isinstance(factor, Noise) and n:
                self._uniforms(
                    at, int(design[:, at].max()) + 1, len(factor.parts or weighted_parts(self.spec))
                )
        work = self._blocks(design)
        left = Counter(structure for structure, _ in work)
        groups: dict[tuple[int, ...], _Group] = {}
        lock = Lock()

        def one(item: tuple[tuple[int, ...], NDArray[np.int64]]) -> int:
            structure, which = item
            with lock:
                if structure not in groups:
                    groups[structure] = _Group(self, structure)
                group = groups[structure]
            group.fill(design, which, ranks, scores, failed)
            with lock:
                left[structure] -= 1
                if not left[structure]:
                    del groups[structure]
                    self._forget()
            return len(which)

        done = 0
        with one_thread(), ThreadPoolExecutor(threads) as pool:
            for count in pool.map(one, work) if threads > 1 else map(one, work):
                done += count
                if progress:
                    progress(done, n)
        failures = tuple(Failure(at, self.parameters(design[at]), failed[at]) for at in sorted(failed))
        return UncertaintyResult(
            units=tuple(self.data.units[row] for row in self.rows),
            target=self.target,
            nominal_scores=self.nominal_scores,
            nominal_ranks=self.nominal_ranks,
            ranks=ranks,
            scale=scale,
            scores=scores,
            design=design,
            factors=self.factors,
            failed=failures,
            seed=self.seed,
            spec_hash=self.spec.hash(),
            data_hash=self.data.hash,
            _engine=self,
        )

    def _blocks(self, design: Design) -> list[tuple[tuple[int, ...], NDArray[np.int64]]]:
        """Replications that share a table, in blocks whose bounds follow from the design alone."""
        structural = [at for at, factor in enumerate(self.factors) if is_structural(factor)]
        member = np.zeros(len(design), dtype=np.int64)
        if structural:
            _, member = np.unique(design[:, structural], axis=0, return_inverse=True)
        order = np.argsort(member.reshape(-1), kind="stable")
        ends = np.cumsum(np.bincount(member.reshape(-1)))
        step = max(8, BLOCK_CELLS // max(1, len(self.rows)))
        found = []
        for first, last in pairwise([0, *ends.tolist()]):
            rows = order[first:last]
            structure = self._structure(design[rows[0]])
            found += [(structure, rows[start : start + step]) for start in range(0, len(rows), step)]
        return found

    def _forget(self) -> None:
        """Let go of the tables made longest ago, where all together are large."""
        kept, total = self.cache.kept, 0
        for key in reversed(list(kept)):
            total += getattr(getattr(kept[key], "X", None), "nbytes", 0)
            if total > MOST_KEPT:
                del kept[key]


class _Group:
    """Replications that share the table of normalised values, or that would but for noise on the data."""

    def __init__(self, engine: Engine, structure: tuple[int, ...]) -> None:
        self.engine = engine
        self.reason: str | None = None
        self.tree: Tree | None = None
        self.columns: Columns | None = None
        self.leaves: Leaves | None = None
        self.lock = Lock()
        self.noise = next((f for f in engine.factors if isinstance(f, DataNoise)), None)
        self.noise_at = next((at for at, f in enumerate(engine.factors) if isinstance(f, DataNoise)), -1)
        self.weighted = any(isinstance(f, Noise) or has_weight_sets(f) for f in engine.factors)
        self.draw = -1
        for factor, level in zip(engine.factors, structure, strict=True):
            if isinstance(factor, Impute):
                self.draw = level
        self.spec = engine.spec
        try:
            self.spec = engine.chosen(structure)
            self.stage = self._prepared(self.spec, engine.data, engine.cache)[-1]
            varied = self.weighted or self.noise is not None
            if varied and self._complete() and self._compile(None):
                return
            nodes, _ = score_nodes(self.spec, engine.data, [self.stage], engine.cache)
        except MethodError as fault:
            # With other weights or values it may not be so; then each replication says for itself.
            if self.noise is None and not (
                self.weighted and hasattr(self, "stage") and not self._below_zero()
            ):
                self.reason = str(fault)
            return
        if varied:
            self._compile(nodes)
        else:
            self.scores = engine.spread(self.spec, self.stage, nodes)
            self.ranks = self._ranks(engine.ranked(self.spec, self.stage, nodes))

    def _complete(self) -> bool:
        """Whether no value is missing, and none below 0 where a mean does not take it."""
        return not (np.isnan(self.stage.X).any() or self._below_zero())

    def _below_zero(self) -> bool:
        """Whether an indicator below 0 meets a mean that takes none, whatever the weights."""
        place = {code: at for at, code in enumerate(self.spec.codes)}
        for node in self.spec.nodes:
            if isinstance(node.aggregate, PowerMean) and node.aggregate.power != 1:
                columns = [place[child] for child in self.spec.children(node.code) if child in place]
                if (self.stage.X[:, columns] < 0).any():
                    return True
        return False

    def _compile(self, nodes: Mapping[str, NodeScore] | None) -> bool:
        """Find the quick way; whether there is one. ``nodes`` are not needed where nothing is missing."""
        engine, spec = self.engine, self.spec
        kept = self.stage.rows
        inside = np.flatnonzero(np.isin(kept, engine.rows))
        if len(inside) < len(kept) and any(node.aggregate.name == "copeland" for node in spec.nodes):
            return False
        try:
            tree = Tree(spec, self.stage.X, nodes, engine.target, inside)
            if self.noise is not None:
                refuse_unusual(spec, engine.data)
                raw = RawTable(spec, engine.raw_columns(spec, kept, self.noise_sizes()))
                self.columns = Columns(raw, engine.buffers)
        except NotPlainError:
            return False
        self.tree, self.inside = tree, inside
        self.scored = ~tree.absent[engine.target]
        self.shown = np.flatnonzero(np.isin(engine.rows, kept))[self.scored]
        return True

    def _leaves(self) -> Leaves:
        """The normalised columns of the units ranked."""
        with self.lock:
            if self.leaves is None:
                self.leaves = Leaves(np.ascontiguousarray(self.stage.X[self.inside].T))
            return self.leaves

    def noise_sizes(self) -> Matrix:
        """Standard error of each value (units, indicators), NaN where the value is missing."""
        assert self.noise is not None
        return sizes_of(self.spec, self.engine.data, self.noise)

    def _prepared(self, spec: IndexSpec, data: Data, cache: Cache) -> tuple[Stage, ...]:
        """The tables up to the normalised one."""
        return prepare(spec, data, cache, {"impute": self._drawn} if self.draw >= 0 else None)

    def _drawn(self, before: Stage) -> Stage:
        """The table after one draw of the imputation."""
        engine = self.engine
        rng = np.random.default_rng(np.random.SeedSequence((engine.seed, 0xD2A3, self.draw)))
        step = self.spec.impute
        group = getattr(step, "group", None)
        names = [engine.data.groups[group][row] for row in before.rows] if group else None
        filled = draw(before.X, step, rng, groups=names, codes=self.spec.codes)
        key = key_of("draw", json.dumps([step.as_dict(), engine.seed, self.draw]), before.key)
        return Stage("impute", key, before.rows, filled)

    def fill(
        self,
        design: Design,
        which: NDArray[np.int64],
        ranks: NDArray[np.integer[Any]],
        scores: Matrix | None,
        failed: dict[int, str],
    ) -> None:
        """Write scores and ranks of the replications ``which``, or why there are none."""
        if self.reason is not None:
            failed.update(dict.fromkeys(which.tolist(), self.reason))
            return
        engine = self.engine
        if not self.weighted and self.noise is None:
            ranks[which] = self.ranks
            if scores is not None:
                scores[which] = self.scores
            return
        weights = engine._weights(self.spec, design[which])
        if self.tree is None:
            for at, row in zip(which, weights, strict=True):
                self._slow(design[at], row, int(at), ranks, scores, failed)
            return
        if self.columns is not None:
            found, odd = self.columns.scores(self.tree, weights, engine.seed, design[which, self.noise_at])
        else:
            found, odd = self.tree.scores(
                weights, self.tree.effective(weights), self._leaves(), engine.buffers
            )
        slow = np.flatnonzero(odd)
        shown = found[:, self.scored] if not self.scored.all() else found
        output = self.spec.output
        if output.rank_rounded or output.round is not None:
            slow = np.arange(len(which))
        else:
            block = rank_many(
                shown, self.spec.tie, first=output.first, scale=engine.scale, buffers=engine.buffers
            )
            if len(self.shown) == ranks.shape[1]:
                ranks[which] = block
            else:
                ranks[np.ix_(which, self.shown)] = block
            if scores is not None:
                scores[np.ix_(which, self.shown)] = shown
        for at in slow:
            self._slow(design[which[at]], weights[at], int(which[at]), ranks, scores, failed)

    def _slow(
        self,
        row: Design,
        weights: Matrix,
        at: int,
        ranks: NDArray[np.integer[Any]],
        scores: Matrix | None,
        failed: dict[int, str],
    ) -> None:
        """One replication by ``build``."""
        engine = self.engine
        ranks[at] = 0
        if scores is not None:
            scores[at] = np.nan
        try:
            spec = reweighted(self.spec, weights) if self.weighted else self.spec
            data = self.noisy(int(row[self.noise_at])) if self.noise is not None else engine.data
            # Nodes whose weights do not vary are there already; what is new is not kept.
            known = Cache(dict(engine.cache.kept) if self.noise is None else {})
            stage = self.stage if self.noise is None else self._prepared(spec, data, known)[-1]
            made = stage, score_nodes(spec, data, [stage], known)[0]
        except MethodError as fault:
            failed[at] = str(fault)
            return
        if scores is not None:
            scores[at] = engine.spread(spec, *made)
        ranks[at] = self._ranks(engine.ranked(spec, *made))

    def _ranks(self, scores: Matrix) -> NDArray[np.int64]:
        """Ranks (U,) as whole numbers, 0 without a score."""
        tie = self.spec.tie
        exact = rank(scores, tie, first=self.spec.output.first) * self.engine.scale
        return np.where(np.isnan(exact), 0, exact).astype(np.int64)

    def noisy(self, number: int) -> Data:
        """The data with row ``number`` of the noise."""
        return noisy(self.spec, self.engine.data, self.noise_sizes(), self.engine.seed, number)


def noisy(spec: IndexSpec, data: Data, sizes: Matrix, seed: int, number: int) -> Data:
    """``data`` with normal errors of ``sizes`` (units, indicators), the row ``number`` of ``seed``."""
    codes = [one.column or one.code for one in spec.indicators]
    places = [data.codes.index(code) for code in codes]
    X = data.X.copy()
    X[:, places] = X[:, places] + sizes * deviates(seed, number, (len(places), len(X))).T
    return replace(data, X=X)


def _told(value: Any) -> str:
    return value.name if isinstance(value, Step) else str(value)


def reweighted(spec: IndexSpec, weights: Matrix) -> IndexSpec:
    """The specification with a row of weights (P,), as ``parts_of``."""
    values = [float(weight) for weight in weights]
    count = len(spec.indicators)
    return replace(
        spec,
        indicators=tuple(
            replace(one, weight=weight) for one, weight in zip(spec.indicators, values[:count], strict=True)
        ),
        nodes=tuple(
            replace(node, weight=weight, weights=Given() if isinstance(node.weights, Equal) else node.weights)
            for node, weight in zip(spec.nodes, values[count:], strict=True)
        ),
    )


def _rows(data: Data, year: int | None) -> NDArray[np.intp]:
    if data.years is None:
        if year is not None:
            raise SpecError("year", "the data have no years")
        return np.arange(len(data.units))
    chosen = max(data.years) if year is None else year
    rows = np.flatnonzero(np.array(data.years) == chosen)
    if not rows.size:
        raise SpecError("year", f"{chosen} is not in the data")
    return rows
