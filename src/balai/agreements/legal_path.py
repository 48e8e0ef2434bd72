"""The legal path of a cooperation as data a city's lawyer can read and change.

`parse` turns a TOML file into frozen dataclasses and refuses it with the line at fault unless every source,
step and role it names is known, no step waits for itself, and every hard stop of the hub stands in it.
"""

import datetime as dt
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from balai.collaborations.registry import ROLES
from balai.core.errors import Text
from balai.core.tomlfile import Label, Lines, Reader, TomlError, read, tables

FOLDER = Path(__file__).parent / "legal_data"
SHIPPED = "ksdpk"
SCHEMES = ("playground", "co-develop", "user")
KINDS = ("mou", "pks")
ACTS = ("open_signing", "sign", "start")
CHAIR = "chair"
CERTAINTIES: dict[str, Text] = {
    "confirmed": _("confirmed in the official text"),
    "secondary": _("known from secondary sources"),
    "counsel": _("to be checked by counsel"),
    "ours": _("a rule of this hub"),
}
STOPS: dict[str, tuple[str, ...]] = {
    "agreement.mandate": ("sign",),
    "agreement.council": ("open_signing", "sign"),
    "agreement.lawful_data": ("open_signing", "sign", "start"),
    "agreement.procurement": ("open_signing", "sign", "start"),
}
"""What the hub stops whatever a path says: the words are the city's, the stop itself is not."""

FACTS = (
    "application.offered",
    "application.accepted",
    "discussion.agreed",
    "council.settled",
    "agreement.memorandum",
    "agreement.approved",
    "agreement.numbered",
    "agreement.signed",
    "pilot.started",
)
"""What the hub's own records tell; see `legal_standing.facts_of`."""

HELD = ("council", "draft", "signing", "execution")
"""Steps no path leaves out and nobody waives: the stops and the text itself."""


class LegalPathError(TomlError):
    """The path cannot be used."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule comes from and how sure that is; ``date`` is a day, month or year, or empty."""

    key: str
    name: Label
    url: str
    date: str
    certainty: str

    @property
    def certainty_label(self) -> Text:
        return CERTAINTIES[self.certainty]


@dataclass(frozen=True, slots=True)
class Stop:
    """A hard stop in the city's words."""

    key: str
    name: Label
    rule: Label
    source: Source
    acts: tuple[str, ...]
    lift: Label


@dataclass(frozen=True, slots=True)
class Line:
    """A paper a step asks for, or a check before it is done."""

    key: str
    label: Label
    required: bool


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who is told when a step is ``over`` working days late."""

    over: int
    to: str
    office: Label


@dataclass(frozen=True, slots=True)
class Step:
    """One step: whose desk, how long, after what, under which rule, and what shows that it is done."""

    key: str
    name: Label
    rule: Label
    source: Source
    schemes: tuple[str, ...]
    kinds: tuple[str, ...]
    after: tuple[str, ...]
    fact: str
    by_hand: bool
    stop: str
    who: str
    clock: int
    remind: int
    waivable: tuple[str, ...]
    papers: tuple[Line, ...]
    checks: tuple[Line, ...]
    escalations: tuple[Escalation, ...]

    @property
    def is_told(self) -> bool:
        """Whether the hub's own records alone say that it is done."""
        return bool(self.fact) and not self.by_hand

    def applies(self, scheme: str, kind: str) -> bool:
        """Whether it is part of the path of this document; ``scheme`` is empty for an MoU of its own."""
        return kind in self.kinds and (not scheme or scheme in self.schemes)


@dataclass(frozen=True, slots=True)
class LegalPath:
    key: str
    version: str
    name: Label
    sources: tuple[Source, ...]
    stops: tuple[Stop, ...]
    steps: tuple[Step, ...]

    def step(self, key: str) -> Step:
        """The step, or raise KeyError."""
        return {step.key: step for step in self.steps}[key]

    def stop(self, key: str) -> Stop:
        """The hard stop, or raise KeyError."""
        return {stop.key: stop for stop in self.stops}[key]

    def source(self, key: str) -> Source:
        """The source, or raise KeyError."""
        return {source.key: source for source in self.sources}[key]


