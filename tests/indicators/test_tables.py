"""Tables of figures: what is understood, what is refused, and that nothing is guessed."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balai.core.errors import Invalid
from balai.indicators.tables import Defaults, Known, read_rows, understand, understood
from tests.indicators_builders import HEAD, table, workbook

KNOWN = Known({"3273": "3273", "kota bandung": "3273", "31": "31"}, frozenset({"MOB-01", "ENV-01"}), None)


def read(data: bytes, kind: str = "csv", known: Known = KNOWN, **defaults: str):
    return understand(read_rows(data, kind), known, Defaults(**defaults))


def test_headings_in_both_languages_and_any_order():
    english = read(table(["3273", "MOB-01", "2024", "25.5", "BPS"]))
    indonesian = read(
        table(
            ["BPS", "25,5", "2024", "mob-01", "Kota Bandung"],
            head=["Sumber", "Nilai", "Tahun", "Indikator", "Kota"],
            delimiter=";",
        )
    )

    def told(rows):
        return [(row.city, row.indicator, row.period, row.value, row.source, row.faults) for row in rows]

    assert told(english) == told(indonesian) == [("3273", "MOB-01", "2024", "25.5000", "BPS", [])]


def test_a_workbook_keeps_numbers_as_numbers_and_days_as_days():
    rows = read(
        workbook(
            [3273, "MOB-01", 2024, 1.251, "BPS", dt.datetime(2024, 12, 31)],
            ["3273", "ENV-01", "2024-S1", 0.1 + 0.2, "BPS", None],
            head=[*HEAD, "as_of"],
        ),
        "xlsx",
        decimal=",",
    )

    assert [(row.value, row.period, row.as_of, row.faults) for row in rows] == [
        ("1.2510", "2024", "2024-12-31", []),
        ("0.3000", "2024-S1", "", []),
    ]


@pytest.mark.usefixtures("in_english")
@pytest.mark.parametrize(
    ("text", "decimal", "value", "fault"),
    [
        ("25.5", "", "25.5000", ""),
        ("25,5", "", "25.5000", ""),
        ("1 250,5", "", "1250.5000", ""),
        ("−3", "", "-3.0000", ""),
        (
            "1.250",
            "",
            "",
            "1.250 can mean two numbers. Write it without a thousands sign, or choose the decimal sign.",
        ),
        ("1.250", ",", "1250.0000", ""),
        ("1.250", ".", "1.2500", ""),
        ("12.5", ",", "", "12.5 is not a number."),
        ("0.125", "", "0.1250", ""),
        ("nol", "", "", "nol is not a number."),
        ("1e400", "", "", "1e400 is not a number that can be kept."),
        ("Infinity", "", "", "Infinity is not a number that can be kept."),
    ],
)
def test_numbers_mean_one_thing_or_are_refused(text, decimal, value, fault):
    row = understood(
        2,
        dict(zip(HEAD, ["31", "MOB-01", "2024", text, "BPS"], strict=True)),
        KNOWN,
        Defaults(decimal=decimal),
    )

    assert (row.value, row.faults) == (value, [fault] if fault else [])


@pytest.mark.parametrize("text", ["", "-", "n/a", "NaN", "–"])
def test_a_missing_figure_is_missing_and_never_zero(text):
    row = understood(
        2, dict(zip(HEAD, ["31", "MOB-01", "2024", text, "BPS"], strict=True)), KNOWN, Defaults()
    )

    assert (row.empty, row.value, row.faults) == (True, "", [])


@pytest.mark.usefixtures("in_english")
def test_every_fault_of_a_row_is_named():
    rows = read(
        table(
            ["9999", "XXX-9", "24", "x", ""],
            ["31", "MOB-01", "2024", "1", "BPS"],
            ["31", "MOB-01", "2024", "2", "BPS"],
        )
    )

    assert [row.faults for row in rows] == [
        [
            "There is no city 9999.",
            "There is no indicator XXX-9.",
            "The period 24 is not a year (2024), month (2024-06), half (2024-S1) or quarter.",
            "x is not a number.",
            "No source is named.",
        ],
        [],
        ["The same figure stands in row 3 already."],
    ]


@pytest.mark.usefixtures("in_english")
def test_no_table_speaks_for_the_hub():
    rows = read(table(["31", "MOB-01", "2024", "1", "balai"]))

    assert rows[0].faults == ["What the hub computes itself is not brought in by a table."]


@pytest.mark.usefixtures("in_english")
def test_a_city_brings_only_its_own_figures():
    rows = read(
        table(["3273", "MOB-01", "2024", "1", "BPS"]),
        known=Known(KNOWN.cities, KNOWN.indicators, "31"),
    )

    assert rows[0].faults == ["3273 is not your city."]


@pytest.mark.usefixtures("in_english")
@pytest.mark.parametrize(
    ("data", "kind", "reason"),
    [
        (b"", "csv", "The table is empty."),
        (b"city,period,value\n", "csv", "The table has no column indicator."),
        (b"city,indicator,period,value,nilai\n", "csv", "The column value stands twice."),
        (b"city,indicator,period,value\n", "csv", "The table has headings and no row."),
        (b"city,indicator\xff", "csv", "The CSV file is not UTF-8. Save it as CSV UTF-8."),
        (b"PK\x03\x04nothing", "xlsx", "The workbook cannot be read. Save it again as XLSX or send CSV."),
    ],
)
def test_a_file_that_is_no_table_says_why(data, kind, reason):
    with pytest.raises(Invalid) as fault:
        read_rows(data, kind)

    assert fault.value.fields == {"file": [reason]}


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4))
def test_what_is_written_is_read(number: Decimal):
    row = understood(
        2,
        dict(zip(HEAD, ["31", "MOB-01", "2024", f"{number:f}", "BPS"], strict=True)),
        KNOWN,
        Defaults(decimal="."),
    )

    assert (Decimal(row.value), row.faults) == (number, [])
