import re
from xml.etree import ElementTree

import pytest
from django.utils.translation import override

from balai.portal import charts

WORDS = {"title": "Waktu <tempuh>", "desc": "Turun & naik"}
POINT = {"type": "Point", "coordinates": [106.8272, -6.1754]}
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[106.80, -6.20], [106.81, -6.20], [106.81, -6.19], [106.80, -6.19]]],
}
DRAWN = {
    "line": charts.line(
        [
            charts.Series(
                "Jakarta", [charts.Point("2023", 4, 3, 5), charts.Point("2024", 6, 5, 7)], hue="mobility"
            )
        ],
        reference=("target", 5),
        **WORDS,
    ),
    "bars": charts.bars([charts.Bar("A & B", 3), charts.Bar("C", -1, quiet=True)], **WORDS),
    "intervals": charts.intervals([charts.Interval("A", 1.5, -0.5, 3.5)], reference=("nol", 0), **WORDS),
    "site_map": charts.site_map(
        [charts.Site("Gambir", POINT, 400, alert=True), charts.Site("Blok", SQUARE)], land=[SQUARE], **WORDS
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_chart_is_an_image_with_title_and_description(name):
    root = ElementTree.fromstring(DRAWN[name])  # well-formed, hence escaped

    title, desc = root.find("title"), root.find("desc")

    assert (root.get("role"), title.text, desc.text) == ("img", "Waktu <tempuh>", "Turun & naik")
    assert (root.get("aria-labelledby"), root.get("aria-describedby")) == (title.get("id"), desc.get("id"))


@pytest.mark.parametrize("name", DRAWN)
def test_chart_carries_no_colour_and_no_style(name):
    assert re.findall(r"(?:style|fill|stroke)=|#[0-9a-f]{3}", DRAWN[name]) == []


@pytest.mark.parametrize("name", DRAWN)
def test_chart_stays_inside_its_frame(name):
    root = ElementTree.fromstring(DRAWN[name])
    _x, _y, width, height = map(float, root.get("viewBox").split())
    marks = [node for node in root.iter() if node.tag in {"circle", "text", "line"}]

    outside = [
        node.attrib
        for node in marks
        for x, y in [
            (
                node.get("cx") or node.get("x") or node.get("x1"),
                node.get("cy") or node.get("y") or node.get("y1"),
            )
        ]
        if not (0 <= float(x) <= width and 0 <= float(y) <= height)
    ]

    assert outside == []


def test_line_breaks_at_a_gap():
    points = [charts.Point("1", 1.0), charts.Point("2", 2.0), charts.Point("3", None), charts.Point("4", 4.0)]

    svg = charts.line([charts.Series("a", points)], **WORDS)

    assert svg.count('class="c-line"') == 2


def test_equal_values_still_draw():
    svg = charts.line([charts.Series("a", [charts.Point("1", 7.0), charts.Point("2", 7.0)])], **WORDS)

    assert "nan" not in svg
    assert svg.count('class="c-line"') == 1


@pytest.mark.parametrize(
    "svg",
    [
        charts.line([], **WORDS),
        charts.line([charts.Series("a", [charts.Point("1", None)])], **WORDS),
        charts.bars([], **WORDS),
        charts.intervals([], **WORDS),
        charts.site_map([], **WORDS),
        charts.sparkline([1, None], title="a"),
    ],
)
def test_nothing_to_show_draws_nothing(svg):
    assert svg == ""


@pytest.mark.parametrize(
    "geometry", [{}, {"type": "Circle"}, {"type": "Point", "coordinates": ["a", None]}, {"type": "Polygon"}]
)
def test_map_refuses_what_is_not_geojson(geometry):
    with pytest.raises(ValueError, match="GeoJSON"):
        charts.site_map([charts.Site("x", geometry)], **WORDS)


def test_map_scale_bar_is_true():
    """Two points one kilometre apart lie as far apart as a bar of one kilometre is long."""
    north = -6.2 + 1000 / charts.METRES_PER_DEGREE
    sites = [
        charts.Site("a", {"type": "Point", "coordinates": [106.8, -6.2]}),
        charts.Site("b", {"type": "Point", "coordinates": [106.8, north]}),
    ]

    root = ElementTree.fromstring(charts.site_map(sites, **WORDS))

    dots = [float(node.get("cy")) for node in root.iter("circle")]
    bar = re.search(r"H([\d.]+)", root.find("path").get("d"))
    words = [node.text for node in root.iter("text")][-1]
    metres = float(words.removesuffix(" m"))
    assert (float(bar[1]) - 8) / metres * 1000 == pytest.approx(dots[0] - dots[1], abs=0.5)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 10, [0, 2.5, 5, 7.5, 10]), (-3, 2, [-4, -2, 0, 2]), (5, 5, [5]), (0, 0.9, [0, 0.25, 0.5, 0.75, 1])],
)
def test_ticks_are_round_and_span(low, high, expected):
    assert charts.ticks(low, high) == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [("id", ["1.234.568", "−3,1 menit", "–"]), ("en", ["1,234,568", "−3.1 menit", "–"])],
)
def test_figures_follow_the_language(language, expected):
    with override(language):
        assert [charts.figure(1234567.8), charts.figure(-3.1, "menit", 1), charts.figure(None)] == expected


def test_figure_table_holds_the_same_numbers():
    with override("id"):
        table = charts.figure_table(["Tahun", "Nilai"], [("2023", 1.5), ("2024", None)])

    cells = re.findall(r'<th scope="row">(.*?)</th><td class="number" data-label="Nilai">(.*?)</td>', table)
    assert cells == [("2023", "1,50"), ("2024", "–")]
