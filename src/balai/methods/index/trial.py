"""The commands that try an index anew and anew: uncertainty, sensitivity, without."""

import csv
import json
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from errno import ENOENT
from pathlib import Path
from typing import TYPE_CHECKING, Any

from balai.methods.index.command import Progress, _files, read, warn, written
from balai.methods.index.errors import SpecError

if TYPE_CHECKING:
    from balai.methods.index.data import Data
    from balai.methods.index.factors import Factor
    from balai.methods.index.spec import IndexSpec
    from balai.methods.index.uncertainty import UncertaintyResult


def arguments(commands: Any) -> None:
    """Tell the parser of ``balai index`` these commands."""

    def command(name: str, about: str, run: Any) -> ArgumentParser:
        parser: ArgumentParser = commands.add_parser(name, help=about, description=about)
        _files(parser)
        parser.set_defaults(run=run)
        return parser

    _of_runs(
        command("uncertainty", "ranks of many replications, in which choices and noise vary", _uncertainty)
    )
    _of_runs(command("sensitivity", "which choice or noise decides the ranking", _sensitivity), shares=True)
    without = command("without", "ranks without each indicator, or each part named", _without)
    without.add_argument("parts", nargs="*", metavar="CODE", help="indicators or nodes (all indicators)")
    _target(without)


def _target(parser: ArgumentParser) -> None:
    parser.add_argument("--target", metavar="NODE", help="the node that is ranked (the index)")


def _of_runs(parser: ArgumentParser, *, shares: bool = False) -> None:
    what = "base size of the design; 2 factors + 2 times as many are run" if shares else "replications"
    parser.add_argument("-n", type=int, default=1024 if shares else 10_000, help=f"{what} (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same bits (%(default)s)")
    parser.add_argument(
        "--factors",
        type=Path,
        metavar="FILE",
        help="TOML with [[uncertainty]] tables (those of the specification)",
    )
    parser.add_argument("--year", type=int, help="the year that is ranked (the last)")
    parser.add_argument("--threads", type=int, default=1, help="share the work out to so many (%(default)s)")
    parser.add_argument(
        "--parameters", type=Path, metavar="FILE", help="write every replication's parameters"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write hashes, seed and factors as JSON")
    _target(parser)
    if shares:
        parser.add_argument("--units", type=Path, metavar="FILE", help="write the shares of each unit's rank")
        return
    parser.add_argument(
        "--top", type=int, action="append", default=[], metavar="K", help="P(rank <= K); may be repeated"
    )
    parser.add_argument(
        "--level", type=float, default=0.95, help="probability that parts a tie (%(default)s)"
    )
    parser.add_argument("--beats", type=Path, metavar="FILE", help="write P(row ranks before column)")


def _factors(options: Namespace, spec: "IndexSpec", data: "Data") -> "tuple[Factor, ...]":
    """The factors of the file given or of the specification; else a usual pair, as far as it can be run."""
    import numpy as np

    from balai.methods.index.build import prepare
    from balai.methods.index.factors import Choice, Noise, load
    from balai.methods.index.stages import Cache
    from balai.methods.index.steps import PercentileRank

    path = options.factors or options.spec
    found = load(path) if path.suffix.lower() != ".json" else ()
    if found:
        return found
    if options.factors:
        raise SpecError(str(options.factors), "has no [[uncertainty]] table")
    usual: list[Factor] = [Noise(0.25)]
    said = ["weights by 25 %"]
    if np.nanmin(prepare(spec, data, Cache())[-1].X) > 0:
        usual.append(Choice("aggregate", ("arithmetic", "geometric")))
        said.append("arithmetic or geometric means")
    if len(usual) < 2 and any(one.normalise is None for one in spec.indicators):
        usual.append(Choice("normalise", (spec.normalise, PercentileRank(scale=100))))
        said.append(f"{spec.normalise.name} or percentile ranks")
    warn([f"the specification has no [[uncertainty]] table; varying {' and '.join(said)}"])
    return tuple(usual)


def _refuse_lost(options: Namespace) -> None:
    """Say before the work, not after it, that a file cannot be written where it should."""
    for path in vars(options).values():
        if isinstance(path, Path) and not path.parent.is_dir():
            raise FileNotFoundError(ENOENT, "no such folder", str(path.parent))


def _uncertainty(options: Namespace) -> None:
    from balai.methods.index.uncertainty import uncertainty

    _refuse_lost(options)
    spec, data = read(options)
    for k in options.top:
        if k < 1:
            raise SpecError("--top", f"{k} is not above 0")
    if not 0.5 < options.level < 1:
        raise SpecError("--level", f"{options.level:g} is not between 0.5 and 1")
    factors = _factors(options, spec, data)
    ran = uncertainty(
        spec,
        data,
        factors,
        n=options.n,
        seed=options.seed,
        target=options.target,
        year=options.year,
        threads=max(1, options.threads),
        progress=Progress("replications"),
    )
    _tell_failed(ran)
    quantiles = ran.quantiles((0.05, 0.5, 0.95))
    means = ran.mean_ranks()
    tops = {f"p_top_{k}": ran.p_top(k) for k in options.top}
    band_of = {unit: number for number, band in enumerate(ran.bands(options.level), 1) for unit in band.units}
    with written(options.output) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(
            ["unit", "score", "rank", "mean_rank", "rank_05", "rank_50", "rank_95", *tops, "tie_band"]
        )
        for at, unit in enumerate(ran.units):
            numbers = [ran.nominal_scores[at], ran.nominal_ranks[at], means[at], *quantiles[:, at]]
            shares = [share[at] for share in tops.values()]
            table.writerow([unit, *map(_cell, [*numbers, *shares]), band_of.get(unit, "")])
    for k in options.top:
        undecided = ran.undecided(k, options.level)
        warn([f"for {len(undecided)} units it is open whether they are among the first {k}"])
    if options.beats:
        with written(options.beats) as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["unit", *ran.units])
            for unit, row in zip(ran.units, ran.beats_matrix(), strict=True):
                table.writerow([unit, *map(_cell, row)])
    _also(options, ran)


