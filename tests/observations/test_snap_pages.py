"""The pages of clients that sign: made with a public key, the secret shown once, replaced."""

from pathlib import Path

import pytest
from pytest_django import DjangoAssertNumQueries

from balai.observations.actions import stop_key
from balai.observations.models import DataContract, DataKey, SnapClient
from balai.observations.simulating import shipped_contracts
from balai.observations.snap_clients import make_snap_client
from tests.builders import client_of, make_auditor, make_bureau, make_city, make_company, make_founder
from tests.observations.test_snap_clients import public_key
from tests.observations_builders import DOCUMENT, put_in_force

pytestmark = pytest.mark.django_db
PAGE = "/data/shopee-tax/1/snap/"


@pytest.fixture
def contract(settings, tmp_path: Path) -> DataContract:
    settings.HOME = tmp_path
    return put_in_force(
        shipped_contracts()["shopee-tax"], city=make_city(), partner=make_company(slug="shopee")
    )


def test_a_partner_makes_a_client_and_sees_its_secret_once(contract: DataContract) -> None:
    browser = client_of(make_founder(contract.partner))

    wrong = browser.post(PAGE + "baru/", {"sandbox": "sandbox", "public_key": "x"})
    made = browser.post(PAGE + "baru/", {"sandbox": "sandbox", "public_key": public_key()})

    client = SnapClient.objects.get()
    secret = made.context["secret"]
    assert (wrong.status_code, made.status_code) == (422, 200)
    assert "public_key" in wrong.context["form"].errors
    assert made.content.count(secret.encode()) == 1
    assert "no-store" in made["Cache-Control"]
    page = browser.get(PAGE).content.decode()
    assert client.pk in page
    assert secret not in page


def test_a_live_client_of_a_partner_serves_a_collaboration(contract: DataContract) -> None:
    answer = client_of(make_founder(contract.partner)).post(
        PAGE + "baru/", {"sandbox": "live", "public_key": public_key()}
    )

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["subject"])
    assert SnapClient.objects.count() == 0


def test_a_client_is_replaced_by_its_page_and_not_again(contract: DataContract) -> None:
    bureau = make_bureau(contract.city)
    client, _secret = make_snap_client(by=bureau, contract=contract, public_key=public_key(), sandbox=True)
    browser, address = client_of(bureau), f"/data/snap/{client.pk}/ganti/"

    shown = browser.get(address)
    replaced = browser.post(address, {"public_key": ""})
    again = browser.post(address, {"public_key": ""})

    assert (shown.status_code, replaced.status_code, again.status_code) == (200, 200, 409)
    assert SnapClient.objects.count() == 2
    assert replaced.context["before"].pk == client.pk


def test_the_key_of_a_client_is_replaced_with_it_only(contract: DataContract) -> None:
    bureau = make_bureau(contract.city)
    client, _secret = make_snap_client(by=bureau, contract=contract, public_key=public_key(), sandbox=True)

    answer = client_of(bureau).post(f"/data/kunci/{client.pk}/ganti/")

    assert (answer.status_code, answer["Location"]) == (302, f"/data/snap/{client.pk}/ganti/")
    assert DataKey.objects.count() == 1


def test_auditors_look_and_make_none(contract: DataContract) -> None:
    browser = client_of(make_auditor(contract.city))

    assert [browser.get(PAGE).status_code, browser.get(PAGE + "baru/").status_code] == [200, 403]


def test_a_contract_without_the_standard_has_no_such_page(contract: DataContract) -> None:
    put_in_force(DOCUMENT, city=contract.city, partner=make_company(slug="roda"))
    browser = client_of(make_bureau(contract.city))

    for path in ("snap/", "snap/baru/"):
        assert browser.get(f"/data/roda-trips/1/{path}").status_code == 404
    assert browser.get("/data/snap/nobody/ganti/").status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_asks_as_much_for_one_client_as_for_three(
    contract: DataContract, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    bureau = make_bureau(contract.city)
    for _number in range(count):
        made, _secret = make_snap_client(by=bureau, contract=contract, public_key=public_key(), sandbox=True)
    stop_key(by=bureau, key=made.key, reason="Dicoba saja.")
    browser = client_of(bureau)
    browser.get(PAGE)

    with django_assert_num_queries(6):
        page = browser.get(PAGE)

    assert page.content.decode().count("<code>") >= count
    assert "Dicoba saja." in page.content.decode()
