"""Contracts, keys, receipts and figures over the interface, as each role."""

import pytest

from balai.observations.contracts import Contract
from balai.observations.models import DataKey, Receipt
from balai.observations.release import release_day
from tests.api.place import caller, key_of, send
from tests.builders import make_auditor, make_bureau, make_company, make_founder, make_user
from tests.observations.test_asking import DAY, contract  # noqa: F401
from tests.observations_builders import DOCUMENT, put_in_force

pytestmark = pytest.mark.django_db


def test_a_bureau_publishes_and_anyone_reads(city) -> None:
    make_company(slug="roda", name="PT Roda Rekaan")
    bureau = caller(key_of(make_bureau(city)))

    made = send(bureau, "POST", "/data/contracts", {"document": DOCUMENT, "partner": "roda"})
    again = send(bureau, "POST", "/data/contracts", {"document": DOCUMENT, "partner": "roda"})
    (listed,) = send(caller(), "GET", "/data/contracts").json()

    assert (made.status_code, again.status_code) == (201, 422)
    assert (listed["contract"], listed["version"], listed["simulated"]) == ("roda-trips", "1.0.0", False)
    for form in ("schema", "openapi", "asyncapi", "example", "example-event"):
        assert send(caller(), "GET", f"/data/contracts/roda-trips/1/as/{form}").status_code == 200


def test_strangers_and_founders_publish_nothing(city) -> None:
    company = make_company(slug="roda", name="PT Roda Rekaan")
    body = {"document": DOCUMENT, "partner": "roda"}

    assert send(caller(), "POST", "/data/contracts", body).status_code == 401
    assert send(caller(key_of(make_founder(company))), "POST", "/data/contracts", body).status_code == 403


def test_a_key_is_made_replaced_and_stopped(city) -> None:
    company = make_company(slug="roda", name="PT Roda Rekaan")
    put_in_force(city=city, partner=company)
    founder, rival = (caller(key_of(make_founder(one))) for one in (company, make_company(name="PT Pesaing")))

    made = send(founder, "POST", "/data/contracts/roda-trips/1/keys", {"sandbox": True}).json()
    assert send(rival, "POST", "/data/contracts/roda-trips/1/keys", {"sandbox": True}).status_code == 403
    assert send(rival, "POST", f"/data/keys/{made['id']}/stop", {"reason": "Ganggu"}).status_code == 403
    new = send(founder, "POST", f"/data/keys/{made['id']}/rotate")
    stopped = send(founder, "POST", f"/data/keys/{new.json()['id']}/stop", {"reason": "Kunci bocor"})

    assert made["key"].startswith(f"chk_sandbox_{made['id']}.")
    assert (new.status_code, stopped.status_code) == (201, 200)
    assert DataKey.objects.get(pk=new.json()["id"]).stopped_reason == "Kunci bocor"
    assert send(founder, "POST", f"/data/keys/{made['id']}/rotate").status_code == 409


def test_figures_and_receipts_are_for_those_at_either_end(contract: Contract) -> None:  # noqa: F811
    release_day(contract, DAY)
    row = Receipt.objects.get()
    key = DataKey.objects.select_related("city", "partner").get()
    asked = f"/data/contracts/roda-trips/1/figures/planning?first={DAY}&last={DAY}&measure=distance_m&by=zone"
    lineage = f"/data/contracts/roda-trips/1/lineage/{DAY}"
    inside = (make_founder(key.partner), make_bureau(key.city), make_auditor(key.city))
    outside = (make_user(), make_founder(make_company(name="PT Pesaing")))

    for person in inside:
        client = caller(key_of(person))
        answer = send(client, "GET", asked).json()
        assert [(one["key"], one["value"], one["rows"]) for one in answer["figures"]] == [
            (["3171010001"], 300, 3)
        ]
        assert (answer["k"], answer["missing"], answer["simulated"]) == (3, [], False)
        assert send(client, "GET", f"/data/receipts/{row.pk}").json()["accepted"] == 4
        assert send(client, "GET", lineage).json()[0]["batches"] == 1
    for client in (caller(), *(caller(key_of(person)) for person in outside)):
        for path in (asked, f"/data/receipts/{row.pk}", lineage):
            refused = send(client, "GET", path)
            assert (refused.status_code, "3171010001" in refused.content.decode()) == (403, False)


def test_another_purpose_is_refused_over_the_interface(contract: Contract) -> None:  # noqa: F811
    key = DataKey.objects.select_related("city").get()
    client = caller(key_of(make_bureau(key.city)))

    answer = send(
        client,
        "GET",
        f"/data/contracts/roda-trips/1/figures/advertising?first={DAY}&last={DAY}&aggregate=count",
    )

    assert (answer.status_code, "planning" in answer.json()["reason"]) == (403, True)
