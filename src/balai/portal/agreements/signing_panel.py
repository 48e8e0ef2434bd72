"""What the page of an agreement says about its numbers, the round of signing and its memorandum."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from balai.agreements import remote_signing, rules
from balai.agreements.csc import Provider
from balai.agreements.models import (
    Agreement,
    AgreementKind,
    AgreementState,
    Ceremony,
    CeremonyState,
    SigningRound,
)
from balai.people.rules import Reader


@dataclass(frozen=True, slots=True)
class Panel:
    """The state of signing as those inside see it."""

    round: SigningRound | None
    ceremony: Ceremony | None
    providers: tuple[Provider, ...]
    may_plan: bool
    may_number: bool
    may_link: bool
    unnumbered: bool


def family(reader: Reader, agreement: Agreement) -> dict[str, Any]:
    """The memorandum an agreement rests on, or the agreements a memorandum carries, as far as visible."""
    visible = Agreement.objects.visible_to(reader)
    parent = visible.filter(pk=agreement.parent_id).first() if agreement.parent_id else None
    carried = agreement.kind == AgreementKind.MOU
    children = list(visible.filter(parent=agreement).order_by("-created_at")) if carried else []
    over = parent is not None and (
        parent.state != AgreementState.SEALED
        or (parent.ends_on is not None and parent.ends_on < timezone.localdate())
    )
    return {"memorandum": parent, "over": over, "carried": children}


def panel(reader: Reader, agreement: Agreement) -> Panel:
    """For those inside; one query beside what the page has read."""
    open_now = agreement.phase in rules.OPEN
    ceremonies = Ceremony.objects.filter(items__agreement=agreement).exclude(state=CeremonyState.CLOSED)
    sides = rules.parties_of(agreement)
    return Panel(
        round=rules.current_round(agreement),
        ceremony=ceremonies.first() if open_now else None,
        providers=remote_signing.providers() if rules.may_sign(reader, agreement) else (),
        may_plan=bool(rules.may_plan(reader, agreement)),
        may_number=any(rules.may_put_number(reader, agreement, party) for party in sides),
        may_link=bool(rules.may_link(reader, agreement)),
        unnumbered=open_now and any(not party.number for party in sides),
    )
