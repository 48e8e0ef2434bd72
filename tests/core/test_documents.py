"""Files as people send them, by mistake or on purpose."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter

from balai.core import documents, inspection
from balai.core.errors import Invalid
from balai.core.inspection import CSV, DATA, DOCX, JPEG, PAPERS, PDF, PHOTO, PLAIN, PNG, WEBP, XLSX
from balai.core.models import Document
from tests.builders import make_user

ANYTHING = PHOTO | PAPERS | DATA


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 30), mode: str = "RGB", **extra) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 120).save(out, kind, **extra)
    return out.getvalue()


def photo_with_place() -> bytes:
    exif = Image.Exif()
    exif[0x0110] = "Telepon Sari"
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "S", 2: (6.0, 10.0, 31.5), 3: "E", 4: (106.0, 49.0, 37.9)})
    return picture(exif=exif, comment=b"rahasia")


def name(text: str) -> generic.NameObject:
    return generic.pdf_name(text)


def paper(change: Callable[[PdfFileWriter], None] = lambda _writer: None, *, packed: bool = True) -> bytes:
    """A PDF of one page; ``change`` adds to it before it is written."""
    writer = PdfFileWriter(stream_xrefs=packed)
    contents = writer.add_object(generic.StreamObject(stream_data=b"q Q"))
    writer.insert_page(
        PageObject(contents=contents, media_box=generic.ArrayObject(map(generic.NumberObject, (0, 0, 9, 9))))
    )
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def action(kind: str, **entries: str) -> generic.DictionaryObject:
    found = generic.DictionaryObject({name("/S"): name(kind)})
    found.update({name(f"/{key}"): generic.TextStringObject(value) for key, value in entries.items()})
    return found


def on_opening(writer: PdfFileWriter) -> None:
    writer.root["/OpenAction"] = action("/JavaScript", JS="app.alert(1)")


def packed_away(writer: PdfFileWriter) -> None:
    stream = writer.prepare_object_stream()
    writer.root["/AA"] = generic.DictionaryObject(
        {name("/WC"): writer.add_object(action("/JavaScript", JS="app.alert(1)"), obj_stream=stream)}
    )


def launching(writer: PdfFileWriter) -> None:
    writer.root["/OpenAction"] = action("/Launch", F="cmd.exe")


def locked(writer: PdfFileWriter) -> None:
    writer.encrypt("kata-sandi", "kata-sandi")


def office(kind: str = "word/document.xml", **more: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", more.pop("types", b"<Types/>"))
        archive.writestr(kind, b"<w/>")
        for path, data in more.items():
            archive.writestr(path, data)
    return out.getvalue()


def png_bomb(width: int, height: int) -> bytes:
    """A small file that says it is a huge picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 9))
        + chunk(b"IEND", b"")
    )


def put(data: bytes, called: str, allow: frozenset[str] = ANYTHING) -> Document:
    return documents.store(file=data, name=called, by=None, city="31", allow=allow)


def refusal(data: bytes, called: str, allow: frozenset[str] = ANYTHING) -> str:
    with pytest.raises(Invalid) as refused:
        put(data, called, allow)
    assert refused.value.fields == {"file": [refused.value.reason]}
    assert Document.objects.count() == 0
    return str(refused.value.reason)


@pytest.fixture(autouse=True)
def _english(db, in_english) -> None:
    pass


@pytest.mark.parametrize(
    ("data", "called", "kind"),
    [
        (picture("JPEG"), "foto.jpg", JPEG),
        (picture("JPEG"), "FOTO.JPEG", JPEG),
        (picture("PNG"), "denah.png", PNG),
        (picture("PNG", mode="RGBA"), "denah.png", PNG),
        (picture("PNG", mode="P"), "denah.png", PNG),
        (picture("WEBP"), "foto.webp", WEBP),
        (picture("JPEG", mode="CMYK"), "cetak.jpg", JPEG),
        (paper(), "surat.pdf", PDF),
        (paper(packed=False), "surat.pdf", PDF),
        (office(), "kak.docx", DOCX),
        (office("xl/workbook.xml"), "data.xlsx", XLSX),
        (b"\xef\xbb\xbfkota,nilai\nJakarta,1\n", "data.csv", CSV),
        ("catatan é".encode(), "catatan.txt", PLAIN),
    ],
)
def test_honest_files_are_kept_and_come_back(data: bytes, called: str, kind: str) -> None:
    document = put(data, called)

    assert (document.media_type, document.name) == (kind, called)
    with documents.open_document(document) as kept:
        back = kept.read()
    assert len(back) == document.size
    if kind not in PHOTO:
        assert back == data


