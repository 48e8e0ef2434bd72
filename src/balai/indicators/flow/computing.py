"""A figure of a period from released sums alone, with what it rests on and what it leaves out.

Partners are put together by their sums and counts, never by their means. A day counts where every contract of
the definition has released it. Where a term narrows a dimension, all terms of its contract are read in that
grouping, so that both sides of a ratio speak of the same cells; what could only be told of a wider grouping
is left out, counted in ``withheld``, and bounds the figure from both sides where that can be said.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from hashlib import sha256
from json import dumps

from django.utils.translation import gettext as _

from balai.core.errors import BalaiError
from balai.indicators.flow.definition import Definition, Span, Term
from balai.observations.contracts import Contract, Role
from balai.observations.models import DataContract
from balai.observations.release import Answer, ask, contract_in_force, sums_of

PURPOSE = "indicators"
"""The purpose of a contract for figures that anyone reads."""
LONGEST = 400
"""Days one question may span, as the release allows."""


@dataclass(frozen=True, slots=True)
class Fed:
    """One contract's part in a figure: its released days with their SHA-256."""

    contract: str
    major: int
    versions: tuple[str, ...]
    days: tuple[tuple[date, str], ...]


@dataclass(frozen=True, slots=True)
class ZoneFigure:
    zone: str
    value: Fraction
    rows: int


@dataclass(frozen=True, slots=True)
class Computed:
    """``k`` is 0 where no contract speaks of people; ``low`` and ``high`` are None where nothing is left out
    or no bound can be said; ``days`` are those every contract has released.
    """

    value: Fraction
    low: Fraction | None
    high: Fraction | None
    rows: int
    withheld: int
    k: int
    days: tuple[date, ...]
    fed: tuple[Fed, ...]
    zones: tuple[ZoneFigure, ...]
    simulated: bool
    city: str

    def coverage(self, span: Span) -> float:
        """Part of the period's days it rests on."""
        return len(self.days) / span.days

    @property
    def digest(self) -> str:
        """SHA-256 of what it was computed from: contracts, days and their sums."""
        told = [
            [one.contract, one.major, [[day.isoformat(), sha] for day, sha in one.days]] for one in self.fed
        ]
        return sha256(dumps(told, separators=(",", ":")).encode()).hexdigest()


@dataclass(slots=True)
class _Source:
    """One contract while it is read: its document, the dimensions it is read by, and answers asked before."""

    row: DataContract
    contract: Contract
    purpose: str
    by: tuple[str, ...]
    answers: dict[tuple[object, ...], Answer] = field(default_factory=dict)

    def ask(
        self, measure: str, aggregate: str, by: tuple[str, ...], runs: Sequence[tuple[date, date]]
    ) -> list[Answer]:
        found = []
        for first, last in runs:
            key = (measure, aggregate, by, first, last)
            if key not in self.answers:
                self.answers[key] = ask(
                    self.contract,
                    purpose=self.purpose,
                    measure=measure,
                    aggregate=aggregate,
                    by=by,
                    first=first,
                    last=last,
                )
            found.append(self.answers[key])
        return found


def faults_of(definition: Definition, *, city: str) -> list[str]:
    """Why the contracts in force do not bear the definition; empty where they do."""
    faults = []
    for term in definition.terms:
        try:
            source = _source(term, definition)
            if source.row.city_id != city:
                faults.append(f"{term.contract}: another city's")
                continue
            if term.purpose != PURPOSE:
                said = _("figures that anyone reads are asked for the purpose “%(purpose)s”.")
                faults.append(f"{term.contract}: {said % {'purpose': PURPOSE}}")
                continue
            known = {one.name: one.values for one in source.contract.by_role[Role.DIMENSION]}
            for name, values in term.where:
                lost = [value for value in values if known.get(name) and value not in known[name]]
                faults += [f"{term.contract}, {name}: {value}" for value in lost]
            day = date(2020, 1, 1)
            source.ask(term.measure, "sum" if term.measure else "count", source.by, [(day, day)])
        except BalaiError as refusal:
            faults.append(f"{term.contract}: {refusal.reason}")
    return faults


