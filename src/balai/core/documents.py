"""Files people attach: known by their content, cleaned, stored once, never executed.

Nothing a sender says about a file is believed. Photos are drawn anew, so they carry no place, no
camera and no hidden data. Everything leaves as an attachment.
"""

import io
import os
import re
import tempfile
import unicodedata
import zipfile
import zlib
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, default_storage
from django.http import FileResponse
from django.utils.translation import gettext as _
from PIL import Image, ImageOps
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from balai.core.actors import Actor
from balai.core.errors import Invalid
from balai.core.models import Document

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
MOST_OBJECTS = 200_000
LONGEST_NAME = 150


def accepted(allow: frozenset[str]) -> str:
    """The endings of the kinds in ``allow``, for a form's ``accept`` and for sentences: ``.jpg, .pdf``."""
    return ", ".join(sorted(ending for kind in allow for ending in EXTENSIONS[kind]))


def store(
    *,
    file: File[bytes] | IO[bytes] | bytes,
    name: str,
    by: Actor | None,
    city: str = "",
    allow: frozenset[str],
) -> Document:
    """Check, clean and keep a file; return its record. The same bytes are kept once on disk.

    Raises Invalid (field ``file``) with a sentence if the file is empty, larger than
    ``settings.UPLOAD_LIMIT_BYTES``, not of a kind in ``allow``, named as another kind, damaged or unsafe.
    """
    data = _read(file)
    named = clean_name(name)
    suffix = PurePosixPath(named).suffix.lower()
    kind = _kind_of(data, suffix)
    if kind not in allow:
        raise _invalid(
            _("This kind of file is not accepted here. Send one of: %(list)s.") % {"list": accepted(allow)}
        )
    if not suffix:
        named += EXTENSIONS[kind][0]
    elif suffix not in EXTENSIONS[kind]:
        raise _invalid(
            _("The file is called %(suffix)s but holds something else. Save it again under its true kind.")
            % {"suffix": suffix}
        )
    if kind in PHOTO:
        data = _redrawn(data, kind)
    elif kind == PDF:
        _check_pdf(data)
    elif kind in (DOCX, XLSX):
        _check_office(data)
    digest = sha256(data).hexdigest()
    _keep(digest, data)
    return Document.objects.create(
        sha256=digest,
        size=len(data),
        media_type=kind,
        name=named,
        city=city,
        added_by=by.pseudonym if by else None,
    )


def path_of(document: Document) -> str:
    """Where the bytes lie in the default storage."""
    return f"{document.sha256[:2]}/{document.sha256}"


def open_document(document: Document) -> File[bytes]:
    """The stored bytes, open for reading. Raises FileNotFoundError if the storage has lost them."""
    return default_storage.open(path_of(document), "rb")


def serve(document: Document) -> FileResponse:
    """Answer a request with the file: always as an attachment, never to be guessed at or run."""
    kind = (
        f"{document.media_type}; charset=utf-8"
        if document.media_type in (CSV, PLAIN)
        else document.media_type
    )
    response = FileResponse(
        open_document(document), as_attachment=True, filename=document.name, content_type=kind
    )
    response["Content-Length"] = str(document.size)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, max-age=0, must-revalidate"
    response["ETag"] = f'"{document.sha256}"'
    return response


def clean_name(name: str) -> str:
    """The last part of a sender's file name, without anything that could lead elsewhere or deceive."""
    base = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    shown = "".join(sign for sign in base if unicodedata.category(sign)[0] != "C")
    plain = re.sub(r"\s+", " ", re.sub(r'[<>:"|?*;%]', "_", shown)).strip(" .")
    path = PurePosixPath(plain or "dokumen")
    return path.stem[: LONGEST_NAME - len(path.suffix[:10])].rstrip(" .") + path.suffix[:10]


def _invalid(reason: str) -> Invalid:
    return Invalid(reason, fields={"file": [reason]})


def _read(file: File[bytes] | IO[bytes] | bytes) -> bytes:
    limit = settings.UPLOAD_LIMIT_BYTES
    if isinstance(file, bytes):
        data = file
    else:
        file.seek(0)
        data = file.read(limit + 1)
    if len(data) > limit:
        megabytes = f"{limit / 1024 / 1024:g}"
        raise _invalid(
            _("The file is larger than %(limit)s MB. Make it smaller and try again.") % {"limit": megabytes}
        )
    if not data:
        raise _invalid(_("The file is empty."))
    return data


