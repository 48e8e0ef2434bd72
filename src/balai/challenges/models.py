"""A need or an indicator gap, posed by an agency as a call that several partners may answer."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from balai.indicators.models import Indicator
from balai.needs.models import Need
from balai.people.models import City, Organisation
from balai.people.rules import Reader, cities_audited, cities_staffed, is_person


class ChallengeState(models.TextChoices):
    DRAFT = "draft", _("draft")
    OPEN = "open", _("open")
    CLOSED = "closed", _("closed to new applications")
    ENDED = "ended", _("ended")


SCHEMES = ("playground", "co-develop", "user")
"""Keys of the schemes a challenge can be open to; the collaborations room, above, keeps what they mean."""


class BudgetRoute(models.TextChoices):
    NONE = "none", _("no regional budget")
    APBD = "apbd", _("regional budget (APBD), through procurement")
    PARTNER = "partner", _("the partner pays")
    OTHER = "other", _("another source, named in the brief")


class ChallengeQuerySet(models.QuerySet["Challenge"]):
    def visible_to(self, user: Reader) -> "ChallengeQuerySet":
        """Every challenge once opened; drafts only for the staff and auditors of their city."""
        public = ~Q(state=ChallengeState.DRAFT)
        if not is_person(user):
            return self.filter(public)
        return self.filter(public | Q(city__in=cities_staffed(user) | cities_audited(user)))


class Challenge(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(max_length=20, unique=True)
    city = models.ForeignKey(City, models.PROTECT, related_name="challenges")
    agency = models.ForeignKey(
        Organisation, models.PROTECT, related_name="challenges", help_text="the problem owner (OPD)"
    )
    title = models.CharField(max_length=160)
    title_en = models.CharField(max_length=160, blank=True)
    brief = models.TextField(blank=True, help_text="what is wanted and what success looks like")
    brief_en = models.TextField(blank=True)
    dimension = models.CharField(max_length=20)
    indicator = models.ForeignKey(Indicator, models.PROTECT, null=True, blank=True, related_name="challenges")
    baseline = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    baseline_period = models.CharField(max_length=40, blank=True)
    baseline_source = models.CharField(max_length=300, blank=True)
    target = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    contact = models.CharField(max_length=200, blank=True, help_text="unit that answers, never a person")
    data_access = models.TextField(blank=True, help_text="which data the city gives, and how")
    budget_route = models.CharField(max_length=10, choices=BudgetRoute, blank=True)
    budget_note = models.CharField(max_length=300, blank=True)
    adoption_route = models.TextField(blank=True, help_text="what happens if it works")
    schemes = models.JSONField(default=list, help_text="scheme keys that may answer")
    needs = models.ManyToManyField(Need, related_name="challenges", blank=True)
    state = models.CharField(max_length=10, choices=ChallengeState, default=ChallengeState.DRAFT)
    questions_until = models.DateField(null=True, blank=True)
    closes_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    close_reason = models.CharField(max_length=300, blank=True)
    revision = models.PositiveIntegerField(default=0, help_text="grows with every edit and change of state")
    invented = models.BooleanField(default=False)

    objects = ChallengeQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-created_at"]
        indexes = [models.Index(fields=["city", "state"], name="challenge_city_state")]

    def __str__(self) -> str:
        return self.title_en if get_language() == "en" and self.title_en else self.title

    @property
    def thread(self) -> str:
        return f"challenge:{self.pk}"

    @property
    def brief_here(self) -> str:
        """The brief in the reader's language where it exists, else in Bahasa Indonesia."""
        return self.brief_en if get_language() == "en" and self.brief_en else self.brief


class Question(models.Model):
    """Asked and answered in public, so that every partner knows the same."""

    challenge = models.ForeignKey(Challenge, models.CASCADE, related_name="questions")
    text = models.TextField(max_length=1000)
    asked_by = models.UUIDField(help_text="pseudonym; never shown")
    asked_at = models.DateTimeField(auto_now_add=True)
    answer = models.TextField(blank=True, max_length=3000)
    answered_by = models.UUIDField(null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["asked_at"]
