"""Addenda: an agreement is amended, never edited. What an addendum says, and what holds with it.

An addendum is an agreement of its own. It names the articles it changes under their keys, so that the text
as amended can be put together for reading; what binds are the sealed documents.
"""

from dataclasses import dataclass, replace
from datetime import date

from django.utils.translation import gettext as _

from balai.agreements.drafting import longest_end
from balai.agreements.models import (
    OPEN_TERMINATION,
    Agreement,
    AgreementState,
    AgreementVersion,
    Termination,
    TerminationState,
)
from balai.agreements.terbilang import plain_date
from balai.agreements.term import COMING, is_in_force
from balai.agreements.terms import AgreementTerms, Both, ClauseTerms, FlowTerms, fill
from balai.core import ledger
from balai.core.models import Document
from balai.core.rules import YES, Verdict, no

BASIS, TERM, REST = "addendum_basis", "addendum_term", "addendum_rest"
FRAME = frozenset({BASIS, TERM, REST})
"""Articles of the addendum itself; all others stand for an article of what it amends."""

SCHEDULES = ("obligations", "flows", "sites", "milestones", "exit")


@dataclass(frozen=True, slots=True)
class Consolidated:
    """An agreement as its addenda have left it. ``changed``: article or schedule → number of the addendum."""

    terms: AgreementTerms
    changed: dict[str, int]
    addenda: tuple[Agreement, ...]


def consolidated(agreement: Agreement) -> Consolidated:
    """The terms as amended by every sealed addendum, in their order; two queries.

    Each article carries the values its own document gives it, and ``variables`` are those its articles use.
    Raises ValueError without a text.
    """
    first = AgreementVersion.objects.filter(agreement=agreement).order_by("-number").first()
    if first is None:
        raise ValueError("no text")
    rows = (
        AgreementVersion.objects.filter(
            agreement__amends=agreement,
            agreement__state__in=(AgreementState.SEALED, AgreementState.ENDED),
            agreement__sealed_at__isnull=False,
        )
        .select_related("agreement")
        .order_by("agreement__addendum_number", "number")
    )
    latest = {row.agreement_id: row for row in rows}
    terms = _baked(first.reading)
    used = _used(first.reading)
    changed: dict[str, int] = {}
    for row in latest.values():
        number = row.agreement.addendum_number or 0
        terms, touched = amended(terms, _baked(row.reading))
        used |= _used(row.reading)
        changed |= dict.fromkeys(touched, number)
    variables = {name: value for blanks in used.values() for name, value in blanks.items()}
    terms = replace(terms, variables=variables)
    return Consolidated(terms, changed, tuple(row.agreement for row in latest.values()))


def _used(terms: AgreementTerms) -> dict[str, dict[str, Both]]:
    """Article → the blanks it uses, with their values."""
    words = {clause.key: _words(clause) for clause in terms.clauses}
    return {
        key: {name: value for name, value in terms.variables.items() if f"{{{name}}}" in text}
        for key, text in words.items()
    }


def _baked(terms: AgreementTerms) -> AgreementTerms:
    """The terms with each blank of their articles filled, so that a later value changes no other article."""
    values = {language: terms.values(language) for language in ("id", "en")}
    clauses = tuple(
        replace(
            clause,
            text=tuple(
                Both(fill(part.id, values["id"]), fill(part.en, values["en"]) if part.en else "")
                for part in clause.text
            ),
        )
        for clause in terms.clauses
    )
    return replace(terms, clauses=clauses)


def amended(terms: AgreementTerms, addendum: AgreementTerms) -> tuple[AgreementTerms, list[str]]:
    """``terms`` as the addendum leaves them, and the names of what it touched."""
    touched: list[str] = []
    clauses = list(terms.clauses)
    places = {clause.key: place for place, clause in enumerate(clauses)}
    for clause in addendum.clauses:
        if clause.key in FRAME:
            continue
        touched.append(clause.key)
        if clause.key in places:
            place = places[clause.key]
            clauses[place] = replace(clause, heading=clauses[place].heading)
        else:
            places[clause.key] = len(clauses)
            clauses.append(clause)
    rows = {name: getattr(addendum, name) for name in SCHEDULES if getattr(addendum, name)}
    touched += list(rows)
    if addendum.ends_on != terms.ends_on:
        touched.append("ends_on")
    return replace(terms, clauses=tuple(clauses), ends_on=addendum.ends_on, **rows), touched


