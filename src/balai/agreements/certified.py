"""Certified signatures made elsewhere: is this file the approved document under this party's signature?"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from balai.agreements import trust
from balai.agreements.frame import FIELD
from balai.agreements.models import Agreement, AgreementVersion, Party, SignedUpload
from balai.agreements.names import same_person
from balai.agreements.queries import Match, match_hash
from balai.agreements.revocation import Standing
from balai.agreements.sealing import trust_roots
from balai.agreements.verifying import SENTENCES, Finding, Report, Seal, first_revision, verify_pdf
from balai.core import documents
from balai.core.inspection import PDF, inspected, kind_of, refused
from balai.core.models import Document
from balai.core.pdf import opened

_ANSWERED = {
    Standing.GOOD: lazy("The authority itself confirmed the certificate on %(when)s."),
    Standing.REVOKED: lazy("The authority says that it revoked the certificate on %(when)s."),
    Standing.UNKNOWN: lazy("The authority said on %(when)s that it does not know the certificate."),
    Standing.STALE: lazy(
        "The authority's answer of %(when)s about the certificate is too old to count; there is no other."
    ),
    Standing.TAMPERED: lazy("The authority's answer about the certificate was changed and does not count."),
    Standing.STRANGER: lazy(
        "The answer about the certificate is not by its authority, nor by one it appointed, and does not"
        " count."
    ),
}
LARGEST_MARK = 0.2  # of a page: a signature's picture may not hide the text beneath


@dataclass(frozen=True, slots=True)
class Examined:
    """What a file proves and what the register knows of it. ``match`` is of the file or its first text."""

    report: Report
    match: Match | None

    @property
    def whole(self) -> bool:
        """Whether the register knows this very file, as sealed here."""
        return self.match is not None and self.match.role == "sealed"

    @property
    def valid(self) -> bool:
        """Sound, and the file sealed here or, before the seal, of a text that no other followed."""
        match = self.match
        if match is None or match.superseded or not self.report.sound:
            return False
        return self.whole or match.agreement.sealed_document_id is None


def examine(data: bytes, *, patient: bool = False) -> Examined:
    """Check a file against the register and against whom its city trusted when it was sealed.

    ``patient`` as in `verify_pdf`; a file the register knows is always given its time.
    """
    match = match_hash(hashlib.sha256(data).hexdigest())
    text = None
    if match is None and (first := first_revision(data)):
        text = match_hash(hashlib.sha256(first).hexdigest())
    known = match or text
    city = known.agreement.city if known else None
    at = match.agreement.sealed_at if match and match.role == "sealed" else None
    report = verify_pdf(
        data,
        [*trust_roots(), *trust.roots(city, at)],
        at=at,
        revoked=trust.revocations(city),
        patient=patient or match is not None,
    )
    return Examined(report, match or (text if report.consented_sha256 else None))


def newest_file(agreement: Agreement, version: AgreementVersion) -> Document:
    """What the next signatory signs: the approved document under the certified signatures so far."""
    upload = SignedUpload.objects.filter(agreement=agreement).select_related("document").first()
    return upload.document if upload else version.document


def content_of(document: Document) -> bytes:
    """The stored bytes."""
    with documents.open_document(document) as file:
        return bytes(file.read())


def check(data: bytes, *, before: bytes, agreement: Agreement, party: Party) -> dict[str, Any]:
    """The validation report of a file that adds the party's one certified signature to ``before``.

    Raises Invalid (field ``file``) with the reason for everything else.
    """
    _inspect(data)
    if not data.startswith(before):
        raise refused(_why_other(data, agreement))
    anchors = list(trust.anchors_at(agreement.city))
    if not anchors:
        raise refused(_("The city's trust list is empty. The cooperation bureau adds an authority first."))
    authorities = trust.roots(agreement.city)
    report = verify_pdf(data, authorities, revoked=trust.revocations(agreement.city), patient=True)
    if report.finding is Finding.NO_SEAL or data == before:
        raise refused(_("Nobody has signed this file. It is the document as it was given out."))
    earlier = verify_pdf(before, authorities, patient=True).seals
    known = {(seal.field, seal.fingerprint) for seal in earlier}
    added = [seal for seal in report.seals if (seal.field, seal.fingerprint) not in known]
    if not report.sound:
        raise refused(str(SENTENCES[report.finding]))
    if len(added) != 1 or len(report.seals) != len(earlier) + 1:
        raise refused(_("Each party adds exactly one signature. Start again from the file given here."))
    seal = added[0]
    if seal.field == FIELD:
        raise refused(_("The frame on the last page is for the hub's seal. Sign in a field of your own."))
    if seal.final:
        raise refused(_("This signature forbids any further one. Sign again without locking the document."))
    if not same_person(seal.signer, party.signatory_name):
        raise refused(
            _("The certificate is of %(signer)s, but %(signatory)s signs for %(party)s.")
            % {
                "signer": seal.signer,
                "signatory": party.signatory_name,
                "party": party.organisation.name,
            }
        )
    if _hides_text(data):
        raise refused(
            _(
                "The picture of the signature covers text. Sign without one, or with a small one on the"
                " last page."
            )
        )
    return _kept(report, seal, anchors, timezone.now())


def sentences(seal: Seal) -> list[str]:
    """What the check found of one signature, in the reader's language."""
    when = seal.stamped or seal.time
    said = [
        _("%(signer)s signed; the certificate is by %(issuer)s.")
        % {"signer": seal.signer, "issuer": seal.issuer}
    ]
    if when:
        text = (
            _("A trusted time stamp says: %(when)s.")
            if seal.stamped
            else _("The signer's own clock says: %(when)s.")
        )
        said.append(text % {"when": _minute(when)})
    if seal.answer.at:
        said.append(_ANSWERED[seal.answer.standing] % {"when": _minute(seal.answer.at)})
    elif seal.answer.standing in _ANSWERED:
        said.append(str(_ANSWERED[seal.answer.standing]))
    if seal.trouble is Finding.SOUND:
        said.append(_("The document is unchanged under this signature, and the certificate was good."))
    else:
        said.append(str(SENTENCES[seal.trouble]))
    return said


