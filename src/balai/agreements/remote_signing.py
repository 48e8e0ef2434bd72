"""Signing through a remote provider: the hub prepares, the provider signs the hash, the hub embeds it.

What comes out is a certified signature like one made with any other program, and goes through the same check.
pyHanko takes a second to import, so it is loaded inside the functions.
"""

import hashlib
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from balai.agreements import actions, certified, rules
from balai.agreements.actions import _fresh, _latest, _same
from balai.agreements.csc import Credential, Provider, ProviderError, Session, read_providers
from balai.agreements.models import Agreement, Party, Signature
from balai.core.errors import Invalid, Refused
from balai.core.rules import require
from balai.people.models import User

if TYPE_CHECKING:
    from pyhanko.sign import Signer

RSA_SHA256 = "1.2.840.113549.1.1.11"
RSA = "1.2.840.113549.1.1.1"
ECDSA_SHA256 = "1.2.840.10045.4.3.2"


class RemoteSigner(Protocol):
    """What the hub asks of a remote signing service. `csc.Session` is the one it ships."""

    @property
    def provider(self) -> Provider: ...

    def credentials(self, user_id: str) -> list[Credential]: ...

    def credential(self, credential_id: str) -> Credential | None: ...

    def send_otp(self, credential_id: str) -> None: ...

    def authorize(
        self, credential_id: str, digest: bytes, *, pin: str = "", otp: str = "", description: str = ""
    ) -> str: ...

    def sign_hash(self, credential_id: str, sad: str, digest: bytes, algorithm: str) -> bytes: ...


def providers() -> tuple[Provider, ...]:
    """The services the operator configured. Raises ImproperlyConfigured where they cannot be read."""
    try:
        return _read(settings.SIGNING_PROVIDERS)
    except (ValueError, OSError) as fault:
        raise ImproperlyConfigured(f"BALAI_SIGNING_PROVIDERS: {fault}") from None


@cache
def _read(text: str) -> tuple[Provider, ...]:
    return read_providers(text)


def session_with(key: str) -> Session:
    """A session with one of `providers`. Raises Refused for an unknown key."""
    provider = next((p for p in providers() if p.key == key), None)
    if provider is None:
        raise Refused(_("This hub has no such signing service."))
    return Session(provider)


def find_credentials(*, signer: RemoteSigner, user_id: str) -> list[Credential]:
    """The person's keys at the provider. Raises Invalid (field ``user_id``) where there is none."""
    try:
        found = signer.credentials(user_id.strip())
    except ProviderError as fault:
        raise _refusal(fault, signer, "user_id") from None
    if not found:
        raise Invalid(
            _("Nothing was signed."),
            {
                "user_id": [
                    _("%(name)s knows no usable key of this account.") % {"name": signer.provider.name}
                ]
            },
        )
    return found


def send_code(*, signer: RemoteSigner, credential_id: str) -> None:
    """Have the provider send its one-time code. Raises Invalid."""
    try:
        signer.send_otp(credential_id)
    except ProviderError as fault:
        raise _refusal(fault, signer, "otp") from None


def holder(credential: Credential) -> str:
    """The name in the credential's certificate."""
    from cryptography.x509 import load_der_x509_certificate
    from cryptography.x509.oid import NameOID

    try:
        read = load_der_x509_certificate(credential.chain[0])
    except (ValueError, IndexError):
        return ""
    named = read.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(named[0].value) if named else read.subject.rfc4514_string()


def sign_remotely(
    *,
    agreement: Agreement,
    signer: RemoteSigner,
    credential_id: str,
    by: User,
    seen_sha256: str,
    pin: str = "",
    otp: str = "",
) -> Signature:
    """Sign with the person's key at the provider; it counts like a certified signature brought as a file.

    No transaction is open while the provider is asked. Raises Refused, Stale, and Invalid with the field
    (``pin``, ``otp``, ``user_id``) to correct; what is refused leaves nothing.
    """
    agreement = _fresh(agreement)
    party = rules.party_to_sign(by, agreement)
    require(rules.may_sign(by, agreement, party))
    assert party is not None
    latest = _latest(agreement, None)
    _same(latest, seen_sha256)
    before = certified.content_of(certified.newest_file(agreement, latest))
    try:
        credential = signer.credential(credential_id)
        if credential is None:
            raise ProviderError("disabled")
        data = _signed(before, credential, signer, party, pin=pin, otp=otp, about=str(agreement))
    except ProviderError as fault:
        raise _refusal(fault, signer, "user_id") from None
    try:
        return actions.bring_signed(
            agreement=agreement,
            file=BytesIO(data),
            name=f"{signer.provider.key}.pdf",
            by=by,
            provider=signer.provider.key,
        )
    except Invalid as fault:
        reasons = [reason for messages in fault.fields.values() for reason in messages] or [fault.reason]
        raise Invalid(fault.reason, {"user_id": reasons}) from fault


