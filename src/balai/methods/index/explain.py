"""Why a score is what it is: contributions, what would change it, and whether the parts hang together."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from balai.methods.index.build import IndexResult, build, prepare, score_nodes
from balai.methods.index.data import Data
from balai.methods.index.edits import edit
from balai.methods.index.errors import MethodError, SpecError
from balai.methods.index.ranking import rank
from balai.methods.index.spec import IndexSpec, Node
from balai.methods.index.stages import Cache, Stage, key_of
from balai.methods.index.steps import PowerMean, WeightedSum

Matrix = NDArray[np.float64]


# --- contributions


@dataclass(frozen=True)
class Decomposition:
    """What each indicator gives to a score; ``contributions`` sum to ``total``.

    "additive": to the score. "log-additive": to its logarithm, for geometric means. "difference": to the
    score less that of the unit ``against``.
    """

    unit: str
    node: str
    kind: Literal["additive", "log-additive", "difference"]
    score: float
    total: float
    contributions: Mapping[str, float]
    against: str | None = None


def decompose(
    spec: IndexSpec,
    result: IndexResult,
    unit: str,
    *,
    node: str | None = None,
    against: str | None = None,
    year: int | None = None,
) -> Decomposition:
    """Contributions of the indicators to a unit's score in ``node`` (the index if None), without remainder.

    Arithmetic means and sums throughout give shares of the score, geometric means throughout shares of its
    logarithm. For any nest of power means, normalised again or not, ``against`` another unit gives shares of
    the difference: each mean's difference is passed down in proportion to weight and to the slope of the
    chord between both units, which leaves nothing over. Other aggregations have no such shares:
    ``MethodError`` names the node.
    """
    top = node or spec.top
    if top not in result.nodes:
        raise SpecError("node", f"{top} is no node; there are {', '.join(result.nodes)}")
    row = result.row(unit, year)
    score = float(result.score(top)[row])
    if math.isnan(score):
        raise MethodError(f"unit {unit} has no score in {top}")
    if against is not None:
        other = result.row(against, year)
        return _difference(spec, result, top, (row, unit), (other, against))
    power = _one_power(spec, top)
    parts: dict[str, float] = {}
    _share(spec, result, top, row, 1.0, parts)
    if power == 1:
        kind: Literal["additive", "log-additive"] = "additive"
        table = {code: weight * value for code, (weight, value) in _leaves(spec, result, parts, row).items()}
    else:
        kind = "log-additive"
        leaves = _leaves(spec, result, parts, row)
        zero = next((code for code, (_, value) in leaves.items() if value <= 0), None)
        if zero is not None:
            raise MethodError(f"unit {unit} has {leaves[zero][1]:g} in {zero}, which has no logarithm")
        table = {code: weight * math.log(value) for code, (weight, value) in leaves.items()}
    return Decomposition(unit, top, kind, score, math.fsum(table.values()), table)


def _one_power(spec: IndexSpec, top: str) -> float:
    """1 or 0 where every node from ``top`` down is that mean, and none is normalised or rounded."""
    powers: dict[str, float] = {}
    for code in _below(spec, top):
        node = spec.by_code[code]
        assert isinstance(node, Node)
        if node.normalise is not None or node.round is not None:
            raise MethodError(f"node {code} is normalised again or rounded; name a unit to compare with")
        power = (
            node.aggregate.power
            if isinstance(node.aggregate, PowerMean)
            else 1.0
            if isinstance(node.aggregate, WeightedSum)
            else math.nan
        )
        if power not in (0.0, 1.0):
            raise MethodError(
                f"node {code} is aggregated by {node.aggregate.name}, whose parts do not add up; "
                "name a unit to compare with"
            )
        powers[code] = power
    if len(set(powers.values())) > 1:
        raise MethodError(
            f"the nodes below {top} are not all arithmetic nor all geometric; name a unit to compare with"
        )
    return next(iter(powers.values()))


def _below(spec: IndexSpec, top: str) -> list[str]:
    """Codes of the nodes from ``top`` down, itself first."""
    found = [top]
    nodes = {node.code for node in spec.nodes}
    for code in found:
        found += [child for child in spec.children(code) if child in nodes]
    return found


def _values(spec: IndexSpec, result: IndexResult, code: str, row: int) -> Matrix:
    """What a node took from its children in one row, (C,)."""
    last = result.stages[-1]
    place = {each: at for at, each in enumerate(spec.codes)}
    nodes = {node.code: node for node in spec.nodes}
    values = []
    for child in spec.children(code):
        if child in place:
            values.append(float(last.X[row, place[child]]))
            continue
        value = float(result.score(child)[row])
        if math.isnan(value) and nodes[child].impute is not None:
            raise MethodError(f"node {child} is imputed here, so {code} cannot be taken apart")
        values.append(value)
    return np.array(values)


def _shares_of(spec: IndexSpec, result: IndexResult, code: str, row: int) -> Matrix:
    """Weights (C,) by which a node took what was there in one row: shares, or as they are for a sum."""
    node = spec.by_code[code]
    assert isinstance(node, Node)
    weights = result.weights[code]
    own = np.where(
        np.isnan(_values(spec, result, code, row)), 0.0, weights[row] if weights.ndim == 2 else weights
    )
    return own if isinstance(node.aggregate, WeightedSum) else np.asarray(own / own.sum())


def _share(
    spec: IndexSpec, result: IndexResult, code: str, row: int, weight: float, found: dict[str, float]
) -> None:
    nodes = {node.code for node in spec.nodes}
    own = _shares_of(spec, result, code, row)
    for child, share in zip(spec.children(code), own, strict=True):
        if share == 0:
            continue
        if child in nodes:
            _share(spec, result, child, row, weight * float(share), found)
        else:
            found[child] = weight * float(share)


def _leaves(
    spec: IndexSpec, result: IndexResult, shares: Mapping[str, float], row: int
) -> dict[str, tuple[float, float]]:
    last = result.stages[-1].X[row]
    return {code: (share, float(last[spec.codes.index(code)])) for code, share in shares.items()}


def _difference(
    spec: IndexSpec, result: IndexResult, top: str, one: tuple[int, str], two: tuple[int, str]
) -> Decomposition:
    found: dict[str, float] = {}
    nodes = {node.code for node in spec.nodes}

    def visit(code: str, passed: float) -> None:
        """Pass down what the parent's difference owes to one unit of this node's difference."""
        node = spec.by_code[code]
        assert isinstance(node, Node)
        step = node.aggregate
        power = 1.0 if isinstance(step, WeightedSum) else getattr(step, "power", None)
        if power is None or math.isinf(power):
            raise MethodError(f"node {code} is aggregated by {step.name}, whose parts do not add up")
        mine, other = (_values(spec, result, code, row) for row, _ in (one, two))
        if (np.isnan(mine) != np.isnan(other)).any():
            raise MethodError(f"{one[1]} and {two[1]} do not have the same parts of {code}")
        if result.weights[code].ndim == 2:
            raise MethodError(f"node {code} weighs each unit by its own weights")
        own = _shares_of(spec, result, code, one[0])
        scores = [float(result.score(code)[row]) for row, _ in (one, two)]
        plain = (
            [float(result.before[code][row]) for row, _ in (one, two)] if code in result.before else scores
        )
        slope = _chord(scores[0], scores[1], *plain)
        for child, weight, x, y in zip(spec.children(code), own, mine, other, strict=True):
            if weight == 0:
                continue
            part = passed * slope * float(weight) * _rise(float(x), float(y), plain[0], plain[1], power)
            if child in nodes:
                visit(child, part)
            else:
                found[child] = part * (float(x) - float(y))

    scores = [float(result.score(top)[row]) for row, _ in (one, two)]
    if math.isnan(scores[1]):
        raise MethodError(f"unit {two[1]} has no score in {top}")
    visit(top, 1.0)
    return Decomposition(one[1], top, "difference", scores[0], scores[0] - scores[1], found, two[1])


def _chord(high: float, low: float, x: float, y: float) -> float:
    """Slope of a function through both points; 1 where they are one."""
    return (high - low) / (x - y) if x != y else 1.0


def _rise(x: float, y: float, s: float, r: float, power: float) -> float:
    """How much a power mean's difference s - r owes, by weight, to a difference x - y of a part."""
    if power == 1:
        return 1.0
    if min(x, y, s, r) <= 0:
        raise MethodError(f"a value of {min(x, y, s, r):g} in a mean of power {power:g} has no shares")

    def secant(a: float, b: float) -> float:
        if abs(a - b) <= 1e-9 * max(a, b):
            middle = (a + b) / 2
            return 1 / middle if power == 0 else power * middle ** (power - 1)
        return (math.log(a) - math.log(b)) / (a - b) if power == 0 else (a**power - b**power) / (a - b)

    return secant(x, y) / secant(s, r)


