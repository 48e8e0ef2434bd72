"""What comes round: news of the flow gathered, what is old forgotten."""

from datetime import timedelta

from django.tasks import task
from django.utils import timezone

from balai.core.periodic import every
from balai.core.worker import also_repeat
from balai.observations.webhooks import outbox
from balai.observations.webhooks.models import WebhookMessage
from balai.observations.webhooks.sending import POST

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
    WebhookMessage.objects.filter(made_at__lt=timezone.now() - KEEP).delete()


def post_webhooks() -> None:
    """Start what is due; the worker repeats this on a thread of its own."""
    POST.round()


also_repeat("webhooks", post_webhooks, 0.5)
