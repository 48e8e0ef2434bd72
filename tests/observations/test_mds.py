"""MDS 2.0 for passenger services at the door: what is taken, what is refused in which words, what is kept."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from balai.observations import places
from balai.observations.checking import Checker, EnvelopeError
from balai.observations.describing import openapi
from balai.observations.drain import Drainer
from balai.observations.models import DataKey, Quarantined, Receipt
from balai.observations.segments import segment_path, segments_of
from balai.observations.simulating import (
    Answer,
    Outgoing,
    UnexpectedAnswerError,
    rows_of,
    shipped_contract,
    shipped_contracts,
    wire_of,
)
from balai.observations.standards.mds import Reading, accepts
from balai.observations.standards.mds_shapes import EVENTS_OF_STATE
from balai.observations.subjects import SubjectKeys
from tests.mds_builders import (
    AT,
    CHECKERS,
    DEVICE,
    EVENT,
    NOW,
    POINT,
    TRIP,
    WHOLE,
    event,
    gps,
    read,
    telemetry,
    trip,
    uuid,
    vehicle,
)
from tests.observations.test_http import Client
from tests.observations_builders import make_data_key, put_in_force

ACCEPT = "application/vnd.mds+json;version=2.0"
TRIPS, EVENTS, TELEMETRY, VEHICLES = "/mds/trips", "/mds/events", "/mds/telemetry", "/mds/vehicles"
HOUR = datetime(2026, 3, 2, 9, tzinfo=UTC)


def rows(path: str, *items: Any, **more: Any) -> list[dict[str, Any]]:
    checked = read(path, *items, **more)
    assert checked.bad == []
    return [{k: v for k, v in msgspec.structs.asdict(row).items() if v is not None} for row in checked.rows]


def faults(path: str, *items: Any, **more: Any) -> list[tuple[int, str, str]]:
    return [(bad.row, bad.pointer, bad.reason) for bad in read(path, *items, **more).bad]


def digest(number: str) -> str:
    return sha256(number.encode()).hexdigest()[:40]


def test_a_whole_trip_becomes_its_hour_its_cell_and_its_measures() -> None:
    assert rows(TRIPS, trip()) == [
        {
            "event_id": digest(TRIP),
            "at": HOUR,
            "zone": "S6.20E106.82",
            "device": DEVICE,
            "trip_type": "private",
            "distance_m": 5400,
            "duration_s": 900,
            "wait_s": 240,
            "passengers": 2,
            "fare_idr": 24_500,
        }
    ]


def test_a_whole_event_becomes_what_it_counts() -> None:
    assert rows(EVENTS, event()) == [
        {
            "event_id": digest(EVENT),
            "at": HOUR,
            "zone": "S6.20E106.82",
            "device": DEVICE,
            "vehicle_state": "on_trip",
            "reservations": 0,
            "trip_starts": 1,
            "trip_ends": 0,
            "cancellations": 0,
        }
    ]


def test_a_whole_point_of_telemetry_becomes_a_speed() -> None:
    assert rows(TELEMETRY, telemetry()) == [
        {
            "event_id": digest(POINT),
            "at": HOUR,
            "zone": "S6.20E106.82",
            "device": DEVICE,
            "on_trip": True,
            "speed_kmh": 30,
        }
    ]


def test_a_registration_keeps_neither_plate_nor_number() -> None:
    (new,) = rows(VEHICLES, vehicle(accessibility_attributes=["wheelchair_accessible"]))
    (again,) = rows(VEHICLES, vehicle(accessibility_attributes=["wheelchair_accessible"]))
    (change,) = rows(VEHICLES, vehicle(vehicle_id="B 1 SIM"), method="PUT")

    assert {name: value for name, value in new.items() if name != "event_id"} == {
        "at": HOUR,
        "device": DEVICE,
        "vehicle_type": "motorcycle",
        "propulsion": "combustion",
        "accessible": True,
        "registered": 1,
    }
    assert new["event_id"] == again["event_id"] != change["event_id"]
    assert change["registered"] == 0


OPTIONAL = {
    TRIPS: (
        "data_provider_id journey_id journey_attributes trip_attributes fare_attributes publication_time "
        "accessibility_attributes parking_verification_url parking_category standard_cost actual_cost "
        "currency"
    ),
    EVENTS: (
        "data_provider_id publication_time event_geographies battery_percent fuel_percent associated_ticket"
    ),
    TELEMETRY: "data_provider_id stop_id location_type battery_percent fuel_percent tipped_over",
    VEHICLES: (
        "data_provider_id vehicle_attributes accessibility_attributes battery_capacity fuel_capacity "
        "maximum_speed"
    ),
}


@pytest.mark.parametrize("path", list(WHOLE))
def test_every_field_is_either_optional_or_missed(path: str) -> None:
    whole = WHOLE[path]()
    optional = set(OPTIONAL[path].split())

    short = {name: value for name, value in whole.items() if name not in optional}
    without = [{k: v for k, v in whole.items() if k != name} for name in whole if name not in optional]

    assert len(rows(path, short)) == 1
    assert faults(path, *without) == [
        (number, f"/{name}", "is missing")
        for number, name in enumerate(name for name in whole if name not in optional)
    ]


TEXTS = (None, 7, "a" * 256, "a\nb")
UUIDS = (None, 7, "", uuid(1).upper(), uuid(1) + "\n", uuid(1)[:-1], "{" + uuid(1) + "}")
INSTANTS = (None, "1772442245000", 1.5, True, -1, 1_514_764_799_999, AT / 1000)
COUNTS = (None, "7", -1, 1.5, True)
WRONG: list[tuple[str, str, tuple[Any, ...]]] = [
    (TRIPS, "provider_id", (*UUIDS, uuid(1))),
    (TRIPS, "data_provider_id", UUIDS),
    (TRIPS, "device_id", UUIDS),
    (TRIPS, "journey_id", UUIDS),
    (TRIPS, "journey_attributes", (None, [], "x")),
    (TRIPS, "journey_attributes/shift_id", UUIDS),
    (TRIPS, "trip_id", UUIDS),
    (TRIPS, "trip_type", (None, 7, "commuter", [], ["commuter"], ["private", "shared"])),
    (TRIPS, "trip_attributes", (None, [], "x")),
    (TRIPS, "trip_attributes/hail_type", (None, "fax", ["app"], ...)),
    (TRIPS, "trip_attributes/app_name", TEXTS),
    (TRIPS, "trip_attributes/passenger_count", (*COUNTS, 61, ...)),
    (TRIPS, "trip_attributes/requested_time", (*INSTANTS, ...)),
    (TRIPS, "trip_attributes/quoted_trip_start_time", (*INSTANTS, ...)),
    (TRIPS, "trip_attributes/dispatch_time", INSTANTS),
    (TRIPS, "trip_attributes/requested_trip_start_location/lat", (None, "0", 91, ...)),
    (TRIPS, "trip_attributes/trip_wait_time", COUNTS),
    (TRIPS, "trip_attributes/trip_fare_time", COUNTS),
    (TRIPS, "trip_attributes/pickup_address", TEXTS),
    (TRIPS, "trip_attributes/dropoff_address", TEXTS),
    (TRIPS, "trip_attributes/permit_license_number", TEXTS),
    (TRIPS, "trip_attributes/driver_id", TEXTS),
    (TRIPS, "trip_attributes/wheelchair_transported", (None, 0, "no")),
    (TRIPS, "trip_attributes/cancellation_reason", TEXTS),
    (TRIPS, "fare_attributes", (None, [], "x")),
    (TRIPS, "fare_attributes/payment_type", (None, "barter", ...)),
    (TRIPS, "fare_attributes/fare_type", (None, "haggled", ...)),
    *[
        (TRIPS, f"fare_attributes/{name}", (-1, 1.5, "7", True))
        for name in [
            "meter_fare_amount",
            "tolls",
            "base_rate",
            "exit_fee",
            "other_fees",
            "tip",
            "extra_amount",
            "taxes",
            "surcharge",
            "commission",
            "driver_trip_pay",
        ]
    ],
    (TRIPS, "fare_attributes/rate_code_id", (None, "nightly")),
    (TRIPS, "start_time", (*INSTANTS, AT + 86_400_000)),
    (TRIPS, "end_time", (*INSTANTS, AT - 1, AT + 86_400_000)),
    (TRIPS, "start_location", (None, [], "x", gps(lat=-7.25, lng=112.75))),
    (TRIPS, "start_location/lat", (None, "-6.2", 91, -91, ...)),
    (TRIPS, "start_location/lng", (None, "106.8", 181, -181, ...)),
    (TRIPS, "end_location/lat", (None, "-6.2", 91, -91, ...)),
    (TRIPS, "end_location/lng", (None, "106.8", 181, -181, ...)),
    *[
        (TRIPS, f"start_location/{name}", (None, "1", True))
        for name in ("altitude", "heading", "speed", "horizontal_accuracy", "vertical_accuracy")
    ],
    (TRIPS, "start_location/satellites", COUNTS),
    (TRIPS, "duration", (*COUNTS, 28_801)),
    (TRIPS, "distance", (*COUNTS, 200_001)),
    (TRIPS, "publication_time", INSTANTS),
    (TRIPS, "accessibility_attributes", (None, ["lift"], ["wheelchair_accessible"] * 2, "x")),
    (TRIPS, "parking_verification_url", (7, [])),
    (TRIPS, "parking_category", (None, "lawn")),
    (TRIPS, "standard_cost", (-1, 1.5, "7")),
    (TRIPS, "actual_cost", (-1, 1.5, "7", 600_000_000)),
    (TRIPS, "currency", ("idr", "RUPIAH", 360, "USD", None, ...)),
    (EVENTS, "device_id", UUIDS),
    (EVENTS, "provider_id", (*UUIDS, uuid(1))),
    (EVENTS, "event_id", UUIDS),
    (EVENTS, "vehicle_state", (None, "missing", "asleep")),
    (
        EVENTS,
        "event_types",
        (None, [], "trip_start", ["trip_end"], ["trip_start"] * 2, ["x"], ["unspecified"]),
    ),
    (EVENTS, "timestamp", (*INSTANTS, AT + 86_400_000)),
    (EVENTS, "publication_time", INSTANTS),
    (EVENTS, "location", (None, [], gps(lat=0, lng=0))),
    (EVENTS, "location/lat", (None, "-6.2", 91, ...)),
    (EVENTS, "event_geographies", (None, ["x"], [uuid(1), uuid(1)])),
    (EVENTS, "battery_percent", (*COUNTS, 101)),
    (EVENTS, "fuel_percent", (*COUNTS, 101)),
    (EVENTS, "trip_ids", (None, [], ["x"], [uuid(1), uuid(1)], ...)),
    (EVENTS, "associated_ticket", TEXTS),
    (TELEMETRY, "device_id", UUIDS),
    (TELEMETRY, "provider_id", (*UUIDS, uuid(1))),
    (TELEMETRY, "telemetry_id", UUIDS),
    (TELEMETRY, "timestamp", (*INSTANTS, AT + 86_400_000)),
    (TELEMETRY, "trip_ids", ([], ["x"], [uuid(1), uuid(1)], "x")),
    (TELEMETRY, "journey_id", UUIDS[1:]),
    (TELEMETRY, "stop_id", UUIDS),
    (TELEMETRY, "location", (None, [], gps(lat=0, lng=0))),
    (TELEMETRY, "location/speed", (None, "1", -1, 151, 1e308)),
    (TELEMETRY, "location_type", (None, "river")),
    (TELEMETRY, "battery_percent", (*COUNTS, 101)),
    (TELEMETRY, "fuel_percent", (*COUNTS, 101)),
    (TELEMETRY, "tipped_over", (None, 0, "no")),
    (VEHICLES, "device_id", UUIDS),
    (VEHICLES, "provider_id", (*UUIDS, uuid(1))),
    (VEHICLES, "vehicle_id", TEXTS),
    (VEHICLES, "vehicle_type", (None, "horse", ["car"])),
    (VEHICLES, "vehicle_attributes", (None, [], "x")),
    (VEHICLES, "vehicle_attributes/year", (None, "2020", 1969, 2020.5)),
    *[
        (VEHICLES, f"vehicle_attributes/{name}", TEXTS)
        for name in ("make", "model", "color", "vin", "placard_number", "license_plate")
    ],
    (
        VEHICLES,
        "vehicle_attributes/inspection_date",
        (None, 20260131, "31-01-2026", "1969-01-01", "2026-13-01"),
    ),
    (VEHICLES, "propulsion_types", (None, [], "electric", ["steam"], ["electric", "electric"])),
    (VEHICLES, "accessibility_attributes", (None, ["lift"], ["wheelchair_accessible"] * 2)),
    (VEHICLES, "battery_capacity", COUNTS),
    (VEHICLES, "fuel_capacity", COUNTS),
    (VEHICLES, "maximum_speed", COUNTS),
]


def put(item: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(item))
    *steps, last = place.split("/")
    at = changed
    for step in steps:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return changed


@pytest.mark.parametrize(("path", "place", "values"), WRONG, ids=lambda value: str(value)[:40])
def test_each_wrong_value_is_refused_at_its_place(path: str, place: str, values: tuple[Any, ...]) -> None:
    found = faults(path, *[put(WHOLE[path](), place, value) for value in values])

    places_found = {re.sub(r"/(\d+|\.\.\.)$", "", pointer) for _row, pointer, _reason in found}
    assert [row for row, _pointer, _reason in found] == list(range(len(values)))
    assert places_found == {f"/{place}"}


def test_only_the_last_of_two_wrong_things_need_not_be_named() -> None:
    (one,) = faults(TRIPS, trip(duration=-1, distance=-1))

    assert one[1] in ("/duration", "/distance")


def test_fields_that_the_specification_leaves_open_are_passed_over_and_the_others_refused() -> None:
    open_ones = [
        put(trip(), place, "x")
        for place in ("new", "trip_attributes/new", "fare_attributes/new", "end_location/new")
    ]
    closed = faults(TRIPS, put(trip(), "journey_attributes/new", "x"))

    assert rows(TRIPS, *open_ones) == rows(TRIPS, trip()) * 4
    assert rows(EVENTS, put(event(), "new", 1)) == rows(EVENTS, event())
    assert closed == [(0, "/journey_attributes", "has a field that the specification does not name")]
    assert faults(VEHICLES, put(vehicle(), "vehicle_attributes/owner", "Siti"))[0][1] == "/vehicle_attributes"


def test_an_event_leads_to_the_states_of_the_modes_table_and_to_no_other() -> None:
    every = sorted({name for names in EVENTS_OF_STATE.values() for name in names})
    pairs = [(state, name) for state in EVENTS_OF_STATE for name in every]

    checked = read(EVENTS, *[event(vehicle_state=state, event_types=[name]) for state, name in pairs])

    taken = [pair for number, pair in enumerate(pairs) if number not in {bad.row for bad in checked.bad}]
    assert (len(every), len(pairs), len(taken)) == (21, 168, 30)
    assert {pair for pair in taken if pair[1] == "trip_enter_jurisdiction"} == {
        (state, "trip_enter_jurisdiction")
        for state in ("available", "non_operational", "reserved", "on_trip")
    }
    assert {bad.pointer for bad in checked.bad} == {"/event_types"}


def test_events_of_a_trip_name_it() -> None:
    def without(state: str, *types: str) -> dict[str, Any]:
        return put(event(vehicle_state=state, event_types=list(types)), "trip_ids", ...)

    free = [
        without("available", "service_start"),
        without("available", "trip_enter_jurisdiction"),
        without("elsewhere", "trip_leave_jurisdiction"),
        without("non_contactable", "comms_lost"),
    ]
    bound = [
        without("reserved", "reservation_start"),
        without("stopped", "reservation_stop"),
        without("available", "driver_cancellation"),
        without("available", "service_start", "trip_end"),
        without("on_trip", "trip_enter_jurisdiction"),
    ]

    assert len(rows(EVENTS, *free)) == 4
    assert faults(EVENTS, *bound) == [(number, "/trip_ids", "is missing") for number in range(5)]


def test_what_an_event_counts_comes_from_all_its_types() -> None:
    several = event(vehicle_state="available", event_types=["trip_end", "passenger_cancellation"])
    reserved = event(vehicle_state="reserved", event_types=["reservation_start"])

    counted = [
        (row["reservations"], row["trip_starts"], row["trip_ends"], row["cancellations"])
        for row in rows(EVENTS, several, reserved)
    ]

    assert counted == [(0, 0, 1, 1), (1, 0, 0, 0)]


def test_a_wait_is_from_the_request_to_the_start_of_a_ride_not_booked_ahead() -> None:
    def asked(before: int, kind: str = "private") -> dict[str, Any]:
        changed = put(trip(trip_type=kind), "trip_attributes/requested_time", AT - before)
        return put(changed, "trip_id", uuid(100 + before % 1000))

    items = [asked(7_200_999), asked(7_201_000), asked(0), asked(-1), asked(60_000, "reservation")]

    assert [row.get("wait_s") for row in rows(TRIPS, *items)] == [7200, None, 0, None, None]


@pytest.mark.parametrize(("sen", "rupiah"), [(0, 0), (49, 0), (50, 1), (1_250_000, 12_500), (None, None)])
def test_a_fare_is_told_in_hundredths_and_kept_in_whole_rupiah(sen: int | None, rupiah: int | None) -> None:
    assert rows(TRIPS, trip(actual_cost=sen))[0].get("fare_idr") == rupiah


def test_a_contract_without_a_fare_takes_any_currency() -> None:
    contract = CHECKERS[TRIPS].contract
    plain = Checker(
        replace(contract, fields=tuple(one for one in contract.fields if one.name != "fare_idr"), provider="")
    )

    (row,) = rows(TRIPS, trip(currency=None, provider_id=uuid(1)), checker=plain)

    assert "fare_idr" not in row


def test_an_area_holds_its_own_borders() -> None:
    west, south, east, north = CHECKERS[TELEMETRY].contract.area or (0, 0, 0, 0)
    on, off = [(south, west), (north, east)], [(south - 1e-9, west), (north, east + 1e-9)]

    checked = read(TELEMETRY, *[telemetry(location={"lat": lat, "lng": lng}) for lat, lng in on + off])

    assert [(bad.row, bad.pointer) for bad in checked.bad] == [(2, "/location"), (3, "/location")]


def test_an_instant_may_be_minutes_ahead_and_as_old_as_is_kept() -> None:
    now = int(NOW.timestamp() * 1000)
    old = int((NOW - timedelta(days=366)).timestamp() * 1000)

    found = faults(TELEMETRY, *[telemetry(timestamp=at) for at in (now + 300_000, now + 300_001, old)])

    assert found == [
        (1, "/timestamp", "lies in the future"),
        (2, "/timestamp", "lies before what the contract keeps"),
    ]


@given(
    st.sampled_from([one for one in WRONG if one[0] == TRIPS]), st.text("abcdefgh", min_size=9, max_size=9)
)
def test_no_reason_and_no_pointer_repeats_what_was_sent(
    wrong: tuple[str, str, tuple[Any, ...]], secret: str
) -> None:
    path, place, _values = wrong
    for value in (secret, secret * 40, [secret], {secret: secret}):
        for bad in read(path, put(WHOLE[path](), place, value)).bad:
            assert secret not in bad.pointer + bad.reason
            assert bad.raw is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(list(WHOLE)), st.data())
def test_anything_is_a_row_or_a_fault(path: str, data: st.DataObject) -> None:
    item = WHOLE[path]()
    names = data.draw(st.lists(st.sampled_from(sorted(item)), max_size=3))
    items = [item | {name: data.draw(_json) for name in names}, data.draw(_json)]
    body = json.dumps(items).encode()

    try:
        checked = Reading(path, "POST")(CHECKERS[path], body, NOW)
    except EnvelopeError:
        assert b"NaN" in body or b"Infinity" in body
    else:
        assert len(checked.rows) + len(checked.bad) == 2


@given(st.sampled_from(list(WHOLE)), st.binary(max_size=60), st.text(max_size=60))
def test_no_body_and_no_header_is_more_than_refused(path: str, body: bytes, header: str) -> None:
    reading = Reading(path, "POST")
    with suppress(EnvelopeError):
        reading(CHECKERS[path], body, NOW)

    assert reading.checked is None or reading.checked.rows == []
    assert accepts(header) is False


@pytest.mark.parametrize(
    ("header", "answered"),
    [
        (ACCEPT, True),
        ("application/vnd.mds+json; version=2.0", True),
        ('Application/VND.mds+json;Version="2.0"', True),
        ("text/html, application/vnd.mds+json;version=2.0;q=0.5", True),
        ("application/vnd.mds+json;version=1.2,application/vnd.mds+json;version=2.0", True),
        ("application/vnd.mds+json;version=2.0;q=0", False),
        ("application/vnd.mds+json;version=2.0.2", False),
        ("application/vnd.mds+json;version=1.2", False),
        ("application/vnd.mds+json", False),
        ("application/json", False),
        ("*/*", False),
        ("", False),
        (";;=,,", False),
    ],
)
def test_a_version_is_asked_for(header: str, answered: bool) -> None:
    assert accepts(header) is answered


@pytest.mark.parametrize("path", list(WHOLE))
def test_the_published_body_is_the_one_that_is_taken(path: str) -> None:
    document = openapi(CHECKERS[path].contract, "https://kota.example")
    operation = document["paths"][path]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**schema, "components": document["components"]})
    item = WHOLE[path]()
    twice = {name: value * 2 for name, value in item.items() if isinstance(value, list) and value}

    assert list(operation["responses"]) == ["201"]
    assert validator.is_valid([item])
    for name in item.keys() - {*OPTIONAL[path].split(), *(["trip_ids"] if path == EVENTS else [])}:
        assert not validator.is_valid([put(item, name, ...)])
    for wrong in (uuid(1).upper(), uuid(1) + "\n"):
        assert not validator.is_valid([item | {"device_id": wrong}])
    for name, value in twice.items():
        assert not validator.is_valid([item | {name: value}])


class Provider:
    """A provider's client: speaks to a node with a key to one of the example contracts."""

    def __init__(self, name: str, **key: Any) -> None:
        self.key = make_data_key(put_in_force(shipped_contracts()[name]), **key)
        self.client = Client(self.key)

    def send(
        self, path: str, *items: Any, method: str = "POST", body: bytes | None = None, **headers: str
    ) -> Any:
        given = {"accept": ACCEPT, "content_type": "application/json", "idempotency_key": ""} | headers
        sent = json.dumps(items).encode() if body is None else body
        status, said, answer = self.client.post(sent, path=path, method=method, **given)
        return status, said, json.loads(answer)


