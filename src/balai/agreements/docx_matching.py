"""Lay a draft that came back over the articles it was made from. Nothing of either is dropped.

Every article of the base is kept, changed, moved or deleted; every line of the draft is in an article, in a
new one, in the frame the hub wrote itself, or among what is not matched. Articles are found by what they
say word for word, then by the bookmark of their heading, then by likeness.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from typing import Any, Self, cast

from balai.agreements.comparing import tokens
from balai.agreements.docx import LANGUAGES, PART, WORDS, anchor, frame, written
from balai.agreements.docx_reading import Draft, Line
from balai.agreements.drafting import LONGEST_TEXT
from balai.agreements.proposals import ADD, CHANGE, DELETE, MOVE, ClauseEdit, filled
from balai.agreements.terms import _PLACEHOLDER as PLACEHOLDER
from balai.agreements.terms import AgreementTerms, Both, ClauseTerms, decode, fill

LIKE = 0.5
LIKE_PARAGRAPH = 0.4
UNTITLED = Both("Ketentuan tambahan", "Additional provision")
_NUMBERED = re.compile(r"(?:pasal|article)\s+(?:[0-9]{1,3}|[ivxlc]{1,7})\b[\s.:–—-]*", re.IGNORECASE)
_ORDINAL = re.compile(r"\(([0-9]{1,2})\)\s+")
LONGEST_TITLE = 120


@dataclass(frozen=True, slots=True)
class Found:
    """One change of one article. ``notes`` are codes of what a person should look at."""

    kind: str
    key: str
    after: str
    heading: Both
    text: tuple[Both, ...]
    notes: tuple[str, ...] = ()

    @property
    def edit(self) -> ClauseEdit:
        """As it can be proposed."""
        return ClauseEdit(self.kind, self.key, self.after, self.heading, self.text)


@dataclass(frozen=True, slots=True)
class Leftover:
    """A line that is of no article. ``where``: front, schedules, article, table, box, header, footer, note,
    english, or gone: a line of the hub's frame that the draft lacks."""

    where: str
    text: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class MarginNote:
    """A comment of the file's margin and the article it stands at."""

    key: str
    author: str
    text: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What a draft says to the base. ``odd`` are codes of things in the file that cannot be taken over."""

    kept: tuple[str, ...]
    found: tuple[Found, ...]
    unmatched: tuple[Leftover, ...]
    margins: tuple[MarginNote, ...]
    insertions: int = 0
    deletions: int = 0
    odd: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` gives the same findings back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises ValueError, KeyError or TypeError for any other shape."""
        return cast(Self, decode(cls, data))


@dataclass(slots=True)
class _Section:
    """An article of the draft in one language."""

    language: str
    heading: str
    anchors: tuple[str, ...]
    place: int
    paragraphs: list[str] = field(default_factory=list)
    key: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def words(self) -> Counter[str]:
        return _words([self.heading, *self.paragraphs])


def match(draft: Draft, base: AgreementTerms) -> Findings:
    """What the draft changes in ``base``, the version it was made from."""
    return _Match(draft, base).findings()


