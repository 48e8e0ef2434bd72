from django.db import models


class Periodic(models.Model):
    """When a scheduled task is next due; claimed by a conditional update."""

    task = models.CharField(max_length=100, primary_key=True)
    due_at = models.DateTimeField()
    last_enqueued_at = models.DateTimeField(null=True)


class Counter(models.Model):
    """The last number given out in a series such as ``need/jakarta/2026``."""

    series = models.CharField(max_length=80, primary_key=True)
    last = models.PositiveIntegerField(default=0)
