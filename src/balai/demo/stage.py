"""The stage of the invented stories, and the clock that lets them all run in the order of their days.

A story is a generator: it yields the moment of its next step and, when that moment has come, takes
the step. `tell` runs all stories together, so that the ledger grows in the order of time.
"""

import datetime as dt
import heapq
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import count
from zoneinfo import ZoneInfo

from django.utils import timezone

from balai.challenges.models import Challenge
from balai.demo import facts
from balai.demo.clock import as_of
from balai.demo.people import CROWD
from balai.indicators.models import Indicator
from balai.needs.models import Need
from balai.people.models import Area, City, Organisation, User

ZONE = ZoneInfo("Asia/Jakarta")

type Story = Iterator[dt.datetime]


def tell(stories: Iterable[Story]) -> None:
    """Run every story to its end, always the earliest step first, each on its own day."""
    numbers = count()
    waiting = [(next(story), next(numbers), story) for story in stories]
    heapq.heapify(waiting)
    while waiting:
        moment, _number, story = heapq.heappop(waiting)
        with as_of(moment):
            following = next(story, None)
        if following is not None:
            heapq.heappush(waiting, (max(following, moment), next(numbers), story))


class Stage:
    """Who and what the stories are about, looked up once."""

    def __init__(self, now: dt.datetime | None = None) -> None:
        self.now = now or timezone.now()
        self.needs: dict[str, Need] = {}
        self.challenges: dict[str, Challenge] = {}

    @cached_property
    def organisations(self) -> dict[str, Organisation]:
        return Organisation.objects.select_related("city").in_bulk(field_name="slug")

    @cached_property
    def cities(self) -> dict[str, City]:
        return City.objects.in_bulk()

    @cached_property
    def areas(self) -> dict[str, Area]:
        return {area.name: area for area in Area.objects.all()}

    @cached_property
    def indicators(self) -> dict[str, Indicator]:
        return Indicator.objects.in_bulk()

    @cached_property
    def people(self) -> dict[str, User]:
        return {
            str(user.email).partition("@")[0]: user
            for user in User.objects.filter(email__endswith="@balai.example")
        }

    @property
    def crowd(self) -> list[User]:
        return [self.people[f"warga{number}"] for number in range(1, CROWD + 1)]

    def officer_of(self, agency: str) -> User:
        """The demonstration officer seated in an agency, or the analyst who may speak for any."""
        for person in facts.table("people")["person"]:
            if [agency, "officer"] in person["seats"]:
                return self.people[person["key"]]
        return self.people["analyst"]

    def moment(self, ago: float, hour: int = 10) -> dt.datetime:
        """A moment ``ago`` days before the load, never after it."""
        day = (self.now - dt.timedelta(days=ago)).astimezone(ZONE).replace(hour=hour, minute=0, second=0)
        return min(day, self.now - dt.timedelta(seconds=1))

    def day(self, ahead: int) -> dt.date:
        """The date ``ahead`` days after the load."""
        return (self.now + dt.timedelta(days=ahead)).astimezone(ZONE).date()
