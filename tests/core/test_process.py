"""Real processes on a home of their own, killed as hard as it gets."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from django_tasks_db.models import DBTaskResult

from balai.core import process

ROOT = Path(__file__).resolve().parents[2]


class Home:
    """A migrated hub in a folder, and the processes started on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("BALAI_")} | {
            "BALAI_HOME": str(folder),
            "BALAI_WORKERS": "1",
            "BALAI_INGEST_PORT": "0",
            "DJANGO_SETTINGS_MODULE": "balai.settings",
            "PYTHONPATH": os.pathsep.join([str(Path(process.__file__).parents[2]), str(ROOT)]),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "balai", *arguments]
        return subprocess.run(
            command, env=self.environment, cwd=ROOT, text=True, capture_output=True, timeout=60, check=False
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        with (self.folder / "log").open("a") as log:
            command = [sys.executable, "-m", "balai", *arguments]
            started = subprocess.Popen(
                command,
                env=self.environment,
                cwd=ROOT,
                text=True,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(started)
        return started

    def enqueue_slow_task(self, seconds: float) -> None:
        code = (
            "import django; django.setup(); from tests.core.slow_tasks import work_slowly;"
            f"work_slowly.enqueue({str(self.folder)!r}, {seconds})"
        )
        subprocess.run([sys.executable, "-c", code], env=self.environment, cwd=ROOT, check=True, timeout=60)

    def has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def query(self, sql: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(self.folder / "balai.sqlite3", timeout=20)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def slow_tasks(self) -> list[tuple[object, ...]]:
        return self.query(
            f"SELECT status, return_value, json_array_length(worker_ids) FROM {DBTaskResult._meta.db_table}"
            " WHERE task_path = 'tests.core.slow_tasks.work_slowly'"
        )

    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables and nothing in them."""
    made = Home(tmp_path_factory.mktemp("migrated"))
    made.run("migrate", "-v0").check_returncode()
    return made.folder / "balai.sqlite3"


@pytest.fixture
def home(tmp_path: Path, migrated: Path) -> Iterator[Home]:
    shutil.copy(migrated, tmp_path)
    made = Home(tmp_path)
    yield made
    for started in made.started:
        if started.poll() is None:
            started.terminate()
    for started in made.started:
        started.wait(timeout=15)


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> object:
    """The first truthy answer; fails after ``seconds``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.1)
    return pytest.fail(f"nothing happened within {seconds} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def health(port: int) -> dict[str, dict[str, object]] | None:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as reply:
            return dict(json.load(reply))
    except OSError:
        return None


def children_of(pid: int) -> list[int]:
    """Every living descendant."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            child = int(stat.parent.name)
            found += [child, *children_of(child)]
    return found


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.slow
def test_a_task_of_a_killed_worker_is_taken_up_by_the_next(home: Home) -> None:
    home.enqueue_slow_task(60)
    worker = home.start("worker")
    wait_until(lambda: home.has("begun"))

    worker.kill()
    worker.wait()
    left = home.slow_tasks()
    home.start("worker")
    wait_until(lambda: home.has("ended"))
    wait_until(lambda: home.slow_tasks()[0][0] == "SUCCESSFUL")

    assert left == [("RUNNING", None, 1)]
    assert home.slow_tasks() == [("SUCCESSFUL", '"again"', 2)]


@pytest.mark.slow
def test_a_worker_asked_to_stop_ends_its_task_first(home: Home) -> None:
    home.enqueue_slow_task(2)
    worker = home.start("worker")
    wait_until(lambda: home.has("begun"))

    worker.terminate()

    assert worker.wait(timeout=15) == 0
    assert home.slow_tasks() == [("SUCCESSFUL", '"at once"', 1)]
    assert home.query("SELECT * FROM core_worker") == []


@pytest.mark.slow
def test_serve_answers_stops_within_five_seconds_and_leaves_nobody_behind(home: Home) -> None:
    port = free_port()
    served = home.start("serve", "--port", str(port))
    wait_until(lambda: (health(port) or {}).get("worker", {}).get("ok"))
    family = children_of(served.pid)

    served.send_signal(signal.SIGINT)
    start = time.monotonic()

    assert served.wait(timeout=15) == 0
    assert time.monotonic() - start < 5
    assert [pid for pid in family if not is_gone(pid)] == []
    assert len(family) >= 3
    assert f"Balai is ready at http://127.0.0.1:{port}/" in home.log()
    assert "nothing is lost" in home.log()


@pytest.mark.slow
def test_serve_takes_in_data_beside_the_web(home: Home) -> None:
    port, own = free_port(), free_port()
    home.environment["BALAI_INGEST_PORT"] = str(own)
    served = home.start("serve", "--port", str(port))
    wait_until(lambda: health(own))
    wait_until(lambda: (home.folder / "observations" / "store" / "lock").exists())
    family = children_of(served.pid)

    served.send_signal(signal.SIGINT)

    assert served.wait(timeout=15) == 0
    assert [pid for pid in family if not is_gone(pid)] == []


@pytest.mark.slow
def test_killing_serve_takes_web_and_worker_along(home: Home) -> None:
    port = free_port()
    served = home.start("serve", "--port", str(port))
    wait_until(lambda: health(port))
    family = children_of(served.pid)

    served.kill()
    served.wait()

    wait_until(lambda: all(is_gone(pid) for pid in family), 10)
    assert home.query("PRAGMA integrity_check") == [("ok",)]
    process.check_port("127.0.0.1", port)


@pytest.mark.slow
def test_a_killed_child_is_started_again(home: Home) -> None:
    port = free_port()
    served = home.start("serve", "--port", str(port))
    wait_until(lambda: (health(port) or {}).get("worker", {}).get("ok"))
    before = set(children_of(served.pid))

    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(set(children_of(served.pid)) - before) >= len(before))

    wait_until(lambda: health(port))
    assert home.log().count("ended unexpectedly and is started again") == 2


def test_a_taken_port_is_one_sentence_and_exit_two(home: Home) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        tried = home.run("serve", "--port", str(port))

    assert tried.returncode == 2
    assert tried.stderr == (
        f"CommandError: Port {port} on 127.0.0.1 is taken by another program;"
        " stop it or choose another port.\n"
    )


def test_a_database_without_its_tables_is_one_sentence_and_exit_two(home: Home) -> None:
    (home.folder / "balai.sqlite3").unlink()

    tried = home.run("serve", "--port", str(free_port()))

    assert tried.returncode == 2
    assert tried.stderr.endswith("migrations; run `balai migrate` first.\n")


def test_a_backup_is_a_whole_database_and_never_overwrites(home: Home) -> None:
    copy = home.folder / "copy.sqlite3"

    first, second = home.run("backup", str(copy)), home.run("backup", str(copy))

    assert (first.returncode, second.returncode) == (0, 1)
    assert second.stderr == f"CommandError: {copy} exists; choose another name.\n"
    connection = sqlite3.connect(copy)
    assert connection.execute("SELECT count(*) FROM core_ledgerhead").fetchall() == [(1,)]
    connection.close()


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_a_port_that_does_not_exist_is_refused(port: int) -> None:
    with pytest.raises(process.CannotServeError, match="does not exist"):
        process.check_port("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
    ],
)
def test_the_address_shown_is_one_a_browser_can_open(host: str, address: str) -> None:
    assert process.address_of(host, 80) == address
