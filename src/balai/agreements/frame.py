"""The seal's place in a document: a signature field that stands there, tagged, before anybody signs.

A field that came with the seal would have to change the structure of a document others have signed. The
typesetter cannot make one, so it is written into the file it made.
"""

import re
from itertools import pairwise

FIELD = "Segel"
LABEL = "Segel elektronik: siapa menyetujui, kapan, dan sidik dokumen"

Box = tuple[int, int, int, int]


def reserve(pdf: bytes, box: Box) -> bytes:
    """Return the typesetter's ``pdf`` with the empty field `FIELD` in ``box`` (points) on its last page.

    Equal input makes equal bytes. Raises ValueError where the file is not built as the typesetter builds it.
    """
    file = _File(pdf)
    catalogue = file.root
    tree = file.reference(catalogue, b"StructTreeRoot")
    document = file.first(tree, b"K")
    page = file.reference(catalogue, b"Pages")
    while kids := re.search(rb"/Kids\s*\[([^\]]+)\]", file.objects[page]):
        page = int(re.findall(rb"(\d+) 0 R", kids[1])[-1])
    key = int(file.found(tree, rb"/ParentTreeNextKey (\d+)")[1])
    element, field, blank, lock, form = range(file.size, file.size + 5)
    left, bottom, right, top = box
    file.objects |= {
        element: b"<</Type/StructElem/S/Form/P %d 0 R/Pg %d 0 R/Alt%s/K<</Type/OBJR/Pg %d 0 R/Obj %d 0 R>>>>"
        % (document, page, _text(LABEL), page, field),
        field: b"<</Type/Annot/Subtype/Widget/FT/Sig/T%s/TU%s/Ff 1/F 4/Rect[%d %d %d %d]/P %d 0 R"
        b"/StructParent %d/AP<</N %d 0 R>>/Lock %d 0 R>>"
        % (_text(FIELD), _text(LABEL), left, bottom, right, top, page, key, blank, lock),
        blank: b"<</Type/XObject/Subtype/Form/BBox[0 0 %d %d]/Length 0>>\nstream\n\nendstream"
        % (right - left, top - bottom),
        lock: b"<</Type/SigFieldLock/Action/All/P 1>>",
        form: b"<</Fields[%d 0 R]/SigFlags 3>>" % field,
    }
    file.replace(catalogue, rb">>\s*$", b"/AcroForm %d 0 R>>" % form)
    file.replace(document, rb"/K\s*\[([^\]]*)\]", rb"/K[\1 %d 0 R]" % element)
    file.replace(tree, rb"/Nums\s*\[([^\]]*)\]", rb"/Nums[\1 %d %d 0 R]" % (key, element))
    file.replace(tree, rb"/ParentTreeNextKey \d+", b"/ParentTreeNextKey %d" % (key + 1))
    if b"/Annots" in file.objects[page]:
        file.replace(page, rb"/Annots\s*\[([^\]]*)\]", rb"/Annots[\1 %d 0 R]" % field)
    else:
        file.replace(page, rb">>\s*$", b"/Annots[%d 0 R]>>" % field)
    return file.written()


class _File:
    """The objects of a file with one plain table of them, as bytes by number."""

    def __init__(self, pdf: bytes) -> None:
        end = re.search(rb"trailer\s*(<<.*>>)\s*startxref\s+(\d+)\s+%%EOF\s*\Z", pdf[-2048:], re.DOTALL)
        first = re.search(rb"\d+ 0 obj", pdf)
        if end is None or first is None:
            raise ValueError("the file has no plain table of objects")
        self.trailer = end[1]
        self.head = pdf[: first.start()]
        table = pdf[int(end[2]) :].split(b"\n", 2)
        if table[0].strip() != b"xref" or not table[1].startswith(b"0 "):
            raise ValueError("the file has more than one table of objects")
        self.size = int(table[1].split()[1])
        rows = [row.split() for row in table[2].split(b"\n", self.size)[: self.size]]
        places = {int(row[0]): number for number, row in enumerate(rows) if row[2] == b"n"}
        self.objects: dict[int, bytes] = {}
        for place, after in pairwise([*sorted(places), int(end[2])]):
            mark, last = b"%d 0 obj" % places[place], pdf.rfind(b"endobj", place, after)
            if not pdf.startswith(mark, place) or last < 0:
                raise ValueError(f"object {places[place]} is not where the table says")
            self.objects[places[place]] = pdf[place + len(mark) : last].strip(b"\r\n")
        self.root = int(_once(rb"/Root (\d+) 0 R", self.trailer)[1])

    def found(self, number: int, pattern: bytes) -> re.Match[bytes]:
        return _once(pattern, self.objects[number])

    def reference(self, number: int, key: bytes) -> int:
        return int(self.found(number, rb"/%s (\d+) 0 R" % key)[1])

    def first(self, number: int, key: bytes) -> int:
        return int(self.found(number, rb"/%s\s*\[(\d+) 0 R" % key)[1])

    def replace(self, number: int, pattern: bytes, by: bytes) -> None:
        self.found(number, pattern)
        self.objects[number] = re.sub(pattern, by, self.objects[number], count=1)

    def written(self) -> bytes:
        """The file anew, ended by a line break, so that what others append stands on a line of its own."""
        size = max(self.objects) + 1
        parts, place, rows = [self.head], len(self.head), [b"0000000000 65535 f"]
        for number in range(1, size):
            content = self.objects.get(number)
            if content is None:
                rows.append(b"0000000000 00000 f")
                continue
            rows.append(b"%010d 00000 n" % place)
            parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, content))
            place += len(parts[-1])
        trailer = re.sub(rb"/Size \d+", b"/Size %d" % size, self.trailer)
        table = b"xref\n0 %d\n%s \n" % (size, b" \n".join(rows))
        return b"".join([*parts, table, b"trailer\n%s\nstartxref\n%d\n%%%%EOF\n" % (trailer, place)])


def _once(pattern: bytes, content: bytes) -> re.Match[bytes]:
    found = list(re.finditer(pattern, content))
    if len(found) != 1:
        raise ValueError(f"{pattern!r} stands {len(found)} times where it should stand once")
    return found[0]


def _text(text: str) -> bytes:
    return b"(" + re.sub(rb"([\\()])", rb"\\\1", text.encode("ascii")) + b")"
