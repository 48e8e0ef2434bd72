"""Tasks that come round. Rooms add theirs with ``every(minutes=5)`` above ``@task()``.

    @every(hours=1)
    @task()
    def remind() -> None: ...

`tick` is called each second by every worker. A due row is claimed by one conditional update, so of many
workers one enqueues. A task must be safe to run twice.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.tasks import Task
from django.utils import timezone

from balai.core.models import Periodic

type AnyTask = Task[..., Any]

SCHEDULE: dict[str, tuple[AnyTask, timedelta]] = {}


def every[T: AnyTask](*, minutes: float = 0, hours: float = 0, days: float = 0) -> Callable[[T], T]:
    """Enqueue the task (without arguments) at this interval, the first time as soon as a worker runs."""
    interval = timedelta(minutes=minutes, hours=hours, days=days)
    if interval <= timedelta(0):
        raise ValueError("an interval is longer than nothing")

    def add(task: T) -> T:
        SCHEDULE[task.module_path] = (task, interval)
        return task

    return add


def tick() -> list[str]:
    """Enqueue every task that is due; return the paths of those this call enqueued."""
    now = timezone.now()
    due = dict(Periodic.objects.values_list("task", "due_at"))
    enqueued = []
    for path, (task, interval) in SCHEDULE.items():
        if path not in due:
            Periodic.objects.get_or_create(task=path, defaults={"due_at": now})
            due[path] = now
        if due[path] > now:
            continue
        with transaction.atomic():
            claimed = Periodic.objects.filter(task=path, due_at=due[path]).update(
                due_at=now + interval, last_enqueued_at=now
            )
            if claimed:
                task.enqueue()
                enqueued.append(path)
    return enqueued
