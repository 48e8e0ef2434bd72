"""Agreements: what is public of those sealed, found by the hash of the document."""

from datetime import date, datetime
from typing import Annotated, Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Prefetch
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Path, Router, Schema

from balai.agreements.models import Agreement, AgreementState, Party
from balai.api.doors import OF_LIST, OF_RECORD, Cursor, Door, visitor
from balai.core.pagination import paginate

router = Router(tags=["agreements"], auth=Door("agreements"))
type Sha256 = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the sealed file")]


class PartyOut(Schema):
    place: int
    organisation: str
    number: str


class AgreementOut(Schema):
    """The facts of the public register; the text itself is for the parties."""

    id: str
    kind: str
    title: str
    title_en: str
    state: str
    collaboration: str | None
    starts_on: date | None
    ends_on: date | None
    ended_on: date | None
    sealed_at: datetime | None
    amends: str | None
    affair: str
    from_paper: bool
    sha256: str | None
    documented: bool
    invented: bool
    parties: list[PartyOut]


class AgreementPage(Schema):
    items: list[AgreementOut]
    next: str | None
    previous: str | None


def _public() -> Any:
    """Agreements that were signed or are known to have been, as the register shows them to a stranger."""
    rows = Agreement.objects.visible_to(AnonymousUser())
    rows = rows.filter(state__in=(AgreementState.SEALED, AgreementState.ENDED))
    rows = rows.exclude(state=AgreementState.ENDED, ended_on=None)
    return rows.select_related("collaboration", "sealed_document").prefetch_related(
        Prefetch("parties", queryset=Party.objects.select_related("organisation"))
    )


def _out(agreement: Agreement) -> dict[str, Any]:
    return {
        "id": str(agreement.pk),
        "kind": agreement.kind,
        "title": agreement.title,
        "title_en": agreement.title_en,
        "state": agreement.state,
        "collaboration": agreement.collaboration.reference if agreement.collaboration else None,
        "starts_on": agreement.starts_on,
        "ends_on": agreement.ends_on,
        "ended_on": agreement.ended_on,
        "sealed_at": agreement.sealed_at,
        "amends": str(agreement.amends_id) if agreement.amends_id else None,
        "affair": agreement.affair,
        "from_paper": agreement.from_paper,
        "sha256": agreement.sealed_document.sha256 if agreement.sealed_document else None,
        "documented": agreement.documented,
        "invented": agreement.invented,
        "parties": [
            {"place": party.place, "organisation": party.organisation.name, "number": party.number}
            for party in agreement.parties.all()
        ],
    }


@router.get(
    "/agreements",
    response={200: AgreementPage, **OF_LIST},
    operation_id="list_agreements",
    summary="List sealed agreements",
)
def agreements(request: HttpRequest, cursor: Cursor = None) -> Any:
    """The public register of agreements, newest first; documented ones included."""
    visitor(request)
    page = paginate(_public(), cursor, by="created_at")
    return {"items": [_out(row) for row in page.rows], "next": page.next, "previous": page.previous}


@router.get(
    "/agreements/{sha256}",
    response={200: AgreementOut, **OF_RECORD},
    operation_id="find_agreement",
    summary="Find an agreement by its hash",
)
def agreement(request: HttpRequest, sha256: Sha256) -> Any:
    """The sealed agreement whose document has this SHA-256."""
    return _out(get_object_or_404(_public(), sealed_document__sha256=sha256))
