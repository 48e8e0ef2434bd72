import io
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import translation
from PIL import Image

from balai.needs import actions
from balai.needs.models import Need
from tests.builders import (
    client_of,
    make_agency,
    make_area,
    make_bureau,
    make_city,
    make_officer,
    make_user,
)
from tests.needs_builders import make_need, make_open_challenge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("city")]


def url(name, *args, language="id"):
    with translation.override(language):
        return reverse(f"portal:{name}", args=args)


def typed(**extra):
    return {
        "title": "Zebra cross pudar",
        "text": "Zebra cross di depan SD sudah tidak terlihat.",
        "dimension": "mobility",
        "place": "Jalan Melati",
        "key": str(uuid4()),
    } | extra


def picture():
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "JPEG")
    out.seek(0)
    out.name = "foto.jpg"
    return out


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("rows", [1, 3])
def test_the_public_list_costs_the_same_for_1_and_3_needs(rows, language, django_assert_num_queries):
    make_area()
    for _ in range(rows):
        make_open_challenge(needs=[make_need()])
    address = url("need_list", language=language)
    client_of().get(address)

    with django_assert_num_queries(4):
        response = client_of().get(address)

    assert response.status_code == 200


def test_the_list_shows_the_public_needs_of_the_city_only():
    shown = make_need(title="Tampak oleh semua")
    hidden = make_need(title="Rahasia sekali")
    make_need(title="Milik kota lain", city=make_city("3273"))
    actions.hide_need(need=hidden, by=make_bureau(), reason="Nama")

    rows = client_of().get(url("need_list")).context["rows"]

    assert [row["need"] for row in rows] == [shown]


def test_filters_narrow_the_list():
    author = make_user()
    mine = make_need(author, dimension="living", title="Lampu taman")
    make_need()
    client = client_of(author)

    found = [
        [row["need"] for row in client.get(url("need_list"), query).context["rows"]]
        for query in (
            {"dimension": "living"},
            {"q": "lampu taman"},
            {"mine": "voiced"},
            {"state": "answered"},
        )
    ]

    assert found == [[mine], [mine], [mine], []]


def test_a_broken_cursor_is_a_clear_refusal():
    assert client_of().get(url("need_list"), {"cursor": "zzz"}).status_code == 422


def test_a_citizen_voices_a_need_with_a_photo():
    citizen = make_user()

    response = client_of(citizen).post(url("need_new"), typed(photo=picture()))

    need = Need.objects.get()
    assert response.url == url("need_detail", need.reference)
    assert (need.author, need.place, need.photo.media_type) == (citizen, "Jalan Melati", "image/jpeg")
    shown = client_of().get(url("need_photo", need.reference))
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/jpeg")


def test_sent_twice_it_lands_on_the_same_need():
    client, data = client_of(make_user()), typed()

    targets = {client.post(url("need_new"), data | {"step": "send"}).url for _ in range(2)}

    assert targets == {url("need_detail", Need.objects.get().reference)}


def test_every_error_keeps_what_was_typed_and_the_photo():
    client = client_of(make_user())

    response = client.post(url("need_new"), typed(title="", photo=picture()))

    form = response.context["form"]
    assert response.status_code == 422
    assert form["text"].value() == "Zebra cross di depan SD sudah tidak terlihat."
    again = client.post(
        url("need_new"), typed(key=str(form["key"].value()), photo_kept=form["photo_kept"].value())
    )
    assert again.status_code == 302
    assert Need.objects.get().photo is not None


def test_a_file_that_is_no_picture_is_refused_at_its_field():
    fake = io.BytesIO(b"<script>alert(1)</script>")
    fake.name = "foto.jpg"

    response = client_of(make_user()).post(url("need_new"), typed(photo=fake))

    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["photo"]
    assert Need.objects.count() == 0


def test_the_photo_of_another_person_cannot_be_taken():
    make_need(thief := make_user())
    owner = client_of(make_user())
    owner.post(url("need_new"), typed(photo=picture(), step="send"))
    stolen = Need.objects.get(title="Zebra cross pudar").photo

    client_of(thief).post(url("need_new"), typed(title="Lain", photo_kept=str(stolen.pk), step="send"))

    assert Need.objects.get(title="Lain").photo is None


def test_a_stranger_writes_first_and_signs_in_later():
    client, person = client_of(), make_user()

    away = client.post(url("need_new"), typed())
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    form = client.get(url("need_new")).context["form"]

    assert away.status_code == 302
    assert "next=" in away.url
    assert (form["title"].value(), form["place"].value()) == ("Zebra cross pudar", "Jalan Melati")


def test_look_alikes_are_shown_before_sending_and_never_block():
    same = make_need(title="Zebra cross pudar", text="Zebra cross depan SD tidak terlihat")
    client = client_of(make_user())
    data = typed()

    step = client.post(url("need_new"), data)
    sent = client.post(url("need_new"), step.context["kept"] | {"step": "send"})

    assert [hit.need for hit in step.context["alike"]] == [same]
    assert sent.status_code == 302
    assert Need.objects.count() == 2


