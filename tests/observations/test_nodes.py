"""Several ingest nodes on one folder and one database, and the one drainer behind them."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from balai.observations import places
from balai.observations.drain import Drainer
from balai.observations.models import DataKey, Receipt
from balai.observations.segments import SegmentWriter, nodes_of
from tests.observations.test_drain import account, key, stored  # noqa: F401
from tests.observations_builders import bearer, lines, row

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BALAI_")}
    return kept | {"BALAI_HOME": str(home), "PYTHONPATH": str(ROOT / "src")}


@contextmanager
def node(home: Path, name: str) -> Iterator[int]:
    """An ingest node as the operator starts it, on the test's database; its port."""
    port = free_port()
    command = [sys.executable, "-m", "balai", "ingest", "--node", name, "--port", str(port)]
    process = subprocess.Popen(command, env=environment(home), stderr=subprocess.DEVNULL)
    try:
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def send(port: int, key: DataKey, name: str, body: bytes) -> dict[str, Any]:  # noqa: F811
    headers = {"Authorization": bearer(key), "Idempotency-Key": name, "Content-Type": "application/x-ndjson"}
    connected = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connected.request("POST", "/v1/observations", body, headers)
    answer = connected.getresponse()
    found: dict[str, Any] = json.loads(answer.read())
    connected.close()
    assert answer.status == 202, found
    return found


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="lends its SQLite file to the processes")
def test_two_nodes_and_one_drainer_count_every_event_once(key: DataKey, tmp_path: Path) -> None:  # noqa: F811
    """Half of what each takes the other takes too; a third that calls itself like one of them is refused."""
    (tmp_path / "balai.sqlite3").symlink_to(connection.settings_dict["NAME"])
    with ExitStack() as stack:
        ports = [stack.enter_context(node(tmp_path, name)) for name in ("one", "two")]
        drainer = Drainer()
        for number in range(10):
            for at, port in enumerate(ports):
                own = [row(f"node-{at}-{number}-{n}") for n in range(5)]
                shared = [row(f"shared-{number}-{n}") for n in range(5)]
                wrong = [row(f"wrong-{at}-{number}", zone="?")]
                receipt = send(port, key, f"batch-{number:04d}", lines(*own, *shared, *wrong))
                assert (receipt["accepted"], receipt["quarantined"]) == (10, 1)
                assert receipt["lsn"].startswith(f"{'one' if at == 0 else 'two'}/")
            drainer.step()
        third = subprocess.run(
            [sys.executable, "-m", "balai", "ingest", "--node", "two", "--port", str(free_port())],
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
    drainer.step()
    drainer.close()

    assert (third.returncode, "Another node writes the log of 'two'" in third.stderr) == (2, True)
    events = stored()
    assert (len(events), len(set(events))) == (150, 150)
    assert account() == (220, 150, 20, 50)
    assert nodes_of(places.log()) == ["one", "two"]
    assert Receipt.objects.filter(node="one").count() == Receipt.objects.filter(node="two").count() == 10


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["../one", "", "a/b", "x" * 61, ".hidden"])
def test_a_node_has_a_name_that_a_folder_can_have(name: str, settings, tmp_path: Path) -> None:
    settings.HOME, settings.NODE = tmp_path, "also/wrong"

    with pytest.raises(CommandError, match="is no name"):
        call_command("ingest", "--node", name, "--port", str(free_port()))


@pytest.mark.django_db
def test_a_log_that_is_being_written_has_no_second_node(settings, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    writer = SegmentWriter(places.log() / "one")

    with pytest.raises(CommandError, match="Another node writes the log of 'one'"):
        call_command("ingest", "--node", "one", "--port", str(free_port()))
    writer.close()
