"""Authorities, certificates and signatures made elsewhere, for tests."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from asn1crypto import keys
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko_certvalidator.registry import SimpleCertificateStore

USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def make_key(kind: str) -> Any:
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def make_certificate(
    name: str,
    kind: str = "ec",
    *,
    by: Issued | None = None,
    since: int = -30,
    until: int = 300,
    stamps: bool = False,
    answers: bool = False,
) -> Issued:
    """A certificate issued by ``by``, or an authority of its own; its term in days from now."""
    key = make_key(kind)
    now = datetime.now(UTC).replace(microsecond=0)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    root = by is None
    signed_by = key if by is None else by.key
    uses = {"key_cert_sign", "crl_sign"} if root else {"digital_signature", "content_commitment"}
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=since))
        .not_valid_after(now + timedelta(days=until))
        .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**{use: use in uses for use in USES}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signed_by.public_key()), critical=False
        )
    )
    purposes = [ExtendedKeyUsageOID.TIME_STAMPING] * stamps + [ExtendedKeyUsageOID.OCSP_SIGNING] * answers
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=True)
    return Issued(builder.sign(signed_by, hashes.SHA256()), key)


def make_revocations(authority: Issued, *revoked: Issued, days_ago: int = 1, hours: int = 1) -> bytes:
    """A list of revoked certificates in DER."""
    moment = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days_ago)
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=authority.certificate.subject,
        last_update=moment,
        next_update=moment + timedelta(hours=hours),
    )
    for issued in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(issued.certificate.serial_number)
            .revocation_date(moment)
            .build()
        )
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)


def make_answer(
    authority: Issued,
    issued: Issued,
    status: str = "good",
    *,
    by: Issued | None = None,
    ago: timedelta = timedelta(hours=1),
    lasts: timedelta = timedelta(days=2),
    revoked_ago: timedelta = timedelta(days=1),
) -> bytes:
    """What the authority, or ``by`` for it, answers (OCSP) about a certificate, in DER."""
    now = datetime.now(UTC).replace(microsecond=0)
    revoked = status == "revoked"
    signer = by or authority
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=issued.certificate,
        issuer=authority.certificate,
        algorithm=hashes.SHA1(),
        cert_status=ocsp.OCSPCertStatus[status.upper()],
        this_update=now - ago,
        next_update=now - ago + lasts,
        revocation_time=now - revoked_ago if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    if by is not None:
        builder = builder.certificates([by.certificate])
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def with_proofs(pdf: bytes, *answers: bytes) -> bytes:
    """The file with answers in its store of proofs (DSS), as a signing program adds them."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    DocumentSecurityStore.supply_dss_in_writer(
        writer, None, ocsps=[asn1_ocsp.OCSPResponse.load(answer) for answer in answers]
    )
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def make_stamper(by: Issued, at: datetime) -> DummyTimeStamper:
    """A time-stamping authority under ``by`` whose clock stands at ``at``."""
    issued = make_certificate("Stempel waktu (rekaan)", "rsa", by=by, stamps=True)
    return DummyTimeStamper(
        asn1.Certificate.load(issued.certificate.public_bytes(Encoding.DER)),
        keys.PrivateKeyInfo.load(issued.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())),
        fixed_dt=at,
        include_nonce=False,
    )


def signed_elsewhere(
    pdf: bytes,
    who: Issued,
    field: str,
    *,
    box: tuple[int, int, int, int] | None = None,
    page: int = -1,
    timestamper: Any = None,
    subfilter: SigSeedSubFilter = SigSeedSubFilter.PADES,
    **meta: Any,
) -> bytes:
    """The file as a signatory's own program would sign it."""
    certificate = asn1.Certificate.load(who.certificate.public_bytes(Encoding.DER))
    key = keys.PrivateKeyInfo.load(who.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    signer = SimpleSigner(signing_cert=certificate, signing_key=key, cert_registry=SimpleCertificateStore())
    made = PdfSigner(
        PdfSignatureMetadata(field_name=field, md_algorithm="sha256", subfilter=subfilter, **meta),
        signer=signer,
        timestamper=timestamper,
        new_field_spec=SigFieldSpec(field, on_page=page, box=box),
    )
    return made.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf))).getvalue()


def make_pdf(text: str = "naskah", pages: int = 2) -> bytes:
    """A small document that ends with its end mark, as the hub's own do."""
    from pyhanko.pdf_utils.generic import StreamObject

    writer = PdfFileWriter()
    for number in range(pages):
        stream = writer.add_object(StreamObject(stream_data=f"% {text} {number}".encode()))
        writer.insert_page(PageObject(contents=stream, media_box=(0, 0, 595, 842)))
    out = BytesIO()
    writer.write(out)
    return out.getvalue().rstrip()
