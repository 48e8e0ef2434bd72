"""Everyone who touched a need is told at every later hop, also of no and of failure."""

import pytest

from balai.core import notifications
from balai.core.ledger import verify
from balai.core.models import Mail, Notification
from balai.needs.actions import support_need, voice_need
from balai.needs.models import NeedState
from tests.builders import make_user
from tests.stories import World

pytestmark = pytest.mark.django_db
EXIT = {"reason": "Sasaran tidak tercapai.", "data_disposal": ""}


@pytest.fixture
def world(settings):
    settings.DEMO = True
    return World()


def touched(world):
    """A need with an author and a supporter, and the challenge that answers it."""
    author, supporter = make_user(name="Penulis"), make_user(name="Pendukung")
    need = voice_need(
        by=author,
        city=world.city,
        title="Jalur sepeda terputus",
        text="Jalur sepeda di depan sekolah terputus sehingga anak turun ke jalan.",
        dimension="mobility",
    )
    support_need(need=need, by=supporter)
    return need, author, supporter


def told(user, collaboration):
    return [
        n.verb
        for n in Notification.objects.filter(user=user, thread=collaboration.thread).order_by("entry")
        if n.verb == "collaboration.moved"
    ]


def test_followers_of_a_need_hear_of_the_agreement_the_run_and_the_stop(world):
    need, author, supporter = touched(world)
    application = world.begin("co-develop")
    application.collaboration.challenge.needs.add(need)
    notifications.start_from_now()
    for step in ("screening", "review", "decision"):
        getattr(world, f"to_{step}")(application)
    while notifications.deliver():
        pass
    before = told(author, application.collaboration)
    for step in ("drafting", "signing", "preparation", "running", "evaluation"):
        getattr(world, f"to_{step}")(application)
    world.move(application, "exit_stop", world.bureau, record=EXIT)

    while notifications.deliver():
        pass

    assert before == []
    assert len(told(author, application.collaboration)) == 6
    assert told(supporter, application.collaboration) == told(author, application.collaboration)


def test_a_verified_effect_that_meets_its_target_solves_the_need(world):
    need, _author, _supporter = touched(world)
    collaboration = world.at("evaluation", "co-develop")
    collaboration.challenge.needs.add(need)

    world.measure(collaboration, "22")

    need.refresh_from_db()
    assert need.state == NeedState.SOLVED
    assert verify().faults == []


def test_an_effect_below_its_target_solves_nothing(world):
    need, _author, _supporter = touched(world)
    collaboration = world.at("evaluation", "co-develop")
    collaboration.challenge.needs.add(need)

    world.measure(collaboration, "25")

    need.refresh_from_db()
    assert need.state == NeedState.VOICED


def test_nobody_is_told_twice_and_the_actor_not_at_all(world):
    collaboration = world.at("screening")
    notifications.start_from_now()
    world.to_review(collaboration.application)
    for _ in range(3):
        notifications.deliver()

    rows = Notification.objects.filter(verb="collaboration.moved")
    people = [n.user_id for n in rows]
    assert len(people) == len(set(people))
    assert world.bureau.pk not in people
    assert world.founder.pk in people
    assert Mail.objects.filter(user=world.bureau).count() == 0
