"""Rows against their contract, fast where they are right and exact about each one that is not."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec

from balai.observations.contracts import Contract, Field, Role

MOST_ROWS = 10_000
LARGEST_BODY = 8 * 1024 * 1024
FURTHEST_AHEAD = timedelta(minutes=5)
MOST_WORDS = 20_000
"""Values of a field with a pattern that are remembered as right."""

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_path = re.compile(r" - at `(?:key in )?\$(.*)`$")
_unknown = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_plain_name = re.compile(r"[A-Za-z_]{1,60}[0-9]{0,2}")
_step = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def placed(fault: Exception) -> tuple[str, str]:
    """Where a decoder's fault lies, as a JSON pointer, and what it is without the place."""
    text = str(fault)
    found = _path.search(text)
    if found is None:
        return "", text
    return "".join(f"/{name or index}" for name, index in _step.findall(found[1])), text[: found.start()]


class EnvelopeError(ValueError):
    """The body as a whole cannot be read; nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that was not taken: its number in the batch, where in it, why, and its bytes (None: not kept)."""

    row: int
    pointer: str
    reason: str
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class Checked:
    """The rows taken, as JSON values with the event and time first, and those that were not."""

    rows: list[Any]
    bad: list[Bad]


class Checker:
    """One contract's checks, made once."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        ordered = sorted(contract.fields, key=lambda field: not field.required)
        exact: Any
        self.row, exact = _structs(contract, ordered)
        places = {Role.EVENT: "id", Role.TIME: "time"}
        self._values = attrgetter(*(places.get(field.role, f"data.{field.name}") for field in ordered))
        self._one_row = msgspec.json.Decoder(self.row).decode
        self._one_event = msgspec.json.Decoder(exact).decode
        # A whole batch is read without patterns, which are looked at a value once, not a row once.
        plain: Any
        envelope: Any
        plain, envelope = _structs(contract, [replace(field, pattern="") for field in ordered])
        self._plain, self._plain_rows = plain, list[plain]
        self._all_events = msgspec.json.Decoder(list[envelope]).decode
        self._lines = msgspec.json.Decoder(plain).decode_lines
        self._words = [_Words(field) for field in ordered if field.pattern]
        self._forbidden = frozenset(contract.forbidden)
        self.encode_lines = msgspec.json.Encoder().encode_lines
        self._time = contract.time.name
        self._time_of = attrgetter(self._time)

    def check_events(self, body: bytes, now: datetime) -> Checked:
        """A CloudEvents JSON batch (an array of structured events). Raises EnvelopeError."""
        return self._check(body, now, self._all_events, self._one_event, _array_of, self._row_of)

    def check_rows(self, body: bytes, now: datetime) -> Checked:
        """Plain rows, one JSON object a line. Raises EnvelopeError."""
        return self._check(body, now, self._lines, self._one_row, _lines_of, None)

    def _check(
        self,
        body: bytes,
        now: datetime,
        decode_all: Callable[[bytes], list[Any]],
        decode_one: Callable[[bytes], Any],
        split: Callable[[bytes], list[bytes]],
        unwrap: Callable[[Any], Any] | None,
    ) -> Checked:
        bad: list[Bad] = []
        try:
            rows = decode_all(body)
            if unwrap is not None:
                rows = [unwrap(event) for event in rows]
            if not all(words.have(rows) for words in self._words):
                raise msgspec.ValidationError
            numbers: Iterable[int] = range(len(rows))
            raws: list[bytes] | None = None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raws = split(body)
            rows, kept = [], []
            if len(raws) <= MOST_ROWS:
                for number, raw in enumerate(raws):
                    try:
                        one = decode_one(raw)
                        rows.append(one if unwrap is None else unwrap(one))
                        kept.append(number)
                    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
                        bad.append(self._bad(number, raw, fault))
            numbers = kept
        count = len(rows) + len(bad) if raws is None else len(raws)
        if not 1 <= count <= MOST_ROWS:
            raise EnvelopeError(f"a batch has 1 to {MOST_ROWS} rows, not {count}")
        return self._in_time(rows, numbers, bad, now)

    def check_made(
        self, made: Sequence[Mapping[str, Any] | Bad], raws: Sequence[bytes], now: datetime
    ) -> Checked:
        """Rows that a reader of another standard made, one for each raw item, or why it could make none.

        Faults of a made row point into the contract's fields. Raises EnvelopeError.
        """
        if not 1 <= len(made) <= MOST_ROWS:
            raise EnvelopeError(f"a batch has 1 to {MOST_ROWS} rows, not {len(made)}")
        try:
            rows = msgspec.convert(made, self._plain_rows)
        except msgspec.ValidationError:
            rows = []
        if rows and all(words.have(rows) for words in self._words):
            return self._in_time(rows, range(len(rows)), [], now)
        rows, numbers = [], []
        bad: list[Bad] = []
        for number, one in enumerate(made):
            if isinstance(one, Bad):
                bad.append(one)
                continue
            try:
                rows.append(msgspec.convert(one, self.row))
                numbers.append(number)
            except msgspec.ValidationError as fault:
                bad.append(self._bad(number, raws[number], fault))
        return self._in_time(rows, numbers, bad, now)

    def _in_time(self, rows: list[Any], numbers: Iterable[int], bad: list[Bad], now: datetime) -> Checked:
        ahead = now + FURTHEST_AHEAD
        behind = now - timedelta(days=self.contract.retention_days)
        time = self._time
        times = list(map(self._time_of, rows))
        if not times or (behind <= min(times) and max(times) <= ahead):
            return Checked(rows, bad)
        good = []
        for number, row in zip(numbers, rows, strict=True):
            at = getattr(row, time)
            if behind <= at <= ahead:
                good.append(row)
                continue
            reason = "lies in the future" if at > ahead else "lies before what the contract keeps"
            bad.append(Bad(number, f"/{time}", reason, msgspec.json.encode(row)))
        bad.sort(key=lambda one: one.row)
        return Checked(good, bad)

    def _row_of(self, event: Any) -> Any:
        return self._plain(*self._values(event))

    def _bad(self, number: int, raw: bytes, fault: Exception) -> Bad:
        if self._forbidden and (name := next(self._identities(raw), None)):
            return Bad(number, f"/{name}", "names a person or a face; this contract takes counts only", None)
        pointer, reason = placed(fault)
        if reason.startswith("Invalid enum value"):
            # What was sent may name somebody; a reason is shown and not encrypted.
            reason = "none of the allowed values"
        elif (unknown := _unknown.match(reason)) and not _plain_name.fullmatch(unknown[1]):
            # So may a name that no contract would have: a number of a phone, an address.
            reason = "has a field that the contract does not name"
        return Bad(number, pointer, reason, raw)

    def _identities(self, raw: bytes) -> Iterator[str]:
        """Names in the row that the contract forbids, at any depth."""
        try:
            todo: list[Any] = [msgspec.json.decode(raw)]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            text = raw.lower()
            yield from (name for name in self._forbidden if name.encode() in text)
            return
        while todo:
            value = todo.pop()
            if isinstance(value, dict):
                yield from (name for name in value if name.lower() in self._forbidden)
                todo.extend(value.values())
            elif isinstance(value, list):
                todo.extend(value)


class _Words:
    """Whether a field's values have its pattern; those that come again and name nobody are remembered."""

    def __init__(self, field: Field) -> None:
        self._right: set[str | None] = {None}
        self._match = re.compile(_whole(field.pattern)).search
        self._remember = field.role not in (Role.EVENT, Role.SUBJECT)
        self._of = attrgetter(field.name)

    def have(self, rows: Sequence[Any]) -> bool:
        if self._right.issuperset(map(self._of, rows)):
            return True
        new = set(map(self._of, rows)) - self._right
        if not all(map(self._match, new)):
            return False
        if self._remember and len(self._right) < MOST_WORDS:
            self._right |= new
        return True


