"""What binds a contract: the rooms above know which agreement schedules which data, and on what terms.

A contract names its bond ("agreement:<id>"); the room that knows such subjects registers a binder for the
prefix. Whether data may flow under a bond is asked of the `gates`, as for what a key serves.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from balai.core.errors import Text
from balai.observations.contracts import Contract
from balai.observations.models import Dataset, Direction
from balai.people.models import City, Organisation


@dataclass(frozen=True, slots=True)
class Bond:
    """One line of a data schedule in force: ``subject`` is what schedules the dataset, ``title`` its name."""

    subject: str
    title: str
    dataset: Dataset

    @property
    def code(self) -> str:
        return f"{self.subject}/{self.dataset.pk}"


Binder = Callable[[City, Organisation | None], Iterable[Bond]]
"""The lines in force in a city, of one partner or of all; their datasets come with their partner."""

_binders: dict[str, Binder] = {}


def binder(prefix: str) -> Callable[[Binder], Binder]:
    """Register who knows the bonds of subjects that begin with ``prefix``; ValueError for a second one."""

    def keep(function: Binder) -> Binder:
        if prefix in _binders:
            raise ValueError(f"{prefix} has a binder already")
        _binders[prefix] = function
        return function

    return keep


def bonds_of(city: City, partner: Organisation | None = None) -> list[Bond]:
    """Every line of a schedule in force that a contract of the partner, or of any, may be bound to."""
    return [bond for known in _binders.values() for bond in known(city, partner)]


def contradictions(contract: Contract, dataset: Dataset) -> Iterator[Text]:
    """Every way in which a contract says otherwise than the line that schedules its data; places first.

    Free text of the schedule is compared where it can be read (a refresh, a fineness in hours or days); what
    cannot be is for people to compare.
    """
    if dataset.direction == Direction.TO_PARTNER:
        yield _("customProperties.partner: the schedule lets these data flow from the city to the partner.")
    if contract.personal and not dataset.personal:
        yield _("customProperties.personal: the schedule says that no personal data flows.")
    if dataset.personal and not contract.personal:
        yield _("customProperties.personal: the schedule says that personal data flows.")
    for place, here, there in (
        ("customProperties.legalBasis", contract.legal_basis, dataset.legal_basis),
        ("customProperties.controller", contract.controller, dataset.controller),
    ):
        if there.strip() and _plain(here) != _plain(there):
            yield _("%(place)s: the schedule says “%(text)s”.") % {"place": place, "text": there.strip()}
    if dataset.retention_days and contract.retention_days > dataset.retention_days:
        yield _("slaProperties.retention: the schedule lets the data be kept %(days)s days.") % {
            "days": dataset.retention_days
        }
    promised = minutes_of(dataset.refresh)
    if promised and contract.refresh_minutes > promised:
        yield _("slaProperties.frequency: the schedule says “%(text)s”.") % {"text": dataset.refresh.strip()}
    if contract.bucket == "hour" and _by_day_only(dataset.granularity):
        yield _("customProperties.bucket: the schedule says “%(text)s”, which is no finer than a day.") % {
            "text": dataset.granularity.strip()
        }


_units = {
    "menit": 1,
    "minute": 1,
    "jam": 60,
    "hour": 60,
    "hari": 1440,
    "day": 1440,
    "minggu": 10_080,
    "week": 10_080,
    "bulan": 44_640,
    "month": 44_640,
}
_number = re.compile(r"\b(\d{1,4})[ -]?(menit|minutes?|jam|hours?|hari|days?|minggu|weeks?|bulan|months?)\b")
_word = re.compile(
    r"\b(?:(?:setiap|tiap|per|every|each|a)[ -](menit|minute|jam|hour|hari|day|minggu|week|bulan|month)"
    r"|(hari|harian|daily|mingguan|weekly|bulanan|monthly|hourly))\b"
)
_alone = {"hari": 1440, "harian": 1440, "daily": 1440, "mingguan": 10_080, "weekly": 10_080}
_alone |= {"bulanan": 44_640, "monthly": 44_640, "hourly": 60}
_day = re.compile(r"\b(?:hari|harian|day|daily|minggu|week|bulan|month)")
_finer = re.compile(
    r"\b(?:jam|hour|menit|minute|detik|second|waktu nyata|real[ -]?time|peristiwa|event|perjalanan|trip)"
)


def minutes_of(refresh: str) -> int | None:
    """How often a schedule's words ask for data, in minutes; None where they do not say so plainly."""
    text = refresh.lower()
    if found := _number.search(text):
        return int(found[1]) * _units[found[2].rstrip("s")]
    if found := _word.search(text):
        return _units[found[1]] if found[1] else _alone[found[2]]
    return None


def _by_day_only(granularity: str) -> bool:
    text = granularity.lower()
    return bool(_day.search(text)) and not _finer.search(text)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .;")
