"""Clocks: who sits on a stage too long is reminded once, then the next level is told once."""

from django.db import transaction
from django.tasks import task
from django.utils import timezone

from balai.collaborations.models import Collaboration
from balai.core import ledger
from balai.core.periodic import every
from balai.core.schedule import add_working_days

REMIND_BEFORE = 1
ESCALATE_AFTER = 3


@every(minutes=60)
@task
def watch_clocks() -> None:
    """Remind one working day before the clock ends; escalate three working days after."""
    today, now = timezone.localdate(), timezone.now()
    late = Collaboration.objects.filter(ended_at=None, documented=False, due_on__isnull=False)
    soon = add_working_days(today, REMIND_BEFORE)
    for collaboration in late.filter(due_on__lte=soon, reminded_at=None).select_related("scheme_version"):
        _tell(collaboration, "collaboration.reminded", "reminded_at", now)
    for collaboration in late.filter(due_on__lt=today, escalated_at=None).select_related("scheme_version"):
        due = collaboration.due_on
        if due and add_working_days(due, ESCALATE_AFTER) <= today:
            _tell(collaboration, "collaboration.escalated", "escalated_at", now)


def _tell(collaboration: Collaboration, verb: str, mark: str, now: object) -> None:
    with transaction.atomic():
        rows = Collaboration.objects.filter(pk=collaboration.pk, stage=collaboration.stage, **{mark: None})
        if rows.update(**{mark: now}):
            ledger.append(
                verb=verb,
                subject=collaboration.thread,
                by=None,
                city=collaboration.city_id,
                public=False,
                data={"stage": collaboration.stage, "due": str(collaboration.due_on)},
            )
