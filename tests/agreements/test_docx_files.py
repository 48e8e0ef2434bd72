"""What the reader makes of real and of hostile files: a sentence, or lines; never a crash, never a guess."""

import io
import zipfile
from xml.etree import ElementTree as Xml

import pytest

from balai.agreements.docx import as_docx
from balai.agreements.docx_matching import match
from balai.agreements.docx_reading import LONGEST_CARRIED, LONGEST_PART, read_docx
from balai.core.errors import Invalid
from tests.agreements.docx_editing import Editor, W, packed, paragraph, parts_of, text_of
from tests.agreements_terms import make_terms
from tests.stories import make_pdf

MAIN = "word/document.xml"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
NAMES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    ' xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
)
RELATIONS = "word/_rels/document.xml.rels"
KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def with_body(body: str, **extra: str) -> bytes:
    """Our own file with another body, and more parts."""
    parts = parts_of(as_docx(make_terms()))
    parts[MAIN] = f"{HEAD}<w:document {NAMES}><w:body>{body}</w:body></w:document>".encode()
    for name, content in extra.items():
        parts[f"word/{name}.xml"] = f"{HEAD}<w:{name} {NAMES}>{content}</w:{name}>".encode()
        related = f'<Relationship Id="x{name}" Type="{KIND}/{name}" Target="{name}.xml"/></Relationships>'
        parts[RELATIONS] = parts[RELATIONS].replace(b"</Relationships>", related.encode())
    return packed(parts)


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


def outcome(data: bytes) -> str:
    try:
        return "lines" if read_docx(data).lines else "nothing"
    except Invalid as fault:
        return " ".join(fault.fields)


