"""Figures stand beside each other; a table changes nothing before it is confirmed, and nothing is lost."""

from decimal import Decimal

import pytest

from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry
from balai.indicators.actions import confirm, discard, import_cities, keep_measure, read_table
from balai.indicators.models import CityCode, Value
from balai.indicators.planning import Kind, plan
from balai.indicators.rules import may_compare
from balai.indicators.tables import Defaults
from balai.people.models import City
from tests.builders import (
    make_analyst,
    make_city,
    make_company,
    make_founder,
    make_ministry,
    make_officer,
    make_user,
    seat,
)
from tests.indicators_builders import make_indicator, make_value, table, workbook

pytestmark = pytest.mark.django_db


def bring(*rows, by=None, city=None, **defaults):
    city = city or make_city()
    return read_table(
        file=table(*rows),
        name="angka.csv",
        by=by or make_analyst(city),
        city=city,
        defaults=Defaults(**defaults),
    )


def kinds(batch):
    return [step.kind for step in plan(batch)]


def test_the_preview_says_what_would_change_and_changes_nothing():
    make_value("25.5", source="BPS")
    make_indicator("ENV-01")

    batch = bring(
        ["31", "MOB-01", "2024", "25.5", "BPS"],
        ["31", "MOB-01", "2024", "26", "TomTom"],
        ["31", "ENV-01", "2024", "40", "KLHK"],
        ["31", "MOB-01", "2025", "", "BPS"],
        ["31", "XXX-01", "2025", "1", "BPS"],
    )

    assert kinds(batch) == [Kind.SAME, Kind.BESIDE, Kind.NEW, Kind.EMPTY, Kind.FAULT]
    assert (batch.faults, Value.objects.count()) == (1, 1)


def test_confirming_writes_the_sound_rows_and_keeps_the_faulty_ones():
    make_indicator()
    analyst = make_analyst()
    batch = bring(["31", "MOB-01", "2024", "26", "TomTom"], ["31", "MOB-01", "x", "26", "TomTom"], by=analyst)

    confirm(batch=batch, by=analyst)

    batch.refresh_from_db()
    entry = Entry.objects.get(verb="value.imported")
    assert [(str(v.value), v.source, v.batch_id, v.recorded_by) for v in Value.objects.all()] == [
        ("26.0000", "TomTom", batch.pk, analyst.pseudonym)
    ]
    assert (batch.state, batch.written, batch.rows[1]["cells"]["period"]) == ("confirmed", 1, "x")
    assert entry.facts == {"sha256": batch.sha256, "written": 1, "corrections": 0, "faults": 1}


def test_two_sources_disagree_and_both_stand():
    make_value("6700", code="ENV-03", source="statistik.jakarta")
    analyst = make_analyst()

    confirm(batch=bring(["31", "ENV-03", "2024", "7702", "DLH"], by=analyst), by=analyst)

    assert [str(value.value) for value in Value.objects.standing()] == ["6700.0000", "7702.0000"]


def test_a_source_corrects_itself_and_the_earlier_figure_stays_on_record():
    make_value("25.5", status="provisional")
    analyst = make_analyst()
    batch = bring(["31", "MOB-01", "2024", "25.9", "BPS"], by=analyst)

    steps = plan(batch)
    confirm(batch=batch, by=analyst)

    assert [(step.kind, str(step.before.value)) for step in steps] == [(Kind.CORRECTION, "25.5000")]
    assert [str(value.value) for value in Value.objects.standing()] == ["25.9000"]
    assert Value.objects.count() == 2


def test_the_same_table_twice_adds_nothing():
    make_indicator()
    analyst = make_analyst()
    confirm(batch=bring(["31", "MOB-01", "2024", "26", "TomTom"], by=analyst), by=analyst)
    again = bring(["31", "MOB-01", "2024", "26", "TomTom"], by=analyst)

    confirm(batch=again, by=analyst)

    again.refresh_from_db()
    assert (kinds(again), again.written, Value.objects.count()) == ([Kind.SAME], 0, 1)


def test_what_came_between_preview_and_confirmation_counts():
    make_indicator()
    analyst = make_analyst()
    one = bring(["31", "MOB-01", "2024", "26", "TomTom"], by=analyst)
    other = bring(["31", "MOB-01", "2024", "26", "TomTom"], by=analyst)
    confirm(batch=other, by=analyst)

    confirm(batch=one, by=analyst)

    assert Value.objects.count() == 1


