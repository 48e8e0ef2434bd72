"""Charts and maps as SVG text, drawn on the server. Pure functions, no colour here: classes only.

The drawing is 400 units wide; the style sheet sets the text size for narrow and wide places.
Every chart is one image to a screen reader (``role="img"`` with title and description); the same
numbers stand beside it as a table made by `figure_table`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import cos, floor, isfinite, log10, radians
from typing import Any

from django.utils.formats import number_format
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from balai.portal.components import Text

WIDTH = 400.0
METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True)
class Point:
    """One period of a series; ``value`` None is a gap, ``low`` and ``high`` its interval."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    name: Text
    points: Sequence[Point]
    hue: str = ""
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """``quiet`` draws a comparison in grey; ``note`` follows the number."""

    label: Text
    value: float
    note: Text = ""
    quiet: bool = False
    hue: str = ""


@dataclass(frozen=True, slots=True)
class Interval:
    label: Text
    value: float
    low: float
    high: float
    quiet: bool = False
    hue: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """A GeoJSON geometry in degrees; a Point may have a ``radius`` in metres."""

    name: Text
    geometry: dict[str, Any]
    radius: float = 0.0
    alert: bool = False
    hue: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """One place of a tile map, at a column and row of its grid."""

    name: Text
    column: int
    row: int
    value: float


