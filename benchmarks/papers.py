"""Papers: an agreement drafted, sealed and validated, beside the bare signature of the same key."""

import tempfile
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from balai.agreements.actions import draft_agreement
from balai.agreements.codes import printed, read
from balai.agreements.frame import reserve
from balai.agreements.offline import compare
from balai.agreements.queries import current_version
from balai.agreements.recomputing import recomputed
from balai.agreements.sealing import KeySealer
from balai.agreements.typesetting import FRAME_MM, Consent, points, typeset, typeset_consents
from balai.agreements.verifying import verify_pdf
from balai.core.inspection import PDF, inspected
from balai.people.models import Role
from benchmarks import city
from benchmarks.keys import KINDS, Bare, certified, packed
from benchmarks.measure import Cost, cost, heading, line, milliseconds, once


def run() -> None:
    """The draft the hub itself makes for an accepted application, from terms to a validated seal."""
    heading("Papers", "  CPU ms", "   least", "    kB")
    drafting = city.at("drafting")
    agreement, drafted = once(lambda: draft_agreement(collaboration=drafting, by=city.person(Role.BUREAU)))
    version = current_version(agreement)
    assert version is not None
    terms, now = version.reading, datetime.now(UTC)
    consents = [Consent(f"PIHAK {n}", "Nama Rekaan", "Jabatan", "Kuasa", now) for n in ("KESATU", "KEDUA")]
    pdf = typeset(terms)
    digest = sha256(pdf).hexdigest()

    def face() -> bytes:
        return typeset_consents(consents, sha256=digest, sealed_at=now, sealer="Segel")

    shown = face()
    line("draft, kept and recorded, once", milliseconds(drafted))
    _row("typeset the agreement", cost(lambda: typeset(terms)), pdf)
    _row("of that, the frame of the seal", cost(lambda: reserve(pdf, points(FRAME_MM))), pdf)
    _row("typeset the consents", cost(face), shown)
    with tempfile.TemporaryDirectory() as temporary:
        for kind, make in KINDS.items():
            _sealed(kind, make(), pdf, shown, Path(temporary))
        key = KINDS["EC P-256"]()
        _validated(key, packed(Path(temporary) / "chain.p12", key), pdf, shown, terms)
    count, spent = once(lambda: sum(1 for _ in recomputed()))
    line("recompute from the database", milliseconds(spent / count), "", f"{count} versions")


def _sealed(kind: str, key: Any, pdf: bytes, shown: bytes, folder: Path) -> None:
    """Seal and validate with a key of this kind, and the bare signature beside it."""
    certificate, bare = certified(key), Bare(key)
    sealer = KeySealer(packed(folder / f"{kind}.p12", key, certificate))
    sealed, signature = sealer.seal(pdf, face=shown), bare.sign(pdf)
    assert verify_pdf(sealed, [certificate]).sound
    sealing = cost(lambda: sealer.seal(pdf, face=shown), most=25)
    validating = cost(lambda: verify_pdf(sealed, [certificate]), most=25)
    signing = cost(lambda: bare.sign(pdf), most=500)
    verifying = cost(lambda: bare.verify(signature, pdf), most=500)
    _row(f"seal, {kind}", sealing, sealed)
    _row(f"validate, {kind}", validating, sealed)
    _row(f"bare signature, {kind}", signing, pdf)
    _row(f"bare verification, {kind}", verifying, pdf)
    print(
        f"  {kind}: a seal costs {sealing.least / signing.least:.0f} bare signatures,"
        f" validating it {validating.least / verifying.least:.0f} bare verifications"
    )


def _validated(key: Any, path: Path, pdf: bytes, shown: bytes, terms: Any) -> None:
    """What is done with a file that comes in: inspected, compared with the printed code, with more seals."""
    from cryptography.hazmat.primitives.serialization import pkcs12

    kept = pkcs12.load_pkcs12(path.read_bytes(), None).cert
    assert kept is not None
    sealed = KeySealer(path).seal(pdf, face=shown)
    code = read(printed(terms.verify_at, version=terms.version, fingerprint=terms.fingerprint))
    _row("inspect a file that comes in", cost(lambda: inspected(sealed, PDF), most=25), sealed)
    offline = cost(lambda: compare(sealed, code, trust=[kept.certificate]), most=15)
    _row("validate against the printed code", offline, sealed)
    for number in (2, 9):
        signed = _signed(pdf, key, kept.certificate, number)
        _row(
            f"validate {number} certified signatures",
            cost(lambda file=signed: verify_pdf(file, [kept.certificate]), most=5, least=2),  # type: ignore[misc]
            signed,
        )


def _signed(pdf: bytes, key: Any, certificate: Any, number: int) -> bytes:
    """The file under so many invisible signatures, as signatories' own programs leave it."""
    from io import BytesIO

    from asn1crypto import keys
    from asn1crypto import x509 as asn1
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner
    from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    signer = SimpleSigner(
        signing_cert=asn1.Certificate.load(certificate.public_bytes(Encoding.DER)),
        signing_key=keys.PrivateKeyInfo.load(
            key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        ),
        cert_registry=SimpleCertificateStore(),
    )
    for place in range(number):
        about = PdfSignatureMetadata(field_name=f"P{place}", subfilter=SigSeedSubFilter.PADES)
        made = PdfSigner(about, signer=signer, new_field_spec=SigFieldSpec(f"P{place}", on_page=-1))
        pdf = made.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf))).getvalue()
    return pdf


def _row(name: str, spent: Cost, file: bytes) -> None:
    line(name, milliseconds(spent.middle), milliseconds(spent.least), f"{len(file) / 1000:6.1f}")