def parse(source: str) -> LegalPath:
    """Parse and validate a path. Raises LegalPathError naming the line at fault."""
    data, lines = read(source, LegalPathError)
    top = Reader(lines, "", 0, data)
    sources = {
        s.key: s for s in _once(lines, "sources", [_source(r) for r in tables(lines, data, "sources")])
    }
    stops = _once(lines, "stops", [_stop(r, sources) for r in tables(lines, data, "stops")])
    steps = tables(lines, data, "steps")
    known = {str(reader.data.get("key")) for reader in steps}
    papers = _lines_of(tables(lines, data, "papers", required=False), known)
    checks = _lines_of(tables(lines, data, "checks", required=False), known)
    later = _escalations_of(tables(lines, data, "escalations", required=False), known)
    path = LegalPath(
        key=top.text("key"),
        version=top.text("version"),
        name=top.must("name"),
        sources=tuple(sources.values()),
        stops=tuple(stops),
        steps=tuple(
            _once(lines, "steps", [_step(r, sources, stops, papers, checks, later) for r in steps]),
        ),
    )
    top.read |= {"sources", "stops", "steps", "papers", "checks", "escalations"}
    top.done()
    _validate(path, lines)
    return path


def _once[T: (Source, Stop, Step)](lines: Lines, table: str, rows: list[T]) -> list[T]:
    seen: set[str] = set()
    for index, row in enumerate(rows):
        if row.key in seen:
            raise LegalPathError(lines.of(table, index, "key"), f"{table}: {row.key!r} stands twice")
        seen.add(row.key)
    return rows


def _source(reader: Reader) -> Source:
    source = Source(
        key=reader.text("key"),
        name=reader.must("name"),
        url=reader.text("url", ""),
        date=reader.text("date", ""),
        certainty=reader.choice("certainty", CERTAINTIES),
    )
    reader.done()
    if source.url and not source.url.startswith("https://"):
        raise reader.fail("url", f"source {source.key!r}: an address begins with https://")
    if source.date and not _is_date(source.date):
        raise reader.fail("date", f"source {source.key!r}: a date is written 2020, 2020-06 or 2020-06-13")
    return source


def _is_date(text: str) -> bool:
    for form in ("%Y", "%Y-%m", "%Y-%m-%d"):
        try:
            if dt.datetime.strptime(text, form).strftime(form) == text:
                return True
        except ValueError:
            continue
    return False


def _stop(reader: Reader, sources: dict[str, Source]) -> Stop:
    stop = Stop(
        key=reader.choice("key", STOPS),
        name=reader.must("name"),
        rule=reader.must("rule"),
        source=sources[reader.choice("source", sources)],
        acts=reader.texts("acts"),
        lift=reader.must("lift"),
    )
    reader.done()
    if stop.acts != STOPS[stop.key]:
        raise reader.fail("acts", f"stop {stop.key!r} stands before: {', '.join(STOPS[stop.key])}")
    return stop


def _line(reader: Reader) -> Line:
    line = Line(reader.text("key"), reader.must("label"), reader.flag("required"))
    reader.done()
    return line


def _escalation(reader: Reader) -> Escalation:
    row = Escalation(reader.whole("over"), reader.choice("to", (CHAIR, *ROLES)), reader.must("office"))
    reader.done()
    if not row.over:
        raise reader.fail("over", "an escalation is at least one working day over the clock")
    return row


