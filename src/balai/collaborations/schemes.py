"""A scheme: the path of a collaboration as data a city's lawyer can read.

`parse` turns a TOML file into frozen dataclasses and refuses it with the line at fault unless every
stage can be reached, every path ends, every label stands in both languages, and every role, guard
and record is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from balai.collaborations import registry
from balai.core.tomlfile import Label as Label
from balai.core.tomlfile import Lines, Reader, TomlError, read, tables

FOLDER = Path(__file__).parent / "schemes_data"
PHASES = ("application", "decision", "agreement", "pilot", "effect", "exit")
KINDS = ("open", "paused", "end")
OUTCOMES = ("rejected", "withdrawn", "stopped", "terminated", "repeated", "handed_over", "adopted", "offered")
FIELD_TYPES = ("line", "text", "choice", "choices", "number", "money", "date", "flag")
STATUSES = ("ours", "source", "law", "unverified")


class SchemeError(TomlError):
    """The scheme cannot be used."""


@dataclass(frozen=True, slots=True)
class Stage:
    key: str
    name: Label
    public_name: Label
    phase: str
    kind: str
    turn: str
    clock: int
    escalate: str
    public: bool
    outcome: str
    asks: Label | None

    @property
    def is_end(self) -> bool:
        return self.kind == "end"


@dataclass(frozen=True, slots=True)
class Move:
    key: str
    name: Label
    done: Label
    sources: tuple[str, ...]
    target: str
    who: tuple[str, ...]
    guards: tuple[str, ...]
    record: str
    reason: bool
    tone: str
    successor: str


@dataclass(frozen=True, slots=True)
class Field:
    """One question of the application form."""

    key: str
    section: str
    label: Label
    help: Label | None
    type: str
    required: bool
    limit: int
    choices: tuple[tuple[str, Label], ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """One document the form asks for."""

    key: str
    label: Label
    required: bool


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the screening checklist."""

    key: str
    label: Label


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing reviewers judge, from 1 (``low``) to 5 (``high``)."""

    key: str
    label: Label
    weight: int
    low: Label
    high: Label


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the scheme with where it comes from and how sure that is."""

    text: Label
    source: str
    status: str


@dataclass(frozen=True, slots=True)
class Scheme:
    key: str
    version: str
    name: Label
    promise: Label
    is_not: Label
    prefix: str
    limits: Mapping[str, int]
    sections: tuple[tuple[str, Label], ...]
    stages: tuple[Stage, ...]
    moves: tuple[Move, ...]
    fields: tuple[Field, ...]
    papers: tuple[Paper, ...]
    checklist: tuple[Check, ...]
    criteria: tuple[Criterion, ...]
    rules: tuple[Rule, ...]

    @property
    def start(self) -> Stage:
        return self.stages[0]

    def stage(self, key: str) -> Stage:
        """Return the stage, or raise KeyError."""
        for stage in self.stages:
            if stage.key == key:
                return stage
        raise KeyError(key)

    def move(self, key: str) -> Move:
        """Return the move, or raise KeyError."""
        for move in self.moves:
            if move.key == key:
                return move
        raise KeyError(key)

    def moves_from(self, stage: str) -> tuple[Move, ...]:
        """Moves that leave ``stage``, in the file's order."""
        return tuple(move for move in self.moves if stage in move.sources)


def parse(source: str) -> Scheme:
    """Parse and validate a scheme. Raises SchemeError naming the line at fault."""
    data, lines = read(source, SchemeError)
    top = Reader(lines, "", 0, data)
    sections = data.get("sections", {})
    if not isinstance(sections, dict) or not sections:
        raise SchemeError(lines.of("sections"), "sections is missing")
    section_reader = Reader(lines, "sections", 0, sections)
    scheme = Scheme(
        key=top.text("key"),
        version=top.text("version"),
        name=top.must("name"),
        promise=top.must("promise"),
        is_not=top.must("is_not"),
        prefix=top.text("prefix"),
        limits=_limits(lines, data.get("limits", {})),
        sections=tuple((key, section_reader.must(key)) for key in sections),
        stages=tuple(_stage(r) for r in tables(lines, data, "stages")),
        moves=tuple(_move(r) for r in tables(lines, data, "moves")),
        fields=tuple(_field(r, sections) for r in tables(lines, data, "fields")),
        papers=tuple(
            Paper(r.text("key"), r.must("label"), r.flag("required")) for r in tables(lines, data, "papers")
        ),
        checklist=tuple(Check(r.text("key"), r.must("label")) for r in tables(lines, data, "checklist")),
        criteria=tuple(_criterion(r) for r in tables(lines, data, "criteria")),
        rules=tuple(
            Rule(r.must("text"), r.text("source"), r.choice("status", STATUSES))
            for r in tables(lines, data, "rules")
        ),
    )
    top.read |= {
        "sections",
        "limits",
        "stages",
        "moves",
        "fields",
        "papers",
        "checklist",
        "criteria",
        "rules",
    }
    top.done()
    _validate(scheme, lines)
    return scheme


def _limits(lines: Lines, data: Any) -> Mapping[str, int]:
    reader = Reader(lines, "limits", 0, data if isinstance(data, dict) else {})
    return {key: reader.whole(key) for key in reader.data}


