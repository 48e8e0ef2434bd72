"""How the parts of the data plane are started."""

import sys


def ingest_command(host: str, port: int) -> list[str]:
    """The command line of one ingest node: one process, because its log has one writer."""
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", host, "--port", str(port)]
    command += ["--workers", "1", "--no-ws", "--respawn-failed-workers", "--respawn-interval", "0.5"]
    command += ["--workers-kill-timeout", "3", "--log-level", "warning"]
    return [*command, "balai.observations.server:application"]
