"""A stage that takes too long: reminded once, escalated once, told to the right people."""

import datetime as dt

import pytest
from django.utils import timezone

from balai.collaborations.models import Collaboration
from balai.collaborations.tasks import watch_clocks
from balai.core import notifications
from balai.core.models import Entry, Notification
from balai.core.schedule import add_working_days
from tests.stories import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return World()


def due(collaboration, working_days):
    """Let the clock end so many working days from today; negative: it has run out."""
    today = timezone.localdate()
    if working_days >= 0:
        day = add_working_days(today, working_days)
    else:
        day = today
        while add_working_days(day, -working_days) > today:
            day -= dt.timedelta(days=1)
    Collaboration.objects.filter(pk=collaboration.pk).update(due_on=day)


def told(verb):
    return Entry.objects.filter(verb=verb).count()


@pytest.mark.parametrize(
    ("working_days", "reminders", "escalations"), [(3, 0, 0), (1, 1, 0), (0, 1, 0), (-1, 1, 0), (-3, 1, 1)]
)
def test_the_clock_speaks_once_each(world, working_days, reminders, escalations):
    due(world.at("screening"), working_days)

    for _ in range(2):
        watch_clocks.call()

    assert told("collaboration.reminded") == reminders
    assert told("collaboration.escalated") == escalations


def test_a_move_winds_the_clock_again(world):
    collaboration = world.at("screening")
    due(collaboration, -3)
    watch_clocks.call()

    world.to_review(collaboration.application)

    collaboration.refresh_from_db()
    assert (collaboration.reminded_at, collaboration.escalated_at) == (None, None)
    assert collaboration.due_on > timezone.localdate()


def test_the_reminder_reaches_whose_turn_it_is_and_not_the_partner(world):
    collaboration = world.at("review")
    notifications.start_from_now()
    due(collaboration, 0)
    watch_clocks.call()

    notifications.deliver()

    names = sorted(n.user.pk for n in Notification.objects.filter(verb="collaboration.reminded"))
    assert names == sorted(person.pk for person in world.reviewers)


def test_an_ended_or_documented_collaboration_has_no_clock(world):
    collaboration = world.at("screening")
    due(collaboration, -9)
    Collaboration.objects.filter(pk=collaboration.pk).update(documented=True)

    watch_clocks.call()

    assert told("collaboration.reminded") + told("collaboration.escalated") == 0
