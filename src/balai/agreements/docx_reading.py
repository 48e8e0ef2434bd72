"""A word processor's file as plain lines: what stands in it, where, and what was tracked or noted.

Nothing of the file is trusted: its parts are unpacked within limits, a document type declaration is refused
(so no entity can be defined), and what is not understood is reported instead of left out.
"""

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree as Xml

from django.conf import settings
from django.utils.translation import gettext as _

from balai.agreements.terms import tidy
from balai.core.inspection import DOCX, inspected, kind_of, refused

DEEPEST = 150
MOST_ELEMENTS = 400_000
LONGEST_PART = 25 * 1024 * 1024
MOST_LINES = 20_000
LONGEST_CARRIED = 50_000
MOST_MARKS = 500
_WORD = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LEVEL = re.compile(r"(?:heading|judul|berschrift|titre|rubrik) ?([1-9])", re.IGNORECASE)
_INSERTED = frozenset({"ins", "moveTo"})
_TAKEN_OUT = frozenset({"del", "moveFrom"})
_THROUGH = frozenset(
    {"ins", "moveTo", "customXml", "smartTag", "sdt", "sdtContent", "hyperlink", "fldSimple", "dir", "bdo"}
)


@dataclass(slots=True)
class Line:
    """A paragraph, or a row of a table with its cells apart by a bar. ``level`` counts headings from 1."""

    text: str
    anchors: tuple[str, ...] = ()
    level: int = 0
    place: str = "body"
    comments: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()


@dataclass(slots=True)
class Margin:
    """A comment in the file's margin."""

    author: str
    text: str


@dataclass(slots=True)
class Draft:
    """Everything readable of a file, tracked changes taken as accepted."""

    lines: list[Line] = field(default_factory=list)
    margins: dict[str, Margin] = field(default_factory=dict)
    footnotes: dict[str, str] = field(default_factory=dict)
    reference: str = ""
    version: int = 0
    fingerprint: str = ""
    insertions: int = 0
    deletions: int = 0
    oddities: list[str] = field(default_factory=list)

    def odd(self, what: str) -> None:
        """Remember that the file holds something of a kind the hub cannot take over."""
        if what not in self.oddities:
            self.oddities.append(what)


def read_docx(data: bytes) -> Draft:
    """Read a .docx file. Raises Invalid (field ``file``) with a sentence for anything else or unsafe."""
    if not data:
        raise refused(_("The file is empty."))
    if len(data) > settings.UPLOAD_LIMIT_BYTES:
        limit = f"{settings.UPLOAD_LIMIT_BYTES / 1024 / 1024:g}"
        raise refused(
            _("The file is larger than %(limit)s MB. Make it smaller and try again.") % {"limit": limit}
        )
    if data.startswith(_OLE):
        raise refused(
            _("This file is locked with a password or of an old kind. Save it as .docx without a password.")
        )
    if kind_of(data, ".docx") != DOCX:
        raise refused(_("This is not a .docx file. Save the draft as .docx in your word processor."))
    inspected(data, DOCX)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _Reader(archive).draft()
    except (KeyError, UnicodeError, ValueError, RecursionError, zipfile.BadZipFile, Xml.ParseError) as fault:
        raise refused(_("This document is damaged. Save it again and send that.")) from fault


