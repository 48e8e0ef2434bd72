"""The scheme as stored data, and the one record that carries a collaboration to its exit."""

import uuid
from functools import cached_property

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language

from balai.challenges.models import Challenge
from balai.collaborations.schemes import Scheme, known, parse_cached
from balai.people.models import City, Organisation
from balai.people.rules import Reader, cities_audited, cities_staffed, is_person, organisations_of


class SchemeVersion(models.Model):
    """A scheme file as it was when it was published. Never edited; one in flight keeps its own."""

    key = models.CharField(max_length=30)
    version = models.CharField(max_length=20)
    sha256 = models.CharField(max_length=64, unique=True)
    source = models.TextField(help_text="the TOML text")
    published_at = models.DateTimeField(auto_now_add=True)
    current = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="scheme_version_once"),
            models.UniqueConstraint(fields=["key"], condition=Q(current=True), name="one_current_scheme"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.version}"

    @cached_property
    def scheme(self) -> Scheme:
        """The parsed scheme; parsed once per process and hash. Lists may leave ``source`` unread."""
        return known(self.sha256) or parse_cached(self.source)


class CollaborationQuerySet(models.QuerySet["Collaboration"]):
    def visible_to(self, user: Reader) -> "CollaborationQuerySet":
        """Public ones for all; the rest for the partner, the city's staff (once submitted) and auditors."""
        public = Q(public_since__isnull=False)
        if not is_person(user):
            return self.filter(public)
        return self.filter(
            public
            | Q(partner__in=organisations_of(user))
            | Q(submitted_at__isnull=False, city__in=cities_staffed(user))
            | Q(submitted_at__isnull=False, city__in=cities_audited(user))
        )


class Collaboration(models.Model):
    """From the first draft to the exit. Its stage changes only through `actions.make_move`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(max_length=20, unique=True)
    city = models.ForeignKey(City, models.PROTECT, related_name="collaborations")
    scheme_version = models.ForeignKey(SchemeVersion, models.PROTECT, related_name="collaborations")
    partner = models.ForeignKey(Organisation, models.PROTECT, related_name="collaborations")
    agency = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="collaborations_owned",
        help_text="the problem owner (OPD)",
    )
    challenge = models.ForeignKey(
        Challenge, models.PROTECT, null=True, blank=True, related_name="collaborations"
    )
    predecessor = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="successors")
    title = models.CharField(max_length=160)
    title_en = models.CharField(max_length=160, blank=True)
    summary = models.TextField(blank=True, max_length=1000)
    summary_en = models.TextField(blank=True, max_length=1000)
    dimensions = models.JSONField(default=list)
    stage = models.CharField(max_length=40)
    stage_since = models.DateTimeField()
    due_on = models.DateField(null=True, blank=True, help_text="end of the stage's clock")
    outcome = models.CharField(max_length=20, blank=True, help_text="set at the end of the path")
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True, blank=True)
    public_since = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    documented = models.BooleanField(
        default=False, help_text="history entered from published sources, not run on the hub"
    )
    invented = models.BooleanField(default=False)

    objects = CollaborationQuerySet.as_manager()

    class Meta:
        ordering = ["-stage_since", "-id"]
        indexes = [
            models.Index(fields=["city", "stage"], name="collaboration_city_stage"),
            models.Index(fields=["-stage_since", "-id"], name="collaboration_recent"),
            models.Index(fields=["due_on"], name="collaboration_due"),
        ]

    def __str__(self) -> str:
        return self.title_en if get_language() == "en" and self.title_en else self.title

    @property
    def thread(self) -> str:
        return f"collaboration:{self.pk}"

    @property
    def scheme(self) -> Scheme:
        return self.scheme_version.scheme
