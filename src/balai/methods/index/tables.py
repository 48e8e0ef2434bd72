"""Results as CSV: scores and ranks, a stage, the arithmetic of a unit. A gap is an empty cell."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

import numpy as np

from balai.methods.index.account import Line
from balai.methods.index.build import IndexResult, round_half_up
from balai.methods.index.explain import Audit, Diff, LeftOut
from balai.methods.index.spec import IndexSpec
from balai.methods.index.stages import Stage


def number(value: float, places: int | None = None) -> str:
    """The shortest text that reads back as ``value``, or ``places`` decimals; empty where there is none."""
    if np.isnan(value):
        return ""
    if places is not None:
        return f"{float(round_half_up(np.array(value), places)):.{places}f}"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _keys(result: IndexResult) -> tuple[list[str], list[list[str]]]:
    header = ["code", *(["year"] if result.years else []), *result.groups]
    columns: list[Sequence[object]] = [result.units, *([result.years] if result.years else [])]
    columns += list(result.groups.values())
    return header, [[str(cell) for cell in row] for row in zip(*columns, strict=True)]


def write_scores(spec: IndexSpec, result: IndexResult, file: TextIO) -> None:
    """One row a unit (and year): of each node its score, ``<node>_rank`` and ``<node>_coverage``."""
    header, keys = _keys(result)
    for node in result.nodes:
        header += [node, f"{node}_rank", f"{node}_coverage"]
    rows = []
    for at, key in enumerate(keys):
        row = list(key)
        for place in range(len(result.nodes)):
            row += [
                number(result.scores[at, place], spec.output.round),
                number(result.ranks[at, place]),
                number(round(float(result.coverage[at, place]), 6)),
            ]
        rows.append(row)
    _write(header, rows, file)


def write_stage(
    spec: IndexSpec, stage: Stage, units: Sequence[str], years: Sequence[int] | None, file: TextIO
) -> None:
    """A table after a stage, a column an indicator; ``units`` and ``years`` are those of the whole data."""
    header = ["code", *(["year"] if years else []), *spec.codes]
    rows = (
        [units[row], *([str(years[row])] if years else []), *(number(value) for value in stage.X[at])]
        for at, row in enumerate(stage.rows)
    )
    _write(header, rows, file)


def write_account(
    lines: Iterable[Line], stages: Sequence[str], gives: Mapping[str, float], file: TextIO
) -> None:
    """One row an indicator or node of a unit: weight, score, rank, what it ``gives``, its values after each
    stage, remarks.
    """
    header = ["part", "depth", "weight", "score", "rank", "gives", *stages, "remarks"]
    rows = (
        [
            line.code,
            str(line.depth),
            number(line.weight),
            number(line.score),
            number(line.rank if line.rank is not None else np.nan),
            number(gives.get(line.code, np.nan)),
            *(number(line.steps.get(stage, np.nan)) for stage in stages),
            "; ".join(line.remarks),
        ]
        for line in lines
    )
    _write(header, rows, file)


def write_diff(diff: Diff, places: int | None, file: TextIO) -> None:
    """One row a unit: scores (to ``places`` decimals) and ranks before and after, and the places it won."""
    header = ["code", "score_before", "score_after", "rank_before", "rank_after", "places_won"]
    rows = (
        [
            unit,
            number(diff.scores_before[at], places),
            number(diff.scores_after[at], places),
            *(number(ranks[at]) for ranks in (diff.ranks_before, diff.ranks_after, diff.moves)),
        ]
        for at, unit in enumerate(diff.units)
    )
    _write(header, rows, file)


def write_audit(found: Audit, without: LeftOut, file: TextIO) -> None:
    """One row a child of a node: its weight there and in the index, its correlation with the node, its
    influence, Cronbach's alpha of the node, and how far ranks move without it.
    """
    header = [
        "node",
        "part",
        "weight",
        "weight_in_index",
        "correlation",
        "influence",
        "alpha",
        "shift_without",
    ]
    shift = dict(zip(without.parts, without.shift, strict=True))
    rows = (
        [
            code,
            child,
            number(node.nominal[at]),
            number(found.effective[child]),
            number(node.with_node[at]),
            number(node.influence[at]),
            number(node.alpha),
            number(shift.get(child, np.nan)),
        ]
        for code, node in found.nodes.items()
        for at, child in enumerate(node.children)
    )
    _write(header, rows, file)


def _write(header: Sequence[str], rows: Iterable[Sequence[str]], file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
