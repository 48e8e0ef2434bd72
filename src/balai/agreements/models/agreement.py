"""MoU and PKS: versions, approvals, signatures, the sealed document."""

import uuid
from functools import cached_property

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from balai.agreements.terms import AgreementTerms
from balai.collaborations.models import Collaboration
from balai.core.models import Document
from balai.observations.models import Dataset
from balai.people.models import City, Organisation, User
from balai.people.rules import Reader, cities_audited, cities_staffed, is_person, organisations_of


class AgreementKind(models.TextChoices):
    MOU = "mou", _("Memorandum of Understanding (Kesepakatan Bersama)")
    PKS = "pks", _("Cooperation Agreement (Perjanjian Kerja Sama, PKS)")
    ADDENDUM = "add", _("Addendum (Adendum)")


class AgreementState(models.TextChoices):
    DRAFTING = "drafting", _("being negotiated")
    SIGNING = "signing", _("waiting for signatures")
    SEALING = "sealing", _("being sealed")
    SEALED = "sealed", _("signed and sealed")
    DECLINED = "declined", _("declined")
    ENDED = "ended", _("ended")


LIVE = (
    AgreementState.DRAFTING,
    AgreementState.SIGNING,
    AgreementState.SEALING,
    AgreementState.SEALED,
)


class AgreementQuerySet(models.QuerySet["Agreement"]):
    def visible_to(self, user: Reader) -> "AgreementQuerySet":
        """In the register for all once the collaboration is public; else its parties, city staff, auditors.

        Seeing an agreement in the register is not reading its text: see `readable_by`.
        """
        public = (
            Q(documented=True)
            | Q(collaboration__public_since__isnull=False)
            | Q(collaboration=None, state=AgreementState.SEALED)
            | Q(collaboration=None, state=AgreementState.ENDED, ended_on__isnull=False)
        )
        return self.filter(public | Q(pk__in=Agreement.objects.inside(user).values("pk")))

    def inside(self, user: Reader) -> "AgreementQuerySet":
        """Those whose versions and notes the person may read: of one's own organisation or city."""
        if not is_person(user):
            return self.none()
        own = Party.objects.filter(Q(organisation__in=organisations_of(user))).values("agreement")
        return self.filter(Q(pk__in=own) | Q(city__in=cities_staffed(user) | cities_audited(user)))

    def readable_by(self, user: Reader) -> "AgreementQuerySet":
        """Those whose sealed text the person may read: also every text made public."""
        inside = Agreement.objects.inside(user).values("pk")
        sealed = Q(sealed_document__isnull=False, text_public=True)
        return self.filter(sealed | Q(pk__in=inside))


class Agreement(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    city = models.ForeignKey(City, models.PROTECT, related_name="agreements")
    kind = models.CharField(max_length=5, choices=AgreementKind)
    collaboration = models.ForeignKey(
        Collaboration, models.PROTECT, null=True, blank=True, related_name="agreements"
    )
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    amends = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="addenda")
    addendum_number = models.PositiveSmallIntegerField(null=True, blank=True)
    affair = models.CharField(max_length=30, blank=True, help_text="field of government (urusan)")
    title = models.CharField(max_length=200)
    title_en = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=AgreementState, default=AgreementState.DRAFTING)
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True, help_text="as the last sealed addendum has it")
    ended_on = models.DateField(null=True, blank=True, help_text="the last day it was in force")
    spends_regional_budget = models.BooleanField(default=False)
    procurement_reference = models.CharField(max_length=120, blank=True)
    datasets = models.ManyToManyField(Dataset, related_name="agreements", blank=True)
    sealed_document = models.ForeignKey(
        Document, models.PROTECT, null=True, blank=True, related_name="sealed_agreements"
    )
    sealed_at = models.DateTimeField(null=True, blank=True)
    documented = models.BooleanField(default=False, help_text="known from published sources only")
    from_paper = models.BooleanField(
        default=False, help_text="recorded from paper by the bureau, not verified by the hub"
    )
    source = models.CharField(max_length=300, blank=True)
    source_url = models.URLField(max_length=400, blank=True)
    invented = models.BooleanField(default=False)
    text_public = models.BooleanField(default=False, help_text="anyone may read the sealed text")
    declined_reason = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AgreementQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["-created_at", "-id"], name="agreement_recent")]
        constraints = [
            models.UniqueConstraint(
                fields=["collaboration"],
                condition=Q(kind="pks", documented=False, state__in=LIVE),
                name="one_live_agreement",
            ),
            models.CheckConstraint(
                condition=~Q(state="sealed")
                | Q(sealed_document__isnull=False)
                | Q(documented=True)
                | Q(from_paper=True),
                name="sealed_has_document",
            ),
            models.UniqueConstraint(
                fields=["amends"],
                condition=Q(state__in=("drafting", "signing", "sealing")),
                name="one_open_addendum",
            ),
            models.UniqueConstraint(
                fields=["amends", "addendum_number"],
                condition=Q(state__in=LIVE),
                name="addendum_number_once",
            ),
            models.CheckConstraint(
                condition=Q(amends=None, addendum_number=None) & ~Q(kind="add")
                | Q(amends__isnull=False, addendum_number__isnull=False, kind="add"),
                name="addendum_amends",
            ),
        ]

    def __str__(self) -> str:
        return self.title_en if get_language() == "en" and self.title_en else self.title

    @property
    def subject(self) -> str:
        return f"agreement:{self.pk}"

    @property
    def thread(self) -> str:
        """The collaboration's page tells the story; an MoU of its own has its own page."""
        return f"collaboration:{self.collaboration_id}" if self.collaboration_id else self.subject

    @property
    def phase(self) -> str:
        """The state as the collaboration's stage has it: only in its stage ``signing`` can be signed."""
        negotiated = self.state in (AgreementState.DRAFTING, AgreementState.SIGNING)
        if negotiated and self.collaboration and self.amends_id is None:
            signing = self.collaboration.stage == "signing"
            return AgreementState.SIGNING if signing else AgreementState.DRAFTING
        return self.state

    @property
    def phase_label(self) -> str:
        return str(AgreementState(self.phase).label)