def _structs(contract: Contract, fields: Sequence[Field]) -> tuple[Any, Any]:
    """The row, and the CloudEvent that carries one."""
    row = msgspec.defstruct(
        "Row",
        [_member(field) for field in fields],
        forbid_unknown_fields=True,
        omit_defaults=True,
        gc=False,
    )
    inner = [field for field in fields if field.role not in (Role.EVENT, Role.TIME)]
    data = msgspec.defstruct(
        "Data", [_member(field) for field in inner], forbid_unknown_fields=True, gc=False, kw_only=True
    )
    event, time = (next(field for field in fields if field.role is role) for role in (Role.EVENT, Role.TIME))
    envelope = msgspec.defstruct(
        "Event",
        [
            ("specversion", Literal["1.0"]),
            ("id", _member(event)[1]),
            ("source", Literal[contract.source]),
            ("type", Literal[contract.event_type]),
            ("time", _member(time)[1]),
            ("data", data),
            ("datacontenttype", str | None, None),
            ("dataschema", str | None, None),
            ("subject", str | None, None),
        ],
        gc=False,
        kw_only=True,
    )
    return row, envelope


def _whole(pattern: str) -> str:
    return rf"^(?:{pattern})\Z"


def _member(field: Field) -> tuple[str, Any] | tuple[str, Any, None]:
    kind = _kind(field)
    return (field.name, kind) if field.required else (field.name, kind | None, None)


def _kind(field: Field) -> Any:
    if field.type == "string":
        if field.values:
            return Literal[field.values]
        least = 1 if field.role in (Role.EVENT, Role.ZONE, Role.SUBJECT) else 0
        pattern = _whole(field.pattern) if field.pattern else None
        return Annotated[str, msgspec.Meta(min_length=least, max_length=field.longest, pattern=pattern)]
    if field.type == "integer":
        low, high = field.bounds
        return Annotated[int, msgspec.Meta(ge=math.ceil(low), le=math.floor(high))]
    if field.type == "number":
        low, high = field.bounds
        return Annotated[float, msgspec.Meta(ge=float(low), le=float(high))]
    if field.type == "timestamp":
        return _Moment
    return {"boolean": bool, "date": date}[field.type]


def times_in(raw: bytes, name: str) -> list[datetime]:
    """When a row that is wrong says it happened, in whichever form it came; empty where that cannot be read.

    ``name`` is the contract's field of the time. Times have their offset from UTC.
    """
    try:
        value = msgspec.json.decode(raw)
        said = [value[key] for key in (name, "time", "timestamp") if key in value]
        return msgspec.convert(said, list[_Moment])
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        return []


def _array_of(body: bytes) -> list[bytes]:
    try:
        return [bytes(raw) for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise EnvelopeError(f"not a JSON array of events: {fault}") from None


def _lines_of(body: bytes) -> list[bytes]:
    return [line for line in body.splitlines() if line.strip()]
