"""Indicators, figures and tables of figures for tests."""

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from balai.indicators.models import Indicator, Value
from balai.people.models import City
from tests.builders import make_city


def make_indicator(code: str = "MOB-01", **extra: Any) -> Indicator:
    values = {"dimension": "mobility", "name": f"Ukuran {code}", "name_en": f"Measure {code}"}
    values |= {"unit": "minutes", "higher_is_better": False} | extra
    return Indicator.objects.get_or_create(code=code, defaults=values)[0]


def make_value(value: str = "25.5", *, city: City | None = None, code: str = "MOB-01", **extra: Any) -> Value:
    values: dict[str, Any] = {"period": "2024", "source": "BPS"} | extra
    return Value.objects.create(
        indicator=make_indicator(code), city=city or make_city(), value=Decimal(value), **values
    )


HEAD = ["city", "indicator", "period", "value", "source"]


def table(*rows: Sequence[object], head: Sequence[str] = HEAD, delimiter: str = ",") -> bytes:
    """A CSV file of these rows."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([head, *rows])
    return out.getvalue().encode()


def workbook(*rows: Sequence[object], head: Sequence[str] = HEAD) -> bytes:
    """An XLSX file of these rows."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (head, *rows):
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
