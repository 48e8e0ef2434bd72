"""``balai serve``: web and worker as two children of one parent, which start, stop and heal together."""

import ctypes
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor

GRACE = 4.0
"""Seconds a child has to end what it is doing."""

PR_SET_PDEATHSIG = 1
QUICK_DEATH = 5.0
MOST_QUICK_DEATHS = 5


class CannotServeError(Exception):
    """Says in one sentence what keeps the hub from starting."""


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def die_with_parent(signum: int = signal.SIGTERM) -> None:
    """Ask the kernel to send this process a signal when its parent ends, however it ends (Linux only)."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
    except (OSError, AttributeError):
        return


def check_port(host: str, port: int) -> None:
    """Raises `CannotServeError` where the port is taken or the address is not ours."""
    if not 0 < port < 65536:
        raise CannotServeError(f"Port {port} does not exist; choose one from 1 to 65535.")
    try:
        family, kind, proto, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as fault:
        if isinstance(fault, socket.gaierror):
            raise CannotServeError(f"The address {host} is not known to this machine.") from fault
        if isinstance(fault, PermissionError):
            raise CannotServeError(f"Port {port} needs more rights; choose one from 1024 up.") from fault
        raise CannotServeError(
            f"Port {port} on {host} is taken by another program; stop it or choose another port."
        ) from fault


def check_database() -> None:
    """Raises `CannotServeError` where the database cannot be reached or lacks migrations."""
    connection = connections[DEFAULT_DB_ALIAS]
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Exception as fault:
        raise CannotServeError(f"The database cannot be used: {fault}".strip()) from fault
    finally:
        connection.close()
    if missing:
        raise CannotServeError(f"The database lacks {len(missing)} migrations; run `balai migrate` first.")


def database_in_use() -> str:
    """Which database this is, without any secret."""
    given = connections[DEFAULT_DB_ALIAS].settings_dict
    if "sqlite" in given["ENGINE"]:
        return f"{settings.SQLITE_IN_USE}, {given['NAME']}"
    return f"PostgreSQL, {given['NAME']} on {given['HOST'] or 'the local socket'}"


def collect_static() -> bool:
    """Gather the static files if any changed since the last time; return whether it was needed."""
    if settings.DEBUG:
        return False
    digest = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = os.stat(storage.path(path))
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    stamp = Path(settings.STATIC_ROOT) / ".stamp"
    if stamp.exists() and stamp.read_text(encoding="ascii") == digest.hexdigest():
        return False
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(digest.hexdigest(), encoding="ascii")
    return True


@dataclass
class _Child:
    """One supervised program in a process group of its own."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    deaths: int = field(default=0)

    def start(self) -> None:
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603
            self.command,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def revive(self) -> None:
        """Start again after a death; raises `CannotServeError` where it dies again and again."""
        if time.monotonic() - self.started_at > QUICK_DEATH:
            self.deaths = 0
        self.deaths += 1
        if self.deaths > MOST_QUICK_DEATHS:
            raise CannotServeError(
                f"The {self.name} ended {self.deaths} times right after its start; see above."
            )
        self.signal(signal.SIGKILL)
        _say(f"The {self.name} ended unexpectedly and is started again.")
        time.sleep(min(0.2 * self.deaths, 1.0))
        self.start()

    def signal(self, signum: int) -> None:
        """Reach the child and whatever it has started."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signum)
        except (ProcessLookupError, PermissionError):
            return

    def ask_to_stop(self) -> None:
        if self.is_running() and self.process is not None:
            self.process.terminate()


CHILDREN: list[tuple[str, Callable[[str, int], list[str]]]] = []
"""What other rooms serve beside web and worker: a name, and the command line for the web's host and port."""


def also_serve(name: str, command: Callable[[str, int], list[str]]) -> None:
    """Let ``balai serve`` start one more program; ``command`` gets the host and port of the web server."""
    if all(name != known for known, _command in CHILDREN):
        CHILDREN.append((name, command))


def _children(host: str, port: int) -> list[_Child]:
    environment = dict(os.environ)
    environment.setdefault("DJANGO_SETTINGS_MODULE", "balai.settings")
    environment.setdefault("BALAI_ORIGIN", address_of(host, port))
    environment["BALAI_SERVED"] = "1"
    web = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port)]
    web += ["--workers", str(settings.WEB_PROCESSES), "--blocking-threads", "2", "--no-ws"]
    web += ["--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", "3"]
    web += ["--log-level", "warning", "balai.wsgi:application"]
    worker = [sys.executable, "-m", "balai", "worker"]
    more = [_Child(name, command(host, port), environment) for name, command in CHILDREN]
    return [_Child("web server", web, environment), _Child("worker", worker, environment), *more]


def address_of(host: str, port: int) -> str:
    """Where a browser on this machine finds the hub."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{name}:{port}"


def _answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/healthz", timeout=1):  # noqa: S310
            return True
    except OSError as fault:
        return hasattr(fault, "code")


def serve(host: str = "127.0.0.1", port: int = 8000, ready: str = "") -> int:
    """Serve until SIGINT or SIGTERM; return 0. Raises `CannotServeError` before anything started.

    ``ready`` is printed once the hub answers, after its address. Runs in the main thread.
    """
    check_port(host, port)
    check_database()
    _say(f"Database: {database_in_use()}")
    if collect_static():
        _say("Static files gathered.")
    connections.close_all()
    stop: list[int] = []
    before = {
        signum: signal.signal(signum, lambda received, _frame: stop.append(received))
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    children = _children(host, port)
    announced = False
    try:
        for child in children:
            child.start()
        while not stop:
            time.sleep(0.1)
            for child in children:
                if not child.is_running() and not stop:
                    child.revive()
            if not announced and _answers(address_of(host, port)):
                announced = True
                _say(f"Balai is ready at {address_of(host, port)}/ (Ctrl-C stops it)")
                if ready:
                    _say(ready)
    finally:
        _stop_all(children)
        for signum, handler in before.items():
            signal.signal(signum, handler)
    _say("Balai has stopped; nothing is lost.")
    return 0


def _stop_all(children: list[_Child]) -> None:
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + GRACE
    while any(child.is_running() for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    for child in children:
        child.signal(signal.SIGKILL)
        if child.process is not None:
            child.process.wait()
