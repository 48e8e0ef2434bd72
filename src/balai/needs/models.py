"""The citizens' voice: what the city should change."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from balai.core.models import Document
from balai.people.models import Area, City, Organisation, User
from balai.people.rules import Reader, cities_audited, cities_staffed, is_person

DIMENSIONS = ("government", "mobility", "environment", "people", "economy", "living")
"""Codes of the six dimensions; the indicators room, on the same floor, keeps their names."""


class NeedState(models.TextChoices):
    VOICED = "voiced", _("voiced")
    ANSWERED = "answered", _("answered")
    CHALLENGED = "challenged", _("became a challenge")
    MERGED = "merged", _("merged into another")
    DECLINED = "declined", _("declined with reason")
    SOLVED = "solved", _("confirmed solved")
    HIDDEN = "hidden", _("hidden by a moderator")


class CloseReason(models.TextChoices):
    """Why an agency says no. A closed list, so that "closed" never counts as "solved"."""

    NOT_CITY = "not_city", _("not within the city's authority")
    ONGOING = "ongoing", _("already under way in another programme")
    COMPLAINT = "complaint", _("a complaint for the city's complaint system")
    INFEASIBLE = "infeasible", _("not feasible now")
    UNCLEAR = "unclear", _("cannot be understood from what was written")


class NeedQuerySet(models.QuerySet["Need"]):
    def visible_to(self, user: Reader) -> "NeedQuerySet":
        """Everything public; hidden ones for their author and the staff and auditors of the city."""
        if not is_person(user):
            return self.exclude(state=NeedState.HIDDEN)
        staff = cities_staffed(user) | cities_audited(user)
        return self.filter(~Q(state=NeedState.HIDDEN) | Q(author=user) | Q(city__in=staff))


class Need(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(max_length=20, unique=True)
    city = models.ForeignKey(City, models.PROTECT, related_name="needs")
    author = models.ForeignKey(User, models.SET_NULL, null=True, related_name="needs")
    show_name = models.BooleanField(default=False, help_text="private unless the author chooses")
    title = models.CharField(max_length=120)
    text = models.TextField(max_length=2000)
    dimension = models.CharField(max_length=20)
    place = models.CharField(max_length=200, blank=True, help_text="in the citizen's words")
    area = models.ForeignKey(Area, models.SET_NULL, null=True, blank=True, related_name="needs")
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    photo = models.ForeignKey(Document, models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=12, choices=NeedState, default=NeedState.VOICED)
    agency = models.ForeignKey(Organisation, models.PROTECT, null=True, blank=True, related_name="needs")
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="merged")
    complaint_number = models.CharField(
        max_length=60, blank=True, help_text="report number in the city's complaint system"
    )
    close_reason = models.CharField(max_length=20, choices=CloseReason, blank=True)
    support_count = models.PositiveIntegerField(default=0, help_text="kept by the support action")
    voiced_at = models.DateTimeField()
    answer_due = models.DateField(help_text="last working day of the answer clock")
    answered_at = models.DateTimeField(null=True, blank=True)
    solved_at = models.DateTimeField(null=True, blank=True)
    hidden_from = models.CharField(max_length=12, blank=True, help_text="state to return to")
    overdue_noted = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=0, help_text="grows with every change of state or duty")
    invented = models.BooleanField(default=False)

    objects = NeedQuerySet.as_manager()

    class Meta:
        ordering = ["-voiced_at", "-id"]
        indexes = [models.Index(fields=["city", "state", "-voiced_at"], name="need_city_state")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="merged") | Q(merged_into__isnull=False), name="need_merged_somewhere"
            ),
            models.CheckConstraint(
                condition=~Q(state="declined") | ~Q(close_reason=""), name="need_declined_with_reason"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def thread(self) -> str:
        return f"need:{self.pk}"


class Support(models.Model):
    """One person stands behind one need."""

    need = models.ForeignKey(Need, models.CASCADE, related_name="supports")
    user = models.ForeignKey(User, models.CASCADE, related_name="supports")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["need", "user"], name="support_once")]


class Answer(models.Model):
    """What an agency says to a need, in public."""

    need = models.ForeignKey(Need, models.CASCADE, related_name="answers")
    agency = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    text = models.TextField(max_length=4000)
    by = models.UUIDField(help_text="pseudonym")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["at"]


class Confirmation(models.Model):
    """The author or a supporter says whether the need is solved. One word each, changeable."""

    need = models.ForeignKey(Need, models.CASCADE, related_name="confirmations")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    solved = models.BooleanField()
    at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["need", "user"], name="confirmation_once")]


class Terms(models.Model):
    """What a city promises those who voice a need. A city without a row has the hub's defaults."""

    city = models.OneToOneField(City, models.CASCADE, primary_key=True, related_name="need_terms")
    answer_days = models.PositiveSmallIntegerField(
        default=5, help_text="working days; ours, after the 3, 5 and 10 of LAPOR"
    )
    needs_per_day = models.PositiveSmallIntegerField(default=5, help_text="a person may voice; ours")
    confirmations = models.PositiveSmallIntegerField(
        default=3, help_text="of author and supporters that make a need solved; ours"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(answer_days__gte=1, needs_per_day__gte=1, confirmations__gte=1),
                name="need_terms_positive",
            )
        ]
