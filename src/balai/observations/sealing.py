"""Encryption of what only the hub reads: rows that a partner sent wrong, and secrets it must know again."""

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from balai.observations.segments import sync_folder

NONCE = 12


def key_in(path: Path) -> bytes:
    """The 32 bytes kept in ``path``, made there once; every node that shares the folder has the same."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}")
        with open(aside, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(AESGCM.generate_key(256))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
        sync_folder(path.parent)
        sync_folder(path.parent.parent)
    return path.read_bytes()


class RowSeal:
    """AES-256-GCM under a key made once and kept in ``path``."""

    def __init__(self, path: Path) -> None:
        self._cipher = AESGCM(key_in(path))

    def seal(self, raw: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE)
        return nonce + self._cipher.encrypt(nonce, raw, None)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. Raises ValueError where the bytes were altered or another key sealed them."""
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], None)
        except InvalidTag:
            raise ValueError("not sealed by this hub") from None
