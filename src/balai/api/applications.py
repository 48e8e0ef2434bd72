"""Applications: start, fill in, see what is missing. Submitting is a move of the collaboration."""

from datetime import datetime
from typing import Any, Literal

from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema, Status

from balai.api.doors import OF_PRIVATE, OF_WRITE, Door, Reference, Visitor, visitor
from balai.api.text import Line, Long, Plain
from balai.applications import actions
from balai.applications.models import Application
from balai.applications.queries import application_of, gaps
from balai.applications.rules import PARTNER, hat_of, is_editable, may_read, readable_answers
from balai.challenges.models import Challenge
from balai.collaborations.models import Collaboration
from balai.collaborations.queries import with_parties
from balai.core.rules import require
from balai.people.models import City, Organisation

router = Router(tags=["applications"], auth=Door("applications"))


class ApplicationOut(Schema):
    """``missing`` lists what must be there before the move `submit` is open."""

    reference: str
    revision: int
    saved_at: datetime | None
    answers: dict[str, Any]
    missing: list[str]


class StartIn(Schema):
    partner: Line
    scheme: Literal["playground", "co-develop", "user"]
    title: Line
    challenge: Line = ""


class DraftIn(Schema):
    """``revision`` is the one the caller read; who saves on an older one is told (409)."""

    revision: int
    answers: dict[Line, bool | int | float | Long | list[Plain] | None] = {}


def _out(application: Application, hat: str = PARTNER) -> dict[str, Any]:
    """What a reader in this hat gets; only the partner sees how far a form in their hands is."""
    own = hat == PARTNER or not is_editable(application.collaboration)
    return {
        "reference": application.collaboration.reference,
        "revision": application.revision,
        "saved_at": application.saved_at,
        "answers": readable_answers(application, hat),
        "missing": [str(gap.label) for gap in gaps(application)] if own else [],
    }


def _find(who: Visitor, reference: str) -> Application:
    person = who.person
    rows = with_parties(Collaboration.objects.visible_to(person).filter(documented=False))
    collaboration = get_object_or_404(rows, reference=reference)
    application = application_of(collaboration)
    require(may_read(person, application))
    return application


@router.post(
    "/applications",
    response={201: ApplicationOut, **OF_WRITE},
    operation_id="start_application",
    summary="Start an application",
)
def start(request: HttpRequest, payload: StartIn) -> Any:
    """Open a draft in the name of an organisation the caller acts for. Nobody else sees it until it is
    submitted."""
    who = visitor(request)
    person = who.person
    mine = Organisation.objects.filter(pk__in={hat.organisation_id for hat in person.hats})
    partner = get_object_or_404(mine, slug=payload.partner)
    challenge = None
    if payload.challenge:
        challenge = get_object_or_404(Challenge.objects.visible_to(person), reference=payload.challenge)
    application = actions.start_application(
        by=person,
        partner=partner,
        city=get_object_or_404(City, pk=settings.DEFAULT_CITY),
        scheme_key=payload.scheme,
        title=payload.title,
        challenge=challenge,
    )
    return Status(201, _out(application))


@router.get(
    "/applications/{reference}",
    response={200: ApplicationOut, **OF_PRIVATE},
    operation_id="get_application",
    summary="Read an application",
)
def application(request: HttpRequest, reference: Reference) -> Any:
    """Answers and what is missing; for the partner, the city's staff and its auditors."""
    who = visitor(request)
    found = _find(who, reference)
    return _out(found, hat_of(who.user, found))


@router.patch(
    "/applications/{reference}",
    response={200: ApplicationOut, **OF_WRITE},
    operation_id="save_draft",
    summary="Save a draft",
)
def save(request: HttpRequest, reference: Reference, payload: DraftIn) -> Any:
    """Replace the answers. Whoever saves on an older revision is told (409) and nothing is lost."""
    who = visitor(request)
    found = _find(who, reference)
    saved = actions.save_draft(
        application=found, by=who.person, revision=payload.revision, answers=payload.answers
    )
    return _out(saved)
