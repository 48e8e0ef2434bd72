"""``balai index``: an index computed, explained and tried from files, without a database.

Exits with 0, or with 2 where specification, data or arguments do not hold; the message names field or cell.
"""

import json
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from balai.methods.index.errors import MethodError

if TYPE_CHECKING:
    from balai.methods.index.account import Line
    from balai.methods.index.build import IndexResult
    from balai.methods.index.data import Data
    from balai.methods.index.spec import IndexSpec


class Progress:
    """A bar on a terminal's stderr for long work; silent elsewhere and in the first half second."""

    def __init__(self, what: str, file: TextIO | None = None) -> None:
        self.what = what
        self.file = file or sys.stderr
        self.start = self.shown = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Say that ``done`` of ``total`` are done."""
        now = time.monotonic()
        last = done >= total
        if not self.file.isatty() or now - self.start < 0.5 or (now - self.shown < 0.1 and not last):
            return
        self.shown = now
        filled = 30 * done // max(total, 1)
        left = (now - self.start) * (total - done) / max(done, 1)
        rest = "" if last else f", {left:.0f} s left"
        self.file.write(f"\r\x1b[K{self.what} [{'#' * filled}{'.' * (30 - filled)}] {done}/{total}{rest}")
        self.file.write("\n" if last else "")
        self.file.flush()


def arguments(parser: ArgumentParser) -> None:
    """Tell ``parser`` the commands and their options."""
    from balai.methods.index import trial

    commands = parser.add_subparsers(dest="what", required=True)
    build = commands.add_parser("build", help="scores and ranks of every node")
    _files(build)
    build.add_argument(
        "--stages", type=Path, metavar="DIR", help="also write the table after each stage there"
    )
    build.add_argument(
        "--report", type=Path, metavar="FILE", help="also write hashes, weights and warnings as JSON"
    )
    build.set_defaults(run=_build)
    explain = commands.add_parser("explain", help="the arithmetic of one unit")
    _files(explain)
    explain.add_argument("--unit", required=True, metavar="CODE")
    explain.add_argument("--year", type=int, help="its last year if not given")
    explain.add_argument("--against", metavar="CODE", help="what makes the difference to that unit")
    explain.set_defaults(run=_explain)
    compare = commands.add_parser("compare", help="the same data otherwise: who wins and who loses places")
    _files(compare)
    compare.add_argument("--with", dest="other", type=Path, metavar="SPEC", help="another specification")
    compare.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="ADDRESS=VALUE",
        help='a change, such as normalise=zscore or "node health.weight=2"; may be repeated',
    )
    compare.set_defaults(run=_compare)
    audit = commands.add_parser("audit", help="whether the parts hang together, and what each counts")
    _files(audit)
    audit.set_defaults(run=_audit)
    trial.arguments(commands)


def _files(parser: ArgumentParser) -> None:
    """The arguments every command has: specification, data and where the table goes."""
    parser.add_argument("spec", type=Path, help="the specification, TOML (or JSON)")
    parser.add_argument("data", type=Path, help="the data, CSV: a row a unit, a column an indicator")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write CSV there")


def run(options: Namespace) -> int:
    """Do what parsed ``options`` ask for; the exit code."""
    try:
        options.run(options)
        sys.stdout.flush()
    except MethodError as fault:
        print(f"balai index: {fault}", file=sys.stderr)  # noqa: T201
        return 2
    except BrokenPipeError:
        sys.stdout = None
        return 0
    except OSError as fault:
        where = f"{fault.filename}: " if fault.filename else ""
        print(f"balai index: {where}{fault.strerror or fault}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def main(argv: Sequence[str]) -> int:
    """``balai index`` with the arguments after it; the exit code."""
    # Matrix products split over threads are summed in another order: one thread gives the same bits anywhere.
    for library in ("OPENBLAS", "OMP", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    parser = ArgumentParser(prog="balai index", description="Compute, explain and try a composite index.")
    arguments(parser)
    return run(parser.parse_args(argv))


@contextmanager
def written(path: Path | None) -> Iterator[TextIO]:
    """The file at ``path``, or standard output."""
    if path is None:
        yield sys.stdout
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        yield file


def read(options: Namespace) -> "tuple[IndexSpec, Data]":
    """Specification and data that ``options`` name. A fault in the data names the file."""
    from balai.methods.index.data import read_for
    from balai.methods.index.spec import load

    spec = load(options.spec)
    return spec, read_for(spec, options.data)


def warn(lines: Sequence[str]) -> None:
    """Remarks on standard error, one a line."""
    for line in lines:
        print(f"note: {line}", file=sys.stderr)  # noqa: T201


def _build(options: Namespace) -> None:
    from balai.methods.index.build import build
    from balai.methods.index.tables import write_scores, write_stage

    spec, data = read(options)
    result = build(spec, data)
    warn(result.warnings)
    with written(options.output) as file:
        write_scores(spec, result, file)
    if options.stages:
        options.stages.mkdir(parents=True, exist_ok=True)
        for number, stage in enumerate(result.stages):
            with written(options.stages / f"{number}_{stage.name}.csv") as file:
                write_stage(spec, stage, data.units, data.years, file)
    if options.report:
        with written(options.report) as file:
            json.dump(report(spec, result), file, indent=2, ensure_ascii=False)
            file.write("\n")


def report(spec: "IndexSpec", result: "IndexResult") -> dict[str, Any]:
    """What was computed from what: hashes, weights, treatments, units left out, warnings."""
    weights = {
        node: dict(zip(spec.children(node), _numbers(values), strict=True))
        for node, values in result.weights.items()
        if values.ndim == 1
    }
    return {
        "name": spec.name,
        "version": spec.version,
        "specification": result.spec_hash,
        "data": result.data_hash,
        "stages": {stage.name: stage.key for stage in result.stages},
        "result": result.key,
        "units": len(result.units),
        "imputed": int(result.imputed.sum()),
        "weights": weights,
        "treated": dict(result.treated),
        "left_out": dict(result.dropped),
        "warnings": list(result.warnings),
    }


def _numbers(values: Any) -> list[float]:
    return [float(value) for value in values]


def _explain(options: Namespace) -> None:
    from balai.methods.index.account import account
    from balai.methods.index.build import build
    from balai.methods.index.tables import write_account

    spec, data = read(options)
    result = build(spec, data)
    lines = account(spec, result, options.unit, options.year)
    gives, said = _contributions(spec, result, options)
    if options.output:
        with written(options.output) as file:
            write_account(lines, [*(stage.name for stage in result.stages), "before"], gives, file)
        return
    row = result.row(options.unit, options.year)
    same = sum(result.years is None or year == result.years[row] for year in result.years or result.units)
    when = f" in {result.years[row]}" if result.years else ""
    print(f"{options.unit}{when}, one of {same}{said}")  # noqa: T201
    for line in lines:
        _say(line, gives)


def _contributions(
    spec: "IndexSpec", result: "IndexResult", options: Namespace
) -> tuple[Mapping[str, float], str]:
    """What each indicator gives to the score (or to the difference asked for), and in what; nothing where the
    means of the index have no exact shares.
    """
    from balai.methods.index.explain import decompose

    try:
        found = decompose(spec, result, options.unit, against=options.against, year=options.year)
    except MethodError:
        if options.against:
            raise
        return {}, ""
    units = {
        "additive": f"; the parts give {found.total:.6g}",
        "log-additive": f"; the parts give {found.total:.6g}, the logarithm of its score",
        "difference": f"; the parts give {found.total:.6g}, its score less that of {options.against}",
    }
    return found.contributions, units[found.kind]


def _say(line: "Line", gives: Mapping[str, float]) -> None:
    from balai.methods.index.tables import number

    indent = "  " * line.depth
    share = f"  weight {line.weight:.1%}" if line.depth else ""
    given = f"  gives {gives[line.code]:.6g}" if line.code in gives else ""
    score = f"{line.score:.6g}" if line.score == line.score else "no score"
    if line.rank is not None:
        place = f"  rank {number(line.rank)}" if line.rank == line.rank else ""
        print(f"{indent}{line.code}: {score}{place}{share}")  # noqa: T201
        return
    path, last = [], None
    for stage, value in line.steps.items():
        if value == value and value != last:
            path.append(f"{stage} {value:.6g}")
            last = value
    print(f"{indent}{line.code}: {score}{share}{given}")  # noqa: T201
    print(f"{indent}    {' -> '.join(path) or 'no value'} ({'; '.join(line.remarks)})")  # noqa: T201


def _compare(options: Namespace) -> None:
    from balai.methods.index.data import read_for
    from balai.methods.index.edits import edit
    from balai.methods.index.explain import what_if
    from balai.methods.index.spec import load
    from balai.methods.index.tables import write_diff

    spec = load(options.spec)
    other = load(options.other) if options.other else spec
    other = edit(other, dict(_change(text) for text in options.changes))
    diff = what_if(spec, read_for(spec, options.data, other), other)
    warn([f"{address}: {old} -> {new}" for address, old, new in diff.changes] or ["nothing differs"])
    warn([f"ranks move by {diff.mean_shift:.4g} on average"])
    with written(options.output) as file:
        write_diff(diff, spec.output.round, file)


def _change(text: str) -> tuple[str, Any]:
    """Address and value of a change; the value as in a file, or a plain word."""
    import tomllib

    address, sign, value = text.partition("=")
    if not sign:
        raise MethodError(f"--set {text}: write ADDRESS=VALUE")
    try:
        return address.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return address.strip(), value.strip()


def _audit(options: Namespace) -> None:
    from balai.methods.index.build import build
    from balai.methods.index.explain import audit, leave_one_out
    from balai.methods.index.tables import write_audit

    spec, data = read(options)
    found = audit(spec, build(spec, data))
    many = [code for code in spec.codes if len(spec.children(spec.by_code[code].parent or "")) > 1]
    without = leave_one_out(spec, data, many)
    warn(found.flags)
    with written(options.output) as file:
        write_audit(found, without, file)
