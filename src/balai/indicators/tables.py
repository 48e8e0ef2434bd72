"""Tables of figures as people send them: CSV or XLSX, headings in either language, one figure a row.

Reads and checks; writes nothing. A row that cannot be understood keeps its cells and says why.
"""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import zip_longest
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from balai.core.inspection import refused
from balai.indicators.models import COMPUTED, MEASUREMENTS, CityCode, Indicator, ValueStatus
from balai.people.models import City

HUB = "Balai"
"""The source of what the hub computes from its own records; no table may claim it."""
MOST_ROWS = 20_000
MOST_CELL = 300

HEADINGS = {
    "city": ("city", "kota", "kode kota", "wilayah", "kode_wilayah"),
    "indicator": ("indicator", "indikator", "kode indikator"),
    "period": ("period", "periode", "year", "tahun"),
    "value": ("value", "nilai", "angka"),
    "as_of": ("as_of", "per tanggal", "per_tanggal", "tanggal"),
    "source": ("source", "sumber"),
    "source_url": ("source_url", "alamat sumber", "alamat_sumber", "url"),
    "method_version": ("method_version", "method", "metode"),
    "status": ("status",),
    "note": ("note", "catatan", "keterangan"),
}
NEEDED = ("city", "indicator", "period", "value")
NOTHING = {"", "-", "–", "—", "n/a", "na", "nan", "null", "...", "tidak ada"}
PERIOD = re.compile(r"(19|20)\d{2}(-(0[1-9]|1[0-2])|-S[12]|-Q[1-4])?")
LIMIT = Decimal(10) ** 14
STATUSES = tuple(status.value for status in ValueStatus if status not in COMPUTED)


@dataclass(slots=True)
class Row:
    """One line of a table: what stood there, what it means, and what keeps it from being taken."""

    number: int
    cells: dict[str, str]
    city: str = ""
    indicator: str = ""
    period: str = ""
    value: str = ""
    status: str = ValueStatus.FINAL.value
    as_of: str = ""
    source: str = ""
    source_url: str = ""
    method_version: str = ""
    note: str = ""
    empty: bool = False
    faults: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for every row that does not say otherwise."""

    source: str = ""
    source_url: str = ""
    method_version: str = ""
    city: str = ""
    decimal: str = ""
    """``.`` or ``,``; empty where the table tells by itself."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a row may refer to, read once a table."""

    cities: Mapping[str, str]
    indicators: frozenset[str]
    allowed: str | None

    @classmethod
    def read(cls, allowed: str | None) -> "Known":
        """``allowed`` narrows to one city. Three queries."""
        cities: dict[str, str] = {}
        for code, slug, name in City.objects.values_list("code", "slug", "name"):
            cities |= {slug.casefold(): code, name.casefold(): code}
        for system, code, city in CityCode.objects.values_list("system", "code", "city"):
            cities[code.casefold() if system == "kemendagri" else f"{system}:{code}"] = city
        cities |= {code: code for code in set(cities.values())}
        return cls(cities, frozenset(Indicator.objects.values_list("code", flat=True)), allowed)


def sort_of(status: str) -> str:
    """Measurements of one source and method follow each other; a target or claim stands for itself."""
    return "measurement" if status in MEASUREMENTS else status


def read_rows(data: bytes, kind: str) -> list[dict[str, str]]:
    """The lines of a CSV or XLSX as heading → cell. Raises Invalid for a table without the headings."""
    grid = _csv(data) if kind == "csv" else _xlsx(data)
    lines = iter(grid)
    head = next(lines, None)
    if not head:
        raise refused(_("The table is empty."))
    names = [_heading(cell) for cell in head]
    if repeated := sorted({name for name in names if name and names.count(name) > 1}):
        raise refused(_("The column %(name)s stands twice.") % {"name": repeated[0]})
    if missing := [name for name in NEEDED if name not in names and name != "city"]:
        raise refused(_("The table has no column %(name)s.") % {"name": missing[0]})
    rows = []
    for cells in lines:
        row = {name: _bare(cell) for name, cell in zip_longest(names, cells) if name}
        if any(row.values()):
            rows.append(row)
        else:
            rows.append({})
        if len(rows) > MOST_ROWS:
            raise refused(_("A table has at most %(n)s rows. Send it in parts.") % {"n": MOST_ROWS})
    while rows and not rows[-1]:
        rows.pop()
    if not rows:
        raise refused(_("The table has headings and no row."))
    return rows


def understand(lines: Iterable[Mapping[str, str]], known: Known, defaults: Defaults) -> list[Row]:
    """Each line as a `Row`. The second of two lines for the same figure is a fault of the second."""
    rows: list[Row] = []
    seen: dict[tuple[str, ...], int] = {}
    for number, cells in enumerate(lines, start=2):
        if not cells:
            continue
        row = understood(number, cells, known, defaults)
        key = (row.city, row.indicator, row.period, row.source, row.method_version, sort_of(row.status))
        if not row.faults and not row.empty:
            if key in seen:
                row.faults.append(_("The same figure stands in row %(n)s already.") % {"n": seen[key]})
            else:
                seen[key] = number
        rows.append(row)
    return rows


