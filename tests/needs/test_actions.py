from uuid import uuid4

import pytest
from django.utils import timezone

from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry, Follow, SearchDocument
from balai.core.schedule import add_working_days
from balai.indicators.models import Dimension
from balai.needs import actions
from balai.needs.models import DIMENSIONS, Confirmation, Need, Support
from balai.needs.tasks import watch_answer_clocks
from tests.builders import (
    make_agency,
    make_analyst,
    make_area,
    make_bureau,
    make_city,
    make_company,
    make_founder,
    make_officer,
    make_user,
)
from tests.needs_builders import make_need, supported

pytestmark = pytest.mark.django_db


def verbs_of(need):
    return list(Entry.objects.filter(thread=need.thread).order_by("seq").values_list("verb", flat=True))


def test_dimensions_are_those_of_the_indicators_room():
    assert tuple(Dimension.values) == DIMENSIONS


def test_voicing_starts_the_clock_and_the_author_follows():
    author = make_user()

    need = make_need(author)

    assert need.state == "voiced"
    assert need.answer_due == add_working_days(need.voiced_at, 5)
    assert list(Follow.objects.filter(thread=need.thread).values_list("user", flat=True)) == [author.pk]
    assert verbs_of(need) == ["need.voiced"]
    assert SearchDocument.objects.get(thread=need.thread).public is True


def test_the_same_form_sent_twice_gives_one_need():
    author, key = make_user(), uuid4()

    first = make_need(author, key=key)
    second = make_need(author, key=key, title="Lain")

    assert (second.pk, Need.objects.count()) == (first.pk, 1)


def test_the_same_key_of_another_person_is_another_need():
    key = uuid4()

    first, second = make_need(key=key), make_need(key=key)

    assert first.pk != second.pk


def test_a_person_voices_so_many_needs_a_day():
    author = make_user()
    for _ in range(5):
        make_need(author)

    with pytest.raises(Refused):
        make_need(author)

    assert Need.objects.count() == 5


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "  "),
        ("title", "x" * 121),
        ("text", ""),
        ("text", "x" * 2001),
        ("dimension", "branding"),
        ("place", "x" * 201),
        ("latitude", 95.0),
        ("title", "a\0b"),
    ],
)
def test_what_cannot_be_accepted_is_named(field, value):
    extra = {"longitude": 106.8} if field == "latitude" else {}

    with pytest.raises(Invalid) as refusal:
        make_need(**{field: value}, **extra)

    assert list(refusal.value.fields) == [field]
    assert Need.objects.count() == 0


def test_an_area_of_another_city_is_refused():
    with pytest.raises(Invalid) as refusal:
        make_need(area=make_area(make_city("3273")))

    assert list(refusal.value.fields) == ["area"]


def test_support_is_counted_once_and_can_be_withdrawn():
    need, person = make_need(), make_user()

    for _ in range(2):
        need = actions.support_need(need=need, by=person)
    assert need.support_count == 1
    for _ in range(2):
        need = actions.withdraw_support(need=need, by=person)

    assert need.support_count == 0
    assert verbs_of(need) == ["need.voiced", "need.supported", "need.support_withdrawn"]


def test_author_and_answering_agency_do_not_support():
    author, agency = make_user(), make_agency()
    officer = make_officer(agency)
    need = make_need(author)
    actions.assign_agency(need=need, by=make_bureau(), agency=agency)

    for person in (author, officer):
        with pytest.raises(Refused):
            actions.support_need(need=need, by=person)

    assert Support.objects.count() == 0


def test_an_agency_answers_and_takes_charge():
    need, agency = make_need(), make_agency()
    officer = make_officer(agency)

    actions.answer_need(need=need, by=officer, agency=agency, text="Kami pasang atap tahun depan.")

    need.refresh_from_db()
    assert (need.state, need.agency, need.answered_at is not None) == ("answered", agency, True)
    entry = Entry.objects.get(verb="need.answered")
    assert (entry.public, entry.role, entry.organisation) == (True, "agency", agency.pk)


