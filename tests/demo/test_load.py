"""The demonstration as a whole, loaded through the doors people use."""

import pytest

from balai.applications.models import Review
from balai.collaborations.models import Collaboration
from balai.core import ledger
from balai.demo import scale
from balai.demo.load import load
from balai.needs.models import Need

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _demonstration_mode(settings):
    settings.DEMO = True


def test_load_once():
    assert load() is True
    assert load() is False
    assert list(ledger.verify().faults) == []


def test_generated_city_is_invented_and_chained():
    city = scale.generate(60)
    again = scale.generate(60)

    collaborations = Collaboration.objects.filter(city=city)
    reviewed = collaborations.exclude(stage__in=["draft", "screening"])
    assert (city.pk, city.invented, collaborations.count(), Need.objects.count()) == (again.pk, True, 60, 60)
    assert Review.objects.count() == reviewed.count() * scale.REVIEWS
    assert list(ledger.verify().faults) == []