def understood(number: int, cells: Mapping[str, str], known: Known, defaults: Defaults) -> Row:
    """One line checked. Nothing is guessed: what could mean two things is a fault."""
    row = Row(number, dict(cells))
    for name, text in cells.items():
        if len(text) > MOST_CELL:
            row.faults.append(_("%(name)s is longer than %(n)s characters.") % {"name": name, "n": MOST_CELL})
            return row
        if "\x00" in text:
            row.faults.append(_("%(name)s holds a character that cannot be kept.") % {"name": name})
            return row
    row.city = _city(cells.get("city") or defaults.city, known, row.faults)
    row.indicator = cells.get("indicator", "").upper()
    if row.indicator not in known.indicators:
        row.faults.append(_("There is no indicator %(code)s.") % {"code": cells.get("indicator") or "–"})
    row.period = cells.get("period", "").upper().removesuffix(".0")
    if not PERIOD.fullmatch(row.period):
        row.faults.append(
            _("The period %(text)s is not a year (2024), month (2024-06), half (2024-S1) or quarter.")
            % {"text": cells.get("period") or "–"}
        )
    text = cells.get("value", "")
    if text.casefold() in NOTHING:
        row.empty = True
    else:
        row.value = _number(text, defaults.decimal, row.faults)
    row.status = (cells.get("status") or ValueStatus.FINAL).casefold()
    if row.status not in STATUSES:
        row.faults.append(
            _("The status %(text)s is not one of %(list)s.")
            % {"text": row.status, "list": ", ".join(STATUSES)}
        )
    row.source = cells.get("source") or defaults.source
    if not row.source:
        row.faults.append(_("No source is named."))
    elif row.source.casefold() == HUB.casefold():
        row.faults.append(_("What the hub computes itself is not brought in by a table."))
    row.source_url = cells.get("source_url") or defaults.source_url
    if row.source_url and urlsplit(row.source_url).scheme not in ("http", "https"):
        row.faults.append(_("The address of the source does not begin with http:// or https://."))
    row.method_version = (cells.get("method_version") or defaults.method_version)[:61]
    if len(row.method_version) > 60:
        row.faults.append(_("The name of the method is longer than 60 characters."))
    row.as_of = _day(cells.get("as_of", ""), row.faults)
    row.note = cells.get("note", "")
    return row


def _city(text: str, known: Known, faults: list[str]) -> str:
    code = known.cities.get(text.removesuffix(".0")) or known.cities.get(text.casefold())
    if not code:
        faults.append(_("There is no city %(text)s.") % {"text": text or "–"})
        return ""
    if known.allowed is not None and code != known.allowed:
        faults.append(_("%(text)s is not your city.") % {"text": text})
    return code


class Exact(str):
    """A cell that was a number in the file, so that its point is a decimal point."""

    __slots__ = ()


GROUPED = {
    ",": re.compile(r"[-+]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?"),
    ".": re.compile(r"[-+]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?"),
}


def _number(text: str, decimal: str, faults: list[str]) -> str:
    """A plain decimal; ``1.250`` may mean two numbers and is refused unless the table's sign is known."""
    bare = text.replace("\u00a0", "").replace(" ", "").replace("−", "-")
    if isinstance(text, Exact):
        pass
    elif decimal:
        if not GROUPED[decimal].fullmatch(bare):
            faults.append(_("%(text)s is not a number.") % {"text": text})
            return ""
        bare = bare.replace("." if decimal == "," else ",", "").replace(",", ".")
    elif re.fullmatch(r"[-+]?[1-9]\d{0,2}[.,]\d{3}", bare):
        faults.append(
            _("%(text)s can mean two numbers. Write it without a thousands sign, or choose the decimal sign.")
            % {"text": text}
        )
        return ""
    elif bare.count(",") == 1 and "." not in bare:
        bare = bare.replace(",", ".")
    try:
        number = Decimal(bare)
    except InvalidOperation:
        faults.append(_("%(text)s is not a number.") % {"text": text})
        return ""
    if not number.is_finite() or abs(number) >= LIMIT:
        faults.append(_("%(text)s is not a number that can be kept.") % {"text": text})
        return ""
    return format(number.quantize(Decimal("0.0001")), "f")


def _day(text: str, faults: list[str]) -> str:
    if not text:
        return ""
    try:
        return dt.date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        faults.append(_("The day %(text)s is not written as 2024-12-31.") % {"text": text})
        return ""


def _heading(cell: str | None) -> str:
    text = " ".join((cell or "").replace("\ufeff", "").split()).casefold()
    return next((name for name, known in HEADINGS.items() if text in known), "")


def _csv(data: bytes) -> Iterable[Sequence[str | None]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refused(_("The CSV file is not UTF-8. Save it as CSV UTF-8.")) from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as fault:
        raise refused(_("The CSV file is damaged: %(fault)s.") % {"fault": fault}) from None


def _xlsx(data: bytes) -> Iterable[Sequence[str | None]]:
    """The first sheet. Formulas count as the value that was stored with them."""
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        lines = book.worksheets[0].iter_rows(max_row=MOST_ROWS + 2, max_col=40, values_only=True)
        return [[_text(cell) for cell in cells] for cells in lines]
    except Exception as fault:  # openpyxl raises what its XML reader raises
        raise refused(_("The workbook cannot be read. Save it again as XLSX or send CSV.")) from fault


def _text(cell: object) -> str:
    if cell is None or isinstance(cell, bool):
        return ""
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return Exact(int(cell))
    if isinstance(cell, int | float):
        return Exact(format(Decimal(repr(cell)), "f"))
    return str(cell)


def _bare(cell: str | None) -> str:
    return cell if isinstance(cell, Exact) else (cell or "").strip()
