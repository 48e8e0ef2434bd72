"""The public page that says whether a document is what the hub sealed."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from balai.agreements import codes, trust
from balai.agreements.certified import Examined, examine, sentences
from balai.agreements.models import Agreement
from balai.agreements.queries import Match, match_hash, with_parties
from balai.agreements.sealing import trust_roots
from balai.agreements.verifying import UNREADABLE, Finding, Report
from balai.portal.agreements.forms import HashForm, VerifyForm
from balai.portal.agreements.views import Validity, validity
from balai.portal.limits import limited, too_many

FILES_PER_MINUTE = 12
HASHES_PER_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page says: one heading, one sentence, one tone."""

    heading: str
    sentence: str
    tone: str


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Is this document genuine? By file, by hash, or by the code printed on it."""
    file_form, hash_form = VerifyForm(), HashForm()
    context: dict[str, Any] = {}
    status = 200
    if request.method == "POST":
        if limited(request, "verify.file", per_minute=FILES_PER_MINUTE):
            return too_many(request)
        file_form = VerifyForm(request.POST, request.FILES)
        if file_form.is_valid() and _fits(file_form):
            found = examine(file_form.cleaned_data["file"].read())
            context = _of_file(request, found)
            status = 422 if found.report.finding in UNREADABLE else 200
        else:
            status = 422
    elif "sha256" in request.GET:
        if limited(request, "verify.hash", per_minute=HASHES_PER_MINUTE):
            return too_many(request)
        hash_form = HashForm(request.GET)
        if hash_form.is_valid():
            sha256 = hash_form.cleaned_data["sha256"].strip().lower()
            context = _of_hash(request, sha256)
        else:
            status = 422
    elif "dokumen" in request.GET:
        context = _of_code(request)
    return render(
        request,
        "agreements/verify.html",
        {"file_form": file_form, "hash_form": hash_form, "roots": _roots(), **context},
        status=status,
    )


def _fits(form: VerifyForm) -> bool:
    file: UploadedFile[Any] = form.cleaned_data["file"]
    if (file.size or 0) <= settings.UPLOAD_LIMIT_BYTES:
        return True
    limit = settings.UPLOAD_LIMIT_BYTES // (1024 * 1024)
    text = ngettext("The file is larger than %(limit)s MB.", "The file is larger than %(limit)s MB.", limit)
    form.add_error("file", text % {"limit": limit})
    return False


def _of_file(request: HttpRequest, found: Examined) -> dict[str, Any]:
    report, match = found.report, found.match
    signed = [{"it": seal, "said": sentences(seal)} for seal in report.seals]
    answer = _signed(found) or _answer(report, match)
    return {"signed": signed, "answer": answer, "sha256": report.sha256, **_shown(request, match)}


def _signed(found: Examined) -> Answer | None:
    """What to say of a text of this register that was signed, but is not the file sealed here."""
    match, report = found.match, found.report
    if match is None or found.whole or not report.seals:
        return None
    if not report.sound:
        return Answer(_("Not genuine"), str(report.sentence), "stop")
    sentence = (
        _("The signatures are good, but this is version %(number)s of the text and another came after it.")
        if match.superseded
        else _("The signatures are good. This is version %(number)s of the text, not the file sealed here.")
    )
    return Answer(_("Signed, not the sealed document"), sentence % {"number": match.version}, "wait")


def _of_hash(request: HttpRequest, sha256: str) -> dict[str, Any]:
    match = match_hash(sha256)
    return {"answer": _answer(None, match), "sha256": sha256, **_shown(request, match)}


def _of_code(request: HttpRequest) -> dict[str, Any]:
    """What the register says of a printed code: whose it is, and whether it has the terms printed with it."""
    try:
        code = codes.read(request.get_full_path())
    except ValueError:
        return {"answer": _unknown()}
    agreement = with_parties(Agreement.objects.visible_to(request.user)).filter(pk=code.agreement).first()
    if agreement is None:
        return {"answer": _unknown()}
    match = match_hash(code.terms) if code.terms else None
    shown = {"agreement": agreement, "valid": validity(agreement), "code": code}
    if code.terms and (match is None or match.agreement.pk != agreement.pk or match.version != code.version):
        sentence = _(
            "The agreement is on this register, but it has no version with the terms this code names."
            " Do not rely on the paper."
        )
        return {"answer": Answer(_("The code does not fit"), sentence, "stop"), **shown}
    sentence = _(
        "That alone proves nothing about the paper or file in your hand:"
        " check the file, or compare its SHA-256."
    )
    if match is not None:
        sentence = (
            _("It was printed from version %(number)s of the text. Another came after it.")
            if match.superseded
            else _("It was printed from version %(number)s of the text, the latest.")
        ) % {"number": code.version} + f" {sentence}"
    tone = "wait" if match is not None and match.superseded else "neutral"
    return {"answer": Answer(_("The code belongs to this agreement"), sentence, tone), **shown}


def _shown(request: HttpRequest, match: Match | None) -> dict[str, Any]:
    """Register facts of the match, as far as this reader may see them."""
    if match is None:
        return {}
    visible = Agreement.objects.visible_to(request.user).filter(pk=match.agreement.pk).exists()
    valid: Validity = validity(match.agreement)
    return {"match": match, "agreement": match.agreement, "valid": valid} if visible else {"match": match}


def _answer(report: Report | None, match: Match | None) -> Answer:
    """Put what the file proves and what the register knows into one sentence."""
    if match and match.role == "sealed":
        if report is None or report.sound:
            return Answer(
                _("Genuine"), _("This is exactly the document that was signed and sealed on this hub."), "go"
            )
        return Answer(
            _("On the register, but check the seal"),
            _("The register knows this file, but its seal cannot be confirmed now: %(why)s")
            % {"why": report.sentence},
            "wait",
        )
    if match and match.role == "version":
        sentence = (
            _("This is version %(number)s of the text. Another came after it. It is not the sealed document.")
            if match.superseded
            else _("This is version %(number)s of the text, before the seal. It is not the sealed document.")
        )
        return Answer(_("A text, not the sealed document"), sentence % {"number": match.version}, "wait")
    if match:
        return Answer(
            _("The fingerprint is known"),
            _("It is the fingerprint of the terms of version %(number)s. To check a file, give its SHA-256.")
            % {"number": match.version},
            "neutral",
        )
    if report is None:
        return _unknown()
    if report.finding is Finding.SOUND:
        return Answer(
            _("Sealed, but not on this register"),
            _("The seal is intact and trusted, but this hub has no agreement with this file."),
            "wait",
        )
    return Answer(_("Not genuine"), str(report.sentence), "stop")


def _unknown() -> Answer:
    return Answer(
        _("Not known here"),
        _("No agreement on this hub has this hash or code. Check that you copied all of it."),
        "stop",
    )


def _roots() -> list[dict[str, str]]:
    """The authorities this hub trusts, by name and fingerprint."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import NameOID

    return [
        {
            "name": str(root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
            if root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            else root.subject.rfc4514_string(),
            "fingerprint": root.fingerprint(SHA256()).hex(),
        }
        for root in [*trust_roots(), *trust.roots(None)]
    ]
