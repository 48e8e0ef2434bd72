"""The code printed on an agreement: an address that also says, without any network, what to compare.

``https://hub/verifikasi/?dokumen=<agreement>&segel=<authority>&versi=<number>&isi=<terms>``: ``isi`` is the
SHA-256 of the terms and ``segel`` the first 16 bytes of the SHA-256 of the certificate of the authority the
hub's seal leads to, both in base64url without padding.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.x509 import Certificate

AUTHORITY_BYTES = 16
LONGEST = 600


@dataclass(frozen=True, slots=True)
class Code:
    """What a printed code says. Hashes are in hexadecimal; ``authority`` is the beginning of one."""

    agreement: UUID
    version: int | None = None
    terms: str = ""
    authority: str = ""


def printed(verify_at: str, *, version: int, fingerprint: str) -> str:
    """The whole code of a version: its ``verify_at`` and what to compare."""
    joint = "&" if "?" in verify_at else "?"
    return f"{verify_at}{joint}versi={version}&isi={_packed(bytes.fromhex(fingerprint))}"


def mark_of(authority: "Certificate | None") -> str:
    """The part of `printed` that names the seal's authority; empty where there is none."""
    from cryptography.hazmat.primitives.hashes import SHA256

    if authority is None:
        return ""
    return f"&segel={_packed(authority.fingerprint(SHA256())[:AUTHORITY_BYTES])}"


def read(text: str) -> Code:
    """What a scanned code says. Raises ValueError, with a sentence, for anything that is none."""
    text = text.strip()
    try:
        asked = {name: values[-1] for name, values in parse_qs(urlsplit(text).query).items()}
        code = Code(
            agreement=UUID(asked["dokumen"]),
            version=int(asked["versi"]) if "versi" in asked else None,
            terms=_unpacked(asked.get("isi", ""), 32),
            authority=_unpacked(asked.get("segel", ""), AUTHORITY_BYTES),
        )
    except (KeyError, ValueError) as fault:
        raise ValueError(_("This is not the code of an agreement. Give all of it, as scanned.")) from fault
    if len(text) > LONGEST or (code.version is None) != (not code.terms):
        raise ValueError(_("This is not the code of an agreement. Give all of it, as scanned."))
    return code


def terms_of(first: bytes) -> str:
    """The SHA-256 of the terms that a file's first revision carries in its description; else empty."""
    found = re.findall(rb"<pdf:Keywords>[^<]*\b([0-9a-f]{64})</pdf:Keywords>", first)
    return found[0].decode() if len(found) == 1 else ""


def named(code: Code, certificates: "Iterable[Certificate]") -> "list[Certificate]":
    """Those of ``certificates`` that are the authority the code names."""
    from cryptography.hazmat.primitives.hashes import SHA256

    if not code.authority:
        return []
    return [c for c in certificates if c.fingerprint(SHA256()).hex().startswith(code.authority)]


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unpacked(text: str, size: int) -> str:
    """``text`` as hexadecimal. Raises ValueError unless it is ``size`` bytes or nothing."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as fault:
        raise ValueError("not base64url") from fault
    if len(data) not in (0, size):
        raise ValueError(f"{len(data)} bytes instead of {size}")
    return data.hex()
