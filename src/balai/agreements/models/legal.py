"""The legal path as stored data, and where each collaboration or memorandum stands on it."""

from functools import cached_property

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from balai.agreements.legal_path import LegalPath, known, parse_cached
from balai.agreements.models.agreement import Agreement
from balai.collaborations.models import Collaboration
from balai.core.models import Document
from balai.people.models import User

LONGEST_REASON = 1000


class LegalPathVersion(models.Model):
    """A path file as it was when it was published. Never edited; a case keeps the one it began with."""

    key = models.CharField(max_length=30)
    version = models.CharField(max_length=20)
    sha256 = models.CharField(max_length=64, unique=True)
    source = models.TextField(help_text="the TOML text")
    published_at = models.DateTimeField()
    current = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="legal_path_version_once"),
            models.UniqueConstraint(fields=["key"], condition=Q(current=True), name="one_current_legal_path"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.version}"

    @cached_property
    def path(self) -> LegalPath:
        """The parsed path; parsed once per process and hash."""
        return known(self.sha256) or parse_cached(self.source)


class LegalCase(models.Model):
    """What is recorded on the path of one collaboration, or of one memorandum of its own."""

    path_version = models.ForeignKey(LegalPathVersion, models.PROTECT, related_name="cases")
    collaboration = models.OneToOneField(
        Collaboration, models.PROTECT, null=True, blank=True, related_name="legal_case"
    )
    agreement = models.OneToOneField(
        Agreement, models.PROTECT, null=True, blank=True, related_name="legal_case"
    )
    opened_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(collaboration__isnull=False, agreement=None)
                | Q(collaboration=None, agreement__isnull=False),
                name="legal_case_of_one",
            )
        ]


class StepState(models.TextChoices):
    DONE = "done", _("done")
    WAIVED = "waived", _("waived")
    NOT_APPLICABLE = "not_applicable", _("does not apply")


class StepRecord(models.Model):
    """A step settled by hand: done, waived under a rule, or not applicable. A mistake is withdrawn."""

    case = models.ForeignKey(LegalCase, models.CASCADE, related_name="records")
    step = models.CharField(max_length=40)
    state = models.CharField(max_length=14, choices=StepState)
    reason = models.CharField(max_length=LONGEST_REASON, blank=True)
    rule = models.CharField(max_length=40, blank=True, help_text="key of the path's source")
    checks = models.JSONField(default=list, help_text="keys of the checks that were ticked")
    role = models.CharField(max_length=20)
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.CharField(max_length=LONGEST_REASON, blank=True)

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "step"], condition=Q(withdrawn_at=None), name="legal_step_settled_once"
            )
        ]


class LegalPaper(models.Model):
    """A document filed as evidence of a step."""

    case = models.ForeignKey(LegalCase, models.CASCADE, related_name="papers")
    step = models.CharField(max_length=40)
    kind = models.CharField(max_length=40)
    document = models.ForeignKey(Document, models.PROTECT, related_name="+")
    number = models.CharField(max_length=120, blank=True)
    dated_on = models.DateField(null=True, blank=True)
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "pk"]


class CouncilAnswer(models.Model):
    """The two questions, answered with reasons. The newest answer counts; older ones stay."""

    case = models.ForeignKey(LegalCase, models.CASCADE, related_name="answers")
    burdens = models.BooleanField(help_text="it burdens society and the region")
    burdens_reason = models.CharField(max_length=LONGEST_REASON)
    unbudgeted = models.BooleanField(help_text="funding not yet in the current year's regional budget")
    unbudgeted_reason = models.CharField(max_length=LONGEST_REASON)
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]

    @property
    def needs_council(self) -> bool:
        return self.burdens or self.unbudgeted


class CouncilApproval(models.Model):
    """The council's approval: number, day and document. One stands; a withdrawn one stays on file."""

    case = models.ForeignKey(LegalCase, models.CASCADE, related_name="approvals")
    number = models.CharField(max_length=120)
    dated_on = models.DateField()
    document = models.ForeignKey(Document, models.PROTECT, related_name="+")
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.CharField(max_length=LONGEST_REASON, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(withdrawn_at=None), name="one_council_approval"
            )
        ]


class Discussion(models.Model):
    """One discussion by the cooperation team (TKKSD); its clock rests while the applicant is asked."""

    case = models.ForeignKey(LegalCase, models.CASCADE, related_name="discussions")
    clock = models.PositiveSmallIntegerField(help_text="working days, as the path said when it was asked for")
    requested_by = models.UUIDField(help_text="pseudonym")
    requested_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    agreed = models.BooleanField(null=True)
    grounds = models.CharField(max_length=LONGEST_REASON, blank=True)

    class Meta:
        ordering = ["-requested_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["case"], condition=Q(closed_at=None), name="one_open_discussion")
        ]


class DiscussionMember(models.Model):
    discussion = models.ForeignKey(Discussion, models.CASCADE, related_name="members")
    user = models.ForeignKey(User, models.PROTECT, related_name="discussions")
    chair = models.BooleanField(default=False)

    class Meta:
        ordering = ["-chair", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["discussion", "user"], name="discussion_member_once"),
            models.UniqueConstraint(
                fields=["discussion"], condition=Q(chair=True), name="one_discussion_chair"
            ),
        ]


class Aspect(models.TextChoices):
    TECHNICAL = "technical", _("technical side")
    DRAFTING = "drafting", _("drafting")
    LEGAL = "legal", _("legal side")


class OpinionVerdict(models.TextChoices):
    AGREES = "agrees", _("agrees")
    NOTES = "notes", _("agrees with notes")
    OBJECTS = "objects", _("objects")


class Opinion(models.Model):
    """What an assigned member says on one side of the plan; may be changed until the discussion closes."""

    discussion = models.ForeignKey(Discussion, models.CASCADE, related_name="opinions")
    member = models.ForeignKey(DiscussionMember, models.CASCADE, related_name="opinions")
    aspect = models.CharField(max_length=10, choices=Aspect)
    verdict = models.CharField(max_length=8, choices=OpinionVerdict)
    text = models.TextField(max_length=4000, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["aspect", "at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["discussion", "member", "aspect"], name="opinion_once")
        ]


class DiscussionPause(models.Model):
    """The applicant was asked to supply something; until they have, the clock rests."""

    discussion = models.ForeignKey(Discussion, models.CASCADE, related_name="pauses")
    asked = models.CharField(max_length=LONGEST_REASON)
    asked_by = models.UUIDField(help_text="pseudonym")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    supplied = models.CharField(max_length=LONGEST_REASON, blank=True)
    document = models.ForeignKey(Document, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["since", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["discussion"], condition=Q(until=None), name="one_open_pause")
        ]


class LegalReminder(models.Model):
    """Who was told that a step is due or late: once for each level and due day."""

    case = models.ForeignKey(LegalCase, models.CASCADE, related_name="reminders")
    step = models.CharField(max_length=40)
    level = models.PositiveSmallIntegerField(help_text="0: reminder to the desk; n: the n-th escalation")
    due_on = models.DateField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "step", "level", "due_on"], name="legal_reminded_once")
        ]