def first_addendum_terms(
    parent: Agreement,
    now: Consolidated,
    *,
    source: AgreementVersion,
    number: int,
    articles: frozenset[str],
    schedules: frozenset[str],
    ends_on: date | None,
    reason: str,
    today: date,
    verify_at: str,
) -> AgreementTerms:
    """The first text of an addendum: the chosen articles and schedules as they stand now, to be changed."""
    base = replace(now.terms, starts_on=parent.starts_on, ends_on=parent.ends_on)
    label = "Perjanjian Kerja Sama" if parent.kind == "pks" else "Kesepakatan Bersama"
    label_en = "Cooperation Agreement" if parent.kind == "pks" else "Memorandum of Understanding"
    sealed = parent.sealed_document.sha256 if parent.sealed_document else ""
    sealed = " ".join(sealed[place : place + 16] for place in range(0, len(sealed), 16))
    numbers = ", ".join(party.number for party in source.reading.parties if party.number)
    called_id = f"{label} tentang {base.title.id}" + (f", nomor {numbers}" if numbers else "")
    called_en = f"the {label_en} on {base.title.inside('en')}" + (f", numbers {numbers}" if numbers else "")
    earlier = [str(addendum.addendum_number) for addendum in now.addenda]
    with_id = f" sebagaimana diubah dengan Adendum {', '.join(earlier)}" if earlier else ""
    with_en = f" as amended by Addendum {', '.join(earlier)}" if earlier else ""
    clauses = [
        ClauseTerms(
            BASIS,
            Both("Dasar adendum", "Basis of the addendum"),
            (
                Both(
                    f"Adendum {number} ini mengubah {called_id}{with_id}. SHA-256 dokumen yang disegel:"
                    f" {sealed}.",
                    f"This Addendum {number} amends {called_en}{with_en}. SHA-256 of the sealed document:"
                    f" {sealed}.",
                ),
                Both(f"Alasan perubahan: {reason}", f"Reason for the change: {reason}"),
            ),
            source="Perubahan dengan adendum: unsur wajib PKS [K]",
        )
    ]
    extends = ends_on is not None and ends_on != base.ends_on
    order = {clause.key: place for place, clause in enumerate(source.reading.clauses, 1)}
    texts = {clause.key: clause for clause in (source.reading.clauses if not now.addenda else base.clauses)}
    if extends and "{ends_on}" in _words(texts.get("term")):
        articles |= {"term"}
    elif extends:
        old_id = plain_date(base.ends_on, "id") if base.ends_on else "-"
        old_en = plain_date(base.ends_on, "en") if base.ends_on else "-"
        clauses.append(
            ClauseTerms(
                TERM,
                Both("Jangka waktu", "Term"),
                (
                    Both(
                        f"Jangka waktu yang semula berakhir pada {old_id} menjadi berakhir pada {{ends_on}}.",
                        f"The term, which ended on {old_en}, now ends on {{ends_on}}.",
                    ),
                ),
                source="Perpanjangan hanya sah dengan adendum [K]",
            )
        )
    for place, clause in enumerate(base.clauses, 1):
        if clause.key in articles:
            shown = order.get(clause.key, place)
            heading = Both(
                f"Perubahan Pasal {shown}: {clause.heading.id}",
                f"Change of Article {shown}: {clause.heading.inside('en')}",
            )
            clauses.append(replace(texts.get(clause.key, clause), heading=heading))
    clauses.append(
        ClauseTerms(
            REST,
            Both("Ketentuan lain", "Other provisions"),
            (
                Both(
                    "Pasal yang disebut di atas berlaku sebagaimana bunyinya dalam adendum ini. Lampiran yang"
                    " dimuat dalam adendum ini menggantikan seluruh lampiran bernama sama.",
                    "The articles named above read as set out in this addendum. A schedule contained in this"
                    " addendum replaces the whole schedule of the same name.",
                ),
                Both(
                    "Ketentuan lain dari perjanjian yang tidak diubah tetap berlaku. Adendum ini menjadi"
                    " bagian yang tidak terpisahkan dari perjanjian tersebut.",
                    "All other provisions of the agreement stay in force. This addendum forms part of it.",
                ),
            ),
            source="Ketentuan hub ini; perlu diperiksa bagian hukum",
        )
    )
    used = "".join(_words(clause) for clause in clauses)
    known = {dataset.name: str(dataset.pk) for dataset in parent.datasets.all()}
    rows = {name: getattr(base, name) for name in SCHEDULES if name in schedules}
    if "flows" in rows:
        rows["flows"] = tuple(_linked(flow, known) for flow in base.flows)
    return AgreementTerms(
        kind="add",
        scheme=base.scheme,
        reference=f"{base.reference}-AD{number}",
        version=1,
        title=Both(
            f"Adendum {number}: {base.title.id}"[:200],
            f"Addendum {number}: {base.title.en}"[:200] if base.title.en else "",
        ),
        city=base.city,
        place=base.place,
        dated_on=today,
        starts_on=base.starts_on,
        ends_on=ends_on if extends else base.ends_on,
        parties=tuple(replace(party, number="", mandate="") for party in base.parties),
        clauses=tuple(clauses),
        variables={name: value for name, value in base.variables.items() if f"{{{name}}}" in used},
        verify_at=verify_at,
        **rows,
    )


