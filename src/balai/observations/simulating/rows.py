"""Rows such as a partner might send, made up from its contract: for trying out, labelled as simulated.

Nothing here measures anything. The shapes (rush hours, a few busy zones) only make pages and sums look like a
city's.
"""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

from balai.observations import grid
from balai.observations.contracts import Contract, Field, Role
from balai.observations.disbursing import STANDARD
from balai.observations.simulating.g2p import disbursements

ZONES = tuple(
    f"31{city}{district:02d}0{village:03d}"
    for city in (71, 72, 73, 74, 75)
    for district in (1, 2)
    for village in (1, 2)
)
CELLS = tuple(f"S6.{lat}E106.{lng}" for lat in (20, 18, 22, 16, 24) for lng in (82, 84, 80, 78))
HOURS = (1, 1, 1, 1, 2, 4, 8, 12, 10, 7, 6, 7, 8, 7, 6, 7, 9, 13, 12, 9, 7, 5, 3, 2)
MIDDLES = {"m": 5200.0, "s": 900.0, "IDR": 185_000.0, "d": 20.0, "km/h": 24.0, "{person}": 1.3}
PEOPLE = 4000
"""How many subjects a simulated partner knows."""


def rows_of(
    contract: Contract, day: date, count: int, *, seed: int = 0, hours_ahead: int = 7
) -> Iterator[dict[str, Any]]:
    """``count`` rows of one local day, the same for the same seed, in the order of their time.

    Payments, which go together, are about as many.
    """
    if contract.standard == STANDARD:
        yield from disbursements(
            contract, day, count, seed=seed, hours_ahead=hours_ahead, people=PEOPLE, zones=ZONES
        )
        return
    chance = random.Random(f"{contract.id} {day} {seed}")  # noqa: S311 - made-up rows need no secrecy
    local = timezone(timedelta(hours=hours_ahead))
    midnight = datetime(day.year, day.month, day.day, tzinfo=local)
    hours = sorted(chance.choices(range(24), HOURS, k=count))
    for number, hour in enumerate(hours):
        at = midnight + timedelta(hours=hour, seconds=chance.randrange(3600))
        row: dict[str, Any] = {}
        for field in contract.fields:
            if field.role is Role.EVENT:
                row[field.name] = f"{contract.id}-{day:%Y%m%d}-{seed}-{number}"
            elif field.role is Role.TIME:
                row[field.name] = at.isoformat()
            elif field.required or chance.random() < 0.9:
                row[field.name] = _value(field, chance, hour)
        if contract.standard == "mds/events":
            _settle(row, chance)
        yield row


def _settle(row: dict[str, Any], chance: random.Random) -> None:
    """Let what is counted of a vehicle's event go with the state it led to."""
    state = row["vehicle_state"]
    cancelled = state == "available" and chance.random() < 0.1
    row |= {
        "reservations": int(state == "reserved"),
        "trip_starts": int(state == "on_trip"),
        "trip_ends": int(state == "available" and not cancelled),
        "cancellations": int(cancelled),
    }


def _value(field: Field, chance: random.Random, hour: int) -> Any:
    if field.role is Role.ZONE:
        zones = CELLS if field.pattern == grid.PATTERN else ZONES
        return chance.choices(zones, [len(zones) - n for n in range(len(zones))])[0]
    if field.role is Role.SUBJECT:
        return f"simulated-{chance.randrange(PEOPLE)}"
    if field.role is Role.SUBJECTS:
        return chance.randrange(3, 60)
    if field.values:
        return chance.choices(field.values, [len(field.values) - n for n in range(len(field.values))])[0]
    if field.type in ("integer", "number"):
        low, high = field.minimum or 0, field.maximum
        middle = MIDDLES.get(field.unit, 4.0)
        middle = middle * (1 + 0.4 * (HOURS[hour] - 6) / 12)
        value = low + chance.lognormvariate(0, 0.6) * middle
        value = min(value, high) if high is not None else value
        return round(value) if field.type == "integer" else round(value, 2)
    if field.type == "boolean":
        return chance.random() < 0.5
    return f"{field.name}-{chance.randrange(40)}"
