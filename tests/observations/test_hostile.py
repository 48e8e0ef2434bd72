"""What a contract, a partner or a crash could do to others: nothing."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from balai.core import ledger
from balai.core.errors import Invalid
from balai.observations import places, queries
from balai.observations.actions import erase_subjects, make_key, rotate_key
from balai.observations.atoms import Atom, Day
from balai.observations.audiences import both_ends
from balai.observations.contracts import ContractError, read_contract
from balai.observations.doors import Doors
from balai.observations.drain import Drainer
from balai.observations.intake import ROWS
from balai.observations.models import DataContract, DataKey, Quarantined, Receipt, ReleasedDay
from balai.observations.release import release_day
from balai.observations.subjects import SubjectKeys
from balai.observations.tasks import tell_missed
from tests.builders import make_bureau, make_company, make_founder, make_user, seat
from tests.observations.test_contracts import changed
from tests.observations.test_drain import Hub, account, drainer, key, stored  # noqa: F401
from tests.observations_builders import lines, make_data_key, put_in_force, row, trips

pytestmark = pytest.mark.django_db

AGO = (datetime.now(UTC) - timedelta(days=5)).date()
THEN = f"{AGO}T02:00:00+00:00"


def attribute(name: str, **extra: object) -> dict[str, object]:
    return {"name": name, "logicalType": "string"} | extra


def drained() -> None:
    made = Drainer()
    made.step()
    made.close()


def test_fields_may_be_called_as_the_drainer_calls_its_own(settings, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    document = changed(schema__0__properties__7=attribute("id"), schema__0__properties__8=attribute("number"))
    key = make_data_key(put_in_force(document))  # noqa: F811
    Hub(key, "one").send("0001", row("a", id="x", number="1"))
    Hub(key, "two").send("0002", row("a", id="y", number="2"), row("b", id="z", number="3"))

    drained()

    assert (stored(), account()) == (["a", "b"], (3, 2, 0, 1))


def test_a_row_as_long_as_its_contract_allows_is_stored(settings, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    names = [f"text{n}" for n in range(120)]
    fields = [attribute(name, logicalTypeOptions={"maxLength": 10_000}) for name in names]
    document = changed(**{f"schema__0__properties__{7 + n}": field for n, field in enumerate(fields)})
    Hub(make_data_key(put_in_force(document))).send("0001", row("a", **dict.fromkeys(names, "x" * 10_000)))

    drained()

    assert stored() == ["a"]


def test_days_from_before_a_field_came_are_released_after_it(settings, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    k = {"customProperties__4": {"property": "k", "value": 3}}
    first = put_in_force(changed(**k))
    Hub(make_data_key(first)).send("0001", *[row(at=THEN, device=f"d{n}") for n in range(3)])
    drained()
    measure = {
        "name": "fare",
        "logicalType": "integer",
        "customProperties": [{"property": "role", "value": "measure"}],
    }
    newer = read_contract(changed(version="1.1.0", schema__0__properties__7=measure, **k))

    released = release_day(newer, AGO)

    assert released is not None
    assert Day.unpacked(released.atoms).atoms == (
        Atom("cell", "3171010001", 9, ("car",), 3, (3600, 0, 0), (3, 0, 0)),
    )


def test_a_measure_that_one_subject_alone_has_is_not_told(settings, tmp_path: Path) -> None:
    """Three in the cell, but the waiting time would be one person's."""
    settings.HOME = tmp_path
    contract = put_in_force(changed(customProperties__4={"property": "k", "value": 3}))
    rows = [row(at=THEN, device=f"d{n}") for n in range(2)]
    Hub(make_data_key(contract)).send("0001", *rows, row(at=THEN, device="d3", wait_s=77))
    drained()

    released = release_day(read_contract(contract.document), AGO)

    assert released is not None
    (atom,) = Day.unpacked(released.atoms).atoms
    assert (atom.rows, atom.sums, atom.counts) == (3, (3600, 0), (3, 0))


@pytest.mark.parametrize(
    "at",
    [
        {"schema__0__properties__5__logicalTypeOptions": {"minimum": 0, "maximum": 10**19}},
        {"schema__0__properties__5__logicalTypeOptions": {"minimum": float("nan")}},
        {"schema__0__properties__5__logicalTypeOptions": {"maximum": float("inf")}},
        {"id": "r" * 81},
    ],
)
def test_a_contract_that_no_check_or_column_can_hold_is_none(at: dict[str, object]) -> None:
    with pytest.raises(ContractError):
        read_contract(changed(**at))


