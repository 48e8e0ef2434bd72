"""From what happened to what is to be told: a message once, a delivery for each address that wants it.

The ledger is read from where the cursor stands, and the cursor moves in the transaction of its effects.
Released days and quarantined rows are no news for people, so they stand in no ledger; a look back over the
latest ones finds them, and their messages' ids, made from what they tell, keep them single.
"""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, Sum
from django.db.models.functions import TruncHour
from django.utils import timezone

from balai.core.models import Cursor, Entry, HealthRecord
from balai.core.notifications import AWAY
from balai.observations.models import ContractState, DataContract, DataKey, Quarantined, Receipt, ReleasedDay
from balai.observations.webhooks import events
from balai.observations.webhooks.models import DeliveryState, Webhook, WebhookDelivery, WebhookMessage
from balai.observations.webhooks.of_data import QUARANTINED, RELEASED, ends_of

LOG = logging.getLogger(__name__)
CURSOR = "webhooks"
AT_ONCE = 500
PATIENCE = timedelta(minutes=10)
"""How long an hour waits for batches that are not accounted yet."""
LOOK_BACK = timedelta(hours=6)
REASONS = 10


@dataclass(frozen=True, slots=True)
class News:
    """A message and the addresses it goes to."""

    message: WebhookMessage
    webhooks: tuple[Webhook, ...]


def number_of(source: str) -> str:
    """The id of the message about something: the same however often it is made."""
    return f"msg_{hashlib.sha256(source.encode()).hexdigest()[:32]}"


def spread(limit: int = AT_ONCE) -> int:
    """Turn the next entries of the ledger into deliveries; return how many entries were read."""
    cursor, _made = Cursor.objects.get_or_create(name=CURSOR)
    last = Entry.objects.filter(seq__gt=cursor.seq).aggregate(last=Max("seq"))["last"]
    if last is None:
        return 0
    entries: list[Entry] = []
    if Webhook.objects.exists():
        told = Entry.objects.filter(seq__gt=cursor.seq, seq__lte=last, verb__in=events.from_ledger())
        entries = list(told.order_by("seq")[:limit])
        if len(entries) == limit:
            last = entries[-1].seq
    news = [found for entry in entries if (found := _of_entry(entry)) is not None]
    with transaction.atomic():
        if not Cursor.objects.filter(pk=CURSOR, seq=cursor.seq).update(seq=last):
            return 0
        queue(news)
    return int(last - cursor.seq)


def _of_entry(entry: Entry) -> News | None:
    wanting = _wanting(entry.verb, entry.city, after=entry.seq)
    if not wanting:
        return None
    try:
        told = events.receivers(entry)
        webhooks = tuple(webhook for webhook in wanting if webhook.organisation_id in told)
        if not webhooks:
            return None
        body = events.body_of(entry)
    except AWAY:
        raise
    except Exception:
        # One entry that cannot be told must not stop the news of everybody.
        LOG.exception("no webhook was told of entry %d", entry.seq)
        note = f"entry {entry.seq} ({entry.verb})"
        HealthRecord.objects.update_or_create(
            name=CURSOR, defaults={"at": timezone.now(), "ok": False, "note": note}
        )
        return None
    message = WebhookMessage(
        id=number_of(f"entry:{entry.hash}"),
        type=entry.verb,
        city_id=entry.city,
        at=entry.at,
        body=body,
        entry=entry.seq,
        made_at=timezone.now(),
    )
    return News(message, webhooks)


def _wanting(name: str, city: str, *, after: int | None = None) -> list[Webhook]:
    rows = Webhook.objects.filter(city=city, organisation__active=True)
    if after is not None:
        rows = rows.filter(after__lt=after)
    return [row for row in rows if name in row.events]


def queue(news: Iterable[News]) -> None:
    """Keep the messages, and a delivery for each address; what is there already stays as it is."""
    news = list(news)
    now = timezone.now()
    WebhookMessage.objects.bulk_create([one.message for one in news], ignore_conflicts=True)
    WebhookDelivery.objects.bulk_create(
        [
            WebhookDelivery(
                webhook=webhook,
                message_id=one.message.pk,
                state=DeliveryState.WAITING,
                next_at=now,
                made_at=now,
            )
            for one in news
            for webhook in one.webhooks
        ],
        ignore_conflicts=True,
    )


