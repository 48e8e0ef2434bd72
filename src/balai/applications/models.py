"""What a partner asks for, how the city screens, reviews and decides it."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from balai.collaborations.models import Collaboration
from balai.core.models import Document
from balai.people.models import User


class Application(models.Model):
    """The form of one collaboration. Drafts validate nothing but types; answers are kept by field key.

    While a returned application is being completed, the city keeps reading ``shown``: the answers as they
    were when it was returned.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collaboration = models.OneToOneField(Collaboration, models.CASCADE, related_name="application")
    answers = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=1, help_text="grows with every change that was saved")
    touched = models.JSONField(default=dict, help_text="field key -> the revision that last changed it")
    shown = models.JSONField(null=True, help_text="the answers as last submitted, kept while they change")
    shown_at = models.DateTimeField(null=True)
    saved_at = models.DateTimeField(auto_now=True)
    started_by = models.UUIDField(help_text="pseudonym")

    @property
    def thread(self) -> str:
        """What happens inside the city: never part of the collaboration's own timeline."""
        return f"application:{self.pk}"


class Attachment(models.Model):
    """A file of the application, under the kind the scheme asks for."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="attachments")
    document = models.ForeignKey(Document, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=40)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["kind", "at"]


class ScreeningCheck(models.Model):
    """One line of the scheme's checklist, answered by the cooperation bureau for one revision."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="screening")
    item = models.CharField(max_length=40)
    passed = models.BooleanField()
    note = models.CharField(max_length=500, blank=True)
    revision = models.PositiveIntegerField(help_text="of the application that was checked")
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["application", "item"], name="screened_once")]


class Recommendation(models.TextChoices):
    ACCEPT = "accept", _("accept")
    CONDITIONS = "conditions", _("accept with conditions")
    REJECT = "reject", _("reject")


class Review(models.Model):
    """One reviewer's judgement by the scheme's criteria; a criterion that does not apply is left out."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(User, models.PROTECT, related_name="reviews")
    scores = models.JSONField(default=dict, help_text="criterion key -> 1..5, or null for not applicable")
    recommendation = models.CharField(max_length=12, choices=Recommendation, blank=True)
    comment = models.TextField(blank=True, max_length=4000)
    conflict = models.BooleanField(default=False, help_text="declared: takes no part")
    conflict_reason = models.CharField(max_length=300, blank=True)
    revision = models.PositiveIntegerField(default=0, help_text="of the application that was judged")
    submitted_at = models.DateTimeField(null=True)
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["submitted_at", "pk"]
        constraints = [models.UniqueConstraint(fields=["application", "reviewer"], name="one_review_each")]


class Decision(models.Model):
    """The city's yes or no, with grounds the applicant may read."""

    application = models.OneToOneField(Application, models.CASCADE, related_name="decision")
    accepted = models.BooleanField()
    grounds = models.TextField(max_length=4000)
    conditions = models.TextField(blank=True, max_length=4000)
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField()
