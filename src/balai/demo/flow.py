"""The partners' data as the demonstration shows it: made up, checked, drained, released and computed from."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import batched
from pathlib import Path
from typing import Any

from django.utils import timezone

from balai.collaborations.models import Collaboration
from balai.demo import people
from balai.demo.reference import JAKARTA
from balai.indicators.flow.definition import read_definition
from balai.indicators.flow.keeping import keep_figures, shipped_sources
from balai.observations import places
from balai.observations.actions import make_key, publish_contract, stop_key
from balai.observations.contracts import Contract, Role, read_contract
from balai.observations.doors import Doors
from balai.observations.drain import Drainer
from balai.observations.intake import EVENTS, Intake, Prepared
from balai.observations.models import DataContract, DataKey
from balai.observations.release import ask
from balai.observations.sealing import RowSeal
from balai.observations.segments import SegmentWriter
from balai.observations.simulating import event_of, rows_of, shipped_contracts
from balai.observations.subjects import SubjectKeys
from balai.observations.tasks import release_days
from balai.people.models import City, Organisation, User
from balai.pilots.flow import bind_flow, contracts_for, keep_readings

BATCH = 500
PARKING = Path(__file__).parent / "jakarta" / "parking.odcs.yaml"
STORY = "lajur-cerdas"
NODE = "demonstration"


@dataclass(frozen=True, slots=True)
class Plan:
    """How many rows a day of how many zones: few zones, so that what is counted reaches k."""

    rows: int = 250
    zones: int = 4


NEWEST = 4
"""Days back from yesterday that every contract has."""
PLANS = {
    "botika-conversations": Plan(600, 2),
    "lajur-parkir": Plan(120),
    "duithape-aid": Plan(300, 3),
    "gojek-trips": Plan(150),
    "grab-trips": Plan(150),
    "nodeflux-counts": Plan(150, 3),
    **{f"{shop}-orders": Plan(60) for shop in ("bukalapak", "shopee", "tokopedia")},
    **{f"{shop}-tax": Plan(80, 2) for shop in ("bukalapak", "shopee", "tokopedia")},
}


def pour(say: Callable[[str], None]) -> bool:
    """Put the example contracts in force, send made-up rows, compute from them; False if done before.

    What an indicator is computed from has the whole of last month; all have the newest days.
    """
    if DataContract.objects.filter(invented=True).exists():
        return False
    say("Data mitra yang disimulasikan  ·  partners' data, simulated")
    bureau = User.objects.get(email=people.address_of("bureau"))
    city = City.objects.get(pk=JAKARTA)
    documents = dict(shipped_contracts())
    story = Collaboration.objects.filter(invented=True, stage="running", partner__slug=STORY).first()
    if story:
        parking = PARKING.read_text(encoding="utf-8")
        documents[read_contract(parking).id] = parking
    flows: list[tuple[Contract, str]] = []
    keys: list[DataKey] = []
    for document in documents.values():
        whole = read_contract(document)
        contract = publish_contract(
            by=bureau,
            city=city,
            partner=Organisation.objects.get(slug=whole.partner),
            document=document,
            invented=True,
        )
        key, text = make_key(by=bureau, contract=contract, sandbox=False, rows_per_second=1_000_000)
        flows.append((whole, f"Bearer {text}"))
        keys.append(key)
    _send(flows)
    for key in keys:
        stop_key(by=bureau, key=key, reason="Simulasi selesai. Buat kunci baru untuk mencoba sendiri.")
    drainer = Drainer()
    while drainer.step().batches:
        pass
    drainer.close()
    release_days()
    keep_figures(city)
    if story:
        _read_story(story, bureau)
    return True


def _read_story(story: Collaboration, bureau: User) -> None:
    """One invented pilot is followed by its own partner's data, in two of the zones that are told."""
    (contract,) = contracts_for(story)
    today = timezone.localdate()
    told = ask(
        read_contract(contract.document),
        purpose="indicators",
        aggregate="count",
        by=("zone",),
        first=today - timedelta(days=9),
        last=today,
    )
    measure = bind_flow(
        collaboration=story,
        by=bureau,
        name="Tempat parkir kosong di ruas uji coba",
        contract=contract,
        purpose="indicators",
        aggregate="mean",
        measure="free_spaces",
        zones=[figure.key[0] for figure in told.figures[:2]],
    )
    keep_readings(measure)


def _send(flows: Sequence[tuple[Contract, str]]) -> None:
    doors = Doors()
    doors.read()
    today = timezone.localdate()
    ahead = places.hours_ahead(today)
    seal = RowSeal(places.row_key()).seal
    intake = Intake(doors, SubjectKeys(places.subject_keys()), seal, ahead)
    writer = SegmentWriter(places.log() / NODE)
    computed_from = {
        name for text in shipped_sources().values() for name, _major in read_definition(text).sources
    } | {"lajur-parkir"}
    newest = [today - timedelta(days=back) for back in range(NEWEST, 0, -1)]
    last = today.replace(day=1) - timedelta(days=1)
    month = [last.replace(day=number + 1) for number in range(last.day)]
    for contract, bearer in flows:
        name = contract.id
        days = sorted({*month, *newest}) if name in computed_from else newest
        rows = _rows(contract, PLANS.get(name, Plan()), days, ahead)
        for number, batch in enumerate(batched(rows, BATCH)):
            body = json.dumps([event_of(contract, row) for row in batch]).encode()
            prepared = intake.prepare(intake.door(bearer), f"{name}-{today}-{number}", EVENTS, body)
            assert isinstance(prepared, Prepared)
            (place,) = writer.append([prepared.record.frame()])
            intake.kept(prepared, place, NODE)
    writer.close()


def _rows(contract: Contract, plan: Plan, days: Sequence[date], ahead: int) -> Iterator[dict[str, Any]]:
    """The rows of each day, in the plan's few zones."""
    zone = contract.one(Role.ZONE)
    kept: dict[str, str] = {}
    for day in days:
        for row in rows_of(contract, day, plan.rows, hours_ahead=ahead):
            if zone and zone.name in row:
                first = list(kept)[: plan.zones]
                own = len(kept) < plan.zones
                given = row[zone.name]
                row[zone.name] = kept.setdefault(given, given if own else first[len(kept) % plan.zones])
            yield row
