"""Agreements signed on paper, recorded by the cooperation bureau: flagged, correctable with history, kept."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from io import StringIO
from typing import IO, Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from balai.agreements import affairs
from balai.agreements import lifecycle_rules as rules
from balai.agreements.clock import today_in
from balai.agreements.findable import make_findable
from balai.agreements.models import (
    Agreement,
    AgreementKind,
    AgreementState,
    PaperCertainty,
    PaperCorrection,
    PaperRecord,
    Party,
)
from balai.agreements.terms import tidy
from balai.core import documents, ledger
from balai.core.errors import Invalid, Refused, Stale, Text
from balai.core.inspection import PDF
from balai.core.models import Document
from balai.core.rules import require
from balai.people.models import City, Organisation, OrganisationKind, User

KINDS = (AgreementKind.MOU, AgreementKind.PKS)
MOST_ROWS = 500
MOST_CHARACTERS = 400_000
MOST_PARTNERS = 9
LONGEST: dict[str, int] = {
    "title": 200,
    "title_en": 200,
    "city_number": 120,
    "source": 300,
    "partners": 200,
    "partner_numbers": 120,
}
COLUMNS: dict[str, str] = {
    "kind": "jenis",
    "title": "judul",
    "title_en": "judul_inggris",
    "city_party": "pihak_kota",
    "city_number": "nomor_kota",
    "partners": "mitra",
    "partner_numbers": "nomor_mitra",
    "signed_on": "tanggal_tanda_tangan",
    "starts_on": "mulai",
    "ends_on": "berakhir",
    "affair": "urusan",
    "source": "sumber",
    "certainty": "kepastian",
}
"""Columns of a file to record many at once: the name in code and the heading in the file."""

DAYS = ("signed_on", "starts_on", "ends_on", "ended_on")


@dataclass(frozen=True, slots=True)
class PaperFacts:
    """What is known of an agreement signed on paper."""

    kind: str
    title: str
    city_party: Organisation | None
    partners: tuple[str, ...]
    source: str
    certainty: str
    title_en: str = ""
    city_number: str = ""
    partner_numbers: tuple[str, ...] = ()
    signed_on: date | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    ended_on: date | None = None
    affair: str = ""


def faults_of(facts: PaperFacts, city: City, today: date) -> dict[str, list[Text]]:
    """What is wrong with the facts, by field; nothing where they can be recorded."""
    faults: dict[str, list[Text]] = {}
    if facts.kind not in KINDS:
        faults["kind"] = [_("Choose a memorandum (mou) or a cooperation agreement (pks).")]
    if facts.certainty not in PaperCertainty.values:
        known = ", ".join(PaperCertainty.values)
        faults["certainty"] = [_("Say how sure it is, one of: %(known)s.") % {"known": known}]
    if facts.affair and facts.affair not in affairs.names():
        faults["affair"] = [_("There is no such field of government in the vocabulary.")]
    for name in ("title", "source"):
        if not getattr(facts, name):
            faults[name] = [_("This is needed.")]
    for name in ("title", "title_en", "city_number", "source"):
        if len(getattr(facts, name)) > LONGEST[name] or "\n" in getattr(facts, name):
            faults[name] = [_("One line of at most %(limit)s characters.") % {"limit": LONGEST[name]}]
    party = facts.city_party
    if party is None or party.kind != OrganisationKind.AGENCY or party.city_id != city.pk:
        faults["city_party"] = [_("Name an agency of the city as this hub knows it.")]
    if not 1 <= len(facts.partners) <= MOST_PARTNERS or any(not name for name in facts.partners):
        faults["partners"] = [_("Name one to %(most)s partners.") % {"most": MOST_PARTNERS}]
    elif len({name.casefold() for name in facts.partners}) < len(facts.partners):
        faults["partners"] = [_("A partner stands there twice.")]
    elif any(len(name) > LONGEST["partners"] for name in facts.partners):
        faults["partners"] = [_("One line of at most %(limit)s characters.") % {"limit": 200}]
    if len(facts.partner_numbers) > len(facts.partners):
        faults["partner_numbers"] = [_("There are more numbers than partners.")]
    elif any(len(number) > LONGEST["partner_numbers"] for number in facts.partner_numbers):
        faults["partner_numbers"] = [_("One line of at most %(limit)s characters.") % {"limit": 120}]
    days = [day for day in (getattr(facts, name) for name in DAYS) if day]
    for name in DAYS:
        day = getattr(facts, name)
        if day is not None and not 1945 <= day.year <= 2100:
            faults[name] = [_("Choose a year between 1945 and 2100.")]
    if not days:
        faults["signed_on"] = [_("At least one date is needed.")]
    if facts.signed_on and facts.signed_on > today:
        faults["signed_on"] = [_("This lies in the future.")]
    if facts.starts_on and facts.ends_on and facts.ends_on < facts.starts_on:
        faults["ends_on"] = [_("The end is before the beginning.")]
    if facts.ended_on and facts.ended_on > today:
        faults["ended_on"] = [_("This lies in the future.")]
    return faults


def record_paper(
    *, city: City, facts: PaperFacts, by: User, file: IO[bytes] | None = None, name: str = ""
) -> Agreement:
    """Take an agreement signed on paper into the register, with its scan where there is one.

    Raises Refused unless ``by`` keeps the city's register, Invalid for the facts or the file (field
    ``file``), and Invalid where the register has it already.
    """
    require(rules.may_record(by, city))
    facts = _tidied(facts)
    faults = faults_of(facts, city, today_in(city.pk))
    if not faults and is_known(facts, city):
        faults["title"] = [_("The register has this agreement already.")]
    if faults:
        raise Invalid(_("The record cannot be kept as it is."), faults)
    scan = None
    if file is not None:
        scan = documents.store(file=file, name=name, by=by, city=city.pk, allow=frozenset({PDF}))
    with transaction.atomic():
        return _record(city, facts, by, scan)


def _record(city: City, facts: PaperFacts, by: User, scan: Document | None) -> Agreement:
    hat = rules.register_hat(by, city)
    now = timezone.now()
    agreement = Agreement.objects.create(
        pk=uuid4(),
        city=city,
        kind=facts.kind,
        title=facts.title,
        title_en=facts.title_en,
        starts_on=facts.starts_on,
        ends_on=facts.ends_on,
        affair=facts.affair,
        source=facts.source,
        from_paper=True,
        **_state(facts, today_in(city.pk)),
    )
    PaperRecord.objects.create(
        agreement=agreement,
        signed_on=facts.signed_on,
        certainty=facts.certainty,
        scan=scan,
        recorded_by=by.pseudonym,
        recorded_at=now,
    )
    assert facts.city_party is not None
    sides = [facts.city_party, *(partner_named(partner) for partner in facts.partners)]
    numbers = [facts.city_number, *facts.partner_numbers]
    Party.objects.bulk_create(
        Party(
            agreement=agreement,
            organisation=side,
            place=place,
            number=numbers[place - 1] if place <= len(numbers) else "",
        )
        for place, side in enumerate(sides, 1)
    )
    ledger.append(
        verb="agreement.recorded",
        subject=agreement.subject,
        thread=agreement.thread,
        by=by,
        role=hat.role if hat else "",
        organisation=hat.organisation_id if hat else None,
        city=city.pk,
        public=True,
        data={
            "kind": facts.kind,
            "signed_on": facts.signed_on,
            "starts_on": facts.starts_on,
            "ends_on": facts.ends_on,
            "certainty": facts.certainty,
            "scan": scan.sha256 if scan else None,
        },
    )
    make_findable(agreement)
    return agreement


def _state(facts: PaperFacts, today: date) -> dict[str, Any]:
    """In force, or ended on a day: as the facts say."""
    over = facts.ended_on or (facts.ends_on if facts.ends_on and facts.ends_on < today else None)
    return {"state": AgreementState.ENDED if over else AgreementState.SEALED, "ended_on": over}


def partner_named(name: str) -> Organisation:
    """The organisation of this name; where the hub knows none, a bare record of it, not open to members."""
    known = Organisation.objects.filter(name__iexact=name).order_by("-active", "created_at").first()
    if known:
        return known
    return Organisation.objects.create(
        kind=OrganisationKind.COMPANY,
        slug=f"{slugify(name)[:60] or 'mitra'}-{uuid4().hex[:8]}",
        name=name,
        active=False,
        listed=False,
        source="dicatat dari perjanjian di atas kertas",
    )


def is_known(facts: PaperFacts, city: City) -> bool:
    """Whether the register holds an agreement with the city's number, or of the same name and partner."""
    rows = Agreement.objects.filter(city=city, kind=facts.kind)
    if (
        facts.city_number
        and rows.filter(
            parties__organisation=facts.city_party, parties__number__iexact=facts.city_number
        ).exists()
    ):
        return True
    same = rows.filter(from_paper=True, title__iexact=facts.title, starts_on=facts.starts_on)
    return same.filter(parties__organisation__name__iexact=facts.partners[0]).exists()