def _tell_failed(ran: "UncertaintyResult") -> None:
    if ran.failed:
        first = ran.failed[0]
        warn(
            [
                f"{len(ran.failed)} of {ran.n} replications gave no ranking, the first {first.replication}: "
                f"{first.reason}"
            ]
        )


def _also(options: Namespace, ran: "UncertaintyResult") -> None:
    """Parameters and report, where asked for."""
    if options.parameters:
        reasons = {failure.replication: failure.reason for failure in ran.failed}
        with written(options.parameters) as file:
            table = csv.writer(file, lineterminator="\n")
            first = _flat(ran.parameters(0)) if ran.n else {}
            table.writerow(["replication", *first, "failed"])
            for at in range(ran.n):
                table.writerow([at, *_flat(ran.parameters(at)).values(), reasons.get(at, "")])
    if options.report:
        from importlib.metadata import version

        whole = {
            "specification": ran.spec_hash,
            "data": ran.data_hash,
            "seed": ran.seed,
            "replications": ran.n,
            "failed": len(ran.failed),
            "target": ran.target,
            "factors": [
                {"kind": type(factor).__name__, **{k: _plain(v) for k, v in vars(factor).items()}}
                for factor in ran.factors
            ],
            "versions": {name: version(name) for name in ("balai", "numpy", "scipy")},
        }
        with written(options.report) as file:
            json.dump(whole, file, indent=2, ensure_ascii=False, default=str)
            file.write("\n")


def _flat(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as columns: a table of weights is one a part, another table is JSON."""
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        if isinstance(value, dict) and "method" not in value:
            found |= {f"{name}.{code}": _cell(weight) for code, weight in value.items()}
        else:
            found[name] = json.dumps(value, default=str) if isinstance(value, dict | list | tuple) else value
    return found


def _plain(value: Any) -> Any:
    """A parameter of a factor as JSON has it."""
    if hasattr(value, "as_dict"):
        return value.as_dict()
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value


def _cell(value: Any) -> str:
    from balai.methods.index.tables import number

    return number(float(value))


def _sensitivity(options: Namespace) -> None:
    from balai.methods.index.sensitivity import Indices, sensitivity

    _refuse_lost(options)
    spec, data = read(options)
    found = sensitivity(
        spec,
        data,
        _factors(options, spec, data),
        n=options.n,
        seed=options.seed,
        target=options.target,
        year=options.year,
        threads=max(1, options.threads),
        progress=Progress("replications"),
    )
    _tell_failed(found.runs)
    warn(
        [
            f"exact: all {len(found.runs.ranks)} combinations were run"
            if found.exact
            else f"estimated from {len(found.runs.ranks)} replications, intervals of 90 %"
        ]
    )
    head = ["s1", "s1_low", "s1_high", "st", "st_low", "st_high"]

    def cells(shares: Indices, *at: int) -> list[str]:
        values = []
        for share, interval in ((shares.s1, shares.s1_interval), (shares.st, shares.st_interval)):
            values += [share[at], *(end[at] if interval else share[at] for end in interval or (share, share))]
        return [_cell(value) for value in values]

    with written(options.output) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["factor", *head])
        for at, factor in enumerate(found.factors):
            table.writerow([factor, *cells(found.index, at)])
    if options.units:
        with written(options.units) as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["unit", "factor", *head])
            for place, unit in enumerate(found.units):
                for at, factor in enumerate(found.factors):
                    table.writerow([unit, factor, *cells(found.of_units, at, place)])
    _also(options, found.runs)


def _without(options: Namespace) -> None:
    from balai.methods.index.explain import leave_one_out

    spec, data = read(options)
    found = leave_one_out(spec, data, options.parts or None, target=options.target)
    with written(options.output) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["part", "mean_shift", *found.units])
        table.writerow(["", "", *map(_cell, found.nominal)])
        for part, shift, ranks in zip(found.parts, found.shift, found.ranks, strict=True):
            table.writerow([part, _cell(shift), *map(_cell, ranks)])
