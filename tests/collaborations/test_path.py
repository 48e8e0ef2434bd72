"""Every scheme runs from the first draft to each of its exits, through the one door."""

import threading
from itertools import pairwise

import pytest
from django.db import connection
from django.utils import timezone

from balai.collaborations.actions import make_move
from balai.collaborations.models import Collaboration
from balai.collaborations.queries import awaiting, options, standing
from balai.core.errors import Invalid, Refused, Stale
from balai.core.ledger import verify
from balai.core.models import Entry
from balai.pilots import actions as pilots
from balai.pilots.models import Incident
from balai.programme.models import Offer
from tests.builders import make_founder, make_user
from tests.stories import World

pytestmark = pytest.mark.django_db

EXIT = {"reason": "Diputuskan dari bukti.", "data_disposal": "Dihapus."}
OFFER = EXIT | {"what": "Cara kerja dan perangkatnya.", "conditions": "Jalur sepeda."}


@pytest.fixture
def world(settings, tmp_path):
    settings.DEMO = True
    return World()


EXITS = [
    ("playground", "exit_stop", "stopped", EXIT, ""),
    ("playground", "exit_repeat", "repeated", EXIT, "playground"),
    ("playground", "exit_hand_over", "handed_over", EXIT, "co-develop"),
    ("playground", "exit_offer", "offered", OFFER, ""),
    ("co-develop", "exit_hand_over", "handed_over", EXIT, "user"),
    ("co-develop", "exit_adopt", "adopted", EXIT, ""),
    ("user", "exit_adopt", "adopted", EXIT, ""),
    ("user", "exit_offer", "offered", OFFER, ""),
]


@pytest.mark.parametrize(("scheme", "move", "outcome", "record", "successor"), EXITS)
def test_a_collaboration_runs_from_draft_to_exit(world, scheme, move, outcome, record, successor):
    collaboration = world.at("evaluation", scheme)
    world.measure(collaboration)

    world.move(collaboration, move, world.bureau, record=record)

    collaboration.refresh_from_db()
    assert (collaboration.stage, collaboration.outcome) == (outcome, outcome)
    assert collaboration.ended_at is not None
    following = [c.scheme_version.key for c in Collaboration.objects.filter(predecessor=collaboration)]
    assert following == ([successor] if successor else [])
    assert Offer.objects.filter(collaboration=collaboration).count() == (move == "exit_offer")
    assert verify().faults == []


def test_the_ledger_replays_to_the_stage(world):
    collaboration = world.at("running")

    entries = Entry.objects.filter(thread=collaboration.thread, verb="collaboration.moved").order_by("seq")
    steps = [(e.facts["from"], e.facts["to"]) for e in entries]

    assert steps[0][0] == "draft"
    assert all(a[1] == b[0] for a, b in pairwise(steps))
    assert steps[-1][1] == collaboration.stage


def test_a_pilot_is_stopped_and_goes_on_only_when_the_incident_is_closed(world):
    collaboration = world.at("running")
    pilots.report_incident(
        collaboration=collaboration,
        by=world.founder,
        severity="fatal",
        happened_at=timezone.now(),
        text="Tabrakan.",
        people_hurt=2,
    )
    world.move(
        collaboration, "suspend", world.officer, record={"authority": "Dishub", "reason": "Tidak aman"}
    )

    with pytest.raises(Refused, match="1"):
        world.move(collaboration, "resume", world.officer, record={"authority": "Dishub", "reason": "Aman"})
    pilots.close_incident(incident=Incident.objects.get(), by=world.officer, measures="Pembatas kecepatan.")
    resumed = world.move(
        collaboration, "resume", world.officer, record={"authority": "Dishub", "reason": "Aman"}
    )

    assert resumed.stage == "running"
    suspension = resumed.pilot.suspensions.get()
    assert (suspension.authority, suspension.resumed_reason) == ("Dishub", "Aman")


def test_nothing_is_kept_of_a_move_whose_guard_refuses(world):
    collaboration = world.at("evaluation")
    before = Entry.objects.count()

    with pytest.raises(Refused):
        world.move(collaboration, "exit_offer", world.bureau, record=OFFER)

    collaboration.refresh_from_db()
    assert collaboration.stage == "evaluation"
    assert (Entry.objects.count(), Offer.objects.count()) == (before, 0)


