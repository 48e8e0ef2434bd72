"""Compaction, retention and the check: nothing changes but what should, and damage is named."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from balai.core.models import Entry
from balai.observations import places
from balai.observations.contracts import read_contract
from balai.observations.drain import Drainer
from balai.observations.housekeeping import MOST_FILES_A_DAY, check, compact, expire
from balai.observations.models import ContractState, DataContract, Receipt, StoreFile
from balai.observations.release import release_day, why
from balai.observations.segments import segment_path
from balai.observations.store import connect
from tests.observations.test_contracts import changed
from tests.observations.test_drain import Hub, stored
from tests.observations_builders import make_data_key, put_in_force, row

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)
DOCUMENT = changed(customProperties__4={"property": "k", "value": 2})


@pytest.fixture
def hub(settings, tmp_path: Path) -> Hub:
    settings.HOME = tmp_path
    return Hub(make_data_key(put_in_force(DOCUMENT)))


def drain(hub: Hub, *batches: list[dict[str, object]]) -> None:
    drainer = Drainer()
    for batch in batches:
        hub.send(f"{Receipt.objects.count():04d}", *batch)
        drainer.step()
    drainer.close()


def faults() -> list[str]:
    return list(check(connect(), places.store()))


def test_many_files_of_a_day_become_one_with_the_same_rows(hub: Hub) -> None:
    day = (NOW - timedelta(days=5)).replace(hour=3)
    events = [f"e{n:02d}" for n in range(MOST_FILES_A_DAY + 1)]
    drain(hub, *[[row(event, at=day.isoformat(), device=event)] for event in events])
    contract = read_contract(DOCUMENT)
    released = release_day(contract, day.date())
    assert released is not None
    (before,) = why(contract, [day.date()])

    assert compact(connect(), places.store()) == len(events)

    (after,) = why(contract, [day.date()])
    assert (StoreFile.objects.count(), stored()) == (1, events)
    assert len(list(places.store().rglob("*.parquet"))) == 1
    assert (after, after.missing_files, faults()) == (before, (), [])
    assert compact(connect(), places.store()) == 0


def test_repeats_are_known_after_compaction(hub: Hub) -> None:
    events = [f"e{n:02d}" for n in range(MOST_FILES_A_DAY + 1)]
    drain(hub, *[[row(event)] for event in events])
    compact(connect(), places.store())

    other = Hub(hub.key, "two")
    drain(other, [row("e00"), row("new")])

    assert stored() == [*events, "new"]


def test_days_beyond_retention_go_and_the_ledger_says_so(hub: Hub) -> None:
    drain(hub, [row("old", at=(NOW - timedelta(days=300)).isoformat()), row("new")])

    assert expire(places.store(), (NOW + timedelta(days=64)).date()) == 0
    assert expire(places.store(), (NOW + timedelta(days=70)).date()) == 1

    assert stored() == ["new"]
    entry = Entry.objects.get(verb="data.expired")
    assert entry.facts == {
        "contract": "roda-trips",
        "major": 1,
        "before": (NOW - timedelta(days=295)).date().isoformat(),
    }
    assert faults() == []


def test_what_is_lost_is_not_hidden_by_what_was_deleted(hub: Hub) -> None:
    drain(hub, [row("old", at=(NOW - timedelta(days=300)).isoformat())], [row("new")])
    expire(places.store(), (NOW + timedelta(days=70)).date())
    StoreFile.objects.all().delete()

    assert faults() == ["roda_trips_v1: 2 rows accepted, 0 stored, 1 deleted with their days"]


def test_a_draft_deletes_nothing(hub: Hub) -> None:
    drain(hub, [row("a")])
    draft = put_in_force(
        changed(version="1.1.0", slaProperties=[{"property": "retention", "value": 1, "unit": "d"}]),
        city=hub.key.city,
        partner=hub.key.partner,
    )
    DataContract.objects.filter(pk=draft.pk).update(state=ContractState.DRAFT)

    assert expire(places.store(), (NOW + timedelta(days=70)).date()) == 0


def test_files_put_together_while_one_reads_are_read_where_they_went(hub: Hub) -> None:
    """The check finds a file gone that it had listed, and looks again instead of calling it missing."""

    class Meanwhile:
        """An engine whose first question comes after the files were put together."""

        def __init__(self) -> None:
            self.engine, self.asked = connect(), 0

        def execute(self, *question: object) -> object:
            self.asked += 1
            if self.asked == 1:
                compact(connect(), places.store())
            return self.engine.execute(*question)

    drain(hub, *[[row(f"e{n}")] for n in range(MOST_FILES_A_DAY + 1)])
    engine = Meanwhile()

    assert list(check(engine, places.store())) == []  # type: ignore[arg-type]
    assert engine.asked > 1


def test_a_damaged_log_is_named(hub: Hub) -> None:
    hub.send("0001", row("a"))
    path = segment_path(places.log() / "one", 1)
    path.write_bytes(path.read_bytes()[:-1])

    assert [fault[:25] for fault in faults()] == ["log of one: 000000000001."]


def test_the_check_names_altered_missing_and_lost_rows(hub: Hub) -> None:
    drain(hub, [row("a"), row("b", at=(NOW - timedelta(days=3)).isoformat())], [row("c")])
    assert faults() == []

    first, second, third = StoreFile.objects.order_by("pk")
    path = places.store() / first.path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    (places.store() / second.path).unlink()
    third.delete()

    assert faults() == [
        f"{min(first.path, second.path)}: " + ("altered" if first.path < second.path else "missing"),
        f"{max(first.path, second.path)}: " + ("missing" if first.path < second.path else "altered"),
        "roda_trips_v1: 3 rows accepted, 2 stored",
    ]
