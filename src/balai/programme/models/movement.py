"""The movement of cities: who takes part, and what one city offers the others."""

import uuid

from django.db import models
from django.utils.translation import get_language

from balai.collaborations.models import Collaboration
from balai.people.models import City, Organisation


class Cohort(models.Model):
    """One intake of the movement."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    name = models.CharField(max_length=120)
    invited = models.PositiveIntegerField(null=True)
    chosen = models.PositiveIntegerField(null=True)
    how = models.TextField(blank=True)
    how_en = models.TextField(blank=True)
    source = models.CharField(max_length=300)
    source_url = models.URLField(max_length=400, blank=True)

    class Meta:
        ordering = ["year"]

    def text(self) -> str:
        """How the cities were chosen, in the reader's language."""
        return self.how_en if get_language() == "en" and self.how_en else self.how


class CohortMembership(models.Model):
    """A city in a cohort, as a source says."""

    cohort = models.ForeignKey(Cohort, models.CASCADE, related_name="memberships")
    city = models.ForeignKey(City, models.CASCADE, related_name="cohort_memberships")
    source = models.CharField(max_length=300)
    source_url = models.URLField(max_length=400, blank=True)
    as_of = models.DateField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cohort", "city"], name="city_in_cohort_once")]


class Offer(models.Model):
    """A proven solution, offered to other cities with its evidence."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collaboration = models.OneToOneField(Collaboration, models.PROTECT, related_name="offer")
    what = models.TextField(max_length=3000)
    conditions = models.TextField(blank=True, max_length=3000)
    opened_at = models.DateTimeField()


class Interest(models.Model):
    """Another city asks to copy an offer."""

    offer = models.ForeignKey(Offer, models.CASCADE, related_name="interests")
    city = models.ForeignKey(City, models.CASCADE, related_name="interests")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    message = models.TextField(max_length=2000)
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["offer", "city"], name="interest_once")]
