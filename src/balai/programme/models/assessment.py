"""Readiness, yearly evaluation and citizens' survey of a city in the movement."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from balai.people.models import City, User


class Pillar(models.TextChoices):
    """The three parts of readiness."""

    STRUCTURE = "structure", _("structure")
    INFRASTRUCTURE = "infrastructure", _("infrastructure")
    SUPERSTRUCTURE = "superstructure", _("superstructure")


class Element(models.TextChoices):
    """What is looked at in each pillar; the part before the dot is the pillar."""

    PEOPLE = "structure.people", _("people who carry it out and use it")
    MONEY = "structure.money", _("budget and other money")
    MEANS = "structure.means", _("other means")
    PHYSICAL = "infrastructure.physical", _("physical infrastructure")
    DIGITAL = "infrastructure.digital", _("digital infrastructure")
    SOCIAL = "infrastructure.social", _("social infrastructure")
    POLICY = "superstructure.policy", _("regional policy and regulation")
    INSTITUTIONS = "superstructure.institutions", _("institutions")
    GOVERNANCE = "superstructure.governance", _("how it is carried out and supervised")


class Readiness(models.Model):
    """One element of a city's readiness, as one side judged it. A later judgement stands beside it."""

    LEVELS = (
        (0, _("nothing yet")),
        (1, _("planned")),
        (2, _("begun")),
        (3, _("in place")),
        (4, _("in place and reviewed")),
    )

    city = models.ForeignKey(City, models.PROTECT, related_name="readiness")
    year = models.PositiveSmallIntegerField()
    element = models.CharField(max_length=40, choices=Element)
    side = models.CharField(
        max_length=10, choices=[("city", _("the city itself")), ("assessor", _("assessor"))]
    )
    level = models.PositiveSmallIntegerField(choices=LEVELS)
    evidence = models.TextField(max_length=2000)
    evidence_url = models.URLField(max_length=500, blank=True)
    by = models.UUIDField(null=True, help_text="pseudonym")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["city", "year", "element", "side", "pk"]
        indexes = [models.Index(fields=["city", "year"], name="readiness_of_year")]
        constraints = [models.CheckConstraint(condition=Q(level__lte=4), name="readiness_level_to_four")]


class EvaluationMethod(models.Model):
    """The weights of one version of the evaluation. They differ by year and cohort: data, never changed."""

    key = models.SlugField(primary_key=True)
    name = models.CharField(max_length=160)
    name_en = models.CharField(max_length=160)
    weights = models.JSONField(help_text="per cent by component, in order")
    derived = models.JSONField(default=list, help_text="components whose weight no source states")
    note = models.TextField(blank=True)
    note_en = models.TextField(blank=True)
    source = models.CharField(max_length=300)
    source_url = models.URLField(max_length=500, blank=True)
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name_en if get_language() == "en" else self.name


COMPONENTS: dict[str, Any] = {
    "baseline": _("improvement since the last evaluation"),
    "output": _("foundation: policy, institution, budget"),
    "outcome": _("plans carried out"),
    "impact": _("benefit felt by citizens"),
    "quickwin": _("quick win"),
}
"""What every version of the evaluation weighs."""


class Evaluation(models.Model):
    """One city, one year, one version of the weights, several assessors."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    city = models.ForeignKey(City, models.PROTECT, related_name="evaluations")
    year = models.PositiveSmallIntegerField()
    method = models.ForeignKey(EvaluationMethod, models.PROTECT, related_name="evaluations")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-year", "city"]
        constraints = [models.UniqueConstraint(fields=["city", "year"], name="evaluated_once_a_year")]

    @property
    def thread(self) -> str:
        return f"assessment:{self.pk}"


class Assessor(models.Model):
    """Who judges one evaluation. Whoever declares a conflict judges no more."""

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="assessors")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    appointed_at = models.DateTimeField(auto_now_add=True)
    conflict = models.CharField(max_length=500, blank=True, help_text="as declared")
    conflict_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["evaluation", "user"], name="assessor_once")]


class ComponentScore(models.Model):
    """One assessor's score of one component, 0 to 100."""

    assessor = models.ForeignKey(Assessor, models.CASCADE, related_name="scores")
    component = models.CharField(max_length=20)
    score = models.DecimalField(max_digits=5, decimal_places=2)
    reason = models.TextField(max_length=2000)
    at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["assessor", "component"], name="component_scored_once"),
            models.CheckConstraint(condition=Q(score__gte=0, score__lte=100), name="score_in_a_hundred"),
        ]


ENOUGH = 50
"""The ministry's guide asks at least so many citizens; fewer say nothing of the city."""


class Survey(models.Model):
    """What citizens answered about one programme, on a scale of one to five."""

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="surveys")
    programme = models.CharField(max_length=200)
    dimension = models.CharField(max_length=60, help_text="key in the ministry's set")
    answers = models.JSONField(help_text="how many answered 1, 2, 3, 4, 5")
    held_from = models.DateField()
    held_until = models.DateField()
    how = models.CharField(max_length=300, help_text="who was asked, and how they were chosen")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "programme"], name="programme_surveyed_once"),
            models.CheckConstraint(
                condition=Q(held_until__gte=models.F("held_from")), name="survey_ends_after_it_began"
            ),
        ]

    @property
    def respondents(self) -> int:
        return sum(self.answers)

    @property
    def enough(self) -> bool:
        """Whether so many answered that the result may be shown."""
        return self.respondents >= ENOUGH