def compute(definition: Definition, span: Span, *, only: Iterable[str] = ()) -> Computed | None:
    """The figure of a period, ``only`` of these zones where some are named; None where there is nothing.

    ``zones`` are all that may be told, whichever are named.

    Raises Refused for a purpose a contract does not name, Invalid where a contract, measure or dimension is
    not there.
    """
    sources = {term.source: _source(term, definition) for term in definition.terms}
    days = _common_days(sources.values(), span)
    if not days:
        return None
    runs = _runs(days)
    zones = frozenset(only)
    total = _put_together(definition, sources, runs, zones)
    if total is None:
        return None
    value, low, high, rows, withheld = total
    return Computed(
        value=value,
        low=low,
        high=high,
        rows=rows,
        withheld=withheld,
        k=max((_k(source.contract) for source in sources.values()), default=0),
        days=days,
        fed=tuple(_fed(source, days, runs) for source in sources.values()),
        zones=tuple(_by_zone(definition, sources, runs)),
        simulated=any(source.row.invented for source in sources.values()),
        city=next(iter(sources.values())).row.city_id,
    )


def _source(term: Term, definition: Definition) -> _Source:
    row, contract = contract_in_force(term.contract, term.major)
    dimensions = dict.fromkeys(
        name for other in definition.terms if other.source == term.source for name, _values in other.where
    )
    return _Source(row, contract, term.purpose, tuple(dimensions))


def _k(contract: Contract) -> int:
    people = contract.one(Role.SUBJECT) or contract.one(Role.SUBJECTS)
    return contract.k if people else 0


def _common_days(sources: Iterable[_Source], span: Span) -> tuple[date, ...]:
    """The days of the period that every contract has released."""
    common: set[date] | None = None
    for source in sources:
        (answer,) = source.ask("", "count", (), [(span.first, span.last)])
        common = set(answer.days) if common is None else common & set(answer.days)
    return tuple(sorted(common or ()))


def _runs(days: Sequence[date]) -> list[tuple[date, date]]:
    """Days as spans without a gap."""
    runs: list[tuple[date, date]] = []
    for day in days:
        if runs and day - runs[-1][1] == timedelta(1):
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs


