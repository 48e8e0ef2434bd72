"""Tells the invented examples through the same doors that people use, in the order of their days.

A story is a generator: it yields the moment of its next step and, when that moment has come, takes
the step. `tell` runs all stories together, so that the ledger grows in the order of time.
"""

import datetime as dt
import heapq
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from balai.challenges.actions import answer_question, ask_question, open_challenge, open_challenge_draft
from balai.challenges.models import Challenge
from balai.demo import facts
from balai.demo.clock import as_of
from balai.demo.facts import Row
from balai.demo.people import CROWD
from balai.indicators.models import Indicator
from balai.needs.actions import (
    answer_need,
    assign_agency,
    confirm_solved,
    decline_need,
    merge_need,
    support_need,
    voice_need,
)
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


def need_story(stage: Stage, row: Row) -> Story:
    """A need is voiced, supported, given to an agency and answered, declined or merged."""
    ago: float = row["ago"]
    author = stage.people[row["author"]]
    city = stage.cities[row.get("city", "31")]
    yield stage.moment(ago, 8)
    need = stage.needs[row["key"]] = voice_need(
        by=author,
        city=city,
        title=row["title"],
        text=row["text"],
        dimension=row["dimension"],
        place=row["place"],
        area=stage.areas[row["area"]],
        latitude=row["latitude"],
        longitude=row["longitude"],
        invented=True,
    )
    offset = sum(map(ord, row["key"])) % CROWD
    crowd = stage.crowd[offset:] + stage.crowd[:offset]
    supporters = crowd[: row["supporters"]]
    for number, person in enumerate(supporters):
        yield stage.moment(ago - min(4, ago) * number / len(supporters) / 2, 9)
        support_need(need=need, by=person)
    if "agency" not in row:
        return
    agency = stage.organisations[row["agency"]]
    officer = stage.officer_of(row["agency"])
    yield stage.moment(ago - 3, 11)
    assign_agency(need=need, by=stage.people["bureau"], agency=agency)
    if "merged_into" in row:
        yield stage.moment(ago - 4, 14)
        merge_need(need=need, into=stage.needs[row["merged_into"]], by=officer)
        return
    yield stage.moment(ago - 5, 14)
    if "declined" in row:
        decline_need(need=need, by=officer, agency=agency, reason=row["declined"], text=row["answer"])
    else:
        answer_need(need=need, by=officer, agency=agency, text=row["answer"])
    if "solved" in row:
        for person in [author, *supporters][: row["solved"]]:
            yield stage.moment(row["solved_ago"], 15)
            confirm_solved(need=need, by=person, solved=True)


def challenge_story(stage: Stage, row: Row) -> Story:
    """A challenge is drafted from needs, opened where it is ready, asked about and answered."""
    ago: float = row["ago"]
    officer = stage.people[row["officer"]]
    texts = ("title_en", "brief", "brief_en", "baseline_period", "baseline_source", "contact", "data_access")
    choices = ("budget_route", "budget_note", "adoption_route", "schemes", "baseline", "target")
    fields: dict[str, Any] = {key: row[key] for key in (*texts, *choices) if key in row}
    yield stage.moment(ago)
    if "closes_in" in row:
        fields |= {
            "closes_on": stage.day(row["closes_in"]),
            "questions_until": stage.day(row["closes_in"] - 14),
            "indicator": stage.indicators[row["indicator"]],
        }
    challenge = stage.challenges[row["key"]] = open_challenge_draft(
        by=officer,
        agency=stage.organisations[row["agency"]],
        title=row["title"],
        needs=[stage.needs[key] for key in row["needs"]],
        dimension=row["dimension"],
        invented=True,
        **fields,
    )
    if row.get("draft"):
        return
    yield stage.moment(ago - 2)
    challenge.refresh_from_db()
    open_challenge(challenge=challenge, by=officer)
    if "question" in row:
        yield stage.moment(ago - 6)
        question = ask_question(challenge=challenge, by=stage.people["founder2"], text=row["question"])
        yield stage.moment(ago - 8)
        answer_question(question=question, by=officer, text=row["reply"])
