"""The index of the movement: from figures to a ranking, how sure it is, and a bundle to compute it again.

A run keeps specification, data, seed and the versions of the programs. The same run gives the same bundle,
byte for byte, and `reproduce` computes it again from the bundle alone.
"""

import csv
import io
import json
import math
import platform
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.core import ledger
from balai.core.errors import Invalid
from balai.indicators.models import Value
from balai.methods.index.build import IndexResult, build
from balai.methods.index.data import Data, read_for
from balai.methods.index.edits import edit
from balai.methods.index.errors import MethodError
from balai.methods.index.factors import Choice, DataNoise, Factor, Noise
from balai.methods.index.sensitivity import sensitivity
from balai.methods.index.spec import IndexSpec, from_dict, loads
from balai.methods.index.uncertainty import UncertaintyResult, uncertainty
from balai.people.models import City
from balai.programme.models import IndexRun

SPECIFICATION = Path(__file__).parent / "data" / "index.toml"
PLACES = 100
"""What the movement's name promises."""
FEWEST = 3
DIGITS = 9
SAMPLE = 256
"""Base points of the sensitivity analysis; each is run 2 (factors + 1) times."""


def _mean(power: float) -> dict[str, Any]:
    return {"method": "power", "power": power}


def _scale(method: str) -> dict[str, Any]:
    return {"method": method, "range": [1, 100]}


def factors(spec: IndexSpec) -> tuple[Factor, ...]:
    """What could have been done or measured otherwise, and is drawn anew in every replication."""
    return (
        Choice(f"node {spec.top}.aggregate", (_mean(0.0), _mean(1.0)), name="aggregation"),
        Choice("normalise", (_scale("goalposts"), _scale("minmax")), name="normalisation"),
        Noise(0.25, name="weights"),
        DataNoise(0.05, "value", name="data"),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """One computation before it is made."""

    name: str
    name_en: str
    year: int
    specification: str
    data: str
    names: Mapping[str, str]
    invented: bool = False
    seed: int = 1
    replications: int = 2000
    chosen: int = PLACES


def compute(asked: Asked) -> IndexRun:
    """Compute and keep a run. Raises Invalid where specification or data do not hold."""
    spec, data = read(asked.specification, asked.data)
    if len(data.units) < FEWEST:
        raise Invalid(_("An index of fewer than three cities says nothing."))
    result = _result(spec, data, asked.seed, asked.replications, asked.chosen)
    with transaction.atomic():
        run = IndexRun.objects.create(
            name=asked.name,
            name_en=asked.name_en,
            year=asked.year,
            specification=asked.specification,
            data=asked.data,
            names=dict(asked.names),
            invented=asked.invented,
            seed=asked.seed,
            replications=asked.replications,
            chosen=asked.chosen,
            versions=versions(),
            spec_hash=spec.hash(),
            data_hash=data.hash,
            result=result,
            computed_at=timezone.now(),
        )
        ledger.append(
            verb="index.computed",
            subject=f"index:{run.pk}",
            by=None,
            public=True,
            data={"specification": run.spec_hash, "data": run.data_hash, "seed": run.seed, "year": run.year},
        )
    return run


def read(specification: str, data: str) -> tuple[IndexSpec, Data]:
    """Specification and table of a run. Raises Invalid with the field or cell."""
    try:
        spec = loads(specification)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "data.csv"
            path.write_text(data, encoding="utf-8")
            return spec, read_for(spec, path)
    except MethodError as fault:
        raise Invalid(str(fault)) from fault


def versions() -> dict[str, str]:
    """What computed it."""
    named = {name: version(name) for name in ("balai", "numpy", "scipy")}
    return {**named, "python": platform.python_version()}


def _result(spec: IndexSpec, data: Data, seed: int, n: int, chosen: int) -> dict[str, Any]:
    try:
        built = build(spec, data)
        drawn = uncertainty(spec, data, factors(spec), n=n, seed=seed)
        shares = sensitivity(spec, data, factors(spec), n=SAMPLE, seed=seed, boot=200)
    except MethodError as fault:
        raise Invalid(str(fault)) from fault
    low, middle, high = drawn.quantiles((0.05, 0.5, 0.95))
    p_top = drawn.p_top(chosen)
    at = {unit: place for place, unit in enumerate(drawn.units)}
    rows = []
    for place, unit in enumerate(built.units):
        here = at[unit]
        rows.append(
            {
                "code": unit,
                "score": _plain(built.score(spec.top)[place]),
                "rank": _plain(built.rank(spec.top)[place]),
                "scores": {
                    node: _plain(built.score(node)[place]) for node in built.nodes if node != spec.top
                },
                "coverage": _plain(built.coverage[place, built.nodes.index(spec.top)]),
                "low": _plain(low[here]),
                "middle": _plain(middle[here]),
                "high": _plain(high[here]),
                "p_top": _plain(p_top[here]),
            }
        )
    rows.sort(key=lambda row: (row["rank"] is None, row["rank"] or 0, row["code"]))
    s1, st = shares.index.s1, shares.index.st
    spread = shares.index.st_interval
    return {
        "nodes": [node for node in built.nodes if node != spec.top],
        "units": rows,
        "dropped": dict(built.dropped),
        "warnings": list(built.warnings),
        "undecided": list(drawn.undecided(chosen)),
        "bands": [list(band.units) for band in drawn.bands()],
        "failed": len(drawn.failed),
        "sensitivity": [
            {
                "factor": name,
                "s1": _plain(s1[number]),
                "st": _plain(st[number]),
                "low": _plain(spread[0][number]) if spread else None,
                "high": _plain(spread[1][number]) if spread else None,
            }
            for number, name in enumerate(shares.factors)
        ],
    }


def _plain(number: float) -> float | None:
    """A number for JSON, to nine digits; None where there is none."""
    value = float(number)
    if math.isnan(value):
        return None
    return float(f"{value:.{DIGITS}g}")


# --- the figures of the catalogue as a table


def table_of(year: int, specification: str) -> tuple[str, dict[str, str]]:
    """The cities' figures up to a year as CSV, and the cities' names by code.

    A figure is the latest measurement that stands and no older than three years; where sources disagree
    on a period, the one told last. Targets, claims and what is invented are left out. Two queries.
    """
    spec = loads(specification)
    found: dict[tuple[str, str], Value] = {}
    values = (
        Value.objects.standing()
        .filter(indicator__in=spec.codes, invented=False)
        .order_by("period", "as_of", "recorded_at")
    )
    for value in values:
        if value.compared and year - 3 < int(value.period[:4]) <= year:
            found[value.city_id, value.indicator_id] = value
    cities = City.objects.filter(pk__in={city for city, _code in found}, invented=False)
    names = {city.pk: city.name for city in cities}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["unit", *spec.codes])
    for city in sorted(names):
        row = [found.get((city, code)) for code in spec.codes]
        writer.writerow([city, *("" if value is None else f"{value.value.normalize():f}" for value in row)])
    return out.getvalue(), names


