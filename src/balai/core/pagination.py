"""Pages of a list by key instead of by number: each is one query, however deep, and none skips a row."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from balai.core.errors import Invalid

LONGEST_CURSOR = 1000
YEARS = range(1000, 9000)


@dataclass(frozen=True, slots=True)
class Page[T]:
    """``next`` and ``previous`` are cursors for `paginate`, None where nothing is known to be there."""

    rows: list[T]
    next: str | None
    previous: str | None


def paginate[M: Model](queryset: QuerySet[M], cursor: str | None, *, by: str, size: int = 25) -> Page[M]:
    """Rows of ``queryset`` by (``by``, pk), both descending, from the place ``cursor`` names.

    ``by`` is a field or annotation that is never null. Raises `Invalid` for a cursor not given out by this
    list; costs one query.
    """
    if not cursor:
        rows = list(queryset.order_by(f"-{by}", "-pk")[: size + 1])
        return Page(rows[:size], _cursor("<", rows[size - 1], by) if len(rows) > size else None, None)
    side, value, key = _place(queryset, cursor, by)
    to, than = ("lte", "lt") if side == "<" else ("gte", "gt")
    beyond = Q(**{f"{by}__{to}": value}) & (Q(**{f"{by}__{than}": value}) | Q(**{f"pk__{than}": key}))
    if side == "<":
        rows = list(queryset.filter(beyond).order_by(f"-{by}", "-pk")[: size + 1])
        more, rows = len(rows) > size, rows[:size]
        return Page(
            rows,
            _cursor("<", rows[-1], by) if more else None,
            _cursor(">", rows[0], by) if rows else None,
        )
    rows = list(queryset.filter(beyond).order_by(by, "pk")[: size + 1])
    more, rows = len(rows) > size, rows[:size][::-1]
    return Page(
        rows,
        _cursor("<", rows[-1], by) if rows else None,
        _cursor(">", rows[0], by) if more else None,
    )


def _cursor(side: str, row: Model, by: str) -> str:
    value = getattr(row, by)
    plain = value.isoformat() if isinstance(value, date) else value
    if not isinstance(plain, int | float | str):
        plain = str(plain)
    key = row.pk if isinstance(row.pk, int) else str(row.pk)
    text = json.dumps([side, plain, key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place(queryset: QuerySet[Any], cursor: str, by: str) -> tuple[str, Any, Any]:
    """Read a cursor that anybody may have typed."""
    try:
        if len(cursor) > LONGEST_CURSOR:
            raise ValueError("too long")
        padded = cursor + "=" * (-len(cursor) % 4)
        side, value, key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if side not in {"<", ">"}:
            raise ValueError("no such side")
        return side, _clean(_field(queryset, by), value), _clean(queryset.model._meta.pk, key)
    except (ValueError, TypeError, OverflowError, ValidationError, binascii.Error) as fault:
        raise Invalid(_("This page address is damaged. Open the list again from its beginning.")) from fault


def _field(queryset: QuerySet[Any], name: str) -> Any:
    annotation = queryset.query.annotations.get(name)
    return queryset.model._meta.get_field(name) if annotation is None else annotation.output_field


def _clean(field: Field[Any, Any], value: Any) -> Any:
    """The value as the field's Python type, inside what the database can compare with."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError("no key")
    if isinstance(value, str):
        value.encode()
        if "\0" in value:
            raise ValueError("no text")
    cleaned = field.to_python(value)
    if cleaned is None or cleaned != cleaned:
        raise ValueError("no value")
    if isinstance(cleaned, date) and cleaned.year not in YEARS:
        raise ValueError("no date of ours")
    if isinstance(cleaned, datetime) and timezone.is_naive(cleaned):
        cleaned = timezone.make_aware(cleaned)
    if isinstance(cleaned, int) and not -(2**63) <= cleaned < 2**63:
        raise ValueError("no number of ours")
    field.run_validators(cleaned)
    return cleaned