@pytest.fixture
def provider(settings, tmp_path: Path, transactional_db) -> Iterator[Provider]:
    settings.HOME = tmp_path
    made = Provider("gojek-trips")
    yield made
    made.client.close()


def recent(number: int = 2, **changes: Any) -> dict[str, Any]:
    start = int(datetime.now(UTC).timestamp() * 1000) - 3_600_000
    times = {"start_time": start, "end_time": start + 900_000, "publication_time": start + 960_000}
    return put(
        trip(**times, trip_id=uuid(number)) | changes, "trip_attributes/requested_time", start - 60_000
    )


def log() -> bytes:
    folder = places.log() / "one"
    return b"".join(segment_path(folder, number).read_bytes() for number in segments_of(folder))


def test_the_bulk_answer_names_each_failure_and_its_sums_agree(provider: Provider) -> None:
    short = {name: value for name, value in recent(6).items() if name != "distance"}
    wrong = recent(7, provider_id=uuid(99))

    status, headers, answer = provider.send(TRIPS, recent(4), short, recent(5), wrong, recent(4))

    receipt = headers[b"balai-receipt"].decode().partition("; ")[2]
    assert (status, headers[b"content-type"].decode()) == (201, ACCEPT)
    assert receipt == "received=5; accepted=2; quarantined=2; duplicates=1"
    assert (answer["success"], answer["total"]) == (3, 5)
    assert answer["failures"] == [
        {
            "item": short,
            "error": "missing_param",
            "error_description": "A required parameter is missing",
            "error_details": ["distance"],
        },
        {
            "item": wrong,
            "error": "bad_param",
            "error_description": (
                "A validation error occurred: provider_id is not the provider of this key's contract"
            ),
            "error_details": ["provider_id"],
        },
    ]