# --- trying something else


@dataclass(frozen=True, slots=True)
class Moved:
    """A unit's place as published and under other choices."""

    code: str
    before: float | None
    after: float | None
    score: float | None

    @property
    def up(self) -> int:
        """Places won; negative for places lost."""
        return int((self.before or 0) - (self.after or 0))


def tried(run: IndexRun, weights: Mapping[str, float], power: float, normalise: str) -> list[Moved]:
    """Ranks under other weights of the six, another aggregation between them, another normalisation.

    Raises Invalid where that is no index, as with weights that are all zero.
    """
    spec, data = read(run.specification, run.data)
    kept = {code: weight for code, weight in weights.items() if weight > 0}
    if not kept:
        raise Invalid(_("At least one dimension has a weight."))
    try:
        changed = _with_weights(spec, kept)
        changed = edit(changed, {f"node {spec.top}.aggregate": _mean(power), "normalise": _scale(normalise)})
        built = build(changed, data)
    except MethodError as fault:
        raise Invalid(str(fault)) from fault
    before = {row["code"]: row["rank"] for row in run.result["units"]}
    moved = [
        Moved(unit, before.get(unit), _plain(rank), _plain(score))
        for unit, rank, score in zip(built.units, built.rank(spec.top), built.score(spec.top), strict=True)
    ]
    return sorted(moved, key=lambda one: (one.after is None, one.after or 0, one.code))


def _with_weights(spec: IndexSpec, weights: Mapping[str, float]) -> IndexSpec:
    """The specification with other weights of the dimensions; one without is left out."""
    gone = {code for code in spec.children(spec.top) if code not in weights}
    leaves = {leaf for code in gone for leaf in spec.leaves(code)}
    table = spec.as_dict()
    table["indicator"] = [row for row in table["indicator"] if row["code"] not in leaves]
    table["node"] = [
        {**row, "weight": weights[row["code"]]} if row["code"] in weights else row
        for row in table["node"]
        if row["code"] not in gone
    ]
    return from_dict(table)


