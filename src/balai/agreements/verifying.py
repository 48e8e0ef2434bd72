"""Is this file what was signed and sealed? Answered from the file's bytes and a list of trusted roots."""

import hashlib
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from balai.agreements.revocation import SILENCE, Answer, Standing, standing_of
from balai.core.pdf import MOST_STEPS, TooComplexError, objects_of, opened

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


class Finding(StrEnum):
    NOT_PDF = "not_pdf"
    LOCKED = "locked"
    TOO_COMPLEX = "too_complex"
    NO_SEAL = "no_seal"
    ALTERED = "altered"
    ADDED_TO = "added_to"
    REVISED = "revised"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    UNTRUSTED = "untrusted"
    SOUND = "sound"


SENTENCES: dict[Finding, Promise] = {
    Finding.NOT_PDF: _("The file cannot be read as a PDF, so there is no seal to check."),
    Finding.LOCKED: _("The file is locked with a password, so nothing in it can be checked."),
    Finding.TOO_COMPLEX: _("The file is built of more parts than are checked. No agreement of a hub is."),
    Finding.NO_SEAL: _("The file is a PDF without an electronic seal."),
    Finding.ALTERED: _("The file was changed after it was sealed. Do not rely on it."),
    Finding.ADDED_TO: _(
        "Something was added after the seal. What was sealed is in the file, but not all of it is sealed."
    ),
    Finding.REVISED: _(
        "Between its first text and its last signature the file was given something other than signatures."
    ),
    Finding.REVOKED: _("A certificate was revoked before it was used here. Its signature does not count."),
    Finding.UNKNOWN: _(
        "The authority answered that it does not know a certificate that names it. Its signature does not"
        " count."
    ),
    Finding.EXPIRED: _("A certificate was outside its term when it was used. Its signature does not count."),
    Finding.UNTRUSTED: _("The seal fits the file, but it does not come from an authority this hub trusts."),
    Finding.SOUND: _(
        "The file is exactly as it was sealed, and the seal comes from an authority this hub trusts."
    ),
}


@dataclass(frozen=True, slots=True)
class Seal:
    """One signature found in the file. ``time`` is what the signer stated, ``stamped`` what a trusted
    time stamp says. ``trouble`` is the finding of this signature alone, ``field`` its name in the file,
    ``answer`` what the authority itself said of the certificate.
    """

    signer: str
    issuer: str
    time: datetime | None
    intact: bool
    trusted: bool
    whole_file: bool
    certified_until: datetime | None
    stamped: datetime | None = None
    trouble: Finding = Finding.SOUND
    field: str = ""
    fingerprint: str = ""
    final: bool = False
    answer: Answer = SILENCE


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. ``consented_sha256`` is the hash of the file as it was before the first signature,
    and empty where anything but signatures and their proofs came after it.
    """

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
MOST_OBJECTS = 20_000  # of all revisions; an agreement of sixty rows in each schedule has three thousand
MOST_COMPARED = 100_000  # objects times signatures: each is compared with all that came after it
NULL = b"\x05\x00"
UNREADABLE = frozenset({Finding.NOT_PDF, Finding.LOCKED, Finding.TOO_COMPLEX})

# A stranger's file must not fill the log with tracebacks of its faults.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)


def verify_pdf(
    data: bytes,
    trust: "Iterable[Certificate]",
    *,
    at: datetime | None = None,
    revoked: Iterable[bytes] = (),
    patient: bool = False,
) -> Report:
    """Check every signature in ``data`` against the roots in ``trust``. Never raises.

    A signature counts as of its trusted time stamp, else as of ``at``, else as of now. No network is used:
    revocation is known from what is embedded in the file and from ``revoked``: lists (CRL) and an
    authority's answers (OCSP) in DER. ``patient`` is for files of one's own: hundreds of pages under a
    dozen signatures take longer than a stranger is given.
    """
    sha256, size = hashlib.sha256(data).hexdigest(), len(data)
    try:
        return _verify(data, sha256, size, trust, at, tuple(revoked), patient)
    except TooComplexError:
        return Report(sha256, size, Finding.TOO_COMPLEX)
    except Exception:  # a hostile file may break the parser anywhere
        return Report(sha256, size, Finding.NOT_PDF)


@dataclass(slots=True)
class _Proofs:
    """What is at hand besides the signatures: certificates, revocation lists, authorities' answers (DER)."""

    certificates: list[Any]
    lists: list[Any]
    answers: list[bytes]

    def of(self, signature: Any) -> "_Proofs":
        """These, and the revocation data the signature itself encloses (Adobe's signed attribute)."""
        lists, answers = list(self.lists), list(self.answers)
        for attribute in signature.signer_info["signed_attrs"] or ():
            if attribute["type"].native == "adobe_revocation_info_archival":
                for held in attribute["values"]:
                    lists += list(held["crl"] or ())
                    answers += [response.dump() for response in held["ocsp"] or ()]
        return _Proofs(self.certificates, lists, answers)


