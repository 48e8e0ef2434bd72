"""The style sheet's own promises: contrast in both themes, hues that stay apart, colour in tokens only."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import balai.portal

STATIC = Path(balai.portal.__file__).parent / "static" / "balai"
CSS = (STATIC / "balai.css").read_text(encoding="utf-8")
TOKENS, REST = CSS.split("@layer base {", 1)
LIGHT_TEXT, DARK_TEXT = TOKENS.split("@media (prefers-color-scheme: dark)")


def _tokens(text: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", text.split("@media print")[0]))


LIGHT = _tokens(LIGHT_TEXT)
THEMES = {"light": LIGHT, "dark": LIGHT | _tokens(DARK_TEXT)}
DIMENSIONS = ["government", "mobility", "environment", "people", "economy", "living"]
TEXT_PAIRS = [
    *[
        (text, ground)
        for text in ("ink", "muted", "accent", "alert")
        for ground in ("ground", "surface", "sunken")
    ],
    ("ink", "accent-soft"),
    ("ink", "alert-soft"),
    ("accent", "accent-soft"),
    ("alert", "alert-soft"),
    ("on-accent", "accent"),
    ("on-alert", "alert"),
    ("ground", "ink"),
    ("on-roof", "roof"),
    ("roof-muted", "roof"),
    ("on-roof", "night"),
    *[(hue, back) for hue in DIMENSIONS for back in ("ground", "surface")],
]
SHAPE_PAIRS = [("edge", "ground"), ("edge", "surface"), ("accent", "ground"), ("alert", "ground")]


def _linear(colour: str) -> np.ndarray:
    channel = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channel <= 0.04045, channel / 12.92, ((channel + 0.055) / 1.055) ** 2.4)


def _contrast(one: str, other: str) -> float:
    weights = np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted(float(_linear(colour) @ weights) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def _lab(linear: np.ndarray) -> np.ndarray:
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Full dichromacy in linear RGB (Machado, Oliveira and Fernandes 2009, severity 1.0).
VISION = {
    "usual": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("front", "back"), TEXT_PAIRS)
def test_text_has_contrast(theme, front, back):
    assert _contrast(THEMES[theme][front], THEMES[theme][back]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("front", "back"), SHAPE_PAIRS)
def test_edges_and_shapes_have_contrast(theme, front, back):
    assert _contrast(THEMES[theme][front], THEMES[theme][back]) >= 3


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("vision", VISION)
def test_dimension_hues_stay_apart(theme, vision):
    seen = {name: _lab(np.clip(VISION[vision] @ _linear(THEMES[theme][name]), 0, 1)) for name in DIMENSIONS}

    distances = {
        (one, other): float(np.linalg.norm(seen[one] - seen[other]))
        for one, other in combinations(DIMENSIONS, 2)
    }

    assert {pair: round(far) for pair, far in distances.items() if far < 15} == {}


def test_colours_stand_in_tokens_only():
    found = re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch|lab)a?\(", REST)

    assert [colour for colour in found if not colour.startswith("#id")] == []


def test_style_sheet_stays_small():
    assert len(CSS.splitlines()) <= 600
    assert len(CSS) <= 40_000


def test_no_template_carries_inline_style_or_script():
    templates = Path(balai.portal.__file__).parent / "templates"
    faults = [
        str(page.relative_to(templates))
        for page in templates.rglob("*.html")
        if re.search(r"\sstyle=|<style|\son[a-z]+=\"|javascript:", page.read_text(encoding="utf-8"))
    ]

    assert faults == []
