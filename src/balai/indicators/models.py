"""Dimension sets and their crosswalk, the indicators, and the values measured for cities."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from balai.core.models import Document
from balai.people.models import City


class Dimension(models.TextChoices):
    """The six indicators of the source document."""

    GOVERNMENT = "government", _("Smart Government")
    MOBILITY = "mobility", _("Smart Mobility")
    ENVIRONMENT = "environment", _("Smart Environment")
    PEOPLE = "people", _("Smart People")
    ECONOMY = "economy", _("Smart Economy")
    LIVING = "living", _("Smart Living")


class DimensionSet(models.Model):
    """One way of dividing what a city does; the hub keeps several side by side."""

    key = models.SlugField(primary_key=True)
    name = models.CharField(max_length=160)
    name_en = models.CharField(max_length=160)
    source = models.CharField(max_length=300)
    source_url = models.URLField(max_length=500, blank=True)
    place = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["place", "key"]

    def __str__(self) -> str:
        return self.name_en if get_language() == "en" else self.name


class SetDimension(models.Model):
    """A dimension of a set, or with ``parent`` one of its sub-dimensions (key ``living/health``)."""

    of = models.ForeignKey(DimensionSet, models.CASCADE, related_name="dimensions")
    key = models.CharField(max_length=60)
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="parts")
    name = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120)
    place = models.PositiveSmallIntegerField(default=0)
    counterparts = models.ManyToManyField("self", symmetrical=True, help_text="the crosswalk")

    class Meta:
        ordering = ["of", "place"]
        constraints = [models.UniqueConstraint(fields=["of", "key"], name="dimension_once_in_set")]

    def __str__(self) -> str:
        return self.name_en if get_language() == "en" else self.name


class IndicatorType(models.TextChoices):
    """Where on the way from means to change an indicator looks."""

    INPUT = "input", _("input")
    PROCESS = "process", _("process")
    OUTPUT = "output", _("output")
    OUTCOME = "outcome", _("outcome")
    IMPACT = "impact", _("impact")


class Basis(models.TextChoices):
    """What a figure is. Ranks and perceptions are never averaged with measurements."""

    MEASURED = "measured", _("measured")
    PERCEPTION = "perception", _("asked of people")
    RANK = "rank", _("a rank")


class Indicator(models.Model):
    """One measure of one dimension, with its unit, direction and source."""

    code = models.CharField(max_length=12, primary_key=True, help_text="e.g. MOB-01")
    dimension = models.CharField(max_length=20, choices=Dimension)
    programme_dimension = models.CharField(
        max_length=60, blank=True, help_text="key in the ministry's set, e.g. living/mobility"
    )
    name = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200)
    unit = models.CharField(max_length=60)
    ucum = models.CharField(max_length=40, blank=True, help_text="the unit in UCUM")
    higher_is_better = models.BooleanField()
    type = models.CharField(max_length=10, choices=IndicatorType, default=IndicatorType.OUTPUT)
    basis = models.CharField(max_length=12, choices=Basis, default=Basis.MEASURED)
    source = models.CharField(max_length=200, blank=True)
    frequency = models.CharField(max_length=60, blank=True)
    reference_sets = models.CharField(max_length=300, blank=True)
    measure = models.SlugField(blank=True, help_text="computed by the hub from its own records")

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name_en if get_language() == "en" else self.name

    @property
    def references(self) -> list[str]:
        """The international sets that know this indicator."""
        return [part.strip() for part in self.reference_sets.split(";") if part.strip(" -")]


class ImportState(models.TextChoices):
    PREVIEWED = "previewed", _("waits for confirmation")
    CONFIRMED = "confirmed", _("confirmed")
    DISCARDED = "discarded", _("discarded")


class ImportBatch(models.Model):
    """A table of values as it came in: what it holds, what was wrong with it, whether it was taken over."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    city = models.ForeignKey(City, models.PROTECT, null=True, related_name="+", help_text="empty: all cities")
    kind = models.CharField(
        max_length=10, choices=[("csv", "CSV"), ("xlsx", "XLSX"), ("bps", "BPS WebAPI"), ("ckan", "CKAN")]
    )
    name = models.CharField(max_length=200, help_text="of the file, or what was asked for")
    document = models.ForeignKey(Document, models.PROTECT, null=True, related_name="+")
    sha256 = models.CharField(max_length=64, help_text="of what was read")
    rows = models.JSONField(default=list)
    faults = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=ImportState, default=ImportState.PREVIEWED)
    written = models.PositiveIntegerField(default=0)
    by = models.UUIDField(null=True, help_text="pseudonym")
    at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at"]


class ValueStatus(models.TextChoices):
    FINAL = "final", _("final")
    PROVISIONAL = "provisional", _("provisional")
    DERIVED = "derived", _("derived from other figures")
    COPIED = "copied", _("the province's figure")
    CLAIM = "claim", _("a claim")
    TARGET = "target", _("a target, not a measurement")
    FLOW = "flow", _("computed from partners' data")
    FLOW_PARTIAL = "flow-partial", _("computed from partners' data, of too few days")


