"""Delivery: where, by when, safely or not, measured how, and how it ended."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from balai.collaborations.models import Collaboration
from balai.core.models import Document
from balai.indicators.models import Indicator


class Pilot(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collaboration = models.OneToOneField(Collaboration, models.CASCADE, related_name="pilot")
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    asset = models.TextField(blank=True, help_text="city asset used, and its owner")
    safety_plan = models.TextField(blank=True)
    stop_criteria = models.TextField(blank=True)
    restart_criteria = models.TextField(blank=True)
    insurance = models.CharField(max_length=200, blank=True)


class Site(models.Model):
    """A place the pilot may use, with its boundary."""

    pilot = models.ForeignKey(Pilot, models.CASCADE, related_name="sites")
    name = models.CharField(max_length=160)
    latitude = models.FloatField()
    longitude = models.FloatField()
    radius_m = models.PositiveIntegerField(null=True, blank=True)
    fence = models.JSONField(null=True, blank=True, help_text="GeoJSON Polygon; else the circle")
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(radius_m__isnull=False) | Q(fence__isnull=False), name="site_has_boundary"
            )
        ]


class Milestone(models.Model):
    pilot = models.ForeignKey(Pilot, models.CASCADE, related_name="milestones")
    title = models.CharField(max_length=200)
    due_on = models.DateField()
    done_at = models.DateTimeField(null=True, blank=True)
    evidence = models.ForeignKey(Document, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["due_on", "id"]


class Obligation(models.Model):
    """What one side promised to do, and whether it was done."""

    pilot = models.ForeignKey(Pilot, models.CASCADE, related_name="obligations")
    side = models.CharField(max_length=10, choices=[("partner", _("partner")), ("city", _("city"))])
    text = models.CharField(max_length=300)
    due_on = models.DateField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["due_on", "id"]


class Severity(models.TextChoices):
    MINOR = "minor", _("minor")
    SERIOUS = "serious", _("serious")
    FATAL = "fatal", _("fatal")


class Incident(models.Model):
    pilot = models.ForeignKey(Pilot, models.CASCADE, related_name="incidents")
    site = models.ForeignKey(Site, models.SET_NULL, null=True, blank=True, related_name="incidents")
    severity = models.CharField(max_length=10, choices=Severity)
    happened_at = models.DateTimeField()
    text = models.TextField(max_length=4000)
    people_hurt = models.PositiveIntegerField(default=0)
    reported_by = models.UUIDField(null=True, help_text="pseudonym")
    reported_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    measures = models.TextField(blank=True, max_length=4000, help_text="what was done so it does not recur")
    source_url = models.URLField(max_length=400, blank=True)

    class Meta:
        ordering = ["-happened_at"]


class Suspension(models.Model):
    """Stopped by whom, under which authority, why, from when, until when."""

    pilot = models.ForeignKey(Pilot, models.CASCADE, related_name="suspensions")
    authority = models.CharField(max_length=200)
    reason = models.TextField(max_length=2000)
    started_at = models.DateTimeField()
    by = models.UUIDField(null=True)
    resumed_at = models.DateTimeField(null=True, blank=True)
    resumed_authority = models.CharField(max_length=200, blank=True)
    resumed_reason = models.TextField(blank=True, max_length=2000)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["pilot"], condition=Q(resumed_at=None), name="one_open_suspension"
            )
        ]


class MonitoringForm(models.TextChoices):
    """The three views of one pilot."""

    BUREAU = "bureau", _("cooperation bureau")
    PARTNER = "partner", _("partner")
    AGENCY = "agency", _("agency (OPD)")


class MonitoringReport(models.Model):
    pilot = models.ForeignKey(Pilot, models.CASCADE, related_name="reports")
    form = models.CharField(max_length=10, choices=MonitoringForm)
    period = models.CharField(max_length=20, help_text="e.g. 2026-S1")
    answers = models.JSONField(default=dict)
    rating = models.PositiveSmallIntegerField(null=True, blank=True)
    advice = models.CharField(
        max_length=10,
        blank=True,
        choices=[
            ("continue", _("continue")),
            ("expand", _("expand")),
            ("fix", _("fix")),
            ("stop", _("stop")),
        ],
    )
    evidence = models.ForeignKey(Document, models.PROTECT, null=True, blank=True, related_name="+")
    by = models.UUIDField(null=True, help_text="pseudonym")
    filed_at = models.DateTimeField()

    class Meta:
        ordering = ["-filed_at"]
        constraints = [models.UniqueConstraint(fields=["pilot", "form", "period"], name="filed_once")]


class EvaluationPlan(models.Model):
    """What will be measured and how, fixed before the pilot runs."""

    pilot = models.OneToOneField(Pilot, models.CASCADE, related_name="evaluation")
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="evaluations")
    baseline = models.DecimalField(max_digits=18, decimal_places=4)
    baseline_period = models.CharField(max_length=40)
    target = models.DecimalField(max_digits=18, decimal_places=4)
    method = models.TextField(max_length=2000, help_text="how, where, against what")
    registered_at = models.DateTimeField()
    registered_by = models.UUIDField(null=True)


class Effect(models.Model):
    """The result against the plan. "No effect" and "worse" are outcomes like any other."""

    plan = models.OneToOneField(EvaluationPlan, models.CASCADE, related_name="effect")
    observed = models.DecimalField(max_digits=18, decimal_places=4)
    period = models.CharField(max_length=40)
    sample = models.CharField(max_length=100, blank=True)
    confidence = models.CharField(max_length=300, blank=True)
    other_events = models.TextField(blank=True, max_length=2000)
    claimed_by = models.UUIDField(null=True)
    claimed_at = models.DateTimeField()
    verified_by = models.UUIDField(null=True, help_text="never the claimant")
    verified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(verified_by__isnull=True) | ~Q(verified_by=models.F("claimed_by")),
                name="effect_verified_by_another",
            )
        ]


class ExitDecision(models.Model):
    """How the pilot ended, on what evidence."""

    pilot = models.OneToOneField(Pilot, models.CASCADE, related_name="exit")
    reason = models.TextField(max_length=4000)
    procurement_reference = models.CharField(max_length=120, blank=True)
    data_disposal = models.TextField(blank=True, max_length=2000)
    by = models.UUIDField(null=True)
    at = models.DateTimeField()


class FlowMeasure(models.Model):
    """A series of the pilot that is computed week by week from the partner's released data, never typed."""

    pilot = models.ForeignKey(Pilot, models.CASCADE, related_name="flow_measures")
    name = models.CharField(max_length=160)
    contract = models.CharField(max_length=80)
    major = models.PositiveIntegerField()
    purpose = models.CharField(max_length=60)
    measure = models.CharField(max_length=60, blank=True, help_text="empty: rows are counted")
    aggregate = models.CharField(
        max_length=10, choices=[("sum", _("sum")), ("count", _("number")), ("mean", _("mean"))]
    )
    unit = models.CharField(max_length=40, blank=True)
    zones = models.JSONField(default=list, help_text="where the pilot works; empty: everywhere")
    bound_at = models.DateTimeField()
    bound_by = models.UUIDField(null=True, help_text="pseudonym")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["bound_at", "pk"]


class FlowReading(models.Model):
    """One week of a measure. Days released late make a new one beside it; nothing is overwritten."""

    measure = models.ForeignKey(FlowMeasure, models.CASCADE, related_name="readings")
    week = models.DateField(help_text="its Monday")
    value = models.DecimalField(max_digits=18, decimal_places=4)
    days = models.PositiveSmallIntegerField(help_text="released, of seven")
    k = models.PositiveIntegerField(help_text="0 where no person is concerned")
    rows = models.PositiveBigIntegerField()
    withheld = models.PositiveBigIntegerField(help_text="rows that could only be told of a wider grouping")
    zones = models.JSONField(help_text="zone, value, rows: also where the pilot does not work")
    fed = models.JSONField(help_text="versions, and each released day with its SHA-256")
    digest = models.CharField(max_length=64)
    invented = models.BooleanField(default=False, help_text="computed from simulated data")
    supersedes = models.OneToOneField("self", models.PROTECT, null=True, related_name="superseded_by")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["week", "made_at"]
        constraints = [models.UniqueConstraint(fields=["measure", "week", "digest"], name="flow_read_once")]
