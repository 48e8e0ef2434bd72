"""Authorities, certificates and signatures made elsewhere, for tests."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from asn1crypto import keys
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
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
    if stamps:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True
        )
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


def signed_elsewhere(
    pdf: bytes,
    who: Issued,
    field: str,
    *,
    box: tuple[int, int, int, int] | None = None,
    page: int = -1,
    timestamper: Any = None,
    **meta: Any,
) -> bytes:
    """The file as a signatory's own program would sign it."""
    certificate = asn1.Certificate.load(who.certificate.public_bytes(Encoding.DER))
    key = keys.PrivateKeyInfo.load(who.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    signer = SimpleSigner(signing_cert=certificate, signing_key=key, cert_registry=SimpleCertificateStore())
    made = PdfSigner(
        PdfSignatureMetadata(
            field_name=field, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, **meta
        ),
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
