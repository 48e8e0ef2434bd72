"""What comes round: news of the flow gathered, what is old forgotten."""

from datetime import timedelta

from django.db import transaction
from django.tasks import task
from django.utils import timezone

from balai.core.periodic import every
from balai.core.worker import also_repeat
from balai.observations.webhooks import outbox
from balai.observations.webhooks.models import WebhookDelivery, WebhookMessage
from balai.observations.webhooks.sending import POST, locked

KEEP = timedelta(days=30)


@every(minutes=5)
@task()
def gather_news() -> int:
    """Tell of days released and rows quarantined."""
    return outbox.gather()


@every(days=1)
@task()
def forget_old() -> None:
    """Forget messages of a month ago, and with them their deliveries and attempts."""
    old = WebhookMessage.objects.filter(made_at__lt=timezone.now() - KEEP)
    for pk in (
        WebhookDelivery.objects.filter(message__in=old)
        .order_by()
        .values_list("webhook", flat=True)
        .distinct()
    ):
        with transaction.atomic():
            if locked(pk):
                WebhookDelivery.objects.filter(webhook=pk, message__in=old).delete()
    old.delete()


def post_webhooks() -> None:
    """Start what is due; the worker repeats this on a thread of its own."""
    POST.round()


also_repeat("webhooks", post_webhooks, 0.5)
