"""Reads of the movement: evaluations, readiness, members, what is known of a city."""

from django.db.models import Count, Prefetch, Q, QuerySet

from balai.indicators.rules import cities_kept, is_ministry
from balai.people.rules import Reader, cities_audited, is_person
from balai.programme.models import Assessor, ComponentScore, Evaluation


def evaluations_for(user: Reader) -> QuerySet[Evaluation]:
    """Evaluations the person may see: all closed ones, and the open ones they have a part in. One query."""
    rows = Evaluation.objects.select_related("city", "method").annotate(
        judges=Count("assessors", filter=Q(assessors__conflict_at=None), distinct=True)
    )
    if is_ministry(user):
        return rows
    seen = Q(closed_at__isnull=False)
    if is_person(user):
        near = cities_kept(user) | cities_audited(user)
        seen |= Q(city__in=near) | Q(pk__in=Assessor.objects.filter(user=user).values("evaluation"))
    return rows.filter(seen)


def assessors_of(evaluation: Evaluation) -> list[Assessor]:
    """Its assessors with their scores and names; two queries."""
    return list(
        evaluation.assessors.select_related("user", "evaluation__city").prefetch_related(
            Prefetch("scores", queryset=ComponentScore.objects.order_by("pk"))
        )
    )
