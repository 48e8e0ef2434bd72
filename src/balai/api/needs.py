"""Needs: read, voice, support, answer."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema, Status

from balai.api.doors import OF_LIST, OF_RECORD, OF_WRITE, Cursor, Door, Reference, Visitor, visitor
from balai.api.text import Degrees, Line, Long
from balai.core.errors import Invalid
from balai.core.pagination import paginate
from balai.needs import actions
from balai.needs.models import Need
from balai.needs.queries import answers_to, listed
from balai.people.models import Area, City, Organisation

router = Router(tags=["needs"], auth=Door("needs"))
type DimensionKey = Literal["government", "mobility", "environment", "people", "economy", "living"]


class NeedOut(Schema):
    reference: str
    city: str
    title: str
    text: str
    dimension: str
    place: str
    area: str | None
    latitude: float | None
    longitude: float | None
    state: str
    agency: str | None
    merged_into: str | None
    complaint_number: str
    close_reason: str
    support_count: int
    voiced_at: datetime
    answer_due: date
    answered_at: datetime | None
    invented: bool


class AnswerOut(Schema):
    agency: str
    text: str
    at: datetime


class NeedDetail(NeedOut):
    answers: list[AnswerOut]


class NeedPage(Schema):
    items: list[NeedOut]
    next: str | None
    previous: str | None


class NeedIn(Schema):
    """``key``: a UUID of the sender's choice; sent twice it gives the same need back."""

    title: Line
    text: Long
    dimension: DimensionKey
    place: Line = ""
    area: Line = ""
    latitude: Degrees | None = None
    longitude: Degrees | None = None
    show_name: bool = False
    key: UUID | None = None


class AnswerIn(Schema):
    agency: Line
    text: Long


def _coarse(degrees: float | None) -> float | None:
    """To about 100 m, as in the open list: a need tells a place, not a door."""
    return None if degrees is None else round(degrees, 3)


def _out(need: Need) -> dict[str, Any]:
    return {
        "reference": need.reference,
        "city": need.city_id,
        "title": need.title,
        "text": need.text,
        "dimension": need.dimension,
        "place": need.place,
        "area": need.area.code if need.area else None,
        "latitude": _coarse(need.latitude),
        "longitude": _coarse(need.longitude),
        "state": need.state,
        "agency": need.agency.slug if need.agency else None,
        "merged_into": need.merged_into.reference if need.merged_into else None,
        "complaint_number": need.complaint_number,
        "close_reason": need.close_reason,
        "support_count": need.support_count,
        "voiced_at": need.voiced_at,
        "answer_due": need.answer_due,
        "answered_at": need.answered_at,
        "invented": need.invented,
    }


def _find(who: Visitor, reference: str) -> Need:
    rows = Need.objects.visible_to(who.user).select_related("area", "agency", "merged_into", "city")
    return get_object_or_404(rows, reference=reference)


def _detail(need: Need) -> dict[str, Any]:
    answers = [
        {"agency": answer.agency.name, "text": answer.text, "at": answer.at} for answer in answers_to(need)
    ]
    return {**_out(need), "answers": answers}


@router.get(
    "/needs",
    response={200: NeedPage, **OF_LIST},
    operation_id="list_needs",
    summary="List needs",
)
def needs(
    request: HttpRequest,
    cursor: Cursor = None,
    dimension: Annotated[DimensionKey | None, Query()] = None,
    words: Annotated[Line, Query()] = "",
) -> Any:
    """What citizens say the city should change, newest first; merged and hidden ones are left out."""
    who = visitor(request)
    rows = listed(who.user, city=settings.DEFAULT_CITY, dimension=dimension or "", words=words)
    page = paginate(rows, cursor, by="voiced_at")
    return {"items": [_out(need) for need in page.rows], "next": page.next, "previous": page.previous}


@router.post(
    "/needs",
    response={201: NeedDetail, **OF_WRITE},
    operation_id="voice_need",
    summary="Voice a need",
)
def voice(request: HttpRequest, payload: NeedIn) -> Any:
    """Tell the city what to change. Sent twice with the same ``key`` it gives the same need back."""
    who = visitor(request)
    values = payload.dict(exclude={"area"})
    area = Area.objects.filter(code=payload.area).first() if payload.area else None
    if payload.area and area is None:
        raise Invalid("There is no such area.", {"area": ["There is no such area."]})
    city = get_object_or_404(City, pk=settings.DEFAULT_CITY)
    need = actions.voice_need(by=who.person, city=city, area=area, **values)
    return Status(201, _detail(_find(who, need.reference)))


@router.get(
    "/needs/{reference}",
    response={200: NeedDetail, **OF_RECORD},
    operation_id="get_need",
    summary="Read a need",
)
def need(request: HttpRequest, reference: Reference) -> Any:
    """One need with the answers of the city."""
    return _detail(_find(visitor(request), reference))


@router.put(
    "/needs/{reference}/support",
    response={200: NeedDetail, **OF_WRITE},
    operation_id="support_need",
    summary="Support a need",
)
def support(request: HttpRequest, reference: Reference) -> Any:
    """Stand behind a need. Doing it twice changes nothing."""
    who = visitor(request)
    actions.support_need(need=_find(who, reference), by=who.person)
    return _detail(_find(who, reference))


@router.delete(
    "/needs/{reference}/support",
    response={200: NeedDetail, **OF_WRITE},
    operation_id="withdraw_support",
    summary="Withdraw support",
)
def withdraw(request: HttpRequest, reference: Reference) -> Any:
    """Take the caller's support back. Doing it twice changes nothing."""
    who = visitor(request)
    actions.withdraw_support(need=_find(who, reference), by=who.person)
    return _detail(_find(who, reference))


@router.post(
    "/needs/{reference}/answers",
    response={201: NeedDetail, **OF_WRITE},
    operation_id="answer_need",
    summary="Answer a need",
)
def answer(request: HttpRequest, reference: Reference, payload: AnswerIn) -> Any:
    """Answer in public for the agency it waits for."""
    who = visitor(request)
    found = _find(who, reference)
    agency = get_object_or_404(Organisation, slug=payload.agency, kind="agency")
    actions.answer_need(need=found, by=who.person, agency=agency, text=payload.text)
    return Status(201, _detail(_find(who, reference)))
