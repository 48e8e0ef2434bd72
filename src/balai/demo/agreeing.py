"""The agreement of an invented story: drafted, completed, approved and signed by both sides."""

from typing import Protocol

from django.utils import timezone

from balai.agreements.actions import (
    approve_version,
    draft_agreement,
    open_signing,
    propose_version,
    set_signatory,
    sign,
)
from balai.agreements.completion import seal
from balai.agreements.drafting import longest_end
from balai.agreements.models import Agreement, AgreementVersion
from balai.agreements.numbering import reserve_number
from balai.agreements.queries import current_version
from balai.agreements.register import classify
from balai.collaborations.models import Collaboration
from balai.demo.facts import Row
from balai.people.models import User

FILLED = {"id": "ditetapkan dalam lampiran contoh", "en": "as set in the example annex"}
"""What stands in a blank of the standard articles that no application answers."""


class Parties(Protocol):
    """Who makes the agreement of a story, and what about."""

    collaboration: Collaboration
    row: Row
    number: int
    bureau: User
    officer: User
    applicant: User


def draft(parties: Parties) -> Agreement:
    """The bureau drafts the agreement, its blanks are filled and its signatories named; its term begins."""
    agreement = draft_agreement(collaboration=parties.collaboration, by=parties.bureau)
    terms, today = _latest(agreement).reading, timezone.localdate()
    limit = parties.collaboration.scheme.limits.get("term_months", 60)
    assert terms.ends_on is not None
    propose_version(
        agreement=agreement,
        changes={
            "variables": dict.fromkeys(terms.missing(), FILLED),
            "starts_on": today,
            "ends_on": min(terms.ends_on, longest_end(today, limit)),
        },
        by=parties.officer,
        note="Isian yang kosong dilengkapi.",
        procurement_reference=parties.row.get("procurement_reference"),
    )
    for party in Agreement.objects.get(pk=agreement.pk).parties.order_by("place"):
        side = _city(parties) if party.place == 1 else _partner(parties)
        set_signatory(party=party, **side)
    return agreement


def approve(agreement: Agreement, by: User) -> None:
    """One side approves the text as it stands."""
    latest = _latest(agreement)
    approve_version(version=latest, by=by, seen_sha256=latest.document.sha256)


def open_for_signing(parties: Parties, agreement: Agreement) -> None:
    """The bureau reserves the city's number, fixes the text and asks for signatures."""
    number = f"{parties.number}/PKS-CONTOH/{timezone.localdate().year}"
    reserve_number(agreement=agreement, number=number, by=parties.bureau)
    open_signing(agreement=agreement, by=parties.bureau)


def put_signature(agreement: Agreement, by: User) -> None:
    """One signatory consents to the text."""
    latest = _latest(agreement)
    sign(agreement=agreement, by=by, seen_sha256=latest.document.sha256, consent=True)


AFFAIRS = {
    "mobility": "transport",
    "environment": "environment",
    "economy": "small-business",
    "living": "social",
    "people": "education",
    "government": "communication",
}
"""The field of government under which the bureau files an invented agreement."""


def close(parties: Parties, agreement: Agreement) -> None:
    """Seal at once what the worker would seal a moment later; the bureau files it in the register."""
    seal(agreement_id=agreement.pk)
    affair = AFFAIRS[parties.collaboration.dimensions[0]]
    classify(agreement=Agreement.objects.get(pk=agreement.pk), affair=affair, by=parties.bureau)


def _latest(agreement: Agreement) -> AgreementVersion:
    """The text as it stands now, whatever the caller's object remembers."""
    latest = current_version(Agreement.objects.get(pk=agreement.pk))
    assert latest is not None
    return latest


def _city(parties: Parties) -> Row:
    return {
        "name": "Wahyu (demo)",
        "title": "Kepala perangkat daerah (contoh)",
        "mandate": f"Surat Kuasa Gubernur (contoh) {parties.number}",
        "number": None,
        "by": parties.officer,
    }


def _partner(parties: Parties) -> Row:
    return {
        "name": parties.applicant.name,
        "title": "Direktur (contoh)",
        "mandate": f"Akta pendirian (contoh) {parties.number}",
        "number": f"{parties.number}/DIR-CONTOH",
        "by": parties.applicant,
    }