class _Bounded(Xml.TreeBuilder):
    """A tree of bounded depth and size, without any document type declaration."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = self.count = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Xml.Element:
        self.depth += 1
        self.count += 1
        if self.depth > DEEPEST or self.count > MOST_ELEMENTS:
            raise ValueError("too deep or too large")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Xml.Element:
        self.depth -= 1
        return super().end(tag)

    def doctype(self, *_declaration: object) -> None:
        raise ValueError("a document type declaration")


class _Reader:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.names = set(archive.namelist())
        self.found = Draft()
        self.levels: dict[str, int] = {}
        self.carried: tuple[str, list[str], list[str], list[str]] | None = None
        self.waiting: list[str] = []

    def draft(self) -> Draft:
        main = self._target("_rels/.rels", "officeDocument") or ""
        if main != "word/document.xml":
            raise ValueError("the main part lies elsewhere")
        related = self._related("word/_rels/document.xml.rels")
        for name in related.get("styles", ()):
            self._styles(self._part(name))
        self._properties()
        for kind in ("footnotes", "endnotes"):
            for name in related.get(kind, ()):
                self._notes(self._part(name), kind)
        for name in related.get("comments", ()):
            self._comments(self._part(name))
        body = _child(self._part(main), "body")
        if body is None:
            raise ValueError("no body")
        self._blocks(body, "body")
        self._flush("body")
        for kind in ("header", "footer"):
            for name in related.get(kind, ()):
                self._blocks(self._part(name), kind)
                self._flush(kind)
        if any(
            name.startswith(("word/embeddings/", "word/charts/", "word/diagrams/")) for name in self.names
        ):
            self.found.odd("embedded")
        if len(self.found.lines) > MOST_LINES:
            raise ValueError("too many lines")
        return self.found

    def _part(self, name: str) -> Xml.Element:
        if self.archive.getinfo(name).file_size > LONGEST_PART:
            raise ValueError("too large")
        parser = Xml.XMLParser(target=_Bounded())  # noqa: S314 - bounded, without declarations
        parser.feed(self.archive.read(name))
        root: Xml.Element = parser.close()
        return root

    def _related(self, rels: str) -> dict[str, list[str]]:
        """Parts of the package by the last word of their relation's type."""
        if rels not in self.names:
            return {}
        folder = posixpath.dirname(posixpath.dirname(rels))
        found: dict[str, dict[str, None]] = {}
        for relation in self._part(rels):
            if relation.get("TargetMode") == "External":
                continue
            target = relation.get("Target", "")
            path = (
                target.lstrip("/")
                if target.startswith("/")
                else posixpath.normpath(posixpath.join(folder, target))
            )
            if path in self.names:
                found.setdefault(relation.get("Type", "").rpartition("/")[2], {})[path] = None
        return {kind: list(paths) for kind, paths in found.items()}

    def _target(self, rels: str, kind: str) -> str | None:
        return next(iter(self._related(rels).get(kind, ())), None)

    def _properties(self) -> None:
        for name in self._related("_rels/.rels").get("custom-properties", ()):
            values = {p.get("name", ""): "".join(p.itertext()).strip() for p in self._part(name)}
            self.found.reference = values.get("BalaiReference", "")[:60]
            self.found.fingerprint = values.get("BalaiTerms", "")[:64]
            version = values.get("BalaiVersion", "")
            if version.isascii() and version.isdigit() and len(version) < 7:
                self.found.version = int(version)

    def _styles(self, root: Xml.Element) -> None:
        based: dict[str, str] = {}
        for style in root:
            if _name(style) != "style":
                continue
            key = _attribute(style, "styleId")
            name, parent = _child(style, "name"), _child(style, "basedOn")
            if parent is not None:
                based[key] = _attribute(parent, "val")
            properties = _child(style, "pPr")
            level = _outline(properties) if properties is not None else 0
            match = _LEVEL.fullmatch(_attribute(name, "val") if name is not None else "")
            if level or match:
                self.levels[key] = level or int(match[1] if match else 0)
        for key in based:
            above, steps = key, 0
            while above not in self.levels and above in based and steps < 20:
                above, steps = based[above], steps + 1
            if above in self.levels:
                self.levels.setdefault(key, self.levels[above])

    def _notes(self, root: Xml.Element, kind: str) -> None:
        for note in root:
            if _attribute(note, "type") in ("separator", "continuationSeparator", "continuationNotice"):
                continue
            text = self._plain(note)
            if text:
                self.found.footnotes[f"{kind}:{_attribute(note, 'id')}"] = text

    def _comments(self, root: Xml.Element) -> None:
        for comment in root:
            text = self._plain(comment)
            if text:
                author = tidy(_attribute(comment, "author"))[:80]
                self.found.margins[_attribute(comment, "id")] = Margin(author, text)

    def _plain(self, node: Xml.Element) -> str:
        paragraphs = [item for item in node.iter() if _name(item) == "p"]
        texts = [_one_line("".join(self._texts(paragraph, [], [], []))) for paragraph in paragraphs]
        return " ".join(text for text in texts if text)

    def _blocks(self, node: Xml.Element, place: str) -> None:
        for child in node:
            name = _name(child)
            if name == "p":
                self._paragraph(child, place)
            elif name == "tbl":
                self._flush(place)
                self._table(child)
            elif name in _THROUGH:
                self.found.insertions += name in _INSERTED
                self._blocks(child, place)
            elif name in _TAKEN_OUT:
                self.found.deletions += 1
            elif name == "bookmarkStart":
                self.waiting.append(_attribute(child, "name"))
            elif name == "altChunk":
                self.found.odd("foreign_part")
            elif name == "AlternateContent":
                chosen = next((item for item in child if _name(item) == "Choice"), child)
                self._blocks(chosen, place)
            elif name == "Fallback":
                self._blocks(child, place)

    def _table(self, table: Xml.Element) -> None:
        for row in _rows(table):
            properties = _child(row, "trPr")
            if properties is not None and _child(properties, "del") is not None:
                self.found.deletions += 1
                continue
            cells, anchors, comments, notes = [], list[str](), list[str](), list[str]()
            for cell in row:
                if _name(cell) not in ("tc", "sdt"):
                    continue
                texts = [
                    _one_line("".join(self._texts(p, anchors, comments, notes)))
                    for p in _outside_boxes(cell)
                    if _name(p) == "p"
                ]
                cells.append(" ".join(text for text in texts if text))
            if any(cells):
                self._add(" | ".join(cells), anchors, comments, notes, 0, "table", tuple(cells))

    def _paragraph(self, node: Xml.Element, place: str) -> None:
        anchors, comments, notes = self.waiting, list[str](), list[str]()
        self.waiting = []
        text = "".join(self._texts(node, anchors, comments, notes))
        properties = _child(node, "pPr")
        level, merged = 0, False
        if properties is not None:
            style = _child(properties, "pStyle")
            level = _outline(properties) or (
                self.levels.get(_attribute(style, "val"), 0) if style is not None else 0
            )
            mark = _child(properties, "rPr")
            merged = mark is not None and any(_name(child) in _TAKEN_OUT for child in mark)
        if merged:
            self.found.deletions += 1
        if self.carried:
            before, more_anchors, more_comments, more_notes = self.carried
            text = before + text
            anchors, comments, notes = more_anchors + anchors, more_comments + comments, more_notes + notes
            self.carried = None
        if merged and len(text) <= LONGEST_CARRIED and len(anchors + comments + notes) <= MOST_MARKS:
            if text.strip():
                self.carried = (text, anchors, comments, notes)
            return
        self._add(text, anchors, comments, notes, level, place)

    def _flush(self, place: str) -> None:
        if self.carried:
            text, anchors, comments, notes = self.carried
            self.carried = None
            self._add(text, anchors, comments, notes, 0, place)

    def _add(
        self,
        text: str,
        anchors: list[str],
        comments: list[str],
        notes: list[str],
        level: int,
        place: str,
        cells: tuple[str, ...] = (),
    ) -> None:
        text = _one_line(text)
        said = [c for c in dict.fromkeys(comments) if c in self.found.margins]
        noted = [n for n in dict.fromkeys(notes) if n in self.found.footnotes]
        if text or said or noted:
            self.found.lines.append(
                Line(text, tuple(anchors) if text else (), level, place, tuple(said), tuple(noted), cells)
            )

    def _texts(
        self, node: Xml.Element, anchors: list[str], comments: list[str], notes: list[str]
    ) -> Iterator[str]:
        """The text of a paragraph, tracked changes accepted; what is anchored in it goes into the lists."""
        for child in node:
            name = _name(child)
            if name == "t":
                yield child.text or ""
            elif name in ("tab", "br", "cr", "ptab"):
                yield " "
            elif name == "noBreakHyphen":
                yield "-"
            elif name == "sym":
                self.found.odd("symbol")
                yield "□"
            elif name == "bookmarkStart":
                anchors.append(_attribute(child, "name"))
            elif name in ("commentRangeStart", "commentReference"):
                comments.append(_attribute(child, "id"))
            elif name in ("footnoteReference", "endnoteReference"):
                notes.append(f"{name[: -len('Reference')]}s:{_attribute(child, 'id')}")
            elif name in _TAKEN_OUT:
                self.found.deletions += 1
            elif name in _THROUGH or name in ("r", "rPr"):
                if name == "rPr":
                    if _child(child, "vanish") is not None:
                        self.found.odd("hidden")
                    continue
                self.found.insertions += name in _INSERTED
                yield from self._texts(child, anchors, comments, notes)
            elif name in ("oMath", "oMathPara"):
                self.found.odd("formula")
                yield "".join(child.itertext())
            elif name == "object":
                self.found.odd("embedded")
            elif name in ("drawing", "pict", "AlternateContent"):
                self._boxes(child)

    def _boxes(self, node: Xml.Element) -> None:
        """Text boxes stand apart from the text; a picture is only reported."""
        chosen = next((item for item in _outside_boxes(node) if _name(item) == "Choice"), node)
        if not any(_name(item) == "txbxContent" for item in node.iter()):
            self.found.odd("picture")
            return
        carried, self.carried = self.carried, None
        for item in _outside_boxes(chosen):
            if _name(item) == "txbxContent":
                self._blocks(item, "box")
                self._flush("box")
        self.carried = carried