class _Match:
    def __init__(self, draft: Draft, base: AgreementTerms) -> None:
        self.draft = draft
        self.base = base
        self.expected = Counter(_collapse(line) for line in frame(base) if _collapse(line))
        self.unmatched: list[Leftover] = []
        self.margins: list[MarginNote] = []
        self.titles = {
            language: {_title(heading): key for key, heading, _texts in written(base, language)}
            for language in LANGUAGES
        }
        self.keys_of = {
            anchor(clause.key, language): (language, clause.key)
            for clause in base.clauses
            for language in LANGUAGES
        }
        self.line_keys: list[tuple[Line, _Section | None]] = []
        self.sections: list[_Section] = []

    def findings(self) -> Findings:
        self._cut()
        for language in LANGUAGES:
            self._match(language)
        kept, found = self._compared()
        self._notes_and_margins()
        for line, times in self.expected.items():
            self.unmatched += [Leftover("gone", line)] * times
        odd = list(self.draft.oddities)
        odd += [
            f"no_{language}"
            for language in LANGUAGES
            if list(written(self.base, language)) and not self._has(language)
        ]
        return Findings(
            kept=tuple(kept),
            found=tuple(found),
            unmatched=tuple(line for line in self.unmatched if line.text),
            margins=tuple(self.margins),
            insertions=self.draft.insertions,
            deletions=self.draft.deletions,
            odd=tuple(odd),
        )

    def _has(self, language: str) -> bool:
        return any(section.language == language for section in self.sections)

    def _cut(self) -> None:
        """Cut the lines into articles; what is of no article is of the frame, or left over."""
        part, current, bare = "front", None, False
        for line in self.draft.lines:
            section = current if line.place in ("body", "table") else None
            self.line_keys.append((line, section))
            if line.place not in ("body", "table"):
                self._outside(line, line.place)
                continue
            marked = next((name for name, mark in PART.items() if mark in line.anchors), "")
            if marked or self._is_part(line):
                part, current = marked or self._is_part(line), None
                self._outside(line, part)
                continue
            title = self._title_of(line, part)
            if title is not None:
                language, heading, bare = title
                part = language
                current = _Section(language, heading, line.anchors, len(self.sections))
                self.sections.append(current)
                self.line_keys[-1] = (line, current)
            elif current is None:
                self._outside(line, "table" if line.place == "table" else part)
            elif (
                bare
                and line.place == "body"
                and len(line.text) <= LONGEST_TITLE
                and line.text[-1:] not in ".;:"
            ):
                current.heading, bare = line.text, False
            else:
                bare = False
                self._into(current, line)

    def _into(self, current: _Section, line: Line) -> None:
        if self._of_frame(line.text) or (line.cells and all(self._of_frame(c) for c in line.cells if c)):
            return
        if line.place == "table" and "table" not in current.notes:
            current.notes.append("table")
        if line.text:
            current.paragraphs.append(line.text)

    def _is_part(self, line: Line) -> str:
        return next((name for name in PART if line.text == f"{WORDS[name].id} / {WORDS[name].en}"), "")

    def _of_frame(self, text: str) -> bool:
        """Whether the hub wrote this line itself; each counts once."""
        if text not in self.expected:
            return False
        self.expected[text] -= 1
        if not self.expected[text]:
            del self.expected[text]
        return True

    def _outside(self, line: Line, where: str) -> None:
        if line.cells:
            lost = [cell for cell in line.cells if cell and not self._of_frame(cell)]
            if lost:
                self.unmatched.append(Leftover(where, " | ".join(lost)))
        elif line.text and not self._of_frame(line.text):
            self.unmatched.append(Leftover(where, line.text))

    def _title_of(self, line: Line, part: str) -> tuple[str, str, bool] | None:
        """Language and heading if an article begins here; and whether its heading stands on the next line."""
        if line.place != "body" or not line.text:
            return None
        known = [self.keys_of[name] for name in line.anchors if name in self.keys_of]
        plain = _NUMBERED.sub("", line.text, count=1) if _NUMBERED.match(line.text) else line.text
        numbered = plain != line.text and len(line.text) <= LONGEST_TITLE
        order = (part, *LANGUAGES) if part in LANGUAGES else LANGUAGES
        titled = next((one for one in order if _title(plain) in self.titles[one]), "")
        if known:
            return known[0][0], plain, False
        if titled:
            return titled, plain, False
        if numbered or line.level >= 2 or (line.level == 1 and part in LANGUAGES):
            english = line.text.lower().startswith("article")
            language = part if part in LANGUAGES else ("en" if english else "id")
            return language, plain, numbered and not plain
        return None

    def _match(self, language: str) -> None:
        """Give each section of a language the key of its article, as far as one is found."""
        base = {key: [heading, *texts] for key, heading, texts in written(self.base, language)}
        sections = [section for section in self.sections if section.language == language]
        words = {key: _words(texts) for key, texts in base.items()}
        free = dict.fromkeys(base)

        def give(section: _Section, key: str) -> None:
            section.key = key
            free.pop(key)

        for section in sections:
            said = [_title(section.heading), *(_unnumbered(section.paragraphs))]
            same = [key for key in free if [_title(base[key][0]), *map(_collapse, base[key][1:])] == said]
            if same:
                give(section, same[0])
        for section in sections:
            if not section.key:
                own = [self.keys_of[name] for name in section.anchors if name in self.keys_of]
                keys = [key for spoken, key in own if spoken == language and key in free]
                if keys:
                    give(section, max(keys, key=lambda key: _likeness(section.words, words[key])))
        ranked = sorted(
            (
                (-_likeness(section.words, words[key]), section.place, key)
                for section in sections
                if not section.key
                for key in free
            ),
        )
        by_place = {section.place: section for section in sections}
        for likeness, place, key in ranked:
            if -likeness >= LIKE and key in free and not by_place[place].key:
                give(by_place[place], key)
        for section in sections:
            title = _title(section.heading)
            key = self.titles[language].get(title, "")
            if not section.key and key in free:
                give(section, key)

    def _compared(self) -> tuple[list[str], list[Found]]:
        by_key = {
            language: {s.key: s for s in self.sections if s.language == language and s.key}
            for language in LANGUAGES
        }
        leading = "id" if self._has("id") else "en"
        kept: list[str] = []
        found: list[Found] = []
        order = [s.key for s in self.sections if s.language == leading and s.key]
        places = {clause.key: number for number, clause in enumerate(self.base.clauses)}
        stable = _longest_run([places[key] for key in order])
        moved = {key for key in order if places[key] not in stable}
        for clause in self.base.clauses:
            change = self._clause(clause, by_key["id"].get(clause.key), by_key["en"].get(clause.key))
            if change is not None:
                found.append(change)
            elif clause.key not in moved:
                kept.append(clause.key)
        previous = ""
        for key in order:
            if key in moved:
                found.append(Found(MOVE, key, previous, Both(""), ()))
            previous = key
        found += self._added()
        return kept, found

    def _clause(self, clause: ClauseTerms, local: _Section | None, english: _Section | None) -> Found | None:
        """How the draft has this article, None where it says the same."""
        if (local is None and self._has("id")) or not any(map(self._has, LANGUAGES)):
            return self._gone(clause, local, english)
        values = {language: self.base.values(language) for language in LANGUAGES}
        olds = {language: [getattr(p, language) for p in clause.text] for language in LANGUAGES}
        rows: dict[str, list[tuple[int, str]]] = {}
        notes: list[str] = []
        for language, section in (("id", local), ("en", english)):
            if section is not None:
                rows[language] = _aligned(section.paragraphs, olds[language], values[language])
                notes += section.notes
            elif self._has(language) and language == "en" and any(olds["en"]):
                rows[language] = []
                notes.append("english_gone")
            else:
                rows[language] = [(n, text) for n, text in enumerate(olds[language]) if text]
        text, joined = _rows(rows["id"], rows["en"])
        heading = Both(
            _heading(local, clause.heading.id),
            clause.heading.en
            if english is None
            else _heading(english, clause.heading.en or clause.heading.id),
        )
        if not clause.heading.en and heading.en == clause.heading.id:
            heading = Both(heading.id)
        if "english_gone" in notes:
            heading = Both(heading.id, clause.heading.en)
        if not any(p.id for p in text):
            return self._gone(clause, local, english)
        if joined:
            notes.append("joined")
        if _same(heading, text, clause, self.base):
            return None
        if any(bool(p.en) != bool(text[0].en) for p in text):
            notes.append("uneven")
        return Found(CHANGE, clause.key, "", heading, text, tuple(dict.fromkeys(notes)))

    def _gone(self, clause: ClauseTerms, local: _Section | None, english: _Section | None) -> Found:
        """The article is deleted; what the draft still has of it cannot stand without Indonesian text."""
        if local is not None:
            self.unmatched.append(Leftover("article", local.heading, clause.key))
        if english is not None:
            lines = [english.heading, *english.paragraphs]
            self.unmatched += [Leftover("english", line, clause.key) for line in lines]
        return Found(DELETE, clause.key, "", Both(""), ())

    def _added(self) -> Iterator[Found]:
        """New articles, each behind the matched one in front of it; the languages side by side."""
        groups: dict[str, dict[str, list[_Section]]] = {}
        for language in LANGUAGES:
            previous = ""
            for section in self.sections:
                if section.language == language:
                    if section.key:
                        previous = section.key
                    else:
                        groups.setdefault(previous, {}).setdefault(language, []).append(section)
        for after, group in groups.items():
            local, english = group.get("id", []), group.get("en", [])
            for number, section in enumerate(local):
                other = english[number] if number < len(english) else None
                rows, joined = _rows(
                    list(enumerate(section.paragraphs)), list(enumerate(other.paragraphs)) if other else []
                )
                heading = Both(section.heading or UNTITLED.id, other.heading if other else "")
                if not rows:
                    self.unmatched.append(Leftover("article", section.heading))
                    if other:
                        lines = [other.heading, *other.paragraphs]
                        self.unmatched += [Leftover("english", line) for line in lines]
                    continue
                notes = [*section.notes, *(other.notes if other else []), *(["joined"] if joined else [])]
                if any(bool(p.en) != bool(rows[0].en) for p in rows):
                    notes.append("uneven")
                yield Found(ADD, "", after, heading, rows, tuple(dict.fromkeys(notes)))
            for section in english[len(local) :]:
                self.unmatched += [
                    Leftover("english", line) for line in [section.heading, *section.paragraphs]
                ]

    def _notes_and_margins(self) -> None:
        told: set[str] = set()
        for line, section in self.line_keys:
            key = section.key if section else ""
            for name in line.notes:
                self.unmatched.append(Leftover("note", self.draft.footnotes[name], key))
            for name in line.comments:
                if name not in told:
                    told.add(name)
                    margin = self.draft.margins[name]
                    self.margins.append(MarginNote(key, margin.author, margin.text))
        for name, margin in self.draft.margins.items():
            if name not in told:
                self.margins.append(MarginNote("", margin.author, margin.text))
        used = {name for line, _section in self.line_keys for name in line.notes}
        self.unmatched += [
            Leftover("note", text) for name, text in self.draft.footnotes.items() if name not in used
        ]


