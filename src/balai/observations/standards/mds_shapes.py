"""The bodies of MDS 2.0 Agency for passenger services, field by field.

Written from the field tables of the Mobility Data Specification 2.0.2 (``data-types.md`` and
``modes/passenger-services.md``). Where the tables leave a map open, unknown fields are passed over and kept
nowhere; where they close it, unknown fields are refused. Coordinates stay raw, so that their text is exact.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

LARGEST = 2**53
FIRST_INSTANT = 1_514_764_800_000
"""MDS knows no instant before 2018."""

Uuid = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$(?!\n)")]
Text = Annotated[str, Meta(max_length=255, pattern=r"^.*$(?!\n)")]
Instant = Annotated[int, Meta(ge=FIRST_INSTANT, le=LARGEST)]
Count = Annotated[int, Meta(ge=0, le=LARGEST)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Cost = Count | None
IsoDate = Annotated[str, Meta(pattern=r"^(19[789]\d|[2-9]\d{3})-(0[1-9]|1[02])-([12]\d|0[1-9]|3[01])$(?!\n)")]
Once = Meta(extra_json_schema={"uniqueItems": True})
Uuids = Annotated[list[Uuid], Once]
Accessibility = Annotated[list[Literal["wheelchair_accessible"]], Once]
TripType = Literal["private", "shared", "reservation", "empty"]
RateCode = Literal["meter_fare", "shared", "out_of_town", "disabled", "upfront_pricing", "promo_rate"]

VehicleType = Literal[
    "bicycle",
    "bus",
    "cargo_bicycle",
    "car",
    "delivery_robot",
    "moped",
    "motorcycle",
    "scooter_standing",
    "scooter_seated",
    "truck",
    "other",
]
Propulsion = Literal[
    "human",
    "electric_assist",
    "electric",
    "combustion",
    "combustion_diesel",
    "hybrid",
    "hydrogen_fuel_cell",
    "plug_in_hybrid",
]

_back = "comms_restored"
_enter = "trip_enter_jurisdiction"
CANCELLATIONS = frozenset({"driver_cancellation", "passenger_cancellation", "provider_cancellation"})
EVENTS_OF_STATE: dict[str, frozenset[str]] = {
    "removed": frozenset({_back, "decommissioned", "maintenance_pick_up"}),
    "available": frozenset({_back, _enter, "service_start", "trip_end"}) | CANCELLATIONS,
    "non_operational": frozenset(
        # The tables name the return to the fleet in both ways.
        {
            _back,
            _enter,
            "maintenance",
            "maintenance_end",
            "service_end",
            "recommission",
            "recommissioned",
        }
    ),
    "reserved": frozenset({_back, _enter, "reservation_start"}),
    "on_trip": frozenset({_back, _enter, "trip_resume", "trip_start"}),
    "stopped": frozenset({_back, "reservation_stop", "trip_stop"}),
    "non_contactable": frozenset({"comms_lost"}),
    "elsewhere": frozenset({_back, "trip_leave_jurisdiction"}),
}
"""What may bring a vehicle into a state: the transitions of the mode's state machine, by where they end."""
OF_A_TRIP = CANCELLATIONS | {
    "reservation_start",
    "reservation_stop",
    "trip_end",
    "trip_resume",
    "trip_start",
    "trip_stop",
}
"""Events that name the trips they belong to."""
State = Literal[
    "removed",
    "available",
    "non_operational",
    "reserved",
    "on_trip",
    "stopped",
    "non_contactable",
    "elsewhere",
]


class Gps(Struct, gc=False):
    lat: Annotated[Raw, Meta(extra_json_schema={"type": "number", "minimum": -90, "maximum": 90})]
    lng: Annotated[Raw, Meta(extra_json_schema={"type": "number", "minimum": -180, "maximum": 180})]
    altitude: float | UnsetType = UNSET
    heading: float | UnsetType = UNSET
    speed: float | UnsetType = UNSET
    horizontal_accuracy: float | UnsetType = UNSET
    vertical_accuracy: float | UnsetType = UNSET
    satellites: Count | UnsetType = UNSET


class JourneyAttributes(Struct, gc=False, forbid_unknown_fields=True):
    shift_id: Uuid | UnsetType = UNSET


class TripAttributes(Struct, kw_only=True):
    hail_type: Literal["street_hail", "phone_dispatch", "phone", "text", "app"]
    passenger_count: Count
    requested_time: Instant
    quoted_trip_start_time: Instant
    app_name: Text | UnsetType = UNSET
    requested_trip_start_location: Gps | UnsetType = UNSET
    dispatch_time: Instant | UnsetType = UNSET
    trip_wait_time: Count | UnsetType = UNSET
    trip_fare_time: Count | UnsetType = UNSET
    pickup_address: Text | UnsetType = UNSET
    dropoff_address: Text | UnsetType = UNSET
    permit_license_number: Text | UnsetType = UNSET
    driver_id: Text | UnsetType = UNSET
    wheelchair_transported: bool | UnsetType = UNSET
    cancellation_reason: Text | UnsetType = UNSET