@pytest.mark.django_db(transaction=True)
def test_doors_are_followed_on_after_whatever_went_wrong() -> None:
    key = make_data_key(put_in_force())  # noqa: F811
    doors = Doors()
    doors.open()
    document = trips_document()
    try:
        DataContract.objects.update(document="nonsense", sha256="other")
        time.sleep(1.3)
        DataContract.objects.update(document=document, sha256="third")
        DataKey.objects.update(stopped_at=timezone.now(), stopped_reason="Bocor")
        deadline = time.monotonic() + 5
        while not doors()[key.pk].stopped and time.monotonic() < deadline:
            time.sleep(0.05)

        assert doors()[key.pk].stopped == "Bocor"
    finally:
        doors.close()


def trips_document() -> str:
    return DataContract.objects.get().document


def test_what_a_killed_drainer_left_is_cleared(key: DataKey) -> None:  # noqa: F811
    places.store().mkdir(parents=True)
    spool = places.store() / "spool-1.ndjson"
    spool.write_text("{}")

    drained()

    assert not spool.exists()


@pytest.mark.django_db(transaction=True)
def test_a_day_is_erased_outside_any_transaction_and_only_by_its_tables_name(settings, tmp_path) -> None:
    settings.HOME = tmp_path
    put_in_force()
    keys = SubjectKeys(places.subject_keys())
    keys.key("roda_trips_v1", AGO)
    for wrong in ("roda_trips_v01", "roda-trips_v1", "roda_trips_vx", "roda_trips"):
        with pytest.raises(Invalid):
            erase_subjects(table=wrong, day=AGO)

    assert erase_subjects(table="roda_trips_v1", day=AGO)
    assert not erase_subjects(table="roda_trips_v1", day=AGO)

    with pytest.raises(LookupError):
        keys.key("roda_trips_v1", AGO)


def test_who_left_the_partner_hears_nothing_any_more(city) -> None:
    roda = make_company(slug="roda")
    contract = put_in_force(city=city, partner=roda)
    bureau, founder, left = make_bureau(city), make_founder(roda), make_user()
    seat(left, roda, "founder").memberships.update(ended_at=timezone.now())
    seat(left, make_company(), "founder")
    entry = ledger.append(
        verb="data.key_made", subject=f"data-contract:{contract.contract}", by=None, city=city.pk
    )

    assert set(both_ends(entry)) == {bureau, founder}


def test_a_replaced_key_keeps_its_bounds(city) -> None:
    contract = put_in_force(city=city)
    old = make_data_key(contract, rows_per_second=7, rows_per_day=70)

    new, _text = rotate_key(by=make_bureau(city), key=old)

    assert (new.rows_per_second, new.rows_per_day) == (7, 70)


def receipt(contract: DataContract, number: str, at: datetime) -> Receipt:
    nothing = dict.fromkeys(("segment", "offset", "quarantined", "duplicates"), 0)
    return Receipt.objects.create(
        id=number, contract=contract.contract, version=contract.version, table=contract.table,
        received_at=at, received=5, accepted=5, sandbox=False, **nothing,
    )  # fmt: skip


def test_major_versions_are_counted_apart_and_each_is_missed(city) -> None:
    now = timezone.now()
    roda = make_company(slug="roda")
    old = put_in_force(city=city, partner=roda)
    new = put_in_force(changed(version="2.0.0"), city=city, partner=roda)
    key = make_data_key(old)  # noqa: F811
    DataKey.objects.update(created_at=now - timedelta(days=9))
    receipt(old, "1", now - timedelta(days=8))
    receipt(new, "2", now)

    tell_missed.func()
    old.refresh_from_db()

    assert [queries.budget_of(one).received for one in (old, new)] == [5, 5]
    assert [day.batches for day in queries.flow_of(old)] == [1]
    assert queries.last_received(old) == now - timedelta(days=8) == old.missed_since

    key.expires_at = now
    key.save(update_fields=["expires_at"])
    tell_missed.func()
    old.refresh_from_db()
    assert old.missed_since is None