def as_json(seal: Seal) -> dict[str, Any]:
    """One signature as data."""
    return {
        "signer": seal.signer,
        "issuer": seal.issuer,
        "time": seal.time.isoformat() if seal.time else None,
        "time_stamp": seal.stamped.isoformat() if seal.stamped else None,
        "certificate_sha256": seal.fingerprint,
        "certificate_until": seal.certified_until.isoformat() if seal.certified_until else None,
        "unchanged": seal.intact,
        "trusted": seal.trusted,
        "covers_whole_file": seal.whole_file,
        "ocsp": str(seal.answer.standing),
        "ocsp_at": seal.answer.at.isoformat() if seal.answer.at else None,
        "finding": str(seal.trouble),
    }


def _minute(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def _kept(report: Report, seal: Seal, anchors: list[Any], now: datetime) -> dict[str, Any]:
    said = {}
    for language in ("id", "en"):
        with translation.override(language):
            said[language] = sentences(seal)
    return {
        "sha256": report.sha256,
        "approved_sha256": report.consented_sha256,
        "checked_at": now.isoformat(),
        "trust_list": trust.version_of(anchors),
        "finding": str(report.finding),
        "signature": as_json(seal),
        "said": said,
    }


def _inspect(data: bytes) -> None:
    limit = settings.UPLOAD_LIMIT_BYTES
    if len(data) > limit:
        raise refused(_("The file is larger than %(limit)s MB.") % {"limit": f"{limit / 1024 / 1024:g}"})
    if kind_of(data, ".pdf") != PDF:
        raise refused(_("The file is not a PDF."))
    inspected(data, PDF)


def _why_other(data: bytes, agreement: Agreement) -> str:
    """Why a file that does not begin with the expected bytes is refused."""
    match = match_hash(hashlib.sha256(first_revision(data)).hexdigest())
    if match is None:
        return _("This is not the approved document: its bytes differ. Sign the file given here, unchanged.")
    if match.agreement.pk != agreement.pk:
        return _("This is the document of another agreement.")
    if match.superseded:
        return _("This is version %(number)s of the text. A newer one was approved; sign that one.") % {
            "number": match.version
        }
    return _("Another party's signature is missing from this file. Sign the newest file given here.")


def _hides_text(data: bytes) -> bool:
    """Whether a signature's picture stands elsewhere than on the last page, or is large. The seal's empty
    frame hides nothing: it was there when the text was approved.
    """
    reader: Any = opened(data)
    pages = int(reader.root["/Pages"]["/Count"])
    for number in range(pages):
        page = reader.find_page_for_modification(number)[0].get_object()
        for mark in page.get("/Annots", ()):
            mark = mark.get_object()
            if mark.get("/Subtype") != "/Widget" or mark.get("/T") == FIELD:
                continue
            left, bottom, right, top = (float(side) for side in mark["/Rect"])
            area = abs(right - left) * abs(top - bottom)
            if area and (number < pages - 1 or area > LARGEST_MARK * _area(page)):
                return True
    return False


def _area(page: Any) -> float:
    left, bottom, right, top = (float(side) for side in page.get("/MediaBox", (0, 0, 595, 842)))
    return abs(right - left) * abs(top - bottom)
