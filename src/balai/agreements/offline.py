"""A file against the code printed on paper: neither network nor database is asked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from balai.agreements import codes
from balai.agreements.codes import Code
from balai.agreements.verifying import MOST_OBJECTS, Report, first_revision, verify_pdf
from balai.core.pdf import opened

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


@dataclass(frozen=True, slots=True)
class Compared:
    """What a file and a code say of each other. ``terms`` is what the file carries, empty where that cannot
    be relied on; ``authority`` the name of the authority the code names, empty where the file has none.
    """

    code: Code
    report: Report
    terms: str
    authority: str
    sealed_under_it: bool

    @property
    def same_terms(self) -> bool:
        return bool(self.terms) and self.terms == self.code.terms

    @property
    def valid(self) -> bool:
        """Sound, of the terms on the paper, and sealed under the authority the paper names."""
        return self.report.sound and self.same_terms and (self.sealed_under_it or not self.code.authority)

    @property
    def sentences(self) -> list[str]:
        """What was found, in the reader's language."""
        return [self._of_terms(), self._of_authority()]

    def _of_terms(self) -> str:
        if not self.code.terms:
            return _("This code is an older one. It names the agreement, but not what to compare.")
        if self.same_terms:
            return _("The file has the terms the code names: version %(number)s.") % {
                "number": self.code.version
            }
        if self.terms:
            return _(
                "The file has other terms than the code names, which is of version %(number)s."
                " Paper and file are not the same text."
            ) % {"number": self.code.version}
        return _("The file does not say reliably which terms it has, so it cannot be compared with the code.")

    def _of_authority(self) -> str:
        if not self.code.authority:
            return _("The code names no authority of the seal.")
        if self.sealed_under_it:
            return _(
                "The last seal leads to the authority the code names: %(name)s. Compare its fingerprint with"
                " the one the city publishes: %(fingerprint)s…"
            ) % {"name": self.authority, "fingerprint": self.code.authority}
        return _("No seal in the file leads to the authority the code names.")


def compare(
    data: bytes, code: Code, *, trust: "Iterable[Certificate]" = (), revoked: Sequence[bytes] = ()
) -> Compared:
    """Check ``data`` by the authorities in ``trust`` and the one that ``code`` names, where the file
    encloses it. Never raises.
    """
    trust = list(trust)
    named = codes.named(code, {*trust, *enclosed(data)})
    report = verify_pdf(data, [*trust, *named], revoked=revoked, patient=True)
    under = verify_pdf(data, named, revoked=revoked, patient=True).seals if named else ()
    return Compared(
        code=code,
        report=report,
        terms=codes.terms_of(first_revision(data)) if report.consented_sha256 and report.intact else "",
        authority=_name(named[0]) if named else "",
        sealed_under_it=bool(under) and under[-1].trusted and under[-1].intact,
    )


def enclosed(data: bytes) -> "list[Certificate]":
    """Every certificate enclosed in the file's signatures; none where it cannot be read."""
    from cryptography.x509 import load_der_x509_certificate

    try:
        reader: Any = opened(data, most=MOST_OBJECTS)
        found = {
            choice.chosen.dump()
            for signature in reader.embedded_regular_signatures
            for choice in signature.signed_data["certificates"] or ()
        }
        return [load_der_x509_certificate(der) for der in sorted(found)]
    except Exception:  # a hostile file may break the parser anywhere
        return []


def _name(authority: "Certificate") -> str:
    from cryptography.x509.oid import NameOID

    common = authority.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else authority.subject.rfc4514_string()
