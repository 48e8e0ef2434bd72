"""Pages of figures: the preview, the confirmation, the faulty rows back as a file, the crosswalk."""

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from balai.indicators.actions import publish_catalogue
from balai.indicators.models import ImportBatch, Value
from tests.builders import client_of, make_analyst, make_city, make_ministry, make_user, seat
from tests.indicators_builders import make_indicator, make_value, table, workbook

pytestmark = pytest.mark.django_db


def send(client, data: bytes, name: str = "angka.csv", **fields):
    return client.post("/en/angka/baru/", {"file": SimpleUploadedFile(name, data), "city": "31"} | fields)


def test_an_analyst_sends_sees_and_confirms():
    make_value("25.5", source="Dishub")
    client = client_of(make_analyst(make_city()))

    sent = send(
        client,
        table(["31", "MOB-01", "2024", "26", "BPS"], ["31", "MOB-01", "2024-13", "27", "BPS"]),
    )
    shown = client.get(sent.url).content.decode()
    batch = ImportBatch.objects.get()
    taken = client.post(f"/en/angka/{batch.pk}/ambil/", follow=True).content.decode()

    assert "The period 2024-13 is not a year" in shown
    assert "beside another source or method" in shown
    assert "Take over 1 figure" in shown
    assert "1 figures were taken over." in taken
    assert sorted(str(value.value) for value in Value.objects.all()) == ["25.5000", "26.0000"]


def test_the_faulty_rows_come_back_as_they_stood_and_run_no_formula():
    make_indicator()
    client = client_of(make_analyst(make_city()))
    sent = send(client, table(["31", "MOB-01", "2024", "=1+1", "BPS"]))

    body = client.get(f"{sent.url}galat.csv").content.decode("utf-8-sig")

    assert body.splitlines() == [
        "row,city,indicator,period,value,source,reason",
        "2,31,MOB-01,2024,'=1+1,BPS,=1+1 is not a number.".replace("BPS,=", "BPS,'="),
    ]


def test_a_file_that_is_no_table_keeps_what_was_typed():
    client = client_of(make_analyst(make_city()))

    response = send(client, b"city,period\n31,2024\n", source="Dinas Perhubungan")

    body = response.content.decode()
    assert response.status_code == 422
    assert "The table has no column indicator." in body
    assert "Dinas Perhubungan" in body


def test_a_table_put_away_changes_nothing_and_is_closed():
    make_indicator()
    client = client_of(make_analyst(make_city()))
    sent = send(client, workbook([31, "MOB-01", 2024, 26, "BPS"]), "angka.xlsx")

    client.post(f"{sent.url}buang/")
    again = client.post(f"{sent.url}ambil/")

    assert (again.status_code, Value.objects.count()) == (403, 0)


def test_another_city_does_not_see_the_table_and_the_ministry_does():
    make_indicator()
    sent = send(client_of(make_analyst(make_city())), table(["31", "MOB-01", "2024", "26", "BPS"]))
    other = client_of(make_analyst(make_city("3273")))
    ministry = client_of(seat(make_user(), make_ministry(), "ministry"))

    answers = [
        client.get(sent.url).status_code for client in (client_of(), client_of(make_user()), other, ministry)
    ]

    assert answers == [302, 404, 404, 200]
    assert "angka.csv" not in other.get("/angka/").content.decode()
    assert "angka.csv" in ministry.get("/angka/").content.decode()


def test_the_list_costs_the_same_with_one_table_and_with_three():
    make_indicator()
    client = client_of(make_analyst(make_city()))
    counts = []
    for number in (1, 3):
        while ImportBatch.objects.count() < number:
            send(client, table(["31", "MOB-01", "2024", f"{ImportBatch.objects.count()}", "BPS"]))
        with CaptureQueriesContext(
            connection,
        ) as asked:
            client.get("/angka/")
        counts.append(len(asked))

    assert counts == [5, 5]


def test_the_preview_costs_the_same_with_one_row_and_with_three():
    make_value("1")
    client = client_of(make_analyst(make_city()))
    counts = []
    for number in (1, 3):
        rows = [["31", "MOB-01", f"202{n}", "26", "BPS"] for n in range(number)]
        sent = send(client, table(*rows))
        with CaptureQueriesContext(connection) as asked:
            client.get(sent.url)
        counts.append(len(asked))

    assert counts == [6, 6]


def test_the_crosswalk_shows_both_sets_in_three_queries():
    publish_catalogue()

    with CaptureQueriesContext(connection) as asked:
        body = client_of().get("/en/dimensi/silang/").content.decode()

    assert len(asked) == 3
    assert body.index("Smart Mobility") < body.index("Harmony of space")
    assert Decimal(body.count("<tr>")) == 2 + 6 + 24
