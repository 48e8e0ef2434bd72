"""Rows in quarantine: who reads them, how they are tried again, and that each is accounted for."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry
from balai.observations import places
from balai.observations.actions import erase_subjects, publish_contract
from balai.observations.asgi import Node
from balai.observations.contracts import read_contract
from balai.observations.drain import Drainer
from balai.observations.intake import EVENTS, Prepared
from balai.observations.models import DataContract, DataKey, Quarantined, Receipt
from balai.observations.quarantine import (
    Account,
    account_of,
    disagreements,
    expire_quarantined,
    open_row,
    quarantine_of,
    reasons_of,
    try_again,
    try_all_again,
)
from balai.observations.replay import node_name, replay
from balai.observations.simulating import event_of
from balai.observations.subjects import SubjectKeys
from tests.builders import make_auditor, make_bureau, make_company, make_founder, make_user, seat
from tests.observations.test_contracts import changed
from tests.observations.test_drain import Hub, stored
from tests.observations_builders import DOCUMENT, bearer, make_data_key, put_in_force, row

pytestmark = pytest.mark.django_db

WRONG = "3171010001x"


@pytest.fixture
def contract(settings, tmp_path: Path) -> DataContract:
    settings.HOME = tmp_path
    return put_in_force(partner=make_company(name="PT Roda Rekaan", slug="roda"))


@pytest.fixture
def key(contract: DataContract) -> DataKey:
    return make_data_key(contract)


@pytest.fixture
def hub(key: DataKey) -> Iterator[Hub]:
    made = Hub(key)
    yield made
    made.writer.close()


def drain() -> None:
    drainer = Drainer()
    while drainer.step().batches:
        pass
    drainer.close()


def minor(contract: DataContract) -> None:
    """A new minor version that also takes motorbikes of a third kind."""
    values = {"type": "library", "metric": "invalidValues", "mustBe": 0}
    more = values | {"arguments": {"validValues": ["car", "motorcycle", "bajaj"]}}
    document = changed(version="1.1.0", schema__0__properties__4__quality=[more])
    publish_contract(
        by=make_bureau(contract.city), city=contract.city, partner=contract.partner, document=document
    )


def newest() -> DataContract:
    found = DataContract.objects.select_related("partner", "city").first()
    assert found is not None
    return found


def test_a_row_is_taken_once_its_contract_takes_it(contract: DataContract, hub: Hub) -> None:
    batch = hub.send("0001", row("a"), row("b", vehicle="bajaj"), row("c", zone=WRONG))
    drain()
    manager = make_founder(contract.partner)
    minor(contract)
    bajaj, wrong = Quarantined.objects.order_by("row")

    asked = try_all_again(by=manager, contract=newest(), rows=quarantine_of(contract))
    taken = replay()
    drain()

    bajaj.refresh_from_db()
    wrong.refresh_from_db()
    again = Receipt.objects.get(node=node_name())
    assert ((asked.right, asked.wrong), taken) == ((1, 1), 1)
    assert stored() == ["a", "b"]
    assert (bajaj.replayed_at is not None, bajaj.receipt) == (True, again.pk)
    assert (again.received, again.accepted, again.version) == (1, 1, "1.1.0")
    assert (wrong.asked_at, wrong.replayed_at, wrong.tried_at is not None) == (None, None, True)
    assert Receipt.objects.get(pk=batch).replayed == 1
    assert account_of(contract) == Account(quarantined=2, waiting=1, replayed=1, expired=0)
    assert list(disagreements()) == []
    assert replay() == 0


def test_the_partner_sends_a_row_corrected_and_the_city_cannot(contract: DataContract, hub: Hub) -> None:
    hub.send("0001", row("a", zone=WRONG))
    drain()
    manager, bureau = make_founder(contract.partner), make_bureau(contract.city)
    (bad,) = Quarantined.objects.all()
    text = open_row(by=manager, row=bad, contract=contract)
    mended = json.dumps(json.loads(text) | {"zone": "3171010001"}, indent=2)

    with pytest.raises(Refused):
        try_again(by=bureau, contract=contract, row=bad, corrected=mended)
    with pytest.raises(Invalid) as still:
        try_again(by=bureau, contract=contract, row=bad)
    try_again(by=manager, contract=contract, row=bad, corrected=mended)
    with pytest.raises(Stale):
        try_again(by=manager, contract=contract, row=bad, corrected=mended)
    replay()
    drain()

    assert "/zone" in str(still.value.fields["row"][0])
    assert stored() == ["a"]
    seen, asked = Entry.objects.filter(verb__in=("data.row_seen", "data.replay_asked")).order_by("pk")
    assert (seen.verb, seen.facts["batch"], seen.public) == ("data.row_seen", bad.batch, False)
    assert (asked.facts["corrected"], WRONG in str(asked.facts)) == (True, False)


def test_an_event_is_read_in_the_form_it_came(contract: DataContract, hub: Hub, key: DataKey) -> None:
    whole = read_contract(DOCUMENT)
    body = json.dumps([event_of(whole, row("a", vehicle="bajaj"))]).encode()
    prepared = hub.intake.prepare(hub.intake.door(bearer(key)), "events-0001", EVENTS, body)
    assert isinstance(prepared, Prepared)
    hub.writer.append([prepared.record.frame()])
    drain()
    minor(contract)

    try_again(by=make_founder(contract.partner), contract=newest(), row=Quarantined.objects.get())
    replay()
    drain()

    assert stored() == ["a"]


def test_killed_before_it_was_noted_a_row_is_still_taken_once(contract: DataContract, hub: Hub) -> None:
    """What a kill between log and database leaves: the log has the batch, the database knows nothing."""
    hub.send("0001", row("a", vehicle="bajaj"))
    drain()
    minor(contract)
    try_again(by=make_founder(contract.partner), contract=newest(), row=Quarantined.objects.get())
    assert replay() == 1
    first = Quarantined.objects.get().receipt

    Quarantined.objects.update(replayed_at=None, receipt="")
    Receipt.objects.update(replayed=0)
    assert replay() == 1
    drain()

    assert (stored(), Quarantined.objects.get().receipt) == (["a"], first)
    assert Receipt.objects.filter(node=node_name()).count() == 1
    assert account_of(contract) == Account(quarantined=1, waiting=0, replayed=1, expired=0)


def test_what_two_machines_take_is_stored_once(contract: DataContract, hub: Hub) -> None:
    hub.send("0001", row("a", vehicle="bajaj"))
    drain()
    minor(contract)
    try_again(by=make_founder(contract.partner), contract=newest(), row=Quarantined.objects.get())
    assert replay() == 1
    log = places.log() / node_name()
    log.rename(places.log() / "replay-elsewhere")
    Quarantined.objects.update(replayed_at=None)
    Receipt.objects.update(replayed=0)
    assert replay() == 1
    drain()

    assert stored() == ["a"]
    assert sorted(
        Receipt.objects.filter(node__startswith="replay-").values_list("accepted", "duplicates")
    ) == [
        (0, 1),
        (1, 0),
    ]


def test_a_row_sent_again_by_hand_long_ago_is_found_in_the_store(contract: DataContract, hub: Hub) -> None:
    """Beyond the drainer's seven days only the files know the event."""
    batch = hub.send("0001", row("a", vehicle="bajaj"))
    mended = hub.send("0002", row("a"))
    drain()
    old = timezone.now() - timedelta(days=20)
    Quarantined.objects.update(received_at=old)
    minor(contract)
    try_again(by=make_founder(contract.partner), contract=newest(), row=Quarantined.objects.get())

    assert replay() == 1
    drain()

    assert (stored(), Quarantined.objects.get().receipt) == (["a"], mended)
    assert Receipt.objects.get(pk=batch).replayed == 1
    assert not Receipt.objects.filter(node=node_name()).exists()


