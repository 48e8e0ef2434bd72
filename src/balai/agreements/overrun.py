"""Collaborations that run on although their agreement is over: named, not stopped in silence."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from balai.agreements.models import Agreement, AgreementKind, AgreementState
from balai.agreements.term import over_by_now
from balai.collaborations.models import Collaboration

RUNNING = "running"


def overrun(rows: QuerySet[Collaboration]) -> QuerySet[Any]:
    """Those of ``rows`` that run without an agreement in force, each with ``over_since``, its last day."""
    own = Agreement.objects.filter(
        collaboration=OuterRef("pk"), kind=AgreementKind.PKS, documented=False, from_paper=False
    )
    ended = Q(state=AgreementState.ENDED, ended_on__isnull=False)
    over = ended | Q(state=AgreementState.SEALED) & over_by_now()
    live = own.filter(state=AgreementState.SEALED).exclude(over_by_now())
    last = own.filter(over).order_by("-ends_on").annotate(day=Coalesce("ended_on", "ends_on"))
    found = rows.filter(Exists(own.filter(over)), ~Exists(live), stage=RUNNING, documented=False)
    return found.annotate(over_since=Subquery(last.values("day")[:1]))


def over_since(collaboration: Collaboration) -> Any:
    """The last day of its agreement where it runs on without one, else None; a query only while it runs."""
    if collaboration.stage != RUNNING:
        return None
    found = overrun(Collaboration.objects.filter(pk=collaboration.pk)).first()
    return found.over_since if found else None
