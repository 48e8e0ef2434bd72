"""What a row costs from HTTP to a query, against the machine's limits, another hub, and another engine."""

import tempfile
from pathlib import Path

from benchmarks.measure import heading

RUNS = 3
CONNECTIONS = 32


def run() -> None:
    """The part of ``make bench``: batches of three sizes on one node, and the limits."""
    with tempfile.TemporaryDirectory(prefix="balai-data-") as folder:
        flow(Path(folder), {1: 8_000, 100: 200_000, 1000: 200_000}, runs=2)
        bare(Path(folder))


def flow(
    folder: Path, plan: dict[int, int], *, nodes: int = 1, cores: tuple[int, ...] = (), runs: int = RUNS
) -> None:
    """Rows durable and queryable a CPU second by size of batch; the best of ``runs``, all of them stored."""
    from benchmarks.dataplane.hub import Hub

    home = folder / f"hub-{nodes}-{len(cores)}"
    home.mkdir()
    where = f"{nodes} node{'s' if nodes > 1 else ''} and a drainer, cores: {len(cores) or 'all'}"
    columns = (f"{'per CPU s':>9}", f"{'node':>9}", f"{'drainer':>9}", f"{'rows/s':>9}", "p50 ms", "p99 ms")
    heading(f"Rows durable and queryable, {where}, {CONNECTIONS} connections", *columns)
    hub = Hub(home, nodes, cores)
    try:
        for size, rows in plan.items():
            found = [hub.measure(rows, size, CONNECTIONS) for _run in range(runs)]
            best = max(found, key=lambda one: one.per_cpu)
            p50, p99 = (min(getattr(one, name) for one in found) * 1000 for name in ("p50", "p99"))
            wall = max(one.rows / one.wall for one in found)
            cells = (best.per_cpu, best.rows / best.node_cpu, best.rows / (best.cpu - best.node_cpu), wall)
            numbers = "  ".join(f"{cell:9,.0f}" for cell in cells)
            print(f"  {f'batches of {size:,}':<34}{numbers}  {p50:6.1f}  {p99:6.1f}", flush=True)
        accepted, stored = hub.stored()
    finally:
        hub.close()
    print(f"  {accepted:,} rows accepted, {stored:,} stored, each once")
    if accepted != stored:
        raise RuntimeError("rows were lost")


def bare(folder: Path) -> None:
    """The same bytes with nothing around them."""
    from benchmarks.dataplane.hub import bodies
    from benchmarks.dataplane.limits import committed, copied

    batches = bodies(100_000, 100)
    heading("Bare limits, batches of 100", f"{'per CPU s':>11}", f"{'rows/s':>11}")
    print(f"  {'copy in memory':<34}{copied(batches) / len(batches[0]) * 100:11,.0f}")
    for group in (1, 10):
        cpu, wall = committed(folder, batches, group)
        print(
            f"  {f'append and sync, {group} at a time':<34}{cpu * 100:11,.0f}  {wall * 100:11,.0f}",
            flush=True,
        )


def peer(folder: Path, rows: int = 20_000) -> None:
    """Hub and django-ogc-sensorthings by turns, 100 rows a request; the peer's CPU includes PostgreSQL's."""
    from benchmarks.dataplane.hub import Hub
    from benchmarks.dataplane.peer import Peer, UnavailableError

    heading("Beside django-ogc-sensorthings 1.2.0 on PostgreSQL, batches of 100", "per CPU s", "   rows/s")
    try:
        other = Peer(folder)
    except UnavailableError as fault:
        print(f"  skipped: {fault}")
        return
    hub = None
    try:
        (folder / "hub").mkdir()
        hub = Hub(folder / "hub")
        ours, theirs = 0.0, 0.0
        for _run in range(RUNS):
            mine = hub.measure(rows * 10, 100, CONNECTIONS)
            ours = max(ours, mine.per_cpu)
            print(f"  {'the hub':<34}{mine.per_cpu:9,.0f}  {mine.rows / mine.wall:9,.0f}", flush=True)
            for connections in (8, CONNECTIONS):
                found = other.measure(rows, 100, connections)
                theirs = max(theirs, found.per_cpu)
                numbers = f"{found.per_cpu:9,.0f}  {found.rows / found.wall:9,.0f}"
                errors = f"  {found.errors} rows answered 201 and not kept" if found.errors else ""
                print(f"  {f'the peer, {connections} connections':<34}{numbers}{errors}", flush=True)
    finally:
        other.close()
        if hub is not None:
            hub.close()
    print(f"  best against best: {ours / theirs:.1f} times the peer's rows a CPU second")


def scan(folder: Path, rows: int) -> None:
    """Thirty days by zone and hour on two engines."""
    from benchmarks.dataplane.scan import make, on_duckdb, on_spark

    files = make(folder, rows)
    size = sum(file.bytes for file in files)
    heading(
        f"Thirty days by zone and hour over {rows:,} rows, {size / 1e6:,.0f} MB of Parquet", "CPU s", " s"
    )
    answers = []
    for name, engine in (("DuckDB, 2 threads", on_duckdb), ("Spark local[2]", on_spark)):
        result, answer = engine(folder, files)
        answers.append(answer)
        print(f"  {name:<34}{result.cpu:6.1f}  {result.wall:6.1f}  {result.groups:,} groups", flush=True)
    if answers[0] != answers[1]:
        raise RuntimeError("the two engines answer differently")
    print("  both answer the same, row by row")
