"""An organisation's webhooks and what became of their messages."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count, Max, Prefetch, QuerySet

from balai.observations.webhooks.models import (
    DeliveryState,
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
)
from balai.observations.webhooks.rules import KINDS, roles_of
from balai.people.models import Organisation
from balai.people.rules import Reader, is_person


def kept_by(user: Reader) -> list[Organisation]:
    """The organisations whose webhooks the person keeps, by name."""
    if not is_person(user):
        return []
    found = {
        hat.organisation_id: hat.organisation
        for hat in user.hats
        if hat.organisation.kind in KINDS and hat.role in roles_of(hat.organisation)
    }
    return sorted(found.values(), key=lambda organisation: organisation.name)


def standing_of(webhooks: Iterable[Webhook]) -> dict[UUID, dict[str, int]]:
    """How many deliveries of each address stand how; one query."""
    found: dict[UUID, dict[str, int]] = defaultdict(lambda: dict.fromkeys(DeliveryState.values, 0))
    rows = WebhookDelivery.objects.filter(webhook__in=list(webhooks)).order_by()
    for pk, state, many in rows.values_list("webhook", "state").annotate(many=Count("pk")):
        found[pk][state] = many
    return found


def deliveries_of(webhook: Webhook, state: str = "") -> QuerySet[WebhookDelivery]:
    """With message, number of attempts and the latest of them; for `core.pagination` by ``made_at``."""
    rows = webhook.deliveries.select_related("message").annotate(
        made=Count("attempts"), last_at=Max("attempts__at")
    )
    return rows.filter(state=state) if state in DeliveryState.values else rows


def with_attempts(rows: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
    """Each with all its attempts, newest first; one query more."""
    newest = WebhookAttempt.objects.order_by("-at", "-pk")
    return rows.prefetch_related(Prefetch("attempts", newest))
