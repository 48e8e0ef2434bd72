"""Negotiation article by article: propose, accept, reject, counter, withdraw.

A proposal is written against one version and never edited. It is accepted once every other party has
accepted it; that makes the next version, so that earlier approvals stay with the text they were given to.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max, Prefetch, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from balai.agreements import rules
from balai.agreements.actions import _fresh, _latest, _locked, _note, _propose
from balai.agreements.comparing import Piece, compare
from balai.agreements.drafting import LONGEST_TEXT
from balai.agreements.models import (
    Agreement,
    AgreementVersion,
    ClauseProposal,
    EditKind,
    Party,
    ProposalAnswer,
    ProposalState,
)
from balai.agreements.models.negotiation import LONGEST_REASON
from balai.agreements.proposals import ClauseEdit, applied, clause_of, conflict, filled, free_key
from balai.agreements.terms import AgreementTerms, Both, tidy, unprintable
from balai.core.errors import Invalid, Refused, Stale, Text
from balai.core.models import Follow
from balai.core.rules import YES, Verdict, no, require
from balai.people.models import Membership, User
from balai.people.rules import Reader

LONGEST_HEADING = 120
MOST_OPEN = 200
TRIES = 3

CONFLICTS = {
    "gone": gettext_noop("The article was taken out meanwhile."),
    "changed": gettext_noop("The article reads differently now than when this was proposed."),
    "place": gettext_noop("The article it was to stand behind was taken out meanwhile."),
    "there": gettext_noop("The article stands there already."),
}


def may_answer(user: Reader, agreement: Agreement, proposal: ClauseProposal) -> Verdict:
    """Another party answers an open proposal, once, while the text is negotiated."""
    if not (verdict := rules.may_propose(user, agreement)):
        return verdict
    side = rules.side_of(user, agreement)
    if side is None or side[0].pk == proposal.party_id:
        return no(_("The other parties answer this proposal."))
    if proposal.state != ProposalState.OPEN:
        return no(_("This proposal is %(state)s.") % {"state": proposal.get_state_display()})
    if any(answer.party_id == side[0].pk for answer in proposal.answers.all()):
        return no(_("Your side has accepted this proposal; it waits for the other parties."))
    return YES


def may_withdraw(user: Reader, agreement: Agreement, proposal: ClauseProposal) -> Verdict:
    """The side that proposed takes its proposal back as long as it is open."""
    if not (verdict := rules.may_propose(user, agreement)):
        return verdict
    side = rules.side_of(user, agreement)
    if side is None or side[0].pk != proposal.party_id:
        return no(_("Only the side that proposed this takes it back."))
    if proposal.state != ProposalState.OPEN:
        return no(_("This proposal is %(state)s.") % {"state": proposal.get_state_display()})
    return YES


def proposals_of(agreement: Agreement) -> QuerySet[ClauseProposal]:
    """Every proposal with what a page shows of it: two queries."""
    answers = ProposalAnswer.objects.select_related("party__organisation")
    return (
        ClauseProposal.objects.filter(agreement=agreement)
        .select_related("party__organisation", "base", "counter_of", "result")
        .prefetch_related(Prefetch("answers", answers))
        .order_by("number")
    )


def conflict_of(proposal: ClauseProposal, latest: AgreementVersion) -> str:
    """Why an open proposal no longer fits the latest text; empty where it does. See `proposals.conflict`."""
    if proposal.state != ProposalState.OPEN or proposal.base_id == latest.pk:
        return ""
    return conflict(proposal.edit, proposal.base.reading, latest.reading)


@dataclass(frozen=True, slots=True)
class Redline:
    """An article before and after, word by word, in both languages."""

    heading: tuple[Piece, ...]
    heading_en: tuple[Piece, ...]
    id: tuple[Piece, ...]
    en: tuple[Piece, ...]


def redline(edit: ClauseEdit, terms: AgreementTerms) -> Redline:
    """What the edit does to the article as ``terms`` have it, blanks filled."""
    clause = clause_of(terms, edit.key) if edit.kind != EditKind.ADD else None
    old = filled(terms, clause.text) if clause else ()
    old_heading = clause.heading if clause else Both("")
    if edit.kind == EditKind.MOVE:
        new, new_heading = old, old_heading
    elif edit.kind == EditKind.DELETE:
        new, new_heading = (), Both("")
    else:
        new, new_heading = filled(terms, edit.text), edit.heading
    return _lines(old_heading, old, new_heading, new)


def between(old: AgreementTerms, new: AgreementTerms) -> list[tuple[str, Redline]]:
    """Every article that reads differently, by key, headings included; those taken out come last."""
    olds, news = ({clause.key: clause for clause in terms.clauses} for terms in (old, new))
    rows = []
    for key in [*news, *(key for key in olds if key not in news)]:
        one, two = olds.get(key), news.get(key)
        heading, heading_now = (clause.heading if clause else Both("") for clause in (one, two))
        text, text_now = filled(old, one.text) if one else (), filled(new, two.text) if two else ()
        if (heading, text) != (heading_now, text_now):
            rows.append((key, _lines(heading, text, heading_now, text_now)))
    return rows


def _lines(heading: Both, text: Iterable[Both], heading_now: Both, text_now: Iterable[Both]) -> Redline:
    text, text_now = tuple(text), tuple(text_now)
    return Redline(
        heading=tuple(compare(heading.id, heading_now.id)),
        heading_en=tuple(compare(heading.en, heading_now.en)),
        id=tuple(compare(_joined(text, "id"), _joined(text_now, "id"))),
        en=tuple(compare(_joined(text, "en"), _joined(text_now, "en"))),
    )


def since_proposed(proposal: ClauseProposal, latest: AgreementVersion) -> Redline:
    """What changed in the article since the proposal was written."""
    now = clause_of(latest.reading, proposal.key)
    kind = EditKind.CHANGE if now else EditKind.DELETE
    values = filled(latest.reading, now.text) if now else ()
    edit = ClauseEdit(kind, proposal.key, heading=now.heading if now else Both(""), text=values)
    return redline(edit, proposal.base.reading)


def propose_change(
    *,
    agreement: Agreement,
    edit: ClauseEdit,
    reason: str,
    by: User,
    seen: int | None = None,
    counter_of: ClauseProposal | None = None,
) -> ClauseProposal:
    """Put a change of one article on the table, with its reason; as ``counter_of`` it closes that one.

    ``seen`` is the number of the version it is written against, the latest if None; for a new article
    the key is given here. Raises Refused, Invalid with fields (``heading_id``, ``id``, ``en``, ``after``,
    ``reason``), and Stale where the article changed since, or the countered proposal was answered.
    """
    reason = _reason(reason)
    with transaction.atomic():
        locked = _locked(agreement)
        require(rules.may_propose(by, locked))
        party, hat = _side(by, locked)
        latest = _latest(locked, None)
        base = latest if seen is None else _version(locked, seen)
        if counter_of is not None:
            _counter(locked, _held(locked, counter_of), by)
        proposal = _tabled(locked, edit, base, latest, party, by, reason, counter_of)
        data = {"proposal": proposal.number, "kind": proposal.kind, "article": proposal.key}
        if counter_of is not None:
            data["answers"] = counter_of.number
        verb = "agreement.countered" if counter_of is not None else "agreement.clause_proposed"
        _note(locked, verb, by, hat, public=False, data=data)
        Follow.objects.get_or_create(user=by, thread=locked.thread)
    return proposal


def withdraw_proposal(*, proposal: ClauseProposal, by: User) -> ClauseProposal:
    """Take one's own side's proposal back. Raises Refused, and Stale where somebody answered first."""
    with transaction.atomic():
        locked = _locked(proposal.agreement)
        held = _held(locked, proposal)
        _still_open(held)
        require(may_withdraw(by, locked, held))
        _close(held, ProposalState.WITHDRAWN)
        _say(locked, "agreement.clause_withdrawn", held, by)
    return held


def reject_proposal(*, proposal: ClauseProposal, by: User, reason: str) -> ClauseProposal:
    """Say no, with a reason both sides read; the proposal is closed. Raises Refused, Invalid or Stale."""
    reason = _reason(reason)
    with transaction.atomic():
        locked = _locked(proposal.agreement)
        held = _held(locked, proposal)
        _still_open(held)
        require(may_answer(by, locked, held))
        _answer(held, _side(by, locked)[0], by, accepted=False, reason=reason)
        _close(held, ProposalState.REJECTED)
        _say(locked, "agreement.clause_rejected", held, by)
    return held


def accept_proposals(*, proposals: Sequence[ClauseProposal], by: User) -> AgreementVersion | None:
    """Say yes to one or more proposals of one agreement, all or none.

    Those that every other party has accepted by now make the next version together, which is returned;
    None where all wait for others. Raises Refused, and Stale where a proposal was closed, no longer fits,
    or the text moved on while it was typeset. Nothing is recorded then.
    """
    if not proposals:
        raise Invalid(_("Choose at least one proposal."))
    agreement = _fresh(proposals[0].agreement)
    chosen = {proposal.pk for proposal in proposals}
    for _attempt in range(TRIES):
        try:
            return _accepted(agreement, chosen, by)
        except _AnotherAnsweredError:
            continue
    raise Stale(_("Other parties answer at this moment. Nothing was recorded. Try again."))


class _AnotherAnsweredError(Exception):
    """Between reading and writing another party answered: the plan is made anew."""


def _accepted(agreement: Agreement, chosen: set[int], by: User) -> AgreementVersion | None:
    require(rules.may_propose(by, agreement))
    party, hat = _side(by, agreement)
    latest = _latest(_fresh(agreement), None)
    found = list(proposals_of(agreement).filter(pk__in=chosen))
    if len(found) != len(chosen):
        raise Invalid(_("Choose proposals of one agreement."))
    others = {p.pk for p in rules.parties_of(agreement)} - {party.pk}
    _check_all(agreement, found, latest, by)
    ready = [p for p in found if _said_yes(p) >= others - {p.party_id}]

    def record(version: AgreementVersion | None) -> None:
        held = list(proposals_of(agreement).filter(pk__in=chosen))
        for proposal in held:
            _still_open(proposal)
        if [_said_yes(p) for p in held] != [_said_yes(p) for p in found]:
            raise _AnotherAnsweredError
        done = {p.pk for p in ready}
        for proposal in held:
            _answer(proposal, party, by, accepted=True)
            facts: dict[str, Any] = {"proposal": proposal.number, "article": proposal.key}
            if proposal.pk in done and version is not None:
                _close(proposal, ProposalState.ACCEPTED, version)
                facts["version"] = version.number
            _note(agreement, "agreement.clause_accepted", by, hat, public=False, data=facts)

    if not ready:
        with transaction.atomic():
            require(rules.may_propose(by, _locked(agreement)))
            record(None)
        return None
    terms = latest.reading
    for proposal in ready:
        if why := conflict(proposal.edit, proposal.base.reading, terms):
            raise Stale(
                _("Proposal %(number)s does not fit together with the others: %(why)s")
                % {"number": proposal.number, "why": _(CONFLICTS[why])}
            )
        terms = applied(proposal.edit, proposal.base.reading, terms)
    if not terms.clauses:
        raise Invalid(_("An agreement needs at least one article."))
    note = "; ".join(
        _("proposal %(number)s of %(party)s") % {"number": p.number, "party": p.party.organisation.name}
        for p in ready
    )
    version = _propose(
        agreement, latest, terms, by=by, note=_("Accepted: %(what)s") % {"what": note}, also=record
    )
    if version.pk == latest.pk:
        with transaction.atomic():
            require(rules.may_propose(by, _locked(agreement)))
            record(latest)
    return version


def _check_all(agreement: Agreement, found: list[ClauseProposal], latest: AgreementVersion, by: User) -> None:
    for proposal in found:
        _still_open(proposal)
        require(may_answer(by, agreement, proposal))
        if why := conflict_of(proposal, latest):
            raise Stale(
                _("Proposal %(number)s no longer fits the text: %(why)s Its author can propose it anew.")
                % {"number": proposal.number, "why": _(CONFLICTS[why])}
            )


def _said_yes(proposal: ClauseProposal) -> set[int]:
    return {answer.party_id for answer in proposal.answers.all() if answer.accepted}


def _counter(locked: Agreement, held: ClauseProposal, by: User) -> None:
    _still_open(held)
    require(may_answer(by, locked, held))
    _close(held, ProposalState.COUNTERED)


def _tabled(
    locked: Agreement,
    edit: ClauseEdit,
    base: AgreementVersion,
    latest: AgreementVersion,
    party: Party,
    by: User,
    reason: str,
    counter_of: ClauseProposal | None,
) -> ClauseProposal:
    """Check the edit against its version and the latest, and keep it as the next proposal."""
    mine = ClauseProposal.objects.filter(agreement=locked)
    if mine.filter(state=ProposalState.OPEN).count() >= MOST_OPEN:
        raise Refused(_("Too many proposals are open. Answer or withdraw some first."))
    if edit.kind == EditKind.ADD:
        taken = {c.key for c in (*base.reading.clauses, *latest.reading.clauses)}
        taken |= set(mine.filter(kind=EditKind.ADD).values_list("key", flat=True))
        edit = ClauseEdit(edit.kind, free_key(taken), edit.after, edit.heading, edit.text)
    edit = checked(edit, base.reading)
    if why := conflict(edit, base.reading, latest.reading):
        raise Stale(_("The text moved on since you read it: %(why)s") % {"why": _(CONFLICTS[why])})
    last = mine.aggregate(last=Max("number"))["last"] or 0
    return ClauseProposal.objects.create(
        agreement=locked,
        number=last + 1,
        base=base,
        party=party,
        kind=edit.kind,
        key=edit.key,
        after=edit.after,
        heading=asdict(edit.heading),
        text=[asdict(paragraph) for paragraph in edit.text],
        reason=reason,
        counter_of=counter_of,
        by=by.pseudonym,
        at=timezone.now(),
    )


def checked(edit: ClauseEdit, base: AgreementTerms) -> ClauseEdit:
    """The edit tidied, only with what its kind needs. Raises Invalid with the field that is wrong."""
    faults: dict[str, list[Text]] = {}
    clause = clause_of(base, edit.key)
    if edit.kind not in EditKind.values:
        raise Invalid(_("This cannot be proposed."), {"kind": [_("Choose what to do with the article.")]})
    if edit.kind != EditKind.ADD and clause is None:
        raise Invalid(_("This cannot be proposed."), {"key": [_("The text has no such article.")]})
    after = edit.after if edit.kind in (EditKind.ADD, EditKind.MOVE) else ""
    if after and (after == edit.key or clause_of(base, after) is None):
        faults["after"] = [_("Choose an article of the text to stand behind.")]
    heading = Both("")
    text: tuple[Both, ...] = ()
    if edit.kind in (EditKind.CHANGE, EditKind.ADD):
        heading = Both(_line(edit.heading.id), _line(edit.heading.en))
        text = tuple(Both(_line(p.id), _line(p.en)) for p in edit.text if _line(p.id) or _line(p.en))
        faults |= _faults_of(heading, text)
        if clause is not None and not faults and (heading, text) == (clause.heading, clause.text):
            faults["id"] = [_("Nothing is different.")]
    if edit.kind == EditKind.DELETE and len(base.clauses) == 1:
        faults["key"] = [_("An agreement needs at least one article.")]
    if edit.kind == EditKind.MOVE and not faults and conflict(edit, base, base) == "there":
        faults["after"] = [_("The article stands there already.")]
    if faults:
        raise Invalid(_("This cannot be proposed as it is."), faults)
    return ClauseEdit(edit.kind, edit.key, after, heading, text)


def _faults_of(heading: Both, text: tuple[Both, ...]) -> dict[str, list[Text]]:
    faults: dict[str, list[Text]] = {}
    if not heading.id:
        faults["heading_id"] = [_("This is needed.")]
    for name, part in (("heading_id", heading.id), ("heading_en", heading.en)):
        if len(part) > LONGEST_HEADING:
            faults[name] = [_("One line of at most %(limit)s characters.") % {"limit": LONGEST_HEADING}]
    if not text or not all(p.id for p in text):
        faults["id"] = [_("Every paragraph needs its Indonesian text.")]
    for name in ("id", "en"):
        if sum(len(getattr(p, name)) for p in text) > LONGEST_TEXT:
            faults[name] = [_("At most %(most)s characters an article.") % {"most": LONGEST_TEXT}]
    whole = heading.id + heading.en + "".join(p.id + p.en for p in text)
    if lost := unprintable(whole):
        shown = " ".join(f"U+{ord(c):04X}" for c in sorted(lost))
        faults.setdefault("id", []).append(
            _("The document cannot show these characters: %(shown)s.") % {"shown": shown}
        )
    return faults


def _line(text: str) -> str:
    return " ".join(tidy(text).split())


def _joined(text: Iterable[Both], language: str) -> str:
    return "\n\n".join(getattr(paragraph, language) for paragraph in text).strip()


def _reason(reason: str) -> str:
    reason = tidy(reason)
    if not reason or len(reason) > LONGEST_REASON:
        raise Invalid(
            _("Say why."),
            {"reason": [_("A reason of 1 to 1,000 characters is needed; the other parties read it.")]},
        )
    return reason


def _side(by: User, agreement: Agreement) -> tuple[Party, Membership]:
    side = rules.side_of(by, agreement)
    assert side is not None
    return side


def _version(agreement: Agreement, number: int) -> AgreementVersion:
    version = AgreementVersion.objects.filter(agreement=agreement, number=number).first()
    if version is None:
        raise Stale(_("There is no such version."))
    return version


def _held(locked: Agreement, proposal: ClauseProposal) -> ClauseProposal:
    """The proposal as it is now, its agreement being held."""
    held: ClauseProposal = proposals_of(locked).get(pk=proposal.pk)
    return held


def _still_open(proposal: ClauseProposal) -> None:
    if proposal.state != ProposalState.OPEN:
        raise Stale(
            _("Somebody was faster: proposal %(number)s is %(state)s. Nothing was recorded.")
            % {"number": proposal.number, "state": proposal.get_state_display()}
        )


def _answer(proposal: ClauseProposal, party: Party, by: User, *, accepted: bool, reason: str = "") -> None:
    ProposalAnswer.objects.create(
        proposal=proposal, party=party, accepted=accepted, reason=reason, by=by.pseudonym, at=timezone.now()
    )


def _close(proposal: ClauseProposal, state: ProposalState, result: AgreementVersion | None = None) -> None:
    proposal.state, proposal.result, proposal.closed_at = state, result, timezone.now()
    proposal.save(update_fields=["state", "result", "closed_at"])


def _say(locked: Agreement, verb: str, proposal: ClauseProposal, by: User) -> None:
    _note(
        locked,
        verb,
        by,
        _side(by, locked)[1],
        public=False,
        data={"proposal": proposal.number, "article": proposal.key},
    )