@lru_cache(maxsize=4)
def _drawn(key: str, specification: str, data: str, seed: int, n: int) -> UncertaintyResult:  # noqa: ARG001
    spec, table = read(specification, data)
    return uncertainty(spec, table, factors(spec), n=n, seed=seed)


def beats(run: IndexRun, one: str, other: str) -> float:
    """How probable it is that ``one`` ranks before ``other``, over the replications of the run."""
    drawn = _drawn(str(run.pk), run.specification, run.data, run.seed, run.replications)
    return drawn.beats(one, other)


def built_of(run: IndexRun) -> tuple[IndexSpec, IndexResult]:
    """The index of a run, computed again without its replications."""
    spec, data = read(run.specification, run.data)
    return spec, build(spec, data)


# --- the bundle

MANUAL = """\
{name}, {year}
{invented}
specification.toml  what the index is made of            sha256 of its content {spec}
data.csv            what it was computed from            sha256 of its content {data}
names.csv           the names of the units
run.json            seed, replications, places, versions of the programs
result.json         what came out
scores.csv          the same as a table

To compute it again and compare:

    balai movement reproduce THIS-FILE.zip

or the ranking alone:

    balai index build specification.toml data.csv -o again.csv
"""
EPOCH = (1980, 1, 1, 0, 0, 0)


def bundle(run: IndexRun) -> bytes:
    """Everything needed to compute the run again, as ZIP. The same run gives the same bytes."""
    settings = {
        "name": run.name,
        "year": run.year,
        "seed": run.seed,
        "replications": run.replications,
        "chosen": run.chosen,
        "invented": run.invented,
        "versions": run.versions,
        "specification_sha256": run.spec_hash,
        "data_sha256": run.data_hash,
    }
    manual = MANUAL.format(
        name=run.name,
        year=run.year,
        spec=run.spec_hash,
        data=run.data_hash,
        invented="Data rekaan, untuk memperlihatkan caranya. The data are made up.\n" if run.invented else "",
    )
    parts = {
        "README.txt": manual,
        "specification.toml": run.specification,
        "data.csv": run.data,
        "names.csv": _lines([("unit", "name"), *sorted(run.names.items())]),
        "run.json": _json(settings),
        "result.json": _json(run.result),
        "scores.csv": _lines(_scores(run)),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        for name, text in parts.items():
            file.writestr(zipfile.ZipInfo(name, EPOCH), text.encode())
    return out.getvalue()


def _scores(run: IndexRun) -> Iterable[Sequence[object]]:
    rows = run.result["units"]
    nodes = run.result["nodes"]
    yield ["unit", "score", "rank", *nodes, "rank_5", "rank_50", "rank_95", f"p_top_{run.chosen}"]
    for row in rows:
        ends = (row["low"], row["middle"], row["high"], row["p_top"])
        cells = [row["score"], row["rank"], *(row["scores"][node] for node in nodes), *ends]
        yield [row["code"], *("" if cell is None else cell for cell in cells)]


def reproduce(content: bytes) -> list[str]:
    """Compute a bundle's run again; what came out otherwise, empty if nothing did. Raises Invalid."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            if any(part.file_size > 50_000_000 for part in file.infolist()):
                raise Invalid("The bundle is too big.")
            parts = {name: file.read(name).decode() for name in file.namelist()}
        settings, result = json.loads(parts["run.json"]), json.loads(parts["result.json"])
        specification, data = parts["specification.toml"], parts["data.csv"]
    except (zipfile.BadZipFile, KeyError, ValueError, UnicodeDecodeError) as fault:
        raise Invalid(f"This is no bundle of the hub: {fault}.") from fault
    spec, table = read(specification, data)
    again = _result(spec, table, settings["seed"], settings["replications"], settings["chosen"])
    odd = []
    if spec.hash() != settings["specification_sha256"]:
        odd.append("specification.toml was changed")
    if table.hash != settings["data_sha256"]:
        odd.append("data.csv was changed")
    known = {row["code"]: row for row in result["units"]}
    changed = [row["code"] for row in again["units"] if row != known.get(row["code"])]
    odd += [f"{code} came out otherwise" for code in changed]
    odd += [f"{key} came out otherwise" for key in again if key != "units" and again[key] != result.get(key)]
    return odd


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, cls=DjangoJSONEncoder) + "\n"


def _lines(rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def ranks_within(rows: Sequence[Mapping[str, Any]], around: int, width: int) -> list[Mapping[str, Any]]:
    """The rows whose rank lies within ``width`` places of ``around``."""
    ranks = np.array([row["rank"] if row["rank"] is not None else np.inf for row in rows])
    return [row for row, rank in zip(rows, ranks, strict=True) if abs(rank - around) <= width]
