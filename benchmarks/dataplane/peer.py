"""The peer: django-ogc-sensorthings, the OGC SensorThings API on Django and PostgreSQL, fed the same way.

It is installed from PyPI into an environment of its own. A row here is a time, a number and the feature it
was observed of: less than the hub checks and keeps of one. The feature is named in every row; without it
parallel first writers make several, and then every bulk insert is answered 201 with "error" for each row.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.dataplane import processes
from tests import postgres

PACKAGES = ("django-ogc-sensorthings==1.2.0", "psycopg[binary]", "granian")
SETTINGS = """
import os
from uuid import UUID

SECRET_KEY = "for benchmarks only"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "peer_urls"
INSTALLED_APPS = [
    "sensorthings.versions.v1_1",
    "sensorthings.versions.v1_1.backends.django",
    "sensorthings.versions.v1_1.extensions.dataarray",
]
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "peer",
    "HOST": os.environ["PEER_SOCKET"], "CONN_MAX_AGE": None,
}}
SENSORTHINGS_V1_1_SERVICE_URL = "http://127.0.0.1/sensorthings"
SENSORTHINGS_V1_1_BACKEND_ADAPTER = "sensorthings.versions.v1_1.backends.django.adapter.DjangoBackendAdapter"
SENSORTHINGS_V1_1_ID_TYPE = UUID
SENSORTHINGS_V1_1_ID_DELIMITER = "'"
"""
URLS = """
from django.urls import include, path

urlpatterns = [path("sensorthings/", include("sensorthings.versions.v1_1.urls"))]
"""
SITE = """
from django.core.asgi import get_asgi_application