def test_nothing_is_missed_that_could_not_come(city, tmp_path: Path, settings) -> None:
    """The days of a suspension are not counted against the partner once its keys open again."""
    settings.HOME = tmp_path
    now = timezone.now()
    contract = put_in_force(city=city, partner=make_company(slug="roda"))
    key = make_data_key(contract, subject="nobody:knows")  # noqa: F811
    DataKey.objects.update(created_at=now - timedelta(days=9))
    receipt(contract, "1", now - timedelta(days=8))

    tell_missed.func()
    DataKey.objects.filter(pk=key.pk).update(subject="")
    tell_missed.func()
    contract.refresh_from_db()
    assert contract.missed_since is None

    long_ago = now - timedelta(days=2)
    DataContract.objects.update(closed_at=long_ago)
    tell_missed.func()
    contract.refresh_from_db()
    assert contract.missed_since == long_ago


def test_a_table_is_called_the_same_by_document_and_record() -> None:
    assert put_in_force().table == trips().table


def test_no_value_that_was_sent_stands_in_a_reason(key: DataKey) -> None:  # noqa: F811
    """Reasons are shown and not encrypted; PostgreSQL takes no NUL in them."""
    far = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    batch = Hub(key).send(
        "0001",
        *(row(vehicle="Siti Rahma\0"), row(at=far), row(zone="3171\0")),
        *(row(**{name: 1}) for name in ("strange", "strange\0", "081234567890", "Siti Rahma")),
    )

    drained()

    found = Quarantined.objects.filter(batch=batch).order_by("row").values_list("pointer", "reason")
    assert list(found) == [
        ("/vehicle", "none of the allowed values"),
        ("/at", "lies in the future"),
        ("/zone", "Expected `str` matching regex '^(?:\\\\d{10})\\\\Z'"),
        ("", "Object contains unknown field `strange`"),
        *[("", "has a field that the contract does not name")] * 3,
    ]


def test_rows_of_an_erased_day_are_refused_and_their_neighbours_taken(key: DataKey) -> None:  # noqa: F811
    """Also by a node that knew the day's key."""
    hub = Hub(key)
    hub.send("0001", row("a", at=THEN))
    erase_subjects(table="roda_trips_v1", day=AGO)

    batch = hub.send("0002", row("b", zone="wrong"), row("c", at=THEN), row("d"))
    drained()

    assert (stored(), account()) == (["a", "d"], (4, 2, 2, 0))
    erased = Quarantined.objects.get(batch=batch, row=1)
    assert (erased.pointer, erased.sealed) == ("/at", None)


@pytest.mark.parametrize("more", [1, 3])
def test_a_page_asks_the_same_however_much_flowed(
    client, city, settings, django_assert_num_queries, more: int
) -> None:
    settings.DEFAULT_CITY = city.pk
    roda = make_company(slug="roda")
    purposes = {"customProperties__4": {"property": "purposes", "value": ["indicators"]}}
    document = changed(**purposes)
    contract = put_in_force(document, city=city, partner=roda)
    for number in range(more):
        if number:
            put_in_force(changed(id=f"roda-{number}", **purposes), city=city, partner=roda)
        make_data_key(contract)
        receipt(contract, str(number), timezone.now())
        day = timezone.localdate() - timedelta(days=number + 1)
        data = Day(("distance_m", "wait_s"), ("vehicle",), ()).packed()
        ReleasedDay.objects.create(
            table=contract.table, day=day, contract=contract.contract, version=contract.version, k=10,
            rows=0, unknown=0, atoms=data, sha256=f"{number:064d}", files=["x"], made_at=timezone.now(),
        )  # fmt: skip
    partner = make_founder(roda)

    with django_assert_num_queries(1):
        assert client.get("/data/").status_code == 200
    with django_assert_num_queries(4):
        page = client.get("/data/roda-trips/1/")
    assert page.content.decode().count("0" * 60) == more
    client.force_login(partner)
    client.get("/data/")
    with django_assert_num_queries(8):
        assert client.get("/data/roda-trips/1/").status_code == 200


def test_rows_charged_while_the_doors_are_read_are_counted(key: DataKey) -> None:  # noqa: F811
    hub, doors = Hub(key), Doors()
    doors.read()
    before = doors()[key.pk]
    doors.read()
    body = lines(row(), row())

    hub.intake.prepare(before, "batch-0001", ROWS, body)

    assert doors()[key.pk].today.rows == 2


@pytest.mark.parametrize("subject", ["collaboration:\0", "collaboration", "collaboration:" + "x" * 70])
def test_a_key_serves_what_a_name_can_name(city, subject: str) -> None:
    with pytest.raises(Invalid):
        make_key(by=make_bureau(city), contract=put_in_force(city=city), sandbox=True, subject=subject)


def test_a_version_beyond_all_numbers_is_not_found(client) -> None:
    assert client.get(f"/data/roda-trips/{10**30}/").status_code == 404
