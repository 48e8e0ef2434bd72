"""Pages of a negotiation: what is proposed and said on each article, and drafts of word processors."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from balai.agreements import rules
from balai.agreements.comments import (
    comment,
    comments_for,
    may_comment,
    resolve_comment,
    side_in,
)
from balai.agreements.docx import as_docx
from balai.agreements.docx_matching import Found
from balai.agreements.drafts import bring_draft, drafts_for, findings_of, propose_from_draft
from balai.agreements.models import (
    Agreement,
    AgreementVersion,
    ClauseProposal,
    Comment,
    EditKind,
    ProposalAnswer,
    ProposalState,
)
from balai.agreements.negotiation import (
    CONFLICTS,
    Redline,
    accept_proposals,
    between,
    checked,
    conflict_of,
    may_answer,
    may_withdraw,
    proposals_of,
    propose_change,
    redline,
    reject_proposal,
    since_proposed,
    withdraw_proposal,
)
from balai.agreements.proposals import clause_of, conflict
from balai.agreements.terms import AgreementTerms, Both, ClauseTerms, fill
from balai.core.errors import Invalid, Stale
from balai.core.inspection import DOCX
from balai.core.rules import Verdict, require
from balai.portal.agreements.negotiation_forms import (
    AnswerForm,
    ChoiceOfDraft,
    ClauseForm,
    CommentForm,
    DraftForm,
    headings,
)
from balai.portal.agreements.views import _language, _latest, _mine, _person
from balai.portal.forms import refuse
from balai.portal.once import once

KINDS = {"ubah": EditKind.CHANGE, "tambah": EditKind.ADD, "hapus": EditKind.DELETE, "pindah": EditKind.MOVE}
TONES = {
    ProposalState.OPEN: "wait",
    ProposalState.ACCEPTED: "go",
    ProposalState.REJECTED: "stop",
    ProposalState.COUNTERED: "done",
    ProposalState.WITHDRAWN: "done",
}
WHERE: dict[str, str | Promise] = {
    "front": gettext_lazy("above the articles"),
    "schedules": gettext_lazy("in the schedules"),
    "id": gettext_lazy("between the articles"),
    "en": gettext_lazy("between the articles"),
    "article": gettext_lazy("heading without text"),
    "table": gettext_lazy("table outside the articles"),
    "box": gettext_lazy("text box"),
    "header": gettext_lazy("page header"),
    "footer": gettext_lazy("page footer"),
    "note": gettext_lazy("footnote"),
    "english": gettext_lazy("English without Indonesian text"),
    "gone": gettext_lazy("taken out of title, parties or schedules; nothing changes there"),
}
NOTES: dict[str, str | Promise] = {
    "table": gettext_lazy("A table became lines of text."),
    "english_gone": gettext_lazy("The English text of this article was taken out."),
    "uneven": gettext_lazy("Some paragraphs have no English text."),
    "joined": gettext_lazy("English text without an Indonesian paragraph was joined to its neighbour."),
}
ODD: dict[str, str | Promise] = {
    "no_version": gettext_lazy(
        "The file does not say which version it was made from; it was compared with the latest."
    ),
    "no_id": gettext_lazy("The file has no Indonesian articles; the Indonesian text stays as it is."),
    "no_en": gettext_lazy("The file has no English articles; the English text stays as it is."),
    "hidden": gettext_lazy("The file holds hidden text; it was read like any other."),
    "picture": gettext_lazy("The file holds pictures. They were left out."),
    "symbol": gettext_lazy("The file holds signs of a symbol typeface; they are shown as a box."),
    "formula": gettext_lazy("The file holds formulas; they were read as plain text."),
    "embedded": gettext_lazy("The file holds embedded objects or charts. They were left out."),
    "foreign_part": gettext_lazy("The file takes in another document whose text cannot be read here."),
}


@dataclass(frozen=True, slots=True)
class ProposalLine:
    """A proposal as a page shows it."""

    it: ClauseProposal
    tone: str
    lines: Redline
    after: str
    heading: str
    stale: str
    since: Redline | None
    may_answer: Verdict
    may_withdraw: Verdict
    answers: list[ProposalAnswer]


@dataclass(frozen=True, slots=True)
class Thread:
    """A comment with its replies."""

    it: Comment
    replies: list[Comment]


@dataclass(slots=True)
class ArticleRow:
    """An article with what is proposed and said on it."""

    number: int
    key: str
    heading: str
    paragraphs: list[dict[str, str]]
    proposals: list[ProposalLine] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)

    @property
    def opened(self) -> bool:
        return bool(self.proposals) or any(not thread.it.resolved_at for thread in self.threads)


@require_safe
@login_required
def room(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What is proposed and said, article by article, and what waits for me."""
    agreement = _mine(request, pk)
    latest = _latest(agreement)
    terms = latest.reading
    proposals = list(proposals_of(agreement))
    comments = list(comments_for(request.user, agreement))
    opened = [_line(request, agreement, p, latest) for p in proposals if p.state == ProposalState.OPEN]
    threads = _threads(comments)
    rows, homeless = _rows(terms, opened, threads)
    answerable = [line for line in opened if line.may_answer and not line.stale]
    return render(
        request,
        "agreements/negotiation.html",
        {
            "it": agreement,
            "latest": latest,
            "rows": rows,
            "homeless": homeless,
            "opened": opened,
            "keys": {row.key for row in rows},
            "answerable": answerable,
            "closed": [
                {
                    "it": p,
                    "tone": TONES[ProposalState(p.state)],
                    "heading": _heading(p),
                }
                for p in reversed(proposals)
                if p.state != ProposalState.OPEN
            ],
            "general": threads.get("", []),
            "may_propose": rules.may_propose(request.user, agreement),
            "may_comment": may_comment(request.user, agreement),
            "side": side_in(request.user, agreement),
        },
    )


