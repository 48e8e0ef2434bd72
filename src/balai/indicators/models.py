"""The six dimensions, their indicators, and the values measured for cities."""

import uuid

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from balai.people.models import City


class Dimension(models.TextChoices):
    """The six indicators of the source document."""

    GOVERNMENT = "government", _("Smart Government")
    MOBILITY = "mobility", _("Smart Mobility")
    ENVIRONMENT = "environment", _("Smart Environment")
    PEOPLE = "people", _("Smart People")
    ECONOMY = "economy", _("Smart Economy")
    LIVING = "living", _("Smart Living")


class Indicator(models.Model):
    """One measure of one dimension, with its unit, direction and source."""

    code = models.CharField(max_length=12, primary_key=True, help_text="e.g. MOB-01")
    dimension = models.CharField(max_length=20, choices=Dimension)
    programme_dimension = models.CharField(max_length=60, blank=True, help_text="the ministry's set")
    name = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200)
    unit = models.CharField(max_length=60)
    higher_is_better = models.BooleanField()
    source = models.CharField(max_length=200, blank=True)
    frequency = models.CharField(max_length=60, blank=True)
    reference_sets = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name_en if get_language() == "en" else self.name


class Value(models.Model):
    """One published figure. A newer one stands beside it; nothing is overwritten."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="values")
    city = models.ForeignKey(City, models.PROTECT, related_name="values")
    period = models.CharField(max_length=10, help_text="2024, 2024-06")
    value = models.DecimalField(max_digits=18, decimal_places=4)
    as_of = models.DateField(null=True, help_text="when the source said so")
    source = models.CharField(max_length=300)
    source_url = models.URLField(max_length=500, blank=True)
    method_version = models.CharField(max_length=60, blank=True)
    note = models.CharField(max_length=300, blank=True)
    recorded_at = models.DateTimeField(auto_now_add=True)
    recorded_by = models.UUIDField(null=True, help_text="pseudonym")

    class Meta:
        ordering = ["indicator", "period", "recorded_at"]
        indexes = [models.Index(fields=["city", "indicator", "period"], name="value_city_indicator")]
