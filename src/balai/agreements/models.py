"""MoU and PKS: versions, approvals, signatures, the sealed document."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from balai.collaborations.models import Collaboration
from balai.core.models import Document
from balai.observations.models import Dataset
from balai.people.models import City, Organisation


class AgreementKind(models.TextChoices):
    MOU = "mou", _("Memorandum of Understanding (Kesepakatan Bersama)")
    PKS = "pks", _("Cooperation Agreement (Perjanjian Kerja Sama, PKS)")


class AgreementState(models.TextChoices):
    DRAFTING = "drafting", _("being negotiated")
    SIGNING = "signing", _("waiting for signatures")
    SEALING = "sealing", _("being sealed")
    SEALED = "sealed", _("signed and sealed")
    DECLINED = "declined", _("declined")
    ENDED = "ended", _("ended")


class Agreement(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    city = models.ForeignKey(City, models.PROTECT, related_name="agreements")
    kind = models.CharField(max_length=5, choices=AgreementKind)
    collaboration = models.ForeignKey(
        Collaboration, models.PROTECT, null=True, blank=True, related_name="agreements"
    )
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    title = models.CharField(max_length=200)
    title_en = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=AgreementState, default=AgreementState.DRAFTING)
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    spends_regional_budget = models.BooleanField(default=False)
    procurement_reference = models.CharField(max_length=120, blank=True)
    datasets = models.ManyToManyField(Dataset, related_name="agreements", blank=True)
    sealed_document = models.ForeignKey(
        Document, models.PROTECT, null=True, blank=True, related_name="sealed_agreements"
    )
    sealed_at = models.DateTimeField(null=True, blank=True)
    documented = models.BooleanField(default=False, help_text="known from published sources only")
    source = models.CharField(max_length=300, blank=True)
    source_url = models.URLField(max_length=400, blank=True)
    invented = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="sealed") | Q(sealed_document__isnull=False) | Q(documented=True),
                name="sealed_has_document",
            )
        ]


class Party(models.Model):
    """One side of an agreement, with the number it puts on the document itself."""

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="parties")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="parties")
    place = models.PositiveSmallIntegerField(help_text="1 for PIHAK KESATU")
    number = models.CharField(max_length=120, blank=True, help_text="as that party writes it")
    signatory_name = models.CharField(max_length=150, blank=True)
    signatory_title = models.CharField(max_length=150, blank=True)
    mandate = models.CharField(max_length=200, blank=True, help_text="Surat Kuasa or deed")

    class Meta:
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "organisation"], name="party_once"),
            models.UniqueConstraint(fields=["agreement", "place"], name="party_place_once"),
        ]


class AgreementVersion(models.Model):
    """The text as it stood. Terms are data; the document is made from them and its hash is kept."""

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    terms = models.JSONField(help_text="clauses in both languages and their variables")
    change_note = models.CharField(max_length=500, blank=True)
    document = models.ForeignKey(Document, models.PROTECT, related_name="+")
    proposed_by = models.UUIDField(null=True, help_text="pseudonym")
    proposed_for = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["agreement", "number"], name="version_once")]


class Approval(models.Model):
    """A party says yes to exactly this version."""

    version = models.ForeignKey(AgreementVersion, models.CASCADE, related_name="approvals")
    party = models.ForeignKey(Party, models.CASCADE, related_name="approvals")
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "party"], name="approved_once")]


class Signature(models.Model):
    """A signatory's recorded consent to the hash they were shown."""

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="signatures")
    party = models.OneToOneField(Party, models.PROTECT, related_name="signature")
    by = models.UUIDField(help_text="pseudonym")
    sha256 = models.CharField(max_length=64, help_text="of the document consented to")
    consent = models.TextField()
    at = models.DateTimeField()
