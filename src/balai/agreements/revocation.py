"""What an authority's own answers (OCSP, RFC 6960) say of a certificate. Nothing is fetched.

An answer counts only if the issuer gave it, or a responder whose certificate the issuer signed for that
purpose; and it counts for the moment it covers. That a certificate was revoked counts however old it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from cryptography.x509.ocsp import OCSPResponse

SKEW = timedelta(minutes=5)


class Standing(StrEnum):
    """What one answer is worth, worst first where several speak."""

    REVOKED = "revoked"
    UNKNOWN = "unknown"
    GOOD = "good"
    STALE = "stale"
    TAMPERED = "tampered"
    STRANGER = "stranger"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Answer:
    """``at`` is when the answer held: of a revocation its moment, else when the authority looked."""

    standing: Standing
    at: datetime | None = None


SILENCE = Answer(Standing.SILENT)


def standing_of(
    certificate: "Certificate", issuer: "Certificate", answers: Iterable[bytes], moment: datetime
) -> Answer:
    """The answer that decides about ``certificate`` at ``moment``; `SILENCE` where none is about it.

    ``answers`` are OCSP responses in DER. Of several that count the newest decides, but a revocation is not
    undone by another; what does not count is told only where nothing else speaks. Never raises.
    """
    found = [
        answer
        for der in answers
        for answer in _read(der, certificate, issuer, moment)
        if answer.standing is not Standing.SILENT
    ]
    if revoked := [answer for answer in found if answer.standing is Standing.REVOKED]:
        return revoked[0]
    counting = [answer for answer in found if answer.standing in (Standing.UNKNOWN, Standing.GOOD)]
    if counting:
        return max(counting, key=lambda answer: (answer.at, answer.standing is Standing.UNKNOWN))
    return min(found, key=lambda answer: list(Standing).index(answer.standing), default=SILENCE)


def _read(
    der: bytes, certificate: "Certificate", issuer: "Certificate", moment: datetime
) -> Iterable[Answer]:
    from cryptography.x509.ocsp import OCSPResponseStatus, load_der_ocsp_response

    try:
        response = load_der_ocsp_response(der)
        if response.response_status is not OCSPResponseStatus.SUCCESSFUL:
            return []
        about = [single for single in response.responses if _is_about(single, certificate, issuer)]
        if not about:
            return []
        given = _given_by(response, issuer)
    except Exception:  # what a stranger sent may break the reader anywhere
        return []
    if given is not None:
        return [Answer(given)]
    return [_told(single, moment) for single in about]


def _told(single: Any, moment: datetime) -> Answer:
    from cryptography.x509.ocsp import OCSPCertStatus

    if single.certificate_status is OCSPCertStatus.REVOKED:
        at = single.revocation_time_utc
        if at <= moment:
            return Answer(Standing.REVOKED, at)
        return Answer(Standing.GOOD, single.this_update_utc)
    until = single.next_update_utc or single.this_update_utc
    if until + SKEW < moment:
        return Answer(Standing.STALE, single.this_update_utc)
    unknown = single.certificate_status is OCSPCertStatus.UNKNOWN
    return Answer(Standing.UNKNOWN if unknown else Standing.GOOD, single.this_update_utc)


def _is_about(single: Any, certificate: "Certificate", issuer: "Certificate") -> bool:
    """Whether the answer names the certificate: its number, and its issuer's name and key by their hashes."""
    from cryptography.hazmat.primitives.hashes import Hash
    from cryptography.x509 import SubjectKeyIdentifier

    if single.serial_number != certificate.serial_number:
        return False
    name = Hash(single.hash_algorithm)
    name.update(issuer.subject.public_bytes())
    key = Hash(single.hash_algorithm)
    key.update(_key_bits(issuer))
    if name.finalize() != single.issuer_name_hash:
        return False
    own = SubjectKeyIdentifier.from_public_key(issuer.public_key()).digest
    return single.issuer_key_hash in (key.finalize(), own)


def _key_bits(certificate: "Certificate") -> bytes:
    from asn1crypto.keys import PublicKeyInfo
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return bytes(PublicKeyInfo.load(info)["public_key"].contents[1:])


def _given_by(response: "OCSPResponse", issuer: "Certificate") -> Standing | None:
    """None where the issuer, or a responder it appointed, signed exactly this answer; else what is wrong."""
    from cryptography.exceptions import InvalidSignature

    def signed_by(candidate: "Certificate") -> bool:
        try:
            _verify(candidate.public_key(), response)
        except (InvalidSignature, TypeError, ValueError):
            return False
        return True

    appointed = [c for c in response.certificates if _is_appointed(c, issuer, response.produced_at_utc)]
    if any(signed_by(candidate) for candidate in [issuer, *appointed]):
        return None
    strangers = [c for c in response.certificates if c not in appointed and c != issuer]
    if any(signed_by(candidate) for candidate in strangers):
        return Standing.STRANGER
    return Standing.TAMPERED if _claims(response, [issuer, *appointed]) else Standing.STRANGER


def _is_appointed(candidate: "Certificate", issuer: "Certificate", at: datetime) -> bool:
    """Whether the issuer signed this certificate for giving answers, and it was within its term."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.x509 import ExtendedKeyUsage, ExtensionNotFound
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        candidate.verify_directly_issued_by(issuer)
        uses = candidate.extensions.get_extension_for_class(ExtendedKeyUsage).value
    except (ExtensionNotFound, InvalidSignature, TypeError, ValueError):
        return False
    within = candidate.not_valid_before_utc <= at <= candidate.not_valid_after_utc
    return within and ExtendedKeyUsageOID.OCSP_SIGNING in uses


def _claims(response: "OCSPResponse", signers: "list[Certificate]") -> bool:
    """Whether the answer says that one of ``signers`` gave it."""
    from cryptography.hazmat.primitives.hashes import SHA1, Hash

    for signer in signers:
        key = Hash(SHA1())  # noqa: S303 - the format's own name for a key
        key.update(_key_bits(signer))
        if response.responder_name == signer.subject or response.responder_key_hash == key.finalize():
            return True
    return False


def _verify(key: Any, response: "OCSPResponse") -> None:
    """Raises InvalidSignature unless ``key`` signed the answer."""
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    signature, told = response.signature, response.tbs_response_bytes
    algorithm = response.signature_hash_algorithm
    if algorithm is not None and algorithm.name in ("md5", "sha1"):
        raise TypeError("a hash that can be forged")
    if isinstance(key, rsa.RSAPublicKey) and algorithm is not None:
        key.verify(signature, told, padding.PKCS1v15(), algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm is not None:
        key.verify(signature, told, ec.ECDSA(algorithm))
    elif algorithm is None and not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        key.verify(signature, told)
    else:
        raise TypeError("another kind of key")
