"""Working days in Indonesia: Monday to Friday without national holidays and joint leave.

Holidays come from the ``holidays`` package: national holidays of every year, joint leave (cuti bersama) of
the years for which it has been decreed and the package knows the decree.
"""

from datetime import date, datetime, timedelta
from functools import cache

from django.utils import timezone

ONE_DAY = timedelta(days=1)


@cache
def holidays_of(year: int) -> frozenset[date]:
    """National holidays and joint leave of one year."""
    from holidays.constants import GOVERNMENT, PUBLIC
    from holidays.countries.indonesia import Indonesia

    return frozenset(Indonesia(years=year, categories=(PUBLIC, GOVERNMENT)))


def day_of(moment: date | datetime) -> date:
    """The calendar day of a moment in the hub's time zone; a date stays as it is."""
    if not isinstance(moment, datetime):
        return moment
    return timezone.localtime(moment).date() if timezone.is_aware(moment) else moment.date()


def is_working_day(moment: date | datetime) -> bool:
    """Whether offices work on this day."""
    day = day_of(moment)
    return day.weekday() < 5 and day not in holidays_of(day.year)


def add_working_days(start: date | datetime, count: int) -> date:
    """The ``count``-th working day after ``start``; ``start`` itself for 0. Raises ValueError below 0."""
    if count < 0:
        raise ValueError("count must not be negative")
    day = day_of(start)
    while count:
        day += ONE_DAY
        count -= is_working_day(day)
    return day


def working_days_between(start: date | datetime, end: date | datetime) -> int:
    """Working days after ``start`` up to and including ``end``; negative if ``end`` lies before ``start``."""
    first, last = day_of(start), day_of(end)
    if last < first:
        return -working_days_between(last, first)
    weeks, rest = divmod((last - first).days, 7)
    tail = (last - timedelta(days=offset) for offset in range(rest))
    weekdays = weeks * 5 + sum(day.weekday() < 5 for day in tail)
    return weekdays - sum(
        first < day <= last and day.weekday() < 5
        for year in range(first.year, last.year + 1)
        for day in holidays_of(year)
    )