def test_one_round_at_a_time(contract: DataContract, hub: Hub) -> None:
    hub.send("0001", row("a", vehicle="bajaj"))
    drain()
    minor(contract)
    try_again(by=make_founder(contract.partner), contract=newest(), row=Quarantined.objects.get())
    other = Node(node_name())
    other.open(follow=False)

    assert replay() == 0

    asyncio.run(other.close())
    assert replay() == 1


@pytest.mark.usefixtures("in_english")
def test_what_cannot_be_tried_says_why(contract: DataContract, hub: Hub, key: DataKey) -> None:
    day = (datetime.now(UTC) - timedelta(days=3)).replace(hour=5, minute=0)
    hub.send("0001", row("a", vehicle="bajaj", at=day.isoformat()))
    drain()
    minor(contract)
    manager, (bad,) = make_founder(contract.partner), Quarantined.objects.all()

    def why(fault=Refused) -> str:
        with pytest.raises(fault) as refusal:
            try_again(by=manager, contract=newest(), row=bad)
        return str(refusal.value.fields["row"][0] if fault is Invalid else refusal.value.reason)

    DataKey.objects.filter(pk=key.pk).update(subject="x:1")
    assert why() == "What this key serves is not known."
    DataKey.objects.filter(pk=key.pk).update(subject="", sandbox=True)
    assert "sandbox" in why()
    DataKey.objects.filter(pk=key.pk).update(
        sandbox=False, stopped_at=timezone.now(), stopped_reason="Diganti"
    )
    SubjectKeys(places.subject_keys()).destroy("roda_trips_v1", day.date())
    assert why(Invalid) == "/at: the subjects of this day were erased"
    bad.sealed = None
    assert why(Invalid) == "Only its place and the reason were."
    assert (replay(), stored()) == (0, [])