def _signed(
    pdf: bytes, credential: Credential, remote: RemoteSigner, party: Party, *, pin: str, otp: str, about: str
) -> bytes:
    """The file with one more PAdES signature; its bytes stay a prefix."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, PdfSigner
    from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter

    name = f"Pihak{party.place}"
    made = PdfSigner(
        PdfSignatureMetadata(field_name=name, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES),
        signer=_signer(credential, remote, pin=pin, otp=otp, about=about),
        new_field_spec=SigFieldSpec(name, on_page=-1),
    )
    data: bytes = made.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf))).getvalue()
    return data


def _signer(credential: Credential, remote: RemoteSigner, *, pin: str, otp: str, about: str) -> "Signer":
    from asn1crypto import algos
    from asn1crypto import x509 as asn1
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.x509 import load_der_x509_certificate
    from pyhanko.sign import Signer
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    try:
        chain = [asn1.Certificate.load(der) for der in credential.chain]
        key = load_der_x509_certificate(credential.chain[0]).public_key()
    except (ValueError, IndexError) as fault:
        raise ProviderError("garbled") from fault
    if isinstance(key, rsa.RSAPublicKey) and {RSA, RSA_SHA256} & set(credential.algorithms):
        algorithm, mechanism, size = RSA_SHA256, "sha256_rsa", key.key_size // 8
    elif isinstance(key, ec.EllipticCurvePublicKey) and ECDSA_SHA256 in credential.algorithms:
        algorithm, mechanism, size = ECDSA_SHA256, "sha256_ecdsa", 2 * (key.key_size + 7) // 8 + 16
    else:
        raise ProviderError("unsupported")

    def holds(signature: bytes, data: bytes) -> bool:
        try:
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
            elif isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    class Remote(Signer):
        """Asks the provider to sign the hash of what pyHanko would sign."""

        async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
            if dry_run:
                return bytes(size)
            digest = hashlib.new(digest_algorithm, data).digest()
            sad = remote.authorize(credential.id, digest, pin=pin, otp=otp, description=about)
            signature = remote.sign_hash(credential.id, sad, digest, algorithm)
            if not holds(signature, data):
                raise ProviderError("wrong_signature")
            return signature

    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(chain[1:])
    made: Any = Remote(
        signing_cert=chain[0],
        cert_registry=store,
        signature_mechanism=algos.SignedDigestAlgorithm({"algorithm": mechanism}),
        embed_roots=False,
    )
    signer: Signer = made
    return signer


def _refusal(fault: ProviderError, remote: RemoteSigner, field: str) -> Invalid:
    """The provider's error as a sentence at the field to correct."""
    name = remote.provider.name
    sentences = {
        "unreachable": _("%(name)s does not answer. Nothing was signed; try again later."),
        "garbled": _("%(name)s answered something that cannot be used. Nothing was signed."),
        "wrong_signature": _(
            "%(name)s returned a signature that is not of this document. Nothing was signed."
        ),
        "invalid_pin": _("%(name)s refused the PIN."),
        "invalid_otp": _("%(name)s refused the one-time code. Ask for a new one."),
        "expired_otp": _("%(name)s refused the one-time code. Ask for a new one."),
        "invalid_token": _("%(name)s does not accept this hub. The operator has to look at it."),
        "invalid_client": _("%(name)s does not accept this hub. The operator has to look at it."),
        "disabled": _("%(name)s says that this key cannot be used now."),
        "unsupported": _("The key at %(name)s is of a kind this hub cannot use (RSA or ECDSA with SHA-256)."),
        "invalid_sad": _("%(name)s ended the approval before it was used. Nothing was signed; start again."),
    }
    places = {"invalid_pin": "pin", "invalid_otp": "otp", "expired_otp": "otp"}
    sentence = sentences.get(fault.code, _("%(name)s refused. Nothing was signed."))
    return Invalid(_("Nothing was signed."), {places.get(fault.code, field): [sentence % {"name": name}]})
