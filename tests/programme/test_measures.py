"""The hub's own measures: from its records, with the records named; no case is no figure, never zero."""

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from balai.agreements.models import Agreement
from balai.collaborations.models import Collaboration
from balai.indicators.actions import publish_catalogue
from balai.indicators.models import Value
from balai.pilots.models import MonitoringReport, Pilot
from balai.programme.measures import keep_measures, measured
from balai.programme.tasks import measure_cities
from tests.builders import make_city
from tests.needs_builders import make_need
from tests.stories import World

pytestmark = pytest.mark.django_db
ZONE = ZoneInfo("Asia/Jakarta")


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.fixture
def world():
    return World("31", "jakarta")


def case(world: World, title: str = "Kerja", **extra) -> Collaboration:
    """A public collaboration of the world with these fields."""
    made = world.begin(title=title).collaboration
    values = {"submitted_at": at("2025-01-10"), "public_since": at("2025-02-01")} | extra
    Collaboration.objects.filter(pk=made.pk).update(**values)
    return Collaboration.objects.get(pk=made.pk)


def sealed(collaboration: Collaboration, on: str, **extra) -> None:
    values = {"kind": "pks", "state": "sealed", "title": "PKS", "documented": True} | extra
    Agreement.objects.create(city=collaboration.city, collaboration=collaboration, sealed_at=at(on), **values)


def ran(collaboration: Collaboration, begins: str) -> Pilot:
    return Pilot.objects.create(collaboration=collaboration, starts_on=dt.date.fromisoformat(begins))


def file(pilot: Pilot, form: str, period: str, on: str) -> None:
    MonitoringReport.objects.create(pilot=pilot, form=form, period=period, filed_at=at(on))


def test_a_city_without_records_has_no_figure():
    assert measured(make_city(), 2025) == []


def test_days_to_an_agreement_are_the_median_of_those_sealed_in_the_year(world):
    cases = [case(world, f"Kerja {n}") for n in range(3)]
    for it, on in zip(cases, ("2025-01-20", "2025-02-09", "2025-06-09"), strict=True):
        sealed(it, on)
    sealed(case(world, "Tahun lalu"), "2024-12-01")
    sealed(case(world, "MoU"), "2025-01-11", kind="mou")
    sealed(case(world, "Kertas"), "2025-01-11", from_paper=True)
    sealed(case(world, "Sejarah", documented=True), "2025-01-11")
    sealed(case(world, "Contoh", invented=True), "2025-01-11")

    (one,) = measured(world.city, 2025)

    assert (one.measure, one.value, one.n) == ("agreement-days", Decimal("30.0"), 3)
    assert list(one.records) == sorted(it.reference for it in cases)


def test_what_is_not_public_counts_and_is_not_named(world):
    sealed(case(world, public_since=None), "2025-01-20")

    (one,) = measured(world.city, 2025)

    assert (one.n, list(one.records)) == (1, [])


def test_reports_count_as_on_time_within_thirty_days_of_the_half_year(world):
    pilot = ran(case(world), "2025-03-01")
    file(pilot, "bureau", "2025-S1", "2025-07-30")
    file(pilot, "partner", "2025-S1", "2025-07-31")
    file(pilot, "agency", "2025-S2", "2026-01-02")
    ran(case(world, "Baru", submitted_at=at("2026-01-01")), "2026-01-05")

    (one,) = [found for found in measured(world.city, 2025) if found.measure == "reports-on-time"]

    # Two half-years of three forms are due; the bureau's first and the agency's second came in time.
    assert (one.value, one.n) == (Decimal("33.3333"), 6)


def test_a_pilot_that_ended_owes_no_later_report(world):
    pilot = ran(case(world, ended_at=at("2025-08-01"), outcome="stopped"), "2025-03-01")
    for form in ("bureau", "partner", "agency"):
        file(pilot, form, "2025-S1", "2025-07-01")

    found = {one.measure: (one.value, one.n) for one in measured(world.city, 2025)}

    assert found == {"reports-on-time": (Decimal("100.0"), 3), "pilots-graduated": (Decimal("0.0"), 1)}


def test_pilots_graduate_when_the_city_adopts_them(world):
    for n, outcome in enumerate(("adopted", "offered", "stopped")):
        ran(case(world, f"Uji {n}", ended_at=at("2025-11-01"), outcome=outcome), "2025-10-01")
    case(world, "Tanpa uji coba", ended_at=at("2025-11-01"), outcome="declined")

    (one,) = [found for found in measured(world.city, 2025) if found.measure == "pilots-graduated"]

    assert (one.value, one.n) == (Decimal("66.6667"), 3)


def test_needs_that_reached_a_pilot_are_counted_once(world):
    needs = [make_need(city=world.city) for _n in range(3)]
    challenge = world.challenge()
    challenge.needs.set(needs[:2])
    for n in range(2):
        ran(case(world, f"Uji {n}", challenge=challenge), "2025-04-01")
    ran(case(world, "Tanpa tantangan"), "2025-04-01")

    (one,) = [found for found in measured(world.city, 2025) if found.measure == "ideas-in-pilots"]

    assert (one.value, len(one.records)) == (Decimal(2), 2)


def test_figures_are_kept_with_their_lineage_and_only_when_they_change(world):
    publish_catalogue()
    it = case(world)
    sealed(it, "2025-01-20")
    sealed(case(world, "Contoh", invented=True), "2025-03-11")

    first, again = keep_measures(world.city, 2025), keep_measures(world.city, 2025)
    sealed(case(world, "Lagi"), "2025-01-30")
    later = keep_measures(world.city, 2025)

    standing = Value.objects.standing().order_by("invented")
    assert (first, again, later) == (2, 0, 1)
    assert [(v.indicator_id, str(v.value), v.invented, v.source, v.status) for v in standing] == [
        ("GOV-06", "15.0000", False, "Balai", "final"),
        ("GOV-06", "60.0000", True, "Balai", "final"),
    ]
    assert standing[0].lineage["n"] == 2
    assert standing[0].supersedes.lineage == {
        "measure": "agreement-days",
        "n": 1,
        "records": [it.reference],
    }


def test_the_daily_task_looks_at_the_hosted_cities(world):
    publish_catalogue()
    today = dt.datetime.now(ZONE)
    sealed(case(world, submitted_at=today - dt.timedelta(days=5)), today.date().isoformat())
    make_city("3273", hosted=False)

    measure_cities.call()

    assert list(Value.objects.values_list("city", "period", "status")) == [
        ("31", str(today.year), "provisional")
    ]
