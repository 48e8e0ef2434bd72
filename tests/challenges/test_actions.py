import datetime as dt

import pytest
from django.utils import timezone

from balai.challenges import actions, rules
from balai.challenges.models import SCHEMES, Challenge, Question
from balai.challenges.queries import need_followers
from balai.challenges.tasks import close_past_challenges
from balai.collaborations import schemes
from balai.core.audiences import audiences_of
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry
from balai.needs.actions import follow_need, hide_need, merge_need
from tests.builders import make_agency, make_bureau, make_city, make_founder, make_officer, make_user
from tests.needs_builders import make_draft, make_need, make_open_challenge, ready_fields, supported

pytestmark = pytest.mark.django_db


def test_schemes_are_those_the_collaborations_room_ships():
    assert set(SCHEMES) == set(schemes.shipped())


def test_a_draft_is_seen_by_the_staff_of_its_city_only():
    draft = make_draft()
    outsiders = [make_user(), make_founder(), make_bureau(make_city("3273"))]

    assert [list(Challenge.objects.visible_to(p)) for p in outsiders] == [[], [], []]
    assert list(Challenge.objects.visible_to(make_bureau())) == [draft]


def test_only_the_owner_or_the_coordination_writes():
    agency = make_agency()

    for person in (make_officer(make_agency()), make_founder(), make_bureau(make_city("3273")), make_user()):
        with pytest.raises(Refused):
            make_draft(agency, person)

    assert make_draft(agency, make_bureau()).agency == agency


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("brief", {"brief": "Pendek"}),
        ("dimension", {"dimension": "", "indicator": None}),
        ("indicator", {"indicator": None}),
        ("baseline", {"baseline": None}),
        ("baseline", {"baseline_source": " "}),
        ("data", {"data_access": ""}),
        ("budget", {"budget_route": ""}),
        ("budget", {"budget_route": "apbd", "budget_note": ""}),
        ("adoption", {"adoption_route": ""}),
        ("contact", {"contact": ""}),
        ("dates", {"closes_on": None}),
        ("dates", {"questions_until": dt.date(2100, 1, 1)}),
        ("schemes", {"schemes": []}),
    ],
)
def test_what_is_missing_keeps_it_closed_and_is_named(key, fields):
    agency = make_agency()
    officer = make_officer(agency)
    draft = make_draft(agency, officer, **fields)
    missing = {check.key: str(check.text) for check in rules.readiness(draft) if not check.ok}

    with pytest.raises(Refused) as refusal:
        actions.open_challenge(challenge=draft, by=officer)

    assert key in missing
    assert missing[key] in str(refusal.value.reason)
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_opening_makes_its_needs_challenged_and_tells_their_people():
    author, fan, follower = make_user(), make_user(), make_user()
    need = supported(make_need(author), fan)
    follow_need(need=need, by=follower)
    make_need()

    challenge = make_open_challenge(needs=[need])

    need.refresh_from_db()
    assert (challenge.state, need.state, need.agency) == ("open", "challenged", challenge.agency)
    assert {p.pk for p in need_followers(challenge)} == {author.pk, fan.pk, follower.pk}
    entries = Entry.objects.filter(verb__in=["need.challenged", "challenge.opened"]).order_by("seq")
    assert [(e.verb, e.thread, e.public) for e in entries] == [
        ("need.challenged", need.thread, True),
        ("challenge.opened", challenge.thread, True),
    ]


def test_people_of_its_needs_are_told_when_it_closes():
    author = make_user()
    officer = make_officer(agency := make_agency())
    challenge = make_open_challenge(agency, officer, needs=[make_need(author)])

    actions.close_challenge(challenge=challenge, by=officer, reason="Cukup")

    entry = Entry.objects.get(verb="challenge.closed")
    assert {p.pk for f in audiences_of(entry.verb) for p in f(entry)} == {author.pk}


