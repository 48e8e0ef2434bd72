"""The hub's electronic seal: one PAdES signature over the whole file, made after the last party signed.

pyHanko takes a second to import, so it is loaded inside the functions.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from balai.agreements.frame import FIELD
from balai.agreements.typesetting import FRAME_MM, points

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from pyhanko.sign import Signer

DEMONSTRATION_AUTHORITY = "DEMONSTRASI – bukan otoritas nyata"
DEMONSTRATION_SEAL = "Segel Balai (DEMONSTRASI)"
DEMONSTRATION_YEARS = 10


class Sealer(Protocol):
    """Makes the final seal. A remote certified provider is another implementation of this."""

    @property
    def name(self) -> str:
        """Who seals, as printed on the sheet."""
        ...

    def seal(self, pdf: bytes, *, face: bytes | None = None) -> bytes:
        """Return ``pdf`` followed by one update that holds the seal; the input stays a prefix.

        ``face`` is a one-page PDF shown in the frame of the last page. Raises ValueError for a broken PDF.
        """
        ...


@dataclass(frozen=True, slots=True)
class KeySealer:
    """Seals with a key in a PKCS#12 file."""

    path: Path
    password: str = ""

    @property
    def name(self) -> str:
        return str(self._signer().subject_name)

    def seal(self, pdf: bytes, *, face: bytes | None = None) -> bytes:
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.pdf_utils.misc import PdfError
        from pyhanko.sign import PdfSignatureMetadata, PdfSigner
        from pyhanko.sign.fields import (
            FieldMDPAction,
            FieldMDPSpec,
            MDPPerm,
            SigFieldSpec,
            SigSeedSubFilter,
        )

        try:
            writer = IncrementalPdfFileWriter(BytesIO(pdf))
            # Only the first signature of a file may certify it; a later one locks it instead.
            first = next(iter(writer.prev.embedded_signatures), None) is None
            signer = PdfSigner(
                PdfSignatureMetadata(
                    field_name=FIELD,
                    md_algorithm="sha256",
                    subfilter=SigSeedSubFilter.PADES,
                    certify=first,
                    docmdp_permissions=MDPPerm.NO_CHANGES,
                    reason="Disegel setelah semua pihak menyetujui / sealed after every party consented",
                ),
                signer=self._signer(),
                stamp_style=_stamp(face) if face else None,
                new_field_spec=SigFieldSpec(
                    FIELD,
                    on_page=-1,
                    box=points(FRAME_MM) if face else None,
                    readable_field_name="Segel elektronik",
                    field_mdp_spec=None if first else FieldMDPSpec(FieldMDPAction.ALL),
                    doc_mdp_update_value=None if first else MDPPerm.NO_CHANGES,
                ),
            )
            sealed: bytes = signer.sign_pdf(writer).getvalue()
        except PdfError as fault:
            raise ValueError(f"not a PDF that can be sealed: {fault}") from fault
        return sealed

    def _signer(self) -> "Signer":
        from balai.agreements.keyring import held

        return held(self.path, self.password)


def default_sealer() -> Sealer:
    """The seal of this hub: the operator's key, or in demo mode the demonstration authority's.

    Raises ImproperlyConfigured where there is neither.
    """
    if settings.SEAL_KEY:
        path = Path(settings.SEAL_KEY)
        if not path.is_file():
            raise ImproperlyConfigured(f"BALAI_SEAL_KEY={path}: no such file")
        return KeySealer(path, settings.SEAL_PASSWORD)
    if settings.DEMO:
        return KeySealer(demonstration_authority(settings.HOME) / "seal.p12")
    raise ImproperlyConfigured("the hub has no seal: set BALAI_SEAL_KEY to a PKCS#12 file")


