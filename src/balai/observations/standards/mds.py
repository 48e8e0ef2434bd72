"""The Agency API of the Mobility Data Specification 2.0 for passenger services, below ``/mds/``.

An item becomes one row of the contract that the key opens, or a failure in the bulk response. A row keeps the
hour, the cell of the grid, digests of the item and the device, and what is counted or measured; instants,
coordinates, routes, drivers, addresses and plates end here. A failed item is told back to its sender and kept
nowhere.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, UnsetType

from balai.observations.checking import (
    FURTHEST_AHEAD,
    MOST_ROWS,
    Bad,
    Checked,
    Checker,
    EnvelopeError,
    placed,
)
from balai.observations.contracts import Contract, Role
from balai.observations.grid import cell, degrees
from balai.observations.intake import RefusedBatchError, SentReceipt
from balai.observations.standards.door import Address, Reply, Request, standard
from balai.observations.standards.mds_shapes import (
    CANCELLATIONS,
    EVENTS_OF_STATE,
    OF_A_TRIP,
    Event,
    Gps,
    Item,
    Telemetry,
    Trip,
    Vehicle,
    decode_raws,
)

if TYPE_CHECKING:
    from balai.observations.asgi import Node

VERSION = "2.0"
KIND = f"application/vnd.mds+json;version={VERSION}".encode()
ABOUT = "https://github.com/openmobilityfoundation/mobility-data-specification/blob/2.0.2/agency/README.md"
RECEIPT = b"balai-receipt"
HOUR = 3_600_000
RIDES = ("private", "shared")
"""Trips somebody waited for; the others drive to a passenger, or about without one."""
FASTEST = 150.0
"""Metres a second."""
MISSING = "is missing"
_sentences = {"missing_param": "A required parameter is missing", "bad_param": "A validation error occurred"}
_lacks = re.compile(r"Object missing required field `([^`]*)`")


class _WrongItemError(ValueError):
    def __init__(self, pointer: str, reason: str) -> None:
        self.pointer, self.reason = pointer, reason
        super().__init__(reason)


class _Batch:
    """What is the same for every item of a batch."""

    def __init__(self, contract: Contract, method: str, now: datetime) -> None:
        self.contract, self.method, self.now = contract, method, now
        self.fields = {field.name: field for field in contract.fields}
        self.latest = int((now + FURTHEST_AHEAD).timestamp() * 1000)
        self.area = contract.area and tuple(Decimal(repr(edge)) for edge in contract.area)

    def provider(self, given: str) -> None:
        if self.contract.provider and given != self.contract.provider:
            raise _WrongItemError("/provider_id", "is not the provider of this key's contract")

    def hour(self, instant: int, pointer: str) -> datetime:
        """The hour an instant lies in: all that is kept of it."""
        self.past(instant, pointer)
        return datetime.fromtimestamp(instant // HOUR * HOUR // 1000, UTC)

    def past(self, instant: int, pointer: str) -> None:
        if instant > self.latest:
            raise _WrongItemError(pointer, "lies in the future")

    def zone(self, gps: Gps, pointer: str) -> str:
        """The cell of a point in the contract's area: all that is kept of it."""
        lat, lng = _point(gps, pointer)
        if self.area:
            west, south, east, north = self.area
            if not (west <= lng <= east and south <= lat <= north):
                raise _WrongItemError(pointer, "lies outside the contract's area")
        return cell(lat, lng)

    def row(self, event: bytes, at: datetime, zone: str | None, device: str, **more: Any) -> dict[str, Any]:
        """What of it the contract has a field for.

        ``event`` is hashed: numbers in MDS are UUIDs of version 1, which tell the instant they were made at.
        """
        contract = self.contract
        number = hashlib.sha256(event).hexdigest()[:40]
        made: dict[str, Any] = {contract.event.name: number, contract.time.name: at}
        for role, value in ((Role.ZONE, zone), (Role.SUBJECT, device)):
            if (field := contract.one(role)) is not None:
                made[field.name] = value
        made |= {name: value for name, value in more.items() if name in self.fields}
        return {name: value for name, value in made.items() if value is not None}