def test_a_record_says_who_and_where() -> None:
    user = make_user()
    upload = SimpleUploadedFile("x.txt", b"isi", content_type="image/png")

    document = documents.store(file=upload, name=upload.name, by=user, city="31", allow=DATA)

    assert (document.added_by, document.city, document.media_type) == (user.pseudonym, "31", PLAIN)


def test_a_photo_loses_its_place_its_camera_and_what_hangs_on() -> None:
    data = photo_with_place()
    assert Image.open(io.BytesIO(data)).getexif().get_ifd(0x8825)

    document = put(data + b"<script>alert(1)</script>", "foto.jpg", PHOTO)

    with documents.open_document(document) as kept:
        back = kept.read()
    image = Image.open(io.BytesIO(back))
    assert image.size == (30, 40)  # turned upright
    assert dict(image.getexif()) == {}
    assert [word in back for word in (b"Exif", b"Sari", b"rahasia", b"script")] == [False] * 4


def test_text_hidden_in_a_png_goes() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Lokasi", "rumah saya")

    document = put(picture("PNG", pnginfo=info), "a.png")

    with documents.open_document(document) as kept:
        assert b"rumah saya" not in kept.read()


def test_a_very_large_photo_is_made_smaller() -> None:
    document = put(picture("JPEG", (6000, 3000)), "foto.jpg")

    with documents.open_document(document) as kept:
        assert Image.open(kept).size == (4096, 2048)


def test_the_same_bytes_are_kept_once() -> None:
    first, second = put(b"isi", "a.txt"), put(b"isi", "b.txt")

    assert first.sha256 == second.sha256
    assert first.pk != second.pk
    root = Path(default_storage.location)
    assert [path.name for path in root.rglob("*") if path.is_file()] == [first.sha256]


@pytest.mark.parametrize(
    ("data", "called", "allow", "words"),
    [
        (b"", "a.txt", ANYTHING, "empty"),
        (b"x" * 2049, "a.txt", ANYTHING, "larger than 0.00195312 MB"),
        (picture("PNG"), "a.jpg", PHOTO, "called .jpg but holds something else"),
        (picture("JPEG"), "a.pdf", PAPERS, "called .pdf"),
        (picture("JPEG"), "a.jpg.exe", PHOTO, "called .exe"),
        (b"MZ\x90\x00\x03", "a.pdf", PAPERS, "not accepted here"),
        (b"isi", "a.txt", PHOTO, ".jpeg, .jpg, .png, .webp"),
        (b"GIF89a" + b"\0" * 20, "a.png", PHOTO, "not accepted here"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.txt", DATA, "not accepted here"),
        (b" \n<html><script>", "a.csv", DATA, "not accepted here"),
        (b"#!/bin/sh\n", "a.txt", DATA, "not accepted here"),
        (b"isi\x00isi", "a.csv", DATA, "not accepted here"),
        ("isi é".encode("latin-1"), "a.csv", DATA, "not accepted here"),
        (b"catatan\n%PDF-1.7\n", "a.txt", DATA, "not accepted here"),
        (b"catatan," + office(), "a.csv", DATA, "not accepted here"),
        (picture("JPEG")[:300], "a.jpg", PHOTO, "damaged"),
        (b"\xff\xd8\xff\xe0 nothing", "a.jpg", PHOTO, "damaged"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "a.webp", PHOTO, "damaged"),
        (b"%PDF-1.7\n1 0 obj", "a.pdf", PAPERS, "damaged"),
        (b"%PDF-1.7\nnothing at all\n%%EOF", "a.pdf", PAPERS, "damaged"),
        (b"PK\x03\x04 nothing", "a.docx", PAPERS, "not accepted here"),
    ],
)
def test_what_is_not_right_is_refused_with_a_reason(settings, data, called, allow, words) -> None:
    settings.UPLOAD_LIMIT_BYTES = 2048

    assert words in refusal(data, called, allow)


@pytest.mark.parametrize("change", [on_opening, packed_away, launching])
@pytest.mark.parametrize("packed", [True, False])
def test_a_pdf_that_acts_is_refused(change, packed: bool) -> None:
    if change is packed_away and not packed:
        pytest.skip("object streams need a stream of references")
    assert "runs a script or starts a program" in refusal(paper(change, packed=packed), "a.pdf")


def test_an_action_spelled_oddly_is_refused() -> None:
    data = paper(on_opening, packed=False)
    odd = data.replace(b"/JavaScript", b"/J#61vaScript")
    assert odd != data

    with pytest.raises(Invalid):
        put(odd, "a.pdf")


def test_a_locked_pdf_is_refused() -> None:
    assert "password" in refusal(paper(locked), "a.pdf")


def test_a_pdf_that_is_also_an_archive_is_refused() -> None:
    assert "damaged" in refusal(paper() + office(), "a.pdf")


def test_a_picture_that_is_also_an_archive_becomes_only_a_picture() -> None:
    document = put(picture("PNG") + office(), "a.png")

    with documents.open_document(document) as kept:
        assert zipfile.is_zipfile(io.BytesIO(kept.read())) is False


@pytest.mark.parametrize("size", [(8000, 8000), (100_000, 100_000), (2**31 - 1, 1)])
def test_a_picture_that_would_fill_the_memory_is_refused(size) -> None:
    assert "too many pixels" in refusal(png_bomb(*size), "a.png")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (office(**{"word/vbaProject.bin": b"x"}), "macros"),
        (
            office(types=b"<Override ContentType='application/vnd.ms-word.document.macroEnabled.main+xml'/>"),
            "macros",
        ),
        (office(**{"word/activeX/activeX1.bin": b"x"}), "macros"),
        (
            office(
                **{"word/_rels/settings.xml.rels": b"<R Type='x/attachedTemplate' TargetMode='External'/>"}
            ),
            "template",
        ),
        (office(**{"word/media/zeros": b"\0" * (inspection.MOST_UNPACKED + 1)}), "unpacks to far more"),
        (office(**{f"word/{number}": b"" for number in range(2001)}), "unpacks to far more"),
        (office(**{"../../etc/cron.d/x": b"x"}), "damaged"),
        (office(**{"/etc/cron.d/x": b"x"}), "damaged"),
        (office() + b"trailing", "damaged"),
        (office()[:52] + b"\xff\xff" + office()[54:], "damaged"),
    ],
)
def test_an_office_file_that_acts_or_bursts_is_refused(data: bytes, words: str) -> None:
    assert words in refusal(data, "a.docx")