def test_a_move_without_its_reason_is_refused_and_says_so(world):
    collaboration = world.at("screening")

    with pytest.raises(Invalid) as fault:
        world.move(collaboration, "return", world.bureau)

    assert list(fault.value.fields) == ["reason"]


def test_an_exit_without_grounds_names_the_field(world):
    collaboration = world.at("evaluation")

    with pytest.raises(Invalid) as fault:
        world.move(collaboration, "exit_stop", world.bureau, record={"reason": ""})

    assert list(fault.value.fields) == ["reason"]


def test_who_may_move_what(world):
    """Each move of the present stage is open to its own roles and to nobody else."""
    collaboration = world.at("screening")
    stranger, other_founder = make_user(), make_founder()
    other = World("3273", "lain")
    people = {
        "founder": world.founder,
        "officer": world.officer,
        "bureau": world.bureau,
        "reviewer": world.reviewers[0],
        "stranger": stranger,
        "other founder": other_founder,
        "other bureau": other.bureau,
    }

    yours = {
        who: sorted(o.move.key for o in options(person, collaboration) if o.yours)
        for who, person in people.items()
    }

    assert yours == {
        "founder": ["withdraw"],
        "officer": [],
        "bureau": ["pass_screening", "reject_screening", "return"],
        "reviewer": [],
        "stranger": [],
        "other founder": [],
        "other bureau": [],
    }


def test_nobody_judges_their_own_firm(world):
    from balai.people.models import Role
    from tests.builders import seat

    collaboration = world.at("screening")
    both = seat(seat(make_user(), world.secretariat, Role.BUREAU), world.partner, Role.STAFF)

    with pytest.raises(Refused):
        world.move(collaboration, "pass_screening", both)


def test_who_presses_on_an_old_page_is_told(world):
    collaboration = world.at("screening")
    old = Collaboration.objects.get(pk=collaboration.pk)
    world.move(collaboration, "return", world.bureau, reason="Surat kurang.")

    with pytest.raises(Stale):
        make_move(
            collaboration=old,
            move="reject_screening",
            by=world.bureau,
            seen="screening",
            record={"grounds": "x"},
        )

    old.refresh_from_db()
    assert old.stage == "returned"


def test_whose_turn_it_is_stands_in_their_inbox_and_in_no_other(world):
    other = World("3273", "lain")
    mine, theirs = world.at("screening"), other.at("screening")

    waiting = {
        "bureau": list(awaiting(world.bureau)),
        "other bureau": list(awaiting(other.bureau)),
        "founder": list(awaiting(world.founder)),
        "officer": list(awaiting(world.officer)),
        "stranger": list(awaiting(make_user())),
    }

    assert waiting == {
        "bureau": [mine],
        "other bureau": [theirs],
        "founder": [],
        "officer": [],
        "stranger": [],
    }


def test_standing_says_whose_turn_since_when_and_what_comes(world, in_english):
    collaboration = world.at("review")

    now = standing(collaboration)

    assert str(now.turn) == "the cooperation team (TKKSD)"
    assert (now.working_days, now.overdue_days) == (0, 0)
    assert now.due_on > timezone.localdate()
    assert [stage.key for stage in now.next_stages] == ["decision"]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told(settings):
    settings.DEMO = True
    world = World()
    collaboration = world.at("decision")
    start, results = threading.Barrier(2), []

    def press(move: str) -> None:
        try:
            seen = Collaboration.objects.get(pk=collaboration.pk)
            start.wait(10)
            make_move(
                collaboration=seen, move=move, by=world.bureau, seen="decision", record={"grounds": "Alasan."}
            )
            results.append(move)
        except Stale:
            results.append("told")
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=(move,)) for move in ("accept", "reject")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    collaboration.refresh_from_db()
    winner = next(result for result in results if result != "told")
    assert sorted(results) == sorted([winner, "told"])
    assert collaboration.stage == {"accept": "drafting", "reject": "rejected"}[winner]
    assert verify().faults == []
