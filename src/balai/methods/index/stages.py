"""Stages whose results are named by what made them.

The key of a stage is the SHA-256 of its name, its parameters and the key of its input. Two specifications
that begin alike share those beginnings in one ``Cache``, and a key says which bytes a figure came from.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stage:
    """A table after one stage: ``rows`` (R,) of the data that are left, ``X`` (R, I), and remarks."""

    name: str
    key: str
    rows: NDArray[np.int64]
    X: Matrix
    notes: dict[str, str] = field(default_factory=dict)


@dataclass
class Cache:
    """Results by key, shared by the builds it is given to; ``hits`` counts those found."""

    kept: dict[str, Any] = field(default_factory=dict)
    hits: int = 0

    def get[T](self, key: str, make: Callable[[], T]) -> T:
        """What is kept under ``key``, or what ``make`` makes, kept from now on."""
        if key in self.kept:
            self.hits += 1
            found: T = self.kept[key]
            return found
        made = make()
        self.kept[key] = made
        return made


def key_of(name: str, parameters: str, *inputs: str) -> str:
    """SHA-256 of a stage's name, its parameters as canonical JSON and the keys of its inputs."""
    return hashlib.sha256("\x1e".join((name, parameters, *inputs)).encode()).hexdigest()