def figure(value: float | None, unit: Text = "", digits: int | None = None) -> str:
    """A number as the reader's language writes it, with its unit; a dash for none."""
    if value is None or not isfinite(value):
        return "–"
    if digits is None:
        size = abs(value)
        digits = 0 if value == int(value) or size >= 1000 else 1 if size >= 10 else 2
    text = number_format(abs(round(value, digits)), digits, use_l10n=True, force_grouping=True)
    sign = "−" if round(value, digits) < 0 else ""
    return f"{sign}{text} {unit}".strip()


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """About ``count`` round numbers that span low..high; one for an empty span."""
    if high <= low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** floor(log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    first = floor(low / step)
    last = floor(high / step) if high % step == 0 else floor(high / step) + 1
    return [round(step * n, 10) for n in range(first, last + 1)]


def line(
    series: Sequence[Series],
    *,
    title: Text,
    desc: Text,
    unit: Text = "",
    reference: tuple[Text, float] | None = None,
    from_zero: bool = False,
) -> SafeString:
    """Time series with direct labels at the right; bands where points carry an interval.

    All series share the labels of the longest one. ``reference`` is a named level (a target, a
    baseline). An empty SafeString when no series has a value.
    """
    numbers = [
        number
        for one in series
        for point in one.points
        for number in (point.value, point.low, point.high)
        if number is not None
    ]
    if not numbers:
        return SafeString("")
    labels = [point.label for point in max(series, key=lambda one: len(one.points)).points]
    if reference:
        numbers.append(reference[1])
    low, high = (min(0.0, *numbers) if from_zero else min(numbers)), max(numbers)
    if low == high:
        low, high = low - 1, high + 1
    marks = ticks(low, high, 3)
    low, high = marks[0], marks[-1]
    height, top, right, bottom = 230.0, 26.0, 100.0, 28.0
    left = max(44.0, 8.0 + 7.8 * max(len(figure(mark)) for mark in marks))

    def x(index: int) -> float:
        return left + (WIDTH - left - right) * (index / max(len(labels) - 1, 1))

    def y(value: float) -> float:
        return top + (height - top - bottom) * (1 - (value - low) / (high - low))

    parts = []
    if unit:
        parts.append(_text(0, 11, unit, "c-muted"))
    for mark in marks:
        parts.append(_line(left, y(mark), WIDTH - right, y(mark), "c-grid"))
        parts.append(_text(left - 6, y(mark) + 4, figure(mark), "c-muted c-end"))
    ends: list[tuple[float, str]] = []
    if reference:
        name, level = reference
        parts.append(_line(left, y(level), WIDTH - right, y(level), "c-line c-dash"))
        ends.append((y(level), f"{name}\n{figure(level, unit)}"))
    for one in series:
        body = []
        for run in _runs([(i, p.low, p.high) for i, p in enumerate(one.points)]):
            upper = [(x(i), y(h)) for i, _l, h in run]
            under = [(x(i), y(lo)) for i, lo, _h in reversed(run)]
            body.append(f'<path class="c-band" d="{_path(upper + under)}Z"/>')
        for run in _runs([(i, p.value, p.value) for i, p in enumerate(one.points)]):
            spots = [(x(i), y(v)) for i, v, _v in run]
            body.append(f'<path class="c-line{" c-dash" if one.dashed else ""}" d="{_path(spots)}"/>')
            if len(spots) == 1:
                body.append(_dot(*spots[0]))
        last = max((i for i, p in enumerate(one.points) if p.value is not None), default=None)
        if last is None:
            continue
        value = one.points[last].value
        assert value is not None  # by the choice of ``last``
        body.append(_dot(x(last), y(value)))
        ends.append((y(value), f"{one.name}\n{figure(value, unit)}"))
        parts.append(_group(one.hue, "".join(body)))
    for at, text in _apart(ends, 30.0, top, height - bottom - 10):
        words, _newline, number = text.partition("\n")
        parts.append(_text(WIDTH - right + 8, at, number, "c-strong"))
        parts.append(_text(WIDTH - right + 8, at + 14, words, "c-muted"))
    for index in _spread(len(labels), 4):
        anchor = "" if index == 0 else " c-end" if index == len(labels) - 1 else " c-mid"
        parts.append(_text(x(index), height - 8, labels[index], f"c-muted{anchor}"))
    return _chart(height, title, desc, "".join(parts))


def bars(rows: Sequence[Bar], *, title: Text, desc: Text, unit: Text = "") -> SafeString:
    """Horizontal bars from zero, label above and number at the end. Negative values run left."""
    if not rows:
        return SafeString("")
    step, room = 36.0, 100.0
    low, high = min(0.0, *(row.value for row in rows)), max(0.0, *(row.value for row in rows))
    scale = (WIDTH - room) / ((high - low) or 1)
    zero = -low * scale
    parts = []
    for index, row in enumerate(rows):
        at = index * step
        start, end = sorted((zero, zero + row.value * scale))
        number = figure(row.value, unit) + (f" {row.note}" if row.note else "")
        rect = (
            f'<rect class="c-bar{" c-quiet" if row.quiet else ""}" x="{start:.1f}" y="{at + 17:.1f}" '
            f'width="{max(end - start, 1):.1f}" height="11"/>'
        )
        parts.append(
            _text(0, at + 12, row.label) + _group(row.hue, rect) + _text(end + 6, at + 27, number, "c-strong")
        )
    height = step * len(rows)
    parts.append(_line(zero, 0, zero, height, "c-axis"))
    return _chart(height, title, desc, "".join(parts))


def intervals(
    rows: Sequence[Interval],
    *,
    title: Text,
    desc: Text,
    unit: Text = "",
    reference: tuple[Text, float] | None = None,
) -> SafeString:
    """A dot and its interval a row, on one axis; ``reference`` is a named upright line."""
    if not rows:
        return SafeString("")
    numbers = [number for row in rows for number in (row.low, row.high)]
    if reference:
        numbers.append(reference[1])
    low, high = min(numbers), max(numbers)
    if low == high:
        low, high = low - 1, high + 1
    whole = all(number == int(number) for row in rows for number in (row.value, row.low, row.high))
    digits = 0 if whole or high - low >= 100 else 1 if high - low >= 2 else 2
    marks = ticks(low, high, 4)
    low, high = marks[0], marks[-1]
    step, head = 38.0, 18.0
    height = head + step * len(rows) + 18

    def x(value: float) -> float:
        return 8 + (WIDTH - 16) * ((value - low) / (high - low))

    parts = []
    for mark in marks:
        anchor = "" if mark == marks[0] else " c-end" if mark == marks[-1] else " c-mid"
        parts.append(_line(x(mark), head, x(mark), height - 16, "c-grid"))
        parts.append(
            _text(x(mark), height - 3, figure(mark, unit if mark == marks[-1] else ""), f"c-muted{anchor}")
        )
    if reference:
        name, level = reference
        anchor = " c-end" if x(level) > WIDTH / 2 else ""
        parts.append(_line(x(level), head - 4, x(level), height - 16, "c-line c-dash"))
        parts.append(_text(x(level), 10, f"{name} {figure(level)}", f"c-muted{anchor}"))
    for index, row in enumerate(rows):
        at = head + index * step
        words = _("%(label)s: %(value)s (%(low)s to %(high)s)") % {
            "label": row.label,
            "value": figure(row.value, unit, digits),
            "low": figure(row.low, digits=digits),
            "high": figure(row.high, digits=digits),
        }
        quiet = " c-quiet" if row.quiet else ""
        body = _line(x(row.low), at + 26, x(row.high), at + 26, f"c-whisker{quiet}") + _dot(
            x(row.value), at + 26, 5.5, quiet
        )
        parts.append(_text(8, at + 13, words) + _group(row.hue, body))
    return _chart(height, title, desc, "".join(parts))


def sparkline(values: Sequence[float | None], *, title: Text, hue: str = "") -> SafeString:
    """The shape of a series in the height of a line. Empty with fewer than two values."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return SafeString("")
    low, high = min(known), max(known)
    width, height = 120.0, 32.0

    def spot(index: int, value: float) -> tuple[float, float]:
        rise = (value - low) / (high - low) if high > low else 0.5
        return 4 + (width - 8) * index / (len(values) - 1), 4 + (height - 8) * (1 - rise)

    body = ""
    for run in _runs([(i, v, v) for i, v in enumerate(values)]):
        body += f'<path class="c-line" d="{_path([spot(i, v) for i, v, _v in run])}"/>'
    last = max(i for i, v in enumerate(values) if v is not None)
    body += _dot(*spot(last, known[-1]))
    return mark_safe(  # noqa: S308
        f'<svg class="chart spark" viewBox="0 0 120 32" role="img" aria-label="{_escaped(title)}">'
        f"{_group(hue, body)}</svg>"
    )


def site_map(
    sites: Sequence[Site],
    *,
    title: Text,
    desc: Text,
    land: Sequence[dict[str, Any]] = (),
) -> SafeString:
    """Places on a plain ground with a scale bar; numbered in order, named where there is room.

    ``land`` are outlines drawn underneath (a city, districts). Equirectangular at the mean
    latitude: true within a city. Raises ValueError for a geometry that is not GeoJSON.
    """
    if not sites:
        return SafeString("")
    shapes = [(site, _rings(site.geometry)) for site in sites]
    grounds = [_rings(geometry) for geometry in land]
    spots = [spot for _site, rings in shapes for ring in rings for spot in ring]
    reach = max((site.radius for site in sites), default=0.0)
    spots += [spot for rings in grounds for ring in rings for spot in ring]
    middle = sum(lat for _lon, lat in spots) / len(spots)
    squeeze = cos(radians(middle))
    pad = max(reach / METRES_PER_DEGREE, 0.002)
    west, east = (
        min(lon for lon, _lat in spots) - pad / squeeze,
        max(lon for lon, _lat in spots) + pad / squeeze,
    )
    south, north = min(lat for _lon, lat in spots) - pad, max(lat for _lon, lat in spots) + pad
    wide, tall = (east - west) * squeeze, north - south
    height = min(max(WIDTH * tall / wide, 180.0), 290.0)
    scale = min((WIDTH - 40) / wide, (height - 52) / tall)
    shift_x, shift_y = (WIDTH - wide * scale) / 2, (height - 28 - tall * scale) / 2

    def at(spot: tuple[float, float]) -> tuple[float, float]:
        lon, lat = spot
        return shift_x + (lon - west) * squeeze * scale, shift_y + (north - lat) * scale

    parts = [f'<rect class="c-ground" width="{WIDTH:.0f}" height="{height:.0f}"/>']
    for rings in grounds:
        path = "".join(_path([at(spot) for spot in ring]) + "Z" for ring in rings)
        parts.append(f'<path class="c-land" fill-rule="evenodd" d="{path}"/>')
    names: list[tuple[float, float, str, bool]] = []
    for number, (site, rings) in enumerate(shapes, start=1):
        alert = " c-alert" if site.alert else ""
        if site.geometry["type"] == "Point":
            x, y = at(rings[0][0])
            body = ""
            if site.radius:
                body = (
                    f'<circle class="c-area{alert}" cx="{x:.1f}" cy="{y:.1f}" '
                    f'r="{max(site.radius / METRES_PER_DEGREE * scale, 4):.1f}"/>'
                )
            body += _square(x, y) if site.alert else _dot(x, y, 5)
        else:
            path = "".join(_path([at(spot) for spot in ring]) + "Z" for ring in rings)
            body = f'<path class="c-area{alert}" fill-rule="evenodd" d="{path}"/>'
            ring = [at(spot) for spot in rings[0]]
            x, y = sum(spot[0] for spot in ring) / len(ring), sum(spot[1] for spot in ring) / len(ring)
        parts.append(_group(site.hue, body))
        inside = site.geometry["type"] != "Point"
        names.append((x, y, f"{number} {site.name}" if len(sites) <= 8 else str(number), inside))
    for x, y, name, inside in names:
        if inside:
            parts.append(_text(x, y + 4, name, "c-strong c-mid"))
            continue
        left_side = x > WIDTH * 0.6
        parts.append(
            _text(x + (-9 if left_side else 9), y + 4, name, "c-strong c-end" if left_side else "c-strong")
        )
    parts.append(_scale_bar(scale, height))
    return _chart(height, title, desc, "".join(parts))


def tiles(cells: Sequence[Tile], *, title: Text, desc: Text) -> SafeString:
    """A map of equal squares, one a place, at its column and row; filled where there is something.

    Short names stand in the squares, the number below; the table beside it has the whole names.
    """
    if not cells:
        return SafeString("")
    columns = max(cell.column for cell in cells) + 1
    rows = max(cell.row for cell in cells) + 1
    side = WIDTH / columns
    parts = []
    for cell in cells:
        x, y = cell.column * side, cell.row * side
        kind = "c-area" if cell.value else "c-land"
        words = f"{cell.name}: {figure(cell.value)}"
        parts.append(
            f'<g><title>{_escaped(words)}</title><rect class="{kind}" x="{x + 1:.1f}" y="{y + 1:.1f}" '
            f'width="{side - 2:.1f}" height="{side - 2:.1f}"/></g>'
        )
        if cell.value:
            parts.append(_text(x + side / 2, y + side / 2 + 4, figure(cell.value), "c-strong c-mid"))
    return _chart(side * rows, title, desc, "".join(parts))


def figure_table(
    columns: Sequence[Text], rows: Sequence[Sequence[object]], *, caption: Text = ""
) -> SafeString:
    """The numbers of a figure as a table; the first column names the row, floats are localised."""
    head = format_html_join("", '<th scope="col"{}>{}</th>', ((_number(i), c) for i, c in enumerate(columns)))
    body = format_html_join(
        "",
        '<tr><th scope="row">{}</th>{}</tr>',
        (
            (
                row[0],
                format_html_join(
                    "",
                    '<td class="number" data-label="{}">{}</td>',
                    ((column, _cell(cell)) for column, cell in zip(columns[1:], row[1:], strict=True)),
                ),
            )
            for row in rows
        ),
    )
    title = format_html("<caption>{}</caption>", caption) if caption else SafeString("")
    return format_html(
        '<table class="cards">{}<thead><tr>{}</tr></thead><tbody>{}</tbody></table>', title, head, body
    )


def _escaped(words: Text) -> str:
    return conditional_escape(str(words))


def _cell(value: object) -> object:
    if value is None:
        return "–"
    return figure(float(value)) if isinstance(value, int | float) else value


def _number(index: int) -> SafeString:
    return SafeString(' class="number"') if index else SafeString("")


def _chart(height: float, title: Text, desc: Text, body: str) -> SafeString:
    key = "c" + sha256(f"{title}{desc}{body}".encode()).hexdigest()[:10]
    return mark_safe(  # noqa: S308
        f'<svg class="chart" viewBox="0 0 {WIDTH:.0f} {height:.0f}" width="{WIDTH:.0f}" height="{height:.0f}"'
        f' role="img" aria-labelledby="{key}-t" aria-describedby="{key}-d"><title id="{key}-t">'
        f'{_escaped(title)}</title><desc id="{key}-d">{_escaped(desc)}</desc>{body}</svg>'
    )


def _text(x: float, y: float, words: Text, classes: str = "") -> str:
    kind = f' class="{classes}"' if classes else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}>{_escaped(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, classes: str) -> str:
    return f'<line class="{classes}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _dot(x: float, y: float, radius: float = 4, classes: str = "") -> str:
    return f'<circle class="c-dot{classes}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>'


def _square(x: float, y: float) -> str:
    return f'<rect class="c-dot c-alert" x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10"/>'


def _group(hue: str, body: str) -> str:
    return f'<g class="{_escaped(hue)}">{body}</g>' if hue else body


def _path(spots: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)


def _runs(
    points: Sequence[tuple[int, float | None, float | None]],
) -> Iterator[list[tuple[int, float, float]]]:
    """Stretches without a gap."""
    run: list[tuple[int, float, float]] = []
    for index, low, high in points:
        if low is None or high is None:
            if run:
                yield run
            run = []
        else:
            run.append((index, low, high))
    if run:
        yield run


def _apart(
    labels: Sequence[tuple[float, str]], gap: float, top: float, bottom: float
) -> list[tuple[float, str]]:
    """Move labels down, then up, until none touches another."""
    placed: list[tuple[float, str]] = []
    for at, text in sorted(labels):
        placed.append((max(at, placed[-1][0] + gap if placed else top), text))
    limit = bottom
    for index in range(len(placed) - 1, -1, -1):
        at, text = placed[index]
        placed[index] = (min(at, limit), text)
        limit = placed[index][0] - gap
    return placed


def _spread(count: int, most: int) -> list[int]:
    """At most ``most`` indices from first to last, evenly."""
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})


def _rings(geometry: dict[str, Any]) -> list[list[tuple[float, float]]]:
    kind = geometry.get("type")
    coordinates: Any = geometry.get("coordinates")
    rings: Any
    match kind:
        case "Point":
            rings = [[coordinates]]
        case "MultiPoint" | "LineString":
            rings = [coordinates]
        case "Polygon" | "MultiLineString":
            rings = coordinates
        case "MultiPolygon":
            rings = [ring for polygon in coordinates or () for ring in polygon]
        case _:
            raise ValueError(f"not a GeoJSON geometry: {kind}")
    try:
        return [[(float(spot[0]), float(spot[1])) for spot in ring] for ring in rings]
    except (TypeError, IndexError, ValueError) as fault:
        raise ValueError(f"not GeoJSON coordinates: {kind}") from fault


def _scale_bar(scale: float, height: float) -> str:
    metres_per_unit = METRES_PER_DEGREE / scale
    goal = metres_per_unit * 110
    power = 10.0 ** floor(log10(goal))
    metres = max(power * factor for factor in (1, 2, 5) if power * factor <= goal)
    length = metres / metres_per_unit
    words = figure(metres / 1000, "km") if metres >= 1000 else figure(metres, "m")
    y = height - 8
    return (
        f'<path class="c-axis" d="M8 {y - 4:.1f}V{y:.1f}H{8 + length:.1f}V{y - 4:.1f}"/>'
        f"{_text(length + 14, y + 1, words, 'c-muted')}"
    )
