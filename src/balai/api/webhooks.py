"""Webhooks of the caller's organisations: addresses, secrets, and the log of deliveries."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Router, Schema, Status
from pydantic import AwareDatetime, Field

from balai.api.doors import OF_PERSON, OF_PRIVATE, OF_PUBLIC, OF_WRITE, Cursor, Door, visitor
from balai.core.pagination import paginate
from balai.core.rules import require
from balai.observations.webhooks import actions, events, rules, signing
from balai.observations.webhooks.models import DeliveryState, Scheme, Webhook, WebhookDelivery
from balai.observations.webhooks.queries import deliveries_of, kept_by, with_attempts
from balai.people.models import City, Organisation
from balai.people.organisations import is_member

router = Router(tags=["webhooks"], auth=Door("observations"))

PLAIN = (
    *("id", "url", "events", "scheme", "paused_at", "disabled_at", "disabled_reason", "failures"),
    *("failing_since", "rest_until", "created_at"),
)

type Names = Annotated[list[Annotated[str, Field(max_length=60)]], Field(min_length=1, max_length=100)]
type Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
type State = Literal["waiting", "delivered", "failed"]


class EventTypeOut(Schema):
    """``fields`` stand in ``data`` beside city, subject, thread and url."""

    name: str
    label: str
    fields: list[str]


class WebhookOut(Schema):
    """``public_key`` is empty for a shared secret; ``old_until`` is when a replaced one stops to sign."""

    id: UUID
    organisation: str
    city: str
    url: str
    events: list[str]
    scheme: str
    public_key: str
    old_until: datetime | None
    paused_at: datetime | None
    disabled_at: datetime | None
    disabled_reason: str
    failures: int
    failing_since: datetime | None
    rest_until: datetime | None
    created_at: datetime


class WebhookMade(Schema):
    """``key`` verifies: a shared secret (whsec_…), told this once, or a public key (whpk_…)."""

    webhook: WebhookOut
    key: str


class WebhookIn(Schema):
    organisation: Annotated[str, Field(max_length=80)]
    url: Annotated[str, Field(max_length=1000)]
    events: Names
    scheme: Literal["v1", "v1a"] = "v1"


class WebhookChange(Schema):
    url: Annotated[str, Field(max_length=1000)] | None = None
    events: Names | None = None


class AttemptOut(Schema):
    at: datetime
    status: int | None
    fault: str
    milliseconds: int
    excerpt: str


class DeliveryOut(Schema):
    """``message`` is the webhook-id; ``next_at`` is null unless it waits."""

    id: int
    message: str
    type: str
    state: str
    attempts: int
    made_at: datetime
    ended_at: datetime | None
    next_at: datetime | None


class DeliveryWhole(DeliveryOut):
    body: dict[str, Any]
    log: list[AttemptOut]


class Deliveries(Schema):
    items: list[DeliveryOut]
    next: str | None
    previous: str | None


class AgainIn(Schema):
    since: AwareDatetime | None = None


class Again(Schema):
    deliveries: int


class Removed(Schema):
    id: UUID


@router.get(
    "/data/webhook-events",
    response={200: list[EventTypeOut], **OF_PUBLIC},
    operation_id="list_webhook_events",
    summary="List what webhooks can tell",
)
def event_types(request: HttpRequest) -> Any:
    """Every kind of news, and the fields its messages have."""
    return [
        {"name": one.name, "label": str(one.label), "fields": list(one.fields)}
        for one in events.registered().values()
    ]


@router.get(
    "/data/webhooks",
    response={200: list[WebhookOut], **OF_PERSON},
    operation_id="list_webhooks",
    summary="List the webhooks you keep",
)
def list_webhooks(request: HttpRequest) -> Any:
    """Of every organisation whose webhooks the caller keeps."""
    organisations = kept_by(visitor(request).person)
    rows = Webhook.objects.filter(organisation__in=organisations).select_related("organisation")
    return [_webhook(row) for row in rows]


@router.post(
    "/data/webhooks",
    response={201: WebhookMade, **OF_WRITE},
    operation_id="add_webhook",
    summary="Add a webhook",
)
def add(request: HttpRequest, body: WebhookIn) -> Any:
    """From now on the address is told; at most ten of an organisation."""
    person = visitor(request).person
    organisation = Organisation.objects.filter(slug=body.organisation, active=True).first()
    if organisation is None or not is_member(person, organisation):
        raise Http404
    own = organisation.city_id if organisation.kind == "agency" else None
    city = City.objects.filter(pk=own or settings.DEFAULT_CITY).first()
    if city is None:
        raise Http404
    webhook, told = actions.add_webhook(
        by=person,
        city=city,
        organisation=organisation,
        url=body.url,
        chosen=body.events,
        scheme=Scheme(body.scheme),
    )
    return Status(201, {"webhook": _webhook(webhook), "key": told})


@router.get(
    "/data/webhooks/{webhook}",
    response={200: WebhookOut, **OF_PRIVATE},
    operation_id="get_webhook",
    summary="Read a webhook",
)
def get(request: HttpRequest, webhook: UUID) -> Any:
    """Its address, what it is told, and how it fares."""
    return _webhook(_own(request, webhook))


@router.patch(
    "/data/webhooks/{webhook}",
    response={200: WebhookOut, **OF_WRITE},
    operation_id="change_webhook",
    summary="Change a webhook",
)
def change(request: HttpRequest, webhook: UUID, body: WebhookChange) -> Any:
    """Another address or other kinds of news; what is left out stays."""
    row = _own(request, webhook)
    return _webhook(
        actions.change_webhook(by=visitor(request).person, webhook=row, url=body.url, chosen=body.events)
    )


@router.delete(
    "/data/webhooks/{webhook}",
    response={200: Removed, **OF_WRITE},
    operation_id="remove_webhook",
    summary="Remove a webhook with its log",
)
def remove(request: HttpRequest, webhook: UUID) -> Any:
    """What waits is not delivered."""
    actions.remove_webhook(by=visitor(request).person, webhook=_own(request, webhook))
    return {"id": webhook}


@router.post(
    "/data/webhooks/{webhook}/rotate",
    response={201: WebhookMade, **OF_WRITE},
    operation_id="rotate_webhook_secret",
    summary="Replace a webhook's secret; the old one signs a day longer",
)
def rotate(request: HttpRequest, webhook: UUID) -> Any:
    """The new shared secret is told this once."""
    row, told = actions.rotate_secret(by=visitor(request).person, webhook=_own(request, webhook))
    return Status(201, {"webhook": _webhook(row), "key": told})


@router.post(
    "/data/webhooks/{webhook}/pause",
    response={200: WebhookOut, **OF_WRITE},
    operation_id="pause_webhook",
    summary="Pause a webhook",
)
def pause(request: HttpRequest, webhook: UUID) -> Any:
    """What happens meanwhile waits for up to 30 days."""
    return _webhook(actions.pause_webhook(by=visitor(request).person, webhook=_own(request, webhook)))


@router.post(
    "/data/webhooks/{webhook}/resume",
    response={200: WebhookOut, **OF_WRITE},
    operation_id="resume_webhook",
    summary="Let a paused or disabled webhook go on",
)
def resume(request: HttpRequest, webhook: UUID) -> Any:
    """With what waited."""
    return _webhook(actions.resume_webhook(by=visitor(request).person, webhook=_own(request, webhook)))


@router.post(
    "/data/webhooks/{webhook}/test",
    response={201: DeliveryOut, **OF_WRITE},
    operation_id="test_webhook",
    summary="Send a test message",
)
def test(request: HttpRequest, webhook: UUID) -> Any:
    """It is queued; its delivery says what came of it."""
    made = actions.send_test(by=visitor(request).person, webhook=_own(request, webhook))
    return Status(201, _delivery(_find(made.webhook, made.pk)))


@router.get(
    "/data/webhooks/{webhook}/deliveries",
    response={200: Deliveries, **OF_PRIVATE},
    operation_id="list_webhook_deliveries",
    summary="List a webhook's deliveries",
)
def deliveries(request: HttpRequest, webhook: UUID, state: State | None = None, cursor: Cursor = None) -> Any:
    """Newest first, of the last 30 days."""
    page = paginate(deliveries_of(_own(request, webhook), state or ""), cursor, by="made_at", size=50)
    return {"items": [_delivery(row) for row in page.rows], "next": page.next, "previous": page.previous}


@router.get(
    "/data/webhooks/{webhook}/deliveries/{delivery}",
    response={200: DeliveryWhole, **OF_PRIVATE},
    operation_id="get_webhook_delivery",
    summary="Read a delivery with its message and attempts",
)
def delivery(request: HttpRequest, webhook: UUID, delivery: Number) -> Any:
    """The message as it is sent, and every attempt."""
    row = _find(_own(request, webhook), delivery)
    log = [
        {
            "at": attempt.at,
            "status": attempt.status,
            "fault": attempt.fault,
            "milliseconds": attempt.milliseconds,
            "excerpt": attempt.excerpt,
        }
        for attempt in row.attempts.all()
    ]
    return _delivery(row) | {"body": json.loads(row.message.body), "log": log}


@router.post(
    "/data/webhooks/{webhook}/deliveries/{delivery}/redeliver",
    response={200: DeliveryOut, **OF_WRITE},
    operation_id="redeliver_webhook_message",
    summary="Send a message again",
)
def again(request: HttpRequest, webhook: UUID, delivery: Number) -> Any:
    """Under the same webhook-id, with a fresh round of attempts."""
    row = _find(_own(request, webhook), delivery)
    actions.redeliver(by=visitor(request).person, delivery=row)
    return _delivery(_find(row.webhook, row.pk))


@router.post(
    "/data/webhooks/{webhook}/redeliver",
    response={200: Again, **OF_WRITE},
    operation_id="redeliver_failed_webhook_messages",
    summary="Send again what was given up",
)
def all_again(request: HttpRequest, webhook: UUID, body: AgainIn) -> Any:
    """All of it, or what was made since a moment."""
    many = actions.redeliver_failed(
        by=visitor(request).person, webhook=_own(request, webhook), since=body.since
    )
    return {"deliveries": many}


def _own(request: HttpRequest, pk: UUID) -> Webhook:
    """The webhook, for those who keep it; for who has no seat in its organisation it is not there."""
    person = visitor(request).person
    row = Webhook.objects.select_related("organisation", "city").filter(pk=pk).first()
    if row is None or not is_member(person, row.organisation):
        raise Http404
    require(rules.may_keep(person, row.organisation))
    return row


def _find(webhook: Webhook, number: int) -> WebhookDelivery:
    row = with_attempts(deliveries_of(webhook)).filter(pk=number).first()
    if row is None:
        raise Http404
    return row


def _webhook(row: Webhook) -> dict[str, Any]:
    signs = row.old_until is not None and row.old_until > timezone.now()
    return {name: getattr(row, name) for name in PLAIN} | {
        "organisation": row.organisation.slug,
        "city": row.city_id,
        "public_key": signing.public_key(row),
        "old_until": row.old_until if signs else None,
    }


def _delivery(row: WebhookDelivery) -> dict[str, Any]:
    return {
        "id": row.pk,
        "message": row.message_id,
        "type": row.message.type,
        "state": row.state,
        "attempts": getattr(row, "made", 0),
        "made_at": row.made_at,
        "ended_at": row.ended_at,
        "next_at": row.next_at if row.state == DeliveryState.WAITING else None,
    }
