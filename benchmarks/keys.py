"""The keys seals are made with, and what the bare signature of each costs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from cryptography.x509.oid import NameOID

KINDS: dict[str, Callable[[], Any]] = {
    "EC P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RSA 2048": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "RSA 3072": lambda: rsa.generate_private_key(public_exponent=65537, key_size=3072),
}


@dataclass(frozen=True, slots=True)
class Bare:
    """A key with nothing around it."""

    key: Any

    def sign(self, data: bytes) -> bytes:
        return bytes(self.key.sign(data, *self._how()))

    def verify(self, signature: bytes, data: bytes) -> None:
        self.key.public_key().verify(signature, data, *self._how())

    def _how(self) -> tuple[Any, ...]:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return padding.PKCS1v15(), hashes.SHA256()
        return (ec.ECDSA(hashes.SHA256()),)


def certified(key: Any) -> x509.Certificate:
    """A certificate the key gave itself, good for a day."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Segel ukur")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
        .sign(key, hashes.SHA256())
    )


def packed(path: Path, key: Any, certificate: x509.Certificate | None = None) -> Path:
    """The key with its certificate in one file (PKCS#12)."""
    given = certificate or certified(key)
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"segel", key, given, None, NoEncryption()))
    return path
