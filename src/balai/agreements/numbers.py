"""How document numbers are built and read. Patterns are data: the city writes them, the hub counts."""

import re
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.agreements.models import Agreement, DocumentNumber, NumberOrigin, NumberPattern, Party
from balai.core.errors import Invalid
from balai.people.models import Organisation, User

FIELDS = ("classification", "serial", "type", "unit", "month", "year")
ROMANS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_FIELD = re.compile(r"\{([a-z]+)\}")
_SHAPES = {"serial": r"\d{1,9}", "month": "|".join(sorted(ROMANS, key=len, reverse=True)), "year": r"\d{4}"}


def check_template(template: str) -> None:
    """Raise Invalid (field ``template``) unless it is made of known fields, among them serial and year."""
    names = _FIELD.findall(template)
    rest = _FIELD.sub("", template)
    fault = ""
    if unknown := sorted(set(names) - set(FIELDS)):
        fault = _("Unknown fields: %(names)s.") % {"names": ", ".join(unknown)}
    elif "{" in rest or "}" in rest:
        fault = _("A field is a name in braces, such as {serial}.")
    elif len(names) != len(set(names)):
        fault = _("Each field stands once.")
    elif not {"serial", "year"} <= set(names):
        fault = _("A series needs {serial} and {year}.")
    elif re.search(r"\}\{", template):
        fault = _("Put a character between two fields, such as a stroke.")
    if fault:
        raise Invalid(_("The pattern cannot be kept."), {"template": [fault]})


def built(pattern: NumberPattern, serial: int, day: date) -> str:
    """The number of ``serial`` on ``day``."""
    values = {
        "classification": pattern.classification,
        "serial": f"{serial:0{pattern.digits}d}",
        "type": pattern.document_type,
        "unit": pattern.unit,
        "month": ROMANS[day.month - 1],
        "year": str(day.year),
    }
    return _FIELD.sub(lambda found: values[found[1]], pattern.template)


def parts_of(number: str, pattern: NumberPattern | None = None) -> dict[str, Any]:
    """What can be read from a number: every field where it follows ``pattern``, else year and month if seen.

    ``serial`` and ``year`` are integers. Blanks and capitals make no other number.
    """
    found: dict[str, Any] = {}
    if pattern is not None and (match := _followed(pattern.template, number)):
        found = {name: text for name, text in match.groupdict().items() if text}
        found["serial"] = int(found["serial"])
    else:
        pieces = [piece.strip() for piece in re.split(r"[/\\]", number)]
        if year := next((p for p in reversed(pieces) if re.fullmatch(r"(19|20)\d\d", p)), None):
            found["year"] = year
        if month := next((p for p in reversed(pieces) if p in ROMANS), None):
            found["month"] = month
    if "year" in found:
        found["year"] = int(found["year"])
    return found


def pattern_at(organisation: Organisation, kind: str, day: date) -> NumberPattern | None:
    """The pattern ``organisation`` uses on ``day`` for this kind of document, if one is on record."""
    rows = NumberPattern.objects.filter(organisation=organisation, kind=kind, valid_from__lte=day)
    return rows.exclude(valid_until__lt=day).order_by("-valid_from", "-pk").first()


def next_serial(organisation: Organisation, kind: str, year: int) -> int:
    """One more than the highest serial ever taken in the year; void ones are not given again."""
    rows = DocumentNumber.objects.filter(organisation=organisation, kind=kind, year=year)
    highest = rows.aggregate(highest=Max("serial"))["highest"]
    return (highest or 0) + 1


def proposal(organisation: Organisation, kind: str, day: date) -> str:
    """The next number of the series; empty where no pattern is on record."""
    pattern = pattern_at(organisation, kind, day)
    return built(pattern, next_serial(organisation, kind, day.year), day) if pattern else ""


def record(
    agreement: Agreement,
    party: Party,
    text: str,
    *,
    by: User,
    origin: str,
    pattern: NumberPattern | None = None,
    today: date | None = None,
) -> DocumentNumber:
    """Write a number into the book, beside what could be read from it. Raises IntegrityError where taken."""
    today = today or timezone.localdate()
    pattern = pattern or pattern_at(party.organisation, agreement.kind, today)
    parts = parts_of(text, pattern)
    return DocumentNumber.objects.create(
        organisation=party.organisation,
        agreement=agreement,
        party=party,
        kind=agreement.kind,
        year=parts.get("year", today.year),
        serial=parts.get("serial"),
        number=text,
        parts=parts,
        origin=origin,
        pattern=pattern if "serial" in parts else None,
        by=by.pseudonym,
        at=timezone.now(),
    )


def keep_typed(agreement: Agreement, party: Party, number: str, by: User) -> None:
    """Keep what a party typed while negotiating, inside the caller's transaction. Raises Invalid if taken."""
    held = DocumentNumber.objects.filter(party=party, void_at=None).first()
    if number == (held.number if held else ""):
        return
    try:
        with transaction.atomic():
            if held:
                close(held, by=by, reason=_("replaced by the party while negotiating"))
            if number:
                record(agreement, party, number, by=by, origin=NumberOrigin.OWN)
    except IntegrityError as clash:
        raise taken(party) from clash


def release(agreement: Agreement, *, by: User, reason: str) -> None:
    """Void what a declined agreement held, inside the caller's transaction."""
    for held in DocumentNumber.objects.filter(agreement=agreement, void_at=None):
        close(held, by=by, reason=reason)


def close(number: DocumentNumber, *, by: User, reason: str) -> bool:
    """Void a number and say why; False where somebody was faster."""
    return bool(
        DocumentNumber.objects.filter(pk=number.pk, void_at=None).update(
            void_at=timezone.now(), void_by=by.pseudonym, void_reason=reason[:500]
        )
    )


def taken(party: Party) -> Invalid:
    """The refusal where a number is on another agreement."""
    return Invalid(
        _("The number cannot be kept."),
        {
            "number": [
                _("%(party)s uses this number or its serial on another agreement.")
                % {"party": party.organisation.name}
            ]
        },
    )


def _followed(template: str, number: str) -> re.Match[str] | None:
    close, closed = ("".join(text.split()) for text in (template, number))
    return _reader(template).fullmatch(number) or _reader(close).fullmatch(closed)


def _reader(template: str) -> re.Pattern[str]:
    pieces = re.split(r"(\{[a-z]+\})", template)
    return re.compile(
        "".join(
            f"(?P<{piece[1:-1]}>{_SHAPES.get(piece[1:-1], '.*?')})"
            if _FIELD.fullmatch(piece)
            else re.escape(piece)
            for piece in pieces
        ),
        re.IGNORECASE,
    )
