"""Collaborations: the register, one record with its thread, and the moves."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema

from balai.api.doors import (
    OF_LIST,
    OF_PRIVATE,
    OF_PUBLIC,
    OF_WRITE,
    Cursor,
    Door,
    Reference,
    Visitor,
    visitor,
)
from balai.api.text import Line, Long, Plain
from balai.applications.rules import may_look
from balai.collaborations.actions import make_move
from balai.collaborations.models import Collaboration
from balai.collaborations.queries import (
    Option,
    awaiting,
    current_schemes,
    options,
    standing,
    threads_of,
    timeline,
    with_parties,
)
from balai.collaborations.registry import ROLES
from balai.collaborations.rules import may_see_inside
from balai.collaborations.schemes import Label, Scheme
from balai.core.models import Entry
from balai.core.narrative import said
from balai.core.pagination import paginate
from balai.core.rules import require

router = Router(tags=["collaborations"], auth=Door("collaborations"))


class Party(Schema):
    id: str
    name: str
    slug: str


class Stand(Schema):
    stage: str
    name: str
    phase: str
    turn: str | None
    turn_name: str | None
    since: datetime
    due_on: date | None
    working_days: int
    overdue_days: int
    next: list[str]


class Row(Schema):
    reference: str
    title: str
    title_en: str
    scheme: str
    scheme_version: str
    city: str
    partner: Party
    agency: Party | None
    challenge: str | None
    predecessor: str | None
    dimensions: list[str]
    standing: Stand
    outcome: str
    public_since: datetime | None
    documented: bool
    invented: bool


class Hop(Schema):
    seq: int
    at: datetime
    on: str | None
    verb: str
    said: str
    role: str
    organisation: str | None
    public: bool
    data: dict[str, Any]
    hash: str


class Detail(Row):
    summary: str
    summary_en: str
    timeline: list[Hop]


class Rows(Schema):
    items: list[Row]
    next: str | None
    previous: str | None


class FormField(Schema):
    name: str
    label: str
    required: bool


class MoveOut(Schema):
    """One move out of the present stage. ``open``: this caller may make it now; if not, why not."""

    key: str
    name: str
    to: str
    who: list[str]
    open: bool
    yours: bool
    missing: list[str]
    needs_reason: bool
    asks: list[FormField]


class Moves(Schema):
    stage: str
    moves: list[MoveOut]


class MoveIn(Schema):
    seen: Line
    reason: Long = ""
    record: dict[Plain, Plain] = {}


class StageOut(Schema):
    key: str
    id: str
    en: str
    phase: str
    kind: str
    turn: str
    clock: int
    public: bool
    outcome: str


class SchemeOut(Schema):
    key: str
    version: str
    name: dict[str, str]
    promise: dict[str, str]
    is_not: dict[str, str]
    stages: list[StageOut]
    moves: list[dict[str, Any]]


def _party(organisation: Any) -> Party | None:
    if organisation is None:
        return None
    return Party(id=str(organisation.pk), name=organisation.name, slug=organisation.slug)


def _row(c: Collaboration) -> dict[str, Any]:
    now = standing(c)
    return {
        "reference": c.reference,
        "title": c.title,
        "title_en": c.title_en,
        "scheme": c.scheme_version.key,
        "scheme_version": c.scheme_version.version,
        "city": c.city_id,
        "partner": _party(c.partner),
        "agency": _party(c.agency),
        "challenge": c.challenge.reference if c.challenge else None,
        "predecessor": c.predecessor.reference if c.predecessor else None,
        "dimensions": c.dimensions,
        "standing": Stand(
            stage=now.stage.key,
            name=str(now.stage.public_name),
            phase=now.stage.phase,
            turn=now.stage.turn or None,
            turn_name=str(now.turn_of.name if now.turn_of else now.turn) or None,
            since=now.since,
            due_on=now.due_on,
            working_days=now.working_days,
            overdue_days=now.overdue_days,
            next=[stage.key for stage in now.next_stages],
        ),
        "outcome": c.outcome,
        "public_since": c.public_since,
        "documented": c.documented,
        "invented": c.invented,
    }


def find(who: Visitor, reference: str) -> Collaboration:
    """The collaboration if the caller may see it; 404 otherwise, 403 to whoever has a conflict."""
    rows = with_parties(Collaboration.objects.visible_to(who.user))
    found = get_object_or_404(rows, reference=reference)
    require(may_look(who.user, found))
    return found


@router.get(
    "/schemes",
    response={200: list[SchemeOut], **OF_PUBLIC},
    operation_id="list_schemes",
    summary="List the schemes",
)
def schemes(request: HttpRequest) -> Any:
    """The three paths as data: stages, whose turn, clocks, moves and their guards."""
    return [_scheme(scheme) for scheme in current_schemes()]


def _both(label: Label) -> dict[str, str]:
    return {"id": label.id, "en": label.en}


def _scheme(scheme: Scheme) -> dict[str, Any]:
    return {
        "key": scheme.key,
        "version": scheme.version,
        "name": _both(scheme.name),
        "promise": _both(scheme.promise),
        "is_not": _both(scheme.is_not),
        "stages": [
            StageOut(
                key=s.key,
                id=s.name.id,
                en=s.name.en,
                phase=s.phase,
                kind=s.kind,
                turn=s.turn,
                clock=s.clock,
                public=s.public,
                outcome=s.outcome,
            )
            for s in scheme.stages
        ],
        "moves": [
            {
                "key": m.key,
                "name": _both(m.name),
                "from": m.sources,
                "to": m.target,
                "who": m.who,
                "guards": m.guards,
                "record": m.record,
                "successor": m.successor,
            }
            for m in scheme.moves
        ],
    }


@router.get(
    "/collaborations",
    response={200: Rows, **OF_LIST},
    operation_id="list_collaborations",
    summary="List collaborations",
)
def register(
    request: HttpRequest,
    cursor: Cursor = None,
    scheme: Annotated[Literal["playground", "co-develop", "user"] | None, Query()] = None,
    outcome: Annotated[Line | None, Query()] = None,
    awaiting_me: Annotated[bool, Query(description="only those whose turn is the caller's")] = False,
) -> Any:
    """The register, and for those inside what is not public yet; latest change first."""
    who = visitor(request)
    visible = with_parties(Collaboration.objects.visible_to(who.user))
    rows = awaiting(who.person) if awaiting_me else visible
    if scheme:
        rows = rows.filter(scheme_version__key=scheme)
    if outcome:
        rows = rows.filter(outcome=outcome)
    page = paginate(rows, cursor, by="stage_since")
    return {"items": [_row(c) for c in page.rows], "next": page.next, "previous": page.previous}


@router.get(
    "/collaborations/{reference}",
    response={200: Detail, **OF_PRIVATE},
    operation_id="get_collaboration",
    summary="Read a collaboration",
)
def detail(request: HttpRequest, reference: Reference) -> Any:
    """Where it stands, whose turn it is, and everything that happened, entry by entry of the ledger."""
    who = visitor(request)
    collaboration = find(who, reference)
    entries = timeline(threads_of(collaboration), inside=bool(may_see_inside(who.user, collaboration)))
    return {
        **_row(collaboration),
        "summary": collaboration.summary,
        "summary_en": collaboration.summary_en,
        "timeline": [_hop(entry) for entry in entries],
    }


def _hop(entry: Entry) -> Hop:
    facts = entry.facts
    return Hop(
        seq=entry.seq,
        at=entry.at,
        on=facts.get("on"),
        verb=entry.verb,
        said=said(entry),
        role=entry.role,
        organisation=str(entry.organisation) if entry.organisation else None,
        public=entry.public,
        data=facts,
        hash=entry.hash,
    )


@router.get(
    "/collaborations/{reference}/moves",
    response={200: Moves, **OF_PRIVATE},
    operation_id="list_moves",
    summary="List the moves",
)
def moves(request: HttpRequest, reference: Reference) -> Any:
    """What the caller may do now, and why not otherwise."""
    who = visitor(request)
    collaboration = find(who, reference)
    inside = bool(may_see_inside(who.user, collaboration))
    return Moves(
        stage=collaboration.stage,
        moves=[_move(option, inside) for option in options(who.user, collaboration)],
    )


def _move(option: Option, inside: bool) -> MoveOut:
    move = option.move
    missing = [str(text) for text in option.missing] if inside else []
    if not option.yours:
        missing = [", ".join(str(ROLES[role]) for role in move.who), *missing]
    return MoveOut(
        key=move.key,
        name=str(move.name),
        to=move.target,
        who=list(move.who),
        open=option.open,
        yours=option.yours,
        missing=missing,
        needs_reason=move.reason,
        asks=[
            FormField(name=name, label=str(field.label), required=field.required)
            for name, field in (option.form.base_fields.items() if option.form else ())
        ],
    )


@router.post(
    "/collaborations/{reference}/moves/{key}",
    response={200: Detail, **OF_WRITE},
    operation_id="make_move",
    summary="Make a move",
)
def move(request: HttpRequest, reference: Reference, key: Line, payload: MoveIn) -> Any:
    """``seen`` is the stage the caller was shown: of two who press at once, one wins (409 for the other)."""
    who = visitor(request)
    collaboration = find(who, reference)
    make_move(
        collaboration=collaboration,
        move=key,
        by=who.person,
        seen=payload.seen,
        reason=payload.reason,
        record=payload.record,
    )
    return detail(request, reference)