def _point(gps: Gps, pointer: str) -> tuple[Decimal, Decimal]:
    found = []
    for name, raw, most in (("lat", gps.lat, 90), ("lng", gps.lng, 180)):
        try:
            found.append(degrees(bytes(raw).decode(), most))
        except ValueError as fault:
            raise _WrongItemError(f"{pointer}/{name}", str(fault)) from None
    return found[0], found[1]


def _given[T](value: T | UnsetType) -> T | None:
    return None if value is UNSET else value


def _once(values: Sequence[str] | UnsetType | None, pointer: str) -> None:
    if values and len(set(values)) < len(values):
        raise _WrongItemError(pointer, "names something twice")


def _trip(item: Trip, batch: _Batch) -> dict[str, Any]:
    batch.provider(item.provider_id)
    at = batch.hour(item.start_time, "/start_time")
    batch.past(item.end_time, "/end_time")
    if item.end_time < item.start_time:
        raise _WrongItemError("/end_time", "lies before the start")
    zone = batch.zone(item.start_location, "/start_location")
    _point(item.end_location, "/end_location")
    _once(_given(item.accessibility_attributes), "/accessibility_attributes")
    kind = item.trip_type if isinstance(item.trip_type, str) else item.trip_type[0]
    trip, fare = _given(item.trip_attributes), _given(item.fare_attributes)
    if trip is not None and (asked := _given(trip.requested_trip_start_location)) is not None:
        _point(asked, "/trip_attributes/requested_trip_start_location")
    return batch.row(
        item.trip_id.encode(),
        at,
        zone,
        item.device_id,
        trip_type=kind,
        hail_type=trip and trip.hail_type,
        payment_type=fare and fare.payment_type,
        distance_m=item.distance,
        duration_s=item.duration,
        passengers=trip and trip.passenger_count,
        wait_s=_wait(item.start_time - trip.requested_time, batch) if trip and kind in RIDES else None,
        fare_idr=_fare(item, batch),
    )


def _wait(milliseconds: int, batch: _Batch) -> int | None:
    """Seconds from the request to the start; None for a trip booked ahead, which nobody waited for."""
    seconds = milliseconds // 1000
    field = batch.fields.get("wait_s")
    longest = field.maximum if field else None
    return seconds if milliseconds >= 0 and (longest is None or seconds <= longest) else None


def _fare(item: Trip, batch: _Batch) -> int | None:
    """Whole rupiah: MDS counts in the smallest unit of ISO 4217, a hundredth of a rupiah."""
    cost = _given(item.actual_cost)
    if cost is None or "fare_idr" not in batch.fields:
        return None
    if _given(item.currency) != "IDR":
        raise _WrongItemError("/currency", "is not the contract's currency")
    return (cost + 50) // 100


def _event(item: Event, batch: _Batch) -> dict[str, Any]:
    batch.provider(item.provider_id)
    kinds = set(item.event_types)
    _once(item.event_types, "/event_types")
    if not kinds <= EVENTS_OF_STATE[item.vehicle_state]:
        raise _WrongItemError("/event_types", "names an event that does not lead to this vehicle_state")
    entered = "trip_enter_jurisdiction" in kinds and item.vehicle_state in ("on_trip", "reserved")
    if (kinds & OF_A_TRIP or entered) and not _given(item.trip_ids):
        raise _WrongItemError("/trip_ids", MISSING)
    _once(_given(item.trip_ids), "/trip_ids")
    _once(_given(item.event_geographies), "/event_geographies")
    return batch.row(
        item.event_id.encode(),
        batch.hour(item.timestamp, "/timestamp"),
        batch.zone(item.location, "/location"),
        item.device_id,
        vehicle_state=item.vehicle_state,
        reservations=int("reservation_start" in kinds),
        trip_starts=int("trip_start" in kinds),
        trip_ends=int("trip_end" in kinds),
        cancellations=int(bool(kinds & CANCELLATIONS)),
    )


