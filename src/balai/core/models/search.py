from django.db import models


class SearchDocument(models.Model):
    """One findable thing. ``stems`` is what both databases index; ``audience`` who may find it."""

    thread = models.CharField(max_length=80, unique=True, help_text='"room:uuid"')
    kind = models.CharField(max_length=30)
    city = models.CharField(max_length=20, blank=True)
    public = models.BooleanField(default=False)
    title = models.CharField(max_length=300)
    title_en = models.CharField(max_length=300, blank=True)
    summary = models.TextField(blank=True)
    url = models.CharField(max_length=200)
    stems = models.TextField(help_text="stemmed words of title and body")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["kind", "city"], name="search_kind_city")]
