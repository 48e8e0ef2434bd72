"""A clock that can be set back, so that an invented story of a year can be told in seconds."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils import timezone


@contextmanager
def as_of(moment: dt.datetime) -> Iterator[None]:
    """Inside, `django.utils.timezone.now` answers ``moment``. Only for invented demonstration data."""
    real = timezone.now
    timezone.now = lambda: moment
    try:
        yield
    finally:
        timezone.now = real