def test_a_batch_of_failures_alone_is_a_bad_request(provider: Provider) -> None:
    status, _headers, answer = provider.send(TRIPS, recent(distance="far"), 5)

    assert (status, answer["success"], answer["total"]) == (400, 0, 2)
    assert [one["error_details"] for one in answer["failures"]] == [["distance"], ["item"]]
    assert answer["failures"][1]["item"] == 5


def test_a_batch_sent_again_is_answered_again_and_counted_once(provider: Provider) -> None:
    far = int(datetime.now(UTC).timestamp() * 1000) + 3_600_000
    body = json.dumps([recent(4), recent(5, duration=-1), recent(8, end_time=far)]).encode()

    first, second = provider.send(TRIPS, body=body), provider.send(TRIPS, body=body)
    named = provider.send(TRIPS, recent(6), idempotency_key="nomor-pengiriman-1")
    reused = provider.send(TRIPS, recent(7), idempotency_key="nomor-pengiriman-1")

    assert first[0::2] == second[0::2]
    assert first[2]["success"] + len(first[2]["failures"]) == first[2]["total"] == 3
    assert first[1][b"balai-receipt"] == second[1][b"balai-receipt"]
    assert (named[0], reused[0], reused[2]["error"]) == (201, 422, "idempotency_reused")