def facts_of(agreement: Agreement) -> PaperFacts:
    """The record as it stands, to be corrected."""
    parties = list(agreement.parties.select_related("organisation").order_by("place"))
    record = agreement.paper
    by_term = agreement.ended_on == agreement.ends_on
    return PaperFacts(
        kind=agreement.kind,
        title=agreement.title,
        title_en=agreement.title_en,
        city_party=parties[0].organisation,
        city_number=parties[0].number,
        partners=tuple(party.organisation.name for party in parties[1:]),
        partner_numbers=tuple(party.number for party in parties[1:]),
        signed_on=record.signed_on,
        starts_on=agreement.starts_on,
        ends_on=agreement.ends_on,
        ended_on=None if by_term else agreement.ended_on,
        affair=agreement.affair,
        source=agreement.source,
        certainty=record.certainty,
    )


def digest(facts: PaperFacts) -> str:
    """One hash for what a record says, to notice that it changed."""
    said = [[name, _plain(getattr(facts, name))] for name in (*COLUMNS, "ended_on")]
    return sha256(json.dumps(said).encode()).hexdigest()


def correct_paper(
    *, agreement: Agreement, facts: PaperFacts, reason: str, by: User, seen: str = ""
) -> PaperCorrection | None:
    """Change what a record from paper says, keeping what it said; None where nothing is different.

    ``seen`` is the `digest` of the facts the person was shown. Raises Refused, Invalid, and Stale where
    somebody corrected it meanwhile.
    """
    require(rules.may_record(by, agreement.city))
    if not agreement.from_paper:
        raise Refused(_("Only records from paper are corrected; what the hub sealed stays as it is."))
    facts, reason, city = _tidied(facts), tidy(reason), agreement.city
    with transaction.atomic():
        Agreement.objects.select_for_update().only("pk").get(pk=agreement.pk)
        locked = Agreement.objects.select_related("paper", "city").get(pk=agreement.pk)
        before = facts_of(locked)
        if seen and seen != digest(before):
            raise Stale(_("Somebody corrected this record meanwhile. Open it again, then go on."))
        faults = faults_of(facts, city, today_in(city.pk))
        if len(facts.partners) != len(before.partners):
            faults["partners"] = [_("A correction keeps the number of partners.")]
        if not reason or len(reason) > 500:
            faults["reason"] = [_("Say in 1 to 500 characters why; it stays with the record.")]
        if faults:
            raise Invalid(_("The record cannot be kept as it is."), faults)
        changes = _differences(before, facts)
        if not changes:
            return None
        Agreement.objects.filter(pk=locked.pk).update(
            kind=facts.kind,
            title=facts.title,
            title_en=facts.title_en,
            starts_on=facts.starts_on,
            ends_on=facts.ends_on,
            affair=facts.affair,
            source=facts.source,
            **_state(facts, today_in(city.pk)),
        )
        PaperRecord.objects.filter(agreement=locked).update(
            signed_on=facts.signed_on, certainty=facts.certainty
        )
        _correct_parties(locked, before, facts)
        hat = rules.register_hat(by, city)
        correction = PaperCorrection.objects.create(
            agreement=locked, changes=changes, reason=reason, by=by.pseudonym, at=timezone.now()
        )
        ledger.append(
            verb="agreement.corrected",
            subject=locked.subject,
            thread=locked.thread,
            by=by,
            role=hat.role if hat else "",
            organisation=hat.organisation_id if hat else None,
            city=city.pk,
            public=True,
            data={"fields": sorted(changes), "reason": reason},
        )
        make_findable(Agreement.objects.get(pk=locked.pk))
    return correction


