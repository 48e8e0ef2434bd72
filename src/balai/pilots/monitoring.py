"""The questions of the three monitoring forms, as data with both languages."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from balai.collaborations.schemes import Label
from balai.pilots.models import MonitoringForm

FILE = Path(__file__).parent / "monitoring.toml"


@dataclass(frozen=True, slots=True)
class MonitoringQuestion:
    key: str
    label: Label


@cache
def questions(form: str) -> tuple[MonitoringQuestion, ...]:
    """The questions of one form, in order. Raises ValueError for an unknown form."""
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return tuple(
        MonitoringQuestion(row["key"], Label(row["id"], row["en"]))
        for row in data[MonitoringForm(form).value]
    )