def test_the_equation_holds_to_the_store_and_no_failed_item_is_kept(provider: Provider) -> None:
    provider.send(TRIPS, recent(4), recent(5, duration=-1), recent(4))

    drainer = Drainer()
    drainer.step()
    drainer.close()

    receipt = Receipt.objects.get()
    assert (receipt.received, receipt.accepted, receipt.quarantined, receipt.duplicates) == (3, 1, 1, 1)
    assert [(bad.pointer, bytes(bad.sealed or b"")) for bad in Quarantined.objects.all()] == [
        ("/duration", b"")
    ]


def test_the_log_holds_no_place_no_device_and_nobody(provider: Provider) -> None:
    sent = recent(4)
    provider.send(TRIPS, sent, recent(5, duration=-1))

    written = log()

    spoken = [
        "106.8231942",
        "6.1934271",
        "106.7993",
        "6.2281",
        "Kebon",
        "Melati",
        "SIM-3174-0001",
        "IZIN-77",
        "Gojek",
        "mobile_app",
        "2600000",
        "private_x",
    ]
    assert digest(uuid(4)).encode() in written
    assert b"S6.20E106.82" in written
    assert [
        word
        for word in [*spoken, DEVICE, uuid(4), uuid(5), str(sent["start_time"])]
        if word.encode() in written
    ] == []


