"""What the movement of cities keeps, by topic."""

from balai.programme.models.assessment import (
    Assessor,
    ComponentScore,
    Element,
    Evaluation,
    EvaluationMethod,
    Pillar,
    Readiness,
    Survey,
)
from balai.programme.models.index import IndexRun
from balai.programme.models.movement import Cohort, CohortMembership, Interest, Offer

__all__ = [
    "Assessor",
    "Cohort",
    "CohortMembership",
    "ComponentScore",
    "Element",
    "Evaluation",
    "EvaluationMethod",
    "IndexRun",
    "Interest",
    "Offer",
    "Pillar",
    "Readiness",
    "Survey",
]
