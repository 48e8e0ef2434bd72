"""What can be told by webhook. Rooms register their kinds of news, what of an entry is told, and to whom."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from balai.core import threads
from balai.core.audiences import audiences_of
from balai.core.errors import Text
from balai.core.ledger import canonical_json
from balai.core.models import Entry
from balai.people.models import Membership

type Concerned = Callable[[Entry], Iterable[UUID]]
type More = Callable[[Entry], Mapping[str, Any]]

TEST = "webhook.test"
"""The type of the message somebody asks for to see whether their receiver works."""


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of news. ``fields`` are told beside what every message says, always the same ones: those of
    the entry's data unless ``more`` tells them otherwise."""

    name: str
    label: Text
    fields: tuple[str, ...]
    concerned: Concerned | None
    """The organisations an entry of this name concerns; None where it does not come from the ledger."""
    more: More | None = None
    """What those fields say that the entry's own data do not."""


_types: dict[str, EventType] = {}


def register(
    name: str,
    *,
    label: Text,
    fields: tuple[str, ...] = (),
    concerned: Concerned | None = None,
    more: More | None = None,
) -> None:
    """Make a kind of news known; ``name`` is the ledger's verb where it comes from there.

    Raises ValueError for a second one of the name.
    """
    if name in _types:
        raise ValueError(f"{name} is registered already")
    _types[name] = EventType(name, label, fields, concerned, more)


def registered() -> dict[str, EventType]:
    """Every kind by name, in the order of registration."""
    return dict(_types)


def from_ledger() -> list[str]:
    """The verbs that are told."""
    return [name for name, known in _types.items() if known.concerned is not None]


def receivers(entry: Entry) -> set[UUID]:
    """The organisations an entry is told to: those it concerns some of whose people hear of it too."""
    known = _types[entry.verb]
    concerned = set(known.concerned(entry)) if known.concerned else set()
    if not concerned:
        return set()
    people = {
        person.pk for function in audiences_of(entry.verb) for person in function(entry) if person.is_active
    }
    seats = Membership.objects.filter(
        user__in=people, ended_at=None, organisation__in=concerned, organisation__active=True
    )
    return set(seats.values_list("organisation_id", flat=True))


def body_of(entry: Entry) -> str:
    """The message of an entry: what it is about, where to read on, and the fields of its kind."""
    facts = entry.facts
    about = threads.resolve([entry.thread]).get(entry.thread)
    data: dict[str, Any] = {
        "city": entry.city,
        "subject": entry.subject,
        "thread": entry.thread,
        "url": settings.ORIGIN + about.url if about else None,
        "entry": entry.seq,
    }
    known = _types[entry.verb]
    data |= {name: facts.get(name) for name in known.fields}
    data |= known.more(entry) if known.more else {}
    return body(entry.verb, entry.at, data)


def body(name: str, at: datetime, data: Mapping[str, Any]) -> str:
    """``type``, ``timestamp`` and ``data``, as they are sent."""
    moment = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = json.loads(canonical_json(data))
    return json.dumps(
        {"type": name, "timestamp": moment, "data": told}, ensure_ascii=False, separators=(",", ":")
    )