def _correct_parties(agreement: Agreement, before: PaperFacts, facts: PaperFacts) -> None:
    sides = [facts.city_party, *facts.partners]
    numbers = [facts.city_number, *facts.partner_numbers]
    known = [before.city_party, *before.partners]
    for place, (side, was) in enumerate(zip(sides, known, strict=True), 1):
        values: dict[str, Any] = {"number": numbers[place - 1] if place <= len(numbers) else ""}
        if side != was:
            values["organisation"] = partner_named(side) if isinstance(side, str) else side
        try:
            with transaction.atomic():
                Party.objects.filter(agreement=agreement, place=place).update(**values)
        except IntegrityError as clash:
            raise Invalid(
                _("The record cannot be kept as it is."), {"partners": [_("A partner stands there twice.")]}
            ) from clash


def _differences(before: PaperFacts, after: PaperFacts) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name in (*COLUMNS, "ended_on"):
        was, now = _plain(getattr(before, name)), _plain(getattr(after, name))
        if was != now:
            found[name] = [was, now]
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Organisation):
        return value.name
    if isinstance(value, tuple):
        return "; ".join(value).rstrip("; ")
    return value


def _tidied(facts: PaperFacts) -> PaperFacts:
    numbers = tuple(_line(number) for number in facts.partner_numbers)
    while numbers and not numbers[-1]:
        numbers = numbers[:-1]
    return replace(
        facts,
        title=_line(facts.title),
        title_en=_line(facts.title_en),
        city_number=_line(facts.city_number),
        source=_line(facts.source),
        partners=tuple(_line(name) for name in facts.partners),
        partner_numbers=numbers,
    )


