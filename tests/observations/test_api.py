"""Contracts, keys, receipts and figures over the interface, as each role."""

import json

import pytest

from balai.observations.contracts import Contract
from balai.observations.models import DataContract, DataKey, Receipt
from balai.observations.release import release_day
from tests.api.place import caller, key_of, send
from tests.builders import make_auditor, make_bureau, make_company, make_founder, make_user
from tests.observations.test_asking import DAY, contract  # noqa: F401
from tests.observations.test_contracts import changed
from tests.observations_builders import DOCUMENT, make_data_key, make_quarantined, put_in_force

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


def test_what_publishing_would_change_is_told_first(city) -> None:
    company = make_company(slug="roda", name="PT Roda Rekaan")
    put_in_force(city=city, partner=company)
    bureau = caller(key_of(make_bureau(city)))
    more = changed(version="1.1.0", schema__0__properties__7={"name": "pets", "logicalType": "boolean"})

    told = send(bureau, "POST", "/data/contracts/check", {"document": more, "partner": "roda"})
    unbound = send(
        bureau,
        "POST",
        "/data/contracts/check",
        {"document": more, "partner": "roda", "bond": "agreement:1/2"},
    )
    founder = caller(key_of(make_founder(company)))
    refused = send(founder, "POST", "/data/contracts/check", {"document": more, "partner": "roda"})

    assert told.json() == {
        "contract": "roda-trips",
        "version": "1.1.0",
        "before": "1.0.0",
        "changes": ["pets: new, optional"],
        "opens": False,
        "bound_to": "",
    }
    assert (unbound.status_code, refused.status_code, DataContract.objects.count()) == (422, 403, 1)
    assert (send(bureau, "GET", "/data/bonds").json(), send(founder, "GET", "/data/bonds").status_code) == (
        [],
        403,
    )


def test_a_contract_is_retired_with_its_earlier_versions(city) -> None:
    put_in_force(city=city, partner=make_company(slug="roda", name="PT Roda Rekaan"))
    bureau = caller(key_of(make_bureau(city)))

    bare = send(bureau, "POST", "/data/contracts/roda-trips/1/retire", {"reason": " "})
    done = send(bureau, "POST", "/data/contracts/roda-trips/1/retire", {"reason": "Uji coba selesai"})
    again = send(bureau, "POST", "/data/contracts/roda-trips/1/retire", {"reason": "Uji coba selesai"})

    assert [one.status_code for one in (bare, done, again)] == [422, 200, 409]
    assert done.json()["state"] == "retired"


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("name", "most"), [("keys", 6), ("flow", 5), ("receipts", 4), ("quarantine", 6)])
def test_what_both_ends_watch_costs_the_same_for_more(
    settings, tmp_path, city, name, most, rows, django_assert_num_queries
) -> None:
    settings.HOME = tmp_path
    company = make_company(slug="roda", name="PT Roda Rekaan")
    row = put_in_force(city=city, partner=company)
    for _number in range(rows):
        make_quarantined(make_data_key(row))
    founder = caller(key_of(make_founder(company)))
    send(founder, "GET", f"/data/contracts/roda-trips/1/{name}")

    with django_assert_num_queries(most):
        answer = send(founder, "GET", f"/data/contracts/roda-trips/1/{name}")

    told = answer.json()
    told = told if name == "keys" else told["days"] if name == "flow" else told["items"]
    assert len(told) == (1 if name == "flow" else rows)
    assert send(caller(), "GET", f"/data/contracts/roda-trips/1/{name}").status_code == 403


def test_a_row_is_read_and_tried_again_over_the_interface(settings, tmp_path, city) -> None:
    settings.HOME = tmp_path
    company = make_company(slug="roda", name="PT Roda Rekaan")
    key = make_data_key(put_in_force(city=city, partner=company))
    bad, other = make_quarantined(key), make_quarantined(key, pointer="/wait_s")
    founder, auditor = caller(key_of(make_founder(company))), caller(key_of(make_auditor(city)))

    read = send(founder, "POST", f"/data/quarantine/{bad.pk}/open").json()["text"]
    wrong = send(founder, "POST", f"/data/quarantine/{bad.pk}/retry", {"corrected": "{}"})
    right = send(founder, "POST", f"/data/quarantine/{bad.pk}/retry", {})
    rest = send(founder, "POST", "/data/contracts/roda-trips/1/quarantine/retry", {"pointer": "/wait_s"})
    listed = send(auditor, "GET", "/data/contracts/roda-trips/1/quarantine").json()

    assert json.loads(read)["device"] == "gawai-1"
    assert (wrong.status_code, "missing required field" in wrong.json()["fields"]["row"][0]) == (422, True)
    assert (right.json()["state"], rest.json()) == ("asked", {"right": 1, "wrong": 0})
    assert listed["account"] == {"quarantined": 2, "waiting": 2, "replayed": 0, "expired": 0}
    assert {one["id"]: one["state"] for one in listed["items"]} == {bad.pk: "asked", other.pk: "asked"}
    for path in (f"/data/quarantine/{bad.pk}/open", f"/data/quarantine/{bad.pk}/retry"):
        assert send(auditor, "POST", path, {}).status_code == 403


def test_another_purpose_is_refused_over_the_interface(contract: Contract) -> None:  # noqa: F811
    key = DataKey.objects.select_related("city").get()
    client = caller(key_of(make_bureau(key.city)))

    answer = send(
        client,
        "GET",
        f"/data/contracts/roda-trips/1/figures/advertising?first={DAY}&last={DAY}&aggregate=count",
    )

    assert (answer.status_code, "planning" in answer.json()["reason"]) == (403, True)
