"""Cells of 0.02 degrees: exact at every border, and named by their south-west corner."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balai.observations.grid import PATTERN, cell, corner, degrees


@pytest.mark.parametrize(
    ("lat", "lng", "name"),
    [
        ("-6.1934271", "106.8231942", "S6.20E106.82"),
        ("-6.20", "106.82", "S6.20E106.82"),
        ("-6.2", "106.84", "S6.20E106.84"),
        ("-6.200000000000000000000000000000000001", "106.82", "S6.22E106.82"),
        ("-6.18000000000000000000000001", "106.83999999999999999999999999", "S6.20E106.82"),
        ("-6.18", "106.82", "S6.18E106.82"),
        ("6.19", "-106.83", "N6.18W106.84"),
        ("0", "0", "N0.00E0.00"),
        ("-0.0", "-0", "N0.00E0.00"),
        ("-0.000001", "-1e-99999999", "S0.02W0.02"),
        ("1.068e1", "1E2", "N10.68E100.00"),
        ("-90", "-180", "S90.00W180.00"),
        ("90", "180.0", "N90.00E180.00"),
    ],
)
def test_a_point_lies_in_one_cell(lat: str, lng: str, name: str) -> None:
    assert cell(degrees(lat, 90), degrees(lng, 180)) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        '"1"',
        "01",
        "1.",
        ".5",
        "+1",
        "1 ",
        "NaN",
        "true",
        "1\n",
        "90.0000000001",
        "-91",
        "1e9999999",
    ],
)
def test_what_is_no_number_of_degrees_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="degrees"):
        degrees(text, 90)


def test_a_number_too_long_to_be_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="degrees"):
        degrees("1." + "0" * 60, 90)


@given(
    st.decimals(-90, 90, allow_nan=False, allow_infinity=False, places=12),
    st.decimals(-180, 180, allow_nan=False, allow_infinity=False, places=12),
)
def test_a_cell_reaches_from_its_corner_to_the_next(lat: Decimal, lng: Decimal) -> None:
    name = cell(lat, lng)
    south, west = corner(name)

    assert re.fullmatch(PATTERN, name)
    assert south <= lat < south + Decimal("0.02")
    assert west <= lng < west + Decimal("0.02")
    assert cell(south, west) == name


@pytest.mark.parametrize("name", ["", "S6.21E106.82", "S6.20", "6.20E106.82", "S6.20E106.82 "])
def test_what_is_no_cell_has_no_corner(name: str) -> None:
    with pytest.raises(ValueError, match="is no cell"):
        corner(name)