def _verify(
    data: bytes,
    sha256: str,
    size: int,
    trust: "Iterable[Certificate]",
    at: datetime | None,
    revoked: tuple[bytes, ...],
    patient: bool,
) -> Report:
    from asn1crypto import x509 as asn1
    from cryptography.hazmat.primitives.serialization import Encoding

    reader = opened(data, most=MOST_OBJECTS, steps=MOST_STEPS * 15 if patient else MOST_STEPS)
    if reader.encrypted:
        return Report(sha256, size, Finding.LOCKED)
    found = list(reader.embedded_regular_signatures)[:MOST_SEALS]
    if not found:
        return Report(sha256, size, Finding.NO_SEAL)
    if len(found) * objects_of(reader) > MOST_COMPARED:
        raise TooComplexError
    roots = [asn1.Certificate.load(root.public_bytes(Encoding.DER)) for root in trust]
    proofs = _proofs(reader, revoked)
    seals = tuple(_seal(data, signature, roots, proofs, at) for signature in found)
    whole = any(seal.whole_file for seal in seals) or _only_proofs_follow(data, reader, found[-1])
    consented = _before_the_seal(data, reader)
    return Report(sha256, size, _finding(seals, whole=whole, kept=bool(consented)), seals, consented)


def _seal(data: bytes, signature: Any, roots: list[Any], proofs: _Proofs, at: datetime | None) -> Seal:
    from pyhanko.sign.fields import MDPPerm
    from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    def checked(moment: datetime | None) -> Any:
        context = ValidationContext(
            trust_roots=roots,
            allow_fetching=False,
            moment=moment,
            revocation_mode="soft-fail",
            retroactive_revinfo=True,
            other_certs=proofs.certificates,
            crls=proofs.lists,
        )
        return validate_pdf_signature(signature, signer_validation_context=context)

    status, moment, stamped = checked(at), at, None
    stamp = status.timestamp_validity
    if stamp is not None and stamp.intact and stamp.valid and stamp.trusted:
        moment = stamped = stamp.timestamp
        status = checked(moment)
    intact = (
        bool(status.intact and status.valid)
        and (stamp is None or bool(stamp.intact and stamp.valid))
        and _gap_is_clean(data, signature)
        and _tiles(bytes(signature.pkcs7_content))
        and _wrapping_is_plain(signature.signed_data, signature.signer_cert)
        and (stamp is None or _wrapping_is_plain(_token(signature), stamp.signing_cert))
        and _enclosed_hold(signature, [*roots, *proofs.certificates])
    )
    whole_file = signature.coverage == SignatureCoverageLevel.ENTIRE_FILE
    trouble, answer = Finding.ALTERED, SILENCE
    if intact:
        trouble, answer = _trouble(status, proofs.of(signature), moment)
    if trouble is Finding.SOUND and not whole_file and not status.docmdp_ok:
        trouble = Finding.REVISED
    certificate = signature.signer_cert
    return Seal(
        signer=str(certificate.subject.native.get("common_name", certificate.subject.human_friendly)),
        issuer=str(certificate.issuer.native.get("common_name", certificate.issuer.human_friendly)),
        time=signature.self_reported_timestamp,
        intact=intact,
        trusted=bool(status.trusted) and trouble not in (Finding.REVOKED, Finding.UNKNOWN, Finding.EXPIRED),
        whole_file=whole_file,
        certified_until=certificate.not_valid_after,
        stamped=stamped,
        trouble=trouble,
        field=str(signature.field_name),
        fingerprint=certificate.sha256.hex(),
        final=signature.docmdp_level == MDPPerm.NO_CHANGES,
        answer=answer,
    )


