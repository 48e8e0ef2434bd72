"""Signatures as SNAP BI (Bank Indonesia's open payment standard) makes them, and the tokens between them.

Three texts are signed: for a token ``client|time`` (SHA256withRSA); for a call with a token
``METHOD:path:token:digest:time`` (HMAC-SHA512 under the client's secret); for a notice without one
``METHOD:path:digest:time`` (SHA256withRSA). The digest is SHA-256 of the body without the blanks between its
parts, in small hexadecimal letters.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from django.utils.translation import gettext as _

LEAST_BITS, MOST_BITS = 2048, 8192
TOKEN_SECONDS = 900
MOST_REMEMBERED = 100_000

_blank_or_text = re.compile(rb'[ \t\r\n]+|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)


class PublicKeyError(ValueError):
    """The text is no public key that a client may sign for; the message says why to its owner."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who signs: the public key for its RSA signatures, the secret for its HMACs.

    ``stamp`` changes with either, so that tokens of former credentials are dead.
    """

    id: str
    public_key: RSAPublicKey
    secret: bytes
    stamp: bytes


def public_key_of(pem: str) -> RSAPublicKey:
    """The RSA public key in a PEM text, of 2048 to 8192 bits. Raises PublicKeyError."""
    if "PRIVATE KEY" in pem:
        raise PublicKeyError(_("This is a private key. Keep it, and send the public one."))
    try:
        key = load_pem_public_key(pem.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        raise PublicKeyError(_("This is no public key in PEM form.")) from None
    if not isinstance(key, RSAPublicKey):
        raise PublicKeyError(_("This is not an RSA key."))
    if not LEAST_BITS <= key.key_size <= MOST_BITS:
        raise PublicKeyError(
            _("The key has %(bits)s bits; it needs %(least)s to %(most)s.")
            % {"bits": key.key_size, "least": LEAST_BITS, "most": MOST_BITS}
        )
    return key


def pem_of(key: RSAPublicKey) -> str:
    """The key in the one form it is kept in."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def client_of(client: str, pem: str, secret: bytes) -> Client:
    """What a node needs to know of a client. Raises PublicKeyError."""
    stamp = hashlib.sha256(b"\0".join((client.encode(), pem.encode(), secret))).digest()
    return Client(client, public_key_of(pem), secret, stamp)


def minify(body: bytes) -> bytes:
    """A JSON body without the blanks between its parts; strings and numbers stay to the byte."""
    return _blank_or_text.sub(lambda found: found[0] if found[0][:1] == b'"' else b"", body)


def text_for_token(client: str, timestamp: str) -> bytes:
    return f"{client}|{timestamp}".encode()


def text_for_call(method: str, path: str, token: str, body: bytes, timestamp: str) -> bytes:
    """What is signed of a call; ``token`` is empty for a notice without one."""
    digest = hashlib.sha256(minify(body) if body else b"").hexdigest()
    parts = (
        (method.upper(), path, token, digest, timestamp)
        if token
        else (method.upper(), path, digest, timestamp)
    )
    return ":".join(parts).encode()


def signature_of(text: str) -> bytes:
    """The bytes of a Base64 signature, with its padding or without; empty where it is none."""
    try:
        return base64.b64decode((text + "=" * (-len(text) % 4)).encode("latin-1"), validate=True)
    except (binascii.Error, ValueError):
        return b""


def rsa_holds(key: RSAPublicKey, signature: bytes, text: bytes) -> bool:
    """Whether the signature (SHA256withRSA, PKCS #1 v1.5) is of this text."""
    try:
        key.verify(signature, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def mac_of(secret: bytes, text: bytes) -> bytes:
    """HMAC-SHA512, 64 bytes."""
    return hmac.digest(secret, text, "sha512")


def mac_holds(secret: bytes, signature: bytes, text: bytes) -> bool:
    """Whether the signature is of this text, in the same time whatever it is."""
    return hmac.compare_digest(mac_of(secret, text), signature)


def issue_token(key: bytes, client: Client, now: float) -> str:
    """A token of 900 seconds that any node with the same key knows, and that needs no memory."""
    claims = f"{client.id}.{int(now) + TOKEN_SECONDS}.{secrets.token_urlsafe(12)}"
    return f"{claims}.{_seal(key, claims, client)}"


def bearer_of(token: str) -> str:
    """Whose token this claims to be."""
    return token.partition(".")[0]


def token_holds(key: bytes, client: Client, token: str, now: float) -> bool:
    """Whether this hub gave the token to the client with its credentials of today, and it has not run out."""
    claims, _dot, seal = token.rpartition(".")
    if not hmac.compare_digest(_seal(key, claims, client).encode(), seal.encode()):
        return False
    until = claims.split(".")[1]
    return now < int(until)


def _seal(key: bytes, claims: str, client: Client) -> str:
    said = hmac.digest(key, client.stamp + claims.encode(), "sha256")
    return base64.urlsafe_b64encode(said).decode().rstrip("=")


class Seen:
    """The signatures of the last minutes, each with the number it first came under.

    It forgets the oldest beyond ``most``; a row sent twice is then still known by its event.
    """

    def __init__(self, seconds: float, most: int = MOST_REMEMBERED) -> None:
        self._seconds, self._most = seconds, most
        self._first: OrderedDict[bytes, tuple[float, str]] = OrderedDict()

    def first(self, signature: bytes, number: str, now: float | None = None) -> bool:
        """Remember the signature; False where it came before under another number."""
        now = time.time() if now is None else now
        while self._first:
            oldest = next(iter(self._first))
            if len(self._first) <= self._most and self._first[oldest][0] > now:
                break
            del self._first[oldest]
        short = hashlib.blake2b(signature, digest_size=16).digest()
        known = self._first.setdefault(short, (now + self._seconds, number))
        return known[1] == number
