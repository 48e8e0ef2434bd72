"""Challenges: the calls, their questions."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema, Status

from balai.api.doors import OF_LIST, OF_RECORD, OF_WRITE, Cursor, Door, Reference, Visitor, visitor
from balai.api.text import Long
from balai.challenges import actions
from balai.challenges.models import Challenge
from balai.core.pagination import paginate

router = Router(tags=["challenges"], auth=Door("challenges"))


class ChallengeOut(Schema):
    reference: str
    city: str
    agency: str
    title: str
    title_en: str
    dimension: str
    indicator: str | None
    state: str
    schemes: list[str]
    opened_at: datetime | None
    questions_until: date | None
    closes_on: date | None
    invented: bool


class QuestionOut(Schema):
    text: str
    asked_at: datetime
    answer: str
    answered_at: datetime | None


class ChallengeDetail(ChallengeOut):
    brief: str
    brief_en: str
    baseline: Decimal | None
    baseline_period: str
    baseline_source: str
    target: Decimal | None
    contact: str
    data_access: str
    budget_route: str
    budget_note: str
    adoption_route: str
    needs: list[str]
    questions: list[QuestionOut]


class ChallengePage(Schema):
    items: list[ChallengeOut]
    next: str | None
    previous: str | None


class QuestionIn(Schema):
    text: Long


PLAIN = [
    name
    for name in ChallengeDetail.model_fields
    if name not in {"agency", "city", "indicator", "needs", "questions"}
]


def _out(challenge: Challenge) -> dict[str, Any]:
    return {
        **{name: getattr(challenge, name) for name in PLAIN},
        "city": challenge.city_id,
        "agency": challenge.agency.slug,
        "indicator": challenge.indicator_id,
    }


def _find(who: Visitor, reference: str) -> Challenge:
    rows = Challenge.objects.visible_to(who.user).select_related("agency")
    return get_object_or_404(rows, reference=reference)


def _detail(challenge: Challenge) -> dict[str, Any]:
    return {
        **_out(challenge),
        "needs": list(challenge.needs.exclude(state="hidden").values_list("reference", flat=True)),
        "questions": list(challenge.questions.all()),
    }


@router.get(
    "/challenges",
    response={200: ChallengePage, **OF_LIST},
    operation_id="list_challenges",
    summary="List challenges",
)
def challenges(request: HttpRequest, cursor: Cursor = None) -> Any:
    """Calls the caller may see, newest first."""
    rows = Challenge.objects.visible_to(visitor(request).user).select_related("agency")
    page = paginate(rows, cursor, by="created_at")
    return {"items": [_out(row) for row in page.rows], "next": page.next, "previous": page.previous}


@router.get(
    "/challenges/{reference}",
    response={200: ChallengeDetail, **OF_RECORD},
    operation_id="get_challenge",
    summary="Read a challenge",
)
def challenge(request: HttpRequest, reference: Reference) -> Any:
    """One call with its brief, its baseline and the questions asked in public."""
    return _detail(_find(visitor(request), reference))


@router.post(
    "/challenges/{reference}/questions",
    response={201: ChallengeDetail, **OF_WRITE},
    operation_id="ask_question",
    summary="Ask a question",
)
def ask(request: HttpRequest, reference: Reference, payload: QuestionIn) -> Any:
    """Ask in public while questions are taken; the answer is public as well."""
    who = visitor(request)
    found = _find(who, reference)
    actions.ask_question(challenge=found, by=who.person, text=payload.text)
    return Status(201, _detail(found))


@router.post(
    "/challenges/{reference}/open",
    response={200: ChallengeDetail, **OF_WRITE},
    operation_id="open_challenge",
    summary="Open a challenge",
)
def open_call(request: HttpRequest, reference: Reference) -> Any:
    """Publish a draft. Refused, naming what is missing, until it is ready."""
    who = visitor(request)
    found = _find(who, reference)
    actions.open_challenge(challenge=found, by=who.person)
    return _detail(_find(who, reference))
