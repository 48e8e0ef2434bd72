"""What an agreement says, as plain data. The document is made from this and from nothing else."""

import hashlib
import json
import re
import types
import typing
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from datetime import date
from typing import Any, Self

from balai.agreements.terbilang import plain_date

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_UNSEEN = {ord(c): None for c in "\u00ad\u200b\u200c\u200d\u2060\ufeff"}
BLANK = "\u2026\u2026\u2026\u2026"

_RANGES = (
    (0x20, 0x7E),
    (0xA0, 0x24F),
    (0x370, 0x3FF),
    (0x400, 0x4FF),
    (0x1E00, 0x1EFF),
    (0x2010, 0x2027),
    (0x2030, 0x2040),
    (0x2070, 0x20BF),
    (0x2190, 0x22FF),
    (0x2610, 0x2612),
    (0x2713, 0x2713),
)
PRINTABLE = frozenset(
    chr(code)
    for low, high in _RANGES
    for code in range(low, high + 1)
    if unicodedata.category(chr(code))[0] in "LNPSZ"
)


class UnprintableError(ValueError):
    """Text holds characters that the document's typefaces cannot show."""

    def __init__(self, characters: frozenset[str]) -> None:
        super().__init__(" ".join(f"U+{ord(c):04X}" for c in sorted(characters)))
        self.characters = characters


def tidy(text: str) -> str:
    """Compose accents, unify line ends and spaces, drop invisible characters."""
    text = unicodedata.normalize("NFC", text).translate(_UNSEEN)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def unprintable(text: str) -> frozenset[str]:
    """Characters of ``text`` the document cannot show, among them any that reorder or hide text."""
    return frozenset(text) - PRINTABLE - {"\n"}


def legible(text: str) -> str:
    """``text`` with what cannot be printed left out; for names taken from elsewhere."""
    text = tidy(text)
    if lost := unprintable(text):
        text = " ".join("".join(" " if c in lost else c for c in text).split())
    return text


@dataclass(frozen=True, slots=True)
class Both:
    """The same words in Bahasa Indonesia, which prevails, and in English."""

    id: str
    en: str = ""

    def inside(self, language: str) -> str:
        """The words in ``language``; Indonesian where there is no English."""
        return self.en if language == "en" and self.en else self.id


@dataclass(frozen=True, slots=True)
class PartyTerms:
    place: int
    name: str
    short_name: str = ""
    role: Both = Both("")
    number: str = ""
    signatory_name: str = ""
    signatory_title: str = ""
    mandate: str = ""


@dataclass(frozen=True, slots=True)
class ClauseTerms:
    """One article. ``text`` has one entry a paragraph; ``source`` says where its wording rests."""

    key: str
    heading: Both
    text: tuple[Both, ...]
    source: str = ""
    checked: bool = False


@dataclass(frozen=True, slots=True)
class ObligationTerms:
    party: int
    text: Both
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class FlowTerms:
    """A data flow: what, which way, how fine, how often, in what form, on what legal basis."""

    name: Both
    direction: str
    granularity: str = ""
    refresh: str = ""
    form: str = ""
    personal: bool = False
    legal_basis: str = ""
    controller: str = ""
    retention_days: int | None = None
    dataset: str = ""


@dataclass(frozen=True, slots=True)
class SiteTerms:
    name: str
    latitude: float
    longitude: float
    radius_m: int | None = None


@dataclass(frozen=True, slots=True)
class MilestoneTerms:
    title: Both
    due_on: date


@dataclass(frozen=True, slots=True)
class AgreementTerms:
    """Everything the document states. Equal terms make equal bytes."""

    kind: str
    scheme: str
    reference: str
    version: int
    title: Both
    city: str
    place: str
    dated_on: date
    parties: tuple[PartyTerms, ...]
    clauses: tuple[ClauseTerms, ...]
    starts_on: date | None = None
    ends_on: date | None = None
    variables: Mapping[str, Both] = field(default_factory=dict)
    obligations: tuple[ObligationTerms, ...] = ()
    flows: tuple[FlowTerms, ...] = ()
    sites: tuple[SiteTerms, ...] = ()
    milestones: tuple[MilestoneTerms, ...] = ()
    exit: tuple[Both, ...] = ()
    verify_at: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` gives the same terms back."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self), default=date.isoformat))
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild terms from `as_json`. Raises ValueError, KeyError or TypeError on any other shape."""
        return typing.cast(Self, decode(cls, data))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON, printed on the document.

        What stands at its default is left out, so that a field added later changes no older fingerprint.
        """
        text = json.dumps(_stated(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def wording(self) -> str:
        """SHA-256 of what the parties agree on: the terms without the parties' document numbers.

        Two versions with one wording differ in numbers alone, so who approved one approved the other.
        """
        parties = tuple(replace(party, number="") for party in self.parties)
        return replace(self, version=0, parties=parties).fingerprint

    def values(self, language: str) -> dict[str, str]:
        """What each placeholder stands for in ``language``; empty where nobody has filled it yet."""
        given = {name: value.inside(language) for name, value in self.variables.items()}
        parties = {p.place: p.short_name or p.name for p in self.parties}
        return given | {
            "city": self.city,
            "title": self.title.inside(language),
            "reference": self.reference,
            "first": parties.get(1, ""),
            "second": parties.get(2, ""),
            "starts_on": plain_date(self.starts_on, language) if self.starts_on else "",
            "ends_on": plain_date(self.ends_on, language) if self.ends_on else "",
        }

    def missing(self) -> list[str]:
        """Placeholders the text uses and nobody has filled, in order of appearance."""
        values = self.values("id")
        names: dict[str, None] = {}
        for clause in self.clauses:
            for paragraph in clause.text:
                names |= dict.fromkeys(_PLACEHOLDER.findall(paragraph.id + paragraph.en))
        return [name for name in names if not values.get(name)]

    def unprintable(self) -> frozenset[str]:
        """Characters anywhere in the terms that the document cannot show."""
        return unprintable("".join(_texts(self.as_json())))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values into ``{placeholders}``; an unfilled one becomes a dotted line. One pass only."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1]) or BLANK, text)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return []


def _stated(value: Any) -> Any:
    """JSON values of what is not left at its default."""
    if is_dataclass(value):
        kept = {f.name: getattr(value, f.name) for f in fields(value)}
        defaults = {f.name: f.default for f in fields(value)}
        return {name: _stated(item) for name, item in kept.items() if item != defaults[name] and item != {}}
    if isinstance(value, Mapping):
        return {name: _stated(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_stated(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def decode(kind: Any, value: Any) -> Any:
    """Turn JSON back into the annotated type; nothing is guessed and no unknown key is let in."""
    if is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        if not isinstance(value, Mapping):
            raise TypeError(f"{kind} needs an object")
        known = {f.name for f in fields(kind)}
        if unknown := value.keys() - known:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        decoded = {name: decode(hints[name], item) for name, item in value.items()}
        return typing.cast(Any, kind)(**decoded)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return None if value is None else decode(arguments[0], value)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise TypeError("needs a list")
        return tuple(decode(arguments[0], item) for item in value)
    if origin is Mapping:
        return {str(name): decode(arguments[1], item) for name, item in dict(value).items()}
    if kind is date:
        return date.fromisoformat(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not {kind.__name__}")
    return value
