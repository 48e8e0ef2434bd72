"""Taking deliveries out: one at a time to each address, many addresses side by side, no address in the way.

An address is claimed by one conditional update, so of all workers one sends to it, oldest news first. The
claim runs out by itself: what a killed worker had begun is sent again under the same webhook-id.

An address that fails rests, longer each time, and is tried beside the others on a lane of its own, so that
however many are down the rest wait for none of them.
"""

import logging
import random
import secrets
import threading
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from balai.core import ledger
from balai.observations.webhooks import outbox, signing
from balai.observations.webhooks.addresses import Resolve, from_system
from balai.observations.webhooks.client import Answer, post
from balai.observations.webhooks.models import (
    DeliveryState,
    DisabledReason,
    Fault,
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
)

LOG = logging.getLogger(__name__)

SCHEDULE = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
"""The waits between the attempts of one delivery, as the standard proposes; after the last it is given up."""
JITTER = 0.2
FIRST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(minutes=10)
CLAIM = timedelta(minutes=2)
"""Longer than any attempt can take, name look-up included."""
WARN_AFTER, DISABLE_AFTER = timedelta(days=1), timedelta(days=5)
FEWEST_FAILURES = 5
"""An address is not given up for the few attempts of a quiet week."""
SLOW = 3000
"""Milliseconds from which an answer counts as slow."""
IN_A_ROW, AT_A_STRETCH = 20, timedelta(seconds=10)
GONE, BUSY = 410, (429, 502, 503, 504)


def wait_after(tries: int, retry_after: float = 0.0) -> timedelta | None:
    """How long until the next attempt after ``tries`` of them; None where it was the last."""
    if tries > len(SCHEDULE):
        return None
    spread = 1 + JITTER * random.random()  # noqa: S311
    return max(SCHEDULE[tries - 1] * spread, timedelta(seconds=retry_after))


def rest_after(failures: int, retry_after: float = 0.0) -> timedelta:
    """How long an address rests after ``failures`` in a row."""
    spread = 1 + JITTER * random.random()  # noqa: S311
    rest = min(FIRST_REST * (1 << min(failures - 1, 20)), LONGEST_REST)
    return max(rest * spread, timedelta(seconds=retry_after))


def due(now: datetime) -> QuerySet[Webhook]:
    """The addresses to which something can go out now, those first that waited longest for their turn."""
    waiting = WebhookDelivery.objects.filter(
        webhook=OuterRef("pk"), state=DeliveryState.WAITING, next_at__lte=now
    )
    rows = Webhook.objects.filter(
        Q(rest_until=None) | Q(rest_until__lte=now),
        Q(claimed_until=None) | Q(claimed_until__lte=now),
        Exists(waiting),
        paused_at=None,
        disabled_at=None,
        organisation__active=True,
    )
    return rows.order_by(F("served_at").asc(nulls_first=True), "pk")


def claim(pk: UUID) -> Webhook | None:
    """The address, now this caller's alone; None where another has it or nothing can go out."""
    now, mine = timezone.now(), secrets.token_hex(16)
    if not due(now).filter(pk=pk).exists():
        return None
    free = Webhook.objects.filter(Q(claimed_until=None) | Q(claimed_until__lte=now), pk=pk)
    if not free.update(claim=mine, claimed_until=now + CLAIM):
        return None
    return Webhook.objects.filter(pk=pk, claim=mine).first()


def serve(pk: UUID, *, resolve: Resolve = from_system) -> int:
    """Send what is due to one address, until it fails or had its turn; return how many attempts were made."""
    webhook = claim(pk)
    if webhook is None:
        return 0
    begun, made = timezone.now(), 0
    while made < IN_A_ROW and timezone.now() - begun < AT_A_STRETCH:
        now = timezone.now()
        delivery = (
            WebhookDelivery.objects.filter(webhook=pk, state=DeliveryState.WAITING, next_at__lte=now)
            .select_related("message")
            .order_by("pk")
            .first()
        )
        if delivery is None:
            break
        made += 1
        if not note(webhook, delivery, attempt(webhook, delivery, resolve=resolve)):
            break
        mine = Webhook.objects.filter(pk=pk, claim=webhook.claim, paused_at=None, disabled_at=None)
        if not mine.update(claimed_until=timezone.now() + CLAIM):
            break
        webhook.refresh_from_db()
    Webhook.objects.filter(pk=pk, claim=webhook.claim).update(claim="", claimed_until=None)
    return made


def attempt(webhook: Webhook, delivery: WebhookDelivery, *, resolve: Resolve = from_system) -> Answer:
    """One request with the delivery's message; nothing is written."""
    body = delivery.message.body.encode()
    try:
        headers = signing.headers(webhook, delivery.message_id, body, timezone.now())
    except ValueError:
        return Answer(None, Fault.SECRET.value, 0)
    return post(webhook.url, body, headers, resolve=resolve)


