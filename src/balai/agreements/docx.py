"""The agreement as a word processor's file for lawyers. Equal terms make equal bytes.

Every article's heading carries a bookmark named after its language and key, so that a file that comes back
can be laid over the articles again; see `docx_matching`. Only the articles can be changed there: title,
parties and schedules stand in it to be read.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from balai.agreements.terbilang import plain_date
from balai.agreements.terms import AgreementTerms, Both, fill
from balai.agreements.typesetting import DIRECTIONS, LABELS, called

LANGUAGES = ("id", "en")
PART = {"id": "bagian_id", "en": "bagian_en", "schedules": "bagian_lampiran"}
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_PLAIN_KEY = re.compile(r"[a-z0-9_]{1,32}")
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

WORDS = {
    "id": Both("Pasal-pasal dalam Bahasa Indonesia", "Articles in Bahasa Indonesia"),
    "en": Both("Pasal-pasal dalam bahasa Inggris", "Articles in English"),
    "schedules": Both("Lampiran", "Schedules"),
    "version": Both("Versi", "Version"),
    "note": Both(
        "Naskah untuk dibahas. Ubah, pindahkan, hapus, atau tambahkan pasal di berkas ini, lalu bawa kembali"
        " ke hub: tiap perubahan menjadi usulan yang dijawab pihak lain. Judul, para pihak, dan lampiran"
        " hanya untuk dibaca; ubah di hub.",
        "A draft to discuss. Change, move, delete or add articles in this file and bring it back to the hub:"
        " every change becomes a proposal that the other parties answer. Title, parties and schedules are"
        " here to be read; change them on the hub.",
    ),
    "obligations": Both("Kewajiban", "Obligations"),
    "flows": Both("Arus data", "Data flows"),
    "sites": Both("Lokasi", "Sites"),
    "milestones": Both("Tonggak", "Milestones"),
    "exit": Both("Pengakhiran dan serah terima", "Exit and hand-over"),
}


def anchor(key: str, language: str) -> str:
    """The bookmark of an article's heading: a name every word processor keeps."""
    plain = key if _PLAIN_KEY.fullmatch(key) else "x" + hashlib.sha256(key.encode()).hexdigest()[:24]
    return f"{language}_{plain}"


def as_docx(terms: AgreementTerms) -> bytes:
    """The text as a .docx file, both languages one after the other, articles numbered by the program."""
    parts = {
        "[Content_Types].xml": _types(),
        "_rels/.rels": _relations(
            ("officeDocument", "word/document.xml"),
            ("core", "docProps/core.xml"),
            ("custom", "docProps/custom.xml"),
        ),
        "docProps/core.xml": _core(terms),
        "docProps/custom.xml": _custom(terms),
        "word/_rels/document.xml.rels": _relations(
            ("styles", "styles.xml"),
            ("numbering", "numbering.xml"),
            ("settings", "settings.xml"),
            ("footer", "footer1.xml"),
        ),
        "word/document.xml": _document(terms),
        "word/styles.xml": _styles(),
        "word/numbering.xml": _numbering(),
        "word/settings.xml": _settings(),
        "word/footer1.xml": _footer(terms),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, text in parts.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, text.encode())
    return out.getvalue()


def front(terms: AgreementTerms) -> list[tuple[str, str]]:
    """Style and text of each line above the articles."""
    lines = [("Title", _both(LABELS[terms.kind])), ("Subtitle", terms.title.id)]
    if terms.title.en:
        lines.append(("Subtitle", terms.title.en))
    lines.append(("Normal", footer(terms)))
    for party in terms.parties:
        who = ", ".join(part for part in (party.signatory_name, party.signatory_title, party.mandate) if part)
        lines.append(("Normal", f"{_both(called(party.place))}: {party.name}" + (f" ({who})" if who else "")))
    if terms.starts_on and terms.ends_on:
        lines.append(("Normal", f"{plain_date(terms.starts_on, 'id')} – {plain_date(terms.ends_on, 'id')}"))
    return [*lines, ("Note", WORDS["note"].id), ("Note", WORDS["note"].en)]