MEASUREMENTS = (ValueStatus.FINAL, ValueStatus.PROVISIONAL, ValueStatus.DERIVED, ValueStatus.FLOW)
"""What may be compared and ranked; a target, a claim or a figure of too few days may not."""
COMPUTED = (ValueStatus.FLOW, ValueStatus.FLOW_PARTIAL)
"""What only the hub computes; no table may claim it."""


class ValueQuerySet(models.QuerySet["Value"]):
    def standing(self) -> "ValueQuerySet":
        """Without the figures their own source has corrected."""
        return self.filter(superseded_by=None)


class Value(models.Model):
    """One published figure. A newer one stands beside it; nothing is overwritten."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="values")
    city = models.ForeignKey(City, models.PROTECT, related_name="values")
    period = models.CharField(max_length=10, help_text="2024, 2024-06, 2024-S1, 2024-Q3")
    value = models.DecimalField(max_digits=18, decimal_places=4)
    status = models.CharField(max_length=12, choices=ValueStatus, default=ValueStatus.FINAL)
    as_of = models.DateField(null=True, help_text="when the source said so")
    source = models.CharField(max_length=300)
    source_url = models.URLField(max_length=500, blank=True)
    method_version = models.CharField(max_length=60, blank=True)
    note = models.CharField(max_length=300, blank=True)
    supersedes = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="superseded_by", help_text="the figure this corrects"
    )
    invented = models.BooleanField(default=False, help_text="computed from demonstration records")
    lineage = models.JSONField(null=True, help_text="what the hub computed it from")
    batch = models.ForeignKey(ImportBatch, models.PROTECT, null=True, related_name="values")
    recorded_at = models.DateTimeField(auto_now_add=True)
    recorded_by = models.UUIDField(null=True, help_text="pseudonym")

    objects = ValueQuerySet.as_manager()

    class Meta:
        ordering = ["indicator", "period", "recorded_at"]
        indexes = [models.Index(fields=["city", "indicator", "period"], name="value_city_indicator")]
        constraints = [
            models.CheckConstraint(
                condition=Q(supersedes=None) | ~Q(supersedes=models.F("id")), name="no_value_corrects_itself"
            )
        ]

    @property
    def compared(self) -> bool:
        """Whether it is a measurement, so that cities and years may be compared by it."""
        return self.status in MEASUREMENTS


class CityCode(models.Model):
    """What another list calls a city: the ministry's code differs from that of the statistics office."""

    city = models.ForeignKey(City, models.CASCADE, related_name="codes")
    system = models.CharField(max_length=20, choices=[("kemendagri", "Kemendagri"), ("bps", "BPS")])
    code = models.CharField(max_length=20)
    source = models.CharField(max_length=300)

    class Meta:
        ordering = ["city", "system"]
        constraints = [models.UniqueConstraint(fields=["system", "code"], name="code_once_in_list")]


class FlowSource(models.Model):
    """From which released figures of partners an indicator is computed. A changed one is a new revision."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="flow_sources")
    city = models.ForeignKey(City, models.PROTECT, related_name="flow_sources")
    revision = models.PositiveIntegerField()
    definition = models.TextField(help_text="TOML, see indicators.flow.definition")
    sha256 = models.CharField(max_length=64)
    shipped = models.BooleanField(help_text="as it came with the hub, not a keeper's")
    retired = models.BooleanField(default=False, help_text="this revision ends the computing")
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.UUIDField(null=True, help_text="pseudonym")

    class Meta:
        ordering = ["indicator", "city", "-revision"]
        constraints = [
            models.UniqueConstraint(fields=["indicator", "city", "revision"], name="flow_revision_once")
        ]

    @property
    def method(self) -> str:
        """The name under which values are compared: another revision is another method."""
        return f"flow-{self.revision}"


class FlowFigure(models.Model):
    """What a value computed from the flow rests on. Written once with its value, never changed."""

    value = models.OneToOneField(Value, models.CASCADE, primary_key=True, related_name="flow")
    source = models.ForeignKey(FlowSource, models.PROTECT, related_name="figures")
    first = models.DateField()
    last = models.DateField()
    days = models.PositiveIntegerField(help_text="of the period, released by every contract")
    low = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    high = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    k = models.PositiveIntegerField(help_text="0 where no person is concerned")
    rows = models.PositiveBigIntegerField(help_text="behind the value")
    withheld = models.PositiveBigIntegerField(help_text="rows that could only be told of a wider grouping")
    fed = models.JSONField(help_text="by contract: versions, and each released day with its SHA-256")
    zones = models.JSONField(help_text="zone, value, rows: of which every side may be told")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the days' sums it was computed from")

    class Meta:
        ordering = ["-first"]

    @property
    def asked(self) -> int:
        """Days the period has."""
        return (self.last - self.first).days + 1
