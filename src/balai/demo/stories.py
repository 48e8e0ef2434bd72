"""The invented needs and challenges, told through the same doors that people use."""

from decimal import Decimal
from typing import Any

from balai.challenges.actions import answer_question, ask_question, open_challenge, open_challenge_draft
from balai.demo import facts, paths
from balai.demo.facts import Row
from balai.demo.people import CROWD
from balai.demo.stage import Stage, Story, tell
from balai.needs.actions import (
    answer_need,
    assign_agency,
    confirm_solved,
    decline_need,
    merge_need,
    support_need,
    voice_need,
)


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
    if "answer" not in row:
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
    choices = ("budget_route", "budget_note", "adoption_route", "schemes")
    fields: dict[str, Any] = {key: row[key] for key in (*texts, *choices) if key in row}
    fields |= {key: Decimal(row[key]) for key in ("baseline", "target") if key in row}
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
    if "waiting" in row:
        yield stage.moment(2)
        ask_question(challenge=challenge, by=stage.people["founder3"], text=row["waiting"])


def tell_all() -> None:
    """Every invented need, challenge and collaboration."""
    stage = Stage()
    tell(
        [
            *(need_story(stage, row) for row in facts.table("needs")["need"]),
            *(challenge_story(stage, row) for row in facts.table("challenges")["challenge"]),
            *paths.stories(stage),
        ]
    )
