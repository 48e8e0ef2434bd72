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


class ContractState(models.TextChoices):
    DRAFT = "draft", _("draft")
    ACTIVE = "active", _("in force")
    RETIRED = "retired", _("retired")


class DataContract(models.Model):
    """One version of one contract as its document says it. Never edited; a newer version stands beside it."""

    city = models.ForeignKey(City, models.PROTECT, related_name="data_contracts")
    partner = models.ForeignKey(Organisation, models.PROTECT, related_name="data_contracts")
    dataset = models.ForeignKey(
        Dataset, models.PROTECT, null=True, blank=True, related_name="contracts", help_text="as scheduled"
    )
    contract = models.CharField(max_length=80, help_text="the document's id, e.g. gojek-trips")
    major = models.PositiveIntegerField()
    minor = models.PositiveIntegerField()
    patch = models.PositiveIntegerField()
    document = models.TextField(help_text="Open Data Contract Standard, YAML")
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=ContractState, default=ContractState.DRAFT)
    subject = models.CharField(max_length=80, blank=True, help_text="what binds it, e.g. agreement:<id>")
    invented = models.BooleanField(default=False, help_text="its data are simulated")
    closed_at = models.DateTimeField(
        null=True, blank=True, help_text="when its keys were last seen shut: nothing was due before"
    )
    missed_since = models.DateTimeField(null=True, blank=True, help_text="since when its refresh is overdue")
    published_at = models.DateTimeField()
    published_by = models.UUIDField(null=True, help_text="pseudonym")

    class Meta:
        ordering = ["contract", "-major", "-minor", "-patch"]
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "major", "minor", "patch"], name="contract_version_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.contract} {self.version}"

    @property
    def version(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def table(self) -> str:
        """The store's name for the rows of every minor version of this major one."""
        return f"{self.contract.replace('-', '_')}_v{self.major}"


class DataKey(models.Model):
    """Lets a partner's machine send the rows of one contract. Only the hash of its secret is kept."""

    id = models.CharField(primary_key=True, max_length=16)
    secret_sha256 = models.CharField(max_length=64)
    city = models.ForeignKey(City, models.PROTECT, related_name="data_keys")
    partner = models.ForeignKey(Organisation, models.PROTECT, related_name="data_keys")
    contract = models.CharField(max_length=80)
    major = models.PositiveIntegerField()
    sandbox = models.BooleanField(help_text="its rows are checked and counted, then dropped")
    subject = models.CharField(max_length=80, blank=True, help_text="what it serves, e.g. collaboration:<id>")
    rows_per_second = models.PositiveIntegerField(default=2000)
    rows_per_day = models.PositiveBigIntegerField(default=20_000_000)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.UUIDField(null=True, help_text="pseudonym")
    expires_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    stopped_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["subject"], name="data_key_subject")]


class StoreFile(models.Model):
    """A Parquet file that belongs to the store. What no row names is no data."""

    table = models.CharField(max_length=100)
    day = models.DateField(help_text="UTC day of the rows' time")
    path = models.CharField(max_length=300, unique=True, help_text="below the store's folder")
    rows = models.PositiveBigIntegerField()
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    made_of = models.JSONField(default=list, help_text="SHA-256 of the files this one was put together from")
    first_at = models.DateTimeField(help_text="earliest time of a row")
    last_at = models.DateTimeField(help_text="latest time of a row")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["table", "day", "pk"]
        indexes = [models.Index(fields=["table", "day"], name="store_table_day")]


class Drained(models.Model):
    """How far a node's log is in the store."""

    node = models.CharField(primary_key=True, max_length=60)
    segment = models.PositiveBigIntegerField()
    offset = models.PositiveBigIntegerField()


