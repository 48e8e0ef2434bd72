"""The states of a need, walked at random and by two people at once."""

import threading

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from balai.core.errors import BalaiError
from balai.core.models import Entry
from balai.needs import actions
from balai.needs.models import Need, NeedState
from balai.needs.rules import OPEN, STEPS
from tests.builders import make_agency, make_bureau, make_officer, make_user
from tests.needs_builders import make_need

MOVES = ["answer", "decline", "merge", "hide", "show", "assign", "yes", "no", "effect", "support"]


def test_every_state_has_its_steps_and_only_known_ones():
    assert set(STEPS) == set(NeedState.values)
    assert {target for targets in STEPS.values() for target in targets} <= set(NeedState.values)


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(moves=st.lists(st.sampled_from(MOVES), min_size=1, max_size=9))
def test_whatever_people_try_a_need_only_takes_allowed_steps(moves):
    agency, author, bureau = make_agency(), make_user(), make_bureau()
    officer, fan = make_officer(agency), make_user()
    need, other = make_need(author), make_need(author)
    deeds = {
        "answer": lambda n: actions.answer_need(need=n, by=officer, agency=agency, text="Ya"),
        "decline": lambda n: actions.decline_need(
            need=n, by=officer, agency=agency, reason="unclear", text="Tidak"
        ),
        "merge": lambda n: actions.merge_need(need=n, into=other, by=author),
        "hide": lambda n: actions.hide_need(need=n, by=bureau, reason="Nama"),
        "show": lambda n: actions.show_need(need=n, by=bureau),
        "assign": lambda n: actions.assign_agency(need=n, by=bureau, agency=agency),
        "yes": lambda n: actions.confirm_solved(need=n, by=author, solved=True),
        "no": lambda n: actions.confirm_solved(need=n, by=author, solved=False),
        "effect": lambda n: actions.solve_by_effect(need=n, evaluation="effect:1"),
        "support": lambda n: actions.support_need(need=n, by=fan),
    }
    for move in moves:
        before = Need.objects.get(pk=need.pk)
        entries = Entry.objects.count()
        try:
            deeds[move](Need.objects.get(pk=need.pk))
        except BalaiError:
            after = Need.objects.get(pk=need.pk)
            assert (after.state, after.revision, Entry.objects.count()) == (
                before.state,
                before.revision,
                entries,
            )
            continue
        after = Need.objects.get(pk=need.pk)
        assert after.state == before.state or after.state in STEPS[before.state]
        assert after.revision >= before.revision
        assert (after.state == "merged") == (after.merged_into_id == other.pk and after.state != "hidden")
        assert after.support_count == after.supports.count()
        assert before.state in OPEN or move != "support" or after.support_count == before.support_count


@pytest.mark.django_db(transaction=True)
def test_ten_supporters_and_two_officers_at_once():
    agency = make_agency()
    officers = [make_officer(agency), make_officer(agency)]
    fans = [make_user() for _ in range(10)]
    need = make_need()
    results: list[str] = []
    barrier = threading.Barrier(12)

    def run(deed):
        try:
            barrier.wait()
            deed(Need.objects.get(pk=need.pk))
            results.append("done")
        except BalaiError as refusal:
            results.append(type(refusal).__name__)
        finally:
            connection.close()

    def supporting(fan):
        return lambda n: actions.support_need(need=n, by=fan)

    def answering(officer):
        return lambda n: actions.answer_need(need=n, by=officer, agency=agency, text="Ya", seen=0)

    threads = [threading.Thread(target=run, args=(supporting(fan),)) for fan in fans]
    threads += [threading.Thread(target=run, args=(answering(officer),)) for officer in officers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    need.refresh_from_db()
    assert sorted(results) == ["Stale"] + ["done"] * 11
    assert (need.support_count, need.supports.count(), need.answers.count()) == (10, 10, 1)
