"""Is this file what the hub sealed? Answered from the file's bytes and a list of trusted roots."""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


class Finding(StrEnum):
    NOT_PDF = "not_pdf"
    NO_SEAL = "no_seal"
    ALTERED = "altered"
    ADDED_TO = "added_to"
    UNTRUSTED = "untrusted"
    SOUND = "sound"


SENTENCES: dict[Finding, Promise] = {
    Finding.NOT_PDF: _("The file cannot be read as a PDF, so there is no seal to check."),
    Finding.NO_SEAL: _("The file is a PDF without an electronic seal."),
    Finding.ALTERED: _("The file was changed after it was sealed. Do not rely on it."),
    Finding.ADDED_TO: _(
        "Something was added after the seal. What was sealed is in the file, but not all of it is sealed."
    ),
    Finding.UNTRUSTED: _("The seal fits the file, but it does not come from an authority this hub trusts."),
    Finding.SOUND: _(
        "The file is exactly as it was sealed, and the seal comes from an authority this hub trusts."
    ),
}


@dataclass(frozen=True, slots=True)
class Seal:
    """One signature found in the file. ``time`` is what the signer stated, not a time stamp."""

    signer: str
    issuer: str
    time: datetime | None
    intact: bool
    trusted: bool
    whole_file: bool
    certified_until: datetime | None


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. ``consented_sha256`` is the hash of the file as it was before the first seal."""

    sha256: str
    size: int
    finding: Finding
    seals: tuple[Seal, ...] = ()
    consented_sha256: str = ""

    @property
    def sound(self) -> bool:
        return self.finding is Finding.SOUND

    @property
    def intact(self) -> bool:
        return bool(self.seals) and all(seal.intact for seal in self.seals)

    @property
    def trusted(self) -> bool:
        return bool(self.seals) and all(seal.trusted for seal in self.seals)

    @property
    def whole_file(self) -> bool:
        return any(seal.whole_file for seal in self.seals)

    @property
    def sentence(self) -> Promise:
        return SENTENCES[self.finding]


MOST_SEALS = 20

# A stranger's file must not fill the log with tracebacks of its faults.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)


def verify_pdf(data: bytes, trust: "Iterable[Certificate]", *, at: datetime | None = None) -> Report:
    """Check every signature in ``data`` against the roots in ``trust``, as of ``at`` or now. Never raises.

    No network is used: revocation lists are read from the file only where they are embedded.
    """
    sha256, size = hashlib.sha256(data).hexdigest(), len(data)
    try:
        return _verify(data, sha256, size, trust, at)
    except Exception:  # a hostile file may break the parser anywhere
        return Report(sha256, size, Finding.NOT_PDF)


def _verify(
    data: bytes, sha256: str, size: int, trust: "Iterable[Certificate]", at: datetime | None
) -> Report:
    from asn1crypto import x509 as asn1
    from cryptography.hazmat.primitives.serialization import Encoding
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    reader = PdfFileReader(BytesIO(data))
    found = list(reader.embedded_regular_signatures)[:MOST_SEALS]
    if not found:
        return Report(sha256, size, Finding.NO_SEAL)
    roots = [asn1.Certificate.load(root.public_bytes(Encoding.DER)) for root in trust]
    seals: list[Seal] = []
    for signature in found:
        context = ValidationContext(
            trust_roots=roots, allow_fetching=False, moment=at, revocation_mode="soft-fail"
        )
        status = validate_pdf_signature(signature, signer_validation_context=context)
        certificate = signature.signer_cert
        seals.append(
            Seal(
                signer=str(certificate.subject.native.get("common_name", certificate.subject.human_friendly)),
                issuer=str(certificate.issuer.native.get("common_name", certificate.issuer.human_friendly)),
                time=signature.self_reported_timestamp,
                intact=bool(status.intact and status.valid) and _gap_is_clean(data, signature),
                trusted=bool(status.trusted),
                whole_file=signature.coverage == SignatureCoverageLevel.ENTIRE_FILE,
                certified_until=certificate.not_valid_after,
            )
        )
    return Report(sha256, size, _finding(seals), tuple(seals), _before_the_seal(data))


def _gap_is_clean(data: bytes, signature: Any) -> bool:
    """Whether the hole the signature itself sits in holds nothing else.

    No signature covers its own bytes, so the filling after it must be zeros and the digits of one case.
    """
    from asn1crypto.parser import peek

    start, size, end, _rest = (int(number) for number in signature.byte_range)
    content = bytes(signature.pkcs7_content)
    length = peek(content)
    hole = data[start + size : end]
    return not any(content[length:]) and hole in (
        b"<%s>" % content.hex().encode(),
        b"<%s>" % content.hex().upper().encode(),
    )


def _before_the_seal(data: bytes) -> str:
    """SHA-256 of the first revision. Only a match with a recorded consent gives it meaning."""
    end = data.find(b"%%EOF")
    return hashlib.sha256(data[: end + len(b"%%EOF")]).hexdigest() if end >= 0 else ""


def _finding(seals: list[Seal]) -> Finding:
    if not all(seal.intact for seal in seals):
        return Finding.ALTERED
    if not any(seal.whole_file for seal in seals):
        return Finding.ADDED_TO
    if not all(seal.trusted for seal in seals):
        return Finding.UNTRUSTED
    return Finding.SOUND
