"""What the public register adds up to: the infographic, and the yearly report by a map of columns."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Prefetch, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.agreements import affairs
from balai.agreements.models import AgreementKind, AgreementState, Party
from balai.agreements.register import registered
from balai.agreements.term import term_of
from balai.core.tomlfile import Label, Reader, TomlError, read, tables
from balai.people.models import City, OrganisationKind
from balai.people.rules import Reader as Person

FILE = Path(__file__).resolve().parent / "yearly_report.toml"
SIGNED = (AgreementState.SEALED, AgreementState.ENDED)
MOST_PARTNERS = 12


@dataclass(frozen=True, slots=True)
class Tally:
    """One line of a figure."""

    key: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The public register in figures. ``days`` are from an application to its sealed agreement, half of them
    shorter; ``timed`` says of how many. Known from publications are counted apart, in ``documented``."""

    signed: int
    in_force: int
    ending: int
    over: int
    addenda: int
    paper: int
    documented: int
    invented: int
    partners: int
    days: float | None
    timed: int
    by_year: tuple[Tally, ...]
    by_kind: tuple[Tally, ...]
    by_scheme: tuple[Tally, ...]
    by_affair: tuple[Tally, ...]
    by_partner: tuple[Tally, ...]


def public_rows() -> QuerySet[Any]:
    """Every agreement a stranger finds in the register that was signed or is known to have been."""
    rows = registered(AnonymousUser()).filter(state__in=SIGNED)
    return (
        rows.exclude(state=AgreementState.ENDED, ended_on=None)
        .select_related("collaboration__scheme_version", "paper", "city")
        .defer("collaboration__scheme_version__source")
        .prefetch_related(Prefetch("parties", Party.objects.select_related("organisation").order_by("place")))
    )


def summary() -> Summary:
    """Add up the public register; two queries."""
    rows: list[Any] = list(public_rows())
    told = [row for row in rows if row.documented]
    addenda = [row for row in rows if row.amends_id is not None]
    own = [row for row in rows if not row.documented and row.amends_id is None]
    terms = [term_of(row) for row in own]
    firms = Counter(
        (party.organisation.slug, party.organisation.name)
        for row in own
        for party in row.parties.all()
        if party.organisation.kind != OrganisationKind.AGENCY
    )
    waits = [
        (row.sealed_at - row.collaboration.submitted_at).total_seconds() / 86_400
        for row in own
        if row.sealed_at and row.collaboration and row.collaboration.submitted_at
    ]
    years = Counter(str(row.signed_on.year) for row in own if row.signed_on)
    schemes = Counter(row.collaboration.scheme_version.key for row in own if row.collaboration)
    called = {c.scheme_version.key: c.scheme.name for row in own if (c := row.collaboration)}
    fields = Counter(row.affair for row in own)
    kinds = Counter(row.kind for row in own)
    unknown = _("not classified yet")
    return Summary(
        signed=len(own),
        in_force=sum(term.in_force for term in terms),
        ending=sum(term.code == "ending" for term in terms),
        over=sum(term.code in ("ended", "lapsed") for term in terms),
        addenda=len(addenda),
        paper=sum(row.from_paper for row in own),
        documented=len(told),
        invented=sum(row.invented for row in own),
        partners=len(firms),
        days=median(waits) if waits else None,
        timed=len(waits),
        by_year=tuple(Tally(year, year, years[year]) for year in sorted(years)),
        by_kind=tuple(Tally(k, str(AgreementKind(k).label), n) for k, n in kinds.most_common()),
        by_scheme=tuple(Tally(k, str(called[k]), n) for k, n in schemes.most_common()),
        by_affair=tuple(
            Tally(k, affairs.name_of(k) if k else unknown, n)
            for k, n in sorted(fields.items(), key=lambda pair: (not pair[0], -pair[1], pair[0]))
        ),
        by_partner=tuple(
            Tally(slug, name, n)
            for (slug, name), n in sorted(firms.items(), key=lambda pair: (-pair[1], pair[0][1]))[
                :MOST_PARTNERS
            ]
        ),
    )


class ReportError(TomlError):
    """The map of columns cannot be used."""


@dataclass(frozen=True, slots=True)
class Column:
    value: str
    heading: Label


@dataclass(frozen=True, slots=True)
class Form:
    """The yearly report's columns. ``certainty`` is ``ours`` where no official form is known."""

    version: str
    source: str
    certainty: str
    columns: tuple[Column, ...]