class FareAttributes(Struct, kw_only=True, gc=False):
    payment_type: Literal[
        "account_number",
        "cash",
        "credit_card",
        "mobile_app",
        "no_payment",
        "paratransit",
        "phone",
        "test",
        "voucher",
    ]
    fare_type: Literal["meter_fare", "upfront_pricing", "flat_rate"]
    meter_fare_amount: Cost | UnsetType = UNSET
    tolls: Cost | UnsetType = UNSET
    base_rate: Cost | UnsetType = UNSET
    exit_fee: Cost | UnsetType = UNSET
    other_fees: Cost | UnsetType = UNSET
    tip: Cost | UnsetType = UNSET
    extra_amount: Cost | UnsetType = UNSET
    taxes: Cost | UnsetType = UNSET
    surcharge: Cost | UnsetType = UNSET
    commission: Cost | UnsetType = UNSET
    driver_trip_pay: Cost | UnsetType = UNSET
    rate_code_id: (
        Literal["meter_fare", "shared", "out_of_town", "disabled", "upfront_pricing", "promo_rate"]
        | UnsetType
    ) = UNSET


class Trip(Struct, kw_only=True):
    provider_id: Uuid
    device_id: Uuid
    trip_id: Uuid
    trip_type: TripType | Annotated[list[TripType], Meta(min_length=1, max_length=1)]
    start_time: Instant
    end_time: Instant
    start_location: Gps
    end_location: Gps
    duration: Count
    distance: Count
    data_provider_id: Uuid | UnsetType = UNSET
    journey_id: Uuid | UnsetType = UNSET
    journey_attributes: JourneyAttributes | UnsetType = UNSET
    trip_attributes: TripAttributes | UnsetType = UNSET
    fare_attributes: FareAttributes | UnsetType = UNSET
    publication_time: Instant | UnsetType = UNSET
    accessibility_attributes: Accessibility | UnsetType = UNSET
    parking_verification_url: str | UnsetType | None = UNSET
    parking_category: Literal["corral", "curb", "rack", "other_valid", "invalid"] | UnsetType = UNSET
    standard_cost: Cost | UnsetType = UNSET
    actual_cost: Cost | UnsetType = UNSET
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)")] | UnsetType | None = UNSET


class Event(Struct, kw_only=True):
    device_id: Uuid
    provider_id: Uuid
    event_id: Uuid
    vehicle_state: State
    event_types: Annotated[list[str], Meta(min_length=1), Once]
    timestamp: Instant
    location: Gps
    data_provider_id: Uuid | UnsetType = UNSET
    publication_time: Instant | UnsetType = UNSET
    event_geographies: Uuids | UnsetType = UNSET
    battery_percent: Percent | UnsetType = UNSET
    fuel_percent: Percent | UnsetType = UNSET
    trip_ids: Uuids | UnsetType = UNSET
    stop_id: Uuid | UnsetType = UNSET
    associated_ticket: Text | UnsetType = UNSET


class Telemetry(Struct, kw_only=True):
    device_id: Uuid
    provider_id: Uuid
    telemetry_id: Uuid
    timestamp: Instant
    trip_ids: Annotated[list[Uuid], Meta(min_length=1), Once] | None
    journey_id: Uuid | None
    location: Gps
    data_provider_id: Uuid | UnsetType = UNSET
    stop_id: Uuid | UnsetType = UNSET
    location_type: Literal["street", "sidewalk", "crosswalk", "garage", "bike_lane"] | UnsetType = UNSET
    battery_percent: Percent | UnsetType = UNSET
    fuel_percent: Percent | UnsetType = UNSET
    tipped_over: bool | UnsetType = UNSET


class VehicleAttributes(Struct, kw_only=True, forbid_unknown_fields=True):
    year: Annotated[int, Meta(ge=1970, le=LARGEST)] | UnsetType = UNSET
    make: Text | UnsetType = UNSET
    model: Text | UnsetType = UNSET
    color: Text | UnsetType = UNSET
    vin: Text | UnsetType = UNSET
    placard_number: Text | UnsetType = UNSET
    license_plate: Text | UnsetType = UNSET
    inspection_date: IsoDate | UnsetType = UNSET


class Vehicle(Struct, kw_only=True):
    device_id: Uuid
    provider_id: Uuid
    vehicle_id: Text
    vehicle_type: VehicleType
    propulsion_types: Annotated[list[Propulsion], Meta(min_length=1), Once]
    data_provider_id: Uuid | UnsetType = UNSET
    vehicle_attributes: VehicleAttributes | UnsetType = UNSET
    accessibility_attributes: Accessibility | UnsetType = UNSET
    battery_capacity: Count | UnsetType = UNSET
    fuel_capacity: Count | UnsetType = UNSET
    maximum_speed: Count | UnsetType = UNSET


Item = Trip | Event | Telemetry | Vehicle
decode_raws = msgspec.json.Decoder(list[Raw]).decode