def test_a_need_hidden_or_merged_meanwhile_stays_what_it_is():
    author, bureau = make_user(), make_bureau()
    hidden, merged, target = make_need(author), make_need(author), make_need(author)
    officer = make_officer(agency := make_agency())
    draft = make_draft(agency, officer, needs=[hidden, merged])
    hide_need(need=hidden, by=bureau, reason="Nama")
    merge_need(need=merged, into=target, by=author)

    actions.open_challenge(challenge=draft, by=officer)

    hidden.refresh_from_db()
    merged.refresh_from_db()
    assert (hidden.state, merged.state) == ("hidden", "merged")
    assert Entry.objects.get(verb="need.challenged", thread=hidden.thread).public is False


def test_needs_of_another_city_are_refused():
    with pytest.raises(Invalid):
        make_draft(needs=[make_need(city=make_city("3273"))])


def test_of_two_who_edit_at_once_the_second_is_told():
    officer = make_officer(agency := make_agency())
    draft = make_draft(agency, officer)
    other = Challenge.objects.get(pk=draft.pk)
    actions.edit_challenge(challenge=draft, by=officer, title="Satu")

    with pytest.raises(Stale):
        actions.edit_challenge(challenge=other, by=officer, title="Dua")

    assert Challenge.objects.get().title == "Satu"


def test_an_open_challenge_is_not_edited():
    officer = make_officer(agency := make_agency())
    challenge = make_open_challenge(agency, officer)

    with pytest.raises(Refused):
        actions.edit_challenge(challenge=challenge, by=officer, title="Lain")


def test_a_question_is_asked_once_without_a_name_and_answered_once():
    officer = make_officer(agency := make_agency())
    challenge, founder = make_open_challenge(agency, officer), make_founder()

    for _ in range(2):
        question = actions.ask_question(challenge=challenge, by=founder, text="Boleh di dua lokasi?")
    actions.answer_question(question=question, by=officer, text="Boleh.")

    assert Question.objects.count() == 1
    asked = Entry.objects.get(verb="challenge.asked")
    assert (asked.actor, asked.organisation, asked.public) == (None, None, True)
    with pytest.raises(Stale):
        actions.answer_question(question=question, by=officer, text="Tidak.")
    with pytest.raises(Refused):
        actions.answer_question(question=question, by=founder, text="Ya")


def test_no_question_after_the_last_day():
    challenge = make_open_challenge()
    Challenge.objects.update(questions_until=timezone.localdate() - dt.timedelta(days=1))
    challenge.refresh_from_db()

    with pytest.raises(Refused):
        actions.ask_question(challenge=challenge, by=make_founder(), text="Masih bisa?")


def test_the_closing_day_only_moves_later():
    officer = make_officer(agency := make_agency())
    challenge = make_open_challenge(agency, officer)
    day = challenge.closes_on
    with pytest.raises(Invalid):
        actions.extend_challenge(challenge=challenge, by=officer, closes_on=day, reason="Libur")

    actions.extend_challenge(
        challenge=challenge, by=officer, closes_on=day + dt.timedelta(days=7), reason="Libur"
    )

    challenge.refresh_from_db()
    assert challenge.closes_on == day + dt.timedelta(days=7)


def test_the_hub_closes_what_is_past_its_day_and_nothing_else():
    past, running = make_open_challenge(), make_open_challenge()
    Challenge.objects.filter(pk=past.pk).update(closes_on=timezone.localdate() - dt.timedelta(days=1))

    for _ in range(2):
        close_past_challenges.call()

    past.refresh_from_db()
    running.refresh_from_db()
    assert (past.state, running.state) == ("closed", "open")
    assert Entry.objects.filter(verb="challenge.closed").count() == 1


def test_it_ends_only_after_it_was_closed():
    officer = make_officer(agency := make_agency())
    challenge = make_open_challenge(agency, officer)
    with pytest.raises(Refused):
        actions.end_challenge(challenge=challenge, by=officer, reason="Selesai")

    actions.close_challenge(challenge=challenge, by=officer, reason="Cukup")
    actions.end_challenge(challenge=challenge, by=officer, reason="Dua mitra diadopsi")

    assert challenge.state == "ended"


def test_fields_that_cannot_be_stored_are_named():
    with pytest.raises(Invalid) as refusal:
        make_draft(**ready_fields(title="x" * 161, budget_route="gold", schemes=["rocket"]))

    assert set(refusal.value.fields) == {"title", "budget_route", "schemes"}
