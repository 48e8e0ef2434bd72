import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from balai.challenges.models import Challenge
from tests.builders import (
    client_of,
    make_agency,
    make_bureau,
    make_city,
    make_founder,
    make_officer,
    make_user,
)
from tests.needs_builders import make_draft, make_indicator, make_need, make_open_challenge, ready_fields

pytestmark = pytest.mark.django_db


def url(name, *args, language="id"):
    with translation.override(language):
        return reverse(f"portal:{name}", args=args)


def form_data(**extra):
    fields = ready_fields() | {"indicator": make_indicator().pk}
    fields |= {name: fields[name].isoformat() for name in ("questions_until", "closes_on")}
    return fields | extra


@pytest.mark.parametrize("rows", [1, 3])
def test_the_public_list_costs_the_same_for_1_and_3_challenges(rows, django_assert_num_queries):
    for _ in range(rows):
        make_open_challenge(needs=[make_need()])
    client_of().get(url("challenge_list"))

    with django_assert_num_queries(1):
        response = client_of().get(url("challenge_list"))

    assert response.status_code == 200


def test_drafts_and_other_cities_stay_out_of_the_list():
    shown = make_open_challenge()
    make_draft()
    make_open_challenge(make_agency(make_city("3273")))

    groups = client_of().get(url("challenge_list")).context["groups"]

    assert [c for _title, _tone, members in groups for c in members] == [shown]


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_empty_list_says_so(language):
    make_city()

    response = client_of().get(url("challenge_list", language=language))

    assert (response.status_code, response.context["none_open"]) == (200, True)


@pytest.mark.parametrize("language", ["id", "en"])
def test_pages_as_everyone(language):
    agency = make_agency()
    officer = make_officer(agency)
    opened = make_open_challenge(agency, officer, needs=[make_need()])
    draft, bureau = make_draft(agency, officer), make_bureau()

    for person in (None, make_user(), make_founder(), officer, bureau, make_bureau(make_city("3273"))):
        client = client_of(person)
        inside = person is officer or (person is not None and person.hats and person.hats[0].role == "bureau")
        inside = inside and person.hats[0].organisation.city_id == "31"
        codes = [
            client.get(url("challenge_detail", c.reference, language=language)).status_code
            for c in (opened, draft)
        ]
        assert codes == [200, 200 if inside else 404]


def test_an_agency_poses_edits_and_opens_a_challenge_from_a_need():
    agency, need = make_agency(), make_need()
    client = client_of(make_officer(agency))

    made = client.post(
        url("challenge_new") + f"?need={need.reference}",
        {"agency": agency.slug, "title": "Halte teduh", "needs": [need.reference]},
    )
    draft = Challenge.objects.get()
    not_yet = client.post(url("challenge_act", draft.reference, "buka"), {"seen": draft.revision})
    client.post(
        url("challenge_edit", draft.reference), form_data(needs=[need.reference], seen=draft.revision)
    )
    opened = client.post(url("challenge_act", draft.reference, "buka"), {"seen": draft.revision + 1})

    need.refresh_from_db()
    draft.refresh_from_db()
    assert (made.status_code, not_yet.status_code, opened.status_code) == (302, 403, 302)
    assert (draft.state, need.state) == ("open", "challenged")


def test_errors_keep_what_was_typed():
    agency = make_agency()

    response = client_of(make_officer(agency)).post(
        url("challenge_new"),
        {"agency": agency.slug, "title": "", "brief": "Naskah panjang", "closes_on": "kemarin"},
    )

    assert response.status_code == 422
    assert sorted(response.context["form"].errors) == ["closes_on", "title"]
    assert "Naskah panjang" in response.content.decode()


def test_the_second_editor_is_told_and_keeps_the_text():
    agency = make_agency()
    officer = make_officer(agency)
    draft = make_draft(agency, officer)
    client, address = client_of(officer), url("challenge_edit", draft.reference)
    client.post(address, form_data(title="Satu", seen=draft.revision))

    second = client.post(address, form_data(title="Dua", seen=draft.revision))

    assert second.status_code == 409
    assert second.context["form"]["title"].value() == "Dua"
    assert Challenge.objects.get().title == "Satu"


def test_citizens_and_founders_cannot_pose():
    make_city()

    codes = [client_of(p).get(url("challenge_new")).status_code for p in (None, make_user(), make_founder())]

    assert codes == [302, 403, 403]


def test_question_and_answer_on_the_page_without_the_askers_name():
    agency = make_agency()
    officer = make_officer(agency)
    challenge = make_open_challenge(agency, officer)
    founder = make_founder(name="Rina Pendiri")

    client_of(founder).post(url("challenge_ask", challenge.reference), {"text": "Boleh malam hari?"})
    question = challenge.questions.get()
    answer_url = url("challenge_answer", challenge.reference, question.pk)
    refused = client_of(founder).post(answer_url, {"text": "Ya"})
    client_of(officer).post(answer_url, {"text": "Boleh, setelah jam 20."})
    page = client_of().get(url("challenge_detail", challenge.reference)).content.decode()

    assert refused.status_code == 403
    assert [w in page for w in ("Boleh malam hari?", "Boleh, setelah jam 20.", "Rina Pendiri")] == [
        True,
        True,
        False,
    ]


def test_closing_and_moving_the_day_on_the_page():
    agency = make_agency()
    officer = make_officer(agency)
    challenge = make_open_challenge(agency, officer)
    client = client_of(officer)
    later = (timezone.localdate() + dt.timedelta(days=40)).isoformat()

    codes = [
        client.post(url("challenge_act", challenge.reference, key), data).status_code
        for key, data in (
            ("perpanjang", {"closes_on": later, "reason": "Libur"}),
            ("tutup", {"reason": ""}),
            ("tutup", {"reason": "Cukup"}),
            ("akhiri", {"reason": "Selesai"}),
        )
    ]

    challenge.refresh_from_db()
    assert codes == [302, 422, 302, 302]
    assert (challenge.state, challenge.closes_on.isoformat()) == ("ended", later)


def test_the_export_leaves_drafts_out():
    make_open_challenge(title="Terbuka")
    make_draft(title="Rancangan rahasia")

    text = client_of().get(url("challenge_csv")).content.decode()

    assert ["Terbuka" in text, "Rancangan rahasia" in text] == [True, False]


def test_following_can_be_taken_back():
    challenge, client = make_open_challenge(), client_of(make_user())
    address = url("challenge_follow", challenge.reference)

    client.post(address)
    following = client.get(url("challenge_detail", challenge.reference)).context["following"]
    client.post(address, {"leave": "1"})

    assert following is True
    assert client.get(url("challenge_detail", challenge.reference)).context["following"] is False
