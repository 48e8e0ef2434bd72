"""What stays shut: history, conflicts, other threads, moments that are over."""

import datetime as dt

import pytest
from django.utils import timezone

from balai.applications.actions import declare_conflict
from balai.applications.models import Application
from balai.collaborations.actions import begin_collaboration
from balai.collaborations.models import Collaboration
from balai.collaborations.queries import players, threads_of, timeline
from balai.core import ledger
from balai.core.errors import Invalid, Refused
from balai.needs.actions import hide_need
from balai.people.models import Membership, Role
from balai.pilots.actions import report_incident
from tests.builders import client_of, make_tkksd, seat
from tests.needs_builders import make_need
from tests.stories import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _demonstration_seal(settings) -> None:
    settings.DEMO = True


def test_nobody_moves_or_adds_to_a_documented_collaboration() -> None:
    world = World()
    history = world.at("running")
    Collaboration.objects.filter(pk=history.pk).update(documented=True)
    history.refresh_from_db()

    with pytest.raises(Refused):
        world.move(history, "suspend", world.officer, record={"authority": "Dinas", "reason": "Uji"})
    with pytest.raises(Refused):
        report_incident(
            collaboration=history, by=world.officer, severity="minor", happened_at=timezone.now(), text="x"
        )

    assert Collaboration.objects.get(pk=history.pk).stage == "running"
    assert players(history, "applicant") == []


def test_a_conflicted_reviewer_does_not_close_the_review() -> None:
    world = World()
    application = world.begin()
    world.to_screening(application)
    world.to_review(application)
    third = make_tkksd(world.city)
    declare_conflict(application=Application.objects.get(pk=application.pk), by=third, reason="Adik saya")

    with pytest.raises(Refused):
        world.move(application, "close_review", third)

    assert Collaboration.objects.get(pk=application.collaboration.pk).stage == "review"


def test_whoever_once_worked_for_the_partner_does_not_decide() -> None:
    world = World()
    collaboration = world.at("decision")
    Membership.objects.create(
        user=world.bureau, organisation=world.partner, role=Role.STAFF, ended_at=timezone.now()
    )

    with pytest.raises(Refused):
        world.move(collaboration, "reject", world.bureau, record={"grounds": "Tidak cocok."})

    assert Collaboration.objects.get(pk=collaboration.pk).stage == "decision"


def test_being_inside_opens_the_collaborations_own_thread_only() -> None:
    world = World()
    collaboration = world.at("screening", scheme="co-develop")
    need = make_need(city=world.city)
    assert collaboration.challenge is not None
    collaboration.challenge.needs.add(need)
    hide_need(need=need, by=world.bureau, reason="Menyebut nama orang")
    threads = threads_of(collaboration, needs=[need.pk])

    verbs = {entry.verb for entry in timeline(threads, inside=True)}
    outside = timeline(threads, inside=False)

    assert "need.hidden" not in verbs
    assert "collaboration.moved" in verbs
    assert [entry.public for entry in outside] == [True] * len(outside)


def test_a_hidden_need_is_not_named_on_the_page_of_a_collaboration() -> None:
    world = World()
    collaboration = world.at("drafting", scheme="co-develop")
    assert collaboration.challenge is not None
    shown, hidden = make_need(city=world.city, title="Halte teduh"), make_need(title="Nama tetangga saya")
    collaboration.challenge.needs.add(shown, hidden)
    hide_need(need=hidden, by=world.bureau, reason="Menyebut nama orang")

    page = client_of().get(f"/kolaborasi/{collaboration.reference}/").content.decode()

    assert "Halte teduh" in page
    assert "Nama tetangga saya" not in page


@pytest.mark.parametrize("reason", ["x" * 2001, "a\0b"])
def test_a_reason_is_short_text(reason: str) -> None:
    world = World()
    collaboration = world.at("screening")

    with pytest.raises(Invalid) as refusal:
        world.move(collaboration, "return", world.bureau, reason=reason)

    assert set(refusal.value.fields) == {"reason"}


def test_a_challenge_past_its_closing_day_takes_nobody_before_the_clock_has_closed_it() -> None:
    world = World()
    challenge = world.challenge(closes_on=timezone.localdate() - dt.timedelta(days=1))

    with pytest.raises(Refused):
        begin_collaboration(
            by=world.founder,
            partner=world.partner,
            city=world.city,
            scheme_key="co-develop",
            title="Terlambat",
            challenge=challenge,
        )

    assert ledger.verify().whole


def test_somebody_with_two_seats_in_a_firm_starts_an_application_by_machine() -> None:
    world = World()
    seat(world.founder, world.partner, Role.SIGNATORY)

    answer = client_of(world.founder).post(
        "/api/v1/applications",
        {"partner": world.partner.slug, "scheme": "playground", "title": "Sepeda"},
        content_type="application/json",
    )

    assert answer.status_code == 201


def test_a_conflicted_reviewer_reads_nothing_of_what_is_not_public_yet() -> None:
    world = World()
    application = world.begin()
    world.to_screening(application)
    world.to_review(application)
    reference = application.collaboration.reference
    paths = [f"/kolaborasi/{reference}/", f"/api/v1/collaborations/{reference}"]
    member = make_tkksd(world.city)
    before = [client_of(member).get(path).status_code for path in paths]

    declare_conflict(application=Application.objects.get(pk=application.pk), by=member, reason="Adik saya")

    answers = [client_of(member).get(path) for path in paths]
    assert before == [200, 200]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert ["Ringkasan usulan" in answer.content.decode() for answer in answers] == [False, False]