def _telemetry(item: Telemetry, batch: _Batch) -> dict[str, Any]:
    batch.provider(item.provider_id)
    _once(item.trip_ids, "/trip_ids")
    speed = _given(item.location.speed)
    if speed is not None and not 0 <= speed <= FASTEST:
        raise _WrongItemError("/location/speed", "is no speed of a vehicle")
    return batch.row(
        item.telemetry_id.encode(),
        batch.hour(item.timestamp, "/timestamp"),
        batch.zone(item.location, "/location"),
        item.device_id,
        on_trip=item.trip_ids is not None,
        speed_kmh=None if speed is None else round(speed * 3.6),
    )


def _vehicle(item: Vehicle, batch: _Batch) -> dict[str, Any]:
    batch.provider(item.provider_id)
    _once(item.propulsion_types, "/propulsion_types")
    _once(_given(item.accessibility_attributes), "/accessibility_attributes")
    return batch.row(
        # The same registration is the same event, and a change another one.
        batch.method.encode() + msgspec.json.encode(item),
        batch.hour(int(batch.now.timestamp() * 1000), ""),
        None,
        item.device_id,
        vehicle_type=item.vehicle_type,
        propulsion=item.propulsion_types[0],
        accessible=bool(_given(item.accessibility_attributes)),
        registered=int(batch.method == "POST"),
    )


@dataclass(frozen=True)
class Endpoint:
    """One address: what may be sent there, how an item becomes a row, and where a row's fields come from."""

    standard: str
    methods: Mapping[str, int]
    shape: type[Item]
    row: Callable[[Any, _Batch], dict[str, Any]]
    event: str
    time: str
    zone: str
    sources: Mapping[str, str]

    def pointer(self, contract: Contract, name: str) -> str:
        """Where in the item the contract's field comes from."""
        for role, source in (
            (Role.EVENT, self.event),
            (Role.TIME, self.time),
            (Role.ZONE, self.zone),
            (Role.SUBJECT, "/device_id"),
        ):
            field = contract.one(role)
            if field is not None and field.name == name:
                return source
        return self.sources.get(name, "")