def _heading(section: _Section | None, before: str) -> str:
    if section is None or not section.heading:
        return before
    return before if _collapse(before) == section.heading else section.heading


def _same(heading: Both, text: tuple[Both, ...], clause: ClauseTerms, base: AgreementTerms) -> bool:
    if _pair(heading) != _pair(clause.heading):
        return False
    return [_pair(p) for p in filled(base, text)] == [_pair(p) for p in filled(base, clause.text)]


def _pair(words: Both) -> tuple[str, str]:
    return _collapse(words.id), _collapse(words.en)


def _rows(
    local: Sequence[tuple[int, str]], english: Sequence[tuple[int, str]]
) -> tuple[tuple[Both, ...], bool]:
    """Paragraphs side by side: those made from the same one belong together.

    English without an Indonesian partner joins the paragraph in front of it, as Indonesian prevails;
    the second value says whether that was so.
    """
    partners: dict[int, list[str]] = {}
    alone: list[tuple[int, str]] = []
    numbers = [number for number, _text in local]
    for number, text in english:
        if number in numbers and number >= 0:
            partners.setdefault(number, []).append(text)
        else:
            alone.append((number, text))
    rows = [[text, " ".join(partners.pop(number, []))] for number, text in local]
    empty = [row for row in rows if not row[1]]
    new = [number for number, _text in local if number < 0]
    joined = False
    for number, text in alone:
        if number < 0 and new and empty:
            place = next((n for n, row in enumerate(rows) if not row[1] and numbers[n] < 0), None)
            if place is not None:
                rows[place][1] = text
                continue
        joined = True
        if rows:
            at = max((n for n, one in enumerate(numbers) if 0 <= one <= number), default=len(rows) - 1)
            rows[at][1] = f"{rows[at][1]} {text}".strip()
        else:
            rows.append(["", text])
    return tuple(Both(*row) for row in rows), joined


