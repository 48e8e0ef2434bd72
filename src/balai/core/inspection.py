"""What a file is, and whether it is harmless; a picture is drawn anew.

Nothing a sender says about a file is believed. Photos are drawn anew, so they carry no place, no
camera and no hidden data. Every refusal is `Invalid` with a sentence for the field ``file``.
"""

import io
import re
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from balai.core.errors import Invalid
from balai.core.pdf import MOST_OBJECTS, TooComplexError, opened

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader

PDF = "application/pdf"
PNG = "image/png"
JPEG = "image/jpeg"
WEBP = "image/webp"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
PLAIN = "text/plain"

PHOTO = frozenset({PNG, JPEG, WEBP})
PAPERS = PHOTO | {PDF, DOCX}
DATA = frozenset({CSV, XLSX, PLAIN})

EXTENSIONS: dict[str, tuple[str, ...]] = {
    PDF: (".pdf",),
    PNG: (".png",),
    JPEG: (".jpg", ".jpeg"),
    WEBP: (".webp",),
    DOCX: (".docx",),
    XLSX: (".xlsx",),
    CSV: (".csv",),
    PLAIN: (".txt",),
}
PILLOW = {PNG: "PNG", JPEG: "JPEG", WEBP: "WEBP"}

MOST_PIXELS = 50_000_000
LONGEST_SIDE = 4096
MOST_ENTRIES = 2000
MOST_UNPACKED = 100 * 1024 * 1024


def refused(reason: str) -> Invalid:
    """The refusal of a file, to be raised."""
    return Invalid(reason, fields={"file": [reason]})


def kind_of(data: bytes, suffix: str) -> str:
    """The media type by content; the ending only tells CSV from other plain text. "" if unknown."""
    if data.startswith(b"%PDF-"):
        return PDF
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if data.startswith(b"\xff\xd8\xff"):
        return JPEG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data.startswith(b"PK\x03\x04"):
        return _archive_kind(data)
    return (CSV if suffix == ".csv" else PLAIN) if _is_plain(data) else ""


def inspected(data: bytes, kind: str) -> bytes:
    """The bytes to keep of a file of this kind: a picture drawn anew, all else unchanged once checked."""
    if kind in PHOTO:
        return _redrawn(data, kind)
    if kind == PDF:
        _check_pdf(data)
    elif kind in (DOCX, XLSX):
        _check_office(data)
    return data


def _is_plain(data: bytes) -> bool:
    """UTF-8 without control characters, that no program would take for markup, PDF or an archive."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    if re.search(r"[\x00-\x08\x0b\x0e-\x1f\x7f]", text) or text.lstrip().startswith(("<", "#!", "{\\rtf")):
        return False
    return b"%PDF-" not in data[:1024] and not zipfile.is_zipfile(io.BytesIO(data))


def _redrawn(data: bytes, kind: str) -> bytes:
    """The same picture, upright, without metadata or anything appended."""
    damaged = _("This picture is damaged. Take or save it again.")
    try:
        with Image.open(io.BytesIO(data), formats=[PILLOW[kind]]) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise refused(_("This picture has too many pixels. Make it smaller and try again."))
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            drawable = ("L", "RGB") if kind == JPEG else ("1", "L", "LA", "P", "RGB", "RGBA")
            if upright.mode not in drawable:
                upright = upright.convert("RGB")
            transparency = upright.info.get("transparency")
            upright.info = {} if transparency is None else {"transparency": transparency}
            result = io.BytesIO()
            upright.save(result, PILLOW[kind], **({"quality": 85} if kind != PNG else {}))
    except Invalid:
        raise
    except Image.DecompressionBombError:
        raise refused(_("This picture has too many pixels. Make it smaller and try again.")) from None
    except Exception as error:  # Pillow's decoders raise whatever a broken file makes them raise
        raise refused(damaged) from error
    return result.getvalue()


HOLDS = frozenset({"/XFA", "/EF", "/EmbeddedFiles", "/RichMediaContent"})
ACTION = re.compile(rb"/S\s*/(?:JavaScript|Launch)(?![A-Za-z0-9])")
ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")


def _check_pdf(data: bytes) -> None:
    """Refuse what acts or hides: scripts, programs to launch, encryption, another format underneath."""
    if b"%%EOF" not in data[-2048:] or zipfile.is_zipfile(io.BytesIO(data)):
        raise refused(_("This PDF is damaged. Print it to a new PDF and send that."))
    if re.search(rb"<\s*(?:html|script|\?php)", data[:1024], re.IGNORECASE):
        raise refused(_("This PDF is damaged. Print it to a new PDF and send that."))
    too_much = _("This PDF is too complex to be checked. Print it to a new PDF and send that.")
    try:
        reader = opened(data, strict=False)
        encrypted = reader.encrypted
        active = not encrypted and _acts(reader)
    except Invalid:
        raise
    except TooComplexError as error:
        raise refused(too_much) from error
    except Exception as error:  # a broken file can make the parser raise anything
        raise refused(_("This PDF is damaged. Print it to a new PDF and send that.")) from error
    if encrypted:
        raise refused(_("This PDF is locked with a password. Remove the password and send it again."))
    spelled = ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), data)
    if active or ACTION.search(spelled):
        raise refused(_("This PDF runs a script or starts a program. Print it to a new PDF and send that."))


def _acts(reader: "PdfFileReader") -> bool:
    """Whether anything reachable from the document's root runs a script or starts a program."""
    from pyhanko.pdf_utils import generic  # loaded with the reader

    waiting: list[Any] = [reader.trailer_view.raw_get("/Root")]
    seen: set[tuple[int, int]] = set()
    steps = 0
    while waiting:
        item = waiting.pop()
        steps += 1
        if steps > MOST_OBJECTS * 10 or len(seen) > MOST_OBJECTS:
            raise TooComplexError
        if isinstance(item, generic.IndirectObject):
            if (item.idnum, item.generation) in seen:
                continue
            seen.add((item.idnum, item.generation))
            item = item.get_object()  # type: ignore[no-untyped-call]
        if isinstance(item, generic.DictionaryObject):
            names = {str(name) for name in item}
            if names & {"/JS", "/JavaScript"}:
                return True
            if names & HOLDS and any(_holds(item, name) for name in names & HOLDS):
                raise refused(
                    _("This PDF holds other files or a form program. Print it to a new PDF and send that.")
                )
            values = [item.raw_get(name) for name in item]
            if "/S" in names and str(item["/S"]) in ("/JavaScript", "/Launch", "/ImportData", "/Rendition"):
                return True
            waiting.extend(value for value in values if not isinstance(value, str | bytes | int | float))
        elif isinstance(item, generic.ArrayObject):
            waiting.extend(
                value
                for value in (item.raw_get(i) for i in range(len(item)))
                if not isinstance(value, str | bytes | int | float)
            )
    return False


