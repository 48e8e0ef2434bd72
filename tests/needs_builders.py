"""Small makers for needs and challenges; all go through the rooms' own doors."""

import datetime as dt
from itertools import count
from typing import Any

from django.utils import timezone

from balai.challenges.actions import open_challenge, open_challenge_draft
from balai.challenges.models import Challenge
from balai.indicators.models import Indicator
from balai.needs.actions import support_need, voice_need
from balai.needs.models import Need
from balai.people.models import Organisation, User
from tests.builders import make_agency, make_city, make_officer, make_user

_numbers = count(1)


def make_need(by: User | None = None, **extra: Any) -> Need:
    """A need a citizen of Jakarta voiced."""
    number = next(_numbers)
    values = {
        "city": make_city(),
        "title": f"Halte {number} tanpa atap",
        "text": f"Di halte nomor {number} kami menunggu bus di bawah hujan.",
        "dimension": "mobility",
    } | extra
    return voice_need(by=by or make_user(), **values)


def supported(need: Need, *people: User) -> Need:
    for person in people:
        need = support_need(need=need, by=person)
    return need


def make_indicator(code: str = "MOB-01", **extra: Any) -> Indicator:
    values = {
        "dimension": "mobility",
        "name": "Waktu tunggu",
        "name_en": "Waiting time",
        "unit": "menit",
        "higher_is_better": False,
    } | extra
    return Indicator.objects.get_or_create(code=code, defaults=values)[0]


def ready_fields(**extra: Any) -> dict[str, Any]:
    """Everything a challenge needs before it can open."""
    today = timezone.localdate()
    return {
        "title": "Halte yang teduh",
        "title_en": "Stops with shade",
        "brief": "Penumpang menunggu di bawah hujan dan panas. Dicari cara murah untuk meneduhi 200 halte. "
        * 2,
        "dimension": "mobility",
        "indicator": make_indicator(),
        "baseline": "12.5",
        "baseline_period": "2025",
        "baseline_source": "Dinas Perhubungan",
        "data_access": "Lokasi halte, CSV",
        "budget_route": "none",
        "adoption_route": "Diadopsi lewat pengadaan",
        "contact": "Bidang Angkutan Jalan",
        "schemes": ["co-develop"],
        "questions_until": today + dt.timedelta(days=10),
        "closes_on": today + dt.timedelta(days=20),
    } | extra


def make_draft(agency: Organisation | None = None, by: User | None = None, **extra: Any) -> Challenge:
    agency = agency or make_agency()
    needs = extra.pop("needs", [])
    return open_challenge_draft(
        by=by or make_officer(agency), agency=agency, needs=needs, **ready_fields(**extra)
    )


def make_open_challenge(
    agency: Organisation | None = None, by: User | None = None, **extra: Any
) -> Challenge:
    agency = agency or make_agency()
    by = by or make_officer(agency)
    return open_challenge(challenge=make_draft(agency, by, **extra), by=by)
