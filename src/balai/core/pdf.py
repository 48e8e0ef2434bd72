"""Opening a PDF a stranger sent. What reading it may cost is bounded, whatever it claims to hold."""

import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader

MOST_OBJECTS = 50_000
MOST_REVISIONS = 100
LARGEST_TABLE = 1024 * 1024  # of objects, unpacked
LARGEST_UNPACKED = 64 * 1024 * 1024  # of all that has to be unpacked to find the objects
MOST_STEPS = 1_000_000  # a few seconds; an agreement takes 50,000, and as many more a signature
_ROW = re.compile(rb"\d{10} \d{5} [fn]")


class TooComplexError(ValueError):
    """The file holds more than is read of a stranger's file."""


def opened(
    data: bytes, *, strict: bool = True, most: int = MOST_OBJECTS, steps: int = MOST_STEPS
) -> "PdfFileReader":
    """A reader of ``data``, which has at most ``most`` objects in all its revisions.

    Raises TooComplexError, and whatever the parser raises for a broken file. The reader raises it too, once
    comparing revisions has taken ``steps``.
    """
    from pyhanko.pdf_utils import decode_limits as limits
    from pyhanko.pdf_utils.misc import PdfDecodeLimitError

    from balai.core.bounded_pdf import BoundedReader

    for count, _row in enumerate(_ROW.finditer(data)):
        if count > most + MOST_REVISIONS:
            raise TooComplexError
    table = limits.StreamDecodeLimits(max_output_size=LARGEST_TABLE)
    try:
        reader = BoundedReader(
            io.BytesIO(data),
            steps=steps,
            strict=strict,
            decode_limits=limits.DecodeLimits(
                per_purpose={
                    **limits.DEFAULT_PURPOSE_LIMITS,
                    limits.DecodePurpose.XREF_STREAM: table,
                },
                document_budget=limits.DocumentDecodeBudget(base_allowance=LARGEST_UNPACKED, max_ratio=4),
            ),
        )
    except PdfDecodeLimitError as fault:
        raise TooComplexError from fault
    if reader.xrefs.total_revisions > MOST_REVISIONS or objects_of(reader) > most:
        raise TooComplexError
    return reader


def objects_of(reader: "PdfFileReader") -> int:
    """How many objects all revisions of a file bring, counted each time one is written anew."""
    revisions = range(reader.xrefs.total_revisions)
    return sum(len(reader.xrefs.explicit_refs_in_revision(number)) for number in revisions)
