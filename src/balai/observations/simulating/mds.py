"""Made-up rows as a passenger-services provider would send them: in the words of MDS 2.0."""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from time import time
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from balai.observations.contracts import Contract
from balai.observations.describing import Row
from balai.observations.grid import corner
from balai.observations.simulating.wire import (
    Outgoing,
    Send,
    counts_in,
    wire,
)


@wire("mds")
class MdsWire:
    """Bulk requests to one endpoint of the Agency API, up to 100 items each."""

    most = 100

    def __init__(self, contract: Contract, key: str) -> None:
        """Raises ValueError for a contract whose endpoint is not known."""
        self._contract, self._key = contract, key
        made = {
            "mds/trips": self._trip,
            "mds/events": self._event,
            "mds/telemetry": self._telemetry,
            "mds/vehicles": self._vehicle,
        }.get(contract.standard)
        if made is None:
            raise ValueError(f"{contract.standard} is no endpoint of MDS that is simulated.")
        self._made = made

    def tell(self, rows: Sequence[Row], name: str, send: Send) -> dict[str, int]:
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Accept": "application/vnd.mds+json;version=2.0",
            "Content-Type": "application/json",
            "Idempotency-Key": name,
        }
        body = json.dumps([self._made(row) for row in rows]).encode()
        outgoing = Outgoing("POST", f"/{self._contract.standard}", headers, body)
        return counts_in(send(lambda: outgoing))

    def _common(self, row: Row) -> dict[str, str]:
        provider = self._contract.provider or str(uuid5(NAMESPACE_URL, self._contract.source))
        return {"provider_id": provider, "device_id": str(_number(row["device"]))}

    def _trip(self, row: Row) -> dict[str, Any]:
        number, start = _number(row["event_id"]), _instant(row["at"])
        place = _inside(row["zone"], number)
        trip: dict[str, Any] = {
            **self._common(row),
            "trip_id": str(number),
            "trip_type": [row["trip_type"]],
            "start_time": start,
            "end_time": max(start, min(start + row["duration_s"] * 1000, int(time() * 1000))),
            "start_location": place,
            "end_location": {"lat": round(place["lat"] + 0.01, 4), "lng": round(place["lng"] + 0.01, 4)},
            "duration": row["duration_s"],
            "distance": row["distance_m"],
        }
        if "wait_s" in row:
            trip["trip_attributes"] = {
                "hail_type": "app",
                "passenger_count": row.get("passengers", 1),
                "requested_time": start - row["wait_s"] * 1000,
                "quoted_trip_start_time": start,
            }
        if "fare_idr" in row:
            trip |= {"actual_cost": row["fare_idr"] * 100, "currency": "IDR"}
        return trip

    def _event(self, row: Row) -> dict[str, Any]:
        number = _number(row["event_id"])
        event: dict[str, Any] = {
            **self._common(row),
            "event_id": str(number),
            "vehicle_state": row["vehicle_state"],
            "event_types": [_event_type(row)],
            "timestamp": _instant(row["at"]),
            "location": _inside(row["zone"], number),
        }
        if event["event_types"][0] not in ("comms_lost", "comms_restored"):
            event["trip_ids"] = [str(_number(f"trip of {row['event_id']}"))]
        return event

    def _telemetry(self, row: Row) -> dict[str, Any]:
        number = _number(row["event_id"])
        place = _inside(row["zone"], number)
        if "speed_kmh" in row:
            place["speed"] = round(row["speed_kmh"] / 3.6, 3)
        trip = str(_number(f"trip of {row['event_id']}"))
        return {
            **self._common(row),
            "telemetry_id": str(number),
            "timestamp": _instant(row["at"]),
            "trip_ids": [trip] if row["on_trip"] else None,
            "journey_id": trip if row["on_trip"] else None,
            "location": place,
        }

    def _vehicle(self, row: Row) -> dict[str, Any]:
        vehicle: dict[str, Any] = {
            **self._common(row),
            "vehicle_id": f"SIM-{_number(row['device']).int % 10**6:06d}",
            "vehicle_type": row["vehicle_type"],
            "propulsion_types": [row["propulsion"]],
        }
        if row.get("accessible"):
            vehicle["accessibility_attributes"] = ["wheelchair_accessible"]
        return vehicle


def _event_type(row: Row) -> str:
    match row["vehicle_state"]:
        case "reserved":
            return "reservation_start"
        case "on_trip":
            return "trip_start"
        case "available":
            return "passenger_cancellation" if row["cancellations"] else "trip_end"
        case "non_contactable":
            return "comms_lost"
    return "comms_restored"


def _number(text: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"urn:hub:simulated:{text}")


def _instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def _inside(zone: str, number: UUID) -> dict[str, float]:
    """A point of the cell, the same for the same number."""
    lat, lng = corner(zone)
    north, east = divmod(number.int % 40_000, 200)
    step = Decimal("0.0001")
    return {"lat": float(lat + north * step), "lng": float(lng + east * step)}
