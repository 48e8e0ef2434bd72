"""Series of a pilot from its partner's data: bound by the city, read by week, never overwritten."""

import datetime as dt
from decimal import Decimal

import pytest

from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry
from balai.observations.models import DataContract
from balai.pilots import flow
from balai.pilots.models import FlowMeasure, FlowReading, Pilot
from tests.builders import client_of
from tests.flow_builders import cell, contract_in_force, day_rest, days_of, release
from tests.stories import World

pytestmark = pytest.mark.django_db

START = dt.date(2026, 5, 6)
"""A Wednesday."""
MONDAY = dt.date(2026, 5, 4)
A, B = "3171010001", "3171010002"


@pytest.fixture
def world(settings):
    settings.DEMO = True
    return World()


@pytest.fixture
def contract(world) -> DataContract:
    return contract_in_force("roda-trips", city=world.city, partner=world.partner)


@pytest.fixture
def measure(world, contract) -> FlowMeasure:
    collaboration = world.at("running")
    Pilot.objects.filter(collaboration=collaboration).update(starts_on=START, ends_on=dt.date(2026, 12, 1))
    return flow.bind_flow(
        collaboration=collaboration,
        by=world.analyst,
        name="Jarak perjalanan",
        contract=contract,
        purpose="indicators",
        aggregate="mean",
        measure="distance_m",
        zones=[A],
    )


def test_the_city_binds_and_the_ledger_says_how(world, measure) -> None:
    entry = Entry.objects.get(verb="pilot.flow_bound")

    assert entry.facts["contract"] == "roda-trips v1"
    assert (entry.facts["aggregate"], entry.facts["of"], entry.facts["zones"]) == ("mean", "distance_m", [A])
    assert (measure.unit, entry.public) == ("m", True)


def test_the_partner_does_not_say_what_is_computed(world, contract) -> None:
    with pytest.raises(Refused):
        flow.bind_flow(
            collaboration=world.at("running"),
            by=world.founder,
            name="x",
            contract=contract,
            purpose="indicators",
            aggregate="count",
        )


def test_only_what_a_contract_of_the_partner_bears(world, contract) -> None:
    stranger = contract_in_force("laju-trips", city=world.city)
    given = {"collaboration": world.at("running"), "by": world.analyst, "name": "x"}

    with pytest.raises(Invalid) as other:
        flow.bind_flow(**given, contract=stranger, purpose="indicators", aggregate="count")
    with pytest.raises(Invalid) as wrong:
        flow.bind_flow(
            **given, contract=contract, purpose="adverts", aggregate="mean", measure="device", zones=[""]
        )

    assert list(other.value.fields) == ["contract"]
    assert list(wrong.value.fields) == ["purpose", "measure", "zones"]


def test_whole_weeks_are_read_before_and_after_the_start(contract, measure) -> None:
    for day in days_of(MONDAY - dt.timedelta(7), MONDAY + dt.timedelta(9)):
        release(contract, day, cell(A, "car", 10, 1000), cell(B, "car", 30, 600), day_rest(10, 5000))

    made = flow.keep_readings(measure, today=MONDAY + dt.timedelta(10))

    assert made == 2
    assert [(one.week, one.value, one.days, one.rows, one.withheld) for one in flow.standing(measure)] == [
        (MONDAY - dt.timedelta(7), Decimal(100), 7, 70, 70),
        (MONDAY, Decimal(100), 7, 70, 70),
    ]
    assert list(flow.panel(measure)) == [
        (A, MONDAY - dt.timedelta(7), 100.0, 70, True, False),
        (B, MONDAY - dt.timedelta(7), 20.0, 210, False, False),
        (A, MONDAY, 100.0, 70, True, False),
        (B, MONDAY, 20.0, 210, False, False),
    ]


def test_reading_again_changes_nothing_and_a_late_day_stands_beside(contract, measure) -> None:
    release(contract, MONDAY, cell(A, "car", 10, 1000))
    today = MONDAY + dt.timedelta(8)

    assert [flow.keep_readings(measure, today=today), flow.keep_readings(measure, today=today)] == [1, 0]
    release(contract, MONDAY + dt.timedelta(1), cell(A, "car", 10, 3000))
    assert flow.keep_readings(measure, today=today) == 1

    old, new = FlowReading.objects.order_by("made_at")
    assert (old.value, new.value, new.supersedes) == (Decimal(100), Decimal(200), old)
    assert list(flow.standing(measure)) == [new]
    assert [len(one["days"]) for one in new.fed] == [2]


def test_what_is_below_k_stays_unread(contract, measure) -> None:
    """The only atom of the day is of no zone: the pilot's zones have no figure, and the panel no cell."""
    release(contract, MONDAY, day_rest(10, 5000))

    assert flow.keep_readings(measure, today=MONDAY + dt.timedelta(8)) == 0
    assert list(flow.panel(measure)) == []


def test_an_ended_series_is_read_no_more(world, measure) -> None:
    with pytest.raises(Refused):
        flow.end_flow(measure=measure, by=world.founder)
    flow.end_flow(measure=measure, by=world.officer)
    with pytest.raises(Stale):
        flow.end_flow(measure=measure, by=world.officer)

    assert not flow.running_measures()


def test_the_pages_show_what_is_simulated_and_give_the_panel(world, contract, measure) -> None:
    DataContract.objects.update(invented=True)
    for day in days_of(MONDAY, MONDAY + dt.timedelta(6)):
        release(contract, day, cell(A, "car", 10, 1000))
    flow.keep_readings(measure, today=MONDAY + dt.timedelta(8))
    address = f"/en/uji-coba/{measure.pilot.collaboration.reference}/"
    client = client_of(world.founder)

    page = client.get(address).content.decode()
    series = client.get(f"{address}aliran/{measure.pk}/").content.decode()
    panel = client.get(f"{address}aliran/{measure.pk}/panel.csv").content.decode()

    assert "simulated data" in page
    assert "Simulated data" in series
    assert series.count("<code>") == 1 + 7
    assert panel.splitlines()[-1] == f"{A},2026-05-04,100.0,70,True,False,True"