class Party(models.Model):
    """One side of an agreement, with the number it puts on the document itself."""

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="parties")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="parties")
    place = models.PositiveSmallIntegerField(help_text="1 for PIHAK KESATU")
    number = models.CharField(max_length=120, blank=True, help_text="as that party writes it")
    signatory_name = models.CharField(max_length=150, blank=True)
    signatory_title = models.CharField(max_length=150, blank=True)
    mandate = models.CharField(max_length=200, blank=True, help_text="Surat Kuasa or deed")
    stamp_serial = models.CharField(
        max_length=22,
        blank=True,
        validators=[RegexValidator(r"^\d{22}$", _("An e-meterai serial has 22 digits."))],
        help_text="e-meterai of this party's counterpart",
    )

    class Meta:
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "organisation"], name="party_once"),
            models.UniqueConstraint(fields=["agreement", "place"], name="party_place_once"),
            models.UniqueConstraint(
                fields=["stamp_serial"], condition=~Q(stamp_serial=""), name="stamp_serial_once"
            ),
        ]


class AgreementVersion(models.Model):
    """The text as it stood. Terms are data; the document is made from them and its hash is kept."""

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    terms = models.JSONField(help_text="clauses in both languages and their variables")
    change_note = models.CharField(max_length=500, blank=True)
    document = models.ForeignKey(Document, models.PROTECT, related_name="+")
    fingerprint = models.CharField(max_length=64, db_index=True, help_text="SHA-256 of the terms")
    proposed_by = models.UUIDField(null=True, help_text="pseudonym")
    proposed_for = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["agreement", "number"], name="version_once")]

    @cached_property
    def reading(self) -> AgreementTerms:
        """The terms as values."""
        return AgreementTerms.from_json(self.terms)


class Approval(models.Model):
    """A party says yes to exactly this version."""

    version = models.ForeignKey(AgreementVersion, models.CASCADE, related_name="approvals")
    party = models.ForeignKey(Party, models.CASCADE, related_name="approvals")
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "party"], name="approved_once")]


class SignatureMaker(models.TextChoices):
    HUB = "hub", _("consent recorded by the hub")
    CERTIFIED = "certified", _("certified signature made elsewhere")


class Signature(models.Model):
    """A signatory's recorded consent to the hash they were shown, or their certified signature under it."""

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="signatures")
    party = models.OneToOneField(Party, models.PROTECT, related_name="signature")
    by = models.UUIDField(help_text="pseudonym")
    sha256 = models.CharField(max_length=64, help_text="of the document consented to")
    consent = models.TextField()
    maker = models.CharField(max_length=10, choices=SignatureMaker, default=SignatureMaker.HUB)
    at = models.DateTimeField()


class SignedUpload(models.Model):
    """The file that brought a certified signature, and what its check found. Refused files leave none."""

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="uploads")
    signature = models.OneToOneField(Signature, models.PROTECT, related_name="upload")
    document = models.ForeignKey(Document, models.PROTECT, related_name="+")
    report = models.JSONField(help_text="the validation report: facts, and its sentences in both languages")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]


class TrustAnchor(models.Model):
    """An authority whose certificates a city accepts, from when until when. Never edited, only withdrawn."""

    city = models.ForeignKey(City, models.PROTECT, related_name="trust_anchors")
    name = models.CharField(max_length=200)
    certificate = models.TextField(help_text="PEM")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the certificate")
    source = models.CharField(max_length=300, help_text="where the certificate and the trust in it come from")
    trusted_from = models.DateTimeField()
    trusted_until = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.CharField(max_length=500, blank=True)
    added_by = models.UUIDField(help_text="pseudonym")

    class Meta:
        ordering = ["name", "-trusted_from", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["city", "fingerprint"], condition=Q(trusted_until=None), name="trusted_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class RevocationList(models.Model):
    """A list of revoked certificates (CRL) signed by a trusted authority, as the city keeps it."""

    city = models.ForeignKey(City, models.PROTECT, related_name="revocation_lists")
    anchor = models.ForeignKey(TrustAnchor, models.PROTECT, related_name="revocation_lists")
    content = models.BinaryField(help_text="DER")
    sha256 = models.CharField(max_length=64)
    entries = models.PositiveIntegerField(help_text="how many certificates it names")
    source = models.CharField(max_length=300)
    issued_at = models.DateTimeField()
    added_by = models.UUIDField(help_text="pseudonym")
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["-issued_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["city", "sha256"], name="revocation_list_once")]


class LastRead(models.Model):
    """Up to which version a person has read, so the page can show what changed since."""

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="readings")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    version = models.PositiveIntegerField()
    at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["agreement", "user"], name="read_once_each")]
