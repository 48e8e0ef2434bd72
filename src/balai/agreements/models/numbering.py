"""Whose number stands on a document, from which pattern, and why a number is missing in a series."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from balai.agreements.models.agreement import Agreement, AgreementKind, Party
from balai.people.models import Organisation


class Certainty(models.TextChoices):
    CONFIRMED = "confirmed", _("confirmed by an official text")
    SECONDARY = "secondary", _("from a secondary source")
    COUNSEL = "counsel", _("to be checked by counsel")


class NumberPattern(models.Model):
    """How an organisation numbers one kind of document, from when until when. Replaced, never edited."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="number_patterns")
    kind = models.CharField(max_length=5, choices=AgreementKind)
    template = models.CharField(max_length=120, help_text="{classification}/{serial}/{type}/{unit}/{year}")
    classification = models.CharField(max_length=30, blank=True)
    document_type = models.CharField(max_length=30, blank=True)
    unit = models.CharField(max_length=30, blank=True)
    digits = models.PositiveSmallIntegerField(default=1, help_text="the serial is filled up with zeros")
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=300, help_text="where the pattern comes from")
    certainty = models.CharField(max_length=10, choices=Certainty, default=Certainty.COUNSEL)
    added_by = models.UUIDField(help_text="pseudonym")
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["organisation", "kind", "-valid_from", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "kind"], condition=Q(valid_until=None), name="one_pattern_in_use"
            )
        ]

    def __str__(self) -> str:
        return self.template


class NumberOrigin(models.TextChoices):
    SERIES = "series", _("next of the series")
    OFFICE = "office", _("given by the letter office")
    OWN = "own", _("given by the party")


class DocumentNumber(models.Model):
    """A number taken for a party's line. A void one keeps its row and says why, so no gap is unexplained."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="document_numbers")
    agreement = models.ForeignKey(Agreement, models.PROTECT, related_name="document_numbers")
    party = models.ForeignKey(Party, models.PROTECT, related_name="document_numbers")
    kind = models.CharField(max_length=5, choices=AgreementKind)
    year = models.PositiveSmallIntegerField()
    serial = models.PositiveIntegerField(null=True, blank=True)
    number = models.CharField(max_length=120, help_text="as it stands on the document")
    parts = models.JSONField(default=dict, help_text="what could be read from the number")
    origin = models.CharField(max_length=6, choices=NumberOrigin)
    pattern = models.ForeignKey(NumberPattern, models.PROTECT, null=True, blank=True, related_name="+")
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField()
    void_at = models.DateTimeField(null=True, blank=True)
    void_by = models.UUIDField(null=True, blank=True, help_text="pseudonym")
    void_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-year", "-serial", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "year", "number"],
                condition=Q(void_at=None),
                name="number_once_a_year",
            ),
            models.UniqueConstraint(
                fields=["organisation", "kind", "year", "serial"],
                condition=Q(void_at=None, serial__isnull=False),
                name="serial_once_a_year",
            ),
            models.UniqueConstraint(
                fields=["party"], condition=Q(void_at=None), name="one_number_each_party"
            ),
            models.CheckConstraint(
                condition=Q(void_at=None) | ~Q(void_reason=""), name="void_number_says_why"
            ),
        ]

    def __str__(self) -> str:
        return self.number
