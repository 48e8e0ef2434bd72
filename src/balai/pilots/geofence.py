"""Boundaries of sites: checked outlines, and whether a point lies inside."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext as _

from balai.core.errors import Invalid
from balai.methods.sphere import distance_m
from balai.pilots.models import Site

MOST_POINTS = 500
MOST_METRES = 1e7
"""Beyond this no degree and no height lies; also what no database and no JSON can hold."""


def check_fence(fence: Mapping[str, Any]) -> None:
    """Raise Invalid unless this is a closed GeoJSON Polygon (RFC 7946) of at most 500 points."""

    def refuse(text: str) -> Invalid:
        return Invalid(_("The outline cannot be used."), {"fence": [text]})

    if not isinstance(fence, Mapping) or fence.get("type") != "Polygon":
        raise refuse(_("Give a GeoJSON Polygon."))
    rings = fence.get("coordinates")
    if not isinstance(rings, Sequence) or isinstance(rings, str) or not rings:
        raise refuse(_("The polygon has no ring."))
    points = 0
    for ring in rings:
        if not isinstance(ring, Sequence) or isinstance(ring, str) or len(ring) < 4 or ring[0] != ring[-1]:
            raise refuse(_("A ring needs at least four points and must end where it began."))
        for point in ring:
            numbers = isinstance(point, Sequence) and len(point) in (2, 3)
            if not numbers or not all(_is_number(part) for part in point):
                raise refuse(_("A point is [longitude, latitude]."))
            if not (-180 <= point[0] <= 180 and -90 <= point[1] <= 90):
                raise refuse(_("A point lies outside the Earth. Longitude comes first."))
        points += len(ring)
    if points > MOST_POINTS:
        raise refuse(_("The outline has too many points (%(most)s at most).") % {"most": MOST_POINTS})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MOST_METRES


def contains(site: Site, latitude: float, longitude: float) -> bool:
    """Whether a point (WGS 84 degrees) lies inside the site's boundary."""
    if site.fence:
        outer, *holes = site.fence["coordinates"]
        return _in_ring(longitude, latitude, outer) and not any(
            _in_ring(longitude, latitude, hole) for hole in holes
        )
    distance = distance_m(site.latitude, site.longitude, latitude, longitude)
    return distance <= (site.radius_m or 0)


def _in_ring(x: float, y: float, ring: Sequence[Sequence[float]]) -> bool:
    inside = False
    for (x1, y1, *_a), (x2, y2, *_b) in pairwise(ring):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside
