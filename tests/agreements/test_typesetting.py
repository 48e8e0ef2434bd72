import hashlib
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balai.agreements.terms import PRINTABLE, Both, PartyTerms, UnprintableError
from balai.agreements.typesetting import (
    FRAME_MM,
    MOST_PARTIES,
    Consent,
    called,
    typeset,
    typeset_consents,
)
from tests.agreements_terms import make_terms


def pages(pdf: bytes) -> int:
    from pyhanko.pdf_utils.reader import PdfFileReader

    return int(PdfFileReader(BytesIO(pdf)).root["/Pages"]["/Count"])


def test_equal_terms_make_equal_bytes() -> None:
    assert typeset(make_terms()) == typeset(make_terms())
    assert typeset(make_terms()) != typeset(make_terms(version=4))


def test_another_process_makes_the_same_bytes() -> None:
    here = Path(__file__).parents[2]
    code = (
        "import hashlib; from tests.agreements_terms import make_terms;"
        "from balai.agreements.typesetting import typeset;"
        "print(hashlib.sha256(typeset(make_terms())).hexdigest())"
    )

    told = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{here}:{here / 'src'}", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"},
    )

    assert told.stdout.strip() == hashlib.sha256(typeset(make_terms())).hexdigest()


def test_document_is_tagged_archival_pdf() -> None:
    from pyhanko.pdf_utils.reader import PdfFileReader

    reader = PdfFileReader(BytesIO(typeset(make_terms())))
    about = reader.root["/Metadata"].data.decode()

    assert bool(reader.root["/MarkInfo"]["/Marked"]) is True
    assert str(reader.root["/Lang"]).startswith("id")
    assert "<pdfaid:part>2</pdfaid:part>" in about
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in about


def test_text_is_never_markup() -> None:
    hostile = '#panic("x") $1/0$ *tebal* _miring_ @tak-ada <label> \\ // /* */ = Judul #read("/etc/passwd")'

    pdf = typeset(make_terms(title=Both(hostile, hostile), place=hostile))

    assert pages(pdf) == pages(typeset(make_terms()))


@settings(max_examples=25, deadline=None)
@given(st.text(alphabet=st.sampled_from(sorted(PRINTABLE)), max_size=120))
def test_every_printable_character_is_shown(text: str) -> None:
    assert typeset(make_terms(title=Both(text, text))).startswith(b"%PDF-")


def test_all_printable_characters_are_in_the_typefaces() -> None:
    alphabet = "".join(c + " " for c in sorted(PRINTABLE))

    assert typeset(make_terms(exit=(Both(alphabet, alphabet),))).startswith(b"%PDF-")


def test_what_cannot_be_shown_is_refused_by_name() -> None:
    with pytest.raises(UnprintableError) as refused:
        typeset(make_terms(place="Jakarta \u202e😀"))

    assert refused.value.characters == {"\u202e", "😀"}


def test_thirteen_parties_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 12"):
        typeset(make_terms(parties=tuple(PartyTerms(n, f"Pihak {n}") for n in range(1, 14))))


def test_signature_sheet_has_the_size_of_the_frame() -> None:
    from pyhanko.pdf_utils.reader import PdfFileReader

    consent = Consent("PIHAK KESATU", "Sari", "Kepala", "Kuasa", datetime(2026, 11, 23, 7, tzinfo=UTC))

    face = typeset_consents(
        [consent] * 6, sha256="a" * 64, sealed_at=datetime(2026, 11, 23, 8, tzinfo=UTC), sealer="Segel"
    )

    reader = PdfFileReader(BytesIO(face))
    page = reader.root["/Pages"]["/Kids"][0]
    width, height = FRAME_MM[2] - FRAME_MM[0], FRAME_MM[3] - FRAME_MM[1]
    assert int(reader.root["/Pages"]["/Count"]) == 1
    assert [round(float(x)) for x in page["/MediaBox"]] == [
        0,
        0,
        round(width * 72 / 25.4),
        round(height * 72 / 25.4),
    ]


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext of poppler-utils is not installed")
@pytest.mark.parametrize("number", [1, 9, MOST_PARTIES])
def test_no_consent_is_cut_off_however_many_sign(number: int) -> None:
    now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    mandate = "Akta Pendirian Nomor 12 tanggal 3 Maret 2015, dibuat di hadapan notaris rekaan " * 2
    names = [f"Penanda{n} Rekaan" for n in range(1, number + 1)]
    consents = [
        Consent(called(n).id, name, "Direktur Utama", mandate, now) for n, name in enumerate(names, 1)
    ]

    face = typeset_consents(consents, sha256="a" * 64, sealed_at=now, sealer="Segel Rekaan")

    assert pages(face) == 1
    read = subprocess.run(["pdftotext", "-", "-"], input=face, capture_output=True, check=True)
    text = read.stdout.decode()
    assert [name for name in names if name not in text] == []
    assert ("a" * 64 in text, "Segel Rekaan" in text) == (True, True)
