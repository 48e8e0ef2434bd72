"""Pilots: sites, incidents, whether a point lies inside the boundary."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import Field

from balai.api.collaborations import find
from balai.api.doors import OF_PRIVATE, OF_WRITE, Door, Reference, visitor
from balai.api.text import Long
from balai.collaborations.rules import may_see_inside
from balai.core.rules import require
from balai.pilots import actions
from balai.pilots.geofence import contains
from balai.pilots.models import Incident, Pilot

router = Router(tags=["pilots"], auth=Door("pilots"))


class SiteOut(Schema):
    id: int
    name: str
    latitude: float
    longitude: float
    radius_m: int | None
    fence: dict[str, Any] | None


class IncidentOut(Schema):
    id: int
    severity: str
    happened_at: datetime
    people_hurt: int
    open: bool
    text: str | None


class PilotOut(Schema):
    starts_on: date | None
    ends_on: date | None
    sites: list[SiteOut]
    incidents: list[IncidentOut]
    suspended: bool


class IncidentIn(Schema):
    severity: Literal["minor", "serious", "fatal"]
    happened_at: datetime
    people_hurt: Annotated[int, Field(ge=0, le=100_000)] = 0
    text: Long


class Inside(Schema):
    inside: bool
    sites: list[str]


@router.get(
    "/collaborations/{reference}/pilot",
    response={200: PilotOut, **OF_PRIVATE},
    operation_id="get_pilot",
    summary="Read a pilot",
)
def pilot(request: HttpRequest, reference: Reference) -> Any:
    """Dates, sites and incidents; what an incident was, in words, only for those inside."""
    who = visitor(request)
    collaboration = find(who, reference)
    found = get_object_or_404(Pilot, collaboration=collaboration)
    inside = bool(may_see_inside(who.user, collaboration))
    return {
        "starts_on": found.starts_on,
        "ends_on": found.ends_on,
        "sites": list(found.sites.filter(active=True)),
        "incidents": [_incident(incident, inside) for incident in found.incidents.all()],
        "suspended": found.suspensions.filter(resumed_at=None).exists(),
    }


def _incident(incident: Incident, inside: bool) -> dict[str, Any]:
    return {
        "id": incident.pk,
        "severity": incident.severity,
        "happened_at": incident.happened_at,
        "people_hurt": incident.people_hurt,
        "open": incident.closed_at is None,
        "text": incident.text if inside else None,
    }


@router.get(
    "/collaborations/{reference}/pilot/contains",
    response={200: Inside, **OF_PRIVATE},
    operation_id="is_inside",
    summary="Ask whether a point is inside",
)
def inside_sites(
    request: HttpRequest,
    reference: Reference,
    latitude: Annotated[float, Query(ge=-90, le=90)],
    longitude: Annotated[float, Query(ge=-180, le=180)],
) -> Any:
    """Whether a point lies inside any active site of the pilot, and of which."""
    collaboration = find(visitor(request), reference)
    found = get_object_or_404(Pilot, collaboration=collaboration)
    names = [s.name for s in found.sites.filter(active=True) if contains(s, latitude, longitude)]
    return {"inside": bool(names), "sites": names}


@router.post(
    "/collaborations/{reference}/incidents",
    response={201: IncidentOut, **OF_WRITE},
    operation_id="report_incident",
    summary="Report an incident",
)
def report(request: HttpRequest, reference: Reference, payload: IncidentIn) -> Any:
    """For those inside. Its kind, time and number hurt are public at once; the words are not."""
    who = visitor(request)
    collaboration = find(who, reference)
    require(may_see_inside(who.person, collaboration))
    incident = actions.report_incident(
        collaboration=collaboration,
        by=who.person,
        severity=payload.severity,
        happened_at=_aware(payload.happened_at),
        text=payload.text,
        people_hurt=payload.people_hurt,
    )
    return Status(201, _incident(incident, True))


def _aware(moment: datetime) -> datetime:
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
