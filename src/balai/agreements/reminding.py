"""Reminders before the end of a term: each once, late rather than never, however long the worker slept."""

import datetime as dt
from collections.abc import Collection, Iterable
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from balai.agreements.clock import day_in, today_in
from balai.agreements.ending import end_by_settlement, end_by_term
from balai.agreements.models import Agreement, AgreementState, Termination, TerminationState, TermMark
from balai.core import ledger

MARKS = (90, 60, 30, 7, 0)
"""Days before the end on which partner, agency and bureau are told."""


def due_marks(*, ends_on: date, since: date, today: date, told: Collection[int]) -> list[int]:
    """The marks that are due on ``today`` and not told yet, furthest first.

    ``since`` is the day the end became known (seal, addendum, entry): what was due before it is no reminder
    and is never sent.
    """
    return [days for days in MARKS if days not in told and since <= ends_on - timedelta(days=days) <= today]


def watch(now: dt.datetime | None = None) -> dict[str, int]:
    """Remind, then end what is over: safe to run at any time and twice. Returns how many of each."""
    now = now or timezone.now()
    counts = {"told": 0, "ended": 0}
    for termination in Termination.objects.filter(state=TerminationState.SET).select_related("agreement"):
        today = today_in(termination.agreement.city_id, now)
        if termination.effective_on < today:
            counts["ended"] += end_by_settlement(termination, today=today)
    for agreement in _near(now):
        today = today_in(agreement.city_id, now)
        since = _since(agreement)
        if agreement.ends_on < today:
            missed = due_marks(ends_on=agreement.ends_on, since=since, today=today, told=_told(agreement))
            counts["ended"] += end_by_term(agreement, today=today, marks=missed)
        elif tell(agreement, since=since, today=today):
            counts["told"] += 1
    return counts


def tell(agreement: Agreement, *, since: date, today: date) -> list[int]:
    """Tell of every mark that is due as one notice; the marks told, furthest first.

    A mark's row is what makes it be told once: of two workers one writes it. Marks that were slept over are
    told with the latest one, which says how many days are really left.
    """
    assert agreement.ends_on is not None
    due = due_marks(ends_on=agreement.ends_on, since=since, today=today, told=_told(agreement))
    if not due:
        return []
    with transaction.atomic():
        Agreement.objects.select_for_update().only("pk").get(pk=agreement.pk)
        same = Agreement.objects.filter(
            pk=agreement.pk, state=AgreementState.SEALED, ends_on=agreement.ends_on
        )
        known = TermMark.objects.filter(agreement=agreement, ends_on=agreement.ends_on)
        fresh = [days for days in due if days not in set(known.values_list("days", flat=True))]
        if not fresh or not same.exists():
            return []
        now = timezone.now()
        TermMark.objects.bulk_create(
            TermMark(agreement=agreement, ends_on=agreement.ends_on, days=days, told_at=now) for days in fresh
        )
        ledger.append(
            verb="agreement.ending",
            subject=agreement.subject,
            thread=agreement.thread,
            by=None,
            city=agreement.city_id,
            public=False,
            data={
                "ends_on": agreement.ends_on,
                "marks": fresh,
                "days_left": (agreement.ends_on - today).days,
            },
        )
    return fresh


def _told(agreement: Agreement) -> set[int]:
    """The marks of the present end that were told."""
    return {mark.days for mark in agreement.marks.all() if mark.ends_on == agreement.ends_on}


def _near(now: dt.datetime) -> Iterable[Any]:
    """Agreements of which a mark may be due or whose term may be over; three queries."""
    horizon = timezone.localdate(now) + timedelta(days=MARKS[0] + 1)
    sealed = Max("addenda__sealed_at", filter=Q(addenda__state=AgreementState.SEALED))
    rows = Agreement.objects.filter(
        state=AgreementState.SEALED, documented=False, amends=None, ends_on__lte=horizon
    )
    return rows.annotate(amended_at=sealed).select_related("paper").prefetch_related("marks")


def _since(agreement: Any) -> date:
    """The city's day on which the present end became known."""
    paper = getattr(agreement, "paper", None)
    moments = [agreement.sealed_at, agreement.amended_at, paper.recorded_at if paper else None]
    latest = max((moment for moment in moments if moment), default=agreement.created_at)
    return day_in(agreement.city_id, latest)
