import json
from io import BytesIO, StringIO

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from balai.agreements import trust
from balai.agreements.actions import bring_signed, propose_version, sign
from balai.agreements.certified import examine, newest_file
from balai.agreements.completion import seal
from balai.agreements.models import Agreement, AgreementState, Signature, SignedUpload, TrustAnchor
from balai.core import documents
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Document, Entry
from tests.agreements_builders import Cast, answer_no, make_agreement, make_cast, sha_of
from tests.agreements_certificates import (
    Issued,
    make_certificate,
    make_pdf,
    make_revocations,
    signed_elsewhere,
)
from tests.builders import client_of, make_bureau, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo(settings, tmp_path):
    settings.DEMO, settings.HOME, settings.SEAL_KEY = True, tmp_path, ""
    cache.clear()
    return settings


@pytest.fixture(scope="module")
def first() -> Issued:
    return make_certificate("Otoritas Satu (rekaan)", "rsa")


@pytest.fixture(scope="module")
def second() -> Issued:
    return make_certificate("Otoritas Dua (rekaan)", "ec")


@pytest.fixture(scope="module")
def official(first: Issued) -> Issued:
    return make_certificate("PENANDA TANGAN 1", "ec", by=first)


@pytest.fixture(scope="module")
def director(second: Issued) -> Issued:
    return make_certificate("Penanda Tangan 2", "rsa", by=second)


@pytest.fixture
def cast(demo, first: Issued, second: Issued) -> Cast:
    """The people of an agreement whose city trusts two authorities."""
    made = make_cast()
    for authority in (first, second):
        trust.add_anchor(
            city=made.city, certificate=authority.pem, source="Daftar rekaan 2026", by=made.bureau
        )
    return made


@pytest.fixture
def agreement(cast: Cast) -> Agreement:
    return make_agreement(cast, upto="open")


def content(document: Document) -> bytes:
    with documents.open_document(document) as file:
        return file.read()


def to_sign(agreement: Agreement) -> bytes:
    return content(newest_file(agreement, agreement.versions.first()))


def bring(agreement: Agreement, data: bytes, by) -> Signature:
    return bring_signed(agreement=agreement, file=BytesIO(data), name="naskah.pdf", by=by)


def why(agreement: Agreement, data: bytes, by) -> str:
    """The reason of the refusal; nothing may be kept."""
    before = Document.objects.count()
    with pytest.raises(Invalid) as refusal:
        bring(agreement, data, by)
    assert (Signature.objects.count(), SignedUpload.objects.count()) == (0, 0)
    assert Document.objects.count() == before
    return str(refusal.value.fields["file"][0])


def test_two_certified_signatures_lead_to_one_seal(
    cast: Cast, agreement: Agreement, official: Issued, director: Issued
) -> None:
    approved = to_sign(agreement)
    one = bring(agreement, signed_elsewhere(approved, official, "Pejabat"), cast.city_signatory)
    bring(agreement, signed_elsewhere(to_sign(agreement), director, "Direktur"), cast.founder)
    agreement.refresh_from_db()
    assert agreement.state == AgreementState.SEALING

    sealed = content(seal(agreement_id=agreement.pk))

    found = examine(sealed)
    assert (found.valid, found.whole, found.match.agreement) == (True, True, agreement)
    assert [s.signer for s in found.report.seals] == [
        "PENANDA TANGAN 1",
        "Penanda Tangan 2",
        "Segel Balai (DEMONSTRASI)",
    ]
    assert sealed.startswith(approved)
    assert found.report.consented_sha256 == sha_of(agreement)
    kept = one.upload.report
    assert (one.maker, kept["finding"], kept["approved_sha256"]) == ("certified", "sound", sha_of(agreement))
    assert kept["signature"]["issuer"] == "Otoritas Satu (rekaan)"
    assert kept["said"]["en"][0] == ("PENANDA TANGAN 1 signed; the certificate is by Otoritas Satu (rekaan).")
    assert kept["said"]["id"] != kept["said"]["en"]
    entry = Entry.objects.filter(verb="agreement.signed").earliest("pk")
    assert (entry.facts["maker"], entry.facts["brought"]) == ("certified", one.upload.document.sha256)