def _line(text: str) -> str:
    return " ".join(tidy(text).replace("\0", "").split())


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One line of a file: its number there, what it says, and what is wrong with it."""

    number: int
    facts: PaperFacts
    faults: Mapping[str, Sequence[Text]]


def read_rows(text: str, city: City) -> list[PaperRow]:
    """Read a CSV file of agreements, each line checked, nothing recorded.

    Raises Invalid (field ``file``) where the file as a whole cannot be read.
    """
    if len(text) > MOST_CHARACTERS:
        raise _unreadable(_("The file is too long. Split it."))
    text = text.removeprefix("\ufeff").replace("\0", "")
    head, _newline, _rest = text.partition("\n")
    try:
        lines = list(csv.reader(StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ","))
    except csv.Error as fault:
        raise _unreadable(_("This is not a CSV file.")) from fault
    lines = [line for line in lines if any(cell.strip() for cell in line)]
    if not lines:
        raise _unreadable(_("The file is empty."))
    names = [_column(cell) for cell in lines[0]]
    missing = [COLUMNS[name] for name in ("kind", "title", "partners", "source") if name not in names]
    if missing or None in names:
        unknown = [cell for cell, name in zip(lines[0], names, strict=True) if name is None]
        raise _unreadable(
            _("The first line must name the columns. Missing: %(missing)s. Unknown: %(unknown)s.")
            % {"missing": ", ".join(missing) or "–", "unknown": ", ".join(unknown)[:200] or "–"}
        )
    if len(lines) - 1 > MOST_ROWS:
        raise _unreadable(_("At most %(most)s rows a file.") % {"most": MOST_ROWS})
    agencies = _agencies(city)
    today = today_in(city.pk)
    rows: list[PaperRow] = []
    seen: set[tuple[object, ...]] = set()
    for number, line in enumerate(lines[1:], 2):
        cells = {name: cell.strip() for name, cell in zip(names, line, strict=False) if name}
        facts, faults = _facts(cells, agencies)
        faults |= {name: texts for name, texts in faults_of(facts, city, today).items() if name not in faults}
        if len(line) > len(names):
            faults["title"] = [_("The line has more cells than the first line has columns.")]
        key = (facts.kind, facts.title.casefold(), facts.starts_on, facts.partners[:1])
        if not faults and (key in seen or is_known(facts, city)):
            faults["title"] = [_("The register or this file has this agreement already.")]
        seen.add(key)
        rows.append(PaperRow(number, facts, faults))
    return rows


def record_rows(*, city: City, text: str, by: User) -> list[Agreement]:
    """Record every line of a file, or none. Raises Refused, and Invalid where any line is wrong."""
    require(rules.may_record(by, city))
    rows = read_rows(text, city)
    wrong = [row.number for row in rows if row.faults]
    if wrong:
        shown = ", ".join(map(str, wrong[:10]))
        raise _unreadable(_("Lines with faults: %(lines)s. Nothing was recorded.") % {"lines": shown})
    with transaction.atomic():
        return [_record(city, row.facts, by, None) for row in rows]


def _unreadable(text: Text) -> Invalid:
    return Invalid(_("The file cannot be taken in."), {"file": [text]})


def _column(cell: str) -> str | None:
    name = "_".join(cell.strip().casefold().split())
    return next((key for key, heading in COLUMNS.items() if name in (key, heading)), None)


def _agencies(city: City) -> dict[str, Organisation]:
    """The city's agencies by every name they go under."""
    rows = Organisation.objects.filter(city=city, kind=OrganisationKind.AGENCY, active=True)
    return {name.casefold(): row for row in rows for name in (row.name, row.short_name, row.slug) if name}


