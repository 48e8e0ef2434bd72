"""The hub's key, read once a process. Import inside functions: pyHanko takes a second.

Reading an RSA key checks its primes, which costs a hundred signatures; a ceremony seals hundreds of files.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key
from pyhanko.sign import SimpleSigner

HASHES: dict[str, Callable[[], HashAlgorithm]] = {"sha256": SHA256, "sha384": SHA384, "sha512": SHA512}


class HeldSigner(SimpleSigner):
    """A signer that keeps its key ready."""

    def __init__(self, read: SimpleSigner) -> None:
        super().__init__(
            signing_cert=read.signing_cert, signing_key=read.signing_key, cert_registry=read.cert_registry
        )
        self.key = load_der_private_key(read.signing_key.dump(), password=None)

    def sign_raw(self, data: bytes, digest_algorithm: str) -> bytes:
        algorithm = HASHES[digest_algorithm]()
        if isinstance(self.key, EllipticCurvePrivateKey):
            return self.key.sign(data, ECDSA(algorithm))
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(data, PKCS1v15(), algorithm)
        return bytes(super().sign_raw(data, digest_algorithm))


def held(path: Path, password: str) -> HeldSigner:
    """The signer of a PKCS#12 file; read anew where the file changed. Raises OSError or ValueError."""
    stat = path.stat()
    return _held(path, password, stat.st_mtime_ns, stat.st_size, stat.st_ino)


@lru_cache(maxsize=4)
def _held(path: Path, password: str, *_changed: int) -> HeldSigner:
    read = SimpleSigner.load_pkcs12_data(
        path.read_bytes(), other_certs=[], passphrase=password.encode() or None
    )
    return HeldSigner(read)
