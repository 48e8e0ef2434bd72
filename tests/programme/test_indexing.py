"""The index of the movement: computed from figures that stand, tried otherwise, computed again."""

import io
import zipfile
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from balai.core.errors import Invalid
from balai.core.models import Entry
from balai.indicators.shipped import catalogue
from balai.methods.index.spec import loads
from balai.programme.indexing import (
    SPECIFICATION,
    beats,
    bundle,
    compute,
    reproduce,
    table_of,
    tried,
)
from balai.programme.models import IndexRun
from tests.builders import make_city
from tests.indicators_builders import make_value
from tests.programme_builders import DATA, SMALL, asked


def test_the_specification_speaks_of_the_catalogue():
    known = {row["code"]: row for row in catalogue().indicators}
    spec = loads(SPECIFICATION.read_text(encoding="utf-8"))

    wrong = [
        one.code
        for one in spec.indicators
        if (one.parent, one.direction, one.unit)
        != (
            known[one.code]["dimension"],
            1 if known[one.code]["higher_is_better"] else -1,
            known[one.code]["ucum"],
        )
    ]

    assert wrong == []
    assert [one.code for one in spec.indicators if known[one.code]["basis"] != "measured"] == []


@pytest.mark.django_db
def test_a_run_keeps_ranks_with_their_probability_and_what_decides_them():
    run = compute(asked())

    units = run.result["units"]
    # Geometric means of 67 and 53.8, 63.7 and 50.5, 93.4 and 34, 34 and 70.3, 24.1 and 47.2.
    assert [(row["code"], round(row["score"], 2)) for row in units] == [
        ("B", 60.04),
        ("E", 56.72),
        ("A", 56.35),
        ("C", 48.89),
        ("D", 33.73),
    ]
    assert sum(row["p_top"] for row in units) == pytest.approx(2)
    assert all(row["low"] <= row["middle"] <= row["high"] for row in units)
    assert [row["factor"] for row in run.result["sensitivity"]] == [
        "aggregation",
        "normalisation",
        "weights",
        "data",
    ]
    assert Entry.objects.get(verb="index.computed").facts["data"] == run.data_hash


@pytest.mark.django_db
def test_the_same_run_gives_the_same_bundle_and_it_computes_to_the_same():
    first, again = compute(asked()), compute(asked())

    content = bundle(first)

    assert content == bundle(again)
    assert reproduce(content) == []
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert file.namelist() == [
            "README.txt",
            "specification.toml",
            "data.csv",
            "names.csv",
            "run.json",
            "result.json",
            "scores.csv",
        ]


@pytest.mark.django_db
def test_a_changed_bundle_is_found_out():
    content = bundle(compute(asked()))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            text = old.read(name).decode()
            new.writestr(name, text.replace("C,30,71", "C,12,79") if name == "data.csv" else text)

    odd = reproduce(out.getvalue())

    assert odd[0] == "data.csv was changed"
    assert "C came out otherwise" in odd


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", bytes(100)])
def test_what_is_no_bundle_is_said(content):
    with pytest.raises(Invalid, match="no bundle"):
        reproduce(content)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data": "unit,MOB-01,LIV-01\nA,12,60\nB,20,66\n"}, "fewer than three"),
        ({"data": DATA.replace("12,60", "dua,60")}, "MOB-01"),
        ({"specification": SMALL.replace('parent = "living"', 'parent = "leving"')}, "leving"),
    ],
)
@pytest.mark.usefixtures("in_english")
def test_what_is_no_index_is_refused_with_its_place(change, reason):
    with pytest.raises(Invalid, match=reason):
        compute(asked(**change))

    assert IndexRun.objects.count() == 0


@pytest.mark.django_db
def test_other_weights_move_places_and_a_dimension_without_weight_is_left_out():
    run = compute(asked())

    same = tried(run, {"mobility": 1, "living": 1}, 0, "goalposts")
    alone = tried(run, {"mobility": 0, "living": 2}, 0, "goalposts")

    assert [one.up for one in same] == [0] * 5
    assert [one.code for one in alone] == ["C", "B", "E", "D", "A"]
    assert {one.code: one.up for one in alone}["C"] > 0
    with pytest.raises(Invalid):
        tried(run, {"mobility": 0, "living": 0}, 0, "goalposts")


@pytest.mark.django_db
def test_how_surely_one_city_is_before_another():
    run = compute(asked())

    assert beats(run, "B", "D") + beats(run, "D", "B") == pytest.approx(1)
    assert beats(run, "B", "D") > 0.9


@pytest.mark.django_db
def test_the_table_takes_the_latest_measurement_that_stands_and_never_a_zero_for_a_gap():
    one, other = make_city("3273"), make_city("3578")
    make_value("25", city=one, period="2023")
    old = make_value("26", city=one, period="2024", status="provisional")
    make_value("27", city=one, period="2024", supersedes=old)
    make_value("5", city=one, period="2026", status="target")
    make_value("9", city=one, period="2025", invented=True)
    make_value("70", city=other, code="LIV-01", period="2024-S1")
    make_value("99", city=other, code="MOB-01", period="2021")

    data, names = table_of(2026, SMALL)

    assert data == "unit,MOB-01,LIV-01\n3273,27,\n3578,,70\n"
    assert names == {"3273": "Bandung", "3578": "Surabaya"}


@pytest.mark.django_db
def test_by_command_from_the_hubs_own_figures_and_back(tmp_path, capsys):
    spec = tmp_path / "spec.toml"
    spec.write_text(SMALL)
    for number in range(4):
        city = make_city(f"320{number}")
        make_value(str(Decimal(12) + number * 3), city=city, period="2026")
        make_value(str(70 - number), city=city, code="LIV-01", period="2026")

    call_command(
        "movement", "index", "--year", "2026", "--specification", str(spec), "-n", "32", "--top", "2"
    )
    run = IndexRun.objects.get()
    path = tmp_path / "run.zip"
    path.write_bytes(bundle(run))
    call_command("movement", "reproduce", str(path))

    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"Indeks gerakan 2026: 4 places, {run.pk}", "The same comes out."]
    assert (run.invented, run.names["3200"]) == (False, "Kota 3200")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("movement", "reproduce", str(tmp_path / "none.zip"))


@pytest.mark.django_db
def test_weights_and_measures_by_command(capsys):
    make_city()

    call_command("movement", "methods")
    call_command("movement", "measures", "31", "--year", "2025")

    assert capsys.readouterr().out.splitlines() == [
        "2 versions of the weights are published.",
        "0 figures are new.",
    ]
    with pytest.raises(CommandError, match="no city"):
        call_command("movement", "measures", "99")