def _name(node: Xml.Element) -> str:
    """The element's name where it is one of word processing, mathematics or compatibility; else its own."""
    space, _brace, name = node.tag.rpartition("}") if isinstance(node.tag, str) else ("", "", "")
    if name in ("p", "t", "r", "tbl", "tr", "tc", "del", "ins") and space.lstrip("{") not in _WORD:
        return f"other:{name}"
    return name


def _outside_boxes(node: Xml.Element) -> Iterator[Xml.Element]:
    """Everything beneath, but of a text box only itself: who reads it goes on from there, once."""
    for child in node:
        yield child
        if _name(child) != "txbxContent":
            yield from _outside_boxes(child)


def _rows(node: Xml.Element) -> Iterator[Xml.Element]:
    """The rows of a table, not of those nested in its cells: they are read with their cell."""
    for child in node:
        if _name(child) == "tr":
            yield child
        elif _name(child) in _THROUGH:
            yield from _rows(child)


def _child(node: Xml.Element, name: str) -> Xml.Element | None:
    return next((child for child in node if _name(child) == name), None)


def _attribute(node: Xml.Element, name: str) -> str:
    return next((value for key, value in node.attrib.items() if key.rpartition("}")[2] == name), "")


def _outline(properties: Xml.Element) -> int:
    level = _child(properties, "outlineLvl")
    value = _attribute(level, "val") if level is not None else ""
    return int(value) + 1 if value.isascii() and value.isdigit() and int(value) < 9 else 0


def _one_line(text: str) -> str:
    return " ".join(tidy(text).split())
