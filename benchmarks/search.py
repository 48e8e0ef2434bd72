"""Search over 50,000 documents, beside a scan of the same table with LIKE."""

from random import Random

from django.db import connection

from balai.core import search
from balai.core.models import SearchDocument
from balai.core.text import stems
from benchmarks.measure import cost, heading, line, milliseconds, once

DOCUMENTS = 50_000
START = ["ka", "ba", "da", "sa", "ma", "pa", "ta", "ra", "la", "na", "ga", "wa"]
MIDDLE = ["lin", "tar", "sun", "gam", "pel", "rik"]
WORDS = [f"{a}{b}{c}" for a in START for b in MIDDLE for c in ("", "an", "ku", "as")]


def run() -> None:
    """Build the index, then ask for words that many, some and no documents hold."""
    heading("Search", "  CPU ms", "   least", "hits")
    _made, seconds = once(_fill)
    print(f"  {DOCUMENTS:,} invented documents indexed in {seconds:.1f} s of CPU")
    for name, text in (
        ("a word in every fifth document", "layanan"),
        ("two common words", "layanan angkutan"),
        ("a rare word", "mercusuar"),
        ("a beginning", "lay"),
        ("two words nobody has together", "mercusuar kambing"),
    ):
        hits = search.search(text)
        spent = cost(lambda text=text: search.search(text))
        line(name, milliseconds(spent.middle), milliseconds(spent.least), f"{len(hits):4}")
    spent = cost(_scan)
    line("LIKE over the table, the rare word", milliseconds(spent.middle), milliseconds(spent.least))


def _fill() -> None:
    chance = Random(7)
    documents = []
    for number in range(DOCUMENTS):
        words = chance.choices(WORDS, k=40)
        if number % 5 == 0:
            words.append("layanan")
        if number % 7 == 0:
            words.append("angkutan")
        if number % 10_000 == 0:
            words.append("mercusuar")
        documents.append(
            SearchDocument(
                thread=f"bench:{number}",
                kind="need",
                city="31",
                public=True,
                title=" ".join(words[:4]),
                summary=" ".join(words[4:12]),
                url=f"/kebutuhan/{number}/",
                stems=" ".join(stems(" ".join(words))),
            )
        )
    SearchDocument.objects.bulk_create(documents, batch_size=1000)


def _scan() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT thread FROM core_searchdocument WHERE stems LIKE '%mercusuar%' LIMIT 20")
        cursor.fetchall()
