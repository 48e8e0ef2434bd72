"""The partner kits: their contracts hold, and their simulators send what passes."""

import json
from datetime import UTC, date, datetime

import pytest
from django.core.management import CommandError, call_command

from balai.observations.checking import Checker
from balai.observations.contracts import Role, read_contract
from balai.observations.describing import example_event
from balai.observations.simulating import (
    event_of,
    kits,
    rows_of,
    shipped_contract,
    shipped_contracts,
)

PARTNERS = {"botika", "bukalapak", "duithape", "gojek", "grab", "nodeflux", "shopee", "tokopedia"}
CONTRACTS = tuple(shipped_contracts())
DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 4, tzinfo=UTC)


def test_each_of_the_eight_partners_has_a_kit() -> None:
    assert set(kits()) == PARTNERS
    assert sorted(name for names in kits().values() for name in names) == list(CONTRACTS)


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_kit_is_sound_says_it_is_an_example_and_its_rows_pass(name: str) -> None:
    text = shipped_contracts()[name]
    contract = read_contract(text)
    rows = list(rows_of(contract, DAY, 300))
    events = [event_of(contract, row) for row in rows]

    checked = Checker(contract).check_events(json.dumps([*events, example_event(contract)]).encode(), NOW)

    assert "Contoh untuk kota peragaan" in text
    assert (contract.id, contract.status, contract.k >= 10) == (name, "active", True)
    assert contract.id.startswith(f"{contract.partner}-")
    assert "indicators" in contract.purposes
    assert checked.bad == []
    assert rows == list(rows_of(contract, DAY, 300))
    assert rows != list(rows_of(contract, DAY, 300, seed=1))
    days = {datetime.fromisoformat(row["at"]).date() for row in rows}
    assert days == {DAY}


@pytest.mark.parametrize("name", CONTRACTS)
def test_no_kit_keeps_an_identity(name: str) -> None:
    contract = shipped_contract(name)

    names = {field.name for field in contract.fields}
    assert names & {"nik", "npwp", "nib", "name", "phone", "email", "face", "plate", "text"} == set()
    assert contract.personal == bool(contract.by_role[Role.SUBJECT] or contract.by_role[Role.SUBJECTS])


@pytest.mark.parametrize("name", ["face", "plate_number", "Embedding"])
def test_an_identity_from_a_camera_is_refused_at_the_door(name: str) -> None:
    contract = shipped_contract("nodeflux-counts")
    (row,) = rows_of(contract, DAY, 1)
    event = event_of(contract, row)
    event["data"][name] = "rahasia"

    (bad,) = Checker(contract).check_events(json.dumps([event]).encode(), NOW).bad

    assert (bad.pointer.lower(), bad.raw) == (f"/{name.lower()}", None)


def test_the_command_says_what_it_lacks() -> None:
    for wrong in (
        ["unknown"],
        ["gojek"],
        ["gojek", "--contract", "grab-trips", "--key", "x"],
        ["gojek", "--key-file", "/nowhere"],
        ["gojek", "--key", "x", "--url", "ftp://x"],
    ):
        with pytest.raises(CommandError):
            call_command("simulate", *wrong)
