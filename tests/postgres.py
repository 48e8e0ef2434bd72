"""A PostgreSQL cluster for one run of the tests: made in a temporary folder, gone afterwards."""

import atexit
import os
import pwd
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

UNPRIVILEGED = ("postgres", "nobody")
FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=100"


def programs() -> Path | None:
    """The folder that holds ``initdb`` and ``pg_ctl``; None where PostgreSQL is not installed."""
    on_path = shutil.which("initdb")
    places = [Path(on_path).resolve().parent] if on_path else []
    for root in ("/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt", "/usr/local/opt"):
        places += sorted(Path(root).glob("*/bin"), key=lambda place: place.parts, reverse=True)
    return next(
        (place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()), None
    )


def _as_somebody(command: list[str]) -> list[str]:
    """PostgreSQL refuses root; as root run as an unprivileged account of this machine."""
    if os.geteuid() != 0:
        return command
    return [
        "setpriv",
        f"--reuid={_account().pw_uid}",
        f"--regid={_account().pw_gid}",
        "--clear-groups",
        *command,
    ]


def _account() -> pwd.struct_passwd:
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise pytest.UsageError("PostgreSQL must not run as root, and there is no account postgres or nobody")


def _run(*command: str) -> None:
    done = subprocess.run(
        _as_somebody(list(command)), capture_output=True, text=True, cwd="/", check=False, env=_environment()
    )
    if done.returncode:
        raise pytest.UsageError(f"{Path(command[0]).name} failed: {done.stderr or done.stdout}")


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": "/"}


def start() -> str:
    """Start a cluster on a Unix socket of its own; return its BALAI_DATABASE_URL."""
    place = programs()
    if place is None:
        raise pytest.UsageError("PostgreSQL's programs (initdb, pg_ctl) were not found on this machine")
    folder = Path(tempfile.mkdtemp(prefix="balai-pg-"))
    folder.chmod(0o755)
    data, socket = folder / "data", folder / "socket"
    for part in (data, socket):
        part.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(part, _account().pw_uid, _account().pw_gid)
    atexit.register(_stop, os.getpid(), place, folder)
    start = time.monotonic()
    _run(str(place / "initdb"), "-D", str(data), "-U", "balai", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"{FAST} -c listen_addresses= -c unix_socket_directories={socket}"
    _start(place, data, socket, options)
    sys.stderr.write(f"PostgreSQL from {place} is ready after {time.monotonic() - start:.1f} s\n")
    return f"postgresql://balai@{str(socket).replace('/', '%2F')}/postgres"


def _start(place: Path, data: Path, socket: Path, options: str) -> None:
    """Start the server as a child that ends with this process, however this process ends."""
    command = [str(place / "postgres"), "-D", str(data), *shlex.split(options)]
    if sys.platform == "linux":
        command = [*(_as_somebody([]) or ["setpriv"]), "--pdeathsig=INT", *command]
    with (data.parent / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", env=_environment())
    ready = [str(place / "pg_isready"), "-q", "-h", str(socket), "-U", "balai", "-d", "postgres"]
    end = time.monotonic() + 30
    while subprocess.run(ready, check=False, env=_environment()).returncode:
        if server.poll() is not None or time.monotonic() > end:
            raise pytest.UsageError(f"PostgreSQL did not start: {(data.parent / 'log').read_text()[-500:]}")
        time.sleep(0.05)


def _stop(owner: int, place: Path, folder: Path) -> None:
    """Only in the process that started it, not in its forks."""
    if os.getpid() != owner:
        return
    command = [str(place / "pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "stop"]
    subprocess.run(_as_somebody(command), capture_output=True, cwd="/", check=False, env=_environment())
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(0 if programs() else 1)
