"""Full-text search in Bahasa Indonesia, the same on SQLite (FTS5) and PostgreSQL (GIN).

Stems are computed here, so both databases index the same words and find the same things.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import get_language

from balai.core.models import SearchDocument
from balai.core.text import stem, stems, words

TITLE_WEIGHT = 3
MOST_WORDS = 12
DEEPEST = 1000
LONGEST_BODY = 20_000


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found. ``position`` counts from 1 and is what `search` takes as ``after``."""

    position: int
    thread: str
    kind: str
    city: str
    public: bool
    title_id: str
    title_en: str
    summary: str
    url: str

    @property
    def title(self) -> str:
        """In the reader's language where there is one."""
        return self.title_en if get_language() == "en" and self.title_en else self.title_id


def index(
    *,
    thread: str,
    kind: str,
    city: str,
    public: bool,
    title: str,
    title_en: str = "",
    body: str = "",
    summary: str = "",
    url: str,
) -> SearchDocument:
    """Make a thing findable, or bring what is known of it up to date. The title counts three times."""
    heading = stems(f"{title} {title_en}") * TITLE_WEIGHT
    document, _made = SearchDocument.objects.update_or_create(
        thread=thread,
        defaults={
            "kind": kind,
            "city": city,
            "public": public,
            "title": title[:300],
            "title_en": title_en[:300],
            "summary": summary,
            "url": url,
            "stems": " ".join([*heading, *stems(f"{summary} {body}"[:LONGEST_BODY])]),
        },
    )
    return document


def remove(thread: str) -> None:
    """Make a thing unfindable. Nothing happens if it is not known."""
    SearchDocument.objects.filter(thread=thread).delete()


type Term = tuple[str, ...]
"""Spellings of which one must occur; the last term of a query matches as a beginning."""


def _terms(text: str) -> list[Term]:
    """What to look for: a stem for each word, and for the last also the word as far as it is typed."""
    found = words(text)[:MOST_WORDS]
    if not found:
        return []
    *whole, last = found
    terms: list[Term] = [(stem(word),) for word in whole]
    terms.append(tuple(dict.fromkeys((stem(last), last))))
    return list(dict.fromkeys(terms))


def _expression(terms: Sequence[Term], *, every: bool) -> str:
    """The query in the database's own language. Words hold letters and digits only, and are quoted."""
    on_postgres = connection.vendor == "postgresql"
    either = " | " if on_postgres else " OR "
    both = " & " if on_postgres else " AND "
    parts = []
    for number, spellings in enumerate(terms, 1):
        ending = "" if number < len(terms) else (":*" if on_postgres else "*")
        quote = "'" if on_postgres else '"'
        parts.append("(" + either.join(f"{quote}{one}{quote}{ending}" for one in spellings) + ")")
    return (both if every else either).join(parts)


MATCHES = {
    "sqlite": (
        "core_searchdocument d JOIN core_searchindex ON core_searchindex.rowid = d.id",
        "core_searchindex MATCH %s",
        "bm25(core_searchindex)",
    ),
    "postgresql": (
        "core_searchdocument d, to_tsquery('simple', %s) q",
        "to_tsvector('simple', d.stems) @@ q",
        "-ts_rank(to_tsvector('simple', d.stems), q, 1)",
    ),
}


def search(
    text: str,
    *,
    city: str | None = None,
    kinds: Collection[str] | None = None,
    public_only: bool = True,
    limit: int = 20,
    after: int | None = None,
) -> list[Hit]:
    """The best ``limit`` things for what a person typed, best first, after position ``after``.

    All words must occur; if no thing has them all, any of them will do. The last word may be
    unfinished. Whatever is typed is a valid query. One query; more only where nothing has all the words.
    """
    terms = _terms(text)
    start = min(max(after or 0, 0), DEEPEST)
    if not terms or limit < 1 or (kinds is not None and not kinds):
        return []
    source, condition, rank = MATCHES[connection.vendor]
    conditions, parameters = [condition], []
    if city is not None:
        conditions.append("d.city = %s")
        parameters.append(city)
    if kinds is not None:
        conditions.append(f"d.kind IN ({', '.join(['%s'] * len(kinds))})")
        parameters.extend(kinds)
    if public_only:
        conditions.append("d.public")
    statement = (
        "SELECT d.thread, d.kind, d.city, d.public, d.title, d.title_en, d.summary, d.url"  # noqa: S608
        f" FROM {source} WHERE {' AND '.join(conditions)} ORDER BY {rank}, d.id LIMIT %s OFFSET %s"
    )
    page = [min(limit, 100), start]
    rows = _rows(statement, [_expression(terms, every=True), *parameters, *page])
    if not rows and len(terms) > 1:
        first = [_expression(terms, every=True), *parameters, 1, 0]
        if not start or not _rows(statement, first):
            rows = _rows(statement, [_expression(terms, every=False), *parameters, *page])
    return [
        Hit(number, thread, kind, town, bool(public), heading, heading_en, summary, url)
        for number, (thread, kind, town, public, heading, heading_en, summary, url) in enumerate(
            rows, start + 1
        )
    ]


def _rows(statement: str, arguments: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
