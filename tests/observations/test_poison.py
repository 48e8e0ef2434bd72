"""Whatever a node takes the drainer can store, to the value: one row it cannot read would stop all."""

import random
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from balai.observations import places
from balai.observations.contracts import Contract, Field, Role, read_contract
from balai.observations.drain import Drainer
from balai.observations.intake import LONGEST_KEPT
from balai.observations.models import Quarantined, Receipt, StoreFile
from balai.observations.store import connect, quoted
from tests.observations.test_contracts import changed
from tests.observations.test_drain import Hub
from tests.observations_builders import make_data_key, put_in_force, row

NOW = datetime.now(UTC).replace(microsecond=0)
TEXTS = [
    *(
        "\0",
        "a\0b",
        "\u2028",
        "\ufffe",
        "\ud7ff",
        "😀",
        "ñ",
        '"',
        "\\",
        "\\u0000",
        "'",
        "\n",
        "\r\n",
        "\t",
        " ",
    ),
    *("null", "NaN", "true", "1e5", "2026-01-01", "{}", "[]", "e\u0301", "x" * 200, "\x7f", "\x1b[31m"),
]
OFFSETS = [
    timezone(timedelta(minutes=minutes))
    for minutes in (0, 420, 840, -720, 345, -(23 * 60 + 59), 23 * 60 + 59)
]
KINDS = ("string", "number", "boolean", "timestamp", "date", "integer")
ANYTHING = changed(
    schema__0__properties__2={
        "name": "zone",
        "logicalType": "string",
        "required": True,
        "customProperties": [{"property": "role", "value": "zone"}],
    },
    **{
        f"schema__0__properties__{7 + number}": {"name": f"a_{kind}", "logicalType": kind}
        for number, kind in enumerate(KINDS)
    },
)


def value(field: Field, number: int, chance: random.Random) -> Any:
    if not field.required and chance.random() < 0.3:
        return None
    if field.role is Role.EVENT:
        return f"{chance.choice(TEXTS)[:20]}-{number}"
    if field.values:
        return chance.choice(field.values)
    low, high = field.bounds
    match field.type:
        case "integer":
            return chance.choice([int(low), int(high), chance.randint(int(low), int(high))])
        case "number":
            return chance.choice([low, high, 0.0, -0.0, 5e-324, 0.1, 1 / 3, 1e22, chance.uniform(-1e9, 1e9)])
        case "boolean":
            return chance.random() < 0.5
        case "date":
            return chance.choice(["0001-01-01", "9999-12-31", "2024-02-29"])
        case "timestamp":
            at = NOW - timedelta(seconds=chance.randrange(86_400), microseconds=chance.randrange(10**6))
            if field.role is Role.ATTRIBUTE:
                edges = [datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC), at]
                at = chance.choice(edges)
            text = at.astimezone(chance.choice(OFFSETS)).isoformat()
            return chance.choice([text, text.replace("T", "t"), text.replace("T", " ")])
    return chance.choice(TEXTS)


def sent(contract: Contract, count: int) -> list[dict[str, Any]]:
    chance = random.Random(1)
    rows = [{field.name: value(field, n, chance) for field in contract.fields} for n in range(count)]
    return [
        {name: one for name, one in row.items() if one is not None or chance.random() < 0.5} for row in rows
    ]


def as_stored(field: Field, given: Any) -> Any:
    if given is None or field.type in ("string", "integer", "number", "boolean"):
        return given
    if field.type == "date":
        return date.fromisoformat(given)
    return datetime.fromisoformat(given).astimezone(UTC).replace(tzinfo=None)


@pytest.mark.django_db
def test_what_a_node_takes_the_drainer_stores(settings, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    contract = read_contract(ANYTHING)
    rows = sent(contract, 3000)
    drainer = Drainer()
    hub = Hub(make_data_key(put_in_force(ANYTHING)))
    for start in range(0, len(rows), 500):
        hub.send(f"{start:04d}", *rows[start : start + 500])

    while drainer.step().batches:
        pass
    drainer.close()

    received, accepted = (
        sum(Receipt.objects.values_list(name, flat=True)) for name in ("received", "accepted")
    )
    assert (received, accepted) == (3000, 3000)
    kept = [field for field in contract.fields if field.role is not Role.SUBJECT]
    listed = ", ".join(quoted(field.name) for field in kept)
    paths = [str(places.store() / path) for path in StoreFile.objects.values_list("path", flat=True)]
    found = (
        connect().execute(f"SELECT {listed} FROM read_parquet(?, union_by_name = true)", [paths]).fetchall()
    )
    wanted = {row["event_id"]: tuple(as_stored(field, row.get(field.name)) for field in kept) for row in rows}
    assert {row[0]: row for row in found} == wanted


@pytest.mark.django_db
def test_a_wrong_row_is_kept_up_to_a_length(settings, tmp_path: Path) -> None:
    """Eight megabytes of nothing are no row, and no way to fill the hub's disk."""
    settings.HOME = tmp_path
    hub = Hub(make_data_key(put_in_force()))
    hub.send("0001", row(zone="x" * 1000), row(zone="x" * LONGEST_KEPT))

    drainer = Drainer()
    drainer.step()
    drainer.close()

    kept = Quarantined.objects.order_by("row").values_list("pointer", "sealed")
    assert [(pointer, sealed is None) for pointer, sealed in kept] == [("/zone", False), ("/zone", True)]
