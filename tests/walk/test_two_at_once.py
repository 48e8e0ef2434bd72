"""Two people press at once, or one presses twice: one wins, the other is told and keeps what they typed."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.apps import apps
from django.urls import reverse

from tests.builders import client_of
from tests.walk.presses import incident, paper, simple, site
from tests.walk.town import Side, Town

pytestmark = pytest.mark.django_db


def page_of(name: str, *args: Any) -> str:
    return reverse(f"portal:{name}", args=args)


def hidden_fields(html: str) -> dict[str, str]:
    """What a browser sends along with the form it was shown."""
    found = {}
    for tag in re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", html):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] != "csrfmiddlewaretoken":
            found[name[1]] = unescape(value[1]) if value else ""
    return found


def memorandum(side: Side) -> dict[str, Any]:
    return {
        "partner": str(side.world.partner.pk),
        "title_id": "Kesepakatan data",
        "purpose_id": "Berbagi data transportasi.",
        "starts_on": "2026-12-01",
        "ends_on": "2027-12-01",
    }


def start(side: Side) -> dict[str, Any]:
    return {
        "partner": side.world.partner.pk,
        "city": side.world.city.pk,
        "scheme": "playground",
        "title": "Usul baru",
    }


def need(_side: Side) -> dict[str, Any]:
    return {
        "title": "Lampu jalan padam di gang",
        "text": "Lampu jalan di gang belakang sekolah padam sejak dua pekan lalu.",
        "dimension": "living",
        "step": "send",
    }


CREATES: list[tuple[str, str, str, Callable[[Side], dict[str, Any]], str, str]] = [
    # page, record, who, data, model of what it makes, app
    ("need_new", "", "neighbour", need, "needs", "Need"),
    (
        "challenge_new",
        "",
        "officer",
        lambda s: {"agency": s.world.agency.slug, "title": "Halte"},
        "challenges",
        "Challenge",
    ),
    ("challenge_ask", "challenge", "neighbour", simple(text="Boleh malam hari?"), "challenges", "Question"),
    ("application_start", "", "founder", start, "applications", "Application"),
    ("application_papers", "draft", "founder", paper, "applications", "Attachment"),
    ("agreement_memorandum", "", "bureau", memorandum, "agreements", "Agreement"),
    ("pilot_site", "preparing", "founder", site, "pilots", "Site"),
    (
        "pilot_milestone",
        "preparing",
        "founder",
        simple(title="Lain", due_on="2026-12-24"),
        "pilots",
        "Milestone",
    ),
    ("pilot_obligation", "preparing", "founder", simple(side="city", text="Lain"), "pilots", "Obligation"),
    ("pilot_incident", "pilot", "officer", incident, "pilots", "Incident"),
    (
        "people_organisation_new",
        "",
        "reviewer",
        simple(kind="company", name="PT Baru Rekaan"),
        "people",
        "Organisation",
    ),
]


@pytest.mark.parametrize(
    ("name", "record", "who", "data", "app", "model"), CREATES, ids=[f"{row[0]}" for row in CREATES]
)
def test_creating_form_sent_twice_creates_one(town: Town, name, record, who, data, app, model):
    side = town.sides[0]
    user = town.roles[who]
    if name == "people_organisation_new":
        user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    url = page_of(name, *([side.at[record].reference] if record else []))
    client = client_of(user)
    shown = hidden_fields(client.get(url).content.decode()) if name == "need_new" else {}
    made = apps.get_model(app, model).objects
    before = made.count()

    answers = [client.post(url, shown | data(side)) for _press in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0].url == answers[1].url
    assert made.count() == before + 1


def test_the_same_words_may_be_sent_again_after_something_else(town: Town):
    side = town.sides[0]
    client = client_of(town.roles["founder"])
    url = page_of("pilot_obligation", side.at["preparing"].reference)
    made = apps.get_model("pilots", "Obligation").objects
    before = made.count()

    for text in ("Melapor", "Merawat", "Melapor"):
        client.post(url, {"side": "partner", "text": text})

    assert made.count() == before + 3


RACES: list[tuple[str, str, tuple[str, ...], tuple[str, str], dict[str, str], str, int]] = [
    # page, record, more of the address, the two people, what both typed, what has to be on the answer, and
    # its status: 409 where the record moved on, 403 where the rule already says that nothing is left to do
    (
        "collaboration_move",
        "pilot",
        ("suspend",),
        ("officer", "bureau"),
        {"authority": "Wali Kota", "reason": "Hujan lebat sekali."},
        "Hujan lebat sekali.",
        409,
    ),
    (
        "collaboration_move",
        "screening",
        ("return",),
        ("bureau", "bureau"),
        {"reason": "Surat kurang lengkap."},
        "Surat kurang lengkap.",
        409,
    ),
    (
        "need_act",
        "need",
        ("jawab",),
        ("officer", "bureau"),
        {"text": "Trotoar sedang diperbaiki bulan ini."},
        "Trotoar sedang diperbaiki bulan ini.",
        403,
    ),
    (
        "challenge_act",
        "challenge",
        ("tutup",),
        ("officer", "bureau"),
        {"reason": "Sudah cukup usulan."},
        "Sudah cukup usulan.",
        403,
    ),
    (
        "challenge_edit",
        "challenge_draft",
        (),
        ("officer", "analyst"),
        {"title": "Judul yang lain lagi"},
        "Judul yang lain lagi",
        409,
    ),
]


@pytest.mark.parametrize(
    ("name", "record", "more", "people", "typed", "kept", "status"),
    RACES,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_slower_of_two_is_told_and_keeps_the_words(
    town: Town, name, record, more, people, typed, kept, status
):
    side = town.sides[0]
    it = side.at[record]
    url = page_of(name, it.reference, *more)
    shown = {
        "collaboration_move": {"seen": getattr(it, "stage", "")},
        "need_act": {"seen": str(getattr(it, "revision", "")), "agency": side.world.agency.slug},
        "challenge_act": {"seen": str(getattr(it, "revision", ""))},
        "challenge_edit": {"seen": str(getattr(it, "revision", ""))},
    }[name]
    first, second = (client_of(town.roles[role]) for role in people)
    if name == "need_act":
        it.refresh_from_db()
        shown["seen"] = str(it.revision)

    won = first.post(url, shown | typed)
    late = second.post(url, shown | typed)

    assert (won.status_code, late.status_code) == (302, status)
    assert kept in unescape(late.content.decode())
