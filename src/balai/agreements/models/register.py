"""What becomes of an agreement after its seal: reminders of its term, its end, records taken from paper."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from balai.agreements.models.agreement import Agreement, Party
from balai.core.models import Document


class TermMark(models.Model):
    """That the parties were told, once, how many days before its end an agreement had come to."""

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="marks")
    ends_on = models.DateField(help_text="the end that was announced; an addendum brings another")
    days = models.PositiveSmallIntegerField(help_text="days before the end")
    told_at = models.DateTimeField()

    class Meta:
        ordering = ["-told_at", "days"]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "ends_on", "days"], name="mark_told_once")
        ]


class TerminationBasis(models.TextChoices):
    CONSENT = "consent", _("by consent of the parties")
    NOTICE = "notice", _("by notice of one party")


class TerminationState(models.TextChoices):
    PROPOSED = "proposed", _("waiting for the other party")
    SET = "set", _("agreed, not yet effective")
    DONE = "done", _("in effect")
    REFUSED = "refused", _("refused by the other party")
    WITHDRAWN = "withdrawn", _("withdrawn")


OPEN_TERMINATION = (TerminationState.PROPOSED, TerminationState.SET)


class Termination(models.Model):
    """An end before the term: one text, to which all parties agree or of which one gives notice."""

    agreement = models.ForeignKey(Agreement, models.PROTECT, related_name="terminations")
    basis = models.CharField(max_length=10, choices=TerminationBasis)
    party = models.ForeignKey(Party, models.PROTECT, related_name="terminations")
    text = models.TextField(max_length=2000, help_text="public: what was agreed, or why notice is given")
    sha256 = models.CharField(max_length=64, help_text="of the text and its effective day")
    effective_on = models.DateField(help_text="the last day of the agreement")
    notice_days = models.PositiveSmallIntegerField(null=True, blank=True, help_text="asked by the clause")
    state = models.CharField(max_length=10, choices=TerminationState)
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["agreement"], condition=Q(state__in=OPEN_TERMINATION), name="one_open_termination"
            )
        ]


class TerminationConsent(models.Model):
    """A party's yes to exactly this text and day."""

    termination = models.ForeignKey(Termination, models.CASCADE, related_name="consents")
    party = models.ForeignKey(Party, models.PROTECT, related_name="+")
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["termination", "party"], name="ending_consented_once")]


class Handover(models.Model):
    """A duty of the exit clause, due once the agreement has ended."""

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="handovers")
    text = models.TextField(max_length=6000)
    text_en = models.TextField(max_length=6000, blank=True)
    due_on = models.DateField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.UUIDField(null=True, blank=True, help_text="pseudonym")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.text_en if get_language() == "en" and self.text_en else self.text


class PaperCertainty(models.TextChoices):
    ORIGINAL = "original", _("the signed original was seen")
    COPY = "copy", _("a copy was seen")
    LISTED = "listed", _("known from a list only")


class PaperRecord(models.Model):
    """Where the facts of an agreement signed on paper come from. The hub verified none of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agreement = models.OneToOneField(Agreement, models.PROTECT, related_name="paper")
    signed_on = models.DateField(null=True, blank=True)
    certainty = models.CharField(max_length=10, choices=PaperCertainty)
    scan = models.ForeignKey(Document, models.PROTECT, null=True, blank=True, related_name="+")
    recorded_by = models.UUIDField(help_text="pseudonym")
    recorded_at = models.DateTimeField()


class PaperCorrection(models.Model):
    """One correction of a record from paper: what it said before, what it says now, and why."""

    agreement = models.ForeignKey(Agreement, models.PROTECT, related_name="corrections")
    changes = models.JSONField(help_text="field: [was, is]")
    reason = models.CharField(max_length=500)
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]
