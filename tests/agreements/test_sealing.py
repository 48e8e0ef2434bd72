import hashlib
import os
import random
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from django.core.exceptions import ImproperlyConfigured

from balai.agreements.sealing import KeySealer, default_sealer, demonstration_authority, trust_roots
from balai.agreements.typesetting import Consent, typeset, typeset_consents
from balai.agreements.verifying import Finding, verify_pdf
from tests.agreements_certificates import Issued, make_certificate, make_pdf
from tests.agreements_terms import make_terms


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demonstration_authority(tmp_path_factory.mktemp("home"))


@pytest.fixture
def demo(settings, authority: Path):
    settings.DEMO, settings.HOME, settings.SEAL_KEY = True, authority.parent, ""
    return settings


@pytest.fixture(scope="module")
def sealed(authority: Path) -> tuple[bytes, bytes]:
    """A document as consented to, and sealed."""
    pdf = typeset(make_terms())
    now = datetime.now(UTC)
    consents = [Consent(f"PIHAK {n}", "Nama Rekaan", "Jabatan", "Kuasa", now) for n in ("KESATU", "KEDUA")]
    face = typeset_consents(consents, sha256=hashlib.sha256(pdf).hexdigest(), sealed_at=now, sealer="Segel")
    return pdf, KeySealer(authority / "seal.p12").seal(pdf, face=face)


def test_sealed_file_is_sound_and_keeps_what_was_consented_to(demo, sealed: tuple[bytes, bytes]) -> None:
    pdf, file = sealed

    report = verify_pdf(file, trust_roots())

    assert report.finding is Finding.SOUND
    assert (report.intact, report.trusted, report.whole_file) == (True, True, True)
    assert report.seals[0].signer == "Segel Balai (DEMONSTRASI)"
    assert report.seals[0].issuer == "DEMONSTRASI – bukan otoritas nyata"
    assert abs(report.seals[0].time - datetime.now(UTC)) < timedelta(minutes=5)
    assert file[: len(pdf)] == pdf
    assert report.consented_sha256 == hashlib.sha256(pdf).hexdigest()


def test_no_changed_byte_is_called_sound(demo, sealed: tuple[bytes, bytes]) -> None:
    _, file = sealed
    roots = trust_roots()
    chance = random.Random(20261123)
    findings = set()

    hole = file.index(b"/Contents <") + len(b"/Contents <")
    filling = range(file.index(b">", hole) - 400, file.index(b">", hole))
    covered = [place for place in range(len(file)) if not hole <= place < filling.stop]

    for place in chance.sample(covered, 60) + chance.sample(filling, 10):
        spoiled = bytearray(file)
        spoiled[place] ^= 1 << chance.randrange(8)
        findings.add(verify_pdf(bytes(spoiled), roots).finding)

    assert Finding.SOUND not in findings
    assert Finding.ALTERED in findings


def test_whatever_is_added_or_cut_is_noticed(demo, sealed: tuple[bytes, bytes]) -> None:
    pdf, file = sealed
    roots = trust_roots()

    assert verify_pdf(file + b"\n% more\n", roots).finding is Finding.ADDED_TO
    assert verify_pdf(pdf, roots).finding is Finding.NO_SEAL
    assert verify_pdf(file[:-1000], roots).finding is not Finding.SOUND


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7\n%%EOF", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_pdf_gets_an_answer(demo, data: bytes) -> None:
    assert verify_pdf(data, trust_roots()).finding is Finding.NOT_PDF


def test_seal_of_another_authority_is_not_trusted(demo, tmp_path: Path, sealed: tuple[bytes, bytes]) -> None:
    other = demonstration_authority(tmp_path)

    file = KeySealer(other / "seal.p12").seal(sealed[0])

    report = verify_pdf(file, trust_roots())
    assert report.finding is Finding.UNTRUSTED
    assert report.intact is True


def test_expired_certificate_is_not_trusted(demo, sealed: tuple[bytes, bytes]) -> None:
    later = datetime.now(UTC) + timedelta(days=365 * 11)

    assert verify_pdf(sealed[1], trust_roots(), at=later).finding is Finding.EXPIRED


def test_authority_is_made_once_and_its_key_is_private(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: demonstration_authority(tmp_path), range(8)))

    assert folders == {tmp_path / "authority"}
    assert [p.name for p in tmp_path.iterdir()] == ["authority"]
    assert (tmp_path / "authority" / "seal.p12").stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in folders.pop().iterdir()) == ["README.txt", "authority.pem", "seal.p12"]


def test_without_a_key_only_a_demonstration_can_seal(settings, tmp_path: Path) -> None:
    settings.DEMO, settings.SEAL_KEY, settings.HOME = False, "", tmp_path

    with pytest.raises(ImproperlyConfigured, match="BALAI_SEAL_KEY"):
        default_sealer()
    assert trust_roots() == []
    assert list(tmp_path.iterdir()) == []


def test_operators_key_is_used_and_trusted(settings, authority: Path, tmp_path: Path) -> None:
    settings.DEMO, settings.HOME = False, tmp_path
    settings.SEAL_KEY, settings.SEAL_PASSWORD = str(authority / "seal.p12"), ""

    file = default_sealer().seal(typeset(make_terms()))

    assert verify_pdf(file, trust_roots()).finding is Finding.SOUND


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_key_file_is_read_again_once_it_changes(tmp_path: Path, kind: str) -> None:
    path, pdf = tmp_path / "seal.p12", make_pdf()
    one, other = (make_certificate(name, kind) for name in ("Segel Satu", "Segel Dua"))

    def sealed_with(issued: Issued, *trusted: Issued) -> tuple[str, Finding]:
        path.write_bytes(
            pkcs12.serialize_key_and_certificates(b"s", issued.key, issued.certificate, None, NoEncryption())
        )
        report = verify_pdf(KeySealer(path).seal(pdf), [root.certificate for root in trusted])
        return report.seals[0].signer, report.finding

    assert sealed_with(one, one, other) == ("Segel Satu", Finding.SOUND)
    path.unlink()
    assert sealed_with(other, one, other) == ("Segel Dua", Finding.SOUND)
    assert sealed_with(other, one) == ("Segel Dua", Finding.UNTRUSTED)


def test_broken_pdf_cannot_be_sealed(authority: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be sealed|PDF"):
        KeySealer(authority / "seal.p12").seal(b"%PDF-1.7 nothing")


@pytest.mark.skipif(not shutil.which("pdfsig"), reason="pdfsig of poppler-utils is not installed")
def test_another_program_agrees(sealed: tuple[bytes, bytes], tmp_path: Path) -> None:
    _, file = sealed
    spoiled = bytearray(file)
    spoiled[len(file) // 3] ^= 1
    (tmp_path / "sound.pdf").write_bytes(file)
    (tmp_path / "spoiled.pdf").write_bytes(spoiled)

    told = {
        name: subprocess.run(
            ["pdfsig", str(tmp_path / f"{name}.pdf")],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        ).stdout
        for name in ("sound", "spoiled")
    }

    assert "Signature is Valid." in told["sound"]
    assert "Total document signed" in told["sound"]
    assert "ETSI.CAdES.detached" in told["sound"]
    assert "Signature is Valid." not in told["spoiled"]
