"""What lawyers do to a draft in a word processor, done to the file's XML by a seeded hand."""

import io
import random
import zipfile
from collections.abc import Callable
from copy import deepcopy
from xml.etree import ElementTree as Xml

from balai.agreements.docx import WORDS as PARTS

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
Xml.register_namespace("w", W.strip("{}"))
WORDS = (
    *("pihak", "wajib", "melaporkan", "hasil", "kegiatan", "bulanan", "tertulis"),
    *("kepada", "dinas", "mitra", "warga", "lokasi", "biaya"),
)


def parts_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def text_of(paragraph: Xml.Element) -> str:
    """As a person reads it with every change accepted."""
    return "".join(t.text or "" for t in paragraph.iter(f"{W}t"))


def paragraph(text: str, style: str = "Ayat") -> Xml.Element:
    made = Xml.Element(f"{W}p")
    properties = Xml.SubElement(made, f"{W}pPr")
    Xml.SubElement(properties, f"{W}pStyle", {f"{W}val": style})
    run = Xml.SubElement(made, f"{W}r")
    Xml.SubElement(run, f"{W}t").text = text
    return made


class Editor:
    """One draft under the hands of one lawyer."""

    def __init__(self, data: bytes, seed: int = 0) -> None:
        self.parts = parts_of(data)
        self.root = Xml.fromstring(self.parts["word/document.xml"])
        body = self.root.find(f"{W}body")
        assert body is not None
        self.body = body
        self.random = random.Random(seed)

    def saved(self) -> bytes:
        self.parts["word/document.xml"] = Xml.tostring(self.root, encoding="utf-8", xml_declaration=True)
        return packed(self.parts)

    def style(self, element: Xml.Element) -> str:
        found = element.find(f"{W}pPr/{W}pStyle")
        return found.get(f"{W}val", "") if found is not None else ""

    def articles(self, language: str = "id") -> list[list[Xml.Element]]:
        """Each article's paragraphs, its heading first."""
        groups: list[list[Xml.Element]] = []
        inside = False
        for element in self.body:
            if self.style(element) == "Heading1":
                inside = text_of(element) == f"{PARTS[language].id} / {PARTS[language].en}"
            elif inside and self.style(element) == "Heading2":
                groups.append([element])
            elif inside and groups:
                groups[-1].append(element)
        return groups

    def sentence(self) -> str:
        number = self.random.randrange(10**6)
        return f"{' '.join(self.random.choices(WORDS, k=9)).capitalize()} nomor {number}."

    def pick(self) -> list[Xml.Element]:
        return self.random.choice(self.articles(self.random.choice(("id", "en"))))

    def change(self) -> None:
        article = self.pick()
        body = [p for p in article[1:] if text_of(p)]
        if body:
            chosen = self.random.choice(body)
            words = text_of(chosen).split()
            words[self.random.randrange(len(words))] = f"kata{self.random.randrange(10**6)}"
            self.rewrite(chosen, " ".join(words))

    def rewrite(self, element: Xml.Element, text: str) -> None:
        for run in element.findall(f"{W}r"):
            element.remove(run)
        run = Xml.SubElement(element, f"{W}r")
        Xml.SubElement(run, f"{W}t").text = text

    def add_paragraph(self) -> None:
        after = self.random.choice(self.pick())
        self.body.insert(list(self.body).index(after) + 1, paragraph(self.sentence()))

    def delete_paragraph(self) -> None:
        article = self.pick()
        if len(article) > 2:
            self.body.remove(self.random.choice(article[1:]))

    def delete(self) -> None:
        for element in self.pick():
            self.body.remove(element)

    def move(self) -> None:
        language = self.random.choice(("id", "en"))
        article = self.random.choice(self.articles(language))
        for element in article:
            self.body.remove(element)
        place = list(self.body).index(self.random.choice(self.articles(language))[0])
        for number, element in enumerate(article):
            self.body.insert(place + number, element)

    def add(self) -> None:
        place = list(self.body).index(self.pick()[0])
        new = [paragraph(f"Ketentuan {self.random.randrange(10**6)}", "Heading2")]
        new += [paragraph(self.sentence()) for _n in range(self.random.randrange(1, 3))]
        for number, element in enumerate(new):
            self.body.insert(place + number, element)

    def rename(self) -> None:
        heading = self.pick()[0]
        self.rewrite(heading, f"Judul lain {self.random.randrange(10**6)}")

    def lose_anchors(self) -> None:
        for element in self.body.iter(f"{W}p"):
            if self.random.random() < 0.5:
                for mark in [m for m in element if m.tag in (f"{W}bookmarkStart", f"{W}bookmarkEnd")]:
                    element.remove(mark)

    def lose_styles(self) -> None:
        heading = self.pick()[0]
        style = heading.find(f"{W}pPr/{W}pStyle")
        if style is not None:
            style.set(f"{W}val", "Normal")

    def split_runs(self) -> None:
        for element in self.body.iter(f"{W}p"):
            runs = element.findall(f"{W}r")
            text = text_of(element)
            if len(runs) == 1 and len(text) > 8 and self.random.random() < 0.6:
                place = list(element).index(runs[0])
                cuts = sorted(self.random.sample(range(1, len(text)), 3))
                element.remove(runs[0])
                for number, (a, b) in enumerate(zip([0, *cuts], [*cuts, len(text)], strict=True)):
                    run = Xml.Element(f"{W}r")
                    Xml.SubElement(run, f"{W}t", {"{http://www.w3.org/XML/1998/namespace}space": "preserve"})
                    run[0].text = text[a:b]
                    element.insert(place + number, run)

    def track(self) -> None:
        """One word replaced, one paragraph added and one taken out, all tracked."""
        article = self.pick()
        target = self.random.choice(article[1:])
        for run in target.findall(f"{W}r"):
            place = list(target).index(run)
            gone = Xml.Element(f"{W}del")
            old = deepcopy(run)
            for text in old.iter(f"{W}t"):
                text.tag = f"{W}delText"
            gone.append(old)
            new = Xml.Element(f"{W}ins")
            fresh = Xml.SubElement(new, f"{W}r")
            Xml.SubElement(
                fresh, f"{W}t"
            ).text = f"{text_of(run)} menurut nomor {self.random.randrange(10**6)}"
            target.remove(run)
            target.insert(place, gone)
            target.insert(place + 1, new)

    def merge(self) -> None:
        """A tracked deletion of a paragraph's end joins it with the next."""
        article = self.pick()
        if len(article) > 2:
            properties = article[1].find(f"{W}pPr")
            assert properties is not None
            Xml.SubElement(Xml.SubElement(properties, f"{W}rPr"), f"{W}del")

    def type_numbers(self) -> None:
        for number, article in enumerate(self.articles("id"), 1):
            for element in article:
                listed = element.find(f"{W}pPr/{W}numPr")
                properties = element.find(f"{W}pPr")
                if listed is not None and properties is not None:
                    properties.remove(listed)
            self.rewrite_keeping_marks(article[0], f"Pasal {number}. {text_of(article[0])}")
            for place, element in enumerate(article[1:], 1):
                if len(article) > 2:
                    self.rewrite(element, f"({place}) {text_of(element)}")

    def rewrite_keeping_marks(self, element: Xml.Element, text: str) -> None:
        run = element.find(f"{W}r")
        assert run is not None
        for extra in element.findall(f"{W}r")[1:]:
            element.remove(extra)
        for old in run.findall(f"{W}t"):
            run.remove(old)
        Xml.SubElement(run, f"{W}t").text = text

    def table(self) -> None:
        after = self.random.choice(self.pick())
        table = Xml.Element(f"{W}tbl")
        for _row in range(2):
            row = Xml.SubElement(table, f"{W}tr")
            for _cell in range(2):
                Xml.SubElement(row, f"{W}tc").append(paragraph(self.sentence(), "Cell"))
        self.body.insert(list(self.body).index(after) + 1, table)

    def outside(self) -> None:
        self.body.insert(2, paragraph(self.sentence(), "Normal"))

    def anything(self) -> Callable[[], None]:
        """One thing out of all that lawyers do."""
        acts = [
            self.change,
            self.change,
            self.add_paragraph,
            self.delete_paragraph,
            self.delete,
            self.move,
            self.move,
            self.add,
            self.rename,
            self.lose_anchors,
            self.lose_styles,
            self.split_runs,
            self.track,
            self.merge,
            self.table,
            self.outside,
        ]
        return self.random.choice(acts)
