"""How a text is signed: rounds with an end, reminders, and ceremonies for many documents at once."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from balai.agreements.models.agreement import Agreement
from balai.people.models import City


class SigningMode(models.TextChoices):
    DESK = "desk", _("desk to desk")
    CEREMONY = "ceremony", _("in a ceremony")
    HYBRID = "hybrid", _("hybrid: in a ceremony or at a desk")


class RoundOutcome(models.TextChoices):
    SIGNED = "signed", _("signed by every party")
    EXPIRED = "expired", _("ended before everybody had signed")
    DECLINED = "declined", _("declined")


class SigningRound(models.Model):
    """One call for signatures: in which manner, in which order, until which day."""

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="rounds")
    number = models.PositiveSmallIntegerField()
    mode = models.CharField(max_length=8, choices=SigningMode, default=SigningMode.DESK)
    ordered = models.BooleanField(default=False, help_text="the parties sign in their order")
    until = models.DateField(null=True, blank=True, help_text="the last day on which it can be signed")
    opened_at = models.DateTimeField()
    opened_by = models.UUIDField(help_text="pseudonym")
    closed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=8, choices=RoundOutcome, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "number"], name="signing_round_once"),
            models.UniqueConstraint(
                fields=["agreement"], condition=Q(closed_at=None), name="one_open_signing_round"
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, outcome="") | (Q(closed_at__isnull=False) & ~Q(outcome="")),
                name="closed_round_has_outcome",
            ),
        ]


class SigningReminder(models.Model):
    """That a reminder of one last day went out; the database lets each go out once."""

    round = models.ForeignKey(SigningRound, models.CASCADE, related_name="reminders")
    until = models.DateField()
    days = models.PositiveSmallIntegerField(help_text="days before the last day: 7, 1 or 0")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "until", "days"], name="reminded_once_of_signing")
        ]


class CeremonyState(models.TextChoices):
    PLANNED = "planned", _("planned")
    OPEN = "open", _("under way")
    CLOSED = "closed", _("over")


class Ceremony(models.Model):
    """One session in which many agreements are signed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    city = models.ForeignKey(City, models.PROTECT, related_name="ceremonies")
    title = models.CharField(max_length=200)
    title_en = models.CharField(max_length=200, blank=True)
    place = models.CharField(max_length=200)
    starts_at = models.DateTimeField()
    state = models.CharField(max_length=7, choices=CeremonyState, default=CeremonyState.PLANNED)
    prepared_by = models.UUIDField(help_text="pseudonym")
    created_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-starts_at", "-id"]

    def __str__(self) -> str:
        return self.title_en if get_language() == "en" and self.title_en else self.title

    @property
    def subject(self) -> str:
        return f"ceremony:{self.pk}"


class CeremonyItem(models.Model):
    """One agreement of a ceremony, in the order of the programme."""

    ceremony = models.ForeignKey(Ceremony, models.CASCADE, related_name="items")
    agreement = models.ForeignKey(Agreement, models.PROTECT, related_name="ceremony_items")
    place = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(fields=["ceremony", "agreement"], name="agreement_once_in_ceremony"),
            models.UniqueConstraint(fields=["ceremony", "place"], name="ceremony_place_once"),
        ]
