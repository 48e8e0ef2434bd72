"""Figures of Statistics Indonesia: the dynamic tables of its WebAPI, version 1, as rows of a table.

An answer lists regions (``vervar``), years (``tahun``), derived variables (``turvar``) and parts of a year
(``turtahun``); a figure stands in ``datacontent`` under their five ids written one after the other.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.utils.html import strip_tags
from django.utils.translation import gettext as _

from balai.indicators.fetching import Unreachable, fetch_json

HOST = "https://webapi.bps.go.id"
SOURCE = "BPS WebAPI"
FIRST_YEAR = 1900
"""The API counts years from here: 2024 is 124."""


@dataclass(frozen=True, slots=True)
class Question:
    """One variable of one domain (``0000`` the country, ``3200`` a province) in some years."""

    domain: str
    variable: int
    years: Sequence[int]
    indicator: str
    derived: int | None = None
    """Id of the derived variable (``turvar``); needed where the table has several."""

    def path(self) -> str:
        years = ";".join(str(year - FIRST_YEAR) for year in self.years)
        return (
            f"/v1/api/list/model/data/lang/ind/domain/{quote(self.domain)}"
            f"/var/{self.variable}/th/{quote(years, safe=';')}"
        )


def ask(
    question: Question, key: str, *, host: str = HOST, private: bool = False
) -> tuple[list[dict[str, str]], bytes]:
    """Ask the WebAPI; rows for `tables.understand`, and the bytes of the answer. Raises Unreachable."""
    shown = host + question.path()
    body, data = fetch_json(f"{shown}/key/{quote(key, safe='')}", private=private, shown=shown)
    return list(rows_of(body, question, shown)), data


def rows_of(body: Any, question: Question, address: str) -> Iterator[dict[str, str]]:
    """The figures of an answer as rows. Raises Unreachable for an answer of another shape or a refusal."""
    if not isinstance(body, Mapping):
        raise Unreachable(_("The answer of BPS has another form than expected."))
    if body.get("status") != "OK" or body.get("data-availability") != "available":
        said = body.get("message") or body.get("data-availability") or body.get("status") or "–"
        raise Unreachable(_("BPS has no such table: %(said)s.") % {"said": said})
    try:
        yield from _figures(body, question, address)
    except (KeyError, IndexError, TypeError, AttributeError) as fault:
        raise Unreachable(_("The answer of BPS has another form than expected.")) from fault


def _figures(body: Mapping[str, Any], question: Question, address: str) -> Iterator[dict[str, str]]:
    content = body["datacontent"]
    variable = body["var"][0]
    derived = [row["val"] for row in body["turvar"]]
    if question.derived is not None:
        derived = [val for val in derived if str(val) == str(question.derived)]
    if len(derived) != 1:
        named = ", ".join(f"{row['val']} {row['label']}" for row in body["turvar"])
        raise Unreachable(_("Choose one of the derived variables of this table: %(list)s.") % {"list": named})
    updated = str(body.get("last_update") or "")[:10]
    for region in body["vervar"]:
        for year in body["tahun"]:
            for part in body["turtahun"]:
                key = f"{region['val']}{variable['val']}{derived[0]}{year['val']}{part['val']}"
                if key not in content:
                    continue
                figure = content[key]
                yield {
                    "city": _region(region),
                    "indicator": question.indicator,
                    "period": _period(str(year["label"]), str(part["label"])),
                    "value": "" if figure is None else str(figure),
                    "as_of": updated if re.fullmatch(r"\d{4}-\d{2}-\d{2}", updated) else "",
                    "source": f"{SOURCE}: {strip_tags(str(variable['label']))}"[:300],
                    "source_url": address,
                    "method_version": str(variable.get("decimal_note") or ""),
                    "note": strip_tags(str(variable.get("note") or ""))[:300],
                }


def _region(region: Mapping[str, Any]) -> str:
    """The code of the place: four digits, or two where it is a whole province; else the name."""
    code = str(region["val"])
    if re.fullmatch(r"\d{4}", code):
        return code.removesuffix("00") if code.endswith("00") else code
    return strip_tags(str(region["label"])).strip()


MONTHS = {
    name: number
    for number, name in enumerate(
        [
            "januari",
            "februari",
            "maret",
            "april",
            "mei",
            "juni",
            "juli",
            "agustus",
            "september",
            "oktober",
            "november",
            "desember",
        ],
        start=1,
    )
}
PARTS = {"semester 1": "S1", "semester 2": "S2", "triwulan i": "Q1", "triwulan ii": "Q2"}
PARTS |= {"triwulan iii": "Q3", "triwulan iv": "Q4", "semester i": "S1", "semester ii": "S2"}


def _period(year: str, part: str) -> str:
    """``2024``, ``2024-03`` or ``2024-S1``; what is not known stays as it was said, for the row's fault."""
    words = " ".join(part.split()).casefold()
    if words in ("", "tahun", "tahunan", "annual"):
        return year
    if words in MONTHS:
        return f"{year}-{MONTHS[words]:02d}"
    semester = re.fullmatch(r"semester [12i]+ ?\((maret|september)\)", words)
    if semester:
        return f"{year}-{MONTHS[semester[1]]:02d}"
    return f"{year}-{PARTS.get(words, part)}"
