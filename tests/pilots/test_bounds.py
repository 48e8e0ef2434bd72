"""What no pilot takes: days nobody can reckon with, values no database holds, acts after it moved on."""

import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone

from balai.collaborations.models import Collaboration
from balai.core.errors import Invalid, Stale
from balai.core.models import Entry
from balai.pilots import actions
from balai.pilots.models import Pilot, Site
from tests.builders import client_of
from tests.stories import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _demonstration_seal(settings) -> None:
    settings.DEMO = True


def test_a_plan_that_somebody_changes_after_the_start_is_refused() -> None:
    """The guards of the start were asked of the plan as it was; a page opened before cannot change it."""
    world = World()
    opened_before = world.at("preparation")
    world.plan(opened_before)
    world.move(opened_before, "start", world.officer)

    with pytest.raises(Stale):
        actions.plan_pilot(
            collaboration=opened_before,
            by=world.founder,
            starts_on=timezone.localdate(),
            ends_on=timezone.localdate() + dt.timedelta(days=9),
        )

    assert Pilot.objects.get().safety_plan == "Kecepatan dibatasi 15 km/jam."


@pytest.mark.parametrize("first", ["9999-12-30", "0001-01-01"])
def test_days_beyond_reckoning_come_back_with_a_sentence(first: str) -> None:
    world = World()
    collaboration = world.at("preparation")

    answer = client_of(world.founder).post(
        f"/uji-coba/{collaboration.reference}/rencana/", {"starts_on": first, "ends_on": "9999-12-31"}
    )

    assert answer.status_code == 422
    assert Pilot.objects.filter(starts_on__isnull=False).count() == 0


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+07:00", "1999-12-31T23:59:59Z", "0001-01-01T00:00:00"])
def test_an_incident_of_another_age_comes_back_with_a_sentence(when: str) -> None:
    world = World()
    collaboration = world.at("running")

    answer = client_of(world.officer).post(
        f"/api/v1/collaborations/{collaboration.reference}/incidents",
        {"severity": "minor", "happened_at": when, "text": "Ban pecah"},
        content_type="application/json",
    )

    assert answer.status_code == 422


@pytest.mark.parametrize("seen", ["NaN", "sNaN", "Infinity", "1e999999", "x", ""])
def test_a_value_nobody_saw_verifies_nothing(seen: str) -> None:
    world = World()
    collaboration = world.at("evaluation")
    actions.record_effect(
        collaboration=collaboration, by=world.founder, observed=Decimal("22.9"), period="2026-S2"
    )

    answer = client_of(world.analyst).post(
        f"/uji-coba/{collaboration.reference}/dampak/verifikasi/", {"seen": seen}
    )

    assert answer.status_code in (409, 422)
    assert Entry.objects.filter(verb="effect.verified").count() == 0


def test_an_outline_keeps_its_ring_and_nothing_else() -> None:
    world = World()
    collaboration = Collaboration.objects.get(pk=world.at("preparation").pk)
    ring = [[106.8, -6.2], [106.9, -6.2], [106.9, -6.1], [106.8, -6.2]]
    fence = {"type": "Polygon", "coordinates": [ring], "note": float("nan")}

    actions.add_site(
        collaboration=collaboration,
        by=world.founder,
        name="Taman",
        latitude=-6.2,
        longitude=106.8,
        fence=fence,
    )

    assert Site.objects.get().fence == {"type": "Polygon", "coordinates": [ring]}


def test_a_height_beyond_all_measure_is_refused() -> None:
    ring = [[106.8, -6.2, 10**400], [106.9, -6.2], [106.9, -6.1], [106.8, -6.2, 10**400]]

    with pytest.raises(Invalid):
        actions.check_fence({"type": "Polygon", "coordinates": [ring]})