def test_an_item_of_an_erased_day_fails_at_its_time(provider: Provider) -> None:
    provider.send(TRIPS, recent(4))
    again = recent(6)
    start = datetime.fromtimestamp(again["start_time"] / 1000, UTC)
    SubjectKeys(places.subject_keys()).destroy("gojek_trips_v2", (start + timedelta(hours=7)).date())

    status, _headers, answer = provider.send(TRIPS, recent(5, duration=-1), again)

    assert (status, answer["success"]) == (400, 0)
    assert [one["error_details"] for one in answer["failures"]] == [["duration"], ["start_time"]]
    assert answer["failures"][1]["item"] == again


def test_every_refusal_is_said_in_the_words_of_the_specification(provider: Provider) -> None:
    refusals: list[tuple[dict[str, Any], int, str]] = [
        ({"accept": "application/json"}, 406, "version"),
        ({"accept": ""}, 406, "version"),
        ({"authorization": "Bearer chk_live_x.y"}, 401, "key"),
        ({"path": EVENTS}, 401, "scope"),
        ({"path": "/mds/stops"}, 404, "not_found"),
        ({"path": "/mds/vehicles", "method": "GET"}, 404, "not_found"),
        ({"path": "/mds/vehicles/status", "method": "GET"}, 404, "not_found"),
        ({"method": "PUT"}, 405, "method"),
        ({"content_type": "text/csv"}, 415, "content_type"),
        ({"body": b"{}"}, 400, "bad_param"),
        ({"body": b"[]"}, 400, "bad_param"),
        ({"body": b"[" * 100_000}, 400, "bad_param"),
        ({"body": b"\xff"}, 400, "bad_param"),
        ({"body": b"[" + b"0," * 10_000 + b"0]"}, 400, "bad_param"),
        ({"idempotency_key": "short"}, 400, "bad_param"),
    ]
    for changes, status, error in refusals:
        path = changes.pop("path", TRIPS)
        items = () if "body" in changes else (recent(),)

        answered, headers, answer = provider.send(path, *items, **changes)

        assert (answered, answer["error"]) == (status, error)
        assert sorted(answer) == ["error", "error_description", "error_details"]
        assert headers[b"content-type"].decode() == ACCEPT
    assert log() == b""


