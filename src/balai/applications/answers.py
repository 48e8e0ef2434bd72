"""The types of a scheme's form: what a person typed becomes a value that can be kept as JSON.

Pure: knows the scheme's fields and nothing of requests or databases. ``None`` is "not answered".
"""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from balai.collaborations.schemes import Field

LARGEST_AMOUNT = 10**15
_SPACES = re.compile(r"\s+")


class AnswerError(ValueError):
    """The answer is not of the field's type; the message is a sentence for the person."""


def clean(field: Field, raw: Any) -> Any:
    """The answer as it is stored: str, int, bool, ISO date, a choice's key or a list of keys; None if empty.

    Raises AnswerError for a wrong type, a text that is too long or a number out of bounds.
    """
    return _CLEANERS[field.type](field, raw)


def is_empty(field: Field, value: Any) -> bool:
    """Whether a stored answer leaves the question open. A flag is open until it is set."""
    return value in (None, "", []) or (field.type == "flag" and value is not True)


def shown(field: Field, value: Any) -> str:
    """A stored answer as a person reads it, in the active language; empty text for no answer."""
    if field.type == "flag":
        return _("Yes") if value else _("No")
    if value in (None, "", []):
        return ""
    match field.type:
        case "choice" | "choices":
            labels = dict(field.choices)
            keys = value if isinstance(value, list) else [value]
            return ", ".join(str(labels.get(key, key)) for key in keys)
        case "money":
            return "Rp " + f"{int(value):,}".replace(",", ".")
        case "number":
            return str(number_format(value))
        case "date":
            return str(date_format(dt.date.fromisoformat(value), "j F Y"))
    return str(value)


def carried_over(fields: tuple[Field, ...], answers: Mapping[str, Any]) -> dict[str, Any]:
    """Answers of an earlier form that fit this one; assents (flags) are always given afresh."""
    carried = {}
    for field in fields:
        if field.key in answers and field.type != "flag":
            try:
                value = clean(field, answers[field.key])
            except AnswerError:
                continue
            if value is not None:
                carried[field.key] = value
    return carried


def _text(field: Field, raw: Any) -> str | None:
    if raw is None:
        return None
    if not isinstance(raw, str):
        raise AnswerError(_("Write a text here."))
    text = raw.replace("\x00", "").replace("\r\n", "\n").strip()
    if field.type == "line":
        text = _SPACES.sub(" ", text)
    if len(text) > field.limit:
        raise AnswerError(
            _("This has %(length)s characters; at most %(limit)s fit. Shorten it by %(over)s.")
            % {"length": len(text), "limit": field.limit, "over": len(text) - field.limit}
        )
    return text or None


def _whole(raw: Any) -> int | None:
    if raw is None or raw == "":
        return None
    if isinstance(raw, bool):
        raise AnswerError(_("Write a whole number."))
    if isinstance(raw, int):
        return raw
    digits = re.sub(r"^rp\.?|\s", "", str(raw).strip().lower())
    if re.fullmatch(r"[0-9]{1,3}([.,][0-9]{3})+", digits):
        digits = re.sub(r"[.,]", "", digits)
    if not re.fullmatch(r"-?[0-9]{1,18}", digits):
        raise AnswerError(_("Write a whole number, such as 6."))
    return int(digits)


def _number(field: Field, raw: Any) -> int | None:
    number = _whole(raw)
    if number is not None and not 1 <= number <= field.limit:
        raise AnswerError(_("Write a number from 1 to %(limit)s.") % {"limit": field.limit})
    return number


def _money(_field: Field, raw: Any) -> int | None:
    amount = _whole(raw)
    if amount is not None and not 0 <= amount <= LARGEST_AMOUNT:
        raise AnswerError(_("Write an amount in rupiah, such as 1.250.000."))
    return amount


def _date(_field: Field, raw: Any) -> str | None:
    if raw is None or raw == "":
        return None
    text = str(raw).strip()
    for pattern in ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y"):
        try:
            day = dt.datetime.strptime(text, pattern).date()
        except ValueError:
            continue
        if 1900 <= day.year <= 2200:
            return day.isoformat()
    raise AnswerError(_("Write a date as day/month/year, such as 13/09/2019."))


def _choice(field: Field, raw: Any) -> str | None:
    if raw is None or raw == "":
        return None
    if not isinstance(raw, str) or raw not in dict(field.choices):
        raise AnswerError(_("Choose one of the options."))
    return str(raw)


def _choices(field: Field, raw: Any) -> list[str] | None:
    if raw is None or raw == "":
        return None
    known = dict(field.choices)
    if not isinstance(raw, list) or any(not isinstance(key, str) or key not in known for key in raw):
        raise AnswerError(_("Choose among the options."))
    return [key for key in known if key in raw] or None


def _flag(_field: Field, raw: Any) -> bool | None:
    if raw in (None, "", False, "off", "false"):
        return None
    if raw in (True, "on", "true", "1"):
        return True
    raise AnswerError(_("Tick it or leave it open."))


_CLEANERS = {
    "line": _text,
    "text": _text,
    "number": _number,
    "money": _money,
    "date": _date,
    "choice": _choice,
    "choices": _choices,
    "flag": _flag,
}
