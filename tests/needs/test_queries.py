import pytest

from balai.core.audiences import audiences_of
from balai.core.models import Entry
from balai.core.threads import resolve
from balai.needs import actions
from balai.needs.models import Need
from balai.needs.queries import awaiting_answer, similar_needs
from tests.builders import make_agency, make_analyst, make_bureau, make_city, make_officer, make_user
from tests.needs_builders import make_need

pytestmark = pytest.mark.django_db


def told(entry):
    return {person.pk for function in audiences_of(entry.verb) for person in function(entry)}


def test_hidden_needs_are_seen_by_author_and_staff_of_their_city_only():
    author = make_user()
    need, bureau = make_need(author), make_bureau()
    actions.hide_need(need=need, by=bureau, reason="Nama orang")
    other = make_bureau(make_city("3273"))

    seen = [list(Need.objects.visible_to(p)) for p in (author, bureau, other, make_user())]

    assert seen == [[need], [need], [], []]


def test_near_duplicates_are_found_and_others_are_not():
    same = make_need(title="Lampu jalan mati di Tebet", text="Lampu jalan di Tebet mati sebulan, gelap.")
    make_need(title="Antrean puskesmas panjang", text="Antrean pendaftaran puskesmas terlalu lama.")

    hits = similar_needs(city="31", title="Lampu jalanan Tebet mati", text="Gelap, lampunya mati di Tebet")

    assert [hit.need for hit in hits] == [same]


def test_near_duplicates_never_come_from_another_city_or_a_hidden_need():
    words = {"title": "Lampu jalan mati", "text": "Lampu jalan mati sejak lama sekali"}
    make_need(city=make_city("3273"), **words)
    hidden = make_need(**words)
    actions.hide_need(need=hidden, by=make_bureau(), reason="Nama")

    assert similar_needs(city="31", **words) == []


def test_distance_is_told_where_both_places_are_known():
    words = {"title": "Trotoar rusak", "text": "Trotoar rusak dan berlubang"}
    make_need(latitude=-6.2, longitude=106.8, **words)

    hit = similar_needs(city="31", latitude=-6.21, longitude=106.8, **words)[0]

    assert round(hit.km, 1) == 1.1


def test_a_need_waits_for_its_agency_or_for_the_coordination():
    agency = make_agency()
    officer, bureau, other = make_officer(agency), make_bureau(), make_bureau(make_city("3273"))
    free, given = make_need(), make_need()
    actions.assign_agency(need=given, by=bureau, agency=agency)

    waiting = [set(awaiting_answer(p)) for p in (officer, bureau, other, make_user())]

    assert waiting == [{given}, {free}, set(), set()]


def test_those_who_answer_are_told_of_a_new_need():
    bureau, analyst = make_bureau(), make_analyst()
    make_officer(make_agency())
    make_bureau(make_city("3273"))
    make_need()

    assert told(Entry.objects.get(verb="need.voiced")) == {bureau.pk, analyst.pk}


def test_of_hiding_only_the_author_and_the_staff_are_told():
    author, follower = make_user(), make_user()
    need = make_need(author)
    actions.follow_need(need=need, by=follower)
    actions.hide_need(need=need, by=make_bureau(), reason="Nama")

    assert told(Entry.objects.get(verb="need.hidden")) == {author.pk}


def test_a_thread_has_title_and_address():
    need = make_need()

    info = resolve([need.thread, "need:nonsense"])

    assert {key: (i.title, i.url, i.public) for key, i in info.items()} == {
        need.thread: (need.title, f"/kebutuhan/{need.reference}/", True)
    }
