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


class Worker(models.Model):
    """A running worker process. One that no longer beats loses the task it was running to another."""

    id = models.CharField(max_length=64, primary_key=True)
    place = models.CharField(max_length=200, help_text="machine, start of the machine, process namespace")
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()


class HealthRecord(models.Model):
    """The last result of a check that runs from time to time, for /healthz."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()
    ok = models.BooleanField()
    note = models.CharField(max_length=200, blank=True)
