"""An application from draft to decision, through the doors people use."""

import pytest
from django.utils import timezone

from balai.applications import actions
from balai.applications.models import Application, Decision
from balai.applications.queries import application_of, gaps, scores
from balai.collaborations.actions import make_move, open_successor
from balai.collaborations.models import Collaboration
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry
from balai.people.models import Role
from tests.applications_builders import (
    answers_for,
    complete,
    founder_of,
    fresh,
    make_at_decision,
    make_draft,
    make_in_review,
    make_submitted,
    marks,
    move,
    passing,
    submit_review,
)
from tests.builders import make_bureau, make_city, make_company, make_founder, make_tkksd, make_user, seat

pytestmark = pytest.mark.django_db


def verbs(application: Application) -> list[str]:
    return list(Entry.objects.filter(thread=application.thread).values_list("verb", flat=True))


def test_starting_twice_opens_one_draft():
    founder = make_founder()

    first = make_draft(founder)
    second = make_draft(founder)

    assert first == second
    assert verbs(first) == ["application.started"]


def test_nobody_starts_for_a_firm_they_do_not_act_for():
    make_draft()

    with pytest.raises(Refused):
        actions.start_application(
            by=make_founder(),
            partner=make_company(),
            city=make_city(),
            scheme_key="playground",
            title="Curang",
        )

    assert Collaboration.objects.count() == 1


def test_a_new_draft_misses_everything_required(in_english):
    application = make_draft()

    missing = [gap.key for gap in gaps(application)]

    scheme = application.collaboration.scheme
    required = [field for field in scheme.fields if field.required]
    assert missing[:2] == ["summary", "dimensions"]
    assert set(missing[2:]) == {field.key for field in required} | {"letter", "proposal"}


def test_submitting_a_draft_with_gaps_says_exactly_which(in_english):
    application = complete(make_draft())
    by = founder_of(application)
    application = actions.save_draft(
        application=application, by=by, revision=application.revision, answers={"safety": "", "months": None}
    )

    with pytest.raises(Refused) as refusal:
        move(application, "submit", by)

    assert str(refusal.value.reason) == "Still missing: Length of the pilot (months); Safety plan."
    assert fresh(application).collaboration.stage == "draft"


def test_a_complete_draft_is_submitted_and_locked():
    application = make_submitted()
    by = founder_of(application)

    with pytest.raises(Refused):
        actions.save_draft(
            application=application, by=by, revision=application.revision, answers={"purpose": "Baru"}
        )

    assert application.collaboration.stage == "screening"
    assert fresh(application).answers["purpose"] == "Jawaban"


def test_a_draft_is_kept_with_what_is_missing_but_not_with_a_wrong_type():
    application = make_draft()
    by = founder_of(application)

    with pytest.raises(Invalid) as refusal:
        actions.save_draft(
            application=application, by=by, revision=1, answers={"months": "dua belas", "purpose": "x" * 2001}
        )

    assert set(refusal.value.fields) == {"months", "purpose"}


def test_two_people_on_different_answers_both_keep_theirs():
    application = make_draft()
    one = founder_of(application)
    other = seat(make_user(), application.collaboration.partner, Role.STAFF)

    actions.save_draft(application=application, by=one, revision=1, answers={"purpose": "Dari satu"})
    actions.save_draft(application=application, by=other, revision=1, answers={"benefit": "Dari dua"})

    assert fresh(application).answers == {"purpose": "Dari satu", "benefit": "Dari dua"}


def test_two_people_on_the_same_answer_are_told_and_nothing_is_lost():
    application = make_draft()
    one = founder_of(application)
    other = seat(make_user(), application.collaboration.partner, Role.STAFF)
    actions.save_draft(application=application, by=one, revision=1, answers={"purpose": "Dari satu"})

    with pytest.raises(actions.Conflict) as conflict:
        actions.save_draft(application=application, by=other, revision=1, answers={"purpose": "Dari dua"})

    assert conflict.value.theirs == {"purpose": "Dari satu"}
    assert fresh(application).answers == {"purpose": "Dari satu"}