def footer(terms: AgreementTerms) -> str:
    """The line at the foot of each page: which text this is."""
    return f"{terms.reference} · {_both(WORDS['version'])} {terms.version} · {terms.fingerprint[:16]}"


def schedules(terms: AgreementTerms) -> list[tuple[str, list[list[str]]]]:
    """Each schedule that is not empty: its heading and its rows."""
    tables: dict[str, list[list[str]]] = {
        "obligations": [
            [_both(called(o.party)), _both(o.text), plain_date(o.due_on, "id") if o.due_on else "–"]
            for o in terms.obligations
        ],
        "flows": [
            [
                _both(f.name),
                _both(DIRECTIONS[f.direction]) if f.direction in DIRECTIONS else f.direction,
                "; ".join(part for part in (f.granularity, f.refresh, f.form) if part) or "–",
                "; ".join(part for part in (f.legal_basis, f.controller) if part) or "–",
            ]
            for f in terms.flows
        ],
        "sites": [[s.name, f"{s.latitude}, {s.longitude}"] for s in terms.sites],
        "milestones": [[_both(m.title), plain_date(m.due_on, "id")] for m in terms.milestones],
        "exit": [[_both(rule)] for rule in terms.exit],
    }
    return [(_both(WORDS[name]), rows) for name, rows in tables.items() if rows]


def frame(terms: AgreementTerms) -> Iterator[str]:
    """Every line of the file that is not of an article."""
    yield from (text for _style, text in front(terms))
    yield footer(terms)
    yield from (_both(WORDS[part]) for part in parts_of(terms))
    for heading, rows in schedules(terms):
        yield heading
        for row in rows:
            yield from row


def parts_of(terms: AgreementTerms) -> list[str]:
    """Which parts the file has."""
    english = any(p.en for clause in terms.clauses for p in clause.text)
    return ["id", *(["en"] if english else []), *(["schedules"] if schedules(terms) else [])]


def written(terms: AgreementTerms, language: str) -> Iterator[tuple[str, str, list[str]]]:
    """Key, heading and paragraphs of each article as the file has them in ``language``."""
    values = terms.values(language)
    for clause in terms.clauses:
        texts = [fill(getattr(p, language), values) for p in clause.text if getattr(p, language)]
        if texts:
            yield clause.key, getattr(clause.heading, language) or clause.heading.id, texts


def _both(words: Both) -> str:
    return f"{words.id} / {words.en}" if words.en and words.en != words.id else words.id


def _document(terms: AgreementTerms) -> str:
    marks = iter(range(1, 10_000))
    body = [_paragraph(text, style) for style, text in front(terms)]
    for part in parts_of(terms):
        body.append(_paragraph(_both(WORDS[part]), "Heading1", mark=(next(marks), PART[part])))
        if part == "schedules":
            for heading, rows in schedules(terms):
                body += [_paragraph(heading, "ScheduleHeading"), _table(rows)]
            continue
        number = LANGUAGES.index(part) + 1
        language = "id-ID" if part == "id" else "en-GB"
        for key, heading, texts in written(terms, part):
            mark = (next(marks), anchor(key, part))
            body.append(_paragraph(heading, "Heading2", number=(number, 0), mark=mark, language=language))
            level = (number, 1) if len(texts) > 1 else None
            body += [_paragraph(text, "Ayat", number=level, language=language) for text in texts]
    section = (
        '<w:sectPr><w:footerReference w:type="default" r:id="rId4"/><w:pgSz w:w="11906" w:h="16838"/>'
        '<w:pgMar w:top="1418" w:right="1418" w:bottom="1418" w:left="1418" w:header="709" w:footer="709"'
        ' w:gutter="0"/></w:sectPr>'
    )
    names = f'xmlns:w="{W}" xmlns:r="{_R}"'
    return f"{_HEAD}<w:document {names}><w:body>{''.join(body)}{section}</w:body></w:document>"


