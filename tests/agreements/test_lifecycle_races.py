"""Two at once after the seal: one addendum, one ending, each reminder and the end once."""

import datetime as dt

import pytest
from django.utils import timezone

from balai.agreements import ending, paper, reminding
from balai.agreements.amending import draft_addendum
from balai.agreements.models import Agreement, PaperCorrection, Termination, TermMark
from balai.core import ledger
from balai.core.models import Entry
from tests.agreements.test_races import at_once
from tests.agreements_builders import make_cast
from tests.lifecycle_builders import make_facts, make_paper, make_sealed

pytestmark = pytest.mark.django_db(transaction=True)

DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def sealer(settings):
    settings.DEMO, settings.SEAL_KEY = True, ""


def test_two_addenda_make_one() -> None:
    cast = make_cast()
    agreement = make_sealed(cast)

    outcomes = at_once(
        lambda: draft_addendum(agreement=agreement, by=cast.officer, reason="Ya.", articles=["dispute"]),
        lambda: draft_addendum(agreement=agreement, by=cast.founder, reason="Ya.", articles=["scope"]),
    )

    assert outcomes == ["Stale", "ok"]
    assert Agreement.objects.filter(amends=agreement).count() == 1


def test_two_endings_make_one() -> None:
    cast = make_cast()
    agreement = make_sealed(cast)
    day = timezone.localdate() + 40 * DAY

    outcomes = at_once(
        lambda: ending.give_notice(agreement=agreement, by=cast.officer, text="Ya.", effective_on=day),
        lambda: ending.propose_ending(agreement=agreement, by=cast.founder, text="Ya.", effective_on=day),
    )

    assert outcomes == ["Stale", "ok"]
    assert Termination.objects.count() == 1


def test_agreed_and_withdrawn_at_once_is_one_of_both() -> None:
    cast = make_cast()
    agreement = make_sealed(cast)
    day = timezone.localdate() + 4 * DAY
    asked = ending.propose_ending(agreement=agreement, by=cast.founder, text="Ya.", effective_on=day)

    outcomes = at_once(
        lambda: ending.agree_ending(termination=asked, by=cast.officer, seen_sha256=asked.sha256),
        lambda: ending.withdraw_ending(termination=asked, by=cast.founder),
    )

    assert outcomes == ["Refused", "ok"]
    assert Termination.objects.get().state in ("set", "withdrawn")


@pytest.mark.parametrize(("days", "verb"), [(20, "ending"), (-3, "ended")])
def test_three_workers_tell_once(days: int, verb: str) -> None:
    agreement = make_sealed(make_cast(), ends_on=timezone.localdate() + 100 * DAY)
    now = timezone.now() + (100 - days) * DAY

    outcomes = at_once(*[lambda: reminding.watch(now)] * 3)

    assert outcomes == ["ok"] * 3
    assert Entry.objects.filter(verb=f"agreement.{verb}").count() == 1
    marks = sorted(TermMark.objects.filter(agreement=agreement).values_list("days", flat=True))
    assert marks == ([30, 60, 90] if days > 0 else [0, 7, 30, 60, 90])
    assert ledger.verify().whole


def test_two_corrections_of_what_both_saw_keep_one() -> None:
    cast = make_cast()
    record = make_paper(cast.city, cast.agency, cast.bureau)
    seen = paper.digest(paper.facts_of(record))

    outcomes = at_once(
        *[
            lambda title=title: paper.correct_paper(
                agreement=record,
                facts=make_facts(cast.agency, title=title),
                reason="Salah.",
                by=cast.bureau,
                seen=seen,
            )
            for title in ("Satu", "Dua")
        ]
    )

    assert outcomes == ["Stale", "ok"]
    assert PaperCorrection.objects.count() == 1
