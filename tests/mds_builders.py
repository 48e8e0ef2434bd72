"""Items as a passenger-services provider sends them, with every field of MDS 2.0, and their reading."""

import json
from datetime import UTC, datetime
from typing import Any

from balai.observations.checking import Checked, Checker
from balai.observations.simulating import shipped_contract
from balai.observations.standards.mds import Reading

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
AT = 1_772_442_245_000
"""2 March 2026, 09:04:05 UTC."""
CHECKERS = {
    path: Checker(shipped_contract(f"gojek-{name}"))
    for path, name in (
        ("/mds/trips", "trips"),
        ("/mds/events", "vehicle-events"),
        ("/mds/telemetry", "vehicle-telemetry"),
        ("/mds/vehicles", "vehicles"),
    )
}
PROVIDER = CHECKERS["/mds/trips"].contract.provider


def uuid(number: int) -> str:
    return f"3c9604d6-b5ee-11e8-96f8-{number:012x}"


DEVICE, TRIP, EVENT, POINT = uuid(1), uuid(2), uuid(3), uuid(4)


def gps(**changes: Any) -> dict[str, Any]:
    return {
        "lat": -6.1934271,
        "lng": 106.8231942,
        "altitude": 8.5,
        "heading": 270.0,
        "speed": 8.25,
        "horizontal_accuracy": 4.0,
        "vertical_accuracy": 6.5,
        "satellites": 9,
    } | changes


def trip(**changes: Any) -> dict[str, Any]:
    return {
        "provider_id": PROVIDER,
        "data_provider_id": uuid(9),
        "device_id": DEVICE,
        "journey_id": uuid(5),
        "journey_attributes": {"shift_id": uuid(6)},
        "trip_id": TRIP,
        "trip_type": ["private"],
        "trip_attributes": {
            "hail_type": "app",
            "app_name": "Gojek",
            "passenger_count": 2,
            "requested_time": AT - 240_000,
            "requested_trip_start_location": gps(),
            "quoted_trip_start_time": AT - 60_000,
            "dispatch_time": AT - 200_000,
            "trip_wait_time": 90_000,
            "trip_fare_time": 810_000,
            "pickup_address": "Jalan Kebon Sirih 1",
            "dropoff_address": "Jalan Melati 7",
            "permit_license_number": "IZIN-77",
            "driver_id": "SIM-3174-0001",
            "wheelchair_transported": False,
            "cancellation_reason": "",
        },
        "fare_attributes": {
            "payment_type": "mobile_app",
            "fare_type": "upfront_pricing",
            "meter_fare_amount": 2_600_000,
            "tolls": 0,
            "base_rate": 1_000_000,
            "exit_fee": None,
            "other_fees": 100_000,
            "tip": 200_000,
            "extra_amount": 0,
            "taxes": 0,
            "surcharge": 0,
            "commission": 500_000,
            "driver_trip_pay": 2_000_000,
            "rate_code_id": "upfront_pricing",
        },
        "start_time": AT,
        "end_time": AT + 900_000,
        "start_location": gps(),
        "end_location": gps(lat=-6.2281, lng=106.7993),
        "duration": 900,
        "distance": 5400,
        "publication_time": AT + 960_000,
        "accessibility_attributes": ["wheelchair_accessible"],
        "parking_verification_url": None,
        "parking_category": "curb",
        "standard_cost": 2_600_000,
        "actual_cost": 2_450_000,
        "currency": "IDR",
    } | changes


def event(**changes: Any) -> dict[str, Any]:
    return {
        "device_id": DEVICE,
        "provider_id": PROVIDER,
        "data_provider_id": uuid(9),
        "event_id": EVENT,
        "vehicle_state": "on_trip",
        "event_types": ["trip_start"],
        "timestamp": AT,
        "publication_time": AT + 1000,
        "location": gps(),
        "event_geographies": [uuid(7)],
        "battery_percent": 80,
        "fuel_percent": 40,
        "trip_ids": [TRIP],
        "associated_ticket": "JAKI-1",
    } | changes


def telemetry(**changes: Any) -> dict[str, Any]:
    return {
        "device_id": DEVICE,
        "provider_id": PROVIDER,
        "data_provider_id": uuid(9),
        "telemetry_id": POINT,
        "timestamp": AT,
        "trip_ids": [TRIP],
        "journey_id": uuid(5),
        "stop_id": uuid(8),
        "location": gps(),
        "location_type": "street",
        "battery_percent": 80,
        "fuel_percent": 40,
        "tipped_over": False,
    } | changes


def vehicle(**changes: Any) -> dict[str, Any]:
    return {
        "device_id": DEVICE,
        "provider_id": PROVIDER,
        "data_provider_id": uuid(9),
        "vehicle_id": "B 1234 SIM",
        "vehicle_type": "motorcycle",
        "vehicle_attributes": {
            "year": 2023,
            "make": "Honda",
            "model": "Beat",
            "color": "hijau",
            "vin": "MH1SIM0000000001",
            "placard_number": "77",
            "license_plate": "B 1234 SIM",
            "inspection_date": "2026-01-31",
        },
        "propulsion_types": ["combustion"],
        "accessibility_attributes": [],
        "battery_capacity": 5,
        "fuel_capacity": 4,
        "maximum_speed": 95,
    } | changes


WHOLE = {
    "/mds/trips": trip,
    "/mds/events": event,
    "/mds/telemetry": telemetry,
    "/mds/vehicles": vehicle,
}


def read(path: str, *items: Any, method: str = "POST", checker: Checker | None = None) -> Checked:
    """What becomes of the items under the example contract."""
    return Reading(path, method)(checker or CHECKERS[path], json.dumps(items).encode(), NOW)
