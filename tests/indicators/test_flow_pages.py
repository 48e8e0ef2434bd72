"""What pages and the interface for machines say of figures from partners' data."""

from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from balai.indicators.models import FlowSource, Indicator, Value
from balai.observations.models import DataContract, Receipt, ReleasedDay
from balai.people.models import Role
from tests.builders import client_of, make_agency, make_city, make_company, make_founder, make_user, seat
from tests.flow_builders import cell, contract_in_force, make_figure, release, zone_rest
from tests.indicators_builders import make_indicator, make_value
from tests.observations.test_contracts import changed
from tests.observations_builders import make_data_key, make_quarantined

pytestmark = pytest.mark.django_db

PAGE = "/en/dimensi/mobility/mob-01/"
A = "3171010001"


@pytest.fixture
def contract() -> DataContract:
    return contract_in_force(city=make_city("31"), partner=make_company(name="PT Roda", slug="roda"))


@pytest.fixture
def figure(contract):
    return make_figure(contract)


def text(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_the_page_of_an_indicator_says_what_it_rests_on(client, figure) -> None:
    make_value("25.5", city=figure.source.city, source="TomTom")

    page = text(client, PAGE)

    said = ("1 of 31 days released", "at least 10 subjects", "too few days", A, "TomTom", "roda-trips v1")
    assert [told for told in said if told not in page] == []
    assert "Simulated" not in page
    assert f"/en/angka/asal/{figure.pk}/" in page


def test_simulated_figures_are_marked_wherever_they_stand(client, contract) -> None:
    DataContract.objects.update(invented=True)
    figure = make_figure(contract)

    pages = [
        text(client, path)
        for path in (PAGE, "/en/dimensi/mobility/", f"/en/angka/asal/{figure.pk}/", "/en/mitra/roda/data/")
    ]
    table = text(client, "/dimensi/mobility/MOB-01/aliran.csv").splitlines()
    whole = text(client, "/dimensi.csv").splitlines()
    machine = client.get("/api/v1/indicators/MOB-01/computed").json()
    listed = client.get("/api/v1/indicators").json()

    assert [("simulated data" in page.lower()) for page in pages] == [True] * 4
    assert [line.split(",")[-2] for line in table] == ["simulated", "True", "True"]
    assert [line.split(",")[-1] for line in whole] == ["simulated", "True"]
    assert [one["simulated"] for one in machine] == [True]
    assert [value["invented"] for one in listed for value in one["values"]] == [True]


def test_a_real_figure_hides_simulated_ones(client, contract) -> None:
    DataContract.objects.update(invented=True)
    make_figure(contract)
    DataContract.objects.update(invented=False)
    FlowSource.objects.all().update(revision=0)
    make_figure(contract, day=date(2026, 6, 1))

    assert "simulated" not in text(client, PAGE).lower()


def test_simulated_figures_are_no_published_ones(client, contract) -> None:
    DataContract.objects.update(invented=True)
    make_figure(contract)

    assert "1 indicators, 0 with a published figure" in text(client, "/en/dimensi/")
    assert "Computed from partners" in text(client, "/en/dimensi/mobility/")


def test_a_dimension_that_no_flow_measures_says_so(client) -> None:
    make_city("31")
    make_indicator("ENV-01", dimension="environment")
    make_indicator("MOB-10")

    assert "None of the partners" in text(client, "/en/dimensi/environment/")
    assert "None of the partners" not in text(client, "/en/dimensi/mobility/")


def test_a_figure_leads_back_to_partner_contract_and_days(client, figure) -> None:
    page = text(client, f"/en/angka/asal/{figure.pk}/")
    day = text(client, f"/en/angka/asal/{figure.pk}/roda-trips/1/2026-05-01/")
    released = ReleasedDay.objects.get()

    assert "PT Roda" in page
    assert "/en/data/roda-trips/1/" in page
    assert released.sha256 in page
    assert released.sha256 in day
    assert "unchanged" in day
    assert "deleted when its time was over" in day
    ReleasedDay.objects.update(sha256="0" * 64)
    assert "not what the figure was computed from" in text(
        client, f"/en/angka/asal/{figure.pk}/roda-trips/1/2026-05-01/"
    )


@pytest.mark.parametrize("end", ["roda-trips/1/2026-05-02/", "roda-trips/2/2026-05-01/", "x/1/2026-05-01/"])
def test_a_day_the_figure_does_not_rest_on_is_not_there(client, figure, end: str) -> None:
    assert client.get(f"/angka/asal/{figure.pk}/{end}").status_code == 404


def test_machines_read_figures_and_lineage(client, figure) -> None:
    (one,) = client.get("/api/v1/indicators/mob-01/computed").json()
    lineage = client.get(f"/api/v1/indicators/MOB-01/computed/{one['id']}/lineage").json()
    elsewhere = client.get(f"/api/v1/indicators/MOB-02/computed/{one['id']}/lineage")

    assert (one["value"], one["rows"], one["days"], one["days_of_period"], one["status"]) == (
        "12.0000",
        12,
        1,
        31,
        "flow-partial",
    )
    assert one["zones"] == [{"zone": A, "value": 12.0, "rows": 12}]
    released = ReleasedDay.objects.get()
    assert lineage["contracts"] == [
        {
            "contract": "roda-trips",
            "major": 1,
            "versions": ["roda-trips 1.0.0"],
            "partner": "roda",
            "bound_to": "",
            "simulated": False,
            "days": [{"day": "2026-05-01", "sha256": released.sha256}],
        }
    ]
    assert lineage["definition_sha256"] == figure.source.sha256
    assert elsewhere.status_code == 404


def test_the_table_has_the_city_and_its_zones(client, figure) -> None:
    lines = text(client, "/dimensi/mobility/MOB-01/aliran.csv").splitlines()

    assert [line.split(",")[4:7] for line in lines] == [
        ["zone", "value", "low"],
        ["", "12", ""],
        [A, "12.0", ""],
    ]


def test_a_keeper_changes_the_definition_and_nothing_typed_is_lost(contract, figure) -> None:
    keeper = seat(make_user(), make_agency(city=contract.city), Role.ANALYST)
    client = client_of(keeper)
    address = "/en/angka/aliran/MOB-01/"
    sound = figure.source.definition.replace("80", "50")

    wrong = client.post(address, {"definition": "aggregate = 1 # mine", "seen": "1"})
    saved = client.post(address, {"definition": sound, "seen": "1"})
    late = client.post(address, {"definition": sound, "seen": "1"})
    ended = client.post(address, {"definition": sound, "seen": "2", "akhiri": "1"})

    assert (wrong.status_code, saved.status_code, late.status_code, ended.status_code) == (422, 302, 409, 302)
    assert "aggregate = 1 # mine" in wrong.content.decode()
    assert list(FlowSource.objects.values_list("revision", "retired")) == [(3, True), (2, False), (1, False)]
    assert "ended" in text(client, "/en/angka/aliran/")


def test_the_kit_tells_how_it_flows_to_those_inside_at_the_same_cost(client, contract) -> None:
    founder = client_of(make_founder(contract.partner))

    def costs() -> list[int]:
        found = []
        for one in (client, founder):
            one.get("/en/mitra/roda/data/")
            with CaptureQueriesContext(connection) as asked:
                text(one, "/en/mitra/roda/data/")
            found.append(len(asked))
        return found

    first = costs()
    for name in ("roda-rides", "roda-stops"):
        contract_in_force(name, city=contract.city, partner=contract.partner)
    release(contract, date(2026, 5, 1), cell(A, "car", 12, 1200), zone_rest(A, 10, 5))

    assert (first, costs()) == ([4, 8], [4, 8])
    assert "rows in 0 batches" in text(founder, "/en/mitra/roda/data/")
    assert "rows in 0 batches" not in text(client, "/en/mitra/roda/data/")
    assert text(client, "/en/mitra/roda/data/").count("AsyncAPI") == 3


def test_the_kit_tells_a_city_of_its_own_contracts_only(contract) -> None:
    elsewhere = make_city("32")
    contract_in_force("roda-antar", city=elsewhere, partner=contract.partner)
    keeper = client_of(seat(make_user(), make_agency(city=elsewhere), Role.ANALYST))

    page = text(keeper, "/en/mitra/roda/data/")

    assert [page.count(words) for words in ("AsyncAPI", "rows in 0 batches", "is seen by the partner")] == [
        2,
        1,
        1,
    ]


def test_the_kit_measures_by_what_the_contract_bears(contract) -> None:
    key = make_data_key(contract)
    make_quarantined(key, sealed=None)
    Receipt.objects.update(received=50, accepted=49)
    founder = client_of(make_founder(contract.partner))
    one = text(founder, "/en/mitra/roda/data/")
    level = {"property": "errorRate", "value": 5, "unit": "percent"}
    DataContract.objects.update(document=changed(slaProperties=[level]))

    five = text(founder, "/en/mitra/roda/data/")

    assert ["more than the contract bears" in page for page in (one, five)] == [True, False]
    assert "within what the contract bears" in five


def test_lists_cost_the_same_for_one_period_and_for_three(client, contract) -> None:
    keeper = client_of(seat(make_user(), make_agency(city=contract.city), Role.ANALYST))

    def costs() -> list[int]:
        found = []
        for one, path in ((client, PAGE), (client, "/dimensi/mobility/"), (keeper, "/angka/aliran/")):
            one.get(path)
            with CaptureQueriesContext(connection) as asked:
                text(one, path)
            found.append(len(asked))
        return found

    make_figure(contract)
    first = costs()
    for number, code in enumerate(("MOB-02", "MOB-03"), 2):
        make_figure(contract, code=code, day=date(2026, 5, number))

    assert (first, costs()) == ([5, 4, 8], [5, 4, 8])
    assert (Indicator.objects.count(), Value.objects.count()) == (3, 3)


def test_nobody_gets_a_kit_of_an_unlisted_firm_without_a_contract(client) -> None:
    make_company(slug="diam", listed=False)

    assert client.get("/mitra/diam/data/").status_code == 404
    assert client.get("/mitra/tiada/data/").status_code == 404
