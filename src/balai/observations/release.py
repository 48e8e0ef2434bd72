"""The one way out: figures that are sums of atoms, for a purpose the contract names, with their lineage.

A day is released once, when its late rows have had their time; what comes later is stored and never released.
Nothing but atoms is read here, so nothing below k can be told by any question or by many together.
"""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.core.errors import Invalid, Refused
from balai.observations import places
from balai.observations.atoms import (
    CELL,
    DAY_REST,
    Atom,
    Day,
    atoms_of,
    dimensions_of,
    measures_of,
)
from balai.observations.contracts import Contract, read_contract
from balai.observations.engines import Engine, engine
from balai.observations.models import DataContract, ReleasedDay, StoreFile
from balai.observations.store import connect, files_of, read_files

LONGEST = 400
"""Days one question may span."""


@dataclass(frozen=True)
class Figure:
    """One cell of an answer. ``value`` is None where it stays below k; ``of`` counts the rows behind it."""

    key: tuple[str, ...]
    value: float | None
    of: int


@dataclass(frozen=True)
class Answer:
    """Figures by the asked grouping; ``rest`` is what could only be told of a wider one.

    ``days`` are the days with a release in the span, ``missing`` those without.
    """

    figures: tuple[Figure, ...]
    rest: Figure | None
    k: int
    days: tuple[date, ...]
    missing: tuple[date, ...]
    versions: tuple[str, ...]


def contract_in_force(contract: str, major: int) -> tuple[DataContract, Contract]:
    """The newest minor version. Raises Invalid where there is none."""
    row = (
        DataContract.objects.filter(contract=contract, major=major)
        .exclude(state="draft")
        .order_by("-minor", "-patch")
        .first()
    )
    if row is None:
        raise Invalid(_("There is no such data contract."))
    return row, read_contract(row.document)


def days_to_release(contract: Contract, now: datetime | None = None) -> list[date]:
    """Local days with rows, without a release, whose late rows have had their time."""
    now = now or timezone.now()
    zone = ZoneInfo(settings.TIME_ZONE)
    closed = (now - timedelta(hours=contract.late_hours)).astimezone(zone).date()
    spans = StoreFile.objects.filter(table=contract.table).values_list("first_at", "last_at")
    local = {at.astimezone(zone).date() for span in spans for at in span}
    done = set(ReleasedDay.objects.filter(table=contract.table).values_list("day", flat=True))
    return sorted(day for day in local - done if day < closed)


def release_day(
    contract: Contract, day: date, *, root: Path | None = None, by: Engine | None = None
) -> ReleasedDay | None:
    """Count a day into atoms and fix them; None where it has no row. A fixed one is returned as it is.

    ``by`` counts, where given; any engine finds the same. Raises EngineError.
    """
    known = ReleasedDay.objects.filter(table=contract.table, day=day).first()
    if known is not None:
        return known
    root = root or places.store()

    def counted(files: list[StoreFile]) -> tuple[list[StoreFile], list[Atom], int]:
        return files, *_count(contract, day, root, files, by)

    near = (contract.table, day - timedelta(1), day + timedelta(1))
    files, atoms, unknown = read_files(lambda: files_of(*near), counted)
    rows = sum(atom.rows for atom in atoms)
    if not rows and not unknown:
        return None
    data = Day(measures_of(contract), dimensions_of(contract), tuple(atoms)).packed()
    made = ReleasedDay(
        table=contract.table,
        day=day,
        contract=contract.id,
        version=contract.version,
        k=contract.k,
        rows=rows,
        unknown=unknown,
        atoms=data,
        sha256=hashlib.sha256(data).hexdigest(),
        files=[file.sha256 for file in files],
        made_at=timezone.now(),
    )
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError:
        return ReleasedDay.objects.get(table=contract.table, day=day)
    return made


def _count(
    contract: Contract, day: date, root: Path, files: list[StoreFile], by: Engine | None
) -> tuple[list[Atom], int]:
    if not files:
        return [], 0
    with nullcontext(by) if by is not None else engine() as counter:
        counter.show(contract, root, files)
        return atoms_of(counter.run, contract, day.isoformat(), places.hours_ahead(day))


def recount(released: ReleasedDay, *, by: Engine | None = None) -> bool | None:
    """Whether the day's files give the same sums again, to the byte.

    None where it cannot be said: a file is gone, or later rows were put together with those of the release.
    Raises EngineError.
    """
    major, minor, patch = map(int, released.version.split("."))
    row = DataContract.objects.get(contract=released.contract, major=major, minor=minor, patch=patch)
    contract = read_contract(row.document)

    def counted(files: list[StoreFile]) -> bool | None:
        read = [set(file.made_of) or {file.sha256} for file in files]
        if set().union(*read) != set(released.files):
            return None
        atoms, _unknown = _count(replace(contract, k=released.k), released.day, places.store(), files, by)
        data = Day(measures_of(contract), dimensions_of(contract), tuple(atoms)).packed()
        return hashlib.sha256(data).hexdigest() == released.sha256

    return read_files(lambda: _files_with(released.table, released), counted)


