"""Time stamps and revocation data inside the file."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

from asn1crypto import crl
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko_certvalidator import ValidationContext

from balai.agreements.verifying import Finding, verify_pdf
from tests.agreements_certificates import (
    make_certificate,
    make_pdf,
    make_revocations,
    make_stamper,
    signed_elsewhere,
)

ROOT = make_certificate("Otoritas Satu (rekaan)")


def test_trusted_time_stamp_says_when_the_certificate_must_have_been_good() -> None:
    expired = make_certificate("Siti Rekaan", by=ROOT, until=-1)
    then = datetime.now(UTC).replace(microsecond=0) - timedelta(days=5)
    stranger = make_certificate("Otoritas Asing (rekaan)")

    stamped = signed_elsewhere(make_pdf(), expired, "P", timestamper=make_stamper(ROOT, then))
    doubtful = signed_elsewhere(make_pdf(), expired, "P", timestamper=make_stamper(stranger, then))

    report = verify_pdf(stamped, [ROOT.certificate])
    assert (report.finding, report.seals[0].stamped) == (Finding.SOUND, then)
    assert verify_pdf(doubtful, [ROOT.certificate]).finding is Finding.EXPIRED


def test_proofs_added_behind_a_signature_are_read_and_are_no_alteration() -> None:
    person = make_certificate("Siti Rekaan", by=ROOT)
    listed = crl.CertificateList.load(make_revocations(ROOT, hours=48))
    context = ValidationContext(
        trust_roots=[asn1.Certificate.load(ROOT.certificate.public_bytes(Encoding.DER))],
        crls=[listed],
        allow_fetching=False,
        revocation_mode="require",
    )

    file = signed_elsewhere(make_pdf(), person, "P", embed_validation_info=True, validation_context=context)

    report = verify_pdf(file, [ROOT.certificate])
    assert b"/DSS" in file
    assert (report.finding, report.whole_file) == (Finding.SOUND, False)


def test_revocation_known_from_the_file_itself_counts() -> None:
    person = make_certificate("Siti Rekaan", by=ROOT)
    listed = crl.CertificateList.load(make_revocations(ROOT, person, hours=48))
    signed = signed_elsewhere(make_pdf(), person, "P")
    writer = IncrementalPdfFileWriter(BytesIO(signed))
    DocumentSecurityStore.supply_dss_in_writer(writer, None, crls=[listed])
    out = BytesIO()
    writer.write(out)

    assert verify_pdf(signed, [ROOT.certificate]).finding is Finding.SOUND
    assert verify_pdf(out.getvalue(), [ROOT.certificate]).finding is Finding.REVOKED