def gather(now: datetime | None = None) -> int:
    """Tell of days released and rows quarantined lately; return how many messages that are new."""
    now = now or timezone.now()
    news = [*_released(now), *_quarantined(now)]
    known = set(
        WebhookMessage.objects.filter(pk__in=[one.message.pk for one in news]).values_list("pk", flat=True)
    )
    fresh = [one for one in news if one.message.pk not in known]
    with transaction.atomic():
        queue(fresh)
    return len(fresh)


def _released(now: datetime) -> list[News]:
    days = list(ReleasedDay.objects.filter(made_at__gt=now - LOOK_BACK).defer("atoms", "files"))
    contracts = _contracts(day.contract for day in days)
    news = []
    for day in days:
        contract = contracts.get(day.contract)
        if contract is None:
            continue
        data = {"version": day.version, "day": day.day, "k": day.k, "sha256": day.sha256}
        news += _about(RELEASED, contract, day.made_at, f"released:{day.table}:{day.day}", data)
    return news


def _quarantined(now: datetime) -> list[News]:
    """The hours that have ended and had their time, each contract's for itself; sandbox keys left out."""
    until = (now - PATIENCE).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    since = until - LOOK_BACK
    rows = list(
        Receipt.objects.filter(received_at__gte=since, received_at__lt=until, sandbox=False)
        .annotate(hour=TruncHour("received_at", tzinfo=UTC))
        .values("contract", "version", "hour")
        .annotate(received=Sum("received"), quarantined=Sum("quarantined"))
        .filter(quarantined__gt=0)
        .order_by("hour", "contract", "version")
    )
    contracts = _contracts(row["contract"] for row in rows)
    news = []
    for row in rows:
        contract = contracts.get(row["contract"])
        if contract is None or not _wanting(QUARANTINED, contract.city_id):
            continue
        hour: datetime = row["hour"]
        data = {
            "version": row["version"],
            "from": hour.isoformat(),
            "until": (hour + timedelta(hours=1)).isoformat(),
            "received": row["received"],
            "quarantined": row["quarantined"],
            "reasons": _reasons(row["contract"], row["version"], hour),
        }
        source = f"quarantined:{row['contract']}:{row['version']}:{hour.isoformat()}"
        news += _about(QUARANTINED, contract, hour + timedelta(hours=1), source, data)
    return news


def _reasons(contract: str, version: str, hour: datetime) -> list[dict[str, object]]:
    """The most frequent reasons, which repeat no value that was sent."""
    live = DataKey.objects.filter(contract=contract, sandbox=False).values("pk")
    rows = Quarantined.objects.filter(
        contract=contract,
        version=version,
        key__in=live,
        received_at__gte=hour,
        received_at__lt=hour + timedelta(hours=1),
    )
    counted = rows.values_list("pointer", "reason").annotate(rows=Count("pk")).order_by("-rows", "pointer")
    return [{"pointer": pointer, "reason": why, "rows": many} for pointer, why, many in counted[:REASONS]]


def _contracts(names: Iterable[str]) -> dict[str, DataContract]:
    found: dict[str, DataContract] = {}
    rows = DataContract.objects.filter(contract__in=set(names)).exclude(state=ContractState.DRAFT)
    for row in rows.defer("document"):
        found.setdefault(row.contract, row)
    return found


def _about(
    name: str, contract: DataContract, at: datetime, source: str, data: dict[str, object]
) -> list[News]:
    ends: set[UUID] | None = None
    webhooks = []
    for webhook in _wanting(name, contract.city_id):
        ends = ends_of(contract) if ends is None else ends
        if webhook.organisation_id in ends and webhook.created_at <= at:
            webhooks.append(webhook)
    if not webhooks:
        return []
    whole: dict[str, object] = {"city": contract.city_id, "subject": f"data-contract:{contract.contract}"}
    whole |= {"contract": contract.contract, "simulated": contract.invented} | data
    message = WebhookMessage(
        id=number_of(source),
        type=name,
        city_id=contract.city_id,
        at=at,
        body=events.body(name, at, whole),
        made_at=timezone.now(),
    )
    return [News(message, tuple(webhooks))]
