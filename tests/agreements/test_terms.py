import dataclasses
import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balai.agreements.comparing import changes, compare
from balai.agreements.standard import SCHEMES, standard, variable_labels
from balai.agreements.terms import BLANK, AgreementTerms, Both, ClauseTerms, fill, legible, tidy, unprintable
from tests.agreements_terms import make_terms

TEXT = st.text(max_size=40)
WORDS = st.lists(st.sampled_from(["kota", "mitra", "data", "12", ",", ".", " ", "\n"]), max_size=30).map(
    "".join
)


@given(TEXT, TEXT, st.none() | st.dates())
def test_terms_survive_json(title: str, number: str, day: date | None) -> None:
    terms = make_terms(title=Both(title, number), starts_on=day)

    again = AgreementTerms.from_json(json.loads(json.dumps(terms.as_json())))

    assert again == terms
    assert again.fingerprint == terms.fingerprint


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d | {"extra": 1},
        lambda d: d | {"version": "3"},
        lambda d: d | {"parties": "x"},
        lambda d: d | {"title": {"id": 1}},
        lambda d: d | {"starts_on": "2026-02-30"},
        lambda d: {k: v for k, v in d.items() if k != "clauses"},
    ],
)
def test_terms_refuse_another_shape(spoil) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        AgreementTerms.from_json(spoil(make_terms().as_json()))


def test_fingerprint_changes_with_any_field() -> None:
    terms = make_terms()
    others = [
        dataclasses.replace(terms, version=4),
        dataclasses.replace(terms, place="Bandung"),
        dataclasses.replace(terms, exit=terms.exit[1:]),
        dataclasses.replace(terms, clauses=terms.clauses[::-1]),
    ]

    assert len({terms.fingerprint, *(other.fingerprint for other in others)}) == 5


def test_fill_replaces_once_and_leaves_a_line_for_blanks() -> None:
    assert fill("{a} {b} {c} {A}", {"a": "{b}", "b": "dua"}) == f"{{b}} dua {BLANK} {{A}}"


def test_missing_names_the_unfilled_blanks_in_order() -> None:
    terms = make_terms()
    emptied = {**terms.variables, "asset": Both(""), "purpose": Both("")}

    assert dataclasses.replace(terms, variables=emptied, ends_on=None).missing() == [
        "purpose",
        "asset",
        "ends_on",
    ]
    assert terms.missing() == []


def test_tidy_composes_and_drops_what_nobody_sees() -> None:
    assert tidy("e\u0301\u200b  a\u00adb\t\r\nc  \n") == "é  ab\nc"


def test_unprintable_names_reordering_and_foreign_characters() -> None:
    assert unprintable("Rp 1.000 – ≤ é\n") == frozenset()
    assert unprintable("a\u202eb\x00😀漢") == {"\u202e", "\x00", "😀", "漢"}
    assert legible("PT 😀 Roda\u202e Rekaan") == "PT Roda Rekaan"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_standard_articles_hold_what_an_agreement_must(scheme: str) -> None:
    articles = standard("pks", scheme)
    keys = [clause.key for clause in articles.clauses]
    known = {v.name for v in articles.variables} | set(make_terms().values("id"))

    assert len(keys) == len(set(keys))
    assert {
        "basis",
        "subject",
        "scope",
        "rights",
        "term",
        "financing",
        "data",
        "force_majeure",
        "dispute",
        "amendment",
        "ending",
        "correspondence",
    } - set(keys) == set()
    assert [c.key for c in articles.clauses if not c.source or c.checked] == []
    assert [p for c in articles.clauses for p in c.text if not (p.id and p.en)] == []
    assert set(make_terms(scheme=scheme, variables={}).missing()) <= known
    assert unprintable("".join(p.id + p.en for c in articles.clauses for p in c.text)) == frozenset()


@pytest.mark.parametrize(
    ("scheme", "own"),
    [
        ("playground", {"sites", "safety", "limit"}),
        ("co-develop", {"together", "ip"}),
        ("user", {"sla", "procurement", "ip"}),
    ],
)
def test_each_scheme_adds_its_own_articles(scheme: str, own: set[str]) -> None:
    common = set.intersection(*({c.key for c in standard("pks", s).clauses} for s in SCHEMES))

    assert {c.key for c in standard("pks", scheme).clauses} - common == own


def test_a_memorandum_has_no_rights_and_obligations() -> None:
    assert [c.key for c in standard("mou").clauses] == ["subject", "follow_up", "term", "language"]
    assert variable_labels()["court"].id == "Pengadilan yang dipilih"


@given(WORDS, WORDS)
def test_compare_gives_both_texts_back(before: str, after: str) -> None:
    pieces = compare(before, after)

    assert "".join(p.text for p in pieces if p.kind != "new") == before
    assert "".join(p.text for p in pieces if p.kind != "gone") == after
    assert compare(after, after) == compare(after, after)[:1]


def test_changes_name_only_articles_that_differ() -> None:
    before = make_terms()
    clauses = list(before.clauses)
    clauses[3] = dataclasses.replace(clauses[3], text=(Both("Hak baru", "New right"),))
    removed = clauses.pop(5)
    added = ClauseTerms("new", Both("Baru", "New"), (Both("Isi", "Content"),))
    after = dataclasses.replace(before, clauses=(*clauses, added))

    found = changes(before, after)

    assert [change.key for change in found] == ["rights", "new", removed.key]
    assert [p.kind for p in found[1].id] == ["new"]
    assert [p.kind for p in found[2].id] == ["gone"]
    assert changes(before, before) == []
