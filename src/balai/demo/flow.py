"""The partners' data as the demonstration shows it: made up, checked, drained and released."""

import json
from collections.abc import Callable
from datetime import timedelta
from itertools import batched

from django.utils import timezone

from balai.demo import people
from balai.demo.reference import JAKARTA
from balai.observations import places
from balai.observations.actions import make_key, publish_contract, stop_key
from balai.observations.doors import Doors
from balai.observations.drain import Drainer
from balai.observations.intake import EVENTS, Intake, Prepared
from balai.observations.models import DataContract, DataKey
from balai.observations.sealing import RowSeal
from balai.observations.segments import SegmentWriter
from balai.observations.simulating import event_of, rows_of, shipped_contract, shipped_contracts
from balai.observations.subjects import SubjectKeys
from balai.observations.tasks import release_days
from balai.people.models import City, Organisation, User

DAYS = 7
ROWS_A_DAY = 1500
BATCH = 500
NODE = "demonstration"


def pour(say: Callable[[str], None]) -> bool:
    """Put the example contracts in force and send a week of made-up rows; False if done before."""
    if DataContract.objects.filter(invented=True).exists():
        return False
    say("Data mitra yang disimulasikan  ·  partners' data, simulated")
    bureau = User.objects.get(email=people.address_of("bureau"))
    city = City.objects.get(pk=JAKARTA)
    bearers: dict[str, str] = {}
    keys: list[DataKey] = []
    for name, document in shipped_contracts().items():
        contract = publish_contract(
            by=bureau,
            city=city,
            partner=Organisation.objects.get(slug=shipped_contract(name).partner),
            document=document,
            invented=True,
        )
        key, text = make_key(by=bureau, contract=contract, sandbox=False, rows_per_second=1_000_000)
        bearers[name] = f"Bearer {text}"
        keys.append(key)
    _send(bearers)
    for key in keys:
        stop_key(by=bureau, key=key, reason="Simulasi selesai. Buat kunci baru untuk mencoba sendiri.")
    drainer = Drainer()
    while drainer.step().batches:
        pass
    drainer.close()
    release_days()
    return True


def _send(bearers: dict[str, str]) -> None:
    doors = Doors()
    doors.read()
    today = timezone.localdate()
    ahead = places.hours_ahead(today)
    seal = RowSeal(places.row_key()).seal
    intake = Intake(doors, SubjectKeys(places.subject_keys()), seal, ahead)
    writer = SegmentWriter(places.log() / NODE)
    for name, bearer in bearers.items():
        contract = shipped_contract(name)
        for back in range(DAYS, 0, -1):
            day = today - timedelta(days=back)
            rows = rows_of(contract, day, ROWS_A_DAY, hours_ahead=ahead)
            for number, batch in enumerate(batched(rows, BATCH)):
                body = json.dumps([event_of(contract, row) for row in batch]).encode()
                prepared = intake.prepare(intake.door(bearer), f"{name}-{day}-{number}", EVENTS, body)
                assert isinstance(prepared, Prepared)
                (place,) = writer.append([prepared.record.frame()])
                intake.kept(prepared, place, NODE)
    writer.close()