def _words(clause: ClauseTerms | None) -> str:
    return "".join(part.id + part.en for part in clause.text) if clause else ""


def _linked(flow: FlowTerms, known: dict[str, str]) -> FlowTerms:
    """The flow with the dataset it became when the agreement was sealed."""
    return replace(flow, dataset=flow.dataset or known.get(flow.name.id[:200], ""))


def open_addendum(parent: Agreement) -> Agreement | None:
    """The addendum on its way, if there is one; there is never more than one."""
    return Agreement.objects.filter(amends=parent, state__in=COMING).first()


def is_amendable(parent: Agreement, today: date | None = None) -> Verdict:
    """Whether an addendum may be begun, signed or sealed: only while the agreement is in force."""
    if parent.amends_id is not None:
        return no(_("An addendum is not amended itself. Draft another addendum to the agreement."))
    if parent.from_paper:
        return no(
            _("This agreement was recorded from paper, so the hub has no text to amend. Amend it on paper.")
        )
    verdict = is_in_force(parent, today)
    if not verdict:
        return no(
            _("%(why)s Only an agreement in force is amended; after its end, draft a new one.")
            % {"why": verdict.reason}
        )
    set_to_end = Termination.objects.filter(agreement=parent, state=TerminationState.SET)
    if set_to_end.exists():
        return no(_("The parties have settled that this agreement ends, so it is not amended any more."))
    return YES


def is_fit(addendum: Agreement, terms: AgreementTerms) -> Verdict:
    """Whether an addendum's text may be opened for signing; asked behind the lock."""
    parent = addendum.amends
    assert parent is not None
    verdict = is_amendable(parent)
    if not verdict:
        return verdict
    words = "".join(_words(clause) for clause in terms.clauses)
    if terms.ends_on != parent.ends_on:
        if terms.ends_on is None or (parent.starts_on and terms.ends_on <= parent.starts_on):
            return no(_("The new end of the term is missing or lies before its beginning."))
        if "{ends_on}" not in words:
            return no(_("The end of the term differs, but no article says so. Add the article on the term."))
        scheme = parent.collaboration.scheme if parent.collaboration else None
        limit = scheme.limits.get("term_months") if scheme else None
        if scheme and limit and parent.starts_on and terms.ends_on > longest_end(parent.starts_on, limit):
            return no(
                _("With this addendum the term is longer than %(months)s months, the limit of %(scheme)s.")
                % {"months": limit, "scheme": scheme.name}
            )
    changes = [clause for clause in terms.clauses if clause.key not in FRAME]
    if not changes and terms.ends_on == parent.ends_on and not any(getattr(terms, n) for n in SCHEDULES):
        return no(_("The addendum changes nothing yet. Add an article, a schedule or another end."))
    faulty = [
        flow.name.id
        for flow in terms.flows
        if flow.personal and not (flow.legal_basis and flow.controller and flow.retention_days)
    ]
    if faulty:
        return no(
            _(
                "Personal data flows without legal basis, controller or retention: %(names)s. UU 27/2022 asks"
                " for all three. Either party completes them in the schedule of data flows."
            )
            % {"names": ", ".join(faulty)}
        )
    return YES


def take_effect(addendum: Agreement, terms: AgreementTerms, document: Document) -> None:
    """Let a sealed addendum move the term of what it amends; in the transaction of its seal."""
    amended_pk = addendum.amends_id
    assert amended_pk is not None
    Agreement.objects.select_for_update().only("pk").get(pk=amended_pk)
    parent = Agreement.objects.get(pk=amended_pk)
    before = parent.ends_on
    if terms.ends_on != before:
        Agreement.objects.filter(pk=parent.pk).update(ends_on=terms.ends_on)
    if terms.flows:
        parent.datasets.set(addendum.datasets.all())
    changed = [clause.key for clause in terms.clauses if clause.key not in FRAME]
    changed += [name for name in SCHEDULES if getattr(terms, name)]
    ledger.append(
        verb="agreement.amended",
        subject=parent.subject,
        thread=parent.thread,
        by=None,
        city=parent.city_id,
        public=True,
        data={
            "addendum": str(addendum.pk),
            "number": addendum.addendum_number,
            "sha256": document.sha256,
            "changed": changed,
            "was": before,
            "ends_on": terms.ends_on,
        },
    )


def open_termination(agreement: Agreement) -> Termination | None:
    """The termination on its way, if there is one; there is never more than one."""
    rows = Termination.objects.filter(agreement=agreement, state__in=OPEN_TERMINATION)
    return rows.select_related("party__organisation").first()
