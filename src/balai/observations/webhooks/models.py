"""An organisation's addresses for news, the messages, who is to get them, and every attempt made."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from balai.people.models import City, Organisation


class Scheme(models.TextChoices):
    """How messages are signed, by the names the standard gives them."""

    SHARED = "v1", _("shared secret (HMAC-SHA256)")
    PUBLIC = "v1a", _("public key (Ed25519)")


class DisabledReason(models.TextChoices):
    GONE = "gone", _("the receiver answered that it is gone (410)")
    FAILING = "failing", _("nothing could be delivered for five days")


class DeliveryState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("given up")


class Fault(models.TextChoices):
    """Why an attempt brought no answer that counts."""

    STATUS = "status", _("the receiver did not answer with success")
    TIMEOUT = "timeout", _("no answer in time")
    NAME = "name", _("the host's name was not found")
    ADDRESS = "address", _("the host's address lies in no public network")
    CONNECTION = "connection", _("no connection")
    TLS = "tls", _("the certificate or the encryption does not hold")
    PROTOCOL = "protocol", _("the answer was no HTTP")
    SECRET = "secret", _("the hub cannot read its secret; replace it")


class Webhook(models.Model):
    """One address of one organisation, the kinds of news it wants, and how it fares."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    city = models.ForeignKey(City, models.PROTECT, related_name="webhooks", help_text="whose news it tells")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="webhooks")
    url = models.CharField(max_length=500)
    events = models.JSONField(default=list, help_text="names of the kinds of news")
    scheme = models.CharField(max_length=3, choices=Scheme, default=Scheme.SHARED)
    sealed = models.BinaryField(help_text="secret or private key, encrypted")
    old_sealed = models.BinaryField(
        null=True, help_text="the one before, which signs as well until old_until"
    )
    old_until = models.DateTimeField(null=True, blank=True)
    after = models.BigIntegerField(help_text="tells of ledger entries with a greater number")
    created_at = models.DateTimeField(auto_now_add=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=10, choices=DisabledReason, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="attempts failed since the last success")
    failing_since = models.DateTimeField(null=True, blank=True)
    warned_at = models.DateTimeField(null=True, blank=True)
    rest_until = models.DateTimeField(null=True, blank=True, help_text="nothing is tried before")
    served_at = models.DateTimeField(null=True, blank=True, help_text="latest attempt")
    slow = models.BooleanField(default=False, help_text="took long the last time")
    claim = models.CharField(max_length=32, blank=True, help_text="who is sending to it now")
    claimed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "city", "url"], name="webhook_address_once")
        ]


class WebhookMessage(models.Model):
    """What is told, byte for byte, once for all who get it."""

    id = models.CharField(primary_key=True, max_length=40, help_text="goes out as webhook-id")
    type = models.CharField(max_length=60)
    city = models.ForeignKey(City, models.PROTECT, related_name="+")
    at = models.DateTimeField(help_text="when it happened")
    body = models.TextField(help_text="JSON as it is sent and signed")
    entry = models.BigIntegerField(null=True, help_text="ledger sequence number, where it came from there")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["-made_at"]
        indexes = [models.Index(fields=["made_at"], name="webhook_message_age")]


class WebhookDelivery(models.Model):
    """One message on its way to one address."""

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    message = models.ForeignKey(WebhookMessage, models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.WAITING)
    tries = models.PositiveSmallIntegerField(default=0, help_text="since it was last asked for")
    next_at = models.DateTimeField()
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-made_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["webhook", "message"], name="webhook_told_once")]
        indexes = [
            models.Index(fields=["webhook", "next_at"], condition=Q(state="waiting"), name="webhook_waiting"),
            models.Index(fields=["webhook", "-made_at", "-id"], name="webhook_log"),
        ]


class WebhookAttempt(models.Model):
    """One request and what came of it."""

    delivery = models.ForeignKey(WebhookDelivery, models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    fault = models.CharField(max_length=10, choices=Fault, blank=True)
    milliseconds = models.PositiveIntegerField()
    excerpt = models.CharField(max_length=300, blank=True, help_text="how the receiver's answer begins")

    class Meta:
        ordering = ["-at", "-pk"]