def _aligned(new: Sequence[str], old: Sequence[str], values: Mapping[str, str]) -> list[tuple[int, str]]:
    """Each new paragraph with the number of the old one it was made from (-1: none), blanks put back.

    Old and new keep their order; of all such pairings the one with the most likeness is taken.
    """
    new = _unnumbered(new)
    said = [_collapse(fill(text, values)) for text in old]
    ours, theirs = [_words([text]) for text in new], [_words([text]) for text in said]
    like = [
        [1.0 if a == b else _likeness(ours[i], theirs[j]) for j, b in enumerate(said)]
        for i, a in enumerate(new)
    ]
    best = [[0.0] * (len(said) + 1) for _row in range(len(new) + 1)]
    for i in range(len(new) - 1, -1, -1):
        for j in range(len(said) - 1, -1, -1):
            pair = like[i][j] + best[i + 1][j + 1] if said[j] and like[i][j] >= LIKE_PARAGRAPH else 0.0
            best[i][j] = max(pair, best[i + 1][j], best[i][j + 1])
    rows, i, j = [], 0, 0
    while i < len(new):
        if (
            j < len(said)
            and said[j]
            and like[i][j] >= LIKE_PARAGRAPH
            and best[i][j] == like[i][j] + best[i + 1][j + 1]
        ):
            rows.append((j, restored(old[j], values, new[i])))
            i, j = i + 1, j + 1
        elif j < len(said) and best[i][j] == best[i][j + 1]:
            j += 1
        else:
            rows.append((-1, new[i]))
            i += 1
    return rows