def _proofs(reader: Any, revoked: tuple[bytes, ...]) -> _Proofs:
    """Certificates and revocation data from the file's own store, and what else was given."""
    from pyhanko.sign.validation.dss import DocumentSecurityStore

    given = [(der, _list(der)) for der in revoked]
    proofs = _Proofs(
        certificates=[],
        lists=[listed for _, listed in given if listed is not None],
        answers=[der for der, listed in given if listed is None],
    )
    if "/DSS" in reader.root:
        store = DocumentSecurityStore.read_dss(reader)
        proofs.certificates += store.load_certs()
        proofs.lists += [listed for kept in store.crls if (listed := _list(kept.get_object().data))]
        proofs.answers += [bytes(kept.get_object().data) for kept in store.ocsps]
    return proofs


def _list(der: bytes) -> Any:
    """A list of revoked certificates; None where the bytes are something else."""
    from asn1crypto import crl

    try:
        listed = crl.CertificateList.load(der, strict=True)
        return listed if listed.native else None
    except (TypeError, ValueError):
        return None


def _trouble(status: Any, proofs: _Proofs, moment: datetime | None) -> tuple[Finding, Answer]:
    """What is wrong with the certificate, and what its authority answered. That a list names one, or an
    answer calls it revoked, counts however old they are.
    """
    from pyhanko.sign.ades.report import AdESFailure, AdESIndeterminate

    problem = status.trust_problem_indic
    if problem in (
        AdESFailure.REVOKED,
        AdESIndeterminate.REVOKED_NO_POE,
        AdESIndeterminate.REVOKED_CA_NO_POE,
    ):
        return Finding.REVOKED, SILENCE
    if problem in (
        AdESIndeterminate.EXPIRED,
        AdESIndeterminate.NOT_YET_VALID,
        AdESIndeterminate.OUT_OF_BOUNDS_NO_POE,
        AdESIndeterminate.OUT_OF_BOUNDS_NOT_REVOKED,
    ):
        return Finding.EXPIRED, SILENCE
    if not status.trusted:
        return Finding.UNTRUSTED, SILENCE
    path = list(status.validation_path.iter_certs(include_root=True))
    answer = SILENCE
    for issuer, certificate in pairwise(path):
        if any(_names(listed, certificate, issuer, moment) for listed in proofs.lists):
            return Finding.REVOKED, SILENCE
        answer = _answer(issuer, certificate, proofs.answers, moment)
        if answer.standing is Standing.REVOKED:
            return Finding.REVOKED, answer
        if answer.standing is Standing.UNKNOWN:
            return Finding.UNKNOWN, answer
    return Finding.SOUND, answer


def _answer(issuer: Any, certificate: Any, answers: list[bytes], moment: datetime | None) -> Answer:
    from cryptography.x509 import load_der_x509_certificate

    if not answers:
        return SILENCE
    one, other = (load_der_x509_certificate(c.dump()) for c in (certificate, issuer))
    return standing_of(one, other, answers, moment or datetime.now(UTC))


def _names(listed: Any, certificate: Any, issuer: Any, moment: datetime | None) -> bool:
    """Whether a revocation list of ``issuer`` says that ``certificate`` was revoked by ``moment``."""
    from cryptography.x509 import load_der_x509_certificate, load_der_x509_crl

    if listed.issuer != issuer.subject:
        return False
    signed_by = load_der_x509_certificate(issuer.dump()).public_key()
    revocations = load_der_x509_crl(listed.dump())
    if not revocations.is_signature_valid(signed_by):  # type: ignore[arg-type]
        return False
    entry = revocations.get_revoked_certificate_by_serial_number(certificate.serial_number)
    return entry is not None and (moment is None or entry.revocation_date_utc <= moment)


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


def _wrapping_is_plain(signed: Any, certificate: Any) -> bool:
    """Whether what wraps a signature, which nothing signs, says exactly what it must.

    Readers forgive a wrong version, a name in other letters or a length that is off; a changed byte it is.
    """
    (info,) = signed["signer_infos"]
    who = info["sid"]
    by_name = who.name == "issuer_and_serial_number"
    if by_name:
        named = (who.chosen["issuer"].dump(), who.chosen["serial_number"].native)
        if named != (certificate.issuer.dump(), certificate.serial_number):
            return False
    expected = "v1" if by_name else "v3"
    plain = signed["encap_content_info"]["content_type"].native == "data"
    kinds = {choice.name for choice in signed["certificates"] or ()}
    whole = expected if plain else "v3"
    if kinds & {"v1_attr_cert", "v2_attr_cert", "other"}:
        whole = signed["version"].native
    algorithms = [*signed["digest_algorithms"], info["digest_algorithm"]]
    if info["signature_algorithm"].signature_algo != "rsassa_pss":
        algorithms.append(info["signature_algorithm"])
    return (
        {algorithm["algorithm"].native for algorithm in signed["digest_algorithms"]}
        == {info["digest_algorithm"]["algorithm"].native}
        and all(algorithm["parameters"].dump() in (b"", NULL) for algorithm in algorithms)
        and info["version"].native == expected
        and signed["version"].native == whole
    )


