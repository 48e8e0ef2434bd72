"""``python -m benchmarks.soak --minutes 10``: 32 writers against processes that are killed as they go."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.observations_soak import Soak


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--writers", type=int, default=32)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="balai-soak-") as folder:
        soak = Soak(Path(folder))
        soak.set_up()
        soak.run(wanted.minutes * 60, wanted.writers)
        faults = soak.verdict()
    print(
        f"{wanted.minutes:g} minutes, {wanted.writers} writers, {soak.kills} kills, {soak.retries} retries:"
        f" {len(soak.acknowledged)} batches acknowledged, {len(soak.answered)} events,"
        f" {'every row accounted for' if not faults else 'FAULTS'}"
    )
    for fault in faults:
        print(fault)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