def test_of_two_officers_who_answer_at_once_the_second_is_told():
    need, agency = make_need(), make_agency()
    seen_by_second = Need.objects.get(pk=need.pk)
    actions.answer_need(need=need, by=make_officer(agency), agency=agency, text="Satu")

    with pytest.raises(Stale):
        actions.answer_need(need=seen_by_second, by=make_officer(agency), agency=agency, text="Dua")

    assert list(need.answers.values_list("text", flat=True)) == ["Satu"]


@pytest.mark.parametrize("who", ["stranger_agency", "other_city", "founder", "citizen"])
def test_who_is_not_in_charge_does_not_answer(who):
    agency = make_agency()
    need = make_need()
    actions.assign_agency(need=need, by=make_bureau(), agency=agency)
    person = {
        "stranger_agency": lambda: make_officer(make_agency()),
        "other_city": lambda: make_officer(make_agency(make_city("3273"))),
        "founder": lambda: make_founder(make_company()),
        "citizen": make_user,
    }[who]()

    with pytest.raises(Refused):
        actions.answer_need(need=need, by=person, agency=agency, text="Tidak")

    need.refresh_from_db()
    assert need.state == "voiced"


def test_a_no_has_a_reason_of_the_list_and_can_be_changed_to_an_answer():
    need, agency = make_need(), make_agency()
    officer = make_officer(agency)
    with pytest.raises(Invalid):
        actions.decline_need(need=need, by=officer, agency=agency, reason="bored", text="Tidak")

    actions.decline_need(need=need, by=officer, agency=agency, reason="not_city", text="Jalan nasional.")
    declined = (need.state, need.close_reason)
    actions.answer_need(need=need, by=officer, agency=agency, text="Kami teruskan ke kementerian.")

    assert declined == ("declined", "not_city")
    assert (need.state, need.close_reason) == ("answered", "")


def test_merging_takes_everyone_along():
    author, fan, both, follower = make_user(), make_user(), make_user(), make_user()
    kept_author = make_user()
    need = supported(make_need(author), fan, both)
    actions.follow_need(need=need, by=follower)
    kept = supported(make_need(kept_author), both)

    result = actions.merge_need(need=need, into=kept, by=author)

    kept.refresh_from_db()
    need.refresh_from_db()
    assert result.pk == kept.pk
    assert (need.state, need.merged_into_id) == ("merged", kept.pk)
    assert set(kept.supports.values_list("user", flat=True)) == {author.pk, fan.pk, both.pk}
    assert kept.support_count == 3
    followers = set(Follow.objects.filter(thread=kept.thread).values_list("user", flat=True))
    assert followers == {author.pk, fan.pk, both.pk, follower.pk, kept_author.pk}
    assert SearchDocument.objects.filter(thread=need.thread).count() == 0


def test_merging_never_comes_back_to_its_beginning():
    author = make_user()
    first, second, third = make_need(author), make_need(author), make_need(author)
    actions.merge_need(need=first, into=second, by=author)
    actions.merge_need(need=second, into=third, by=author)

    with pytest.raises(Refused):
        actions.merge_need(need=third, into=first, by=author)
    with pytest.raises(Refused):
        actions.merge_need(need=third, into=third, by=author)


def test_a_stranger_and_another_city_cannot_merge():
    need, other = make_need(), make_need()
    bandung = make_city("3273")
    elsewhere = make_need(city=bandung)

    with pytest.raises(Refused):
        actions.merge_need(need=need, into=other, by=make_user())
    with pytest.raises(Refused):
        actions.merge_need(need=need, into=elsewhere, by=need.author)


def test_only_the_coordination_assigns_an_agency_of_the_city():
    need = make_need()
    with pytest.raises(Refused):
        actions.assign_agency(need=need, by=make_officer(make_agency()), agency=make_agency())
    with pytest.raises(Invalid):
        actions.assign_agency(need=need, by=make_analyst(), agency=make_agency(make_city("3273")))

    agency = make_agency()
    actions.assign_agency(need=need, by=make_analyst(), agency=agency)

    need.refresh_from_db()
    assert need.agency == agency