def ask(
    contract: Contract,
    *,
    purpose: str,
    measure: str = "",
    aggregate: str = "sum",
    by: Sequence[str] = (),
    first: date,
    last: date,
) -> Answer:
    """Sum, count or mean of a measure from ``first`` to ``last``, by any of zone, day, hour and dimensions.

    ``count`` without a measure counts rows. Raises Refused for a purpose the contract does not name, Invalid
    for a measure, aggregate, grouping or span that is not to be had.
    """
    if purpose not in contract.purposes:
        raise Refused(
            _("The contract does not allow the purpose “%(purpose)s”. It allows: %(allowed)s.")
            % {"purpose": purpose, "allowed": ", ".join(contract.purposes) or _("none")}
        )
    if not 0 <= (last - first).days < LONGEST:
        raise Invalid(
            _("The last day comes before the first, or the span is longer than %(days)s days.")
            % {"days": LONGEST}
        )
    measures, dimensions = measures_of(contract), dimensions_of(contract)
    if aggregate not in ("sum", "count", "mean"):
        raise Invalid(_("Choose sum, count or mean."))
    if measure not in measures and not (aggregate == "count" and not measure):
        raise Invalid(
            _("The contract has no such measure. It has: %(names)s.") % {"names": ", ".join(measures)}
        )
    known = ("zone", "day", "hour", *dimensions)
    if len(set(by)) != len(by) or not set(by) <= set(known) or ("hour" in by and contract.bucket != "hour"):
        raise Invalid(_("It can be grouped by %(names)s, each once.") % {"names": ", ".join(known)})
    released = list(
        ReleasedDay.objects.filter(table=contract.table, day__range=(first, last)).order_by("day")
    )
    sums: dict[tuple[str, ...], list[float]] = {}
    rest: list[float] = [0, 0, 0]
    for one in released:
        made = Day.unpacked(bytes(one.atoms))
        number = made.measures.index(measure) if measure in made.measures else None
        for atom in made.atoms:
            key = _key(atom, one.day, by, made.dimensions)
            place = rest if key is None else sums.setdefault(key, [0, 0, 0])
            if not measure:
                place[1] += atom.rows
            elif number is not None:
                place[0] += atom.sums[number]
                place[1] += atom.counts[number]
            place[2] += atom.rows
    figures = tuple(_figure(key, values, aggregate) for key, values in sorted(sums.items()))
    days = tuple(one.day for one in released)
    span = [first + timedelta(step) for step in range((last - first).days + 1)]
    return Answer(
        figures=figures,
        rest=_figure((), rest, aggregate) if rest[2] else None,
        k=max((one.k for one in released), default=contract.k),
        days=days,
        missing=tuple(day for day in span if day not in days),
        versions=tuple(sorted({f"{one.contract} {one.version}" for one in released})),
    )


def _key(atom: Atom, day: date, by: Sequence[str], dimensions: Sequence[str]) -> tuple[str, ...] | None:
    """Where the atom counts under this grouping; None where it speaks of more than one group."""
    key = []
    for name in by:
        if name == "day":
            key.append(day.isoformat())
        elif name == "zone":
            if atom.kind == DAY_REST:
                return None
            key.append(atom.zone)
        elif atom.kind != CELL:
            return None
        elif name == "hour":
            key.append(f"{atom.bucket:02d}")
        else:
            key.append(atom.key[dimensions.index(name)] if name in dimensions else "")
    return tuple(key)


def _figure(key: tuple[str, ...], values: Sequence[float], aggregate: str) -> Figure:
    total, count, rows = values
    if aggregate == "mean":
        value = total / count if count else None
    else:
        value = count if aggregate == "count" else total if count else None
    return Figure(key, value, int(rows))


def sums_of(contract: Contract, days: Iterable[date]) -> dict[date, str]:
    """The SHA-256 of each released day's sums."""
    found = ReleasedDay.objects.filter(table=contract.table, day__in=list(days))
    return dict(found.values_list("day", "sha256"))


@dataclass(frozen=True)
class Lineage:
    """What one day's figures were counted from: files of the store and batches of the log."""

    day: date
    sha256: str
    files: tuple[str, ...]
    missing_files: tuple[str, ...]
    batches: int


def why(contract: Contract, days: Iterable[date]) -> list[Lineage]:
    """The lineage of released days, oldest first: each file by its SHA-256, and how many batches fed them."""
    found = []
    for one in ReleasedDay.objects.filter(table=contract.table, day__in=list(days)).order_by("day"):
        files, batches = read_files(partial(_files_with, contract.table, one), _with_batches)
        there = {sha for file in files for sha in (file.sha256, *file.made_of)}
        missing = tuple(sha for sha in one.files if sha not in there)
        found.append(Lineage(one.day, one.sha256, tuple(one.files), missing, batches))
    return found


def _with_batches(files: list[StoreFile]) -> tuple[list[StoreFile], int]:
    if not files:
        return files, 0
    reader = connect()
    try:
        paths = [str(places.store() / file.path) for file in files]
        (count,) = reader.execute(
            "SELECT count(DISTINCT batch) FROM read_parquet(?, union_by_name = true)", [paths]
        ).fetchall()[0]
        return files, count
    finally:
        reader.close()


def _files_with(table: str, released: ReleasedDay) -> list[StoreFile]:
    """The files the day was counted from, or what they were put together into since."""
    wanted = set(released.files)
    near = files_of(table, released.day - timedelta(1), released.day + timedelta(1))
    return [file for file in near if wanted & {file.sha256, *file.made_of}]
