"""Where an organisation's machines are told: addresses, secrets, and a log of every delivery."""

import json
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from balai.core.errors import Invalid
from balai.core.pagination import paginate
from balai.core.rules import require
from balai.observations.webhooks import events, rules, signing
from balai.observations.webhooks.actions import (
    OVERLAP,
    add_webhook,
    change_webhook,
    pause_webhook,
    redeliver,
    redeliver_failed,
    remove_webhook,
    resume_webhook,
    rotate_secret,
    send_test,
)
from balai.observations.webhooks.models import DeliveryState, Webhook, WebhookDelivery
from balai.observations.webhooks.queries import (
    deliveries_of,
    kept_by,
    standing_of,
    with_attempts,
)
from balai.people.models import City, Organisation, User
from balai.people.organisations import is_member
from balai.portal.components import Facts, Tab
from balai.portal.forms import refuse
from balai.portal.limits import limited, too_many
from balai.portal.templatetags.balai import moment
from balai.portal.webhooks.forms import NewWebhookForm, WebhookForm

PER_MINUTE = 20
LOG = 20
TONES = {"waiting": "wait", "delivered": "done", "failed": "stop"}


def _standing(webhook: Webhook) -> tuple[str | Promise, str]:
    """How an address fares, in words and a tone."""
    if webhook.disabled_at:
        return lazy("disabled"), "stop"
    if webhook.paused_at:
        return lazy("paused"), "wait"
    if webhook.failures:
        return lazy("cannot be reached, is tried again"), "wait"
    return lazy("at work"), "go"


def _host(webhook: Webhook) -> str:
    return urlsplit(webhook.url).netloc or webhook.url


def _own(request: HttpRequest, pk: UUID) -> Webhook:
    """The webhook, for those who keep it; for who has no seat in its organisation it is not there."""
    user = cast(User, request.user)
    webhook = get_object_or_404(Webhook.objects.select_related("organisation", "city"), pk=pk)
    if not is_member(user, webhook.organisation):
        raise Http404
    require(rules.may_keep(user, webhook.organisation))
    return webhook


