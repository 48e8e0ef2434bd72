"""The authorities a city trusts for signatures made elsewhere: a dated list, each entry with its source."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.agreements import rules
from balai.agreements.models import RevocationList, TrustAnchor
from balai.agreements.terms import tidy
from balai.core import ledger
from balai.core.errors import Invalid, Refused, Stale
from balai.core.rules import require
from balai.people.models import City, User

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, CertificateRevocationList

LARGEST = 5 * 1024 * 1024
LONGEST_SOURCE = 300


def anchors_at(city: City | None, at: datetime | None = None) -> QuerySet[TrustAnchor]:
    """What ``city`` (or any city) trusted at a moment, or trusts now."""
    moment = at or timezone.now()
    rows = TrustAnchor.objects.filter(trusted_from__lte=moment)
    rows = rows.filter(Q(trusted_until=None) | Q(trusted_until__gt=moment))
    return rows.filter(city=city) if city else rows


def roots(city: City | None, at: datetime | None = None) -> "list[Certificate]":
    """The certificates of `anchors_at`."""
    from cryptography.x509 import load_pem_x509_certificate

    return [load_pem_x509_certificate(a.certificate.encode()) for a in anchors_at(city, at)]


def revocations(city: City | None) -> list[bytes]:
    """Every revocation list kept, in DER. Old ones stay: whoever was revoked stays revoked."""
    rows = RevocationList.objects.all()
    return [bytes(row.content) for row in (rows.filter(city=city) if city else rows)]


def version_of(anchors: Iterable[TrustAnchor]) -> str:
    """A hash that names this state of the list, so that a report can say against what it was checked."""
    listed = "\n".join(sorted(anchor.fingerprint for anchor in anchors))
    return hashlib.sha256(listed.encode()).hexdigest()


def add_anchor(*, city: City, certificate: bytes, source: str, by: User) -> TrustAnchor:
    """Trust an authority from now on. Raises Refused, Invalid for the file, Stale where it is listed."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    require(rules.may_keep_trust(by, city))
    read = _authority(certificate)
    with transaction.atomic():
        try:
            with transaction.atomic():
                anchor = TrustAnchor.objects.create(
                    city=city,
                    name=_named(read)[:200],
                    certificate=read.public_bytes(Encoding.PEM).decode(),
                    fingerprint=read.fingerprint(SHA256()).hex(),
                    source=_source(source),
                    trusted_from=timezone.now(),
                    added_by=by.pseudonym,
                )
        except IntegrityError as clash:
            raise Stale(_("This authority is on the list already.")) from clash
        _note("trust.added", anchor, by, {"fingerprint": anchor.fingerprint, "source": anchor.source})
    return anchor


def withdraw_anchor(*, anchor: TrustAnchor, reason: str, by: User) -> None:
    """Trust an authority no longer. What was sealed before stays judged by the list of its day."""
    require(rules.may_keep_trust(by, anchor.city))
    reason = tidy(reason)
    if not reason or len(reason) > 500:
        raise Invalid(_("Say why."), {"reason": [_("A reason of 1 to 500 characters is needed.")]})
    with transaction.atomic():
        changed = TrustAnchor.objects.filter(pk=anchor.pk, trusted_until=None).update(
            trusted_until=timezone.now(), withdrawn_reason=reason
        )
        if not changed:
            raise Stale(_("Somebody was faster: this authority is off the list."))
        _note("trust.withdrawn", anchor, by, {"fingerprint": anchor.fingerprint, "reason": reason})


