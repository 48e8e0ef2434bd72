"""Two answers at the same moment: one counts, the other is told, and the text changes once."""

import pytest

from balai.agreements.models import ClauseProposal, ProposalState
from balai.agreements.negotiation import accept_proposals, propose_change, reject_proposal, withdraw_proposal
from tests.agreements.test_negotiation import change, keys, latest, make_memorandum
from tests.agreements.test_races import at_once
from tests.agreements_builders import make_agreement, make_cast

pytestmark = pytest.mark.django_db(transaction=True)


def test_accepting_and_withdrawing_at_once() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    proposal = propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)

    outcomes = at_once(
        lambda: accept_proposals(proposals=[proposal], by=cast.officer),
        lambda: withdraw_proposal(proposal=proposal, by=cast.founder),
    )

    proposal.refresh_from_db()
    assert outcomes == ["Stale", "ok"]
    assert (proposal.state, latest(agreement).number) in [
        (ProposalState.ACCEPTED, 2),
        (ProposalState.WITHDRAWN, 1),
    ]


def test_rejecting_and_countering_at_once() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    proposal = propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)

    outcomes = at_once(
        lambda: reject_proposal(proposal=proposal, by=cast.officer, reason="B"),
        lambda: propose_change(
            agreement=agreement, edit=change(text="Lain."), reason="C", by=cast.bureau, counter_of=proposal
        ),
    )

    proposal.refresh_from_db()
    assert outcomes == ["Stale", "ok"]
    assert ClauseProposal.objects.count() == (2 if proposal.state == ProposalState.COUNTERED else 1)


def test_two_accept_one_proposal_of_their_side_at_once() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    proposal = propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)

    outcomes = at_once(
        lambda: accept_proposals(proposals=[proposal], by=cast.officer),
        lambda: accept_proposals(proposals=[proposal], by=cast.bureau),
    )

    assert outcomes == ["Stale", "ok"]
    assert latest(agreement).number == 2


def test_the_last_two_of_three_parties_accept_at_once_and_the_text_changes() -> None:
    agreement, (bureau, one, two) = make_memorandum()
    proposal = propose_change(agreement=agreement, edit=change(keys(agreement)[0]), reason="A", by=one)

    outcomes = at_once(
        lambda: accept_proposals(proposals=[proposal], by=bureau),
        lambda: accept_proposals(proposals=[proposal], by=two),
    )

    proposal.refresh_from_db()
    assert outcomes == ["ok", "ok"]
    assert (proposal.state, latest(agreement).number) == (ProposalState.ACCEPTED, 2)


def test_two_accept_different_proposals_at_once() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    names = keys(agreement)
    made = [
        propose_change(agreement=agreement, edit=change(name), reason="A", by=cast.founder)
        for name in names[:2]
    ]

    outcomes = at_once(
        lambda: accept_proposals(proposals=[made[0]], by=cast.officer),
        lambda: accept_proposals(proposals=[made[1]], by=cast.bureau),
    )

    accepted = ClauseProposal.objects.filter(state=ProposalState.ACCEPTED).count()
    assert outcomes.count("ok") == accepted
    assert (accepted >= 1, latest(agreement).number) == (True, 1 + accepted)
