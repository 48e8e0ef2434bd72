"""Terms in the making: from an application's facts to the first draft, and from one version to the next."""

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _

from balai.agreements.standard import standard
from balai.agreements.terms import (
    AgreementTerms,
    Both,
    ClauseTerms,
    FlowTerms,
    MilestoneTerms,
    ObligationTerms,
    PartyTerms,
    SiteTerms,
    decode,
    legible,
    tidy,
)
from balai.collaborations.models import Collaboration
from balai.core.errors import Invalid, Text
from balai.observations.models import Dataset
from balai.people.models import Organisation

PARTNER = Both("mitra", "partner")
OWNER = Both("pemilik masalah", "problem owner")
DEFAULT_MONTHS = 12
MOST_ROWS = 60
LONGEST_TEXT = 6000

_FROM_ANSWERS = {
    "purpose": ("purpose", "benefit"),
    "activity": ("hypothesis", "together", "adoption", "background"),
    "financing": ("financing",),
    "asset": ("asset",),
    "insurance": ("insurance",),
    "ownership": ("ownership",),
    "service_levels": ("service_levels",),
}
_ROWS: dict[str, Any] = {
    "obligations": ObligationTerms,
    "flows": FlowTerms,
    "sites": SiteTerms,
    "milestones": MilestoneTerms,
    "exit": Both,
}
CHANGEABLE = frozenset({"title", "place", "dated_on", "starts_on", "ends_on", "clauses", "variables", *_ROWS})


def add_months(day: date, months: int) -> date:
    """The same day ``months`` later, or the last of a shorter month."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return day.replace(year=year, month=month, day=min(day.day, calendar.monthrange(year, month)[1]))


def longest_end(starts_on: date, months: int) -> date:
    """The last day of a term of ``months`` that begins on ``starts_on``."""
    return add_months(starts_on, months) - timedelta(days=1)


def first_terms(
    collaboration: Collaboration,
    *,
    answers: Mapping[str, Any],
    datasets: Iterable[Dataset],
    today: date,
    verify_at: str,
) -> AgreementTerms:
    """The standard articles of the scheme with what the application already says."""
    scheme = collaboration.scheme
    articles = standard("pks", scheme.key)
    months = _months(answers, scheme.limits.get("term_months", 60))
    starts_on = add_months(today.replace(day=1), 1)
    city_side = collaboration.agency or collaboration.partner
    variables = {v.name: v.default for v in articles.variables}
    for name, keys in _FROM_ANSWERS.items():
        if name in variables and (text := _first(answers, keys)):
            variables[name] = Both(text)
    if not variables["purpose"].id:
        variables["purpose"] = Both(_line(collaboration.summary), _line(collaboration.summary_en))
    if not variables["activity"].id:
        variables["activity"] = variables["purpose"]
    variables["first_contact"] = Both(legible(city_side.name))
    contact = _line(str(answers.get("contact_unit") or ""))
    partner = legible(collaboration.partner.name)
    variables["second_contact"] = Both(f"{contact}, {partner}" if contact else partner)
    if "procurement" in variables and answers.get("regional_budget") == "yes":
        variables["procurement"] = Both("")
    return AgreementTerms(
        kind="pks",
        scheme=scheme.key,
        reference=collaboration.reference,
        version=1,
        title=Both(legible(collaboration.title), legible(collaboration.title_en)),
        city=legible(collaboration.city.name),
        place=legible(collaboration.city.name),
        dated_on=today,
        starts_on=starts_on,
        ends_on=longest_end(starts_on, months),
        parties=(_party(1, city_side, OWNER), _party(2, collaboration.partner, PARTNER)),
        clauses=articles.clauses,
        variables=variables,
        flows=tuple(flow_of(dataset) for dataset in datasets),
        exit=articles.exit,
        verify_at=verify_at,
    )


def memorandum_terms(
    *,
    reference: str,
    title: Both,
    purpose: Both,
    city: str,
    parties: Iterable[Organisation],
    starts_on: date,
    ends_on: date,
    today: date,
    verify_at: str,
) -> AgreementTerms:
    """The first text of an MoU; the city's side comes first."""
    articles = standard("mou")
    return AgreementTerms(
        kind="mou",
        scheme="",
        reference=reference,
        version=1,
        title=title,
        city=legible(city),
        place=legible(city),
        dated_on=today,
        starts_on=starts_on,
        ends_on=ends_on,
        parties=tuple(_party(place, party, Both("")) for place, party in enumerate(parties, 1)),
        clauses=articles.clauses,
        variables={"purpose": purpose},
        verify_at=verify_at,
    )


def flow_of(dataset: Dataset) -> FlowTerms:
    """A dataset on record as a line of the schedule."""
    return FlowTerms(
        name=Both(legible(dataset.name), legible(dataset.name_en)),
        direction=dataset.direction,
        granularity=legible(dataset.granularity),
        refresh=legible(dataset.refresh),
        form=legible(dataset.form),
        personal=dataset.personal,
        legal_basis=legible(dataset.legal_basis),
        controller=legible(dataset.controller),
        retention_days=dataset.retention_days,
        dataset=str(dataset.pk),
    )


