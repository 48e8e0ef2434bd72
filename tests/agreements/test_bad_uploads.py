"""Whatever is sent in place of a signed PDF gets a clear sentence, costs little, leaves nothing behind."""

import zlib
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from pyhanko.pdf_utils.generic import (
    ArrayObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    StreamObject,
    pdf_string,
)
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter, copy_into_new_writer

from balai.agreements import trust
from balai.agreements.models import Agreement, Signature, SignedUpload
from balai.agreements.verifying import Finding, verify_pdf
from balai.core import pdf as limits
from balai.core.models import Document, Entry
from tests.agreements_builders import Cast, make_agreement, make_cast
from tests.agreements_certificates import Issued, make_certificate, make_pdf, signed_elsewhere
from tests.builders import client_of

NOT_PDF = ("bukan PDF", "not a PDF")
DAMAGED = ("rusak", "damaged")
LOCKED = ("kata sandi", "password")
ACTIVE = ("skrip", "script")
HOLDS = ("berkas lain", "other files")
COMPLEX = ("terlalu rumit", "too complex")
EMPTY = ("kosong", "empty")
TOO_LARGE = ("lebih besar dari", "larger than")


def updated(pdf: bytes, change: Callable[[IncrementalPdfFileWriter], Any]) -> bytes:
    """One more revision of ``pdf``, as a program that signs might add it."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    change(writer)
    writer.update_root()
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def held(**entries: Any) -> DictionaryObject:
    return DictionaryObject({NameObject(f"/{name}"): value for name, value in entries.items()})


def locked(pdf: bytes) -> bytes:
    writer = copy_into_new_writer(PdfFileReader(BytesIO(pdf)))
    writer.encrypt("pemilik", "pembaca")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def bomb(megabytes: int) -> bytes:
    """A few kilobytes that claim a table of ``megabytes``."""
    head = b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
    head += b"2 0 obj\n<</Type/Pages/Count 0/Kids[]>>\nendobj\n"
    packed = zlib.compress(bytes(megabytes << 20), 9)
    table = (
        b"3 0 obj\n<</Type/XRef/Size %d/W[1 1 1]/Root 1 0 R/Filter/FlateDecode/Length %d>>\nstream\n%s"
        % (
            (megabytes << 20) // 3,
            len(packed),
            packed,
        )
    )
    return head + table + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(head)


def maze(levels: int) -> bytes:
    """Objects that each name the next one twice: forty of them have a million million ways to the last."""
    writer = PdfFileWriter(stream_xrefs=False)
    text = writer.add_object(StreamObject(stream_data=b"% naskah"))
    writer.insert_page(PageObject(contents=text, media_box=(0, 0, 595, 842)))
    last = writer.add_object(DictionaryObject())
    for _ in range(levels):
        last = writer.add_object(ArrayObject([last, last]))
    writer.root["/Maze"] = last
    out = BytesIO()
    writer.write(out)
    return out.getvalue().rstrip()


def crowded(pdf: bytes) -> bytes:
    """More objects than are read, in a file of a megabyte."""
    row = b"0000000009 00000 n \n"
    return pdf + b"xref\n0 60000\n" + row * 60_000 + b"trailer\n<<>>\nstartxref\n9\n%%EOF\n"


def scripted(writer: IncrementalPdfFileWriter) -> None:
    writer.root["/OpenAction"] = held(S=NameObject("/JavaScript"), JS=pdf_string("app.alert(1)"))


def launching(writer: IncrementalPdfFileWriter) -> None:
    writer.root["/OpenAction"] = held(S=NameObject("/Launch"), F=pdf_string("cmd.exe"))


def attaching(writer: IncrementalPdfFileWriter) -> None:
    file = writer.add_object(StreamObject(stream_data=b"MZ"))
    spec = held(Type=NameObject("/Filespec"), F=pdf_string("a.exe"), EF=held(F=file))
    names = ArrayObject([pdf_string("a.exe"), writer.add_object(spec)])
    writer.root["/Names"] = held(EmbeddedFiles=held(Names=names))


def with_form_program(writer: IncrementalPdfFileWriter) -> None:
    form = writer.root["/AcroForm"] if "/AcroForm" in writer.root else held(Fields=ArrayObject())
    form[NameObject("/XFA")] = writer.add_object(StreamObject(stream_data=b"<xdp/>"))
    writer.root["/AcroForm"] = form
    if form.container_ref is not None:
        writer.update_container(form)


def endless(writer: IncrementalPdfFileWriter) -> None:
    pages = writer.root["/Pages"]
    pages[NameObject("/Count")] = NumberObject(10**9)
    writer.update_container(pages)


# What is sent, made of the approved document; the words of its refusal in both languages.
BAD: dict[str, tuple[Callable[[bytes], bytes], tuple[str, str]]] = {
    "nothing": (lambda pdf: b"", EMPTY),
    "text": (lambda pdf: b"bukan pdf\n", NOT_PDF),
    "picture": (lambda pdf: b"\x89PNG\r\n\x1a\n" + bytes(99), NOT_PDF),
    "archive": (lambda pdf: b"PK\x03\x04" + pdf, NOT_PDF),
    "late header": (lambda pdf: b"<html>" + pdf, NOT_PDF),
    "truncated": (lambda pdf: pdf[: len(pdf) // 2], DAMAGED),
    "broken": (lambda pdf: pdf[:-300] + b"\nstartxref\n7\n%%EOF\n", DAMAGED),
    "also an archive": (lambda pdf: pdf + b"PK\x05\x06" + bytes(18), DAMAGED),
    "locked": (locked, LOCKED),
    "script": (lambda pdf: updated(pdf, scripted), ACTIVE),
    "program": (lambda pdf: updated(pdf, launching), ACTIVE),
    "attachment": (lambda pdf: updated(pdf, attaching), HOLDS),
    "form program": (lambda pdf: updated(pdf, with_form_program), HOLDS),
    "table of 200 MB": (lambda pdf: bomb(200), COMPLEX),
    "crowd": (crowded, COMPLEX),
    "brackets": (lambda pdf: b"%PDF-1.7\n" + b"[" * 200_000 + b"\nstartxref\n9\n%%EOF\n", DAMAGED),
    "endless pages": (lambda pdf: updated(pdf, endless), ("Belum ada yang", "Nobody has signed")),
}
SIGNED = {"script", "program", "attachment", "form program"}


@pytest.fixture
def cast(settings, tmp_path: Path, authority: Issued) -> Cast:
    settings.DEMO, settings.HOME, settings.SEAL_KEY = True, tmp_path, ""
    cache.clear()
    made = make_cast()
    trust.add_anchor(city=made.city, certificate=authority.pem, source="Rekaan", by=made.bureau)
    return made


@pytest.fixture(scope="module")
def authority() -> Issued:
    return make_certificate("Otoritas Satu (rekaan)")


@pytest.fixture(scope="module")
def official(authority: Issued) -> Issued:
    return make_certificate("Penanda Tangan 1", by=authority)


def rows() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in (Document, Signature, SignedUpload, Entry)}


def sent(name: str, pdf: bytes, official: Issued) -> bytes:
    """The bad file; where it can still be signed, under the right person's signature."""
    data = BAD[name][0](pdf)
    return signed_elsewhere(data, official, "P") if name in SIGNED else data


@pytest.mark.django_db
@pytest.mark.parametrize("language", [0, 1], ids=["id", "en"])
def test_page_for_signed_files_says_why_and_keeps_nothing(
    cast: Cast, official: Issued, settings, language: int
) -> None:
    agreement = make_agreement(cast, upto="open")
    client = client_of(cast.city_signatory)
    url = f"{('', '/en')[language]}/perjanjian/{agreement.pk}/tersertifikasi/"
    given = b"".join(client.get(f"{url}berkas/").streaming_content)
    before = rows()

    def told(data: bytes) -> tuple[int, str]:
        answer = client.post(url, {"file": SimpleUploadedFile("naskah.pdf", data, "application/pdf")})
        return answer.status_code, answer.content.decode()

    wrong = []
    for name, (_, words) in BAD.items():
        status, page = told(sent(name, given, official))
        if status != 422 or words[language] not in page:
            wrong.append((name, status))
    settings.UPLOAD_LIMIT_BYTES = 1024 * 1024
    large = told(given + bytes(1024 * 1024))

    assert wrong == []
    assert (large[0], TOO_LARGE[language] in large[1]) == (422, True)
    assert rows() == before
    assert Agreement.objects.get(pk=agreement.pk).state == agreement.state


# What the check of a file says of the same ones: it judges signatures, not what a reader would run.
UNREADABLE = {
    "locked": Finding.LOCKED,
    "table of 200 MB": Finding.TOO_COMPLEX,
    "crowd": Finding.TOO_COMPLEX,
    "also an archive": Finding.NO_SEAL,
    "endless pages": Finding.NO_SEAL,
    **dict.fromkeys(SIGNED, Finding.REVISED),
}


