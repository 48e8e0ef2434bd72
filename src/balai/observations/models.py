"""What flows between a partner and the city: the datasets that agreements schedule."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from balai.people.models import City, Organisation


class Direction(models.TextChoices):
    TO_CITY = "to_city", _("partner to city")
    TO_PARTNER = "to_partner", _("city to partner")
    BOTH = "both", _("both ways")


class Dataset(models.Model):
    """A data flow with a partner: what, how fine, how often, in what form, on what legal basis."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    city = models.ForeignKey(City, models.PROTECT, related_name="datasets")
    partner = models.ForeignKey(Organisation, models.PROTECT, related_name="datasets")
    name = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200, blank=True)
    direction = models.CharField(max_length=10, choices=Direction)
    fields = models.TextField(blank=True, help_text="fields and granularity")
    granularity = models.CharField(max_length=200, blank=True)
    refresh = models.CharField(max_length=100, blank=True)
    form = models.CharField(max_length=200, blank=True, help_text="format or standard")
    owner = models.CharField(max_length=200, blank=True)
    personal = models.BooleanField(default=False, help_text="holds data about identifiable people")
    legal_basis = models.CharField(max_length=300, blank=True)
    controller = models.CharField(max_length=200, blank=True)
    retention_days = models.PositiveIntegerField(null=True, blank=True)
    source = models.CharField(max_length=300, blank=True)
    source_url = models.URLField(max_length=400, blank=True)

    class Meta:
        ordering = ["partner", "name"]
