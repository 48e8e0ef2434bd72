import datetime as dt
import json
from typing import Any

from django.db import models
from django.utils import timezone


class Entry(models.Model):
    """One fact that happened. Written only by `balai.core.ledger.append`.

    Triggers refuse UPDATE and DELETE and check that each row continues the chain.
    The actor is a pseudonym: erasing a person's identity elsewhere leaves every hash as it was,
    so ``data`` holds codes, amounts, ids and hashes and never a person's name or address.
    """

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.UUIDField(null=True, help_text="pseudonym of a person; null for the hub itself")
    role = models.CharField(max_length=40, blank=True, help_text="the hat the actor wore")
    organisation = models.UUIDField(null=True, help_text="public id of the organisation acted for")
    verb = models.CharField(max_length=80)
    subject = models.CharField(max_length=80, help_text='"room:uuid" of the thing changed')
    thread = models.CharField(max_length=80, help_text='"room:uuid" of the page this is shown on')
    city = models.CharField(max_length=20, blank=True)
    public = models.BooleanField(help_text="shown to anyone who may see the thread")
    data = models.TextField(help_text="canonical JSON")
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["seq"]
        indexes = [
            models.Index(fields=["thread", "seq"], name="entry_thread"),
            models.Index(fields=["subject", "seq"], name="entry_subject"),
            models.Index(fields=["actor", "seq"], name="entry_actor"),
            models.Index(fields=["city", "seq"], name="entry_city"),
        ]

    @property
    def facts(self) -> dict[str, Any]:
        """``data`` as Python values."""
        loaded: dict[str, Any] = json.loads(self.data)
        return loaded

    @property
    def happened_on(self) -> dt.date:
        """The day a documented fact happened (``data["on"]``), else the day it was recorded here."""
        on = self.facts.get("on")
        return dt.date.fromisoformat(on) if on else timezone.localtime(self.at).date()


class LedgerHead(models.Model):
    """One row: where the chain ends. Kept by the insert trigger, so a dropped last row is found."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="ledger_one_head")]


class Cursor(models.Model):
    """How far a consumer of the ledger has read; moved in the transaction of its effects."""

    name = models.CharField(max_length=60, primary_key=True)
    seq = models.BigIntegerField(default=0)
