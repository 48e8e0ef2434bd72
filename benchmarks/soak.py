"""``python -m benchmarks.soak --minutes 10``: 32 writers against processes that are killed as they go.

Two ingest nodes, a drainer and one that stands by, on one SQLite database and one folder.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.observations_soak import Soak


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--writers", type=int, default=32)
    parser.add_argument("--nodes", type=int, default=2)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="balai-soak-") as folder:
        soak = Soak(Path(folder), wanted.nodes)
        soak.set_up()
        # Whoever stands by looks every five seconds whether the store is free.
        soak.run(wanted.minutes * 60, wanted.writers, (0.5, 12.0), ((5.0, 20.0), (10.0, 40.0)))
        faults = soak.verdict()
        if faults:
            faults += (Path(folder) / "soak.log").read_text().splitlines()[-60:]
    print(
        f"{wanted.minutes:g} minutes, {wanted.nodes} nodes, 2 drainers, {wanted.writers} writers,"
        f" {soak.kills} kills, {soak.retries} retries: {len(soak.acknowledged)} batches acknowledged,"
        f" {len(soak.answered)} events; {soak.account}:"
        f" {'every row accounted for' if not faults else 'FAULTS'}"
    )
    for fault in faults:
        print(fault)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
