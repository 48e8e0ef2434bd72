"""Figures from other hosts: answers in the documented form become rows; nobody leads the hub inside."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from balai.indicators import bps, ckan
from balai.indicators.fetching import Unreachable, fetch_json
from balai.indicators.models import ImportBatch, Value
from tests.builders import make_city
from tests.indicators.portal_server import serving
from tests.indicators_builders import make_indicator

pytestmark = pytest.mark.usefixtures("in_english")

QUESTION = bps.Question("3200", 413, [2023, 2024], "PEO-01")
BPS: dict[str, Any] = {
    "status": "OK",
    "data-availability": "available",
    "last_update": "2024-12-02 09:00:00",
    "subject": [{"val": 26, "label": "Indeks Pembangunan Manusia"}],
    "var": [{"val": 413, "label": "<b>IPM</b>", "unit": "", "note": "Metode baru"}],
    "turvar": [{"val": 0, "label": "Tidak ada"}],
    "labelvervar": "Wilayah",
    "vervar": [
        {"val": 3200, "label": "<b>JAWA BARAT</b>"},
        {"val": 3273, "label": "Kota Bandung"},
        {"val": 11, "label": "Kota Bekasi"},
    ],
    "tahun": [{"val": 123, "label": "2023"}, {"val": 124, "label": "2024"}],
    "turtahun": [{"val": 0, "label": "Tahun"}],
    "datacontent": {
        "327341301230": 83.29,
        "327341301240": 83.75,
        "1141301240": None,
        "320041301240": 74.92,
    },
}


def test_a_dynamic_table_of_bps_becomes_rows():
    with serving({f"{QUESTION.path()}/key/rahasia": BPS}) as (host, asked):
        rows, _data = bps.ask(QUESTION, "rahasia", host=host, private=True)

    told = [(row["city"], row["period"], row["value"]) for row in rows]
    assert asked == ["/v1/api/list/model/data/lang/ind/domain/3200/var/413/th/123;124/key/rahasia"]
    assert told == [
        ("32", "2024", "74.92"),
        ("3273", "2023", "83.29"),
        ("3273", "2024", "83.75"),
        ("Kota Bekasi", "2024", ""),
    ]
    assert {(row["source"], row["as_of"], row["note"]) for row in rows} == {
        ("BPS WebAPI: IPM", "2024-12-02", "Metode baru")
    }
    assert [row["source_url"] for row in rows if "rahasia" in row["source_url"]] == []


@pytest.mark.parametrize(
    ("label", "period"),
    [
        ("Tahunan", "2024"),
        ("Maret", "2024-03"),
        ("Semester 1 (Maret)", "2024-03"),
        ("Semester 2", "2024-S2"),
        ("Triwulan IV", "2024-Q4"),
        ("Caturwulan 1", "2024-Caturwulan 1"),
    ],
)
def test_parts_of_a_year(label, period):
    body = BPS | {
        "turtahun": [{"val": 7, "label": label}],
        "datacontent": {"327341301247": 1},
    }

    assert [row["period"] for row in bps.rows_of(body, QUESTION, "x")] == [period]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            {"status": "Error", "message": "key not valid"},
            "BPS has no such table: key not valid.",
        ),
        (BPS | {"data-availability": "list-not-available"}, "BPS has no such table: list-not-available."),
        ([], "The answer of BPS has another form than expected."),
        ({**BPS, "vervar": None}, "The answer of BPS has another form than expected."),
        (
            BPS | {"turvar": [{"val": 1, "label": "Laki-laki"}, {"val": 2, "label": "Perempuan"}]},
            "Choose one of the derived variables of this table: 1 Laki-laki, 2 Perempuan.",
        ),
    ],
)
def test_what_is_no_table_of_bps_is_said(body, reason):
    with pytest.raises(Unreachable) as fault:
        list(bps.rows_of(body, QUESTION, "x"))

    assert str(fault.value.reason) == reason


def test_a_table_of_a_portal_is_read_page_by_page(monkeypatch):
    monkeypatch.setattr(ckan, "PAGE", 2)
    resource = ckan.Resource("", "abc", {"city": "kode", "value": "nilai"}, {"indicator": "ENV-01"})
    records = [{"_id": n, "kode": 3200 + n, "nilai": value} for n, value in ((1, 1.251), (2, None), (3, "4"))]

    def page(found: list[Any]) -> dict[str, Any]:
        return {"success": True, "result": {"records": found, "total": 3, "fields": []}}

    answers = {resource.page(0): page(records[:2]), resource.page(2): page(records[2:])}
    with serving(answers) as (host, asked):
        rows, _digest = ckan.read(
            ckan.Resource(host, resource.resource, resource.columns, resource.fixed), private=True
        )

    assert asked == list(answers)
    assert rows == [
        {"city": "3201", "value": "1.251", "indicator": "ENV-01"},
        {"city": "3202", "value": "", "indicator": "ENV-01"},
        {"city": "3203", "value": "4", "indicator": "ENV-01"},
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            {"success": False, "error": {"message": "Not found"}},
            "{url} refused: Not found.",
        ),
        ({"success": True, "result": []}, "{url} answers in another form than CKAN."),
        (
            {"success": True, "result": {"records": [{"_id": 1, "angka": 2}], "total": 1}},
            "The table has no column nilai (for value). It has _id, angka.",
        ),
        (b"<html>", "{url} did not answer with JSON."),
        (500, "{url} answered with status 500."),
        (302, "{url} answered with status 302."),
    ],
)
def test_what_is_no_table_of_a_portal_is_said(answer, reason):
    path = ckan.Resource("", "abc", {"value": "nilai"}).page(0)
    with serving({path: answer}) as (host, asked), pytest.raises(Unreachable) as fault:
        ckan.read(ckan.Resource(host, "abc", {"value": "nilai"}), private=True)

    assert str(fault.value.reason) == reason.format(url=host + path)
    assert asked == [path]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x",
        "http://localhost:1/x",
        "http://[::1]:1/x",
        "http://[::ffff:10.0.0.1]/x",
        "http://169.254.169.254/latest",
        "http://0/x",
    ],
)
def test_nobody_leads_the_hub_into_its_own_network(url):
    with pytest.raises(Unreachable) as fault:
        fetch_json(url)

    assert str(fault.value.reason) == f"{url} lies inside a private network."


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://a/b", "http://", "http://a:b@c/", "http://a:x/"]
)
def test_only_the_web_is_asked(url):
    with pytest.raises(Unreachable) as fault:
        fetch_json(url)

    assert str(fault.value.reason) == f"{url} is not an address on the web."


def test_the_size_of_an_answer_is_bounded(monkeypatch):
    monkeypatch.setattr("balai.indicators.fetching.MOST_BYTES", 100)
    with serving({"/big": b"x" * 200}) as (host, _asked), pytest.raises(Unreachable) as fault:
        fetch_json(f"{host}/big", private=True)

    assert str(fault.value.reason) == f"{host}/big sends more than can be taken over at once."


@pytest.mark.django_db
def test_the_command_shows_then_confirms(tmp_path, capsys):
    make_city("3273")
    make_city("32")
    make_indicator("PEO-01")
    key = tmp_path / "key"
    key.write_text("rahasia\n")
    with serving({f"{QUESTION.path()}/key/rahasia": BPS}) as (host, _asked):
        call_command(
            *("values", "bps", "PEO-01", "--domain", "3200", "--var", "413"),
            *("--years", "2023", "2024", "--key-file", str(key), "--host", host, "--private"),
        )
    shown = capsys.readouterr()
    batch = ImportBatch.objects.get()
    before = Value.objects.count()

    call_command("values", "confirm", str(batch.pk))

    assert shown.out.splitlines() == [
        "     3  new",
        "     1  cannot be taken over",
        f"Nothing is changed yet. To take it over: balai values confirm {batch.pk}",
    ]
    assert shown.err == "row 5: There is no city Kota Bekasi.\n"
    assert (before, Value.objects.count(), capsys.readouterr().out) == (0, 3, "3 figures were written.\n")


@pytest.mark.django_db
def test_a_file_by_command_and_a_file_that_is_not_there(tmp_path, capsys):
    make_city()
    make_indicator()
    path = tmp_path / "angka.csv"
    path.write_text("kota;indikator;tahun;nilai\n31;MOB-01;2024;25,5\n")

    call_command("values", "file", str(path), "--source", "Dishub", "--confirm")

    assert [(str(value.value), value.source) for value in Value.objects.all()] == [("25.5000", "Dishub")]
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("values", "file", str(tmp_path / "none.csv"))


@pytest.mark.django_db
def test_the_catalogue_and_the_places_by_command(tmp_path, capsys):
    path = tmp_path / "kota.csv"
    path.write_text("code,name\n3273,Kota Bandung\n")

    call_command("catalogue", "publish")
    call_command("catalogue", "provinces")
    call_command("catalogue", "provinces")
    call_command("catalogue", "cities", str(path), "--source", "BPS, 2024")

    assert capsys.readouterr().out.splitlines() == [
        "57 indicators are published.",
        "38 places are new, 38 codes were noted.",
        "0 places are new, 0 codes were noted.",
        "1 places are new, 1 codes were noted.",
    ]