def note(webhook: Webhook, delivery: WebhookDelivery, answer: Answer) -> bool:
    """Write down what came of an attempt; return whether it was delivered."""
    now = timezone.now()
    with transaction.atomic():
        row = locked(webhook.pk)
        now_so = WebhookDelivery.objects.select_for_update().filter(pk=delivery.pk).first()
        if row is None or now_so is None:
            return False  # removed meanwhile
        WebhookAttempt.objects.create(
            delivery=delivery,
            at=now,
            status=answer.status,
            fault=answer.fault,
            milliseconds=answer.milliseconds,
            excerpt=answer.excerpt,
        )
        if not answer.fault:
            _succeeded(webhook, delivery, answer, now)
        else:
            _failed(row, now_so, answer, now)
    return not answer.fault


def _succeeded(webhook: Webhook, delivery: WebhookDelivery, answer: Answer, now: datetime) -> None:
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=DeliveryState.DELIVERED, tries=F("tries") + 1, ended_at=now
    )
    Webhook.objects.filter(pk=webhook.pk).update(
        failures=0,
        failing_since=None,
        warned_at=None,
        rest_until=None,
        served_at=now,
        slow=answer.milliseconds > SLOW,
    )


def _failed(row: Webhook, delivery: WebhookDelivery, answer: Answer, now: datetime) -> None:
    gone = answer.status == GONE
    wait = None if gone else wait_after(delivery.tries + 1, answer.retry_after)
    ended = {"state": DeliveryState.FAILED, "ended_at": now} if wait is None else {"next_at": now + wait}
    WebhookDelivery.objects.filter(pk=delivery.pk, state=DeliveryState.WAITING).update(
        tries=F("tries") + 1, **ended
    )
    busy = answer.retry_after if answer.status in BUSY else 0.0
    row.failures += 1
    row.failing_since = row.failing_since or now
    row.rest_until = now + rest_after(row.failures, busy)
    row.served_at, row.slow = now, answer.milliseconds > SLOW
    failing = now - row.failing_since
    reason = ""
    if gone:
        reason = DisabledReason.GONE
    elif failing >= DISABLE_AFTER and row.failures >= FEWEST_FAILURES:
        reason = DisabledReason.FAILING
    changed = ["failures", "failing_since", "rest_until", "served_at", "slow"]
    if reason and row.disabled_at is None:
        row.disabled_at, row.disabled_reason = now, reason
        changed += ["disabled_at", "disabled_reason"]
        _tell("webhook.disabled", row, reason=reason)
    elif failing >= WARN_AFTER and row.warned_at is None:
        row.warned_at = now
        changed.append("warned_at")
        _tell("webhook.failing", row, since=row.failing_since)
    row.save(update_fields=changed)


def locked(pk: UUID) -> Webhook | None:
    """The address, held until the transaction ends; None where it was removed.

    Whoever writes to deliveries holds their address first, so that no two wait for each other. What comes
    in anew is not kept waiting.
    """
    return Webhook.objects.select_for_update(no_key=True).filter(pk=pk).first()


def _tell(verb: str, webhook: Webhook, **facts: object) -> None:
    ledger.append(
        verb=verb,
        subject=f"webhook:{webhook.pk}",
        thread=f"organisation:{webhook.organisation_id}",
        by=None,
        city=webhook.city_id,
        data=facts,
    )


class Post:
    """Two lanes of threads: one for addresses in good health, one for those that fail, lag or are new."""

    def __init__(self, *, fast: int = 16, careful: int = 8, resolve: Resolve = from_system) -> None:
        self._free = {"fast": fast, "careful": careful}
        self._resolve = resolve
        self._lock = threading.Lock()
        self._busy: dict[UUID, str] = {}

    def round(self) -> int:
        """Bring the outbox up to date and start what is due; return how many addresses were begun.

        Waits for nobody: what is under way goes on beside.
        """
        while outbox.spread():
            pass
        return self.start()

    def start(self) -> int:
        """Start what is due, as far as the lanes are free."""
        begun = 0
        for lane in self._free:
            with self._lock:
                busy = list(self._busy)
                room = self._free[lane] - sum(name == lane for name in self._busy.values())
            if room < 1:
                continue
            sound = Q(failures=0, slow=False, served_at__isnull=False)
            rows = due(timezone.now()).filter(sound if lane == "fast" else ~sound).exclude(pk__in=busy)
            for pk in list(rows.values_list("pk", flat=True)[:room]):
                with self._lock:
                    self._busy[pk] = lane
                threading.Thread(target=self._serve, args=(pk,), name="webhook", daemon=True).start()
                begun += 1
        return begun

    def idle(self) -> bool:
        """Whether nothing is under way."""
        with self._lock:
            return not self._busy

    def _serve(self, pk: UUID) -> None:
        try:
            serve(pk, resolve=self._resolve)
        except Exception:
            LOG.exception("webhook %s could not be served; it is tried again", pk)
        finally:
            connections.close_all()
            with self._lock:
                self._busy.pop(pk, None)


POST = Post()
