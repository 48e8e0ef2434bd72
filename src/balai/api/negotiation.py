"""The negotiation of a collaboration's agreement: proposals on articles, and their answers."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Path, Router, Schema, Status
from pydantic import Field

from balai.agreements.models import Agreement, ClauseProposal
from balai.agreements.negotiation import (
    accept_proposals,
    conflict_of,
    proposals_of,
    propose_change,
    reject_proposal,
    withdraw_proposal,
)
from balai.agreements.proposals import ClauseEdit
from balai.agreements.queries import agreement_of, current_version
from balai.agreements.terms import Both
from balai.api.collaborations import find
from balai.api.doors import OF_PRIVATE, OF_WRITE, Door, Reference, Visitor, visitor
from balai.api.text import Line, Long

router = Router(tags=["agreements"], auth=Door("agreements"))
type Number = Annotated[int, Path(ge=1, le=1_000_000, description="of the proposal")]
type Key = Annotated[str, Field(max_length=40, pattern=r"^[^\x00]*$")]


class Words(Schema):
    """The same words in Bahasa Indonesia and in English."""

    id: Line
    en: Line = ""


class Paragraph(Schema):
    """One paragraph; Bahasa Indonesia prevails."""

    id: Long
    en: Long = ""


class AnswerOut(Schema):
    party: int
    accepted: bool
    reason: str
    at: datetime


class ProposalOut(Schema):
    """``conflict`` says why an open proposal no longer fits the latest text; empty where it does."""

    number: int
    kind: str
    article: str
    after: str
    heading: Words
    text: list[Paragraph]
    reason: str
    party: int
    state: str
    base: int
    conflict: str
    counter_of: int | None
    version: int | None
    at: datetime
    answers: list[AnswerOut]


class Proposals(Schema):
    """``version`` is the number of the latest text."""

    version: int
    items: list[ProposalOut]


class ProposalIn(Schema):
    """``seen`` is the version it is written against. A new article needs no ``article``."""

    kind: Literal["change", "add", "delete", "move"]
    article: Key = ""
    after: Key = ""
    heading: Words = Words(id="", en="")
    text: Annotated[list[Paragraph], Field(max_length=60)] = []
    reason: Long
    seen: Annotated[int, Field(ge=1, le=1_000_000)]
    counter_of: Annotated[int | None, Field(ge=1, le=1_000_000)] = None


class AnswerIn(Schema):
    answer: Literal["accept", "reject", "withdraw"]
    reason: Long = ""


def _inside(who: Visitor, reference: str) -> Agreement:
    """The agreement of a collaboration for those inside; for anybody else there is none."""
    found = agreement_of(find(who, reference))
    if found is None or not Agreement.objects.inside(who.user).filter(pk=found.pk).exists():
        raise Http404
    return found


def _out(proposal: ClauseProposal, conflict: str) -> dict[str, Any]:
    edit = proposal.edit
    return {
        "number": proposal.number,
        "kind": edit.kind,
        "article": edit.key,
        "after": edit.after,
        "heading": {"id": edit.heading.id, "en": edit.heading.en},
        "text": [{"id": p.id, "en": p.en} for p in edit.text],
        "reason": proposal.reason,
        "party": proposal.party.place,
        "state": proposal.state,
        "base": proposal.base.number,
        "conflict": conflict,
        "counter_of": proposal.counter_of.number if proposal.counter_of else None,
        "version": proposal.result.number if proposal.result else None,
        "at": proposal.at,
        "answers": [
            {"party": a.party.place, "accepted": a.accepted, "reason": a.reason, "at": a.at}
            for a in proposal.answers.all()
        ],
    }


def _all(agreement: Agreement, **which: Any) -> dict[str, Any]:
    latest = current_version(agreement)
    if latest is None:
        raise Http404
    rows = proposals_of(agreement).filter(**which)
    return {"version": latest.number, "items": [_out(row, conflict_of(row, latest)) for row in rows]}


@router.get(
    "/collaborations/{reference}/agreement/proposals",
    response={200: Proposals, **OF_PRIVATE},
    operation_id="list_proposals",
    summary="List proposals on articles",
)
def proposals(request: HttpRequest, reference: Reference) -> Any:
    """For those inside: every proposal on the agreement's articles, oldest first."""
    return _all(_inside(visitor(request), reference))


@router.post(
    "/collaborations/{reference}/agreement/proposals",
    response={201: ProposalOut, **OF_WRITE},
    operation_id="propose_change",
    summary="Propose a change of an article",
)
def propose(request: HttpRequest, reference: Reference, payload: ProposalIn) -> Any:
    """For the parties, while the text is negotiated; as ``counter_of`` it takes that one's place."""
    who = visitor(request)
    person = who.person
    agreement = _inside(who, reference)
    countered = None
    if payload.counter_of is not None:
        countered = get_object_or_404(proposals_of(agreement), number=payload.counter_of)
    made = propose_change(
        agreement=agreement,
        edit=ClauseEdit(
            payload.kind,
            payload.article,
            payload.after,
            Both(payload.heading.id, payload.heading.en),
            tuple(Both(p.id, p.en) for p in payload.text),
        ),
        reason=payload.reason,
        by=person,
        seen=payload.seen,
        counter_of=countered,
    )
    return Status(201, _all(agreement, pk=made.pk)["items"][0])


@router.post(
    "/collaborations/{reference}/agreement/proposals/{number}/answer",
    response={200: ProposalOut, **OF_WRITE},
    operation_id="answer_proposal",
    summary="Accept, reject or withdraw a proposal",
)
def answer(request: HttpRequest, reference: Reference, number: Number, payload: AnswerIn) -> Any:
    """The other parties accept or reject; the side that proposed withdraws. A rejection says why."""
    who = visitor(request)
    person = who.person
    agreement = _inside(who, reference)
    found = get_object_or_404(proposals_of(agreement), number=number)
    if payload.answer == "accept":
        accept_proposals(proposals=[found], by=person)
    elif payload.answer == "reject":
        reject_proposal(proposal=found, by=person, reason=payload.reason)
    else:
        withdraw_proposal(proposal=found, by=person)
    return _all(Agreement.objects.get(pk=agreement.pk), pk=found.pk)["items"][0]
