from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from balai.agreements.actions import draft_memorandum, propose_version
from balai.agreements.audiences import one_side
from balai.agreements.comments import comment
from balai.agreements.models import Agreement, ClauseProposal, ProposalAnswer, ProposalState
from balai.agreements.negotiation import (
    MOST_OPEN,
    accept_proposals,
    conflict_of,
    proposals_of,
    propose_change,
    redline,
    reject_proposal,
    since_proposed,
    withdraw_proposal,
)
from balai.agreements.proposals import ClauseEdit, applied, clause_of
from balai.agreements.queries import current_version
from balai.agreements.terms import Both
from balai.collaborations.models import Collaboration
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry
from balai.people.models import Role
from tests.agreements_builders import make_agreement, make_cast
from tests.agreements_many import open_memorandum
from tests.builders import make_agency, make_auditor, make_city, make_company, make_founder, make_user, seat

pytestmark = pytest.mark.django_db


def change(
    key: str = "dispute", text: str = "Musyawarah saja.", english: str = "Deliberation only."
) -> ClauseEdit:
    return ClauseEdit("change", key, heading=Both("Sengketa", "Disputes"), text=(Both(text, english),))


def keys(agreement: Agreement) -> list[str]:
    return [clause.key for clause in latest(agreement).reading.clauses]


def latest(agreement: Agreement):
    version = current_version(Agreement.objects.get(pk=agreement.pk))
    assert version is not None
    return version


def make_memorandum(firms: int = 2):
    """A memorandum between a bureau and several firms, with one person who speaks for each."""
    city = make_city()
    secretariat = make_agency(city, name="Sekretariat Kerja Sama")
    bureau = seat(make_user(), secretariat, Role.BUREAU)
    companies = [make_company(name=f"PT Mitra {n}") for n in range(firms)]
    speakers = [bureau, *(make_founder(company) for company in companies)]
    today = timezone.localdate()
    agreement = draft_memorandum(
        city=city,
        parties=(secretariat, *companies),
        title="Kesepakatan data terbuka",
        purpose="berbagi data",
        starts_on=today,
        ends_on=today + timedelta(days=365),
        by=bureau,
    )
    return agreement, speakers


def test_accepting_makes_the_next_version_and_leaves_approvals_behind() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="approved")
    before = latest(agreement)
    proposal = propose_change(agreement=agreement, edit=change(), reason="Lebih cepat.", by=cast.founder)

    version = accept_proposals(proposals=[proposal], by=cast.officer)

    assert version is not None
    proposal.refresh_from_db()
    clause = clause_of(version.reading, "dispute")
    assert clause is not None
    assert (version.number, version.approvals.count(), before.approvals.count()) == (before.number + 1, 0, 2)
    assert (clause.heading, clause.text, clause.checked) == (
        Both("Sengketa", "Disputes"),
        (Both("Musyawarah saja.", "Deliberation only."),),
        False,
    )
    assert (proposal.state, proposal.result_id) == (ProposalState.ACCEPTED, version.pk)
    assert version.change_note.endswith(cast.company.name)
    verbs = list(Entry.objects.order_by("seq").values_list("verb", flat=True))[-3:]
    assert verbs == ["agreement.clause_proposed", "agreement.proposed", "agreement.clause_accepted"]


def test_the_ledger_keeps_numbers_and_keys_and_no_words() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    proposal = propose_change(agreement=agreement, edit=change(), reason="RAHASIA", by=cast.founder)
    reject_proposal(proposal=proposal, by=cast.bureau, reason="JUGA RAHASIA")

    entries = list(Entry.objects.order_by("seq"))[-2:]

    assert [(e.verb, e.public, e.facts) for e in entries] == [
        ("agreement.clause_proposed", False, {"proposal": 1, "kind": "change", "article": "dispute"}),
        ("agreement.clause_rejected", False, {"proposal": 1, "article": "dispute"}),
    ]


@pytest.mark.parametrize("kind", ["add", "delete", "move"])
def test_an_article_is_added_taken_out_or_moved(kind: str) -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    before = keys(agreement)
    edits = {
        "add": ClauseEdit(
            "add", "", before[0], Both("Audit", "Audit"), (Both("Audit tahunan.", "Yearly audit."),)
        ),
        "delete": ClauseEdit("delete", before[3]),
        "move": ClauseEdit("move", before[3], before[0]),
    }
    proposal = propose_change(agreement=agreement, edit=edits[kind], reason="Perlu.", by=cast.bureau)

    accept_proposals(proposals=[proposal], by=cast.founder)

    expected = {
        "add": [before[0], "own_1", *before[1:]],
        "delete": [key for key in before if key != before[3]],
        "move": [before[0], before[3], *before[1:3], *before[4:]],
    }
    assert keys(agreement) == expected[kind]


