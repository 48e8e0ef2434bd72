from django.conf import settings
from django.db import models


class Follow(models.Model):
    """A person wants to hear of every later hop of a thread ("need:uuid", "collaboration:uuid")."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="follows")
    thread = models.CharField(max_length=80)
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "thread"], name="follow_once")]
        indexes = [models.Index(fields=["thread"], name="follow_thread")]


class Notification(models.Model):
    """One ledger entry, told to one person for one reason."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notifications")
    entry = models.BigIntegerField(help_text="ledger sequence number")
    kind = models.CharField(max_length=30)
    thread = models.CharField(max_length=80)
    verb = models.CharField(max_length=80)
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    in_hub = models.BooleanField(default=True)
    mail = models.ForeignKey("core.Mail", models.SET_NULL, null=True, related_name="notifications")
    digest = models.CharField(max_length=10, blank=True, help_text="'daily' or 'weekly' while it waits")

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [models.UniqueConstraint(fields=["user", "entry", "kind"], name="told_once")]
        indexes = [
            models.Index(fields=["user", "read_at", "-at"], name="notification_unread"),
            models.Index(
                fields=["digest", "user"], condition=~models.Q(digest=""), name="notification_waiting"
            ),
        ]


class Preference(models.Model):
    """How one person wants to hear of one kind of news on one channel. No row: the kind's default."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="preferences")
    kind = models.CharField(max_length=30)
    channel = models.CharField(max_length=10, choices=[("hub", "hub"), ("mail", "mail")])
    pace = models.CharField(
        max_length=10,
        choices=[("now", "now"), ("daily", "daily"), ("weekly", "weekly"), ("never", "never")],
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind", "channel"], name="one_preference")]


class Mail(models.Model):
    """Outbox. Claimed by a conditional update, sent by the worker, kept with its attempts."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="mails")
    to = models.EmailField()
    subject = models.CharField(max_length=200)
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    fault = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(sent_at=None), name="mail_unsent"),
        ]