def test_a_table_is_closed_once():
    make_indicator()
    analyst = make_analyst()
    batch = bring(["31", "MOB-01", "2024", "26", "TomTom"], by=analyst)
    seen = type(batch).objects.get(pk=batch.pk)
    discard(batch=batch, by=analyst)

    with pytest.raises(Stale):
        confirm(batch=seen, by=analyst)

    assert Value.objects.count() == 0


def test_who_may_bring_figures():
    city, other = make_city(), make_city("3273")
    make_indicator()
    row = ["31", "MOB-01", "2024", "26", "BPS"]
    outsiders = [make_user(), make_founder(make_company()), make_officer(), make_analyst(other)]

    refused = []
    for person in outsiders:
        with pytest.raises(Refused):
            bring(row, by=person, city=city)
        refused.append(person)
    ministry = seat(make_user(), make_ministry(), "ministry")
    everywhere = read_table(
        file=table(row, ["3273", "MOB-01", "2024", "26", "BPS"]),
        name="semua.csv",
        by=ministry,
        city=None,
        defaults=Defaults(),
    )

    assert (refused, everywhere.faults) == (outsiders, 0)


def test_a_table_without_a_city_column_is_of_the_city_that_brings_it():
    make_indicator()
    analyst = make_analyst()

    batch = read_table(
        file=workbook(["MOB-01", 2024, 26.5], head=["indicator", "period", "value"]),
        name="angka.xlsx",
        by=analyst,
        city=make_city(),
        defaults=Defaults(source="Dishub"),
    )

    assert [(row["city"], row["value"], row["faults"]) for row in batch.rows] == [("31", "26.5000", [])]


@pytest.mark.usefixtures("in_english")
def test_figures_of_two_methods_or_of_a_target_are_not_compared():
    old = make_value("53", period="2023", method_version="TomTom 2023")
    new = make_value("43", method_version="TomTom 2024")
    same = make_value("44", period="2025", method_version="TomTom 2024")
    target = make_value("31", period="2026", method_version="TomTom 2024", status="target")

    said = [str(may_compare(old, new).reason), str(may_compare(same, target).reason)]

    assert bool(may_compare(new, same))
    assert said == [
        "The method changed: TomTom 2023 and TomTom 2024 are not compared.",
        "A target, a claim or a copied figure is not compared with a measurement.",
    ]


def test_a_computed_measure_is_kept_when_it_changes_with_what_it_came_from():
    city, indicator = make_city(), make_indicator("GOV-06")

    def keep(value, final=False):
        return keep_measure(
            city=city,
            indicator=indicator,
            period="2026",
            value=Decimal(value),
            method_version="hub-1",
            lineage={"n": 3},
            final=final,
        )

    first, again, later = keep("41"), keep("41"), keep("40")

    assert first is not None
    assert later is not None
    assert (again, later.supersedes_id, later.lineage) == (None, first.pk, {"n": 3})


def test_the_list_of_cities_brings_places_and_the_codes_of_other_lists():
    make_city("3273", name="Kota Bandung")
    lines = [
        {"code": "32", "bps": "32", "name": "Jawa Barat"},
        {"code": "32.73", "bps": "3273", "name": "KOTA BANDUNG"},
        {"code": "32.01", "bps": "3201", "name": "Kabupaten Bogor"},
    ]

    first = import_cities(lines=lines, system="kemendagri", source="Kepmendagri")
    again = import_cities(lines=lines, system="kemendagri", source="Kepmendagri")

    assert (first, again) == ((2, 3), (0, 0))
    assert list(City.objects.order_by("code").values_list("code", "name", "kind", "province", "hosted")) == [
        ("32", "Jawa Barat", "province", "Jawa Barat", False),
        ("3201", "Kabupaten Bogor", "regency", "Jawa Barat", False),
        ("3273", "Kota Bandung", "city", "", True),
    ]
    assert CityCode.objects.get(code="3273", system="kemendagri").city_id == "3273"


def test_a_faulty_list_of_cities_writes_nothing():
    with pytest.raises(Invalid):
        import_cities(
            lines=[{"code": "32", "name": "Jawa Barat"}, {"code": "x", "name": "Y"}],
            system="bps",
            source="BPS",
        )

    assert City.objects.count() == 0