def test_new_articles_of_one_place_keep_the_order_of_their_proposals() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    first = keys(agreement)[0]
    one, two = (
        propose_change(
            agreement=agreement,
            edit=ClauseEdit("add", "", first, Both(name), (Both(f"Isi {name}."),)),
            reason="Perlu.",
            by=cast.bureau,
        )
        for name in ("Satu", "Dua")
    )

    accept_proposals(proposals=[two], by=cast.founder)
    accept_proposals(proposals=[one], by=cast.founder)

    assert keys(agreement)[:3] == [first, one.key, two.key]


def test_several_proposals_become_one_version_or_none() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    made = [
        propose_change(agreement=agreement, edit=change("dispute", text), reason="A", by=cast.founder)
        for text in ("Satu.", "Dua.")
    ]
    other = propose_change(
        agreement=agreement, edit=ClauseEdit("delete", keys(agreement)[1]), reason="A", by=cast.founder
    )

    with pytest.raises(Stale):
        accept_proposals(proposals=made, by=cast.officer)
    version = accept_proposals(proposals=[made[0], other], by=cast.officer)

    assert version is not None
    assert (version.number, ProposalAnswer.objects.count()) == (2, 2)
    assert conflict_of(proposals_of(agreement).get(pk=made[1].pk), latest(agreement)) == "changed"


def test_a_proposal_whose_article_changed_is_not_applied() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    proposal = propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)
    propose_version(
        agreement=agreement,
        changes={"clauses": {"dispute": {"id": "Lewat pengadilan.", "en": "In court."}}},
        by=cast.bureau,
    )

    with pytest.raises(Stale, match=r"no longer fits|tidak cocok lagi"):
        accept_proposals(proposals=[proposal], by=cast.bureau)

    held = proposals_of(agreement).get()
    pieces = since_proposed(held, latest(agreement)).en
    assert held.state == ProposalState.OPEN
    assert "".join(p.text for p in pieces if p.kind != "gone") == "In court."
    assert latest(agreement).number == 2


def test_a_proposal_survives_changes_elsewhere() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    proposal = propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)
    propose_version(agreement=agreement, changes={"place": "Bogor"}, by=cast.bureau)

    version = accept_proposals(proposals=[proposal], by=cast.bureau)

    assert version is not None
    assert (version.number, version.reading.place) == (3, "Bogor")


def test_a_blank_filled_meanwhile_makes_the_proposal_stale() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    edit = ClauseEdit("change", "financing", heading=Both("Biaya"), text=(Both("Dibayar mitra."),))
    proposal = propose_change(agreement=agreement, edit=edit, reason="A", by=cast.founder)
    propose_version(
        agreement=agreement,
        changes={"variables": {"financing": {"id": "dibagi dua", "en": "shared"}}},
        by=cast.bureau,
    )

    assert conflict_of(proposals_of(agreement).get(pk=proposal.pk), latest(agreement)) == "changed"


def test_several_parties_accept_before_the_text_changes() -> None:
    agreement, (bureau, one, two) = make_memorandum()
    key = keys(agreement)[0]
    proposal = propose_change(agreement=agreement, edit=change(key), reason="A", by=one)

    waiting = accept_proposals(proposals=[proposal], by=bureau)
    with pytest.raises(Refused):
        accept_proposals(proposals=[proposal], by=bureau)
    version = accept_proposals(proposals=[proposal], by=two)

    assert waiting is None
    assert version is not None
    assert (version.number, latest(agreement).reading.clauses[0].text[0].id) == (2, "Musyawarah saja.")


def test_one_of_several_parties_ends_a_proposal_by_rejecting_it() -> None:
    agreement, (bureau, one, two) = make_memorandum()
    proposal = propose_change(agreement=agreement, edit=change(keys(agreement)[0]), reason="A", by=one)
    accept_proposals(proposals=[proposal], by=bureau)

    reject_proposal(proposal=proposal, by=two, reason="Tidak setuju.")

    with pytest.raises(Stale):
        accept_proposals(proposals=[proposal], by=two)
    assert latest(agreement).number == 1


def test_a_counter_closes_what_it_answers_and_can_be_answered() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    proposal = propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)

    counter = propose_change(
        agreement=agreement,
        edit=change(text="Mediasi dahulu."),
        reason="B",
        by=cast.bureau,
        counter_of=proposal,
    )
    version = accept_proposals(proposals=[counter], by=cast.founder)

    proposal.refresh_from_db()
    assert version is not None
    assert (proposal.state, counter.counter_of_id, counter.number) == (
        ProposalState.COUNTERED,
        proposal.pk,
        2,
    )
    clause = clause_of(version.reading, "dispute")
    assert clause is not None
    assert clause.text[0].id == "Mediasi dahulu."