def _facts(
    cells: Mapping[str, str], agencies: Mapping[str, Organisation]
) -> tuple[PaperFacts, dict[str, list[Text]]]:
    faults: dict[str, list[Text]] = {}
    days: dict[str, date | None] = {}
    for name in ("signed_on", "starts_on", "ends_on"):
        days[name] = None
        if text := cells.get(name, ""):
            days[name] = _day(text)
            if days[name] is None:
                faults[name] = [_("Write the date as 2019-09-13 or 13/09/2019.")]
    facts = PaperFacts(
        kind=cells.get("kind", "").casefold(),
        title=cells.get("title", ""),
        title_en=cells.get("title_en", ""),
        city_party=agencies.get(cells.get("city_party", "").casefold()),
        city_number=cells.get("city_number", ""),
        partners=tuple(name.strip() for name in cells.get("partners", "").split(";")),
        partner_numbers=tuple(n.strip() for n in cells.get("partner_numbers", "").split(";")),
        affair=_affair(cells.get("affair", "")),
        source=cells.get("source", ""),
        certainty=cells.get("certainty", "").casefold() or PaperCertainty.LISTED,
        **days,
    )
    return _tidied(facts), faults


def _affair(text: str) -> str:
    """The key of an affair named by its key or by either of its names."""
    wanted = text.casefold()
    for key, label in affairs.names().items():
        if wanted in (key, label.id.casefold(), label.en.casefold()):
            return key
    return text


def _day(text: str) -> date | None:
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y"):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None


def scan_of(pk: UUID) -> Document | None:
    """The scan kept with a record from paper."""
    record = PaperRecord.objects.filter(agreement=pk).select_related("scan").first()
    return record.scan if record else None