def test_certified_signature_stands_beside_a_consent_given_here(
    cast: Cast, agreement: Agreement, director: Issued
) -> None:
    sign(agreement=agreement, by=cast.city_signatory, seen_sha256=sha_of(agreement), consent=True)
    bring(agreement, signed_elsewhere(to_sign(agreement), director, "Direktur"), cast.partner_signatory)

    sealed = content(seal(agreement_id=agreement.pk))

    assert [s.signer for s in examine(sealed).report.seals] == [
        "Penanda Tangan 2",
        "Segel Balai (DEMONSTRASI)",
    ]
    assert list(agreement.signatures.order_by("pk").values_list("maker", flat=True)) == ["hub", "certified"]


def test_what_is_no_sound_pdf_is_refused_with_its_reason(
    cast: Cast, agreement: Agreement, official: Issued, demo
) -> None:
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.pdf_utils.writer import copy_into_new_writer

    approved, by = to_sign(agreement), cast.city_signatory
    locked = copy_into_new_writer(PdfFileReader(BytesIO(make_pdf())))
    locked.encrypt("a", "b")
    out = BytesIO()
    locked.write(out)
    scripted = make_pdf().replace(b"% naskah 0", b"/S /JavaScript /JS (x)")

    assert why(agreement, b"hello", by) == "Berkas itu bukan PDF."
    assert "password" in why(agreement, out.getvalue(), by) or "sandi" in why(agreement, out.getvalue(), by)
    assert why(agreement, scripted, by) != ""
    assert why(agreement, approved[:-200], by) != ""
    assert why(agreement, approved, by).startswith("Belum ada yang menandatangani")
    demo.UPLOAD_LIMIT_BYTES = len(approved)
    assert "MB" in why(agreement, signed_elsewhere(approved, official, "P"), by)


def test_other_text_is_refused_with_its_reason(cast: Cast, official: Issued) -> None:
    agreement = make_agreement(cast, upto="named")
    older = to_sign(agreement)
    propose_version(agreement=agreement, changes={"ends_on": "2027-06-30"}, by=cast.founder)
    from balai.agreements.actions import approve_version, open_signing

    latest = agreement.versions.first()
    for person in (cast.bureau, cast.founder):
        approve_version(version=latest, by=person, seen_sha256=latest.document.sha256)
    answer_no(cast)
    open_signing(agreement=agreement, by=cast.bureau)
    agreement = Agreement.objects.get(pk=agreement.pk)
    other = make_agreement(make_cast(), upto="open")
    by = cast.city_signatory

    def reason(pdf: bytes) -> str:
        return why(agreement, signed_elsewhere(pdf, official, "P"), by)

    assert reason(older).startswith(f"Ini naskah versi {latest.number - 1}")
    assert reason(to_sign(other)) == "Ini dokumen perjanjian lain."
    assert reason(make_pdf()).startswith("Ini bukan dokumen yang disetujui")


def test_wrong_certificates_are_refused_with_their_reason(
    cast: Cast, agreement: Agreement, first: Issued, director: Issued, official: Issued
) -> None:
    approved, by = to_sign(agreement), cast.city_signatory
    name = "Penanda Tangan 1"
    stranger = make_certificate(name, by=make_certificate("Otoritas Asing (rekaan)"))
    expired = make_certificate(name, by=first, until=-1)
    revoked = make_certificate(name, by=first)
    trust.add_revocations(
        city=cast.city, content=make_revocations(first, revoked), source="Rekaan", by=cast.bureau
    )

    def reason(who: Issued, **how) -> str:
        return why(agreement, signed_elsewhere(approved, who, "P", **how), by)

    assert reason(stranger).endswith("dari otoritas yang dipercaya hub ini.")
    assert reason(expired).startswith("Satu sertifikat dipakai di luar masa berlakunya")
    assert "dicabut" in reason(revoked)
    assert reason(director).startswith("Sertifikat itu milik Penanda Tangan 2, padahal Penanda Tangan 1")
    assert reason(official, box=(50, 50, 500, 700)).startswith("Gambar tanda tangan menutupi teks")
    assert reason(official, box=(50, 50, 90, 90), page=0).startswith("Gambar tanda tangan menutupi teks")
    twice = signed_elsewhere(signed_elsewhere(approved, official, "A"), official, "B")
    assert why(agreement, twice, by).startswith("Setiap pihak menambah tepat satu")


def test_signature_that_locks_the_document_is_refused(
    cast: Cast, agreement: Agreement, official: Issued
) -> None:
    from pyhanko.sign.fields import MDPPerm

    locked = signed_elsewhere(
        to_sign(agreement), official, "P", certify=True, docmdp_permissions=MDPPerm.NO_CHANGES
    )

    assert "mengunci" in why(agreement, locked, cast.city_signatory)


