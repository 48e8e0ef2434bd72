"""Two engines, one answer: what DuckDB counts Spark counts too, alone and as a cluster of two workers."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from django.core.management import CommandError, call_command

from balai.observations import contracts as contract_room
from balai.observations.atoms import Day, atoms_of, dimensions_of, measures_of
from balai.observations.contracts import Contract, Field, Role, read_contract
from balai.observations.engines import DuckEngine, Engine, EngineError, SparkEngine, engine
from balai.observations.models import ReleasedDay, StoreFile
from balai.observations.release import release_day
from balai.observations.store import columns_of, quoted
from tests.observations.test_asking import DAY
from tests.observations.test_asking import contract as released_contract  # noqa: F401
from tests.observations.test_contracts import changed
from tests.observations_builders import trips

SHIPPED = sorted((Path(contract_room.__file__).parents[1] / "contract_data").glob("*.odcs.yaml"))
THAT_DAY = date(2026, 3, 2)
AHEAD = 7
NIGHT = datetime(2026, 3, 2, tzinfo=UTC) - timedelta(hours=AHEAD)
"""When the local day begins."""
BORDERS = [timedelta(0), timedelta(days=1, microseconds=-1), timedelta(microseconds=-1), timedelta(days=1)]
ZONES = ["3171010001", "3171010002", 'Gang O\'Hara \\n "satu"', "水道橋 é", "", " 3171010001"]


def with_decimals() -> Contract:
    """The trips contract with measures that are no whole numbers, one of them optional."""
    return read_contract(
        changed(
            schema__0__properties__5={
                "name": "distance_m",
                "logicalType": "number",
                "required": True,
                "customProperties": [{"property": "role", "value": "measure"}],
            },
            schema__0__properties__7={
                "name": "load_kg",
                "logicalType": "number",
                "customProperties": [{"property": "role", "value": "measure"}],
            },
        )
    )


def every_contract() -> list[Contract]:
    return [read_contract(path.read_text(encoding="utf-8")) for path in SHIPPED] + [trips(), with_decimals()]


def value_of(field: Field, chance: random.Random, number: int) -> object:
    if not field.required and chance.random() < 0.4:
        return None
    if field.role is Role.EVENT:
        return f"e{number}"
    if field.role is Role.ZONE:
        return chance.choice(ZONES)
    if field.role is Role.SUBJECT:
        return f"s{chance.randrange(12)}"
    if field.role is Role.SUBJECTS:
        return chance.randrange(8)
    if field.values:
        return chance.choice(field.values)
    low, high = field.bounds
    match field.type:
        case "integer":
            return chance.randint(int(max(low, -(10**15))), int(min(high, 10**15)))
        case "number":
            return chance.choice(
                [0.1, 1 / 3, 1e-7, 2.5, 9e12, chance.uniform(max(low, -1e6), min(high, 1e6))]
            )
        case "boolean":
            return chance.random() < 0.5
        case "date":
            return str(THAT_DAY)
        case "timestamp":
            return NIGHT.isoformat()
    return f"kata {chance.randrange(3)} — ñ'"


def write(contract: Contract, root: Path) -> list[StoreFile]:
    """Two files as the store has them, the older without the columns that came later."""
    chance = random.Random(contract.table)
    files = []
    for part, lacking in enumerate((True, False)):
        rows = []
        for number in range(150):
            row = {field.name: value_of(field, chance, number) for field in contract.fields}
            shift = BORDERS[number] if number < len(BORDERS) else timedelta(seconds=chance.randrange(86400))
            row[contract.time.name] = (NIGHT + shift).isoformat()
            rows.append(row | {"batch": f"b{part}", "received_at": NIGHT.isoformat()})
        source = root / f"{contract.table}-{part}.ndjson"
        source.write_text("\n".join(map(json.dumps, rows)))
        later = [field.name for field in contract.fields if not field.required and lacking]
        columns = [(name, kind) for name, kind in columns_of(contract) if name not in later]
        path = Path(contract.table) / "day=2026-03-01" / f"{part}.parquet"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shape = ", ".join(f"{quoted(name)}: '{kind}'" for name, kind in columns)
        duckdb.execute(
            f"COPY (SELECT * FROM read_json('{source}', format = 'newline_delimited', columns = {{{shape}}}))"
            f" TO '{root / path}' (FORMAT parquet, COMPRESSION zstd)"
        )
        files.append(StoreFile(table=contract.table, path=str(path)))
    return files


def sums(by: Engine, contract: Contract, root: Path, files: list[StoreFile], day: date = THAT_DAY) -> bytes:
    by.show(contract, root, files)
    atoms, unknown = atoms_of(by.run, contract, day.isoformat(), AHEAD)
    return Day(measures_of(contract), dimensions_of(contract), tuple(atoms)).packed() + b"%d" % unknown


def spark_class() -> str:
    import pyspark

    return str(Path(pyspark.__file__).parent / "bin" / "spark-class")


@contextmanager
def running(*command: str) -> Iterator[None]:
    """A process and all it starts, ended at the end."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def spark_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Spark's own configuration: small, on this machine, and no code made for a hundred rows."""
    folder = tmp_path_factory.mktemp("spark")
    small = {
        "spark.driver.host": "127.0.0.1",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.codegen.wholeStage": "false",
        "spark.driver.memory": "512m",
        "spark.executor.memory": "512m",
        "spark.sql.shuffle.partitions": "1",
        "spark.locality.wait": "0s",
        "spark.local.dir": str(folder),
    }
    (folder / "spark-defaults.conf").write_text("\n".join(f"{name} {value}" for name, value in small.items()))
    given = {
        "SPARK_CONF_DIR": str(folder),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(folder),
        "SPARK_DAEMON_MEMORY": "256m",
        "PYSPARK_PYTHON": sys.executable,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def cluster(spark_home: None) -> Iterator[str]:
    """A master and two workers with a core each; the master's address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"spark://127.0.0.1:{port}"
    here = ["--host", "127.0.0.1", "--webui-port", "0"]
    place = "org.apache.spark.deploy"
    with ExitStack() as stack:
        stack.enter_context(running(spark_class(), f"{place}.master.Master", *here, "--port", str(port)))
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        for _worker in range(2):
            worker = [spark_class(), f"{place}.worker.Worker", *here, "--cores", "1", "--memory", "600m"]
            stack.enter_context(running(*worker, address))
        yield address


@pytest.mark.slow
def test_every_contract_is_counted_the_same_on_a_cluster(cluster: str, tmp_path: Path) -> None:
    """With a k that makes every kind of atom, and over the borders of the local day."""
    duck, spark = DuckEngine(), SparkEngine(cluster)
    kinds: set[str] = set()
    try:
        for one in every_contract():
            files = write(one, tmp_path)
            for k in {one.k, 4}:
                found = sums(duck, replace(one, k=k), tmp_path, files)
                kinds.update(kind for kind in ("cell", "zone", "day") if f'["{kind}"'.encode() in found)
                assert sums(spark, replace(one, k=k), tmp_path, files) == found
        assert sums(spark, one, tmp_path, files, date(2020, 1, 1)) == sums(duck, one, tmp_path, [])
        workers = spark._session.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1
    finally:
        duck.close()
        spark.close()
    assert (kinds, workers) == ({"cell", "zone", "day"}, 2)


@pytest.mark.slow
@pytest.mark.django_db
def test_a_day_released_by_spark_is_the_day_released_by_duckdb(
    released_contract: Contract,  # noqa: F811
    spark_home: None,
    settings,
    capsys,
) -> None:
    settings.SPARK = "local[2]"
    call_command("data", "release", "--engine", "spark")
    by_spark = bytes(ReleasedDay.objects.get().atoms)
    ReleasedDay.objects.all().delete()

    settings.SPARK = ""
    call_command("data", "release")
    call_command("data", "recount", "--engine", "spark")

    assert bytes(ReleasedDay.objects.get().atoms) == by_spark
    assert capsys.readouterr().out.endswith(f"roda_trips_v1 {DAY}: the same\n")


def test_a_sum_hangs_on_no_order(tmp_path: Path) -> None:
    """Ten tenths are one, whichever comes first, and a great sum keeps its last digit."""
    one = replace(with_decimals(), k=1)
    duck = DuckEngine()
    rows = ", ".join("('z', 's', 'car', 0.1)" for _ in range(10)) + ", ('z', 's', 'car', 9e12)"
    names = {
        "zone": "z",
        "device": "s",
        "vehicle": "v",
        "distance_m": "m",
        "at": f"TIMESTAMP '{THAT_DAY} 03:00'",
    }
    listed = ", ".join(
        f"CAST({names.get(name, 'NULL')} AS {kind}) AS c_{name}" for name, kind in columns_of(one)
    )
    duck._connection.execute(f"CREATE VIEW rows AS SELECT {listed} FROM (VALUES {rows}) AS t(z, s, v, m)")

    ((atom,), unknown) = atoms_of(duck.run, one, THAT_DAY.isoformat(), AHEAD)

    assert (atom.sums[0], unknown) == (9_000_000_000_001, 0)


@pytest.mark.django_db
def test_a_release_is_recounted_to_the_byte(released_contract: Contract, capsys) -> None:  # noqa: F811
    call_command("data", "release")
    call_command("data", "recount", "roda_trips_v1")
    ReleasedDay.objects.update(sha256="0" * 64)
    with pytest.raises(SystemExit) as end:
        call_command("data", "recount")
    ReleasedDay.objects.update(files=["0" * 64])
    call_command("data", "recount")

    said = [line.partition(": ")[2] for line in capsys.readouterr().out.splitlines()[1:]]
    assert end.value.code == 1
    assert said == [
        "the same",
        "ANOTHER SUM",
        "cannot be counted again; its files are gone or joined by later ones",
    ]


@pytest.mark.django_db
def test_an_engine_tells_no_row_when_it_fails(released_contract: Contract, settings) -> None:  # noqa: F811
    file = StoreFile.objects.get()
    (settings.HOME / "observations" / "store" / file.path).write_bytes(b"Siti Rahma, 3171 and no Parquet")

    with pytest.raises(EngineError, match=r"^DuckDB: \w+$"):
        release_day(released_contract, DAY)
    assert not ReleasedDay.objects.exists()


def test_an_unknown_engine_is_no_engine() -> None:
    with pytest.raises(EngineError, match="duckdb and spark"), engine("other"):
        pass
    with pytest.raises(CommandError):
        call_command("data", "release", "--engine", "other")