def test_nobody_counters_their_own_proposal_or_a_closed_one() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    proposal = propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)

    with pytest.raises(Refused):
        propose_change(
            agreement=agreement, edit=change(text="B"), reason="B", by=cast.founder, counter_of=proposal
        )
    withdraw_proposal(proposal=proposal, by=cast.founder)
    with pytest.raises(Stale):
        propose_change(
            agreement=agreement, edit=change(text="B"), reason="B", by=cast.bureau, counter_of=proposal
        )

    assert ClauseProposal.objects.count() == 1


def test_each_side_has_its_own_answers() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    proposal = propose_change(agreement=agreement, edit=change(), reason="A", by=cast.bureau)

    with pytest.raises(Refused):
        accept_proposals(proposals=[proposal], by=cast.officer)
    with pytest.raises(Refused):
        reject_proposal(proposal=proposal, by=cast.officer, reason="A")
    with pytest.raises(Refused):
        withdraw_proposal(proposal=proposal, by=cast.founder)
    withdraw_proposal(proposal=proposal, by=cast.officer)

    proposal.refresh_from_db()
    assert (proposal.state, ProposalAnswer.objects.count()) == (ProposalState.WITHDRAWN, 0)


def test_strangers_do_nothing() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    proposal = propose_change(agreement=agreement, edit=change(), reason="A", by=cast.bureau)

    for other in (make_user(), make_auditor(cast.city), make_founder()):
        for act in (
            lambda who: propose_change(agreement=agreement, edit=change(text="X"), reason="A", by=who),
            lambda who: accept_proposals(proposals=[proposal], by=who),
            lambda who: reject_proposal(proposal=proposal, by=who, reason="A"),
            lambda who: withdraw_proposal(proposal=proposal, by=who),
        ):
            with pytest.raises(Refused):
                act(other)
    assert (ClauseProposal.objects.count(), latest(agreement).number) == (1, 1)


def test_nothing_is_proposed_or_answered_once_signing_is_open() -> None:
    cast = make_cast()
    agreement = make_agreement(cast, upto="named")
    proposal = propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)
    Collaboration.objects.filter(pk=cast.collaboration.pk).update(stage="signing")
    agreement = Agreement.objects.get(pk=agreement.pk)

    for act in (
        lambda: propose_change(agreement=agreement, edit=change(text="X"), reason="A", by=cast.founder),
        lambda: accept_proposals(proposals=[proposal], by=cast.officer),
        lambda: reject_proposal(proposal=proposal, by=cast.officer, reason="A"),
        lambda: withdraw_proposal(proposal=proposal, by=cast.founder),
    ):
        with pytest.raises(Refused):
            act()


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        (ClauseEdit("change", "tidak_ada", heading=Both("A"), text=(Both("B"),)), "key"),
        (ClauseEdit("change", "dispute", heading=Both(""), text=(Both("B"),)), "heading_id"),
        (ClauseEdit("change", "dispute", heading=Both("A" * 121), text=(Both("B"),)), "heading_id"),
        (ClauseEdit("change", "dispute", heading=Both("A"), text=()), "id"),
        (ClauseEdit("change", "dispute", heading=Both("A"), text=(Both("", "English only"),)), "id"),
        (ClauseEdit("change", "dispute", heading=Both("A"), text=(Both("a" * 6001),)), "id"),
        (ClauseEdit("change", "dispute", heading=Both("A"), text=(Both("aneh \u202e"),)), "id"),
        (ClauseEdit("add", "", "tidak_ada", Both("A"), (Both("B"),)), "after"),
        (ClauseEdit("move", "dispute", "dispute"), "after"),
        (ClauseEdit("burn", "dispute"), "kind"),
    ],
)
def test_a_proposal_names_the_field_that_is_wrong(edit: ClauseEdit, field: str) -> None:
    cast = make_cast()
    agreement = make_agreement(cast)

    with pytest.raises(Invalid) as refused:
        propose_change(agreement=agreement, edit=edit, reason="A", by=cast.bureau)

    assert list(refused.value.fields) == [field]
    assert ClauseProposal.objects.count() == 0


def test_a_proposal_that_changes_nothing_is_refused() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    clause = latest(agreement).reading.clauses[2]
    same = ClauseEdit("change", clause.key, heading=clause.heading, text=clause.text)
    there = ClauseEdit("move", clause.key, latest(agreement).reading.clauses[1].key)

    for edit in (same, there):
        with pytest.raises(Invalid):
            propose_change(agreement=agreement, edit=edit, reason="A", by=cast.bureau)


