"""A small index in Python, for tests that change one thing of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from balai.methods.index.data import Data
from balai.methods.index.spec import IndexSpec, Indicator, Node

NAN = float("nan")


def small_spec(**changes: Any) -> IndexSpec:
    """Index ``top`` of the pillar ``p`` (indicators a, b) and the indicator c, of which less is better."""
    usual: dict[str, Any] = {
        "indicators": (
            Indicator("a", parent="p"),
            Indicator("b", parent="p"),
            Indicator("c", parent="top", direction=-1),
        ),
        "nodes": (Node("top", min_coverage=0), Node("p", "top", min_coverage=0)),
    }
    return IndexSpec(**usual | changes)


def small_data(rows: Sequence[Sequence[float]], **more: Any) -> Data:
    """Units u1, u2, ... with values of a, b, c."""
    units = tuple(f"u{number}" for number in range(1, len(rows) + 1))
    return Data(more.pop("units", units), ("a", "b", "c"), np.array(rows, dtype=float), **more)