def test_frame_of_the_seal_is_not_for_a_party(cast: Cast, agreement: Agreement, official: Issued) -> None:
    taken = signed_elsewhere(to_sign(agreement), official, "Segel")

    assert why(agreement, taken, cast.city_signatory).startswith("Bingkai di halaman terakhir")


def test_second_signature_must_stand_on_the_first(
    cast: Cast, agreement: Agreement, official: Issued, director: Issued
) -> None:
    approved = to_sign(agreement)
    bring(agreement, signed_elsewhere(approved, official, "P"), cast.city_signatory)

    with pytest.raises(Invalid) as refusal:
        bring(agreement, signed_elsewhere(approved, director, "P2"), cast.partner_signatory)

    assert str(refusal.value.fields["file"][0]).startswith("Tanda tangan pihak lain tidak ada")
    assert Signature.objects.count() == 1


def test_only_a_party_brings_and_only_while_signing_is_open(cast: Cast, official: Issued) -> None:
    early = make_agreement(cast, upto="approved")
    data = signed_elsewhere(to_sign(early), official, "P")

    for person in (make_user(), make_bureau(), cast.city_signatory):
        with pytest.raises(Refused):
            bring(early, data, person)


def test_trust_list_is_kept_by_the_bureau_and_only_withdrawn(cast: Cast, first: Issued) -> None:
    anchor = TrustAnchor.objects.get(name="Otoritas Satu (rekaan)")

    with pytest.raises(Refused):
        trust.add_anchor(city=cast.city, certificate=first.pem, source="x", by=cast.founder)
    with pytest.raises(Stale):
        trust.add_anchor(city=cast.city, certificate=first.pem, source="x", by=cast.bureau)
    with pytest.raises(Invalid):
        trust.add_anchor(
            city=cast.city, certificate=make_certificate("Orang", by=first).pem, source="x", by=cast.bureau
        )
    with pytest.raises(Invalid):
        trust.add_anchor(city=cast.city, certificate=b"hello", source="x", by=cast.bureau)
    with pytest.raises(Invalid):
        trust.add_revocations(
            city=cast.city, content=make_revocations(make_certificate("Lain")), source="x", by=cast.bureau
        )
    trust.withdraw_anchor(anchor=anchor, reason="Kunci bocor", by=cast.bureau)

    assert [a.name for a in trust.anchors_at(cast.city)] == ["Otoritas Dua (rekaan)"]
    assert len(trust.roots(cast.city, anchor.trusted_from)) == 1
    assert Entry.objects.filter(verb="trust.withdrawn").count() == 1
    trust.add_anchor(city=cast.city, certificate=first.pem, source="Diperiksa lagi", by=cast.bureau)
    assert TrustAnchor.objects.filter(name="Otoritas Satu (rekaan)").count() == 2


def test_sealed_file_stays_valid_after_its_authority_is_withdrawn(
    cast: Cast, agreement: Agreement, official: Issued, director: Issued
) -> None:
    bring(agreement, signed_elsewhere(to_sign(agreement), official, "P1"), cast.city_signatory)
    bring(agreement, signed_elsewhere(to_sign(agreement), director, "P2"), cast.partner_signatory)
    sealed = content(seal(agreement_id=agreement.pk))

    for anchor in TrustAnchor.objects.all():
        trust.withdraw_anchor(anchor=anchor, reason="Berhenti", by=cast.bureau)

    assert examine(sealed).valid is True


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_pages_take_a_file_and_show_its_report(
    cast: Cast, agreement: Agreement, official: Issued, prefix: str
) -> None:
    client, url = client_of(cast.city_signatory), f"{prefix}/perjanjian/{agreement.pk}/tersertifikasi/"

    def send(data: bytes):
        return client.post(url, {"file": SimpleUploadedFile("naskah.pdf", data)})

    assert client.get(url).status_code == 200
    given = b"".join(client.get(f"{url}berkas/").streaming_content)
    refused = send(given)
    taken = send(signed_elsewhere(given, official, "P"))

    assert (refused.status_code, taken.status_code) == (422, 302)
    assert "Otoritas Satu (rekaan)" in client.get(url).content.decode()
    assert client.get(f"{url}1/").json()["finding"] == "sound"
    assert client_of(make_user()).get(url).status_code == 404
    detail = client_of(cast.bureau).get(f"{prefix}/perjanjian/{agreement.pk}/").content.decode()
    assert f"{url}" in detail


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_trust_pages_are_the_bureaus(cast: Cast, prefix: str) -> None:
    url, client = f"{prefix}/perjanjian/kepercayaan/", client_of(cast.bureau)
    third = make_certificate("Otoritas Tiga (rekaan)")
    lost = make_certificate("Orang Rekaan", by=third)

    def send(path: str, prefix: str, data: bytes) -> int:
        fields = {f"{prefix}file": SimpleUploadedFile("x.pem", data), f"{prefix}source": "Rekaan"}
        return client.post(f"{url}{path}", fields).status_code

    assert client_of(cast.founder).get(url).status_code == 403
    assert send("", "", b"hello") == 422
    assert send("", "", third.pem) == 302
    assert send("pencabutan/", "crl-", b"hello") == 422
    assert send("pencabutan/", "crl-", make_revocations(third, lost)) == 302
    page = client.get(url).content.decode()
    assert page.count("Otoritas Tiga (rekaan)") == 2
    anchor = TrustAnchor.objects.get(name="Otoritas Tiga (rekaan)")
    assert client.get(f"{url}{anchor.pk}/").status_code == 200
    assert client.post(f"{url}{anchor.pk}/", {"reason": "Berhenti"}).status_code == 302
    assert client.get(f"{url}{anchor.pk}/").status_code == 404


