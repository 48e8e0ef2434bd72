"""Tables for download, safe to open in an office program."""

import csv
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse


def csv_response(
    name: str, head: Sequence[str], rows: Iterable[Sequence[Any]], *, marked: bool = False
) -> HttpResponse:
    """A CSV file for download; no cell of it runs as a formula.

    ``marked`` puts a byte-order mark first, by which office programs know UTF-8; programs that read open
    data would take it for part of the first heading.
    """
    response = HttpResponse("\ufeff" if marked else "", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    writer = csv.writer(response)
    writer.writerow(head)
    writer.writerows([_safe(value) for value in row] for row in rows)
    return response


def csv_stream(name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """The same where there are too many rows to hold: each goes out as it is read."""
    writer = csv.writer(_Passed())
    lines = chain([head], ([_safe(value) for value in row] for row in rows))
    response = StreamingHttpResponse(map(writer.writerow, lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class _Passed:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _safe(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; a plain negative number stays one."""
    if not isinstance(value, str) or value[:1] not in {"=", "+", "-", "@", "\t", "\r"}:
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