def _paragraph(
    text: str,
    style: str,
    *,
    number: tuple[int, int] | None = None,
    mark: tuple[int, str] | None = None,
    language: str = "",
) -> str:
    listed = (
        f'<w:numPr><w:ilvl w:val="{number[1]}"/><w:numId w:val="{number[0]}"/></w:numPr>' if number else ""
    )
    spoken = f'<w:rPr><w:lang w:val="{language}"/></w:rPr>' if language else ""
    lines = f"</w:t><w:br/><w:t {_KEEP}>".join(escape(line) for line in text.split("\n"))
    run = f"<w:r>{spoken}<w:t {_KEEP}>{lines}</w:t></w:r>"
    if mark:
        run = (
            f'<w:bookmarkStart w:id="{mark[0]}" w:name={quoteattr(mark[1])}/>{run}'
            f'<w:bookmarkEnd w:id="{mark[0]}"/>'
        )
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{listed}</w:pPr>{run}</w:p>'


_KEEP = 'xml:space="preserve"'


def _table(rows: Sequence[Sequence[str]]) -> str:
    width = 9070 // max(len(rows[0]), 1)
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for _cell in rows[0])
    drawn = "".join(
        "<w:tr>"
        + "".join(
            f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>{_paragraph(cell, "Cell")}</w:tc>'
            for cell in row
        )
        + "</w:tr>"
        for row in rows
    )
    borders = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="808080"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    return (
        f'<w:tbl><w:tblPr><w:tblW w:w="{width * len(rows[0])}" w:type="dxa"/><w:tblBorders>{borders}'
        f"</w:tblBorders></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{drawn}</w:tbl>"
        '<w:p><w:pPr><w:pStyle w:val="Cell"/></w:pPr></w:p>'
    )


def _styles() -> str:
    def style(key: str, name: str, paragraph: str = "", run: str = "", based: str = "Normal") -> str:
        default = ' w:default="1"' if key == "Normal" else ""
        on = "" if key == "Normal" else f'<w:basedOn w:val="{based}"/>'
        return (
            f'<w:style w:type="paragraph"{default} w:styleId="{key}"><w:name w:val="{name}"/>{on}<w:qFormat/>'
            f"<w:pPr>{paragraph}</w:pPr><w:rPr>{run}</w:rPr></w:style>"
        )

    font = '<w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" w:cs="Times New Roman"/>'
    styles = [
        style("Normal", "Normal", '<w:spacing w:after="120" w:line="276" w:lineRule="auto"/>'),
        style("Title", "Title", '<w:jc w:val="center"/>', '<w:b/><w:sz w:val="32"/>'),
        style("Subtitle", "Subtitle", '<w:jc w:val="center"/>', '<w:sz w:val="26"/>'),
        style("Note", "Note", "", '<w:i/><w:sz w:val="20"/>'),
        style(
            "Heading1",
            "heading 1",
            '<w:keepNext/><w:spacing w:before="480" w:after="240"/><w:outlineLvl w:val="0"/>',
            '<w:b/><w:sz w:val="28"/>',
        ),
        style(
            "Heading2",
            "heading 2",
            '<w:keepNext/><w:spacing w:before="280" w:after="120"/><w:outlineLvl w:val="1"/>',
            "<w:b/>",
        ),
        style("ScheduleHeading", "Schedule heading", '<w:keepNext/><w:spacing w:before="240"/>', "<w:b/>"),
        style("Ayat", "Ayat", '<w:jc w:val="both"/>'),
        style("Cell", "Cell", '<w:spacing w:after="40"/>', '<w:sz w:val="20"/>'),
        style("Footer", "footer", '<w:jc w:val="center"/>', '<w:sz w:val="16"/>'),
    ]
    return (
        f'{_HEAD}<w:styles xmlns:w="{W}"><w:docDefaults><w:rPrDefault><w:rPr>{font}<w:sz w:val="24"/>'
        f'<w:lang w:val="id-ID"/></w:rPr></w:rPrDefault></w:docDefaults>{"".join(styles)}</w:styles>'
    )