@login_required
@never_cache
@require_safe
def webhooks(request: HttpRequest) -> HttpResponse:
    """Which of our machines are told of what?"""
    groups = []
    organisations = kept_by(request.user)
    rows = list(Webhook.objects.filter(organisation__in=organisations).select_related("city"))
    standing = standing_of(rows)
    for organisation in organisations:
        lines = [
            {"it": row, "host": _host(row), "standing": _standing(row), "counts": standing[row.pk]}
            for row in rows
            if row.organisation_id == organisation.pk
        ]
        groups.append({"organisation": organisation, "lines": lines})
    return render(request, "webhooks/list.html", {"groups": groups})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """Name an address; the answer to the POST is the only page that shows a shared secret."""
    user = cast(User, request.user)
    organisation = get_object_or_404(Organisation, slug=slug, active=True)
    if not is_member(user, organisation):
        raise Http404
    require(rules.may_keep(user, organisation))
    form = NewWebhookForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        if limited(request, "webhook.write", per_minute=PER_MINUTE):
            return too_many(request)
        if form.is_valid():
            try:
                webhook, told = add_webhook(
                    by=user,
                    city=_city(organisation),
                    organisation=organisation,
                    url=form.cleaned_data["url"],
                    chosen=form.cleaned_data["events"],
                    scheme=form.cleaned_data["scheme"],
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                return render(
                    request,
                    "webhooks/secret_made.html",
                    {"it": webhook, "told": told, "host": _host(webhook)},
                )
    context = {"form": form, "organisation": organisation}
    return render(request, "webhooks/new.html", context, status=422 if form.errors else 200)


def _city(organisation: Organisation) -> City:
    """An agency hears of its own city, a partner of the one this hub hosts."""
    own = organisation.city_id if organisation.kind == "agency" else None
    return get_object_or_404(City, pk=own or settings.DEFAULT_CITY)


@login_required
@never_cache
@require_safe
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What is told, and what became of each message?"""
    webhook = _own(request, pk)
    state = request.GET.get("state", "")
    page = paginate(deliveries_of(webhook, state), request.GET.get("cursor"), by="made_at", size=LOG)
    counts = standing_of([webhook])[webhook.pk]
    context = {
        "it": webhook,
        "host": _host(webhook),
        "standing": _standing(webhook),
        "facts": _facts(webhook),
        "names": [known for name, known in events.registered().items() if name in webhook.events],
        "page": page,
        "rows": [(row, _tone(row)) for row in page.rows],
        "tabs": _tabs(webhook, state, counts),
        "failed": counts[DeliveryState.FAILED],
        "works": not (webhook.paused_at or webhook.disabled_at),
    }
    return render(request, "webhooks/detail.html", context)


def _tone(row: WebhookDelivery) -> str:
    return TONES[row.state]


def _facts(webhook: Webhook) -> Facts:
    now = timezone.now()
    replaced = webhook.old_until if webhook.old_until and webhook.old_until > now else None
    resting = webhook.rest_until if webhook.rest_until and webhook.rest_until > now else None
    return [
        (_("Address"), webhook.url),
        (_("Organisation"), webhook.organisation.name),
        (_("News of"), webhook.city.name),
        (_("How messages are signed"), webhook.get_scheme_display()),
        (_("Public key"), signing.public_key(webhook)),
        (_("The replaced secret signs as well until"), moment(replaced)),
        (_("Nothing was delivered since"), moment(webhook.failing_since)),
        (_("Tried again from"), moment(None if webhook.disabled_at else resting)),
    ]


def _tabs(webhook: Webhook, state: str, counts: dict[str, int]) -> list[Tab]:
    here = reverse("portal:webhook", args=[webhook.pk])
    labels = {
        "": (_("All"), sum(counts.values())),
        "waiting": (_("Waiting"), counts["waiting"]),
        "delivered": (_("Delivered"), counts["delivered"]),
        "failed": (_("Given up"), counts["failed"]),
    }
    return [
        Tab(f"{here}?state={key}" if key else here, label, key == state, many)
        for key, (label, many) in labels.items()
    ]


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Another address, or other kinds of news."""
    webhook = _own(request, pk)
    start = {"url": webhook.url, "events": webhook.events}
    form = WebhookForm(request.POST if request.method == "POST" else None, initial=start)
    if request.method == "POST":
        if limited(request, "webhook.write", per_minute=PER_MINUTE):
            return too_many(request)
        if form.is_valid():
            try:
                change_webhook(
                    by=cast(User, request.user),
                    webhook=webhook,
                    url=form.cleaned_data["url"],
                    chosen=form.cleaned_data["events"],
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                messages.success(request, _("Saved."))
                return redirect("portal:webhook", pk)
    context = {"form": form, "it": webhook, "host": _host(webhook)}
    return render(request, "webhooks/edit.html", context, status=422 if form.errors else 200)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def secret(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask once, then replace the secret and show the new one."""
    webhook = _own(request, pk)
    context = {"it": webhook, "host": _host(webhook), "hours": int(OVERLAP.total_seconds() // 3600)}
    if request.method != "POST":
        return render(request, "webhooks/secret.html", context)
    webhook, told = rotate_secret(by=cast(User, request.user), webhook=webhook)
    context |= {"it": webhook, "told": told, "rotated": True}
    return render(request, "webhooks/secret_made.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask once, then forget the address with its log."""
    webhook = _own(request, pk)
    if request.method != "POST":
        return render(request, "webhooks/remove.html", {"it": webhook, "host": _host(webhook)})
    remove_webhook(by=cast(User, request.user), webhook=webhook)
    messages.success(request, _("The webhook was removed."))
    return redirect("portal:webhook_list")


def _test(user: User, webhook: Webhook) -> str:
    send_test(by=user, webhook=webhook)
    return _("A test message is on its way. Load this page again to see what came of it.")


def _pause(user: User, webhook: Webhook) -> str:
    pause_webhook(by=user, webhook=webhook)
    return _("Paused. What happens meanwhile waits for up to 30 days.")


def _resume(user: User, webhook: Webhook) -> str:
    resume_webhook(by=user, webhook=webhook)
    return _("The webhook goes on, with what waited.")


def _failed_again(user: User, webhook: Webhook) -> str:
    many = redeliver_failed(by=user, webhook=webhook)
    said = ngettext("%(count)d message is sent again.", "%(count)d messages are sent again.", many)
    return said % {"count": many}


ACTS: dict[str, Callable[[User, Webhook], str]] = {
    "uji": _test,
    "jeda": _pause,
    "lanjut": _resume,
    "ulangi": _failed_again,
}


@login_required
@require_POST
def act(request: HttpRequest, pk: UUID, what: str) -> HttpResponse:
    """One press of one button: a test, a pause, on again, or all that was given up once more."""
    if what not in ACTS:
        raise Http404
    webhook = _own(request, pk)
    if limited(request, "webhook.write", per_minute=PER_MINUTE):
        return too_many(request)
    messages.success(request, ACTS[what](cast(User, request.user), webhook))
    return redirect("portal:webhook", pk)


def _delivery(webhook: Webhook, number: int) -> WebhookDelivery:
    return get_object_or_404(with_attempts(deliveries_of(webhook)), pk=number)


@login_required
@never_cache
@require_safe
def delivery(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """One message: what it says, and every attempt to deliver it."""
    webhook = _own(request, pk)
    row = _delivery(webhook, number)
    known = events.registered().get(row.message.type)
    context = {
        "it": row,
        "webhook": webhook,
        "host": _host(webhook),
        "label": known.label if known else lazy("Test message"),
        "tone": _tone(row),
        "body": json.dumps(json.loads(row.message.body), indent=2, ensure_ascii=False),
        "attempts": row.attempts.all(),
        "works": not (webhook.paused_at or webhook.disabled_at),
        "facts": [
            (_("Message"), row.message_id),
            (_("Happened"), moment(row.message.at)),
            (_("Next attempt"), moment(row.next_at) if row.state == DeliveryState.WAITING else ""),
            (_("Entry in the ledger"), row.message.entry or ""),
        ],
    }
    return render(request, "webhooks/delivery.html", context)


@login_required
@require_POST
def again(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """Send one message once more."""
    webhook = _own(request, pk)
    row = _delivery(webhook, number)
    if limited(request, "webhook.write", per_minute=PER_MINUTE):
        return too_many(request)
    redeliver(by=cast(User, request.user), delivery=row)
    messages.success(request, _("The message is sent again."))
    return redirect("portal:webhook_delivery", pk, number)
