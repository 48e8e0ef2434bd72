"""The data files alone: complete, sourced, in both languages, without a loose end."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from balai.demo import facts
from balai.indicators.shipped import catalogue

TABLES = ("cities", "areas", "organisations", "partners", "programme", "signing", "contradictions", "people")
ALL = [*TABLES, *(f"history/{path.stem}" for path in sorted((facts.FOLDER / "history").glob("*.toml")))]
BILINGUAL = ("text", "about", "title", "summary", "topic", "a", "b", "does", "how", "name_en", "gap")


def tables_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every table of a file, at any depth."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from tables_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from tables_in(inner)


def slugs() -> set[str]:
    named = [*facts.table("organisations")["organisation"], *facts.table("partners")["partner"]]
    return {row["slug"] for row in named}


def cited() -> set[str]:
    found = {
        table[key]
        for name in ALL
        for table in tables_in(facts.table(name))
        for key in ("source", "a_source", "b_source")
        if key in table
    }
    return found | {row["source"] for row in facts.rows("values")}


def test_every_source_has_name_date_and_address_or_says_it_is_ours():
    incomplete = [
        source.key
        for source in facts.sources().values()
        if not source.name
        or len(source.date) not in (4, 7, 10)
        or source.kind not in ("official", "press", "study", "derived", "assumed")
        or not (source.url.startswith("http") or source.kind == "assumed" or "tanpa alamat" in source.name)
    ]

    assert incomplete == []


def test_no_fact_cites_an_unknown_source():
    assert cited() - set(facts.sources()) == set()


@pytest.mark.parametrize("name", ALL)
def test_texts_stand_in_both_languages(name):
    alone = [
        (key, table[key])
        for table in tables_in(facts.table(name))
        for key in BILINGUAL
        if f"{key}_en" in table and not (table.get(key) and table[f"{key}_en"])
    ]

    assert alone == []


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith("history/")])
def test_history_is_dated_sourced_and_bilingual(name):
    history = facts.table(name)

    days = [dt.date.fromisoformat(entry["on"]) for entry in history["entry"]]
    wanting = [e for e in history["entry"] if not (e["text"] and e["text_en"] and e["source"])]

    assert (wanting, len(days) > 0) == ([], True)
    assert dt.date.fromisoformat(history["began"]) <= dt.date.fromisoformat(history["stage_since"])
    assert {history["partner"], history["agency"]} - slugs() == set()
    assert history["title_en"]
    assert history["summary_en"]


def test_facts_of_partners_are_dated_and_sourced():
    wanting = [
        (partner["slug"], fact)
        for partner in facts.table("partners")["partner"]
        for fact in partner["fact"]
        if not (dt.date.fromisoformat(fact["on"]) and fact["text"] and fact["text_en"] and fact["source"])
    ]

    assert wanting == []


def test_the_eight_are_the_signatories():
    eight = {p["slug"] for p in facts.table("partners")["partner"] if p.get("eight", True)}

    assert eight == set(facts.table("signing")["parties"])
    assert len(eight) == 8


def test_every_one_of_the_eight_has_data_flows_and_a_history():
    partners = [p for p in facts.table("partners")["partner"] if p.get("eight", True)]
    told = {history["partner"] for history in facts.histories()}

    assert [p["slug"] for p in partners if not p.get("dataset") or p["slug"] not in told] == []


def test_codes_are_unique_and_references_known():
    cities = [row["code"] for row in facts.table("cities")["city"]]
    areas = [row["code"] for row in facts.table("areas")["area"]]
    people = [row["key"] for row in facts.table("people")["person"]]
    indicators = [row["code"] for row in catalogue().indicators]
    repeated = [
        code
        for codes in (cities, areas, people, indicators)
        for code, count in Counter(codes).items()
        if count > 1
    ]
    orphans = [
        *({row["city"] for row in facts.table("areas")["area"]} - set(cities)),
        *({row["city"] for row in facts.table("programme")["membership"]} - set(cities)),
        *({row["indicator"] for row in facts.rows("values")} - set(indicators)),
        *({row["city"] for row in facts.rows("values")} - set(cities)),
        *({slug for person in facts.table("people")["person"] for slug, _ in person["seats"]} - slugs()),
    ]

    assert (repeated, orphans, [code for code in areas if len(code) > 20]) == ([], [], [])


def test_figures_are_numbers_with_a_period_and_bilingual_notes():
    wanting = [
        row
        for row in facts.rows("values")
        if Decimal(row["value"]).is_nan()
        or len(row["period"]) not in (4, 7)
        or bool(row["note"]) != bool(row["note_en"])
        or len(f"{row['note']} / {row['note_en']}") > 300
    ]

    assert wanting == []


def test_both_figures_stay_where_two_sources_disagree():
    waste = sorted(
        Decimal(row["value"])
        for row in facts.rows("values")
        if (row["indicator"], row["period"]) == ("ENV-03", "2019")
    )
    solved = sorted(
        Decimal(row["value"])
        for row in facts.rows("values")
        if (row["indicator"], row["period"]) == ("CRM-02", "2023-01")
    )

    assert waste == [Decimal(6700), Decimal(7702)]
    assert solved == [Decimal(12936), Decimal(13671)]


def test_people_of_the_demonstration_are_plainly_invented():
    names = [person["name"] for person in facts.table("people")["person"]]

    assert [name for name in names if not name.endswith("(demo)")] == []