ENDPOINTS = {
    "/mds/trips": Endpoint(
        standard="mds/trips",
        methods={"POST": 201},
        shape=Trip,
        row=_trip,
        event="/trip_id",
        time="/start_time",
        zone="/start_location",
        sources={
            "trip_type": "/trip_type",
            "hail_type": "/trip_attributes/hail_type",
            "payment_type": "/fare_attributes/payment_type",
            "distance_m": "/distance",
            "duration_s": "/duration",
            "passengers": "/trip_attributes/passenger_count",
            "wait_s": "/trip_attributes/requested_time",
            "fare_idr": "/actual_cost",
        },
    ),
    "/mds/events": Endpoint(
        standard="mds/events",
        methods={"POST": 201},
        shape=Event,
        row=_event,
        event="/event_id",
        time="/timestamp",
        zone="/location",
        sources={"vehicle_state": "/vehicle_state"},
    ),
    "/mds/telemetry": Endpoint(
        standard="mds/telemetry",
        methods={"POST": 201},
        shape=Telemetry,
        row=_telemetry,
        event="/telemetry_id",
        time="/timestamp",
        zone="/location",
        sources={"on_trip": "/trip_ids", "speed_kmh": "/location/speed"},
    ),
    "/mds/vehicles": Endpoint(
        standard="mds/vehicles",
        methods={"POST": 201, "PUT": 200},
        shape=Vehicle,
        row=_vehicle,
        event="",
        time="",
        zone="",
        sources={"vehicle_type": "/vehicle_type", "propulsion": "/propulsion_types"},
    ),
}
_decoders = {path: msgspec.json.Decoder(list[one.shape]).decode for path, one in ENDPOINTS.items()}  # type: ignore[name-defined]
_one_decoders = {path: msgspec.json.Decoder(one.shape).decode for path, one in ENDPOINTS.items()}
_unreadable = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Reading:
    """Reads a body as rows, once, and remembers what was wrong with it."""

    def __init__(self, path: str, method: str) -> None:
        self.endpoint = ENDPOINTS[path]
        self._path, self._method = path, method
        self.checked: Checked | None = None

    def __call__(self, checker: Checker, body: bytes, now: datetime) -> Checked:
        """Raises EnvelopeError."""
        contract = checker.contract
        batch = _Batch(contract, self._method, now)
        made: list[dict[str, Any] | Bad] = []
        for number, item in enumerate(self._items(body)):
            if isinstance(item, Bad):
                made.append(item)
                continue
            try:
                made.append(self.endpoint.row(item, batch))
            except _WrongItemError as fault:
                made.append(Bad(number, fault.pointer, fault.reason, None))
        checked = checker.check_made(made, [b"null"] * len(made), now)
        checked.bad[:] = [
            bad if isinstance(made[bad.row], Bad) else self._in_source(bad, contract) for bad in checked.bad
        ]
        self.checked = checked
        return checked

    def _items(self, body: bytes) -> Iterable[Item | Bad]:
        try:
            items: list[Item] = _decoders[self._path](body)
            return items
        except _unreadable:
            raws = raws_of(body)
            if len(raws) > MOST_ROWS:
                raise EnvelopeError(f"a batch has 1 to {MOST_ROWS} items, not {len(raws)}") from None
            return [self._item(number, raw) for number, raw in enumerate(raws)]

    def _item(self, number: int, raw: msgspec.Raw) -> Item | Bad:
        try:
            item: Item = _one_decoders[self._path](raw)
            return item
        except _unreadable as fault:
            pointer, reason = _said(fault)
            return Bad(number, pointer, reason, None)

    def _in_source(self, bad: Bad, contract: Contract) -> Bad:
        """A fault that the contract found, at the place in the item that its field comes from."""
        if lacks := _lacks.match(bad.reason):
            return replace(bad, pointer=self.endpoint.pointer(contract, lacks[1]), reason=MISSING, raw=None)
        source = self.endpoint.pointer(contract, bad.pointer[1:])
        return replace(bad, pointer=source, raw=None)


def raws_of(body: bytes) -> list[msgspec.Raw]:
    """Each item as it was sent. Raises EnvelopeError."""
    try:
        return decode_raws(body)
    except _unreadable as fault:
        raise EnvelopeError(f"not a JSON array of items: {fault}") from None


def _said(fault: Exception) -> tuple[str, str]:
    """Pointer and reason of a structural fault; no value of the item is in either."""
    pointer, reason = placed(fault)
    if lacks := _lacks.match(reason):
        return f"{pointer}/{lacks[1]}", MISSING
    if reason.startswith("Invalid enum value"):
        reason = "none of the allowed values"
    elif reason.startswith("Object contains unknown field"):
        reason = "has a field that the specification does not name"
    elif "matching regex" in reason:
        reason = "is not written as the specification asks"
    return pointer, reason


def _bulk(receipt: SentReceipt, bad: Sequence[Bad], body: bytes) -> bytes:
    """The bulk response: what came before counts as taken, for it is there."""
    raws = raws_of(body) if bad else []
    return msgspec.json.encode(
        {
            "success": receipt.accepted + receipt.duplicates,
            "total": receipt.received,
            "failures": [{"item": raws[one.row], **_failure(one)} for one in bad],
        }
    )


def _written_at(receipt: SentReceipt) -> datetime:
    """When the batch came first: its number is a UUID of version 7."""
    return datetime.fromtimestamp(int(receipt.receipt_id.replace("-", "")[:12], 16) / 1000, UTC)