def add_revocations(*, city: City, content: bytes, source: str, by: User) -> RevocationList:
    """Keep a list of revoked certificates. Raises Invalid unless a trusted authority signed it."""
    from cryptography.hazmat.primitives.serialization import Encoding

    require(rules.may_keep_trust(by, city))
    read = _list(content)
    anchor = next((a for a in anchors_at(city) if _signed_by(read, a)), None)
    if anchor is None:
        raise Invalid(
            _("The list was not kept."),
            {"file": [_("No authority on the trust list signed this list. Add the authority first.")]},
        )
    der = read.public_bytes(Encoding.DER)
    sha256 = hashlib.sha256(der).hexdigest()
    with transaction.atomic():
        kept, new = RevocationList.objects.get_or_create(
            city=city,
            sha256=sha256,
            defaults={
                "anchor": anchor,
                "content": der,
                "entries": len(read),
                "source": _source(source),
                "issued_at": read.last_update_utc,
                "added_by": by.pseudonym,
                "added_at": timezone.now(),
            },
        )
        if not new:
            raise Stale(_("This list is kept already."))
        _note("trust.revocations", anchor, by, {"sha256": sha256, "entries": kept.entries})
    return kept


def _authority(data: bytes) -> "Certificate":
    """One certificate of an authority, PEM or DER, within its term."""
    from cryptography.x509 import (
        BasicConstraints,
        ExtensionNotFound,
        load_der_x509_certificate,
        load_pem_x509_certificate,
    )

    def wrong(why: str) -> Invalid:
        return Invalid(_("The authority was not added."), {"file": [why]})

    if len(data) > LARGEST:
        raise wrong(_("The file is larger than %(limit)s MB.") % {"limit": LARGEST >> 20})
    try:
        pem = b"-----BEGIN" in data
        read = load_pem_x509_certificate(data) if pem else load_der_x509_certificate(data)
        constraints = read.extensions.get_extension_for_class(BasicConstraints).value
    except ExtensionNotFound as fault:
        raise wrong(_("This certificate is not one of an authority.")) from fault
    except ValueError as fault:
        raise wrong(_("The file holds no certificate (PEM or DER).")) from fault
    if not constraints.ca:
        raise wrong(_("This certificate is not one of an authority."))
    if not read.not_valid_before_utc <= timezone.now() < read.not_valid_after_utc:
        raise wrong(_("This certificate is outside its term."))
    return read


def _list(data: bytes) -> "CertificateRevocationList":
    from cryptography.x509 import load_der_x509_crl, load_pem_x509_crl

    if len(data) > LARGEST:
        raise Invalid(
            _("The list was not kept."),
            {"file": [_("The file is larger than %(limit)s MB.") % {"limit": LARGEST >> 20}]},
        )
    try:
        return load_pem_x509_crl(data) if b"-----BEGIN" in data else load_der_x509_crl(data)
    except ValueError as fault:
        raise Invalid(
            _("The list was not kept."), {"file": [_("The file holds no revocation list (CRL).")]}
        ) from fault


def _signed_by(read: "CertificateRevocationList", anchor: TrustAnchor) -> bool:
    from cryptography.x509 import load_pem_x509_certificate

    authority = load_pem_x509_certificate(anchor.certificate.encode())
    key = authority.public_key()
    return read.issuer == authority.subject and read.is_signature_valid(key)  # type: ignore[arg-type]


def _named(read: "Certificate") -> str:
    from cryptography.x509.oid import NameOID

    common = read.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else read.subject.rfc4514_string()


def _source(text: str) -> str:
    text = tidy(text)
    if not text or len(text) > LONGEST_SOURCE or "\n" in text:
        raise Invalid(
            _("Say where it comes from."),
            {"source": [_("One line of at most %(limit)s characters.") % {"limit": LONGEST_SOURCE}]},
        )
    return text


def _note(verb: str, anchor: TrustAnchor, by: User, data: dict[str, object]) -> None:
    hat = rules.keeps_trust_of(by)
    if hat is None:
        raise Refused(_("Only the city's cooperation bureau keeps its trust list."))
    ledger.append(
        verb=verb,
        subject=f"trust:{anchor.pk}",
        thread=f"trust:{anchor.city_id}",
        by=by,
        role=hat.role,
        organisation=hat.organisation_id,
        city=anchor.city_id,
        public=True,
        data=data,
    )