def _stage(reader: Reader) -> Stage:
    kind = reader.choice("kind", KINDS, "open")
    ends = kind == "end"
    stage = Stage(
        key=reader.text("key"),
        name=reader.must("name"),
        public_name=reader.must("public_name"),
        phase=reader.choice("phase", PHASES),
        kind=kind,
        turn=reader.choice("turn", registry.ROLES, "" if ends else None),
        clock=reader.whole("clock", 0),
        escalate=reader.choice("escalate", registry.ROLES, ""),
        public=reader.flag("public"),
        outcome=reader.choice("outcome", OUTCOMES, None if ends else ""),
        asks=reader.label("asks", required=False),
    )
    reader.done()
    return stage


def _move(reader: Reader) -> Move:
    move = Move(
        key=reader.text("key"),
        name=reader.must("name"),
        done=reader.must("done"),
        sources=reader.texts("from"),
        target=reader.text("to"),
        who=reader.texts("who"),
        guards=reader.texts("guards", required=False),
        record=reader.text("record", ""),
        reason=reader.flag("reason"),
        tone=reader.choice("tone", ("go", "back", "stop"), "go"),
        successor=reader.text("successor", ""),
    )
    reader.done()
    for role in move.who:
        if role not in registry.ROLES:
            raise reader.fail("who", f"move {move.key!r}: role {role!r} is not known")
    for guard in move.guards:
        if guard not in registry.guards():
            raise reader.fail("guards", f"move {move.key!r}: guard {guard!r} is not known to any room")
    if move.record and move.record not in registry.records():
        raise reader.fail("record", f"move {move.key!r}: record {move.record!r} is not known to any room")
    return move


def _field(reader: Reader, sections: Mapping[str, Any]) -> Field:
    kind = reader.choice("type", FIELD_TYPES)
    raw = reader.data.get("choices", {})
    reader.read.add("choices")
    if kind.startswith("choice") != bool(raw):
        raise reader.fail("choices", "choices belong to fields of type choice or choices, and only there")
    options = Reader(reader.lines, reader.table, reader.index, raw)
    field = Field(
        key=reader.text("key"),
        section=reader.choice("section", sections),
        label=reader.must("label"),
        help=reader.label("help", required=False),
        type=kind,
        required=reader.flag("required", True),
        limit=reader.whole("limit", 2000),
        choices=tuple((key, options.must(key)) for key in raw),
    )
    reader.done()
    return field


def _criterion(reader: Reader) -> Criterion:
    criterion = Criterion(
        reader.text("key"),
        reader.must("label"),
        reader.whole("weight"),
        reader.must("low"),
        reader.must("high"),
    )
    reader.done()
    if not criterion.weight:
        raise reader.fail("weight", f"criterion {criterion.key!r} has no weight")
    return criterion


def _validate(scheme: Scheme, lines: Lines) -> None:
    keyed: tuple[tuple[str, tuple[Stage | Move | Field | Paper | Check | Criterion, ...]], ...] = (
        ("stages", scheme.stages),
        ("moves", scheme.moves),
        ("fields", scheme.fields),
        ("papers", scheme.papers),
        ("checklist", scheme.checklist),
        ("criteria", scheme.criteria),
    )
    for name, items in keyed:
        seen: set[str] = set()
        for index, item in enumerate(items):
            if item.key in seen:
                raise SchemeError(lines.of(name, index, "key"), f"{name}: {item.key!r} stands twice")
            seen.add(item.key)
    stages = {stage.key: stage for stage in scheme.stages}
    for index, move in enumerate(scheme.moves):
        for source in move.sources:
            if source not in stages:
                raise SchemeError(lines.of("moves", index, "from"), f"move {move.key!r}: no stage {source!r}")
            if stages[source].is_end:
                raise SchemeError(
                    lines.of("moves", index, "from"), f"move {move.key!r} leaves the end {source!r}"
                )
        if move.target not in stages:
            raise SchemeError(lines.of("moves", index, "to"), f"move {move.key!r}: no stage {move.target!r}")
    forward = {key: {m.target for m in scheme.moves if key in m.sources} for key in stages}
    reached = _closure({scheme.start.key}, forward)
    backward = {key: {s for s in stages if key in forward[s]} for key in stages}
    ending = _closure({s.key for s in scheme.stages if s.is_end}, backward)
    for index, stage in enumerate(scheme.stages):
        if stage.key not in reached:
            raise SchemeError(
                lines.of("stages", index, "key"), f"stage {stage.key!r} cannot be reached from the start"
            )
        if stage.key not in ending:
            raise SchemeError(lines.of("stages", index, "key"), f"stage {stage.key!r} never comes to an end")


def _closure(start: set[str], steps: Mapping[str, set[str]]) -> set[str]:
    found, todo = set(start), list(start)
    while todo:
        for key in steps[todo.pop()] - found:
            found.add(key)
            todo.append(key)
    return found


_parsed: dict[str, Scheme] = {}


def known(digest: str) -> Scheme | None:
    """The scheme whose text has this SHA-256, if this process has parsed it."""
    return _parsed.get(digest)


def parse_cached(source: str) -> Scheme:
    """`parse`, once per process for the same text."""
    digest = sha256(source.encode()).hexdigest()
    return _parsed.get(digest) or _parsed.setdefault(digest, parse(source))


def shipped() -> dict[str, str]:
    """The texts of the schemes that come with the hub, by key, in the order of the source document."""
    return {
        key: (FOLDER / f"{key}.toml").read_text(encoding="utf-8")
        for key in ("playground", "co-develop", "user")
    }
