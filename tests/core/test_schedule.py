from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balai.core.schedule import add_working_days, is_working_day, working_days_between

days = st.dates(date(2018, 1, 1), date(2032, 12, 31))


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 8, 14), True),
        (date(2026, 8, 15), False),  # Saturday
        (date(2026, 8, 17), False),  # independence
        (date(2026, 12, 24), False),  # joint leave
        (date(2026, 12, 25), False),
        (date(2019, 9, 13), True),  # the day Jakarta signed with its partners, a Friday
    ],
)
def test_is_working_day(day: date, works: bool) -> None:
    assert is_working_day(day) is works


def test_the_day_of_a_moment_is_jakartas() -> None:
    friday_evening_in_london = datetime(2026, 8, 14, 18, 0, tzinfo=UTC)

    assert is_working_day(friday_evening_in_london) is False


def test_add_working_days_skips_the_weekend_and_the_holiday() -> None:
    assert add_working_days(date(2026, 8, 14), 1) == date(2026, 8, 18)


def test_add_working_days_refuses_to_go_back() -> None:
    with pytest.raises(ValueError, match="negative"):
        add_working_days(date(2026, 8, 14), -1)


@given(days, st.integers(0, 60))
def test_between_undoes_add(start: date, count: int) -> None:
    assert working_days_between(start, add_working_days(start, count)) == count


@given(days, st.integers(1, 60))
def test_the_day_reached_is_a_working_day(start: date, count: int) -> None:
    assert is_working_day(add_working_days(start, count))


@given(days, st.integers(0, 800))
def test_between_counts_the_working_days(start: date, length: int) -> None:
    end = start + timedelta(days=length)

    counted = sum(is_working_day(start + timedelta(days=n)) for n in range(1, length + 1))

    assert working_days_between(start, end) == counted
    assert working_days_between(end, start) == -counted


@given(days, days, days)
def test_between_adds_up(a: date, b: date, c: date) -> None:
    assert working_days_between(a, b) + working_days_between(b, c) == working_days_between(a, c)
