"""The index: one build, Copeland's pairs, and thousands of replications of 514 cities and 120 indicators.

Each case runs in a process of its own, so that its memory is its own. CPU time is that of all its threads,
from the specification to rank quantiles and P(in the first 100).
"""

import json
import subprocess
import sys
import time
from pathlib import Path

CITIES, INDICATORS, REPLICATIONS = 514, 120, 10_000
COINR = {"shared": 0.978, "noise": 0.978}
"""CPU-s a replication of the same size took in COINr 1.1.14 on another machine, one thread."""


def run() -> None:
    """Print what the index costs, and how it grows."""
    from benchmarks.measure import heading

    heading("Index", f"{'CPU s':>8}", f"{'MB':>5}", f"{'us each':>8}")
    _line(f"build {CITIES} x {INDICATORS}", _apart("build"))
    _line("  the same, Copeland at every node", _apart("copeland"))
    for kind, about in (("shared", "stages shared"), ("noise", "noise on the raw data")):
        for count in (1_000, REPLICATIONS):
            found = _apart(kind, replications=count)
            times = f"{COINR[kind] / found['cpu'] * count:10,.0f} x less than COINr"
            _line(f"{count:,} replications, {about}", found, count, times)
        _line("  the same on two threads", _apart(kind, threads=2), REPLICATIONS)
    for kind, about in (("shared", "stages shared"), ("noise", "noise")):
        for name, base in (("cities", CITIES), ("indicators", INDICATORS), ("replications", 1_000)):
            for times in (1, 2, 4, 8, 16):
                sizes = {"replications": 1_000, name: base * times}
                found = _apart(kind, **sizes)
                _line(f"{about}: {base * times:,} {name}", found, sizes["replications"], f"{times:>3} x")


def _line(name: str, found: dict[str, float], count: int = 0, more: str = "") -> None:
    each = f"{found['cpu'] / count * 1e6:8.0f}" if count else " " * 8
    print(f"  {name:<44}{found['cpu']:8.3f}  {found['memory']:5.0f}  {each}  {more}", flush=True)


def _apart(kind: str, **sizes: int) -> dict[str, float]:
    """CPU seconds and peak memory of a case, in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.index", kind, json.dumps(sizes)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _case(
    kind: str,
    cities: int = CITIES,
    indicators: int = INDICATORS,
    replications: int = REPLICATIONS,
    threads: int = 1,
) -> float:
    """CPU seconds of one case, of all threads."""
    import scipy.special  # noqa: F401
    import threadpoolctl  # noqa: F401

    from balai.methods.index.build import build
    from balai.methods.index.factors import Choice, DataNoise, Factor, Noise
    from balai.methods.index.steps import Copeland, MinMax, PowerMean, ZScore
    from balai.methods.index.uncertainty import uncertainty

    spec, data = invented(cities, indicators, Copeland() if kind == "copeland" else PowerMean(1))
    start = time.process_time()
    if kind in ("build", "copeland"):
        build(spec, data)
        return time.process_time() - start
    factors: list[Factor] = [
        Choice("treat.winmax", (1, 2, 3, 4, 5)),
        Choice("normalise", (MinMax((1, 100)), ZScore(100, 10))),
        Choice("aggregate", ("arithmetic", "geometric")),
        Noise(0.25),
    ]
    if kind == "noise":
        factors.append(DataNoise(0.1))
    ran = uncertainty(spec, data, factors, n=replications, seed=1, threads=threads)
    ran.quantiles((0.05, 0.5, 0.95))
    ran.p_top(100)
    assert not ran.failed
    return time.process_time() - start


def invented(cities: int, indicators: int, mean: object) -> tuple[object, object]:
    """An index of six dimensions and eighteen parts; one indicator in five is skew, one in seven turned."""
    import numpy as np

    from balai.methods.index.data import Data
    from balai.methods.index.spec import IndexSpec, Indicator, Node
    from balai.methods.index.steps import MinMax, Winsor

    rng = np.random.default_rng(1)
    x = rng.standard_normal((cities, indicators))
    x[:, ::5] = np.exp(0.6 * x[:, ::5])
    x = x * rng.uniform(0.1, 100, indicators) + rng.uniform(-5, 50, indicators)
    codes = tuple(f"i{at:04}" for at in range(indicators))
    nodes = [Node("index", aggregate=mean)]
    nodes += [Node(f"d{at}", "index", aggregate=mean, weight=1 + at % 3) for at in range(6)]
    nodes += [Node(f"p{at:02}", f"d{at % 6}", aggregate=mean) for at in range(18)]
    parts = tuple(
        Indicator(code, parent=f"p{at % 18:02}", direction=-1 if at % 7 == 0 else 1)
        for at, code in enumerate(codes)
    )
    spec = IndexSpec(parts, tuple(nodes), treat=Winsor(), normalise=MinMax((1, 100)))
    return spec, Data(tuple(f"c{at}" for at in range(cities)), codes, x)


def peak() -> float:
    """Most memory this process ever held, in MB; NaN elsewhere than on Linux."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), float("nan"))


if __name__ == "__main__":
    spent = _case(sys.argv[1], **json.loads(sys.argv[2]))
    print(json.dumps({"cpu": spent, "memory": peak()}))
