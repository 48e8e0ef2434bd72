"""Files the hub keeps: those people attach, checked first, and those it made itself. Each is stored once.

What a file is and whether it is harmless is told by `inspection`. Everything leaves as an attachment.
"""

import os
import re
import tempfile
import unicodedata
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, default_storage
from django.http import FileResponse
from django.utils.translation import gettext as _

from balai.core.actors import Actor
from balai.core.inspection import CSV, EXTENSIONS, PDF, PLAIN, inspected, kind_of, refused
from balai.core.models import Document

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
    kind = kind_of(data, suffix)
    if kind not in allow:
        raise refused(
            _("This kind of file is not accepted here. Send one of: %(list)s.") % {"list": accepted(allow)}
        )
    if not suffix:
        named += EXTENSIONS[kind][0]
    elif suffix not in EXTENSIONS[kind]:
        raise refused(
            _("The file is called %(suffix)s but holds something else. Save it again under its true kind.")
            % {"suffix": suffix}
        )
    return _keep(inspected(data, kind), kind, named, by, city)


def store_made(*, pdf: bytes, name: str, by: Actor | None, city: str = "") -> Document:
    """Keep a PDF the hub typeset or sealed itself, byte for byte; nothing a sender gave may come this way."""
    return _keep(pdf, PDF, clean_name(name), by, city)


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


def _read(file: File[bytes] | IO[bytes] | bytes) -> bytes:
    limit = settings.UPLOAD_LIMIT_BYTES
    if isinstance(file, bytes):
        data = file
    else:
        file.seek(0)
        data = file.read(limit + 1)
    if len(data) > limit:
        megabytes = f"{limit / 1024 / 1024:g}"
        raise refused(
            _("The file is larger than %(limit)s MB. Make it smaller and try again.") % {"limit": megabytes}
        )
    if not data:
        raise refused(_("The file is empty."))
    return data


def _keep(data: bytes, kind: str, name: str, by: Actor | None, city: str) -> Document:
    digest = sha256(data).hexdigest()
    _write(digest, data)
    return Document.objects.create(
        sha256=digest,
        size=len(data),
        media_type=kind,
        name=name,
        city=city,
        added_by=by.pseudonym if by else None,
    )


def _write(digest: str, data: bytes) -> None:
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
