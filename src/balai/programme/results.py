"""What an evaluation, a survey and the judgements of readiness say, computed from what was kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from balai.programme.models import Assessor, Element, Evaluation, Pillar, Readiness, Survey
from balai.programme.models.assessment import COMPONENTS

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class ComponentResult:
    """The mean of the assessors, lowest and highest of them, 0 to 100; weight in per cent."""

    key: str
    weight: float
    score: float
    low: float
    high: float
    derived: bool


@dataclass(frozen=True, slots=True)
class Result:
    """``total`` is the weighted mean; ``low`` and ``high`` are the totals of the strictest and mildest."""

    components: Sequence[ComponentResult]
    total: float
    low: float
    high: float
    assessors: int


def result_of(evaluation: Evaluation, assessors: Iterable[Assessor]) -> Result | None:
    """The result by the assessors who scored everything and declared no conflict; None without one.

    ``assessors`` with their scores prefetched.
    """
    weights = evaluation.method.weights
    complete = []
    for assessor in assessors:
        scores = {row.component: float(row.score) for row in assessor.scores.all()}
        if assessor.conflict_at is None and set(scores) == set(COMPONENTS):
            complete.append(scores)
    if not complete:
        return None
    components = []
    for key in COMPONENTS:
        given = [scores[key] for scores in complete]
        components.append(
            ComponentResult(
                key,
                weights[key],
                sum(given) / len(given),
                min(given),
                max(given),
                key in evaluation.method.derived,
            )
        )
    totals = [sum(weights[key] * scores[key] for key in COMPONENTS) / 100 for scores in complete]
    return Result(components, sum(totals) / len(totals), min(totals), max(totals), len(complete))


def re_weighted(result: Result, weights: dict[str, float]) -> float:
    """The total the same scores would have under other weights (per cent)."""
    return sum(weights[part.key] * part.score for part in result.components) / sum(weights.values())


@dataclass(frozen=True, slots=True)
class SurveyResult:
    """Mean on the scale of one to five with its 95 % interval; None where too few answered."""

    survey: Survey
    mean: float | None
    low: float | None
    high: float | None


def survey_result(survey: Survey) -> SurveyResult:
    """The mean and its normal-approximation interval, cut at the ends of the scale."""
    if not survey.enough:
        return SurveyResult(survey, None, None, None)
    n = survey.respondents
    mean = sum(mark * count for mark, count in enumerate(survey.answers, 1)) / n
    variance = sum(count * (mark - mean) ** 2 for mark, count in enumerate(survey.answers, 1)) / (n - 1)
    half = Z95 * sqrt(variance / n)
    return SurveyResult(survey, mean, max(mean - half, 1.0), min(mean + half, 5.0))


@dataclass(frozen=True, slots=True)
class ElementResult:
    """The latest judgement of each side; None where a side has not judged."""

    element: Element
    city: Readiness | None
    assessor: Readiness | None


def readiness_of(judgements: Iterable[Readiness]) -> list[tuple[Pillar, list[ElementResult]]]:
    """The judgements of one city and year by pillar; the later of one side counts."""
    latest = {(row.element, row.side): row for row in sorted(judgements, key=lambda row: row.pk)}
    return [
        (
            pillar,
            [
                ElementResult(element, latest.get((element, "city")), latest.get((element, "assessor")))
                for element in Element
                if element.startswith(f"{pillar}.")
            ],
        )
        for pillar in Pillar
    ]
