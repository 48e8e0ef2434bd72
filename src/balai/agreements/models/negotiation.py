"""What the parties say to each other about the text: proposals article by article, comments, drafts."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from balai.agreements.models.agreement import Agreement, AgreementVersion, Party
from balai.agreements.proposals import ClauseEdit
from balai.agreements.terms import Both
from balai.people.models import Organisation, Role

LONGEST_REASON = 1000
LONGEST_COMMENT = 2000


class EditKind(models.TextChoices):
    CHANGE = "change", _("change")
    ADD = "add", _("new article")
    DELETE = "delete", _("take out")
    MOVE = "move", _("move")


class ProposalState(models.TextChoices):
    OPEN = "open", _("open")
    ACCEPTED = "accepted", _("accepted")
    REJECTED = "rejected", _("rejected")
    COUNTERED = "countered", _("answered by another proposal")
    WITHDRAWN = "withdrawn", _("withdrawn")


class ClauseProposal(models.Model):
    """One party's wish for one article, against the version it was written on. Never edited."""

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="proposals")
    number = models.PositiveIntegerField(help_text="counted within the agreement")
    base = models.ForeignKey(AgreementVersion, models.CASCADE, related_name="+")
    party = models.ForeignKey(Party, models.CASCADE, related_name="proposals")
    kind = models.CharField(max_length=6, choices=EditKind)
    key = models.CharField(max_length=40, help_text="of the article")
    after = models.CharField(max_length=40, blank=True, help_text="behind this article; first if empty")
    heading = models.JSONField(default=dict)
    text = models.JSONField(default=list)
    reason = models.CharField(max_length=LONGEST_REASON)
    state = models.CharField(max_length=9, choices=ProposalState, default=ProposalState.OPEN)
    counter_of = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="counters")
    result = models.ForeignKey(AgreementVersion, models.PROTECT, null=True, blank=True, related_name="+")
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "number"], name="proposal_number_once"),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None) | (~Q(state="open") & Q(closed_at__isnull=False)),
                name="closed_proposal_has_day",
            ),
            models.CheckConstraint(
                condition=Q(state="accepted", result__isnull=False)
                | (~Q(state="accepted") & Q(result__isnull=True)),
                name="accepted_proposal_has_text",
            ),
            models.CheckConstraint(condition=~Q(counter_of=F("id")), name="proposal_counters_another"),
        ]

    @property
    def edit(self) -> ClauseEdit:
        """What is proposed, as a value."""
        return ClauseEdit(
            kind=self.kind,
            key=self.key,
            after=self.after,
            heading=Both(self.heading.get("id", ""), self.heading.get("en", "")),
            text=tuple(Both(p["id"], p["en"]) for p in self.text),
        )


class ProposalAnswer(models.Model):
    """What another party says to a proposal; once."""

    proposal = models.ForeignKey(ClauseProposal, models.CASCADE, related_name="answers")
    party = models.ForeignKey(Party, models.CASCADE, related_name="answers")
    accepted = models.BooleanField()
    reason = models.CharField(max_length=LONGEST_REASON, blank=True)
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "pk"]
        constraints = [models.UniqueConstraint(fields=["proposal", "party"], name="answered_once")]


class CommentAudience(models.TextChoices):
    OWN = "own", _("my own side only")
    ALL = "all", _("all parties")


class CommentQuerySet(models.QuerySet["Comment"]):
    def readable_for(self, party: Party | None) -> "CommentQuerySet":
        """Those meant for all parties, and those of the reader's own side. The caller is inside."""
        own = Q(party=party) if party is not None else Q(pk__in=[])
        return self.filter(Q(audience=CommentAudience.ALL) | own)


class Comment(models.Model):
    """A remark on an article or on the whole text. A reply has its thread's audience."""

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="comments")
    key = models.CharField(max_length=40, blank=True, help_text="of the article; empty for the whole")
    audience = models.CharField(max_length=3, choices=CommentAudience)
    party = models.ForeignKey(Party, models.CASCADE, related_name="comments")
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="replies")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, choices=Role)
    text = models.CharField(max_length=LONGEST_COMMENT)
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects = CommentQuerySet.as_manager()

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(parent=None) | Q(resolved_at=None), name="only_threads_are_resolved"
            )
        ]


class BroughtDraft(models.Model):
    """What was found in a word processor's file a party brought; the file itself is not kept."""

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="drafts")
    party = models.ForeignKey(Party, models.CASCADE, related_name="drafts")
    base = models.ForeignKey(AgreementVersion, models.CASCADE, related_name="+")
    name = models.CharField(max_length=160)
    sha256 = models.CharField(max_length=64)
    findings = models.JSONField()
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True, help_text="when proposals were made of it")

    class Meta:
        ordering = ["-at", "-pk"]