def _numbering() -> str:
    def scheme(key: int, word: str) -> str:
        def level(depth: int, text: str, left: int, hanging: int) -> str:
            return (
                f'<w:lvl w:ilvl="{depth}"><w:start w:val="1"/><w:numFmt w:val="decimal"/>'
                f'<w:suff w:val="space"/><w:lvlText w:val="{text}"/><w:lvlJc w:val="left"/>'
                f'<w:pPr><w:ind w:left="{left}" w:hanging="{hanging}"/></w:pPr></w:lvl>'
            )

        return (
            f'<w:abstractNum w:abstractNumId="{key}"><w:multiLevelType w:val="multilevel"/>'
            f"{level(0, f'{word} %1.', 0, 0)}{level(1, '(%2)', 425, 425)}</w:abstractNum>"
        )

    used = "".join(f'<w:num w:numId="{key}"><w:abstractNumId w:val="{key}"/></w:num>' for key in (1, 2))
    return f'{_HEAD}<w:numbering xmlns:w="{W}">{scheme(1, "Pasal")}{scheme(2, "Article")}{used}</w:numbering>'


def _settings() -> str:
    """Changes are tracked from the first key stroke, as lawyers expect of a draft."""
    return (
        f'{_HEAD}<w:settings xmlns:w="{W}"><w:trackRevisions/><w:themeFontLang w:val="id-ID"/></w:settings>'
    )


def _footer(terms: AgreementTerms) -> str:
    return f'{_HEAD}<w:ftr xmlns:w="{W}">{_paragraph(footer(terms), "Footer")}</w:ftr>'


def _core(terms: AgreementTerms) -> str:
    day = f"{terms.dated_on.isoformat()}T00:00:00Z"
    return (
        f'{_HEAD}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{escape(terms.title.id)}</dc:title><dc:language>id</dc:language>"
        f'<dcterms:created xsi:type="dcterms:W3CDTF">{day}</dcterms:created></cp:coreProperties>'
    )


def _custom(terms: AgreementTerms) -> str:
    known = {
        "BalaiReference": terms.reference,
        "BalaiVersion": str(terms.version),
        "BalaiTerms": terms.fingerprint,
    }
    properties = "".join(
        f'<property fmtid="{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}" pid="{pid}" name="{name}">'
        f"<vt:lpwstr>{escape(value)}</vt:lpwstr></property>"
        for pid, (name, value) in enumerate(known.items(), 2)
    )
    return (
        f'{_HEAD}<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"'
        ' xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes">'
        f"{properties}</Properties>"
    )


_KINDS = {
    "officeDocument": f"{_R}/officeDocument",
    "core": f"{_PACKAGE}/relationships/metadata/core-properties",
    "custom": f"{_R}/custom-properties",
    "styles": f"{_R}/styles",
    "numbering": f"{_R}/numbering",
    "settings": f"{_R}/settings",
    "footer": f"{_R}/footer",
}


def _relations(*rows: tuple[str, str]) -> str:
    drawn = "".join(
        f'<Relationship Id="rId{number}" Type="{_KINDS[kind]}" Target="{target}"/>'
        for number, (kind, target) in enumerate(rows, 1)
    )
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{drawn}</Relationships>'


def _types() -> str:
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    rows = _overrides(
        [
            ("/word/document.xml", f"{word}.document.main+xml"),
            ("/word/styles.xml", f"{word}.styles+xml"),
            ("/word/numbering.xml", f"{word}.numbering+xml"),
            ("/word/settings.xml", f"{word}.settings+xml"),
            ("/word/footer1.xml", f"{word}.footer+xml"),
            ("/docProps/core.xml", "application/vnd.openxmlformats-package.core-properties+xml"),
            ("/docProps/custom.xml", "application/vnd.openxmlformats-officedocument.custom-properties+xml"),
        ]
    )
    return (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{rows}</Types>'
    )


def _overrides(rows: Iterable[tuple[str, str]]) -> str:
    return "".join(f'<Override PartName="{name}" ContentType="{kind}"/>' for name, kind in rows)
