"""Many replications of one index at a time: a tree compiled to matrix products, and ranks of many rows.

What differs between replications of one table are the weights. Where a node and the nodes below it take the
same power mean of complete columns, the whole piece is one mean with effective weights, and the scores of
many replications are one product of matrices. Results agree with ``build`` but for the order of summation.
"""

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from balai.methods.index.build import NodeScore
from balai.methods.index.ranking import rank
from balai.methods.index.spec import IndexSpec, Node
from balai.methods.index.special import copeland
from balai.methods.index.steps import (
    Aggregate,
    Copeland,
    Equal,
    Given,
    MazziottaPareto,
    Minimum,
    PowerMean,
    Ties,
    WeightedProduct,
    WeightedSum,
)

Matrix = NDArray[np.float64]
Ranks = NDArray[np.int32]


_KNOWN = (PowerMean, WeightedSum, Minimum, MazziottaPareto, Copeland)


class NotPlainError(Exception):
    """The tree holds something that only ``build`` can do; its text says what."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Linear algebra on one thread: so blocks of work may have their own, and bits do not depend on them."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield


def parts_of(spec: IndexSpec) -> tuple[str, ...]:
    """Codes of all parts that have a weight, in the order of a row of weights: indicators, then nodes."""
    return (*spec.codes, *(node.code for node in spec.nodes))


def base_weights(spec: IndexSpec) -> Matrix:
    """Weight of each of ``parts_of`` (P,) as its parent takes it: its own, or 1 where all count the same."""
    nodes = {node.code: node for node in spec.nodes}
    return np.array(
        [
            1.0 if part.parent and isinstance(nodes[part.parent].weights, Equal) else part.weight
            for part in spec.by_code.values()
        ]
    )


@dataclass(frozen=True)
class Piece:
    """A node with all below it that is the same mean of complete columns; ``leaves`` (L,) are its columns."""

    power: float
    leaves: NDArray[np.intp]


class Buffers:
    """Memory of one thread that work is done in, and done in again: new memory costs more than the work."""

    def __init__(self) -> None:
        self._local = threading.local()

    def of(self, name: str, *shape: int, dtype: Any = np.float64) -> Any:
        """An array of ``shape``; its content is whatever was left there."""
        kept: dict[str, NDArray[Any]] = self._local.__dict__
        size = math.prod(shape)
        if name not in kept or kept[name].size < size:
            kept[name] = np.empty(size, dtype=dtype)
        return kept[name][:size].reshape(shape)

    def counting(self, count: int, units: int, step: int) -> NDArray[np.int32]:
        """Rows (count, units) of step, 2 step, ... as ranks are."""
        kept: dict[Any, NDArray[Any]] = self._local.__dict__
        key = f"counting {units} {step}"
        if key not in kept or len(kept[key]) < count:
            row = np.arange(step, step * units + 1, step, dtype=np.int32)
            kept[key] = np.repeat(row[None, :], count, axis=0)
        return kept[key][:count]


class Leaves:
    """Normalised columns (I, U) of one table, and their powers and logarithms as they are asked for."""

    def __init__(self, columns: Matrix) -> None:
        self.columns = columns
        self._kept: dict[tuple[float, int], Matrix] = {}

    def powered(self, power: float, piece: int, which: NDArray[np.intp]) -> Matrix:
        """Columns ``which`` (L, U), to a power, or their logarithms for power 0; kept under ``piece``."""
        if (power, piece) not in self._kept:
            whole = which.size == len(self.columns) and bool((which == np.arange(which.size)).all())
            self._kept[power, piece] = to_power(self.columns if whole else self.columns[which], power)
        return self._kept[power, piece]


def to_power(x: Matrix, power: float) -> Matrix:
    """x ** power, the logarithm for power 0; ``x`` itself for power 1."""
    if power == 1:
        return x
    with np.errstate(divide="ignore"):
        if power == 0:
            return np.log(x)
        return np.asarray(1.0 / x if power == -1 else x * x if power == 2 else x**power)


def from_power(x: Matrix, power: float) -> Matrix:
    """The way back from ``to_power``."""
    if power == 1:
        return x
    with np.errstate(divide="ignore"):
        if power == 0:
            return np.exp(x, out=x)
        return np.asarray(1.0 / x if power == -1 else np.sqrt(x) if power == 2 else x ** (1 / power))


class Tree:
    """The part of a specification below ``target``, compiled for one pattern of gaps.

    ``columns`` (units, indicators) is the normalised table and ``nodes`` the scores of ``build`` on it, which
    give the gaps of every node and the weights that follow from data; None where there is neither. Only the
    units ``rows`` are scored.
    Rows of weights are as ``parts_of``. ``NotPlainError`` where only ``build`` will do.
    """

    def __init__(
        self,
        spec: IndexSpec,
        columns: Matrix,
        nodes: Mapping[str, NodeScore] | None,
        target: str,
        rows: NDArray[np.intp],
    ) -> None:
        self.spec = spec
        self.target = target
        self.place = {code: at for at, code in enumerate(parts_of(spec))}
        self.count = len(spec.codes)
        self.gaps = np.isnan(columns[rows]).T
        nowhere = np.zeros(len(rows), dtype=np.bool_)
        self.absent = {
            node.code: np.isnan(nodes[node.code].score[rows]) if nodes else nowhere for node in spec.nodes
        }
        self.fixed: dict[str, Matrix] = {}
        self.pieces: dict[str, Piece] = {}
        self._numbers: dict[str, int] = {}
        for node in spec.bottom_up:
            if node.code == target or target in self._above(node):
                self._check(node, nodes[node.code].weights if nodes else None)
        self._cut(target)

    def _above(self, node: Node) -> list[str]:
        codes = {each.code: each for each in self.spec.nodes}
        found = []
        while node.parent:
            node = codes[node.parent]
            found.append(node.code)
        return found

    def _check(self, node: Node, weights: Matrix | None) -> None:
        at = f"node {node.code}"
        if node.normalise is not None:
            raise NotPlainError(f"{at} is normalised again")
        if node.round is not None:
            raise NotPlainError(f"{at} is rounded")
        if not isinstance(node.aggregate, _KNOWN):
            raise NotPlainError(f"{at} is aggregated by {node.aggregate.name}")
        if node.impute is not None and self.absent[node.code].any():
            raise NotPlainError(f"{at} is imputed")
        if isinstance(node.aggregate, MazziottaPareto) and self.absent[node.code].any():
            raise NotPlainError(f"{at} has no score for some")
        if isinstance(node.aggregate, WeightedProduct):
            raise NotPlainError(f"{at} is a product")
        if isinstance(node.aggregate, PowerMean) and math.isinf(node.aggregate.power):
            raise NotPlainError(f"{at} is a limit of power means")
        if not isinstance(node.weights, Given | Equal):
            if any(child in self.absent for child in self.spec.children(node.code)):
                raise NotPlainError(f"{at} weighs nodes by {node.weights.name}")
            if weights is None or weights.ndim != 1:
                raise NotPlainError(f"{at} weighs each unit by its own")
            self.fixed[node.code] = weights

    def _power(self, step: Aggregate) -> float | None:
        return step.power if isinstance(step, PowerMean) else 1.0 if isinstance(step, WeightedSum) else None

    def _whole(self, code: str, power: float) -> list[int] | None:
        """Columns of a piece of this power from ``code`` down, or None if it is not one."""
        if code not in self.absent:
            at = self.place[code]
            return None if self.gaps[at].any() else [at]
        node = self.spec.by_code[code]
        assert isinstance(node, Node)
        if self._power(node.aggregate) != power:
            return None
        found: list[int] = []
        for child in self.spec.children(code):
            below = self._whole(child, power)
            if below is None:
                return None
            found += below
        return found

    def _cut(self, code: str) -> None:
        """Find the pieces from ``code`` down."""
        node = self.spec.by_code[code]
        assert isinstance(node, Node)
        power = self._power(node.aggregate)
        whole = self._whole(code, power) if power is not None else None
        self._numbers[code] = len(self._numbers)
        if whole is not None:
            assert power is not None
            self.pieces[code] = Piece(power, np.array(whole, dtype=np.intp))
            return
        for child in self.spec.children(code):
            if child in self.absent:
                self._cut(child)

    @property
    def single(self) -> Piece | None:
        """The piece that is the whole tree, if it is one."""
        return self.pieces.get(self.target)

    def own(self, code: str, weights: Matrix) -> Matrix:
        """Weights (R, C) by which a node takes its children."""
        if code in self.fixed:
            return np.broadcast_to(self.fixed[code], (len(weights), len(self.fixed[code])))
        return weights[:, [self.place[child] for child in self.spec.children(code)]]

    def _effective(self, code: str, weights: Matrix) -> Matrix:
        """Weights (R, L) of the columns of a piece, from ``code`` down."""
        node = self.spec.by_code[code]
        assert isinstance(node, Node)
        w = self.own(code, weights)
        if not isinstance(node.aggregate, WeightedSum):
            w = w / w.sum(axis=1, keepdims=True)
        blocks: list[Matrix] = []
        children = self.spec.children(code)
        plain = sum(child not in self.absent for child in children)
        if plain:
            blocks.append(w[:, :plain])
        blocks += [
            w[:, at : at + 1] * self._effective(child, weights)
            for at, child in enumerate(children[plain:], plain)
        ]
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)

    def effective(self, weights: Matrix) -> dict[str, Matrix]:
        """Effective weights (R, L) of every piece for rows of weights (R, P)."""
        return {code: np.ascontiguousarray(self._effective(code, weights)) for code in self.pieces}

    def scores(
        self, weights: Matrix, effective: dict[str, Matrix], leaves: Leaves, buffers: Buffers
    ) -> tuple[Matrix, NDArray[np.bool_]]:
        """Scores (R, U) of the target, and which rows (R,) are for ``build`` to do, since a value is odd.

        The scores lie in ``buffers`` until the next call.
        """
        odd = np.zeros(len(weights), dtype=np.bool_)
        if self.single is not None:
            found: Matrix = buffers.of("scores", len(weights), leaves.columns.shape[1])
            table = leaves.powered(self.single.power, 0, self.single.leaves)
            with np.errstate(invalid="ignore", divide="ignore"):
                np.matmul(effective[self.target], table, out=found)
                found = from_power(found, self.single.power)
            odd |= np.isnan(found.sum(axis=1))
            return found, odd
        with np.errstate(invalid="ignore", divide="ignore"):
            found = self._value(self.target, weights, effective, leaves, odd)
        return found if len(found) == len(weights) else np.repeat(found, len(weights), axis=0), odd

    def _value(
        self,
        code: str,
        weights: Matrix,
        effective: dict[str, Matrix],
        leaves: Leaves,
        odd: NDArray[np.bool_],
    ) -> Matrix:
        """Scores of a part: (R, U), or (1, U) where weights do not matter."""
        if code not in self.absent:
            return leaves.columns[None, self.place[code]]
        if code in self.pieces:
            piece = self.pieces[code]
            table = leaves.powered(piece.power, self._numbers[code], piece.leaves)
            found = from_power(effective[code] @ table, piece.power)
        else:
            node = self.spec.by_code[code]
            assert isinstance(node, Node)
            children = self.spec.children(code)
            parts = [self._value(child, weights, effective, leaves, odd) for child in children]
            if self._power(node.aggregate) not in (None, 1.0):
                for part in parts:
                    odd |= (part < 0).any(axis=1)
            found = self._joined(node.aggregate, parts, self.own(code, weights))
        absent = self.absent[code]
        missing = np.isnan(found)
        if absent.any():
            missing &= ~absent
            found = np.where(absent, np.nan, found)
        odd |= missing.any(axis=1)
        return found

    def _joined(self, step: Aggregate, parts: Sequence[Matrix], w: Matrix) -> Matrix:
        columns = [w[:, at : at + 1] for at in range(len(parts))]
        match step:
            case PowerMean(power):
                total = mass = np.zeros((1, 1))
                for part, weight in zip(parts, columns, strict=True):
                    there = ~np.isnan(part)
                    value = to_power(part, power)
                    if there.all():
                        total, mass = total + weight * value, mass + weight
                    else:
                        total = total + weight * np.where(there, value, 0.0)
                        mass = mass + weight * there
                return from_power(np.asarray(total / mass), power)
            case WeightedSum():
                return np.asarray(sum(weight * part for part, weight in zip(parts, columns, strict=True)))
            case Minimum():
                least = parts[0]
                for part in parts[1:]:
                    least = np.fmin(least, part)
                return least
            case MazziottaPareto():
                return self._penalised(step, parts, columns)
            case Copeland():
                depth = max(len(w), *(len(part) for part in parts))
                stack = [np.broadcast_to(part, (depth, part.shape[1])) for part in parts]
                return np.array(
                    [copeland(np.column_stack([part[at] for part in stack]), w[at]) for at in range(depth)]
                )
        raise TypeError(f"{step!r} is no aggregation")

    def _penalised(self, step: MazziottaPareto, parts: Sequence[Matrix], columns: Sequence[Matrix]) -> Matrix:
        mass = mean = np.zeros((1, 1))
        for part, weight in zip(parts, columns, strict=True):
            there = ~np.isnan(part)
            mass = mass + weight * there
            mean = mean + weight * np.where(there, part, 0.0)
        mean = mean / mass
        spread = np.zeros((1, 1))
        for part, weight in zip(parts, columns, strict=True):
            spread = spread + weight * np.where(np.isnan(part), 0.0, part - mean) ** 2
        fine = spread / mass / mean
        found = mean - fine if step.penalty == "minus" else mean + fine
        return np.where(mean > 0, found, np.nan)


def scale_of(ties: Ties) -> int:
    """By how much ranks are multiplied so that they are whole numbers: 2 where ties share a mean rank."""
    return 2 if ties == "average" else 1


def rank_many(
    scores: Matrix,
    ties: Ties = "min",
    *,
    first: str = "high",
    scale: int | None = None,
    buffers: Buffers | None = None,
) -> Ranks:
    """Ranks (R, U), times ``scale`` (``scale_of`` if None), of each row of ``scores`` (R, U); 0 without one.

    The same ranks as ``ranking.rank`` gives row by row. A score and its place are packed in one whole number,
    so that sorting numbers sorts places; rows in which two scores nearly agree are handed to ``rank``. What
    is returned lies in ``buffers`` until the next call.
    """
    count, units = scores.shape
    scale = scale or scale_of(ties)
    buffers = buffers or Buffers()
    ranks: Ranks = buffers.of("ranks", count, units, dtype=np.int32)
    if units < 2:
        ranks[:] = np.where(np.isnan(scores), 0, scale)
        return ranks
    keys = buffers.of("keys", count, units, dtype=np.int64)
    steps = buffers.of("steps", count, units, dtype=np.float64)
    bits = (units - 1).bit_length()
    high, low = scores.max(axis=1, keepdims=True), scores.min(axis=1, keepdims=True)
    size = np.maximum(np.abs(high), np.abs(low))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        fine = (2.0 ** (52 - bits) - 1) / (high - low)
        plain = np.isfinite(fine) & np.isfinite(size)
        fine = np.where(plain, fine, 0.0)
        np.subtract(*((high, scores) if first == "high" else (scores, low)), out=steps)
        steps *= fine
        keys[...] = np.where(plain, steps, 0.0) if not plain.all() else steps
        near = (1e-11 * np.where(plain, size, 0.0) * fine + 1.0).astype(np.int64)
    np.left_shift(keys, bits, out=keys)
    np.bitwise_or(keys, np.arange(units), out=keys)
    keys.sort(axis=1)
    places = steps.view(np.int64)
    np.bitwise_and(keys, (1 << bits) - 1, out=places)
    places += np.arange(count)[:, None] * units
    np.put(ranks, places, buffers.counting(count, units, scale))
    np.right_shift(keys, bits, out=keys)
    gaps = places[:, 1:]
    np.subtract(keys[:, 1:], keys[:, :-1], out=gaps)
    for row in np.flatnonzero((gaps.min(axis=1) <= near[:, 0]) | ~plain[:, 0]):
        exact = rank(scores[row], ties, first=first) * scale
        ranks[row] = np.where(np.isnan(exact), 0, exact).astype(np.int32)
    return ranks
