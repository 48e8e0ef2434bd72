"""Evaluations and their assessors for tests."""

from decimal import Decimal
from typing import Any

from balai.people.models import City, User
from balai.programme.assessing import appoint_assessor, open_evaluation, publish_methods, score
from balai.programme.models import Assessor, Evaluation, EvaluationMethod
from balai.programme.models.assessment import COMPONENTS
from tests.builders import make_city, make_ministry, make_user, seat


def make_ministry_person(**extra: Any) -> User:
    return seat(make_user(**extra), make_ministry(), "ministry")


def make_evaluation(city: City | None = None, method: str = "sleman", year: int = 2026) -> Evaluation:
    publish_methods()
    return open_evaluation(
        city=city or make_city(),
        year=year,
        method=EvaluationMethod.objects.get(pk=method),
        by=make_ministry_person(),
    )


def make_assessor(evaluation: Evaluation, marks: str = "") -> Assessor:
    """An appointed assessor; ``marks`` are the scores of the five components, if any were given."""
    assessor = appoint_assessor(evaluation=evaluation, user=make_user(), by=make_ministry_person())
    if marks:
        score(assessor=assessor, scores=scores(marks), by=assessor.user)
    return assessor


def scores(marks: str) -> dict[str, tuple[Decimal, str]]:
    """``"50 60 70 80 90"`` as scores of the five components."""
    return {
        key: (Decimal(mark), "Dokumen dilihat.") for key, mark in zip(COMPONENTS, marks.split(), strict=True)
    }
