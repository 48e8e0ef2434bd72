"""Of two who write a record at once one wins. Tried on needs, which have a state and a revision."""

import threading

import pytest
from django.db import connections

from balai.core.workflow import written
from balai.needs.models import Need
from tests.needs_builders import make_need


def stored(need: Need) -> tuple[str, str, int]:
    return Need.objects.values_list("state", "place", "revision").get(pk=need.pk)


def test_what_was_written_is_in_hand_and_in_the_database(db) -> None:
    need = make_need()
    before = need.revision

    assert written(need, seen=None, state="answered", place="Gambir") is True

    assert (need.state, need.place, need.revision) == ("answered", "Gambir", before + 1)
    assert stored(need) == ("answered", "Gambir", before + 1)


@pytest.mark.parametrize("meanwhile", [{"revision": 7}, {"state": "hidden"}])
def test_a_record_changed_since_it_was_read_stays_as_it_is(db, meanwhile: dict[str, object]) -> None:
    need = make_need()
    in_hand = (need.state, need.place, need.revision)
    Need.objects.filter(pk=need.pk).update(**meanwhile)
    before = stored(need)

    assert written(need, seen=None, place="Gambir") is False

    assert stored(need) == before
    assert (need.state, need.place, need.revision) == in_hand


def test_the_revision_the_person_saw_counts(db) -> None:
    need = make_need()
    seen = need.revision
    written(need, seen=seen, place="Gambir")

    assert written(need, seen=seen, place="Senen") is False
    assert stored(need)[1] == "Gambir"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_press_at_once_one_wins() -> None:
    for _turn in range(5):
        need = make_need()
        outcomes: list[bool] = []
        barrier = threading.Barrier(2)

        def press(pk: object = need.pk, outcomes: list[bool] = outcomes, barrier=barrier) -> None:
            try:
                seen = Need.objects.get(pk=pk)
                barrier.wait(10)
                outcomes.append(written(seen, seen=None, state="answered"))
            finally:
                connections.close_all()

        threads = [threading.Thread(target=press) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert sorted(outcomes) == [False, True]