class Receipt(models.Model):
    """One batch's final account, written when its rows are in the store."""

    id = models.CharField(primary_key=True, max_length=36)
    key = models.CharField(max_length=16)
    contract = models.CharField(max_length=80)
    version = models.CharField(max_length=20)
    table = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the body as it came")
    node = models.CharField(max_length=60)
    segment = models.PositiveBigIntegerField()
    offset = models.PositiveBigIntegerField()
    received_at = models.DateTimeField()
    received = models.PositiveIntegerField()
    accepted = models.PositiveIntegerField()
    quarantined = models.PositiveIntegerField()
    duplicates = models.PositiveIntegerField()
    sandbox = models.BooleanField()
    replayed = models.PositiveIntegerField(db_default=0, help_text="quarantined rows taken later")
    expired = models.PositiveIntegerField(db_default=0, help_text="quarantined rows deleted unused")

    class Meta:
        ordering = ["-received_at"]
        indexes = [models.Index(fields=["contract", "-received_at"], name="receipt_contract")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    received=models.F("accepted") + models.F("quarantined") + models.F("duplicates")
                ),
                name="receipt_adds_up",
            ),
            models.CheckConstraint(
                condition=models.Q(quarantined__gte=models.F("replayed") + models.F("expired")),
                name="receipt_quarantine_adds_up",
            ),
        ]


class Quarantined(models.Model):
    """A row that was not taken, with the place and the reason; its bytes are encrypted and kept 30 days."""

    batch = models.CharField(max_length=36)
    row = models.PositiveIntegerField()
    key = models.CharField(max_length=16)
    contract = models.CharField(max_length=80)
    version = models.CharField(max_length=20)
    pointer = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=300)
    sealed = models.BinaryField(null=True, help_text="the row, encrypted; empty where it may not be kept")
    received_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True, blank=True, help_text="somebody asked to try it again")
    tried_at = models.DateTimeField(null=True, blank=True, help_text="and it was still wrong then")
    replayed_at = models.DateTimeField(null=True, blank=True)
    receipt = models.CharField(max_length=36, blank=True, help_text="of the batch it was taken with")

    class Meta:
        ordering = ["-received_at", "batch", "row"]
        indexes = [models.Index(fields=["contract", "-received_at"], name="quarantine_contract")]
        constraints = [models.UniqueConstraint(fields=["batch", "row"], name="quarantined_once")]


class ReleasedDay(models.Model):
    """The atoms of one table's local day, fixed once its late rows have had their time. Never changed."""

    table = models.CharField(max_length=100)
    day = models.DateField(help_text="local day")
    contract = models.CharField(max_length=80)
    version = models.CharField(max_length=20)
    k = models.PositiveIntegerField()
    rows = models.PositiveBigIntegerField(help_text="rows behind the atoms")
    unknown = models.PositiveBigIntegerField(help_text="rows that stay below k and are told to nobody")
    atoms = models.BinaryField(help_text="canonical JSON, see observations.atoms")
    sha256 = models.CharField(max_length=64)
    files = models.JSONField(help_text="SHA-256 of the store's files it was counted from")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["table", "day"]
        constraints = [models.UniqueConstraint(fields=["table", "day"], name="released_once")]


class SnapClient(models.Model):
    """Who signs payment notices as SNAP BI says, for one key: the key's id is the client's. Never changed."""

    key = models.OneToOneField(DataKey, models.PROTECT, primary_key=True, related_name="snap_client")
    public_key = models.TextField(help_text="RSA, PEM: for signatures of the client's own")
    sealed_secret = models.BinaryField(help_text="for HMAC signatures, encrypted under the hub's key")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.UUIDField(null=True, help_text="pseudonym")

    class Meta:
        ordering = ["-created_at"]


class Expired(models.Model):
    """A file of the store that was deleted with its day: what was accepted and is there no longer."""

    table = models.CharField(max_length=100)
    day = models.DateField(help_text="UTC day of the rows' time")
    rows = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        ordering = ["table", "day", "pk"]
        indexes = [models.Index(fields=["table", "day"], name="expired_table_day")]


import balai.observations.webhooks.models  # noqa: E402, F401