@login_required
@once
def propose(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Propose a change of one article, or answer a proposal by another."""
    agreement = _mine(request, pk)
    require(rules.may_propose(request.user, agreement))
    latest = _latest(agreement)
    kind = KINDS.get(request.GET.get("jenis", ""))
    countered = _numbered(agreement, request.GET, "balas")
    like = countered or _numbered(agreement, request.GET, "salin")
    if kind is None:
        kind = EditKind(like.kind) if like else EditKind.ADD
    key = "" if kind == EditKind.ADD else request.GET.get("pasal", like.key if like else "")
    clause = clause_of(latest.reading, key)
    if kind != EditKind.ADD and clause is None:
        raise Http404
    if countered is not None:
        require(may_answer(request.user, agreement, countered))
    start = ClauseForm.start(latest.reading, key, like.edit if like else None)
    if kind == EditKind.ADD and like is None and (behind := request.GET.get("pasal", "")):
        start["after"] = behind
    form = ClauseForm(latest.reading, kind, key, request.POST or None, initial=start)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = propose_change(
                    agreement=agreement,
                    edit=form.edit(),
                    reason=form.cleaned_data["reason"],
                    by=_person(request),
                    seen=form.cleaned_data["seen"],
                    counter_of=countered,
                )
            except Invalid as fault:
                refuse(form, fault)
            except Stale as fault:
                form.add_error(None, str(fault.reason))
                status = 409
            else:
                messages.success(request, _("Proposal %(number)s is on the table.") % {"number": made.number})
                return redirect("portal:agreement_negotiation", pk=pk)
    titles = {
        EditKind.CHANGE: _("Propose another wording"),
        EditKind.ADD: _("Propose a new article"),
        EditKind.DELETE: _("Propose to take an article out"),
        EditKind.MOVE: _("Propose another place"),
    }
    return render(
        request,
        "agreements/negotiation_propose.html",
        {
            "it": agreement,
            "form": form,
            "kind": kind,
            "title": titles[kind],
            "heading": clause.heading.inside(_language()) if clause else "",
            "text": _filled(clause, latest.reading) if clause and kind != EditKind.CHANGE else [],
            "countered": countered,
            "worded": kind in (EditKind.CHANGE, EditKind.ADD),
        },
        status=status,
    )


@login_required
def proposal(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """One proposal: what it changes, why, what became of it; and its answer."""
    agreement = _mine(request, pk)
    latest = _latest(agreement)
    found = get_object_or_404(proposals_of(agreement), number=_small(number))
    act = request.POST.get("answer", "")
    form = AnswerForm(request.POST if act == "reject" else None)
    status = 200
    if request.method == "POST":
        status = 422
        said = None
        if act == "accept":
            said = _accepted(accept_proposals(proposals=[found], by=_person(request)))
        elif act == "withdraw":
            withdraw_proposal(proposal=found, by=_person(request))
            said = _("The proposal is withdrawn.")
        elif form.is_valid():
            try:
                reject_proposal(proposal=found, by=_person(request), reason=form.cleaned_data["reason"])
            except Invalid as fault:
                refuse(form, fault)
            else:
                said = _("The proposal is rejected; the other parties read your reason.")
        if said:
            messages.success(request, said)
            return redirect("portal:agreement_negotiation", pk=pk)
    line = _line(request, agreement, found, latest)
    counters = list(found.counters.all())
    return render(
        request,
        "agreements/negotiation_proposal.html",
        {"it": agreement, "line": line, "form": form, "latest": latest, "counters": counters},
        status=status,
    )


@require_POST
@login_required
def accept(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Accept the chosen proposals together: they become one version."""
    agreement = _mine(request, pk)
    numbers = {int(n) for n in request.POST.getlist("proposal") if n.isascii() and n.isdigit() and len(n) < 9}
    chosen = list(proposals_of(agreement).filter(number__in=numbers)[:100])
    messages.success(request, _accepted(accept_proposals(proposals=chosen, by=_person(request))))
    return redirect("portal:agreement_negotiation", pk=pk)


@login_required
@once
def say(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Comment on an article or on the whole, for all parties or for one's own side; or reply."""
    agreement = _mine(request, pk)
    require(may_comment(request.user, agreement))
    latest = _latest(agreement)
    asked = request.GET.get("balas", "")
    parent = None
    if asked:
        rows = comments_for(request.user, agreement).filter(parent=None)
        parent = get_object_or_404(
            rows, pk=int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 18 else 0
        )
    key = parent.key if parent else request.GET.get("pasal", "")
    clause = clause_of(latest.reading, key) if key else None
    if key and clause is None and parent is None:
        raise Http404
    form = CommentForm(request.POST or None, reply=parent is not None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                comment(
                    agreement=agreement,
                    by=_person(request),
                    text=form.cleaned_data["text"],
                    audience=form.cleaned_data.get("audience", ""),
                    key=key,
                    parent=parent,
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                return redirect("portal:agreement_negotiation", pk=pk)
    return render(
        request,
        "agreements/negotiation_comment.html",
        {
            "it": agreement,
            "form": form,
            "parent": parent,
            "heading": clause.heading.inside(_language()) if clause else "",
        },
        status=status,
    )


@require_POST
@login_required
def settle(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """Mark a thread of comments as settled, or open it again."""
    agreement = _mine(request, pk)
    rows = comments_for(request.user, agreement).filter(parent=None)
    found = get_object_or_404(rows, pk=_small(number))
    resolve_comment(comment=found, by=_person(request), resolved=request.POST.get("settled") != "0")
    return redirect("portal:agreement_negotiation", pk=pk)


@require_safe
@login_required
def compare_versions(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What changed between any two versions, article by article and word by word."""
    agreement = _mine(request, pk)
    versions = list(agreement.versions.all())
    latest = _latest(agreement)
    by_number = {version.number: version for version in versions}
    new = by_number.get(_int(request.GET.get("ke", ""))) or latest
    old = by_number.get(_int(request.GET.get("dari", ""))) or by_number.get(new.number - 1) or new
    old_keys, new_keys = ([c.key for c in v.reading.clauses] for v in (old, new))
    shared = [key for key in old_keys if key in set(new_keys)]
    return render(
        request,
        "agreements/negotiation_compare.html",
        {
            "it": agreement,
            "versions": versions,
            "old": old,
            "new": new,
            "changes": between(old.reading, new.reading),
            "reordered": shared != [key for key in new_keys if key in set(old_keys)],
            "order": [heading for _key, heading in headings(new.reading)],
        },
    )


@login_required
def drafts(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take the text to a word processor, and bring it back."""
    agreement = _mine(request, pk)
    latest = _latest(agreement)
    verdict = rules.may_propose(request.user, agreement)
    form = DraftForm(request.POST or None, request.FILES or None)
    status = 200
    if request.method == "POST":
        require(verdict)
        status = 422
        if form.is_valid():
            file = form.cleaned_data["file"]
            try:
                made = bring_draft(agreement=agreement, file=file, name=file.name, by=_person(request))
            except Invalid as fault:
                refuse(form, fault)
            else:
                return redirect("portal:agreement_draft", pk=pk, number=made.pk)
    return render(
        request,
        "agreements/negotiation_drafts.html",
        {
            "it": agreement,
            "latest": latest,
            "form": form,
            "verdict": verdict,
            "drafts": list(drafts_for(request.user, agreement)),
        },
        status=status,
    )


@require_safe
@login_required
def docx_file(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The latest text as a .docx file."""
    agreement = _mine(request, pk)
    latest = _latest(agreement)
    name = f"{latest.reading.reference}-v{latest.number}.docx"
    response = HttpResponse(as_docx(latest.reading), content_type=DOCX)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A change found in a draft, as the preview shows it."""

    it: Found
    heading: str
    after: str
    lines: Redline
    notes: list[str]
    closed: str
    field: Any


@login_required
def draft(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """What a draft changes; choose what is proposed."""
    agreement = _mine(request, pk)
    latest = _latest(agreement)
    brought = get_object_or_404(drafts_for(request.user, agreement), pk=_small(number))
    findings = findings_of(brought)
    terms = brought.base.reading
    closed = {n: _why_not(item, terms, latest.reading) for n, item in enumerate(findings.found)}
    verdict = rules.may_propose(request.user, agreement)
    usable = bool(verdict) and brought.used_at is None
    possible = {n for n, why in closed.items() if not why} if usable else set()
    form = ChoiceOfDraft(findings, possible, request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = propose_from_draft(
                    draft=brought,
                    chosen=form.chosen(),
                    reason=form.cleaned_data.get("reason", ""),
                    by=_person(request),
                    comments=form.comments(),
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                messages.success(request, _done(made))
                return redirect("portal:agreement_negotiation", pk=pk)
    labels = dict(headings(terms))
    return render(
        request,
        "agreements/negotiation_draft.html",
        {
            "it": agreement,
            "brought": brought,
            "form": form,
            "usable": usable,
            "verdict": verdict,
            "found": [
                FoundLine(
                    item,
                    labels.get(item.key, item.heading.inside(_language())),
                    labels.get(item.after, ""),
                    redline(item.edit, terms),
                    [str(NOTES[note]) for note in item.notes],
                    closed[n],
                    form[f"item_{n}"],
                )
                for n, item in enumerate(findings.found)
            ],
            "unmatched": [
                {"where": WHERE[line.where], "text": line.text, "heading": labels.get(line.key, "")}
                for line in findings.unmatched
            ],
            "margins": [
                {"it": margin, "heading": labels.get(margin.key, ""), "field": form[f"comment_{n}"]}
                for n, margin in enumerate(findings.margins)
            ],
            "kept": [labels[key] for key in findings.kept if key in labels],
            "odd": [ODD[what] for what in findings.odd],
            "findings": findings,
        },
        status=status,
    )


def _done(made: list[ClauseProposal]) -> str:
    if not made:
        return _("The comments are kept.")
    return _("Proposals %(first)s to %(last)s are on the table.") % {
        "first": made[0].number,
        "last": made[-1].number,
    }


def _why_not(item: Found, base: AgreementTerms, latest: AgreementTerms) -> str:
    """Why a change found in a draft cannot be proposed now; empty where it can."""
    try:
        edit = checked(item.edit, base)
    except Invalid as fault:
        return " ".join(str(text) for texts in fault.fields.values() for text in texts) or str(fault.reason)
    why = conflict(edit, base, latest)
    return _(CONFLICTS[why]) if why else ""


def _accepted(version: AgreementVersion | None) -> str:
    if version is None:
        return _("Accepted for your side. The text changes once every party has accepted.")
    return _("Version %(number)s is on the table. Every party approves it anew.") % {"number": version.number}


def _line(
    request: HttpRequest,
    agreement: Agreement,
    found: ClauseProposal,
    latest: AgreementVersion,
) -> ProposalLine:
    why = conflict_of(found, latest)
    base = found.base.reading
    behind = clause_of(base, found.after)
    return ProposalLine(
        it=found,
        tone=TONES[ProposalState(found.state)],
        lines=redline(found.edit, base),
        after=behind.heading.inside(_language()) if behind else "",
        heading=_heading(found),
        stale=_(CONFLICTS[why]) if why else "",
        since=since_proposed(found, latest) if why in ("changed", "gone") else None,
        may_answer=may_answer(request.user, agreement, found),
        may_withdraw=may_withdraw(request.user, agreement, found),
        answers=list(found.answers.all()),
    )


def _heading(found: ClauseProposal) -> str:
    clause = clause_of(found.base.reading, found.key)
    return (clause.heading if clause else Both(found.heading["id"], found.heading["en"])).inside(_language())


def _threads(comments: list[Comment]) -> dict[str, list[Thread]]:
    replies: dict[int, list[Comment]] = defaultdict(list)
    for one in comments:
        if one.parent_id:
            replies[one.parent_id].append(one)
    threads: dict[str, list[Thread]] = defaultdict(list)
    for one in comments:
        if not one.parent_id:
            threads[one.key].append(Thread(one, replies[one.pk]))
    return threads


def _rows(
    terms: AgreementTerms, proposals: list[ProposalLine], threads: dict[str, list[Thread]]
) -> tuple[list[ArticleRow], ArticleRow]:
    """The articles in their order; what is on none of them any more comes in a row of its own."""
    rows = [
        ArticleRow(
            number,
            clause.key,
            clause.heading.inside(_language()),
            _filled(clause, terms),
            threads=threads.get(clause.key, []),
        )
        for number, clause in enumerate(terms.clauses, 1)
    ]
    by_key = {row.key: row for row in rows}
    homeless = ArticleRow(0, "", "", [])
    for line in proposals:
        place = line.it.after if line.it.kind == EditKind.ADD else line.it.key
        by_key.get(place, homeless).proposals.append(line)
    for key, found in threads.items():
        if key and key not in by_key:
            homeless.threads += found
    return rows, homeless


def _filled(clause: ClauseTerms, terms: AgreementTerms) -> list[dict[str, str]]:
    values = {language: terms.values(language) for language in ("id", "en")}
    return [
        {"id": fill(p.id, values["id"]), "en": fill(p.en, values["en"]) if p.en else ""} for p in clause.text
    ]


def _numbered(agreement: Agreement, query: QueryDict, name: str) -> ClauseProposal | None:
    asked = query.get(name, "")
    if not asked:
        return None
    return get_object_or_404(proposals_of(agreement), number=_int(asked))


def _int(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _small(number: int) -> int:
    """A number no database chokes on."""
    return number if number < 2**31 else 0