def test_what_a_page_showed_and_the_person_left_alone_is_not_written_back():
    application = make_draft()
    one = founder_of(application)
    seen = {"purpose": actions.stamp(None), "benefit": actions.stamp(None)}
    actions.save_draft(application=application, by=one, revision=1, answers={"purpose": "Dari satu"})

    actions.save_draft(
        application=application, by=one, revision=1, seen=seen, answers={"purpose": "", "benefit": "Warga"}
    )

    assert fresh(application).answers == {"purpose": "Dari satu", "benefit": "Warga"}


def test_two_people_press_submit_and_one_is_told():
    application = complete(make_draft())
    by = founder_of(application)
    first, second = fresh(application).collaboration, fresh(application).collaboration

    make_move(collaboration=first, move="submit", by=by, seen="draft")
    with pytest.raises(Stale):
        make_move(collaboration=second, move="submit", by=by, seen="draft")

    assert Entry.objects.filter(verb="collaboration.moved").count() == 1


def test_a_line_that_fails_needs_a_note_and_stops_the_passing(in_english):
    application = make_submitted()
    bureau = make_bureau()

    with pytest.raises(Invalid):
        actions.record_check(application=application, by=bureau, item="letter", passed=False)
    actions.record_checks(
        application=application,
        by=bureau,
        findings=passing(application) | {"letter": (False, "Tidak terbaca")},
    )
    with pytest.raises(Refused) as refusal:
        move(application, "pass_screening", bureau)

    assert str(refusal.value.reason) == ("Not every line of the checklist is answered and passed: 6 of 7.")


def test_a_returned_application_is_checked_anew_and_the_city_reads_what_it_had():
    application = make_submitted()
    bureau, by = make_bureau(), founder_of(application)
    actions.record_checks(application=application, by=bureau, findings=passing(application))
    application = move(application, "return", bureau, reason="Lengkapi rencana keselamatan.")

    application = actions.save_draft(
        application=application, by=by, revision=application.revision, answers={"safety": "Rencana baru"}
    )
    kept = application.shown["safety"]
    application = move(application, "submit", by)
    with pytest.raises(Refused):
        move(application, "pass_screening", bureau)
    actions.record_checks(application=application, by=bureau, findings=passing(application))
    application = move(application, "pass_screening", bureau)

    assert kept == "Jawaban"
    assert application.collaboration.stage == "review"


@pytest.mark.parametrize("who", ["founder", "tkksd", "other_city"])
def test_only_the_citys_bureau_fills_in_the_checklist(who):
    application = make_submitted()
    people = {
        "founder": founder_of(application),
        "tkksd": make_tkksd(),
        "other_city": make_bureau(make_city("3273")),
    }

    with pytest.raises(Refused):
        actions.record_check(application=application, by=people[who], item="letter", passed=True)

    assert not application.screening.exists()


def test_the_review_closes_with_two_reviews_and_not_before(in_english):
    application = make_in_review()
    bureau = make_bureau()
    submit_review(application)

    with pytest.raises(Refused) as refusal:
        move(application, "close_review", bureau)
    submit_review(application)
    application = move(application, "close_review", bureau)

    assert str(refusal.value.reason) == "1 more review is needed: 1 of 2 are submitted."
    assert application.collaboration.stage == "decision"


def test_after_reopening_another_review_must_come(in_english):
    bureau = make_bureau()
    application = move(make_at_decision(bureau), "reopen_review", bureau, reason="Pendapat ketiga.")

    with pytest.raises(Refused) as refusal:
        move(application, "close_review", bureau)
    submit_review(application)
    application = move(application, "close_review", bureau)

    assert str(refusal.value.reason) == "Another review was asked for, and none has been submitted since."
    assert application.collaboration.stage == "decision"


