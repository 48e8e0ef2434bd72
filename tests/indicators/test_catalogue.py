"""The shipped catalogue: sound, published without effect a second time, with a crosswalk both ways."""

import pytest

from balai.indicators import shipped
from balai.indicators.actions import publish_catalogue
from balai.indicators.models import Dimension, DimensionSet, Indicator, SetDimension


def test_it_holds_two_sets_of_six_and_eighteen_sub_dimensions():
    sets = {
        listed.key: (
            [part.key for part in listed.parts if not part.parent],
            [part.key for part in listed.parts if part.parent],
        )
        for listed in shipped.catalogue().sets
    }

    assert sets["city"] == (list(Dimension.values), [])
    assert sets["ministry"][0] == ["governance", "branding", "economy", "living", "society", "environment"]
    assert len(sets["ministry"][1]) == 18


def test_every_indicator_of_the_list_is_in_it():
    by_dimension = dict.fromkeys(Dimension.values, 0)
    for row in shipped.catalogue().indicators:
        if not row["code"].startswith("CRM"):
            by_dimension[row["dimension"]] += 1

    assert by_dimension == {
        "government": 10,
        "mobility": 10,
        "environment": 8,
        "people": 8,
        "economy": 10,
        "living": 8,
    }


@pytest.mark.django_db
def test_publishing_twice_changes_nothing():
    publish_catalogue()
    Indicator.objects.filter(pk="MOB-01").update(name="tertimpa")
    before = (Indicator.objects.count(), SetDimension.objects.count(), DimensionSet.objects.count())

    publish_catalogue()

    after = (Indicator.objects.count(), SetDimension.objects.count(), DimensionSet.objects.count())
    assert (after, Indicator.objects.get(pk="MOB-01").name) == (before, "Waktu tempuh 10 km")


@pytest.mark.django_db
def test_the_crosswalk_is_read_from_both_ends():
    publish_catalogue()

    def across(of: str, key: str) -> list[str]:
        rows = SetDimension.objects.get(of=of, key=key).counterparts.order_by("place")
        return [row.key for row in rows]

    assert across("ministry", "living/mobility") == ["mobility"]
    assert across("ministry", "branding") == ["economy", "living"]
    assert across("city", "mobility") == ["living", "living/mobility"]


DIMENSIONS = (shipped.FOLDER / "dimensions.toml").read_text(encoding="utf-8")
INDICATORS = (shipped.FOLDER / "indicators.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("dimensions", "indicators", "message"),
    [
        (
            DIMENSIONS.replace('counterparts = ["mobility"]', 'counterparts = ["mobilitas"]'),
            INDICATORS,
            "dimensions.toml, ministry living: unknown counterpart mobilitas",
        ),
        (
            DIMENSIONS,
            INDICATORS.replace("living/mobility,Waktu", "living/motion,Waktu"),
            "indicators.csv, row 10: the ministry's set has no 'living/motion'",
        ),
        (DIMENSIONS, INDICATORS.replace("MOB-02", "MOB-01"), "indicators.csv: MOB-01 stands twice"),
        (
            DIMENSIONS,
            INDICATORS.replace("minutes,min,no", "minutes,min,down"),
            "indicators.csv, row 10: higher_is_better is 'down'",
        ),
        (
            DIMENSIONS,
            INDICATORS.replace("minutes,min,", "minutes,,"),
            "indicators.csv, row 10: ucum is empty",
        ),
    ],
)
def test_an_unsound_catalogue_is_refused_with_the_place(dimensions, indicators, message):
    with pytest.raises(shipped.CatalogueError) as fault:
        shipped.parse(dimensions, indicators)

    assert str(fault.value) == message


def test_reference_sets_are_read_one_by_one():
    indicator = Indicator(reference_sets="ISO37122-10; U4SSC e-gov")

    assert indicator.references == ["ISO37122-10", "U4SSC e-gov"]
