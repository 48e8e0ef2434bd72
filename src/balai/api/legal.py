"""The legal path of a collaboration: where it stands, since when, on whose desk; and its hard stops."""

from datetime import date
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Router, Schema

from balai.agreements.legal_path import Source
from balai.agreements.legal_standing import PathStanding, StepStanding, standing_of
from balai.api.collaborations import find
from balai.api.doors import OF_PRIVATE, Door, Reference, visitor

router = Router(tags=["collaborations"], auth=Door("collaborations"))


class SourceOut(Schema):
    """``certainty`` is confirmed, secondary, counsel (to be checked by counsel) or ours (of this hub)."""

    name: str
    url: str
    date: str
    certainty: str


class StepOut(Schema):
    """``state`` is coming, open, done, waived, not_applicable, missing (no record) or left (it ended first).

    ``left`` is in working days, negative once it is over, null without a limit; ``rests_since`` says since
    when the clock rests because the applicant is asked.
    """

    key: str
    name: str
    rule: str
    source: SourceOut
    state: str
    hard_stop: str | None
    desk: str | None
    since: date | None
    settled_on: date | None
    working_days: int | None
    due_on: date | None
    left: int | None
    rests_since: date | None
    waived_under: str | None
    reason: str


class StopOut(Schema):
    key: str
    name: str
    rule: str
    source: SourceOut
    stops: list[str]
    lifted_by: str


class CouncilOut(Schema):
    burdens: bool
    unbudgeted: bool
    needed: bool
    approval: str | None
    approved_on: date | None


class LegalOut(Schema):
    path: str
    version: str
    settled: int
    steps: list[StepOut]
    stops: list[StopOut]
    council: CouncilOut | None


@router.get(
    "/collaborations/{reference}/legal",
    response={200: LegalOut, **OF_PRIVATE},
    operation_id="get_legal_path",
    summary="Read the legal path of a collaboration",
)
def legal(request: HttpRequest, reference: Reference) -> Any:
    """Its steps in their order, what waits on whose desk since when, and what stops it in any case."""
    collaboration = find(visitor(request), reference)
    if collaboration.submitted_at is None or collaboration.documented:
        raise Http404
    now = standing_of(collaboration)
    return {
        "path": now.path.key,
        "version": now.path.version,
        "settled": now.settled,
        "steps": [_step(row) for row in now.steps],
        "stops": [
            {
                "key": stop.key,
                "name": str(stop.name),
                "rule": str(stop.rule),
                "source": _source(stop.source),
                "stops": list(stop.acts),
                "lifted_by": str(stop.lift),
            }
            for stop in now.path.stops
        ],
        "council": _council(now),
    }


def _source(source: Source) -> dict[str, str]:
    return {
        "name": str(source.name),
        "url": source.url,
        "date": source.date,
        "certainty": source.certainty,
    }


def _step(row: StepStanding) -> dict[str, Any]:
    clock = row.clock
    return {
        "key": row.step.key,
        "name": str(row.step.name),
        "rule": str(row.step.rule),
        "source": _source(row.step.source),
        "state": row.state,
        "hard_stop": row.step.stop or None,
        "desk": row.desk or None,
        "since": row.since,
        "settled_on": row.on,
        "working_days": clock.days if clock else None,
        "due_on": clock.due_on if clock else None,
        "left": clock.left if clock else None,
        "rests_since": clock.rests_since if clock else None,
        "waived_under": row.rule.key if row.rule else None,
        "reason": row.record.reason if row.record else "",
    }


def _council(now: PathStanding) -> dict[str, Any] | None:
    if now.answer is None:
        return None
    return {
        "burdens": now.answer.burdens,
        "unbudgeted": now.answer.unbudgeted,
        "needed": now.answer.needs_council,
        "approval": now.approval.number if now.approval else None,
        "approved_on": now.approval.dated_on if now.approval else None,
    }