@pytest.mark.parametrize("tie", ["seat", "old_seat", "domain", "declared"])
def test_whoever_has_a_conflict_reviews_nothing(tie):
    application = make_in_review()
    partner = application.collaboration.partner
    partner.website = "https://www.skuter.example/tentang"
    partner.save()
    reviewer = make_tkksd(email="dewi@skuter.example" if tie == "domain" else "")
    if tie in ("seat", "old_seat"):
        seat(reviewer, partner, Role.STAFF)
    if tie == "old_seat":
        reviewer.memberships.filter(organisation=partner).update(ended_at=timezone.now())
        reviewer.__dict__.pop("hats", None)
    if tie == "declared":
        actions.declare_conflict(application=application, by=reviewer, reason="Saudara pendiri.")

    with pytest.raises(Refused):
        submit_review(fresh(application), by=reviewer)

    assert not application.reviews.filter(submitted_at__isnull=False).exists()


def test_a_declared_conflict_takes_a_submitted_review_out_of_the_count():
    application = make_in_review()
    reviewer = submit_review(application)

    actions.declare_conflict(application=application, by=reviewer, reason="Baru tahu.")

    assert scores(application).means == ()


def test_a_reviewer_submits_once_and_may_take_it_back():
    application = make_in_review()
    reviewer = submit_review(application, mark=4)

    submit_review(application, by=reviewer, mark=4)
    with pytest.raises(Refused):
        submit_review(application, by=reviewer, mark=1)
    actions.reopen_review(application=application, by=reviewer)
    submit_review(application, by=reviewer, mark=1)

    assert scores(application).overall == 1
    assert verbs(application)[-3:] == ["review.submitted", "review.reopened", "review.submitted"]


def test_a_review_with_open_criteria_names_them():
    application = make_in_review()
    scores_given = marks(application)
    del scores_given["safety"]

    with pytest.raises(Invalid) as refusal:
        actions.submit_review(
            application=application, by=make_tkksd(), scores=scores_given, recommendation="", comment=" "
        )

    assert set(refusal.value.fields) == {"score_safety", "recommendation", "comment"}


def test_accepting_keeps_grounds_and_conditions():
    bureau = make_bureau()
    application = make_at_decision(bureau)

    application = move(
        application,
        "accept",
        bureau,
        record={"grounds": "Menjawab kebutuhan.", "conditions": "Paling banyak 50 unit."},
    )

    decision = Decision.objects.get(application=application)
    assert (decision.accepted, decision.grounds, decision.conditions) == (
        True,
        "Menjawab kebutuhan.",
        "Paling banyak 50 unit.",
    )
    assert application.collaboration.public_since is not None


def test_two_people_decide_and_the_first_decision_stands():
    bureau = make_bureau()
    application = make_at_decision(bureau)
    first, second = fresh(application).collaboration, fresh(application).collaboration

    make_move(
        collaboration=first, move="reject", by=bureau, seen="decision", record={"grounds": "Tanpa bukti."}
    )
    with pytest.raises(Stale):
        make_move(
            collaboration=second, move="accept", by=bureau, seen="decision", record={"grounds": "Meyakinkan."}
        )

    assert list(Decision.objects.values_list("accepted", "grounds")) == [(False, "Tanpa bukti.")]
    assert fresh(application).collaboration.public_since is None


def test_a_rejection_says_nothing_in_public():
    bureau = make_bureau()
    application = make_at_decision(bureau)

    move(application, "reject", bureau, record={"grounds": "Rahasia dagang terungkap."})

    assert not Entry.objects.filter(public=True, city="31").exists()
    assert not Entry.objects.filter(data__contains="Rahasia dagang").exists()


def test_a_successor_begins_with_the_answers_that_fit():
    first = complete(make_draft(), mark="Pengalaman")
    by = founder_of(first)

    successor = open_successor(collaboration=first.collaboration, scheme_key="user", by=by)
    unsaved = application_of(successor)
    application = actions.ensure_application(collaboration=successor, by=by)

    assert unsaved._state.adding
    assert application.answers["background"] == "Pengalaman"
    assert "commitment" not in application.answers
    assert "asset" not in application.answers
    assert Application.objects.filter(collaboration=successor).count() == 1


def test_answers_for_every_scheme_complete_it():
    for scheme in ("playground", "user"):
        application = complete(make_draft(scheme=scheme, title=scheme))

        assert gaps(application) == []
        assert set(application.answers) == set(answers_for(application))
