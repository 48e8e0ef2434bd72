"""Any course of a negotiation, against a model a page long: who may do what, and what the text is then."""

import operator
from dataclasses import dataclass, field

import pytest
from django.db import transaction
from hypothesis import event, given, settings
from hypothesis import strategies as st

from balai.agreements.models import Agreement, AgreementVersion, ClauseProposal
from balai.agreements.negotiation import accept_proposals, propose_change, reject_proposal, withdraw_proposal
from balai.agreements.proposals import ClauseEdit
from balai.agreements.queries import current_version
from balai.agreements.terms import Both
from balai.core.errors import BalaiError
from balai.people.models import User
from tests.agreements.test_negotiation import make_memorandum

pytestmark = pytest.mark.django_db
ARTICLES = 2


@dataclass
class Wish:
    """A proposal as the model knows it."""

    party: int
    article: int
    base: str
    text: str
    state: str = "open"
    yes: set[int] = field(default_factory=set)


@dataclass
class Model:
    """What the texts of the articles and the states of the proposals must be."""

    parties: int
    texts: list[str]
    wishes: list[Wish] = field(default_factory=list)
    versions: int = 1

    def propose(self, party: int, article: int, text: str, counters: Wish | None = None) -> str:
        if counters is not None:
            if counters.state != "open":
                return "Stale"
            if counters.party == party or party in counters.yes:
                return "Refused"
        if self.texts[article] == text:
            return "Invalid"
        if counters is not None:
            counters.state = "countered"
        self.wishes.append(Wish(party, article, self.texts[article], text))
        return "ok"

    def accept(self, party: int, wish: Wish) -> str:
        if wish.state != "open":
            return "Stale"
        if wish.party == party or party in wish.yes:
            return "Refused"
        if self.texts[wish.article] != wish.base:
            return "Stale"
        wish.yes.add(party)
        if len(wish.yes) == self.parties - 1:
            wish.state = "accepted"
            self.texts[wish.article] = wish.text
            self.versions += 1
        return "ok"

    def close(self, party: int, wish: Wish, act: str) -> str:
        if wish.state != "open":
            return "Stale"
        own = wish.party == party
        if (act == "withdraw") != own or (act == "reject" and party in wish.yes):
            return "Refused"
        wish.state = {"withdraw": "withdrawn", "reject": "rejected"}[act]
        return "ok"


def courses(parties: int) -> st.SearchStrategy[list[tuple[str, int, int, int]]]:
    """A few proposals first, then answers to them, so that something comes of it."""
    party, article, number = st.integers(0, parties - 1), st.integers(0, ARTICLES - 1), st.integers(0, 2)
    propose = st.tuples(st.just("propose"), party, article, number)
    acts = st.sampled_from([*["accept"] * 5, "propose", "reject", "withdraw", "counter"])
    begin = st.lists(propose, min_size=2, max_size=3)
    return st.builds(
        operator.add, begin, st.lists(st.tuples(acts, party, article, number), min_size=6, max_size=12)
    )


@pytest.mark.parametrize("parties", [2, 3])
def test_every_course_of_a_negotiation_follows_the_rules(parties: int) -> None:
    agreement, speakers = make_memorandum(parties - 1)

    @settings(max_examples=25)
    @given(steps=courses(parties))
    def follow(steps: list[tuple[str, int, int, int]]) -> None:
        course(agreement, speakers, steps)

    follow()


def course(agreement: Agreement, speakers: list[User], steps: list[tuple[str, int, int, int]]) -> None:
    keys = [clause.key for clause in current_version(Agreement.objects.get(pk=agreement.pk)).reading.clauses]
    with transaction.atomic():
        model = Model(len(speakers), [texts(agreement, key) for key in keys[:ARTICLES]])
        for act, party, article, number in steps:
            expected = expect(model, act, party, article, number)
            assert attempt(agreement, speakers[party], keys, act, article, number) == expected
        rows = ClauseProposal.objects.filter(agreement=agreement).order_by("number")
        assert [row.state for row in rows] == [wish.state for wish in model.wishes]
        assert [texts(agreement, key) for key in keys[:ARTICLES]] == model.texts
        assert AgreementVersion.objects.filter(agreement=agreement).count() == model.versions
        event(f"{model.versions - 1} accepted")
        transaction.set_rollback(True)


def text(number: int) -> str:
    return f"Bunyi nomor {number}."


def texts(agreement: Agreement, key: str) -> str:
    version = current_version(Agreement.objects.get(pk=agreement.pk))
    assert version is not None
    return " ".join(p.id for clause in version.reading.clauses if clause.key == key for p in clause.text)


def expect(model: Model, act: str, party: int, article: int, number: int) -> str:
    if act == "propose":
        return model.propose(party, article, text(number))
    if number >= len(model.wishes):
        return "none"
    wish = model.wishes[number]
    if act == "counter":
        return model.propose(party, wish.article, text(article + 10), counters=wish)
    return model.accept(party, wish) if act == "accept" else model.close(party, wish, act)


def attempt(agreement: Agreement, by, keys: list[str], act: str, article: int, number: int) -> str:
    proposal = ClauseProposal.objects.filter(agreement=agreement, number=number + 1).first()
    if act != "propose" and proposal is None:
        return "none"
    try:
        with transaction.atomic():
            if act in ("propose", "counter"):
                key = keys[article] if act == "propose" else proposal.key
                said = text(number) if act == "propose" else text(article + 10)
                heading = next(
                    c.heading
                    for c in current_version(Agreement.objects.get(pk=agreement.pk)).reading.clauses
                    if c.key == key
                )
                propose_change(
                    agreement=agreement,
                    edit=ClauseEdit("change", key, heading=heading, text=(Both(said),)),
                    reason="Perlu.",
                    by=by,
                    counter_of=proposal if act == "counter" else None,
                )
            elif act == "accept":
                accept_proposals(proposals=[proposal], by=by)
            elif act == "reject":
                reject_proposal(proposal=proposal, by=by, reason="Tidak.")
            else:
                withdraw_proposal(proposal=proposal, by=by)
    except BalaiError as fault:
        return type(fault).__name__
    return "ok"