def _lines_of(readers: list[Reader], steps: set[str]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for reader in readers:
        step = reader.choice("step", sorted(steps))
        made = _line(reader)
        rows = found.setdefault(step, [])
        if any(made.key == row.key for row in rows):
            raise reader.fail("key", f"{reader.table}: {made.key!r} stands twice for {step!r}")
        rows.append(made)
    return found


def _escalations_of(readers: list[Reader], steps: set[str]) -> dict[str, list[Escalation]]:
    found: dict[str, list[Escalation]] = {}
    for reader in readers:
        step = reader.choice("step", sorted(steps))
        made = _escalation(reader)
        rows = found.setdefault(step, [])
        if rows and made.over <= rows[-1].over:
            raise reader.fail("over", f"the escalations of {step!r} must come later and later")
        rows.append(made)
    return found


def _step(
    reader: Reader,
    sources: dict[str, Source],
    stops: list[Stop],
    papers: dict[str, list[Line]],
    checks: dict[str, list[Line]],
    later: dict[str, list[Escalation]],
) -> Step:
    key = reader.text("key")
    step = Step(
        key=key,
        name=reader.must("name"),
        rule=reader.must("rule"),
        source=sources[reader.choice("source", sources)],
        schemes=reader.texts("schemes"),
        kinds=reader.texts("kinds"),
        after=reader.texts("after", required=False),
        fact=reader.choice("fact", FACTS, ""),
        by_hand=reader.flag("by_hand"),
        stop=reader.choice("stop", [stop.key for stop in stops], ""),
        who=reader.choice("who", ROLES),
        clock=reader.whole("clock", 0),
        remind=reader.whole("remind", 1),
        waivable=reader.texts("waivable", required=False),
        papers=tuple(papers.get(key, [])),
        checks=tuple(checks.get(key, [])),
        escalations=tuple(later.get(key, [])),
    )
    reader.done()
    for name, given, allowed in (
        ("schemes", step.schemes, SCHEMES),
        ("kinds", step.kinds, KINDS),
        ("waivable", step.waivable, tuple(ROLES)),
    ):
        if wrong := [value for value in given if value not in allowed]:
            raise reader.fail(
                name, f"step {key!r}: {wrong[0]!r} is not known; known are: {', '.join(allowed)}"
            )
    if step.waivable and (step.key in HELD or step.stop):
        raise reader.fail("waivable", f"step {key!r} holds a hard stop or the text itself; nobody waives it")
    if step.escalations and not step.clock:
        raise reader.fail("clock", f"step {key!r} escalates and so needs a clock")
    return step


def _validate(path: LegalPath, lines: Lines) -> None:
    for name in STOPS:
        if all(stop.key != name for stop in path.stops):
            raise LegalPathError(lines.of("stops"), f"stop {name!r} is missing: the hub stops it in any case")
    keys = {step.key for step in path.steps}
    for name in HELD:
        if name not in keys:
            raise LegalPathError(lines.of("steps"), f"step {name!r} is missing: no path leaves it out")
    for index, step in enumerate(path.steps):
        for name in step.after:
            if name not in keys and name not in FACTS:
                line = lines.of("steps", index, "after")
                raise LegalPathError(
                    line, f"step {step.key!r} comes after {name!r}, which is no step or fact"
                )
    waits = {step.key: {name for name in step.after if name in keys} for step in path.steps}
    settled: set[str] = set()
    while ready := {key for key in waits.keys() - settled if waits[key] <= settled}:
        settled |= ready
    for index, step in enumerate(path.steps):
        if step.key not in settled:
            line = lines.of("steps", index, "after")
            raise LegalPathError(line, f"step {step.key!r} waits for itself")


_parsed: dict[str, LegalPath] = {}


def known(digest: str) -> LegalPath | None:
    """The path whose text has this SHA-256, if this process has parsed it."""
    return _parsed.get(digest)


def parse_cached(source: str) -> LegalPath:
    """`parse`, once per process for the same text."""
    digest = sha256(source.encode()).hexdigest()
    return _parsed.get(digest) or _parsed.setdefault(digest, parse(source))


def shipped() -> str:
    """The text of the path that comes with the hub."""
    return (FOLDER / f"{SHIPPED}.toml").read_text(encoding="utf-8")
