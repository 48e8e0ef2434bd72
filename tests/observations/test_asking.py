"""Questions to released days: for a purpose, by a grouping, with what is missing said."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from balai.core.errors import Invalid, Refused
from balai.observations.contracts import Contract, read_contract
from balai.observations.drain import Drainer
from balai.observations.models import ReleasedDay, StoreFile
from balai.observations.release import Figure, ask, days_to_release, release_day, why
from tests.observations.test_contracts import changed
from tests.observations.test_drain import Hub
from tests.observations_builders import make_data_key, put_in_force, row

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)
DAY = (NOW - timedelta(days=5)).date()
DOCUMENT = changed(
    customProperties__4={"property": "k", "value": 3},
    customProperties__5={"property": "purposes", "value": ["planning"]},
)


@pytest.fixture
def contract(settings, tmp_path: Path) -> Contract:
    """Five days ago: three cars in one hour of one zone, and one motorcycle of another zone."""
    settings.HOME = tmp_path
    key = make_data_key(put_in_force(DOCUMENT))
    at = datetime(DAY.year, DAY.month, DAY.day, 2, tzinfo=UTC).isoformat()
    rows = [row(at=at, device=f"d{n}", distance_m=100) for n in range(3)]
    Hub(key).send("0001", *rows, row(at=at, zone="3171010002", vehicle="motorcycle", distance_m=7))
    drainer = Drainer()
    drainer.step()
    drainer.close()
    return read_contract(DOCUMENT)


def test_a_day_is_released_once_it_is_closed_and_never_again(contract: Contract) -> None:
    assert days_to_release(contract) == [DAY]
    assert days_to_release(contract, NOW - timedelta(days=4)) == []

    first = release_day(contract, DAY)
    assert first is not None
    assert (first.rows, first.unknown, days_to_release(contract)) == (3, 1, [])

    StoreFile.objects.all().delete()
    assert release_day(contract, DAY) == first


def test_figures_are_sums_of_what_may_be_known(contract: Contract) -> None:
    release_day(contract, DAY)
    span = {"first": DAY, "last": DAY + timedelta(1), "purpose": "planning"}

    by_hour = ask(contract, measure="distance_m", by=("zone", "hour"), **span)
    assert by_hour.figures == (Figure(("3171010001", "09"), 300, 3),)
    assert (by_hour.rest, by_hour.k, by_hour.days, by_hour.missing) == (
        None,
        3,
        (DAY,),
        (DAY + timedelta(1),),
    )
    assert ask(contract, measure="distance_m", aggregate="mean", **span).figures == (Figure((), 100, 3),)
    assert ask(contract, aggregate="count", by=("vehicle",), **span).figures == (Figure(("car",), 3, 3),)


def test_another_purpose_is_refused(contract: Contract) -> None:
    release_day(contract, DAY)

    with pytest.raises(Refused):
        ask(contract, purpose="advertising", measure="distance_m", first=DAY, last=DAY)


@pytest.mark.parametrize(
    "wrong",
    [
        {"measure": "device"},
        {"measure": ""},
        {"aggregate": "median"},
        {"by": ("device",)},
        {"by": ("zone", "zone")},
        {"last": date(2020, 1, 1)},
        {"first": date(2020, 1, 1)},
    ],
)
def test_what_is_not_to_be_had_is_said(contract: Contract, wrong: dict[str, object]) -> None:
    asked = {"purpose": "planning", "measure": "distance_m", "first": DAY, "last": DAY} | wrong

    with pytest.raises(Invalid):
        ask(contract, **asked)  # type: ignore[arg-type]


def test_a_figure_leads_back_to_its_files_and_batches(contract: Contract) -> None:
    released = release_day(contract, DAY)
    assert released is not None

    (lineage,) = why(contract, [DAY])

    assert (lineage.day, lineage.sha256, lineage.batches) == (DAY, released.sha256, 1)
    assert lineage.files == tuple(StoreFile.objects.values_list("sha256", flat=True))
    assert lineage.missing_files == ()
    assert ReleasedDay.objects.get().files == list(lineage.files)
