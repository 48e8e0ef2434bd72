"""Drafts edited by fifty seeded hands come back: nothing of the draft and no article is lost."""

import re
from collections import Counter

import pytest

from balai.agreements.docx import as_docx, frame
from balai.agreements.docx_matching import ADD, CHANGE, DELETE, MOVE, Findings, match, restored
from balai.agreements.docx_reading import read_docx
from balai.agreements.proposals import applied, conflict, filled
from balai.agreements.terms import AgreementTerms, fill
from tests.agreements.docx_editing import Editor, W, text_of
from tests.agreements_terms import make_terms

SCHEMES = ("playground", "co-develop", "user")


def flat(text: str) -> str:
    return " ".join(text.split())


def accounted(findings: Findings, base: AgreementTerms) -> str:
    """Everything the result shows to a person, as one text."""
    shown = list(frame(base))
    values = {language: base.values(language) for language in ("id", "en")}
    moved = {item.key for item in findings.found if item.kind == MOVE}
    changed = {item.key for item in findings.found if item.kind in (CHANGE, DELETE)}
    for clause in base.clauses:
        if clause.key in findings.kept or (clause.key in moved and clause.key not in changed):
            shown += [clause.heading.id, clause.heading.en]
            shown += [fill(p.id, values["id"]) for p in clause.text]
            shown += [fill(p.en, values["en"]) for p in clause.text]
    for item in findings.found:
        shown += [item.heading.id, item.heading.en]
        shown += [word for p in filled(base, item.text) for word in (p.id, p.en)]
    shown += [line.text for line in findings.unmatched if line.where != "gone"]
    return "\n".join(flat(text) for text in shown)


def lines_of(editor: Editor) -> list[str]:
    """Every line a person reads in the edited file; paragraphs joined by a tracked deletion are one."""
    lines, before = [], ""
    for element in editor.body.iter(f"{W}p"):
        text = before + text_of(element)
        before = text if element.find(f"{W}pPr/{W}rPr/{W}del") is not None else ""
        if not before:
            lines.append(flat(text))
    return [line for line in lines if line]


@pytest.mark.parametrize("seed", range(50))
def test_nothing_of_an_edited_draft_is_lost(seed: int) -> None:
    base = make_terms(scheme=SCHEMES[seed % 3])
    editor = Editor(as_docx(base), seed)
    for _act in range(editor.random.randrange(1, 7)):
        editor.anything()()

    findings = match(read_docx(editor.saved()), base)

    shown = accounted(findings, base)
    lost = [line for line in lines_of(editor) if line not in shown]
    fate = Counter(findings.kept)
    fate.update({item.key for item in findings.found if item.key})
    assert lost == []
    assert {clause.key for clause in base.clauses} == set(fate)
    assert set(fate.values()) == {1}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_untouched_draft_changes_nothing(scheme: str) -> None:
    base = make_terms(scheme=scheme)

    findings = match(read_docx(as_docx(base)), base)

    assert findings == Findings(tuple(c.key for c in base.clauses), (), (), ())


@pytest.mark.parametrize("seed", range(20))
def test_what_was_found_applied_in_order_gives_the_edited_text(seed: int) -> None:
    base = make_terms(scheme="playground")
    editor = Editor(as_docx(base), seed)
    for _act in range(4):
        article = editor.random.choice(editor.articles("id"))
        place = editor.random.choice(["move", "change"])
        if place == "move":
            for element in article:
                editor.body.remove(element)
            target = list(editor.body).index(editor.random.choice(editor.articles("id"))[0])
            for number, element in enumerate(article):
                editor.body.insert(target + number, element)
        else:
            editor.rewrite(article[-1], editor.sentence())
    wanted = [[flat(text_of(p)) for p in article] for article in editor.articles("id")]

    now = base
    for item in match(read_docx(editor.saved()), base).found:
        assert conflict(item.edit, base, now) == ""
        now = applied(item.edit, base, now)

    values = now.values("id")
    assert [[c.heading.id, *(flat(fill(p.id, values)) for p in c.text)] for c in now.clauses] == wanted


