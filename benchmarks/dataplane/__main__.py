"""``python -m benchmarks.dataplane [flow limits peer scan] [--rows N]``: the data plane and others."""

import argparse
import os
import platform
import tempfile
from pathlib import Path

PARTS = ("flow", "limits", "peer", "scan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all where none is named"
    )
    parser.add_argument("--rows", type=int, default=50_000_000, help="rows that the engines count")
    wanted = parser.parse_args()
    parts = wanted.parts or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="balai-data-") as name:
        folder = Path(name)
        os.environ |= {"DJANGO_SETTINGS_MODULE": "balai.settings", "BALAI_HOME": name}
        import django

        django.setup()
        from benchmarks import dataplane, measure

        machine = f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
        print(f"Python {platform.python_version()}, {machine}")
        print(f"yardstick: {measure.milliseconds(measure.yardstick().least).strip()} ms")
        if "flow" in parts:
            plan = {1: 15_000, 100: 400_000, 1000: 400_000}
            dataplane.flow(folder, plan)
            dataplane.flow(folder, plan, cores=(0,))
            dataplane.flow(folder, plan, nodes=2, cores=(0, 1))
        if "limits" in parts:
            dataplane.bare(folder)
        if "peer" in parts:
            # PostgreSQL does not run as root, and must reach its folder.
            folder.chmod(0o755)
            (folder / "peer").mkdir()
            dataplane.peer(folder / "peer")
        if "scan" in parts:
            dataplane.scan(folder / "scan", wanted.rows)


if __name__ == "__main__":
    main()