def test_asked_rows_wait_while_the_gate_is_shut(contract: DataContract, hub: Hub, key: DataKey) -> None:
    hub.send("0001", row("a", vehicle="bajaj"))
    drain()
    minor(contract)
    try_again(by=make_founder(contract.partner), contract=newest(), row=Quarantined.objects.get())
    DataKey.objects.filter(pk=key.pk).update(subject="x:1")
    first = Quarantined.objects.get().asked_at
    assert replay() == 0
    assert Quarantined.objects.get().asked_at > first

    DataKey.objects.filter(pk=key.pk).update(subject="")

    assert replay() == 1


def test_a_row_that_was_only_indented_is_not_corrected(contract: DataContract, hub: Hub) -> None:
    hub.send("0001", row("a", vehicle="bajaj"))
    drain()
    minor(contract)
    (bad,) = Quarantined.objects.all()
    manager = make_founder(contract.partner)
    shown = open_row(by=manager, row=bad, contract=newest())

    try_again(by=make_bureau(contract.city), contract=newest(), row=bad, corrected=shown)

    assert (shown.count("\n") > 5, replay()) == (True, 1)
    assert Entry.objects.get(verb="data.replay_asked").facts["corrected"] is False


def test_only_managers_and_the_city_read_rows(contract: DataContract, hub: Hub) -> None:
    hub.send("0001", row("a", zone=WRONG))
    drain()
    (bad,) = Quarantined.objects.all()
    staff = seat(make_user(), contract.partner, "staff")
    rival = make_founder(make_company(name="PT Pesaing"))

    for person in (make_user(), staff, rival, make_auditor(contract.city)):
        with pytest.raises(Refused):
            open_row(by=person, row=bad, contract=contract)
        with pytest.raises(Refused):
            try_again(by=person, contract=contract, row=bad)
        with pytest.raises(Refused):
            try_all_again(by=person, contract=contract, rows=quarantine_of(contract))
    for person in (make_founder(contract.partner), make_bureau(contract.city)):
        assert WRONG in open_row(by=person, row=bad, contract=contract)
    assert Entry.objects.filter(verb="data.row_seen").count() == 2


def test_rows_expire_and_are_accounted_for(contract: DataContract, hub: Hub) -> None:
    first = hub.send("0001", row("a", zone=WRONG), row("b", vehicle="bajaj"))
    hub.send("0002", row("c", zone=WRONG))
    drain()
    minor(contract)
    try_all_again(by=make_founder(contract.partner), contract=newest(), rows=quarantine_of(contract))
    replay()
    Quarantined.objects.filter(batch=first).update(received_at=timezone.now() - timedelta(days=31))

    assert expire_quarantined() == 1

    receipt = Receipt.objects.get(pk=first)
    assert (receipt.quarantined, receipt.replayed, receipt.expired) == (2, 1, 1)
    account = account_of(contract)
    assert (account, account.adds_up) == (Account(3, 1, 1, 1), True)


def test_of_an_erased_day_no_row_is_kept(contract: DataContract, hub: Hub) -> None:
    """Its subjects stand in it as they came; rows that say another day stay, and the account adds up."""
    then = timezone.now() - timedelta(days=3)
    hub.send("0001", row("a", zone=WRONG, at=then.isoformat()), row("b", zone=WRONG), row("c", at="kemarin"))
    drain()

    erase_subjects(table=contract.table, day=timezone.localdate(then))

    kept = Quarantined.objects.order_by("row").values_list("sealed", flat=True)
    assert [one is not None for one in kept] == [False, True, False]
    assert account_of(contract) == Account(quarantined=3, waiting=3, replayed=0, expired=0)


def test_an_account_that_does_not_add_up_is_told(contract: DataContract, hub: Hub) -> None:
    hub.send("0001", row("a", zone=WRONG), row("b", zone=WRONG))
    drain()
    assert list(disagreements()) == []

    Quarantined.objects.filter(row=0).delete()

    assert list(disagreements()) == ["the quarantined rows of 1 receipts do not add up"]


def test_rows_are_found_by_reason_place_and_day(contract: DataContract, hub: Hub) -> None:
    hub.send("0001", row("a", zone=WRONG), row("b", zone=WRONG), row("c", distance_m=-1))
    drain()
    (place, reason, count), (other, _reason, one) = reasons_of(quarantine_of(contract))

    assert [(place, count), (other, one)] == [("/zone", 2), ("/distance_m", 1)]
    assert quarantine_of(contract, pointer="/zone", reason=reason).count() == 2
    assert quarantine_of(contract, day=timezone.localdate()).count() == 3
    assert quarantine_of(contract, day=timezone.localdate() - timedelta(1)).count() == 0
