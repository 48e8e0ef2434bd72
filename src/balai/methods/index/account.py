"""The arithmetic of one unit: every value on its way into the index."""

from dataclasses import dataclass

import numpy as np

from balai.methods.index.build import IndexResult
from balai.methods.index.spec import IndexSpec, Indicator


@dataclass(frozen=True)
class Line:
    """An indicator or node of one unit. ``depth`` counts from the index, 0.

    ``weight`` is its share of the weight of its siblings that have a value (NaN where it has none itself);
    ``steps`` the values of an indicator after each stage, ``remarks`` what happened to it.
    """

    code: str
    depth: int
    score: float
    rank: float | None
    weight: float
    steps: dict[str, float]
    remarks: tuple[str, ...]


def account(spec: IndexSpec, result: IndexResult, unit: str, year: int | None = None) -> tuple[Line, ...]:
    """How a unit came to its score, from the index down to the raw values; ``DataError`` if unknown."""
    row = result.row(unit, year)
    lines: list[Line] = []

    def visit(code: str, depth: int, weight: float) -> None:
        part = spec.by_code[code]
        if isinstance(part, Indicator):
            lines.append(_indicator(spec, result, part, row, depth, weight))
            return
        at = result.nodes.index(code)
        before = {"before": float(result.before[code][row])} if code in result.before else {}
        lines.append(
            Line(code, depth, float(result.scores[row, at]), float(result.ranks[row, at]), weight, before, ())
        )
        children = spec.children(code)
        given = result.weights[code]
        shares = np.array(given[row] if given.ndim == 2 else given, dtype=np.float64)
        shares[[np.isnan(_score(spec, result, child, row)) for child in children]] = np.nan
        total = np.nansum(shares)
        for child, share in zip(children, shares, strict=True):
            visit(child, depth + 1, float(share / total) if total else np.nan)

    visit(spec.top, 0, 1.0)
    return tuple(lines)


def _score(spec: IndexSpec, result: IndexResult, code: str, row: int) -> float:
    if code in spec.codes:
        return float(result.stages[-1].X[row, spec.codes.index(code)])
    return float(result.scores[row, result.nodes.index(code)])


def _indicator(
    spec: IndexSpec, result: IndexResult, part: Indicator, row: int, depth: int, weight: float
) -> Line:
    at = spec.codes.index(part.code)
    original = result.stages[-1].rows[row]
    steps: dict[str, float] = {}
    for stage in result.stages:
        place = int(np.flatnonzero(stage.rows == original)[0])
        steps[stage.name] = float(stage.X[place, at])
    remarks = ["more is better" if part.direction == 1 else "less is better"]
    if part.goalposts is not None:
        remarks.append(f"goalposts {part.goalposts[0]:g} to {part.goalposts[1]:g}")
    if part.denominator and spec.denominate:
        remarks.append(f"{part.per:g} per {part.denominator}" if part.per != 1 else f"per {part.denominator}")
    if result.imputed[row, at]:
        remarks.append(f"gap filled by {spec.impute_of(part).name}")
    if not _same(steps["treat"], steps[_before(result, "treat")]):
        remarks.append(result.treated.get(part.code, ""))
    return Line(
        part.code, depth, steps[result.stages[-1].name], None, weight, steps, tuple(filter(None, remarks))
    )


def _before(result: IndexResult, name: str) -> str:
    names = [stage.name for stage in result.stages]
    return names[names.index(name) - 1]


def _same(a: float, b: float) -> bool:
    return a == b or (np.isnan(a) and np.isnan(b))
