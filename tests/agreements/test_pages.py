import re

import pytest
from allauth.account.internal.flows.login import record_authentication
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpRequest
from django.test.utils import CaptureQueriesContext

from balai.agreements.actions import propose_version, publish_text
from balai.agreements.completion import seal
from balai.agreements.models import Agreement, LastRead
from balai.core import documents
from balai.people.models import User
from tests.agreements_builders import Cast, make_agreement, make_cast, sha_of
from tests.builders import client_of, make_auditor, make_bureau, make_company, make_founder, make_user

pytestmark = pytest.mark.django_db

LANGUAGES = ("", "/en")


@pytest.fixture
def demo(settings, tmp_path):
    settings.DEMO, settings.HOME, settings.SEAL_KEY = True, tmp_path, ""
    cache.clear()
    return settings


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def fresh(client):
    """The same browser, its person having signed in again just now."""
    request = HttpRequest()
    request.session = client.session
    person = User.objects.get(pk=client.session["_auth_user_id"])
    record_authentication(request, person, method="password", reauthenticated=True)
    request.session.save()
    return client


def text_of(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def queries(client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize("prefix", LANGUAGES)
@pytest.mark.parametrize("upto", ["drafted", "named", "approved", "open", "signed"])
def test_page_opens_in_each_state_for_everyone(cast: Cast, upto: str, prefix: str) -> None:
    agreement = make_agreement(cast, upto=upto)
    url = f"{prefix}/perjanjian/{agreement.pk}/"

    answers = {
        name: client_of(user).get(url).status_code
        for name, user in {
            "stranger": None,
            "citizen": make_user(),
            "founder": cast.founder,
            "bureau": cast.bureau,
            "officer": cast.officer,
            "signatory": cast.city_signatory,
            "auditor": make_auditor(cast.city),
        }.items()
    }

    assert set(answers.values()) == {200}


def test_text_notes_and_signatories_stay_inside(cast: Cast) -> None:
    agreement = make_agreement(cast, upto="named")
    propose_version(
        agreement=agreement,
        changes={"variables": {"financing": {"id": "RAHASIA DAGANG"}}},
        note="CATATAN DALAM",
        by=cast.founder,
    )
    url = f"/perjanjian/{agreement.pk}/"
    secrets = ("RAHASIA DAGANG", "CATATAN DALAM", "Penanda Tangan 1", sha_of(agreement))

    def leaks(user) -> list[str]:
        page = text_of(client_of(user).get(url))
        return [secret for secret in secrets if secret in page]

    assert leaks(None) == leaks(make_founder()) == leaks(make_user()) == []
    assert leaks(cast.founder)[:3] == list(secrets[:3])


def test_collaboration_not_yet_public_has_no_page_for_outsiders(cast: Cast) -> None:
    agreement = make_agreement(cast)
    cast.collaboration.public_since = None
    cast.collaboration.save()
    url = f"/perjanjian/{agreement.pk}/"

    assert client_of(None).get(url).status_code == 404
    assert client_of(make_founder()).get(url).status_code == 404
    assert client_of(cast.founder).get(url).status_code == 200


INSIDE_PATHS = ("ubah/", "pihak/1/", "meterai/1/", "tanda-tangan/", "tolak/", "versi/1/")


@pytest.mark.parametrize("path", INSIDE_PATHS)
def test_outsiders_find_no_inner_page(cast: Cast, path: str) -> None:
    agreement = make_agreement(cast)

    for user in (make_user(), make_founder(), make_bureau_of_another_city()):
        client = fresh(client_of(user))
        assert client.get(f"/perjanjian/{agreement.pk}/{path}").status_code == 404
    assert client_of(None).get(f"/perjanjian/{agreement.pk}/{path}").status_code == 302


def make_bureau_of_another_city():
    from tests.builders import make_city

    return make_bureau(make_city("3578"))


@pytest.mark.parametrize("path", ["setujui/", "buka/", "dibaca/", "keterbukaan/"])
def test_acts_are_posts_of_those_inside(cast: Cast, path: str) -> None:
    agreement = make_agreement(cast)
    url = f"/perjanjian/{agreement.pk}/{path}"

    assert client_of(cast.founder).get(url).status_code == 405
    assert client_of(make_founder()).post(url).status_code == 404
    assert client_of(None).post(url).status_code == 302


def test_agreement_is_begun_from_the_collaboration(cast: Cast) -> None:
    url = f"/perjanjian/untuk/{cast.collaboration.reference}/"

    assert "Draft the agreement" in text_of(client_of(cast.bureau).get("/en" + url))
    assert "Draft the agreement</button>" not in text_of(client_of(cast.founder).get("/en" + url))
    assert client_of(cast.founder).post(url).status_code == 403
    made = client_of(cast.bureau).post(url)

    agreement = Agreement.objects.get()
    assert made.url == f"/perjanjian/{agreement.pk}/"
    assert client_of(cast.founder).get(url).url == made.url


def form_of(client, url: str) -> dict[str, str]:
    """What a browser would send back unchanged."""
    from html import unescape

    page = client.get(url).content.decode()
    fields: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        name = attributes.get("name", "")
        if name and name != "q" and (attributes.get("type") != "checkbox" or " checked" in tag):
            fields[name] = unescape(
                attributes.get("value", "on" if attributes.get("type") == "checkbox" else "")
            )
    for name, value in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\r?\n?(.*?)</textarea>', page, re.S):
        fields[name] = unescape(value)
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'value="([^"]*)"[^>]*selected', options)
        fields[name] = chosen[1] if chosen else re.search(r'value="([^"]*)"', options)[1]
    return fields


def test_unchanged_form_proposes_nothing_and_a_change_proposes_a_version(cast: Cast) -> None:
    agreement = make_agreement(cast)
    client, url = client_of(cast.founder), f"/perjanjian/{agreement.pk}/ubah/"
    fields = form_of(client, url)

    assert client.post(url, fields).status_code == 302
    assert agreement.versions.count() == 1

    changed = fields | {
        "clause_dispute_id": "Musyawarah.",
        "clause_dispute_en": "Deliberation.",
        "blank_financing_id": "Dibagi dua",
        "milestones-0-id": "Mulai",
        "milestones-0-due_on": "2027-01-10",
        "sites-0-name": "Taman A",
        "sites-0-latitude": "-6.2",
        "sites-0-longitude": "106.8",
        "sites-0-radius_m": "300",
        "flows-0-name_id": "Perjalanan",
        "flows-0-direction": "to_city",
        "flows-0-personal": "on",
        "note": "Lebih singkat",
    }
    assert client.post(url, changed).status_code == 302

    version = agreement.versions.first()
    terms = version.reading
    assert (version.number, version.change_note) == (2, "Lebih singkat")
    assert next(c for c in terms.clauses if c.key == "dispute").text[0].en == "Deliberation."
    assert terms.variables["financing"].id == "Dibagi dua"
    assert [m.title.id for m in terms.milestones] == ["Mulai"]
    assert [(s.name, s.radius_m) for s in terms.sites] == [("Taman A", 300)]
    assert [(f.name.id, f.personal) for f in terms.flows] == [("Perjalanan", True)]
    assert len(terms.exit) == 3

    again = form_of(client, url) | {"milestones-0-DELETE": "on", "exit-1-DELETE": "on"}
    assert client.post(url, again).status_code == 302
    terms = agreement.versions.first().reading
    assert (terms.milestones, len(terms.exit)) == ((), 2)


def test_faulty_proposal_keeps_what_was_typed(cast: Cast) -> None:
    agreement = make_agreement(cast)
    client, url = client_of(cast.founder), f"/perjanjian/{agreement.pk}/ubah/"
    fields = form_of(client, url) | {
        "clause_dispute_id": "Satu ketikan.\n\nDua.",
        "clause_dispute_en": "One.",
        "starts_on": "2027-05-01",
        "ends_on": "2027-04-01",
    }

    response = client.post(url, fields)

    assert response.status_code == 422
    assert "Satu ketikan." in text_of(response)
    assert agreement.versions.count() == 1


def test_proposal_on_a_text_that_moved_is_told(cast: Cast) -> None:
    agreement = make_agreement(cast)
    client, url = client_of(cast.founder), f"/perjanjian/{agreement.pk}/ubah/"
    fields = form_of(client, url) | {"place": "Depok"}
    propose_version(agreement=agreement, changes={"place": "Bogor"}, by=cast.bureau)

    response = client.post(url, fields)

    assert response.status_code == 409
    assert 'value="Depok"' in text_of(response)


def test_changes_since_last_read_are_shown_word_by_word(cast: Cast) -> None:
    agreement = make_agreement(cast)
    client, url = client_of(cast.bureau), f"/perjanjian/{agreement.pk}/"
    propose_version(
        agreement=agreement,
        changes={"clauses": {"amendment": {"id": "Perubahan lisan sah.", "en": "Oral changes count."}}},
        note="Lebih luwes",
        by=cast.founder,
    )

    page = text_of(client.get(url))
    assert "<ins>" in page
    assert "Lebih luwes" in page
    client.post(url + "dibaca/")

    assert LastRead.objects.get(user=cast.bureau).version == 2
    assert "<ins>" not in text_of(client.get(url))
    assert "<ins>" in text_of(client.get(url + "?dari=1"))


@pytest.mark.parametrize("value", ["x", "-1", "99999999999999999999", "²", "0", "\x00"])
def test_comparison_with_no_such_version_is_no_fault(cast: Cast, value: str) -> None:
    agreement = make_agreement(cast)

    assert client_of(cast.bureau).get(f"/perjanjian/{agreement.pk}/", {"dari": value}).status_code == 200


def test_approval_of_a_text_that_moved_is_409(cast: Cast) -> None:
    agreement = make_agreement(cast, upto="named")
    seen = sha_of(agreement)
    propose_version(agreement=agreement, changes={"place": "Bogor"}, by=cast.founder)

    client = client_of(cast.bureau)

    assert client.post(f"/perjanjian/{agreement.pk}/setujui/", {"seen": seen}).status_code == 409
    assert client.post(f"/perjanjian/{agreement.pk}/setujui/", {"seen": sha_of(agreement)}).status_code == 302


def test_signing_asks_to_sign_in_again_and_for_consent(cast: Cast) -> None:
    agreement = make_agreement(cast, upto="open")
    url = f"/perjanjian/{agreement.pk}/tanda-tangan/"
    sha256 = sha_of(agreement)
    client = client_of(cast.city_signatory)

    asked = client.get(url)
    assert (asked.status_code, asked.url.split("?")[0]) == (302, "/akun/reauthenticate/")
    assert client.post(url, {"seen": sha256, "consent": "on"}).status_code == 302
    assert agreement.signatures.count() == 0
    fresh(client)
    assert sha256 in text_of(client.get(url))
    assert client.post(url, {"seen": sha256}).status_code == 422
    assert client.post(url, {"seen": "0" * 64, "consent": "on"}).status_code == 409
    assert client.post(url, {"seen": sha256, "consent": "on"}).status_code == 302

    assert agreement.signatures.get().party.place == 1


def test_refused_signature_says_why(cast: Cast) -> None:
    agreement = make_agreement(cast, upto="open")
    agreement.parties.filter(place=1).update(mandate="")
    url = f"/en/perjanjian/{agreement.pk}/tanda-tangan/"
    client = fresh(client_of(cast.city_signatory))

    assert "No mandate, no signature" in text_of(client.get(url))
    assert client.post(url, {"seen": sha_of(agreement), "consent": "on"}).status_code == 403


def test_signatory_stamp_and_decline_forms(cast: Cast) -> None:
    agreement = make_agreement(cast)
    root = f"/perjanjian/{agreement.pk}/"
    client = client_of(cast.founder)
    values = {
        "signatory_name": "Budi",
        "signatory_title": "Direktur",
        "mandate": "Akta 5",
        "number": "1/2026",
    }

    assert client.post(root + "pihak/1/", values).status_code == 403
    assert client.post(root + "pihak/2/", values | {"signatory_name": "😀"}).status_code == 422
    assert client.post(root + "pihak/2/", values).status_code == 302
    assert client.post(root + "meterai/2/", {"serial": "12"}).status_code == 422
    assert client.post(root + "meterai/2/", {"serial": "1" * 22}).status_code == 302
    assert client.post(root + "tolak/", {"reason": ""}).status_code == 422
    assert client.post(root + "tolak/", {"reason": "Tidak cocok"}).status_code == 302

    agreement.refresh_from_db()
    party = agreement.parties.get(place=2)
    assert (party.signatory_name, party.stamp_serial, agreement.state) == ("Budi", "1" * 22, "declined")
    assert "Tidak cocok" in text_of(client.get(root))
    assert "Tidak cocok" not in text_of(client_of(None).get(root))


def test_files_go_to_those_who_may_read(demo, cast: Cast) -> None:
    agreement = make_agreement(cast, upto="signed")
    seal(agreement_id=agreement.pk)
    sealed, draft = f"/perjanjian/{agreement.pk}/tersegel/", f"/perjanjian/{agreement.pk}/versi/1/"

    def codes(user) -> tuple[int, int]:
        client = client_of(user)
        return client.get(sealed).status_code, client.get(draft).status_code

    assert codes(None) == (404, 302)
    assert codes(make_founder()) == (404, 404)
    assert codes(cast.founder) == codes(make_auditor(cast.city)) == codes(cast.officer) == (200, 200)
    publish_text(agreement=agreement, by=cast.bureau, public=True)
    assert codes(None) == (200, 302)
    response = client_of(None).get(sealed)
    assert response["Content-Disposition"].startswith("attachment")
    assert b"".join(response.streaming_content).startswith(b"%PDF-")


@pytest.mark.parametrize("prefix", LANGUAGES)
def test_verify_page_answers_file_hash_and_code(demo, cast: Cast, prefix: str) -> None:
    agreement = make_agreement(cast, upto="signed")
    document = seal(agreement_id=agreement.pk)
    with documents.open_document(document) as file:
        sealed = file.read()
    with documents.open_document(agreement.versions.first().document) as file:
        draft = file.read()
    spoiled = sealed.replace(b"/Lang(id)", b"/Lang(en)", 1)
    client, url = client_of(None), f"{prefix}/verifikasi/"

    def told(data: bytes) -> tuple[int, str]:
        response = client.post(url, {"file": SimpleUploadedFile("p.pdf", data, "application/pdf")})
        return response.status_code, str(response.context["answer"].tone)

    answers = [told(data) for data in (sealed, draft, spoiled, b"%PDF-1.7 nothing", sealed + b" ")]

    assert answers == [(200, "go"), (200, "wait"), (200, "stop"), (422, "stop"), (200, "stop")]
    assert client.get(url, {"sha256": document.sha256}).context["answer"].tone == "go"
    assert client.get(url, {"sha256": "f" * 64}).context["answer"].tone == "stop"
    assert client.get(url, {"sha256": "zz"}).status_code == 422
    assert client.get(url, {"dokumen": str(agreement.pk)}).context["agreement"] == agreement
    assert client.get(url, {"dokumen": "x\x00"}).context["answer"].tone == "stop"
    assert cast.company.name in text_of(client.get(url, {"sha256": document.sha256}))
    assert document.sha256 in text_of(client.get(url, {"sha256": document.sha256}))


def test_verify_page_keeps_an_agreement_that_is_not_public(demo, cast: Cast) -> None:
    agreement = make_agreement(cast, upto="signed")
    document = seal(agreement_id=agreement.pk)
    cast.collaboration.public_since = None
    cast.collaboration.save()

    page = client_of(None).get("/verifikasi/", {"sha256": document.sha256})
    code = client_of(None).get("/verifikasi/", {"dokumen": str(agreement.pk)})

    assert page.context["answer"].tone == "go"
    assert agreement.title not in text_of(page)
    assert cast.company.name not in text_of(page)
    assert code.context["answer"].tone == "stop"


def test_verify_refuses_what_is_too_large_or_empty(demo) -> None:
    demo.UPLOAD_LIMIT_BYTES = 1000
    client = client_of(None)

    large = client.post("/verifikasi/", {"file": SimpleUploadedFile("p.pdf", b"x" * 1001)})
    empty = client.post("/verifikasi/", {"file": SimpleUploadedFile("p.pdf", b"")})

    assert (large.status_code, empty.status_code, client.post("/verifikasi/").status_code) == (422, 422, 422)


@pytest.mark.parametrize("rows", [1, 3])
def test_register_costs_the_same_for_more_rows(rows: int) -> None:
    for _ in range(rows):
        make_agreement(make_cast())

    assert queries(client_of(None), "/perjanjian/") == 4


@pytest.mark.parametrize("rows", [1, 3])
def test_page_costs_the_same_for_more_versions(cast: Cast, rows: int) -> None:
    agreement = make_agreement(cast, upto="named")
    for number in range(rows):
        propose_version(agreement=agreement, changes={"place": f"Kota {number}"}, by=cast.founder)
    client = client_of(cast.bureau)

    assert queries(client, f"/perjanjian/{agreement.pk}/?dari=1") == 12


def test_register_filters_and_shows_only_what_is_visible(cast: Cast) -> None:
    agreement = make_agreement(cast)
    hidden = make_agreement(make_cast())
    hidden.collaboration.public_since = None
    hidden.collaboration.save()
    client = client_of(None)

    def found(**query: str) -> list[Agreement]:
        return [row["it"] for row in client.get("/perjanjian/", query).context["rows"]]

    assert found() == found(state="coming") == found(q=cast.company.name) == [agreement]
    assert found(state="force") == found(state="over") == found(kind="mou") == found(q="tidak ada") == []
    assert len(client_of(cast.bureau).get("/perjanjian/").context["rows"]) == 2
    assert client.get("/perjanjian/", {"cursor": "rusak"}).status_code == 422


def test_bureau_drafts_a_memorandum_on_its_page() -> None:
    bureau, company = make_bureau(), make_company()
    values = {
        "partner": str(company.pk),
        "title_id": "Kota cerdas",
        "purpose_id": "Bekerja sama",
        "starts_on": "2026-12-01",
        "ends_on": "2027-11-30",
    }
    url = "/perjanjian/baru/"

    assert client_of(make_founder()).get(url).status_code == 403
    assert client_of(bureau).post(url, values | {"ends_on": ""}).status_code == 422
    made = client_of(bureau).post(url, values)

    assert made.url == f"/perjanjian/{Agreement.objects.get().pk}/"
    assert client_of(bureau).get(made.url).status_code == 200


def test_signed_everywhere_through_the_pages(demo, cast: Cast) -> None:
    agreement = make_agreement(cast, upto="open")
    url = f"/perjanjian/{agreement.pk}/tanda-tangan/"
    for user in (cast.partner_signatory, cast.city_signatory):
        client = fresh(client_of(user))
        client.post(url, {"seen": sha_of(agreement), "consent": "on"})
    seal(agreement_id=agreement.pk)

    agreement.refresh_from_db()
    assert agreement.state == "sealed"
    assert agreement.sealed_document.sha256 in text_of(client_of(None).get(f"/perjanjian/{agreement.pk}/"))
