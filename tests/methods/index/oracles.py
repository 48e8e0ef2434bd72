"""Where results of others are, and how their tables are read."""

import csv
import gzip
import io
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

ORACLES = Path(os.environ.get("BALAI_ORACLES") or Path(__file__).parents[4] / "shared" / "oracles")

needs_oracles = pytest.mark.skipif(
    not ORACLES.is_dir(), reason=f"the results of others are not at hand: {ORACLES} (BALAI_ORACLES)"
)


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, packed or not."""
    packed = path.suffix == ".gz"
    text = gzip.decompress(path.read_bytes()).decode() if packed else path.read_text("utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def table(path: Path) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """Unit codes (first column), names of the other columns, and their values; NaN where empty or NA."""
    read = rows(path)
    names = list(read[0])
    values = [
        [float(row[name]) if row[name] not in ("", "NA") else np.nan for name in names[1:]] for row in read
    ]
    return [row[names[0]] for row in read], names[1:], np.array(values)
