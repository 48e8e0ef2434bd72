"""Collaborations that run on although their agreement is over: named, not stopped in silence."""

from typing import Any

from django.db.models import Case, DateField, Exists, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from balai.agreements.models import Agreement, AgreementKind, AgreementState
from balai.agreements.term import over_by_now
from balai.collaborations.models import Collaboration

RUNNING = "running"


def with_overrun(rows: QuerySet[Collaboration]) -> QuerySet[Any]:
    """The rows, each with ``over_since``: the last day of its agreement where it runs on without one."""
    own = Agreement.objects.filter(
        collaboration=OuterRef("pk"), kind=AgreementKind.PKS, documented=False, from_paper=False
    )
    ended = Q(state=AgreementState.ENDED, ended_on__isnull=False)
    over = own.filter(ended | Q(state=AgreementState.SEALED) & over_by_now())
    live = own.filter(state=AgreementState.SEALED).exclude(over_by_now())
    last = over.order_by("-ends_on").annotate(day=Coalesce("ended_on", "ends_on")).values("day")[:1]
    runs_on = Q(~Exists(live), stage=RUNNING, documented=False)
    found: QuerySet[Any] = rows.annotate(
        over_since=Case(When(runs_on, then=Subquery(last)), default=None, output_field=DateField())
    )
    return found


def overrun(rows: QuerySet[Collaboration]) -> QuerySet[Any]:
    """Those of ``rows`` that run without an agreement in force."""
    return with_overrun(rows).filter(over_since__isnull=False)