def sentence_of(data: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        read_docx(data)
    assert list(refused.value.fields) == ["file"]
    return str(refused.value.reason)


def test_what_is_no_docx_is_named(in_english) -> None:
    locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600

    assert sentence_of(b"") == "The file is empty."
    assert "locked with a password" in sentence_of(locked)
    assert "not a .docx file" in sentence_of(make_pdf("bukan"))
    assert "not a .docx file" in sentence_of(b"PK\x03\x04 rusak")
    assert "not a .docx file" in sentence_of(b"Naskah biasa")


def test_a_file_over_the_limit_is_refused_before_it_is_opened(settings, in_english) -> None:
    settings.UPLOAD_LIMIT_BYTES = 1024

    assert "larger than" in sentence_of(as_docx(make_terms()))


def test_macros_bombs_and_foreign_templates_are_refused(in_english) -> None:
    sound = parts_of(as_docx(make_terms()))
    macros = packed(sound | {"word/vbaProject.bin": b"x"})
    bomb = packed(sound | {"word/media/a.bin": b"\0" * (101 * 1024 * 1024)})
    template = packed(
        sound
        | {
            "word/_rels/settings.xml.rels": (
                f'<Relationships><Relationship Id="a" Type="{KIND}/attachedTemplate"'
                ' Target="http://contoh.test/a.dotm" TargetMode="External"/></Relationships>'
            ).encode()
        }
    )

    assert "macros" in sentence_of(macros)
    assert "unpacks to far more" in sentence_of(bomb)
    assert "template from elsewhere" in sentence_of(template)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_in_any_encoding(encoding: str, in_english) -> None:
    parts = parts_of(as_docx(make_terms()))
    body = f"<w:document {NAMES}><w:body><w:p>{run('&a;')}</w:p></w:body></w:document>"
    declared = (
        f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    )
    parts[MAIN] = (declared + body).encode(encoding)

    assert "damaged" in sentence_of(packed(parts))


def test_deep_huge_and_broken_parts_are_refused(in_english) -> None:
    deep = "<w:p>" * 400 + "</w:p>" * 400
    many = "<w:p/>" * 400_001
    parts = parts_of(as_docx(make_terms()))
    broken = packed(parts | {MAIN: parts[MAIN][:-40]})
    huge = packed(parts | {MAIN: b" " * (LONGEST_PART + 1)})
    without = packed({name: content for name, content in parts.items() if name != "_rels/.rels"})

    for data in (with_body(deep), with_body(many), broken, huge, without):
        assert "damaged" in sentence_of(data)


def test_every_byte_broken_gives_lines_or_a_sentence() -> None:
    sound = as_docx(make_terms())
    outcomes = set()
    for place in range(0, len(sound), 997):
        damaged = bytearray(sound)
        damaged[place] ^= 0x5A
        outcomes.add(outcome(bytes(damaged)))

    assert outcomes == {"lines", "file"}


def test_tracked_changes_are_read_as_accepted_and_counted() -> None:
    body = (
        f"<w:p>{run('Pihak ')}<w:del w:id='1'><w:r><w:delText>boleh</w:delText></w:r></w:del>"
        f"<w:ins w:id='2'>{run('wajib')}</w:ins>{run(' melapor.')}</w:p>"
        f"<w:moveFrom w:id='3'>{run('dulu di sini')}</w:moveFrom>"
        f"<w:p><w:moveTo w:id='4'>{run('sekarang di sini')}</w:moveTo></w:p>"
    )

    draft = read_docx(with_body(body))

    assert [line.text for line in draft.lines if line.place == "body"] == [
        "Pihak wajib melapor.",
        "sekarang di sini",
    ]
    assert (draft.insertions, draft.deletions) == (2, 2)


def test_a_deleted_paragraph_end_joins_two_paragraphs_and_a_deleted_row_is_gone() -> None:
    body = (
        f"<w:p><w:pPr><w:rPr><w:del w:id='1'/></w:rPr></w:pPr>{run('Satu ')}</w:p><w:p>{run('dua.')}</w:p>"
        f"<w:tbl><w:tr><w:trPr><w:del w:id='2'/></w:trPr><w:tc><w:p>{run('hapus')}</w:p></w:tc></w:tr>"
        f"<w:tr><w:tc><w:p>{run('tetap')}</w:p></w:tc><w:tc><w:p>{run('ada')}</w:p></w:tc></w:tr></w:tbl>"
    )

    draft = read_docx(with_body(body))

    lines = [line for line in draft.lines if line.place in ("body", "table")]
    assert [(line.text, line.place) for line in lines] == [("Satu dua.", "body"), ("tetap | ada", "table")]
    assert lines[1].cells == ("tetap", "ada")


def test_content_controls_links_fields_and_breaks_are_read_through() -> None:
    body = (
        f"<w:sdt><w:sdtContent><w:p>{run('Dalam kendali ')}<w:hyperlink>{run('tautan')}</w:hyperlink></w:p>"
        "</w:sdtContent></w:sdt>"
        "<w:p><w:r><w:fldChar w:fldCharType='begin'/><w:instrText>PAGE</w:instrText>"
        "<w:fldChar w:fldCharType='separate'/><w:t>7</w:t><w:fldChar w:fldCharType='end'/></w:r>"
        "<w:r><w:tab/><w:t>a</w:t><w:br/><w:t>b</w:t><w:noBreakHyphen/><w:t>c\u00adc\u200b</w:t></w:r></w:p>"
    )

    draft = read_docx(with_body(body))

    assert [line.text for line in draft.lines if line.place == "body"] == ["Dalam kendali tautan", "7 a b-cc"]


def test_text_boxes_stand_apart_and_are_read_once() -> None:
    box = f"<w:txbxContent><w:p>{run('Catatan di kotak.')}</w:p></w:txbxContent>"
    body = (
        f"<w:p>{run('Isi.')}<w:r><mc:AlternateContent><mc:Choice Requires='wps'>{box}</mc:Choice>"
        f"<mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )

    draft = read_docx(with_body(body))

    assert [(line.text, line.place) for line in draft.lines if line.place in ("body", "box")] == [
        ("Catatan di kotak.", "box"),
        ("Isi.", "body"),
    ]


def test_what_cannot_be_taken_over_is_reported() -> None:
    body = (
        "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>tersembunyi</w:t></w:r><w:r><w:drawing/></w:r>"
        "<w:r><w:sym w:char='F0A7'/></w:r><m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath></w:p><w:altChunk/>"
    )

    draft = read_docx(with_body(body))

    assert draft.lines[0].text == "tersembunyi□x=1"
    assert draft.oddities == ["hidden", "picture", "symbol", "formula", "foreign_part"]


def test_margin_comments_and_footnotes_come_with_their_article() -> None:
    base = make_terms()
    editor = Editor(as_docx(base))
    article = editor.articles("id")[1]
    reference = Xml.SubElement(Xml.SubElement(article[1], f"{W}r"), f"{W}commentReference")
    reference.set(f"{W}id", "5")
    foot = Xml.SubElement(Xml.SubElement(article[1], f"{W}r"), f"{W}footnoteReference")
    foot.set(f"{W}id", "2")
    editor.saved()
    extra = {
        "comments": f"<w:comment w:id='5' w:author='Ahli Hukum'><w:p>{run('Perlu dipertegas.')}</w:p>"
        "</w:comment>"
        f"<w:comment w:id='6'><w:p>{run('Lepas.')}</w:p></w:comment>",
        "footnotes": f"<w:footnote w:type='separator' w:id='0'><w:p>{run('---')}</w:p></w:footnote>"
        f"<w:footnote w:id='2'><w:p>{run('Lihat PP 28/2018.')}</w:p></w:footnote>",
    }
    parts = parts_of(with_body("", **extra)) | {MAIN: editor.parts[MAIN]}

    findings = match(read_docx(packed(parts)), base)

    key = base.clauses[1].key
    assert [(m.key, m.author, m.text) for m in findings.margins] == [
        (key, "Ahli Hukum", "Perlu dipertegas."),
        ("", "", "Lepas."),
    ]
    assert [(line.where, line.text, line.key) for line in findings.unmatched] == [
        ("note", "Lihat PP 28/2018.", key)
    ]
    assert findings.found == ()


def test_headers_and_footers_of_others_are_shown() -> None:
    parts = parts_of(as_docx(make_terms()))
    parts["word/footer1.xml"] = (
        f"{HEAD}<w:ftr {NAMES}><w:p>{run('Rahasia firma hukum')}</w:p></w:ftr>".encode()
    )
    base = make_terms()

    findings = match(read_docx(packed(parts)), base)

    assert [(line.where, line.text) for line in findings.unmatched if line.where != "gone"] == [
        ("footer", "Rahasia firma hukum")
    ]


def test_a_file_without_any_article_deletes_every_one_and_loses_no_line() -> None:
    base = make_terms()

    findings = match(read_docx(with_body(f"<w:p>{run('Surat biasa tanpa pasal.')}</w:p>")), base)

    assert {item.key for item in findings.found if item.kind == "delete"} == {c.key for c in base.clauses}
    assert "Surat biasa tanpa pasal." in [line.text for line in findings.unmatched]
    assert set(findings.odd) == {"no_id", "no_en"}


def test_the_english_part_taken_out_leaves_the_english_as_it_is() -> None:
    base = make_terms()
    editor = Editor(as_docx(base))
    for article in editor.articles("en"):
        for element in article:
            editor.body.remove(element)

    findings = match(read_docx(editor.saved()), base)

    assert (findings.found, findings.odd) == ((), ("no_en",))


def test_an_article_deleted_in_indonesian_alone_shows_the_english_left() -> None:
    base = make_terms()
    editor = Editor(as_docx(base))
    article, other = editor.articles("id")[4], editor.articles("en")[4]
    for element in article:
        editor.body.remove(element)

    findings = match(read_docx(editor.saved()), base)

    assert [(item.kind, item.key) for item in findings.found] == [("delete", base.clauses[4].key)]
    assert [(line.where, line.text) for line in findings.unmatched] == [
        ("english", text_of(element)) for element in other
    ]


def test_a_heading_that_swallowed_another_bookmark_keeps_its_own_article() -> None:
    base = make_terms()
    editor = Editor(as_docx(base))
    gone, next_one = editor.articles("id")[2], editor.articles("id")[3]
    mark = gone[0].find(f"{W}bookmarkStart")
    assert mark is not None
    next_one[0].insert(1, mark)
    for element in gone:
        editor.body.remove(element)
    editor.rewrite(next_one[1], "Sama sekali lain.")

    findings = match(read_docx(editor.saved()), base)

    assert [(item.kind, item.key) for item in findings.found] == [
        ("delete", base.clauses[2].key),
        ("change", base.clauses[3].key),
    ]


def test_a_whole_package_unpacked_by_another_program_is_the_same_draft() -> None:
    base = make_terms()
    sound = as_docx(base)
    with zipfile.ZipFile(io.BytesIO(sound)) as archive:
        again = packed({name: archive.read(name) for name in sorted(archive.namelist(), reverse=True)})

    assert match(read_docx(again), base).found == ()


def test_an_inserted_paragraph_before_any_article_is_left_over() -> None:
    base = make_terms()
    editor = Editor(as_docx(base))
    editor.body.insert(0, paragraph("Draf ke-2 dari kantor hukum.", "Normal"))

    findings = match(read_docx(editor.saved()), base)

    assert [(line.where, line.text) for line in findings.unmatched] == [
        ("front", "Draf ke-2 dari kantor hukum.")
    ]


@pytest.mark.parametrize("tables", [False, True])
def test_boxes_in_boxes_are_read_once_each(tables: bool) -> None:
    body = f"<w:p>{run('dasar')}</w:p>"
    for depth in range(18):
        box = f"<w:r><w:pict><w:txbxContent>{body}</w:txbxContent></w:pict></w:r>"
        body = f"<w:p>{run(f'kotak {depth}')}{box}</w:p>"
        if tables:
            body = f"<w:tbl><w:tr><w:tc>{body}</w:tc></w:tr></w:tbl>"

    lines = [line.text for line in read_docx(with_body(body)).lines if line.place != "footer"]

    assert sorted(lines) == sorted(["dasar", *(f"kotak {depth}" for depth in range(18))])


def test_a_part_named_many_times_is_read_once() -> None:
    parts = parts_of(with_body(f"<w:p>{run('isi')}</w:p>", footer=f"<w:p>{run('kaki')}</w:p>"))
    again = f'<Relationship Id="r%d" Type="{KIND}/footer" Target="footer.xml"/>'
    many = "".join(again % number for number in range(50)) + "</Relationships>"
    parts[RELATIONS] = parts[RELATIONS].replace(b"</Relationships>", many.encode())

    assert [line.text for line in read_docx(packed(parts)).lines].count("kaki") == 1


def test_paragraphs_merged_without_end_are_cut_and_kept() -> None:
    mark = "<w:pPr><w:rPr><w:del/></w:rPr></w:pPr>"
    words = "kata " * 200

    lines = read_docx(with_body(f"<w:p>{mark}{run(words)}</w:p>" * 200)).lines

    assert max(len(line.text) for line in lines) <= LONGEST_CARRIED + len(words)
    assert sum(line.text.count("kata") for line in lines) == 200 * 200