# --- what if


@dataclass(frozen=True, eq=False)
class Diff:
    """Two indices of the same units: ``before`` and ``after`` scores and ranks (U,) in the target.

    ``changes`` lists each field that differs, as address, old and new value. ``moves`` (U,) are places won.
    """

    units: tuple[str, ...]
    changes: tuple[tuple[str, Any, Any], ...]
    scores_before: Matrix
    scores_after: Matrix
    ranks_before: Matrix
    ranks_after: Matrix

    @property
    def moves(self) -> Matrix:
        """Places won (lost where below 0) by each unit; NaN where it lacks one of the ranks."""
        return self.ranks_before - self.ranks_after

    @property
    def mean_shift(self) -> float:
        """Mean absolute difference of ranks."""
        moves = self.moves
        there = ~np.isnan(moves)
        return float(np.abs(moves[there]).mean()) if there.any() else math.nan

    @property
    def rank_correlation(self) -> float:
        """Spearman's correlation of both rankings."""
        both = ~np.isnan(self.moves)
        return float(np.corrcoef(self.ranks_before[both], self.ranks_after[both])[0, 1])

    def top(self, k: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Units that come into the first ``k``, and that drop out."""
        was, now = self.ranks_before <= k, self.ranks_after <= k
        names = np.array(self.units)
        return tuple(names[now & ~was].tolist()), tuple(names[was & ~now].tolist())


def what_if(
    spec: IndexSpec, data: Data, other: IndexSpec | Mapping[str, Any], *, target: str | None = None
) -> Diff:
    """The index, and the index otherwise: another specification, or changes by address (see ``edits``)."""
    changed = other if isinstance(other, IndexSpec) else edit(spec, other)
    cache = Cache()
    sides = [(each, build(each, data, cache)) for each in (spec, changed)]
    rows = {key: at for at, key in enumerate(data.keys)}
    tables = []
    for each, result in sides:
        code = target or each.top
        if code not in result.nodes:
            raise SpecError("target", f"{code} is no node; there are {', '.join(result.nodes)}")
        keys = zip(result.units, result.years or [None] * len(result.units), strict=True)
        at = [rows[key] for key in keys]
        for values in (result.score(code), result.rank(code)):
            whole = np.full(len(data.units), np.nan)
            whole[at] = values
            tables.append(whole)
    return Diff(
        units=tuple(unit if year is None else f"{unit} {year}" for unit, year in data.keys),
        changes=changes_between(spec, changed),
        scores_before=tables[0],
        ranks_before=tables[1],
        scores_after=tables[2],
        ranks_after=tables[3],
    )


def changes_between(one: IndexSpec, two: IndexSpec) -> tuple[tuple[str, Any, Any], ...]:
    """Fields in which two specifications differ: address, value in the first, value in the second."""
    flat = [_flat(spec.as_dict()) for spec in (one, two)]
    keys = dict.fromkeys([*flat[0], *flat[1]])
    return tuple(
        (key, flat[0].get(key), flat[1].get(key)) for key in keys if flat[0].get(key) != flat[1].get(key)
    )


def _flat(value: Any, at: str = "") -> dict[str, Any]:
    """Every field of a specification by its address."""
    if isinstance(value, dict):
        parts = [(f"{at}.{name}".lstrip("."), part) for name, part in value.items()]
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        parts = [(f"{at} {part.get('code', '')}", part) for part in value]
    else:
        return {at: value}
    return {address: each for place, part in parts for address, each in _flat(part, place).items()}


# --- leave one out


@dataclass(frozen=True, eq=False)
class LeftOut:
    """``ranks`` (parts, U) without each part, ``nominal`` (U,) with all, ``shift`` (parts,) their mean
    absolute difference.
    """

    units: tuple[str, ...]
    parts: tuple[str, ...]
    nominal: Matrix
    ranks: Matrix
    shift: Matrix


def leave_one_out(
    spec: IndexSpec, data: Data, parts: Sequence[str] | None = None, *, target: str | None = None
) -> LeftOut:
    """Rank anew without each of ``parts`` (indicators or nodes; all indicators if None), the others' weights
    sharing what it had. What was screened, imputed, treated and normalised stays as it was.
    """
    goal = target or spec.top
    cache = Cache()
    stages = prepare(spec, data, cache)
    last = stages[-1]
    nominal = build(spec, data, cache).rank(goal)
    found = []
    for code in parts or spec.codes:
        smaller = without(spec, code, goal)
        keep = [spec.codes.index(each) for each in smaller.codes]
        table = Stage(last.name, key_of("without", code, last.key), last.rows, last.X[:, keep], last.notes)
        nodes, _ = score_nodes(smaller, data, [*stages[:-1], table], cache)
        found.append(_rank_by_year(smaller, data, last.rows, nodes[goal].score))
    ranks = np.array(found)
    with np.errstate(invalid="ignore"):
        shift = np.nanmean(np.abs(ranks - nominal), axis=1)
    labels = [data.keys[row] for row in last.rows]
    return LeftOut(
        tuple(unit if year is None else f"{unit} {year}" for unit, year in labels),
        tuple(parts or spec.codes),
        nominal,
        ranks,
        shift,
    )


def _rank_by_year(spec: IndexSpec, data: Data, rows: NDArray[np.int64], scores: Matrix) -> Matrix:
    if data.years is None:
        return rank(scores, spec.tie, first=spec.output.first)
    found = np.full(len(scores), np.nan)
    years = np.array(data.years)[rows]
    for year in np.unique(years):
        found[years == year] = rank(scores[years == year], spec.tie, first=spec.output.first)
    return found


def without(spec: IndexSpec, code: str, keep: str | None = None) -> IndexSpec:
    """The specification without a part and all below it, and without nodes that are left empty.

    ``SpecError`` where nothing would be left of ``keep`` (the index if None).
    """
    goal = keep or spec.top
    if code not in spec.by_code:
        raise SpecError("part", f"there is no part {code}")
    gone = {code}
    while True:
        more = {
            each
            for each, part in spec.by_code.items()
            if each not in gone
            and (
                part.parent in gone
                or (isinstance(part, Node) and all(child in gone for child in spec.children(each)))
            )
        }
        if not more:
            break
        gone |= more
    if goal in gone or spec.top in gone:
        raise SpecError("part", f"without {code} nothing is left of {goal}")
    return replace(
        spec,
        indicators=tuple(one for one in spec.indicators if one.code not in gone),
        nodes=tuple(node for node in spec.nodes if node.code not in gone),
    )


# --- audit


HIGH, WEAK, AGAINST = 0.92, 0.3, -0.4
"""Correlations above the first say the same twice, below the second say little of the whole, below the
third pull apart: the thresholds of the JRC's audits."""


@dataclass(frozen=True, eq=False)
class NodeAudit:
    """How the children of one node hang together.

    ``correlations`` (C, C) among them and ``with_node`` (C,) with its score; ``alpha`` Cronbach's;
    ``eigenvalues`` (C,) of the correlations, greatest first; ``nominal`` (C,) the weights as shares and
    ``influence`` (C,) the squared correlations with the score, as shares; ``flags`` what to look at.
    """

    node: str
    children: tuple[str, ...]
    correlations: Matrix
    with_node: Matrix
    alpha: float
    eigenvalues: Matrix
    nominal: Matrix
    influence: Matrix
    flags: tuple[str, ...]

    @property
    def explained(self) -> Matrix:
        """Share of the variance explained by each principal component, (C,)."""
        return np.asarray(self.eigenvalues / self.eigenvalues.sum())

    @property
    def components(self) -> int:
        """Principal components with an eigenvalue above 1: more than one say that this is not one thing."""
        return int((self.eigenvalues > 1 + 1e-9).sum())


@dataclass(frozen=True, eq=False)
class Audit:
    """The audit of every node, and ``effective`` nominal weights of all parts in the index."""

    nodes: Mapping[str, NodeAudit]
    effective: Mapping[str, float]

    @property
    def flags(self) -> tuple[str, ...]:
        """What to look at, node by node."""
        return tuple(f"{code}: {flag}" for code, node in self.nodes.items() for flag in node.flags)


def audit(spec: IndexSpec, result: IndexResult) -> Audit:
    """Coherence of an index: correlations, Cronbach's alpha, principal components, weights and influence."""
    place = {code: at for at, code in enumerate(spec.codes)}
    last = result.stages[-1].X
    found = {}
    for node in spec.nodes:
        children = spec.children(node.code)
        table = np.column_stack([last[:, place[c]] if c in place else result.score(c) for c in children])
        score = result.score(node.code)
        among = correlations(table)
        with_node = np.array([_pair(column, score) for column in table.T])
        weights = result.weights[node.code]
        shares = weights / weights.sum() if weights.ndim == 1 else np.nanmean(weights, axis=0)
        squares = with_node**2
        known = among.copy()
        known[np.isnan(known)] = 0.0
        np.fill_diagonal(known, 1.0)
        found[node.code] = NodeAudit(
            node=node.code,
            children=children,
            correlations=among,
            with_node=with_node,
            alpha=cronbach(table),
            eigenvalues=np.linalg.eigvalsh(known)[::-1],
            nominal=shares,
            influence=squares / np.nansum(squares) if np.nansum(squares) > 0 else squares,
            flags=_flags(children, among, with_node),
        )
    return Audit(found, effective_weights(spec, result))


def _flags(children: Sequence[str], among: Matrix, with_node: Matrix) -> tuple[str, ...]:
    flags = []
    for i, one in enumerate(children):
        for j in range(i):
            r = among[i, j]
            if r > HIGH:
                flags.append(f"{children[j]} and {one} say the same twice (r = {r:.2f})")
            elif r < AGAINST:
                flags.append(f"{children[j]} and {one} pull apart (r = {r:.2f})")
        if len(children) > 1:
            if with_node[i] < 0:
                flags.append(f"{one} runs against the score (r = {with_node[i]:.2f})")
            elif with_node[i] < WEAK:
                flags.append(f"{one} hardly moves the score (r = {with_node[i]:.2f})")
    return tuple(flags)


def _pair(x: Matrix, y: Matrix) -> float:
    both = ~(np.isnan(x) | np.isnan(y))
    if both.sum() < 3:
        return math.nan
    a, b = x[both] - x[both].mean(), y[both] - y[both].mean()
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size > 0 else math.nan


def correlations(x: Matrix, *, significance: float | None = None) -> Matrix:
    """Pearson correlations (C, C) of the columns of ``x`` (U, C), each pair over the units that have both.

    NaN where fewer than 3 do, where a column does not vary and, if ``significance`` is given, where Student's
    t does not reject no correlation at that level (two-sided).
    """
    count = x.shape[1]
    found = np.eye(count)
    for i in range(count):
        for j in range(i):
            r = _pair(x[:, i], x[:, j])
            if significance is not None and not math.isnan(r):
                n = int((~np.isnan(x[:, i]) & ~np.isnan(x[:, j])).sum())
                if _p_value(r, n) > significance:
                    r = math.nan
            found[i, j] = found[j, i] = r
    return found


def _p_value(r: float, n: int) -> float:
    """Two-sided p of no correlation."""
    from scipy.special import stdtr

    if abs(r) >= 1:
        return 0.0
    t = r * math.sqrt((n - 2) / (1 - r * r))
    return float(2 * stdtr(n - 2, -abs(t)))


def cronbach(x: Matrix) -> float:
    """Cronbach's alpha of the columns of ``x`` (U, C), each covariance over the units that have both values.

    NaN for a single column.
    """
    count = x.shape[1]
    if count < 2:
        return math.nan
    cov = np.empty((count, count))
    for i in range(count):
        for j in range(i + 1):
            both = ~(np.isnan(x[:, i]) | np.isnan(x[:, j]))
            if both.sum() < 2:
                return math.nan
            a, b = x[both, i], x[both, j]
            cov[i, j] = cov[j, i] = (a - a.mean()) @ (b - b.mean()) / (both.sum() - 1)
    whole = float(cov.sum())
    between = (whole - float(np.trace(cov))) / (count * (count - 1))
    return count**2 * between / whole if whole else math.nan


def effective_weights(spec: IndexSpec, result: IndexResult) -> dict[str, float]:
    """Share of each part's weight in the whole index: shares multiplied from the top down."""
    found = {spec.top: 1.0}
    for node in reversed(spec.bottom_up):
        weights = result.weights[node.code]
        own = np.nanmean(weights, axis=0) if weights.ndim == 2 else weights
        for child, share in zip(spec.children(node.code), own / own.sum(), strict=True):
            found[child] = found[node.code] * float(share)
    return found
