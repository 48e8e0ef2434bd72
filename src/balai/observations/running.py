"""How the parts of the data plane are started."""

import socket
import sys
from urllib.parse import urlsplit

from django.conf import settings

from balai.core.process import also_serve, check_port


def ingest_command(host: str, port: int) -> list[str]:
    """The command line of one ingest node: one process, because its log has one writer."""
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", host, "--port", str(port)]
    command += ["--workers", "1", "--no-ws", "--respawn-failed-workers", "--respawn-interval", "0.5"]
    command += ["--workers-kill-timeout", "3", "--log-level", "warning"]
    return [*command, "balai.observations.server:application"]


def node_name(given: str = "") -> str:
    """What a node's log is called: as given, as set, or as this machine."""
    return given or settings.NODE or socket.gethostname().split(".")[0] or "node"


def beside_the_web(host: str, port: int) -> list[str]:
    """The ingest node that ``balai serve`` starts; raises CannotServeError where its port is taken."""
    own = settings.INGEST_PORT or port + 1
    check_port(host, own)
    return ingest_command(host, own)


def node_origin() -> str:
    """Where an outside machine finds a node: behind the web's own address, unless that names its port.

    A proxy sends the paths of the nodes on; without one the node answers on the port after the web's.
    """
    origin = urlsplit(settings.ORIGIN)
    if origin.port is None or settings.INGEST_PORT == 0:
        return str(settings.ORIGIN)
    port = settings.INGEST_PORT or origin.port + 1
    return f"{origin.scheme}://{origin.hostname}:{port}"


def join_serve() -> None:
    """Let ``balai serve`` start an ingest node and the drainer, unless the operator wants neither."""
    if settings.INGEST_PORT != 0:
        also_serve("ingest node", beside_the_web)
        also_serve("drainer", lambda _host, _port: [sys.executable, "-m", "balai", "drain"])
