"""How an indicator is computed from released figures, as text a keeper may read and change.

TOML, one definition::

    aggregate = "ratio"      # sum, count, mean or ratio
    period = "month"         # month, quarter or year
    coverage = 80            # per cent of the period's days it needs
    scale = "100"            # the result times this; "1/60" is allowed

    [[of]]
    contract = "duithape-aid"
    major = 1
    purpose = "indicators"
    measure = "amount_idr"   # left out: rows are counted
    where = { status = ["paid"] }

    [[per]]                  # only of a ratio
    …
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from hashlib import sha256
from typing import Any

from django.utils.translation import gettext as _

AGGREGATES = ("sum", "count", "mean", "ratio")
PERIODS = ("month", "quarter", "year")
MOST_TERMS = 12
MOST_TEXT = 8000
_CONTRACT = re.compile(r"[a-z][a-z0-9-]{0,79}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_SCALE = re.compile(r"\d{1,12}(/\d{1,12})?")


class DefinitionError(ValueError):
    """The text is no definition; ``faults`` name every fault by its place."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Term:
    """Released figures of one contract; ``where`` narrows dimensions; no ``measure`` counts rows."""

    contract: str
    major: int
    purpose: str
    measure: str = ""
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def source(self) -> tuple[str, int]:
        return self.contract, self.major


@dataclass(frozen=True, slots=True)
class Definition:
    """``per`` is empty but for a ratio; ``coverage`` is the per cent of days a figure needs."""

    aggregate: str
    period: str
    coverage: int
    scale: Fraction
    of: tuple[Term, ...]
    per: tuple[Term, ...]
    text: str

    @property
    def terms(self) -> tuple[Term, ...]:
        return self.of + self.per

    @property
    def sources(self) -> tuple[tuple[str, int], ...]:
        """Each contract with its major version once, in the order of the text."""
        return tuple(dict.fromkeys(term.source for term in self.terms))

    @property
    def sha256(self) -> str:
        return sha256(self.text.encode()).hexdigest()


def read_definition(text: str) -> Definition:
    """Raises DefinitionError naming every fault."""
    if len(text) > MOST_TEXT:
        raise DefinitionError([_("It is longer than %(n)s characters.") % {"n": MOST_TEXT}])
    text = text.replace("\r\n", "\n").strip() + "\n"
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise DefinitionError([f"TOML: {fault}"]) from fault
    faults: list[str] = []
    unknown = set(table) - {"aggregate", "period", "coverage", "scale", "of", "per"}
    faults += [_("%(name)s: not known here.") % {"name": name} for name in sorted(unknown)]
    aggregate = _one_of(table, "aggregate", AGGREGATES, faults)
    period = _one_of(table, "period", PERIODS, faults)
    coverage = table.get("coverage")
    if type(coverage) is not int or not 1 <= coverage <= 100:
        faults.append(_("coverage: a whole number from 1 to 100."))
        coverage = 100
    of, per = _terms(table, "of", faults), _terms(table, "per", faults)
    if not of:
        faults.append(_("of: at least one part."))
    if (aggregate == "ratio") != bool(per):
        faults.append(_("per: a ratio has it, nothing else does."))
    if aggregate in ("sum", "mean") and not all(term.measure for term in of):
        faults.append(_("of: a sum or mean names its measure."))
    scale = str(table.get("scale", "1"))
    factor = Fraction(0)
    if _SCALE.fullmatch(scale) and int(scale.partition("/")[2] or 1):
        factor = Fraction(scale)
    if not factor:
        faults.append(_("scale: a whole number above 0, or two as in 1/60."))
    if faults:
        raise DefinitionError(faults)
    return Definition(aggregate, period, coverage, factor, of, per, text)


def _one_of(table: Mapping[str, Any], name: str, known: Sequence[str], faults: list[str]) -> str:
    value = table.get(name)
    if value not in known:
        faults.append(_("%(name)s: one of %(known)s.") % {"name": name, "known": ", ".join(known)})
        return ""
    return str(value)


def _terms(table: Mapping[str, Any], part: str, faults: list[str]) -> tuple[Term, ...]:
    rows = table.get(part, [])
    if not isinstance(rows, list) or len(rows) > MOST_TERMS or not all(isinstance(row, dict) for row in rows):
        faults.append(
            _("%(part)s: written as [[%(part)s]], at most %(n)s.") % {"part": part, "n": MOST_TERMS}
        )
        return ()
    return tuple(_term(row, f"{part} {number}", faults) for number, row in enumerate(rows, 1))


def _term(row: Mapping[str, Any], place: str, faults: list[str]) -> Term:
    def wrong(name: str) -> None:
        faults.append(
            _("%(place)s: %(name)s is missing or not well formed.") % {"place": place, "name": name}
        )

    unknown = set(row) - {"contract", "major", "purpose", "measure", "where"}
    faults += [_("%(name)s: not known here.") % {"name": f"{place}, {name}"} for name in sorted(unknown)]
    contract, purpose, measure = (row.get(name, "") for name in ("contract", "purpose", "measure"))
    major, where = row.get("major", 1), row.get("where", {})
    if not (isinstance(contract, str) and _CONTRACT.fullmatch(contract)):
        wrong("contract")
    if type(major) is not int or not 0 <= major <= 999_999:
        wrong("major")
    if not (isinstance(purpose, str) and _CONTRACT.fullmatch(purpose)):
        wrong("purpose")
    if not (isinstance(measure, str) and (measure == "" or _NAME.fullmatch(measure))):
        wrong("measure")
    sound = isinstance(where, dict) and all(
        _NAME.fullmatch(name)
        and isinstance(values, list)
        and 0 < len(values) <= 100
        and all(isinstance(value, str) and len(value) <= 200 for value in values)
        for name, values in where.items()
    )
    if not sound:
        wrong("where")
        where = {}
    chosen = tuple((name, tuple(dict.fromkeys(values))) for name, values in sorted(where.items()))
    return Term(str(contract), major if type(major) is int else 0, str(purpose), str(measure), chosen)


@dataclass(frozen=True, slots=True)
class Span:
    """A period by the code values use (2026-06, 2026-Q2, 2026), and its first and last day."""

    code: str
    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def span_of(period: str, day: date) -> Span:
    """The month, quarter or year of a day."""
    if period == "year":
        return Span(f"{day.year}", date(day.year, 1, 1), date(day.year, 12, 31))
    if period == "quarter":
        quarter = (day.month - 1) // 3
        return Span(
            f"{day.year}-Q{quarter + 1}", date(day.year, 3 * quarter + 1, 1), _end(day.year, 3 * quarter + 3)
        )
    return Span(f"{day.year}-{day.month:02d}", date(day.year, day.month, 1), _end(day.year, day.month))


def _end(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(1)


def spans_between(period: str, first: date, last: date) -> list[Span]:
    """Every period that has a day from ``first`` to ``last``, oldest first."""
    found = []
    day = first
    while day <= last:
        span = span_of(period, day)
        found.append(span)
        day = span.last + timedelta(1)
    return found
