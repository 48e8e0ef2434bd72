"""The pages of applications, as people use them, without JavaScript."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from balai.applications.models import Application, Attachment, Review
from balai.collaborations.actions import publish_shipped_schemes
from balai.people.models import Role
from tests.applications_builders import (
    answers_for,
    complete,
    founder_of,
    fresh,
    make_at_decision,
    make_draft,
    make_in_review,
    make_submitted,
    pdf,
    submit_review,
)
from tests.builders import client_of, make_bureau, make_city, make_founder, make_tkksd, make_user, seat

pytestmark = pytest.mark.django_db


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found
    return found[1]


def page(client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, (url, response.status_code)
    return response.content.decode()


def save(client, application: Application, key: str, answers: dict[str, str], **extra: str):
    """Open the page of a section, change some answers as a browser would, and save."""
    url = f"/permohonan/{application.collaboration.reference}/bagian/{key}/"
    html = page(client, url)
    data = {f"a-{name}": value for name, value in answers.items()}
    return client.post(
        url, data | {"revision": hidden(html, "revision"), "seen": hidden(html, "seen")} | extra
    )


def test_the_schemes_stand_side_by_side_with_what_is_ours(client):
    publish_shipped_schemes()

    html = page(client, "/en/skema/")

    assert [html.count(name) > 0 for name in ("Playground", "Co-Develop", "User")] == [True] * 3
    assert "to be checked by counsel" in html
    assert "source document" in html


@pytest.mark.parametrize("key", ["playground", "co-develop", "user"])
def test_a_scheme_in_full(client, key):
    publish_shipped_schemes()

    for prefix in ("", "/en"):
        html = page(client, f"{prefix}/skema/{key}/")
        assert "TKKSD" in html


def test_an_unknown_scheme_is_not_found(client):
    publish_shipped_schemes()

    assert client.get("/skema/sandbox/").status_code == 404


def test_the_self_check_answers_in_an_address_that_can_be_shared(client):
    publish_shipped_schemes()

    html = page(
        client,
        "/en/skema/periksa/?legal=yes&ready=no&prototype=yes&challenge=no&place=yes&budget=no&tantangan=TTG-1",
    )

    assert "Playground fits you" in html
    assert "/en/permohonan/mulai/?scheme=playground&amp;tantangan=TTG-1" in html


def test_the_self_check_with_an_open_question_asks_it(client):
    publish_shipped_schemes()

    response = client.get("/en/skema/periksa/?legal=yes")

    assert response.status_code == 422
    assert "Choose yes or no." in response.content.decode()


def test_a_founder_opens_a_draft_and_comes_back_to_it():
    publish_shipped_schemes()
    make_city()
    founder = make_founder()
    client = client_of(founder)
    form = page(client, "/permohonan/mulai/?scheme=playground")

    response = client.post(
        "/permohonan/mulai/",
        {"partner": founder.hats[0].organisation_id, "scheme": "playground", "title": "Skuter di taman"},
    )

    application = Application.objects.get()
    assert 'value="playground" id="id_scheme_0" checked' in form
    assert response.url == f"/permohonan/{application.collaboration.reference}/"
    assert "Skuter di taman" in page(client, response.url)
    assert "Skuter di taman" in page(client, "/permohonan/")


def test_somebody_without_an_organisation_is_told_what_to_do():
    publish_shipped_schemes()
    make_city()

    html = page(client_of(make_user()), "/permohonan/mulai/")

    assert "/organisasi/baru/" in html


def test_co_develop_without_a_challenge_is_refused_and_keeps_the_title():
    publish_shipped_schemes()
    make_city()
    founder = make_founder()

    response = client_of(founder).post(
        "/permohonan/mulai/",
        {"partner": founder.hats[0].organisation_id, "scheme": "co-develop", "title": "Peta genangan"},
    )

    assert response.status_code == 422
    assert 'value="Peta genangan"' in response.content.decode()


def test_every_section_can_be_saved_and_the_application_submitted():
    application = make_draft()
    by = founder_of(application)
    client = client_of(by)
    reference = application.collaboration.reference
    given = answers_for(application)
    agency = complete(make_draft(by, title="Lain")).collaboration.agency

    about = page(client, f"/permohonan/{reference}/bagian/about/")
    client.post(
        f"/permohonan/{reference}/bagian/about/",
        {
            "b-title": "Skuter di taman kota",
            "b-summary": "Dua puluh unit di dua taman.",
            "b-dimensions": ["mobility", "environment"],
            "b-agency": str(agency.pk),
            "revision": hidden(about, "revision"),
            "seen": hidden(about, "seen"),
        },
    )
    scheme = application.collaboration.scheme
    for key, _label in scheme.sections:
        answers = {
            field.key: "on" if field.type == "flag" else str(given[field.key])
            for field in scheme.fields
            if field.section == key
        }
        assert save(client, application, key, answers).status_code == 302
    for kind in ("letter", "proposal"):
        client.post(
            f"/permohonan/{reference}/berkas/",
            {"kind": kind, f"{kind}-file": SimpleUploadedFile("surat.pdf", pdf(kind))},
        )
    before = page(client, f"/permohonan/{reference}/ajukan/")
    response = client.post(f"/permohonan/{reference}/ajukan/", {"seen": hidden(before, "seen")})

    assert response.status_code == 302
    stored = fresh(application)
    assert stored.collaboration.stage == "screening"
    assert stored.collaboration.title == "Skuter di taman kota"
    assert stored.answers == given


def test_pressing_submit_twice_says_that_it_is_submitted():
    application = complete(make_draft())
    client = client_of(founder_of(application))
    url = f"/permohonan/{application.collaboration.reference}/ajukan/"
    client.post(url, {"seen": "draft"})

    response = client.post(url, {"seen": "draft"}, follow=True)

    assert response.status_code == 200
    assert fresh(application).collaboration.stage == "screening"


def test_a_wrong_answer_is_shown_again_and_the_others_are_saved(in_english):
    application = make_draft()
    client = client_of(founder_of(application))
    long = "x" * 2001

    response = save(client, application, "where", {"asset": "Taman", "months": "satu tahun", "site": long})

    html = response.content.decode()
    assert response.status_code == 422
    assert 'value="satu tahun"' in html
    assert long in html
    assert fresh(application).answers == {"asset": "Taman"}


def test_a_conflicting_save_shows_both_versions_and_the_second_save_wins():
    application = make_draft()
    one = client_of(founder_of(application))
    other = client_of(seat(make_user(), application.collaboration.partner, Role.STAFF))
    url = f"/permohonan/{application.collaboration.reference}/bagian/what/"
    mine, theirs = page(one, url), page(other, url)
    one.post(
        url, {"a-purpose": "Dari satu", "revision": hidden(mine, "revision"), "seen": hidden(mine, "seen")}
    )

    clash = other.post(
        url,
        {"a-purpose": "Dari dua", "revision": hidden(theirs, "revision"), "seen": hidden(theirs, "seen")},
    )
    html = clash.content.decode()
    both = ("Dari satu" in html, "Dari dua" in html, fresh(application).answers["purpose"])
    other.post(
        url, {"a-purpose": "Dari dua", "revision": hidden(html, "revision"), "seen": hidden(html, "seen")}
    )

    assert clash.status_code == 409
    assert both == (True, True, "Dari satu")
    assert fresh(application).answers["purpose"] == "Dari dua"


def test_a_save_in_the_background_answers_with_what_is_stored_now():
    application = make_draft()
    client = client_of(founder_of(application), htmx=True)
    url = f"/permohonan/{application.collaboration.reference}/bagian/what/"

    first = client.post(url, {"a-purpose": "Satu", "revision": "1", "seen": ""}).content.decode()
    second = client.post(
        url, {"a-purpose": "Dua", "revision": hidden(first, "revision"), "seen": hidden(first, "seen")}
    )

    assert "<html" not in first
    assert second.status_code == 200
    assert fresh(application).answers == {"purpose": "Dua"}


def test_what_was_typed_before_the_session_ended_comes_back_after_signing_in(client):
    application = make_draft()
    by = founder_of(application)
    url = f"/permohonan/{application.collaboration.reference}/bagian/what/"

    response = client.post(url, {"a-purpose": "Belum tersimpan", "revision": "1", "seen": ""})
    client.force_login(by, backend="django.contrib.auth.backends.ModelBackend")
    html = page(client, url)

    assert response.url.startswith("/")
    assert "Belum tersimpan" in html
    assert fresh(application).answers == {}


@pytest.mark.parametrize(
    ("name", "content"),
    [("surat.pdf", b"MZ\x90\x00 bukan pdf"), ("surat.exe", b"MZ\x90\x00"), ("surat.pdf", b"")],
)
def test_a_mistyped_file_is_refused_and_the_draft_is_whole(name, content):
    application = complete(make_draft())
    client = client_of(founder_of(application))
    before = fresh(application).revision

    response = client.post(
        f"/permohonan/{application.collaboration.reference}/berkas/",
        {"kind": "licence", "licence-file": SimpleUploadedFile(name, content)},
    )

    assert response.status_code == 422
    assert (fresh(application).revision, Attachment.objects.count()) == (before, 2)


def test_an_oversized_file_is_refused_with_the_limit(settings, in_english):
    settings.UPLOAD_LIMIT_BYTES = 1024 * 1024
    application = make_draft()

    response = client_of(founder_of(application)).post(
        f"/en/permohonan/{application.collaboration.reference}/berkas/",
        {"kind": "letter", "letter-file": SimpleUploadedFile("surat.pdf", b"%PDF-1.4" + b"0" * 1_100_000)},
    )

    assert response.status_code == 422
    assert "1 MB" in response.content.decode()


def test_a_file_can_be_downloaded_and_taken_out():
    application = complete(make_draft())
    client = client_of(founder_of(application))
    attachment = application.attachments.get(kind="letter")
    url = f"/permohonan/{application.collaboration.reference}/berkas/{attachment.pk}/"

    download = client.get(url)
    client.post(f"{url}keluarkan/")

    assert download["Content-Disposition"].startswith("attachment")
    assert not Attachment.objects.filter(pk=attachment.pk).exists()
    assert client.get(url).status_code == 404


def test_the_bureau_fills_in_the_checklist_and_a_missing_note_keeps_the_rest():
    application = make_submitted()
    client = client_of(make_bureau())
    url = f"/permohonan/{application.collaboration.reference}/periksa/"
    keys = [item.key for item in application.collaboration.scheme.checklist]
    page(client, url)

    faulty = client.post(url, dict.fromkeys(keys, "yes") | {"letter": "no", "note_legal": "akta 2019"})
    kept = faulty.content.decode()
    good = client.post(url, dict.fromkeys(keys, "yes"))

    assert (faulty.status_code, 'value="akta 2019"' in kept) == (422, True)
    assert good.status_code == 302
    assert application.screening.filter(passed=True).count() == len(keys)


def test_a_reviewer_saves_a_draft_then_submits():
    application = make_in_review()
    reviewer = make_tkksd()
    client = client_of(reviewer)
    url = f"/permohonan/{application.collaboration.reference}/penilaian/"
    criteria = [f"score_{criterion.key}" for criterion in application.collaboration.scheme.criteria]
    page(client, url)

    client.post(url, {criteria[0]: "5", "comment": "Bagus", "do": "save"})
    early = client.post(url, {criteria[0]: "5", "comment": "Bagus", "do": "submit"})
    draft = Review.objects.get().submitted_at
    client.post(
        url,
        dict.fromkeys(criteria, "4")
        | {criteria[1]: "na", "recommendation": "accept", "comment": "Meyakinkan", "do": "submit"},
    )

    assert (early.status_code, draft) == (422, None)
    review = Review.objects.get()
    assert review.submitted_at is not None
    assert review.scores["solution"] is None
    assert "Meyakinkan" in page(client, url)


def test_a_reviewer_declares_a_conflict_and_sees_nothing_more():
    application = make_in_review(mark="RAHASIA")
    client = client_of(make_tkksd())
    reference = application.collaboration.reference

    client.post(f"/permohonan/{reference}/penilaian/benturan/", {"reason": "Istri saya bekerja di sana."})
    html = page(client, f"/permohonan/{reference}/penilaian/")

    assert "RAHASIA" not in html
    assert client.get(f"/permohonan/{reference}/").status_code == 403
    assert client.get(f"/permohonan/{reference}/ringkasan/").status_code == 403


def test_the_summary_shows_means_and_spread(in_english):
    application = make_at_decision()

    html = page(client_of(make_bureau()), f"/en/permohonan/{application.collaboration.reference}/ringkasan/")

    assert "3.00 of 5 from 2 reviews; spread 2.00" in html


def test_print_and_csv_hold_the_answers():
    application = make_submitted(mark="=1+1")
    client = client_of(make_bureau())
    reference = application.collaboration.reference

    printed = page(client, f"/permohonan/{reference}/cetak/")
    csv = page(client, f"/permohonan/{reference}/jawaban.csv")

    assert "=1+1" in printed
    assert "'=1+1" in csv
    assert ",=1+1" not in csv


def test_the_citys_list_and_its_csv_follow_the_filter():
    one = make_submitted(title="Skuter listrik")
    make_in_review(title="Pantau banjir")
    client = client_of(make_bureau())

    html = page(client, "/permohonan/kota/?stage=screening")
    csv = page(client, "/permohonan/kota.csv?stage=screening")
    by_word = page(client, "/permohonan/kota/?q=banjir&turn=tkksd&scheme=playground")

    assert ("Skuter listrik" in html, "Pantau banjir" in html) == (True, False)
    assert [line.split(",")[0] for line in csv.strip().splitlines()[1:]] == [one.collaboration.reference]
    assert ("Skuter listrik" in by_word, "Pantau banjir" in by_word) == (False, True)


def test_a_damaged_filter_and_cursor_get_a_clear_answer():
    publish_shipped_schemes()
    client = client_of(make_bureau())

    assert client.get("/permohonan/kota/?stage=%00&scheme=x&turn=y&q=%00").status_code == 200
    assert client.get("/permohonan/kota/?cursor=abc").status_code == 422


def queries(client, url: str, django_assert_num_queries, number: int) -> None:
    page(client, url)
    with django_assert_num_queries(number):
        page(client, url)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_citys_list_costs_the_same_for_one_and_three(rows, django_assert_num_queries):
    for number in range(rows):
        submit_review(make_in_review(title=f"Nomor {number}"))

    queries(client_of(make_bureau()), "/permohonan/kota/", django_assert_num_queries, 6)


@pytest.mark.parametrize("rows", [1, 3])
def test_a_founders_list_costs_the_same_for_one_and_three(rows, django_assert_num_queries):
    founder = make_founder()
    for number in range(rows):
        complete(make_draft(founder, title=f"Nomor {number}"))

    queries(client_of(founder), "/permohonan/", django_assert_num_queries, 5)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_of_an_application_costs_the_same_with_one_and_three_reviews(
    rows, django_assert_num_queries
):
    application = make_in_review()
    for _number in range(rows):
        submit_review(application)
    bureau = client_of(make_bureau())
    reference = application.collaboration.reference

    queries(bureau, f"/permohonan/{reference}/", django_assert_num_queries, 14)
    queries(bureau, f"/permohonan/{reference}/ringkasan/", django_assert_num_queries, 14)
