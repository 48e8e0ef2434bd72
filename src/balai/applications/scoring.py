"""From reviewers' marks to the figures a panel reads. Pure.

A criterion marked "not applicable" (None) counts neither as zero nor at all: the weights of the others are
scaled up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEVELS = (1, 2, 3, 4, 5)

type Marks = Mapping[str, int | None]
"""Criterion key -> 1..5, or None for not applicable."""


@dataclass(frozen=True, slots=True)
class Line:
    """One criterion over all reviews: mean and spread (largest minus smallest) of the marks given."""

    key: str
    marks: tuple[int | None, ...]
    mean: float | None
    spread: int


@dataclass(frozen=True, slots=True)
class Summary:
    """``means`` is each review's weighted mean, in the order given; ``overall`` their mean.

    ``spread`` is the distance between the kindest and the harshest review. All in 1..5, None without marks.
    """

    means: tuple[float | None, ...]
    overall: float | None
    spread: float
    lines: tuple[Line, ...]


def weighted_mean(marks: Marks, weights: Mapping[str, int]) -> float | None:
    """Mean of the marks by weight over the criteria that apply; None if none does."""
    given = [(weights[key], mark) for key, mark in marks.items() if mark is not None and key in weights]
    total = sum(weight for weight, _ in given)
    return sum(weight * mark for weight, mark in given) / total if total else None


def summarise(reviews: Sequence[Marks], weights: Mapping[str, int]) -> Summary:
    """The figures of all submitted reviews by the scheme's weights."""
    means = tuple(weighted_mean(marks, weights) for marks in reviews)
    known = [mean for mean in means if mean is not None]
    return Summary(
        means=means,
        overall=sum(known) / len(known) if known else None,
        spread=max(known) - min(known) if known else 0.0,
        lines=tuple(_line(key, [marks.get(key) for marks in reviews]) for key in weights),
    )


def _line(key: str, marks: Sequence[int | None]) -> Line:
    given = [mark for mark in marks if mark is not None]
    return Line(
        key=key,
        marks=tuple(marks),
        mean=sum(given) / len(given) if given else None,
        spread=max(given) - min(given) if given else 0,
    )