def _holds(item: Any, name: str) -> bool:
    """Whether the entry is there in earnest: a form may name an empty program, a tree no file."""
    value = item.raw_get(name)
    value = value.get_object() if hasattr(value, "get_object") else value
    return bool(value)


def _archive(data: bytes) -> zipfile.ZipFile:
    """Open a ZIP whose every entry is plausible and small enough. Raises Invalid otherwise."""
    broken = _("This document is damaged. Save it again and send that.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise refused(broken) from error
    entries = archive.infolist()
    end = data.rfind(b"PK\x05\x06")
    if (
        end < 0
        or end + 22 + len(archive.comment) != len(data)
        or min((e.header_offset for e in entries), default=1)
    ):
        raise refused(broken)
    unsafe = len(entries) > MOST_ENTRIES or sum(e.file_size for e in entries) > MOST_UNPACKED
    names = {e.filename for e in entries}
    if unsafe or len(names) != len(entries):
        raise refused(_("This document unpacks to far more than it should. It was not kept."))
    if any(e.flag_bits & 1 or e.filename.startswith("/") or ".." in e.filename.split("/") for e in entries):
        raise refused(broken)
    return archive


def _archive_kind(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return ""
    if "[Content_Types].xml" not in names:
        return ""
    if "word/document.xml" in names:
        return DOCX
    return XLSX if "xl/workbook.xml" in names else ""


def _check_office(data: bytes) -> None:
    """Refuse macros, templates fetched from elsewhere, and archives that are not what they say."""
    unpacked = 0
    with _archive(data) as archive:
        for entry in archive.infolist():
            name = entry.filename.lower()
            text = b""
            try:
                with archive.open(entry) as stream:
                    while chunk := stream.read(1 << 20):
                        unpacked += len(chunk)
                        if unpacked > MOST_UNPACKED:
                            raise refused(
                                _("This document unpacks to far more than it should. It was not kept.")
                            )
                        if name.endswith((".rels", "content_types].xml")):
                            text += chunk
            except (
                zipfile.BadZipFile,
                EOFError,
                NotImplementedError,
                OSError,
                RuntimeError,
                ValueError,
                zlib.error,
            ) as error:
                raise refused(_("This document is damaged. Save it again and send that.")) from error
            lower = text.lower()
            foreign = b"attachedtemplate" in lower and b"external" in lower
            if (
                "vbaproject" in name
                or "macrosheets/" in name
                or "activex" in name
                or b"macroenabled" in lower
            ):
                raise refused(_("This document contains macros. Save it without macros and send it again."))
            if foreign:
                raise refused(
                    _("This document loads a template from elsewhere. Save it as a new file and send that.")
                )