def revised(terms: AgreementTerms, changes: Mapping[str, Any]) -> AgreementTerms:
    """``terms`` with ``changes``, the version number untouched.

    ``changes`` is JSON: ``clauses`` maps a key to ``{"id": text, "en": text}`` (paragraphs apart by an
    empty line, an empty text takes the article out, ``heading`` may be given as another pair),
    ``variables`` maps a name to a pair, the schedules are whole lists, the rest are values of
    `AgreementTerms`. Raises Invalid with the field that is wrong.
    """
    if unknown := changes.keys() - CHANGEABLE:
        raise Invalid(_("This cannot be changed: %(names)s.") % {"names": ", ".join(sorted(unknown))})
    faults: dict[str, list[Text]] = {}
    values: dict[str, Any] = {}
    for name, value in changes.items():
        try:
            values[name] = _changed(terms, name, value)
        except Invalid as fault:
            faults |= fault.fields or {name: [fault.reason]}
        except (TypeError, ValueError, KeyError, AttributeError):
            faults[name] = [_("This value does not fit here.")]
    if faults:
        raise Invalid(_("The proposal cannot be kept as it is."), faults)
    result = replace(terms, **values)
    if result.starts_on and result.ends_on and result.ends_on < result.starts_on:
        raise Invalid(
            _("The proposal cannot be kept as it is."), {"ends_on": [_("The end is before the beginning.")]}
        )
    if lost := result.unprintable():
        shown = " ".join(
            f"{c} (U+{ord(c):04X})" if c.isprintable() else f"U+{ord(c):04X}" for c in sorted(lost)
        )
        raise Invalid(_("The document cannot show these characters: %(shown)s.") % {"shown": shown})
    return result


def _changed(terms: AgreementTerms, name: str, value: Any) -> Any:
    if name == "clauses":
        return _clauses(terms.clauses, value)
    if name == "variables":
        return {**terms.variables, **{str(key): _both(pair) for key, pair in dict(value).items()}}
    if name == "title":
        title = _both(value)
        if not title.id or max(len(title.id), len(title.en)) > 200:
            raise Invalid(_("A title has 1 to 200 characters."))
        return title
    if name == "place":
        return tidy(str(value))[:120]
    if name in _ROWS:
        rows = list(value)
        if len(rows) > MOST_ROWS:
            raise Invalid(_("At most %(most)s rows.") % {"most": MOST_ROWS})
        return tuple(_row(_ROWS[name], row) for row in rows)
    return value if value is None or isinstance(value, date) else date.fromisoformat(value)


def _row(kind: Any, row: Any) -> Any:
    return row if isinstance(row, kind) else decode(kind, _tidied(row))


def _clauses(clauses: tuple[ClauseTerms, ...], given: Mapping[str, Any]) -> tuple[ClauseTerms, ...]:
    known = {clause.key for clause in clauses}
    faults: dict[str, list[Text]] = {}
    kept: list[ClauseTerms] = []
    for clause in clauses:
        if clause.key not in given:
            kept.append(clause)
            continue
        change = given[clause.key]
        local, english = paragraphs(str(change.get("id", ""))), paragraphs(str(change.get("en", "")))
        if english and len(local) != len(english):
            faults[f"clause_{clause.key}_en"] = [
                _("The Indonesian text has %(id)s paragraphs, the English %(en)s. They must match.")
                % {"id": len(local), "en": len(english)}
            ]
            continue
        if not local:
            continue
        text = tuple(Both(a, english[n] if english else "") for n, a in enumerate(local))
        heading = _both(change["heading"]) if change.get("heading") else clause.heading
        if (text, heading) != (clause.text, clause.heading):
            clause = replace(clause, text=text, heading=heading, checked=False)
        kept.append(clause)
    for key in given.keys() - known:
        change = given[key]
        text = tuple(Both(part) for part in paragraphs(str(change.get("id", ""))))
        english = paragraphs(str(change.get("en", "")))
        if english and len(english) == len(text):
            text = tuple(Both(a.id, b) for a, b in zip(text, english, strict=True))
        heading = _both(change.get("heading") or {"id": ""})
        if not text or not heading.id:
            faults[f"clause_{key}"] = [_("A new article needs a heading and a text.")]
            continue
        kept.append(ClauseTerms(str(key)[:40], heading, text, source=_("proposed by a party")))
    if faults:
        raise Invalid(_("The articles cannot be kept as they are."), faults)
    if not kept:
        raise Invalid(_("An agreement needs at least one article."))
    return tuple(kept)


def paragraphs(text: str) -> list[str]:
    """Texts apart by an empty line; single line breaks become spaces."""
    text = tidy(text)
    if len(text) > LONGEST_TEXT:
        raise Invalid(_("At most %(most)s characters an article.") % {"most": LONGEST_TEXT})
    parts: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip():
            parts[-1].append(line.strip())
        elif parts[-1]:
            parts.append([])
    return [" ".join(part) for part in parts if part]


def _both(value: Any) -> Both:
    if isinstance(value, Both):
        return Both(tidy(value.id), tidy(value.en))
    if isinstance(value, str):
        return Both(tidy(value))
    return Both(tidy(str(value.get("id") or "")), tidy(str(value.get("en") or "")))


def _tidied(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(tidy(value).split())
    if isinstance(value, Mapping):
        return {key: _tidied(item) for key, item in value.items()}
    return value


def _party(place: int, organisation: Organisation, role: Both) -> PartyTerms:
    return PartyTerms(place, legible(organisation.name), legible(organisation.short_name), role)


def _line(text: str) -> str:
    """One line without its full stop, to stand inside an article's sentence."""
    return " ".join(legible(text).split()).rstrip(" .?!")


def _first(answers: Mapping[str, Any], keys: Iterable[str]) -> str:
    return next((_line(str(answers[key])) for key in keys if answers.get(key)), "")


def _months(answers: Mapping[str, Any], limit: int) -> int:
    given = answers.get("months")
    return min(given, limit) if isinstance(given, int) and given > 0 else min(DEFAULT_MONTHS, limit)
