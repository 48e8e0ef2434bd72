"""Webhooks added, changed, paused and removed; secrets replaced; news sent again."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.core import ledger
from balai.core.errors import Invalid, Refused, Stale
from balai.core.rules import require
from balai.observations.webhooks import events, outbox, rules, sending, signing
from balai.observations.webhooks.addresses import Resolve, check, from_system, read
from balai.observations.webhooks.models import (
    DeliveryState,
    Scheme,
    Webhook,
    WebhookDelivery,
    WebhookMessage,
)
from balai.people.models import City, Organisation, User
from balai.people.rules import hats_in

MOST = 10
"""Addresses an organisation may have for a city."""
OVERLAP = timedelta(hours=24)
"""How long a replaced secret signs beside the new one."""
TESTS_PER_HOUR = 60


def add_webhook(
    *,
    by: User,
    city: City,
    organisation: Organisation,
    url: str,
    chosen: Collection[str],
    scheme: str = Scheme.SHARED,
    resolve: Resolve = from_system,
) -> tuple[Webhook, str]:
    """Tell an address of what happens from now on; return it and what its receiver needs to verify.

    A shared secret is told this once. An agency hears of its own city only. Raises Refused, Invalid.
    """
    require(rules.may_keep(by, organisation))
    if organisation.city_id is not None and organisation.kind == "agency" and organisation.city_id != city.pk:
        raise Refused(_("An agency hears of its own city only."))
    names = _chosen(chosen)
    if scheme not in Scheme.values:
        raise Invalid(_("Choose how messages are signed."), {"scheme": [_("Choose one of the two.")]})
    check(url, resolve)
    key = signing.new_key()
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        if Webhook.objects.filter(organisation=organisation, city=city).count() >= MOST:
            raise Invalid(_("There are %(most)s webhooks already; remove one first.") % {"most": MOST})
        _free(organisation, city, url)
        webhook = Webhook(
            city=city,
            organisation=organisation,
            url=url,
            events=names,
            scheme=scheme,
            sealed=signing.seal(key),
            after=0,
        )
        entry = _note("webhook.added", webhook, by, host=read(url).host, events=names)
        webhook.after = entry.seq
        webhook.save(force_insert=True)
    return webhook, signing.told(scheme, key)


def change_webhook(
    *,
    by: User,
    webhook: Webhook,
    url: str | None = None,
    chosen: Collection[str] | None = None,
    resolve: Resolve = from_system,
) -> Webhook:
    """Another address or other kinds of news; what waits goes to the new address. Raises Refused, Invalid."""
    require(rules.may_keep(by, webhook.organisation))
    values: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    if chosen is not None and (names := _chosen(chosen)) != webhook.events:
        values["events"] = facts["events"] = names
    if url is not None and url != webhook.url:
        check(url, resolve)
        facts["host"] = read(url).host
        values |= {"url": url, "rest_until": None, "failures": 0, "failing_since": None, "warned_at": None}
    if values:
        with transaction.atomic():
            Organisation.objects.select_for_update().get(pk=webhook.organisation_id)
            if url is not None and url != webhook.url:
                _free(webhook.organisation, webhook.city, url)
            _update(webhook, **values)
            _note("webhook.changed", webhook, by, **facts)
        webhook.refresh_from_db()
    return webhook


def rotate_secret(*, by: User, webhook: Webhook) -> tuple[Webhook, str]:
    """A new key; for a day both sign, so that a receiver misses nothing. Raises Refused, Stale.

    Returns the address and what its receiver needs to verify, which for a shared secret is told this once.
    """
    require(rules.may_keep(by, webhook.organisation))
    key, before = signing.new_key(), bytes(webhook.sealed)
    with transaction.atomic():
        same = Webhook.objects.filter(pk=webhook.pk, sealed=before)
        changed = same.update(sealed=signing.seal(key), old_sealed=before, old_until=timezone.now() + OVERLAP)
        if not changed:
            raise Stale(_("Somebody else replaced the secret meanwhile, or removed the webhook."))
        _note("webhook.rotated", webhook, by)
    webhook.refresh_from_db()
    return webhook, signing.told(webhook.scheme, key)


def pause_webhook(*, by: User, webhook: Webhook) -> Webhook:
    """Let news wait. Raises Refused, Stale."""
    require(rules.may_keep(by, webhook.organisation))
    with transaction.atomic():
        if not Webhook.objects.filter(pk=webhook.pk, paused_at=None).update(paused_at=timezone.now()):
            raise Stale(_("This webhook is paused already."))
        _note("webhook.paused", webhook, by)
    webhook.refresh_from_db()
    return webhook


def resume_webhook(*, by: User, webhook: Webhook) -> Webhook:
    """Let a paused or disabled webhook go on, with what waited. Raises Refused, Stale."""
    require(rules.may_keep(by, webhook.organisation))
    with transaction.atomic():
        still = Webhook.objects.filter(pk=webhook.pk).exclude(paused_at=None, disabled_at=None)
        changed = still.update(
            paused_at=None,
            disabled_at=None,
            disabled_reason="",
            failures=0,
            failing_since=None,
            warned_at=None,
            rest_until=None,
        )
        if not changed:
            raise Stale(_("This webhook is at work already."))
        WebhookDelivery.objects.filter(webhook=webhook, state=DeliveryState.WAITING).update(
            next_at=timezone.now()
        )
        _note("webhook.resumed", webhook, by)
    webhook.refresh_from_db()
    return webhook


def remove_webhook(*, by: User, webhook: Webhook) -> None:
    """Forget an address with its secret and its log; the ledger keeps that it was there. Raises Refused."""
    require(rules.may_keep(by, webhook.organisation))
    with transaction.atomic():
        row = Webhook.objects.select_for_update().filter(pk=webhook.pk).first()
        if row is None:
            raise Stale(_("This webhook was removed already."))
        row.delete()
        _note("webhook.removed", webhook, by, host=read_host(webhook.url))


def send_test(*, by: User, webhook: Webhook) -> WebhookDelivery:
    """Put a test message in the queue of one address. Raises Refused, Invalid."""
    require(rules.may_keep(by, webhook.organisation))
    _at_work(webhook)
    now = timezone.now()
    recent = WebhookDelivery.objects.filter(
        webhook=webhook, message__type=events.TEST, made_at__gt=now - timedelta(hours=1)
    )
    if recent.count() >= TESTS_PER_HOUR:
        raise Invalid(_("That were many tests within an hour. Wait a while."))
    message = WebhookMessage(
        id=outbox.number_of(f"test:{webhook.pk}:{signing.new_key().hex()}"),
        type=events.TEST,
        city_id=webhook.city_id,
        at=now,
        body=events.body(events.TEST, now, {"city": webhook.city_id, "webhook": webhook.pk}),
        made_at=now,
    )
    with transaction.atomic():
        _update(webhook, rest_until=None)
        outbox.queue([outbox.News(message, (webhook,))])
    return WebhookDelivery.objects.get(webhook=webhook, message=message.pk)


def redeliver(*, by: User, delivery: WebhookDelivery) -> WebhookDelivery:
    """Send one message again, under its own id, with a fresh round of attempts. Raises Refused, Invalid."""
    webhook = delivery.webhook
    require(rules.may_keep(by, webhook.organisation))
    _at_work(webhook)
    with transaction.atomic():
        _again(webhook, by, WebhookDelivery.objects.filter(pk=delivery.pk))
    delivery.refresh_from_db()
    return delivery


def redeliver_failed(*, by: User, webhook: Webhook, since: datetime | None = None) -> int:
    """Send again what was given up (``since`` then); return how many messages. Raises Refused, Invalid."""
    require(rules.may_keep(by, webhook.organisation))
    _at_work(webhook)
    failed = WebhookDelivery.objects.filter(webhook=webhook, state=DeliveryState.FAILED)
    if since is not None:
        failed = failed.filter(made_at__gte=since)
    with transaction.atomic():
        return _again(webhook, by, failed)


def _again(webhook: Webhook, by: User, rows: Any) -> int:
    if sending.locked(webhook.pk) is None:
        raise Stale(_("This webhook was removed already."))
    changed: int = rows.update(state=DeliveryState.WAITING, tries=0, next_at=timezone.now(), ended_at=None)
    if changed:
        Webhook.objects.filter(pk=webhook.pk).update(rest_until=None)
        _note("webhook.redelivered", webhook, by, deliveries=changed)
    return changed


def _at_work(webhook: Webhook) -> None:
    if webhook.paused_at or webhook.disabled_at:
        raise Invalid(_("This webhook does not send now. Let it go on first."))


def _chosen(names: Collection[str]) -> list[str]:
    known = events.registered()
    if not names:
        raise Invalid(_("Choose what to tell."), {"events": [_("Choose at least one kind of news.")]})
    strange = [name for name in names if name not in known]
    if strange:
        reason = _("There is no such kind of news: %(name)s.") % {"name": ", ".join(sorted(strange))[:200]}
        raise Invalid(reason, {"events": [reason]})
    return [name for name in known if name in set(names)]


def _free(organisation: Organisation, city: City, url: str) -> None:
    """Asked under the organisation's lock. Raises Invalid where this address is told already."""
    if Webhook.objects.filter(organisation=organisation, city=city, url=url).exists():
        reason = _("This address is told already.")
        raise Invalid(reason, {"url": [reason]})


def _update(webhook: Webhook, **values: Any) -> None:
    if not Webhook.objects.filter(pk=webhook.pk).update(**values):
        raise Stale(_("This webhook was removed already."))


def read_host(url: str) -> str:
    """The host of an address that was sound once; empty where the rules have become stricter."""
    try:
        return read(url).host
    except Invalid:
        return ""


def _note(verb: str, webhook: Webhook, by: User, **facts: Any) -> Any:
    hat = next(iter(hats_in(by, webhook.organisation, *rules.roles_of(webhook.organisation))), None)
    return ledger.append(
        verb=verb,
        subject=f"webhook:{webhook.pk}",
        thread=f"organisation:{webhook.organisation_id}",
        by=by,
        role=hat.role if hat else "",
        organisation=webhook.organisation_id,
        city=webhook.city_id,
        data=facts,
    )