def _token(signature: Any) -> Any:
    """What wraps the signature's time stamp."""
    for attribute in signature.signer_info["unsigned_attrs"]:
        if attribute["type"].native == "signature_time_stamp_token":
            return attribute["values"][0]["content"]
    raise ValueError("a time stamp without a token")


def _tiles(content: bytes) -> bool:
    """Whether every part of a DER value fills exactly what it lies in."""
    from asn1crypto.parser import peek

    waiting = [content[: peek(content)]]
    while waiting:
        part = waiting.pop()
        place = 0
        while place < len(part):
            head, length = 2, part[place + 1]
            if length & 0x80:
                count = length & 0x7F
                head, length = 2 + count, int.from_bytes(part[place + 2 : place + 2 + count])
                if not count or length < 0x80 or part[place + 2] == 0:
                    return False
            end = place + head + length
            if end > len(part) or not part[place]:
                return False
            if part[place] & 0x20:
                waiting.append(part[place + head : end])
            place = end
    return True


def first_revision(data: bytes) -> bytes:
    """The bytes up to the first end mark and its line break: the file before anybody signed it, if this
    hub made it.
    """
    end = re.search(rb"%%EOF\n?", data)
    return data[: end.end()] if end else b""


def _enclosed_hold(signature: Any, known: list[Any]) -> bool:
    """Whether the unsigned company of a signature is whole: each enclosed certificate is signed by another.

    They take no part in the signature's own mathematics, so a changed one would pass unnoticed.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.x509 import load_der_x509_certificate

    signed = signature.signed_data
    trusted = {certificate.dump() for certificate in known}
    enclosed = [choice.chosen.dump() for choice in signed["certificates"] or ()]
    issuers = [load_der_x509_certificate(der) for der in {*enclosed, *trusted}]
    for der in enclosed:
        if der in trusted or der == signature.signer_cert.dump():
            continue
        certificate = load_der_x509_certificate(der)
        for issuer in issuers:
            try:
                certificate.verify_directly_issued_by(issuer)
            except (InvalidSignature, ValueError, TypeError):
                continue
            break
        else:
            return False
    return True


def _before_the_seal(data: bytes, reader: Any) -> str:
    """SHA-256 of the first revision if the file still shows it under its signatures; else empty.

    Only a match with a recorded consent gives it meaning.
    """
    from balai.agreements.revisions import only_signatures_since

    first = first_revision(data)
    table = re.search(rb"startxref\s+(\d+)\s+%%EOF\s*\Z", first)
    # Whoever appends a whole new document leaves the old bytes in place; then nothing refers to them.
    if table is None or int(table[1]) != reader.xrefs.get_startxref_for_revision(0):
        return ""
    if not only_signatures_since(reader, 0):
        return ""
    return hashlib.sha256(first).hexdigest()


def _only_proofs_follow(data: bytes, reader: Any, last: Any) -> bool:
    """Whether all that comes after the last signature is proof of it (time stamps, revocation data)."""
    from balai.agreements.revisions import only_proofs_since

    ended = data.rstrip().endswith(b"%%EOF")
    return ended and "/DSS" in reader.root and only_proofs_since(reader, last.signed_revision)


def _finding(seals: tuple[Seal, ...], *, whole: bool, kept: bool) -> Finding:
    troubles = {seal.trouble for seal in seals}
    if Finding.ALTERED in troubles:
        return Finding.ALTERED
    if not whole:
        return Finding.ADDED_TO
    if not kept:
        return Finding.REVISED
    order = (Finding.REVISED, Finding.REVOKED, Finding.UNKNOWN, Finding.EXPIRED, Finding.UNTRUSTED)
    return next((trouble for trouble in order if trouble in troubles), Finding.SOUND)