def _kind_of(data: bytes, suffix: str) -> str:
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
        return _kind_of_archive(data)
    return (CSV if suffix == ".csv" else PLAIN) if _is_plain(data) else ""


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
                raise _invalid(_("This picture has too many pixels. Make it smaller and try again."))
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
        raise _invalid(_("This picture has too many pixels. Make it smaller and try again.")) from None
    except Exception as error:  # Pillow's decoders raise whatever a broken file makes them raise
        raise _invalid(damaged) from error
    return result.getvalue()


ACTION = re.compile(rb"/S\s*/(?:JavaScript|Launch)(?![A-Za-z0-9])")
ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")


def _check_pdf(data: bytes) -> None:
    """Refuse what acts or hides: scripts, programs to launch, encryption, another format underneath."""
    if b"%%EOF" not in data[-2048:] or zipfile.is_zipfile(io.BytesIO(data)):
        raise _invalid(_("This PDF is damaged. Print it to a new PDF and send that."))
    if re.search(rb"<\s*(?:html|script|\?php)", data[:1024], re.IGNORECASE):
        raise _invalid(_("This PDF is damaged. Print it to a new PDF and send that."))
    try:
        reader = PdfFileReader(io.BytesIO(data), strict=False)
        encrypted = reader.encrypted
        active = not encrypted and _acts(reader)
    except Invalid:
        raise
    except Exception as error:  # a broken file can make the parser raise anything
        raise _invalid(_("This PDF is damaged. Print it to a new PDF and send that.")) from error
    if encrypted:
        raise _invalid(_("This PDF is locked with a password. Remove the password and send it again."))
    spelled = ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), data)
    if active or ACTION.search(spelled):
        raise _invalid(_("This PDF runs a script or starts a program. Print it to a new PDF and send that."))


def _acts(reader: PdfFileReader) -> bool:
    """Whether anything reachable from the document's root runs a script or starts a program."""
    waiting: list[Any] = [reader.trailer_view.raw_get("/Root")]
    seen: set[tuple[int, int]] = set()
    steps = 0
    while waiting:
        item = waiting.pop()
        steps += 1
        if steps > MOST_OBJECTS * 10 or len(seen) > MOST_OBJECTS:
            raise _invalid(_("This PDF is too complex to be checked. Print it to a new PDF and send that."))
        if isinstance(item, generic.IndirectObject):
            if (item.idnum, item.generation) in seen:
                continue
            seen.add((item.idnum, item.generation))
            item = item.get_object()  # type: ignore[no-untyped-call]
        if isinstance(item, generic.DictionaryObject):
            names = {str(name) for name in item}
            if names & {"/JS", "/JavaScript"}:
                return True
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


def _archive(data: bytes) -> zipfile.ZipFile:
    """Open a ZIP whose every entry is plausible and small enough. Raises Invalid otherwise."""
    broken = _("This document is damaged. Save it again and send that.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise _invalid(broken) from error
    entries = archive.infolist()
    end = data.rfind(b"PK\x05\x06")
    if (
        end < 0
        or end + 22 + len(archive.comment) != len(data)
        or min((e.header_offset for e in entries), default=1)
    ):
        raise _invalid(broken)
    unsafe = len(entries) > MOST_ENTRIES or sum(e.file_size for e in entries) > MOST_UNPACKED
    names = {e.filename for e in entries}
    if unsafe or len(names) != len(entries):
        raise _invalid(_("This document unpacks to far more than it should. It was not kept."))
    if any(e.flag_bits & 1 or e.filename.startswith("/") or ".." in e.filename.split("/") for e in entries):
        raise _invalid(broken)
    return archive


def _kind_of_archive(data: bytes) -> str:
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
                            raise _invalid(
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
                raise _invalid(_("This document is damaged. Save it again and send that.")) from error
            lower = text.lower()
            foreign = b"attachedtemplate" in lower and b"external" in lower
            if (
                "vbaproject" in name
                or "macrosheets/" in name
                or "activex" in name
                or b"macroenabled" in lower
            ):
                raise _invalid(_("This document contains macros. Save it without macros and send it again."))
            if foreign:
                raise _invalid(
                    _("This document loads a template from elsewhere. Save it as a new file and send that.")
                )


def _keep(digest: str, data: bytes) -> None:
    """Write the bytes under their hash, whole or not at all; nothing happens if they are there."""
    name = f"{digest[:2]}/{digest}"
    if default_storage.exists(name):
        return
    if not isinstance(default_storage, FileSystemStorage):
        default_storage.save(name, ContentFile(data))
        return
    path = Path(default_storage.path(name))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, path)  # readers see the whole file or none
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