def test_hiding_is_not_public_and_showing_brings_back_the_state():
    need, bureau = make_need(), make_bureau()
    agency = make_agency()
    actions.answer_need(need=need, by=make_officer(agency), agency=agency, text="Ya")

    actions.hide_need(need=need, by=bureau, reason="Menyebut nama orang")
    hidden = (need.state, SearchDocument.objects.filter(thread=need.thread).exists())
    actions.show_need(need=need, by=bureau)

    assert hidden == ("hidden", False)
    assert need.state == "answered"
    assert Entry.objects.get(verb="need.hidden").public is False
    assert SearchDocument.objects.filter(thread=need.thread).exists()


def test_the_agency_alone_cannot_make_it_solved():
    agency = make_agency()
    officer = make_officer(agency)
    need = make_need()
    actions.answer_need(need=need, by=officer, agency=agency, text="Sudah dipasang.")

    with pytest.raises(Refused):
        actions.confirm_solved(need=need, by=officer, solved=True)

    need.refresh_from_db()
    assert need.state == "answered"


def test_three_of_those_behind_it_make_it_solved_and_a_majority_reopens_it():
    author, one, two, three = make_user(), make_user(), make_user(), make_user()
    need = supported(make_need(author), one, two, three)

    states = [actions.confirm_solved(need=need, by=p, solved=True).state for p in (author, one, two)]
    for person in (author, one):
        need = actions.confirm_solved(need=need, by=person, solved=False)

    assert states == ["voiced", "voiced", "solved"]
    assert (need.state, need.solved_at) == ("answered", None)
    assert [v for v in verbs_of(need) if v in ("need.solved", "need.reopened")] == [
        "need.solved",
        "need.reopened",
    ]


def test_who_is_not_behind_it_has_no_word():
    need = make_need()

    with pytest.raises(Refused):
        actions.confirm_solved(need=need, by=make_user(), solved=True)

    assert Confirmation.objects.count() == 0


def test_a_verified_effect_solves_it():
    need = make_need()

    actions.solve_by_effect(need=need, evaluation="effect:1")
    actions.solve_by_effect(need=need, evaluation="effect:1")

    need.refresh_from_db()
    assert need.state == "solved"
    assert verbs_of(need) == ["need.voiced", "need.solved"]


def test_a_report_number_is_linked_once():
    author = make_user()
    need = make_need(author)

    for _ in range(2):
        actions.link_complaint(need=need, by=author, number=" JK-2026/0012 ")

    need.refresh_from_db()
    assert need.complaint_number == "JK-2026/0012"
    assert verbs_of(need) == ["need.voiced", "need.complaint_linked"]
    with pytest.raises(Invalid):
        actions.link_complaint(need=need, by=author, number="<script>")


def test_the_city_sets_its_own_terms():
    city = make_city()
    actions.set_terms(city=city, by=make_bureau(), answer_days=3, needs_per_day=1, confirmations=2)

    need = make_need()

    assert need.answer_due == add_working_days(need.voiced_at, 3)
    with pytest.raises(Refused):
        make_need(need.author)
    with pytest.raises(Refused):
        actions.set_terms(
            city=city, by=make_officer(make_agency()), answer_days=9, needs_per_day=9, confirmations=9
        )


def test_a_clock_that_ran_out_is_noted_once():
    late, fresh = make_need(), make_need()
    Need.objects.filter(pk=late.pk).update(answer_due=timezone.localdate() - timezone.timedelta(days=3))

    for _ in range(2):
        watch_answer_clocks.call()

    assert verbs_of(late) == ["need.voiced", "need.overdue"]
    assert verbs_of(fresh) == ["need.voiced"]


def test_a_hidden_need_is_not_answered_before_it_is_shown_again():
    need, agency = make_need(), make_agency()
    actions.hide_need(need=need, by=make_bureau(), reason="Nama")

    with pytest.raises(Refused):
        actions.answer_need(need=need, by=make_officer(agency), agency=agency, text="Ya")

    need.refresh_from_db()
    assert need.state == "hidden"
