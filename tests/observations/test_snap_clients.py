"""Clients that sign: who makes and replaces them, what is kept of their secret, and what fits them."""

import hashlib
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry
from balai.observations import places
from balai.observations.actions import rotate_key, stop_key
from balai.observations.doors import Doors
from balai.observations.models import DataContract, DataKey, SnapClient
from balai.observations.sealing import RowSeal
from balai.observations.simulating import shipped_contract, shipped_contracts
from balai.observations.snap_clients import make_snap_client, rotate_snap_client, takes_notices
from balai.people.models import Role
from tests.builders import make_bureau, make_city, make_company, make_founder, make_user, seat
from tests.observations_builders import DOCUMENT, put_in_force

pytestmark = pytest.mark.django_db


@cache
def public_key(number: int = 0) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def contract(settings, tmp_path: Path) -> DataContract:
    settings.HOME = tmp_path
    return put_in_force(
        shipped_contracts()["shopee-tax"], city=make_city(), partner=make_company(slug="shopee")
    )


def make(by: Any, contract: DataContract, **other: Any) -> tuple[SnapClient, str]:
    return make_snap_client(
        **({"by": by, "contract": contract, "public_key": public_key(), "sandbox": True} | other)
    )


def test_the_secret_is_sealed_and_the_ledger_names_the_public_key(contract: DataContract) -> None:
    client, secret = make(make_bureau(contract.city), contract)

    entry = Entry.objects.get(verb="data.snap_client_made")
    sealed = bytes(client.sealed_secret)
    assert secret.encode() not in sealed
    assert RowSeal(places.secrets_key()).open(sealed) == secret.encode()
    assert places.secrets_key().stat().st_mode & 0o77 == 0
    assert entry.facts == {
        "key": client.pk,
        "public_key_sha256": hashlib.sha256(public_key().encode()).hexdigest(),
    }
    assert not entry.public


def test_the_partners_managers_and_the_city_make_them_and_nobody_else(contract: DataContract) -> None:
    founder = make_founder(contract.partner)
    analyst_of_partner = seat(make_user(), contract.partner, Role.ANALYST)

    assert make(founder, contract)[0].key.partner_id == contract.partner_id
    elsewhere = make_bureau(make_city(code="32", slug="bandung", name="Bandung"))
    for person in (make_user(), make_founder(), analyst_of_partner, elsewhere):
        with pytest.raises(Refused):
            make(person, contract)
    with pytest.raises(Invalid):
        make(founder, contract, sandbox=False)
    assert (
        make(founder, contract, sandbox=False, subject="collaboration:x")[0].key.subject == "collaboration:x"
    )
    assert SnapClient.objects.count() == DataKey.objects.count() == 2


def test_a_key_that_cannot_be_used_is_refused_by_its_field_and_makes_no_client(
    contract: DataContract,
) -> None:
    for text in ("", "x", public_key().replace("PUBLIC", "PRIVATE")):
        with pytest.raises(Invalid) as refused:
            make(make_bureau(contract.city), contract, public_key=text)
        assert list(refused.value.fields) == ["public_key"]
    assert DataKey.objects.count() == 0


def test_a_contract_without_the_standard_takes_no_notices(contract: DataContract) -> None:
    trips = put_in_force(DOCUMENT, city=contract.city, partner=make_company(slug="roda"))

    with pytest.raises(Invalid):
        make(make_bureau(contract.city), trips)


@pytest.mark.parametrize("partner", ["tokopedia", "bukalapak", "shopee"])
def test_each_marketplace_has_a_contract_that_takes_notices(partner: str) -> None:
    takes_notices(shipped_contract(f"{partner}-tax"))
    with pytest.raises(Invalid):
        takes_notices(shipped_contract(f"{partner}-orders"))


def test_a_replaced_client_is_followed_by_one_with_another_secret(contract: DataContract) -> None:
    bureau = make_bureau(contract.city)
    client, secret = make(bureau, contract)

    newer, another = rotate_snap_client(by=bureau, client=client)
    third, _secret = rotate_snap_client(by=bureau, client=newer, public_key=public_key(1))

    client.key.refresh_from_db()
    assert client.key.expires_at is not None
    assert client.key.expires_at - newer.key.created_at < timedelta(days=3, minutes=1)
    assert (newer.public_key, third.public_key) == (public_key(), public_key(1))
    assert secret != another
    assert Entry.objects.filter(verb="data.snap_client_made").count() == 3
    with pytest.raises(Stale):
        rotate_snap_client(by=bureau, client=client)
    with pytest.raises(Refused):
        rotate_snap_client(by=make_user(), client=third)
    with pytest.raises(Refused):
        rotate_key(by=bureau, key=third.key)


def test_a_node_knows_the_clients_and_passes_over_one_it_cannot_read(contract: DataContract) -> None:
    bureau = make_bureau(contract.city)
    good, secret = make(bureau, contract)
    broken, _secret = make(bureau, contract)
    SnapClient.objects.filter(pk=broken.pk).update(sealed_secret=b"x" * 40)
    stop_key(by=bureau, key=good.key, reason="Dicoba saja.")
    doors = Doors()

    doors.read()
    doors.read()

    assert doors.clients.keys() == {good.pk}
    assert doors.clients[good.pk].secret == secret.encode()
    assert doors()[good.pk].stopped == "Dicoba saja."
