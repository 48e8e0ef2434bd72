"""The demonstration's flow of data: every kit in force, a whole month computed, all marked as made up."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from balai.collaborations.models import Collaboration
from balai.demo import people
from balai.demo.flow import STORY, pour
from balai.indicators.actions import publish_catalogue
from balai.indicators.models import FlowFigure, Value
from balai.observations.models import DataContract, DataKey, Receipt
from balai.observations.simulating import kits
from balai.people.models import Organisation, User
from balai.pilots.models import FlowMeasure, FlowReading, Pilot
from tests.builders import make_company
from tests.stories import World

pytestmark = pytest.mark.django_db


def test_partners_data_flow_and_make_figures(settings, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    settings.DEMO = True
    world = World()
    story = world.at("running")
    Collaboration.objects.update(invented=True)
    Pilot.objects.update(starts_on=timezone.localdate() - timedelta(days=21), ends_on=None)
    User.objects.filter(pk=world.bureau.pk).update(email=people.address_of("bureau"))
    Organisation.objects.filter(pk=world.partner.pk).update(slug=STORY)
    for slug in kits():
        make_company(slug=slug)
    publish_catalogue()
    said: list[str] = []

    assert [pour(said.append), pour(said.append)] == [True, False]

    contracts = {name for names in kits().values() for name in names} | {"lajur-parkir"}
    assert set(DataContract.objects.filter(invented=True).values_list("contract", flat=True)) == contracts
    assert set(Receipt.objects.values_list("contract", flat=True)) == contracts
    assert not Receipt.objects.exclude(quarantined=0, duplicates=0).exists()
    assert not DataKey.objects.filter(stopped_at=None).exists()
    assert set(Value.objects.values_list("invented", flat=True)) == {True}
    # Last month is whole for each; of this month only the newest days flow.
    before = timezone.localdate().replace(day=1) - timedelta(days=1)
    whole = FlowFigure.objects.filter(last=before)
    assert {figure.days for figure in whole} <= {before.day - late for late in range(3)}
    assert Counter(whole.values_list("value__indicator", "value__status")) == Counter(
        (code, "flow") for code in ("ECO-10", "GOV-09", "GOV-10", "LIV-08", "MOB-10", "PEO-08")
    )
    assert not FlowFigure.objects.exclude(pk__in=whole).filter(value__status="flow").exists()

    # The invented pilot is followed in two zones, and others are there to compare them with.
    readings = FlowReading.objects.filter(measure__pilot__collaboration=story)
    assert set(readings.values_list("invented", flat=True)) == {True}
    assert {len(reading.zones) for reading in readings} == {4}
    assert [len(measure.zones) for measure in FlowMeasure.objects.all()] == [2]