application = get_asgi_application()
"""
THING = {
    "name": "Trips",
    "description": "Trips by zone",
    "properties": {},
    "Datastreams": [
        {
            "name": "Distance",
            "description": "Distance of a trip",
            "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
            "unitOfMeasurement": {"name": "metre", "symbol": "m", "definition": "http://unitsofmeasure.org/"},
            "ObservedProperty": {
                "name": "Distance",
                "definition": "http://example.org/m",
                "description": "Distance",
            },
            "Sensor": {
                "name": "Meter",
                "description": "A meter",
                "encodingType": "text/html",
                "metadata": "http://example.org/meter",
            },
        }
    ],
}
FEATURE = {
    "name": "Zone",
    "description": "A zone",
    "encodingType": "application/geo+json",
    "feature": {"type": "Point", "coordinates": [106.8, -6.2]},
}


class UnavailableError(Exception):
    """The peer cannot be run here; the message says why."""


@dataclass(frozen=True)
class Result:
    """One run; ``errors`` are rows answered 201 that were not kept."""

    rows: int
    errors: int
    cpu: float
    wall: float
    p50: float
    p99: float

    @property
    def per_cpu(self) -> float:
        return (self.rows - self.errors) / self.cpu


class Peer:
    """The peer's server and a PostgreSQL of its own, synchronous commits on."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        self.folder, self._postgres = folder, postgres.programs()
        if self._postgres is None:
            raise UnavailableError("PostgreSQL's programs (initdb, pg_ctl) are not installed")
        self.python = folder / "environment" / "bin" / "python"
        self._install()
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(folder),
            "DJANGO_SETTINGS_MODULE": "peer_settings",
            "PEER_SOCKET": str(folder / "socket"),
        }
        for name, text in (("peer_settings", SETTINGS), ("peer_urls", URLS), ("peer_site", SITE)):
            (folder / f"{name}.py").write_text(text)
        self._start_postgres()
        try:
            self._start_server()
        except BaseException:
            self.close()
            raise

    def _install(self) -> None:
        made = subprocess.run([sys.executable, "-m", "venv", self.folder / "environment"], check=False)
        done = (
            made.returncode
            or subprocess.run(
                [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES],
                check=False,
                stderr=subprocess.DEVNULL,
            ).returncode
        )
        if done:
            raise UnavailableError(f"{PACKAGES[0]} cannot be installed from PyPI here")

    def _run(self, *command: str | Path) -> str:
        whole = postgres._as_somebody([str(part) for part in command])
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": "/"}
        done = subprocess.run(whole, cwd="/", env=environment, text=True, capture_output=True, check=False)
        if done.returncode:
            raise UnavailableError(f"{command[0]}: {done.stderr or done.stdout}")
        return done.stdout

    def _start_postgres(self) -> None:
        data, place = self.folder / "data", self._postgres
        assert place is not None
        for part in (data, self.folder / "socket"):
            part.mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(part, postgres._account().pw_uid, -1)
        self._run(place / "initdb", "-D", data, "-U", "peer", "-A", "trust", "-E", "UTF8")
        options = (
            f"-c max_connections=200 -c listen_addresses= -c unix_socket_directories={self.folder / 'socket'}"
        )
        self._run(place / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start")
        self._postmaster = int((data / "postmaster.pid").read_text().split()[0])

    def _start_server(self) -> None:
        self.server: subprocess.Popen[str] | None = None
        migrate = [self.python, "-m", "django", "migrate", "-v0"]
        subprocess.run(migrate, env=self.environment, cwd=self.folder, check=True)
        self.port = processes.free_port()
        command = [
            str(self.python),
            "-m",
            "granian",
            "--interface",
            "asgi",
            "--port",
            str(self.port),
            "--no-ws",
        ]
        command += ["--workers", "1", "--log-level", "warning", "--working-dir", str(self.folder)]
        self.server = processes.start([*command, "peer_site:application"], self.environment)
        processes.wait_for(self.port)
        self._post("Things", THING)
        self.datastream = self._get("Datastreams")["value"][0]["@iot.id"]
        self._post("FeaturesOfInterest", FEATURE)
        self.feature = self._get("FeaturesOfInterest")["value"][0]["@iot.id"]

    def _post(self, path: str, what: Mapping[str, Any]) -> None:
        url = f"http://127.0.0.1:{self.port}/sensorthings/v1.1/{path}"
        request = urllib.request.Request(url, json.dumps(what).encode(), {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=60).close()

    def _get(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/sensorthings/v1.1/{path}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)

    def close(self) -> None:
        if self.server is not None:
            processes.stop(self.server)
        assert self._postgres is not None
        self._run(self._postgres / "pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder / "data")

    def stored(self) -> int:
        assert self._postgres is not None
        tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE '%observation'"
        psql = (self._postgres / "psql", "-U", "peer", "-h", self.folder / "socket", "-At", "-c")
        (table,) = self._run(*psql, tables, "postgres").split()
        return int(self._run(*psql, f"SELECT count(*) FROM {table}", "postgres"))

    def measure(self, rows: int, size: int, connections: int) -> Result:
        """Send ``rows`` in data arrays of ``size``; raises where the answers and the table disagree."""
        now = datetime.now(UTC).replace(microsecond=0)
        before, start, requests = self.stored(), time.time_ns(), []
        for first in range(0, rows, size):
            array = [
                [
                    (now + timedelta(microseconds=(start + n) % 10**9)).isoformat(),
                    500 + n * 37 % 20_000,
                    self.feature,
                ]
                for n in range(first, first + size)
            ]
            group = {
                "Datastream": {"@iot.id": self.datastream},
                "components": ["phenomenonTime", "result", "FeatureOfInterest/id"],
                "dataArray": array,
            }
            body = json.dumps([group]).encode()
            path, headers = "/sensorthings/v1.1/CreateObservations", {"Content-Type": "application/json"}
            requests.append(processes.request(path, headers, body))
        assert self.server is not None
        cpu = processes.cpu(self.server.pid, self._postmaster)
        (load,) = processes.load(self.folder, [self.port], requests, connections)
        cpu = processes.cpu(self.server.pid, self._postmaster) - cpu
        if set(load.statuses) != {"201"}:
            raise RuntimeError(f"refused: {load.statuses} {load.answers[0][:300]!r}")
        errors = sum(answer.count(b'"error"') for answer in load.answers)
        if self.stored() - before != rows - errors:
            raise RuntimeError(f"{rows - errors} rows said to be kept, {self.stored() - before} stored")
        return Result(rows, errors, cpu, load.seconds, load.p50, load.p99)
