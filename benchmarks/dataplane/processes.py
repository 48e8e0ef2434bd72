"""Processes of a measurement: started, waited for, their CPU counted with that of their children."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOAD = Path(__file__).with_name("load.py")
TICK = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(
    command: Sequence[str], environment: Mapping[str, str], cores: Sequence[int] = ()
) -> subprocess.Popen[str]:
    """A process on the given cores (all where none is named), in a session of its own."""
    process = subprocess.Popen(command, env=dict(environment), start_new_session=True, text=True)
    if cores:
        os.sched_setaffinity(process.pid, cores)
    return process


def stop(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(60)


def cpu(*roots: int) -> float:
    """CPU seconds, user and system, of processes and their living descendants, finished children included."""
    parents: dict[int, tuple[int, int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                stat = Path(entry.path, "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = (int(stat[1]), sum(map(int, stat[11:15])))
    found, todo = 0, list(roots)
    while todo:
        pid = todo.pop()
        found += parents.get(pid, (0, 0))[1]
        todo += [child for child, (parent, _ticks) in parents.items() if parent == pid]
    return found / TICK


def wait_for(port: int, seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > give_up:
                raise TimeoutError(f"nothing listens on {port}") from None
            time.sleep(0.1)
        else:
            return


@dataclass(frozen=True)
class Load:
    """What one load client saw."""

    seconds: float
    p50: float
    p99: float
    statuses: dict[str, int]
    answers: list[bytes]


def load(folder: Path, ports: Sequence[int], requests: Sequence[bytes], connections: int) -> list[Load]:
    """Send the requests, shared out among the ports, by one client process a port."""
    clients = []
    for number, port in enumerate(ports):
        own, answers = folder / f"requests-{number}", folder / f"answers-{number}"
        with own.open("wb") as file:
            for request in requests[number :: len(ports)]:
                file.write(len(request).to_bytes(4, "little") + request)
        command = [
            sys.executable,
            str(LOAD),
            str(own),
            str(port),
            str(connections // len(ports)),
            str(answers),
        ]
        clients.append((subprocess.Popen(command, stdout=subprocess.PIPE, text=True), own, answers))
    found = []
    for client, own, answers in clients:
        out, _none = client.communicate(timeout=600)
        if client.returncode:
            raise RuntimeError("the load client failed")
        seen: dict[str, Any] = json.loads(out)
        found.append(Load(**seen, answers=answers.read_bytes().split(b"\n")))
        own.unlink()
        answers.unlink()
    return found


def request(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """One HTTP/1.1 request, whole."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
