"""Words of Bahasa Indonesia: how text is cut, stemmed and put into addresses."""

import re
import threading
import unicodedata

import Stemmer
from django.utils.text import slugify

WORD = re.compile(r"[^\W_]+")
LONGEST_WORD = 60
_local = threading.local()


def _stemmer() -> Stemmer.Stemmer:
    """One for each thread: a stemmer keeps a cache and is not safe to share."""
    if not hasattr(_local, "stemmer"):
        _local.stemmer = Stemmer.Stemmer("indonesian")
    stemmer: Stemmer.Stemmer = _local.stemmer
    return stemmer


def words(text: str) -> list[str]:
    """The words of a text in order: lower case, no accents, no punctuation."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    bare = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return [word[:LONGEST_WORD] for word in WORD.findall(bare)]


def stem(word: str) -> str:
    """The stem of one word as `words` gives it; a word in another language mostly stays as it is."""
    return str(_stemmer().stemWord(word)) or word


def stems(text: str) -> list[str]:
    """The stems of a text's words, in order."""
    return [stem(word) for word in words(text)]


def slug(text: str, limit: int = 60) -> str:
    """A part of an address: letters, digits and hyphens, cut between words; ``"-"`` if nothing is left."""
    whole = slugify(text)
    if len(whole) > limit:
        cut = whole[: limit + 1].rpartition("-")[0]
        whole = cut or whole[:limit]
    return whole.strip("-") or "-"
