"""What an authority answers about a certificate: believed only from it, only for its time, never undone."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.cache import cache
from django.core.management import call_command
from django.utils import translation
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko_certvalidator import ValidationContext

from balai.agreements import trust
from balai.agreements.actions import bring_signed
from balai.agreements.certified import newest_file, sentences
from balai.agreements.models import Signature
from balai.agreements.revocation import SILENCE, Standing, standing_of
from balai.agreements.verifying import Finding, Report, verify_pdf
from balai.core import documents
from balai.core.errors import Invalid
from tests.agreements_builders import make_agreement, make_cast
from tests.agreements_certificates import (
    Issued,
    make_answer,
    make_certificate,
    make_pdf,
    make_revocations,
    make_stamper,
    signed_elsewhere,
    with_proofs,
)

DAY = timedelta(days=1)


class World:
    """Two authorities, a signatory of each, and who answers for the first: appointed, late, or a stranger."""

    def __init__(self) -> None:
        self.first = make_certificate("Otoritas Satu (rekaan)", "rsa")
        self.second = make_certificate("Otoritas Dua (rekaan)", "ec")
        stranger = make_certificate("Otoritas Asing (rekaan)")
        self.responder = make_certificate("Penjawab (rekaan)", by=self.first, answers=True)
        self.unappointed = make_certificate("Bukan penjawab (rekaan)", by=self.first)
        self.late = make_certificate("Penjawab lama (rekaan)", by=self.first, answers=True, until=-5)
        self.foreign = make_certificate("Penjawab asing (rekaan)", by=stranger, answers=True)
        self.person = make_certificate("Siti Rekaan", by=self.first)
        self.other = make_certificate("Budi Rekaan", by=self.second)
        self.roots = [self.first.certificate, self.second.certificate]
        self.pdf = signed_elsewhere(make_pdf(), self.person, "P1")

    def report(self, *answers: bytes) -> Report:
        """Of the file with these answers in its store of proofs."""
        return verify_pdf(with_proofs(self.pdf, *answers), self.roots)

    def told(self, *answers: bytes) -> tuple[str, str]:
        report = self.report(*answers)
        return str(report.finding), str(report.seals[0].answer.standing)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def tampered(answer: bytes) -> bytes:
    """The same answer with its status turned from revoked to good, its signature kept."""
    response = asn1_ocsp.OCSPResponse.load(answer)
    basic = response.basic_ocsp_response
    basic["tbs_response_data"]["responses"][0]["cert_status"] = asn1_ocsp.CertStatus(name="good")
    made = asn1_ocsp.OCSPResponse(
        {
            "response_status": "successful",
            "response_bytes": {"response_type": "basic_ocsp_response", "response": basic},
        }
    )
    return bytes(made.dump(force=True))


def test_each_answer_is_worth_what_its_giver_may_say(world: World) -> None:
    first, person = world.first, world.person
    answers = {
        "by the issuer": make_answer(first, person),
        "by its responder": make_answer(first, person, by=world.responder),
        "revoked": make_answer(first, person, "revoked"),
        "revoked, long ago said": make_answer(first, person, "revoked", ago=300 * DAY, revoked_ago=301 * DAY),
        "revoked by responder": make_answer(first, person, "revoked", by=world.responder),
        "revoked only later": make_answer(first, person, "revoked", revoked_ago=-DAY),
        "unknown": make_answer(first, person, "unknown"),
        "expired": make_answer(first, person, ago=9 * DAY),
        "unknown, expired": make_answer(first, person, "unknown", ago=9 * DAY),
        "stranger's": make_answer(first, person, by=world.foreign),
        "stranger says revoked": make_answer(first, person, "revoked", by=world.foreign),
        "not appointed": make_answer(first, person, "revoked", by=world.unappointed),
        "responder's term was over": make_answer(first, person, by=world.late),
        "tampered": tampered(make_answer(first, person, "revoked")),
        "of another person": make_answer(first, world.unappointed, "revoked"),
        "of another authority": make_answer(world.second, person, "revoked"),
    }

    assert {name: world.told(answer) for name, answer in answers.items()} == {
        "by the issuer": ("sound", "good"),
        "by its responder": ("sound", "good"),
        "revoked": ("revoked", "revoked"),
        "revoked, long ago said": ("revoked", "revoked"),
        "revoked by responder": ("revoked", "revoked"),
        "revoked only later": ("sound", "good"),
        "unknown": ("unknown", "unknown"),
        "expired": ("sound", "stale"),
        "unknown, expired": ("sound", "stale"),
        "stranger's": ("sound", "stranger"),
        "stranger says revoked": ("sound", "stranger"),
        "not appointed": ("sound", "stranger"),
        "responder's term was over": ("sound", "stranger"),
        "tampered": ("sound", "tampered"),
        "of another person": ("sound", "silent"),
        "of another authority": ("sound", "silent"),
    }


def test_of_several_answers_the_newest_counts_but_a_revocation_stays(world: World) -> None:
    good, older = make_answer(world.first, world.person), timedelta(hours=5)
    unknown = make_answer(world.first, world.person, "unknown", ago=older)
    revoked = make_answer(world.first, world.person, "revoked", ago=older)
    stale = make_answer(world.first, world.person, ago=9 * DAY)

    assert world.told(good, unknown) == ("sound", "good")
    assert world.told(make_answer(world.first, world.person, "unknown"), good) == ("unknown", "unknown")
    assert world.told(good, revoked) == ("revoked", "revoked")
    assert world.told(stale, good) == ("sound", "good")


@pytest.mark.parametrize("language", ["id", "en"])
def test_every_answer_has_its_sentence(world: World, language: str) -> None:
    answers = [
        make_answer(world.first, world.person),
        make_answer(world.first, world.person, "revoked"),
        make_answer(world.first, world.person, "unknown"),
        make_answer(world.first, world.person, ago=9 * DAY),
        make_answer(world.first, world.person, by=world.foreign),
        tampered(make_answer(world.first, world.person, "revoked")),
    ]
    with translation.override(language):
        told = [sentences(world.report(answer).seals[0])[2] for answer in answers]

    assert len(set(told)) == len(answers)
    words = {
        "id": ("membenarkan", "mencabut", "tidak mengenal", "terlalu lama", "bukan dari", "diubah"),
        "en": ("confirmed", "revoked", "not know", "too old", "not by", "changed"),
    }[language]
    assert [word in sentence for word, sentence in zip(words, told, strict=True)] == [True] * 6


def test_answer_is_judged_at_the_moment_that_counts(world: World) -> None:
    answer = make_answer(world.first, world.person, ago=9 * DAY)
    revoked = make_answer(world.first, world.person, "revoked", revoked_ago=3 * DAY)
    now = datetime.now(UTC)

    def told(der: bytes, at: datetime) -> Standing:
        return standing_of(world.person.certificate, world.first.certificate, [der], at).standing

    assert [told(answer, now - ago) for ago in (8 * DAY, 6 * DAY)] == [Standing.GOOD, Standing.STALE]
    assert [told(revoked, now - ago) for ago in (2 * DAY, 4 * DAY)] == [Standing.REVOKED, Standing.GOOD]
    assert standing_of(world.person.certificate, world.first.certificate, [], now) == SILENCE


def test_answer_enclosed_in_the_signature_itself_is_read(world: World) -> None:
    def enclosed(answer: bytes) -> Report:
        context = ValidationContext(
            trust_roots=[asn1.Certificate.load(world.first.certificate.public_bytes(Encoding.DER))],
            ocsps=[asn1_ocsp.OCSPResponse.load(answer)],
            allow_fetching=False,
            revocation_mode="soft-fail",
        )
        return verify_pdf(
            signed_elsewhere(
                make_pdf(),
                world.person,
                "P",
                subfilter=SigSeedSubFilter.ADOBE_PKCS7_DETACHED,
                embed_validation_info=True,
                validation_context=context,
            ),
            world.roots,
        )

    report = enclosed(make_answer(world.first, world.person))

    assert (report.finding, report.whole_file) == (Finding.SOUND, True)
    assert report.seals[0].answer.standing is Standing.GOOD


def test_answer_supplied_from_outside_counts_like_one_in_the_file(world: World) -> None:
    revoked = make_answer(world.first, world.person, "revoked", by=world.responder)
    good = make_answer(world.first, world.person)
    listed = make_revocations(world.first, world.person)

    def told(*given: bytes) -> tuple[Finding, Standing]:
        report = verify_pdf(world.pdf, world.roots, revoked=given)
        return report.finding, report.seals[0].answer.standing

    assert told() == told(b"hello") == told(b"") == (Finding.SOUND, Standing.SILENT)
    assert told(good) == (Finding.SOUND, Standing.GOOD)
    assert told(revoked) == (Finding.REVOKED, Standing.REVOKED)
    assert told(good, listed) == (Finding.REVOKED, Standing.SILENT)


def test_command_takes_an_answer_as_a_file(world: World, tmp_path: Path) -> None:
    (tmp_path / "signed.pdf").write_bytes(world.pdf)
    (tmp_path / "trust.pem").write_bytes(world.first.pem)
    (tmp_path / "good.der").write_bytes(make_answer(world.first, world.person))
    (tmp_path / "revoked.der").write_bytes(make_answer(world.first, world.person, "revoked"))

    def told(name: str) -> str:
        out, given = StringIO(), ["--trust", str(tmp_path / "trust.pem"), "--revoked", str(tmp_path / name)]
        with suppress(SystemExit):
            call_command("verify", str(tmp_path / "signed.pdf"), *given, "--json", stdout=out)
        facts = json.loads(out.getvalue())
        return f"{facts['finding']} {facts['signatures'][0]['ocsp']}"

    assert [told("good.der"), told("revoked.der")] == ["sound good", "revoked revoked"]


def test_two_authorities_on_one_document_answer_for_their_own(world: World) -> None:
    both = signed_elsewhere(world.pdf, world.other, "P2")

    def told(*answers: bytes) -> tuple[str, list[str]]:
        report = verify_pdf(with_proofs(both, *answers), world.roots)
        return str(report.finding), [str(seal.trouble) for seal in report.seals]

    one, other = make_answer(world.first, world.person), make_answer(world.second, world.other)
    assert told(one, other) == ("sound", ["sound", "sound"])
    assert told(one, make_answer(world.second, world.other, "revoked")) == ("revoked", ["sound", "revoked"])
    assert told(make_answer(world.first, world.person, "revoked"), other) == ("revoked", ["revoked", "sound"])
    # An authority has no say about the other's certificates.
    assert told(one, make_answer(world.second, world.other, "revoked", by=world.first))[0] == "sound"


def test_time_stamp_moves_the_moment_and_a_spoiled_one_is_an_alteration(world: World) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    then = now - 5 * DAY
    expired = make_certificate("Siti Rekaan", by=world.first, until=-2)
    revoked = make_answer(world.first, world.person, "revoked", revoked_ago=3 * DAY)

    def stamped(who: Issued, by: Issued = world.first) -> bytes:
        return signed_elsewhere(make_pdf(), who, "P", timestamper=make_stamper(by, then))

    def told(pdf: bytes, *given: bytes) -> tuple[Finding, datetime | None]:
        report = verify_pdf(pdf, world.roots, revoked=given)
        return report.finding, report.seals[0].stamped

    spoiled = stamped(world.person)
    place = spoiled.upper().index(b"/CONTENTS <")
    text = f"{then:%Y%m%d%H%M%SZ}".encode().hex().upper().encode()
    year = spoiled.upper().index(text, place) + 7
    spoiled = spoiled[:year] + b"5" + spoiled[year + 1 :]

    assert told(stamped(expired)) == (Finding.SOUND, then)
    assert told(signed_elsewhere(make_pdf(), expired, "P")) == (Finding.EXPIRED, None)
    assert told(stamped(expired, by=make_certificate("Asing"))) == (Finding.EXPIRED, None)
    assert told(stamped(world.person), revoked) == (Finding.SOUND, then)
    assert told(world.pdf, revoked) == (Finding.REVOKED, None)
    assert told(spoiled) == (Finding.ALTERED, None)


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["id", "en"])
def test_upload_is_refused_for_what_its_authority_answers(
    settings, tmp_path, world: World, language: str
) -> None:
    settings.DEMO, settings.HOME, settings.SEAL_KEY = True, tmp_path, ""
    cache.clear()
    cast = make_cast()
    trust.add_anchor(city=cast.city, certificate=world.first.pem, source="Rekaan", by=cast.bureau)
    agreement = make_agreement(cast, upto="open")
    official = make_certificate("Penanda Tangan 1", by=world.first)
    with documents.open_document(newest_file(agreement, agreement.versions.first())) as file:
        signed = signed_elsewhere(file.read(), official, "P")

    def reason(status: str) -> str:
        data = with_proofs(signed, make_answer(world.first, official, status))
        with translation.override(language), pytest.raises(Invalid) as refusal:
            bring_signed(agreement=agreement, file=BytesIO(data), name="n.pdf", by=cast.city_signatory)
        return str(refusal.value.fields["file"][0])

    words = {"id": ("dicabut", "tidak mengenal"), "en": ("was revoked", "does not know")}[language]
    assert [word in reason(status) for word, status in zip(words, ("revoked", "unknown"), strict=True)] == [
        True,
        True,
    ]
    assert Signature.objects.count() == 0

    good = with_proofs(signed, make_answer(world.first, official))
    kept = bring_signed(agreement=agreement, file=BytesIO(good), name="n.pdf", by=cast.city_signatory)
    assert kept.upload.report["signature"]["ocsp"] == "good"
