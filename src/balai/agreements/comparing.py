"""What changed between two texts, word by word."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from balai.agreements.terms import AgreementTerms, ClauseTerms, fill

_TOKEN = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text: ``kept``, ``gone`` or ``new``."""

    kind: str
    text: str


def tokens(text: str) -> list[str]:
    """Words, runs of space, and single signs; joined they are the text again."""
    return _TOKEN.findall(text)


def compare(before: str, after: str) -> list[Piece]:
    """Pieces that give ``before`` when the new ones are left out, and ``after`` when the gone ones are."""
    old, new = tokens(before), tokens(after)
    pieces: list[Piece] = []

    def add(kind: str, tokens: list[str]) -> None:
        if tokens:
            pieces.append(Piece(kind, "".join(tokens)))

    for tag, a1, a2, b1, b2 in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if tag == "equal":
            add("kept", old[a1:a2])
        else:
            add("gone", old[a1:a2])
            add("new", new[b1:b2])
    return pieces


@dataclass(frozen=True, slots=True)
class ClauseChange:
    """One article as it reads now against before, in both languages, blanks filled."""

    key: str
    heading: str
    heading_en: str
    id: tuple[Piece, ...]
    en: tuple[Piece, ...]


def changes(before: AgreementTerms, after: AgreementTerms) -> list[ClauseChange]:
    """Every article that differs, in the order of ``after``; those left out come last."""
    old = {clause.key: clause for clause in before.clauses}
    now = {clause.key: clause for clause in after.clauses}
    rows = []
    for key in [*now, *(key for key in old if key not in now)]:
        clause = now.get(key) or old[key]
        pieces = {
            language: tuple(
                compare(text_of(old.get(key), before, language), text_of(now.get(key), after, language))
            )
            for language in ("id", "en")
        }
        renamed = key in old and clause.heading != old[key].heading
        if not renamed and all(piece.kind == "kept" for run in pieces.values() for piece in run):
            continue
        rows.append(ClauseChange(key, clause.heading.id, clause.heading.en, pieces["id"], pieces["en"]))
    return rows


def text_of(clause: ClauseTerms | None, terms: AgreementTerms, language: str) -> str:
    """The paragraphs of an article in one language, blanks filled, an empty line between them."""
    if clause is None:
        return ""
    values = terms.values(language)
    return "\n\n".join(fill(getattr(paragraph, language), values) for paragraph in clause.text)