@pytest.mark.parametrize("reason", ["", "   ", "a" * 1001])
def test_a_reason_is_needed(reason: str) -> None:
    cast = make_cast()
    agreement = make_agreement(cast)

    with pytest.raises(Invalid) as refused:
        propose_change(agreement=agreement, edit=change(), reason=reason, by=cast.bureau)

    assert list(refused.value.fields) == ["reason"]


def test_a_proposal_written_on_an_older_text_is_stale_only_where_it_matters() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    propose_version(
        agreement=agreement,
        changes={"clauses": {"dispute": {"id": "Lewat pengadilan.", "en": "In court."}}},
        by=cast.bureau,
    )
    other = keys(agreement)[2]

    with pytest.raises(Stale):
        propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder, seen=1)
    made = propose_change(agreement=agreement, edit=change(other), reason="A", by=cast.founder, seen=1)

    assert (made.base.number, ClauseProposal.objects.count()) == (1, 1)


def test_the_last_article_stays() -> None:
    agreement, (bureau, one, _two) = make_memorandum()
    names = keys(agreement)
    made = [
        propose_change(agreement=agreement, edit=ClauseEdit("delete", key), reason="A", by=one)
        for key in names
    ]
    for proposal in made:
        accept_proposals(proposals=[proposal], by=bureau)

    with pytest.raises(Invalid):
        accept_proposals(proposals=made, by=_two)

    assert latest(agreement).number == 1


def test_the_database_keeps_a_closed_proposal_dated_and_an_accepted_one_with_its_text() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    proposal = propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)
    rows = ClauseProposal.objects.filter(pk=proposal.pk)

    for values in (
        {"state": "withdrawn"},
        {"closed_at": timezone.now()},
        {"state": "accepted", "closed_at": timezone.now()},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**values)


def test_too_many_open_proposals_are_refused() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    first = propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)
    ClauseProposal.objects.bulk_create(
        ClauseProposal(
            agreement=agreement,
            number=number,
            base=first.base,
            party=first.party,
            kind="delete",
            key="dispute",
            reason="A",
            by=first.by,
            at=first.at,
        )
        for number in range(2, MOST_OPEN + 1)
    )

    with pytest.raises(Refused):
        propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)


def test_redline_shows_headings_and_blanks_filled() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    terms = latest(agreement).reading
    edit = ClauseEdit(
        "change", "financing", heading=Both("Biaya", "Costs"), text=(Both("Biaya: {financing}, lunas."),)
    )

    shown = redline(edit, terms)

    after = "".join(piece.text for piece in shown.id if piece.kind != "gone")
    assert after == "Biaya: Seluruh biaya ditanggung mitra, lunas."
    assert "".join(piece.text for piece in shown.heading if piece.kind == "new") == "Biaya"
    assert applied(edit, terms, terms).clauses != terms.clauses


def test_reading_the_proposals_takes_the_same_queries_for_one_and_three(django_assert_num_queries) -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    for number in range(3):
        proposal = propose_change(
            agreement=agreement, edit=change(text=f"Teks {number}."), reason="A", by=cast.founder
        )
        ProposalAnswer.objects.create(
            proposal=proposal,
            party=agreement.parties.get(place=1),
            accepted=True,
            by=cast.bureau.pseudonym,
            at=timezone.now(),
        )
        with django_assert_num_queries(2):
            rows = [
                (
                    p.party.organisation.name,
                    p.base.number,
                    p.counter_of,
                    [a.party.organisation.name for a in p.answers.all()],
                )
                for p in proposals_of(agreement)
            ]
    assert len(rows) == 3


def test_dates_of_terms_stay_when_an_article_changes() -> None:
    cast = make_cast()
    agreement = make_agreement(cast)
    propose_version(agreement=agreement, changes={"ends_on": "2027-06-30"}, by=cast.bureau)
    proposal = propose_change(agreement=agreement, edit=change(), reason="A", by=cast.founder)

    accept_proposals(proposals=[proposal], by=cast.bureau)

    agreement.refresh_from_db()
    assert agreement.ends_on == date(2027, 6, 30)


def test_who_sits_at_two_parties_hears_only_the_side_they_speak_for() -> None:
    made = open_memorandum(3)
    both = seat(make_user(), made.agreement.parties.get(place=2).organisation, Role.FOUNDER)
    seat(both, made.agreement.parties.get(place=3).organisation, Role.FOUNDER)
    director = made.signatories[2]
    comment(agreement=made.agreement, by=director, text="Batas kita 5 persen.", audience="own")

    told = set(one_side(Entry.objects.get(verb="side.commented")))

    assert told == {director}
