"""The worker: runs tasks, lets what is due come round, tells people, sends mails, and heals after a crash.

One process, a few threads: the main one runs tasks one at a time; the clock beats, enqueues what is due and
takes back tasks of workers that died; the post delivers news and sends the outbox; rooms add their own. Every
step is a claim by one conditional update, so any number of workers may run, and any may be killed at any
moment.
"""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import OperationalError, close_old_connections, connections
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.management.commands.db_worker import Worker as TaskRunner
from django_tasks_db.models import DBTaskResult

from balai.core import mail, notifications, periodic
from balai.core.models import Worker

LOG = logging.getLogger(__name__)

IDLE = 0.25
"""Seconds between two looks at an empty queue."""

BEAT = timedelta(seconds=5)
PRESUMED_DEAD = timedelta(seconds=60)
MOST_STARTS = 5
"""A task that was begun this often and never ended is taken for one that kills its worker."""


@cache
def place() -> str:
    """Names this machine, its start and this process namespace: where a process id means something.

    Empty where the system does not tell.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
    return f"{socket.gethostname()} {boot} {namespace}"[:200]


def is_alive(worker: Worker) -> bool:
    """A worker of this place lives while its process does; one elsewhere while it beats."""
    if timezone.now() - worker.beat_at > PRESUMED_DEAD:
        return False
    if not worker.place or worker.place != place():
        return True
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def sweep() -> int:
    """Put tasks that nobody is running any more back into the queue; return how many.

    Those are tasks of workers that died, and any that runs longer than STALE_TASK_MINUTES.
    """
    running = list(DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING))
    if not running:
        return 0
    alive = {worker.pk for worker in Worker.objects.all() if is_alive(worker)}
    too_old = timezone.now() - timedelta(minutes=settings.STALE_TASK_MINUTES)
    swept = 0
    for task in running:
        worker = task.worker_ids[-1] if task.worker_ids else None
        if worker in alive and task.started_at and task.started_at > too_old:
            continue
        same = DBTaskResult.objects.filter(
            pk=task.pk, status=TaskResultStatus.RUNNING, started_at=task.started_at
        )
        if len(task.worker_ids) >= MOST_STARTS:
            same.update(
                status=TaskResultStatus.FAILED,
                finished_at=timezone.now(),
                traceback=f"begun {len(task.worker_ids)} times and never ended",
            )
            LOG.error("task %s (%s) was given up: begun %d times", task.pk, task.task_path, MOST_STARTS)
        elif same.update(status=TaskResultStatus.READY, started_at=None):
            LOG.warning("task %s (%s) lost its worker and is taken up again", task.pk, task.task_path)
            swept += 1
    return swept


def claim(worker_id: str) -> DBTaskResult[..., Any] | None:
    """The next ready task, now this worker's; None where there is none or another was faster."""
    task = DBTaskResult.objects.ready().filter(backend_name="default").first()
    if task is None:
        return None
    task.worker_ids = [*task.worker_ids, worker_id]
    task.started_at = timezone.now()
    task.status = TaskResultStatus.RUNNING
    claimed = DBTaskResult.objects.filter(pk=task.pk, status=TaskResultStatus.READY).update(
        status=task.status, started_at=task.started_at, worker_ids=task.worker_ids
    )
    return task if claimed else None


BESIDE: dict[str, tuple[Callable[[], object], float]] = {}
"""What other rooms let every worker repeat on a thread of its own: by name, the work and the pause."""


def also_repeat(name: str, work: Callable[[], object], pause: float) -> None:
    """Let every worker repeat ``work``; it must be safe to run in several processes at once."""
    BESIDE[name] = (work, pause)


def round_of_post() -> None:
    """Deliver all news and send all mails that are due."""
    while notifications.deliver():
        pass
    while mail.send_due():
        pass


class HubWorker:
    """``run`` returns after SIGINT or SIGTERM, once the task at hand has ended."""

    def __init__(self) -> None:
        self.id = uuid4().hex
        self.stopping = threading.Event()
        self._runner = TaskRunner(
            queue_names=["default"],
            interval=IDLE,
            batch=False,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=self.id,
            excluded_queue_names=[],
        )

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        self._beat()
        sweep()
        threads = [
            threading.Thread(target=self._repeat, args=(work, pause), name=name, daemon=True)
            for name, work, pause in (
                ("beat", self._beat, BEAT.total_seconds()),
                ("clock", self._clock, 1.0),
                ("post", round_of_post, 0.5),
                *((name, work, pause) for name, (work, pause) in BESIDE.items()),
            )
        ]
        for thread in threads:
            thread.start()
        LOG.info("worker %s is ready", self.id)
        self._repeat(self._run_ready, IDLE)
        for thread in threads:
            thread.join(timeout=2)
        Worker.objects.filter(pk=self.id).delete()
        connections.close_all()

    def _stop(self, signum: int, _frame: object) -> None:
        """Stop after the task at hand; a second signal stops at once, and the task is taken up later."""
        if self.stopping.is_set():
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        self.stopping.set()

    def _repeat(self, work: Callable[[], object], pause: float) -> None:
        while not self.stopping.is_set():
            close_old_connections()
            try:
                work()
            except OperationalError as fault:
                LOG.warning("the database did not answer (%s); trying again", fault)
                self.stopping.wait(1)
            except Exception:
                LOG.exception("%s failed; trying again", work.__name__)
                self.stopping.wait(5)
            self.stopping.wait(pause)
        if threading.current_thread() is not threading.main_thread():
            connections.close_all()

    def _run_ready(self) -> None:
        while not self.stopping.is_set() and (task := claim(self.id)):
            self._runner.run_task(task)

    def _clock(self) -> None:
        periodic.tick()
        sweep()

    def _beat(self) -> None:
        now = timezone.now()
        Worker.objects.update_or_create(
            pk=self.id,
            defaults={"beat_at": now},
            create_defaults={"place": place(), "pid": os.getpid(), "started_at": now, "beat_at": now},
        )


def run_once() -> int:
    """One round without a worker: what is due, every ready task, all news and mails. Returns tasks run."""
    worker = HubWorker()
    worker._beat()
    count = 0
    try:
        sweep()
        periodic.tick()
        while task := claim(worker.id):
            worker._runner.run_task(task)
            count += 1
        round_of_post()
    finally:
        Worker.objects.filter(pk=worker.id).delete()
    return count