def test_a_suspended_pilot_is_refused_with_its_reason(provider: Provider) -> None:
    DataKey.objects.update(stopped_at="2026-01-01T00:00:00Z", stopped_reason="The pilot is suspended.")
    provider.client.application.node.doors.read()

    status, _headers, answer = provider.send(TRIPS, recent())

    assert (status, answer["error"], answer["error_description"]) == (
        403,
        "stopped",
        "The pilot is suspended.",
    )
    assert log() == b""


def test_a_quota_says_when_to_come_again(settings, tmp_path: Path, transactional_db) -> None:
    settings.HOME = tmp_path
    bounded = Provider("gojek-trips", rows_per_day=1)

    status, headers, answer = bounded.send(TRIPS, recent(4), recent(5))
    _status, taken, _answer = bounded.send(TRIPS, recent(4))
    bounded.client.close()

    assert (status, answer["error"]) == (429, "daily_quota")
    assert int(headers[b"retry-after"]) > 0
    assert '"daily";r=1;' in headers[b"ratelimit"].decode()
    assert '"daily";r=0;' in taken[b"ratelimit"].decode()


@pytest.mark.parametrize("name", [name for name in shipped_contracts() if name.startswith(("gojek", "grab"))])
def test_a_simulated_provider_speaks_what_the_door_takes(
    name: str, settings, tmp_path: Path, transactional_db
) -> None:
    settings.HOME = tmp_path
    made = Provider(name)
    contract = shipped_contract(name)
    wire = wire_of(contract, "a key")
    told_rows = list(rows_of(contract, datetime.now(UTC).date() - timedelta(days=2), 60))

    def send(build: Any) -> Answer:
        outgoing: Outgoing = build()
        given = {key.lower(): value for key, value in outgoing.headers.items() if key != "Authorization"}
        status, headers, body = made.client.post(outgoing.body, path=outgoing.path, **given)
        return Answer(status, body, {key.decode(): value.decode() for key, value in headers.items()})

    first = wire.tell(told_rows, "simulated-1", send)
    again = wire.tell(told_rows, "simulated-2", send)
    made.client.close()

    accepted = len(told_rows) if contract.standard != "mds/vehicles" else first["accepted"]
    assert first == {
        "received": 60,
        "accepted": accepted,
        "quarantined": 0,
        "duplicates": 60 - accepted,
    }
    assert again == {"received": 60, "accepted": 0, "quarantined": 0, "duplicates": 60}


def test_a_simulated_provider_says_what_it_did_not_expect() -> None:
    contract = shipped_contract("gojek-trips")
    wire = wire_of(contract, "a key")
    told_rows = list(rows_of(contract, NOW.date(), 1))

    with pytest.raises(UnexpectedAnswerError, match="403"):
        wire.tell(told_rows, "simulated-1", lambda _build: Answer(403, b"{}"))
    with pytest.raises(ValueError, match="no endpoint"):
        wire_of(replace(contract, standard="mds/stops"), "a key")
