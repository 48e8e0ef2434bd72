"""Partners, the caller, what waits for them and what they were told; the end of the ledger."""

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from balai.api.doors import OF_PERSON, OF_PUBLIC, Cursor, Door, visitor
from balai.collaborations.queries import awaiting
from balai.core.models import LedgerHead, Notification
from balai.core.pagination import paginate
from balai.core.verbs import label_of
from balai.people.models import Organisation, OrganisationKind

router = Router(tags=["people"], auth=Door("people"))


class PartnerOut(Schema):
    slug: str
    name: str
    about: str
    about_en: str
    website: str
    source: str
    source_url: str
    source_date: date | None
    invented: bool


class Seat(Schema):
    organisation: str
    role: str


class Waiting(Schema):
    reference: str
    title: str
    stage: str
    due_on: date | None


class Me(Schema):
    name: str
    language: str
    seats: list[Seat]
    waiting: list[Waiting]


class Told(Schema):
    id: int
    at: datetime
    kind: str
    thread: str
    verb: str
    said: str
    read: bool


class ToldPage(Schema):
    items: list[Told]
    next: str | None
    previous: str | None


class Head(Schema):
    seq: int
    hash: str


@router.get(
    "/partners",
    response={200: list[PartnerOut], **OF_PUBLIC},
    operation_id="list_partners",
    summary="List partners",
)
def partners(request: HttpRequest) -> Any:
    """Companies in the public directory, with the source of what is said of them."""
    rows = Organisation.objects.filter(kind=OrganisationKind.COMPANY, listed=True, active=True)
    return list(rows)


@router.get(
    "/me",
    response={200: Me, **OF_PERSON},
    operation_id="get_me",
    summary="Read the caller",
)
def me(request: HttpRequest) -> Any:
    """The caller, in which seats, and the collaborations whose turn is theirs."""
    person = visitor(request).person
    return {
        "name": person.get_full_name(),
        "language": person.language,
        "seats": [{"organisation": hat.organisation.slug, "role": hat.role} for hat in person.hats],
        "waiting": [
            {"reference": c.reference, "title": c.title, "stage": c.stage, "due_on": c.due_on}
            for c in awaiting(person)[:100]
        ],
    }


@router.get(
    "/me/notifications",
    response={200: ToldPage, **OF_PERSON},
    operation_id="list_notifications",
    summary="List notifications",
)
def notifications(request: HttpRequest, cursor: Cursor = None) -> Any:
    """What the caller was told in the hub, newest first."""
    person = visitor(request).person
    page = paginate(Notification.objects.filter(user=person, in_hub=True), cursor, by="at")
    items = [
        {
            "id": row.pk,
            "at": row.at,
            "kind": row.kind,
            "thread": row.thread,
            "verb": row.verb,
            "said": str(label_of(row.verb)),
            "read": row.read_at is not None,
        }
        for row in page.rows
    ]
    return {"items": items, "next": page.next, "previous": page.previous}


@router.get(
    "/ledger/head",
    response={200: Head, **OF_PUBLIC},
    operation_id="get_ledger_head",
    summary="Read the end of the ledger",
)
def head(request: HttpRequest) -> Any:
    """Where the chain ends. Whoever keeps an old end can prove nothing before it was rewritten."""
    return LedgerHead.objects.get()
