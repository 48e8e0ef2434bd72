"""Secrets and signatures of Standard Webhooks: HMAC-SHA256 (v1) and Ed25519 (v1a)."""

import base64
import hashlib
import hmac
import secrets
from contextlib import suppress
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from balai.observations import places
from balai.observations.sealing import RowSeal
from balai.observations.webhooks.models import Scheme, Webhook

SECRET_BYTES = 32


def new_key() -> bytes:
    """A secret of v1, or the private key of v1a."""
    return secrets.token_bytes(SECRET_BYTES)


def seal(key: bytes) -> bytes:
    """The key as the database may hold it."""
    return _seal().seal(key)


def told(scheme: str, key: bytes) -> str:
    """What the receiver needs to verify: the secret itself (``whsec_…``), or the public key (``whpk_…``)."""
    if scheme == Scheme.SHARED:
        return f"whsec_{base64.b64encode(key).decode()}"
    public = Ed25519PrivateKey.from_private_bytes(key).public_key()
    return f"whpk_{base64.b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()}"


def public_key(webhook: Webhook) -> str:
    """The public key of an address that has one; empty for a shared secret, which is told once only."""
    if webhook.scheme != Scheme.PUBLIC:
        return ""
    try:
        return told(webhook.scheme, _seal().open(bytes(webhook.sealed)))
    except ValueError:
        return ""


def sign(scheme: str, key: bytes, message: str, at: int, body: bytes) -> str:
    """One signature over ``message.at.body``, with the scheme's name in front."""
    content = f"{message}.{at}.".encode() + body
    if scheme == Scheme.SHARED:
        made = hmac.digest(key, content, hashlib.sha256)
    else:
        made = Ed25519PrivateKey.from_private_bytes(key).sign(content)
    return f"{scheme},{base64.b64encode(made).decode()}"


def headers(webhook: Webhook, message: str, body: bytes, now: datetime) -> dict[str, str]:
    """The three headers of one attempt; while a replaced key counts, both sign.

    Raises ValueError where the key was sealed by another hub, as after a restore without its keys.
    """
    box, at = _seal(), int(now.timestamp())
    keys = [box.open(bytes(webhook.sealed))]
    if webhook.old_sealed is not None and webhook.old_until is not None and now < webhook.old_until:
        with suppress(ValueError):
            keys.append(box.open(bytes(webhook.old_sealed)))
    signatures = [sign(webhook.scheme, key, message, at, body) for key in keys]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(signatures),
    }


def _seal() -> RowSeal:
    return RowSeal(places.root() / "webhooks.key")