def restored(template: str, values: Mapping[str, str], text: str) -> str:
    """``text`` with the blanks of ``template`` put back where their values stand untouched.

    Filled with ``values`` the result reads exactly like ``text``.
    """
    if _collapse(fill(template, values)) == text:
        return template
    if len(text) > LONGEST_TEXT:
        return text
    before: list[tuple[str, int]] = []
    names: list[str] = []
    position = 0
    for blank in PLACEHOLDER.finditer(template):
        before += [(token, -1) for token in tokens(template[position : blank.start()])]
        before += [(token, len(names)) for token in tokens(_collapse(fill(blank[0], values)))]
        names.append(blank[0])
        position = blank.end()
    before += [(token, -1) for token in tokens(template[position:])]
    after = tokens(text)
    matcher = SequenceMatcher(a=[token for token, _owner in before], b=after, autojunk=False)
    stands: dict[int, int] = {}
    for block in matcher.get_matching_blocks():
        stands |= {block.a + n: block.b + n for n in range(block.size)}
    out: dict[int, str] = {}
    skip: set[int] = set()
    for number, name in enumerate(names):
        own = [n for n, (_token, owner) in enumerate(before) if owner == number]
        there = [stands.get(n, -1) for n in own]
        if own and there[0] >= 0 and there == list(range(there[0], there[0] + len(own))):
            out[there[0]] = name
            skip |= set(there)
    pieces = [out.get(n, "" if n in skip else token) for n, token in enumerate(after)]
    result = "".join(pieces)
    return result if _collapse(fill(result, values)) == text else text


def _unnumbered(paragraphs: Iterable[str]) -> list[str]:
    """Paragraphs without the number somebody typed in front of them, where it counts them."""
    result = []
    for number, text in enumerate(paragraphs, 1):
        typed = _ORDINAL.match(text)
        result.append(text[typed.end() :] if typed and int(typed[1]) == number else text)
    return result


def _longest_run(numbers: Sequence[int]) -> set[int]:
    """A longest ascending choice: what has kept its order."""
    tails: list[int] = []
    heads: list[int] = []
    before: list[int] = []
    for place, number in enumerate(numbers):
        at = bisect_left(tails, number)
        before.append(heads[at - 1] if at else -1)
        if at == len(tails):
            tails.append(number)
            heads.append(place)
        else:
            tails[at], heads[at] = number, place
    chosen, place = set(), heads[-1] if heads else -1
    while place >= 0:
        chosen.add(numbers[place])
        place = before[place]
    return chosen


def _title(text: str) -> str:
    return _collapse(text).casefold().rstrip(" .:")


def _words(texts: Iterable[str]) -> Counter[str]:
    return Counter(re.findall(r"\w+", " ".join(texts).casefold()))


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """The share of words two texts have in common, from 0 to 1."""
    size = one.total() + other.total()
    return 2 * (one & other).total() / size if size else 0.0


def _collapse(text: str) -> str:
    return " ".join(text.split())