def test_verify_page_says_who_signed_under_whom(cast: Cast, agreement: Agreement, official: Issued) -> None:
    data = signed_elsewhere(to_sign(agreement), official, "P")

    answer = client_of(None).post("/en/verifikasi/", {"file": SimpleUploadedFile("x.pdf", data)})
    spoiled = client_of(None).post(
        "/en/verifikasi/", {"file": SimpleUploadedFile("x.pdf", data.replace(b"/Pages", b"/Pagez", 1))}
    )

    page = answer.content.decode()
    assert "Signed, not the sealed document" in page
    assert "PENANDA TANGAN 1 signed; the certificate is by Otoritas Satu (rekaan)." in page
    assert "Not genuine" in spoiled.content.decode()


def run(*arguments: str) -> tuple[int, list[dict]]:
    out, code = StringIO(), 0
    try:
        call_command("verify", *arguments, "--json", stdout=out)
    except SystemExit as left:
        code = left.code
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


def test_command_answers_from_the_register(
    cast: Cast, agreement: Agreement, official: Issued, director: Issued, tmp_path
) -> None:
    bring(agreement, signed_elsewhere(to_sign(agreement), official, "P1"), cast.city_signatory)
    bring(agreement, signed_elsewhere(to_sign(agreement), director, "P2"), cast.partner_signatory)
    sealed = content(seal(agreement_id=agreement.pk))
    (tmp_path / "good.pdf").write_bytes(sealed)
    (tmp_path / "bad.pdf").write_bytes(sealed + b"% more")

    good = run(str(tmp_path / "good.pdf"))
    both = run(str(tmp_path / "good.pdf"), str(tmp_path / "bad.pdf"))

    assert (good[0], good[1][0]["finding"]) == (0, "sound")
    assert good[1][0]["agreement"]["is_the_sealed_file"] is True
    assert [s["signer"] for s in good[1][0]["signatures"]][:2] == ["PENANDA TANGAN 1", "Penanda Tangan 2"]
    assert (both[0], [line["finding"] for line in both[1]]) == (1, ["sound", "added_to"])


def test_command_needs_only_a_trust_file(
    official: Issued, first: Issued, tmp_path, django_assert_num_queries
) -> None:
    (tmp_path / "signed.pdf").write_bytes(signed_elsewhere(make_pdf(), official, "P"))
    (tmp_path / "trust.pem").write_bytes(first.pem)
    (tmp_path / "revoked.crl").write_bytes(make_revocations(first, official))
    (tmp_path / "other.pem").write_bytes(make_certificate("Lain").pem)
    signed, trusted = str(tmp_path / "signed.pdf"), str(tmp_path / "trust.pem")

    with django_assert_num_queries(0):
        good = run(signed, "--trust", trusted)
        revoked = run(signed, "--trust", trusted, "--revoked", str(tmp_path / "revoked.crl"))
        unknown = run(signed, "--trust", str(tmp_path / "other.pem"))
    told = StringIO()
    call_command("verify", signed, "--trust", trusted, "--language", "en", stdout=told)

    assert [(code, line[0]["finding"]) for code, line in (good, revoked, unknown)] == [
        (0, "sound"),
        (1, "revoked"),
        (1, "untrusted"),
    ]
    assert "PENANDA TANGAN 1 signed; the certificate is by Otoritas Satu (rekaan)." in told.getvalue()
