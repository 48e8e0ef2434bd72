"""Boundaries: what counts as one, and what lies inside."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balai.core.errors import Invalid
from balai.methods.sphere import distance_m
from balai.pilots.geofence import check_fence, contains
from balai.pilots.models import Site

SQUARE = [[106.8, -6.2], [106.9, -6.2], [106.9, -6.1], [106.8, -6.1], [106.8, -6.2]]
HOLE = [[106.84, -6.16], [106.86, -6.16], [106.86, -6.14], [106.84, -6.14], [106.84, -6.16]]
degrees = st.floats(-80, 80)


def fence(*rings):
    return {"type": "Polygon", "coordinates": list(rings)}


def site(**values):
    return Site(name="Taman", **({"latitude": -6.15, "longitude": 106.85} | values))


@pytest.mark.parametrize(
    ("latitude", "longitude", "inside"),
    [(-6.11, 106.81, True), (-6.15, 106.85, False), (-6.3, 106.85, False), (-6.11, 106.95, False)],
)
def test_a_point_is_inside_the_outline_and_outside_its_hole(latitude, longitude, inside):
    assert contains(site(fence=fence(SQUARE, HOLE)), latitude, longitude) is inside


def test_a_circle_reaches_as_far_as_its_radius():
    here = site(radius_m=1000)
    north = 1000 / 6_371_008.8 * 180 / math.pi

    assert contains(here, -6.15 + north * 0.999, 106.85) is True
    assert contains(here, -6.15 + north * 1.001, 106.85) is False


@given(degrees, degrees, degrees, degrees)
def test_distance_is_symmetric_and_never_more_than_half_the_globe(a, b, c, d):
    there, back = distance_m(a, b, c, d), distance_m(c, d, a, b)

    assert math.isclose(there, back, abs_tol=1e-6)
    assert 0 <= there <= math.pi * 6_371_008.8 + 1


def test_monas_to_senayan_is_about_five_kilometres():
    assert distance_m(-6.1754, 106.8272, -6.2185, 106.8020) == pytest.approx(5542, rel=0.01)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        {"type": "Point", "coordinates": [106.8, -6.2]},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": "106.8"},
        fence(SQUARE[:-1]),
        fence([[106.8, -6.2]] * 3),
        fence([["106.8", -6.2], [106.9, -6.2], [106.9, -6.1], ["106.8", -6.2]]),
        fence([[106.8, -96.2], [106.9, -6.2], [106.9, -6.1], [106.8, -96.2]]),
        fence([[float("nan"), -6.2], [106.9, -6.2], [106.9, -6.1], [float("nan"), -6.2]]),
        fence([[True, -6.2], [106.9, -6.2], [106.9, -6.1], [True, -6.2]]),
        fence([*SQUARE[:-1] * 200, SQUARE[0]]),
    ],
)
def test_what_is_no_outline_is_refused_at_its_field(bad):
    with pytest.raises(Invalid) as fault:
        check_fence(bad)

    assert list(fault.value.fields) == ["fence"]


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(json_values)
def test_no_json_value_makes_the_check_fall_over(value):
    try:
        check_fence(value)
        check_fence({"type": "Polygon", "coordinates": value})
    except Invalid:
        pass
