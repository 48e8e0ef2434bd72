"""A day begins at midnight in Jakarta, seven hours before it does in UTC."""

import csv
import datetime as dt
from io import StringIO

import pytest
from django.utils import timezone

from balai.collaborations.actions import begin_collaboration
from balai.core.models import Entry
from balai.needs.actions import answer_need
from balai.needs.models import Need
from tests.builders import client_of, make_officer
from tests.needs_builders import make_need
from tests.stories import World

pytestmark = pytest.mark.django_db


def at(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    moment = dt.datetime.fromisoformat(text)
    monkeypatch.setattr(timezone, "now", lambda: moment)


@pytest.mark.parametrize(
    ("moment", "kept"), [("2026-06-10T23:59:00+07:00", True), ("2026-06-11T00:01:00+07:00", False)]
)
def test_an_answer_after_midnight_is_late(monkeypatch: pytest.MonkeyPatch, moment: str, kept: bool) -> None:
    need = make_need()
    Need.objects.filter(pk=need.pk).update(answer_due=dt.date(2026, 6, 10))
    need.refresh_from_db()
    officer = make_officer()
    at(monkeypatch, moment)

    answer_need(need=need, by=officer, agency=officer.hats[0].organisation, text="Kami pasang atap.")

    assert Entry.objects.get(verb="need.answered").facts["on_time"] is kept


def test_open_data_tell_the_day_in_jakarta(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, "2026-06-11T00:01:00+07:00")
    make_need()

    rows = list(csv.DictReader(StringIO(client_of().get("/kebutuhan.csv").content.decode())))

    assert [row["voiced_on"] for row in rows] == ["2026-06-11"]


def test_a_reference_bears_the_year_in_jakarta(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    at(monkeypatch, "2027-01-01T00:30:00+07:00")

    begun = begin_collaboration(
        by=world.founder, partner=world.partner, city=world.city, scheme_key="playground", title="Awal tahun"
    )

    assert begun.reference == "PLG-2027-0001"