def test_typed_numbers_are_not_a_change() -> None:
    base = make_terms()
    editor = Editor(as_docx(base))
    editor.type_numbers()

    findings = match(read_docx(editor.saved()), base)

    assert findings.found == ()


def test_without_any_bookmark_every_article_is_found_by_what_it_says() -> None:
    base = make_terms()
    editor = Editor(as_docx(base))
    for element in editor.body.iter(f"{W}p"):
        for mark in [m for m in element if m.tag in (f"{W}bookmarkStart", f"{W}bookmarkEnd")]:
            element.remove(mark)
    article = editor.articles("id")[2]
    editor.rewrite(article[0], "Cakupan kerja")
    editor.rewrite(article[1], f"{text_of(article[1])} Ditambah satu kalimat.")

    findings = match(read_docx(editor.saved()), base)

    assert [(item.kind, item.key, item.heading.id) for item in findings.found] == [
        (CHANGE, base.clauses[2].key, "Cakupan kerja")
    ]
    assert findings.unmatched == ()


def test_a_new_article_in_both_languages_is_one() -> None:
    base = make_terms()
    editor = Editor(as_docx(base))
    from tests.agreements.docx_editing import paragraph

    for language, heading, text in (
        ("id", "Audit", "Audit setahun sekali."),
        ("en", "Audit", "Once a year."),
    ):
        place = list(editor.body).index(editor.articles(language)[3][0])
        editor.body.insert(place, paragraph(heading, "Heading2"))
        editor.body.insert(place + 1, paragraph(text))

    (item,) = match(read_docx(editor.saved()), base).found

    assert (item.kind, item.after, item.heading.id, item.heading.en) == (
        ADD,
        base.clauses[2].key,
        "Audit",
        "Audit",
    )
    assert [(p.id, p.en) for p in item.text] == [("Audit setahun sekali.", "Once a year.")]


def test_a_paragraph_added_in_one_language_leaves_the_others_in_their_pairs() -> None:
    base = make_terms()
    editor = Editor(as_docx(base))
    article = editor.articles("id")[0]
    from tests.agreements.docx_editing import paragraph

    editor.body.insert(list(editor.body).index(article[1]) + 1, paragraph("Kalimat baru di tengah."))

    (item,) = match(read_docx(editor.saved()), base).found

    old = base.clauses[0].text
    assert [(p.id, p.en) for p in item.text] == [
        (old[0].id, old[0].en),
        ("Kalimat baru di tengah.", ""),
        (old[1].id, old[1].en),
    ]
    assert item.notes == ("uneven",)


def test_changes_of_the_frame_are_shown() -> None:
    base = make_terms()
    editor = Editor(as_docx(base))
    title = next(iter(editor.body))
    editor.rewrite(title, "Perjanjian lain sama sekali")
    before = text_of(next(iter(Editor(as_docx(base)).body)))

    findings = match(read_docx(editor.saved()), base)

    assert [(line.where, line.text) for line in findings.unmatched] == [
        ("front", "Perjanjian lain sama sekali"),
        ("gone", before),
    ]


def test_blanks_are_put_back_where_their_value_stands() -> None:
    values = {"activity": "uji coba sepeda", "days": "30 (tiga puluh) hari"}
    template = "Ruang lingkup: {activity}, selama {days} sejak hari pertama."

    kept = restored(template, values, "Ruang lingkupnya: uji coba sepeda, paling lama 30 (tiga puluh) hari.")
    changed = restored(
        template, values, "Ruang lingkup: uji coba becak, selama 30 (tiga puluh) hari sejak besok."
    )

    assert kept == "Ruang lingkupnya: {activity}, paling lama {days}."
    assert changed == "Ruang lingkup: uji coba becak, selama {days} sejak besok."


def test_equal_terms_make_equal_bytes_and_a_comment_survives() -> None:
    base = make_terms()

    assert as_docx(base) == as_docx(AgreementTerms.from_json(base.as_json()))
    assert re.search(rb"w:trackRevisions", as_docx(base))
