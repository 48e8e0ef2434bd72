"""A computed index with everything it was computed from, so that anybody can compute it again."""

import uuid

from django.db import models
from django.utils.translation import get_language


class IndexRun(models.Model):
    """One computation: specification, data, seed, versions of the programs, and what came out."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=160)
    name_en = models.CharField(max_length=160)
    year = models.PositiveSmallIntegerField()
    specification = models.TextField(help_text="TOML")
    data = models.TextField(help_text="CSV: unit, group, one column an indicator")
    names = models.JSONField(help_text="name of each unit by its code")
    invented = models.BooleanField(default=False, help_text="the data are made up, to show how it works")
    seed = models.PositiveIntegerField()
    replications = models.PositiveIntegerField()
    chosen = models.PositiveIntegerField(help_text="how many places there are")
    versions = models.JSONField(help_text="of the hub and the numerical libraries")
    spec_hash = models.CharField(max_length=64)
    data_hash = models.CharField(max_length=64)
    result = models.JSONField()
    computed_at = models.DateTimeField()

    class Meta:
        ordering = ["-year", "-computed_at"]

    def __str__(self) -> str:
        return self.name_en if get_language() == "en" else self.name
