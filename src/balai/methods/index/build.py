"""From a specification and data to scores and ranks."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from balai.methods.index import weights as weighing
from balai.methods.index.aggregation import aggregate
from balai.methods.index.data import Data
from balai.methods.index.denominate import denominate
from balai.methods.index.errors import DataError, StageError
from balai.methods.index.imputation import em, impute
from balai.methods.index.normalisation import normalise
from balai.methods.index.ranking import rank
from balai.methods.index.screening import screen
from balai.methods.index.spec import IndexSpec, Indicator, Node, canonical
from balai.methods.index.stages import Cache, Stage, key_of
from balai.methods.index.steps import (
    AhpWeights,
    BenefitOfDoubt,
    BudgetWeights,
    CorrelationWeights,
    CriticWeights,
    DistanceToReference,
    DistanceToTarget,
    EntropyWeights,
    Equal,
    FactorWeights,
    Given,
    Goalposts,
    ImputeCarry,
    ImputeEM,
    ImputeInterpolate,
    Normalise,
    PcaWeights,
    PowerMean,
    Weights,
)
from balai.methods.index.treatment import treat

Matrix = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class IndexResult:
    """What an index says, and of what.

    ``units`` (R,) and ``years`` (R,) or None name the rows left after screening; ``nodes`` (N,) the columns
    of ``scores`` (not rounded: ``output.round`` is for tables), ``ranks`` and ``coverage`` (share of the
    node's indicators with a value before imputation), all (R, N). ``weights`` holds the weights by which each
    node took its children, (C,) or (R, C); ``before`` the scores of nodes that are normalised again, as they
    were. ``dropped`` says why a row went, ``imputed`` (R, I) which values were filled, ``treated`` what
    happened to a column.
    """

    units: tuple[str, ...]
    years: tuple[int, ...] | None
    groups: Mapping[str, tuple[str, ...]]
    nodes: tuple[str, ...]
    scores: Matrix
    ranks: Matrix
    coverage: Matrix
    weights: Mapping[str, Matrix]
    before: Mapping[str, Matrix]
    stages: tuple[Stage, ...]
    imputed: NDArray[np.bool_]
    treated: Mapping[str, str]
    dropped: Mapping[str, str]
    warnings: tuple[str, ...]
    spec_hash: str
    data_hash: str
    key: str

    def stage(self, name: str) -> Stage:
        """The table after a stage: raw, denominate, screen, impute, treat or normalise."""
        return next(stage for stage in self.stages if stage.name == name)

    def score(self, node: str) -> Matrix:
        """Scores (R,) of a node."""
        return self.scores[:, self.nodes.index(node)]

    def rank(self, node: str) -> Matrix:
        """Ranks (R,) in a node, within each year."""
        return self.ranks[:, self.nodes.index(node)]

    def row(self, unit: str, year: int | None = None) -> int:
        """The row of a unit (its last year if ``year`` is None). ``DataError`` where there is none."""
        found = [
            at
            for at, name in enumerate(self.units)
            if name == unit and (year is None or self.years is None or self.years[at] == year)
        ]
        if not found:
            gone = {key: why for key, why in self.dropped.items() if key.split(" in ")[0] == unit}
            why = f": {next(iter(gone.values()))}" if gone else ""
            raise DataError(f"unit {unit}{f' in {year}' if year else ''} is not in the result{why}")
        return max(found, key=lambda at: self.years[at] if self.years else 0)


def build(spec: IndexSpec, data: Data, cache: Cache | None = None) -> IndexResult:
    """Compute an index.

    Stages already in ``cache`` are not computed again. ``DataError`` and ``StageError`` name the column, and
    the unit where it is one, that stands in the way.
    """
    cache = cache if cache is not None else Cache()
    stages = prepare(spec, data, cache)
    return combine(spec, data, stages, cache)


def prepare(
    spec: IndexSpec,
    data: Data,
    cache: Cache,
    instead: Mapping[str, Callable[[Stage], Stage]] | None = None,
) -> tuple[Stage, ...]:
    """The tables before aggregation, from "raw" to the last of ``spec.order``.

    ``instead`` makes the table of a stage, by its name, from the one before it in another way.
    """
    stage = _raw(spec, data, cache)
    stages = [stage]
    for name in spec.order:
        if instead and name in instead:
            stage = instead[name](stage)
            stages.append(stage)
            continue
        parameters = json.dumps(_parameters(spec, name), sort_keys=True, separators=(",", ":"))
        key = key_of(name, parameters, stage.key)
        stage = cache.get(key, partial(_run, spec, data, name, key, stage))
        stages.append(stage)
    return tuple(stages)


def _raw(spec: IndexSpec, data: Data, cache: Cache) -> Stage:
    columns = [indicator.column or indicator.code for indicator in spec.indicators]
    key = key_of("raw", json.dumps(columns), data.hash)

    def make() -> Stage:
        X = data.columns(columns)
        for at in np.flatnonzero(np.isnan(X).all(axis=0)):
            raise DataError("has no value at all", column=columns[at])
        return Stage("raw", key, np.arange(len(X)), X)

    return cache.get(key, make)


def _parameters(spec: IndexSpec, name: str) -> list[Any]:
    """What a stage's result depends on, beside its input."""
    match name:
        case "denominate":
            return [[one.denominator, one.per] for one in spec.indicators] if spec.denominate else []
        case "screen":
            return [canonical(spec.screen)] if spec.screen else []
        case "impute":
            return [spec.panel, *(canonical(spec.impute_of(one)) for one in spec.indicators)]
        case "treat":
            return [spec.panel, *(canonical(spec.treat_of(one)) for one in spec.indicators)]
    return [
        spec.panel,
        *(
            [
                canonical(spec.normalise_of(one)),
                one.direction,
                one.shift,
                one.transform,
                one.goalposts,
                one.target,
            ]
            for one in spec.indicators
        ),
    ]


def _run(spec: IndexSpec, data: Data, name: str, key: str, before: Stage) -> Stage:
    rows, X, notes = before.rows, before.X.copy(), {}
    match name:
        case "denominate" if spec.denominate:
            for at, one in enumerate(spec.indicators):
                if one.denominator:
                    X[:, at] = denominate(X[:, at], data.columns([one.denominator])[rows, 0], one.per)
        case "screen" if spec.screen:
            notes = screen_rows(spec, data, rows, X)
            stay = np.array([_label(data, row) not in notes for row in rows])
            rows, X = rows[stay], X[stay]
            if not len(rows):
                raise StageError("screen", "", "leaves no unit")
            for code in np.array(spec.codes)[np.isnan(X).all(axis=0)]:
                raise StageError("screen", str(code), "has no value among the units that are left")
        case "impute":
            X = _impute(spec, data, rows, X)
        case "treat":
            for at, one in enumerate(spec.indicators):
                for block in blocks(spec, data, rows):
                    done = treat(X[block, at], spec.treat_of(one), one.code)
                    X[block, at] = done.values
                    if done.what:
                        when = _when(spec, data, rows[block])
                        notes[one.code] = "; ".join(filter(None, [notes.get(one.code), done.what + when]))
        case "normalise":
            for at, one in enumerate(spec.indicators):
                _refuse_moved(one, spec.normalise_of(one), before.notes.get(one.code, ""))
                for block in blocks(spec, data, rows):
                    X[block, at] = normalise(
                        X[block, at],
                        spec.normalise_of(one),
                        direction=one.direction,
                        shift=one.shift,
                        kind=one.transform,
                        posts=one.goalposts,
                        target=one.target,
                        reference=_reference(spec.normalise_of(one), data, rows[block]),
                        column=one.code,
                    )
    return Stage(name, key, rows, X, notes)


def screen_rows(spec: IndexSpec, data: Data, rows: Rows, X: Matrix) -> dict[str, str]:
    """Rows that the screening takes out, by unit (and year), with the reason."""
    assert spec.screen is not None
    for unit in (*spec.screen.keep, *spec.screen.drop):
        if unit not in data.units:
            raise StageError("screen", "", f"names the unit {unit}, which is not in the data")
    gone = screen(X, tuple(data.units[row] for row in rows), spec.screen)
    return {_label(data, rows[at]): why for at, why in gone.items()}


def _label(data: Data, row: int | np.int64) -> str:
    return data.units[row] if data.years is None else f"{data.units[row]} in {data.years[row]}"


def _when(spec: IndexSpec, data: Data, rows: Rows) -> str:
    return f" in {data.years[rows[0]]}" if data.years and spec.panel == "by_year" else ""


def blocks(spec: IndexSpec, data: Data, rows: Rows, *, by_year: bool | None = None) -> list[Rows]:
    """Places among ``rows`` that are scaled together: all, or those of each year."""
    apart = spec.panel == "by_year" if by_year is None else by_year
    if data.years is None or not apart:
        return [np.arange(len(rows))]
    years = np.array(data.years)[rows]
    return [np.flatnonzero(years == year) for year in sorted(set(years.tolist()))]


def _impute(spec: IndexSpec, data: Data, rows: Rows, X: Matrix) -> Matrix:
    out = X.copy()
    joint = [at for at, one in enumerate(spec.indicators) if isinstance(spec.impute_of(one), ImputeEM)]
    if joint:
        step = spec.impute
        assert isinstance(step, ImputeEM)
        codes = [spec.codes[at] for at in joint]
        for block in blocks(spec, data, rows):
            out[np.ix_(block, joint)] = em(X[np.ix_(block, joint)], step, codes)
    for at, one in enumerate(spec.indicators):
        out[:, at] = _impute_column(spec, data, rows, out[:, at], spec.impute_of(one), one.code)
    return out


def _impute_column(spec: IndexSpec, data: Data, rows: Rows, x: Matrix, step: Any, code: str) -> Matrix:
    if not np.isnan(x).any() or isinstance(step, ImputeEM):
        return x
    group = getattr(step, "group", None)
    if group is not None and group not in data.groups:
        raise DataError("is named by an imputation and is not among the groups read", column=group)
    along = isinstance(step, ImputeCarry | ImputeInterpolate)
    out = x.copy()
    for block in blocks(spec, data, rows, by_year=False if along else None):
        at = rows[block]
        out[block] = impute(
            x[block],
            step,
            groups=[data.groups[group][row] for row in at] if group is not None else None,
            units=[data.units[row] for row in at],
            years=[data.years[row] for row in at] if data.years else None,
            column=code,
        )
    return out


def _refuse_moved(one: Indicator, step: Normalise, treated: str) -> None:
    fixed = isinstance(step, Goalposts | DistanceToTarget)
    if fixed and ("log" in treated or "box_cox" in treated):
        raise StageError(
            "normalise",
            one.code,
            f"was treated ({treated}), so {step.name} in its unit no longer fit; treat it by none",
        )


def _reference(step: Normalise | None, data: Data, rows: Rows) -> int | None:
    if not isinstance(step, DistanceToReference):
        return None
    found = [at for at, row in enumerate(rows) if data.units[row] == step.reference]
    if not found:
        raise StageError("normalise", "", f"the reference unit {step.reference} is not in the data")
    if len(found) > 1:
        raise StageError("normalise", "", f"{step.reference} has several years; set panel to by_year")
    return found[0]


# --- nodes


def score_nodes(
    spec: IndexSpec, data: Data, stages: Sequence[Stage], cache: Cache
) -> tuple[dict[str, "NodeScore"], dict[str, str]]:
    """Score of every node from the normalised table, the last of ``stages``; and the key of every part."""
    last = stages[-1]
    seen: dict[str, Matrix] = {code: last.X[:, at] for at, code in enumerate(spec.codes)}
    keys = {code: key_of("column", code, last.key) for code in spec.codes}
    nodes: dict[str, NodeScore] = {}
    for node in spec.bottom_up:
        children = spec.children(node.code)
        given = [spec.by_code[child].weight for child in children]
        keys[node.code] = key_of(
            "node", _node_parameters(spec, node, given), *(keys[child] for child in children)
        )
        made = cache.get(keys[node.code], partial(_node, spec, data, last.rows, node, given, seen))
        nodes[node.code], seen[node.code] = made, made.seen
    return nodes, keys


def combine(spec: IndexSpec, data: Data, stages: Sequence[Stage], cache: Cache) -> IndexResult:
    """Scores and ranks of every node from the normalised table, the last of ``stages``."""
    rows = stages[-1].rows
    nodes, keys = score_nodes(spec, data, stages, cache)
    scores = {code: made.score for code, made in nodes.items()}
    weights = {code: made.weights for code, made in nodes.items()}
    before = {node.code: nodes[node.code].before for node in spec.nodes if node.normalise is not None}
    told = (line for made in nodes.values() for line in made.warnings)
    warnings = [*_unused(spec), *_flat(spec, stages[-1].X), *told]
    codes = tuple(node.code for node in spec.nodes)
    table = np.column_stack([scores[code] for code in codes])
    dropped = {unit: why for stage in stages if stage.name == "screen" for unit, why in stage.notes.items()}
    if dropped:
        warnings.insert(0, f"{len(dropped)} left out by screening: {_some(list(dropped))}")
    empty = [_label(data, row) for row, score in zip(rows, scores[spec.top], strict=True) if np.isnan(score)]
    if empty:
        warnings.append(f"{len(empty)} without a score in {spec.top}: {_some(empty)}")
    rounded = spec.output.rank_rounded and spec.output.round is not None
    ranked = round_half_up(table, spec.output.round or 0) if rounded else table
    at = next(place for place, stage in enumerate(stages) if stage.name == "impute")
    measured, filled = (_of_rows(stages[place], rows) for place in (at - 1, at))
    return IndexResult(
        units=tuple(data.units[row] for row in rows),
        years=tuple(data.years[row] for row in rows) if data.years else None,
        groups={name: tuple(values[row] for row in rows) for name, values in data.groups.items()},
        nodes=codes,
        scores=table,
        ranks=_ranks(spec, data, rows, ranked),
        coverage=np.column_stack([_covered(spec, code, measured) for code in codes]),
        weights=weights,
        before=before,
        stages=tuple(stages),
        imputed=np.isnan(measured) & ~np.isnan(filled),
        treated=next(dict(stage.notes) for stage in stages if stage.name == "treat"),
        dropped=dropped,
        warnings=tuple(warnings),
        spec_hash=spec.hash(),
        data_hash=data.hash,
        key=keys[spec.top],
    )


def _flat(spec: IndexSpec, X: Matrix) -> list[str]:
    """Columns that tell no unit from another, where the normalisation has an answer for them."""
    if len(X) < 2:
        return []
    alike = np.nanmax(X, axis=0, initial=-np.inf) == np.nanmin(X, axis=0, initial=np.inf)
    return [f"indicator {code} has the same score for every unit" for code in np.array(spec.codes)[alike]]


def _some(names: Sequence[str], most: int = 12) -> str:
    return (
        ", ".join(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"
    )


def _of_rows(stage: Stage, rows: Rows) -> Matrix:
    return stage.X[np.isin(stage.rows, rows)]


def _unused(spec: IndexSpec) -> list[str]:
    """Goalposts and targets that no normalisation looks at."""
    found = []
    for one in spec.indicators:
        step = spec.normalise_of(one)
        if one.goalposts is not None and not isinstance(step, Goalposts):
            found.append(f"indicator {one.code}.goalposts are not used by the normalisation {step.name}")
        if one.target is not None and not isinstance(step, DistanceToTarget):
            found.append(f"indicator {one.code}.target is not used by the normalisation {step.name}")
    return found


def _covered(spec: IndexSpec, node: str, measured: Matrix) -> Matrix:
    place = {code: at for at, code in enumerate(spec.codes)}
    return np.asarray((~np.isnan(measured[:, [place[leaf] for leaf in spec.leaves(node)]])).mean(axis=1))


def _ranks(spec: IndexSpec, data: Data, rows: Rows, table: Matrix) -> Matrix:
    ranks = np.full(table.shape, np.nan)
    for block in blocks(spec, data, rows, by_year=True):
        for at in range(table.shape[1]):
            ranks[block, at] = rank(table[block, at], spec.tie, first=spec.output.first)
    return ranks


def round_half_up(values: Matrix, places: int) -> Matrix:
    """``values`` to ``places`` decimals as tables are rounded: a half goes away from zero.

    A half that floating point put a billionth below itself is still a half.
    """
    size = 10.0**places
    return np.asarray(np.sign(values) * np.floor(np.abs(values) * size + 0.5 + 1e-9) / size)


@dataclass(frozen=True, eq=False)
class NodeScore:
    """A node's score as reported, as its parent sees it (gaps filled), and before it was normalised again."""

    score: Matrix
    seen: Matrix
    before: Matrix
    weights: Matrix
    warnings: tuple[str, ...]


def _node_parameters(spec: IndexSpec, node: Node, given: Sequence[float]) -> str:
    """What a node's score depends on, beside its children."""
    steps = [
        canonical(step) if step else None
        for step in (node.aggregate, node.weights, node.normalise, node.impute)
    ]
    return json.dumps([spec.panel, node.code, steps, given, node.min_coverage, node.round])


def _node(
    spec: IndexSpec, data: Data, rows: Rows, node: Node, given: Sequence[float], seen: Mapping[str, Matrix]
) -> NodeScore:
    children = spec.children(node.code)
    X = np.column_stack([seen[child] for child in children])
    warnings: list[str] = []
    score = np.full(len(X), np.nan)
    used: list[Matrix] = []
    parts = blocks(spec, data, rows)
    for block in parts:
        weights = derive(node.weights, X[block], np.array(given), children, node.code, warnings)
        used.append(weights)
        score[block] = aggregate(X[block], weights, node.aggregate, node=node.code, codes=children)
    if (
        isinstance(node.aggregate, PowerMean)
        and node.aggregate.power <= 0
        and not math.isinf(node.aggregate.power)
    ):
        for at in np.flatnonzero((X == 0).any(axis=0)):
            zeros = int((X[:, at] == 0).sum())
            warnings.append(
                f"{zeros} with a 0 in {children[at]} have {node.code} 0, whatever their other values"
            )
    there = ~np.isnan(X)
    thin = (there.mean(axis=1) < node.min_coverage - 1e-9) & ~np.isnan(score)
    if thin.any():
        names = _some([_label(data, row) for row in rows[thin]])
        warnings.append(
            f"{int(thin.sum())} without {node.code}: less than {node.min_coverage:.0%} of its parts "
            f"are there, for {names}"
        )
        score[thin] = np.nan
    before = score
    if node.normalise is not None:
        score = score.copy()
        for block in parts:
            reference = _reference(node.normalise, data, rows[block])
            score[block] = normalise(score[block], node.normalise, reference=reference, column=node.code)
    if node.round is not None:
        score = round_half_up(score, node.round)
    filled = _impute_column(spec, data, rows, score, node.impute, node.code) if node.impute else score
    kept = used[0] if len(used) == 1 else _by_row(used, parts, X.shape)
    return NodeScore(score, filled, before, kept, tuple(warnings))


def _by_row(used: Sequence[Matrix], parts: Sequence[Rows], shape: tuple[int, ...]) -> Matrix:
    """Weights that differ by year, one row a unit and year."""
    table = np.empty(shape)
    for weights, block in zip(used, parts, strict=True):
        table[block] = weights
    return table


def derive(
    step: Weights,
    X: Matrix,
    given: Matrix,
    codes: Sequence[str],
    node: str,
    warnings: list[str],
) -> Matrix:
    """Weights (C,), or (U, C) where each unit has its own, of the children ``X`` (U, C) of a node."""
    match step:
        case Given():
            return given
        case Equal():
            return np.ones(len(codes))
        case PcaWeights():
            return weighing.pca(X, components=step.components, names=codes)
        case FactorWeights():
            return weighing.factor(X, use=step.use, names=codes)
        case EntropyWeights():
            return weighing.entropy(X, names=codes)
        case CriticWeights():
            return weighing.critic(X, names=codes)
        case BudgetWeights():
            return weighing.budget(step.points, names=codes)
        case CorrelationWeights():
            balanced = weighing.correlation_balanced(X, given / given.sum(), names=codes)
            return balanced.weights
        case BenefitOfDoubt():
            return weighing.benefit_of_doubt(
                X, share_min=step.share_min, share_max=step.share_max, names=codes
            ).weights
        case AhpWeights():
            found = weighing.ahp(step.comparisons, names=codes)
            if found.ratio > step.max_ratio:
                warnings.append(
                    f"the comparisons of {node} contradict each other: consistency ratio {found.ratio:.3f}, "
                    f"at most {step.max_ratio:g} is usual"
                )
            return found.weights
    raise TypeError(f"{step!r} gives no weights")
