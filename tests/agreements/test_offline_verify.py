"""The printed code and the file answer for each other: no network, no database."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate
from django.core.management import CommandError, call_command
from django.utils import translation

from balai.agreements import codes
from balai.agreements.actions import propose_version
from balai.agreements.offline import compare
from balai.agreements.sealing import KeySealer, demonstration_authority
from balai.agreements.terms import AgreementTerms
from balai.agreements.typesetting import Consent, typeset, typeset_consents
from tests.agreements_builders import make_agreement, make_cast
from tests.agreements_certificates import Issued, make_certificate, make_pdf, signed_elsewhere
from tests.agreements_terms import make_terms
from tests.builders import client_of

SRC = Path(__file__).parents[2] / "src"
PK = "3f2c7d1e-9a4b-4c55-8f0e-2b6d7c1a9e10"
NO_SOCKETS = """
import socket
def refuse(*_a, **_k):
    raise RuntimeError("a socket was asked for")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
"""


class Paper:
    """An agreement as printed and as sealed, with its authority."""

    def __init__(self, home: Path, partner: Issued) -> None:
        folder = demonstration_authority(home)
        self.pem = folder / "authority.pem"
        self.sealer = KeySealer(folder / "seal.p12")
        authority = load_pem_x509_certificate(self.pem.read_bytes())
        self.verify_at = f"https://balai.example/verifikasi/?dokumen={PK}{codes.mark_of(authority)}"
        self.terms = make_terms(verify_at=self.verify_at)
        self.partner = partner
        self.code = self.code_of(self.terms)
        self.sealed = self.seal(typeset(self.terms))

    @staticmethod
    def code_of(terms: AgreementTerms) -> str:
        return codes.printed(terms.verify_at, version=terms.version, fingerprint=terms.fingerprint)

    def seal(self, pdf: bytes) -> bytes:
        now = datetime.now(UTC)
        consents = [Consent("PIHAK KESATU", "Nama Rekaan", "Jabatan", "Kuasa", now)]
        return self.sealer.seal(
            pdf, face=typeset_consents(consents, sha256="a" * 64, sealed_at=now, sealer="Segel")
        )


@pytest.fixture(scope="module")
def partner() -> Issued:
    return make_certificate("Siti Rekaan", by=make_certificate("Otoritas Satu (rekaan)"))


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory, partner: Issued) -> Paper:
    return Paper(tmp_path_factory.mktemp("home"), partner)


@pytest.fixture(autouse=True)
def _no_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "db" in request.fixturenames:
        return

    def refuse(*_args: object, **_named: object) -> None:
        raise AssertionError("a socket was asked for")

    monkeypatch.setattr("socket.socket.connect", refuse)


def test_code_says_what_to_compare_and_stays_small(paper: Paper) -> None:
    from qrcode.util import optimal_data_chunks  # type: ignore[import-untyped]

    code = codes.read(paper.code)

    authority = load_pem_x509_certificate(paper.pem.read_bytes())
    from cryptography.hazmat.primitives.hashes import SHA256

    assert (str(code.agreement), code.version, code.terms) == (PK, 3, paper.terms.fingerprint)
    assert code.authority == authority.fingerprint(SHA256()).hex()[:32]
    assert len(paper.code) < 200
    assert list(optimal_data_chunks(paper.code))


def test_printed_code_is_the_one_in_the_document(paper: Paper, tmp_path: Path) -> None:
    from balai.agreements.typesetting import _printed, qr_svg

    shown = _printed(paper.terms)

    assert shown["qr"] == qr_svg(paper.code)
    assert shown["verify_at"] == f"https://balai.example/verifikasi/?dokumen={PK}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "https://balai.example/verifikasi/",
        "https://balai.example/verifikasi/?dokumen=3f2c",
        f"?dokumen={PK}&versi=x&isi={'A' * 43}",
        f"?dokumen={PK}&versi=3",
        f"?dokumen={PK}&isi={'A' * 43}",
        f"?dokumen={PK}&versi=3&isi=AAAA",
        f"?dokumen={PK}&versi=3&isi={'!' * 43}",
        f"?dokumen={PK}&versi=3&isi={'A' * 43}&segel=AA",
        f"?dokumen={PK}&x={'y' * 600}",
    ],
)
def test_what_is_no_code_is_said_to_be_none(text: str) -> None:
    with translation.override("en"), pytest.raises(ValueError, match="not the code of an agreement"):
        codes.read(text)


def test_paper_and_file_fit(paper: Paper) -> None:
    with translation.override("en"):
        found = compare(paper.sealed, codes.read(paper.code))
        said = found.sentences

    assert (found.valid, found.same_terms, found.sealed_under_it) == (True, True, True)
    assert found.authority == "DEMONSTRASI – bukan otoritas nyata"
    assert said[0] == "The file has the terms the code names: version 3."
    assert said[1].startswith("The last seal leads to the authority the code names: DEMONSTRASI")


def test_paper_and_file_that_do_not_fit_are_told_apart(paper: Paper, tmp_path: Path) -> None:
    other = make_terms(verify_at=paper.verify_at, version=4)
    stranger = KeySealer(demonstration_authority(tmp_path) / "seal.p12")
    spoiled = paper.sealed.replace(b"/Lang(id)", b"/Lang(en)", 1)
    forged = paper.sealed.replace(paper.terms.fingerprint.encode(), other.fingerprint.encode())

    def told(data: bytes, code: str) -> tuple[bool, bool, bool, str]:
        found = compare(data, codes.read(code))
        return found.valid, found.same_terms, found.sealed_under_it, str(found.report.finding)

    assert told(paper.seal(typeset(other)), paper.code) == (False, False, True, "sound")
    assert told(paper.sealed, paper.code_of(other)) == (False, False, True, "sound")
    assert told(stranger.seal(typeset(paper.terms)), paper.code) == (False, True, False, "untrusted")
    assert told(spoiled, paper.code) == (False, False, False, "altered")
    assert told(forged, paper.code_of(other)) == (False, False, False, "altered")
    assert told(paper.sealed + b"% more", paper.code)[0] is False
    assert told(typeset(paper.terms), paper.code) == (False, False, False, "no_seal")
    assert told(paper.seal(make_pdf()), paper.code) == (False, False, True, "sound")
    assert told(b"hello", paper.code) == (False, False, False, "not_pdf")
    assert told(paper.sealed, f"?dokumen={PK}") == (False, False, False, "untrusted")


def run(*arguments: str) -> tuple[int, dict]:
    out, code = StringIO(), 0
    try:
        call_command("verify", *arguments, "--json", stdout=out)
    except SystemExit as left:
        code = left.code
    return code, json.loads(out.getvalue())


def test_command_names_every_signatory_and_the_version(paper: Paper, tmp_path: Path) -> None:
    (tmp_path / "both.pdf").write_bytes(
        paper.seal(signed_elsewhere(typeset(paper.terms), paper.partner, "Pihak2"))
    )
    partners = make_certificate("Otoritas Lain (rekaan)")
    (tmp_path / "others.pem").write_bytes(partners.pem)
    file = str(tmp_path / "both.pdf")

    alone = run(file, "--qr", paper.code, "--language", "en")
    told = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify", file, "--qr", paper.code, "--language", "en", stdout=told)

    # The partner's authority is not on the paper; it has to be given.
    assert (alone[0], alone[1]["finding"], alone[1]["code"]["same_terms"]) == (1, "untrusted", True)
    assert [s["signer"] for s in alone[1]["signatures"]] == ["Siti Rekaan", "Segel Balai (DEMONSTRASI)"]
    assert alone[1]["code"]["version"] == 3
    assert alone[1]["register_asked"] is False
    assert "Siti Rekaan signed; the certificate is by Otoritas Satu (rekaan)." in told.getvalue()
    assert "The file has the terms the code names: version 3." in told.getvalue()
    assert "Name the others with --trust FILE.pem." in told.getvalue()


def test_command_takes_the_partners_authority_beside_the_code(tmp_path: Path, paper: Paper) -> None:
    root = make_certificate("Otoritas Satu (rekaan)")
    signed = signed_elsewhere(typeset(paper.terms), make_certificate("Siti Rekaan", by=root), "P")
    (tmp_path / "both.pdf").write_bytes(paper.seal(signed))
    (tmp_path / "trust.pem").write_bytes(root.pem)

    code, facts = run(str(tmp_path / "both.pdf"), "--qr", paper.code, "--trust", str(tmp_path / "trust.pem"))

    assert (code, facts["valid"], facts["finding"]) == (0, True, "sound")


def test_wrong_arguments_are_named(paper: Paper, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(paper.sealed)
    file = str(tmp_path / "a.pdf")

    with pytest.raises(CommandError, match="code of an agreement"):
        call_command("verify", file, "--qr", "x", "--language", "en")
    with pytest.raises(CommandError, match="goes with --trust or --qr"):
        call_command("verify", file, "--revoked", file)
    with pytest.raises(CommandError, match="no certificate"):
        call_command("verify", file, "--trust", file)
    with pytest.raises(CommandError, match="neither a revocation list"):
        call_command("verify", file, "--qr", paper.code, "--revoked", file)


def test_a_machine_without_network_and_database_answers(paper: Paper, tmp_path: Path) -> None:
    (tmp_path / "sealed.pdf").write_bytes(paper.sealed)
    (tmp_path / "sitecustomize.py").write_text(NO_SOCKETS)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{tmp_path}:{SRC}",
        "BALAI_HOME": str(tmp_path / "empty"),
        "BALAI_SECRET_KEY": "x",
        "BALAI_DATABASE_URL": "postgresql://nobody@nowhere.invalid/none",
    }
    command = [sys.executable, "-m", "balai", "verify", str(tmp_path / "sealed.pdf"), "--qr", paper.code]

    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{tmp_path / 'sealed.pdf'}: OK")
    assert "setiap tanda tangan berinduk pada otoritas yang disebutkan" in done.stdout
    assert "Berkas memuat ketentuan yang disebut kode itu: versi 3." in done.stdout


@pytest.mark.django_db
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_page_says_whether_the_register_has_the_printed_terms(settings, tmp_path: Path, prefix: str) -> None:
    settings.DEMO, settings.HOME, settings.SEAL_KEY = True, tmp_path, ""
    cast = make_cast()
    agreement = make_agreement(cast)
    first = agreement.versions.get().reading
    client = client_of(cast.bureau)

    def page(code: str) -> str:
        answer = client.get(f"{prefix}/verifikasi/?{code.partition('?')[2]}")
        assert answer.status_code == 200
        return answer.content.decode()

    code = Paper.code_of(first)
    latest = page(code)
    propose_version(agreement=agreement, changes={"ends_on": "2028-06-30"}, by=cast.founder)
    older, forged = page(code), page(code.replace("versi=1", "versi=2"))
    stranger = client_of(None).get(f"{prefix}/verifikasi/?dokumen={agreement.pk}").content.decode()

    assert [first.fingerprint in text for text in (latest, older, stranger)] == [True, True, False]
    said = {
        "": ("naskah versi 1, yang terbaru", "Versi lain menyusul", "Kode tidak cocok"),
        "/en": ("version 1 of the text, the latest", "Another came after it", "The code does not fit"),
    }[prefix]
    assert [sentence in text for sentence, text in zip(said, (latest, older, forged), strict=True)] == [
        True
    ] * 3