VALUES = (
    "row",
    "kind",
    "title",
    "affair",
    "city_party",
    "partners",
    "city_number",
    "partner_numbers",
    "signed_on",
    "starts_on",
    "ends_on",
    "ended_on",
    "status",
    "addenda",
    "scheme",
    "reference",
    "budget",
    "basis",
    "source",
    "sha256",
)


def parse_form(source: str) -> Form:
    """Read a map of columns. Raises ReportError with the line of whatever is wrong."""
    data, lines = read(source, ReportError)
    head = Reader(lines, "report", 0, data.get("report", {}))
    version, origin = head.text("version"), head.text("source")
    certainty = head.choice("certainty", ("confirmed", "secondary", "counsel", "ours"))
    head.done()
    columns: list[Column] = []
    for row in tables(lines, data, "columns"):
        columns.append(Column(row.choice("value", VALUES), row.must("heading")))
        row.done()
    return Form(version, origin, certainty, tuple(columns))


@cache
def form() -> Form:
    """The yearly report in use."""
    return parse_form(FILE.read_text(encoding="utf-8"))


def years(user: Person) -> list[int]:
    """The years of which there is something to report, newest first; one query."""
    rows = registered(user).filter(state__in=SIGNED, signed_on__isnull=False)
    return [day.year for day in rows.order_by().dates("signed_on", "year", "DESC")]


def report_rows(year: int, user: Person, city: City | None = None) -> list[list[Any]]:
    """The yearly report, one row an agreement that was in force at some time in the year; three queries.

    Only what the reader may see. Addenda are counted with what they amend; agreements known from
    publications are no records of the city and are left out.
    """
    first, last = date(year, 1, 1), date(year, 12, 31)
    rows = registered(user).filter(state__in=SIGNED, documented=False, amends=None)
    rows = rows.exclude(state=AgreementState.ENDED, ended_on=None)
    rows = rows.filter(Q(signed_on__lte=last) | Q(starts_on__lte=last))
    rows = rows.exclude(ended_on__lt=first).exclude(ends_on__lt=first)
    if city is not None:
        rows = rows.filter(city=city)
    sealed = Count("addenda", filter=Q(addenda__sealed_at__isnull=False), distinct=True)
    found = (
        rows.annotate(addenda_sealed=sealed)
        .select_related("collaboration__scheme_version", "sealed_document", "paper")
        .defer("collaboration__scheme_version__source")
        .prefetch_related(Prefetch("parties", Party.objects.select_related("organisation").order_by("place")))
        .order_by("signed_or_begun", "created_at", "pk")
    )
    return [_cells(number, row, last) for number, row in enumerate(found, 1)]


def heading() -> list[str]:
    """The columns' headings in the reader's language."""
    return [str(column.heading) for column in form().columns]


def _cells(number: int, row: Any, last: date) -> list[Any]:
    values = _values(number, row, last)
    return [values[column.value] for column in form().columns]


def _values(number: int, row: Any, last: date) -> dict[str, Any]:
    parties: Sequence[Party] = list(row.parties.all())
    city = [party for party in parties if party.organisation.kind == OrganisationKind.AGENCY]
    others = [party for party in parties if party not in city]
    return {
        "row": number,
        "kind": str(AgreementKind(row.kind).label),
        "title": row.title,
        "affair": affairs.name_of(row.affair) if row.affair else "",
        "city_party": _joined(party.organisation.name for party in city),
        "partners": _joined(party.organisation.name for party in others),
        "city_number": _joined(party.number for party in city),
        "partner_numbers": _joined(party.number for party in others),
        "signed_on": _iso(row.signed_on),
        "starts_on": _iso(row.starts_on),
        "ends_on": _iso(row.ends_on),
        "ended_on": _iso(row.ended_on),
        "status": _status(row, last),
        "addenda": row.addenda_sealed,
        "scheme": str(row.collaboration.scheme.name) if row.collaboration else "",
        "reference": row.collaboration.reference if row.collaboration else "",
        "budget": _("yes") if row.spends_regional_budget else _("no"),
        "basis": _("recorded from paper, not verified by the hub")
        if row.from_paper
        else _("signed and sealed on the hub"),
        "source": row.source,
        "sha256": row.sealed_document.sha256 if row.sealed_document else "",
    }


def _status(row: Any, last: date) -> str:
    """In force or over on the last day of the year, or today where the year is not over."""
    day = min(last, timezone.localdate())
    over = row.ended_on or (row.ends_on if row.ends_on and row.ends_on < day else None)
    if over and over <= day:
        return _("ended")
    return _("not yet begun") if row.starts_on and row.starts_on > day else _("in force")


def _joined(values: Iterable[str]) -> str:
    return "; ".join(filter(None, values))


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""
