import uuid

from django.db import models


class Document(models.Model):
    """A file, stored once under the SHA-256 of its bytes. Never executed, served as an attachment."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.PositiveIntegerField()
    media_type = models.CharField(max_length=100)
    name = models.CharField(max_length=200, help_text="as the sender named it, cleaned")
    city = models.CharField(max_length=20, blank=True)
    added_by = models.UUIDField(null=True, help_text="pseudonym")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-added_at"]