def trust_roots() -> "list[Certificate]":
    """Certificates a seal must lead to: the operator's, those in BALAI_HOME/trust, the demonstration's."""
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509 import load_pem_x509_certificates

    roots: list[Certificate] = []
    if settings.SEAL_KEY and Path(settings.SEAL_KEY).is_file():
        kept = pkcs12.load_pkcs12(
            Path(settings.SEAL_KEY).read_bytes(), settings.SEAL_PASSWORD.encode() or None
        )
        chain = [extra.certificate for extra in kept.additional_certs]
        roots += [c for c in chain if c.issuer == c.subject] or chain[-1:]
        if not chain and kept.cert:
            roots.append(kept.cert.certificate)
    files = sorted((settings.HOME / "trust").glob("*.pem"))
    if settings.DEMO and not settings.SEAL_KEY:
        files.append(demonstration_authority(settings.HOME) / "authority.pem")
    for file in files:
        roots += load_pem_x509_certificates(file.read_bytes())
    return roots


def demonstration_authority(home: Path) -> Path:
    """Return ``home``/authority, made once: a root certificate and a seal it issued, named as what they are.

    The root's key is thrown away after the one certificate, so nobody can issue another under its name.
    """
    folder = home / "authority"
    if folder.is_dir():
        return folder
    home.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="authority-", dir=home))
    try:
        _issue(made)
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _issue(folder: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, pkcs12
    from cryptography.x509.oid import NameOID

    def name(common: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "ID"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Balai – DEMONSTRASI"),
                x509.NameAttribute(NameOID.COMMON_NAME, common),
            ]
        )

    root_key, seal_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    since = datetime.now(UTC) - timedelta(minutes=5)
    until = since + timedelta(days=365 * DEMONSTRATION_YEARS)

    def certificate(common: str, key: ec.EllipticCurvePrivateKey, *, root: bool) -> x509.Certificate:
        usage: dict[str, bool] = dict.fromkeys(
            (
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "key_cert_sign",
                "crl_sign",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        usage |= {"key_cert_sign": True} if root else {"digital_signature": True, "content_commitment": True}
        return (
            x509.CertificateBuilder()
            .subject_name(name(common))
            .issuer_name(name(DEMONSTRATION_AUTHORITY))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=root, path_length=0 if root else None), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
            )
            .sign(root_key, hashes.SHA256())
        )

    root = certificate(DEMONSTRATION_AUTHORITY, root_key, root=True)
    seal = certificate(DEMONSTRATION_SEAL, seal_key, root=False)
    packed = pkcs12.serialize_key_and_certificates(
        DEMONSTRATION_SEAL.encode(), seal_key, seal, [root], NoEncryption()
    )
    _write(folder / "seal.p12", packed, 0o600)
    _write(folder / "authority.pem", root.public_bytes(Encoding.PEM), 0o644)
    _write(
        folder / "README.txt",
        b"Made by Balai for demonstration. Nothing sealed with this key has legal effect.\n",
        0o644,
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(data)


def _stamp(face: bytes) -> Any:
    """A stamp style that shows the one page of ``face``, fonts included, without a border of its own."""
    from pyhanko.pdf_utils.content import PdfContent
    from pyhanko.pdf_utils.layout import (
        AxisAlignment,
        BoxConstraints,
        InnerScaling,
        Margins,
        SimpleBoxLayoutRule,
    )
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.stamp import StaticStampStyle

    class Page(PdfContent):
        def render(self) -> bytes:
            page = self._ensure_writer.import_page_as_xobject(PdfFileReader(BytesIO(face)), page_ix=0)
            self.resources.xobject["/Lembar"] = page
            left, bottom, right, top = page.get_object()["/BBox"]
            self.box = BoxConstraints(width=abs(right - left), height=abs(top - bottom))
            return b"/Lembar Do"

    return StaticStampStyle(
        background=Page(),
        background_opacity=1.0,
        border_width=0,
        background_layout=SimpleBoxLayoutRule(
            x_align=AxisAlignment.ALIGN_MID,
            y_align=AxisAlignment.ALIGN_MID,
            margins=Margins(0, 0, 0, 0),
            inner_content_scaling=InnerScaling.STRETCH_FILL,
        ),
    )
