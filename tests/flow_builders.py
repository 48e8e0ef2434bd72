"""Released days of a partner's contract, put there as the release would leave them."""

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from balai.indicators.flow.computing import compute
from balai.indicators.flow.definition import read_definition, span_of
from balai.indicators.flow.keeping import keep_figure
from balai.indicators.models import FlowFigure, FlowSource
from balai.observations.atoms import CELL, DAY_REST, ZONE_REST, Atom, Day, dimensions_of, measures_of
from balai.observations.contracts import read_contract
from balai.observations.models import DataContract, ReleasedDay
from balai.people.models import City, Organisation
from tests.indicators_builders import make_indicator
from tests.observations.test_contracts import changed
from tests.observations_builders import put_in_force

PURPOSES = {"property": "purposes", "value": ["indicators"]}


def contract_in_force(
    name: str = "roda-trips", *, city: City | None = None, partner: Organisation | None = None, **extra: Any
) -> DataContract:
    """Trips by zone and vehicle, with distance and wait, for the purpose ``indicators``; k is 10."""
    made = put_in_force(changed(id=name, customProperties__4=PURPOSES), city=city, partner=partner)
    for what, value in extra.items():
        setattr(made, what, value)
    made.save()
    return made


def cell(zone: str, vehicle: str, rows: int, distance: float, wait: float = 0, waited: int = 0) -> Atom:
    """One cell of ten people or more: ``distance`` and ``wait`` are sums, ``waited`` how many had a wait."""
    return Atom(CELL, zone, 8, (vehicle,), rows, (distance, wait), (rows, waited))


def zone_rest(zone: str, rows: int, distance: float) -> Atom:
    return Atom(ZONE_REST, zone, -1, (), rows, (distance, 0), (rows, 0))


def day_rest(rows: int, distance: float) -> Atom:
    return Atom(DAY_REST, "", -1, (), rows, (distance, 0), (rows, 0))


def release(row: DataContract, day: date, *atoms: Atom) -> ReleasedDay:
    """A released day of these atoms."""
    contract = read_contract(row.document)
    data = Day(measures_of(contract), dimensions_of(contract), atoms).packed()
    return ReleasedDay.objects.create(
        table=row.table,
        day=day,
        contract=row.contract,
        version=row.version,
        k=contract.k,
        rows=sum(atom.rows for atom in atoms),
        unknown=0,
        atoms=data,
        sha256=hashlib.sha256(data).hexdigest(),
        files=["f" * 64],
        made_at=timezone.now(),
    )


def days_of(first: date, last: date) -> Sequence[date]:
    return [first + timedelta(step) for step in range((last - first).days + 1)]


def make_figure(row: DataContract, *, code: str = "MOB-01", day: date = date(2026, 5, 1)) -> FlowFigure:
    """One released day of the contract, and the partial figure of its month that counts its rows."""
    release(row, day, cell("3171010001", "car", 12, 1200))
    read = read_definition(
        f'aggregate = "count"\nperiod = "month"\ncoverage = 80\n[[of]]\ncontract = "{row.contract}"\n'
        'major = 1\npurpose = "indicators"\n'
    )
    source = FlowSource.objects.create(
        indicator=make_indicator(code),
        city=row.city,
        revision=1,
        definition=read.text,
        sha256=read.sha256,
        shipped=False,
    )
    span = span_of("month", day)
    found = compute(read, span)
    assert found is not None
    value = keep_figure(source=source, span=span, found=found, today=span.last + timedelta(9))
    assert value is not None
    return value.flow
