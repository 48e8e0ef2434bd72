"""Which day it is where a city lies. Terms end with the city's own day, not with the server's."""

import datetime as dt
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

CENTRAL = ZoneInfo("Asia/Makassar")
EASTERN = ZoneInfo("Asia/Jayapura")
PROVINCES: dict[str, ZoneInfo] = {
    **dict.fromkeys(("51", "52", "53", "63", "64", "65", "71", "72", "73", "74", "75", "76"), CENTRAL),
    **dict.fromkeys(("81", "82", "91", "92", "93", "94", "95", "96", "97"), EASTERN),
}
"""Provinces outside the hub's own zone, by the first two digits of their BPS code."""


def zone_of(city: str) -> ZoneInfo:
    """The time zone of a city, by its BPS code."""
    return PROVINCES.get(city[:2]) or ZoneInfo(settings.TIME_ZONE)


def today_in(city: str, now: dt.datetime | None = None) -> dt.date:
    """The day it is in the city."""
    return day_in(city, now or timezone.now())


def day_in(city: str, moment: dt.datetime) -> dt.date:
    """The city's day at a moment."""
    return moment.astimezone(zone_of(city)).date()
