import os
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.tasks import TaskResultStatus, task
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from balai.core import periodic, worker
from balai.core.models import HealthRecord, LedgerHead, Mail, Periodic, Worker
from balai.core.tasks import tidy_up, verify_ledger
from tests.builders import client_of, make_user
from tests.core.slow_tasks import work_slowly

GONE = 2**22 + 1
"""A process id beyond what Linux gives out by default."""


@task
def nothing() -> None: ...


def beat(pk: str, *, pid: int, ago: timedelta = timedelta(0), place: str | None = None) -> Worker:
    now = timezone.now()
    return Worker.objects.create(
        pk=pk, place=worker.place() if place is None else place, pid=pid, started_at=now, beat_at=now - ago
    )


def running(*workers: str, ago: timedelta = timedelta(0)) -> DBTaskResult:
    row = DBTaskResult.objects.get(pk=work_slowly.enqueue("/nowhere", 0).id)
    row.status, row.started_at, row.worker_ids = "RUNNING", timezone.now() - ago, list(workers)
    row.save()
    return row


def status_after_sweep(row: DBTaskResult) -> str:
    worker.sweep()
    row.refresh_from_db()
    return row.status


def test_the_task_of_a_living_worker_stays(db) -> None:
    beat("a", pid=os.getpid())

    assert status_after_sweep(running("a")) == TaskResultStatus.RUNNING


@pytest.mark.parametrize(
    "dead",
    [
        {"pid": GONE},
        {"pid": os.getpid(), "ago": worker.PRESUMED_DEAD + timedelta(seconds=1)},
        {"pid": GONE, "place": "elsewhere", "ago": worker.PRESUMED_DEAD + timedelta(seconds=1)},
    ],
)
def test_the_task_of_a_dead_worker_is_taken_back(db, dead) -> None:
    beat("a", **dead)

    assert status_after_sweep(running("a")) == TaskResultStatus.READY


def test_a_worker_elsewhere_lives_while_it_beats(db) -> None:
    beat("a", pid=GONE, place="elsewhere")

    assert status_after_sweep(running("a")) == TaskResultStatus.RUNNING


def test_the_task_of_an_unknown_worker_is_taken_back(db) -> None:
    assert status_after_sweep(running("a")) == TaskResultStatus.READY


def test_a_task_that_runs_too_long_is_taken_back(db, settings) -> None:
    settings.STALE_TASK_MINUTES = 10
    beat("a", pid=os.getpid())

    assert status_after_sweep(running("a", ago=timedelta(minutes=9))) == TaskResultStatus.RUNNING
    assert status_after_sweep(running("a", ago=timedelta(minutes=11))) == TaskResultStatus.READY


def test_a_task_that_keeps_killing_its_worker_is_given_up(db) -> None:
    row = running(*"abcde")

    assert status_after_sweep(row) == TaskResultStatus.FAILED
    assert row.traceback == "begun 5 times and never ended"


def test_a_task_is_claimed_once(db) -> None:
    work_slowly.enqueue("/nowhere", 0)

    first, second = worker.claim("a"), worker.claim("b")

    assert first is not None
    assert (first.worker_ids, second) == (["a"], None)


@pytest.fixture
def schedule(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.setattr(periodic, "SCHEDULE", {})
    return periodic.SCHEDULE


def test_what_is_due_is_enqueued_once_each_interval(db, schedule) -> None:
    periodic.every(minutes=5)(nothing)
    path = nothing.module_path

    rounds = [periodic.tick(), periodic.tick()]
    Periodic.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    rounds += [periodic.tick(), periodic.tick()]

    assert rounds == [[path], [], [path], []]
    assert DBTaskResult.objects.filter(task_path=path).count() == 2


def test_of_two_workers_that_saw_the_same_row_one_enqueues(db, schedule, monkeypatch) -> None:
    periodic.every(minutes=5)(nothing)
    periodic.tick()
    Periodic.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    seen = Periodic.objects.get()

    assert periodic.tick() == [nothing.module_path]
    assert not Periodic.objects.filter(task=seen.task, due_at=seen.due_at).exists()


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than nothing"):
        periodic.every()


def test_one_round_runs_what_is_due(db, schedule, tmp_path) -> None:
    work_slowly.enqueue(str(tmp_path), 0)

    assert worker.run_once() == 1
    assert DBTaskResult.objects.get().status == TaskResultStatus.SUCCESSFUL
    assert Worker.objects.count() == 0


def test_tidying_keeps_what_is_young_failed_or_unsent(db) -> None:
    now = timezone.now()
    for status, age in [("SUCCESSFUL", 8), ("SUCCESSFUL", 1), ("FAILED", 8), ("FAILED", 91), ("READY", 100)]:
        row = running()
        row.status = status
        row.finished_at = None if status == "READY" else now - timedelta(days=age)
        row.save()
    for sent in (now - timedelta(days=31), now, None):
        Mail.objects.create(to="a@contoh.id", subject="", body="", due_at=now, sent_at=sent)

    tidy_up.call()

    assert sorted(DBTaskResult.objects.values_list("status", flat=True)) == ["FAILED", "READY", "SUCCESSFUL"]
    assert Mail.objects.count() == 2


def test_health_of_a_hub_at_work(db) -> None:
    verify_ledger.call()
    beat("a", pid=os.getpid())

    reply = client_of().get("/healthz")

    state = reply.json()
    assert (reply.status_code, state["status"]) == (200, "ok")
    assert (state["database"]["ok"], state["worker"]["ok"], state["ledger"]["ok"]) == (True, True, True)
    assert state["ledger"]["hash"] == LedgerHead.objects.get().hash


def test_health_without_a_worker_or_with_a_broken_ledger_is_degraded(db) -> None:
    without_worker = client_of().get("/healthz").json()
    beat("a", pid=os.getpid())
    HealthRecord.objects.create(name="ledger", at=timezone.now(), ok=False)
    broken = client_of().get("/healthz").json()

    assert (without_worker["status"], without_worker["worker"]["ok"]) == ("degraded", False)
    assert (broken["status"], broken["ledger"]["ok"]) == ("degraded", False)


def test_health_without_a_database_says_down_and_nothing_else(db, monkeypatch) -> None:
    def refuse(*args: object) -> None:
        raise DatabaseError("password of balai@db")

    monkeypatch.setattr(LedgerHead.objects, "first", refuse, raising=False)
    reply = client_of().get("/healthz")

    assert (reply.status_code, reply.json()) == (503, {"status": "down", "database": {"ok": False}})


def test_health_costs_three_queries_for_a_stranger_and_for_a_person(db, django_assert_num_queries) -> None:
    for client in (client_of(), client_of(make_user())):
        with django_assert_num_queries(3):
            client.get("/healthz")