def test_check_of_a_file_names_each(authority: Issued, official: Issued) -> None:
    pdf = make_pdf()

    found = {
        name: verify_pdf(sent(name, pdf, official), [authority.certificate]).finding
        for name in BAD
        if name not in ("late header",)
    }

    assert found == {name: UNREADABLE.get(name, Finding.NOT_PDF) for name in found}


@pytest.mark.django_db
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_public_page_answers_422_for_what_cannot_be_read(cast: Cast, official: Issued, prefix: str) -> None:
    cache.clear()
    client, before = client_of(None), rows()
    words = {
        "text": ("dapat dibaca sebagai PDF", "cannot be read as a PDF"),
        "truncated": ("dapat dibaca sebagai PDF", "cannot be read as a PDF"),
        "locked": LOCKED,
        "table of 200 MB": ("lebih banyak bagian", "more parts"),
        "crowd": ("lebih banyak bagian", "more parts"),
    }

    told = {}
    for name in words:
        file = SimpleUploadedFile("naskah.pdf", sent(name, make_pdf(), official))
        answer = client.post(f"{prefix}/verifikasi/", {"file": file})
        told[name] = (answer.status_code, words[name][bool(prefix)] in answer.content.decode())

    assert told == dict.fromkeys(words, (422, True))
    assert rows() == before


def test_command_answers_for_each_and_never_breaks(
    authority: Issued, official: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trust.pem").write_bytes(authority.pem)
    for number, name in enumerate(BAD):
        (tmp_path / f"{number}.pdf").write_bytes(sent(name, make_pdf(), official))
    files = [str(tmp_path / f"{number}.pdf") for number in range(len(BAD))]
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("verify", *files, "--trust", str(tmp_path / "trust.pem"), stdout=out)

    assert out.getvalue().count("NOT VALID") == len(BAD)
    monkeypatch.setattr("balai.agreements.management.commands.verify.LARGEST", 10)
    with pytest.raises(CommandError, match="larger than"):
        call_command("verify", files[-1], "--trust", files[-1])
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify", str(tmp_path), "--qr", f"?dokumen={UUID(int=1)}")


@pytest.mark.django_db
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_trust_pages_refuse_what_is_no_certificate_and_no_list(
    cast: Cast, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, url = client_of(cast.bureau), f"{prefix}/perjanjian/kepercayaan/"
    large = bytes(trust.LARGEST + 1)

    def told(path: str, start: str, data: bytes) -> tuple[int, bool, bool]:
        fields = {f"{start}file": SimpleUploadedFile("x.pem", data), f"{start}source": "Sumber yang diketik"}
        answer = client.post(f"{url}{path}", fields)
        page = answer.content.decode()
        return answer.status_code, "Sumber yang diketik" in page, TOO_LARGE[bool(prefix)] in page

    before = rows()
    for path, start in (("", ""), ("pencabutan/", "crl-")):
        assert told(path, start, large) == (422, True, True)
        for data in (b"x", b"-----BEGIN CERTIFICATE-----\n", b"-----BEGIN X509 CRL-----\nAAAA", make_pdf()):
            assert told(path, start, data) == (422, True, False)
    assert rows() == before


def test_maze_of_objects_is_left_in_time(
    authority: Issued, official: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("balai.agreements.verifying.MOST_STEPS", 20_000)

    found = {
        levels: verify_pdf(signed_elsewhere(maze(levels), official, "P"), [authority.certificate]).finding
        for levels in (5, 40)
    }
    patient = verify_pdf(
        signed_elsewhere(maze(12), official, "P"), [authority.certificate], patient=True
    ).finding

    assert found == {5: Finding.SOUND, 40: Finding.TOO_COMPLEX}
    assert patient is Finding.SOUND


def test_work_of_reading_is_bounded_by_what_is_signed(
    authority: Issued, official: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = signed_elsewhere(make_pdf(), official, "P1")
    twice = signed_elsewhere(once, official, "P2")
    objects = limits.objects_of(limits.opened(twice))

    monkeypatch.setattr("balai.agreements.verifying.MOST_COMPARED", 2 * objects - 1)

    assert verify_pdf(twice, [authority.certificate]).finding is Finding.TOO_COMPLEX
    assert verify_pdf(once, [authority.certificate]).finding is Finding.SOUND
    with pytest.raises(limits.TooComplexError):
        limits.opened(twice, most=objects - 1)
    assert limits.objects_of(limits.opened(twice, most=objects)) == objects