def _failure(bad: Bad) -> dict[str, Any]:
    error = "missing_param" if bad.reason == MISSING else "bad_param"
    name = bad.pointer[1:].replace("/", ".") or "item"
    sentence = _sentences[error]
    return {
        "error": error,
        "error_description": sentence if error == "missing_param" else f"{sentence}: {name} {bad.reason}",
        "error_details": [name],
    }


def accepts(header: str) -> bool:
    """Whether an Accept header asks for the version that is spoken here."""
    for one in header.split(","):
        kind, *parameters = (part.strip() for part in one.split(";"))
        parts = [text.partition("=") for text in parameters]
        given = {name.strip().lower(): value.strip() for name, _is, value in parts}
        if (
            kind.lower() == "application/vnd.mds+json"
            and given.get("version", "").strip('"') == VERSION
            and not re.fullmatch(r"0(\.0{1,3})?", given.get("q", "1"))
        ):
            return True
    return False


class Mds:
    """The passenger services' part of the Agency API."""

    async def answer(self, node: "Node", request: Request) -> Reply:
        """Raises RefusedBatchError."""
        if not accepts(request.header("accept")):
            raise RefusedBatchError(
                406, "version", f"Ask for application/vnd.mds+json;version={VERSION} in the Accept header."
            )
        door = node.door(request.header("authorization"))
        endpoint = ENDPOINTS.get(request.path)
        if endpoint is None:
            raise RefusedBatchError(404, "not_found", "The hub takes nothing here and keeps no list to show.")
        if request.method == "GET":
            raise RefusedBatchError(404, "not_found", "The hub keeps no list of vehicles.")
        if request.method not in endpoint.methods:
            raise RefusedBatchError(405, "method", f"Send {' or '.join(endpoint.methods)}.")
        if door.checker.contract.standard != endpoint.standard:
            raise RefusedBatchError(401, "scope", "This key is for another endpoint.")
        form = request.header("content-type").partition(";")[0].strip().lower()
        if form not in ("application/json", "application/vnd.mds+json"):
            raise RefusedBatchError(415, "content-type", "Send application/json.")
        body = await request.body()
        digest = hashlib.sha256(f"{request.method} {request.path}\n".encode() + body).hexdigest()
        reading = Reading(request.path, request.method)
        receipt = await node.take(door, request.header("idempotency-key") or digest, reading, body)
        if reading.checked is None and receipt.quarantined:
            # It was answered before; what was wrong with it then is found again.
            reading(door.checker, body, _written_at(receipt))
        time = door.checker.contract.time.name
        bad = [
            replace(one, pointer=endpoint.time) if one.pointer == f"/{time}" else one
            for one in (reading.checked.bad if reading.checked is not None else ())
        ]
        taken = receipt.accepted + receipt.duplicates
        status = endpoint.methods[request.method] if taken else 400
        told = (
            f"{receipt.receipt_id}; received={receipt.received}; accepted={receipt.accepted}; "
            f"quarantined={receipt.quarantined}; duplicates={receipt.duplicates}"
        )
        return Reply(status, _bulk(receipt, bad, body), KIND, ((RECEIPT, told.encode()),), door)

    def refusal(self, fault: RefusedBatchError, _request: Request) -> Reply:
        """An error message in the form of the specification."""
        error = "bad_param" if fault.status == 400 else fault.code.replace("-", "_")
        body = {"error": error, "error_description": fault.detail, "error_details": [fault.code]}
        headers: list[tuple[bytes, bytes]] = []
        if fault.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        if fault.retry_after:
            headers.append((b"retry-after", str(max(1, round(fault.retry_after))).encode()))
        return Reply(fault.status, msgspec.json.encode(body), KIND, tuple(headers))


standard(
    "mds",
    Mds(),
    {
        one.standard: tuple(
            Address(method, path, f"{ABOUT}#{path.rpartition('/')[2]}", status, list[one.shape])  # type: ignore[name-defined]
            for method, status in one.methods.items()
        )
        for path, one in ENDPOINTS.items()
    },
)