@dataclass(slots=True)
class _Sums:
    """What a term adds: its measure (or rows) where it applies, and where it could not be told."""

    total: Fraction = Fraction(0)
    count: Fraction = Fraction(0)
    rows: int = 0
    rest: Fraction = Fraction(0)
    rest_rows: int = 0
    cells: int = 0

    def add(self, other: "_Sums") -> None:
        for name in ("total", "count", "rows", "rest", "rest_rows", "cells"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def _term_sums(
    term: Term, source: _Source, runs: Sequence[tuple[date, date]], *, by_zone: bool, mean: bool
) -> dict[str, _Sums]:
    """What a term adds by zone ("" for all of the city), and under "" what could not be told that finely."""
    by = (("zone",) if by_zone else ()) + source.by
    found: dict[str, _Sums] = {}
    for aggregate in ("sum", "count") if term.measure and mean else ("sum",) if term.measure else ("count",):
        for answer in source.ask(term.measure, aggregate, by, runs):
            for figure in answer.figures:
                zone, key = (figure.key[0], figure.key[1:]) if by_zone else ("", figure.key)
                told = dict(zip(source.by, key, strict=True))
                if figure.value is None or any(told[name] not in values for name, values in term.where):
                    continue
                sums = found.setdefault(zone, _Sums())
                if aggregate == "count":
                    sums.count += Fraction(figure.value)
                if aggregate == "sum" or not term.measure:
                    sums.total += Fraction(figure.value)
                    sums.rows += figure.of
                    sums.cells += 1
            if answer.rest and (aggregate == "sum" or not term.measure):
                sums = found.setdefault("", _Sums())
                sums.rest += Fraction(answer.rest.value or 0)
                sums.rest_rows += answer.rest.of
    return found


type _Total = tuple[Fraction, Fraction | None, Fraction | None, int, int]


def _put_together(
    definition: Definition,
    sources: Mapping[tuple[str, int], _Source],
    runs: Sequence[tuple[date, date]],
    zones: frozenset[str],
) -> _Total | None:
    """Value, bounds, rows behind it and rows left out, of the city or of some of its zones."""
    parts: dict[Term, _Sums] = {}
    for term in dict.fromkeys(definition.terms):
        mean = definition.aggregate == "mean"
        found = _term_sums(term, sources[term.source], runs, by_zone=bool(zones), mean=mean)
        whole = _Sums()
        for zone, sums in found.items():
            if not zones or zone in zones:
                whole.add(sums)
            elif zone == "":
                whole.add(_Sums(rest=sums.rest, rest_rows=sums.rest_rows))
        parts[term] = whole
    of, per = _sum(parts, definition.of), _sum(parts, definition.per)
    value = _value(definition, of, per)
    if value is None:
        return None
    counted = definition.per or definition.of
    left = {term.source: parts[term].rest_rows for term in definition.terms}
    withheld = sum(left.values())
    low, high = _bounds(definition, parts, sources, zones) if withheld else (None, None)
    scale = definition.scale
    rows = _sum(parts, counted).rows
    return (
        value * scale,
        None if low is None else low * scale,
        None if high is None else high * scale,
        rows,
        withheld,
    )


def _sum(parts: Mapping[Term, _Sums], terms: Iterable[Term]) -> _Sums:
    whole = _Sums()
    for term in terms:
        whole.add(parts[term])
    return whole


def _value(definition: Definition, of: _Sums, per: _Sums) -> Fraction | None:
    """None where nothing that may be told stands behind it."""
    if definition.aggregate == "ratio":
        return of.total / per.total if per.total else None
    if definition.aggregate == "mean":
        return of.total / of.count if of.count else None
    return of.total if of.cells else None


def _bounds(
    definition: Definition,
    parts: Mapping[Term, _Sums],
    sources: Mapping[tuple[str, int], _Source],
    zones: frozenset[str],
) -> tuple[Fraction | None, Fraction | None]:
    """Between which values the figure lies, whatever the rows left out are.

    Known of a sum or count of what cannot be negative, and of a share: a ratio each part of which is found
    among what it is a part of. Of some zones only, the rest may lie elsewhere, which the same bounds cover.
    """
    terms = definition.terms
    if definition.aggregate == "mean" or not all(_not_negative(term, sources) for term in terms):
        return None, None
    of, per = _sum(parts, definition.of), _sum(parts, definition.per)
    if definition.aggregate in ("sum", "count"):
        return of.total, of.total + of.rest
    wide = {(term.source, term.measure): term for term in definition.per}
    if len(wide) != len(definition.per) or len({term.source for term in definition.of}) != len(definition.of):
        return None, None
    for term in definition.of:
        among = wide.get((term.source, term.measure))
        if among is None or not _within(term, among):
            return None, None
    whole = per.total + per.rest
    if zones or not whole:
        return None, None
    return of.total / whole, min(Fraction(1), (of.total + of.rest) / whole)


def _within(term: Term, among: Term) -> bool:
    wider = dict(among.where)
    narrow = dict(term.where)
    return all(name in narrow and set(narrow[name]) <= set(values) for name, values in wider.items())


def _not_negative(term: Term, sources: Mapping[tuple[str, int], _Source]) -> bool:
    if not term.measure:
        return True
    found = {one.name: one.minimum for one in sources[term.source].contract.by_role[Role.MEASURE]}
    least = found.get(term.measure)
    return least is not None and least >= 0


def _by_zone(
    definition: Definition,
    sources: Mapping[tuple[str, int], _Source],
    runs: Sequence[tuple[date, date]],
) -> list[ZoneFigure]:
    """The figure of each zone of which every side of it may be told."""
    mean = definition.aggregate == "mean"
    found = {
        term: _term_sums(term, sources[term.source], runs, by_zone=True, mean=mean)
        for term in dict.fromkeys(definition.terms)
    }
    figures = []
    for zone in sorted({zone for sums in found.values() for zone in sums} - {""}):
        here = {term: sums.get(zone, _Sums()) for term, sums in found.items()}
        if definition.per and not all(here[term].cells for term in definition.of):
            continue
        value = _value(definition, _sum(here, definition.of), _sum(here, definition.per))
        if value is not None:
            rows = _sum(here, definition.per or definition.of).rows
            figures.append(ZoneFigure(zone, value * definition.scale, rows))
    return figures


def _fed(source: _Source, days: Sequence[date], runs: Sequence[tuple[date, date]]) -> Fed:
    sums = sums_of(source.contract, days)
    versions = {name for answer in source.ask("", "count", (), runs) for name in answer.versions}
    return Fed(
        source.row.contract,
        source.row.major,
        tuple(sorted(versions)),
        tuple((day, sums[day]) for day in days),
    )