def test_support_instead_and_change_mine_work():
    same = make_need(title="Zebra cross pudar", text="Zebra cross depan SD tidak terlihat")
    client = client_of(make_user())
    kept = client.post(url("need_new"), typed()).context["kept"]

    back = client.post(url("need_new"), kept | {"step": "edit"})
    client.post(url("need_act", same.reference, "dukung"))

    assert back.context["form"]["text"].value() == kept["text"]
    same.refresh_from_db()
    assert same.support_count == 1


def test_the_sixth_need_of_a_day_is_kept_in_the_form():
    author = make_user()
    for _ in range(5):
        make_need(author)

    response = client_of(author).post(url("need_new"), typed())

    assert response.status_code == 403
    assert response.context["form"]["title"].value() == "Zebra cross pudar"


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_page_of_a_need_in_every_state_as_everyone(language):
    agency, bureau, author = make_agency(), make_bureau(), make_user()
    officer = make_officer(agency)
    voiced, answered, declined, merged, hidden, posed = (make_need(make_user()) for _ in range(6))
    actions.answer_need(need=answered, by=officer, agency=agency, text="Ya")
    actions.decline_need(need=declined, by=officer, agency=agency, reason="not_city", text="Bukan kami")
    actions.merge_need(need=merged, into=voiced, by=merged.author)
    actions.hide_need(need=hidden, by=bureau, reason="Nama orang")
    make_open_challenge(agency, officer, needs=[posed])
    solved = make_need(author)
    actions.confirm_solved(need=solved, by=author, solved=True)
    pages = [voiced, answered, declined, merged, posed, solved]

    for person in (None, author, officer, bureau, make_bureau(make_city("3273"))):
        client = client_of(person)
        codes = [client.get(url("need_detail", n.reference, language=language)).status_code for n in pages]
        assert codes == [200] * 6
        secret = client.get(url("need_detail", hidden.reference, language=language)).status_code
        assert secret == (200 if person in (officer, bureau) else 404)


def test_names_are_shown_only_if_the_author_chose_so():
    private = make_need(make_user(name="Siti Rahasia"))
    public = make_need(make_user(name="Budi Terbuka"), show_name=True)

    pages = [
        client_of().get(url("need_detail", need.reference)).content.decode() for need in (private, public)
    ]

    assert ["Siti Rahasia" in pages[0], "Budi Terbuka" in pages[1]] == [False, True]


def test_an_officer_answers_on_the_page_and_the_second_keeps_the_text():
    need, agency = make_need(), make_agency()
    address = url("need_act", need.reference, "jawab")
    data = {"agency": agency.slug, "text": "Kami cat ulang.", "seen": need.revision}

    first = client_of(make_officer(agency)).post(address, data)
    second = client_of(make_officer(agency)).post(address, data | {"text": "Kami juga."})

    assert (first.status_code, second.status_code) == (302, 409)
    assert "Kami juga." in second.content.decode()
    assert need.answers.count() == 1


def test_acts_without_the_right_hat_are_refused():
    need, agency = make_need(), make_agency()
    data = {
        "jawab": {"agency": agency.slug, "text": "x"},
        "tolak": {"agency": agency.slug, "reason": "unclear", "text": "x"},
        "tugaskan": {"agency": agency.slug},
        "gabung": {"into": make_need().reference},
        "sembunyikan": {"reason": "x"},
        "laporan": {"number": "12"},
        "selesai": {},
        "tampilkan": {},
    }

    for person in (make_user(), make_officer(make_agency(make_city("3273")))):
        for key, values in data.items():
            response = client_of(person).post(url("need_act", need.reference, key), values)
            assert (key, response.status_code in (403, 422)) == (key, True)

    need.refresh_from_db()
    assert (need.state, need.agency, need.complaint_number) == ("voiced", None, "")


def test_the_export_holds_no_person_and_no_hidden_need():
    make_need(make_user(name="Siti Rahasia"), title="=1+1", latitude=-6.123456, longitude=106.8)
    hidden = make_need(title="Jangan tampil")
    actions.hide_need(need=hidden, by=make_bureau(), reason="Nama")

    text = client_of().get(url("need_csv")).content.decode()

    assert text.count("\n") == 2
    assert [w in text for w in ("Siti", "Jangan tampil", "'=1+1", "-6.123,")] == [False, False, True, True]


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_terms_are_public_and_changed_by_the_coordination(language):
    make_city()
    address = url("need_terms", language=language)
    data = {"answer_days": 3, "needs_per_day": 4, "confirmations": 2}

    codes = [client_of(p).post(address, data).status_code for p in (None, make_user(), make_bureau())]

    assert codes == [302, 403, 302]
    assert client_of().get(address).context["terms"].answer_days == 3


def test_an_unknown_city_or_need_is_not_found():
    assert client_of().get(url("need_detail", "KBT-2026-9999")).status_code == 404
    assert client_of().get(url("need_new"), {"city": "9999"}).status_code == 404
