"""Where the data plane keeps its files, below BALAI_HOME, and the time it counts days in."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings


def root() -> Path:
    """The folder that several nodes may share."""
    return Path(settings.HOME) / "observations"


def log() -> Path:
    return root() / "log"


def store() -> Path:
    return root() / "store"


def subject_keys() -> Path:
    return root() / "subjects"


def row_key() -> Path:
    return root() / "row.key"


def secrets_key() -> Path:
    """What seals the secrets of partners' clients at rest."""
    return root() / "secrets.key"


def token_key() -> Path:
    """What every node signs and knows short-lived tokens by."""
    return root() / "token.key"


def hours_ahead(day: date) -> int:
    """Hours by which the hub's time is ahead of UTC on the day."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(settings.TIME_ZONE))
    offset = noon.utcoffset()
    return int(offset.total_seconds() // 3600) if offset else 0