def test_an_office_file_that_lies_about_its_size_is_refused() -> None:
    data = bytearray(office(**{"word/media/zeros": b"\0" * (inspection.MOST_UNPACKED + 1)}))
    true_size = struct.pack("<I", inspection.MOST_UNPACKED + 1)
    for _number in range(data.count(true_size)):
        at = data.find(true_size)
        data[at : at + 4] = struct.pack("<I", 10)

    refusal(bytes(data), "a.docx")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\sari\\surat.txt", "surat.txt"),
        ("/etc/passwd.txt", "passwd.txt"),
        ("..\\..\\x.txt", "x.txt"),
        (".htaccess.txt", "htaccess.txt"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie_ x.txt"),
        ("invoice\u202etxt.exe.txt", "invoicetxt.exe.txt"),
        ('a"b<c>|?*.txt', "a_b_c____.txt"),
        ("a\0b.txt", "ab.txt"),
        ("  . . ", "dokumen.txt"),
        ("", "dokumen.txt"),
        ("surat", "surat.txt"),
        ("panjang" * 60 + ".txt", ("panjang" * 60)[:146] + ".txt"),
        ("naïve 道路.txt", "naïve 道路.txt"),
    ],
)
def test_names_lead_nowhere(given: str, kept: str) -> None:
    document = put(b"isi", given)

    assert document.name == kept
    assert documents.path_of(document) == f"{document.sha256[:2]}/{document.sha256}"


def test_a_file_leaves_as_an_attachment_that_nothing_runs() -> None:
    document = put("kota,é\n".encode(), 'data "Jakarta" é.csv')

    response = documents.serve(document)

    headers = {key: response[key] for key in ("Content-Type", "Content-Disposition", "Content-Length")}
    assert headers == {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": "attachment; filename*=utf-8''data%20_Jakarta_%20%C3%A9.csv",
        "Content-Length": "8",
    }
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert b"".join(response) == "kota,é\n".encode()


def test_a_form_can_say_what_it_takes() -> None:
    assert documents.accepted(PHOTO) == ".jpeg, .jpg, .png, .webp"
