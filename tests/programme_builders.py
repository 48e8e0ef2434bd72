"""Evaluations and their assessors for tests."""

from decimal import Decimal
from typing import Any

from balai.people.models import City, User
from balai.programme.assessing import appoint_assessor, open_evaluation, publish_methods, score
from balai.programme.indexing import Asked, compute
from balai.programme.models import Assessor, Evaluation, EvaluationMethod, IndexRun
from balai.programme.models.assessment import COMPONENTS
from tests.builders import make_city, make_ministry, make_user, seat

SMALL = """\
normalise = { method = "goalposts", range = [1, 100] }
[[node]]
code = "index"
aggregate = { method = "power", power = 0 }
[[node]]
code = "mobility"
parent = "index"
[[node]]
code = "living"
parent = "index"
[[indicator]]
code = "MOB-01"
parent = "mobility"
direction = -1
goalposts = [10, 40]
[[indicator]]
code = "LIV-01"
parent = "living"
goalposts = [50, 80]
"""
DATA = "unit,MOB-01,LIV-01\nA,12,60\nB,20,66\nC,30,71\nD,33,64\nE,21,65\n"


def asked(**extra: Any) -> Asked:
    """A small index, before it is computed."""
    values: dict[str, Any] = {
        "name": "Uji",
        "name_en": "Trial",
        "year": 2026,
        "specification": SMALL,
        "data": DATA,
    }
    values |= {"names": {"A": "Kota A"}, "replications": 64, "chosen": 2}
    return Asked(**(values | extra))


def make_run(**extra: Any) -> IndexRun:
    """A computed index of five places in two dimensions."""
    return compute(asked(**extra))


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
